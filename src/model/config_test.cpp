#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "facts.hpp"
#include "model/config.hpp"
#include "model/recipe.hpp"

namespace rigcast::model {
namespace {

using rigcast::test::facts;

Architecture from_config(std::string_view text) {
  auto read = architecture_from_config(facts(), text, "model/config.json");
  EXPECT_TRUE(read.has_value()) << (read ? "" : to_text(read.error()));
  return read.value_or(Architecture{});
}

// The catalogue's row and the model's own config must describe the same model.
struct Pair { const char* key; const char* config; };
void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.key; }

class Config : public testing::TestWithParam<Pair> {};

TEST_P(Config, SaysWhatTheCatalogueSays) {
  const Architecture read = from_config(GetParam().config);
  const auto known = architecture_from_catalogue(facts(), GetParam().key);
  ASSERT_TRUE(known.has_value()) << to_text(known.error());
  EXPECT_EQ(read.family, known->family);
  EXPECT_EQ(read.tied_embeddings, known->tied_embeddings);
  EXPECT_EQ(read.max_context, known->max_context);
  ASSERT_EQ(read.layers.size(), known->layers.size());
  for (std::size_t i = 0; i < read.layers.size(); ++i) {
    const Layer &a = read.layers[i], &b = known->layers[i];
    ASSERT_EQ(a.attention.kind, b.attention.kind) << i;
    ASSERT_EQ(a.attention.window, b.attention.window) << i;
    ASSERT_EQ(a.attention.kv_heads, b.attention.kv_heads) << i;
    ASSERT_EQ(a.attention.indexer_top_k, b.attention.indexer_top_k) << i;
    ASSERT_EQ(a.recurrent.state_elements, b.recurrent.state_elements) << i;
    ASSERT_EQ(a.feed_forward.experts_used, b.feed_forward.experts_used) << i;
  }
  ASSERT_EQ(read.tensors.size(), known->tensors.size());
  for (std::size_t i = 0; i < read.tensors.size(); ++i) {
    ASSERT_EQ(read.tensors[i].name, known->tensors[i].name);
    ASSERT_EQ(read.tensors[i].shape, known->tensors[i].shape) << read.tensors[i].name;
    ASSERT_EQ(read.tensors[i].quant, known->tensors[i].quant) << read.tensors[i].name;
  }
}

constexpr Pair kPairs[] = {
    {"llama-3.1-8b", R"({"architectures":["LlamaForCausalLM"],"attention_bias":false,"bos_token_id":128000,"hidden_act":"silu","hidden_size":4096,
      "intermediate_size":14336,"max_position_embeddings":131072,"mlp_bias":false,"model_type":"llama","num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":8,"pretraining_tp":1,"rope_scaling":{"factor":8.0,"rope_type":"llama3"},
      "rope_theta":500000.0,"tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":128256})"},
    {"qwen2.5-14b", R"({"model_type":"qwen2","hidden_size":5120,"intermediate_size":13824,"max_position_embeddings":32768,"max_window_layers":48,
      "num_attention_heads":40,"num_hidden_layers":48,"num_key_value_heads":8,"sliding_window":131072,"use_sliding_window":false,
      "torch_dtype":"bfloat16","vocab_size":152064,"tie_word_embeddings":false})"},
    {"qwen3-30b-a3b", R"({"model_type":"qwen3_moe","attention_bias":false,"decoder_sparse_step":1,"head_dim":128,"hidden_size":2048,
      "intermediate_size":6144,"max_position_embeddings":40960,"max_window_layers":48,"mlp_only_layers":[],"moe_intermediate_size":768,
      "norm_topk_prob":true,"num_attention_heads":32,"num_experts":128,"num_experts_per_tok":8,"num_hidden_layers":48,
      "num_key_value_heads":4,"output_router_logits":false,"router_aux_loss_coef":0.001,"sliding_window":null,"use_sliding_window":false,
      "tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":151936})"},
    {"mixtral-8x7b", R"({"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"max_position_embeddings":32768,
      "num_attention_heads":32,"num_experts_per_tok":2,"num_hidden_layers":32,"num_key_value_heads":8,"num_local_experts":8,
      "sliding_window":null,"tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":32000})"},
    {"deepseek-v3", R"({"model_type":"deepseek_v3","attention_bias":false,"aux_loss_alpha":0.001,"ep_size":1,"first_k_dense_replace":3,
      "hidden_size":7168,"intermediate_size":18432,"kv_lora_rank":512,"max_position_embeddings":163840,"moe_intermediate_size":2048,
      "moe_layer_freq":1,"n_group":8,"n_routed_experts":256,"n_shared_experts":1,"num_attention_heads":128,"num_experts_per_tok":8,
      "num_hidden_layers":61,"num_key_value_heads":128,"num_nextn_predict_layers":1,"q_lora_rank":1536,"qk_nope_head_dim":128,
      "qk_rope_head_dim":64,"quantization_config":{"activation_scheme":"dynamic","fmt":"e4m3","quant_method":"fp8",
      "weight_block_size":[128,128]},"rope_scaling":{"type":"yarn","factor":40},"scoring_func":"sigmoid","topk_group":4,
      "tie_word_embeddings":false,"torch_dtype":"bfloat16","v_head_dim":128,"vocab_size":129280})"},
    {"glm-5", R"({"model_type":"glm_moe_dsa","num_hidden_layers":78,"hidden_size":6144,"num_attention_heads":64,"num_key_value_heads":64,
      "head_dim":64,"intermediate_size":12288,"vocab_size":154880,"max_position_embeddings":202752,"n_routed_experts":256,
      "n_shared_experts":1,"num_experts_per_tok":8,"moe_intermediate_size":2048,"moe_layer_freq":1,"first_k_dense_replace":3,
      "kv_lora_rank":512,"q_lora_rank":2048,"qk_nope_head_dim":192,"qk_rope_head_dim":64,"v_head_dim":256,"torch_dtype":"bfloat16",
      "tie_word_embeddings":false})"},
    {"kimi-k2.5", R"({"model_type":"kimi_k25","text_config":{"model_type":"kimi_k2","num_hidden_layers":61,"hidden_size":7168,
      "num_attention_heads":64,"num_key_value_heads":64,"intermediate_size":18432,"vocab_size":163840,"max_position_embeddings":262144,
      "n_routed_experts":384,"n_shared_experts":1,"num_experts_per_tok":8,"moe_intermediate_size":2048,"moe_layer_freq":1,
      "first_k_dense_replace":1,"kv_lora_rank":512,"q_lora_rank":1536,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,
      "torch_dtype":"bfloat16","tie_word_embeddings":false,"quantization_config":{"config_groups":{"group_0":{"weights":{"num_bits":4,
      "type":"int","strategy":"group","group_size":32,"symmetric":true},"targets":["Linear"]}},"format":"pack-quantized",
      "ignore":["lm_head","re:.*self_attn.*","re:.*shared_experts.*","re:.*mlp\\.(gate|up|gate_up|down)_proj.*"],
      "quant_method":"compressed-tensors"}},"vision_config":{"vt_num_hidden_layers":27}})"},
    {"gpt-oss-20b", R"({"model_type":"gpt_oss","attention_bias":true,"experts_per_token":4,"head_dim":64,"hidden_size":2880,
      "initial_context_length":4096,"intermediate_size":2880,"max_position_embeddings":131072,"num_attention_heads":64,
      "num_experts_per_tok":4,"num_hidden_layers":24,"num_key_value_heads":8,"num_local_experts":32,"quantization_config":
      {"modules_to_not_convert":["model.layers.*.self_attn","model.layers.*.mlp.router","model.embed_tokens","lm_head"],
      "quant_method":"mxfp4"},"sliding_window":128,"swiglu_limit":7.0,"tie_word_embeddings":false,"vocab_size":201088})"},
    {"gemma-3-27b", R"({"model_type":"gemma3","text_config":{"head_dim":128,"hidden_size":5376,"intermediate_size":21504,"model_type":"gemma3_text",
      "num_attention_heads":32,"num_hidden_layers":62,"num_key_value_heads":16,"query_pre_attn_scalar":168,"sliding_window":1024,
      "max_position_embeddings":131072,"vocab_size":262208},"torch_dtype":"bfloat16","vision_config":{"hidden_size":1152,"image_size":896,
      "intermediate_size":4304,"model_type":"siglip_vision_model","num_attention_heads":16,"num_hidden_layers":27,"patch_size":14,
      "vision_use_head":false},"mm_tokens_per_image":256})"},
    {"gemma-4-26b-a4b", R"({"model_type":"gemma4","text_config":{"model_type":"gemma4_text","hidden_size":2816,"num_hidden_layers":30,
      "num_attention_heads":16,"num_key_value_heads":8,"num_global_key_value_heads":2,"head_dim":256,"global_head_dim":512,
      "intermediate_size":2112,"moe_intermediate_size":704,"num_experts":128,"top_k_experts":8,"enable_moe_block":true,
      "sliding_window":1024,"vocab_size":262144,"max_position_embeddings":262144,"attention_k_eq_v":true,"num_kv_shared_layers":0,
      "hidden_size_per_layer_input":0,"tie_word_embeddings":true},"torch_dtype":"bfloat16","vision_config":{"model_type":"gemma4_vision",
      "hidden_size":1152,"intermediate_size":4304,"num_hidden_layers":27,"num_attention_heads":16,"num_key_value_heads":16,"head_dim":72,
      "patch_size":16,"position_embedding_size":10240,"standardize":true}})"},
    {"gemma-4-e2b", R"({"model_type":"gemma4","text_config":{"model_type":"gemma4_text","hidden_size":1536,"num_hidden_layers":35,
      "num_attention_heads":8,"num_key_value_heads":1,"head_dim":256,"global_head_dim":512,"intermediate_size":6144,"sliding_window":512,
      "vocab_size":262144,"vocab_size_per_layer_input":262144,"hidden_size_per_layer_input":256,"max_position_embeddings":131072,
      "num_kv_shared_layers":20,"use_double_wide_mlp":true,"enable_moe_block":false,"tie_word_embeddings":true,
      "layer_types":["sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention",
      "sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention",
      "sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention",
      "sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention",
      "full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention",
      "sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention"]},"dtype":"bfloat16",
      "vision_config":{"model_type":"gemma4_vision","standardize":false,"use_clipped_linears":true},"audio_config":{"model_type":"gemma4_audio"}})"},
    {"qwen3.5-4b", R"({"model_type":"qwen3_5","tie_word_embeddings":true,"text_config":{"model_type":"qwen3_5_text","hidden_size":2560,
      "num_hidden_layers":32,"num_attention_heads":16,"num_key_value_heads":4,"head_dim":256,"attn_output_gate":true,
      "intermediate_size":9216,"vocab_size":248320,"tie_word_embeddings":true,"linear_num_key_heads":16,"linear_key_head_dim":128,
      "linear_num_value_heads":32,"linear_value_head_dim":128,"linear_conv_kernel_dim":4,"max_position_embeddings":262144,
      "full_attention_interval":4,"dtype":"bfloat16"},"vision_config":{"model_type":"qwen3_5","depth":24,"hidden_size":1024,"in_channels":3,
      "intermediate_size":4096,"num_heads":16,"num_position_embeddings":2304,"out_hidden_size":2560,"patch_size":16,"spatial_merge_size":2,
      "temporal_patch_size":2,"deepstack_visual_indexes":[]}})"},
    {"qwen3-next-80b-a3b", R"({"model_type":"qwen3_next","decoder_sparse_step":1,"full_attention_interval":4,"head_dim":256,"hidden_size":2048,
      "intermediate_size":5120,"linear_conv_kernel_dim":4,"linear_key_head_dim":128,"linear_num_key_heads":16,"linear_num_value_heads":32,
      "linear_value_head_dim":128,"max_position_embeddings":262144,"mlp_only_layers":[],"moe_intermediate_size":512,
      "num_attention_heads":16,"num_experts":512,"num_experts_per_tok":10,"num_hidden_layers":48,"num_key_value_heads":2,
      "partial_rotary_factor":0.25,"shared_expert_intermediate_size":512,"tie_word_embeddings":false,"torch_dtype":"bfloat16",
      "use_sliding_window":false,"vocab_size":151936})"},
    {"granite-4.0-h-tiny", R"({"model_type":"granitemoehybrid","hidden_size":1536,"num_hidden_layers":40,"num_attention_heads":12,
      "num_key_value_heads":4,"intermediate_size":512,"shared_intermediate_size":1024,"num_local_experts":64,"num_experts_per_tok":6,
      "vocab_size":100352,"tie_word_embeddings":true,"mamba_d_state":128,"mamba_n_groups":1,"mamba_n_heads":48,"mamba_d_head":64,
      "mamba_expand":2,"mamba_d_conv":4,"mamba_chunk_size":256,"max_position_embeddings":131072,"torch_dtype":"bfloat16",
      "layer_types":["mamba","mamba","mamba","mamba","mamba","attention","mamba","mamba","mamba","mamba","mamba","mamba","mamba","mamba",
      "mamba","attention","mamba","mamba","mamba","mamba","mamba","mamba","mamba","mamba","mamba","attention","mamba","mamba","mamba",
      "mamba","mamba","mamba","mamba","mamba","mamba","attention","mamba","mamba","mamba","mamba"]})"},
    {"lfm2-1.2b", R"({"model_type":"lfm2","block_auto_adjust_ff_dim":true,"block_dim":2048,"block_ff_dim":12288,"block_ffn_dim_multiplier":1.0,
      "block_multiple_of":256,"conv_L_cache":3,"conv_bias":false,"conv_dim":2048,"full_attn_idxs":[2,5,8,10,12,14],"hidden_size":2048,
      "max_position_embeddings":128000,"num_attention_heads":32,"num_heads":32,"num_hidden_layers":16,"num_key_value_heads":8,
      "torch_dtype":"bfloat16","vocab_size":65536})"},
    {"falcon-h1-0.5b", R"({"model_type":"falcon_h1","hidden_size":1024,"num_hidden_layers":36,"num_attention_heads":8,"num_key_value_heads":2,
      "head_dim":64,"intermediate_size":2048,"vocab_size":32784,"tie_word_embeddings":false,"mamba_d_state":128,"mamba_n_groups":1,
      "mamba_n_heads":24,"mamba_d_head":64,"mamba_d_ssm":1536,"mamba_expand":2,"mamba_d_conv":4,"mamba_chunk_size":128,
      "mamba_rms_norm":false,"mlp_multipliers":[1.0,1.0],"ssm_multipliers":[1,1,1,1,1],"max_position_embeddings":131072,
      "torch_dtype":"bfloat16"})"},
    {"nemotron-h-8b", R"({"model_type":"nemotron_h","attention_head_dim":128,"chunk_size":256,"conv_kernel":4,"expand":2,"hidden_size":4096,
      "hybrid_override_pattern":"M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-","intermediate_size":21504,"mamba_head_dim":64,
      "mamba_num_heads":128,"max_position_embeddings":8192,"n_groups":8,"num_attention_heads":32,"num_hidden_layers":52,
      "num_key_value_heads":8,"ssm_state_size":128,"tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":131072})"},
    {"nemotron-3-nano-30b-a3b", R"({"model_type":"nemotron_h","hidden_size":2688,"num_hidden_layers":52,"head_dim":128,"conv_kernel":4,
      "hybrid_override_pattern":"MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME","intermediate_size":1856,"mamba_head_dim":64,
      "mamba_num_heads":64,"max_position_embeddings":262144,"moe_intermediate_size":1856,"moe_shared_expert_intermediate_size":3712,
      "n_groups":8,"n_routed_experts":128,"n_shared_experts":1,"num_attention_heads":32,"num_experts_per_tok":6,"num_key_value_heads":2,
      "ssm_state_size":128,"tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":131072})"},
    {"glm-4.5-air", R"({"model_type":"glm4_moe","attention_bias":true,"first_k_dense_replace":1,"head_dim":128,"hidden_size":4096,
      "intermediate_size":10944,"max_position_embeddings":131072,"moe_intermediate_size":1408,"n_group":1,"n_routed_experts":128,
      "n_shared_experts":1,"num_attention_heads":96,"num_experts_per_tok":8,"num_hidden_layers":46,"num_key_value_heads":8,
      "num_nextn_predict_layers":1,"partial_rotary_factor":0.5,"tie_word_embeddings":false,"torch_dtype":"bfloat16","use_qk_norm":false,
      "vocab_size":151552})"},
    {"minimax-m2", R"({"model_type":"minimax_m2","attn_type_list":[1,1],"head_dim":128,"hidden_size":3072,"intermediate_size":1536,
      "max_position_embeddings":196608,"mtp_transformer_layers":1,"num_attention_heads":48,"num_experts_per_tok":8,
      "num_hidden_layers":62,"num_key_value_heads":8,"num_local_experts":256,"num_mtp_modules":3,"qk_norm_type":"per_layer",
      "quantization_config":{"activation_scheme":"dynamic","fmt":"float8_e4m3fn","quant_method":"fp8","weight_block_size":[128,128],
      "modules_to_not_convert":["gate","e_score_correction_bias","lm_head"]},"rotary_dim":64,"scoring_func":"sigmoid",
      "shared_intermediate_size":0,"tie_word_embeddings":false,"use_mtp":true,"use_qk_norm":true,"use_routing_bias":true,
      "vocab_size":200064})"},
    {"llama-4-scout", R"({"model_type":"llama4","text_config":{"attention_bias":false,"attention_chunk_size":8192,"head_dim":128,
      "hidden_size":5120,"interleave_moe_layer_step":1,"intermediate_size":8192,"intermediate_size_mlp":16384,
      "max_position_embeddings":10485760,"model_type":"llama4_text","no_rope_layers":[],"num_attention_heads":40,"num_experts_per_tok":1,
      "num_hidden_layers":48,"num_key_value_heads":8,"num_local_experts":16,"tie_word_embeddings":false,"torch_dtype":"bfloat16",
      "use_qk_norm":true,"vocab_size":202048},"vision_config":{"model_type":"llama4_vision_model","hidden_size":1408,"image_size":336,
      "intermediate_size":5632,"num_hidden_layers":34,"patch_size":14,"pixel_shuffle_ratio":0.5,"projector_input_dim":4096,
      "projector_output_dim":4096,"vision_output_dim":4096}})"},
    {"ernie-4.5-21b-a3b", R"({"model_type":"ernie4_5_moe","hidden_size":2560,"intermediate_size":12288,"max_position_embeddings":131072,
      "moe_capacity":[64,64,64],"moe_gate":"topk","moe_intermediate_size":1536,"moe_k":6,"moe_layer_end_index":27,"moe_layer_interval":1,
      "moe_layer_start_index":1,"moe_num_experts":64,"moe_num_shared_experts":2,"moe_use_aux_free":true,"num_attention_heads":20,
      "num_hidden_layers":28,"num_key_value_heads":4,"tie_word_embeddings":true,"torch_dtype":"bfloat16","use_bias":false,
      "vocab_size":103424,"head_dim":128})"},
    {"falcon-7b", R"({"model_type":"falcon","alibi":false,"bias":false,"hidden_size":4544,"multi_query":true,"new_decoder_architecture":false,
      "num_attention_heads":71,"num_hidden_layers":32,"parallel_attn":true,"torch_dtype":"bfloat16","vocab_size":65024,
      "max_position_embeddings":2048})"},
    {"chatglm3-6b", R"({"model_type":"chatglm","add_bias_linear":false,"add_qkv_bias":true,"ffn_hidden_size":13696,"hidden_size":4096,
      "kv_channels":128,"multi_query_attention":true,"multi_query_group_num":2,"num_attention_heads":32,"num_layers":28,
      "original_rope":true,"padded_vocab_size":65024,"seq_length":8192,"tie_word_embeddings":false,"torch_dtype":"float16"})"},
    {"phi-3-mini", R"({"model_type":"phi3","hidden_size":3072,"intermediate_size":8192,"max_position_embeddings":131072,
      "num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":32,"original_max_position_embeddings":4096,
      "sliding_window":262144,"tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":32064})"},
    {"olmo-2-7b", R"({"model_type":"olmo2","hidden_size":4096,"intermediate_size":11008,"max_position_embeddings":4096,"num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":32,"tie_word_embeddings":false,"torch_dtype":"bfloat16","vocab_size":100352})"},
    {"deepseek-moe-16b", R"({"model_type":"deepseek","torch_dtype":"bfloat16","hidden_size":2048,"intermediate_size":10944,"num_hidden_layers":28,"num_attention_heads":16,
      "num_key_value_heads":16,"vocab_size":102400,"max_position_embeddings":4096,"moe_intermediate_size":1408,"moe_layer_freq":1,"n_routed_experts":64,"n_shared_experts":2,
      "num_experts_per_tok":6,"first_k_dense_replace":1,"scoring_func":"softmax","aux_loss_alpha":0.001,"seq_aux":true,"tie_word_embeddings":false})"},
    {"deepseek-v2-lite", R"({"model_type":"deepseek_v2","torch_dtype":"bfloat16","hidden_size":2048,"intermediate_size":10944,"num_hidden_layers":27,"num_attention_heads":16,
      "num_key_value_heads":16,"vocab_size":102400,"max_position_embeddings":163840,"moe_intermediate_size":1408,"moe_layer_freq":1,"n_routed_experts":64,"n_shared_experts":2,
      "num_experts_per_tok":6,"first_k_dense_replace":1,"kv_lora_rank":512,"q_lora_rank":null,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"topk_method":"greedy",
      "n_group":1,"topk_group":1,"tie_word_embeddings":false})"},
    {"command-r-35b", R"({"model_type":"cohere","torch_dtype":"float16","hidden_size":8192,"intermediate_size":22528,"num_hidden_layers":40,"num_attention_heads":64,
      "num_key_value_heads":64,"vocab_size":256000,"max_position_embeddings":8192,"model_max_length":131072,"logit_scale":0.0625,"use_qk_norm":false})"},
    {"opt-6.7b", R"({"model_type":"opt","torch_dtype":"float16","ffn_dim":16384,"hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,"vocab_size":50272,
      "max_position_embeddings":2048,"word_embed_proj_dim":4096,"do_layer_norm_before":true,"activation_function":"relu","layerdrop":0.0})"},
    {"phi-3.5-moe", R"({"model_type":"phimoe","torch_dtype":"bfloat16","hidden_size":4096,"intermediate_size":6400,"num_hidden_layers":32,"num_attention_heads":32,
      "num_key_value_heads":8,"vocab_size":32064,"max_position_embeddings":131072,"num_local_experts":16,"num_experts_per_tok":2,"attention_bias":true,"lm_head_bias":true,
      "sliding_window":131072,"tie_word_embeddings":false})"},
    {"dbrx-132b", R"({"model_type":"dbrx","attn_config":{"clip_qkv":8,"kv_n_heads":8},"d_model":6144,"ffn_config":{"ffn_hidden_size":10752,
      "moe_num_experts":16,"moe_top_k":4},"max_seq_len":32768,"n_heads":48,"n_layers":40,"tie_word_embeddings":false,
      "torch_dtype":"bfloat16","vocab_size":100352})"},
};

