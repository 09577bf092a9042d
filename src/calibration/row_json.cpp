// The shared JSON-lines row format of published measurements.

#include <algorithm>
#include <array>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "calibration/detail/row_json.hpp"
#include "calibration/detail/spelling.hpp"
#include "calibration/observation.hpp"

namespace rigcast::calibration {
namespace {

using nlohmann::json;

constexpr auto kNoNumbers = std::to_array<std::string_view>({"NaN", "-Infinity", "Infinity"});
constexpr auto kRowNames = std::to_array<const char*>({"id", "device", "device_raw", "model_key", "model_raw", "metric", "value", "phase"});

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

namespace {

// The first of several names that says something.
std::string any_text(const json& row, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (std::string found = text(row, key); !found.empty()) return found;
  return {};
}

double any_number(const json& row, std::initializer_list<const char*> keys, double missing) {
  for (const char* key : keys)
    if (const double found = number(row, key, missing); found != missing) return found;
  return missing;
}

int count(double value, double least) { return static_cast<int>(std::clamp(value, least, 1e6)); }

// Parts that some write as one text: the source's address, the processor, "tp4", a launch line.
void read_parts(const json& row, Observation& o) {
  const json &source = part(row, "source"), &host = part(row, "host"), &parallel = part(row, "parallel"), &flags = part(row, "flags");
  o.source = source.empty() ? any_text(row, {"source", "source_url", "url"}) : text(source, "url");
  o.title = text(source, "title");
  o.date = source.empty() ? text(row, "date") : text(source, "date");
  o.repository = source.empty() ? any_text(row, {"repository", "repo"}) : text(source, "repo");
  o.processor = host.empty() ? any_text(row, {"host", "processor", "cpu"}) : text(host, "cpu");
  o.host_memory = host.empty() ? any_text(row, {"host_memory", "ram"}) : text(host, "ram");
  o.os = host.empty() ? text(row, "os") : text(host, "os");
  o.mode = parallel.empty() ? any_text(row, {"parallel", "mode"}) : text(parallel, "mode");
  o.degree = count(parallel.empty() ? number(row, "degree", 0) : number(parallel, "degree", 0), 0);
  for (const auto& [key, value] : flags.items())
    if (!value.is_null()) o.flags[key] = text(flags, key.c_str());
  const auto printed = row.find("flags");
  if (printed == row.end()) return;
  if (printed->is_string()) detail::read_flags(printed->get_ref<const std::string&>(), o);
  if (printed->is_array()) {   // the words of a launch line
    std::string line;
    for (const json& word : *printed) line += (word.is_string() ? word.get<std::string>() : word.dump()) + " ";
    detail::read_flags(line, o);
  }
}

}  // namespace

Result<Observation> parse_row(std::string_view line) {
  const json row = detail::parse_json(line);
  if (row.is_discarded()) return fail(ErrorKind::input, "is not JSON");
  if (!row.is_object()) return fail(ErrorKind::input, "is not a JSON object");
  return detail::row_of(row);
}

namespace detail {

nlohmann::json parse_json(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  if (!value.is_discarded()) return value;
  // What Python writes for numbers that are none, outside of texts.
  std::string plain;
  plain.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    if (!quoted) {
      const auto at = std::find_if(kNoNumbers.begin(), kNoNumbers.end(), [&](std::string_view word) { return text.substr(i).starts_with(word); });
      if (at != kNoNumbers.end()) { plain += "null"; i += at->size(); continue; }
    }
    if (quoted && text[i] == '\\' && i + 1 < text.size()) plain += text[i++];
    else if (text[i] == '"') quoted = !quoted;
    plain += text[i++];
  }
  return plain.size() == text.size() ? value : json::parse(plain, nullptr, false);
}

bool is_row(const nlohmann::json& object) {
  return std::any_of(kRowNames.begin(), kRowNames.end(), [&](const char* name) { return object.contains(name); });
}

Observation row_of(const nlohmann::json& row) {
  Observation o;
  o.id = text(row, "id");
  o.device = any_text(row, {"device", "gpu", "hardware", "accelerator"});
  o.device_printed = any_text(row, {"device_raw", "device_printed"});
  if (o.device.empty()) o.device = o.device_printed;
  const double devices = any_number(row, {"device_count", "devices", "gpu_count", "num_gpus"}, -1);
  o.devices = devices == -1 ? 1 : count(devices, 1);
  o.memory_gb = any_number(row, {"memory_gb", "vram_gb"}, 0);
  o.engine = text(row, "engine");
  o.engine_version = text(row, "engine_version");
  o.backend = text(row, "backend");
  o.model = any_text(row, {"model_key", "model", "model_name"});
  o.model_printed = any_text(row, {"model_raw", "model_printed"});
  o.quant = text(row, "quant");
  o.model_bytes = number(row, "model_bytes", 0);
  o.parameters = any_number(row, {"params", "parameters"}, 0);
  read_parts(row, o);
  if (!row.contains("flags"))
    for (const char* flag : {"ngl", "n_gpu_layers", "n_cpu_moe", "ncmoe", "ot", "split_mode", "ts", "tensor_split", "ub", "n_ubatch", "fa", "flash_attn", "ctk", "ctv", "threads",
                             "tp", "pp", "ep", "dp", "tensor_parallel_size", "pipeline_parallel_size", "kv_cache_dtype"})
      if (std::string value = text(row, flag); !value.empty()) o.flags.emplace(flag, std::move(value));
  o.phase = text(row, "phase");
  o.prompt = any_number(row, {"prompt_tokens", "prompt", "input_tokens", "isl"}, -1);
  o.generated = any_number(row, {"generated_tokens", "generated", "output_tokens", "osl"}, -1);
  o.depth = any_number(row, {"context_depth", "depth"}, -1);
  o.concurrency = number(row, "concurrency", -1);
  o.metric_name = text(row, "metric");
  o.metric = metric_of(o.metric_name);
  o.value = number(row, "value", 0);
  o.note = text(row, "note");
  settle(o, devices == -1 ? Count::assumed : Count::stated);
  return o;
}

}  // namespace detail

}  // namespace rigcast::calibration
