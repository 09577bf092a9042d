#include "cost/small_operations.hpp"

#include "cost/detail/stages.hpp"
#include "cost/paths.hpp"

namespace rigcast::cost {
namespace {

using model::AttentionKind;
using model::FeedForwardKind;

// A norm over every head has one row of scales for all of them.
double width_of_norm(const model::Architecture& a, const model::Tensor& t) {
  const auto width = static_cast<double>(t.shape[0]);
  const model::Attention& attention = a.layers[static_cast<std::size_t>(t.layer)].attention;
  if (t.shape[0] != attention.key_dim) return width;
  if (t.name.find("q_norm") != std::string::npos) return width * attention.heads;
  return t.name.find("k_norm") != std::string::npos ? width * attention.kv_heads : width;
}

void add_tensor(const model::Architecture& a, const model::Tensor& t, SmallOperations& out) {
  if (multiplied(t.role, false) && t.shape[1] * t.shape[2] > 1) out.products[format_class(t.quant)] += 1;
  if (t.role != model::Role::norm || t.name.ends_with("sinks.weight")) return;
  const bool in_layer = static_cast<std::size_t>(t.layer) < a.layers.size(), bias = t.name.ends_with(".bias");
  const double operations = bias ? 1 : 2;
  out.operations += operations;
  out.numbers += operations * (in_layer && !bias ? width_of_norm(a, t) : static_cast<double>(t.shape[0]));
}

void add_attention(const model::Architecture& model, const model::Attention& a, SmallOperations& out) {
  const double queries = static_cast<double>(a.heads) * a.key_dim, keys = static_cast<double>(a.kv_heads) * a.key_dim;
  out.operations += 6;
  out.numbers += queries + 3 * keys + static_cast<double>(a.heads) * a.value_dim + model.hidden;
  if (a.indexer_top_k > 0) out.operations += 18;   // scores of all earlier tokens, their selection, the gathering
}

void add_feed_forward(const model::Architecture& model, const model::FeedForward& f, SmallOperations& out) {
  const double hidden = model.hidden;
  if (f.kind == FeedForwardKind::dense) {
    out.operations += 2;
    out.numbers += f.width + hidden;
  }
  if (f.kind != FeedForwardKind::moe) return;
  out.operations += 6 + 1 + 1 + f.experts_used;   // choosing, weighing, the gate; sums over the chosen and with the stream
  out.numbers += 2.0 * f.experts + f.experts_used * (f.expert_width + 2 * hidden);
  if (f.shared_width == 0) return;
  out.operations += 2;
  out.numbers += f.shared_width + hidden;
}

}  // namespace

SmallOperations small_operations(const model::Architecture& architecture) {
  SmallOperations out;
  for (const model::Tensor& t : architecture.tensors)
    if (t.layer >= 0 && static_cast<std::size_t>(t.layer) <= architecture.layers.size()) add_tensor(architecture, t, out);
  constexpr double kRecurrent = 15;    // convolution, gates, scan, norms of its own
  constexpr double kCompressed = 32;   // hyper-connections and compressed caches
  for (const model::Layer& layer : architecture.layers) {
    if (layer.attention.kind != AttentionKind::none) add_attention(architecture, layer.attention, out);
    if (layer.recurrent.kind != model::RecurrentKind::none) out.operations += kRecurrent, out.numbers += 8.0 * architecture.hidden;
    add_feed_forward(architecture, layer.feed_forward, out);
    if (detail::compressed_attention(architecture)) out.operations += kCompressed;
  }
  return out;
}

}  // namespace rigcast::cost
