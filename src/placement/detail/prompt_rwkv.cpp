// RWKV 6 and 7 (and RWKV 7 with a Qwen's feed-forward part): each token is mixed with the one before it, the rest is a state of fixed size.
#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

bool PromptGraph::is_rwkv(std::size_t i) const {
  if (a_.layers[i].recurrent.kind != model::RecurrentKind::rwkv || a_.layers[i].recurrent.conv_elements % a_.hidden != 0) return false;
  if (!has_all(i, {"attn_norm.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_key.weight", "time_mix_value.weight", "time_mix_receptance.weight",
                   "time_mix_output.weight"}))
    return false;
  const bool seventh = has_all(i, {"time_mix_lerp_fused.weight", "time_mix_w0.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
                                   "time_mix_k_k.weight", "time_mix_k_a.weight", "time_mix_r_k.weight"});
  const bool sixth = has_all(i, {"time_mix_first.weight", "time_mix_lerp_x.weight", "time_mix_decay.weight", "time_mix_decay_w1.weight",
                                 "time_mix_decay_w2.weight", "time_mix_gate.weight", "time_mix_ln.weight", "time_mix_ln.bias"}) &&
                     (has(i, "time_mix_lerp_fused.weight") || has(i, "time_mix_lerp_w.weight"));
  const bool channels = has_all(i, {"channel_mix_key.weight", "channel_mix_value.weight", "channel_mix_lerp_k.weight", "attn_norm_2.weight"});
  return (sixth || seventh) && (channels || has_all(i, {"ffn_norm.weight", "ffn_up.weight", "ffn_gate.weight", "ffn_down.weight"}));
}

TensorId PromptGraph::rwkv_layer(std::size_t i, TensorId x) {
  const std::int64_t n = a_.hidden, per_sequence = tokens_ / r_.sequences, shifts = a_.layers[i].recurrent.conv_elements / n;
  const Shape batch{n, per_sequence, r_.sequences, 1};
  const auto last_of = [&](TensorId t) { return g_.view(t, {n, 1, r_.sequences, 1}, Shape(g_.stride(t))); };
  x = g_.reshape(x, batch);
  const TensorId kept = g_.reshape(load_state(conv_cache_[i], shifts * n), {n, shifts, r_.sequences, 1});
  const auto shifted = [&](TensorId t) {
    return g_.concatenate(last_of(kept), g_.view(t, {n, per_sequence - 1, r_.sequences, 1}, Shape(g_.stride(t))), 1);
  };
  const TensorId normed = norm(x, weight(i, "attn_norm.weight"), weight(i, "attn_norm.bias"));
  const TensorId mixed = has(i, "time_mix_w0.weight") ? time_mix7(i, normed, shifted(normed)) : time_mix6(i, normed, shifted(normed));
  const bool channels = has(i, "channel_mix_key.weight"), last = i + 1 == a_.layers.size();
  const auto flat = [&](TensorId t) { return g_.reshape(t, {n, tokens_, 1, 1}); };
  const auto rows_asked_for = [&](TensorId t) { return last ? g_.gather(t, output_rows_) : t; };
  if (!channels) store_state(conv_cache_[i], last_of(normed), n);
  TensorId middle = g_.elementwise(Op::add, mixed, {x});
  if (!channels) {
    middle = rows_asked_for(flat(middle));
    if (last) tokens_ = r_.outputs;
    return g_.elementwise(Op::add, ffn(i, norm(middle, weight(i, "ffn_norm.weight"))), {middle});
  }
  TensorId inside = norm(middle, weight(i, "attn_norm_2.weight"), weight(i, "attn_norm_2.bias"));
  TensorId before = shifted(inside);
  store_state(conv_cache_[i], g_.concatenate(last_of(normed), last_of(inside), 1), 2 * n);
  middle = rows_asked_for(flat(middle));
  inside = rows_asked_for(flat(inside));
  before = rows_asked_for(flat(before));
  if (last) tokens_ = r_.outputs;
  return g_.elementwise(Op::add, channel_mix(i, inside, before), {middle});
}

TensorId PromptGraph::channel_mix(std::size_t i, TensorId x, TensorId before) {
  const TensorId change = g_.elementwise(Op::subtract, before, {x});
  const auto mixed = [&](const char* share) { return g_.elementwise(Op::add, g_.elementwise(Op::multiply, change, {weight(i, share)}), {x}); };
  const TensorId key = g_.elementwise(Op::unary, g_.elementwise(Op::unary, project(i, "channel_mix_key", mixed("channel_mix_lerp_k.weight"))));
  if (!has(i, "channel_mix_receptance.weight")) return project(i, "channel_mix_value", key);
  const TensorId open = g_.elementwise(Op::unary, project(i, "channel_mix_receptance", mixed("channel_mix_lerp_r.weight")));
  return g_.elementwise(Op::multiply, open, {project(i, "channel_mix_value", key)});
}

