// Layers with a state of fixed size: Mamba, gated DeltaNet, and an outline for kinds whose kernels are not described here.
#include <algorithm>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

TensorId PromptGraph::recurrent(std::size_t i, TensorId x) {
  switch (a_.layers[i].recurrent.kind) {
    case model::RecurrentKind::mamba1:
      if (has_all(i, {"ssm_in.weight", "ssm_conv1d.weight", "ssm_x.weight", "ssm_dt.weight", "ssm_out.weight", "ssm_a", "ssm_d"}))
        return has_all(i, {"ssm_dt_norm", "ssm_b_norm", "ssm_c_norm"}) ? mamba_by_heads(i, x) : mamba1(i, x);
      break;
    case model::RecurrentKind::mamba2:
      if (has_all(i, {"ssm_in.weight", "ssm_conv1d.weight", "ssm_out.weight", "ssm_a", "ssm_dt.bias"})) return mamba2(i, x);
      break;
    case model::RecurrentKind::gated_delta:
      if (has_all(i, {"ssm_conv1d.weight", "ssm_out.weight", "ssm_a", "ssm_dt.bias", "ssm_norm.weight"}) &&
          (has(i, "attn_qkv.weight") || has(i, "ssm_in.weight")) && (has(i, "ssm_ba.weight") || has_all(i, {"ssm_alpha.weight", "ssm_beta.weight"})))
        return gated_delta(i, x);
      break;
    case model::RecurrentKind::kimi_delta:
      if (has_all(i, {"attn_q.weight", "attn_k.weight", "attn_v.weight", "ssm_conv1d_q.weight", "ssm_conv1d_k.weight", "ssm_conv1d_v.weight", "ssm_f_a.weight",
                      "ssm_beta.weight", "ssm_a", "ssm_dt.bias", "ssm_norm.weight", "attn_output.weight"}) &&
          (has(i, "ssm_g.weight") || has(i, "ssm_g_a.weight")))
        return kimi_delta(i, x);
      break;
    case model::RecurrentKind::lightning:
      if (has_all(i, {"attn_qkv.weight", "attn_gate.weight", "attn_norm_2.weight", "attn_output.weight"})) return lightning(i, x);
      break;
    default: break;
  }
  return unknown_recurrent(i, x);
}

bool PromptGraph::has_all(std::size_t i, std::initializer_list<std::string_view> names) const {
  return std::all_of(names.begin(), names.end(), [&](std::string_view name) { return has(i, name); });
}

// In place: the state of a sequence that begins.
void PromptGraph::clear_state(TensorId rows, std::int64_t elements) {
  const TensorId cleared = g_.elementwise(Op::scale, g_.view(rows, {elements, 1, 1, 1}, Shape(g_.stride(rows))));
  g_[cleared].view_of = g_.root(rows);
  g_.expand(cleared);
}

// Takes the sequences' states out of the cache, cleared where a sequence begins; states of sequences that are not in the batch (none in
// the largest one) are copied along.
TensorId PromptGraph::load_state(TensorId cache, std::int64_t elements) {
  const TensorId rows = g_.reshape(cache, {elements, r_.sequences, 1, 1});
  clear_state(rows, elements);
  const TensorId loaded = g_.operation(Op::gather, kF32, {elements, r_.sequences, 1, 1}, {rows, state_rows_});
  carry_others(cache, g_.view(loaded, {elements, 0, 1, 1}, Shape(g_.stride(loaded))), elements);
  return loaded;
}

// Copies no row in the largest batch, but takes its place in the running order.
void PromptGraph::carry_others(TensorId cache, TensorId others, std::int64_t elements) {
  const Shape none{elements, 0, 1, 1};
  const TensorId into = g_.view(g_.view(cache, none, Shape(g_.stride(cache))), none, Shape(g_.stride(cache)));
  const TensorId copied = g_.operation(Op::convert, kF32, none, {others, into});
  g_[copied].view_of = g_.root(cache);
  g_.expand(copied);
}

