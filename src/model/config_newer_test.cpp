// Families of 2026 from their config.json alone: how many elements each describes, counted by hand.
#include <gtest/gtest.h>

#include <string>

#include "model/config.hpp"

namespace rigcast::model {
namespace {

Architecture read(const std::string& text) {
  static const catalog::Catalog facts = catalog::Catalog::load().value();
  const auto read = architecture_from_config(facts, text, "model/config.json");
  EXPECT_TRUE(read.has_value()) << (read ? "" : to_text(read.error()));
  return read.value_or(Architecture{});
}

// Embedding and head of 8,192 elements each, the last norm of 64.
constexpr const char* kOutside = R"("hidden_size":64,"vocab_size":128,"intermediate_size":128,"num_attention_heads":4,"max_position_embeddings":4096,"tie_word_embeddings":false)";

// Two layers of q 4,096, k and v 2,048, o 4,096, norms 32 + 128; a dense part of 24,576; a router of 256 + 4, experts of 24,576, a shared one of 6,144.
TEST(NewerConfigs, Hy3) {
  const Architecture a = read(R"({"model_type":"hy_v3",)" + std::string(kOutside) + R"(,"num_hidden_layers":2,"num_key_value_heads":2,"head_dim":16,"qk_norm":true,
    "num_experts":4,"num_experts_per_tok":2,"num_shared_experts":1,"expert_hidden_dim":32,"first_k_dense_replace":1,"num_nextn_predict_layers":1,
    "route_norm":true,"moe_router_use_sigmoid":true,"moe_router_enable_expert_bias":true})");
  EXPECT_EQ(a.elements(), 16448 + 2 * (12288 + 32 + 128) + 24576 + 260 + 24576 + 6144);
  EXPECT_EQ(a.layers.at(1).feed_forward.shared_width, 32);
}

// Two layers of latents (q_a 2,048, norm 32, q_b 1,536, kv_a 1,280, norm 16, k_b 512, v_b 768, o 3,072, norms 128) and a mixture (256 + 12,288 + 3,072).
TEST(NewerConfigs, MistralSmall4) {
  const Architecture a = read(R"({"model_type":"mistral3","text_config":{"model_type":"mistral4",)" + std::string(kOutside) + R"(,"num_hidden_layers":2,"num_key_value_heads":4,
    "q_lora_rank":32,"kv_lora_rank":16,"qk_nope_head_dim":8,"qk_rope_head_dim":4,"v_head_dim":12,"n_routed_experts":4,"num_experts_per_tok":2,"n_shared_experts":1,
    "moe_intermediate_size":16,"first_k_dense_replace":0,"n_group":1,"topk_group":1}})");
  EXPECT_EQ(a.elements(), 16448 + 2 * (9392 + 15616));
  EXPECT_EQ(a.layers.at(0).attention.kind, AttentionKind::mla);
  EXPECT_EQ(a.layers.at(0).attention.latent_dim + a.layers.at(0).attention.rope_dim, 20);
}

// One layer: q and o of 2,048, k and v of 1,024, no biases, norms 128, a router of 256 + 4, experts of 12,288, a shared one of 3,072.
TEST(NewerConfigs, SolarOpen) {
  const Architecture a = read(R"({"model_type":"solar_open",)" + std::string(kOutside) + R"(,"num_hidden_layers":1,"num_key_value_heads":2,"head_dim":8,"n_routed_experts":4,
    "num_experts_per_tok":2,"n_shared_experts":1,"moe_intermediate_size":16,"first_k_dense_replace":0,"partial_rotary_factor":1.0,"norm_topk_prob":true})");
  EXPECT_EQ(a.elements(), 16448 + 128 + 6144 + 260 + 12288 + 3072);
}

// One layer as Llama's, its head the embedding: 12,288 + 24,576 + 128.
TEST(NewerConfigs, MiniCpm) {
  const Architecture a = read(R"({"model_type":"minicpm","hidden_size":64,"vocab_size":128,"intermediate_size":128,"num_attention_heads":4,"num_key_value_heads":2,"num_hidden_layers":1,
    "max_position_embeddings":4096,"scale_emb":12,"dim_model_base":256,"scale_depth":1.4,"mup_denominator":32,"sparse_config":{"kernel_size":32}})");
  EXPECT_EQ(a.elements(), 8192 + 64 + 128 + 12288 + 24576);
  EXPECT_TRUE(a.tied_embeddings);
}

