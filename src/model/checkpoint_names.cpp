// The words by which checkpoints name their tensors: "model.layers.3.mlp.experts.17.gate_proj.weight".

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "model/safetensors_architecture.hpp"

namespace rigcast::model {
namespace {

// How a rule's word stands in the segments between the dots.
enum class At {
  any,      // some segment is the word
  last,     // the last segment before ".weight" and its like is the word
  begins,   // some segment begins with it
  ends,     // the last segment ends with it
  within,   // the last segment contains it
};
struct Rule { std::string_view word; At at; Role role; };

// Towers and projectors beside the language model, anywhere in a name.
constexpr auto kTowerNames = std::to_array<std::string_view>({
    "visual", "vision_tower", "vision_model", "vision_encoder", "vision_embed_tokens", "vision_adapter", "vision_language_adapter", "vit", "vit_large_projector",
    "multi_modal_projector", "mm_projector", "image_newline", "patch_merger", "audio_tower", "audio_encoder", "audio_model", "embed_vision", "embed_audio",
    "speech_encoder", "speech_projector", "token2wav", "talker", "resampler", "vpm", "apm", "aligner", "img_projector", "img_processor",
});

// Within a layer, the first rule that fits decides.
constexpr auto kInLayer = std::to_array<Rule>({
    {"eh_proj", At::last, Role::next_token},
    {"enorm", At::last, Role::next_token},
    {"hnorm", At::last, Role::next_token},
    {"shared_head", At::any, Role::next_token},
    {"embed_tokens", At::last, Role::next_token},
    {"e_score_correction_bias", At::last, Role::norm},
    {"moe_statics", At::any, Role::norm},
    {"shared_expert_gate", At::any, Role::router},
    {"shared_expert", At::begins, Role::shared_expert_ffn},
    {"share_expert", At::begins, Role::shared_expert_ffn},
    {"shared_mlp", At::any, Role::shared_expert_ffn},
    {"_latent_proj", At::ends, Role::shared_expert_ffn},
    {"experts", At::any, Role::expert_ffn},
    {"router", At::any, Role::router},
    {"wg", At::last, Role::router},
    {"norm", At::within, Role::norm},
    {"ln_", At::begins, Role::norm},
    {"ln1", At::last, Role::norm},
    {"ln2", At::last, Role::norm},
    {"sinks", At::last, Role::norm},
    {"layer_scalar", At::last, Role::norm},
    {"input_linear", At::last, Role::expert_ffn},     // Granite MoE; its shared_mlp is told apart above
    {"output_linear", At::last, Role::expert_ffn},
    {"gate", At::last, Role::router},                 // mlp.gate, block_sparse_moe.gate, mixer.gate; gate_proj is another word
    {"mamba", At::any, Role::recurrent},
    {"linear_attn", At::any, Role::recurrent},
    {"conv", At::any, Role::recurrent},
    {"att", At::any, Role::recurrent},                // RWKV's time mixing
    {"A_log", At::last, Role::recurrent},
    {"D", At::last, Role::recurrent},
    {"dt_bias", At::last, Role::recurrent},
    {"conv1d", At::ends, Role::recurrent},
    {"in_proj", At::last, Role::recurrent},
    {"self_attn", At::any, Role::attention},
    {"self_attention", At::any, Role::attention},
    {"attention", At::any, Role::attention},
    {"attn", At::any, Role::attention},
    {"q_proj", At::last, Role::attention},
    {"k_proj", At::last, Role::attention},
    {"v_proj", At::last, Role::attention},
    {"o_proj", At::last, Role::attention},
    {"out_proj", At::last, Role::recurrent},          // Nemotron-H's mixer; attention's stands below self_attn
    {"mlp", At::any, Role::dense_ffn},
    {"feed_forward", At::any, Role::dense_ffn},
    {"ffn", At::any, Role::dense_ffn},
    {"up_proj", At::last, Role::dense_ffn},
    {"down_proj", At::last, Role::dense_ffn},
    {"gate_proj", At::last, Role::dense_ffn},
    {"altup", At::any, Role::dense_ffn},
    {"laurel", At::any, Role::dense_ffn},
    {"per_layer_input_gate", At::last, Role::dense_ffn},
    {"per_layer_projection", At::last, Role::dense_ffn},
    {"inv_freq", At::last, Role::other},
});

constexpr auto kOutsideLayers = std::to_array<Rule>({
    {"inv_freq", At::last, Role::other},
    {"embed_tokens_per_layer", At::last, Role::per_layer_embedding},
    {"per_layer_model_projection", At::last, Role::dense_ffn},
    {"per_layer_projection_norm", At::last, Role::norm},
    {"altup", At::begins, Role::dense_ffn},
    {"norm", At::within, Role::norm},
    {"ln_f", At::last, Role::norm},
    {"ln_out", At::last, Role::norm},
    {"embed_tokens", At::last, Role::token_embedding},
    {"tok_embeddings", At::last, Role::token_embedding},
    {"word_embeddings", At::last, Role::token_embedding},
    {"position_embeddings", At::last, Role::token_embedding},
    {"token_type_embeddings", At::last, Role::token_embedding},
    {"embeddings", At::last, Role::token_embedding},
    {"embedding", At::last, Role::token_embedding},
    {"embed_in", At::last, Role::token_embedding},
    {"wte", At::last, Role::token_embedding},
    {"wpe", At::last, Role::token_embedding},
    {"lm_head", At::last, Role::output_head},
    {"output_layer", At::last, Role::output_head},
    {"embed_out", At::last, Role::output_head},
    {"output", At::last, Role::output_head},
    {"head", At::last, Role::output_head},
});

// Segments after which a layer's number stands.
constexpr auto layer_words = std::to_array<std::string_view>({"layers", "h", "blocks", "block", "layer"});

// What a module stores: its weight, or packed weight with scales, zero points and tables beside it. Dropped from the end of a name.
constexpr auto stored_words = std::to_array<std::string_view>({
    "weight", "bias", "qweight", "qzeros", "scales", "g_idx", "weight_packed", "weight_scale", "weight_scale_inv", "weight_scale_2", "weight_shape",
    "weight_zero_point", "weight_g_idx", "input_scale", "output_scale", "k_scale", "v_scale", "q_scale", "biases", "absmax", "quant_map", "nested_absmax",
    "nested_quant_map", "bitsandbytes__nf4", "bitsandbytes__fp4", "quant_state", "SCB", "trellis", "suh", "svh", "mcg", "mul1", "blocks", "input_global_scale",
    "weight_global_scale", "weight_global_scale_inv",
});

template <class Words>
bool is_one_of(const Words& words, std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); }

bool fits(const Rule& rule, const std::vector<std::string_view>& segments) {
  const std::string_view last = segments.back();
  switch (rule.at) {
    case At::any: return is_one_of(segments, rule.word);
    case At::last: return last == rule.word;
    case At::begins: return std::any_of(segments.begin(), segments.end(), [&](std::string_view s) { return s.starts_with(rule.word); });
    case At::ends: return last.ends_with(rule.word);
    case At::within: return last.find(rule.word) != std::string_view::npos;
  }
  return false;
}

template <class Rules>
std::optional<Role> first_fit(const Rules& rules, const std::vector<std::string_view>& segments) {
  for (const Rule& rule : rules)
    if (fits(rule, segments)) return rule.role;
  return std::nullopt;
}

std::optional<int> number(std::string_view segment) {
  int value = 0;
  const auto [end, problem] = std::from_chars(segment.data(), segment.data() + segment.size(), value);
  if (problem != std::errc{} || end != segment.data() + segment.size() || value < 0) return std::nullopt;
  return value;
}

// "gate_up_proj_blocks" (packed experts of gpt-oss) -> "gate_up_proj".
std::string_view without_packing(std::string_view segment) {
  for (const std::string_view tail : {"_blocks", "_scales", "_bias", "_scale_inv", "_scale"})
    if (segment.size() > tail.size() && segment.ends_with(tail)) return segment.substr(0, segment.size() - tail.size());
  return segment;
}

}  // namespace

