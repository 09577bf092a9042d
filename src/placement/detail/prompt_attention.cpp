#include <string>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

namespace {

// Largest power of two that divides n.
std::int64_t power_of_two_in(std::int64_t n) { return n & -n; }

}  // namespace

// Query and key norms are over one head, or over all heads at once.
TensorId PromptGraph::head_norm(std::size_t i, std::string_view name, TensorId x, std::int64_t dim, std::int64_t heads) {
  const TensorId scale = weight(i, name);
  if (scale == kNoTensor) return g_.shape(x)[1] == heads ? x : g_.reshape(x, {dim, heads, tokens_, 1});
  const bool whole = g_.shape(scale)[0] == dim * heads && heads > 1 && g_.shape(scale)[1] == 1;
  if (whole) return g_.reshape(norm(x, scale), {dim, heads, tokens_, 1});
  const TensorId split = g_.shape(x)[1] == heads && g_.shape(x)[2] == tokens_ ? x : g_.reshape(x, {dim, heads, tokens_, 1});
  return norm(split, scale);
}

PromptGraph::Heads PromptGraph::separate_heads(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  Heads h;
  const std::int64_t query = std::int64_t{a.key_dim} * a.heads;
  h.q = project(i, "attn_q", x);
  if (g_.shape(h.q)[0] == 2 * query) {  // query and output gate of each head side by side
    const TensorId both = h.q;
    const std::int64_t head = 2 * a.key_dim * 4, row = head * a.heads;
    h.q = g_.view(both, {a.key_dim, a.heads, tokens_, 1}, {4, head, row, row * tokens_});
    h.gate = g_.view(both, {a.key_dim, a.heads, tokens_, 1}, {4, head, row, row * tokens_});
  }
  h.k = has(i, "attn_k.weight") ? project(i, "attn_k", x) : kNoTensor;
  h.v = has(i, "attn_v.weight") ? project(i, "attn_v", x) : h.k;
  return h;
}

PromptGraph::Heads PromptGraph::fused_heads(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const TensorId all = project(i, "attn_qkv", x);
  const std::int64_t row = g_.stride(all)[1];
  const auto part = [&](std::int64_t dim, std::int64_t heads) { return g_.view(all, {dim, heads, tokens_, 1}, {4, dim * 4, row, row * tokens_}); };
  return {part(a.key_dim, a.heads), part(a.key_dim, a.kv_heads), part(a.value_dim, a.kv_heads), kNoTensor};
}

TensorId PromptGraph::heads_attention(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  if (!has(i, "attn_q.weight") && !has(i, "attn_qkv.weight")) return kNoTensor;
  if (a.kv_layer >= 0) return borrowed_attention(i, x);
  TensorId chosen = kNoTensor;
  if (pools_keys(i)) {
    const Selection selection = choose_pools(i, x, kNoTensor);
    g_.expand(selection.rows);
    chosen = mask_of(selection);
  }
  Heads h = has(i, "attn_q.weight") ? separate_heads(i, x) : fused_heads(i, x);
  if (h.k == kNoTensor) return kNoTensor;
  const auto split = [&](TensorId t, std::int64_t dim, std::int64_t heads) {
    return g_.shape(t)[1] == heads && g_.shape(t)[2] == tokens_ ? t : g_.reshape(t, {dim, heads, tokens_, 1});
  };
  const bool turns = habits_.turns(i) && (!habits_.rotates_windows_only || !any_window_ || r_.caches[i].windowed);
  const auto turned = [&](TensorId t) { return turns ? rope(i, t) : t; };
  if (habits_.norm_after_rope) {
    h.q = head_norm(i, "attn_q_norm.weight", turned(split(h.q, a.key_dim, a.heads)), a.key_dim, a.heads);
    h.k = head_norm(i, "attn_k_norm.weight", turned(split(h.k, a.key_dim, a.kv_heads)), a.key_dim, a.kv_heads);
    if (habits_.bare_key_norm) h.k = norm(h.k, kNoTensor);
  } else {
    h.q = turned(head_norm(i, "attn_q_norm.weight", h.q, a.key_dim, a.heads));
    h.k = turned(head_norm(i, "attn_k_norm.weight", h.k, a.key_dim, a.kv_heads));
  }
  if (habits_.bare_norm_after_rope && turns) {
    h.q = norm(h.q, kNoTensor);
    h.k = norm(h.k, kNoTensor);
  }
  if (habits_.scales_unturned && !turns) {
    if (query_scales_ == kNoTensor) query_scales_ = g_.input("inp_attn_scale", kF32, {1, 1, tokens_, 1});
    h.q = g_.elementwise(Op::multiply, h.q, {query_scales_});
  }
  if (habits_.scales_query) h.q = g_.elementwise(Op::scale, h.q);
  h.v = split(h.v, a.value_dim, a.kv_heads);
  if (habits_.bare_value_norm) h.v = norm(h.v, kNoTensor);
  TensorId out = attend(i, h.q, h.k, h.v, chosen);
  if (h.gate != kNoTensor) {
    const TensorId gate = g_.contiguous(h.gate, {std::int64_t{a.key_dim} * a.heads, tokens_, 1, 1});
    out = g_.elementwise(Op::multiply, out, {g_.elementwise(Op::unary, gate)});
  }
  out = output_gate(i, x, out);
  return has(i, "attn_output.weight") ? project(i, "attn_output", out) : out;
}

