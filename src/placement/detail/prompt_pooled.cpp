// Sparse attention over pools: the keys of a few tokens become one, pools are scored, and the tokens of the best ones and of the pool
// in the making are attended to (GLM 5.3 Flash, Qwen 3.8 Flash).
#include <algorithm>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

bool PromptGraph::pools_keys(std::size_t i) const {
  if (a_.layers[i].attention.indexer_pool == 0 || index_cache_[i] == kNoTensor) return false;
  return has_all(i, {"indexer.q_proj.weight", "indexer.k_proj.weight", "indexer.q_norm.weight", "indexer.k_norm.weight"}) ||
         has_all(i, {"indexer.attn_k.weight", "indexer.attn_q_b.weight", "indexer.proj.weight", "indexer.k_norm.weight", "indexer_compressor_gate.weight", "indexer_compressor_ape.weight"});
}

PromptGraph::PoolInputs& PromptGraph::pool_inputs(std::size_t i) {
  PoolInputs& in = pools_;
  if (in.key_rows != kNoTensor) return in;
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t pool = a.indexer_pool;
  in.fresh = std::max<std::int64_t>(1, r_.sequences * r_.cells / pool);
  in.pools = std::max<std::int64_t>(64, (in.fresh + 1 + 63) / 64 * 64);
  in.best = std::min<std::int64_t>(in.pools, std::max<std::int64_t>(1, a.indexer_top_k / pool));
  in.chosen = pool * in.best + pool - 1;
  in.key_rows = g_.input("k_idxs_idx", kI64, {tokens_, 1, 1, 1});
  in.cells = g_.input("pool_cells", kI32, {in.pools, 1, 1, 1});
  in.members = g_.input("pool_idxs", kI32, {pool, in.pools, 1, 1});
  in.mask = g_.input("pool_mask", kF16, {in.pools, tokens_, 1, 1});
  in.tail = g_.input("tail_idxs", kI32, {pool - 1, tokens_, 1, 1});
  if (has(i, "indexer_compressor_gate.weight")) in.live = g_.input("gather_mask", kF32, {in.chosen, 1, 1, tokens_});
  in.fresh_members = g_.input("new_pool_idxs", kI32, {pool, in.fresh, 1, 1});
  in.fresh_rows = g_.input("new_pool_rep", kI64, {in.fresh, 1, 1, 1});
  in.fresh_positions = g_.input("new_pool_pos", kI32, {4 * in.fresh, 1, 1, 1});
  return in;
}

void PromptGraph::expand_pool_inputs(std::size_t i) {
  const PoolInputs& in = pool_inputs(i);
  for (const TensorId each : {in.cells, in.members, in.mask, in.tail, in.live})
    if (each != kNoTensor) g_.expand(each);
}

// Parts of a row of the indexer's cache, as wide as a key each.
TensorId PromptGraph::index_part(std::size_t i, std::int64_t parts) {
  const std::int64_t dim = a_.layers[i].attention.indexer_dim, rows = r_.caches[i].cells * r_.streams, row = g_.row_bytes(kKey, r_.caches[i].index_key_elements);
  return g_.view(index_cache_[i], {parts * dim, rows, 1, 1}, {g_.stride(index_cache_[i])[0], row, row * rows, row * rows});
}

