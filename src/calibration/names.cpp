#include "calibration/detail/names.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "catalog/names.hpp"
#include "cost/engines.hpp"
#include "model/read.hpp"
#include "model/recipe.hpp"
#include "rig/spec.hpp"

namespace rigcast::calibration::detail {
namespace {

// data/calibration/names.csv: folded name -> key.
std::map<std::string, std::string> read_names(const catalog::Catalog& catalog) {
  std::map<std::string, std::string> names;
  const auto text = catalog.file("calibration/names.csv");
  if (!text) return names;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    const auto cells = split(trim(line), ',');
    if (cells.size() < 2) continue;
    names[fold_name(cells[0])] = std::string(cells[1]);
    names.emplace(catalog::core_name(fold_name(cells[0])), std::string(cells[1]));   // "A100" as "NVIDIA A100"
  }
  return names;
}

std::string outside_parentheses(std::string_view name) { return std::string(trim(name.substr(0, name.find('(')))); }

std::string inside_parentheses(std::string_view name) {
  const std::size_t open = name.find('('), close = name.find(')', open);
  return open == std::string_view::npos || close == std::string_view::npos ? std::string() : std::string(name.substr(open + 1, close - open - 1));
}

std::optional<Bytes> memory_hint(const Observation& o) {
  if (o.memory_gb <= 0) return std::nullopt;
  return Bytes(o.memory_gb * kGiB);
}

// "qwen3-30b-a3b" -> 30 and 3; 0 where the name has no such number.
struct Sizes { double total = 0, active = 0; };
Sizes sizes_in(std::string_view name) {
  Sizes sizes;
  const std::string text = to_lower(name);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9' || (i > 0 && (text[i - 1] == '.' || (text[i - 1] >= '0' && text[i - 1] <= '9')))) continue;
    std::size_t end = i;
    while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
    if (end >= text.size() || (text[end] != 'b' && text[end] != 'm' && text[end] != 't')) continue;
    if (end + 1 < text.size() && text[end + 1] >= 'a' && text[end + 1] <= 'z') continue;
    const double scale = text[end] == 'b' ? 1e9 : text[end] == 'm' ? 1e6 : 1e12;
    const double value = parse_double(std::string_view(text).substr(i, end - i)).value_or(0) * scale;
    if (i > 0 && text[i - 1] == 'a' && (i < 2 || text[i - 2] < 'a' || text[i - 2] > 'z')) sizes.active = value;
    else if (sizes.total == 0) sizes.total = value;
  }
  return sizes;
}

model::Tensor tensor(std::string name, model::Role role, int layer, std::int64_t in, std::int64_t out, std::int64_t count = 1) {
  model::Tensor t;
  t.name = std::move(name);
  t.role = role;
  t.layer = layer;
  t.shape = {in, out, count, 1};
  return t;
}

}  // namespace