// A gate for every element of the attention's result, or one for each head.
TensorId PromptGraph::output_gate(std::size_t i, TensorId x, TensorId attended) {
  const TensorId matrix = weight(i, "attn_gate.weight");
  if (matrix == kNoTensor) return attended;
  const TensorId gate = g_.elementwise(Op::unary, g_.matmul(matrix, x));
  const Shape whole = g_.shape(attended);
  const std::int64_t heads = g_.shape(gate)[0];
  if (heads == whole[0]) return g_.elementwise(Op::multiply, attended, {gate});
  if (whole[0] % heads != 0) return attended;
  const TensorId split = g_.reshape(attended, {whole[0] / heads, heads, tokens_, 1});
  return g_.reshape(g_.elementwise(Op::multiply, split, {g_.reshape(gate, {1, heads, tokens_, 1})}), whole);
}

// Queries against the cache of an earlier layer (Gemma 3n, Gemma 4).
TensorId PromptGraph::borrowed_attention(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const auto owner = static_cast<std::size_t>(a.kv_layer);
  if (key_cache_[owner] == kNoTensor || value_cache_[owner] == kNoTensor || !has_all(i, {"attn_q.weight", "attn_output.weight"})) return kNoTensor;
  const bool windowed = r_.caches[owner].windowed;
  TensorId q = rope(i, head_norm(i, "attn_q_norm.weight", project(i, "attn_q", x), a.key_dim, a.heads));
  if (habits_.scales_query) q = g_.elementwise(Op::scale, q);
  const bool rotate_value = r_.value_type.block_elements > 1 && a.value_dim % 64 == 0;
  if (r_.key_type.block_elements > 1 && a.key_dim % 64 == 0) q = rotate(q, rotation(true, windowed, a.key_dim));
  g_.expand(q);
  const TensorId out = core_attention(i, q, key_view(owner, a.kv_heads, a.key_dim), value_view(owner, a.kv_heads, a.value_dim), (windowed ? windowed_ : full_).mask,
                                      kNoTensor, !r_.flash_attention);
  return project(i, "attn_output", rotate_value ? rotate(out, rotation(false, windowed, a.value_dim)) : out);
}

bool PromptGraph::has_latent_weights(std::size_t i) const {
  for (const char* name : {"attn_kv_a_mqa.weight", "attn_kv_a_norm.weight", "attn_k_b.weight", "attn_v_b.weight", "attn_output.weight"})
    if (!has(i, name)) return false;
  return has(i, "attn_q.weight") || (has(i, "attn_q_a.weight") && has(i, "attn_q_a_norm.weight") && has(i, "attn_q_b.weight"));
}