INSTANTIATE_TEST_SUITE_P(Known, Config, testing::ValuesIn(kPairs), [](const auto& tested) {
  std::string name = tested.param.key;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

// Laguna XS.2 cut to eight layers: more heads in sliding layers, one leading dense layer, the rest experts with a shared one.
TEST(ConfigLayers, HeadsMayDifferByKindOfAttention) {
  const Architecture a = from_config(R"({"model_type":"laguna","vocab_size":100352,"hidden_size":2048,"intermediate_size":8192,
    "num_hidden_layers":8,"num_attention_heads":48,"num_key_value_heads":8,"head_dim":128,"max_position_embeddings":262144,
    "num_experts":256,"num_experts_per_tok":8,"moe_intermediate_size":512,"shared_expert_intermediate_size":512,"gating":true,
    "sliding_window":512,"mlp_layer_types":["dense","sparse","sparse","sparse","sparse","sparse","sparse","sparse"],
    "num_attention_heads_per_layer":[48,64,64,64,48,64,64,64],"layer_types":["full_attention","sliding_attention","sliding_attention",
    "sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention"]})");
  ASSERT_EQ(a.layers.size(), 8u);
  EXPECT_EQ(a.layers[0].attention.heads, 48);
  EXPECT_EQ(a.layers[1].attention.heads, 64);
  EXPECT_EQ(a.layers[1].attention.window, 512);
  EXPECT_EQ(a.layers[4].attention.kind, AttentionKind::full);
  EXPECT_EQ(a.layers[0].feed_forward.kind, FeedForwardKind::dense);
  EXPECT_EQ(a.layers[1].feed_forward.shared_width, 512);
}

// Configs as published leave out their class's defaults, write patterns as letters, and carry switches that change nothing here. The
// counts are those of the published checkpoints, in billions.
TEST(ConfigPublished, CountTheParametersOfTheirCheckpoints) {
  struct Published { const char* config; double billions; int sliding_layers; };
  for (const Published& each : {
           Published{R"({"model_type":"gemma3","torch_dtype":"bfloat16","text_config":{"hidden_size":2560,"intermediate_size":10240,"model_type":"gemma3_text",
             "num_hidden_layers":34,"rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024},"vision_config":{"hidden_size":1152}})", 3.88, 29},
           Published{R"({"model_type":"exaone4","head_dim":128,"hidden_size":5120,"intermediate_size":27392,"max_position_embeddings":131072,
             "num_attention_heads":40,"num_hidden_layers":64,"num_key_value_heads":8,"sliding_window":4096,"sliding_window_pattern":"LLLG",
             "tie_word_embeddings":false,"vocab_size":102400,"torch_dtype":"bfloat16"})", 32.0, 48},
           Published{R"({"model_type":"cohere2","attention_bias":false,"head_dim":128,"hidden_size":12288,"intermediate_size":36864,"logit_scale":0.25,
             "max_position_embeddings":131072,"num_attention_heads":96,"num_hidden_layers":64,"num_key_value_heads":8,
             "order_of_interleaved_layers":"local_attn_first","sliding_window":4096,"sliding_window_pattern":4,"use_embedding_sharing":true,
             "use_gated_activation":true,"use_parallel_block":true,"use_parallel_embedding":true,"vocab_size":256000,"torch_dtype":"bfloat16"})", 111.06, 48},
           Published{R"({"model_type":"phi3","hidden_size":3072,"intermediate_size":8192,"max_position_embeddings":131072,"num_attention_heads":24,
             "num_hidden_layers":32,"num_key_value_heads":8,"full_attn_mod":1,"interpolate_factor":1,"sliding_window":262144,
             "tie_word_embeddings":true,"vocab_size":200064,"torch_dtype":"bfloat16"})", 3.836, 0},
       }) {
    const Architecture a = from_config(each.config);
    EXPECT_NEAR(a.parameters() / 1e9, each.billions, each.billions * 0.005) << each.config;
    const auto slides = [](const Layer& layer) { return layer.attention.kind == AttentionKind::sliding; };
    EXPECT_EQ(std::count_if(a.layers.begin(), a.layers.end(), slides), each.sliding_layers) << each.config;
  }
}

