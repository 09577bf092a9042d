#include <gtest/gtest.h>

#include <cmath>

#include "cost/detail/test_case.hpp"
#include "cost/measured.hpp"
#include "cost/small_operations.hpp"

namespace rigcast::cost {
namespace {

using test::Case;
using test::stage_seconds;

// Kernels of the engine timed on the host itself stand for the processor, whatever the Calibration says of others.
TEST(Measured, KernelsTimedOnTheHostAreTakenAsTheyAre) {
  Case c;
  rig::Host& host = c.on_processor();
  // f16: one token read 28 GB/s, 28 Gflop/s; many at once 100 Gflop/s.
  host.kernels = {{"matvec", "f16", 1, 2, 28e9, 28e9}, {"matmul", "f16", 128, 2, 0, 100e9}};
  Calibration calibration;
  calibration.effects["host_weights"] = {.mean = -2, .sd = 0.1, .observations = 9};
  calibration.effects["host_gemm"] = {.mean = 1, .sd = 0.1, .observations = 9};
  const auto step = [&](const char* engine, bool decode) {
    c.place.engine = engine;
    Load load = *load_of(c.model, c.rig, c.place);
    resolve(load, calibration);
    std::vector<StageWork> work;
    if (decode) add_decode(load, 0, 1, 1, work);
    else add_prefill(load, 128, 0, 1, work);
    return stage_seconds(load, work, StageKind::weights);
  };
  EXPECT_NEAR(step("llama.cpp", true), 140 / 28.0, 1e-6);                     // reading_rate() leaves exactly that
  // 140e9 flop a token x 128 at 100 Gflop/s are 179.2 s; reading 140 GB at 80 GB/s, 1.75 s, does not show.
  EXPECT_NEAR(step("llama.cpp", false), 179.2, 1e-3);
  // Else the Calibration decides: 140 GB at 80 GB/s x exp(-2) take 12.93 s, and a little arithmetic beside them.
  EXPECT_GE(step("ik_llama.cpp", true), 12.93) << "its kernels are others";
  host.cores = 4;
  EXPECT_GE(step("llama.cpp", true), 12.93) << "timed with other threads";
}

// Stream 1024, 16 query and 8 key heads of 128, feed-forward 3072 (KernelKind::layer counts the same): 12 operations writing
// 6 x 1024 + 2 x 2048 + 3 x 1024 + 3072 = 16,384 numbers, 7 products.
model::Architecture plain_layer() {
  model::Architecture a;
  a.hidden = 1024;
  a.layers.resize(1);
  a.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 16, .kv_heads = 8, .key_dim = 128, .value_dim = 128};
  a.layers[0].feed_forward = {.kind = model::FeedForwardKind::dense, .width = 3072};
  const auto add = [&](const char* name, model::Role role, std::int64_t columns, std::int64_t rows) {
    a.tensors.push_back({.name = name, .role = role, .layer = 0, .shape = {columns, rows, 1, 1}, .quant = rows > 1 ? "f16" : "f32", .bytes = Bytes(2.0 * static_cast<double>(columns * rows))});
  };
  for (const char* name : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) add(name, model::Role::norm, 1024, 1);
  for (const std::int64_t rows : {2048, 1024, 1024, 1024}) add("blk.0.attn.weight", model::Role::attention, 1024, rows);
  for (int i = 0; i < 3; ++i) add("blk.0.ffn.weight", model::Role::dense_ffn, 1024, 3072);
  return a;
}

TEST(Measured, SmallOperationsOfALayer) {
  model::Architecture a = plain_layer();
  EXPECT_EQ(small_operations(a).operations, 12);
  EXPECT_EQ(small_operations(a).numbers, 16384);
  EXPECT_EQ(small_operations(a).products.at("f16"), 7);
  // Norms of 16 query and 8 key heads, each with its scale.
  for (const char* name : {"blk.0.attn_q_norm.weight", "blk.0.attn_k_norm.weight"}) a.tensors.push_back({.name = name, .role = model::Role::norm, .layer = 0, .shape = {128, 1, 1, 1}, .quant = "f32"});
  EXPECT_EQ(small_operations(a).operations, 16);
  EXPECT_EQ(small_operations(a).numbers, 16384 + 2 * (2048 + 1024));
  // 8 of 64 experts of 768 in place of the gate (3072) and the addition (1024): 8 operations and one more for each chosen.
  a.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 8, .expert_width = 768};
  EXPECT_EQ(small_operations(a).operations, 16 - 2 + 16);
  EXPECT_EQ(small_operations(a).numbers, 16384 + 2 * 3072 - 3072 - 1024 + 128 + 8 * (768 + 2048));
}

