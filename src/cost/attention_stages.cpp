#include "cost/detail/stages.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "cost/measured.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost::detail {

using model::AttentionKind;
using placement::kHost;

namespace {

// How often a step moves the cache: attention kernels read it once. Eager PyTorch appends to it by copying it whole (read, written), copies
// it once more for every head that shares it (read once, written once a head), and reads those copies. Slopes of 1.2 to 6.3 us a token
// of Qwen2 and Qwen3 with 2 to 8 heads a cache head on A100 and H20 (QwenLM/Qwen3 speed tables) agree with this within 3 %.
double cache_passes(const Builder& b, const model::Attention& a) {
  if (!starts_from_python(b.setting)) return 1;
  return 3 + 2 * static_cast<double>(a.heads) / std::max(1, a.kv_heads);
}

// Without flash attention ggml multiplies a latent cache once for every head: keys, then their first part again as values; half of it is still
// in the caches of the device. Slopes of 29 and 31 ns a token and layer of GLM 4.7 Flash (20 heads, RTX 4090) and DeepSeek V2 Lite (16 heads,
// RTX 4080) are 1.4 KB a head at the memory's rate.
constexpr double kReadByEachHead = 0.5;

bool uses_flash(const Builder& b) { return b.place.settings.flash_attention.value_or(flash_by_default(b.setting)); }

constexpr int kCompressedWindow = 128 + 512;   // of compressed_attention

struct AttentionKey {
  int device;
  int window;
  bool latent;
  bool scores = false;   // what an indexer scores, instead of what is attended to
  auto operator<=>(const AttentionKey&) const = default;
};
struct AttentionSum { double token_bytes = 0, flop = 0, absorbed_flop = 0, layers = 0, share = 0, width = 0; };   // width: log(elements of a head / 128)

// Servers score in FP8: what that is of the work in 16 bits, whose rate the group is held against.
double score_share(const Builder& b, int device) {
  if (device == kHost || b.setting.group != "serving") return 1;
  const catalog::Device& d = b.device(device).device;
  const auto eighths = d.rates.find("fp8");
  return eighths == d.rates.end() || half_rate(d) <= 0 ? 1 : std::min(1.0, half_rate(d) / eighths->second.value.value());
}

void add_scored(std::map<AttentionKey, AttentionSum>& groups, const model::Attention& a, int device, double token_bytes, double flop) {
  AttentionSum& scored = groups[{device, 0, false, true}];
  scored.token_bytes += token_bytes;
  scored.flop += flop;
  scored.share += std::log(std::max(1.0, a.indexer_heads / 4.0));
  scored.layers += 1;
}

// Sparse attention: all earlier tokens are scored before the best of them are attended to. Servers keep the keys for it in FP8 with a scale for
// 128 of them whatever the cache is (vLLM's and SGLang's support of DeepSeek V3.2, September 2025). Of a latent cache every tensor-parallel rank
// scores them with all heads, since all need the same choice; heads of a plain cache pick for their own (MiniMax M3).
void add_scores(const Builder& b, std::map<AttentionKey, AttentionSum>& groups, const model::Attention& a, int device, double element, double part) {
  if (a.indexer_heads <= 0 || a.indexer_top_k <= 0) return;   // or what an earlier layer picked is attended to (GLM 5.2)
  constexpr double kScaled = 1 + 4.0 / 128;
  const double keys = static_cast<double>(a.indexer_dim) / std::max(1, a.indexer_pool);   // of a token
  const double heads = a.kind == AttentionKind::mla ? a.indexer_heads : std::max(1.0, a.indexer_heads * part);
  add_scored(groups, a, device, keys * (b.setting.group == "serving" ? kScaled : element), 2.0 * heads * keys * score_share(b, device));
}

Unpicked unpicked_on(const Builder& b, const model::Attention& a, int device) {
  if (device == kHost) return b.setting.group == "ggml" ? Unpicked::masked : Unpicked::left_out;
  return unpicked(b.device(device).device, b.setting_on(device), a.kind, uses_flash(b), cache_bytes(b.place.settings.key_quant) < 2);
}

// A window of tokens, and behind it the entries that an indexer picks, or all of them where nobody picks or the others are only masked. Those of
// ggml's graphs are copied behind the window's in every pass: read and written, before they are attended to.
void add_compressed(const Builder& b, std::map<AttentionKey, AttentionSum>& groups, const model::Attention& a, int device, double element, double part) {
  constexpr double kCopied = 2;
  const double flop = 2.0 * a.heads * (a.key_dim + a.value_dim) * part, spread = std::log(std::max(1.0, a.heads / 4.0));
  const bool scores = a.indexer_heads > 0, picks = a.indexer_top_k > 0;   // layers may take what an earlier one picked (DeepSeek V4.1)
  const bool masks = unpicked_on(b, a, device) != Unpicked::left_out;
  const auto attend = [&](AttentionKey key, double entries, double passes, bool computes = true) {   // entries: of a token
    AttentionSum& sum = groups[key];
    sum.token_bytes += a.key_dim * element * entries * passes;
    if (computes) sum.flop += flop * entries;
    sum.share += spread;
    sum.width += std::log(a.key_dim / 128.0);
    sum.layers += 1;
  };
  attend({device, a.window + (picks && !masks ? a.indexer_top_k : 0), false}, 1, 1);
  if (a.compress == 0) return;
  const double entries = 1.0 / a.compress;
  const double copied = b.setting.group == "ggml" ? kCopied : 0;
  if (!picks || masks) attend({device, 0, false}, entries, 1 + copied);
  else if (copied > 0) attend({device, 0, false}, entries, copied, false);
  if (picks && scores) add_scored(groups, a, device, a.indexer_dim * element * entries, 2.0 * a.indexer_heads * a.indexer_dim * part * entries);
}

std::map<AttentionKey, AttentionSum> group_attention(const Builder& b) {
  std::map<AttentionKey, AttentionSum> groups;
  const double kb = cache_bytes(b.place.settings.key_quant), vb = cache_bytes(b.place.settings.value_quant);
  const bool windows = !b.place.settings.swa_full && windows_save_work(b.setting);
  for (std::size_t i = 0; i < b.model.layers.size(); ++i) {
    const model::Attention& a = b.model.layers[i].attention;
    if (a.kind == AttentionKind::none) continue;
    const int device = b.place.host_attention ? kHost : b.device_of_cache(i);
    const bool latent = a.kind == AttentionKind::mla;
    int window = windows && (a.kind == AttentionKind::sliding || a.kind == AttentionKind::chunked) ? a.window : 0;
    const Unpicked rest = a.indexer_top_k > 0 ? unpicked_on(b, a, device) : Unpicked::masked;
    if (rest == Unpicked::left_out) window = a.indexer_top_k;
    const double part = device == kHost ? 1 : b.part * b.copies;
    if (a.kind == AttentionKind::compressed) {
      add_compressed(b, groups, a, device, kb, part);
      continue;
    }
    add_scores(b, groups, a, device, kb, part);
    double flop = 2.0 * a.heads * (a.key_dim + a.value_dim) * part;
    if (compressed_attention(b.model)) {  // attends to few of the entries; scoring them all costs a thirty-second
      AttentionSum& chosen = groups[{device, kCompressedWindow, latent}];
      chosen.flop += flop;
      chosen.layers += 1;
      flop /= 32;
    }
    AttentionSum& sum = groups[{device, window, latent}];
    if (latent) {  // every tensor-parallel rank holds and reads the whole latent cache, and multiplies it by its own heads
      if (device != kHost && !uses_flash(b) && b.setting.kernels == "llama.cpp") sum.token_bytes += kReadByEachHead * a.heads * part * (2.0 * a.latent_dim + a.rope_dim) * kb;
      else sum.token_bytes += (a.latent_dim + a.rope_dim) * kb;
      const double absorbed = 2.0 * a.heads * (2.0 * a.latent_dim + a.rope_dim) * part;
      sum.absorbed_flop += absorbed;
      if (reads_latent_prompts(b.setting) && !compressed_attention(b.model)) flop = absorbed;
    } else {
      const double kv_part = device == kHost ? 1 : std::max(part, 1.0 / std::max(1, a.kv_heads));
      const auto rewritten = [&](const std::string& format) { return device != kHost && b.place.widened_cache && format != "f16" ? 4.0 : 0.0; };   // in 16 bits, and read again
      const double widened = a.key_dim * rewritten(b.place.settings.key_quant) + a.value_dim * rewritten(b.place.settings.value_quant);
      sum.token_bytes += a.kv_heads * (a.key_dim * kb + a.value_dim * vb + widened) * kv_part * cache_passes(b, a);
    }
    const auto attended = [&](AttentionSum& by) {
      by.share += std::log(std::max(1.0, static_cast<double>(a.heads) / std::max(1, a.kv_heads)) / 4);
      if (!latent && a.key_dim > 0) by.width += std::log(a.key_dim / 128.0);
      by.layers += 1;
    };
    attended(sum);
    if (rest != Unpicked::masked_in_decoding) {
      sum.flop += flop;
      continue;
    }
    AttentionSum& picked = groups[{device, a.indexer_top_k, latent}];   // a step of one token reads all, a prompt computes with what was picked
    picked.flop += flop;
    attended(picked);
  }
  return groups;
}

// How a device reads the cache of a group of layers, and how it computes attention over it.
struct AttentionPaths {
  const Builder& b;
  bool latent;
  double heads_per_kv;   // as log(ratio / 4), in the mean of the layers
  bool flash;
  double head_width;     // as log(elements / 128), likewise