// DeepSeek V4 Flash: windows and compressed entries, hyper-connections, three layers whose experts a table of tokens names. Its experts are in MXFP4,
// the other matrices in FP8; the count is what llama.cpp prints of it.
TEST(ConfigPublished, DeepSeekV4) {
  const Architecture a = from_config(R"({"model_type":"deepseek_v4","hidden_size":4096,"num_hidden_layers":43,"num_attention_heads":64,"num_key_value_heads":1,
    "head_dim":512,"qk_rope_head_dim":64,"q_lora_rank":1024,"o_groups":8,"o_lora_rank":1024,"sliding_window":128,"index_n_heads":64,"index_head_dim":128,
    "index_topk":512,"n_routed_experts":256,"n_shared_experts":1,"num_experts_per_tok":6,"moe_intermediate_size":2048,"num_hash_layers":3,"hc_mult":4,
    "hc_sinkhorn_iters":20,"hc_eps":1e-06,"vocab_size":129280,"max_position_embeddings":1048576,"num_nextn_predict_layers":1,"compress_rope_theta":160000,
    "compress_ratios":[0,0,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,0],"scoring_func":"sqrtsoftplus","topk_method":"noaux_tc","norm_topk_prob":true,"routed_scaling_factor":1.5,
    "swiglu_limit":10.0,"rope_theta":10000,"tie_word_embeddings":false,"torch_dtype":"bfloat16","expert_dtype":"fp4",
    "quantization_config":{"activation_scheme":"dynamic","fmt":"e4m3","quant_method":"fp8","scale_fmt":"ue8m0","weight_block_size":[128,128]}})");
  EXPECT_EQ(a.parameters(), 284334567511.0);
  EXPECT_EQ(a.streams, 4);
  EXPECT_EQ(a.layers[1].attention.compress, 0);
  EXPECT_EQ(a.layers[2].attention.indexer_top_k, 512);
  EXPECT_EQ(a.layers[3].attention.compress, 128);
  const auto format_of = [&](const char* name) {
    return std::find_if(a.tensors.begin(), a.tensors.end(), [&](const Tensor& t) { return t.name == name; })->quant;
  };
  EXPECT_EQ(format_of("blk.5.ffn_up_exps.weight"), "mxfp4");
  EXPECT_EQ(format_of("blk.5.attn_q_b.weight"), "fp8_e4m3_block128");
}