void PromptGraph::store_state(TensorId cache, TensorId from, std::int64_t elements) {
  const Shape shape{elements, r_.sequences, 1, 1};
  const Shape& held = g_.shape(from);
  const bool whole = held[0] * held[1] * held[2] * held[3] == elements * r_.sequences;
  const TensorId part = whole ? from : g_.view(from, shape, {4, elements * 4, elements * 4 * r_.sequences, elements * 4 * r_.sequences});
  const TensorId into = g_.view(cache, shape, Shape(g_.stride(cache)));
  const TensorId written = g_.operation(Op::convert, kF32, shape, {part, into});
  g_[written].view_of = g_.root(cache);
  g_.expand(written);
}

// The last inputs of a convolution: of each channel's row its end, so that a copy to another memory takes along what lies between.
TensorId PromptGraph::last_inputs(TensorId padded, std::int64_t kept) {
  return g_.view(padded, {kept, g_.shape(padded)[1], r_.sequences, 1}, Shape(g_.stride(padded)));
}

// Causal convolution over the last inputs, the kept ones in front.
TensorId PromptGraph::convolve(std::size_t i, TensorId mixed, std::int64_t channels) {
  const TensorId kernel = weight(i, "ssm_conv1d.weight");
  const std::int64_t kept = g_.shape(kernel)[0] - 1, per_sequence = tokens_ / r_.sequences;
  const TensorId before = g_.reshape(load_state(conv_cache_[i], kept * channels), {kept, channels, r_.sequences, 1});
  const TensorId columns = g_.transpose(g_.reshape(mixed, {channels, per_sequence, r_.sequences, 1}));
  const TensorId padded = g_.operation(Op::concatenate, kF32, {kept + per_sequence, channels, r_.sequences, 1}, {before, columns});
  const TensorId last = last_inputs(padded, kept);
  store_state(conv_cache_[i], habits_.copies_kept_inputs ? g_.contiguous(last) : last, kept * channels);
  TensorId y = g_.operation(Op::short_convolution, kF32, {channels, per_sequence, r_.sequences, 1}, {padded, kernel});
  if (const TensorId bias = weight(i, "ssm_conv1d.bias"); bias != kNoTensor) y = g_.elementwise(Op::add, y, {bias});
  return g_.elementwise(Op::unary, y);
}

// Mamba's scan over a sequence, with the states of other sequences carried along; [inner, tokens], states behind it.
TensorId PromptGraph::scan(std::size_t i, TensorId values, TensorId step, TensorId decay, TensorId b, TensorId c, const Shape& state) {
  const std::int64_t elements = state[0] * state[1] * state[2], inner = state[1] * state[2];
  const TensorId cached = g_.reshape(state_cache_[i], {elements, r_.sequences, 1, 1});
  if (scanned_rows_ == kNoTensor) {   // views that all layers share
    scanned_rows_ = g_.view(state_rows_, {r_.sequences, 1, 1, 1}, Shape(g_.stride(state_rows_)));
    other_rows_ = g_.view(state_rows_, {0, 1, 1, 1}, Shape(g_.stride(state_rows_)));
  }
  const TensorId states = g_.reshape(cached, {state[0], state[1], state[2], r_.sequences});
  const TensorId scanned = g_.operation(Op::state_scan, kF32, {inner * tokens_ + elements * r_.sequences, 1, 1, 1},
                                        {states, values, step, decay, b, c, scanned_rows_});
  g_.expand(scanned);
  carry_others(state_cache_[i], g_.operation(Op::gather, kF32, {elements, 0, 1, 1}, {cached, other_rows_}), elements);
  store_state(state_cache_[i], scanned, elements);
  return g_.view(scanned, {inner, tokens_, 1, 1}, {4, inner * 4, inner * 4 * tokens_, inner * 4 * tokens_});
}

