// Kinds of placement that need not be laid out, for they cannot win: what the host reads at its data-sheet bandwidth and nothing else is a bound
// that no kernel beats. Kernels timed on this very host owe nothing to data sheets.

#include <algorithm>

#include "placement/detail/searcher.hpp"

namespace rigcast::placement::detail {
namespace {

std::vector<LayerRead> read_by_layer(const model::Architecture& architecture) {
  using model::Role;
  const std::size_t count = architecture.layers.size();
  std::vector<LayerRead> read(count + 1);
  for (const model::Tensor& tensor : architecture.tensors) {
    const bool head = tensor.role == Role::output_head || (architecture.tied_embeddings && tensor.role == Role::token_embedding);
    if (!head && (tensor.layer < 0 || static_cast<std::size_t>(tensor.layer) >= count)) continue;
    LayerRead& layer = read[head ? count : static_cast<std::size_t>(tensor.layer)];
    const double bytes = tensor.bytes.value();
    switch (tensor.role) {
      case Role::attention: case Role::recurrent: case Role::dense_ffn: case Role::shared_expert_ffn: case Role::output_head: case Role::token_embedding:
        layer.all += bytes;
        break;
      case Role::expert_ffn: {
        const model::FeedForward& ffn = architecture.layers[static_cast<std::size_t>(tensor.layer)].feed_forward;
        const double used = bytes * ffn.experts_used / std::max(1, ffn.experts);
        layer.all += used;
        layer.experts += used;
        break;
      }
      default: break;
    }
  }
  return read;
}

// Bytes of its cache that a layer reads for a token behind `depth` others, at least; 0 where that is not simply told.
double cache_read(const model::Attention& attention, double depth, double element) {
  if (attention.window > 0) depth = std::min(depth, static_cast<double>(attention.window));
  if (attention.indexer_top_k > 0) depth = std::min(depth, static_cast<double>(attention.indexer_top_k));
  switch (attention.kind) {
    case model::AttentionKind::none:
    case model::AttentionKind::compressed: return 0;
    case model::AttentionKind::mla: return depth * (attention.latent_dim + attention.rope_dim) * element;
    default: return depth * attention.kv_heads * std::min(attention.key_dim, attention.value_dim) * 2 * element;
  }
}

}  // namespace

const std::vector<LayerRead>& Searcher::layers_read() const {
  if (read_.empty()) read_ = read_by_layer(architecture_);
  return read_;
}

// The best found so far that its engine vouches for, where bounds may be drawn against it.
const Candidate* Searcher::to_beat() const {
  if (base_.speculation.drafter != Drafter::none) return nullptr;   // a step writes more than one token: bounds are of plain ones
  if (!goal_.best_only || goal_.any || goal_.objective != Objective::decode || engine_.kv_rule != catalog::KvRule::slots) return nullptr;
  if (rig_.hosts.size() != 1 || rig_.hosts.front().bandwidth <= Bandwidth{} || timed_host()) return nullptr;
  const Candidate* best = nullptr;
  for (const Candidate& each : found_.ranked)
    if (!experimental(each.placement.mode) && each.over_context > 0 && each.full > 0 && (!best || each.score > best->score)) best = &each;
  return best || !below_ ? best : &*below_;   // what is slower than that does not reach the floor either
}

// The same where it is whole layers on devices that are alike: what a layer takes there is its share of the step.
const Candidate* Searcher::layers_to_beat() const {
  const Candidate* best = to_beat();
  return best && are_alike(devices_) && (best->placement.mode == Mode::single || best->placement.mode == Mode::layer) && all_on_devices(architecture_, best->placement) ? best : nullptr;
}

// A layer or its experts may move to the host where that reads them all sooner than the devices take for whole steps: of either side the moved
// layers are the same share. With a device that is no longer needed one hop is saved for what moves.
bool Searcher::may_move(Moves moves) const {
  const Candidate* best = layers_to_beat();
  if (!best) return true;
  constexpr double kHop = 500e-6;   // of a slow host; usual ones take a tenth
  const double layers = static_cast<double>(architecture_.layers.size()), hops = best->placement.devices.size() > 1 ? layers * kHop : 0;
  double least = 0;   // of those that have any
  for (const LayerRead& layer : std::span(layers_read()).first(architecture_.layers.size()))
    if (const double bytes = moves == Moves::experts ? layer.experts : layer.all; bytes > 0) least = least > 0 ? std::min(least, bytes) : bytes;
  return layers * least / rig_.hosts.front().bandwidth.value() < step_of(*best) + hops;
}

// The cache may where the host reads all of it sooner than the devices do: they take for it what a full cache slows them down.
bool Searcher::cache_may_move() const {
  const Candidate* best = layers_to_beat();
  if (!best) return true;
  const double streams = static_cast<double>(goal_.streams), depth = static_cast<double>(goal_.context) / static_cast<double>(context_parts(engine_, base_));
  double read = 0;
  for (const model::Layer& layer : architecture_.layers) read += cache_read(layer.attention, depth, goal_.cache_element);
  const double full = streams / best->full, empty = 2 * step_of(*best) - full;
  return streams * read / rig_.hosts.front().bandwidth.value() < 2 * (full - empty);
}

// The processor may win where reading all weights takes it less than what was found takes for all there is to do, prompts and all.
bool Searcher::processor_may_win() const {
  const Candidate* best = to_beat();
  if (!best) return true;
  double read = 0;
  for (const LayerRead& layer : layers_read()) read += layer.all;
  return read / rig_.hosts.front().bandwidth.value() < static_cast<double>(goal_.streams) / best->answer;
}

}  // namespace rigcast::placement::detail
