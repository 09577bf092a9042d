#include "cost/detail/stages.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "cost/measured.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost::detail {

using model::Role;
using placement::kHost;

namespace {

// A power cap lowers compute before it lowers bandwidth: two exponents on log(limit / rated).
void add_power_cap(Path& path, std::string_view quantity, const rig::RigDevice& device) {
  if (!device.power_limit || !device.device.power) return;
  const double ratio = device.power_limit->value() / device.device.power->value.value() * device.device.chips;
  if (ratio > 0 && ratio < 1) add_factor(path, quantity, "power_cap", "", std::log(ratio));
}

Path weight_path(const Builder& b, int device, const std::string& format, bool experts) {
  if (device == kHost) {
    Path p = host_path("host_weights", reachable_bandwidth(b.host(), b.place.settings.threads).value(), b.host(), b.setting);
    p.roof = b.host().bandwidth.value();
    add_factor(p, "host_weights", "format", format);
    if (experts) add_factor(p, "host_weights", "experts", "");
    if (fabric_bound(b.host())) add_factor(p, "host_weights", "fabric", "");
    else if (b.host().memory_type.starts_with("lpddr")) add_factor(p, "host_weights", "lpddr", "");
    if (b.host().sockets > 1) {   // pages are spread over the sockets, threads read most of theirs from the other ones
      const double doublings = std::log2(static_cast<double>(b.host().sockets));
      add_factor(p, "host_weights", "sockets", "", doublings);
      add_factor(p, "host_weights", "sockets:engine", b.setting.kernels, doublings);
    }
    // Beside a device the host reads in short bursts.
    if (b.alternates) add_factor(p, "host_weights", "offload", "");
    return p;
  }
  const Setting& set = b.setting_on(device);
  const double peak = b.device(device).device.bandwidth->value.value() / reads_per_weight(set, format);
  Path p = device_path("weights", peak, b.device(device), set);
  p.roof = peak;
  add_factor(p, "weights", "format", format);
  add_joint_factor(p, "weights", "format+engine", {format, set.kernels, set.backend});
  add_joint_factor(p, "weights", "family+format", {b.device(device).device.architecture, format, set.backend});
  if (!set.driver.empty()) add_joint_factor(p, "weights", "driver+format", {set.driver, format});
  if (experts) {
    add_factor(p, "weights", "experts", "");
    add_joint_factor(p, "weights", "experts+engine", {set.kernels, set.backend});
    add_joint_factor(p, "weights", "experts+format", {format, set.kernels, set.backend});
  }
  add_power_cap(p, "weights", b.device(device));
  return p;
}

// Tokens of a full micro-batch that each expert gets in the mean: tiles of a kernel that multiplies few rows are mostly empty.
double rows_of_expert(const Builder& b) {
  for (const model::Layer& layer : b.model.layers)
    if (const model::FeedForward& f = layer.feed_forward; f.experts > 0) return static_cast<double>(b.load.ubatch) * f.experts_used / f.experts;
  return 0;
}

Path gemm_path(const Builder& b, int device, const std::string& format, bool experts, bool decode) {
  if (device == kHost) {
    const char* quantity = decode ? "host_decode" : "host_gemm";
    const int threads = b.threads(decode);
    Path p = host_path(quantity, decode ? decode_rate(b.host(), threads, b.setting, format) : prompt_rate(b.host(), threads, b.setting, format, experts), b.host(), b.setting);
    p.roof = processor_roof(b.host(), threads, format);
    add_factor(p, quantity, "format", format);
    if (!decode) add_joint_factor(p, quantity, "kernel", {to_string(prompt_kernel(b.host(), b.setting, format, experts)), b.setting.kernels});
    if (experts) add_factor(p, quantity, "experts", "");
    if (b.alternates) add_factor(p, quantity, "offload", "");
    return p;
  }
  const Setting& set = b.setting_on(device);
  const catalog::Device& d = b.device(device).device;
  Path p = device_path("gemm", known_rate(matrix_rate(d, set, format), d), b.device(device), set);
  p.roof = matrix_roof(d, format);
  add_factor(p, "gemm", "format", format);
  add_joint_factor(p, "gemm", "format+engine", {format, set.kernels, set.backend});
  const double width = std::log(std::max(b.model.hidden, 256) / 4096.0);
  add_factor(p, "gemm", "width", "", width);
  add_joint_factor(p, "gemm", "width:backend", {set.group, set.backend}, width);
  if (!decode) add_factor(p, "gemm", "architecture", b.model.family);
  if (experts) {
    add_factor(p, "gemm", "experts", "");
    add_joint_factor(p, "gemm", "experts+group", {set.group, set.backend});
    add_joint_factor(p, "gemm", "experts+engine", {set.kernels, set.backend});
    if (set.engine != set.kernels) add_joint_factor(p, "gemm", "experts+program", {set.engine, set.backend});   // Ollama builds graphs of its own for mixtures
    add_joint_factor(p, "gemm", "experts+format", {format, set.kernels});
    if (loops_over_experts(set)) add_factor(p, "gemm", "experts_looped", "");
  }
  if (decode) add_factor(p, "gemm", "decode", "");
  else {
    add_factor(p, "gemm", "ubatch", "", std::log(std::max(b.load.ubatch, 16) / 512.0));
    const auto single = d.rates.find("fp32");
    if (set.backend != "cuda" && d.rates.contains("fp16") && single != d.rates.end())
      add_factor(p, "gemm", "matrix_units:backend", set.backend, std::log(half_rate(d, set) / single->second.value.value() / 2));
    if (set.plain_matrices) add_factor(p, "gemm", "plain_matrices", "");
    if (experts && set.group == "ggml") {   // other engines sort the tokens of thousands first
      constexpr double kUsualRows = 32, kFullTiles = 512;
      add_factor(p, "gemm", "expert_rows:backend", set.backend, std::log(std::clamp(rows_of_expert(b), 1.0, kFullTiles) / kUsualRows));
    }
  }
  add_power_cap(p, "gemm", b.device(device));
  return p;
}

// Every weight costs a device some plain arithmetic (unpacking, scaling, adding), however few rows are multiplied with it.
Path vector_path(const Builder& b, int device, const std::string& format) {
  const Setting& set = b.setting_on(device);
  const catalog::Device& d = b.device(device).device;
  Path p = device_path("vector", known_rate(vector_rate(d), d), b.device(device), set);
  add_factor(p, "vector", "format", format);
  add_joint_factor(p, "vector", "format+engine", {format, set.kernels, set.backend});
  add_power_cap(p, "vector", b.device(device));
  return p;
}

struct GroupKey {
  int device;
  bool experts;
  bool copied;          // attention by data: every copy has the whole matrix and sees its own requests only
  bool head;            // the output head, which prompts need for their last token only
  bool lent;            // lies in the host's memory, from where the device reads it
  int of, used;         // experts of which a token chooses so many: a model may have several kinds of them; 0: none is chosen
  std::string format;
  auto operator<=>(const GroupKey&) const = default;
};
struct Group { double bytes = 0, elements = 0, matrices = 0; };

// The groups of a Load: tensors of one kind on one device are of one group, and a handful of kinds may share one.
class Groups {
 public:
  explicit Groups(const Builder& b) : b_(b), last_token_(logits_of_last_token(b.setting)), devices_(b.rig.devices.size() + 1), known_(2 * b.work.kinds().size() * devices_, nullptr) {}

