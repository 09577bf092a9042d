#include <algorithm>

#include <gtest/gtest.h>

#include "app/detail/test_knowledge.hpp"
#include "app/plan.hpp"

namespace rigcast::app {
namespace {

using test::knowledge;

PlanAnswer planned(const char* rig, const char* engine, const char* flags) {
  PlanRequest request;
  request.model = "qwen3-8b:bf16";
  request.rig = rig;
  request.placement.engine = engine;
  request.placement.flags = flags;
  auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << to_text(answer.error());
  return std::move(*answer);
}

// Without graphs every step waits for the host to start each kernel; the memory stays counted as it is.
TEST(Flags, EagerEnginesWaitForTheHost) {
  for (const auto& [engine, flag] : {std::pair{"vllm", "--enforce-eager"}, {"sglang", "--disable-cuda-graph"}}) {
    const PlanAnswer graphs = planned("2x3090", engine, ""), eager = planned("2x3090", engine, flag);
    ASSERT_TRUE(graphs.speed && eager.speed) << engine;
    EXPECT_LT(eager.speed->decode.value.p50, graphs.speed->decode.value.p50) << engine;
    EXPECT_EQ(eager.placement.kv_tokens, graphs.placement.kv_tokens) << engine;
    EXPECT_NE(eager.launch.line.find(flag), std::string::npos) << eager.launch.line;
  }
}

// A 5090 D V2 is a 5090 D with less memory, a B770 the chip of a Pro B70: nothing of their arithmetic is missing.
TEST(Devices, SiblingsComputeAlike) {
  const auto prefill = [](const char* rig) {
    PlanRequest request;
    request.model = "qwen3-8b:q4_k_m";
    request.rig = rig;
    const auto answer = plan(knowledge(), request);
    EXPECT_TRUE(answer && answer->speed) << rig;
    return answer->speed->prefill.value.p50;
  };
  EXPECT_GT(prefill("rtx-5090-d-v2"), 0.85 * prefill("rtx-5090-d"));
  EXPECT_GT(prefill("arc-b770"), prefill("arc-b580"));
}

}  // namespace
}  // namespace rigcast::app
