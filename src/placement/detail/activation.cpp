#include "placement/detail/activation.hpp"

#include <algorithm>

namespace rigcast::placement::detail {

using model::AttentionKind;

double layer_peak_bytes(const model::Architecture& architecture, double tokens, int degree) {
  constexpr double half = 2;
  const double hidden = architecture.hidden;
  double widest = 0;
  for (const model::Layer& layer : architecture.layers) {
    const model::FeedForward& ffn = layer.feed_forward;
    const model::Attention& a = layer.attention;
    double inside = 0;
    if (ffn.kind == model::FeedForwardKind::dense) inside = 3.0 * ffn.width / degree;
    if (ffn.kind == model::FeedForwardKind::moe)
      inside = (3.0 * ffn.expert_width * ffn.experts_used + 3.0 * ffn.shared_width) / degree + hidden * ffn.experts_used;
    const double attention = (2.0 * a.heads * a.key_dim + double(a.kv_heads) * (a.key_dim + a.value_dim)) / degree;
    widest = std::max({widest, inside, attention});
  }
  return tokens * (4 * hidden + widest) * half;
}

double cache_bytes_per_token(const model::Layer& layer, double bytes_per_element) {
  const model::Attention& a = layer.attention;
  if (a.kind == AttentionKind::none || a.kv_layer >= 0) return 0;
  if (a.kind == AttentionKind::compressed) return a.key_dim * bytes_per_element;
  const double pooled = a.indexer_pool > 0 ? model::indexer_elements(a) : 0;
  if (a.kind == AttentionKind::mla) return (a.latent_dim + a.rope_dim + std::max(pooled, double(a.indexer_dim))) * bytes_per_element;
  return (double(a.kv_heads) * (a.key_dim + a.value_dim) + pooled) * bytes_per_element;
}

double entry_bytes_per_token(const model::Layer& layer, double bytes_per_element) {
  const model::Attention& a = layer.attention;
  return model::makes_entries(a) ? double(a.key_dim + a.indexer_dim) / a.compress * bytes_per_element : 0;
}

double state_bytes_per_sequence(const model::Layer& layer, double element) {
  return element * static_cast<double>(layer.recurrent.conv_elements + layer.recurrent.state_elements + layer.recurrent.ngram_elements) +
         4.0 * static_cast<double>(model::compressor_elements(layer.attention));
}

}  // namespace rigcast::placement::detail