// Stores the batch's keys, pools what is complete, scores all pools: the pools' scores and the rows chosen, [chosen, tokens].
PromptGraph::Selection PromptGraph::choose_pools(std::size_t i, TensorId x, TensorId narrow) {
  PoolInputs& in = pool_inputs(i);
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t dim = a.indexer_dim, pool = a.indexer_pool, row = r_.caches[i].index_key_elements;
  const bool gated = has(i, "indexer_compressor_gate.weight");   // GLM: pooled by learnt weights; Qwen: averaged
  const auto place_for_pooled = [&] { return g_.elementwise(Op::fill, g_.scratch(kF32, {dim, tokens_, 1, 1})); };
  TensorId fresh = kNoTensor;
  if (gated) {
    const TensorId key = norm(project(i, "indexer.attn_k", x), weight(i, "indexer.k_norm.weight"), weight(i, "indexer.k_norm.bias"));
    const TensorId both = g_.concatenate(key, project(i, "indexer_compressor_gate", x), 0);
    fresh = g_.concatenate(both, place_for_pooled(), 0);
  } else {
    const TensorId key = project(i, "indexer.k_proj", x);
    fresh = g_.concatenate(key, place_for_pooled(), 0);
  }
  const TensorId into = r_.streams > 1 ? g_.reshape(index_cache_[i], {row, r_.caches[i].cells * r_.streams, 1, 1}) : index_cache_[i];
  g_.expand(g_.scatter(into, g_.view(g_.reshape(fresh, {row, 1, tokens_, 1}), {row, tokens_, 1, 1}, {4, row * 4, row * 4 * tokens_, row * 4 * tokens_}), in.key_rows));
  const TensorId members = g_.gather(index_part(i, gated ? 2 : 1), g_.reshape(in.fresh_members, {pool * in.fresh, 1, 1, 1}));
  const TensorId pooled = gated ? pooled_by_gate(i, members) : pooled_mean(i, members);
  const TensorId pools = index_part(i, 1);
  g_.expand(g_.scatter(pools, pooled, in.fresh_rows));
  TensorId q = kNoTensor, weights = kNoTensor;
  if (gated) q = g_.reshape(project(i, "indexer.attn_q_b", narrow), {dim, a.indexer_heads, tokens_, 1});
  else q = rope(i, norm(g_.reshape(project(i, "indexer.q_proj", x), {dim, a.indexer_heads, tokens_, 1}), weight(i, "indexer.q_norm.weight")));
  const TensorId keys = g_.reshape(g_.gather(pools, in.cells), {dim, 1, in.pools, 1});
  if (gated) weights = g_.elementwise(Op::scale, project(i, "indexer.proj", x));
  else weights = g_.elementwise(Op::fill, g_.scratch(kF32, {a.indexer_heads, tokens_, 1, 1}));
  Selection s;
  s.scores = g_.operation(Op::index_scores, kF32, {in.pools, tokens_, 1, 1}, {q, keys, weights, in.mask});
  const TensorId best = g_.operation(Op::top_k, kI32, {in.best, tokens_, 1, 1}, {s.scores});
  s.best = gated ? by_score(s.scores, best) : best;
  const TensorId rows = g_.gather(in.members, g_.reshape(s.best, {in.best * tokens_, 1, 1, 1}));
  s.rows = g_.reshape(rows, {pool * in.best, tokens_, 1, 1});
  s.rows = g_.operation(Op::concatenate, kI32, {in.chosen, tokens_, 1, 1}, {s.rows, in.tail});
  return s;
}

TensorId PromptGraph::pooled_by_gate(std::size_t i, TensorId members) {
  const PoolInputs& in = pools_;
  const std::int64_t dim = a_.layers[i].attention.indexer_dim, pool = a_.layers[i].attention.indexer_pool, row = 2 * dim * 4;
  const TensorId whole = g_.reshape(members, {2 * dim, pool, in.fresh, 1});
  const auto half = [&] { return g_.view(whole, {dim, pool, in.fresh, 1}, {4, row, row * pool, row * pool * in.fresh}); };
  const TensorId logits = g_.contiguous(g_.permute(g_.elementwise(Op::add, half(), {weight(i, "indexer_compressor_ape.weight")}), 1, 0, 2, 3));
  const TensorId shares = g_.reshape(g_.elementwise(Op::softmax, g_.reshape(logits, {pool, dim * in.fresh, 1, 1})), {pool, dim, in.fresh, 1});
  const TensorId keys = g_.contiguous(g_.permute(half(), 1, 0, 2, 3));
  return g_.reshape(g_.operation(Op::sum_rows, kF32, {1, dim, in.fresh, 1}, {g_.elementwise(Op::multiply, shares, {keys})}), {dim, in.fresh, 1, 1});
}

TensorId PromptGraph::pooled_mean(std::size_t i, TensorId members) {
  const PoolInputs& in = pools_;
  const std::int64_t dim = a_.layers[i].attention.indexer_dim, pool = a_.layers[i].attention.indexer_pool, row = dim * 4 * pool;
  const TensorId whole = g_.reshape(members, {dim, pool, in.fresh, 1});
  const auto one = [&] { return g_.view(whole, {dim, in.fresh, 1, 1}, {4, row, row * in.fresh, row * in.fresh}); };
  TensorId sum = g_.contiguous(one());
  for (std::int64_t k = 1; k < pool; ++k) sum = g_.elementwise(Op::add, sum, {one()});
  sum = norm(g_.elementwise(Op::scale, sum), weight(i, "indexer.k_norm.weight"));
  return g_.reshape(g_.elementwise(Op::rope, g_.reshape(sum, {dim, 1, in.fresh, 1}), {in.fresh_positions}), {dim, in.fresh, 1, 1});
}

