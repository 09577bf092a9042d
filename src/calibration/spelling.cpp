#include "calibration/detail/spelling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "calibration/detail/names.hpp"

namespace rigcast::calibration::detail {
namespace {

using Word = std::pair<std::string_view, std::string_view>;   // as spelled, as this room calls it

// Sorted by spelling.
constexpr auto kFlags = std::to_array<Word>({
    {"cache_type_k", "ctk"}, {"cache_type_v", "ctv"}, {"chunked_prefill", "max_num_batched_tokens"}, {"chunked_prefill_size", "max_num_batched_tokens"}, {"cmoe", "cpu_moe"}, {"cpu_moe", "cpu_moe"}, {"ctk", "ctk"}, {"ctv", "ctv"}, {"data_parallel", "dp"},
    {"data_parallel_size", "dp"}, {"dp", "dp"}, {"dp_size", "dp"}, {"ep", "ep"}, {"ep_size", "ep"}, {"expert_parallel_size", "ep"}, {"fa", "fa"},
    {"flash_attention", "fa"}, {"flash_attn", "fa"}, {"flashattn", "fa"}, {"gpu_layers", "ngl"}, {"k_cache_type", "ctk"}, {"kv_cache_dtype", "kv_cache_dtype"},
    {"kv_cache_type", "kv_cache_dtype"}, {"kv_dtype", "kv_cache_dtype"}, {"kv_quant", "kv_cache_dtype"}, {"kv_type", "kv_cache_dtype"}, {"layers_on_gpu", "ngl"},
    {"n_batch", "b"}, {"n_cpu_moe", "n_cpu_moe"}, {"n_gpu_layers", "ngl"}, {"n_threads", "threads"}, {"n_ubatch", "ub"}, {"ncmoe", "n_cpu_moe"},
    {"ncpumoe", "n_cpu_moe"}, {"ngl", "ngl"}, {"nkvo", "nkvo"}, {"no_kv_offload", "nkvo"}, {"nthreads", "threads"}, {"num_gpu", "ngl"}, {"num_gpu_layers", "ngl"},
    {"num_thread", "threads"}, {"num_threads", "threads"}, {"offloaded_layers", "ngl"}, {"ot", "ot"}, {"override_tensor", "ot"}, {"override_tensors", "ot"},
    {"pipeline_parallel", "pp"}, {"pipeline_parallel_size", "pp"}, {"power_limit", "power_limit_w"}, {"pp", "pp"}, {"pp_size", "pp"}, {"sm", "split_mode"}, {"split_mode", "split_mode"},
    {"splitmode", "split_mode"}, {"t", "threads"}, {"tensor_parallel", "tp"}, {"tensor_parallel_size", "tp"}, {"tensor_split", "ts"}, {"thread", "threads"},
    {"threads", "threads"}, {"tp", "tp"}, {"tp_size", "tp"}, {"ts", "ts"}, {"type_k", "ctk"}, {"type_v", "ctv"}, {"ub", "ub"}, {"ubatch", "ub"},
    {"ubatch_size", "ub"}, {"v_cache_type", "ctv"}});

constexpr auto kPhases = std::to_array<Word>({
    {"decode", "decode"}, {"decode_tg", "decode"}, {"decoding", "decode"}, {"eval", "decode"}, {"gen", "decode"}, {"generate", "decode"}, {"generation", "decode"},
    {"offline", "serve"}, {"online", "serve"}, {"pp", "prefill"}, {"prefill", "prefill"}, {"prefill_pp", "prefill"}, {"prefilling", "prefill"}, {"prompt", "prefill"},
    {"prompt_eval", "prefill"}, {"prompt_processing", "prefill"}, {"serve", "serve"}, {"server", "serve"}, {"serving", "serve"}, {"text_generation", "decode"},
    {"tg", "decode"}, {"throughput", "serve"}, {"token_generation", "decode"}});

// The same quantity in the same unit under another name, and the phase where the name says it.
struct MetricWord { std::string_view spelled, metric, phase; };
constexpr auto kMetricWords = std::to_array<MetricWord>({
    {"decode_speed", "tokens_per_second", "decode"}, {"decode_tok_s", "tokens_per_second", "decode"}, {"decode_tokens_per_second", "tokens_per_second", "decode"},
    {"decode_tps", "tokens_per_second", "decode"}, {"eval_rate", "tokens_per_second", "decode"}, {"eval_tps", "tokens_per_second", "decode"},
    {"gen_tps", "tokens_per_second", "decode"}, {"generation_tokens_per_second", "tokens_per_second", "decode"}, {"generation_tps", "tokens_per_second", "decode"},
    {"inter_token_latency_ms", "itl_ms", ""}, {"itl", "itl_ms", ""}, {"mean_itl_ms", "itl_ms", ""}, {"mean_tpot_ms", "tpot_ms", ""}, {"mean_ttft_ms", "ttft_ms", ""},
    {"ms_per_token", "tpot_ms", ""}, {"output_throughput", "output_tokens_per_second", ""}, {"output_tok_s", "output_tokens_per_second", ""},
    {"output_token_throughput", "output_tokens_per_second", ""}, {"output_tps", "output_tokens_per_second", ""}, {"pp_tps", "tokens_per_second", "prefill"},
    {"prefill_speed", "tokens_per_second", "prefill"}, {"prefill_tok_s", "tokens_per_second", "prefill"}, {"prefill_tokens_per_second", "tokens_per_second", "prefill"},
    {"prefill_tps", "tokens_per_second", "prefill"}, {"prompt_eval_rate", "tokens_per_second", "prefill"}, {"prompt_tokens_per_second", "tokens_per_second", "prefill"},
    {"prompt_tps", "tokens_per_second", "prefill"}, {"t_s", "tokens_per_second", ""}, {"tg_tps", "tokens_per_second", "decode"},
    {"time_per_output_token_ms", "tpot_ms", ""}, {"time_to_first_token_ms", "ttft_ms", ""}, {"tok_s", "tokens_per_second", ""}, {"tok_sec", "tokens_per_second", ""},
    {"token_s", "tokens_per_second", ""}, {"tokens_per_sec", "tokens_per_second", ""}, {"tokens_s", "tokens_per_second", ""}, {"tokens_sec", "tokens_per_second", ""},
    {"total_throughput", "total_tokens_per_second", ""}, {"total_token_throughput", "total_tokens_per_second", ""}, {"total_tps", "total_tokens_per_second", ""},
    {"tpot", "tpot_ms", ""}, {"tps", "tokens_per_second", ""}, {"ttft", "ttft_ms", ""}});

template <class Words>
const auto* find(const Words& words, std::string_view name, auto spelled) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.*spelled == name; });
  return found == words.end() ? nullptr : &*found;
}

