#include <algorithm>
#include <string>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

TensorId PromptGraph::bent(TensorId gate, TensorId up) {
  if (!habits_.situ) return g_.gated_unit(gate, up);
  const auto bounded = [&](TensorId t) { return g_.elementwise(Op::scale, g_.elementwise(Op::unary, g_.elementwise(Op::scale, t))); };
  const TensorId opened = g_.elementwise(Op::multiply, bounded(gate), {g_.elementwise(Op::unary, gate)});
  return g_.elementwise(Op::multiply, opened, {bounded(up)});
}

// `suffix` is empty or "_shexp" for shared experts.
TensorId PromptGraph::dense_ffn(std::size_t i, TensorId x, std::string_view suffix) {
  const std::string tail(suffix);
  const TensorId up = project(i, "ffn_up" + tail, x);
  const TensorId down = weight(i, "ffn_down" + tail + ".weight");
  TensorId y = up;
  if (has(i, "ffn_gate" + tail + ".weight")) y = bent(project(i, "ffn_gate" + tail, x), up);
  else if (g_.shape(up)[0] == 2 * g_.shape(down)[0]) y = g_.gated_unit(up, kNoTensor);  // both halves in one matrix
  else y = g_.elementwise(Op::unary, up);
  return project(i, "ffn_down" + tail, y);
}

// Which experts each token goes to, and their weights [1, used, tokens].
TensorId PromptGraph::route(std::size_t i, TensorId logits, std::int64_t used, TensorId& chosen) {
  const std::int64_t experts = a_.layers[i].feed_forward.experts;
  const TensorId bias = weight(i, "exp_probs_b.bias");
  const TensorId by_token = weight(i, "ffn_gate_tid2eid.weight");   // DeepSeek V4: the first layers' experts are those of the token
  if (by_token != kNoTensor && tokens_in_ != kNoTensor) {
    const TensorId scores = g_.elementwise(Op::square_root, g_.elementwise(Op::unary, logits));
    chosen = g_.operation(Op::gather, kI32, {used, tokens_, 1, 1}, {by_token, tokens_in_});
    return normalised_shares(i, g_.operation(Op::gather, kF32, {1, used, tokens_, 1}, {g_.reshape(scores, {1, experts, tokens_, 1}), chosen}), used);
  }
  TensorId probabilities = logits;
  if (!habits_.softmax_chosen) probabilities = g_.elementwise(bias != kNoTensor || habits_.sigmoid_router ? Op::unary : Op::softmax, logits);
  if (habits_.root_router) probabilities = g_.elementwise(Op::square_root, probabilities);
  TensorId ranked = bias != kNoTensor ? g_.elementwise(Op::add, probabilities, {bias}) : probabilities;
  if (habits_.sigmoid_router) ranked = logits;
  if (habits_.ranks_by_sigmoid) {
    g_.expand(probabilities);
    ranked = g_.elementwise(Op::unary, logits);
  }
  const TensorId sorted = g_.operation(Op::argsort, kI32, Shape(g_.shape(ranked)), {ranked});
  chosen = g_.view(sorted, {used, tokens_, 1, 1}, Shape(g_.stride(sorted)));
  TensorId weights = g_.operation(Op::gather, kF32, {1, used, tokens_, 1}, {g_.reshape(probabilities, {1, experts, tokens_, 1}), chosen});
  if (habits_.softmax_chosen) {
    weights = g_.reshape(g_.elementwise(Op::softmax, g_.reshape(weights, {used, tokens_, 1, 1})), {1, used, tokens_, 1});
  } else if (!habits_.plain_router) {
    return normalised_shares(i, weights, used);
  }
  g_.expand(weights);
  return weights;
}

TensorId PromptGraph::normalised_shares(std::size_t i, TensorId weights, std::int64_t used) {
  const TensorId flat = g_.reshape(weights, {used, tokens_, 1, 1});
  const TensorId sum = g_.elementwise(Op::clamp, g_.operation(Op::sum_rows, kF32, {1, tokens_, 1, 1}, {flat}));
  weights = g_.reshape(g_.elementwise(Op::divide, flat, {sum}), {1, used, tokens_, 1});
  if (a_.layers[i].feed_forward.scaled_shares && !habits_.ranks_by_sigmoid) weights = g_.elementwise(Op::scale, weights);
  g_.expand(weights);
  return weights;
}

TensorId PromptGraph::experts(std::size_t i, std::string_view stem, TensorId x, TensorId chosen) {
  const std::string name(stem);
  const TensorId y = g_.matmul_experts(weight(i, name + ".weight"), x, chosen);
  g_[y].wide = habits_.wide_experts && stem == "ffn_down_exps";
  const TensorId bias = weight(i, name + ".bias");
  return bias == kNoTensor ? y : g_.elementwise(Op::add_expert, y, {bias, chosen});
}

