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

TEST(NewerConfigs, TextPartsOfWhatSeesAndHears) {
  const std::string sizes = std::string(kOutside) + R"(,"num_hidden_layers":1,"num_key_value_heads":2)";
  EXPECT_EQ(read(R"({"model_type":"glm4v","text_config":{"model_type":"glm4v_text","attention_bias":true,)" + sizes + "}}").family, "glm4");
  EXPECT_EQ(read(R"({"model_type":"qwen2_5_omni","thinker_config":{"model_type":"qwen2_5_omni_thinker","text_config":{"model_type":"qwen2_5_omni_text",)" + sizes + "}}}").family, "qwen2vl");
}

}  // namespace
}  // namespace rigcast::model
