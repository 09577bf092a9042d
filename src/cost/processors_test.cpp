#include "cost/processors.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "cost/terms.hpp"

namespace rigcast::cost {
namespace {

rig::Host host(std::vector<std::string> sets, int cores = 16, int channels = 2) {
  rig::Host h;
  h.processor = catalog::Processor{};
  h.processor->cores = h.cores = cores;
  h.processor->base_ghz = 4;
  h.processor->boost_ghz = 6;   // 5 GHz in the mean
  h.processor->instruction_sets = std::move(sets);
  h.channels = channels;
  h.bandwidth = Bandwidth(80e9);
  return h;
}

Setting llama(double year) {
  Conditions conditions;
  conditions.engine_year = year;
  return setting_of("llama.cpp", "cpu", conditions);
}

TEST(Processors, TheWidestSetThatKernelsUseDecides) {
  EXPECT_EQ(instruction_class(host({"avx2", "avx512", "vnni", "amx"})), "amx");
  EXPECT_EQ(instruction_class(host({"avx2", "avx512", "vnni", "bf16"})), "avx512");
  EXPECT_EQ(instruction_class(host({"avx2", "avx512"})), "avx2") << "Skylake: integer kernels of 512 bits need VNNI";
  EXPECT_EQ(instruction_class(host({"neon", "dotprod", "i8mm", "sve"})), "i8mm");
  EXPECT_EQ(instruction_class(host({"rv64gc"})), "scalar");
}

TEST(Processors, KernelsFollowFormatAndDate) {
  const rig::Host zen4 = host({"avx2", "avx512", "vnni", "bf16"}), sapphire = host({"avx2", "avx512", "vnni", "amx"});
  EXPECT_EQ(prompt_kernel(zen4, llama(2024.9), "q4_k", false), HostKernel::dot);
  EXPECT_EQ(prompt_kernel(zen4, llama(2026.5), "q4_k", false), HostKernel::interleaved);
  EXPECT_EQ(prompt_kernel(zen4, llama(2026.5), "q4_k", true), HostKernel::dot);
  EXPECT_EQ(prompt_kernel(zen4, llama(2026.5), "q8_0", false), HostKernel::tiled);
  EXPECT_EQ(prompt_kernel(zen4, llama(2024.0), "q8_0", false), HostKernel::dot);
  EXPECT_EQ(prompt_kernel(sapphire, llama(2026.5), "q4_k", false), HostKernel::matrix_unit);
  EXPECT_EQ(prompt_kernel(sapphire, llama(2026.5), "f16", false), HostKernel::tiled);
}

// 16 cores x 5 GHz x 45 flop.
TEST(Processors, RatesAreCoresTimesClockTimesLanes) {
  const rig::Host zen4 = host({"avx2", "avx512", "vnni", "bf16"});
  EXPECT_NEAR(prompt_rate(zen4, 0, llama(2026.5), "q4_k", false), 16 * 5e9 * 45, 1);
  EXPECT_NEAR(prompt_rate(zen4, 4, llama(2026.5), "q4_k", false), 4 * 5e9 * 45, 1);
  EXPECT_NEAR(decode_rate(zen4, 4, llama(2026.5), "q4_k"), 4 * 5e9 * 16, 1);
  const rig::Host arm = host({"neon", "dotprod", "i8mm"});   // 10 flop a row by itself, 13 interleaved
  EXPECT_NEAR(decode_rate(arm, 4, llama(2026.5), "q8_0"), 4 * 5e9 * 10, 1);
  EXPECT_NEAR(decode_rate(arm, 4, llama(2026.5), "q4_0"), 4 * 5e9 * 13, 1);
}

// Two vectors a cycle at 6 GHz, the highest clock: of 64 products of 8 bits and as many sums, or of 16 multiply-adds; AMX's tiles are 8 times as fast.
TEST(Processors, NoKernelExceedsTheUnits) {
  EXPECT_NEAR(processor_roof(host({"avx2", "avx512", "vnni"}), 4, "q4_k"), 4 * 6e9 * 256, 1);
  EXPECT_NEAR(processor_roof(host({"avx2", "avx512", "vnni"}), 4, "f32"), 4 * 6e9 * 128, 1);
  EXPECT_NEAR(processor_roof(host({"avx2", "avx512", "vnni", "amx"}), 4, "q4_k"), 4 * 6e9 * 2048, 1);
}

// ktransformers: AMX since 0.3 for converted weights, AVX-512 for those that it takes as published.
TEST(Processors, KtransformersUsesTilesForConvertedWeights) {
  const rig::Host sapphire = host({"avx2", "avx512", "vnni", "amx"});
  const auto kernel = [&](double year, const char* format) { return prompt_kernel(sapphire, setting_of("ktransformers", "cuda", {.engine_year = year, .source = {}}), format, true); };
  EXPECT_EQ(kernel(2025.1, "q4_k"), HostKernel::interleaved);
  EXPECT_EQ(kernel(2025.5, "q4_k"), HostKernel::matrix_unit);
  EXPECT_EQ(kernel(2026.0, "fp8"), HostKernel::interleaved);
}

TEST(Processors, FewCoresPullLess) {
  const rig::Host desktop = host({"avx2"});
  EXPECT_EQ(reachable_bandwidth(desktop, 0), Bandwidth(80e9));
  EXPECT_EQ(reachable_bandwidth(desktop, 1), Bandwidth(64e9));
  EXPECT_EQ(reachable_bandwidth(host({"avx2"}, 64, 8), 2), Bandwidth(60e9));
  rig::Host mac = host({"neon"}, 64, 8);
  mac.memory_type = "lpddr5";
  EXPECT_EQ(reachable_bandwidth(mac, 1), Bandwidth(64e9));
}

TEST(Processors, BarriersOfManyCoresCostMore) {
  EXPECT_LT(layer_seconds(host({"avx2"}, 2), 0), 20e-6);
  EXPECT_GT(layer_seconds(host({"avx2"}, 192, 8), 0), 0.8e-3);
}

// Decoding over a cache in host memory takes arithmetic: at 16,384 tokens of a shape like Qwen3 30B (48 layers, 32 heads of 128 on 4) a
// flash kernel of 2025 on 16 cores of 5 GHz takes 48 * 16384 * 32 * 2 * 256 / (80e9 * 1.6) = 0.1 s, five times what reading 1.6 GB takes.
TEST(Processors, DecodingAtDepthTakesArithmetic) {
  model::Architecture model;
  model.hidden = 2048;
  model.layers.resize(48);
  for (model::Layer& layer : model.layers) {
    layer.attention.kind = model::AttentionKind::full;
    layer.attention.heads = 32;
    layer.attention.kv_heads = 4;
    layer.attention.key_dim = layer.attention.value_dim = 128;
  }
  rig::Rig rig;
  rig.hosts = {host({"avx2", "avx512", "vnni", "bf16"})};
  placement::Placement place;
  place.engine = "llama.cpp";
  place.backend = "cpu";
  place.mode = placement::Mode::cpu;
  place.settings.flash_attention = true;
  const auto load = load_of(model, rig, place, {.engine_year = 2025.3, .source = {}});
  ASSERT_TRUE(load) << to_text(load.error());
  std::vector<StageWork> work;
  add_decode(*load, 16384, 1, 1, work);
  double took = 0;
  for (const StageWork& w : work)
    if (load->stages[static_cast<std::size_t>(w.stage)].kind == StageKind::kv) took += seconds(*load, w);
  EXPECT_NEAR(took, 48 * 16384.0 * 32 * 2 * 256 / (80e9 * 1.6), 0.002);
}

}  // namespace
}  // namespace rigcast::cost
