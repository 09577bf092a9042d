// Parallel residual streams (hyper-connections): every part works on a mixture of them and gives its result back to each.
#include <algorithm>
#include <string>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

bool PromptGraph::has_parallel_streams() const {
  const std::size_t first = r_.layers.empty() ? 0 : r_.layers.front();
  return a_.streams > 1 && (has_all(first, {"hc_attn_fn.weight", "hc_attn_scale.weight", "hc_attn_base.weight"}) ||
                            has_all(first, {"hc_attn_norm.weight", "hc_attn_down.weight", "hc_attn_up.weight", "hc_attn_inject.weight"}));
}

TensorId PromptGraph::fan_out(TensorId x) {
  return g_.operation(Op::repeat, kF32, {a_.hidden, a_.streams, tokens_, 1}, {g_.reshape(x, {a_.hidden, 1, tokens_, 1})});
}

TensorId PromptGraph::flat(TensorId streams) { return g_.reshape(streams, {std::int64_t{a_.hidden} * a_.streams, g_.shape(streams)[2], 1, 1}); }

TensorId PromptGraph::one_stream(TensorId streams) {
  const Shape s = g_.shape(streams), t = g_.stride(streams);
  return g_.view(streams, {s[0], s[2], 1, 1}, {t[0], t[2], t[2] * s[2], t[2] * s[2]});
}

// So many numbers for each token out of the mixing weights, times a scale and plus a base.
TensorId PromptGraph::mixing_weights(TensorId mixes, std::int64_t count, TensorId scale, TensorId base) {
  const std::int64_t row = g_.stride(mixes)[1];
  const auto few = [&](TensorId of, std::int64_t n) { return g_.view(of, {n, 1, 1, 1}, {4, n * 4, n * 4, n * 4}); };
  const TensorId part = g_.view(mixes, {count, tokens_, 1, 1}, {4, row, row * tokens_, row * tokens_});
  return g_.elementwise(Op::add, g_.elementwise(Op::multiply, part, {few(scale, 1)}), {few(base, count)});
}

// The matrix that mixes streams with each other, made doubly stochastic by dividing by the sums of its columns and rows in turns.
TensorId PromptGraph::balanced(TensorId matrix) {
  const std::int64_t n = a_.streams;
  matrix = g_.elementwise(Op::softmax, g_.reshape(matrix, {n, n, tokens_, 1}));
  const TensorId least = g_.elementwise(Op::fill, g_.scratch(kF32, {1, 1, 1, 1}));
  matrix = g_.elementwise(Op::add, matrix, {least});
  const auto sums = [&](TensorId of) { return g_.elementwise(Op::add, g_.operation(Op::sum_rows, kF32, {1, n, tokens_, 1}, {of}), {least}); };
  for (int round = 0; round < std::max(1, a_.mixing_rounds); ++round) {
    if (round > 0) matrix = g_.elementwise(Op::divide, matrix, {sums(matrix)});
    const TensorId columns = sums(g_.contiguous(g_.permute(matrix, 1, 0, 2, 3)));
    matrix = g_.elementwise(Op::divide, matrix, {g_.permute(columns, 1, 0, 2, 3)});
  }
  return matrix;
}

TensorId PromptGraph::weighted_sum(TensorId streams, TensorId weights) {
  const std::int64_t row = g_.stride(weights)[1];
  TensorId sum = kNoTensor;
  for (int s = 0; s < a_.streams; ++s) {
    const TensorId one = one_stream(streams), weight = g_.view(weights, {1, tokens_, 1, 1}, {4, row, row * tokens_, row * tokens_});
    const TensorId part = g_.elementwise(Op::multiply, one, {weight});
    sum = sum == kNoTensor ? part : g_.elementwise(Op::add, sum, {part});
  }
  return sum;
}

TensorId PromptGraph::fused(std::size_t i, Op op, const Shape& shape, std::initializer_list<TensorId> sources) {
  const TensorId made = g_.operation(op, kF32, shape, sources);
  g_[made].layer = static_cast<int>(i);
  return made;
}

