// The shared JSON-lines row format of published measurements.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "calibration/observation.hpp"

namespace rigcast::calibration {
namespace {

using nlohmann::json;

// Text of a field that may be absent, null, text or a number.
std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_boolean()) return found->get<bool>() ? "1" : "0";
  if (found->is_number()) return format_shortest(found->get<double>());
  return found->dump();
}

double number(const json& object, const char* key, double missing) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return missing;
  if (found->is_number()) return found->get<double>();
  if (found->is_string()) return parse_double(trim(found->get_ref<const std::string&>())).value_or(missing);
  return missing;
}

const json& part(const json& object, const char* key) {
  static const json empty = json::object();
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : empty;
}

}  // namespace

Result<Observation> parse_row(std::string_view line) {
  const json row = json::parse(line, nullptr, false);
  if (row.is_discarded()) return fail(ErrorKind::input, "is not JSON");
  if (!row.is_object()) return fail(ErrorKind::input, "is not a JSON object");
  Observation o;
  o.id = text(row, "id");
  const json &source = part(row, "source"), &host = part(row, "host"), &parallel = part(row, "parallel"), &flags = part(row, "flags");
  o.source = text(source, "url");
  o.title = text(source, "title");
  o.date = text(source, "date");
  o.repository = text(source, "repo");
  o.device = text(row, "device");
  o.device_printed = text(row, "device_raw");
  if (o.device.empty()) o.device = o.device_printed;
  o.devices = static_cast<int>(std::clamp(number(row, "device_count", 1), 1.0, 1e6));
  o.memory_gb = number(row, "memory_gb", 0);
  o.processor = text(host, "cpu");
  o.host_memory = text(host, "ram");
  o.os = text(host, "os");
  o.engine = text(row, "engine");
  o.engine_version = text(row, "engine_version");
  o.backend = text(row, "backend");
  o.model = text(row, "model_key");
  o.model_printed = text(row, "model_raw");
  o.quant = text(row, "quant");
  o.model_bytes = number(row, "model_bytes", 0);
  o.parameters = number(row, "params", 0);
  o.mode = text(parallel, "mode");
  o.degree = static_cast<int>(std::clamp(number(parallel, "degree", 0), 0.0, 1e6));
  for (const auto& [key, value] : flags.items())
    if (!value.is_null()) o.flags[key] = text(flags, key.c_str());
  o.phase = text(row, "phase");
  o.prompt = number(row, "prompt_tokens", -1);
  o.generated = number(row, "generated_tokens", -1);
  o.depth = number(row, "context_depth", -1);
  o.concurrency = number(row, "concurrency", -1);
  o.metric_name = text(row, "metric");
  o.metric = metric_of(o.metric_name);
  o.value = number(row, "value", 0);
  o.note = text(row, "note");
  return o;
}

}  // namespace rigcast::calibration
