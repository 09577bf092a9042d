// What the engines' builds of one date do and those of another do not: kernels started for a token, and work done for a prompt.

#include <cmath>

#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"
#include "cost/engines.hpp"

namespace rigcast::cost {
namespace {

using test::Case;
using test::stage_bytes;

Load built_in(const Case& c, double year) {
  Conditions conditions;
  conditions.engine_year = year;
  return *load_of(c.model, c.rig, c.place, conditions);
}

// Kernels that a step of decoding starts; 16 are a plain layer of attention and feed-forward.
double kernels(const Case& c, double year) {
  std::vector<StageWork> work;
  const Load load = built_in(c, year);
  add_decode(load, 0, 1, 1, work);
  return stage_bytes(load, work, StageKind::launch);
}

// 8 experts a token: softmax, sort, gathering, sum and division, and 7 additions to one kernel each: 5 + 8 fewer.
TEST(Engines, RoutersWereFusedInTheAutumnOf2025) {
  Case c;
  c.model.layers[0].feed_forward.kind = model::FeedForwardKind::moe;
  c.model.layers[0].feed_forward.experts = 128;
  c.model.layers[0].feed_forward.experts_used = 8;
  EXPECT_NEAR(kernels(c, 2025.6) - kernels(c, 2026), 13, 1e-9);
  EXPECT_NEAR(kernels(c, 2026), 16, 1e-9);
  c.place.backend = "sycl";   // has no such kernel
  EXPECT_NEAR(kernels(c, 2026), 29, 1e-9);
  c.place.engine = "vllm";
  EXPECT_NEAR(kernels(c, 2025.6), 16, 1e-9);
}

// Where Python starts a part of every layer it runs ahead of the device, and what it costs is its own.
TEST(Engines, VllmCapturedPiecesOnAscendUntilTheSummerOf2026) {
  const auto pieces = [](const Case& c, double year) {
    const Load load = built_in(c, year);
    bool found = false;
    for (const Stage& stage : load.stages)
      if (stage.kind == StageKind::launch)
        for (const Factor& factor : load.paths[static_cast<std::size_t>(stage.memory)].factors) found |= factor.effect == "launch|pieces";
    return std::pair(found, load.runs_ahead);
  };
  Case c;
  c.place.engine = "vllm";
  EXPECT_EQ(pieces(c, 2026.3), std::pair(false, false));
  c.place.backend = "cann";
  EXPECT_EQ(pieces(c, 2026.3), std::pair(true, true));
  EXPECT_EQ(pieces(c, 2026.6), std::pair(false, false));
  c.place.settings.eager = true;   // then nothing is captured
  EXPECT_EQ(pieces(c, 2026.3), std::pair(false, true));
  c.place.settings.eager = false;
  c.place.engine = "mindie";
  EXPECT_EQ(pieces(c, 2026.3), std::pair(false, false));
}

TEST(Engines, DeltaRulesWereManyKernelsUntilTheSpringOf2026) {
  Case c;
  c.model.layers[0].feed_forward.kind = model::FeedForwardKind::none;
  c.model.layers[0].recurrent.kind = model::RecurrentKind::gated_delta;
  const double fused = kernels(c, 2026.5);
  EXPECT_NEAR(fused, 0.95 * 16, 1e-9);
  EXPECT_NEAR(kernels(c, 2026.1) - fused, 90, 1e-9);
  EXPECT_NEAR(kernels(c, 2026.2) - fused, 22, 1e-9);
  c.place.engine = "ollama";   // its llama.cpp is some months older
  EXPECT_NEAR(kernels(c, 2026.35) - fused, 22, 1e-9);
  c.model.layers[0].recurrent.kind = model::RecurrentKind::mamba2;
  EXPECT_NEAR(kernels(c, 2026.1) - fused, 0, 1e-9);
}

// Ubatches of a prompt follow each other through two cards where the backend has events.
TEST(Engines, VulkanPipelinesPromptsSince2026) {
  Case c;
  c.on_two_devices();
  c.place.mode = placement::Mode::layer;
  c.place.backend = "vulkan";
  EXPECT_EQ(built_in(c, 2026.2).pipeline_devices, 1);
  EXPECT_EQ(built_in(c, 2026.6).pipeline_devices, 2);
  c.place.backend = "cuda";
  EXPECT_EQ(built_in(c, 2026.2).pipeline_devices, 2);
  c.place.engine = "ik_llama.cpp";
  EXPECT_EQ(built_in(c, 2026.6).pipeline_devices, 1);
}

// llama.cpp keeps the inputs of 4 passes: over 8 cards a pass ends every second stage of work, and 4 passes take 8 + 3 x 2 stages instead of 32.
TEST(Engines, FourPassesOfAPromptAreUnderWay) {
  Case c;
  c.on_two_devices();
  c.place.mode = placement::Mode::layer;
  Load load = built_in(c, 2026.5);
  EXPECT_EQ(load.passes_in_flight, 2);
  const auto share = [&](int devices, int passes) {   // of the work that is waited for
    load.pipeline_devices = devices;
    load.passes_in_flight = passes;
    std::vector<StageWork> work;
    add_prefill(load, 2048, 0, 1, work);   // 4 passes of 512
    return stage_bytes(load, work, StageKind::weights) / (4 * 140e9);
  };
  constexpr double kGain = 0.75;
  EXPECT_NEAR(share(1, 1), 1, 1e-9);
  EXPECT_NEAR(share(4, 4), std::pow((4 + 3) / 16.0, kGain), 1e-9);
  EXPECT_NEAR(share(8, 4), std::pow((8 + 3 * 2) / 32.0, kGain), 1e-9);
  EXPECT_EQ(passes_in_flight(setting_of("llama.cpp", "cuda"), 8), 4);
  EXPECT_EQ(passes_in_flight(setting_of("vllm", "cuda"), 8), 8);
}

TEST(Engines, MusaCapturesGraphsSinceJuly2026) {
  Case c;
  c.place.engine = "vllm";
  c.place.backend = "musa";
  EXPECT_TRUE(built_in(c, 2026.4).runs_ahead);    // every kernel is started from Python, while the device works
  EXPECT_FALSE(built_in(c, 2026.6).runs_ahead);
  c.place.backend = "cuda";
  EXPECT_FALSE(built_in(c, 2026.4).runs_ahead);
}

TEST(Engines, ExpertsWereMultipliedOneByOne) {
  const auto loops = [](const char* engine, double year) {
    Conditions conditions;
    conditions.engine_year = year;
    return loops_over_experts(setting_of(engine, "cuda", conditions));
  };
  EXPECT_TRUE(loops("llama.cpp", 2025.2));
  EXPECT_FALSE(loops("llama.cpp", 2025.5));
  EXPECT_FALSE(loops("ik_llama.cpp", 2025.2));
}

// Attention of RDNA 4 got WMMA kernels in January 2026, of RDNA 3 in May; other chips and backends had theirs.
TEST(Engines, MatrixUnitsOfRdnaAttendSince2026) {
  const auto plain = [](const char* family, const char* backend, double year) {
    Case c;
    c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 32, .kv_heads = 8, .key_dim = 128, .value_dim = 128};
    c.rig.devices[0].device.architecture = family;
    c.place.backend = backend;
    c.place.settings.flash_attention = true;
    const Load load = built_in(c, year);
    bool found = false;
    for (const Path& path : load.paths)
      for (const Factor& factor : path.factors) found |= factor.effect == "attention|plain_units";
    return found;
  };
  EXPECT_TRUE(plain("rdna4", "rocm", 2025.96));
  EXPECT_FALSE(plain("rdna4", "rocm", 2026.13));
  EXPECT_TRUE(plain("rdna3.5", "rocm", 2026.13));
  EXPECT_FALSE(plain("rdna3.5", "rocm", 2026.46));
  EXPECT_FALSE(plain("rdna4", "vulkan", 2025.96));
  EXPECT_FALSE(plain("cdna3", "rocm", 2025.96));
}

}  // namespace
}  // namespace rigcast::cost
