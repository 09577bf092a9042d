// The shared JSON-lines row format of published measurements.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "base/text.hpp"
#include "calibration/detail/row_json.hpp"
#include "calibration/detail/spelling.hpp"
#include "calibration/observation.hpp"

namespace rigcast::calibration {
namespace {

using nlohmann::json;

constexpr auto kNoNumbers = std::to_array<std::string_view>({"NaN", "-Infinity", "Infinity"});
constexpr auto kRowNames = std::to_array<const char*>({"id", "device", "device_raw", "model_key", "model_raw", "metric", "value", "phase"});

// A document of the JSON library, and one of simdjson, to the same questions.
class Loose {
 public:
  Loose(const json& value) : value_(&value) {}
  static Loose nothing() {
    static const json empty = json::object();
    return empty;
  }
  std::optional<Loose> find(const char* key) const {
    const auto found = value_->find(key);
    return found == value_->end() ? std::nullopt : std::optional<Loose>(*found);
  }
  bool is_null() const { return value_->is_null(); }
  bool is_text() const { return value_->is_string(); }
  bool is_boolean() const { return value_->is_boolean(); }
  bool is_number() const { return value_->is_number(); }
  bool is_object() const { return value_->is_object(); }
  bool is_array() const { return value_->is_array(); }
  bool empty() const { return value_->empty(); }
  std::string_view text() const { return value_->get_ref<const std::string&>(); }
  double number() const { return value_->get<double>(); }
  bool truth() const { return value_->get<bool>(); }
  std::string dump() const { return value_->dump(); }
  template <class Use>
  void each_member(Use use) const {
    for (const auto& [key, value] : value_->items()) use(std::string_view(key), Loose(value));
  }
  template <class Use>
  void each_item(Use use) const {
    for (const json& item : *value_) use(Loose(item));
  }

 private:
  const json* value_;
};

// The same of simdjson, in which a line is a tenth of the work. Of keys said twice the last holds, as in the other.
class Quick {
 public:
  Quick(simdjson::dom::element value) : value_(value) {}
  static Quick nothing() {
    thread_local simdjson::dom::parser parser;
    return parser.parse(std::string_view("{}")).value_unsafe();
  }
  std::optional<Quick> find(std::string_view key) const {
    std::optional<Quick> last;
    for (const auto& [name, value] : object())
      if (name == key) last = Quick(value);
    return last;
  }
  bool is_null() const { return value_.is_null(); }
  bool is_text() const { return value_.is_string(); }
  bool is_boolean() const { return value_.is_bool(); }
  bool is_number() const { return value_.is_number(); }
  bool is_object() const { return value_.is_object(); }
  bool is_array() const { return value_.is_array(); }
  bool empty() const { return is_object() ? object().size() == 0 : !is_array() || array().size() == 0; }
  std::string_view text() const { return value_.get_string().value_unsafe(); }
  double number() const { return value_.get_double().value_unsafe(); }
  bool truth() const { return value_.get_bool().value_unsafe(); }
  std::string dump() const { return json::parse(simdjson::minify(value_)).dump(); }
  template <class Use>
  void each_member(Use use) const {
    std::map<std::string_view, simdjson::dom::element> sorted;
    for (const auto& [name, value] : object()) sorted.insert_or_assign(name, value);
    for (const auto& [name, value] : sorted) use(name, Quick(value));
  }
  template <class Use>
  void each_item(Use use) const {
    for (const simdjson::dom::element item : array()) use(Quick(item));
  }

 private:
  simdjson::dom::object object() const { return value_.get_object().value_unsafe(); }
  simdjson::dom::array array() const { return value_.get_array().value_unsafe(); }

  simdjson::dom::element value_;
};

// A field that may be absent, null, text or a number, as text.
template <class Json>
std::string text_of(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_text()) return std::string(value.text());
  if (value.is_boolean()) return value.truth() ? "1" : "0";
  if (value.is_number()) return format_shortest(value.number());
  return value.dump();
}

template <class Json>
std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found ? text_of(*found) : std::string();
}

template <class Json>
double number(const Json& object, const char* key, double missing) {
  const auto found = object.find(key);
  if (!found || found->is_null()) return missing;
  if (found->is_number()) return found->number();
  if (found->is_text()) return parse_double(trim(found->text())).value_or(missing);
  return missing;
}

template <class Json>
Json part(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found && found->is_object() ? *found : Json::nothing();
}

// The first of several names that says something.
template <class Json>
std::string any_text(const Json& row, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (std::string found = text(row, key); !found.empty()) return found;
  return {};
}

template <class Json>
double any_number(const Json& row, std::initializer_list<const char*> keys, double missing) {
  for (const char* key : keys)
    if (const double found = number(row, key, missing); found != missing) return found;
  return missing;
}

int count(double value, double least) { return static_cast<int>(std::clamp(value, least, 1e6)); }

// Parts that some write as one text: the source's address, the processor, "tp4", a launch line.
template <class Json>
void read_parts(const Json& row, Observation& o) {
  const Json source = part(row, "source"), host = part(row, "host"), parallel = part(row, "parallel"), flags = part(row, "flags");
  o.source = source.empty() ? any_text(row, {"source", "source_url", "url"}) : text(source, "url");
  o.title = text(source, "title");
  o.date = source.empty() ? text(row, "date") : text(source, "date");
  o.repository = source.empty() ? any_text(row, {"repository", "repo"}) : text(source, "repo");
  o.processor = host.empty() ? any_text(row, {"host", "processor", "cpu"}) : text(host, "cpu");
  o.host_memory = host.empty() ? any_text(row, {"host_memory", "ram"}) : text(host, "ram");
  o.os = host.empty() ? text(row, "os") : text(host, "os");
  o.mode = parallel.empty() ? any_text(row, {"parallel", "mode"}) : text(parallel, "mode");
  o.degree = count(parallel.empty() ? number(row, "degree", 0) : number(parallel, "degree", 0), 0);
  flags.each_member([&](std::string_view key, const Json& value) {
    if (!value.is_null()) o.flags[std::string(key)] = text_of(value);
  });
  const auto printed = row.find("flags");
  if (!printed) return;
  if (printed->is_text()) detail::read_flags(printed->text(), o);
  if (printed->is_array()) {   // the words of a launch line
    std::string line;
    printed->each_item([&](const Json& word) { line += (word.is_text() ? std::string(word.text()) : word.dump()) + " "; });
    detail::read_flags(line, o);
  }
}

template <class Json>
Observation observation_of(const Json& row) {
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
  if (!row.find("flags"))
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
  detail::settle(o, devices == -1 ? detail::Count::assumed : detail::Count::stated);
  return o;
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

Observation row_of(const nlohmann::json& row) { return observation_of(Loose(row)); }

std::optional<Observation> plain_row(std::string_view line) {
  thread_local simdjson::dom::parser parser;   // keeps its memory from line to line
  simdjson::dom::element document;
  if (parser.parse(line.data(), line.size()).get(document) || !document.is_object()) return std::nullopt;
  const Quick row(document);
  if (!row.find("metric") || !row.find("device")) return std::nullopt;
  return observation_of(row);
}

}  // namespace detail

}  // namespace rigcast::calibration
