#include "app/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace rigcast::app {
namespace {

const Knowledge& knowledge() {
  static const Knowledge loaded = *load_knowledge({});
  return loaded;
}

double weights_of(const std::string& model, const std::string& engine, const std::string& rig) {
  PlanRequest request;
  request.model = model;
  request.rig = rig;
  request.placement.engine = engine;
  const auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? answer->architecture.weight_bytes().value() : 0;
}

// The published GGUF of gpt-oss-20b has 12,101,070,356 bytes, 8 MB of them vocabulary: experts in MXFP4, all else in Q8_0. The checkpoint that
// vLLM reads has BF16 there: 13.8 GB.
TEST(Plan, Mxfp4MeansWhatTheFilesOfTheEngineHold) {
  for (const char* name : {"gpt-oss-20b", "gpt-oss-20b:mxfp4"}) {
    EXPECT_NEAR(weights_of(name, "llama.cpp", "rtx-3090"), 12.10e9, 0.005 * 12.10e9) << name;
    EXPECT_NEAR(weights_of(name, "ollama", "rtx-3090"), 12.10e9, 0.005 * 12.10e9) << name;
    EXPECT_NEAR(weights_of(name, "vllm", "rtx-3090"), 13.76e9, 0.01 * 13.76e9) << name;
  }
}

// Qwen3 8B was made for 40,960 tokens: asked for 60,000, every engine says so; asked for what it holds, none does.
// Cards that vLLM knows through a plugin of their maker: a plan, with a speed where the bandwidth is known, and a word on the plugin.
TEST(Plan, AcceleratorsRunThroughTheirPlugins) {
  for (const char* card : {"metax-c500", "hygon-bw1000", "mlu370-x8", "mtt-s4000", "iluvatar-bi-v150", "kunlun-p800", "enflame-s60", "gaudi-2", "tpu-v5p"}) {
    PlanRequest request;
    request.model = "qwen3-8b:bf16";
    request.rig = card;
    request.placement.engine = "vllm";
    const auto answer = plan(knowledge(), request);
    ASSERT_TRUE(answer) << card << ": " << to_text(answer.error());
    EXPECT_TRUE(answer->placement.fits) << card;
    EXPECT_EQ(answer->speed.has_value(), answer->rig.devices.front().device.bandwidth.has_value()) << card;   // some publish none
    const auto& caveats = answer->placement.caveats;
    EXPECT_TRUE(std::any_of(caveats.begin(), caveats.end(), [](const auto& caveat) { return caveat.id.starts_with("vllm-plugin-"); })) << card;
  }
}

TEST(Plan, AnEngineThatRunsOnTheCardIsNamed) {
  PlanRequest request;
  request.model = "qwen3-8b:q4_k_m";
  request.rig = "metax-c500";
  const auto answer = plan(knowledge(), request);   // llama.cpp
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().nearest, "--engine vllm");
}

TEST(Plan, ContextsBeyondTheModelAreToldWithTheLongestThatIsNot) {
  const auto warned = [&](const char* engine, std::int64_t context) {
    PlanRequest request;
    request.model = "qwen3-8b";
    request.rig = "2x4090";
    request.placement.engine = engine;
    request.placement.context = context;
    const auto answer = plan(knowledge(), request);
    EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
    for (const auto& caveat : answer->placement.caveats)
      if (caveat.id == "context-beyond-model") return caveat.text.find("40960") != std::string::npos;
    return false;
  };
  for (const char* engine : {"llama.cpp", "vllm"}) {
    EXPECT_TRUE(warned(engine, 60000)) << engine;
    EXPECT_FALSE(warned(engine, 40960)) << engine;
  }
}

}  // namespace
}  // namespace rigcast::app