namespace {

// Of several versions that print one name, the maker's own; where those are equally fast it matters little which.
Result<catalog::Device> usual_version(const catalog::Catalog& catalog, std::string_view name, Error ambiguous) {
  std::vector<catalog::Device> own;
  for (const std::string& key : catalog.keys(catalog::Kind::device, name)) {
    RC_ASSIGN(device, catalog.device(key));
    if (!device.modified) own.push_back(std::move(device));
  }
  constexpr double kAlike = 0.02;
  const auto alike = [&](const catalog::Device& d) {
    return d.bandwidth && own.front().bandwidth && std::abs(d.bandwidth->value / own.front().bandwidth->value - 1) < kAlike && d.architecture == own.front().architecture;
  };
  if (own.empty() || !std::all_of(own.begin(), own.end(), alike)) return tl::unexpected<Error>(std::move(ambiguous));
  return own.front();
}

using Advice = catalog::Catalog::Advice;   // what no name means, is told with the nearest once all have been tried

// One device by the whole name that a source prints.
Result<catalog::Device> whole_device(const catalog::Catalog& catalog, const std::string& printed, std::optional<Bytes> hint) {
  const auto names = read_names(catalog);
  if (const auto found = names.find(fold_name(printed)); found != names.end())
    if (auto device = catalog.device(found->second, {}, Advice::none)) return *device;
  auto first = catalog.device(printed, hint, Advice::none);
  if (first) return first;
  if (const auto found = names.find(catalog::core_name(fold_name(printed))); found != names.end())
    if (auto device = catalog.device(found->second, {}, Advice::none)) return *device;
  return first;
}

// ... or by what stands outside of parentheses or in them, or before a size.
Result<catalog::Device> exact_device(const catalog::Catalog& catalog, const std::string& printed, std::optional<Bytes> hint) {
  auto first = whole_device(catalog, printed, hint);
  if (first) return first;
  const auto sized = catalog::split_size(fold_name(printed));
  for (const std::string& name : {outside_parentheses(printed), inside_parentheses(printed), sized.name}) {
    if (name.empty()) continue;
    if (auto device = catalog.device(name, sized.size ? sized.size : hint, Advice::none)) return device;
  }
  return first;
}

// The same, or the usual one of several.
Result<catalog::Device> printed_device(const catalog::Catalog& catalog, const std::string& printed, std::optional<Bytes> hint) {
  auto first = exact_device(catalog, printed, hint);
  if (first) return first;
  for (const std::string& name : {printed, outside_parentheses(printed), inside_parentheses(printed)})
    if (auto device = usual_version(catalog, name, first.error())) return device;
  return first;
}

// Counts and lists as prose has them, in a rig's spelling: "Dual RTX 3090", "RTX 3090 (2x)", "RTX 3090 and RTX 4090", "8-GPU H100", "DGX H100".
std::string as_spec(std::string_view printed) {
  std::string text(trim(printed));
  for (const char* joint : {" and ", " & ", ", "}) text = replace_all(std::move(text), joint, " + ");
  for (const auto& [word, count] : {std::pair{"dual ", "2x "}, {"dual-", "2x "}, {"triple ", "3x "}, {"quad ", "4x "}, {"quad-", "4x "}, {"2-gpu ", "2x "}, {"4-gpu ", "4x "}, {"8-gpu ", "8x "},
                                    {"dgx ", "8x "}, {"hgx ", "8x "}, {"nvidia dgx ", "8x "}, {"nvidia hgx ", "8x "}})
    if (starts_with_ignoring_case(text, word)) text = count + text.substr(std::string_view(word).size());
  const std::string inside = to_lower(inside_parentheses(text));
  if (const std::string digits = replace_all(replace_all(replace_all(replace_all(inside, "\xC3\x97", ""), "x", ""), "gpus", ""), " ", ""); !inside.empty() && parse_int(digits) && digits != inside)
    text = digits + "x " + outside_parentheses(text);
  return text;
}

// One group of a rig's spec, whose name may hold the count where nothing is called so.
Result<catalog::Device> group_device(const catalog::Catalog& catalog, rig::DeviceGroup& group, std::optional<Bytes> hint) {
  if (auto whole = whole_device(catalog, group.name, hint)) return whole;
  if (group.count != 1) return printed_device(catalog, group.name, hint);
  for (const rig::Counted& one : rig::split_counts(group.name)) {
    auto named = printed_device(catalog, one.name, hint);
    if (!named || one.count < 1 || one.count > rig::kMostOfAKind) continue;
    group.count = static_cast<int>(one.count);   // before parentheses are left out, with what stands behind them: "Gaudi 2 (HL-225H) x2"
    return named;
  }
  return printed_device(catalog, group.name, hint);
}

// "8xH100", "2x RTX 3090; host=...", "3090 + 4090": as a rig's spec says it. not_found where it is none.
Result<Stated> by_spec(const catalog::Catalog& catalog, const std::string& printed, std::optional<Bytes> hint, const Error& unknown) {
  auto spec = rig::read_spec(printed);
  if (!spec) return tl::unexpected<Error>(unknown);
  Stated out{{}, {}, 0, 0, 0};
  for (rig::Part& part : spec->parts)
    for (rig::DeviceGroup& group : part.groups) {
      std::vector<rig::Option> options = part.options;
      options.insert(options.end(), group.options.begin(), group.options.end());
      for (const rig::Option& option : options) {
        if (option.name == "memory") {
          RC_ASSIGN(bytes, rig::read_memory(option));
          out.memory_gb = bytes.value() / kGiB;
          hint = bytes;
        }
        if (option.name == "power") out.watts = parse_double(trim(std::string_view(option.value).substr(0, option.value.find_first_of("wW")))).value_or(0);
      }
      auto device = group_device(catalog, group, hint);
      if (!device) return tl::unexpected<Error>(spec->parts.size() == 1 && part.groups.size() == 1 ? unknown : device.error());
      if (!out.device) out.device = *device;
      for (int i = 0; i < group.count && out.count + i < rig::kMostDevices; ++i) out.unlike.push_back(*device);
      out.count += group.count;
    }
  if (!out.device) return tl::unexpected<Error>(unknown);
  if (std::all_of(out.unlike.begin(), out.unlike.end(), [&](const catalog::Device& d) { return d.key == out.device->key; })) out.unlike.clear();
  return out;
}

bool is_processor_word(std::string_view name) { return equal_ignoring_case(trim(name), "cpu") || equal_ignoring_case(trim(name), "cpu only") || equal_ignoring_case(trim(name), "cpu-only"); }

}  // namespace