TensorId PromptGraph::mamba1(std::size_t i, TensorId x) {
  const std::int64_t inner = g_.shape(weight(i, "ssm_conv1d.weight"))[1], state = g_.shape(weight(i, "ssm_a"))[0];
  const TensorId all = project(i, "ssm_in", x);
  const std::int64_t row = g_.stride(all)[1];
  const auto part = [&](TensorId of, std::int64_t width) {
    const std::int64_t stride = g_.stride(of)[1];
    return g_.view(of, {width, tokens_, 1, 1}, {4, stride, stride * tokens_, stride * tokens_});
  };
  const TensorId mixed = convolve(i, part(all, inner), inner);
  const TensorId parameters = project(i, "ssm_x", mixed);
  TensorId step = part(parameters, g_.shape(weight(i, "ssm_dt.weight"))[0]), b = part(parameters, state), c = part(parameters, state);
  if (has_all(i, {"ssm_dt_norm.weight", "ssm_b_norm.weight", "ssm_c_norm.weight"})) {
    step = norm(step, weight(i, "ssm_dt_norm.weight"));
    b = norm(b, weight(i, "ssm_b_norm.weight"));
    c = norm(c, weight(i, "ssm_c_norm.weight"));
  } else {
    step = g_.contiguous(step);
  }
  step = project(i, "ssm_dt", step);
  clear_state(g_.reshape(state_cache_[i], {a_.layers[i].recurrent.state_elements, r_.sequences, 1, 1}), a_.layers[i].recurrent.state_elements);
  TensorId y = scan(i, g_.reshape(mixed, {1, inner, tokens_, 1}), step, weight(i, "ssm_a"), b, c, {state, 1, inner, 1});
  y = g_.elementwise(Op::add, y, {g_.elementwise(Op::multiply, mixed, {weight(i, "ssm_d")})});
  y = g_.gated_unit(g_.contiguous(g_.view(all, {inner, tokens_, 1, 1}, {4, row, row * tokens_, row * tokens_})), y);
  return g_.reshape(project(i, "ssm_out", y), {a_.hidden, tokens_, 1, 1});
}

// PLaMo 2: gate and input are split by head, so that both are copied out of what is copied once before.
TensorId PromptGraph::mamba_by_heads(std::size_t i, TensorId x) {
  const std::int64_t inner = g_.shape(weight(i, "ssm_conv1d.weight"))[1], heads = g_.shape(weight(i, "ssm_a"))[0], head = inner / std::max<std::int64_t>(heads, 1);
  const std::int64_t elements = a_.layers[i].recurrent.state_elements, state = elements / std::max<std::int64_t>(inner, 1);
  const TensorId all = g_.contiguous(g_.permute(project(i, "ssm_in", g_.reshape(x, Shape(g_.shape(x)))), 0, 2, 1, 3), {2 * head, heads, tokens_, 1});
  const Shape per_head{head, heads, tokens_, 1}, row{4, 2 * head * 4, 2 * inner * 4, 2 * inner * 4 * tokens_};
  const TensorId values_in = g_.contiguous(g_.view(all, per_head, row), {inner, tokens_, 1, 1});
  const TensorId mixed = convolve(i, values_in, inner);
  const TensorId parameters = project(i, "ssm_x", mixed);
  const auto part = [&](std::int64_t width) {
    const std::int64_t stride = g_.stride(parameters)[1];
    return g_.view(parameters, {width, tokens_, 1, 1}, {4, stride, stride * tokens_, stride * tokens_});
  };
  const auto of_state = [&](const char* scale) { return g_.view(norm(part(state), weight(i, scale)), {state, 1, tokens_, 1}, {4, state * 4, state * 4, state * 4 * tokens_}); };
  const TensorId b = of_state("ssm_b_norm"), c = of_state("ssm_c_norm");
  const TensorId step = project(i, "ssm_dt", norm(part(g_.shape(weight(i, "ssm_dt.weight"))[0]), weight(i, "ssm_dt_norm")));
  clear_state(g_.reshape(state_cache_[i], {elements, r_.sequences, 1, 1}), elements);
  const auto by_head = [&](const char* name) { return g_.reshape(weight(i, name), {1, heads, 1, 1}); };   // no weight itself: it pins nothing
  const TensorId values = g_.reshape(mixed, per_head), skipped = by_head("ssm_d");
  TensorId y = g_.reshape(scan(i, values, step, by_head("ssm_a"), b, c, {state, head, heads, 1}), per_head);
  y = g_.elementwise(Op::add, y, {g_.elementwise(Op::multiply, values, {skipped})});
  y = g_.gated_unit(g_.contiguous(g_.view(all, per_head, row)), y);
  return g_.reshape(project(i, "ssm_out", g_.reshape(y, {inner, tokens_, 1, 1})), {a_.hidden, tokens_, 1, 1});
}

