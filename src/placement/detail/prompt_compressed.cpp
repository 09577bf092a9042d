// DeepSeek V4's attention: a window of tokens, and entries that a compressor makes of 4 or of 128 tokens behind it.
#include <algorithm>
#include <string>
#include <utility>

#include "placement/detail/prompt_graph.hpp"

namespace rigcast::placement::detail {

bool PromptGraph::has_compressed_weights(std::size_t i) const {
  if (!has_all(i, {"attn_q_a.weight", "attn_q_a_norm.weight", "attn_q_b.weight", "attn_kv.weight", "attn_kv_a_norm.weight", "attn_output_a.weight", "attn_output_b.weight"})) return false;
  if (a_.layers[i].attention.compress == 0) return true;
  for (const std::string stem : {"attn_compressor_", "indexer_compressor_"}) {
    if (stem == "indexer_compressor_" && a_.layers[i].attention.indexer_heads == 0) break;
    for (const char* part : {"kv.weight", "gate.weight", "ape.weight", "norm.weight"})
      if (!has(i, stem + part)) return false;
  }
  return true;
}

// The inputs of one compressor; those of layers that compress alike are shared.
PromptGraph::CompressorInputs& PromptGraph::compressor_inputs(const std::string& name, std::int64_t ratio, bool overlaps, std::int64_t rows) {
  const auto [found, is_new] = compressors_.try_emplace(name);
  CompressorInputs& in = found->second;
  if (!is_new) return in;
  in.blocks = tokens_ / ratio + r_.sequences;
  const std::int64_t kept = std::min(tokens_, rows);
  in.positions = g_.input("state_pos", kI32, {tokens_, 1, 1, 1});
  in.read = g_.input("state_read_idxs", kI32, {(overlaps ? 2 : 1) * ratio * in.blocks, 1, 1, 1});
  in.write = g_.input("state_write_idxs", kI64, {in.blocks, 1, 1, 1});
  in.write_positions = g_.input("state_write_pos", kI32, {in.blocks, 1, 1, 1});
  in.keep_from = g_.input("state_persist_src_idxs", kI32, {kept, 1, 1, 1});
  in.keep_to = g_.input("state_persist_dst_idxs", kI32, {kept, 1, 1, 1});
  return in;
}

// New entries out of the state and the batch go to `entries`, and the state takes in what of the batch has not made an entry yet.
void PromptGraph::compress(std::size_t i, const std::string& stem, const std::string& name, TensorId x, TensorId entries, const Compressor& state, std::int64_t dim, bool turned) {
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t ratio = a.compress, streams = r_.streams;
  const bool overlaps = a.indexer_heads > 0;
  const std::int64_t rows = state.rows * streams, width = g_.shape(state.values)[0];
  CompressorInputs& in = compressor_inputs(name, ratio, overlaps, rows);
  const auto kept = [&](TensorId cache) { return g_.view(cache, {width, rows, 1, 1}, {4, width * 4, width * 4 * rows, width * 4 * rows}); };
  const TensorId values = g_.matmul(weight(i, stem + "kv.weight"), x);
  TensorId scores = g_.matmul(weight(i, stem + "gate.weight"), x);
  scores = g_.elementwise(Op::add, scores, {g_.gather(weight(i, stem + "ape.weight"), in.positions)});
  const auto gathered = [&](TensorId cache, TensorId fresh) {
    TensorId all = g_.concatenate(kept(cache), fresh, 1);
    if (overlaps) {  // a row of nothing stands for the tokens before the first entry
      const TensorId nothing = g_.elementwise(Op::scale, g_.view(all, {width, 1, 1, 1}, {4, width * 4, width * 4, width * 4}));
      all = g_.concatenate(all, g_.reshape(nothing, {width, 1, 1, 1}), 1);
    }
    const TensorId read = g_.gather(all, in.read);
    if (!overlaps) return g_.contiguous(g_.permute(g_.reshape(read, {dim, ratio, in.blocks, 1}), 1, 0, 2, 3));
    const std::int64_t half = ratio * in.blocks;
    const auto part = [&] { return g_.reshape(g_.contiguous(g_.view(read, {dim, half, 1, 1}, {4, width * 4, width * 4 * half, width * 4 * half})), {dim, ratio, in.blocks, 1}); };
    const TensorId before = part(), now = part();
    return g_.contiguous(g_.permute(g_.concatenate(before, now, 1), 1, 0, 2, 3));
  };
  const TensorId all_values = gathered(state.values, values), shares = g_.elementwise(Op::softmax, gathered(state.scores, scores));
  const TensorId sums = g_.operation(Op::sum_rows, kF32, {1, dim, in.blocks, 1}, {g_.elementwise(Op::multiply, all_values, {shares})});
  TensorId made = norm(g_.contiguous(g_.permute(sums, 1, 0, 2, 3)), weight(i, stem + "norm.weight"));
  made = g_.elementwise(Op::rope, made, {in.write_positions});
  if (turned) made = rotate(made, named_rotation(name, dim));
  const std::int64_t cells = g_.shape(entries)[1];
  const TensorId into = streams > 1 ? g_.reshape(entries, {dim, cells * streams, 1, 1}) : entries;
  g_.expand(g_.scatter(into, g_.reshape(made, {dim, in.blocks, 1, 1}), in.write));
  for (const auto& [cache, fresh] : {std::pair{state.values, values}, std::pair{state.scores, scores}}) g_.expand(g_.scatter(kept(cache), g_.gather(fresh, in.keep_from), in.keep_to));
}

TensorId PromptGraph::named_rotation(const std::string& name, std::int64_t dim) {
  const auto [known, is_new] = named_rotations_.try_emplace(name, kNoTensor);
  if (is_new) known->second = g_.input("k_rot", kF32, {dim & -dim, dim & -dim, 1, 1});
  return known->second;
}

void PromptGraph::expand_compressed_inputs(std::size_t i) {
  g_.expand(windowed_.mask);
  if (r_.key_type.block_elements > 1) g_.expand(named_rotation("raw", a_.layers[i].attention.key_dim));
}

TensorId PromptGraph::compressed_attention(std::size_t i, TensorId x) {
  const model::Attention& a = a_.layers[i].attention;
  const LayerCache& c = r_.caches[i];
  const std::int64_t dim = a.key_dim, streams = r_.streams, per_stream = tokens_ / streams;
  const bool turned = r_.key_type.block_elements > 1, chooses = a.indexer_heads > 0;
  const std::string kind = chooses ? "csa" : "hca";
  if (a.compress > 0) compress(i, "attn_compressor_", kind, x, entry_cache_[i], compressor_[i], dim, turned);
  if (chooses) compress(i, "indexer_compressor_", "lid", x, index_cache_[i], index_compressor_[i], a.indexer_dim, true);
  const TensorId narrow = norm(project(i, "attn_q_a", x), weight(i, "attn_q_a_norm.weight"));
  TensorId q = rope(i, norm(g_.reshape(project(i, "attn_q_b", narrow), {dim, a.heads, tokens_, 1}), kNoTensor));
  TensorId key = rope(i, g_.reshape(norm(project(i, "attn_kv", x), weight(i, "attn_kv_a_norm.weight")), {dim, 1, tokens_, 1}));
  if (turned) {
    q = rotate(q, named_rotation("raw", dim));
    key = rotate(key, named_rotation("raw", dim));
  }
  g_.expand(q);
  g_.expand(key);
  store_key(i, key, windowed_.key_rows);
  TensorId keys = key_view(i, 1, dim), mask = windowed_.mask;
  if (a.compress > 0) {
    const std::int64_t row = g_.row_bytes(kKey, dim);
    const TensorId entries = g_.view(entry_cache_[i], {dim, 1, c.entries, streams}, {g_.stride(entry_cache_[i])[0], row, row, row * c.entries});
    keys = g_.concatenate(keys, entries, 2);
    CompressorInputs& in = compressors_.at(kind);
    if (in.mask == kNoTensor) in.mask = g_.input("comp_kq_mask", r_.flash_attention ? kF16 : kF32, {c.entries, per_stream, 1, streams});
    mask = g_.concatenate(mask, chooses ? chosen_mask(i, x, narrow, in.mask) : in.mask, 0);
  }
  TensorId out = core_attention(i, q, keys, keys, mask, kNoTensor, false);
  if (turned) out = rotate(out, named_rotation("raw", dim));
  // The rotation is taken back, and groups of heads are narrowed before they are joined.
  out = g_.elementwise(Op::rope, g_.reshape(out, {dim, a.heads, tokens_, 1}), {positions_});
  const TensorId first = weight(i, "attn_output_a.weight");
  const std::int64_t group = g_.shape(first)[0], groups = dim * a.heads / group, rank = g_.shape(first)[1] * g_.shape(first)[2] / groups;
  g_[first].shape = {group, rank, groups, 1};   // loaded by groups: the product reads the weight itself
  const TensorId by_group = g_.permute(g_.reshape(out, {group, groups, tokens_, 1}), 0, 2, 1, 3);
  const TensorId narrowed = g_.permute(g_.matmul(first, by_group), 0, 2, 1, 3);
  return project(i, "attn_output_b", g_.contiguous(narrowed, {rank * groups, tokens_, 1, 1}));
}

// All entries but the chosen ones shut out.
TensorId PromptGraph::chosen_mask(std::size_t i, TensorId x, TensorId narrow, TensorId mask) {
  const model::Attention& a = a_.layers[i].attention;
  const std::int64_t dim = a.indexer_dim, streams = r_.streams, per_stream = tokens_ / streams, entries = r_.caches[i].entries;
  const std::int64_t top = std::min<std::int64_t>(std::max(1, a.indexer_top_k), entries);
  const std::uint8_t type = r_.flash_attention ? kF16 : kF32;
  CompressorInputs& in = compressors_.at("lid");
  if (in.mask == kNoTensor) in.mask = g_.input("lid_kq_mask", kF16, {entries, per_stream, 1, streams});
  const TensorId open = g_.elementwise(Op::fill, g_.scratch(type, {1, top, per_stream, streams}));
  const TensorId q = rotate(rope(i, g_.reshape(project(i, "indexer.attn_q_b", narrow), {dim, a.indexer_heads, tokens_, 1})), named_rotation("lid", dim));
  const TensorId weights = g_.elementwise(Op::scale, project(i, "indexer.proj", x));
  const TensorId scores = g_.operation(Op::index_scores, kF32, {entries, per_stream, 1, streams}, {q, index_cache_[i], weights, in.mask});
  const TensorId chosen = g_.contiguous(g_.operation(Op::top_k, kI32, {top, per_stream, 1, streams}, {scores}));
  const TensorId shut = g_.elementwise(Op::fill, mask);
  const TensorId opened = g_.scatter(g_.reshape(shut, {1, entries, per_stream, streams}), open, g_.reshape(chosen, {top, per_stream, streams, 1}));
  return g_.elementwise(Op::add, g_.reshape(opened, Shape(g_.shape(mask))), {mask});
}

}  // namespace rigcast::placement::detail