// Lower case, with '_' for every other separator, without dashes before it.
std::string folded(std::string_view printed) {
  std::string_view bare = trim(printed);
  bare.remove_prefix(std::min(bare.find_first_not_of('-'), bare.size()));
  std::string name = to_lower(bare);
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == ' ' || c == '.' || c == '/'; }, '_');
  return name;
}

bool is_plain(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string_view known_flag(std::string_view printed) {
  std::string spelled;
  if (!is_plain(printed)) printed = spelled = folded(printed);
  const auto found = std::lower_bound(kFlags.begin(), kFlags.end(), printed, [](const Word& word, std::string_view wanted) { return word.first < wanted; });
  return found != kFlags.end() && found->first == printed ? found->second : std::string_view{};
}

int degree_of(const Observation& o, std::string_view flag) {
  const auto found = o.flags.find(flag);
  const auto value = found == o.flags.end() ? std::nullopt : parse_int(trim(found->second));
  return value && *value >= 1 && *value <= 4096 ? static_cast<int>(*value) : 0;
}

// Degrees are numbers: "expert_parallel=true" says that they are spread and not how far.
bool is_degree(std::string_view name) { return name == "tp" || name == "pp" || name == "dp" || name == "ep"; }

void settle_flags(Observation& o) {
  if (std::all_of(o.flags.begin(), o.flags.end(), [](const auto& flag) { const auto name = known_flag(flag.first); return name.empty() || name == flag.first; })) return;
  std::map<std::string, std::string, std::less<>> flags;
  for (const bool other_names : {false, true})   // where both stand there, the usual name is right
    for (auto& [printed, value] : o.flags) {
      const std::string_view name = known_flag(printed);
      const bool renamed = !name.empty() && name != printed && (!is_degree(name) || parse_int(trim(value)));
      if (renamed != other_names) continue;
      flags.emplace(renamed ? std::string(name) : printed, value);
    }
  o.flags = std::move(flags);
}

// "decode", "Token generation"; empty where the word is none of ours.
std::string_view phase_word(std::string_view printed) {
  const Word* found = find(kPhases, folded(printed), &Word::first);
  return found ? found->second : std::string_view{};
}

// "pp512" and "tg128" name the phase and its tokens.
std::string_view phase_of_test(std::string_view name) {
  if (name.size() < 3 || !parse_int(name.substr(2))) return {};
  return name.starts_with("pp") ? "prefill" : name.starts_with("tg") ? "decode" : "";
}

void settle_metric(Observation& o) {
  if (o.metric != Metric::other || o.metric_name.empty()) return;
  const std::string name = folded(o.metric_name);
  if (const Metric known = metric_of(name); known != Metric::other) { o.metric = known, o.metric_name = name; return; }
  std::string_view metric, phase = phase_of_test(name);
  if (!phase.empty()) metric = "tokens_per_second";
  if (const MetricWord* found = find(kMetricWords, name, &MetricWord::spelled)) metric = found->metric, phase = found->phase;
  if (metric.empty()) return;
  o.metric_name = metric;
  o.metric = metric_of(metric);
  if (o.phase.empty()) o.phase = phase;
}

// The phase that nobody states, where the metric leaves no other.
std::string_view phase_of_metric(const Observation& o) {
  const bool many = o.concurrency > 1;
  switch (o.metric) {
    case Metric::tpot_ms: return many ? "serve" : "decode";
    case Metric::ttft_ms: return many ? "serve" : "prefill";
    case Metric::output_tokens_per_second:
    case Metric::total_tokens_per_second: return "serve";
    case Metric::tokens_per_second:
      if (o.generated > 0 && o.prompt <= 0) return "decode";
      if (o.prompt > 0 && o.generated <= 0) return "prefill";
      return {};
    default: return {};
  }
}

void settle_phase(Observation& o) {
  if (o.phase == "decode" || o.phase == "prefill" || o.phase == "serve") return;
  if (const std::string_view word = o.phase.empty() ? phase_of_metric(o) : phase_word(o.phase); !word.empty()) o.phase = word;
}

int shares_in(std::string_view split_flag) {
  int shares = 0;
  const char mark = split_flag.find('/') != std::string_view::npos ? '/' : ',';
  for (const std::string_view share : split(split_flag, mark)) shares += parse_double(trim(share)).value_or(0) > 0 ? 1 : 0;
  return shares;
}

constexpr auto kModes = std::to_array<std::string_view>({"single", "layer", "tensor", "pipeline", "expert", "data"});
bool is_mode(std::string_view mode) { return std::find(kModes.begin(), kModes.end(), mode) != kModes.end(); }

void settle_count(Observation& o, Count count) {
  if (!o.mode.empty() && !is_mode(o.mode)) {
    const std::string printed = std::exchange(o.mode, {});
    read_parallel(printed, o);
  }
  const int tensor = degree_of(o, "tp"), stages = degree_of(o, "pp"), copies = degree_of(o, "dp"), spread = degree_of(o, "ep");
  if (o.mode.empty()) o.mode = tensor > 1 ? "tensor" : stages > 1 ? "pipeline" : spread > 1 ? "expert" : copies > 1 ? "data" : "";
  if (o.devices != 1 || o.flags.contains("attention_dp")) return;
  int needed = std::max(1, tensor) * std::max(1, stages) * std::max(1, copies);
  if (needed == 1 && count == Count::assumed) {
    if (spread > 1) needed = spread;
    else if (o.degree > 1 && o.mode != "single") needed = o.degree;
    else if (const auto shares = o.flags.find("ts"); shares != o.flags.end()) needed = std::max(1, shares_in(shares->second));
  }
  if (needed > 1 && !names_a_count(o.device)) o.devices = needed;   // else the name says how many
}

}  // namespace

