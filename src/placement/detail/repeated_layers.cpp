#include "placement/detail/repeated_layers.hpp"

#include <algorithm>
#include <string_view>

namespace rigcast::placement::detail {
namespace {

constexpr std::size_t kLongestPattern = 8;
constexpr std::size_t kFirstKept = 4, kLastKept = 3;  // patterns
constexpr std::size_t kCycle = 4;                     // patterns after which an allocator has come round: buffers of one layer swap places in the next

bool is_weight_matrix(const model::Tensor& tensor) {
  using model::Role;
  switch (tensor.role) {
    case Role::attention: case Role::dense_ffn: case Role::expert_ffn: case Role::shared_expert_ffn: case Role::output_head: case Role::token_embedding:
    case Role::per_layer_embedding: return tensor.shape[1] * tensor.shape[2] > 1;
    default: return false;
  }
}

void add_tensor(LayerSignature& layer, const model::Tensor& tensor, int place, const GraphRequest& request, std::int64_t max_tensor_bytes) {
  const std::string_view name = tensor.name;
  layer.graph.add(name.substr(std::min(name.size(), name.starts_with("blk.") ? name.find('.', 4) : 0)));
  add_weight(layer.graph, tensor, place, max_tensor_bytes);
  if (place >= request.host) layer.host_bytes.add(static_cast<std::int64_t>(tensor.bytes.value()));
}

void add_cache(Signature& layer, const LayerCache& c) {
  for (const std::int64_t value : {std::int64_t{c.stored}, std::int64_t{c.windowed}, c.cells, c.key_elements, c.value_elements, c.index_key_elements,
                                   c.index_value_elements, c.state_elements, c.conv_elements, c.entries, c.ngram_elements, c.compressor_elements, std::int64_t{c.place}})
    layer.add(value);
}

// All of a layer's fields; its state is part of its cache.
void add_kind(Signature& layer, const model::Layer& kind) {
  const model::Attention& a = kind.attention;
  const model::FeedForward& f = kind.feed_forward;
  for (const int value : {static_cast<int>(a.kind), a.heads, a.kv_heads, a.key_dim, a.value_dim, a.window, a.compress, a.latent_dim, a.rope_dim, a.indexer_heads,
                          a.indexer_dim, a.indexer_top_k, a.indexer_pool, a.indexer_row, static_cast<int>(a.value_is_key), a.kv_layer, static_cast<int>(kind.recurrent.kind),
                          static_cast<int>(f.kind), f.width, f.experts, f.experts_used, f.expert_width, f.shared_experts, f.shared_width,
                          static_cast<int>(f.gated), static_cast<int>(f.scaled_shares), static_cast<int>(kind.recurrent.bounded_decay)})
    layer.add(value);
}

// How many layers from `begin` on repeat the `pattern` before them, in whole patterns, the first one included.
std::size_t patterns_from(const std::vector<LayerSignature>& layers, std::size_t begin, std::size_t pattern) {
  std::size_t end = begin + pattern;
  while (end < layers.size() && layers[end] == layers[end - pattern]) ++end;
  return end <= layers.size() ? (end - begin) / pattern : 0;
}

}  // namespace

void add_weight(Signature& signature, const model::Tensor& tensor, int place, std::int64_t max_tensor_bytes) {
  signature.add(tensor.shape[0] ^ tensor.shape[1] << 32);   // no length is that long
  signature.add(tensor.shape[2] ^ tensor.shape[3] << 32);
  signature.add(2 * place + (tensor.bytes.value() > static_cast<double>(max_tensor_bytes)));
  if (!is_weight_matrix(tensor)) signature.add(static_cast<std::int64_t>(tensor.bytes.value()));
}

std::vector<LayerSignature> layer_signatures(const GraphRequest& request, std::int64_t max_tensor_bytes) {
  const model::Architecture& a = *request.architecture;
  std::vector<LayerSignature> layers(a.layers.size());
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    add_kind(layers[i].graph, a.layers[i]);
    add_cache(layers[i].graph, request.caches[i]);
  }
  for (std::size_t t = 0; t < a.tensors.size(); ++t) {
    const model::Tensor& tensor = a.tensors[t];
    if (tensor.layer < 0 || tensor.layer >= static_cast<int>(layers.size()) || tensor.role == model::Role::vision) continue;
    const auto block = static_cast<std::size_t>(tensor.layer);
    for (std::size_t i = block; i < (a.blocks.empty() ? block + 1 : layers.size()); ++i)
      if (a.block_of(i) == block) add_tensor(layers[i], tensor, request.tensor_place[t], request, max_tensor_bytes);
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