  bool small_cache() const { return cache_bytes(b.place.settings.key_quant) < 2; }
  Path memory(int device) const {
    const Setting& set = b.setting_on(device);
    const rig::RigDevice& d = b.device(device);
    Path p = device_path("kv", d.device.bandwidth->value.value(), d, set);
    p.roof = p.peak;
    if (latent) add_joint_factor(p, "kv", "latent", {set.kernels, set.backend});
    else add_joint_factor(p, "kv", "heads_per_kv:engine", {set.kernels, set.backend}, heads_per_kv);
    if (small_cache()) add_joint_factor(p, "kv", "small_cache", {set.kernels, set.backend});
    return p;
  }
  Path compute(int device) const {
    const Setting& set = b.setting_on(device);
    const rig::RigDevice& d = b.device(device);
    Path p = device_path("attention", known_rate(attention_rate(d.device, set), d.device), d, set);
    p.roof = matrix_roof(d.device, "f16");
    if (latent) add_joint_factor(p, "attention", "latent", {set.kernels, set.backend});
    else add_joint_factor(p, "attention", "heads_per_kv:backend", {set.group, set.backend}, heads_per_kv);
    if (small_cache()) add_joint_factor(p, "attention", "small_cache", {set.kernels, set.backend});
    if (head_width != 0) add_factor(p, "attention", "head_width", "", head_width);
    add_joint_factor(p, "attention", "flash", {flash ? "on" : "off", set.backend});
    if (flash && !attends_by_matrix_units(d.device, set)) add_factor(p, "attention", "plain_units", "");
    return p;
  }
  // One token's query against all keys: heads are few rows to multiply, and what is picked is sorted.
  Path scores(int device) const {
    const Setting& set = b.setting_on(device);
    const rig::RigDevice& d = b.device(device);
    Path p = device_path("scores", known_rate(attention_rate(d.device, set), d.device), d, set);
    p.roof = matrix_roof(d.device, "f16");
    return p;
  }
  Path host_memory() const {
    Path p = host_path("host_kv", reachable_bandwidth(b.host(), b.threads(true)).value(), b.host(), b.setting);
    p.roof = b.host().bandwidth.value();
    return p;
  }
  Path host_compute(bool decode) const {
    Path p = host_path("host_attention", host_attention_rate(b.host(), b.threads(decode), b.setting, flash, decode), b.host(), b.setting);
    p.roof = processor_roof(b.host(), b.threads(decode), "f16");
    add_factor(p, "host_attention", "kernel", attention_kernel(b.setting, flash) + (decode ? ":decode" : ""));
    return p;
  }
};

// What cache crosses on its way between the host and a device: no faster than the link, nor than the host's memory.
Path sent_cache_path(const Builder& b, int device) {
  const double stated = path_between(b.rig, device, -1).bandwidth.value(), memory = b.host().bandwidth.value();
  const double link = stated > 0 ? stated : kUnknownLink;
  Path p = engine_path("stream", memory > 0 ? std::min(link, memory) : link, b.setting);
  p.roof = p.peak;
  return p;
}

// llama.cpp sends the weights of layers left on the host to a device for passes of many tokens; the attention between them then runs there,
// too, and their cache follows. With -nkvo it stays on the host.
bool sends_host_layers(const Builder& b) {
  return b.load.offloaded && b.sends_from_host() && !b.place.host_attention && b.place.settings.kv_offload;
}

void set_host_attention(Builder& b, const AttentionSum& sum, const AttentionPaths& paths, Stage& s) {
  const Setting& set = b.setting;
  const placement::Settings& settings = b.place.settings;
  MeasuredKernels measured;
  if (!paths.latent && paths.flash) measured = measured_attention(b.host(), settings.threads, set, settings.key_quant, settings.value_quant, 4 * std::exp(paths.heads_per_kv));
  if (measured) {
    s.decode_token_flop = sum.flop;
    s.compute = b.measured_path(measured.one->flop);
    s.prefill_compute = b.measured_path(measured.many->flop);
  } else {
    if (s.decode_token_flop <= 0) s.decode_token_flop = sum.flop;
    s.compute = b.path(paths.host_compute(true));
    s.memory = b.path(paths.host_memory());
    s.prefill_compute = b.path(paths.host_compute(false));
  }
  if (!sends_host_layers(b)) return;
  const int first = b.place.devices.front().device;
  s.stream = b.path(sent_cache_path(b, first));
  s.stream_compute = b.path(paths.compute(first));
  s.stream_batch = settings.offload_batch;
}

}  // namespace

