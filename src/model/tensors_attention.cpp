// Tensors of attention: plain, latent, compressed, to pictures, and what chooses among earlier tokens.

#include <string>

#include "model/detail/tensor_lister.hpp"

namespace rigcast::model::detail {

using std::int64_t;

void TensorLister::list_attention(const Attention& a) {
  const int64_t q = int64_t{a.heads} * a.key_dim * (features_.query_gate ? 2 : 1);
  const int64_t k = int64_t{a.kv_heads} * a.key_dim, v = int64_t{a.kv_heads} * a.value_dim;
  const bool borrows = features_.queries_alone && a.kv_layer >= 0;
  if (features_.fused_qkv && !borrows) {
    matrix("attn_qkv", hidden_, q + k + v);
    if (features_.qkv_bias) bias("attn_qkv", q + k + v);
  } else {
    if (shape_.mla.q_rank > 0) list_narrow_queries(q);
    else projection("attn_q", q);
    if (!borrows) list_keys_and_values(a, k, v);
  }
  matrix("attn_output", int64_t{a.heads} * a.value_dim, hidden_);
  if (features_.attention_output_bias) bias("attn_output", hidden_);
  if (features_.sub_norms) vector("attn_sub_norm", int64_t{a.heads} * a.value_dim);
  list_qk_norm(a);
  if (features_.sinks) vector("attn_sinks", a.heads);
  if (features_.head_gate) matrix("attn_gate", hidden_, a.heads);
  if (features_.output_gate) matrix("attn_gate", hidden_, int64_t{a.heads} * a.value_dim);
  if (features_.lambdas) put(block("attn_lambda.weight"), a.key_dim, 4), vector("attn_sub_norm", 2 * int64_t{a.key_dim});
  list_indexer(a, hidden_);
}

// Layers that read another's cache carry these too in most families, unused.
void TensorLister::list_keys_and_values(const Attention& a, int64_t keys, int64_t values) {
  projection("attn_k", keys);
  if (a.value_is_key) return;
  if (a.value_experts == 0) return projection("attn_v", values);
  experts("attn_v_exps", hidden_, values, a.value_experts);
  matrix("attn_v_gate", hidden_, a.value_experts);
  if (features_.router_correction) bias("attn_v_gate", a.value_experts);
}

// Queries in two steps (DeepSeek's latents; Step 3).
void TensorLister::list_narrow_queries(int64_t width) {
  matrix("attn_q_a", hidden_, shape_.mla.q_rank);
  vector("attn_q_a_norm", shape_.mla.q_rank);
  matrix("attn_q_b", shape_.mla.q_rank, width);
}

void TensorLister::projection(std::string_view part, int64_t width) {
  matrix(part, hidden_, width);
  if (features_.qkv_bias) bias(part, width);
}

void TensorLister::list_qk_norm(const Attention& a) {
  switch (features_.qk_norm) {
    case QkNorm::none: return;
    case QkNorm::head:
      vector("attn_q_norm", a.key_dim);
      vector("attn_k_norm", a.key_dim);
      if (features_.qk_norm_bias) put(block("attn_q_norm.bias"), a.key_dim), put(block("attn_k_norm.bias"), a.key_dim);
      return;
    case QkNorm::full:
      vector("attn_q_norm", int64_t{a.heads} * a.key_dim);
      vector("attn_k_norm", int64_t{a.kv_heads} * a.key_dim);
      return;
    case QkNorm::per_head:
      matrix("attn_q_norm", a.key_dim, a.heads);
      matrix("attn_k_norm", a.key_dim, a.kv_heads);
      if (features_.qk_norm_bias) put(block("attn_q_norm.bias"), a.key_dim, a.heads), put(block("attn_k_norm.bias"), a.key_dim, a.kv_heads);
      return;
  }
}

void TensorLister::list_mla(const Attention& a) {
  const Mla& m = a.window > 0 ? shape_.sliding_mla : shape_.mla;
  const int64_t queries = int64_t{a.heads} * (m.nope_dim + m.rope_dim);
  if (m.q_rank > 0) {
    matrix("attn_q_a", hidden_, m.q_rank);
    vector("attn_q_a_norm", m.q_rank);
    if (m.gated) matrix("attn_q_b", 2 * int64_t{m.q_rank}, queries + int64_t{a.heads} * m.value_dim);
    else matrix("attn_q_b", m.q_rank, queries);
  } else {
    matrix("attn_q", hidden_, queries);
  }
  matrix("attn_kv_a_mqa", hidden_, m.kv_rank + m.rope_dim);
  vector("attn_kv_a_norm", m.kv_rank);
  if (m.expanded) {
    matrix("attn_kv_b", m.kv_rank, int64_t{a.heads} * (m.nope_dim + m.value_dim));
  } else {
    experts("attn_k_b", m.nope_dim, m.kv_rank, a.heads);
    experts("attn_v_b", m.kv_rank, m.value_dim, a.heads);
  }
  matrix("attn_output", int64_t{a.heads} * m.value_dim, hidden_);
  if (features_.sinks) vector("attn_sinks", a.heads);
  if (shape_.family == "dots3note") vector("attn_k_norm", m.rope_dim);
  if (features_.head_gate) matrix("attn_gate", hidden_, a.heads);
  if (features_.output_gate) matrix("attn_gate", hidden_, int64_t{a.heads} * m.value_dim);
  list_indexer(a, m.q_rank);
}

// DeepSeek V4. The indexer's keys come of a compressor of its own; entries of 4 tokens overlap, so that their values are twice as wide.
void TensorLister::list_compressed(const Attention& a) {
  const Compressed& c = shape_.compressed;
  const int64_t all = int64_t{a.heads} * a.key_dim;
  vector("attn_sinks", a.heads);
  matrix("attn_q_a", hidden_, c.q_rank);
  vector("attn_q_a_norm", c.q_rank);
  matrix("attn_q_b", c.q_rank, all);
  matrix("attn_kv", hidden_, a.key_dim);
  vector("attn_kv_a_norm", a.key_dim);
  matrix("attn_output_a", all / c.output_groups, int64_t{c.output_rank} * c.output_groups);
  matrix("attn_output_b", int64_t{c.output_rank} * c.output_groups, hidden_);
  if (a.compress == 0) return;
  if (!c.sources.empty()) return list_entries(a);
  list_compressor("attn_compressor_", a.key_dim, a);
  if (a.indexer_heads == 0) return;
  list_compressor("indexer_compressor_", a.indexer_dim, a);
  matrix("indexer.proj", hidden_, a.indexer_heads);
  matrix("indexer.attn_q_b", c.q_rank, int64_t{a.indexer_heads} * a.indexer_dim);
}

// DeepSeek V4.1: few layers make entries, with the indexer's keys beside them; more choose among them.
void TensorLister::list_entries(const Attention& a) {
  if (a.entries_layer < 0) {
    matrix("attn_compressor_kv", hidden_, a.key_dim);
    if (a.compress > 1) matrix("attn_compressor_gate", hidden_, a.key_dim);
    vector("attn_compressor_norm", a.key_dim);
  }
  if (a.indexer_heads == 0) return;
  matrix("indexer.proj", hidden_, a.indexer_heads);
  matrix("indexer.attn_q_b", shape_.compressed.q_rank, int64_t{a.indexer_heads} * a.indexer_dim);
  if (a.entries_layer >= 0) return;
  matrix("indexer.attn_k", a.key_dim, a.indexer_dim);
  vector("indexer.k_norm", a.indexer_dim);
}

// Queries of the text, keys and values of pictures; gates say how much of either part is added (Llama 3.2 Vision).
void TensorLister::list_cross_attention() {
  const int64_t q = int64_t{shape_.heads} * shape_.head_dim, kv = int64_t{shape_.kv_heads} * shape_.head_dim;
  matrix("cross_attn_q_proj", hidden_, q);
  matrix("cross_attn_k_proj", hidden_, kv);
  matrix("cross_attn_v_proj", hidden_, kv);
  matrix("cross_attn_o_proj", q, hidden_);
  vector("cross_attn_q_norm", shape_.head_dim);
  vector("cross_attn_k_norm", shape_.head_dim);
  put(block("cross_attn_attn_gate"), 1);
  put(block("cross_attn_mlp_gate"), 1);
}

// The bias by distance of attention, and the convolutions of a layer (Inkling).
void TensorLister::list_distances(const Attention& a) {
  const Distances& d = shape_.distances;
  const int64_t kernel = d.kernel;
  matrix("attn_r", hidden_, int64_t{a.heads} * d.rank);
  matrix("attn_rel_proj", a.window > 0 ? a.window : d.extent, d.rank);
  matrix("shortconv_k", kernel, int64_t{a.kv_heads} * a.key_dim);
  matrix("shortconv_v", kernel, int64_t{a.kv_heads} * a.value_dim);
  for (const char* part : {"shortconv_attn", "shortconv_ffn"}) matrix(part, kernel, hidden_);
}

void TensorLister::list_compressor(const std::string& stem, int64_t dim, const Attention& a) {
  const int64_t width = a.indexer_heads > 0 ? 2 * dim : dim;
  matrix(stem + "kv", hidden_, width);
  matrix(stem + "gate", hidden_, width);
  matrix(stem + "ape", width, a.compress);
  vector(stem + "norm", dim);
}

void TensorLister::list_indexer(const Attention& a, int64_t query_input) {
  if (a.indexer_heads == 0) return;
  vector("indexer.k_norm", a.indexer_dim);
  if (a.kind != AttentionKind::mla) {  // MiniMax M3: plain projections of the hidden state, scores over blocks
    vector("indexer.q_norm", a.indexer_dim);
    matrix("indexer.k_proj", hidden_, a.indexer_dim);
    matrix("indexer.q_proj", hidden_, int64_t{a.indexer_heads} * a.indexer_dim);
    return;
  }
  bias("indexer.k_norm", a.indexer_dim);
  matrix("indexer.proj", hidden_, a.indexer_heads);
  matrix("indexer.attn_k", hidden_, a.indexer_dim);
  matrix("indexer.attn_q_b", query_input, int64_t{a.indexer_heads} * a.indexer_dim);
  if (a.indexer_pool == 0) return;
  matrix("indexer_compressor_gate", hidden_, a.indexer_dim);
  matrix("indexer_compressor_ape", a.indexer_dim, a.indexer_pool);
}

}  // namespace rigcast::model::detail