  Group& of(std::uint32_t kind, int device, bool lent) {
    Group*& known = known_[2 * (kind * devices_ + static_cast<std::size_t>(device - kHost)) + (lent ? 1 : 0)];
    if (!known) known = &groups_[key_of(b_.work.kinds()[kind], device, lent)];
    return *known;
  }
  bool is_copied(Role role) const { return b_.copies > 1 && (role == Role::attention || role == Role::recurrent); }
  std::map<GroupKey, Group> take() { return std::move(groups_); }

 private:
  GroupKey key_of(const ModelWork::Kind& kind, int device, bool lent) const {
    const bool head = last_token_ && (kind.role == Role::output_head || kind.role == Role::token_embedding);
    return {device, kind.routed || kind.role == Role::expert_ffn, is_copied(kind.role), head, lent, kind.routed ? kind.experts : 0, kind.routed ? kind.experts_used : 0, b_.work.formats()[kind.format]};
  }

  const Builder& b_;
  const bool last_token_;
  const std::size_t devices_;      // and the host in front of them
  std::vector<Group*> known_;      // by kind and device, what lies there and what is read from the host
  std::map<GroupKey, Group> groups_;
};

std::map<GroupKey, Group> group_weights(const Builder& b) {
  Groups groups(b);
  const auto& tensors = b.work.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const ModelWork::Kind& kind = b.work.kinds()[tensors[i].kind];
    if (!kind.matrix || !multiplied(kind.role, b.model.tied_embeddings)) continue;
    int device = b.device_of_tensor(i);
    if (kind.role == Role::token_embedding && device == kHost && !b.place.devices.empty() && !b.cpu)
      device = b.place.devices.back().device;  // a tied head is copied to where the output is computed
    const double part = device == kHost ? 1 : b.part * (groups.is_copied(kind.role) ? b.copies : 1), lent = i < b.place.lent.size() ? b.place.lent[i] : 0;
    for (const bool from_host : {false, true}) {
      const double share = from_host ? lent : 1 - lent;
      if (share <= 0) continue;
      Group& g = groups.of(tensors[i].kind, device, from_host);
      g.bytes += tensors[i].bytes * part * share;
      g.elements += tensors[i].elements * part * share;
      g.matrices += tensors[i].matrices;
    }
  }
  return groups.take();
}

