#include "calibration/detail/import_json.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

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

// `vllm bench serve --save-result`
void add_vllm(const json& run, std::vector<Observation>& rows) {
  Observation o;
  o.engine = words(run, "backend").empty() ? "vLLM" : words(run, "backend");
  if (o.engine == "openai" || o.engine == "openai-chat") o.engine = "vLLM";
  o.model_printed = words(run, "model_id");
  o.model = to_lower(o.model_printed.substr(o.model_printed.rfind('/') + 1));
  o.date = words(run, "date").substr(0, 10);
  const double requests = std::max(1.0, at(run, "completed", at(run, "num_prompts", 1)));
  o.prompt = at(run, "total_input_tokens") / requests;
  o.generated = at(run, "total_output_tokens", at(run, "total_generated_tokens")) / requests;
  o.concurrency = at(run, "max_concurrency");
  if (o.concurrency < 0 && requests == 1) o.concurrency = 1;
  add_metric(rows, o, "serve", "tpot_ms", at(run, "mean_tpot_ms", at(run, "median_tpot_ms")));
  add_metric(rows, o, "serve", "ttft_ms", at(run, "mean_ttft_ms", at(run, "median_ttft_ms")));
  add_metric(rows, o, "serve", "output_tokens_per_second", at(run, "output_throughput"));
}

// aiperf and genai-perf: {"time_to_first_token": {"avg": 12.3, "unit": "ms"}, ...}
double average(const json& run, const char* key) {
  const auto found = run.find(key);
  return found != run.end() && found->is_object() ? at(*found, "avg") : -1;
}

void add_perf(const json& run, std::vector<Observation>& rows) {
  Observation o;
  const auto config = run.find("input_config");
  if (config != run.end() && config->is_object()) {
    o.concurrency = at(*config, "concurrency");
    if (const auto load = config->find("loadgen"); load != config->end() && load->is_object()) o.concurrency = at(*load, "concurrency", o.concurrency);
    if (const auto names = config->find("model"); names != config->end() && names->is_array() && !names->empty() && names->front().is_string())
      o.model_printed = names->front().get<std::string>();
  }
  o.model = to_lower(o.model_printed.substr(o.model_printed.rfind('/') + 1));
  o.prompt = average(run, "input_sequence_length");
  o.generated = average(run, "output_sequence_length");
  add_metric(rows, o, "serve", "tpot_ms", average(run, "inter_token_latency"));
  add_metric(rows, o, "serve", "ttft_ms", average(run, "time_to_first_token"));
  add_metric(rows, o, "serve", "output_tokens_per_second", average(run, "output_token_throughput"));
}

// guidellm: {"benchmarks": [{"metrics": {"inter_token_latency_ms": {"successful": {"mean": ...}}}}]}
double successful_mean(const json& metrics, const char* key) {
  const auto found = metrics.find(key);
  if (found == metrics.end() || !found->is_object()) return -1;
  const auto ok = found->find("successful");
  return ok != found->end() && ok->is_object() ? at(*ok, "mean") : -1;
}

void add_guidellm(const json& run, std::vector<Observation>& rows) {
  for (const json& benchmark : run["benchmarks"]) {
    if (!benchmark.is_object()) continue;
    const auto metrics = benchmark.find("metrics");
    if (metrics == benchmark.end() || !metrics->is_object()) continue;
    Observation o;
    o.concurrency = successful_mean(*metrics, "request_concurrency");
    o.prompt = successful_mean(*metrics, "prompt_token_count");
    o.generated = successful_mean(*metrics, "output_token_count");
    add_metric(rows, o, "serve", "tpot_ms", successful_mean(*metrics, "inter_token_latency_ms"));
    add_metric(rows, o, "serve", "ttft_ms", successful_mean(*metrics, "time_to_first_token_ms"));
    add_metric(rows, o, "serve", "output_tokens_per_second", successful_mean(*metrics, "output_tokens_per_second"));
  }
}