std::optional<CheckpointPart> part_of_checkpoint(std::string_view name) {
  std::vector<std::string_view> segments = split(name, '.');
  const bool tower = std::any_of(segments.begin(), segments.end(), [](std::string_view s) { return is_one_of(kTowerNames, s); });
  if (tower) return CheckpointPart{kInputLayer, Role::vision};
  if (is_one_of(segments, "mtp")) return CheckpointPart{kInputLayer, Role::next_token};
  const bool is_bias = segments.back() == "bias";
  while (segments.size() > 1 && is_one_of(stored_words, segments.back())) segments.pop_back();
  if (segments.size() > 1 && is_one_of(segments, "experts")) segments.back() = without_packing(segments.back());

  for (std::size_t i = 0; i + 2 < segments.size(); ++i) {
    const auto layer = is_one_of(layer_words, segments[i]) ? number(segments[i + 1]) : std::nullopt;
    if (!layer) continue;
    const std::vector<std::string_view> rest(segments.begin() + static_cast<std::ptrdiff_t>(i) + 2, segments.end());
    const auto role = first_fit(kInLayer, rest);
    if (!role) return std::nullopt;
    // A bias is a small vector whatever it belongs to; those of experts stay with them.
    return CheckpointPart{*layer, is_bias && *role != Role::expert_ffn ? Role::norm : *role};
  }
  const auto role = first_fit(kOutsideLayers, segments);
  if (!role) return std::nullopt;
  return CheckpointPart{kInputLayer, is_bias ? Role::norm : *role};
}

}  // namespace rigcast::model