// The first device of the rig on which the same kernels are as fast.
int first_like(const Builder& b, int device) {
  if (device == kHost) return kHost;
  const auto same = [&](const rig::RigDevice& each) { return each.device.key == b.device(device).device.key && each.power_limit == b.device(device).power_limit; };
  return static_cast<int>(std::find_if(b.rig.devices.begin(), b.rig.devices.end(), same) - b.rig.devices.begin());
}

// The Paths of weights in one format: groups of them on devices alike share them.
class WeightPaths {
 public:
  explicit WeightPaths(Builder& b) : b_(b) {}

  void set(const GroupKey& key, const Group& g, Stage& s) {
    if (key.device == kHost && set_measured(key, g, s)) return;
    const Paths& paths = of(first_like(b_, key.device), key.format, key.experts);
    s.memory = s.prefill_memory = paths.memory;
    s.compute = paths.compute;
    s.prefill_compute = paths.prefill_compute;
    s.vector = paths.vector;
  }

 private:
  struct Paths {
    int device;
    bool experts;
    std::string format;
    int memory, compute, prefill_compute, vector;
  };

  const Paths& of(int device, const std::string& format, bool experts) {
    for (const Paths& known : known_)
      if (known.device == device && known.experts == experts && known.format == format) return known;
    const int memory = b_.path(weight_path(b_, device, format, experts)), compute = b_.path(gemm_path(b_, device, format, experts, true));
    const int prefill = b_.path(gemm_path(b_, device, format, experts, false));
    const bool few_rows = device != kHost && has_vector_kernels(b_.setting);
    return known_.emplace_back(Paths{device, experts, format, memory, compute, prefill, few_rows ? b_.path(vector_path(b_, device, format)) : -1});
  }

  // Kernels timed on the host itself before what is thought of processors of its kind.
  bool set_measured(const GroupKey& key, const Group& g, Stage& s) {
    const Chosen experts = key.experts ? Chosen{static_cast<double>(key.used), static_cast<double>(key.of), g.bytes / g.matrices} : Chosen{};
    const MeasuredKernels kernels = measured_weights(b_.host(), b_.place.settings.threads, b_.setting, key.format, experts);
    if (!kernels) return false;
    s.memory = b_.measured_path(reading_rate(kernels, experts.bytes));
    s.compute = s.prefill_compute = b_.measured_path(kernels.many->flop);
    s.prefill_memory = s.last_token ? s.memory : b_.measured_path(b_.host().bandwidth.value());
    return true;
  }

