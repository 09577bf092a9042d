// Tensors of recurrent mixers.

#include <algorithm>

#include "model/detail/tensor_lister.hpp"

namespace rigcast::model::detail {

using std::int64_t;

void TensorLister::list_recurrent(RecurrentKind kind) {
  switch (kind) {
    case RecurrentKind::none: return;
    case RecurrentKind::mamba1: return list_mamba1();
    case RecurrentKind::mamba2: return list_mamba2();
    case RecurrentKind::gated_delta: return list_gated_delta();
    case RecurrentKind::kimi_delta: return list_kimi_delta();
    case RecurrentKind::lightning: return list_lightning();
    case RecurrentKind::short_conv:
      if (shape_.distances.kernel == 0) list_short_conv();   // Inkling's stand with its attention
      return;
    case RecurrentKind::rwkv: return list_rwkv();
  }
}

void TensorLister::list_mamba1() {
  if (shape_.family == "plamo2") return list_plamo2();
  if (shape_.family == "recurrent-gemma") return list_griffin();
  const RecurrentShape& r = shape_.recurrent;
  const int64_t inner = int64_t{r.heads} * r.head_dim;
  matrix("ssm_in", hidden_, 2 * inner);
  matrix("ssm_conv1d", r.conv, inner);
  bias("ssm_conv1d", inner);
  matrix("ssm_x", inner, r.dt_rank + 2 * r.state);
  matrix("ssm_dt", r.dt_rank, inner);
  bias("ssm_dt", inner);
  put(block("ssm_a"), r.state, inner);
  put(block("ssm_d"), inner);
  matrix("ssm_out", inner, hidden_);
  if (shape_.family == "jamba") {
    vector("ssm_dt_norm", r.dt_rank);
    vector("ssm_b_norm", r.state);
    vector("ssm_c_norm", r.state);
  }
}

// Mamba by heads: one decay, step and skip each, and norms of all that depends on the input.
void TensorLister::list_plamo2() {
  const RecurrentShape& r = shape_.recurrent;
  const int64_t inner = int64_t{r.heads} * r.head_dim;
  matrix("ssm_in", hidden_, 2 * inner);
  matrix("ssm_conv1d", r.conv, inner);
  matrix("ssm_x", inner, r.dt_rank + 2 * r.state);
  matrix("ssm_dt", r.dt_rank, r.heads);
  bias("ssm_dt", r.heads);
  put(block("ssm_a"), r.heads);
  put(block("ssm_d"), r.heads);
  matrix("ssm_out", inner, hidden_);
  put(block("ssm_dt_norm"), r.dt_rank);
  put(block("ssm_b_norm"), r.state);
  put(block("ssm_c_norm"), r.state);
}

// Griffin's linear recurrence: one number a channel is remembered; gates of the input and of the decay are matrices by head.
void TensorLister::list_griffin() {
  const RecurrentShape& r = shape_.recurrent;
  const int64_t inner = int64_t{r.heads} * r.head_dim;
  for (const char* part : {"ssm_in", "ssm_g"}) matrix(part, hidden_, inner), bias(part, inner);
  matrix("ssm_conv1d", r.conv, inner);
  bias("ssm_conv1d", inner);
  put(block("ssm_a"), inner);
  for (const char* part : {"ssm_alpha", "ssm_beta"}) experts(part, r.head_dim, r.head_dim, r.heads), bias(part, inner);
  matrix("ssm_out", inner, hidden_);
  bias("ssm_out", hidden_);
}

void TensorLister::list_mamba2() {
  const RecurrentShape& r = shape_.recurrent;
  const int64_t inner = int64_t{r.heads} * r.head_dim, mixed = inner + 2 * int64_t{r.groups} * r.state;
  matrix("ssm_in", hidden_, inner + mixed + r.heads);
  matrix("ssm_conv1d", r.conv, mixed);
  bias("ssm_conv1d", mixed);
  bias("ssm_dt", r.heads);
  put(block("ssm_a"), 1, r.heads);
  put(block("ssm_d"), 1, r.heads);
  if (r.norm) matrix("ssm_norm", inner / r.groups, r.groups);
  matrix("ssm_out", inner, hidden_);
}

void TensorLister::list_gated_delta() {
  const RecurrentShape& r = shape_.recurrent;
  const int64_t keys = int64_t{r.key_heads} * r.key_dim, values = int64_t{r.heads} * r.head_dim;
  matrix("attn_qkv", hidden_, 2 * keys + values);
  matrix("attn_gate", hidden_, values);
  matrix("ssm_conv1d", r.conv, 2 * keys + values);
  bias("ssm_dt", r.heads);
  put(block("ssm_a"), r.heads);
  if (shape_.family == "qwen3next") {
    matrix("ssm_ba", hidden_, 2 * r.heads);
  } else {
    matrix("ssm_alpha", hidden_, r.heads);
    matrix("ssm_beta", hidden_, r.heads);
  }
  vector("ssm_norm", r.head_dim);
  matrix("ssm_out", values, hidden_);
}

void TensorLister::list_kimi_delta() {
  const RecurrentShape& r = shape_.recurrent;
  const int64_t keys = int64_t{r.heads} * r.key_dim, values = int64_t{r.heads} * r.head_dim;
  matrix("attn_q", hidden_, keys);
  matrix("attn_k", hidden_, keys);
  matrix("attn_v", hidden_, values);
  for (const char* part : {"ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"}) experts(part, r.conv, 1, keys);
  const int64_t narrow = r.gate_rank > 0 ? r.gate_rank : r.head_dim;
  const bool plain = shape_.family == "bailingmoe3";   // the decay in one step, too
  if (!plain) matrix("ssm_f_a", hidden_, narrow);
  matrix("ssm_f_b", plain ? hidden_ : narrow, keys);
  if (r.gate_rank > 0) matrix("ssm_g_a", hidden_, narrow), matrix("ssm_g_b", narrow, values);
  else matrix("ssm_g", hidden_, values);
  matrix("ssm_beta", hidden_, r.heads);
  if (shape_.family == "glm5-next" || shape_.family == "kimi-k3") put(block("ssm_a"), r.heads);
  else put(block("ssm_a"), 1, r.heads);
  bias("ssm_dt", keys);
  vector("ssm_norm", r.head_dim);
  matrix("attn_output", values, hidden_);
}

void TensorLister::list_lightning() {
  const RecurrentShape& r = shape_.recurrent;
  const int64_t inner = int64_t{r.heads} * r.head_dim;
  matrix("attn_qkv", hidden_, 3 * inner);
  matrix("attn_gate", hidden_, inner);
  vector("attn_norm_2", inner);
  matrix("attn_output", inner, hidden_);
  if (features_.qk_norm == QkNorm::head) vector("attn_q_norm", r.head_dim), vector("attn_k_norm", r.head_dim);
}

void TensorLister::list_short_conv() {
  matrix("shortconv.in_proj", hidden_, 3 * hidden_);
  matrix("shortconv.conv", shape_.recurrent.conv, hidden_);
  matrix("shortconv.out_proj", hidden_, hidden_);
}

void TensorLister::list_rwkv() {
  if (shape_.family == "rwkv6" || shape_.family == "rwkv6qwen2") list_rwkv6();
  else list_rwkv7();
}

// Receptance, key, value, gate, output and the low-rank paths of the token shift and of the decay. On Qwen 2 several heads share keys and values.
void TensorLister::list_rwkv6() {
  const RecurrentShape& r = shape_.recurrent;
  const bool qwen = shape_.family == "rwkv6qwen2";
  const int64_t keys = qwen && r.key_heads > 0 ? int64_t{r.key_heads} * r.head_dim : hidden_;
  matrix("time_mix_w1", hidden_, 5 * int64_t{r.gate_rank});
  experts("time_mix_w2", r.gate_rank, hidden_, 5);
  vector("time_mix_lerp_x", hidden_);
  put(block("time_mix_lerp_fused.weight"), hidden_);
  tensors_.back().shape = {hidden_, 1, 1, 5};
  vector("time_mix_decay", hidden_);
  matrix("time_mix_decay_w1", hidden_, r.dt_rank);
  matrix("time_mix_decay_w2", r.dt_rank, hidden_);
  for (const char* part : {"time_mix_receptance", "time_mix_gate", "time_mix_output"}) matrix(part, hidden_, hidden_);
  for (const char* part : {"time_mix_key", "time_mix_value"}) matrix(part, hidden_, keys);
  if (features_.qkv_bias) bias("time_mix_receptance", hidden_), bias("time_mix_key", keys), bias("time_mix_value", keys);
  if (qwen) return;
  matrix("time_mix_first", r.head_dim, hidden_ / std::max(r.head_dim, 1));
  vector("time_mix_ln", hidden_);
  bias("time_mix_ln", hidden_);
}

// Receptance, key, value, output and the low-rank paths of decay, value residual, in-context rate and gate.
void TensorLister::list_rwkv7() {
  const RecurrentShape& r = shape_.recurrent;
  put(block("time_mix_lerp_fused.weight"), hidden_);
  tensors_.back().shape = {hidden_, 1, 1, r.gate_rank > 0 ? 6 : 5};
  for (const char* part : {"time_mix_receptance", "time_mix_key", "time_mix_value", "time_mix_output"}) matrix(part, hidden_, hidden_);
  struct Path { const char* letter; int64_t rank; };
  for (const Path& p : {Path{"w", r.dt_rank}, Path{"a", r.state}, Path{"v", layer_ == 0 ? r.state : r.groups}}) {
    vector(std::string("time_mix_") + p.letter + "0", hidden_);
    matrix(std::string("time_mix_") + p.letter + "1", hidden_, p.rank);
    matrix(std::string("time_mix_") + p.letter + "2", p.rank, hidden_);
  }
  if (r.gate_rank > 0) matrix("time_mix_g1", hidden_, r.gate_rank), matrix("time_mix_g2", r.gate_rank, hidden_);
  for (const char* part : {"time_mix_k_k", "time_mix_k_a", "time_mix_r_k", "time_mix_ln"}) vector(part, hidden_);
  bias("time_mix_ln", hidden_);
}

}  // namespace rigcast::model::detail