bool names_a_count(std::string_view device) { return !rig::split_counts(device).empty() || as_spec(device) != trim(device); }

namespace {

// How many a row ran on: one that says "single" of a machine of eight used one of them.
int count_of(const Observation& o, int named) { return o.devices > 1 || o.mode == "single" ? std::max(1, o.devices) : std::max(1, named); }

}  // namespace

Result<Stated> stated_of(const catalog::Catalog& catalog, const Observation& o) {
  if (o.device.empty()) return fail(ErrorKind::input, "no device is stated");
  Stated processors{{}, {}, std::max(1, o.devices), 0, 0};
  if (contains(o.device, "CPU)") || is_processor_word(o.device)) return processors;
  const auto hint = memory_hint(o);
  const auto one = [&](catalog::Device device) { return Stated{std::move(device), {}, std::max(1, o.devices), 0, 0}; };
  auto first = whole_device(catalog, o.device, hint);
  if (first) return one(std::move(*first));
  Error unknown = first.error();
  for (const std::string* name : {&o.device, &o.device_printed}) {
    if (name->empty() || (name == &o.device_printed && *name == o.device)) continue;
    const bool counted = names_a_count(*name);   // "RTX 3090 (2x)" is known without its count, too
    if (!counted)
      if (auto exact = exact_device(catalog, *name, hint)) return one(std::move(*exact));
    if (processor_of(catalog, *name)) return processors;
    for (const std::string& spelled : {as_spec(*name), *name})
      if (auto spec = by_spec(catalog, spelled, hint, first.error())) {
        spec->count = count_of(o, spec->count);
        if (spec->count == 1 || static_cast<std::size_t>(spec->count) != spec->unlike.size()) spec->unlike.clear();
        return spec;
      } else if (spec.error().kind == ErrorKind::input && name == &o.device && unknown.kind != ErrorKind::input) {
        unknown = spec.error();   // a name of several versions says more than one of none
      }
    if (auto usual = printed_device(catalog, *name, hint)) return one(std::move(*usual));   // of whose parts one is known
  }
  for (const rig::Counted& several : rig::split_counts(o.device))   // "2x Xeon Platinum 8480+"
    if (several.count >= 1 && several.count <= 64 && processor_of(catalog, several.name)) {
      processors.count = std::max(o.devices, static_cast<int>(several.count));
      return processors;
    }
  // The memory of all cards together, where that of one is asked for.
  if (o.devices > 1 && o.memory_gb > 0)
    if (auto device = printed_device(catalog, o.device, Bytes(o.memory_gb * kGiB / o.devices))) return Stated{std::move(*device), {}, o.devices, o.memory_gb / o.devices, 0};
  if (unknown.kind == ErrorKind::not_found && unknown.nearest.empty())
    if (auto advised = catalog.device(o.device, hint); !advised) unknown = advised.error();
  return tl::unexpected<Error>(std::move(unknown));
}

std::vector<std::string> versions_of(const catalog::Catalog& catalog, const Observation& o) {
  const auto names = read_names(catalog);
  if (names.contains(fold_name(o.device)) || names.contains(catalog::core_name(fold_name(o.device))) || catalog.device(o.device, memory_hint(o), Advice::none)) return {};
  return catalog.keys(catalog::Kind::device, o.device);
}

