// Names follow llama.cpp's src/llama-arch.cpp (LLM_TENSOR_NAMES, LLM_TENSOR_INFOS).

#include "model/gguf_tensors.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace rigcast::model {
namespace {

struct Row { std::string_view stem; Role role; Place place = Place::block; };

constexpr bool by_stem(const Row& a, const Row& b) { return a.stem < b.stem; }

// Tensors of a block, in order of stem.
constexpr auto kInBlock = std::to_array<Row>({
    {"adapter_a", Role::dense_ffn},
    {"adapter_b", Role::dense_ffn},
    {"altup_correct_coef", Role::dense_ffn},
    {"altup_correct_scale", Role::norm},
    {"altup_predict_coef", Role::dense_ffn},
    {"altup_router", Role::dense_ffn},
    {"altup_router_norm", Role::norm},
    {"attn_compressor_ape", Role::norm},
    {"attn_compressor_gate", Role::attention},
    {"attn_compressor_kv", Role::attention},
    {"attn_compressor_norm", Role::norm},
    {"attn_gate", Role::attention},
    {"attn_k", Role::attention},
    {"attn_k_b", Role::attention},
    {"attn_k_norm", Role::norm},
    {"attn_kv", Role::attention},
    {"attn_kv_a_mqa", Role::attention},
    {"attn_kv_a_norm", Role::norm},
    {"attn_kv_b", Role::attention},
    {"attn_lambda", Role::norm},
    {"attn_norm", Role::norm},
    {"attn_norm_2", Role::norm},
    {"attn_norm_gate_a", Role::router},
    {"attn_norm_gate_b", Role::router},
    {"attn_output", Role::attention},
    {"attn_output_a", Role::attention},
    {"attn_output_b", Role::attention},
    {"attn_output_norm", Role::norm},
    {"attn_post_norm", Role::norm},
    {"attn_q", Role::attention},
    {"attn_q_a", Role::attention},
    {"attn_q_a_norm", Role::norm},
    {"attn_q_b", Role::attention},
    {"attn_q_norm", Role::norm},
    {"attn_qkv", Role::attention},
    {"attn_r", Role::attention},
    {"attn_rel_proj", Role::norm},
    {"attn_res_score", Role::norm},
    {"attn_rot_embd", Role::other},
    {"attn_sinks", Role::norm},
    {"attn_sub_norm", Role::norm},
    {"attn_v", Role::attention},
    {"attn_v_b", Role::attention},
    {"attn_v_exps", Role::attention},
    {"attn_v_gate", Role::router},
    {"channel_mix_key", Role::dense_ffn},
    {"channel_mix_lerp_k", Role::norm},
    {"channel_mix_lerp_r", Role::norm},
    {"channel_mix_receptance", Role::dense_ffn},
    {"channel_mix_value", Role::dense_ffn},
    {"cross_attn_attn_gate", Role::norm},
    {"cross_attn_k_norm", Role::norm},
    {"cross_attn_k_proj", Role::attention},
    {"cross_attn_mlp_gate", Role::norm},
    {"cross_attn_o_proj", Role::attention},
    {"cross_attn_q_norm", Role::norm},
    {"cross_attn_q_proj", Role::attention},
    {"cross_attn_v_proj", Role::attention},
    {"engram_embd", Role::per_layer_embedding},
    {"engram_k", Role::norm},
    {"engram_q", Role::norm},
    {"engram_wkv", Role::dense_ffn},
    {"exp_probs_b", Role::norm},
    {"ffn.act", Role::norm},
    {"ffn.act.scales", Role::norm},
    {"ffn_down", Role::dense_ffn},
    {"ffn_down_chexps", Role::expert_ffn},
    {"ffn_down_exps", Role::expert_ffn},
    {"ffn_down_shexp", Role::shared_expert_ffn},
    {"ffn_down_vlexps", Role::expert_ffn},
    {"ffn_gate", Role::dense_ffn},
    {"ffn_gate_chexps", Role::expert_ffn},
    {"ffn_gate_exps", Role::expert_ffn},
    {"ffn_gate_inp", Role::router},
    {"ffn_gate_inp_shexp", Role::router},
    {"ffn_gate_inp_vl", Role::router},
    {"ffn_gate_shexp", Role::shared_expert_ffn},
    {"ffn_gate_tid2eid", Role::other},
    {"ffn_gate_up_exps", Role::expert_ffn},
    {"ffn_gate_vlexps", Role::expert_ffn},
    {"ffn_latent_down", Role::shared_expert_ffn},
    {"ffn_latent_up", Role::shared_expert_ffn},
    {"ffn_norm", Role::norm},
    {"ffn_norm_exps", Role::norm},
    {"ffn_norm_gate_a", Role::router},
    {"ffn_norm_gate_b", Role::router},
    {"ffn_post_norm", Role::norm},
    {"ffn_res_score", Role::norm},
    {"ffn_routed_down", Role::shared_expert_ffn},
    {"ffn_routed_norm", Role::norm},
    {"ffn_routed_up", Role::shared_expert_ffn},
    {"ffn_sub_norm", Role::norm},
    {"ffn_up", Role::dense_ffn},
    {"ffn_up_chexps", Role::expert_ffn},
    {"ffn_up_exps", Role::expert_ffn},
    {"ffn_up_shexp", Role::shared_expert_ffn},
    {"ffn_up_vlexps", Role::expert_ffn},
    {"hc_attn_base", Role::norm},
    {"hc_attn_down", Role::router},
    {"hc_attn_fn", Role::router},
    {"hc_attn_inject", Role::router},
    {"hc_attn_norm", Role::norm},
    {"hc_attn_scale", Role::norm},
    {"hc_attn_up", Role::router},
    {"hc_ffn_base", Role::norm},
    {"hc_ffn_down", Role::router},
    {"hc_ffn_fn", Role::router},
    {"hc_ffn_inject", Role::router},
    {"hc_ffn_norm", Role::norm},
    {"hc_ffn_scale", Role::norm},
    {"hc_ffn_up", Role::router},
    {"indexer.attn_k", Role::attention},
    {"indexer.attn_q_b", Role::attention},
    {"indexer.k_norm", Role::norm},
    {"indexer.k_proj", Role::attention},
    {"indexer.proj", Role::attention},
    {"indexer.q_norm", Role::norm},
    {"indexer.q_proj", Role::attention},
    {"indexer_compressor_ape", Role::norm},
    {"indexer_compressor_gate", Role::attention},
    {"indexer_compressor_kv", Role::attention},
    {"indexer_compressor_norm", Role::norm},
    {"inp_gate", Role::dense_ffn},
    {"laurel_l", Role::dense_ffn},
    {"laurel_post_norm", Role::norm},
    {"laurel_r", Role::dense_ffn},
    {"layer_out_norm", Role::norm},
    {"layer_output_norm", Role::norm},
    {"layer_output_scale", Role::norm},
    {"memory_in", Role::dense_ffn},
    {"memory_out", Role::dense_ffn},
    {"nextn.eh_proj", Role::next_token},
    {"nextn.embed_tokens", Role::next_token},
    {"nextn.enorm", Role::next_token},
    {"nextn.hc_head_down", Role::next_token},
    {"nextn.hc_head_norm", Role::next_token},
    {"nextn.hc_head_up", Role::next_token},
    {"nextn.hnorm", Role::next_token},
    {"nextn.shared_head_head", Role::next_token},
    {"nextn.shared_head_norm", Role::next_token},
    {"ple_conv1d", Role::norm},
    {"ple_key", Role::dense_ffn},
    {"ple_norm_conv", Role::norm},
    {"ple_norm_key", Role::norm},
    {"ple_norm_query", Role::norm},
    {"ple_value", Role::dense_ffn},
    {"post_attention_norm", Role::norm},
    {"post_ffw_norm", Role::norm},
    {"post_ffw_norm_1", Role::norm},
    {"post_ffw_norm_2", Role::norm},
    {"post_norm", Role::norm},
    {"pre_ffw_norm_2", Role::norm},
    {"proj", Role::dense_ffn},
    {"shortconv.conv", Role::recurrent},
    {"shortconv.in_proj", Role::recurrent},
    {"shortconv.out_proj", Role::recurrent},
    {"shortconv_attn", Role::norm},
    {"shortconv_ffn", Role::norm},
    {"shortconv_k", Role::norm},
    {"shortconv_v", Role::norm},
    {"ssm_a", Role::recurrent},
    {"ssm_alpha", Role::recurrent},
    {"ssm_b_norm", Role::norm},
    {"ssm_ba", Role::recurrent},
    {"ssm_beta", Role::recurrent},
    {"ssm_beta_alpha", Role::recurrent},
    {"ssm_c_norm", Role::norm},
    {"ssm_conv1d", Role::recurrent},
    {"ssm_conv1d_k", Role::recurrent},
    {"ssm_conv1d_q", Role::recurrent},
    {"ssm_conv1d_v", Role::recurrent},
    {"ssm_d", Role::recurrent},
    {"ssm_dt", Role::recurrent},
    {"ssm_dt_norm", Role::norm},
    {"ssm_f_a", Role::recurrent},
    {"ssm_f_b", Role::recurrent},
    {"ssm_g", Role::recurrent},
    {"ssm_g_a", Role::recurrent},
    {"ssm_g_b", Role::recurrent},
    {"ssm_in", Role::recurrent},
    {"ssm_norm", Role::norm},
    {"ssm_out", Role::recurrent},
    {"ssm_x", Role::recurrent},
    {"time_mix_a0", Role::recurrent},
    {"time_mix_a1", Role::recurrent},
    {"time_mix_a2", Role::recurrent},
    {"time_mix_decay", Role::recurrent},
    {"time_mix_decay_w1", Role::recurrent},
    {"time_mix_decay_w2", Role::recurrent},
    {"time_mix_first", Role::recurrent},
    {"time_mix_g1", Role::recurrent},
    {"time_mix_g2", Role::recurrent},
    {"time_mix_gate", Role::recurrent},
    {"time_mix_k_a", Role::recurrent},
    {"time_mix_k_k", Role::recurrent},
    {"time_mix_key", Role::recurrent},
    {"time_mix_lerp_fused", Role::recurrent},
    {"time_mix_lerp_g", Role::recurrent},
    {"time_mix_lerp_k", Role::recurrent},
    {"time_mix_lerp_r", Role::recurrent},
    {"time_mix_lerp_v", Role::recurrent},
    {"time_mix_lerp_w", Role::recurrent},
    {"time_mix_lerp_x", Role::recurrent},
    {"time_mix_ln", Role::norm},
    {"time_mix_output", Role::recurrent},
    {"time_mix_r_k", Role::recurrent},
    {"time_mix_receptance", Role::recurrent},
    {"time_mix_v0", Role::recurrent},
    {"time_mix_v1", Role::recurrent},
    {"time_mix_v2", Role::recurrent},
    {"time_mix_value", Role::recurrent},
    {"time_mix_w0", Role::recurrent},
    {"time_mix_w1", Role::recurrent},
    {"time_mix_w2", Role::recurrent},
    {"vis_attn_output", Role::vision},
    {"vis_attn_qkv", Role::vision},
    {"vis_down", Role::vision},
    {"vis_gate", Role::vision},
    {"vis_up", Role::vision},
});
static_assert(std::is_sorted(kInBlock.begin(), kInBlock.end(), by_stem));

// Tensors outside the blocks, in order of stem.
constexpr auto kOutside = std::to_array<Row>({
    {"altup_proj", Role::dense_ffn, Place::output},
    {"altup_unembd_proj", Role::dense_ffn, Place::output},
    {"cls", Role::other, Place::output},
    {"cls.norm", Role::norm, Place::output},
    {"cls.output", Role::other, Place::output},
    {"dense_2", Role::other, Place::output},
    {"dense_3", Role::other, Place::output},
    {"hrm.z_l_init", Role::norm, Place::first_block},
    {"output", Role::output_head, Place::output},
    {"output_hc_base", Role::norm, Place::output},
    {"output_hc_down", Role::router, Place::output},
    {"output_hc_fn", Role::router, Place::output},
    {"output_hc_norm", Role::norm, Place::output},
    {"output_hc_scale", Role::norm, Place::output},
    {"output_hc_up", Role::router, Place::output},
    {"output_norm", Role::norm, Place::output},
    {"output_res_score", Role::norm, Place::output},
    {"per_layer_model_proj", Role::dense_ffn, Place::first_block},
    {"per_layer_proj_norm", Role::norm, Place::first_block},
    {"per_layer_token_embd", Role::per_layer_embedding, Place::input},
    {"position_embd", Role::token_embedding, Place::input},
    {"relative_embd", Role::token_embedding, Place::input},
    {"relative_embd_norm", Role::norm, Place::input},
    {"rope_factors_long", Role::other, Place::input},
    {"rope_factors_short", Role::other, Place::input},
    {"rope_freqs", Role::other, Place::input},
    {"token_embd", Role::token_embedding, Place::input},
    {"token_embd_norm", Role::norm, Place::input},
    {"token_types", Role::token_embedding, Place::input},
});
static_assert(std::is_sorted(kOutside.begin(), kOutside.end(), by_stem));

constexpr std::array<std::string_view, 6> suffixes = {"weight", "bias", "scale", "input_scale", "lora_a", "lora_b"};

}  // namespace

