// Every model of the catalogue, written as a GGUF header and read back, is the same Architecture: the two readers agree on structure,
// names, roles and bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "facts.hpp"
#include "model/gguf_architecture.hpp"
#include "model/gguf_families.hpp"
#include "model/gguf_test_support.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

using test::GgufWriter;

using rigcast::test::facts;

std::uint32_t unsigned_of(std::int64_t value) { return static_cast<std::uint32_t>(value); }

template <class F>
std::vector<std::uint32_t> each_layer(const Architecture& model, F of) {
  std::vector<std::uint32_t> out;
  for (const Layer& layer : model.layers) out.push_back(unsigned_of(of(layer)));
  // A next-token block is a copy of the last layer.
  const auto predicts = std::any_of(model.tensors.begin(), model.tensors.end(), [](const Tensor& tensor) { return tensor.role == Role::next_token; });
  if (predicts) out.push_back(out.back());
  return out;
}

const Layer& first_with(const Architecture& model, AttentionKind kind) {
  const auto found = std::find_if(model.layers.begin(), model.layers.end(), [&](const Layer& layer) { return layer.attention.kind == kind; });
  return found == model.layers.end() ? model.layers.front() : *found;
}

bool has(const Architecture& model, AttentionKind kind) {
  return std::any_of(model.layers.begin(), model.layers.end(), [&](const Layer& layer) { return layer.attention.kind == kind; });
}

void set_attention(GgufWriter& out, const Architecture& model, const Shape& shape) {
  out.set_all("attention.head_count", each_layer(model, [&](const Layer& layer) { return layer.recurrent.kind == RecurrentKind::none ? layer.attention.heads : shape.heads; }));
  // Families whose recurrent layers go by an interval keep the KV heads of every layer equal; the others mark those layers with 0.
  const bool marked = shape.recurrent.kind != RecurrentKind::gated_delta && shape.recurrent.kind != RecurrentKind::lightning;
  out.set_all("attention.head_count_kv", each_layer(model, [&](const Layer& layer) { return layer.recurrent.kind != RecurrentKind::none && !marked ? shape.kv_heads : layer.attention.kv_heads; }));
  const Attention& full = first_with(model, AttentionKind::full).attention;
  if (shape.mla.kv_rank > 0) {
    out.set("attention.key_length", unsigned_of(shape.mla.kv_rank + shape.mla.rope_dim)).set("attention.value_length", unsigned_of(shape.mla.kv_rank));
    out.set("attention.key_length_mla", unsigned_of(shape.mla.nope_dim + shape.mla.rope_dim)).set("attention.value_length_mla", unsigned_of(shape.mla.value_dim));
    out.set("attention.kv_lora_rank", unsigned_of(shape.mla.kv_rank)).set("rope.dimension_count", unsigned_of(shape.mla.rope_dim));
  } else if (full.kind == AttentionKind::full) {
    out.set("attention.key_length", unsigned_of(full.key_dim)).set("attention.value_length", unsigned_of(full.value_dim));
  }
  if (shape.indexer.heads > 0)
    out.set("attention.indexer.head_count", unsigned_of(shape.indexer.heads)).set("attention.indexer.key_length", unsigned_of(shape.indexer.dim)).set("attention.indexer.top_k", unsigned_of(shape.indexer.top_k));
}

void set_windows(GgufWriter& out, const Architecture& model, const Shape& shape) {
  if (!has(model, AttentionKind::sliding) && !has(model, AttentionKind::chunked)) return;
  const Attention& sliding = first_with(model, has(model, AttentionKind::sliding) ? AttentionKind::sliding : AttentionKind::chunked).attention;
  out.set("attention.sliding_window", unsigned_of(sliding.window));
  out.set("attention.key_length_swa", unsigned_of(sliding.key_dim)).set("attention.value_length_swa", unsigned_of(sliding.value_dim));
  std::vector<bool> pattern;
  for (const Layer& layer : model.layers) pattern.push_back(layer.attention.window > 0);
  pattern.resize(pattern.size() + static_cast<std::size_t>(shape.next_token_layers), false);
  out.booleans(shape.family + ".attention.sliding_window_pattern", pattern);
  if (shape.shared_cache_layers > 0) out.set("attention.shared_kv_layers", unsigned_of(shape.shared_cache_layers));
}

void set_compression(GgufWriter& out, const Shape& shape) {
  if (shape.compressed.ratios.empty()) return;
  out.i32s(shape.family + ".attention.compress_ratios", {shape.compressed.ratios.begin(), shape.compressed.ratios.end()});
  out.set("attention.key_length", unsigned_of(shape.head_dim)).set("attention.value_length", unsigned_of(shape.head_dim)).set("rope.dimension_count", unsigned_of(shape.rope_dim));
  out.set("attention.sliding_window", unsigned_of(shape.window));
  out.set("hyper_connection.count", unsigned_of(shape.streams)).set("hyper_connection.sinkhorn_iterations", unsigned_of(shape.mixing_rounds));
}