std::optional<catalog::Processor> processor_of(const catalog::Catalog& catalog, std::string_view name) {
  if (trim(name).empty()) return std::nullopt;
  std::vector<std::string> tries{std::string(name), outside_parentheses(name)};
  std::string plain = outside_parentheses(name);
  if (plain.size() > 2 && plain[1] == 'x' && plain[0] >= '1' && plain[0] <= '9') tries.push_back(std::string(trim(plain.substr(2))));
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) tries.emplace_back(trim(name.substr(0, at)));
  // "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", "AMD Ryzen 9 5900X 12-Core Processor"
  std::string cleaned = replace_all(replace_all(replace_all(std::string(name), "(R)", ""), "(TM)", ""), " CPU", "");
  cleaned = std::string(trim(cleaned.substr(0, cleaned.find('@'))));
  if (const std::size_t core = cleaned.find("-Core"); core != std::string::npos)
    tries.emplace_back(trim(cleaned.substr(0, cleaned.rfind(' ', core))));
  tries.push_back(cleaned);
  tries.push_back(outside_parentheses(cleaned));
  for (const std::string& text : tries) {
    if (!catalog.has(catalog::Kind::processor, text)) continue;
    if (auto processor = catalog.processor(text)) return *processor;
  }
  return std::nullopt;
}

std::string engine_key(const Observation& o) {
  const std::string e = to_lower(o.engine);
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 24> names{{
      {"ik_llama", "ik_llama.cpp"}, {"ollama", "ollama"}, {"lm studio", "lm-studio"}, {"llama.cpp", "llama.cpp"}, {"llamacpp", "llama.cpp"},
      {"tt-metal", "tt-metal"}, {"tenstorrent", "tt-metal"}, {"mlx", "mlx"}, {"vllm", "vllm"}, {"slimserve", "vllm"}, {"sglang", "sglang"},
      {"tensorrt", "tensorrt-llm"}, {"trt", "tensorrt-llm"}, {"transformers", "transformers"}, {"exllamav2", "exllamav2"}, {"exl", "exllamav3"},
      {"ktransformers", "ktransformers"}, {"ds4", "ds4"}, {"rkllm", "rkllm"}, {"mindie", "mindie"}, {"lmdeploy", "lmdeploy"},
      {"openvino", "openvino"}, {"deepspeed-mii", "deepspeed-mii"}, {"deepspeed", "transformers"}}};
  if (contains(e, "ktransformers")) return "ktransformers";
  const std::string folded = fold_name(o.engine);   // other spellings of what is listed below
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> spelled{{
      {"ik-llama", "ik_llama.cpp"}, {"llama-cpp", "llama.cpp"}, {"llama-bench", "llama.cpp"}, {"llama-server", "llama.cpp"}, {"llama-cli", "llama.cpp"}, {"llama-batched-bench", "llama.cpp"},
      {"lmstudio", "lm-studio"}, {"lm-studio", "lm-studio"}, {"exllama-v2", "exllamav2"}, {"exl2", "exllamav2"}, {"tensor-rt", "tensorrt-llm"},
      {"hugging-face", "transformers"}}};
  if (!contains(e, "llama.cpp") || contains(folded, "ik-llama"))
    for (const auto& [part, key] : spelled)
      if (contains(folded, part)) return std::string(key);
  for (const auto& [part, key] : names)
    if (contains(e, part)) return std::string(key);
  return e.empty() ? "llama.cpp" : e.substr(0, e.find(' '));
}