std::string config_with(const std::string& more) {
  return R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_attention_heads":32,"num_hidden_layers":32,
    "num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":8192,)" + more + "}";
}

std::string quant_of(const std::string& quantization, const char* tensor) {
  const Architecture a = from_config(config_with("\"quantization_config\":" + quantization));
  for (const Tensor& each : a.tensors)
    if (each.name == tensor) return each.quant;
  return {};
}

TEST(ConfigQuantization, ReadsWhatCheckpointsSay) {
  const char* down = "blk.3.ffn_down.weight";
  EXPECT_EQ(quant_of(R"({"quant_method":"awq","bits":4,"group_size":128,"version":"gemm","zero_point":true})", down), "awq_int4_g128");
  EXPECT_EQ(quant_of(R"({"quant_method":"gptq","bits":4,"group_size":32,"desc_act":true})", down), "gptq_int4_g32");
  EXPECT_EQ(quant_of(R"({"quant_method":"gptq","bits":8,"group_size":-1})", down), "gptq_int8_channel");
  EXPECT_EQ(quant_of(R"({"quant_method":"bitsandbytes","load_in_4bit":true,"bnb_4bit_quant_type":"nf4","bnb_4bit_use_double_quant":true})", down),
            "nf4_double");
  EXPECT_EQ(quant_of(R"({"quant_method":"modelopt","quant_algo":"NVFP4","ignore":["lm_head"]})", down), "nvfp4");
  EXPECT_EQ(quant_of(R"({"quant_method":"fbgemm_fp8"})", down), "fp8_e4m3_channel");
  const char* compressed = R"({"quant_method":"compressed-tensors","format":"int-quantized","ignore":["lm_head"],"config_groups":
    {"group_0":{"targets":["Linear"],"weights":{"num_bits":8,"type":"int","strategy":"channel"}}}})";
  EXPECT_EQ(quant_of(compressed, down), "int8_channel");
  EXPECT_EQ(quant_of(compressed, "output.weight"), "bf16");
}

