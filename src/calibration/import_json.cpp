#include "calibration/detail/import_json.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "calibration/detail/row_json.hpp"

namespace rigcast::calibration::detail {
namespace {

using nlohmann::json;

double at(const json& object, const char* key, double missing = -1) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : missing;
}

std::string words(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void add_metric(std::vector<Observation>& rows, Observation o, const char* phase, const char* metric, double value) {
  if (value <= 0) return;
  o.phase = phase;
  o.metric_name = metric;
  o.metric = metric_of(metric);
  o.value = value;
  rows.push_back(std::move(o));
}

std::map<std::string, std::string> texts_of(const json& object) {
  std::map<std::string, std::string> fields;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) fields[key] = value.get<std::string>();
    else if (value.is_boolean()) fields[key] = value.get<bool>() ? "1" : "0";
    else if (value.is_number()) fields[key] = format_shortest(value.get<double>());
  }
  return fields;
}

// "20250911-143012" and "2025-09-11T14:30:12.5" -> "2025-09-11"; empty for what is no day.
std::string iso_day(std::string_view text) {
  const auto digits = [&](std::size_t from, std::size_t count) {
    return from + count <= text.size() && text.substr(from, count).find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (digits(0, 4) && text.size() >= 10 && text[4] == '-' && digits(5, 2) && text[7] == '-' && digits(8, 2)) return std::string(text.substr(0, 10));
  if (digits(0, 8)) return std::string(text.substr(0, 4)) + "-" + std::string(text.substr(4, 2)) + "-" + std::string(text.substr(6, 2));
  return {};
}

// Seconds since 1970 -> the day (civil calendar from days, H. Hinnant's arithmetic).
std::string day_of(double seconds) {
  if (!(seconds > 0) || seconds > 1e11) return {};
  const long long z = static_cast<long long>(seconds / 86400) + 719468, era = z / 146097, doe = z - era * 146097;
  const long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  const long long day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  const auto two = [](long long n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return std::to_string(year) + "-" + two(month) + "-" + two(day);
}

// The object under a path of keys; nullptr where one is missing.
using Path = std::vector<const char*>;
const json* under(const json& object, const Path& path) {
  const json* here = &object;
  for (const char* key : path) {
    if (!here->is_object()) return nullptr;
    const auto found = here->find(key);
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}
double number_under(const json& object, const Path& path) { const json* found = under(object, path); return found && found->is_number() ? found->get<double>() : -1; }
// A text, or the first of a list of texts.
std::string text_under(const json& object, const Path& path) {
  const json* found = under(object, path);
  if (found && found->is_array() && !found->empty()) found = &found->front();
  return found && found->is_string() ? found->get<std::string>() : std::string();
}

void set_model(Observation& o, const std::string& printed) {
  o.model_printed = printed;
  o.model = to_lower(printed.substr(printed.find_last_of("/\\") + 1));
}

// `vllm bench serve --save-result`, and SGLang's bench_serving
void add_vllm(const json& run, std::vector<Observation>& rows) {
  Observation o;
  o.engine = words(run, "backend").empty() ? "vLLM" : words(run, "backend");
  if (o.engine == "openai" || o.engine == "openai-chat") o.engine = "vLLM";
  std::string model = words(run, "model_id");
  for (const auto& path : {Path{"model"}, {"model_path"}, {"server_info", "model_path"}})   // of SGLang's
    if (model.empty()) model = text_under(run, path);
  if (!model.empty()) set_model(o, model);
  o.date = iso_day(words(run, "date"));
  if (const double rate = at(run, "request_rate"); rate > 0) o.flags["request_rate"] = format_shortest(rate);
  const double requests = std::max(1.0, at(run, "completed", at(run, "num_prompts", 1)));
  o.prompt = at(run, "total_input_tokens") / requests;
  o.generated = at(run, "total_output_tokens", at(run, "total_generated_tokens")) / requests;
  o.concurrency = at(run, "max_concurrency");
  if (o.concurrency < 0 && requests == 1) o.concurrency = 1;
  add_metric(rows, o, "serve", "tpot_ms", at(run, "mean_tpot_ms", at(run, "median_tpot_ms")));
  add_metric(rows, o, "serve", "ttft_ms", at(run, "mean_ttft_ms", at(run, "median_ttft_ms")));
  add_metric(rows, o, "serve", "output_tokens_per_second", at(run, "output_throughput"));
}

// aiperf and genai-perf: {"time_to_first_token": {"avg": 12.3, "unit": "ms"}, ...}; times in milliseconds whatever the unit.
double average(const json& run, const char* key) {
  const auto found = run.find(key);
  if (found == run.end() || !found->is_object()) return -1;
  const double value = at(*found, "avg");
  const std::string unit = words(*found, "unit");
  return value * (unit == "s" || unit == "sec" || unit == "seconds" ? 1e3 : unit == "us" ? 1e-3 : unit == "ns" ? 1e-6 : 1);
}

void add_perf(const json& run, std::vector<Observation>& rows) {
  Observation o;
  for (const auto& path : {Path{"input_config", "concurrency"}, {"input_config", "loadgen", "concurrency"}, {"input_config", "perf_analyzer", "stimulus", "concurrency"}})
    if (const double value = number_under(run, path); value > 0) o.concurrency = value;
  for (const auto& path : {Path{"input_config", "model"}, {"input_config", "model_names"}, {"input_config", "endpoint", "model_names"}})
    if (const std::string name = text_under(run, path); !name.empty()) set_model(o, name);
  o.date = iso_day(words(run, "start_time"));
  o.prompt = average(run, "input_sequence_length");
  o.generated = average(run, "output_sequence_length");
  add_metric(rows, o, "serve", "tpot_ms", average(run, "inter_token_latency"));
  add_metric(rows, o, "serve", "ttft_ms", average(run, "time_to_first_token"));
  add_metric(rows, o, "serve", "output_tokens_per_second", average(run, "output_token_throughput"));
}

// guidellm: {"benchmarks": [{"metrics": {"inter_token_latency_ms": {"successful": {"mean": ...}}}}]}
double successful_mean(const json& metrics, const char* key) { return number_under(metrics, {key, "successful", "mean"}); }

// How many streams a strategy keeps up; -1 for those that send at a rate.
double streams_of(const json& benchmark) {
  for (const auto& path : {Path{"config", "strategy"}, {"args", "strategy"}, {"scheduler", "strategy"}}) {
    const json* strategy = under(benchmark, path);
    if (!strategy) continue;
    const std::string type = words(*strategy, "type_").empty() ? words(*strategy, "type") : words(*strategy, "type_");
    if (type == "synchronous") return 1;
    if (type == "concurrent") return at(*strategy, "streams");
  }
  return -1;
}

void add_guidellm(const json& run, Imported& out, std::string_view file) {
  for (const json& benchmark : run["benchmarks"]) {
    const json* metrics = under(benchmark, {"metrics"});
    if (!metrics || !metrics->is_object()) {
      out.unread.push_back({ErrorKind::input, "a benchmark has no metrics", Where{std::string(file)}});
      continue;
    }
    Observation o;
    for (const auto& [from, path] : {std::pair<const json*, Path>{&run, {"args", "model"}}, {&benchmark, {"worker", "backend_model"}},
                                     {&benchmark, {"config", "backend", "model"}}, {&run, {"metadata", "model"}}})
      if (const std::string name = text_under(*from, path); !name.empty() && o.model.empty()) set_model(o, name);
    o.date = day_of(at(benchmark, "start_time"));
    o.concurrency = streams_of(benchmark);
    if (o.concurrency < 0) o.concurrency = successful_mean(*metrics, "request_concurrency");
    o.prompt = successful_mean(*metrics, "prompt_token_count");
    o.generated = successful_mean(*metrics, "output_token_count");
    const std::size_t before = out.rows.size();
    add_metric(out.rows, o, "serve", "tpot_ms", successful_mean(*metrics, "inter_token_latency_ms"));
    add_metric(out.rows, o, "serve", "ttft_ms", successful_mean(*metrics, "time_to_first_token_ms"));
    add_metric(out.rows, o, "serve", "output_tokens_per_second", successful_mean(*metrics, "output_tokens_per_second"));
    if (out.rows.size() == before) out.unread.push_back({ErrorKind::input, "a benchmark had no successful request", Where{std::string(file)}});
  }
}

bool add_row(const json& object, Imported& out) {
  out.format = "rows";
  out.rows.push_back(row_of(object));
  return true;
}

// One object of whatever program; false where it is none we know.
bool add_object(const json& object, std::string_view file, Imported& out) {
  if (!object.is_object()) return false;
  if (object.contains("metric") && object.contains("device")) return add_row(object, out);
  if (object.contains("avg_ts")) {
    out.format = "llama-bench json";
    auto row = llama_bench_row(texts_of(object));
    if (!row) return false;
    out.rows.push_back(std::move(*row));
    return true;
  }
  if (object.contains("speed_tg")) {
    out.format = "llama-batched-bench json";
    if (at(object, "pl") <= 0 || (at(object, "speed_tg") <= 0 && at(object, "speed_pp") <= 0)) return false;
    add_batched(out.rows, at(object, "pp"), at(object, "tg"), at(object, "pl"), at(object, "speed_pp"), at(object, "speed_tg"));
    return true;
  }
  if (object.contains("request_throughput") && (object.contains("mean_tpot_ms") || object.contains("mean_ttft_ms"))) {
    out.format = "vllm bench serve";
    const std::size_t before = out.rows.size();
    add_vllm(object, out.rows);
    return out.rows.size() > before;
  }
  if (object.contains("benchmarks") && object["benchmarks"].is_array()) {
    out.format = "guidellm";
    add_guidellm(object, out, file);
    return true;
  }
  if (object.contains("time_to_first_token") || object.contains("inter_token_latency")) {
    out.format = object.contains("aiperf_version") || object.contains("schema_version") ? "aiperf" : "genai-perf";
    const std::size_t before = out.rows.size();
    add_perf(object, out.rows);
    return out.rows.size() > before;
  }
  return is_row(object) && add_row(object, out);   // one that lacks what it needs is a row, and refused as one
}

}  // namespace

Observation llama_row() {
  Observation o;
  o.engine = "llama.cpp";
  o.concurrency = 1;
  o.metric_name = "tokens_per_second";
  o.metric = Metric::tokens_per_second;
  return o;
}

std::string quant_in_model_type(std::string_view model_type) {
  const auto parts = split_words(model_type);
  std::string quant;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string word = to_lower(parts[i]);
    const bool starts = word.size() > 1 && ((word[0] == 'q' && word[1] >= '0' && word[1] <= '9') || word.rfind("iq", 0) == 0 || word.rfind("tq", 0) == 0);
    if (starts || word == "f16" || word == "bf16" || word == "f32" || word.rfind("mxfp4", 0) == 0) quant = std::string(parts[i]);
    if (!quant.empty() && word == "medium") quant += "_M";
    if (!quant.empty() && word == "small") quant += "_S";
    if (!quant.empty() && word == "large") quant += "_L";
  }
  return quant;
}

void set_cards(Observation& o, const std::vector<std::string>& names) {
  if (names.empty()) return;
  const bool alike = std::all_of(names.begin(), names.end(), [&](const std::string& name) { return name == names.front(); });
  o.device = alike ? names.front() : join(names, " + ");
  o.devices = static_cast<int>(names.size());
  if (names.size() > 1) o.mode = "layer";
}

namespace {
std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  for (const std::string_view name : split(list, ',')) names.emplace_back(trim(name));
  return names;
}
}  // namespace