// What a part ("attn", "ffn") works on, and what its result is given back with.
PromptGraph::StreamPart PromptGraph::enter_part(std::size_t i, const std::string& part, TensorId x) {
  const auto named = [&](const char* what) { return weight(i, "hc_" + part + what); };
  StreamPart p;
  p.streams = x;
  if (named("_down.weight") != kNoTensor) {  // Qwen 3.8 Flash: each stream is normalised and gated, and they are averaged
    const Gated gated = gate_streams(x, named("_norm.weight"), named("_down.weight"), named("_up.weight"));
    const auto whole = [&](TensorId t) { return g_.reshape(t, {a_.hidden, a_.streams, tokens_, 1}); };
    p.input = fused(i, Op::weigh_streams, {a_.hidden, tokens_, 1, 1}, {whole(gated.normed), whole(gated.gate)});
    p.give_back = g_.matmul(named("_inject.weight"), gated.normed);
    return p;
  }
  const std::int64_t n = a_.streams;
  const TensorId mixes = g_.matmul(named("_fn.weight"), g_.elementwise(Op::rms_norm, flat(x)));
  const TensorId scale = named("_scale.weight"), base = named("_base.weight");
  const auto bounded = [&](TensorId weights) { return g_.elementwise(Op::scale, g_.elementwise(Op::unary, weights)); };
  const TensorId weights = bounded(mixing_weights(mixes, n, scale, base));
  p.give_back = bounded(mixing_weights(mixes, n, scale, base));
  if (a_.mixing_rounds == 0) {  // Hy 4: in single precision, whatever comes in
    p.give_back = g_.elementwise(Op::scale, p.give_back);
    p.input = g_.convert(weighted_sum(g_.convert(x, kF32), weights), kF32);
    return p;
  }
  p.matrix = r_.fused.balances ? fused(i, Op::balance, {n, n, tokens_, 1}, {mixes, scale, base}) : balanced(mixing_weights(mixes, n * n, scale, base));
  p.input = r_.fused.weighs ? fused(i, Op::weigh_streams, {a_.hidden, tokens_, 1, 1}, {x, weights}) : weighted_sum(x, weights);
  return p;
}

PromptGraph::Gated PromptGraph::gate_streams(TensorId x, TensorId scale, TensorId down, TensorId up) {
  const Shape wide{std::int64_t{a_.hidden} * a_.streams, tokens_, 1, 1};
  const TensorId normed = g_.reshape(g_.elementwise(Op::multiply, g_.elementwise(Op::rms_norm, x), {scale}), wide);
  return {normed, g_.matmul(up, g_.elementwise(Op::unary, g_.elementwise(Op::scale, g_.matmul(down, normed))))};
}

TensorId PromptGraph::leave_part(std::size_t i, const StreamPart& part, TensorId y) {
  const Shape shape{a_.hidden, a_.streams, tokens_, 1};
  if (part.matrix != kNoTensor) return r_.fused.spreads ? fused(i, Op::spread, shape, {y, part.streams, part.give_back, part.matrix}) : mixed_streams(part, y);
  if (a_.mixing_rounds == 0 && weight(r_.layers.front(), "hc_attn_down.weight") == kNoTensor) return give_back_alone(part, y);
  TensorId shares = g_.elementwise(Op::scale, g_.elementwise(Op::unary, g_.elementwise(Op::scale, part.give_back)));
  return fused(i, Op::spread, shape, {y, part.streams, shares});
}

// Every stream anew, one after the other: its share of the result, and the old streams as the matrix mixes them.
TensorId PromptGraph::mixed_streams(const StreamPart& part, TensorId y) {
  const std::int64_t n = a_.streams;
  const auto share = [&](TensorId of, std::int64_t row) { return g_.view(of, {1, tokens_, 1, 1}, {4, row, row * tokens_, row * tokens_}); };
  const std::int64_t given = g_.stride(part.give_back)[1], mixed = g_.stride(part.matrix)[2];
  TensorId out = kNoTensor;
  for (std::int64_t to = 0; to < n; ++to) {
    TensorId sum = g_.elementwise(Op::multiply, y, {share(part.give_back, given)});
    for (std::int64_t from = 0; from < n; ++from) sum = g_.elementwise(Op::add, sum, {g_.elementwise(Op::multiply, one_stream(part.streams), {share(part.matrix, mixed)})});
    sum = g_.reshape(sum, {a_.hidden, 1, tokens_, 1});
    out = out == kNoTensor ? sum : g_.concatenate(out, sum, 1);
  }
  return out;
}