TEST(ConfigQuantization, IgnoredModulesStayAsTheyAre) {
  const char* ignored = R"({"quant_method":"fp8","weight_block_size":[128,128],"modules_to_not_convert":["lm_head","re:.*self_attn.*"]})";
  EXPECT_EQ(quant_of(ignored, "blk.0.attn_q.weight"), "bf16");
  EXPECT_EQ(quant_of(ignored, "blk.0.ffn_up.weight"), "fp8_e4m3_block128");
}

TEST(ConfigQuantization, MlxQuantisesEmbeddingsToo) {
  const Architecture a = from_config(config_with(R"("quantization":{"group_size":64,"bits":4})"));
  for (const Tensor& each : a.tensors)
    if (each.name == "token_embd.weight") { EXPECT_EQ(each.quant, "mlx_4bit_g64"); }
}

Error error_of(const std::string& text) {
  const auto read = read_config(text, "config.json");
  EXPECT_FALSE(read.has_value());
  return read ? Error{} : read.error();
}

TEST(ConfigErrors, UnknownStructureFailsClosedAndIsNamed) {
  const Error type = error_of(R"({"model_type":"qwen3_moo"})");
  EXPECT_EQ(type.kind, ErrorKind::unsupported);
  EXPECT_EQ(type.nearest, "qwen3_moe");
  const Error key = error_of(config_with(R"("num_memory_layers":4)"));
  EXPECT_EQ(key.kind, ErrorKind::unsupported);
  EXPECT_THAT(key.message, testing::HasSubstr("num_memory_layers"));
  EXPECT_EQ(error_of(config_with(R"("quantization_config":{"quant_method":"aqlm"})")).kind, ErrorKind::unsupported);
}