// What a scan over the state gives: the tokens, the states behind them.
TensorId PromptGraph::rwkv_scan(std::size_t i, std::initializer_list<TensorId> sources) {
  const std::int64_t n = a_.hidden, state = a_.layers[i].recurrent.state_elements;
  const TensorId scanned = g_.operation(Op::delta_scan, kF32, {n, tokens_ + state / n * r_.sequences, 1, 1}, sources);
  store_state(state_cache_[i], scanned, state);
  const std::int64_t head = state / n;
  TensorId y = g_.view(scanned, {n * tokens_, 1, 1, 1}, {4, n * tokens_ * 4, n * tokens_ * 4, n * tokens_ * 4});
  if (!has_all(i, {"time_mix_ln.weight", "time_mix_ln.bias"})) return g_.reshape(y, {n, tokens_, 1, 1});
  y = g_.reshape(g_.elementwise(Op::layer_norm, g_.reshape(y, {head, n / head, tokens_, 1})), {n, tokens_, 1, 1});
  return g_.elementwise(Op::add, g_.elementwise(Op::multiply, y, {weight(i, "time_mix_ln.weight")}), {weight(i, "time_mix_ln.bias")});
}

TensorId PromptGraph::time_mix6(std::size_t i, TensorId x, TensorId before) {
  const std::int64_t n = a_.hidden, state = a_.layers[i].recurrent.state_elements, head = state / n;
  const Shape row{n, tokens_, 1, 1}, heads{head, n / head, tokens_, 1};
  const auto w = [&](const char* name) { return weight(i, name); };
  const TensorId change = g_.reshape(g_.elementwise(Op::subtract, before, {x}), row), now = g_.reshape(x, row);
  TensorId y = g_.elementwise(Op::add, g_.elementwise(Op::multiply, change, {w("time_mix_lerp_x.weight")}), {now});
  const TensorId narrow = w("time_mix_w1.weight"), wide = w("time_mix_w2.weight");
  y = g_.reshape(g_.elementwise(Op::unary, g_.matmul(narrow, y)), {g_.shape(narrow)[1] / 5, 1, 5, tokens_});
  y = g_.contiguous(g_.permute(y, 0, 1, 3, 2));
  y = g_.matmul(g_.reshape(wide, {g_.shape(wide)[0], g_.shape(wide)[1], 1, 5}), y);
  const TensorId fused = w("time_mix_lerp_fused.weight");
  const auto blended = [&](TensorId part, TensorId share, const Shape& shape) {
    const TensorId moved = g_.elementwise(Op::multiply, g_.elementwise(Op::add, part, {share}), {g_.reshape(change, shape)});
    return g_.elementwise(Op::add, moved, {g_.reshape(now, shape)});
  };
  if (fused != kNoTensor) y = blended(y, fused, {n, 1, tokens_, 1});
  const auto part = [&](const char* share) {
    const TensorId mine = g_.view(y, row, {4, n * 4, n * 4 * tokens_, n * 4 * tokens_});
    return fused != kNoTensor ? mine : blended(mine, w(share), row);
  };
  const TensorId slow = part("time_mix_lerp_w.weight"), k_in = part("time_mix_lerp_k.weight"), v_in = part("time_mix_lerp_v.weight");
  const TensorId r_in = part("time_mix_lerp_r.weight"), g_in = part("time_mix_lerp_g.weight");
  const auto in_heads = [&](const char* stem, TensorId in) { return g_.reshape(project(i, stem, in), heads); };
  TensorId decay = g_.matmul(w("time_mix_decay_w2.weight"), g_.elementwise(Op::unary, g_.matmul(w("time_mix_decay_w1.weight"), slow)));
  decay = g_.elementwise(Op::add, decay, {w("time_mix_decay.weight")});
  for (int function = 0; function < 3; ++function) decay = g_.elementwise(Op::unary, decay);  // exp(-exp())
  const TensorId kept = load_state(state_cache_[i], state);
  y = rwkv_scan(i, {in_heads("time_mix_key", k_in), in_heads("time_mix_value", v_in), in_heads("time_mix_receptance", r_in), w("time_mix_first.weight"),
                    g_.reshape(decay, heads), g_.reshape(kept, {state, r_.sequences, 1, 1})});
  y = g_.elementwise(Op::multiply, y, {g_.elementwise(Op::unary, project(i, "time_mix_gate", g_in))});
  return g_.reshape(project(i, "time_mix_output", y), {n, tokens_ / r_.sequences, r_.sequences, 1});
}

