// Of several experts or adapters, those that are read.
#include <cmath>

#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"

namespace rigcast::cost {
namespace {

using test::Case;
using test::stage_bytes;

// Granite Switch: of stacks of adapters a token reads its own, one of eight here: 1 GB beside 140 GB where the stacks have 8.
TEST(Cost, OneAdapterOfAStackIsRead) {
  Case c;
  const auto active = [&] { return load_of(c.model, c.rig, c.place)->active_bytes; };
  const double without = active();
  model::Tensor stack;
  stack.name = "blk.0.attn_q.lora_a";
  stack.role = model::Role::attention;
  stack.layer = 0;
  stack.shape = {8192, 32, 8, 1};
  stack.quant = c.model.tensors.front().quant;
  stack.bytes = Bytes(8e9);
  c.model.tensors.push_back(stack);
  c.place.tensor_device.push_back(0);
  EXPECT_DOUBLE_EQ(active() - without, 1e9);
}

// One token reads 2 of 64 experts here and 4 of 8 there (K2 Horizon MoVA makes values by experts of their own): 32 GB / 32 and 8 GB / 2.
TEST(Cost, KindsOfExpertsAreReadEachByItsShare) {
  Case c;
  c.model.layers.push_back(c.model.layers[0]);
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  c.model.layers[1].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 8, .experts_used = 4};
  model::Tensor& many = c.model.tensors[0];
  many.role = model::Role::expert_ffn;
  many.shape = {4096, 4096, 64, 1};
  many.bytes = Bytes(32e9);
  model::Tensor few = many;
  few.layer = 1;
  few.shape = {4096, 4096, 8, 1};
  few.bytes = Bytes(8e9);
  c.model.tensors.push_back(few);
  c.place.tensor_device = {0, 0};
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_bytes(*load, work, StageKind::experts), 1e9 + 4e9, 1);
}

// Of 512 tokens, each of which takes 2 of 64 experts, an expert gets 16: half of what effects are counted from.
TEST(Cost, ExpertsOfAMicroBatchGetFewRows) {
  Case c;
  c.model.tensors[0].role = model::Role::expert_ffn;
  c.model.tensors[0].shape = {4096, 4096, 64, 1};
  c.model.tensors[0].quant = "q4_k";
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  const auto exponent = [&](const char* engine, int ubatch) {
    c.place.engine = engine;
    c.place.settings.ubatch = c.place.settings.max_batched_tokens = ubatch;
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    double found = 0;
    for (const Path& path : load->paths)
      for (const Factor& factor : path.factors)
        if (factor.effect == "gemm|expert_rows:backend=cuda") found = factor.exponent;
    return found;
  };
  EXPECT_NEAR(exponent("llama.cpp", 512), std::log(0.5), 1e-12);
  EXPECT_NEAR(exponent("llama.cpp", 2048), std::log(2), 1e-12);
  EXPECT_NEAR(exponent("llama.cpp", 1 << 20), std::log(512.0 / 32), 1e-12);   // tiles are full
  EXPECT_EQ(exponent("vllm", 512), 0);
}

}  // namespace
}  // namespace rigcast::cost