// DeepSeek's latent attention with its up-projections absorbed: one key and value of latent + rope elements for all heads.
TensorId PromptGraph::latent_attention(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t latent = a.latent_dim, turned = a.rope_dim;
  if (turned == 0) return unturned_latent_attention(i, x);
  if (has_indexer(i)) store_index(i, x);
  const TensorId narrow = has(i, "attn_q_a.weight") ? norm(project(i, "attn_q_a", x), weight(i, "attn_q_a_norm.weight")) : kNoTensor;
  TensorId q = narrow != kNoTensor ? project(i, "attn_q_b", narrow) : project(i, "attn_q", x);
  const std::int64_t head = g_.shape(q)[0] / a.heads, plain = head - turned;
  const std::int64_t row = head * a.heads * 4;
  const TensorId q_plain = g_.view(q, {plain, a.heads, tokens_, 1}, {4, head * 4, row, row * tokens_});
  const TensorId q_turned = rope(i, g_.view(q, {turned, a.heads, tokens_, 1}, {4, head * 4, row, row * tokens_}));
  const TensorId both = project(i, "attn_kv_a_mqa", x);
  const std::int64_t both_row = g_.stride(both)[1];
  const TensorId compressed = g_.view(both, {latent, tokens_, 1, 1}, {4, both_row, both_row * tokens_, both_row * tokens_});
  TensorId k_turned = g_.view(both, {turned, 1, tokens_, 1}, {4, both_row, both_row, both_row * tokens_});
  if (const TensorId scale = weight(i, "attn_k_norm.weight"); scale != kNoTensor) k_turned = norm(k_turned, scale);   // dots 3
  k_turned = rope(i, k_turned);
  const TensorId v = g_.reshape(norm(compressed, weight(i, "attn_kv_a_norm.weight")), {latent, 1, tokens_, 1});
  const TensorId absorbed = g_.permute(g_.matmul(weight(i, "attn_k_b.weight"), g_.permute(q_plain, 0, 2, 1, 3)), 0, 2, 1, 3);
  const TensorId query = g_.concatenate(absorbed, q_turned, 0), key = g_.concatenate(v, k_turned, 0);
  g_.expand(query);
  g_.expand(v);
  g_.expand(key);
  const CacheInputs& in = r_.caches[i].windowed ? windowed_ : full_;
  store_key(i, key, in.key_rows);
  const TensorId keys = key_view(i, 1, latent + turned), values = g_.view(keys, {latent, 1, r_.caches[i].cells, r_.streams}, Shape(g_.stride(keys)));
  const TensorId mask = index_.mask != kNoTensor && narrow != kNoTensor && !r_.caches[i].windowed ? picked_mask(i, x, narrow) : in.mask;
  const TensorId out = output_gate(i, x, core_attention(i, query, keys, values, mask, weight(i, "attn_v_b.weight"), false));
  return project(i, "attn_output", out);
}

// Without positions (GLM 5.3 Flash): the latent vector is all there is of a key, and an indexer over pools says which are attended to.
TensorId PromptGraph::unturned_latent_attention(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t latent = a.latent_dim;
  const TensorId narrow = norm(project(i, "attn_q_a", x), weight(i, "attn_q_a_norm.weight"));
  if (pools_keys(i)) {
    const Selection selection = choose_pools(i, x, narrow);
    g_.expand(selection.rows);
    pooled_mask_ = mask_of(selection);
  }
  const TensorId q = g_.reshape(project(i, "attn_q_b", narrow), {a.key_dim, a.heads, tokens_, 1});
  const TensorId query = g_.permute(g_.matmul(weight(i, "attn_k_b.weight"), g_.permute(q, 0, 2, 1, 3)), 0, 2, 1, 3);
  const TensorId key = g_.reshape(norm(project(i, "attn_kv_a_mqa", x), weight(i, "attn_kv_a_norm.weight")), {latent, 1, tokens_, 1});
  g_.expand(query);
  g_.expand(key);
  store_key(i, key, full_.key_rows);
  const TensorId keys = key_view(i, 1, latent), values = g_.view(keys, {latent, 1, r_.caches[i].cells, r_.streams}, Shape(g_.stride(keys)));
  return project(i, "attn_output", core_attention(i, query, keys, values, pooled_mask_ == kNoTensor ? full_.mask : pooled_mask_, weight(i, "attn_v_b.weight"), false));
}

