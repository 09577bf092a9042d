#include "cost/detail/stages.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace rigcast::cost::detail {

using model::AttentionKind;
using model::Role;
using placement::kHost;

namespace {

// Round numbers that give messages a size before calibration: so many a second.
constexpr double kReductionsPerSecond = 1 / 12e-6;
constexpr double kHopsPerSecond = 1 / 50e-6;
constexpr double kSyncsPerSecond = 1 / 20e-6;

double expert_layers_of(const model::Architecture& model) {
  return static_cast<double>(std::count_if(model.layers.begin(), model.layers.end(), [](const model::Layer& l) { return l.feed_forward.kind == model::FeedForwardKind::moe; }));
}

// Messages that devices which share every tensor wait for in one step. Tensor parallel reduces twice a layer, after attention and after the
// feed-forward; attention by data needs no sum of its own, but experts gather the tokens of all copies and scatter them after. Rows
// (llama.cpp up to build 9889) send the input of every matrix to each other device and fetch each one's part of the result.
double messages_of(const Builder& b) {
  if (b.copies > 1 && b.copies == b.split) return 2 * std::max(expert_layers_of(b.model), 1.0);
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
    for (std::size_t i = 0; i < b.work.tensors().size(); ++i)
      if (const Role role = b.work.kinds()[b.work.tensors()[i].kind].role; role == Role::expert_ffn || role == Role::dense_ffn) crossings += b.device_of_tensor(i) == kHost ? 1.0 / 3 : 0;
  if (b.cpu || (b.place.settings.kv_offload && !b.place.host_attention)) return crossings;
  for (const model::Layer& layer : b.model.layers) crossings += layer.attention.kind != AttentionKind::none ? 1 : 0;
  return crossings;
}

using Ranges = std::vector<std::vector<int>>;   // devices of each range of layers

// Those of one whole copy: one that holds a range alone, or all that share it. Copies of attention lie one behind the
// other, each with a group of every range.
Ranges devices_of_ranges(const Builder& b) {
  const auto& used = b.place.devices;
  const std::size_t of_copy = used.size() / static_cast<std::size_t>(b.load.copies), sharing = static_cast<std::size_t>(std::max(1, b.split));
  const std::size_t ranges = std::max<std::size_t>(1, of_copy / sharing), groups = static_cast<std::size_t>(std::max(1, b.copies)), group = std::max<std::size_t>(1, sharing / groups);
  Ranges out(ranges);
  for (std::size_t i = 0; i < std::min(of_copy, ranges * groups * group); ++i) out[i / group % ranges].push_back(used[i].device);
  return out;
}

// Devices of several hosts: what crosses the network in one step. Layers in ranges hand over once where the next range lies elsewhere, and
// the engine's process relays it, so each handover is two messages; logits come home from the last. Devices that share every tensor reduce
// in a ring over the hosts: 2 (h - 1) messages for each reduction, and 2 (h - 1) / h of the activations.
void add_network(Builder& b, const Ranges& ranges) {
  const auto host_of = [&](int device) { return b.device(device).host; };
  rig::Path slowest;
  const auto crosses = [&](int from, int to) {   // and how fast
    if (host_of(from) == host_of(to)) return false;
    const rig::Path path = path_between(b.rig, from, to);
    if (slowest.bandwidth.value() <= 0 || path.bandwidth < slowest.bandwidth) slowest = path;
    return true;
  };
  double handovers = 0, sums = 0, parts = 0;   // of all ranges, in the mean: hosts beyond the first in a ring, and their share of it
  for (std::size_t r = 0; r < ranges.size(); ++r) {
    double others = 0, handed = 0;
    for (std::size_t i = 0; i < ranges[r].size(); ++i) {
      others += i > 0 && crosses(ranges[r][i - 1], ranges[r][i]) ? 1 : 0;
      handed += r > 0 && crosses(ranges[r - 1][i], ranges[r][i]) ? 1 : 0;   // each to its like, all at once
    }
    handovers += handed > 0 ? 1 : 0;
    sums += others / static_cast<double>(ranges.size());
    parts += others / (others + 1) / static_cast<double>(ranges.size());
  }
  if ((handovers <= 0 && sums <= 0) || slowest.bandwidth.value() <= 0) return;
  const double layers = static_cast<double>(b.model.layers.size()), hidden = static_cast<double>(b.model.hidden);
  const double messages = (sums > 0 ? messages_of(b) * 2 * sums : 0) + (handovers > 0 ? 2 * handovers + 1 : 0);
  const double bytes = 2 * layers * hidden * 2 * 2 * parts + 2 * handovers * hidden * 4;
  const int first = b.place.devices.front().device;
  Stage latency{.kind = StageKind::hop, .device = first, .where = "network"};
  latency.step_amount = messages;
  latency.memory = b.path(engine_path("network", 1 / std::max(1e-6, slowest.latency.value()), b.setting));
  b.load.stages.push_back(latency);
  Stage transfer{.kind = StageKind::all_reduce_bytes, .device = first, .where = "network"};
  transfer.new_token_amount = bytes;
  transfer.memory = transfer.prefill_memory = b.path(engine_path("network_bytes", slowest.bandwidth.value(), b.setting));
  b.load.stages.push_back(transfer);
}

// "host" where every byte crosses its memory, "pcie" past it, or "nvlink" for links of the devices' own.
std::string link_kind(const rig::Path& link) { return link.through_host ? "host" : link.name.starts_with("PCIe") ? "pcie" : "nvlink"; }

// Over PCIe a sum goes round a ring, n - 1 neighbours twice (engines keep their one-step kernels for pairs there): counted in rings of four
// devices. Fabrics and switches let every device read all others at once: no sum takes longer than that of four, and a pair is a pair.
double rings_of_four(const rig::Path& link, double devices) {
  const double ring = (devices - 1) / 3;
  return link_kind(link) == "nvlink" ? std::min(1.0, ring) : ring;
}

// What a range of layers hands to the next: a vector of F32 (or two of 16 bits) for each token, over each link on the way. Networks: add_network.
void add_handed_over(Builder& b, const Ranges& ranges) {
  constexpr std::size_t kOneFabric = 16;   // more devices in one host than have slots: links alike, and looked up once
  const double vector = 4.0 * b.model.hidden;
  double bytes = 0, time = 0, link = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    std::size_t rank = 0;   // each hands to its like; one that does so within a host
    while (rank < ranges[i].size() && b.device(ranges[i - 1][rank]).host != b.device(ranges[i][rank]).host) ++rank;
    if (rank == ranges[i].size()) continue;
    const int from = ranges[i - 1][rank], to = ranges[i][rank];
    if (ranges.size() <= kOneFabric || link <= 0) link = path_between(b.rig, from, to).bandwidth.value();
    bytes += vector;
    time += vector / (link > 0 ? link : kUnknownLink);
  }
  if (bytes <= 0) return;
  Stage stage{.kind = StageKind::all_reduce_bytes, .device = ranges[0].front(), .where = "links"};
  stage.new_token_amount = bytes;
  Path p;
  p.peak = p.roof = bytes / time;
  stage.memory = stage.prefill_memory = b.path(std::move(p));
  b.load.stages.push_back(stage);
}

