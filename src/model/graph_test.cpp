#include <gtest/gtest.h>

#include "model/graph.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

Architecture model(std::string_view name, std::string_view quant) {
  static const catalog::Catalog facts = catalog::Catalog::load().value();
  auto built = architecture_from_catalogue(facts, name, quant);
  EXPECT_TRUE(built.has_value()) << (built ? "" : to_text(built.error()));
  return built.value_or(Architecture{});
}

struct Sum {
  double work = 0, weights = 0, kv_read = 0, kv_written = 0, activations = 0;
  int launches = 0;
};

Sum sum(const std::vector<Op>& ops) {
  Sum s;
  for (const Op& op : ops) {
    s.work += op.work.value();
    s.weights += op.weights_read.value();
    s.kv_read += op.kv_read.value();
    s.kv_written += op.kv_written.value();
    s.activations += op.activations.value();
    s.launches += op.launches;
  }
  return s;
}

// Batch 1 touches 8 of 128 experts; 512 tokens touch 128 (1 - (120/128)^512) = all but 5e-13 of them.
TEST(Graph, ExpertsTouched) {
  EXPECT_DOUBLE_EQ(experts_touched(128, 8, 1), 8);
  EXPECT_NEAR(experts_touched(128, 8, 2), 128 * (1 - (120.0 / 128) * (120.0 / 128)), 1e-12);
  EXPECT_NEAR(experts_touched(128, 8, 512), 128, 1e-9);
}

TEST(Graph, AttendedPairs) {
  EXPECT_DOUBLE_EQ(attended_pairs(1, 100, 0), 101);
  EXPECT_DOUBLE_EQ(attended_pairs(4, 0, 0), 1 + 2 + 3 + 4);
  EXPECT_DOUBLE_EQ(attended_pairs(4, 10, 0), 11 + 12 + 13 + 14);
  EXPECT_DOUBLE_EQ(attended_pairs(4, 10, 12), 11 + 12 + 12 + 12);
  EXPECT_DOUBLE_EQ(attended_pairs(4, 100, 12), 4 * 12);
}

// A decode step of a dense model reads every weight once but only one row of the embedding:
// bytes(all) - bytes(token_embd) + 4096 * 2; and does 2 flop for each weight of a matrix, plus attention over 1001 tokens:
// 32 layers * 2 * 32 heads * (128 + 128) * 1001.
TEST(Graph, DecodeOfADenseModelReadsEveryWeightOnce) {
  const Architecture a = model("llama-3-8b", "F16");
  const Graph graph = expand(a, {.new_tokens = 1, .context = 1000});
  const double embedding = 128256.0 * 4096;
  const Sum s = sum(graph.ops);
  EXPECT_NEAR(s.weights, a.weight_bytes().value() - embedding * 2 + 4096 * 2, 1);
  double matmul = 0, attention = 0;
  for (const Op& op : graph.ops) {
    if (op.kind == OpKind::matmul) matmul += op.work.value();
    if (op.kind == OpKind::attention) attention += op.work.value();
  }
  EXPECT_NEAR(matmul, 2 * (8030261248.0 - embedding - 65 * 4096), 1);
  EXPECT_NEAR(attention, 32.0 * 2 * 32 * 256 * 1001, 1);
  // 8 KV heads of 128, keys and values, F16: 131072 bytes a token over all layers.
  EXPECT_NEAR(s.kv_read, 131072.0 * 1001, 1);
  EXPECT_NEAR(s.kv_written, 131072.0, 1);
}

TEST(Graph, TiedHeadIsReadOnce) {
  const Architecture a = model("llama-3.2-1b", "F16");
  ASSERT_TRUE(a.tied_embeddings);
  const Sum s = sum(expand(a, {}).ops);
  EXPECT_NEAR(s.weights, a.weight_bytes().value() + 2048 * 2 - 32 * 4, 1);  // one row gathered besides; rope factors are no weights of an Op
}

TEST(Graph, WindowsBoundWhatSlidingLayersRead) {
  const Architecture a = model("gemma-3-27b", "Q4_0");
  for (const Op& op : expand(a, {.new_tokens = 1, .context = 32767}).ops) {
    if (op.kind != OpKind::attention) continue;
    const bool full = op.layer % 6 == 5;
    EXPECT_DOUBLE_EQ(op.kv_read.value(), (full ? 32768.0 : 1024.0) * 16 * 256 * 2) << op.layer;
  }
}

// 61 layers of 512 + 64 elements, F16: 70272 bytes a token; the absorbed product works on 2 * 512 + 64 dimensions of 128 heads.
TEST(Graph, LatentAttentionReadsTheLatent) {
  const Architecture a = model("deepseek-v3", "Q4_K_M");
  double read = 0, work = 0;
  for (const Op& op : expand(a, {.new_tokens = 1, .context = 9999}).ops)
    if (op.kind == OpKind::attention) read += op.kv_read.value(), work += op.work.value();
  EXPECT_NEAR(read, 70272.0 * 10000, 1);
  EXPECT_NEAR(work, 61.0 * 2 * 128 * 1088 * 10000, 1);
}

TEST(Graph, AnIndexerLooksAtEverythingAndAttendsToItsBest) {
  const Architecture a = model("deepseek-v3.2", "FP8_BLOCK");
  for (const Op& op : expand(a, {.new_tokens = 1, .context = 99999}).ops) {
    if (op.kind != OpKind::attention) continue;
    EXPECT_DOUBLE_EQ(op.kv_read.value(), 2048 * 576 * 2.0 + 100000 * 128 * 2.0);
    EXPECT_DOUBLE_EQ(op.work.value(), 2.0 * 128 * 1088 * 2048 + 2.0 * 64 * 128 * 100000);
  }
}

TEST(Graph, RecurrentStateDoesNotGrow) {
  const Architecture a = model("qwen3.5-27b", "Q4_K_M");
  const auto state = [&](std::int64_t context) {
    double bytes = 0;
    for (const Op& op : expand(a, {.new_tokens = 1, .context = context}).ops)
      if (op.kind == OpKind::recurrent) bytes += op.kv_read.value();
    return bytes;
  };
  EXPECT_DOUBLE_EQ(state(10), state(100000));
  EXPECT_DOUBLE_EQ(state(10), 48.0 * 4 * (48 * 128 * 128 + 3 * 10240));
}

TEST(Graph, MergedWorkHasTheSameSums) {
  for (const char* name : {"llama-3-8b", "gemma-3-12b", "deepseek-v3.2", "qwen3.5-35b-a3b", "gpt-oss-120b", "nemotron-3-nano-30b-a3b"}) {
    const Architecture a = model(name, "Q4_K_M");
    const std::vector<Work> all = work_of(a), few = merged(all);
    EXPECT_LT(few.size(), all.size() / 5) << name;
    for (const Step& step : {Step{1, 4000, 1, 1}, Step{512, 0, 1, 1}, Step{1, 300, 64, 1}}) {
      std::vector<Op> long_list, short_list;
      for (const Work& w : all) long_list.push_back(op_at(w, step));
      for (const Work& w : few) short_list.push_back(op_at(w, step));
      const Sum x = sum(long_list), y = sum(short_list);
      EXPECT_NEAR(x.work, y.work, 1e-9 * x.work);
      EXPECT_NEAR(x.weights, y.weights, 1e-9 * x.weights);
      EXPECT_NEAR(x.kv_read, y.kv_read, 1e-9 * x.kv_read);
      EXPECT_EQ(x.launches, y.launches);
    }
  }
}

}  // namespace
}  // namespace rigcast::model