// Qwen 3.8 Flash says by layer how many tokens' keys of its indexer are one.
void set_pools(GgufWriter& out, const Architecture& model, const Shape& shape) {
  if (shape.family != "qwen4exp") return;
  std::vector<std::int32_t> pools;
  for (const Layer& layer : model.layers) pools.push_back(layer.recurrent.kind != RecurrentKind::none ? 0 : shape.indexer.pool);
  out.i32s(shape.family + ".attention.compress_ratios", pools);
  out.set("hyper_connection.count", unsigned_of(shape.streams)).set("ple.conv_kernel", unsigned_of(shape.ngrams.kernel)).set("ple.ngram_size", unsigned_of(shape.ngrams.size));
}

void set_recurrence(GgufWriter& out, const Architecture& model, const Shape& shape) {
  const RecurrentShape& r = shape.recurrent;
  if (r.kind == RecurrentKind::none) return;
  std::vector<bool> recurs;
  for (const Layer& layer : model.layers) recurs.push_back(layer.recurrent.kind != RecurrentKind::none);
  out.booleans(shape.family + ".attention.recurrent_layers", recurs);
  out.set("ssm.conv_kernel", unsigned_of(r.conv)).set("shortconv.l_cache", unsigned_of(r.conv));
  out.set("ssm.inner_size", unsigned_of(std::int64_t{r.heads} * r.head_dim)).set("ssm.time_step_rank", unsigned_of(r.heads));
  const bool delta = r.kind == RecurrentKind::gated_delta;
  out.set("ssm.state_size", unsigned_of(delta ? r.key_dim : r.state)).set("ssm.group_count", unsigned_of(delta ? r.key_heads : r.kind == RecurrentKind::mamba1 ? 0 : r.groups));
  out.set("kda.head_dim", unsigned_of(r.head_dim)).set("wkv.head_size", unsigned_of(r.head_dim));
}

// feed_forward_length of a layer: with experts, of the dense part that stands beside them or leads the model.
std::int64_t dense_width(const FeedForward& ffn, const Shape& shape) {
  if (ffn.kind != FeedForwardKind::moe) return ffn.width;
  return shape.features.shared_expert_beside_dense ? ffn.shared_width : ffn.expert_width;
}

// The header that a conversion of this model would have, as far as the reader asks.
GgufWriter header_of(const Architecture& model, const Shape& shape) {
  GgufWriter out(shape.family);
  out.set("block_count", unsigned_of(std::ssize(model.layers) + shape.next_token_layers)).set("nextn_predict_layers", unsigned_of(shape.next_token_layers));
  out.set("embedding_length", unsigned_of(model.hidden)).set("context_length", unsigned_of(model.max_context));
  out.set_all("feed_forward_length", each_layer(model, [&](const Layer& layer) { return dense_width(layer.feed_forward, shape); }));
  if (shape.experts.count > 0) out.set("expert_count", unsigned_of(shape.experts.count)).set("expert_used_count", unsigned_of(shape.experts.used)).set("expert_shared_count", unsigned_of(shape.experts.shared));
  if (shape.value_experts.count > 0) out.set("attention.value_expert_count", unsigned_of(shape.value_experts.count)).set("attention.value_expert_used_count", unsigned_of(shape.value_experts.used));
  if (model.attention_softcap > 0) out.f32(shape.family + ".attn_logit_softcapping", static_cast<float>(model.attention_softcap));
  set_attention(out, model, shape);
  set_windows(out, model, shape);
  set_recurrence(out, model, shape);
  set_compression(out, shape);
  set_pools(out, model, shape);
  for (const Tensor& tensor : model.tensors) {
    const catalog::Quant quant = facts().quant(tensor.quant).value();
    out.tensor(tensor.name, {tensor.shape.begin(), tensor.shape.end()}, {quant.ggml_type, quant.block_elements, quant.block_bytes});
  }
  return out;
}