TensorId PromptGraph::mamba2(std::size_t i, TensorId x) {
  const std::int64_t channels = g_.shape(weight(i, "ssm_conv1d.weight"))[1], inner = g_.shape(weight(i, "ssm_out.weight"))[0];
  const std::int64_t heads = g_[weight(i, "ssm_a")].bytes / 4, state = a_.layers[i].recurrent.state_elements;
  const TensorId all = project(i, "ssm_in", x);
  const std::int64_t row = g_.stride(all)[1];
  const auto part = [&](TensorId of, std::int64_t width, std::int64_t stride) { return g_.view(of, {width, tokens_, 1, 1}, {4, stride, stride * tokens_, stride * tokens_}); };
  const TensorId mixed = convolve(i, part(all, channels, row), channels);
  const std::int64_t mixed_row = channels * 4;
  clear_state(g_.reshape(state_cache_[i], {state, r_.sequences, 1, 1}), state);
  const TensorId step = g_.elementwise(Op::add, g_.contiguous(part(all, heads, row)), {weight(i, "ssm_dt.bias")});
  const TensorId values = part(mixed, inner, mixed_row);
  const std::int64_t rest = (channels - inner) / 2;
  const TensorId y = scan(i, values, step, weight(i, "ssm_a"), part(mixed, rest, mixed_row), part(mixed, rest, mixed_row), {state / inner, inner / heads, heads, 1});
  const TensorId gate = g_.contiguous(part(all, inner, row));
  TensorId out = y;
  if (const TensorId skip = weight(i, "ssm_d"); skip != kNoTensor) out = g_.elementwise(Op::add, y, {g_.elementwise(Op::multiply, values, {skip})});
  out = g_.gated_unit(gate, out);
  if (const TensorId scale = weight(i, "ssm_norm.weight"); scale != kNoTensor) {
    const std::int64_t groups = std::max<std::int64_t>(1, g_.shape(scale)[1]);
    out = g_.reshape(norm(g_.reshape(out, {inner / groups, groups, tokens_, 1}), scale), {inner, tokens_, 1, 1});
  }
  return project(i, "ssm_out", out);
}