// Hy 4: to every stream its share, one after the other.
TensorId PromptGraph::give_back_alone(const StreamPart& part, TensorId y) {
  const TensorId given = g_.convert(y, kF32), shares = g_.convert(part.give_back, kF32), kept = g_.convert(part.streams, kF32);
  const std::int64_t row = g_.stride(shares)[1];
  TensorId out = kNoTensor;
  for (int s = 0; s < a_.streams; ++s) {
    const TensorId stream = one_stream(kept), share = g_.view(shares, {1, tokens_, 1, 1}, {4, row, row * tokens_, row * tokens_});
    const TensorId sum = g_.reshape(g_.elementwise(Op::add, stream, {g_.elementwise(Op::multiply, given, {share})}), {a_.hidden, 1, tokens_, 1});
    out = out == kNoTensor ? sum : g_.concatenate(out, sum, 1);
  }
  return g_.convert(out, kF32);
}

TensorId PromptGraph::parallel_layer(std::size_t i, TensorId x) {
  const bool gated = has(i, "hc_attn_down.weight"), last = i + 1 == a_.layers.size();
  if (has_all(i, {"ple_key.weight", "ple_value.weight", "ple_conv1d.weight"}) && ngrams_ != kNoTensor) x = take_in_ngrams(i, x);
  StreamPart part = enter_part(i, "attn", x);
  const TensorId normed = gated ? part.input : norm(part.input, weight(i, "attn_norm.weight"));
  if (gated || habits_.expands_part) g_.expand(normed);
  TensorId y = mixer(i, normed);
  if (y == kNoTensor) return x;
  if (gated && last) {  // the tokens asked for leave the last layer after its attention
    y = g_.gather(y, output_rows_);
    part.give_back = g_.gather(part.give_back, output_rows_);
    const TensorId rows = g_.gather(flat(part.streams), output_rows_);
    tokens_ = r_.outputs;
    part.streams = g_.reshape(rows, {a_.hidden, a_.streams, tokens_, 1});
  }
  x = leave_part(i, part, y);
  part = enter_part(i, "ffn", x);
  if (habits_.expands_give_back) {
    g_.expand(part.give_back);
    g_.expand(part.matrix);
  }
  y = ffn(i, gated ? part.input : norm(part.input, weight(i, "ffn_norm.weight")));
  if (y == kNoTensor) return x;
  x = leave_part(i, part, y);
  if (habits_.pins_streams) pin(x);
  return x;
}

// The tokens asked for, and one stream of what their streams hold.
TensorId PromptGraph::collapse(TensorId x) {
  const TensorId down = weight("output_hc_down.weight"), function = weight("output_hc_fn.weight");
  if (down != kNoTensor) {
    const Gated gated = gate_streams(x, weight("output_hc_norm.weight"), down, weight("output_hc_up.weight"));
    const TensorId open = g_.reshape(g_.elementwise(Op::multiply, gated.normed, {g_.elementwise(Op::unary, gated.gate)}), {a_.hidden, a_.streams, tokens_, 1});
    return mean_of(open, true);
  }
  const TensorId rows = g_.gather(flat(x), output_rows_);
  tokens_ = r_.outputs;
  x = g_.reshape(rows, {a_.hidden, a_.streams, tokens_, 1});
  if (function == kNoTensor) return mean_of(x, false);
  const TensorId mixes = g_.matmul(function, g_.elementwise(Op::rms_norm, flat(x)));
  TensorId weights = g_.elementwise(Op::add, g_.elementwise(Op::multiply, mixes, {weight("output_hc_scale.weight")}), {weight("output_hc_base.weight")});
  weights = g_.elementwise(Op::scale, g_.elementwise(Op::unary, weights));
  if (a_.mixing_rounds > 0) return weighted_sum(x, weights);
  return g_.convert(weighted_sum(g_.convert(x, kF32), weights), kF32);
}

TensorId PromptGraph::mean_of(TensorId streams, bool copies_first) {
  TensorId sum = one_stream(streams);
  if (copies_first) sum = g_.contiguous(sum);
  for (int s = 1; s < a_.streams; ++s) sum = g_.elementwise(Op::add, sum, {one_stream(streams)});
  return g_.elementwise(Op::scale, sum);
}