void expect_same_layer(const Layer& written, const Layer& read, const std::string& where) {
  EXPECT_EQ(read.attention.kind, written.attention.kind) << where;
  EXPECT_EQ(read.attention.heads, written.attention.heads) << where;
  EXPECT_EQ(read.attention.kv_heads, written.attention.kv_heads) << where;
  EXPECT_EQ(read.attention.key_dim, written.attention.key_dim) << where;
  EXPECT_EQ(read.attention.value_dim, written.attention.value_dim) << where;
  EXPECT_EQ(read.attention.window, written.attention.window) << where;
  EXPECT_EQ(read.attention.latent_dim, written.attention.latent_dim) << where;
  EXPECT_EQ(read.attention.rope_dim, written.attention.rope_dim) << where;
  EXPECT_EQ(read.attention.compress, written.attention.compress) << where;
  EXPECT_EQ(read.attention.indexer_heads, written.attention.indexer_heads) << where;
  EXPECT_EQ(read.attention.value_is_key, written.attention.value_is_key) << where;
  EXPECT_EQ(read.attention.kv_layer, written.attention.kv_layer) << where;
  EXPECT_EQ(read.attention.value_experts, written.attention.value_experts) << where;
  EXPECT_EQ(read.attention.value_experts_used, written.attention.value_experts_used) << where;
  EXPECT_EQ(read.recurrent.kind, written.recurrent.kind) << where;
  EXPECT_EQ(read.recurrent.conv_elements, written.recurrent.conv_elements) << where;
  EXPECT_EQ(read.recurrent.state_elements, written.recurrent.state_elements) << where;
  EXPECT_EQ(read.feed_forward.kind, written.feed_forward.kind) << where;
  EXPECT_EQ(read.feed_forward.width, written.feed_forward.width) << where;
  EXPECT_EQ(read.feed_forward.experts, written.feed_forward.experts) << where;
  EXPECT_EQ(read.feed_forward.experts_used, written.feed_forward.experts_used) << where;
  EXPECT_EQ(read.feed_forward.expert_width, written.feed_forward.expert_width) << where;
  EXPECT_EQ(read.feed_forward.shared_width, written.feed_forward.shared_width) << where;
  EXPECT_EQ(read.feed_forward.shared_experts, written.feed_forward.shared_experts) << where;
  EXPECT_EQ(read.feed_forward.gated, written.feed_forward.gated) << where;
}

void expect_same(const Architecture& written, const Architecture& read) {
  EXPECT_EQ(read.hidden, written.hidden);
  EXPECT_EQ(read.vocab, written.vocab);
  EXPECT_EQ(read.max_context, written.max_context);
  EXPECT_EQ(read.tied_embeddings, written.tied_embeddings);
  EXPECT_FLOAT_EQ(static_cast<float>(read.attention_softcap), static_cast<float>(written.attention_softcap));
  ASSERT_EQ(read.layers.size(), written.layers.size());
  for (std::size_t i = 0; i < read.layers.size() && !testing::Test::HasFailure(); ++i)
    expect_same_layer(written.layers[i], read.layers[i], written.key + " layer " + std::to_string(i));
  ASSERT_EQ(read.tensors.size(), written.tensors.size());
  for (std::size_t i = 0; i < read.tensors.size() && !testing::Test::HasFailure(); ++i) {
    const std::string where = written.key + " " + written.tensors[i].name;
    EXPECT_EQ(read.tensors[i].name, written.tensors[i].name);
    EXPECT_EQ(read.tensors[i].role, written.tensors[i].role) << where;
    EXPECT_EQ(read.tensors[i].layer, written.tensors[i].layer) << where;
    EXPECT_EQ(read.tensors[i].shape, written.tensors[i].shape) << where;
    EXPECT_EQ(read.tensors[i].quant, written.tensors[i].quant) << where;
    EXPECT_EQ(read.tensors[i].bytes, written.tensors[i].bytes) << where;
  }
}

class RoundTrip : public testing::TestWithParam<std::string> {};

TEST_P(RoundTrip, CatalogueToGgufAndBack) {
  const auto document = facts().document(catalog::Kind::model, GetParam());
  ASSERT_TRUE(document);
  const Shape shape = read_shape(facts(), *document).value();
  if (gguf_family(shape.family) == nullptr) GTEST_SKIP() << shape.family << " is served by other engines than llama.cpp";
  const Architecture written = architecture_from_catalogue(facts(), GetParam(), "Q4_K_M").value();
  const GgufWriter writer = header_of(written, shape);
  const auto gguf = read_gguf_part(ByteWindow::over(writer.header(), writer.file_size(), "m.gguf"), [](int type) { return facts().quant_of_ggml_type(type); });
  ASSERT_TRUE(gguf) << to_text(gguf.error());
  auto read = architecture_of_gguf(*gguf);
  ASSERT_TRUE(read) << to_text(read.error());
  // llama.cpp lets every layer of this family see everything, whatever window the model was trained with.
  if (shape.family == "llama" && shape.window > 0) {
    for (Layer& layer : read->layers) {
      EXPECT_EQ(layer.attention.kind, AttentionKind::full);
      layer.attention.kind = AttentionKind::sliding;
      layer.attention.window = shape.window;
    }
  }
  expect_same(written, *read);
}

std::vector<std::string> model_keys() {
  std::vector<std::string> keys;
  for (const catalog::Entry& entry : facts().entries(catalog::Kind::model)) keys.push_back(entry.key);
  return keys;
}

INSTANTIATE_TEST_SUITE_P(EveryModel, RoundTrip, testing::ValuesIn(model_keys()), [](const auto& tested) {
  std::string name = tested.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace rigcast::model