TensorId PromptGraph::gated_delta(std::size_t i, TensorId x) {
  const std::int64_t channels = g_.shape(weight(i, "ssm_conv1d.weight"))[1], inner = g_.shape(weight(i, "ssm_out.weight"))[0];
  const std::int64_t heads = g_[weight(i, "ssm_a")].bytes / 4, head = inner / heads, keys = (channels - inner) / 2;
  const std::int64_t state = a_.layers[i].recurrent.state_elements, key_heads = keys / head;
  g_.expand(x);
  const bool fused = has(i, "ssm_ba.weight");  // Qwen3-Next: rates in one matrix, keys repeated for all value heads
  const TensorId mixed = convolve(i, project(i, has(i, "attn_qkv.weight") ? "attn_qkv" : "ssm_in", x), channels);
  const TensorId kept = load_state(state_cache_[i], state);
  const auto normalised = [&]() {
    TensorId part = g_.view(mixed, {head, key_heads, tokens_, 1}, {4, head * 4, channels * 4, channels * 4 * tokens_});
    part = g_.elementwise(Op::scale, g_.elementwise(Op::rms_norm, part));
    if (fused && key_heads < heads)
      part = g_.reshape(g_.operation(Op::repeat, kF32, {head, heads, tokens_, 1}, {g_.reshape(part, {head, key_heads, tokens_, 1})}), {head, heads, tokens_, 1});
    return part;
  };
  const TensorId q = normalised(), k = normalised();
  const TensorId v = g_.view(mixed, {head, heads, tokens_, 1}, {4, head * 4, channels * 4, channels * 4 * tokens_});
  TensorId rate = kNoTensor, mix = kNoTensor;
  const Shape per_head{heads, tokens_, 1, 1};
  if (fused) {
    const TensorId both = g_.reshape(project(i, "ssm_ba", x), {2 * heads, tokens_, 1, 1});
    const std::int64_t row = g_.stride(both)[1];
    rate = g_.contiguous(g_.view(both, per_head, {4, row, row * tokens_, row * tokens_}));
    mix = g_.reshape(g_.elementwise(Op::unary, g_.view(both, per_head, {4, row, row * tokens_, row * tokens_})), per_head);
  } else {
    rate = g_.reshape(project(i, "ssm_alpha", x), per_head);
    mix = g_.elementwise(Op::unary, g_.reshape(project(i, "ssm_beta", x), per_head));
  }
  rate = g_.elementwise(Op::multiply, g_.elementwise(Op::unary, g_.elementwise(Op::add, rate, {weight(i, "ssm_dt.bias")})), {weight(i, "ssm_a")});
  const TensorId scanned = g_.operation(Op::delta_scan, kF32, {inner * tokens_ + state * r_.sequences, 1, 1, 1},
                                        {q, k, v, g_.reshape(rate, per_head), mix, g_.reshape(kept, {state, r_.sequences, 1, 1})});
  store_state(state_cache_[i], scanned, state);
  const TensorId y = g_.view(scanned, {head, heads, tokens_, 1}, {4, head * 4, inner * 4, inner * 4 * tokens_});
  const TensorId scaled = norm(y, weight(i, "ssm_norm.weight"));
  TensorId out = scaled;
  if (has(i, "attn_gate.weight")) {
    const TensorId gate = g_.reshape(project(i, "attn_gate", x), {head, heads, tokens_, 1});
    out = g_.elementwise(Op::multiply, scaled, {g_.elementwise(Op::unary, gate)});
  }
  return g_.reshape(project(i, "ssm_out", g_.reshape(out, {inner, tokens_, 1, 1})), {a_.hidden, tokens_, 1, 1});
}

