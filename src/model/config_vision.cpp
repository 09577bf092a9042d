// Towers for pictures (and sound, where both are loaded) by what config.json says of them: their weights in numbers, for engines that load them beside the language model.
//
// Worked example, Qwen2.5-VL 7B: patches 3 x 2 x 14 x 14 x 1280 = 1,505,280; 32 blocks of (4 x 1280^2 + 3 x 1280 x 3420 matrices and their
// biases and norms) = 630,470,400; merger 5120 x 5120 + 5120 x 3584 and so on = 44,574,464; in all 676,550,144, which the model card has.
//
// Sources: modeling_*.py of Hugging Face transformers (2026-11), and the tensors of published checkpoints where a class is not in it (Kimi,
// MiniMax, MiniCPM, dots). config_vision_test.cpp holds each against a published count.

#include "model/detail/config_vision.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace rigcast::model::detail {
namespace {

double product(std::int64_t in, std::int64_t out) { return static_cast<double>(in) * static_cast<double>(out); }
double layer(std::int64_t in, std::int64_t out) { return product(in, out) + static_cast<double>(out); }   // with its bias
double linear(bool bias, std::int64_t in, std::int64_t out) { return bias ? layer(in, out) : product(in, out); }

// What nearly all say, and the two objects for what only one says.
struct Tower {
  ConfigReader& vision;
  ConfigReader& model;   // the object around it
  std::int64_t hidden, ffn, depth, channels, patch, side, frames, merge;
  std::int64_t text;     // width of the language model