// Latent attention whose keys and values are expanded before they are cached (MiniCPM 3).
TensorId PromptGraph::expanded_attention(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const bool narrow = has_all(i, {"attn_q_a.weight", "attn_q_a_norm.weight", "attn_q_b.weight"});
  if ((!narrow && !has(i, "attn_q.weight")) || !r_.caches[i].stored || g_.shape(weight(i, "attn_kv_a_mqa.weight"))[1] - g_.shape(weight(i, "attn_kv_a_norm.weight"))[0] >= a.key_dim)
    return kNoTensor;
  TensorId q = narrow ? project(i, "attn_q_b", norm(project(i, "attn_q_a", x), weight(i, "attn_q_a_norm.weight"))) : project(i, "attn_q", x);
  q = rope(i, g_.reshape(q, {a.key_dim, a.heads, tokens_, 1}));
  const TensorId both = project(i, "attn_kv_a_mqa", x);
  const std::int64_t latent = g_.shape(weight(i, "attn_kv_a_norm.weight"))[0], turned = g_.shape(both)[0] - latent, row = g_.stride(both)[1];
  const TensorId compressed = norm(g_.view(both, {latent, tokens_, 1, 1}, {4, row, row * tokens_, row * tokens_}), weight(i, "attn_kv_a_norm.weight"));
  const TensorId wide = project(i, "attn_kv_b", compressed);
  const std::int64_t plain = a.key_dim - turned, head = (plain + a.value_dim) * 4, wide_row = head * a.heads;
  const TensorId v = g_.contiguous(g_.view(wide, {a.value_dim, a.heads, tokens_, 1}, {4, head, wide_row, wide_row * tokens_}));
  const TensorId k_turned = rope(i, g_.view(both, {turned, 1, tokens_, 1}, {4, row, row, row * tokens_}));
  const TensorId k_plain = g_.view(wide, {plain, a.heads, tokens_, 1}, {4, head, wide_row, wide_row * tokens_});
  const TensorId k = g_.concatenate(k_plain, g_.operation(Op::repeat, kF32, {turned, a.heads, tokens_, 1}, {k_turned}), 0);
  return project(i, "attn_output", attend(i, q, k, v));
}

bool PromptGraph::has_indexer(std::size_t i) const {
  return index_cache_[i] != kNoTensor && has_all(i, {"indexer.attn_k.weight", "indexer.attn_q_b.weight", "indexer.proj.weight", "indexer.k_norm.weight"});
}

// Keys of the indexer that picks which tokens are attended to (DeepSeek V3.2, GLM 5), rotated like a quantised cache.
void PromptGraph::store_index(std::size_t i, TensorId x) {
  const std::int64_t dim = r_.caches[i].index_key_elements;
  TensorId key = norm(project(i, "indexer.attn_k", x), weight(i, "indexer.k_norm.weight"), weight(i, "indexer.k_norm.bias"));
  key = rope(i, g_.reshape(key, {dim, 1, tokens_, 1}));
  if (!habits_.plain_index) key = g_.matmul(rotation(true, true, dim), key);
  const std::int64_t step = g_.stride(key)[2];
  const TensorId into = r_.streams > 1 ? g_.reshape(index_cache_[i], {dim, r_.caches[i].cells * r_.streams, 1, 1}) : index_cache_[i];
  g_.expand(g_.scatter(into, g_.view(key, {dim, tokens_, 1, 1}, {4, step, step * tokens_, step * tokens_}), index_.key_rows));
}

// The mask of attention with all but the picked tokens shut out.
TensorId PromptGraph::picked_mask(std::size_t i, TensorId x, TensorId query) {
  const LayerCache& c = r_.caches[i];
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t per_stream = tokens_ / r_.streams, top = std::min<std::int64_t>(std::max(1, a.indexer_top_k), c.cells);
  const TensorId open = g_.elementwise(Op::fill, g_.scratch(kF32, {1, top, per_stream, r_.streams}));
  if (has_indexer(i)) {
    const std::int64_t dim = c.index_key_elements;
    TensorId q = rope(i, g_.reshape(project(i, "indexer.attn_q_b", query), {dim, a.indexer_heads, tokens_, 1}));
    if (!habits_.plain_index) q = g_.matmul(rotation(true, true, dim), q);
    const auto by_stream = [&](TensorId t) { return g_.view(t, Shape(g_.shape(t)), Shape(g_.stride(t))); };
    const TensorId weights = g_.elementwise(Op::scale, by_stream(project(i, "indexer.proj", x)));
    const TensorId scores = g_.operation(Op::index_scores, kF32, {c.cells, per_stream, 1, r_.streams}, {by_stream(q), by_stream(index_cache_[i]), weights, index_.mask});
    chosen_tokens_ = g_.contiguous(g_.operation(Op::top_k, kI32, {top, per_stream, 1, r_.streams}, {scores}));
  }
  if (chosen_tokens_ == kNoTensor) return full_.mask;
  const TensorId shut = g_.elementwise(Op::fill, full_.mask);
  const TensorId rows = g_.reshape(shut, {1, c.cells, per_stream, r_.streams});
  const TensorId opened = g_.scatter(rows, open, g_.reshape(chosen_tokens_, {top, per_stream, r_.streams, 1}));
  return g_.elementwise(Op::add, g_.reshape(opened, Shape(g_.shape(full_.mask))), {full_.mask});
}