// Of the devices that share every tensor, those of the host that has most of a range: sums go round each host first, then between hosts
// (add_network), and the largest is waited for.
std::vector<int> devices_beside(const Builder& b, const Ranges& ranges) {
  std::vector<int> most;
  if (b.split <= 1) return most;
  for (const std::vector<int>& range : ranges) {
    std::map<int, std::vector<int>> hosts;
    for (const int device : range) hosts[b.device(device).host].push_back(device);
    for (auto& [host, devices] : hosts)
      if (devices.size() > most.size()) most = std::move(devices);
  }
  return most;
}

}  // namespace

void add_links(Builder& b) {
  const auto& used = b.place.devices;
  const Ranges ranges = devices_of_ranges(b);
  if (const std::vector<int> beside = devices_beside(b, ranges); beside.size() > 1) {
    const double split = static_cast<double>(beside.size());
    const rig::Path link = path_between(b.rig, beside[0], beside[1]);
    double chosen = 0;
    for (const model::Layer& layer : b.model.layers)
      if (layer.feed_forward.kind == model::FeedForwardKind::moe) chosen = layer.feed_forward.experts_used;
    Stage latency{.kind = StageKind::all_reduce, .device = used[0].device, .where = "links"};
    const bool rows = b.place.mode == placement::Mode::row;   // copies between two devices: another mechanism than reductions
    latency.step_amount = rows ? messages_of(b) : messages_of(b) * rings_of_four(link, split);
    Path p = engine_path(rows ? "row_copy" : "all_reduce", kReductionsPerSecond, b.setting);
    if (!rows) {
      add_factor(p, "all_reduce", "link", link_kind(link));
      add_factor(p, "all_reduce", "family", b.device(used[0].device).device.architecture);
      add_factor(p, "all_reduce", "degree", "", std::log(split / 4.0));
    }
    latency.memory = b.path(std::move(p));
    b.load.stages.push_back(latency);
    Stage bytes{.kind = StageKind::all_reduce_bytes, .device = used[0].device, .where = "links"};
    // Ring or switch: each device sends and receives (n - 1) / n of the activations twice; FP16. Copies of attention send a token only
    // to the devices of its experts (one byte there, two back) where that is less.
    const double ring = 2 * 2.0 * (split - 1) / split;
    const double routed = chosen > 0 ? std::min(ring, 3 * chosen / b.copies) : ring;
    const double summed = b.copies > 1 ? expert_layers_of(b.model) * routed : 2.0 * static_cast<double>(b.model.layers.size()) * ring;
    bytes.new_token_amount = b.place.mode == placement::Mode::row ? row_split_bytes(b) : b.model.hidden * summed;
    Path q = engine_path("all_reduce_bytes", link.bandwidth.value() > 0 ? link.bandwidth.value() : kUnknownLink, b.setting);
    q.roof = q.peak;
    add_factor(q, "all_reduce_bytes", "link", link_kind(link));
    // Rings over PCIe share root complexes and the host's memory, which fabrics do not: each doubling of the neighbours counts.
    if (link_kind(link) != "nvlink") add_factor(q, "all_reduce_bytes", "neighbours", link_kind(link), std::log2(split - 1.0));
    bytes.memory = bytes.prefill_memory = b.path(std::move(q));
    b.load.stages.push_back(bytes);
  }
  if (ranges.size() > 1) {
    Stage hop{.kind = StageKind::hop, .device = used[0].device, .where = "links"};
    hop.step_amount = static_cast<double>(ranges.size());
    hop.memory = b.path(engine_path("hop", kHopsPerSecond, b.setting));
    b.load.stages.push_back(hop);
    add_handed_over(b, ranges);
  }
  if (used.size() > 1) add_network(b, ranges);
  if (const double crossings = crossings_of(b); crossings > 0) {
    Stage sync{.kind = StageKind::sync, .device = kHost, .where = "host"};
    sync.step_amount = crossings;
    sync.memory = b.path(engine_path("sync", kSyncsPerSecond, b.setting));
    b.load.stages.push_back(sync);
  }
}

}  // namespace rigcast::cost::detail