TEST(ConfigErrors, KeysThatChangeNothingPass) {
  EXPECT_TRUE(read_config(config_with(R"("num_memory_layers":0,"initializer_range":0.02,"some_note":"layers")"), "config.json").has_value());
}

TEST(ConfigErrors, DamagedTextHasAPlace) {
  const Error broken = error_of("{\n  \"model_type\": \"llama\",\n  \"hidden_size\": }");
  EXPECT_EQ(broken.where.line, 3);
  EXPECT_EQ(error_of("[1]").kind, ErrorKind::input);
  EXPECT_EQ(error_of("").kind, ErrorKind::input);
  EXPECT_EQ(error_of(config_with(R"("head_dim":1e300)")).kind, ErrorKind::input);
  EXPECT_EQ(error_of(R"({"model_type":"llama","num_hidden_layers":2000000000})").kind, ErrorKind::input);
  EXPECT_EQ(error_of(R"({"model_type":"llama","num_hidden_layers":"many"})").kind, ErrorKind::input);
  EXPECT_EQ(error_of(R"({"model_type":"llama","num_hidden_layers":4})").kind, ErrorKind::input);
}

// Sizes no model has are told once, by the name the file gives them.
TEST(Config, SizesMustBePositive) {
  const auto error = [](const char* heads, const char* layers) {
    const auto shape = read_config(std::string(R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"vocab_size":128256,"num_key_value_heads":8,"num_attention_heads":)") +
                                       heads + R"(,"num_hidden_layers":)" + layers + "}", "neg.json");
    return shape ? std::string() : to_text(shape.error());
  };
  EXPECT_EQ(error("32", "32"), "");
  EXPECT_EQ(error("0", "32"), "neg.json:1:112: 'num_attention_heads' is 0; it must be 1 or more");
  EXPECT_EQ(error("32", "-3"), "neg.json:1:137: 'num_hidden_layers' is -3; it must be 1 or more");
}