  Builder& b_;
  std::vector<Paths> known_;
};

// Bytes of a memory-mapped file go to a device by way of the driver's buffer: one more crossing of the host's memory than from pinned memory.
// Halving the memory's rate halved what arrived (RTX 3090, DDR4-3000 and DDR4-2133, 21 and 16 GB/s of 42 and 32 read by the host;
// insiderllm-bench-results, October 2026).
double memory_rate(const Builder& b) {
  const double crossings = b.place.settings.mmap ? 2 : 1;
  return b.host().bandwidth.value() > 0 ? b.host().bandwidth.value() / crossings : std::numeric_limits<double>::infinity();
}

double stream_rate(const Builder& b, int device) {
  const double link = path_between(b.rig, -1, device).bandwidth.value();
  return std::min(link > 0 ? link : kUnknownLink, memory_rate(b));
}

// Host weights that the engine sends to a device for passes of many tokens, whether that is faster or not.
void set_stream(Builder& b, const GroupKey& key, Stage& s) {
  const placement::Settings& settings = b.place.settings;
  if (!b.sends_from_host() || !devices_read_rows(b.setting, key.format)) return;
  if (!sends_host_weights(b.setting)) return;
  const int first = b.place.devices.front().device;
  const double receivers = b.split > 1 ? b.split : 1;   // devices that share tensors take a part each, over a link each
  Path link = engine_path("stream", std::min(receivers * stream_rate(b, first), memory_rate(b)), b.setting);
  link.roof = link.peak;
  s.stream = b.path(std::move(link));
  Path product = gemm_path(b, first, key.format, key.experts, false);
  product.peak *= receivers;
  product.roof *= receivers;
  s.stream_compute = b.path(std::move(product));
  s.stream_batch = settings.offload_batch * (settings.offload_by_expert && s.experts > 0 ? static_cast<double>(s.experts) / s.experts_used : 1);
}

// Weights that a device reads from its host's memory, pinned: over its link, and all devices from the same memory at once.
void read_from_host(Builder& b, const GroupKey& key, Stage& s) {
  const double link = path_between(b.rig, -1, key.device).bandwidth.value(), memory = b.host().bandwidth.value() / static_cast<double>(std::max<std::size_t>(1, b.place.devices.size()));
  const double known = link > 0 ? link : 12e9;
  Path path = engine_path("stream", memory > 0 ? std::min(known, memory) : known, b.setting);
  path.roof = path.peak;
  s.memory = s.prefill_memory = s.stream = b.path(std::move(path));
  s.stream_batch = std::numeric_limits<double>::infinity();   // read where it lies, whatever the batch
}

}  // namespace

void add_weights(Builder& b) {
  WeightPaths paths(b);
  for (const auto& [key, g] : group_weights(b)) {
    Stage s{.kind = key.experts ? StageKind::experts : StageKind::weights, .device = key.device, .where = b.name_of(key.device)};
    s.weight_bytes = g.bytes;
    s.token_share = key.copied ? 1.0 / b.copies : 1;
    s.last_token = key.head;
    s.experts = key.of;
    s.experts_used = key.used;
    const double share = key.experts && key.of > 0 ? static_cast<double>(key.used) / key.of : 1;
    s.weight_flop = 2 * g.elements * share;
    paths.set(key, g, s);
    if (key.lent) read_from_host(b, key, s);
    s.in_turn = key.device != kHost && b.setting.group == "ggml" && !is_float_format(key.format);
    if (key.device == kHost && b.load.offloaded) set_stream(b, key, s);
    b.load.active_bytes += g.bytes * share / (key.device == kHost ? 1 : b.part * (key.copied ? b.copies : 1));
    b.load.stages.push_back(std::move(s));
  }
}

}  // namespace rigcast::cost::detail