  std::int64_t number(std::initializer_list<std::string_view> names, int otherwise = 0) const { return vision.integer(names, otherwise); }
  std::int64_t pixels() const { return channels * frames * patch * patch; }
  std::int64_t grid() const { const std::int64_t across = patch > 0 ? side / patch : 0; return across * across; }
  std::int64_t merged() const { return hidden * merge * merge; }
  double width() const { return static_cast<double>(hidden); }
  double stacked(double block) const { return block * static_cast<double>(depth); }
};

// Blocks as the first vision transformers had them: two norms, and biases everywhere.
double plain_blocks(const Tower& t) { return t.stacked(4 * layer(t.hidden, t.hidden) + layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + 4 * t.width()); }
// Blocks as in language models: two norms and a gated feed-forward part of this width, without biases.
double gated_blocks(const Tower& t, std::int64_t ffn) { return t.stacked(4 * product(t.hidden, t.hidden) + 3 * product(t.hidden, ffn) + 2 * t.width()); }

double qwen_merger(const Tower& t, std::int64_t out, double norm) { return norm + layer(t.merged(), t.merged()) + layer(t.merged(), out); }

double qwen2_vl(const Tower& t) {
  Tower own = t;   // hidden_size is there what the merger leaves
  own.hidden = t.number({"embed_dim"}, 1280);
  own.ffn = own.hidden * t.number({"mlp_ratio"}, 4);
  return product(own.pixels(), own.hidden) + plain_blocks(own) + qwen_merger(own, t.number({"hidden_size"}, static_cast<int>(t.text)), 2 * own.width());
}

double qwen25_vl(const Tower& t) {
  const double block = 4 * layer(t.hidden, t.hidden) + 2 * layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + 2 * t.width();
  return product(t.pixels(), t.hidden) + t.stacked(block) + qwen_merger(t, t.number({"out_hidden_size"}, static_cast<int>(t.text)), t.width());
}

// Learnt positions, and mergers of inner layers where there are any.
double qwen3_vl(const Tower& t) {
  const std::int64_t out = t.number({"out_hidden_size"}, static_cast<int>(t.text));
  const auto inner = static_cast<double>(t.vision.integers({"deepstack_visual_indexes"}).size());
  return layer(t.pixels(), t.hidden) + product(t.number({"num_position_embeddings"}), t.hidden) + plain_blocks(t) + qwen_merger(t, out, 2 * t.width()) +
         inner * qwen_merger(t, out, 2 * static_cast<double>(t.merged()));
}

double siglip(const Tower& t) { return layer(t.pixels(), t.hidden) + product(t.grid(), t.hidden) + plain_blocks(t) + 2 * t.width(); }
double gemma3(const Tower& t) { return siglip(t) + product(t.hidden, t.text) + t.width(); }
double paligemma(const Tower& t) { return siglip(t) + layer(t.hidden, t.number({"projection_dim"}, static_cast<int>(t.text))); }

double idefics3(const Tower& t) {
  const std::int64_t scale = std::min(16, t.model.integer({"scale_factor"}, 2));
  return siglip(t) + product(t.hidden * scale * scale, t.text);
}

// So many queries gather the picture's patches.
double minicpm_v(const Tower& t) {
  const double out = static_cast<double>(t.text);
  const double resampler = product(t.model.integer({"query_num"}, 64), t.text) + product(t.hidden, t.text) + 4 * layer(t.text, t.text) + product(t.text, t.text) + 6 * out;
  return siglip(t) + resampler;
}

double clip(const Tower& t) { return product(t.pixels(), t.hidden) + product(t.grid() + 2, t.hidden) + plain_blocks(t) + 4 * t.width(); }   // + 2: the class, and its position
double pixtral(const Tower& t) { return product(t.pixels(), t.hidden) + gated_blocks(t, t.ffn) + t.width(); }

double llava(const Tower& t) {
  const std::string kind = t.vision.text({"model_type"});
  const double tower = kind == "clip_vision_model" ? clip(t) : kind == "pixtral" ? pixtral(t) : kind == "siglip_vision_model" ? siglip(t) : 0;
  const bool bias = t.model.flag({"multimodal_projector_bias"}, true);
  return tower > 0 ? tower + linear(bias, t.hidden, t.text) + linear(bias, t.text, t.text) : 0;
}
double llava_next(const Tower& t) { return llava(t) + static_cast<double>(t.text); }   // an embedding ends each row

double mistral3(const Tower& t) {
  const bool bias = t.model.flag({"multimodal_projector_bias"});
  return pixtral(t) + t.width() + product(t.merged(), t.hidden) + linear(bias, t.hidden, t.text) + linear(bias, t.text, t.text);
}

double llama4(const Tower& t) {
  const std::int64_t narrow = t.number({"projector_input_dim"}, 4096), out = t.number({"projector_output_dim"}, 4096);
  return clip(t) + product(t.merged(), narrow) + product(narrow, out) + linear(t.vision.flag({"multi_modal_projector_bias"}), t.number({"vision_output_dim"}, static_cast<int>(out)), t.text);
}

double internvl(const Tower& t) {
  const bool bias = t.vision.flag({"attention_bias", "qkv_bias"}), rms = t.vision.text({"norm_type"}, "layer_norm") == "rms_norm", normed = t.vision.flag({"use_qk_norm", "qk_normalization"});
  const double norms = (rms ? 2 : 4) + (normed ? 2 : 0), scales = 2;
  const double block = 3 * linear(bias, t.hidden, t.hidden) + layer(t.hidden, t.hidden) + layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + (norms + scales) * t.width();
  return layer(t.pixels(), t.hidden) + product(t.grid() + 2, t.hidden) + t.stacked(block) + 2 * static_cast<double>(t.merged()) + layer(t.merged(), t.text) + layer(t.text, t.text);
}

// The feed-forward parts of its blocks are as wide as what the merger leaves; the merger has one of intermediate_size.
double glm4v(const Tower& t) {
  const std::int64_t out = t.number({"out_hidden_size"}, static_cast<int>(t.text));
  return layer(t.pixels(), t.hidden) + product(t.grid(), t.hidden) + 2 * t.width() + gated_blocks(t, out) + layer(t.merged(), out) + product(out, out) + 2 * static_cast<double>(out) +
         3 * product(out, t.ffn);
}

std::int64_t kimi_positions(const Tower& t) { return t.number({"init_pos_emb_height", "pos_emb_height"}, 64) * t.number({"init_pos_emb_width", "pos_emb_width"}, 64); }

double kimi(const Tower& t) {
  return layer(t.pixels(), t.hidden) + product(kimi_positions(t), t.hidden) + plain_blocks(t) + 2 * t.width() + 2 * t.width() + layer(t.merged(), t.merged()) + layer(t.merged(), t.text);
}

// Without biases, its heads wider than the stream.
double kimi_k3(const Tower& t) {
  const double block = 4 * product(t.hidden, t.number({"qkv_hidden_size"}, static_cast<int>(t.hidden))) + 2 * product(t.hidden, t.ffn) + 2 * t.width();
  return product(t.pixels(), t.hidden) + product(kimi_positions(t), t.hidden) + t.stacked(block) + t.width() + product(t.merged(), t.merged()) + product(t.merged(), t.text) + static_cast<double>(t.text);
}

double minimax_m3(const Tower& t) {
  const std::int64_t wide = t.model.integer({"projector_hidden_size"}, static_cast<int>(t.text));
  return product(t.pixels(), t.hidden) + plain_blocks(t) + 2 * t.width() + layer(t.hidden, wide) + layer(wide, t.text) + layer(t.text * t.merge * t.merge, wide) + layer(wide, t.text);
}

// A conformer: two feed-forward parts, attention with relative positions and a convolution in each layer.
double gemma4_sound(const Tower& t) {
  const nlohmann::json* heard = t.model.object("audio_config");
  if (!heard) return 0;
  ConfigReader audio(*heard, t.model.file());
  const std::vector<int> channels = audio.integers({"subsampling_conv_channels"});
  const std::int64_t a = audio.integer({"hidden_size"}, 1024), heads = std::max(1, audio.integer({"num_attention_heads"}, 8)), out = audio.integer({"output_proj_dims"}, 1536);
  const std::int64_t first = channels.size() > 1 ? channels[0] : 128, second = channels.size() > 1 ? channels[1] : 32;
  const double wide = static_cast<double>(a), begin = 9 * static_cast<double>(first) + 9 * product(first, second) + static_cast<double>(first + second) + product(first / 4 * second, a);
  const double block = 2 * (2 * product(a, 4 * a) + 2 * wide) + 5 * product(a, a) + static_cast<double>(a / heads) + 3 * product(a, a) + (audio.integer({"conv_kernel_size"}, 5) + 5) * wide;
  return begin + audio.integer({"num_hidden_layers"}, 12) * block + layer(a, out) + product(out, t.text);
}

double gemma4(const Tower& t) {
  const std::int64_t head = t.number({"head_dim"}, 64), out = t.number({"num_attention_heads"}, 12) * head, kept = t.number({"num_key_value_heads"}, 12) * head;
  const double block = 2 * product(t.hidden, out) + 2 * product(t.hidden, kept) + 3 * product(t.hidden, t.ffn) + 4 * t.width() + 2 * static_cast<double>(head);
  const double standardised = t.vision.flag({"standardize"}) ? 2 * t.width() : 0;
  return product(t.pixels(), t.hidden) + 2 * product(t.number({"position_embedding_size"}, 10240), t.hidden) + t.stacked(block) + standardised + product(t.hidden, t.text) + gemma4_sound(t);
}

// Embeddings of the tiles' shapes and of positions in all tiles, then as many gated blocks as global layers; states of inner layers join the last.
double mllama(const Tower& t) {
  const nlohmann::json* listed = t.vision.raw("supported_aspect_ratios");
  const std::int64_t shapes = 1 + (listed != nullptr && listed->is_array() && listed->size() < 256 ? static_cast<std::int64_t>(listed->size()) : 8);
  const std::int64_t tiles = t.number({"max_num_tiles"}, 4), global = t.number({"num_global_layers"}, 8);
  const double block = 4 * product(t.hidden, t.hidden) + layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + 4 * t.width();
  const double positions = product(t.grid() + 1, t.hidden) + product(shapes, tiles * (t.grid() + 1) * t.hidden), tile = 2 * product(shapes, tiles * t.hidden);
  return product(t.pixels(), t.hidden) + t.width() + positions + tile + 4 * t.width() + t.stacked(block) + static_cast<double>(global) * (block + 2) + 3 + layer(t.number({"vision_output_dim"}, 7680), t.text);
}

// Qwen 2 VL's blocks; neighbours in the picture and then in time are joined before one matrix.
double ernie_vl(const Tower& t) {
  Tower own = t;
  own.ffn = own.hidden * t.number({"mlp_ratio"}, 4);
  const std::int64_t side = t.model.integer({"spatial_conv_size"}, 2), times = t.model.integer({"temporal_conv_size"}, 2), joined = own.hidden * side * side;
  const double normed = layer(joined, joined) + 2 * static_cast<double>(joined);
  return product(own.pixels(), own.hidden) + plain_blocks(own) + 2 * own.width() + layer(joined, joined) + normed + layer(joined * times, joined) + normed + layer(joined, t.text) + static_cast<double>(t.text);
}

double dots_ocr(const Tower& t) {
  return layer(t.pixels(), t.hidden) + 2 * t.width() + gated_blocks(t, t.ffn) + 2 * t.width() + layer(t.merged(), t.merged()) + layer(t.merged(), t.text);
}

// Two convolutions of 3 x 3 halve the picture and double its channels before one matrix.
double step3p7(const Tower& t) {
  const auto ffn = static_cast<std::int64_t>(static_cast<double>(t.hidden) * t.vision.number({"mlp_ratio"}, 8960.0 / 1536) + 0.5);
  const double block = 4 * layer(t.hidden, t.hidden) + layer(t.hidden, ffn) + layer(ffn, t.hidden) + 6 * t.width(), convolved = (18 + 72) * product(t.hidden, t.hidden) + (2 + 4) * t.width();
  return product(t.pixels(), t.hidden) + product(t.grid(), t.hidden) + 2 * t.width() + t.stacked(block) + convolved + linear(t.model.flag({"projector_bias"}), 4 * t.hidden, t.text);
}

// What a class leaves out of its config, where that differs from the usual.
struct TowerDefaults { int hidden = 0, ffn = 0, depth = 0, patch = 0, side = 0, frames = 1, merge = 2; };
struct TowerKind { std::string_view model_type; double (*elements)(const Tower&); TowerDefaults usual = {}; };

// In order of name; a type that is none of them is not known.
constexpr std::array kTowers = {
    TowerKind{"dots_ocr", dots_ocr},
    TowerKind{"ernie4_5_moe_vl", ernie_vl, {.hidden = 1280, .ffn = 5120, .depth = 32, .patch = 14}},
    TowerKind{"gemma3", gemma3, {.side = 896}},
    TowerKind{"gemma4", gemma4, {.hidden = 768, .ffn = 3072, .depth = 16, .patch = 16}},
    TowerKind{"glm4v", glm4v, {.side = 336, .frames = 2}},
    TowerKind{"glm4v_moe", glm4v, {.side = 336, .frames = 2}},
    TowerKind{"idefics3", idefics3},
    TowerKind{"internvl", internvl, {.hidden = 1024, .ffn = 4096, .depth = 24, .patch = 14, .side = 448}},
    TowerKind{"internvl_chat", internvl, {.patch = 14, .side = 448}},
    TowerKind{"kimi_k25", kimi, {.hidden = 1152, .ffn = 4304, .depth = 27, .patch = 14}},
    TowerKind{"kimi_k3", kimi_k3},
    TowerKind{"kimi_vl", kimi, {.hidden = 1152, .ffn = 4304, .depth = 27, .patch = 14}},
    TowerKind{"llama4", llama4, {.ffn = 5632, .depth = 34, .patch = 14, .side = 448}},
    TowerKind{"llava", llava, {.hidden = 1024, .ffn = 4096, .depth = 24, .patch = 16, .side = 1024}},   // Pixtral's; those of CLIP are written in full
    TowerKind{"llava_next", llava_next},
    TowerKind{"minicpmv", minicpm_v},
    TowerKind{"minimax_m3_vl", minimax_m3, {.frames = 2}},
    TowerKind{"mistral3", mistral3, {.hidden = 1024, .ffn = 4096, .depth = 24, .patch = 16, .side = 1024}},
    TowerKind{"mllama", mllama, {.hidden = 1280, .ffn = 5120, .depth = 32, .patch = 14, .side = 448}},
    TowerKind{"paligemma", paligemma, {.side = 224}},
    TowerKind{"qwen2_5_vl", qwen25_vl, {.frames = 2}},
    TowerKind{"qwen2_vl", qwen2_vl, {.hidden = 1280, .ffn = 5120, .depth = 32, .patch = 14, .frames = 2}},
    TowerKind{"qwen3_5", qwen3_vl, {.frames = 2}},
    TowerKind{"qwen3_5_moe", qwen3_vl, {.frames = 2}},
    TowerKind{"qwen3_vl", qwen3_vl, {.frames = 2}},
    TowerKind{"qwen3_vl_moe", qwen3_vl, {.frames = 2}},
    TowerKind{"smolvlm", idefics3},
    TowerKind{"step3p7", step3p7, {.hidden = 1536, .ffn = 8960, .depth = 47, .patch = 14, .side = 728}},
};

constexpr bool by_model_type(const TowerKind& a, const TowerKind& b) { return a.model_type < b.model_type; }
static_assert(std::is_sorted(kTowers.begin(), kTowers.end(), by_model_type));

// A size that some say for each axis: the first.
int first_axis(ConfigReader& reader, std::string_view name, int otherwise) {
  if (!reader.is_list(name)) return reader.integer({name}, otherwise);
  const std::vector<int> sizes = reader.integers({name});
  return sizes.empty() ? otherwise : sizes.front();
}

// Without a tower: patches are projected into the stream as they are, and sound, too.
double gemma4_unified(ConfigReader& vision, int hidden) {
  const std::int64_t side = std::int64_t{vision.integer({"patch_size"}, 16)} * vision.integer({"pooling_kernel_size"}, 3), pixels = 3 * side * side, width = vision.integer({"mm_embed_dim"}, hidden);
  if (side > 4096 || width > 65536) return 0;
  return 2 * static_cast<double>(pixels) + layer(pixels, width) + 4 * static_cast<double>(width) + 2 * product(vision.integer({"mm_posemb_size"}, 1120), width) + product(width, hidden);
}

bool sensible(const Tower& t) {
  return t.hidden > 0 && t.ffn > 0 && t.depth > 0 && t.patch > 0 && t.hidden <= 65536 && t.ffn <= 1048576 && t.depth <= 1024 && t.patch <= 256 && t.side <= 65536 && t.merge <= 16 &&
         t.channels <= 64 && t.frames <= 64 && t.text <= 65536;
}

}  // namespace