// What is missing is told by the name files give it, what is wrong with its place, in the part that describes the language model.
TEST(ConfigErrors, SayWhatAndWhere) {
  const auto error = [](const std::string& text) { return to_text(error_of(text)); };
  const std::string llama = "{\n \"model_type\": \"llama\",\n \"hidden_size\": 64,\n \"vocab_size\": 128,\n \"num_hidden_layers\": 2";
  EXPECT_EQ(error(llama + "\n}"), "config.json: 'num_attention_heads' is missing");
  EXPECT_EQ(error(llama + ",\n \"num_attention_heads\": 4\n}"), "config.json: 'intermediate_size' is missing");
  EXPECT_EQ(error(llama + ",\n \"num_attention_heads\": 4,\n \"intermediate_size\": \"wide\"\n}"), "config.json:7:2: 'intermediate_size' must be a number");
  EXPECT_EQ(error(llama + ",\n \"num_attention_heads\": 1e12\n}"), "config.json:6:2: 'num_attention_heads' is out of range");
  EXPECT_EQ(error("{\"model_type\":\"llava\",\"hidden_size\":7,\n\"text_config\":{\"model_type\":\"llama\",\n\"hidden_size\":-1},\n\"vision_config\":{\"hidden_size\":5}}"),
            "config.json:3:1: 'hidden_size' is -1; it must be 1 or more");
  EXPECT_EQ(error("{\n\"model_type\": \"qwen3_mo\"}"), "config.json:2:1: no rule knows the model_type 'qwen3_mo' (nearest: qwen3_moe)");
  EXPECT_EQ(error("{\"text_config\":{}}"), "config.json: has no model_type: nothing says what structure this is");
}

// A part of a multimodal file leaves out what is its class's default; a file of one model alone does not.
TEST(ConfigDefaults, FillInPartsOnly) {
  EXPECT_EQ(read_config(R"({"model_type":"llava","text_config":{"model_type":"mistral","num_hidden_layers":2}})", "config.json").value().window, 4096);
  EXPECT_EQ(read_config(R"({"model_type":"llava","text_config":{"model_type":"mistral","num_hidden_layers":2,"sliding_window":null}})", "config.json").value().window, 0);
  EXPECT_EQ(error_of(R"({"model_type":"mistral","num_hidden_layers":2})").field, "hidden_size");
}

TEST(ConfigErrors, PartsWithinPartsEnd) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += R"({"text_config":)";
  text += "{}" + std::string(10'000, '}');
  EXPECT_EQ(error_of(text).kind, ErrorKind::unsupported);
}

}  // namespace
}  // namespace rigcast::model