// A quantised cache is rotated (Hadamard) so that outliers spread: one more product before the cache and one after the attention.
TensorId PromptGraph::rotate(TensorId x, TensorId rotation) {
  const Shape shape = g_.shape(x);
  const std::int64_t n = g_.shape(rotation)[0];
  // A part of a fused projection has gaps.
  const bool dense = g_.stride(x)[1] == shape[0] * 4 && g_.stride(x)[2] == g_.stride(x)[1] * shape[1];
  const TensorId rows = g_.reshape(dense ? x : g_.contiguous(x), {n, shape[0] * shape[1] * shape[2] / n, 1, 1});
  return g_.reshape(g_.matmul(rotation, rows), shape);
}

TensorId PromptGraph::rotation(bool key, bool windowed, std::int64_t dim) {
  const std::int64_t n = key ? power_of_two_in(dim) : 64;
  const auto [known, is_new] = rotations_.try_emplace({key, windowed}, kNoTensor);
  if (is_new) known->second = g_.input(key ? "k_rot" : "v_rot", kF32, {n, n, 1, 1});
  return known->second;
}

TensorId PromptGraph::attend(std::size_t i, TensorId q, TensorId k, TensorId v, TensorId mask) {
  const LayerCache& cache = r_.caches[i];
  const model::Attention& shape = a_.layers[i].attention;
  const CacheInputs& in = cache.windowed ? windowed_ : full_;
  const bool rotate_key = r_.key_type.block_elements > 1 && shape.key_dim % 64 == 0;
  const bool rotate_value = r_.value_type.block_elements > 1 && shape.value_dim % 64 == 0;
  if (a_.encoder_only) {
    for (const TensorId each : {q, k, v}) g_.expand(each);
    const auto whole_tiles = [&](TensorId t) { return g_.operation(Op::pad, kF32, {g_.shape(t)[0], g_.shape(t)[1], g_.shape(in.mask)[0], 1}, {t}); };
    return core_attention(i, q, whole_tiles(k), whole_tiles(v), in.mask, kNoTensor, false);
  }
  if (rotate_key) {
    const TensorId turn = rotation(true, cache.windowed, shape.key_dim);
    q = rotate(q, turn);
    k = rotate(k, turn);
  }
  if (rotate_value) v = rotate(v, rotation(false, cache.windowed, shape.value_dim));
  g_.expand(q);
  g_.expand(any_window_ ? k : v);
  g_.expand(any_window_ ? v : k);
  store_key(i, k, in.key_rows);
  store_value(i, v, in.value_rows);
  const TensorId out = core_attention(i, q, key_view(i, shape.kv_heads, shape.key_dim), value_view(i, shape.kv_heads, shape.value_dim), mask == kNoTensor ? in.mask : mask,
                                      kNoTensor, !r_.flash_attention);
  return rotate_value ? rotate(out, rotation(false, cache.windowed, shape.value_dim)) : out;
}

void PromptGraph::store_key(std::size_t i, TensorId k, TensorId rows) {
  const LayerCache& c = r_.caches[i];
  const std::int64_t step = g_.stride(k)[2];
  const TensorId flat = g_.view(k, {c.key_elements, tokens_, 1, 1}, {g_.stride(k)[0], step, step * tokens_, step * tokens_});
  const TensorId into = r_.streams > 1 ? g_.reshape(key_cache_[i], {c.key_elements, c.cells * r_.streams, 1, 1}) : key_cache_[i];
  g_.expand(g_.scatter(into, flat, rows));
}