void add_attention(Builder& b) {
  const bool flash = uses_flash(b);
  for (const auto& [key, sum] : group_attention(b)) {
    Stage s{.kind = StageKind::kv, .device = key.device, .where = b.name_of(key.device)};
    s.token_bytes = sum.token_bytes;
    s.token_share = key.device == kHost ? 1 : 1.0 / b.copies;
    s.token_flop = sum.flop;
    s.decode_token_flop = sum.absorbed_flop;
    s.window = key.window;
    s.scores = key.scores;
    const AttentionPaths paths{b, key.latent, sum.share / sum.layers, flash, sum.width / sum.layers};
    if (key.device == kHost) {
      set_host_attention(b, sum, paths, s);
    } else {
      s.memory = b.path(paths.memory(key.device));
      s.prefill_compute = b.path(paths.compute(key.device));
      if (s.decode_token_flop > 0 && b.setting.group == "serving") s.compute = s.prefill_compute;
      if (key.scores && b.setting.group != "serving") {
        s.decode_token_flop = sum.flop;
        s.compute = b.path(paths.scores(key.device));
      }
    }
    b.load.stages.push_back(std::move(s));
  }
}

// Where a device keeps the cache and the processor does attention, the cache crosses the link for every pass; windows are copied as they are kept.
void add_sent_cache(Builder& b) {
  if (!b.place.host_attention) return;
  const double kb = cache_bytes(b.place.settings.key_quant), vb = cache_bytes(b.place.settings.value_quant);
  const bool windows = !b.place.settings.swa_full && windows_save_work(b.setting);
  std::map<std::pair<int, int>, double> bytes;   // of a token, by device and window
  for (std::size_t i = 0; i < b.model.layers.size(); ++i) {
    const model::Attention& a = b.model.layers[i].attention;
    const int device = b.device_of_cache(i);
    if (a.kind == AttentionKind::none || device == kHost) continue;
    const bool windowed = windows && (a.kind == AttentionKind::sliding || a.kind == AttentionKind::chunked);
    bytes[{device, windowed ? a.window : 0}] += a.kind == AttentionKind::mla ? (a.latent_dim + a.rope_dim) * kb : a.kv_heads * (a.key_dim * kb + a.value_dim * vb);
  }
  for (const auto& [key, token_bytes] : bytes) {
    Stage s{.kind = StageKind::sent_cache, .device = key.first, .where = "links"};
    s.token_bytes = token_bytes;
    s.window = key.second;
    s.memory = s.prefill_memory = b.path(sent_cache_path(b, key.first));
    b.load.stages.push_back(std::move(s));
  }
}

