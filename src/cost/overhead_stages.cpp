#include "cost/detail/stages.hpp"

#include <algorithm>
#include <cmath>

#include "cost/measured.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost::detail {

using model::AttentionKind;
using placement::kHost;

namespace {

// Round numbers that give overheads a size before calibration: amount per second.
constexpr double kKernelsOfALayer = 16;             // of plain attention and feed-forward
constexpr double kPicking = 5;                      // of a mixture whose router is not fused: softmax, sort, gathering, sum and division, less one addition
constexpr double kKernelsPerSecond = kKernelsOfALayer / 50e-6;
constexpr double kPromptKernelsPerSecond = kKernelsOfALayer / 100e-6;
constexpr double kHostStepsPerSecond = 1 / 0.5e-3;
constexpr double kPromptsPerSecond = 1 / 1e-3;
constexpr double kSequencesPerSecond = 1 / 20e-6;

// The format of the most weights that tokens are multiplied with: in Python some need several kernels for one product.
std::string product_format(const ModelWork& work) {
  std::vector<double> bytes(work.formats().size());
  for (const ModelWork::Weights& weights : work.tensors())
    if (const ModelWork::Kind& kind = work.kinds()[weights.kind]; multiplied(kind.role, false)) bytes[kind.format] += weights.bytes;
  const auto most = std::max_element(bytes.begin(), bytes.end());
  return most == bytes.end() || *most <= 0 ? "" : work.formats()[static_cast<std::size_t>(most - bytes.begin())];
}

bool is_delta(const model::Layer& layer) {
  return layer.recurrent.kind == model::RecurrentKind::gated_delta || layer.recurrent.kind == model::RecurrentKind::kimi_delta;
}

// Kernels one layer starts, in units of a plain attention + feed-forward layer.
double launches_of(const Builder& b, const model::Layer& layer) {
  double units = 0;
  if (layer.attention.kind != AttentionKind::none) units += 0.65;
  if (layer.attention.indexer_heads > 0 && layer.attention.indexer_top_k > 0) units += 1.5;  // scores of all earlier tokens, their selection, the gathering
  if (layer.recurrent.kind != model::RecurrentKind::none) units += 0.95;
  if (is_delta(layer)) units += unfused_delta_kernels(b.setting) / kKernelsOfALayer;
  if (layer.feed_forward.kind == model::FeedForwardKind::dense) units += 0.35;
  if (layer.feed_forward.kind == model::FeedForwardKind::moe) {
    units += layer.feed_forward.shared_width > 0 ? 1.25 : 1.0;
    if (!fuses_routing(b.setting)) units += (kPicking + layer.feed_forward.experts_used) / kKernelsOfALayer;
    if (b.setting.group == "eager") units += 0.15 * layer.feed_forward.experts;  // a loop over all experts in Python
  }
  if (compressed_attention(b.model)) units += 2;  // hyper-connections and compressed caches: many small kernels
  return units;
}

bool has_delta_layers(const model::Architecture& m) { return std::any_of(m.layers.begin(), m.layers.end(), is_delta); }

// What Python needs to start a kernel is the processor's business, whatever device it is for: one number, which nearly all were timed with NVIDIA's.
Setting of_python(Setting setting) {
  setting.backend = "cuda";
  return setting;
}

// `eager`: each kernel is started by itself, where this engine otherwise captures them as graphs.
Path launch_path(const Builder& b, int device, bool experts, bool eager) {
  if (device == kHost) return host_path("host_launch", kKernelsOfALayer / layer_seconds(b.host(), b.place.settings.threads), b.host(), b.setting);
  const Setting& set = b.setting_on(device);
  const rig::RigDevice& d = b.device(device);
  Path p = starts_from_python(set) ? engine_path("launch", kKernelsPerSecond, of_python(set)) : device_path("launch", kKernelsPerSecond, d, set);
  if (launches_are_graphs(d.device, set)) add_factor(p, "launch", "graphs", "");
  add_factor(p, "launch", "architecture", b.model.family);
  add_joint_factor(p, "launch", "architecture+group", {b.model.family, set.group});
  if (eager) {
    add_factor(p, "launch", "eager", "");
    add_factor(p, "launch", "eager:backend", set.backend);
    add_factor(p, "launch", "eager_year", "", set.year);
    if (has_delta_layers(b.model)) add_factor(p, "launch", "eager_delta", "");
    else if (experts) add_factor(p, "launch", "eager_experts", "");
  }
  if (!eager && captures_pieces(set)) add_factor(p, "launch", "pieces", "");
  if (!b.cpu && starts_from_python(set)) {
    add_factor(p, "launch", "python_format", product_format(b.work));
    if (b.place.devices.size() > 1) add_factor(p, "launch", "python_split", "");
  }
  if (experts) add_joint_factor(p, "launch", "experts", {set.engine, set.backend});
  if (set.slow_host) {
    add_factor(p, "launch", "slow_host", "");
    add_factor(p, "launch", "slow_host:vendor", d.device.vendor);
  }
  return p;
}

Path prompt_launch_path(const Builder& b, int device) {
  if (b.cpu) return host_path("host_launch", kPromptKernelsPerSecond, b.host(), b.setting);
  return device_path("prompt_launch", kPromptKernelsPerSecond, b.device(device), b.setting_on(device));
}

// Decoding on a host where what its engine does between products was timed: that, in place of what kernels cost elsewhere.
bool add_small_operations(Builder& b) {
  if (!b.cpu || b.host().kernels.empty()) return false;   // nothing was timed here
  const SmallOperations of = small_operations(b.model);
  const auto time = measured_seconds(b.host(), b.place.settings.threads, b.setting, of);
  if (!time || time->value() <= 0) return false;
  Stage small{.kind = StageKind::small, .device = kHost, .where = b.name_of(kHost)};
  small.step_amount = of.operations;
  small.memory = b.measured_path(of.operations / time->value());
  b.load.stages.push_back(small);
  return true;
}

void add_launches(Builder& b) {
  double units = b.work.small_kernels() / kKernelsOfALayer;
  bool experts = false;
  for (const model::Layer& layer : b.model.layers) {
    units += launches_of(b, layer);
    experts |= layer.feed_forward.kind == model::FeedForwardKind::moe;
  }
  const int first = b.cpu ? kHost : b.place.devices.front().device;
  Stage launch{.kind = StageKind::launch, .device = first, .where = b.name_of(first)};
  launch.step_amount = units * kKernelsOfALayer;
  const int decoding = b.load.offloaded && !b.alternates ? kHost : first;   // with all layers on the host nothing is left for devices
  if (!add_small_operations(b)) launch.memory = b.path(launch_path(b, decoding, experts, b.eager));
  launch.captured_until = captured_until(b.setting);
  if (launch.captured_until > 0 && !b.eager) launch.uncaptured = b.path(launch_path(b, first, experts, true));
  launch.prefill_memory = b.path(prompt_launch_path(b, first));
  b.load.stages.push_back(launch);
  if (!b.eager) return;
  // Kernels that were started long ago still follow each other as they would in a graph.
  Stage gap{.kind = StageKind::gap, .device = first, .where = launch.where};
  gap.step_amount = launch.step_amount;
  gap.memory = b.path(launch_path(b, decoding, experts, false));
  b.load.stages.push_back(gap);
}

void add_host_steps(Builder& b) {
  Stage step{.kind = StageKind::host, .device = kHost, .where = "host"};
  step.step_amount = 1;
  Path host = engine_path("host_step", kHostStepsPerSecond, !b.cpu && starts_from_python(b.setting) ? of_python(b.setting) : b.setting);
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

}  // namespace

void add_overheads(Builder& b) {
  add_launches(b);
  add_host_steps(b);
}

}  // namespace rigcast::cost::detail