void PromptGraph::store_value(std::size_t i, TensorId v, TensorId rows) {
  const LayerCache& c = r_.caches[i];
  if (r_.flash_attention) {
    const std::int64_t step = g_.stride(v)[2];
    const TensorId flat = g_.view(v, {c.value_elements, tokens_, 1, 1}, {g_.stride(v)[0], step, step * tokens_, step * tokens_});
    const TensorId into = r_.streams > 1 ? g_.reshape(value_cache_[i], {c.value_elements, c.cells * r_.streams, 1, 1}) : value_cache_[i];
    g_.expand(g_.scatter(into, flat, rows));
  } else {  // transposed: one element per row
    const Shape s = g_.shape(v);
    TensorId rows_of_tokens = g_.reshape(v, {s[0] * s[1], tokens_, 1, 1});
    if (s[0] * s[1] < c.value_elements) rows_of_tokens = g_.operation(Op::pad, kF32, {c.value_elements, tokens_, 1, 1}, {rows_of_tokens});
    const TensorId flat = g_.reshape(rows_of_tokens, {1, c.value_elements * tokens_, 1, 1});
    const TensorId into = g_.reshape(value_cache_[i], {1, c.value_elements * c.cells * r_.streams, 1, 1});
    g_.expand(g_.scatter(into, flat, rows));
  }
}

TensorId PromptGraph::key_view(std::size_t i, std::int64_t heads, std::int64_t dim) {
  const LayerCache& c = r_.caches[i];
  return g_.view(key_cache_[i], {dim, heads, c.cells, r_.streams},
                 {g_.stride(key_cache_[i])[0], g_.row_bytes(kKey, dim), g_.row_bytes(kKey, c.key_elements), g_.row_bytes(kKey, c.key_elements * c.cells)});
}

TensorId PromptGraph::value_view(std::size_t i, std::int64_t heads, std::int64_t dim) {
  const LayerCache& c = r_.caches[i];
  const TensorId cache = value_cache_[i];
  const std::int64_t stream = g_.row_bytes(kValue, c.value_elements * c.cells);
  if (r_.flash_attention)
    return g_.view(cache, {dim, heads, c.cells, r_.streams}, {g_.stride(cache)[0], g_.row_bytes(kValue, dim), g_.row_bytes(kValue, c.value_elements), stream});
  return g_.view(cache, {c.cells, heads, dim, r_.streams}, {g_.stride(cache)[0], g_.row_bytes(kValue, c.cells * dim), g_.row_bytes(kValue, c.cells), stream});
}

TensorId PromptGraph::core_attention(std::size_t i, TensorId q, TensorId k, TensorId v, TensorId mask, TensorId value_up, bool transposed) {
  const std::int64_t streams = a_.encoder_only ? 1 : r_.streams;
  const Shape qs = g_.shape(q), qt = g_.stride(q);
  const TensorId sinks = weight(i, "attn_sinks.weight");
  q = g_.permute(g_.view(q, {qs[0], qs[1], qs[2] / streams, streams}, {qt[0], qt[1], qt[2], qt[3] / streams}), 0, 2, 1, 3);
  k = g_.permute(k, 0, 2, 1, 3);
  v = g_.permute(v, 0, 2, 1, 3);
  TensorId out = kNoTensor;
  if (r_.flash_attention) {
    if (a_.encoder_only) k = g_.convert(k, kF16), v = g_.convert(v, kF16);
    out = g_.attention(q, k, v, mask, sinks);
    if (value_up != kNoTensor) out = g_.contiguous(g_.permute(g_.matmul(value_up, g_.permute(out, 0, 2, 1, 3)), 0, 2, 1, 3));
    const Shape s = g_.shape(out);
    out = g_.reshape(out, {s[0] * s[1], s[2] * s[3], 1, 1});
  } else {
    TensorId scores = g_.matmul(k, q);
    if (a_.attention_softcap > 0) scores = g_.elementwise(Op::scale, g_.elementwise(Op::unary, g_.elementwise(Op::scale, scores)));
    scores = g_.elementwise(Op::softmax, scores, {mask, sinks});
    if (!transposed) v = g_.contiguous(g_.transpose(v));
    TensorId values = g_.matmul(v, scores);
    if (value_up != kNoTensor) values = g_.matmul(value_up, values);
    const TensorId merged = g_.permute(values, 0, 2, 1, 3);
    const Shape m = g_.shape(merged);
    out = g_.contiguous(merged, {m[0] * m[1], m[2] * m[3], 1, 1});
    if (!r_.kv_on_device) g_[out].pinned = r_.host;
  }
  g_.expand(out);
  return out;
}

}  // namespace rigcast::placement::detail
