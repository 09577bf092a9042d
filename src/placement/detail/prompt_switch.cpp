// Granite Switch: adapters stand in stacks beside their matrices, and each token takes one of them. A last layer without weights, of one head,
// runs first and says which.
#include <string>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

TensorId PromptGraph::choose_adapters(std::size_t i) {
  const std::int64_t dim = a_.layers[i].attention.key_dim;
  const auto lane = [&](const char* label) {
    return g_.operation(Op::pad, kF32, {dim, 1, tokens_, 1}, {g_.reshape(g_.input(label, kF32, {tokens_, 1, 1, 1}), {1, 1, tokens_, 1})});
  };
  const TensorId q = lane("router_q"), k = lane("router_ksig"), v = lane("router_vval");
  const TensorId out = attend(i, q, k, v), first = g_.view(out, {1, tokens_, 1, 1}, Shape(g_.stride(out)));
  const TensorId slot = g_.reshape(g_.contiguous(first), {tokens_, 1, 1, 1});
  return g_.convert(g_.elementwise(Op::unary, g_.elementwise(Op::clamp, slot)), kI32);
}

// A product and what the token's adapter adds to it.
TensorId PromptGraph::adapted(std::size_t i, const std::string& stem, TensorId product, TensorId x) {
  const TensorId down = weight(i, stem + ".lora_a"), up = weight(i, stem + ".lora_b");
  if (down == kNoTensor || up == kNoTensor) return product;
  const TensorId rows = g_.reshape(x, {g_.shape(x)[0], 1, tokens_, 1}), chosen = g_.reshape(adapters_, {1, tokens_, 1, 1});
  const TensorId delta = g_.matmul_experts(up, g_.matmul_experts(down, rows, chosen), chosen);
  return g_.elementwise(Op::add, product, {g_.reshape(delta, {g_.shape(delta)[0], tokens_, 1, 1})});
}

TensorId PromptGraph::switched_layer(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const bool last = i + 2 == a_.layers.size();
  const TensorId normed = norm(x, weight(i, "attn_norm.weight"));
  const Heads all = fused_heads(i, normed);
  const auto part = [&](const char* stem, TensorId of, std::int64_t dim, std::int64_t heads) {
    const TensorId own = g_.contiguous(of, {dim * heads, tokens_, 1, 1});
    return g_.reshape(adapted(i, stem, own, normed), {dim, heads, tokens_, 1});
  };
  TensorId q = part("attn_q", all.q, a.key_dim, a.heads), k = part("attn_k", all.k, a.key_dim, a.kv_heads);
  const TensorId v = part("attn_v", all.v, a.value_dim, a.kv_heads);
  q = rope(i, q);
  k = rope(i, k);
  const TensorId attended = attend(i, q, k, v);
  TensorId y = adapted(i, "attn_output", project(i, "attn_output", attended), attended), residual = x;
  if (last) {
    y = g_.gather(y, output_rows_);
    residual = g_.gather(residual, output_rows_);
    adapters_ = g_.reshape(g_.gather(g_.reshape(adapters_, {1, tokens_, 1, 1}), output_rows_), {r_.outputs, 1, 1, 1});
    tokens_ = r_.outputs;
  }
  const TensorId middle = g_.elementwise(Op::add, g_.elementwise(Op::scale, y), {residual});
  const TensorId inside = norm(middle, weight(i, "ffn_norm.weight"));
  const TensorId gate = adapted(i, "ffn_gate", project(i, "ffn_gate", inside), inside), up = adapted(i, "ffn_up", project(i, "ffn_up", inside), inside);
  const TensorId both = g_.elementwise(Op::multiply, g_.elementwise(Op::unary, gate), {up});
  y = adapted(i, "ffn_down", project(i, "ffn_down", both), both);
  return g_.elementwise(Op::add, g_.elementwise(Op::scale, y), {middle});
}

TensorId PromptGraph::switched_layers(TensorId x) {
  adapters_ = choose_adapters(a_.layers.size() - 1);
  x = g_.elementwise(Op::scale, x);
  for (const std::size_t i : r_.layers)
    if (i + 1 < a_.layers.size() && has_all(i, {"attn_norm.weight", "attn_qkv.weight", "attn_output.weight", "ffn_norm.weight", "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"})) {
      layer_ = static_cast<int>(i);
      x = switched_layer(i, x);
    }
  return x;
}

}  // namespace rigcast::placement::detail