// 12 operations at 1 us, 65,536 bytes at 10 GB/s, 7 products at 3 us: 39.55 us, whatever the Calibration says of kernels elsewhere.
TEST(Measured, SmallOperationsTimedOnTheHostAreTakenAsTheyAre) {
  Case c;
  c.model = plain_layer();
  rig::Host& host = c.on_processor();
  host.kernels = {{.kernel = "layer", .format = "f32", .threads = 2, .bytes = 10e9, .start = 1e-6}, {.kernel = "matvec", .format = "f16", .threads = 2, .bytes = 28e9, .flop = 28e9, .start = 3e-6}};
  Calibration calibration;
  calibration.effects["host_launch"] = {.mean = -2, .sd = 0.1, .observations = 9};
  const auto step = [&](StageKind kind) {
    Load load = *load_of(c.model, c.rig, c.place);
    resolve(load, calibration);
    std::vector<StageWork> work;
    add_decode(load, 0, 1, 1, work);
    return stage_seconds(load, work, kind);
  };
  EXPECT_NEAR(step(StageKind::small), 12e-6 + 6.5536e-6 + 21e-6, 1e-12);
  EXPECT_EQ(step(StageKind::launch), 0);
  host.kernels.erase(host.kernels.begin());   // products alone do not tell
  EXPECT_EQ(step(StageKind::small), 0);
  EXPECT_GT(step(StageKind::launch), 0);
}

// What query heads share of a cache they read once: the kernel that was timed with as many a cache as the model has.
TEST(Measured, AttentionIsThatOfAsManyHeadsACache) {
  rig::Host host;
  host.cores = 2;
  for (const double heads : {1.0, 4.0, 8.0})
    for (const std::int64_t tokens : {1, 128})
      if (tokens == 1 || heads == 4) host.kernels.push_back({.kernel = "attention", .format = "f16", .tokens = tokens, .threads = 2, .flop = heads * 1e9, .sharing = heads});
  const Setting llama = setting_of("llama.cpp", "cpu");
  const auto rate = [&](double heads) { return measured_attention(host, 2, llama, "f16", "f16", heads).one->flop; };
  EXPECT_EQ(rate(1), 1e9);
  EXPECT_EQ(rate(4), 4e9);
  EXPECT_EQ(rate(16), 8e9);
  EXPECT_EQ(measured_attention(host, 2, llama, "f16", "f16", 16).many->flop, 4e9);
}

// Every chosen expert starts anew: at 20 us each and 20 GB/s, 2 MB take 20 + 100 us and 120 MB 20 + 6,000 us. Many tokens take the kernel that
// was timed with as like a choice as can be; a plain matrix none of experts.
TEST(Measured, ExpertsOfAnySizeStartAndAreRead) {
  rig::Host host;
  host.cores = 2;
  host.kernels = {{.kernel = "experts", .format = "q4_k", .threads = 2, .bytes = 20e9, .flop = 70e9, .start = 20e-6},
                  {.kernel = "experts", .format = "q4_k", .tokens = 128, .threads = 2, .flop = 100e9, .sharing = 8.0 / 128},
                  {.kernel = "experts", .format = "q4_k", .tokens = 128, .threads = 2, .flop = 150e9, .sharing = 2.0 / 8}};
  const Setting llama = setting_of("llama.cpp", "cpu");
  const MeasuredKernels many = measured_weights(host, 2, llama, "q4_k", {.used = 4, .of = 64}), few = measured_weights(host, 2, llama, "q4_k", {.used = 2, .of = 8});
  EXPECT_EQ(many.many->flop, 100e9);
  EXPECT_EQ(few.many->flop, 150e9);
  EXPECT_FALSE(measured_weights(host, 2, llama, "q4_k", {}));
  // Rounded together with the arithmetic beside it (3.5 flop a byte) as a Stage's time is, the fourth root of both to the fourth.
  const auto seconds = [&](double bytes) { return std::pow(std::pow(bytes / reading_rate(many, bytes), 4) + std::pow(3.5 * bytes / 100e9, 4), 0.25); };
  EXPECT_NEAR(seconds(2e6), 120e-6, 1e-9);
  EXPECT_NEAR(seconds(120e6), 6020e-6, 1e-8);
  EXPECT_NEAR(reading_rate(many), 20e9 / std::pow(1 - std::pow(0.7, 4), 0.25), 1);   // of what starts nothing
}

// Three products with experts (gate, up, down) beside four others: what starting them costs is in the experts' own time where that was told
// apart, else each starts once as any product.
TEST(Measured, TimedExpertsStartOnce) {
  model::Architecture a = plain_layer();
  for (model::Tensor& t : a.tensors)
    if (t.role == model::Role::dense_ffn) t.role = model::Role::expert_ffn, t.shape[2] = 8;
  const SmallOperations of = small_operations(a);
  EXPECT_EQ(of.products.at("f16"), 4);
  EXPECT_EQ(of.expert_products.at("f16"), 3);
  rig::Host host;
  host.cores = 2;
  host.kernels = {{.kernel = "layer", .format = "f32", .threads = 2, .start = 1e-6}, {.kernel = "matvec", .format = "f16", .threads = 2, .start = 3e-6}};
  const auto seconds = [&] { return measured_seconds(host, 2, setting_of("llama.cpp", "cpu"), of)->value(); };
  EXPECT_NEAR(seconds(), of.operations * 1e-6 + 7 * 3e-6, 1e-12);
  for (const std::int64_t tokens : {1, 128}) host.kernels.push_back({.kernel = "experts", .format = "f16", .tokens = tokens, .threads = 2, .bytes = 20e9, .flop = 20e9});
  EXPECT_NEAR(seconds(), of.operations * 1e-6 + 4 * 3e-6, 1e-12);
}

}  // namespace
}  // namespace rigcast::cost