void add_recurrent(Builder& b) {
  std::map<int, std::pair<double, double>> by_device;  // state elements, layers
  for (std::size_t i = 0; i < b.model.layers.size(); ++i) {
    const model::Recurrent& r = b.model.layers[i].recurrent;
    if (r.kind == model::RecurrentKind::none) continue;
    const int device = b.device_of_cache(i);
    auto& [elements, layers] = by_device[device];
    elements += static_cast<double>(r.state_elements) * (device == kHost ? 1 : b.part * b.copies);
    layers += 1;
  }
  for (const auto& [device, sum] : by_device) {
    Stage s{.kind = StageKind::state, .device = device, .where = b.name_of(device)};
    s.token_share = device == kHost ? 1 : 1.0 / b.copies;
    s.sequence_amount = sum.first * 8;       // F32, read and written
    s.new_token_amount = sum.first * 6 + 1;  // decay, update, read out
    if (device == kHost) {
      s.memory = b.path(host_path("host_kv", b.host().bandwidth.value(), b.host(), b.setting));
      s.prefill_compute = b.path(host_path("host_attention", host_attention_rate(b.host(), b.threads(false), b.setting, false, false), b.host(), b.setting));
    } else {
      const rig::RigDevice& d = b.device(device);
      const Setting& set = b.setting_on(device);
      s.memory = b.path(device_path("state", d.device.bandwidth->value.value(), d, set));
      s.prefill_compute = b.path(device_path("scan", known_rate(attention_rate(d.device, set), d.device), d, set));
    }
    b.load.stages.push_back(std::move(s));
  }
}

}  // namespace rigcast::cost::detail