TensorName parse_tensor_name(std::string_view name) {
  TensorName parsed;
  parsed.stem = name;
  if (name.starts_with("blk.")) {
    int number = 0;
    const auto [end, problem] = std::from_chars(name.data() + 4, name.data() + name.size(), number);
    const bool is_block = problem == std::errc{} && end != name.data() + name.size() && *end == '.' && number >= 0 && number <= (1 << 20);
    if (is_block) {
      parsed.block = number;
      parsed.stem = name.substr(static_cast<std::size_t>(end - name.data()) + 1);
    }
  }
  const std::size_t dot = parsed.stem.rfind('.');
  if (dot == std::string_view::npos) return parsed;
  const std::string_view last = parsed.stem.substr(dot + 1);
  if (std::find(suffixes.begin(), suffixes.end(), last) == suffixes.end()) return parsed;
  parsed.suffix = last;
  parsed.stem = parsed.stem.substr(0, dot);
  return parsed;
}

int layer_of(const TensorName& name, Place place, int layers) {
  switch (place) {
    case Place::input: return kInputLayer;
    case Place::block: return name.block;
    case Place::first_block: return 0;
    case Place::output: return layers;
  }
  return kInputLayer;
}

std::optional<TensorRole> role_of(const TensorName& name) {
  const auto look_up = [&](const auto& rows) -> std::optional<TensorRole> {
    const auto found = std::lower_bound(rows.begin(), rows.end(), Row{name.stem, Role::other}, by_stem);
    if (found == rows.end() || found->stem != name.stem) return std::nullopt;
    // A bias is a small vector whatever it belongs to, except that those of experts move with them and those of a token predictor stay out.
    const bool small = name.suffix == "bias" && found->role != Role::expert_ffn && found->role != Role::next_token && found->role != Role::vision;
    return TensorRole{small ? Role::norm : found->role, found->place};
  };
  return name.block >= 0 ? look_up(kInBlock) : look_up(kOutside);
}

}  // namespace rigcast::model