// Qwen 3.8 Flash: rows of a table of n-grams, one for each of several hashes.
void PromptGraph::look_up_ngrams() {
  const TensorId table = weight("per_layer_token_embd.weight");
  std::int64_t width = 0;
  for (const std::size_t i : r_.layers)
    if (const TensorId key = weight(i, "ple_key.weight"); key != kNoTensor) width = g_.shape(key)[0];
  if (table == kNoTensor || width == 0 || g_.shape(table)[0] == 0) return;
  const std::int64_t rows = width / g_.shape(table)[0];
  ngrams_ = g_.reshape(g_.gather(table, g_.input("ple_rows", kI32, {rows * tokens_, 1, 1, 1})), {width, tokens_, 1, 1});
  g_.expand(ngrams_);
}

// Gated by how well they fit each stream, and through a convolution of their own.
TensorId PromptGraph::take_in_ngrams(std::size_t i, TensorId x) {
  const std::int64_t hidden = a_.hidden, n = a_.streams, wide = hidden * n, per_sequence = tokens_ / r_.sequences;
  const auto grouped = [&](TensorId t, const char* scale) {
    return g_.elementwise(Op::multiply, g_.elementwise(Op::rms_norm, g_.reshape(t, {hidden, n, tokens_, 1})), {weight(i, scale)});
  };
  const TensorId fit = g_.elementwise(Op::multiply, grouped(g_.matmul(weight(i, "ple_key.weight"), ngrams_), "ple_norm_key.weight"), {grouped(x, "ple_norm_query.weight")});
  const TensorId score = g_.elementwise(Op::scale, g_.operation(Op::sum_rows, kF32, {1, n, tokens_, 1}, {fit}));
  const TensorId size = g_.elementwise(Op::square_root, g_.elementwise(Op::clamp, g_.elementwise(Op::unary, score)));
  const TensorId gate = g_.elementwise(Op::unary, g_.elementwise(Op::multiply, g_.elementwise(Op::unary, score), {size}));
  const TensorId value = g_.operation(Op::repeat, kF32, {hidden, n, tokens_, 1}, {g_.reshape(g_.matmul(weight(i, "ple_value.weight"), ngrams_), {hidden, 1, tokens_, 1})});
  const TensorId gated = g_.elementwise(Op::multiply, value, {gate});
  const TensorId normed = g_.reshape(g_.reshape(grouped(g_.reshape(gated, {wide, tokens_, 1, 1}), "ple_norm_conv.weight"), {wide, tokens_, 1, 1}), {wide, per_sequence, r_.sequences, 1});
  const TensorId padded = remember(ngram_cache_[i], normed, a_.layers[i].recurrent.ngram_elements / wide, wide);
  const TensorId kernel = weight(i, "ple_conv1d.weight");
  TensorId sum = kNoTensor;
  for (std::int64_t tap = 0; tap < g_.shape(kernel)[0]; ++tap) {
    const Shape stride = g_.stride(padded);
    const TensorId shifted = g_.contiguous(g_.transpose(g_.view(padded, {per_sequence, wide, r_.sequences, 1}, stride)));
    const TensorId column = g_.operation(Op::contiguous, kF32, {1, wide, 1, 1}, {g_.view(kernel, {1, wide, 1, 1}, {4, 4, 4 * wide, 4 * wide})});
    const TensorId term = g_.elementwise(Op::multiply, shifted, {g_.reshape(column, {wide, 1, 1, 1})});
    sum = sum == kNoTensor ? term : g_.elementwise(Op::add, sum, {term});
  }
  const TensorId out = g_.reshape(g_.contiguous(g_.elementwise(Op::unary, sum)), {hidden, n, tokens_, 1});
  return g_.elementwise(Op::add, x, {g_.elementwise(Op::add, gated, {out})});
}

// The kept inputs of a convolution in front of the new ones, [kept + tokens, channels]; the last ones are kept in turn.
TensorId PromptGraph::remember(TensorId cache, TensorId columns, std::int64_t kept, std::int64_t channels) {
  const std::int64_t per_sequence = tokens_ / r_.sequences;
  const TensorId before = g_.reshape(load_state(cache, kept * channels), {kept, channels, r_.sequences, 1});
  const TensorId joined = g_.operation(Op::concatenate, kF32, {kept + per_sequence, channels, r_.sequences, 1}, {before, g_.transpose(columns)});
  store_state(cache, g_.contiguous(last_inputs(joined, kept)), kept * channels);
  return joined;
}

}  // namespace rigcast::placement::detail
