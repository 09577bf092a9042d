#include "model/gguf_architecture.hpp"

#include <gtest/gtest.h>

#include <string>

#include "model/gguf_test_support.hpp"

namespace rigcast::model {
namespace {

using test::DenseShape;
using test::GgufWriter;
namespace ggml = test::ggml;

Result<Architecture> read(const GgufWriter& writer) { return read_written(writer).and_then(architecture_of_gguf); }

std::string refusal(const GgufWriter& writer) {
  const auto result = read(writer);
  return result ? std::string{} : to_text(result.error());
}

TEST(GgufArchitecture, Dense) {
  const auto model = read(test::dense_model({.family = "qwen3", .layers = 3, .hidden = 256, .heads = 4, .kv_heads = 2, .head_dim = 128, .ffn = 512, .vocab = 1000}, ggml::q8_0));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->family, "qwen3");
  EXPECT_EQ(model->hidden, 256);
  EXPECT_EQ(model->vocab, 1000);
  EXPECT_EQ(model->max_context, 32768);
  EXPECT_FALSE(model->tied_embeddings);
  ASSERT_EQ(model->layers.size(), 3u);
  EXPECT_EQ(model->layers[2].attention.kind, AttentionKind::full);
  EXPECT_EQ(model->layers[2].attention.kv_heads, 2);
  EXPECT_EQ(model->layers[2].attention.key_dim, 128);
  EXPECT_EQ(model->layers[2].feed_forward.kind, FeedForwardKind::dense);
  EXPECT_EQ(model->layers[2].feed_forward.width, 512);
  EXPECT_TRUE(model->layers[2].feed_forward.gated);
  ASSERT_EQ(model->tensors.size(), 3u + 3u * 9u);
  EXPECT_EQ(model->tensors[0].role, Role::token_embedding);
  EXPECT_EQ(model->tensors[0].layer, kInputLayer);
  EXPECT_EQ(model->tensors[0].quant, "q8_0");
  EXPECT_EQ(model->tensors[0].bytes.value(), 256.0 / 32 * 34 * 1000);
  EXPECT_EQ(model->tensors[2].role, Role::output_head);
  EXPECT_EQ(model->tensors[2].layer, 3);
}

// The last of three blocks predicts further tokens: no layer, its tensors set apart.
TEST(GgufArchitecture, NextTokenBlocksAreNoLayers) {
  GgufWriter writer = test::dense_model({.family = "glm4moe", .layers = 3});
  writer.set("nextn_predict_layers", 1).tensor("blk.2.nextn.eh_proj.weight", {512, 256}, ggml::q8_0);
  const auto model = read(writer);
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->layers.size(), 2u);
  EXPECT_EQ(model->tensors.back().role, Role::next_token);
  EXPECT_EQ(model->tensors.back().layer, 2);
  EXPECT_EQ(model->tensors[2].layer, 2);  // output.weight: behind the two layers
}

TEST(GgufArchitecture, VisionProjector) {
  GgufWriter writer("clip");
  writer.text("general.type", "mmproj").text("clip.projector_type", "qwen3vl_merger").tensor("v.blk.0.attn_q.weight", {64, 64}, ggml::f16);
  const auto model = read(writer);
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_TRUE(model->layers.empty());
  EXPECT_EQ(model->tensors[0].role, Role::vision);
  EXPECT_EQ(model->notes[0], "A vision or audio projector (qwen3vl_merger): it runs beside a language model and has no layers of its own to place.");
}

TEST(GgufArchitecture, WhatIsNoModel) {
  EXPECT_EQ(refusal(test::dense_model({.family = "t5"})), "m.gguf: cannot say, because it is an encoder-decoder model, whose two caches no engine rule here describes");
  EXPECT_EQ(refusal(test::dense_model({.family = "clef"})), "m.gguf: cannot say, because it scores the options of a decision and writes no text, and no rule here describes that");
  EXPECT_EQ(refusal(test::dense_model({}).text("general.type", "adapter")), "m.gguf: cannot say, because general.type is 'adapter', not a model");
}

TEST(GgufArchitecture, UnknownTensorIsNamed) {
  EXPECT_EQ(refusal(test::dense_model({}).tensor("blk.0.attn_warp.weight", {256}, ggml::f32)),
            "m.gguf: cannot say, because tensor 'blk.0.attn_warp.weight' is structure nobody has described");
}

// Metadata promise 2 KV heads of 64, the tensor has 256 rows.
TEST(GgufArchitecture, TensorsThatContradictTheMetadata) {
  GgufWriter writer = test::begin_model({.layers = 1});
  test::add_outside(writer, {}, ggml::q8_0);
  test::add_attention(writer, {.kv_heads = 4}, 0, ggml::q8_0);
  EXPECT_EQ(refusal(writer), "m.gguf: tensor 'blk.0.attn_k.weight' has 256 rows where head_count_kv and the head size promise 128");
}

TEST(GgufArchitecture, PatternThatOnlyTheFileKnows) {
  EXPECT_EQ(refusal(test::dense_model({.family = "mimo2"}).set("attention.sliding_window", 128)),
            "m.gguf: lacks the array mimo2.attention.sliding_window_pattern, without which its layers cannot be told apart");
}

TEST(GgufArchitecture, BlockThatDoesNotExist) {
  EXPECT_EQ(refusal(test::dense_model({.layers = 2}).tensor("blk.7.attn_norm.weight", {256}, ggml::f32)), "m.gguf: tensor 'blk.7.attn_norm.weight' belongs to none of 2 blocks");
}

TEST(GgufArchitecture, UnknownFamilyIsRefusedWithTheNearest) {
  EXPECT_EQ(refusal(test::dense_model({.family = "qwen33"})), "m.gguf: cannot say, because the architecture 'qwen33' is one nobody has described (nearest: qwen3)");
}

}  // namespace
}  // namespace rigcast::model