// Two layers of lightning attention (q, k, v, gate and output 5 x 4,096, norms 64 + 2 x 32), one of latents (q 2,048, kv_a 1,280, norm 16, k_b 512,
// v_b 768, o 3,072), norms 3 x 128; a dense part of 24,576, two mixtures (256 + 4, experts of 12,288, a shared one of 3,072).
TEST(NewerConfigs, Ling25) {
  const Architecture a = read(R"({"model_type":"bailing_hybrid",)" + std::string(kOutside) + R"(,"num_hidden_layers":3,"num_key_value_heads":4,"layer_group_size":3,"group_norm_size":2,
    "num_kv_heads_for_linear_attn":2,"use_qk_norm":true,"q_lora_rank":null,"kv_lora_rank":16,"qk_nope_head_dim":4,"qk_rope_head_dim":4,"v_head_dim":12,"num_experts":4,"num_experts_per_tok":2,
    "num_shared_experts":1,"moe_intermediate_size":16,"moe_shared_expert_intermediate_size":16,"first_k_dense_replace":1,"n_group":1,"topk_group":1})");
  EXPECT_EQ(a.elements(), 16448 + 2 * (5 * 4096 + 64 + 64) + (2048 + 1280 + 16 + 4 * 4 * 16 + 4 * 16 * 12 + 3072) + 3 * 128 + 24576 + 2 * (260 + 12288 + 3072));
  EXPECT_EQ(a.layers.at(0).recurrent.state_elements, 2 * 32 * 32);
  EXPECT_EQ(a.layers.at(2).attention.kind, AttentionKind::mla);
}

// One layer of Granite SWASH: q 4,096, k and v 2,048 each, o 4,096, sinks 4, norms 128; a router of 256, experts 4 x 3 x 64 x 128, a shared one of 6,144.
TEST(NewerConfigs, GraniteMoeSwa) {
  const Architecture a = read(R"({"model_type":"granitemoe_swa",)" + std::string(kOutside) + R"(,"num_hidden_layers":1,"num_key_value_heads":2,"num_local_experts":4,"num_experts_per_tok":2,
    "shared_intermediate_size":32})");
  EXPECT_EQ(a.elements(), 16448 + 12288 + 4 + 128 + 256 + 4 * 24576 + 6144);
}

// Six layers of q, k, v, o 4 x (589,824 + 768), feed-forward 4,722,432 and two norms of 1,536; 30,522 and 512 rows of 768, a norm of 1,536; published: 66,362,880.
TEST(NewerConfigs, DistilBert) {
  const Architecture a = read(R"({"model_type":"distilbert","activation":"gelu","dim":768,"hidden_dim":3072,"n_heads":12,"n_layers":6,"max_position_embeddings":512,"vocab_size":30522,"sinusoidal_pos_embds":false})");
  EXPECT_EQ(a.elements(), 66362880);
  EXPECT_TRUE(a.encoder_only);
}

// Twelve layers of 7,087,872; 30,527 and 512 rows of 768, a norm of 1,536; published: 109,486,464 with a pooler of 590,592, two more positions and a bias of 32 x 12.
TEST(NewerConfigs, Mpnet) {
  const Architecture a = read(R"({"model_type":"mpnet","hidden_act":"gelu","hidden_size":768,"intermediate_size":3072,"max_position_embeddings":514,"num_attention_heads":12,"num_hidden_layers":12,
    "pad_token_id":1,"relative_attention_num_buckets":32,"vocab_size":30527})");
  EXPECT_EQ(a.elements(), 109486464 - 590592 - 2 * 768 - 32 * 12);
}

// One layer: q and o 4,096, k and v 2,048 each, a gate of 4,096, norms 128, feed-forward 24,576.
TEST(NewerConfigs, K2Horizon) {
  const Architecture a = read(R"({"model_type":"k2_horizon",)" + std::string(kOutside) + R"(,"num_hidden_layers":1,"num_key_value_heads":2,"head_dim":16,"attention_gate_func":"softplus","query_key_norm":false,
    "layernorm_num_groups":4,"num_experts":0,"mova_num_experts":0})");
  EXPECT_EQ(a.elements(), 16448 + 12288 + 4096 + 128 + 24576);
}