double tower_elements(ConfigReader& vision, ConfigReader& model, int hidden) {
  const std::string type = model.text({"model_type"});
  if (type == "gemma4_unified") return gemma4_unified(vision, hidden);
  const auto* kind = std::find_if(kTowers.begin(), kTowers.end(), [&](const TowerKind& each) { return each.model_type == type; });
  if (kind == kTowers.end()) return 0;
  const TowerDefaults& usual = kind->usual;
  const Tower t{.vision = vision,
                .model = model,
                .hidden = vision.integer({"vt_hidden_size", "embed_dim", "width", "hidden_size"}, usual.hidden),
                .ffn = vision.integer({"vt_intermediate_size", "intermediate_size"}, usual.ffn),
                .depth = vision.integer({"vt_num_hidden_layers", "depth", "layers", "num_hidden_layers"}, usual.depth),
                .channels = vision.integer({"in_channels", "in_chans", "num_channels"}, 3),
                .patch = first_axis(vision, "patch_size", usual.patch),
                .side = first_axis(vision, "image_size", usual.side),
                .frames = first_axis(vision, "temporal_patch_size", usual.frames),
                .merge = vision.integer({"spatial_merge_size"}, usual.merge),
                .text = hidden};
  const double elements = sensible(t) ? kind->elements(t) : 0;
  return elements < 1e11 ? elements : 0;
}

