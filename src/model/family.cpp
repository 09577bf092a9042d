#include "model/family.hpp"

#include <algorithm>
#include <array>

namespace rigcast::model {
namespace {

using N = FeedForwardNorm;

// Sorted by name. What is not said is the plain Llama block: RMS norms, separate q, k, v, gated feed-forward, no biases.
// Source: the tensors llama.cpp loads for each architecture (src/models/*.cpp, 2026-11), held against real headers by the tests.
constexpr std::array kFamilies = {
    Family{"afmoe", {.qk_norm = QkNorm::head, .post_attention_norm = true, .post_ffn_norm = true, .output_gate = true, .router_correction = true}},
    Family{"apertus", {.gated = false, .qk_norm = QkNorm::head}, 80},
    Family{"arcee", {.gated = false, .rope_factors = true}},
    Family{"baichuan", {}},
    Family{"bailingmoe", {}},
    Family{"bailingmoe2", {.fused_qkv = true, .qk_norm = QkNorm::head, .router_correction = true}},
    Family{"bloom", {.fused_qkv = true, .gated = false, .qkv_bias = true, .attention_output_bias = true, .ffn_bias = true, .norm_bias = true,
                     .embedding_norm = true}},
    Family{"chatglm", {.fused_qkv = true, .fused_gate_up = true, .qkv_bias = true}},
    Family{"cohere2", {.ffn_norm = N::none}},
    Family{"command-r", {.ffn_norm = N::none}},
    Family{"dbrx", {.fused_qkv = true, .ffn_norm = N::attn_output_norm}},
    Family{"deci", {.rope_factors = true}, 80},
    Family{"deepseek", {}},
    Family{"deepseek2", {.router_correction = true}},
    Family{"deepseek32", {.router_correction = true}},
    Family{"deepseek4", {.router_correction = true}},
    Family{"dots1", {.qk_norm = QkNorm::head, .router_correction = true}},
    Family{"dots3note", {.head_gate = true, .router_correction = true}},
    Family{"ernie4_5", {}},
    Family{"ernie4_5-moe", {.router_correction = true}},
    Family{"exaone", {.rope_factors = true}},
    Family{"exaone4", {.qk_norm = QkNorm::head, .attention_norm = false, .ffn_norm = N::none, .post_attention_norm = true, .post_ffn_norm = true,
                       .rope_factors = true}},
    Family{"falcon", {.fused_qkv = true, .gated = false, .norm_bias = true, .ffn_norm = N::none}},
    Family{"falcon-h1", {}},
    Family{"gemma", {}},
    Family{"gemma2", {.post_attention_norm = true, .post_ffn_norm = true, .attention_softcap = 50}},
    Family{"gemma3", {.qk_norm = QkNorm::head, .post_attention_norm = true, .post_ffn_norm = true}},
    Family{"gemma3n", {.qk_norm = QkNorm::head, .post_attention_norm = true, .post_ffn_norm = true}},
    Family{"gemma4", {.fused_expert_gate_up = true, .qk_norm = QkNorm::head, .post_attention_norm = true, .post_ffn_norm = true,
                      .shared_expert_beside_dense = true, .rope_factors = true, .layer_scale = true}},
    Family{"glm-dsa", {.router_correction = true}},
    Family{"glm4", {.fused_gate_up = true, .post_attention_norm = true, .post_ffn_norm = true}},
    Family{"glm4moe", {.qkv_bias = true, .ffn_norm = N::post_attention_norm, .router_correction = true}},
    Family{"glm5-next", {.router_correction = true}},
    Family{"gpt-oss", {.qkv_bias = true, .attention_output_bias = true, .ffn_norm = N::post_attention_norm, .sinks = true, .router_bias = true,
                       .expert_bias = true}},
    Family{"gpt2", {.fused_qkv = true, .gated = false, .qkv_bias = true, .attention_output_bias = true, .ffn_bias = true, .norm_bias = true,
                    .learned_positions = true}},
    Family{"gptj", {.gated = false, .ffn_bias = true, .norm_bias = true, .head_bias = true, .ffn_norm = N::none}},
    Family{"granite", {}},
    Family{"granitehybrid", {}},
    Family{"granitemoe", {}},
    Family{"hunyuan-dense", {.qk_norm = QkNorm::head}},
    Family{"hunyuan-moe", {.qk_norm = QkNorm::head}},
    Family{"hy_v3", {.qk_norm = QkNorm::head, .router_correction = true}},
    Family{"hy_v4", {.output_gate = true, .sinks = true, .router_correction = true}},
    Family{"internlm2", {}},
    Family{"jamba", {}},
    Family{"kimi-linear", {.router_correction = true}},
    Family{"laguna", {.qk_norm = QkNorm::head, .head_gate = true, .router_correction = true}},
    Family{"lfm2", {.qk_norm = QkNorm::head}},
    Family{"lfm2moe", {.qk_norm = QkNorm::head, .router_correction = true}},
    Family{"llama", {}, 80},
    Family{"llama4", {}},
    Family{"mimo2", {.sinks = true, .router_correction = true}},
    Family{"minicpm", {}},
    Family{"minimax-01", {}},
    Family{"minimax-m2", {.qk_norm = QkNorm::full, .router_correction = true}},
    Family{"minimax-m3", {.qk_norm = QkNorm::head, .router_correction = true}},
    Family{"mistral3", {}},
    Family{"mistral4", {}},
    Family{"nemotron", {.gated = false, .norm_bias = true}},
    Family{"nemotron_h", {.gated = false, .ffn_norm = N::none}},
    Family{"nemotron_h_moe", {.gated = false, .ffn_norm = N::none, .router_correction = true}},
    Family{"olmo", {.norm_weights = false}},
    Family{"olmo2", {.qk_norm = QkNorm::full, .attention_norm = false, .ffn_norm = N::none, .post_attention_norm = true, .post_ffn_norm = true}},
    Family{"olmoe", {.qk_norm = QkNorm::full}},
    Family{"opt", {.gated = false, .qkv_bias = true, .attention_output_bias = true, .ffn_bias = true, .norm_bias = true,
                   .learned_positions = true}},
    Family{"phi2", {.fused_qkv = true, .gated = false, .qkv_bias = true, .attention_output_bias = true, .ffn_bias = true, .norm_bias = true,
                    .head_bias = true, .ffn_norm = N::none}},
    Family{"phi3", {.fused_qkv = true, .fused_gate_up = true}},
    Family{"phimoe", {.qkv_bias = true, .attention_output_bias = true, .norm_bias = true, .head_bias = true}},
    Family{"qwen", {.fused_qkv = true, .qkv_bias = true}},
    Family{"qwen2", {.qkv_bias = true}, 80},
    Family{"qwen2moe", {.qkv_bias = true, .shared_expert_gate = true}},
    Family{"qwen2vl", {.qkv_bias = true}},
    Family{"qwen3", {.qk_norm = QkNorm::head}},
    Family{"qwen35", {.qk_norm = QkNorm::head, .ffn_norm = N::post_attention_norm, .query_gate = true}},
    Family{"qwen35moe", {.qk_norm = QkNorm::head, .ffn_norm = N::post_attention_norm, .query_gate = true, .shared_expert_gate = true}},
    Family{"qwen3moe", {.qk_norm = QkNorm::head}},
    Family{"qwen3next", {.qk_norm = QkNorm::head, .ffn_norm = N::post_attention_norm, .query_gate = true, .shared_expert_gate = true}},
    Family{"qwen3vl", {.qk_norm = QkNorm::head}},
    Family{"qwen3vlmoe", {.qk_norm = QkNorm::head}},
    Family{"qwen4exp", {.qk_norm = QkNorm::head, .attention_norm = false, .ffn_norm = N::none, .query_gate = true, .shared_expert_gate = true}},
    Family{"rwkv7", {.gated = false, .norm_bias = true, .ffn_norm = N::none, .embedding_norm = true, .second_attention_norm = true}},
    Family{"seed_oss", {.qkv_bias = true, .ffn_norm = N::post_attention_norm}},
    Family{"smollm3", {}},
    Family{"stablelm", {.norm_bias = true}},
    Family{"starcoder2", {.gated = false, .qkv_bias = true, .attention_output_bias = true, .ffn_bias = true, .norm_bias = true}},
    Family{"step35", {.qk_norm = QkNorm::head, .head_gate = true, .router_correction = true}},
};

constexpr bool is_sorted() {
  for (std::size_t i = 1; i < kFamilies.size(); ++i)
    if (!(kFamilies[i - 1].name < kFamilies[i].name)) return false;
  return true;
}
static_assert(is_sorted(), "find_family searches by halves");

}  // namespace

std::span<const Family> families() { return kFamilies; }

const Family* find_family(std::string_view name) {
  const auto at = std::lower_bound(kFamilies.begin(), kFamilies.end(), name, [](const Family& f, std::string_view n) { return f.name < n; });
  return at != kFamilies.end() && at->name == name ? &*at : nullptr;
}

}  // namespace rigcast::model