std::optional<Observation> llama_bench_row(const std::map<std::string, std::string>& fields) {
  const auto text = [&](const char* key) { const auto found = fields.find(key); return found == fields.end() ? std::string() : found->second; };
  const auto number = [&](const char* key) { return parse_double(text(key)).value_or(0); };
  Observation o = llama_row();
  const std::string build = text("build_number").empty() ? "" : "b" + text("build_number"), commit = text("build_commit");
  o.engine_version = commit.empty() ? build : build.empty() ? commit : build + " (" + commit + ")";
  o.backend = text("backends").empty() ? text("backend") : text("backends");
  o.device = text("gpu_info").empty() ? (text("cpu_info").empty() ? "" : text("cpu_info") + " (CPU)") : text("gpu_info");
  if (o.device.find(", ") != std::string::npos) set_cards(o, split_names(o.device));   // "A, A": one name for each card
  o.processor = text("cpu_info");
  o.model_printed = text("model_type");
  const std::string file = text("model_filename");
  if (!file.empty()) o.model_printed += " [" + file.substr(file.find_last_of("/\\") + 1) + "]";
  o.quant = quant_in_model_type(text("model_type"));
  o.model_bytes = number("model_size");
  o.parameters = number("model_n_params");
  for (const auto& [name, flag] : {std::pair{"n_ubatch", "ub"}, {"n_batch", "b"}, {"type_k", "ctk"}, {"type_v", "ctv"}, {"n_gpu_layers", "ngl"},
                                   {"flash_attn", "fa"}, {"n_threads", "threads"}, {"n_cpu_moe", "n_cpu_moe"}, {"split_mode", "split_mode"}, {"tensor_split", "ts"},
                                   {"tensor_buft_overrides", "ot"}, {"no_kv_offload", "nkvo"}})
    if (!text(name).empty()) o.flags[flag] = text(name);
  o.date = text("test_time").substr(0, 10);
  o.depth = number("n_depth");
  o.value = number("avg_ts");
  const double prompt = number("n_prompt"), generated = number("n_gen");
  if (o.value <= 0 || (prompt > 0) == (generated > 0)) return std::nullopt;
  o.phase = prompt > 0 ? "prefill" : "decode";
  (prompt > 0 ? o.prompt : o.generated) = prompt > 0 ? prompt : generated;
  return o;
}