// One object of whatever program; false where it is none we know.
bool add_object(const json& object, std::string_view line, Imported& out) {
  if (!object.is_object()) return false;
  if (object.contains("metric") && object.contains("device")) {
    out.format = "rows";
    auto row = parse_row(line.empty() ? object.dump() : std::string(line));
    if (!row) return false;
    out.rows.push_back(std::move(*row));
    return true;
  }
  if (object.contains("avg_ts")) {
    out.format = "llama-bench json";
    auto row = llama_bench_row(texts_of(object));
    if (!row) return false;
    out.rows.push_back(std::move(*row));
    return true;
  }
  if (object.contains("speed_tg")) {
    out.format = "llama-batched-bench json";
    add_batched(out.rows, at(object, "pp"), at(object, "tg"), at(object, "pl"), at(object, "speed_pp"), at(object, "speed_tg"));
    return true;
  }
  if (object.contains("request_throughput") && (object.contains("mean_tpot_ms") || object.contains("mean_ttft_ms"))) {
    out.format = "vllm bench serve";
    add_vllm(object, out.rows);
    return true;
  }
  if (object.contains("benchmarks") && object["benchmarks"].is_array()) {
    out.format = "guidellm";
    add_guidellm(object, out.rows);
    return true;
  }
  if (object.contains("time_to_first_token") || object.contains("inter_token_latency")) {
    out.format = "aiperf";
    add_perf(object, out.rows);
    return true;
  }
  return false;
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

std::optional<Observation> llama_bench_row(const std::map<std::string, std::string>& fields) {
  const auto text = [&](const char* key) { const auto found = fields.find(key); return found == fields.end() ? std::string() : found->second; };
  const auto number = [&](const char* key) { return parse_double(text(key)).value_or(0); };
  Observation o = llama_row();
  o.engine_version = "b" + text("build_number") + (text("build_commit").empty() ? "" : " (" + text("build_commit") + ")");
  o.backend = text("backends").empty() ? text("backend") : text("backends");
  o.device = text("gpu_info").empty() ? (text("cpu_info").empty() ? "" : text("cpu_info") + " (CPU)") : text("gpu_info");
  if (const std::size_t several = o.device.find(", "); several != std::string::npos) {  // "A, A": one name for each card
    o.devices = static_cast<int>(std::count(o.device.begin(), o.device.end(), ',')) + 1;
    o.device.resize(several);
    o.mode = "layer";
  }
  o.processor = text("cpu_info");
  o.model_printed = text("model_type");
  const std::string file = text("model_filename");
  if (!file.empty()) o.model_printed += " [" + file.substr(file.find_last_of("/\\") + 1) + "]";
  o.quant = quant_in_model_type(text("model_type"));
  o.model_bytes = number("model_size");
  o.parameters = number("model_n_params");
  for (const auto& [name, flag] : {std::pair{"n_ubatch", "ub"}, {"n_batch", "b"}, {"type_k", "ctk"}, {"type_v", "ctv"}, {"n_gpu_layers", "ngl"},
                                   {"flash_attn", "fa"}, {"n_threads", "threads"}, {"n_cpu_moe", "n_cpu_moe"}, {"split_mode", "split_mode"}})
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

Result<void> import_json(std::string_view body, std::string_view file, Imported& out) {
  // One document, or one object a line.
  const std::size_t end = body.find('\n');
  const json first = json::parse(body.substr(0, end), nullptr, false);
  if (first.is_object() || (first.is_discarded() && body.front() == '{' && end != std::string_view::npos && body.find("\n{") != std::string_view::npos &&
                            json::parse(body, nullptr, false).is_discarded())) {
    int number = 0;
    for (const std::string_view line : split(body, '\n')) {
      ++number;
      if (trim(line).empty()) continue;
      const json object = number == 1 ? first : json::parse(line, nullptr, false);
      const Where where{std::string(file), number, 1};
      if (object.is_discarded()) out.unread.push_back({ErrorKind::input, "the line is not JSON", where});
      else if (!add_object(object, line, out)) out.unread.push_back({ErrorKind::input, "the object is no benchmark row known here", where});
    }
    return {};
  }
  const json whole = json::parse(body, nullptr, false);
  if (whole.is_discarded()) return fail(ErrorKind::input, "is not JSON", Where{std::string(file), 1, 1});
  if (whole.is_array()) {
    for (const json& object : whole)
      if (!add_object(object, {}, out)) out.unread.push_back({ErrorKind::input, "an object is no benchmark row known here", Where{std::string(file)}});
  } else if (!add_object(whole, {}, out)) {
    return fail(ErrorKind::input, "is JSON, but no benchmark output known here", Where{std::string(file)});
  }
  return {};
}

}  // namespace rigcast::calibration::detail
