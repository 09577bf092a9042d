#include "cost/load.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "cost/paths.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost {
namespace {

using model::AttentionKind;
using model::Role;
using placement::kHost;

// Round numbers that give overheads a size before calibration: amount per second.
constexpr double kKernelsOfALayer = 16;             // of plain attention and feed-forward
constexpr double kKernelsPerSecond = kKernelsOfALayer / 50e-6;
constexpr double kPromptKernelsPerSecond = kKernelsOfALayer / 100e-6;
constexpr double kHostStepsPerSecond = 1 / 0.5e-3;
constexpr double kPromptsPerSecond = 1 / 1e-3;
constexpr double kSequencesPerSecond = 1 / 20e-6;
constexpr double kReductionsPerSecond = 1 / 12e-6;
constexpr double kHopsPerSecond = 1 / 50e-6;
constexpr double kSyncsPerSecond = 1 / 20e-6;

struct Builder {
  const model::Architecture& model;
  const rig::Rig& rig;
  const placement::Placement& place;
  const Conditions& conditions;
  Setting setting;
  Load load;
  int split = 1;            // devices that share every tensor
  int lead = 0;             // of those, the one the others wait for
  double part = 1;          // of every tensor that it holds
  int copies = 1;           // of attention among them, each with its own requests (attention by data)

