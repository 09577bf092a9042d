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

TEST(GgufArchitecture, UnknownFamilyIsRefusedWithTheNearest) {
  EXPECT_EQ(refusal(test::dense_model({.family = "qwen33"})), "m.gguf: cannot say, because the architecture 'qwen33' is one nobody has described (nearest: qwen3)");
}

}  // namespace
}  // namespace rigcast::model