// Kimi's delta attention: queries, keys and values each with a convolution of their own over one cache, a decay for every channel.
TensorId PromptGraph::kimi_delta(std::size_t i, TensorId x) {
  const std::int64_t inner = g_.shape(weight(i, "attn_q.weight"))[1], heads = g_[weight(i, "ssm_a")].bytes / 4, head = inner / heads;
  const std::int64_t kept = g_.shape(weight(i, "ssm_conv1d_q.weight"))[0] - 1, per_sequence = tokens_ / r_.sequences, state = inner * head;
  const TensorId before = load_state(conv_cache_[i], 3 * kept * inner);
  const auto padded = [&](std::string_view stem) {
    const TensorId columns = g_.transpose(g_.reshape(project(i, stem, x), {inner, per_sequence, r_.sequences, 1}));
    const TensorId last = g_.view(before, {kept, inner, r_.sequences, 1}, {4, kept * 4, 3 * kept * inner * 4, 3 * kept * inner * r_.sequences * 4});
    const TensorId joined = g_.operation(Op::concatenate, kF32, {kept + per_sequence, inner, r_.sequences, 1}, {last, columns});
    store_state(conv_cache_[i], last_inputs(joined, kept), kept * inner);
    return joined;
  };
  const TensorId padded_q = padded("attn_q"), padded_k = padded("attn_k"), padded_v = padded("attn_v");
  const TensorId loaded = load_state(state_cache_[i], state);
  const Shape per_head{head, heads, tokens_, 1};
  const auto convolved = [&](TensorId from, const char* kernel) {
    const TensorId flat = g_.reshape(weight(i, kernel), {kept + 1, inner, 1, 1});
    const TensorId y = g_.operation(Op::short_convolution, kF32, {inner, per_sequence, r_.sequences, 1}, {from, flat});
    return g_.reshape(g_.elementwise(Op::unary, g_.reshape(y, {inner, tokens_, 1, 1})), per_head);
  };
  const auto normalised = [&](TensorId y) { return g_.elementwise(Op::scale, g_.elementwise(Op::rms_norm, y)); };
  const TensorId q = normalised(convolved(padded_q, "ssm_conv1d_q.weight")), k = normalised(convolved(padded_k, "ssm_conv1d_k.weight"));
  const TensorId v = convolved(padded_v, "ssm_conv1d_v.weight");
  const bool bounded = a_.layers[i].recurrent.bounded_decay, narrow = has(i, "ssm_f_b.weight");   // narrow: decays and gates through fewer channels (not Ling 3)
  const auto through = [&](std::string_view first, std::string_view second) { return narrow ? project(i, second, project(i, first, x)) : project(i, first, x); };
  TensorId rate = g_.elementwise(Op::add, through("ssm_f_a", "ssm_f_b"), {weight(i, "ssm_dt.bias")});
  if (!bounded) rate = g_.elementwise(Op::unary, rate);
  TensorId decay = g_.elementwise(Op::multiply, g_.reshape(rate, per_head), {g_.reshape(weight(i, "ssm_a"), {1, heads, 1, 1})});
  if (bounded) decay = g_.reshape(g_.elementwise(Op::scale, g_.elementwise(Op::unary, narrow ? g_.elementwise(Op::scale, decay) : decay)), per_head);
  const TensorId mix = g_.elementwise(Op::unary, g_.reshape(project(i, "ssm_beta", x), {heads, tokens_, 1, 1}));
  const TensorId scanned = g_.operation(Op::delta_scan, kF32, {inner * tokens_ + state * r_.sequences, 1, 1, 1},
                                        {q, k, v, decay, mix, g_.reshape(loaded, {state, r_.sequences, 1, 1})});
  store_state(state_cache_[i], scanned, state);
  const TensorId y = g_.reshape(g_.contiguous(g_.view(scanned, per_head, {4, head * 4, inner * 4, inner * 4 * tokens_})), per_head);
  if (narrow && !has_parallel_streams()) x = g_.reshape(g_.reshape(x, {g_.shape(x)[0], tokens_ / r_.sequences, r_.sequences, 1}), Shape(g_.shape(x)));
  const TensorId opened = has(i, "ssm_g.weight") ? project(i, "ssm_g", x) : through("ssm_g_a", "ssm_g_b");
  const TensorId gate = g_.elementwise(Op::unary, g_.reshape(opened, per_head));
  const TensorId out = g_.contiguous(g_.elementwise(Op::multiply, norm(y, weight(i, "ssm_norm.weight")), {gate}), {inner, tokens_, 1, 1});
  return project(i, "attn_output", out);
}

// What decays, as inputs that all layers share: of queries, keys and every pair of tokens, and the slope of each head.
const PromptGraph::Decays& PromptGraph::decays(std::int64_t heads, std::int64_t per_sequence) {
  if (decays_.queries == kNoTensor)
    decays_ = {g_.input("q_decay_exp", kF32, {1, heads, per_sequence, 1}), g_.input("diag_decay_exp", kF32, {per_sequence, per_sequence, heads, 1}), g_.input("slopes", kF32, {heads, 1, 1, 1}),
               g_.input("k_decay_exp", kF32, {1, heads, per_sequence, 1})};
  return decays_;
}