// What the chosen experts of a kind ("exps") make of their rows.
TensorId PromptGraph::expert_products(std::size_t i, std::string_view kind, TensorId rows, TensorId chosen) {
  const std::string tail = '_' + std::string(kind);
  if (has(i, "ffn_gate_up" + tail + ".weight")) {
    const TensorId both = experts(i, "ffn_gate_up" + tail, rows, chosen);
    const Shape half{g_.shape(both)[0] / 2, g_.shape(both)[1], tokens_, 1};
    const TensorId gate = g_.view(both, half, Shape(g_.stride(both))), up = g_.view(both, half, Shape(g_.stride(both)));
    return experts(i, "ffn_down" + tail, g_.gated_unit(gate, up), chosen);
  }
  const TensorId up = experts(i, "ffn_up" + tail, rows, chosen);
  const TensorId y = has(i, "ffn_gate" + tail + ".weight") ? bent(experts(i, "ffn_gate" + tail, rows, chosen), up) : g_.elementwise(Op::unary, up);
  return experts(i, "ffn_down" + tail, y, chosen);
}

// GroveMoE: what the experts give goes on through the smaller ones of their groups, chosen once more.
TensorId PromptGraph::group_experts(std::size_t i, TensorId logits, TensorId y) {
  const std::int64_t groups = g_.shape(weight(i, "ffn_up_chexps.weight"))[2], used = std::min<std::int64_t>(a_.layers[i].feed_forward.experts_used, groups);
  TensorId chosen = kNoTensor;
  const TensorId weights = route(i, logits, used, chosen);
  if (groups != a_.layers[i].feed_forward.experts) chosen = g_.convert(g_.elementwise(Op::scale, g_.convert(chosen, kF32)), kI32);   // from experts to their groups
  const TensorId given = expert_products(i, "chexps", g_.reshape(y, {g_.shape(y)[0], 1, tokens_, 1}), chosen);
  const TensorId sum = sum_experts(g_.elementwise(Op::multiply, given, {weights}), used);
  return g_.elementwise(Op::add, y, {g_.elementwise(Op::scale, sum)});
}

TensorId PromptGraph::expert_ffn(std::size_t i, TensorId x) {
  const std::int64_t used = a_.layers[i].feed_forward.experts_used;
  TensorId chosen = kNoTensor;
  const TensorId logits = project(i, "ffn_gate_inp", x), weights = route(i, logits, used, chosen);
  const bool routed = has_all(i, {"ffn_routed_down.weight", "ffn_routed_up.weight"});     // experts work in a narrower space (Kimi K3, Nemotron 3)
  const bool narrower = routed || has_all(i, {"ffn_latent_down.weight", "ffn_latent_up.weight"});
  const TensorId inside = narrower ? project(i, routed ? "ffn_routed_down" : "ffn_latent_down", x) : x;
  const std::int64_t width = g_.shape(inside)[0];
  TensorId rows = g_.reshape(inside, {width, 1, tokens_, 1});
  if (habits_.weights_before_experts) {
    rows = g_.operation(Op::repeat, kF32, {width, used, tokens_, 1}, {rows});
    rows = g_.elementwise(Op::multiply, rows, {weights});
  }
  TensorId y = expert_products(i, "exps", rows, chosen);
  if (!habits_.weights_before_experts) y = g_.elementwise(Op::multiply, y, {weights});
  y = sum_experts(y, used);
  if (const TensorId scale = weight(i, "ffn_routed_norm.weight"); routed && scale != kNoTensor) y = norm(y, scale);
  if (narrower) y = project(i, routed ? "ffn_routed_up" : "ffn_latent_up", y);
  if (has_all(i, {"ffn_up_chexps.weight", "ffn_down_chexps.weight"})) y = group_experts(i, logits, y);
  if (!has(i, "ffn_down_shexp.weight") || !has(i, "ffn_up_shexp.weight")) return y;
  TensorId shared = dense_ffn(i, x, "_shexp");
  if (const TensorId gate = weight(i, "ffn_gate_inp_shexp.weight"); gate != kNoTensor)
    shared = g_.elementwise(Op::multiply, shared, {g_.elementwise(Op::unary, g_.matmul(gate, x))});
  return g_.elementwise(Op::add, y, {shared});
}

TensorId PromptGraph::sum_experts(TensorId y, std::int64_t used) {
  const Shape s = g_.shape(y), t = g_.stride(y);
  std::vector<TensorId> parts;
  for (std::int64_t e = 0; e < used; ++e) {
    parts.push_back(g_.view(y, {s[0], tokens_, 1, 1}, {t[0], t[2], t[2] * tokens_, t[2] * tokens_}));
    g_.expand(parts.back());
  }
  TensorId sum = parts[0];
  for (std::size_t e = 1; e < parts.size(); ++e) sum = g_.operation(Op::add, kF32, {s[0], tokens_, 1, 1}, {sum, parts[e]});
  if (used == 1) sum = g_.contiguous(sum);
  g_.expand(sum);
  return sum;
}

}  // namespace rigcast::placement::detail