std::string backend_key(const Observation& o, const std::string& engine, const catalog::Device* device) {
  std::string b = to_lower(trim(o.backend));
  if (!device) return "cpu";
  for (const char* word : {"gpu", "auto", "default", "native", "none", "n/a", "unknown", "pytorch", "torch"})
    if (b == word) b.clear();
  if (b == "mps") return "metal";
  if (b.starts_with("cpu") && b.find_first_of("+/,&") == std::string::npos) return "cpu";
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 19> names{{
      {"cuda", "cuda"}, {"rocm", "rocm"}, {"hip", "rocm"}, {"vulkan", "vulkan"}, {"tt", "tt-metal"}, {"metal", "metal"}, {"sycl", "sycl"},
      {"xpu", "xpu"}, {"cann", "cann"}, {"musa", "musa"}, {"maca", "maca"}, {"opencl", "opencl"}, {"hexagon", "hexagon"}, {"rknpu", "rknpu"},
      {"openvino", "openvino"}, {"neuron", "neuron"}, {"hpu", "hpu"}, {"tpu", "tpu"}, {"mlx", "metal"}}};
  for (const auto& [part, key] : names)
    if (contains(b, part)) {   // PyTorch's name of Intel's cards, and that of their language: ggml speaks the one, servers the other
      const bool intel = key == "sycl" || key == "xpu";
      return std::string(!intel ? key : cost::engine_group(engine) == "ggml" ? "sycl" : "xpu");
    }
  if (b == "cpu") return "cpu";
  if (!b.empty()) return b;
  const std::string& v = device->vendor;
  if (v == "nvidia") return "cuda";
  if (v == "apple") return "metal";
  if (v == "amd") return engine == "ollama" ? "rocm" : device->kind == catalog::DeviceKind::apu ? "vulkan" : "rocm";
  if (v == "intel") return "vulkan";
  if (v == "huawei") return "cann";
  return v == "moore-threads" ? "musa" : "vulkan";
}

std::string recipe_of(std::string_view quant) {
  std::string q = to_upper(trim(quant));
  if (q.empty()) return {};
  if (q.rfind("GGUF-", 0) == 0) q = q.substr(5);
  if (q.rfind("MIX-", 0) == 0) q = q.substr(4);
  for (const char* tail : {" MIX", " (", "-REAP", "-MTP", "_R4", "_R8"})
    if (const std::size_t at = q.find(tail); at != std::string::npos && at > 0) q = q.substr(0, at);
  static const std::map<std::string, std::string> same = {
      {"CUSTOM", "IQ4_KS"},       {"QAT", "Q4_0"},          {"Q4", "Q4_K_M"},            {"Q8", "Q8_0"},          {"Q2", "Q2_K"},
      {"Q4_K", "Q4_K_M"},         {"Q5_K", "Q5_K_M"},       {"Q3_K", "Q3_K_M"},          {"DQ4_K", "IQ4_K"},      {"AWQ-INT4", "AWQ"},
      {"INT4", "AWQ"},            {"W4A16", "AWQ"},         {"AUTOROUND-INT4", "AWQ"},   {"INT4-AUTOROUND", "AWQ"}, {"W4A16-G32", "INT4-G32"},
      {"INT8", "GPTQ-INT8"},      {"INT8-W8A8", "W8A8"},    {"W8A8-G128", "W8A8"},       {"FP16", "F16"},         {"BF16/FP16", "BF16"},
      {"FP4", "NVFP4"},           {"MLX-4BIT-QAT", "MLX-4BIT"}, {"MLX-3.5BPW", "3.8BPW"}, {"INT4 WEIGHTS", "AWQ"}, {"INT8 WEIGHTS", "GPTQ-INT8"},
      {"IQ2_XXS+Q2_K", "2.4BPW"}, {"PQ2_0", "2.2BPW"},      {"Q4-XYZ-V2", "Q4_K_S"},     {"QAT-MIXED-INT2-4-8", "4.5BPW"}, {"UD-Q2_K_XL", "Q2_K"},
      {"UD-Q3_K_XL", "Q3_K_M"},   {"UD-Q4_K_XL", "Q4_K_M"}, {"UD-Q5_K_XL", "Q5_K_M"},    {"UD-Q6_K_XL", "Q6_K"},  {"UD-Q8_K_XL", "Q8_0"},
      {"FP8-STATIC", "FP8"},      {"FP8-DYNAMIC", "FP8"},   {"MXFP4-MOE", "MXFP4"},      {"AWQ-4BIT", "AWQ"},     {"4BIT", "MLX-4BIT"},
      {"INT4-G32", "INT4-G32"},   {"Q1_0", "Q1_0"},         {"8BIT", "MLX-8BIT"}};
  if (const auto found = same.find(q); found != same.end()) return found->second;
  if (q.rfind("UD-", 0) == 0) return q.substr(3);
  return q;
}

