// Tensors of feed-forward parts: dense, experts, shared experts.

#include "model/detail/tensor_lister.hpp"

namespace rigcast::model::detail {

using std::int64_t;

void TensorLister::list_feed_forward_norm(const Layer& layer) {
  if (layer.feed_forward.kind == FeedForwardKind::none) return;
  switch (features_.ffn_norm) {
    case FeedForwardNorm::ffn_norm:
      if (shape_.family == "falcon-h1") put(block("ffn_norm"), hidden_);  // this family's loader asks for the bare name
      else norm("ffn_norm", hidden_);
      break;
    case FeedForwardNorm::post_attention_norm: norm("post_attention_norm", hidden_); break;
    case FeedForwardNorm::attn_output_norm: norm("attn_output_norm", hidden_); break;
    case FeedForwardNorm::none: break;
  }
}

// RWKV's feed-forward part.
void TensorLister::list_channel_mix(int64_t width) {
  matrix("channel_mix_key", hidden_, width);
  matrix("channel_mix_value", width, hidden_);
  vector("channel_mix_lerp_k", hidden_);
  if (shape_.family != "rwkv6") return;
  matrix("channel_mix_receptance", hidden_, hidden_);
  vector("channel_mix_lerp_r", hidden_);
}

void TensorLister::list_dense(int64_t width, bool gated) {
  if (shape_.family == "rwkv6" || shape_.family == "rwkv7") return list_channel_mix(width);
  const bool two = gated && !features_.fused_gate_up;
  if (two) matrix("ffn_gate", hidden_, width);
  const int64_t up = width * (features_.fused_gate_up ? 2 : 1);
  matrix("ffn_up", hidden_, up);
  matrix("ffn_down", width, hidden_);
  if (features_.sub_norms) vector("ffn_sub_norm", width);
  if (features_.ffn_bias) {
    if (two) bias("ffn_gate", width);
    bias("ffn_up", up);
  }
  if (features_.ffn_bias || features_.down_bias) bias("ffn_down", hidden_);
  if (features_.scored_shared) put(block("ffn_down.scale"), 1);   // Inkling scales its dense parts as its mixtures
}

void TensorLister::list_moe(const FeedForward& f) {
  const int64_t n = f.experts, width = f.expert_width, input = shape_.experts.latent > 0 ? shape_.experts.latent : hidden_;
  const int64_t choices = n + shape_.experts.idle, scored = choices + (features_.scored_shared ? f.shared_experts : 0);
  if (features_.expert_norm) vector("ffn_norm_exps", hidden_);
  matrix("ffn_gate_inp", hidden_, scored);
  if (features_.scored_shared) put(block("ffn_gate_inp.scale"), 1);
  if (features_.router_bias) bias("ffn_gate_inp", choices);
  if (layer_ < shape_.experts.hashed) matrix("ffn_gate_tid2eid", f.experts_used, shape_.vocab);
  else if (features_.router_correction && shape_.family == "hy_v3") put(block("exp_probs_b"), n);   // this family's loader asks for the bare name
  else if (features_.router_correction) bias("exp_probs_b", choices);
  if (shape_.experts.latent > 0) {
    const bool banked = shape_.family == "kimi-k3";   // there under other names, with a norm between
    matrix(banked ? "ffn_routed_down" : "ffn_latent_down", hidden_, input);
    matrix(banked ? "ffn_routed_up" : "ffn_latent_up", input, hidden_);
    if (banked) vector("ffn_routed_norm", input);
  }
  if (features_.fused_expert_gate_up) {
    experts("ffn_gate_up_exps", input, 2 * width, n);
  } else {
    if (f.gated) experts("ffn_gate_exps", input, width, n);
    experts("ffn_up_exps", input, width, n);
  }
  experts("ffn_down_exps", width, input, n);
  if (features_.expert_bias) {
    put(block("ffn_gate_exps.bias"), width, n);
    put(block("ffn_up_exps.bias"), width, n);
    put(block("ffn_down_exps.bias"), hidden_, n);
  }
  list_further_experts();
  if (features_.shared_expert_beside_dense) return list_dense_beside(f);
  list_shared_expert(f);
}

// Smaller ones that several share (GroveMoE), and those for pictures, with a router of their own (ERNIE 4.5 VL).
void TensorLister::list_further_experts() {
  const Experts& e = shape_.experts;
  struct Further { const char* name; int count, width; };
  for (const Further& each : {Further{"chexps", e.groups, e.group_width}, Further{"vlexps", e.seeing, e.seeing_width}}) {
    if (each.count == 0) continue;
    const std::string end = std::string("_") + each.name;
    for (const char* part : {"ffn_gate", "ffn_up"}) experts(part + end, hidden_, each.width, each.count);
    experts("ffn_down" + end, each.width, hidden_, each.count);
  }
  if (e.seeing > 0) matrix("ffn_gate_inp_vl", hidden_, e.seeing);
}

void TensorLister::list_shared_expert(const FeedForward& f) {
  if (f.shared_width == 0) return;
  if (f.gated) matrix("ffn_gate_shexp", hidden_, f.shared_width);
  matrix("ffn_up_shexp", hidden_, f.shared_width);
  matrix("ffn_down_shexp", f.shared_width, hidden_);
  if (features_.shared_expert_gate) vector("ffn_gate_inp_shexp", hidden_);
}

void TensorLister::list_dense_beside(const FeedForward& f) {
  list_dense(f.shared_width, f.gated);
  if (shape_.family != "gemma4") return;
  put(block("ffn_gate_inp.scale"), hidden_);
  put(block("ffn_down_exps.scale"), f.experts);
  for (const char* part : {"pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"}) vector(part, hidden_);
}

}  // namespace rigcast::model::detail
