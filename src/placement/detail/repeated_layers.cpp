#include "placement/detail/repeated_layers.hpp"

#include <algorithm>

namespace rigcast::placement::detail {
namespace {

constexpr std::size_t kLongestPattern = 8;
constexpr std::size_t kFirstKept = 4, kLastKept = 3;  // patterns
constexpr std::size_t kCycle = 4;                     // patterns after which an allocator has come round: buffers of one layer swap places in the next

Signature cache_signature(const LayerCache& c) {
  Signature signature;
  for (const std::int64_t value : {std::int64_t{c.stored}, std::int64_t{c.windowed}, c.cells, c.key_elements, c.value_elements, c.index_key_elements,
                                   c.index_value_elements, c.state_elements, c.conv_elements, c.entries, c.ngram_elements, c.compressor_elements, std::int64_t{c.place}})
    signature.add(value);
  return signature;
}

// How many layers from `begin` on repeat the `pattern` before them, in whole patterns, the first one included.
std::size_t patterns_from(const std::vector<LayerSignature>& layers, std::size_t begin, std::size_t pattern) {
  std::size_t end = begin + pattern;
  while (end < layers.size() && layers[end] == layers[end - pattern]) ++end;
  return end <= layers.size() ? (end - begin) / pattern : 0;
}

}  // namespace

std::vector<LayerSignature> layer_signatures(const WeightKinds& weights, const GraphRequest& request, std::int64_t max_tensor_bytes) {
  const model::Architecture& a = weights.architecture();
  std::vector<LayerSignature> layers(a.layers.size());
  Signature cache;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i == 0 || request.caches[i] != request.caches[i - 1]) cache = cache_signature(request.caches[i]);
    layers[i].graph = weights.layer(i);
    layers[i].graph.add(static_cast<std::int64_t>(cache.value()));
  }
  for (std::size_t t = 0; t < weights.tensors().size(); ++t) {
    const auto [layer, number] = weights.tensors()[t];
    const WeightKind& weight = weights.kinds()[number];
    if (!weights.is_layer(layer) || !weight.in_graph) continue;
    const int place = request.tensor_place[t];
    const auto add_to = [&](LayerSignature& signature) {
      signature.graph.add(weight.at(place, max_tensor_bytes));
      if (place >= request.host) signature.host_bytes.add(static_cast<std::int64_t>(weight.first->bytes.value()));
    };
    const auto block = static_cast<std::size_t>(layer);
    if (a.blocks.empty()) add_to(layers[block]);
    else for (std::size_t i = block; i < layers.size(); ++i)
      if (a.block_of(i) == block) add_to(layers[i]);
  }
  if (!layers.empty()) layers.back().graph.add("last");  // only the tokens asked for leave the last layer
  return layers;
}

std::vector<std::size_t> representative_layers(const std::vector<LayerSignature>& layers) {
  std::vector<std::size_t> kept;
  for (std::size_t begin = 0; begin < layers.size();) {
    std::size_t pattern = 1, count = 0;
    for (; pattern <= kLongestPattern; ++pattern)
      if ((count = patterns_from(layers, begin, pattern)) >= kFirstKept + kLastKept + kCycle) break;
    if (pattern > kLongestPattern) {
      kept.push_back(begin++);
      continue;
    }
    const std::size_t left_out = (count - kFirstKept - kLastKept) / kCycle * kCycle;
    const std::size_t gap = begin + kFirstKept * pattern, end = begin + count * pattern;
    for (; begin < gap; ++begin) kept.push_back(begin);
    for (begin = gap + left_out * pattern; begin < end; ++begin) kept.push_back(begin);
  }
  return kept;
}

}  // namespace rigcast::placement::detail