  int path(Path p) {
    if (!setting.source.empty()) p.factors.push_back({"source|" + setting.source, 1});
    load.paths.push_back(std::move(p));
    return static_cast<int>(load.paths.size()) - 1;
  }
  const rig::Host& host() const { return rig.hosts.front(); }
  const rig::RigDevice& device(int index) const { return rig.devices[static_cast<std::size_t>(index)]; }
};

std::string place_name(const Builder& b, int device) {
  if (device == kHost) return "host";
  return "device " + std::to_string(device) + ": " + b.device(device).device.name;
}

// A power cap lowers compute before it lowers bandwidth: two exponents on log(limit / rated).
void add_power_cap(Path& path, std::string_view quantity, const rig::RigDevice& device) {
  if (!device.power_limit || !device.device.power) return;
  const double ratio = device.power_limit->value() / device.device.power->value.value() * device.device.chips;
  if (ratio > 0 && ratio < 1) add_factor(path, quantity, "power_cap", "", std::log(ratio));
}

// Chips whose arithmetic nobody publishes: phones and embedded parts compute about 40 flop for each byte they can read.
double known_rate(double rate, const catalog::Device& device) { return rate > 0 ? rate : 40 * device.bandwidth->value.value(); }

Path weight_path(const Builder& b, int device, const std::string& format, bool experts) {
  if (device == kHost) {
    Path p = host_path("host_weights", reachable_bandwidth(b.host(), b.place.settings.threads).value(), b.host(), b.setting);
    add_factor(p, "host_weights", "format", format);
    if (experts) add_factor(p, "host_weights", "experts", "");
    if (fabric_bound(b.host())) add_factor(p, "host_weights", "fabric", "");
    else if (b.host().memory_type.starts_with("lpddr")) add_factor(p, "host_weights", "lpddr", "");
    // Beside a device the host reads in short bursts.
    if (b.load.offloaded) add_factor(p, "host_weights", "offload", "");
    return p;
  }
  const double peak = b.device(device).device.bandwidth->value.value() / reads_per_weight(b.setting, format);
  Path p = device_path("weights", peak, b.device(device), b.setting);
  add_factor(p, "weights", "format", format);
  add_factor(p, "weights", "format+engine", format + ":" + b.setting.engine + ":" + b.setting.backend);
  if (experts) {
    add_factor(p, "weights", "experts", "");
    add_factor(p, "weights", "experts+engine", b.setting.engine + ":" + b.setting.backend);
  }
  add_power_cap(p, "weights", b.device(device));
  return p;
}

Path gemm_path(const Builder& b, int device, const std::string& format, bool experts, bool decode) {
  if (device == kHost) {
    const char* quantity = decode ? "host_decode" : "host_gemm";
    const int threads = b.place.settings.threads;
    Path p = host_path(quantity, decode ? decode_rate(b.host(), threads, format) : prompt_rate(b.host(), threads, b.setting, format, experts), b.host(), b.setting);
    add_factor(p, quantity, "format", format);
    if (!decode) add_factor(p, quantity, "kernel", std::string(to_string(prompt_kernel(b.host(), b.setting, format, experts))) + ":" + b.setting.engine);
    if (experts) add_factor(p, quantity, "experts", "");
    if (b.load.offloaded) add_factor(p, quantity, "offload", "");
    return p;
  }
  const catalog::Device& d = b.device(device).device;
  Path p = device_path("gemm", known_rate(matrix_rate(d, b.setting, format), d), b.device(device), b.setting);
  add_factor(p, "gemm", "format", format);
  add_factor(p, "gemm", "format+engine", format + ":" + b.setting.engine + ":" + b.setting.backend);
  add_factor(p, "gemm", "width", "", std::log(std::max(b.model.hidden, 256) / 4096.0));
  if (!decode) add_factor(p, "gemm", "architecture", b.model.family);
  if (experts) {
    add_factor(p, "gemm", "experts", "");
    add_factor(p, "gemm", "experts+engine", b.setting.engine + ":" + b.setting.backend);
  }
  if (decode) add_factor(p, "gemm", "decode", "");
  else {
    add_factor(p, "gemm", "ubatch", "", std::log(std::max(b.load.ubatch, 16) / 512.0));
    const auto half = d.rates.find("fp16"), single = d.rates.find("fp32");
    if (b.setting.backend != "cuda" && half != d.rates.end() && single != d.rates.end())
      add_factor(p, "gemm", "matrix_units:backend", b.setting.backend, std::log(half->second.value / single->second.value / 2));
  }
  add_power_cap(p, "gemm", b.device(device));
  return p;
}

// Every weight costs a device some plain arithmetic (unpacking, scaling, adding), however few rows are multiplied with it.
Path vector_path(const Builder& b, int device, const std::string& format) {
  const catalog::Device& d = b.device(device).device;
  Path p = device_path("vector", known_rate(vector_rate(d), d), b.device(device), b.setting);
  add_factor(p, "vector", "format", format);
  add_factor(p, "vector", "format+engine", format + ":" + b.setting.engine + ":" + b.setting.backend);
  add_power_cap(p, "vector", b.device(device));
  return p;
}

struct GroupKey {
  int device;
  bool experts;
  bool copied;          // attention by data: every copy has the whole matrix and sees its own requests only
  bool head;            // the output head, which prompts need for their last token only
  std::string format;
  auto operator<=>(const GroupKey&) const = default;
};
struct Group { double bytes = 0, elements = 0; int count = 0, experts = 0, used = 0; double width = 0; };

bool multiplied(Role role, bool tied) {
  switch (role) {
    case Role::attention: case Role::recurrent: case Role::dense_ffn: case Role::expert_ffn: case Role::shared_expert_ffn:
    case Role::router: case Role::output_head: return true;
    case Role::token_embedding: return tied;
    default: return false;
  }
}

int device_of(const Builder& b, std::size_t tensor) {
  if (b.place.mode == placement::Mode::cpu || b.rig.devices.empty()) return kHost;
  const int device = tensor < b.place.tensor_device.size() ? b.place.tensor_device[tensor] : 0;
  return b.split > 1 && device != kHost ? b.lead : device;
}

// Devices that share every tensor wait for each other: the time is that of the one with the most to read for its bandwidth.
void choose_lead(Builder& b) {
  double slowest = 0;
  for (const placement::DeviceShare& share : b.place.devices) {
    const double part = share.fraction < 1 ? share.fraction : 1.0 / b.split;
    const double seconds = part / b.device(share.device).device.bandwidth->value.value();
    if (seconds <= slowest) continue;
    slowest = seconds;
    b.lead = share.device;
    b.part = part;
  }
}

// Engines compute logits of a prompt's last token alone; MLX began to in August 2025 and Transformers in December 2024.
bool logits_of_last_token(const Builder& b) {
  const double since = b.setting.engine == "mlx" ? 2025.6 : b.setting.group == "eager" ? 2024.9 : 0;
  return b.conditions.engine_year >= since;
}

std::map<GroupKey, Group> group_weights(const Builder& b) {
  const bool last_token = logits_of_last_token(b);
  std::map<GroupKey, Group> groups;
  std::map<std::string_view, std::string> classes;  // a model has a handful of formats, and a thousand tensors
  for (std::size_t i = 0; i < b.model.tensors.size(); ++i) {
    const model::Tensor& t = b.model.tensors[i];
    if (!multiplied(t.role, b.model.tied_embeddings) || t.shape[1] * t.shape[2] <= 1) continue;
    const bool experts = t.role == Role::expert_ffn;
    int device = device_of(b, i);
    if (t.role == Role::token_embedding && device == kHost && !b.place.devices.empty() && b.place.mode != placement::Mode::cpu)
      device = b.place.devices.back().device;  // a tied head is copied to where the output is computed
    const auto [format, is_new] = classes.try_emplace(t.quant);
    if (is_new) format->second = format_class(t.quant);
    const bool copied = b.copies > 1 && (t.role == Role::attention || t.role == Role::recurrent);
    const bool head = last_token && (t.role == Role::output_head || t.role == Role::token_embedding);
    Group& g = groups[{device, experts, copied, head, format->second}];
    const double part = device == kHost ? 1 : b.part * (copied ? b.copies : 1);
    g.bytes += t.bytes.value() * part;
    g.elements += static_cast<double>(t.elements()) * part;
    ++g.count;
    if (experts && t.layer >= 0 && static_cast<std::size_t>(t.layer) < b.model.layers.size()) {
      const auto& ff = b.model.layers[static_cast<std::size_t>(t.layer)].feed_forward;
      g.experts = ff.experts;
      g.used = ff.experts_used;
    }
  }
  return groups;
}

void add_weights(Builder& b) {
  for (const auto& [key, g] : group_weights(b)) {
    Stage s{.kind = key.experts ? StageKind::experts : StageKind::weights, .device = key.device, .where = place_name(b, key.device)};
    s.weight_bytes = g.bytes;
    s.token_share = key.copied ? 1.0 / b.copies : 1;
    s.last_token = key.head;
    s.experts = g.experts;
    s.experts_used = g.used;
    const double share = key.experts && g.experts > 0 ? static_cast<double>(g.used) / g.experts : 1;
    s.weight_flop = 2 * g.elements * share;
    s.memory = s.prefill_memory = b.path(weight_path(b, key.device, key.format, key.experts));
    s.compute = b.path(gemm_path(b, key.device, key.format, key.experts, true));
    s.prefill_compute = b.path(gemm_path(b, key.device, key.format, key.experts, false));
    if (key.device != kHost && (b.setting.group == "ggml" || b.setting.group == "mlx" || b.setting.group == "exllama"))
      s.vector = b.path(vector_path(b, key.device, key.format));
    if (key.device == kHost && b.load.offloaded && b.place.settings.op_offload && b.load.ubatch >= 32) {
      // Large batches of host weights may be streamed to the device and multiplied there; the faster of the two is taken.
      const placement::DeviceShare& first = b.place.devices.front();
      const rig::Path link = path_between(b.rig, -1, first.device);
      Path p = engine_path("stream", link.bandwidth.value() > 0 ? link.bandwidth.value() : 12e9, b.setting);
      s.step_amount = 1;
      s.prefill_memory = b.path(std::move(p));
    }
    b.load.active_bytes += g.bytes * share / (key.device == kHost ? 1 : b.part * (key.copied ? b.copies : 1));
    b.load.stages.push_back(std::move(s));
  }
}

// Engines that compute sliding layers over the whole cache: without a windowed cache there is nothing to save.
bool windows_save_work(const Builder& b) {
  if (b.setting.engine == "ik_llama.cpp" || b.setting.group == "eager" || b.place.settings.swa_full) return false;
  return b.setting.group != "ggml" || b.conditions.engine_year >= 2025.38;  // llama.cpp: windowed cache since May 2025
}

// DeepSeek V4: a window of 128 tokens and 512 chosen entries of a compressed cache, whatever the depth.
constexpr int kCompressedWindow = 640;
bool compressed_attention(const model::Architecture& model) { return model.family == "deepseek4" || model.key.rfind("deepseek-v4", 0) == 0; }

struct AttentionKey {
  int device;
  int window;
  bool latent;
  auto operator<=>(const AttentionKey&) const = default;
};
struct AttentionSum { double token_bytes = 0, flop = 0, absorbed_flop = 0, layers = 0, share = 0; };

std::map<AttentionKey, AttentionSum> group_attention(const Builder& b) {
  std::map<AttentionKey, AttentionSum> groups;
  const double kb = cache_bytes(b.place.settings.key_quant), vb = cache_bytes(b.place.settings.value_quant);
  const bool windows = windows_save_work(b);
  for (std::size_t i = 0; i < b.model.layers.size(); ++i) {
    const model::Attention& a = b.model.layers[i].attention;
    if (a.kind == AttentionKind::none) continue;
    int device = b.rig.devices.empty() || b.place.mode == placement::Mode::cpu ? kHost
                 : i < b.place.kv_device.size() ? b.place.kv_device[i] : 0;
    if (b.split > 1 && device != kHost) device = b.lead;
    const bool latent = a.kind == AttentionKind::mla;
    int window = windows && (a.kind == AttentionKind::sliding || a.kind == AttentionKind::chunked) ? a.window : 0;
    if (a.indexer_top_k > 0) window = a.indexer_top_k;
    const double part = device == kHost ? 1 : b.part * b.copies;
    double flop = 2.0 * a.heads * (a.key_dim + a.value_dim) * part;
    if (compressed_attention(b.model)) {  // attends to few of the entries; scoring them all costs a thirty-second
      AttentionSum& chosen = groups[{device, kCompressedWindow, latent}];
      chosen.flop += flop;
      chosen.layers += 1;
      flop /= 32;
    }
    AttentionSum& sum = groups[{device, window, latent}];
    if (latent) {  // every tensor-parallel rank holds and reads the whole latent cache, and multiplies it by its own heads
      sum.token_bytes += (a.latent_dim + a.rope_dim) * kb;
      const double absorbed = 2.0 * a.heads * (2.0 * a.latent_dim + a.rope_dim) * part;
      sum.absorbed_flop += absorbed;
      // llama.cpp reads prompts by the same absorbed products since April 2025; the others unfold the latent cache for prompts.
      if (b.setting.group == "ggml" && b.setting.engine != "ik_llama.cpp" && b.conditions.engine_year >= 2025.3 && !compressed_attention(b.model)) flop = absorbed;
    } else {
      const double kv_part = device == kHost ? 1 : std::max(part, 1.0 / std::max(1, a.kv_heads));
      sum.token_bytes += a.kv_heads * (a.key_dim * kb + a.value_dim * vb) * kv_part;
    }
    sum.flop += flop;
    sum.share += std::log(std::max(1.0, static_cast<double>(a.heads) / std::max(1, a.kv_heads)) / 4);
    sum.layers += 1;
  }
  return groups;
}

void add_attention(Builder& b) {
  const Setting& set = b.setting;
  for (const auto& [key, sum] : group_attention(b)) {
    Stage s{.kind = StageKind::kv, .device = key.device, .where = place_name(b, key.device)};
    s.token_bytes = sum.token_bytes;
    s.token_share = key.device == kHost ? 1 : 1.0 / b.copies;
    s.token_flop = sum.flop;
    s.decode_token_flop = sum.absorbed_flop;
    s.window = key.window;
    const bool small_cache = cache_bytes(b.place.settings.key_quant) < 2;
    const bool flash = b.place.settings.flash_attention.value_or(set.group != "ggml" || b.conditions.engine_year > 2025.6);
    Path memory, compute;
    if (key.device == kHost) {
      const int threads = b.place.settings.threads;
      const auto attention = [&](bool decode) {
        Path p = host_path("host_attention", host_attention_rate(b.host(), threads, set, flash, decode), b.host(), set);
        add_factor(p, "host_attention", "kernel", attention_kernel(set, flash) + (decode ? ":decode" : ""));
        return p;
      };
      memory = host_path("host_kv", reachable_bandwidth(b.host(), threads).value(), b.host(), set);
      compute = attention(false);
      s.decode_token_flop = sum.absorbed_flop > 0 ? sum.absorbed_flop : sum.flop;
      s.compute = b.path(attention(true));
    } else {
      const rig::RigDevice& d = b.device(key.device);
      memory = device_path("kv", d.device.bandwidth->value.value(), d, set);
      if (!key.latent) add_factor(memory, "kv", "heads_per_kv:engine", set.engine + ":" + set.backend, sum.share / sum.layers);
      else add_factor(memory, "kv", "latent", set.engine + ":" + set.backend);
      if (small_cache) add_factor(memory, "kv", "small_cache", set.engine + ":" + set.backend);
      compute = device_path("attention", known_rate(attention_rate(d.device, set), d.device), d, set);
      if (key.latent) add_factor(compute, "attention", "latent", set.engine + ":" + set.backend);
      else add_factor(compute, "attention", "heads_per_kv:backend", set.group + ":" + set.backend, sum.share / sum.layers);
      if (small_cache) add_factor(compute, "attention", "small_cache", set.engine + ":" + set.backend);
      add_factor(compute, "attention", "flash", (flash ? "on:" : "off:") + set.backend);
    }
    s.memory = b.path(std::move(memory));
    s.prefill_compute = b.path(std::move(compute));
    if (s.decode_token_flop > 0 && set.group == "serving") s.compute = s.prefill_compute;
    b.load.stages.push_back(std::move(s));
  }
}

void add_recurrent(Builder& b) {
  std::map<int, std::pair<double, double>> by_device;  // state elements, layers
  for (std::size_t i = 0; i < b.model.layers.size(); ++i) {
    const model::Recurrent& r = b.model.layers[i].recurrent;
    if (r.kind == model::RecurrentKind::none) continue;
    int device = b.rig.devices.empty() || b.place.mode == placement::Mode::cpu ? kHost
                 : i < b.place.kv_device.size() ? b.place.kv_device[i] : 0;
    if (b.split > 1 && device != kHost) device = b.lead;
    auto& [elements, layers] = by_device[device];
    elements += static_cast<double>(r.state_elements) * (device == kHost ? 1 : b.part * b.copies);
    layers += 1;
  }
  for (const auto& [device, sum] : by_device) {
    Stage s{.kind = StageKind::state, .device = device, .where = place_name(b, device)};
    s.token_share = device == kHost ? 1 : 1.0 / b.copies;
    s.sequence_amount = sum.first * 8;       // F32, read and written
    s.new_token_amount = sum.first * 6 + 1;  // decay, update, read out
    if (device == kHost) {
      s.memory = b.path(host_path("host_kv", b.host().bandwidth.value(), b.host(), b.setting));
      s.prefill_compute = b.path(host_path("host_attention", host_attention_rate(b.host(), b.place.settings.threads, b.setting, false, false), b.host(), b.setting));
    } else {
      const rig::RigDevice& d = b.device(device);
      s.memory = b.path(device_path("state", d.device.bandwidth->value.value(), d, b.setting));
      s.prefill_compute = b.path(device_path("scan", known_rate(attention_rate(d.device, b.setting), d.device), d, b.setting));
    }
    b.load.stages.push_back(std::move(s));
  }
}

// Kernels that a layer starts for its small vectors beyond the two norms of a plain one: norms of queries and keys, norms behind attention
// and feed-forward, biases (half of which engines add within the product before), projections of per-layer embeddings.
double small_kernels(const Builder& b) {
  double kernels = 0;
  for (const model::Tensor& t : b.model.tensors) {
    if (t.layer < 0 || static_cast<std::size_t>(t.layer) >= b.model.layers.size()) continue;
    if (t.role == Role::norm && !t.name.ends_with("sinks.weight")) kernels += t.name.ends_with(".bias") ? 0.5 : 1;
    if (t.name.ends_with(".inp_gate.weight") || t.name.ends_with(".proj.weight")) kernels += 2;
  }
  return std::max(0.0, kernels - 2.0 * static_cast<double>(b.model.layers.size()));
}

// Kernels one layer starts, in units of a plain attention + feed-forward layer.
double launches_of(const Builder& b, const model::Layer& layer) {
  double units = 0;
  if (layer.attention.kind != AttentionKind::none) units += 0.65;
  if (layer.attention.indexer_top_k > 0) units += 1.5;  // scores of all earlier tokens, their selection, the gathering
  if (layer.recurrent.kind != model::RecurrentKind::none) units += 0.95;
  if (layer.feed_forward.kind == model::FeedForwardKind::dense) units += 0.35;
  if (layer.feed_forward.kind == model::FeedForwardKind::moe) {
    units += layer.feed_forward.shared_width > 0 ? 1.5 : 1.25;
    if (b.setting.group == "eager") units += 0.15 * layer.feed_forward.experts;  // a loop over all experts in Python
  }
  if (compressed_attention(b.model)) units += 2;  // hyper-connections and compressed caches: many small kernels
  return units;
}

void add_overheads(Builder& b) {
  double units = small_kernels(b) / kKernelsOfALayer, moe_units = 0;
  for (const model::Layer& layer : b.model.layers) {
    units += launches_of(b, layer);
    if (layer.feed_forward.kind == model::FeedForwardKind::moe) moe_units += 1;
  }
  const bool cpu = b.rig.devices.empty() || b.place.mode == placement::Mode::cpu;
  const int first = cpu ? kHost : b.place.devices.front().device;
  Stage launch{.kind = StageKind::launch, .device = first, .where = place_name(b, first)};
  launch.step_amount = units * kKernelsOfALayer;
  const double host_kernels = cpu ? kKernelsOfALayer / layer_seconds(b.host(), b.place.settings.threads) : 0;
  Path decode = cpu ? host_path("host_launch", host_kernels, b.host(), b.setting)
                    : device_path("launch", kKernelsPerSecond, b.device(first), b.setting);
  Path prompt = cpu ? host_path("host_launch", kPromptKernelsPerSecond, b.host(), b.setting)
                    : device_path("prompt_launch", kPromptKernelsPerSecond, b.device(first), b.setting);
  if (!cpu && launches_are_graphs(b.device(first).device, b.setting)) add_factor(decode, "launch", "graphs", "");
  if (!cpu) add_factor(decode, "launch", "architecture", b.model.family);
  if (!cpu && b.conditions.eager) add_factor(decode, "launch", "eager", "");
  if (!cpu && moe_units > 0) add_factor(decode, "launch", "experts", b.setting.engine + ":" + b.setting.backend);
  if (!cpu && b.setting.slow_host) {
    add_factor(decode, "launch", "slow_host", "");
    add_factor(decode, "launch", "slow_host:vendor", b.device(first).device.vendor);
  }
  launch.memory = b.path(std::move(decode));
  launch.prefill_memory = b.path(std::move(prompt));
  b.load.stages.push_back(launch);

  Stage step{.kind = StageKind::host, .device = kHost, .where = "host"};
  step.step_amount = 1;
  Path host = engine_path("host_step", kHostStepsPerSecond, b.setting);
  if (b.setting.slow_host) add_factor(host, "host_step", "slow_host", "");
  // A process for each device had to be told every step; since 2025 they are told ahead.
  if (b.split > 1) add_factor(host, "host_step", "ranks", "", std::log(static_cast<double>(b.split)) * std::clamp(-b.setting.year, 0.0, 1.5));
  step.memory = b.path(std::move(host));
  step.prefill_memory = b.path(engine_path("host_prompt", kPromptsPerSecond, b.setting));
  b.load.stages.push_back(step);

  Stage sequence{.kind = StageKind::sequence, .device = kHost, .where = "host"};
  sequence.sequence_amount = 1;
  sequence.token_share = 1.0 / b.copies;  // every copy has a scheduler of its own
  sequence.memory = b.path(engine_path("host_sequence", kSequencesPerSecond, b.setting));
  b.load.stages.push_back(sequence);
}

// Messages that devices which share every tensor wait for in one step. Tensor parallel reduces twice a layer, after attention and after the
// feed-forward; attention by data needs no sum of its own, but experts gather the tokens of all copies and scatter them after. Rows
// (llama.cpp up to build 9889) send the input of every matrix to each other device and fetch each one's part of the result.
double messages_of(const Builder& b) {
  if (b.copies > 1 && b.copies == b.split) {
    double expert_layers = 0;
    for (const model::Layer& layer : b.model.layers) expert_layers += layer.feed_forward.kind == model::FeedForwardKind::moe ? 1 : 0;
    return 2 * std::max(expert_layers, 1.0);
  }
  if (b.place.mode != placement::Mode::row) return 2.0 * static_cast<double>(b.model.layers.size());
  double matrices = 0;
  for (const model::Tensor& t : b.model.tensors)
    matrices += multiplied(t.role, false) && t.role != Role::expert_ffn && t.role != Role::router && t.shape[1] * t.shape[2] > 1 ? 1 : 0;
  return matrices * 2 * (b.split - 1);
}

// Bytes over the links for one token under a row split: inputs go out as 8-bit blocks to every other device, outputs come back as F32.
double row_split_bytes(const Builder& b) {
  double bytes = 0;
  for (const model::Tensor& t : b.model.tensors) {
    if (!multiplied(t.role, false) || t.role == Role::output_head || t.shape[1] <= 1) continue;
    const double used = t.role == Role::expert_ffn && t.layer >= 0 ? b.model.layers[static_cast<std::size_t>(t.layer)].feed_forward.experts_used : 1;
    const double in = static_cast<double>(t.shape[0]), out = static_cast<double>(t.shape[1]);
    bytes += used * (1.0625 * in * (b.split - 1) + 4 * out * (b.split - 1) / b.split);
  }
  return bytes;
}

// How often the work of one step goes from a device to the host and back: once for the feed-forward part of a layer whose weights are on the
// host (gate, up and down cross together), once for the attention of a layer whose cache is.
double crossings_of(const Builder& b) {
  double crossings = 0;
  if (b.load.offloaded)
    for (std::size_t i = 0; i < b.model.tensors.size(); ++i)
      if (b.model.tensors[i].role == Role::expert_ffn || b.model.tensors[i].role == Role::dense_ffn) crossings += device_of(b, i) == kHost ? 1.0 / 3 : 0;
  if (b.place.mode == placement::Mode::cpu || b.place.settings.kv_offload) return crossings;
  for (const model::Layer& layer : b.model.layers) crossings += layer.attention.kind != AttentionKind::none ? 1 : 0;
  return crossings;
}

// Devices of several hosts: what crosses the network in one step. Layers in ranges hand over once where the next range lies elsewhere, and
// the engine's process relays it, so each handover is two messages; logits come home from the last. Devices that share every tensor reduce
// in a ring over the hosts: 2 (h - 1) messages for each reduction, and 2 (h - 1) / h of the activations.
void add_network(Builder& b) {
  const auto& used = b.place.devices;
  const auto host_of = [&](std::size_t i) { return b.device(used[i].device).host; };
  rig::Path slowest;
  double handovers = 0, hosts = 1;
  for (std::size_t i = 1; i < used.size(); ++i) {
    if (host_of(i) == host_of(i - 1)) continue;
    const rig::Path path = path_between(b.rig, used[i - 1].device, used[i].device);
    if (slowest.bandwidth.value() <= 0 || path.bandwidth < slowest.bandwidth) slowest = path;
    ++handovers;
    ++hosts;
  }
  if (handovers <= 0 || slowest.bandwidth.value() <= 0) return;
  const double layers = static_cast<double>(b.model.layers.size()), hidden = static_cast<double>(b.model.hidden);
  const double messages = b.split > 1 ? messages_of(b) * 2 * (hosts - 1) : 2 * handovers + 1;
  const double bytes = b.split > 1 ? 2 * layers * hidden * 2 * 2 * (hosts - 1) / hosts : 2 * handovers * hidden * 4;
  Stage latency{.kind = StageKind::hop, .device = used[0].device, .where = "network"};
  latency.step_amount = messages;
  latency.memory = b.path(engine_path("network", 1 / std::max(1e-6, slowest.latency.value()), b.setting));
  b.load.stages.push_back(latency);
  Stage transfer{.kind = StageKind::all_reduce_bytes, .device = used[0].device, .where = "network"};
  transfer.new_token_amount = bytes;
  transfer.memory = transfer.prefill_memory = b.path(engine_path("network_bytes", slowest.bandwidth.value(), b.setting));
  b.load.stages.push_back(transfer);
}

// "pcie", past the host or through it, or "nvlink" for links of the devices' own.
std::string link_kind(const rig::Path& link) { return link.through_host || link.name.starts_with("PCIe") ? "pcie" : "nvlink"; }

// Fabrics and switches let every device read all others at once. Over PCIe a sum goes round a ring, n - 1 neighbours twice (engines keep
// their one-step kernels for pairs there): counted in rings of four devices.
double rings_of_four(const rig::Path& link, double devices) { return link_kind(link) == "nvlink" ? 1 : (devices - 1) / 3; }

void add_links(Builder& b) {
  const auto& used = b.place.devices;
  if (b.split > 1) {
    const rig::Path link = path_between(b.rig, used[0].device, used[1].device);
    double expert_layers = 0, chosen = 0;
    for (const model::Layer& layer : b.model.layers) {
      if (layer.feed_forward.kind != model::FeedForwardKind::moe) continue;
      expert_layers += 1;
      chosen = layer.feed_forward.experts_used;
    }
    Stage latency{.kind = StageKind::all_reduce, .device = used[0].device, .where = "links"};
    latency.step_amount = b.place.mode == placement::Mode::row ? messages_of(b) : messages_of(b) * rings_of_four(link, b.split);
    Path p = engine_path("all_reduce", kReductionsPerSecond, b.setting);
    add_factor(p, "all_reduce", "link", link_kind(link));
    add_factor(p, "all_reduce", "family", b.device(used[0].device).device.architecture);
    add_factor(p, "all_reduce", "degree", "", std::log(b.split / 4.0));
    latency.memory = b.path(std::move(p));
    b.load.stages.push_back(latency);
    Stage bytes{.kind = StageKind::all_reduce_bytes, .device = used[0].device, .where = "links"};
    // Ring or switch: each device sends and receives (n - 1) / n of the activations twice; FP16. Copies of attention send a token only
    // to the devices of its experts (one byte there, two back) where that is less.
    const double ring = 2 * 2.0 * (b.split - 1) / b.split;
    const double routed = chosen > 0 ? std::min(ring, 3 * chosen / b.copies) : ring;
    const double summed = b.copies > 1 ? expert_layers * routed : 2.0 * static_cast<double>(b.model.layers.size()) * ring;
    bytes.new_token_amount = b.place.mode == placement::Mode::row ? row_split_bytes(b) : b.model.hidden * summed;
    Path q = engine_path("all_reduce_bytes", link.bandwidth.value() > 0 ? link.bandwidth.value() : 12e9, b.setting);
    add_factor(q, "all_reduce_bytes", "link", link_kind(link));
    bytes.memory = bytes.prefill_memory = b.path(std::move(q));
    b.load.stages.push_back(bytes);
  } else if (used.size() > 1) {
    Stage hop{.kind = StageKind::hop, .device = used[0].device, .where = "links"};
    hop.step_amount = static_cast<double>(used.size());
    hop.memory = b.path(engine_path("hop", kHopsPerSecond, b.setting));
    b.load.stages.push_back(hop);
  }
  if (used.size() > 1) add_network(b);
  if (const double crossings = crossings_of(b); crossings > 0) {
    Stage sync{.kind = StageKind::sync, .device = kHost, .where = "host"};
    sync.step_amount = crossings;
    sync.memory = b.path(engine_path("sync", kSyncsPerSecond, b.setting));
    b.load.stages.push_back(sync);
  }
}

}  // namespace