TensorId PromptGraph::time_mix7(std::size_t i, TensorId x, TensorId before) {
  const std::int64_t n = a_.hidden, state = a_.layers[i].recurrent.state_elements, head = state / n;
  const Shape row{n, tokens_, 1, 1}, heads{head, n / head, tokens_, 1};
  const auto w = [&](const char* name) { return weight(i, name); };
  const auto low_rank = [&](const char* in, const char* out, TensorId from, bool bent) {
    const TensorId inside = g_.matmul(w(in), from);
    return g_.matmul(w(out), bent ? g_.elementwise(Op::unary, inside) : inside);
  };
  const TensorId share = w("time_mix_lerp_fused.weight");
  TensorId all = g_.elementwise(Op::subtract, before, {x});
  all = g_.operation(Op::repeat, kF32, {n, tokens_ / r_.sequences, r_.sequences, g_.shape(share)[3]}, {all});
  all = g_.elementwise(Op::add, g_.elementwise(Op::multiply, all, {share}), {x});
  const auto part = [&]() { return g_.view(all, row, {4, n * 4, n * 4 * tokens_, n * 4 * tokens_}); };
  const TensorId r_in = part(), w_in = part(), k_in = part(), v_in = part(), a_in = part();
  const bool gated = has_all(i, {"time_mix_g1.weight", "time_mix_g2.weight"});
  const TensorId g_in = gated ? part() : kNoTensor;
  const TensorId r = project(i, "time_mix_receptance", r_in);
  TensorId decay = g_.elementwise(Op::add, low_rank("time_mix_w1.weight", "time_mix_w2.weight", w_in, true), {w("time_mix_w0.weight")});
  decay = g_.elementwise(Op::unary, g_.elementwise(Op::scale, g_.elementwise(Op::unary, decay)));
  const TensorId key = project(i, "time_mix_key", k_in);
  TensorId v = project(i, "time_mix_value", v_in);
  if (first_value_ == kNoTensor || !has_all(i, {"time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight"})) {
    if (first_value_ == kNoTensor) first_value_ = v;
  } else {  // values of later layers are drawn towards the first layer's
    const TensorId pull = g_.elementwise(Op::unary, g_.elementwise(Op::add, low_rank("time_mix_v1.weight", "time_mix_v2.weight", v_in, false), {w("time_mix_v0.weight")}));
    v = g_.elementwise(Op::add, v, {g_.elementwise(Op::multiply, g_.elementwise(Op::subtract, first_value_, {v}), {pull})});
  }
  const TensorId rate = g_.elementwise(Op::unary, g_.elementwise(Op::add, low_rank("time_mix_a1.weight", "time_mix_a2.weight", a_in, false), {w("time_mix_a0.weight")}));
  const TensorId removal = g_.elementwise(Op::l2_norm, g_.reshape(g_.elementwise(Op::multiply, key, {w("time_mix_k_k.weight")}), heads));
  const TensorId damped = g_.elementwise(Op::multiply, key, {w("time_mix_k_a.weight")});
  const TensorId replacement = g_.elementwise(Op::subtract, g_.elementwise(Op::multiply, rate, {damped}), {damped});
  const TensorId k = g_.reshape(g_.elementwise(Op::add, key, {replacement}), heads), queries = g_.reshape(r, heads), values = g_.reshape(v, heads);
  const TensorId kept = load_state(state_cache_[i], state);
  TensorId y = rwkv_scan(i, {queries, g_.reshape(decay, heads), k, values, g_.elementwise(Op::unary, removal),
                             g_.elementwise(Op::multiply, removal, {g_.reshape(rate, heads)}), g_.reshape(kept, {state, r_.sequences, 1, 1})});
  const TensorId both = g_.elementwise(Op::multiply, g_.elementwise(Op::multiply, k, {queries}), {w("time_mix_r_k.weight")});
  const TensorId bonus = g_.elementwise(Op::multiply, values, {g_.operation(Op::sum_rows, kF32, {1, n / head, tokens_, 1}, {both})});
  y = g_.elementwise(Op::add, y, {g_.reshape(bonus, row)});
  if (gated) y = g_.elementwise(Op::multiply, y, {low_rank("time_mix_g1.weight", "time_mix_g2.weight", g_in, true)});
  return g_.reshape(project(i, "time_mix_output", y), {n, tokens_ / r_.sequences, r_.sequences, 1});
}

}  // namespace rigcast::placement::detail