namespace {

// Qwen's encoder for sound (AuT): three convolutions that halve, one matrix for what is left of the bins, blocks with biases, two matrices.
// Of Qwen3-ASR 0.6B it has 186,376,192 weights: with its language model of two tables 938,008,576 (model card of Luigi/Qwen3-ASR-Micro: 938 M).
double qwen_ears(ConfigReader& audio, int hidden) {
  const std::int64_t width = audio.integer({"d_model"}, 1280), ffn = audio.integer({"encoder_ffn_dim"}, 5120), depth = audio.integer({"encoder_layers"}, 32), bins = audio.integer({"num_mel_bins"}, 128),
                     inner = audio.integer({"downsample_hidden_size"}, 480), out = audio.integer({"output_dim"}, hidden);
  if (width < 1 || width > 65536 || ffn > 1048576 || depth > 1024 || bins > 4096 || inner > 65536 || out > 1048576) return 0;
  const std::int64_t left = (((bins + 1) / 2 + 1) / 2 + 1) / 2;
  const double block = 4 * layer(width, width) + layer(width, ffn) + layer(ffn, width) + 4 * static_cast<double>(width);
  return layer(9, inner) + 2 * layer(9 * inner, inner) + product(inner * left, width) + static_cast<double>(depth) * block + 2 * static_cast<double>(width) + layer(width, width) + layer(width, out);
}

}  // namespace

