// Towers for pictures by what config.json says of them: their weights in numbers, for engines that load them beside the language model.
//
// Worked example, Qwen2.5-VL 7B: patches 3 x 2 x 14 x 14 x 1280 = 1,505,280; 32 blocks of (4 x 1280^2 + 3 x 1280 x 3420 matrices and their
// biases and norms) = 630,470,400; merger 5120 x 5120 + 5120 x 3584 and so on = 44,574,464; in all 676,550,144, which the model card has.

#include "model/detail/config_vision.hpp"

#include <cstdint>

namespace rigcast::model::detail {
namespace {

double product(std::int64_t in, std::int64_t out) { return static_cast<double>(in) * static_cast<double>(out); }
double layer(std::int64_t in, std::int64_t out) { return product(in, out) + static_cast<double>(out); }   // with its bias

struct Tower { std::int64_t hidden, ffn, depth, channels, patch, frames, merge, out; };

double attention(const Tower& t) { return layer(t.hidden, 3 * t.hidden) + layer(t.hidden, t.hidden); }
double merged(const Tower& t, double norm) {
  const std::int64_t wide = t.hidden * t.merge * t.merge;
  return norm + layer(wide, wide) + layer(wide, t.out);
}

// Qwen2.5-VL: gated feed-forward, norms without bias (transformers, qwen2_5_vl).
double qwen25(const Tower& t) {
  const double block = attention(t) + 2 * layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + 2 * static_cast<double>(t.hidden);
  return product(t.channels * t.frames * t.patch * t.patch, t.hidden) + block * static_cast<double>(t.depth) + merged(t, static_cast<double>(t.hidden));
}

// Qwen3-VL and Qwen3.5: learnt positions, and mergers of inner layers where there are any (transformers, qwen3_vl).
double qwen3(const Tower& t, std::int64_t positions, std::size_t inner) {
  const double block = attention(t) + layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + 4 * static_cast<double>(t.hidden);
  const double wide = static_cast<double>(t.hidden * t.merge * t.merge);
  return layer(t.channels * t.frames * t.patch * t.patch, t.hidden) + product(positions, t.hidden) + block * static_cast<double>(t.depth) +
         merged(t, 2 * static_cast<double>(t.hidden)) + static_cast<double>(inner) * merged(t, 2 * wide);
}

// SigLIP as Gemma 3 has it, with one matrix and a norm before the language model.
double siglip(const Tower& t, std::int64_t pixels, std::int64_t text) {
  const std::int64_t side = t.patch > 0 ? pixels / t.patch : 0;
  const double block = 4 * layer(t.hidden, t.hidden) + layer(t.hidden, t.ffn) + layer(t.ffn, t.hidden) + 4 * static_cast<double>(t.hidden);
  return layer(t.channels * t.patch * t.patch, t.hidden) + product(side * side, t.hidden) + block * static_cast<double>(t.depth) + 2 * static_cast<double>(t.hidden) +
         product(t.hidden, text) + static_cast<double>(t.hidden);
}

}  // namespace

double tower_elements(ConfigReader& vision, std::string_view model_type, int hidden) {
  const auto number = [&](std::initializer_list<std::string_view> names, int otherwise) -> std::int64_t { return vision.integer(names, otherwise); };
  const Tower t{number({"hidden_size"}, 0), number({"intermediate_size"}, 0), number({"depth", "num_hidden_layers"}, 0), number({"in_channels", "in_chans", "num_channels"}, 3),
                number({"patch_size"}, 0), number({"temporal_patch_size"}, 2), number({"spatial_merge_size"}, 2), number({"out_hidden_size"}, hidden)};
  if (t.hidden <= 0 || t.ffn <= 0 || t.depth <= 0 || t.patch <= 0) return 0;
  if (t.hidden > 65536 || t.ffn > 1048576 || t.depth > 1024 || t.patch > 256 || t.merge > 16 || t.out > 65536 || t.channels > 64 || t.frames > 64) return 0;
  if (model_type.starts_with("qwen2_5_vl")) return qwen25(t);
  if (model_type.starts_with("qwen3_vl") || model_type.starts_with("qwen3_5")) return qwen3(t, number({"num_position_embeddings"}, 0), vision.integers({"deepstack_visual_indexes"}).size());
  if (model_type == "gemma3") return siglip(t, number({"image_size"}, 896), hidden);
  return 0;
}

}  // namespace rigcast::model::detail