// What is missing or contradicts itself is told in one line that names the key.
TEST(NewerConfigs, MalformedOnesNameTheKey) {
  struct Wrong { const char* key; std::string config; };
  const std::string sizes = std::string(kOutside) + R"(,"num_hidden_layers":2,"num_key_value_heads":2)";
  for (const Wrong& each : {
           Wrong{"cross_attention_layers", R"({"model_type":"mllama_text_model",)" + sizes + "}"},
           {"cross_attention_layers", R"({"model_type":"mllama_text_model","cross_attention_layers":[7],)" + sizes + "}"},
           {"lru_width", R"({"model_type":"recurrent_gemma","lru_width":63,)" + sizes + "}"},
           {"parallel_expert_intermediate_size", R"({"model_type":"grove_moe","num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,)" + sizes + "}"},
           {"num_experts_per_group", R"({"model_type":"grove_moe","num_experts":4,"num_experts_per_group":3,"num_experts_per_tok":2,"moe_intermediate_size":16,"parallel_expert_intermediate_size":8,)" + sizes + "}"},
           {"moe_intermediate_size", R"({"model_type":"ernie4_5_moe_vl","moe_num_experts":[4,4],"moe_intermediate_size":[16],"moe_k":2,)" + sizes + "}"},
           {"attention_kv_lora_dim", R"({"model_type":"pangu_ultra_moe","num_routed_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,)" + sizes + "}"},
           {"mamba_num_heads", R"({"model_type":"plamo2","hidden_size_per_head":16,)" + sizes + "}"},
           {"hybrid_layer_ids", R"({"model_type":"zamba2","n_mamba_heads":2,"mamba_headdim":64,)" + sizes + "}"},
           {"norm_bias", R"({"model_type":"modernbert","norm_bias":true,)" + sizes + "}"},
           {"mova_num_experts_per_tok", R"({"model_type":"k2_horizon","num_experts":4,"mova_num_experts":4,)" + sizes + "}"},
           {"mlp_only_layers", R"({"model_type":"k2_horizon","num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,"mlp_only_layers":[1],)" + sizes + "}"},
           {"q_lora_rank", R"({"model_type":"axk2","kv_lora_rank":16,"qk_nope_head_dim":4,"qk_rope_head_dim":4,"v_head_dim":4,"n_routed_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,)" + sizes + "}"},
           {"d_rel", R"({"model_type":"inkling_text","n_routed_experts":4,"num_experts_per_tok":2,"swa_num_key_value_heads":2,)" + sizes + "}"},
           {"num_hidden_layers", R"({"model_type":"phi4flash","sliding_window":8,)" + sizes + "}"},
           {"kv_source_layer_ids", R"({"model_type":"deepseek_v41","compress_ratios":[0,2],"sliding_window":8,"q_lora_rank":32,"o_lora_rank":8,"o_groups":2,"head_dim":16,)" + sizes + "}"},
       }) {
    const auto read = read_config(each.config, "config.json");
    ASSERT_FALSE(read.has_value()) << each.config;
    EXPECT_EQ(read.error().field, each.key) << to_text(read.error());
    EXPECT_EQ(to_text(read.error()).find('\n'), std::string::npos);
  }
}

// Qwen3-ASR 0.6B: its language model is Qwen3 0.6B, 596,049,920 weights; 938 M published have the head once more and the encoder for sound (github.com/antirez/qwen-asr, MODEL.md; 2026-11).
TEST(NewerConfigs, WhatOnlyHearsHasItsEncoder) {
  const Architecture a = read(R"({"model_type":"qwen3_asr","thinker_config":{"model_type":"qwen3_asr","audio_config":{"model_type":"qwen3_asr_audio_encoder","d_model":896,"encoder_layers":18,
      "encoder_attention_heads":14,"encoder_ffn_dim":3584,"downsample_hidden_size":480,"num_mel_bins":128,"output_dim":1024},"text_config":{"hidden_size":1024,"intermediate_size":3072,
      "num_hidden_layers":28,"num_attention_heads":16,"num_key_value_heads":8,"head_dim":128,"vocab_size":151936,"max_position_embeddings":65536,"tie_word_embeddings":true}}})");
  EXPECT_EQ(a.family, "qwen3");
  EXPECT_EQ(a.parameters(), 596049920);
  EXPECT_EQ(a.elements() - a.parameters(), 186376192);
}

TEST(NewerConfigs, TextPartsOfWhatSeesAndHears) {
  const std::string sizes = std::string(kOutside) + R"(,"num_hidden_layers":1,"num_key_value_heads":2)";
  EXPECT_EQ(read(R"({"model_type":"glm4v","text_config":{"model_type":"glm4v_text","attention_bias":true,)" + sizes + "}}").family, "glm4");
  EXPECT_EQ(read(R"({"model_type":"qwen2_5_omni","thinker_config":{"model_type":"qwen2_5_omni_thinker","text_config":{"model_type":"qwen2_5_omni_text",)" + sizes + "}}}").family, "qwen2vl");
}

}  // namespace
}  // namespace rigcast::model