// Lightning attention (MiniMax 01): scores of all pairs of the batch beside what the state gives, then the state once more with the batch's keys and values.
TensorId PromptGraph::lightning(std::size_t i, TensorId x) {
  const std::int64_t inner = g_.shape(weight(i, "attn_output.weight"))[0], state = a_.layers[i].recurrent.state_elements, head = state / inner, heads = inner / head;
  const std::int64_t per_sequence = tokens_ / r_.sequences;
  load_state(g_.cache(kF32, {0, r_.sequences, 1, 1}, r_.caches[i].place), 0);   // of a convolution that there is none of
  const TensorId before = g_.reshape(load_state(state_cache_[i], state), {head, head, heads, r_.sequences});
  x = g_.reshape(x, {a_.hidden, per_sequence, r_.sequences, 1});
  const TensorId all = g_.reshape(g_.elementwise(Op::unary, project(i, "attn_qkv", x)), {3 * head, heads, per_sequence, r_.sequences});
  const auto part = [&]() { return g_.view(all, {head, heads, per_sequence, r_.sequences}, {4, 3 * head * 4, 3 * inner * 4, 3 * inner * 4 * per_sequence}); };
  const auto by_head = [&](TensorId y) { return g_.permute(y, 0, 2, 1, 3); };
  const auto power = [&](TensorId exponent) { return g_.elementwise(Op::unary, g_.elementwise(Op::scale, exponent)); };
  const TensorId q = part(), k = part(), v = part();
  const Decays& decay = decays(heads, per_sequence);
  const TensorId of_state = g_.matmul(before, by_head(g_.elementwise(Op::multiply, q, {power(decay.queries)})));
  const TensorId values = g_.contiguous(g_.permute(v, 1, 2, 0, 3));
  const TensorId scores = g_.elementwise(Op::multiply, g_.matmul(by_head(k), by_head(q)), {power(decay.pairs)});
  const TensorId y = g_.elementwise(Op::add, of_state, {g_.matmul(values, scores)});
  g_.expand(y);
  const TensorId kept = g_.elementwise(Op::multiply, before, {g_.reshape(power(g_.elementwise(Op::scale, decay.slopes)), {1, 1, heads, 1})});
  const TensorId keys = g_.contiguous(g_.permute(g_.elementwise(Op::multiply, k, {power(decay.keys)}), 1, 2, 0, 3));
  store_state(state_cache_[i], g_.elementwise(Op::add, kept, {g_.matmul(keys, values)}), state);
  const TensorId gate = g_.elementwise(Op::unary, project(i, "attn_gate", x));
  const TensorId joined = g_.reshape(g_.contiguous(by_head(y)), {inner, per_sequence, r_.sequences, 1});
  return g_.reshape(project(i, "attn_output", g_.elementwise(Op::multiply, gate, {norm(joined, weight(i, "attn_norm_2.weight"))})), {a_.hidden, tokens_, 1, 1});
}

// In, through a non-linearity, out: the right order of size for kinds whose graph nobody has written down here.
TensorId PromptGraph::unknown_recurrent(std::size_t i, TensorId x) {
  TensorId widest = kNoTensor, out = kNoTensor;
  for (const auto& [name, id] : per_layer_[i]) {
    const Shape& s = g_.shape(id);
    if (s[1] <= 1 || s[2] > 1 || name.substr(0, 4) == "ffn_") continue;
    if (s[0] == a_.hidden && (widest == kNoTensor || s[1] > g_.shape(widest)[1])) widest = id;
    if (s[1] == a_.hidden) out = id;
  }
  if (widest == kNoTensor || out == kNoTensor) return kNoTensor;
  const TensorId inside = g_.elementwise(Op::unary, g_.matmul(widest, x));
  const std::int64_t width = std::min(g_.shape(inside)[0], g_.shape(out)[0]);
  const TensorId part = g_.view(inside, {width, tokens_, 1, 1}, Shape(g_.stride(inside)));
  return g_.matmul(out, g_.elementwise(Op::multiply, g_.contiguous(part)));
}

}  // namespace rigcast::placement::detail