std::string default_recipe(const catalog::Catalog& catalog, const std::string& engine) {
  if (engine == "ktransformers" || engine == "ds4") return "Q4_K_M";   // what is measured with them
  if (!catalog.has(catalog::Kind::engine, engine)) return {};
  const auto known = catalog.engine(engine);
  return known ? (*known)->usual_quant : std::string();
}

std::optional<model::Architecture> surrogate(const catalog::Catalog& catalog, const Observation& o, std::string_view recipe) {
  Sizes s = sizes_in(o.model);
  if (s.total <= 0) { const Sizes printed = sizes_in(o.model_printed); s.total = printed.total; s.active = std::max(s.active, printed.active); }
  if (o.parameters > 0) s.total = o.parameters;
  if (s.total <= 0 && o.model_bytes > 0) s.total = o.model_bytes * 8 / 4.8;
  if (s.total <= 0) return std::nullopt;
  const bool experts = s.active > 0 && s.active < 0.7 * s.total;
  model::Architecture a;
  a.key = o.model.empty() ? o.model_printed : o.model;
  a.name = a.key;
  a.family = "llama";
  a.tied_embeddings = s.total < 4e9;
  a.vocab = s.total < 1e9 ? 64000 : 128000;
  const double body = experts ? s.active : s.total;
  const int layers = std::clamp(static_cast<int>(std::lround(32 * std::pow((experts ? 4 : 1) * body / 8e9, 0.28))), 12, 120);
  int hidden = 512;  // 2.5 h^2 of attention and 10.5 h^2 of feed-forward a layer
  const double tables = a.tied_embeddings ? 1 : 2;
  while (hidden < 20480 && layers * 13.0 * hidden * hidden + tables * a.vocab * hidden < body) hidden += 128;
  a.hidden = hidden;
  model::Layer layer;
  layer.attention = {.kind = model::AttentionKind::full, .heads = std::max(1, hidden / 128), .kv_heads = std::max(1, hidden / 512),
                     .key_dim = 128, .value_dim = 128};
  const int width = 7 * hidden / 2;
  constexpr int kExperts = 128, kUsed = 8;
  const double fixed = layers * 2.5 * hidden * hidden + tables * a.vocab * hidden;
  const int expert_width = std::max(64, static_cast<int>((s.total - fixed) / (3.0 * layers * kExperts * hidden)));
  layer.feed_forward = experts ? model::FeedForward{.kind = model::FeedForwardKind::moe, .experts = kExperts, .experts_used = kUsed, .expert_width = expert_width}
                               : model::FeedForward{.kind = model::FeedForwardKind::dense, .width = width};
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  using model::Role;
  a.tensors.push_back(tensor("token_embd.weight", Role::token_embedding, model::kInputLayer, hidden, a.vocab));
  for (int l = 0; l < layers; ++l) {
    const std::string name = "blk." + std::to_string(l) + ".";
    const int kv = 128 * layer.attention.kv_heads;
    a.tensors.push_back(tensor(name + "attn_q.weight", Role::attention, l, hidden, hidden));
    a.tensors.push_back(tensor(name + "attn_k.weight", Role::attention, l, hidden, kv));
    a.tensors.push_back(tensor(name + "attn_v.weight", Role::attention, l, hidden, kv));
    a.tensors.push_back(tensor(name + "attn_output.weight", Role::attention, l, hidden, hidden));
    const Role role = experts ? Role::expert_ffn : Role::dense_ffn;
    const std::string tail = experts ? "_exps.weight" : ".weight";
    const int w = experts ? expert_width : width;
    const std::int64_t count = experts ? kExperts : 1;
    a.tensors.push_back(tensor(name + "ffn_gate" + tail, role, l, hidden, w, count));
    a.tensors.push_back(tensor(name + "ffn_up" + tail, role, l, hidden, w, count));
    a.tensors.push_back(tensor(name + "ffn_down" + tail, role, l, w, hidden, count));
  }
  if (!a.tied_embeddings) a.tensors.push_back(tensor("output.weight", Role::output_head, layers, hidden, a.vocab));
  if (!model::apply_quant(catalog, a, recipe.empty() ? "BF16" : recipe)) {
    const auto fallback = model::apply_quant(catalog, a, "Q4_K_M");
    if (!fallback) return std::nullopt;
  }
  return a;
}

}  // namespace rigcast::calibration::detail