void add_batched(std::vector<Observation>& rows, double prompt, double generated, double sequences, double prefill_rate, double decode_rate) {
  Observation o = llama_row();
  o.prompt = prompt;
  o.generated = generated;
  o.concurrency = sequences;
  o.depth = prompt;
  if (decode_rate > 0) { o.phase = "decode"; o.value = decode_rate; rows.push_back(o); }
  if (prefill_rate > 0 && sequences == 1) { o.phase = "prefill"; o.depth = 0; o.value = prefill_rate; rows.push_back(o); }
}

namespace {

// One object a line.
void add_line(std::string_view line, int number, std::string_view file, Imported& out) {
  if (trim(line).empty()) return;
  if (auto row = plain_row(line)) {
    out.format = "rows";
    out.rows.push_back(std::move(*row));
    return;
  }
  const json object = parse_json(line);
  const Where where{std::string(file), number, 1};
  if (object.is_discarded()) out.unread.push_back({ErrorKind::input, "the line is not JSON", where});
  else if (!add_object(object, file, out)) out.unread.push_back({ErrorKind::input, "the object is no benchmark row known here", where});
}

void append(Imported&& part, Imported& out) {
  if (!part.format.empty()) out.format = std::move(part.format);   // as the last object says
  std::move(part.rows.begin(), part.rows.end(), std::back_inserter(out.rows));
  std::move(part.unread.begin(), part.unread.end(), std::back_inserter(out.unread));
}

// On all processors, a block of lines at a time, in their order.
void add_lines(std::string_view body, std::string_view file, Imported& out) {
  constexpr std::size_t kBlock = 512;
  const std::vector<std::string_view> lines = split(body, '\n');
  std::vector<Imported> blocks((lines.size() + kBlock - 1) / kBlock);
  share_out(blocks.size(), [&](std::size_t block) {
    blocks[block].rows.reserve(kBlock);
    for (std::size_t i = block * kBlock; i < std::min(lines.size(), (block + 1) * kBlock); ++i) add_line(lines[i], static_cast<int>(i) + 1, file, blocks[block]);
  });
  out.rows.reserve(lines.size());
  for (Imported& block : blocks) append(std::exchange(block, {}), out);
}

}  // namespace

Result<void> import_json(std::string_view body, std::string_view file, Imported& out) {
  // One document, or one object a line.
  const std::size_t end = body.find('\n');
  const json first = parse_json(body.substr(0, end));
  if (first.is_object() || (first.is_discarded() && body.front() != '[' && end != std::string_view::npos && body.find("\n{") != std::string_view::npos &&
                            parse_json(body).is_discarded())) {
    add_lines(body, file, out);
    return {};
  }
  const json whole = parse_json(body);
  if (whole.is_discarded()) return fail(ErrorKind::input, "is not JSON", Where{std::string(file), 1, 1});
  if (whole.is_array()) {
    for (const json& object : whole)
      if (!add_object(object, file, out)) out.unread.push_back({ErrorKind::input, "an object is no benchmark row known here", Where{std::string(file)}});
  } else if (!add_object(whole, file, out)) {
    return fail(ErrorKind::input, "is JSON, but no benchmark output known here", Where{std::string(file)});
  }
  return {};
}

}  // namespace rigcast::calibration::detail
