// What the engines' builds of one date do and those of another do not: kernels started for a token, and work done for a prompt.

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

}  // namespace
}  // namespace rigcast::cost