bool is_known_flag(std::string_view printed) { return !known_flag(printed).empty(); }

namespace {

// "-ngl 99 --flash-attn -ot exps=CPU": a word that begins with a dash and a letter is a flag, what follows without one its value.
void read_launch_line(std::string_view text, Observation& o) {
  std::vector<std::string> words;
  for (const std::string_view word : split_words(text)) words.emplace_back(word);
  const auto is_flag = [](std::string_view word) { return word.size() > 1 && word[0] == '-' && ((word[1] >= 'a' && word[1] <= 'z') || word[1] == '-'); };
  const auto bare = [](std::string_view value) {
    value = trim(value);
    while (value.size() > 1 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) value = value.substr(1, value.size() - 2);
    return std::string(value);
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_flag(words[i])) continue;
    const std::size_t equals = words[i].find('=');
    const std::string name = folded(std::string_view(words[i]).substr(0, equals));
    std::string value = "1";
    if (equals != std::string::npos) value = bare(std::string_view(words[i]).substr(equals + 1));
    else if (i + 1 < words.size() && !is_flag(words[i + 1])) value = bare(words[++i]);
    if (name == "b" || name == "batch_size") o.flags.emplace("b", value);
    else if (const std::string_view known = known_flag(name); !known.empty()) o.flags.emplace(std::string(known), value);
    else o.flags.emplace(name, value);
  }
}

}  // namespace