// Voxtral Realtime: two convolutions, blocks as of Ministral with some biases, and a few frames joined before two matrices.
double ears_elements(ConfigReader& audio, ConfigReader& model, int hidden) {
  if (audio.has("downsample_hidden_size")) return qwen_ears(audio, hidden);
  if (model.text({"model_type"}) != "voxtral_realtime") return 0;
  const std::int64_t width = audio.integer({"hidden_size", "d_model"}, 1280), ffn = audio.integer({"intermediate_size", "encoder_ffn_dim"}, 5120), depth = audio.integer({"num_hidden_layers", "encoder_layers"}, 32),
                     heads = std::int64_t{audio.integer({"num_attention_heads", "encoder_attention_heads"}, 32)} * audio.integer({"head_dim"}, 64), bins = audio.integer({"num_mel_bins"}, 128),
                     frames = model.integer({"downsample_factor"}, 4);
  if (width < 1 || width > 65536 || ffn > 1048576 || depth > 1024 || heads > 65536 || bins > 4096 || frames > 64) return 0;
  const double block = 2 * layer(width, heads) + product(width, heads) + layer(heads, width) + 2 * product(width, ffn) + layer(ffn, width) + 2 * static_cast<double>(width);
  return layer(3 * bins, width) + layer(3 * width, width) + static_cast<double>(depth) * block + static_cast<double>(width) + product(frames * width, hidden) + product(hidden, hidden);
}

}  // namespace rigcast::model::detail