Result<Load> load_of(const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement,
                     const Conditions& conditions) {
  Builder b{architecture, rig, placement, conditions, {}, {}, 1};
  const bool cpu = rig.devices.empty() || placement.mode == placement::Mode::cpu;
  b.setting = {placement.engine, engine_group(placement.engine), cpu ? "cpu" : placement.backend, conditions.engine_year - 2025.5,
               conditions.slow_host, conditions.repacked, conditions.source};
  if (rig.hosts.empty()) return fail(ErrorKind::unsupported, "the rig has no host");
  if (!cpu && placement.devices.empty()) return fail(ErrorKind::unsupported, "the placement uses no device");
  for (const auto& share : placement.devices) {
    const auto& device = rig.devices[static_cast<std::size_t>(share.device)].device;
    if (!device.bandwidth || device.bandwidth->value.value() <= 0)
      return fail(ErrorKind::unsupported, "the memory bandwidth of " + device.name + " is unknown: no speed can be derived");
  }
  using placement::Mode;
  if (!cpu && (placement.mode == Mode::tensor || placement.mode == Mode::row || placement.mode == Mode::expert))
    b.split = std::max(1, static_cast<int>(placement.devices.size()));
  if (b.split > 1) choose_lead(b);
  if (const int copies = placement.settings.data_degree; copies > 1 && b.split % copies == 0) b.copies = copies;
  b.load.engine = placement.engine;
  b.load.backend = b.setting.backend;
  b.load.ubatch = std::max(1, placement.settings.ubatch);
  // Ubatches of one prompt follow each other through the devices: llama.cpp since March 2024, with event-capable backends only.
  if (placement.mode == Mode::layer && placement.engine != "ik_llama.cpp" && b.setting.group == "ggml" && b.setting.backend == "cuda" &&
      conditions.engine_year >= 2024.2)
    b.load.pipeline_devices = static_cast<int>(placement.devices.size());
  for (std::size_t i = 0; !cpu && i < architecture.tensors.size(); ++i) {
    const Role role = architecture.tensors[i].role;
    b.load.offloaded |= multiplied(role, false) && device_of(b, i) == kHost;
  }
  if ((cpu || b.load.offloaded) && rig.hosts.front().bandwidth.value() <= 0)
    return fail(ErrorKind::unsupported, "the memory bandwidth of the host is unknown: no speed can be derived");
  if (b.load.offloaded) b.load.pipeline_devices = 1;
  add_weights(b);
  add_attention(b);
  add_recurrent(b);
  add_overheads(b);
  add_links(b);
  b.load.mixed = b.path(engine_path("mixed", 1, b.setting));
  b.load.mixes = mixes_prompts(b.setting.engine);
  b.load.speculation = b.path(engine_path("speculation", 1, b.setting));
  return std::move(b.load);
}

void resolve(Load& load, const Calibration& calibration) {
  for (Path& path : load.paths) {
    double sum = 0;
    for (const Factor& factor : path.factors)
      if (const Effect* effect = calibration.effects.find(factor.effect)) sum += factor.exponent * effect->mean;
    path.efficiency = std::exp(sum);
  }
}

}  // namespace rigcast::cost