void read_flags(std::string_view text, Observation& o) {
  text = trim(text);
  if (text.empty()) return;
  if (text.front() == '{') {
    const auto object = nlohmann::json::parse(text, nullptr, false);
    if (object.is_object())
      for (const auto& [name, value] : object.items())
        if (!value.is_null()) o.flags[name] = value.is_string() ? value.get<std::string>() : value.is_boolean() ? (value.get<bool>() ? "1" : "0") : value.dump();
    return;
  }
  if (text.front() == '-' || text.find(" -") != std::string_view::npos) return read_launch_line(text, o);
  const char mark = text.find(';') != std::string_view::npos ? ';' : ',';
  for (const std::string_view piece : split(text, mark)) {
    const std::size_t at = piece.find_first_of("=:");
    if (at != std::string_view::npos) o.flags.emplace(std::string(trim(piece.substr(0, at))), std::string(trim(piece.substr(at + 1))));
    else if (const auto words = split_words(piece); words.size() == 2) o.flags.emplace(std::string(words[0]), std::string(words[1]));
  }
}

void read_parallel(std::string_view text, Observation& o) {
  struct Kind { std::string_view word, flag, mode; };
  static constexpr auto kKinds = std::to_array<Kind>({{"tp", "tp", "tensor"}, {"tensor", "tp", "tensor"}, {"pp", "pp", "pipeline"}, {"pipeline", "pp", "pipeline"},
                                                      {"ep", "ep", "expert"}, {"expert", "ep", "expert"}, {"experts", "ep", "expert"}, {"dp", "dp", "data"}, {"data", "dp", "data"},
                                                      {"replica", "dp", "data"}, {"replicas", "dp", "data"}, {"layer", "", "layer"}, {"layers", "", "layer"}, {"row", "", "layer"},
                                                      {"rows", "", "layer"}, {"graph", "", "tensor"}, {"none", "", "single"}, {"single", "", "single"}, {"no", "", "single"}});
  // Runs of letters and of digits: "TP4", "tp=4" and "4-way tensor" alike.
  std::vector<std::string> words;
  char last = ' ';
  for (const char c : to_lower(text)) {
    const char kind = c >= '0' && c <= '9' ? '0' : c >= 'a' && c <= 'z' ? 'a' : ' ';
    if (kind != ' ' && kind != last) words.emplace_back();
    if (kind != ' ') words.back() += c;
    last = kind;
  }
  const Kind* kind = nullptr;
  int before = 0;   // a number that waits for its kind
  const Kind* strongest = nullptr;
  const auto note = [&](const Kind& one, int degree) {
    if (!one.flag.empty()) o.flags.emplace(std::string(one.flag), std::to_string(degree));
    else if (o.degree == 0) o.degree = degree;
    if (degree > 1 && !strongest) strongest = &one;
  };
  const Kind* first = nullptr;
  for (const std::string& word : words) {
    if (const auto number = parse_int(word)) {
      if (*number < 1 || *number > 4096) continue;
      if (kind) note(*kind, static_cast<int>(*number)), kind = nullptr;
      else before = static_cast<int>(*number);
      continue;
    }
    const Kind* found = find(kKinds, std::string_view(word), &Kind::word);
    if (!found) continue;
    if (!first) first = found;
    if ((word == "row" || word == "rows") && !o.flags.contains("split_mode")) o.flags.emplace("split_mode", "row");
    if (word == "graph" && !o.flags.contains("split_mode")) o.flags.emplace("split_mode", "graph");
    kind = found;
    if (before > 0) note(*kind, std::exchange(before, 0)), kind = nullptr;
  }
  if (o.mode.empty() && first) o.mode = (strongest ? strongest : first)->mode;
}

void settle(Observation& o, Count count) {
  if (o.phase == "kernel") return;
  settle_flags(o);
  settle_metric(o);
  settle_phase(o);
  settle_count(o, count);
}

}  // namespace rigcast::calibration::detail