// The best pools in the order of their scores.
TensorId PromptGraph::by_score(TensorId scores, TensorId best) {
  const PoolInputs& in = pools_;
  const TensorId theirs = g_.operation(Op::gather, kF32, {1, in.best, tokens_, 1}, {g_.reshape(scores, {1, in.pools, tokens_, 1}), best});
  const TensorId order = g_.operation(Op::argsort, kI32, {in.best, tokens_, 1, 1}, {g_.reshape(theirs, {in.best, tokens_, 1, 1})});
  const TensorId as_numbers = g_.reshape(g_.convert(best, kF32), {1, in.best, tokens_, 1});
  const TensorId sorted = g_.operation(Op::gather, kF32, {1, in.best, tokens_, 1}, {as_numbers, order});
  return g_.convert(g_.contiguous(g_.reshape(sorted, {in.best, tokens_, 1, 1})), kI32);
}

// Whether a slot chose a pool at all, where no input says so: by its score; the tail says it itself.
TensorId PromptGraph::live_by_score(const Selection& s) {
  const PoolInputs& in = pools_;
  const std::int64_t pool = g_.shape(in.members)[0];
  const auto capped = [&](TensorId t) { return g_.elementwise(Op::clamp, g_.elementwise(Op::scale, t)); };
  const TensorId theirs = capped(g_.operation(Op::gather, kF32, {1, in.best, tokens_, 1}, {g_.reshape(s.scores, {1, in.pools, tokens_, 1}), s.best}));
  const TensorId each = g_.operation(Op::repeat, kF32, {pool, in.best, tokens_, 1}, {theirs});
  return g_.concatenate(g_.reshape(each, {pool * in.best, tokens_, 1, 1}), capped(g_.convert(in.tail, kF32)), 0);
}

// The mask of attention with all but the chosen rows shut out; slots that chose nothing write to rows of their own behind the cache.
TensorId PromptGraph::mask_of(const Selection& s) {
  const PoolInputs& in = pools_;
  const std::uint8_t type = r_.flash_attention ? kF16 : kF32;
  const std::int64_t cells = r_.cells, wide = cells + in.chosen;
  const auto filled = [&](std::int64_t n) {
    const TensorId row = g_.elementwise(Op::fill, g_.scratch(type, {n, 1, 1, 1}));
    return g_.reshape(g_.operation(Op::repeat, type, {n, tokens_, 1, 1}, {row}), {1, n, tokens_, 1});
  };
  const TensorId shut = filled(wide), open = filled(in.chosen);
  const TensorId numbers = g_.convert(s.rows, kF32);
  const TensorId live = in.live != kNoTensor ? g_.elementwise(Op::unary, g_.reshape(in.live, {in.chosen, tokens_, 1, 1})) : live_by_score(s);
  const TensorId dump = in.live != kNoTensor ? g_.operation(Op::repeat, kF32, {in.chosen, 1, 1, 1}, {})
                                             : g_.elementwise(Op::scale, g_.operation(Op::cumulative_sum, kF32, {in.chosen, tokens_, 1, 1}, {g_.elementwise(Op::fill, live)}));
  const TensorId target = g_.elementwise(Op::add, g_.elementwise(Op::multiply, g_.elementwise(Op::subtract, numbers, {dump}), {live}), {dump});
  const TensorId rows = g_.convert(target, kI32);
  const TensorId opened = g_.scatter(shut, open, g_.reshape(rows, {in.chosen, tokens_, 1, 1}));
  const Shape whole = g_.shape(full_.mask);
  const std::int64_t row = g_.stride(opened)[2];
  return g_.elementwise(Op::add, g_.view(opened, whole, {g_.stride(opened)[0], row, row * whole[1], row * whole[1]}), {full_.mask});
}

}  // namespace rigcast::placement::detail
