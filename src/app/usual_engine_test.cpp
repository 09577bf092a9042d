// Questions of those who name no engine.
#include <gtest/gtest.h>

#include "app/compare.hpp"
#include "app/detail/test_plan.hpp"

namespace rigcast::app {
namespace {

using test::answer_of;
using test::asked;

std::string engine_of(const char* model, const char* rig, const char* flags = "") { return answer_of(asked(model, rig, "", 1, 0, flags)).engine.key; }

bool says(const PlanAnswer& answer, const char* words) {
  return std::any_of(answer.notes.begin(), answer.notes.end(), [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

// Who has cards of servers runs what serves many; desktops, workstations and cards that such engines no longer run on take llama.cpp.
TEST(UsualEngine, IsTheOneOfTheCards) {
  for (const char* rig : {"8xh20-96gb", "l20", "a100-sxm-80gb", "8x910b3", "mi300x"}) EXPECT_EQ(engine_of("qwen3-32b", rig), "vllm") << rig;
  EXPECT_EQ(engine_of("qwen3-32b", "atlas-300i-duo-96gb"), "mindie");
  for (const char* rig : {"2x3090", "4090-48g", "mi50-32g", "v100-sxm2-32gb", "2xp40", "m4-max-64g", "ryzen-ai-max-395-128g", "host=epyc-7532:8xddr4-3200:512g"}) EXPECT_EQ(engine_of("qwen3-32b", rig), "llama.cpp") << rig;
}

// 65 GB of BF16 lie on an H20 of 96 GB and not on an L20 of 48 GB, where the half of it does; said either way.
TEST(UsualEngine, TakesAFormatThatFits) {
  const PlanAnswer large = answer_of(asked("qwen3-32b", "h20-96gb", "")), small = answer_of(asked("qwen3-32b", "l20", ""));
  EXPECT_EQ(large.architecture->quant, "BF16");
  EXPECT_EQ(small.architecture->quant, "FP8");
  EXPECT_TRUE(small.placement.fits);
  EXPECT_TRUE(says(large, "No engine is named: vLLM is taken"));
  EXPECT_TRUE(says(small, "FP8 is assumed, for that does not fit."));
}

// GGUF is llama.cpp's wherever it lies, and what only another engine reads is that one's.
TEST(UsualEngine, IsTheOneOfTheFormat) {
  EXPECT_EQ(engine_of("qwen3-32b:q4_k_m", "h20-96gb"), "llama.cpp");
  EXPECT_EQ(engine_of("qwen3-8b:exl3-4.0bpw", "3090"), "exllamav3");
  EXPECT_EQ(engine_of("qwen3-8b:mlx-4bit", "m4-max-64g"), "mlx");
  const PlanAnswer awq = answer_of(asked("qwen3-32b:awq", "2x3090", ""));
  EXPECT_EQ(awq.engine.key, "vllm");
  EXPECT_TRUE(says(awq, "No engine is named: vLLM is taken, for llama.cpp does not run this here."));
}

// 235 B in four bits are 130 GB: an L20 holds a third, and llama.cpp the rest in the host.
TEST(UsualEngine, IsOneThatHoldsTheModel) {
  const PlanAnswer answer = answer_of(asked("qwen3-235b-a22b", "l20; host=epyc-7532:8xddr4-3200:512g", ""));
  EXPECT_EQ(answer.engine.key, "llama.cpp");
  EXPECT_TRUE(says(answer, "No engine is named: llama.cpp is taken, for vLLM does not hold the model here."));
}

TEST(UsualEngine, IsTheOneOfTheFlags) {
  EXPECT_EQ(engine_of("qwen3-8b", "3090", "vllm serve Qwen/Qwen3-8B --max-model-len 8192"), "vllm");
  EXPECT_EQ(engine_of("qwen3-8b", "3090", "python3 -m sglang.launch_server --model-path Qwen/Qwen3-8B --context-length 8192"), "sglang");
  EXPECT_EQ(engine_of("qwen3-8b:q4_k_m", "l20", "-c 8192 -ngl 99"), "llama.cpp");
  EXPECT_EQ(engine_of("qwen3-32b", "h100-sxm-80gb", "--port 8000"), "vllm") << "both know it: the usual one on the card";
  EXPECT_EQ(engine_of("qwen3-32b:awq", "3090", "--port 8000"), "vllm") << "llama.cpp knows the flag and not the format";
}

// DeepSeek R1 is published in FP8, which vLLM reads and no Ascend before the 950 computes in: eight bits of another kind are what its users run.
TEST(UsualEngine, TakesAFormatThatTheCardComputesIn) {
  const PlanAnswer answer = answer_of(asked("deepseek-r1", "8x910b3; nodes=2", "vllm"));
  EXPECT_TRUE(answer.placement.fits);
  EXPECT_EQ(answer.architecture->quant, "W8A8");
  const PlanAnswer half = answer_of(asked("deepseek-r1", "8xh100-sxm-80gb nvlink", ""));   // 642 GiB in FP8 on 8 x 79
  EXPECT_EQ(half.engine.key, "vllm");
  EXPECT_TRUE(half.placement.fits && says(half, "published in FP8: AWQ is assumed, for that does not fit.")) << half.architecture->quant;
}

// Of formats in four bits that are as large, the one that somebody publishes; where nobody publishes either, the engine's first.
TEST(UsualEngine, TakesAFormatThatIsPublished) {
  const PlanAnswer published = answer_of(asked("qwen3-32b", "3090", "vllm")), none = answer_of(asked("exaone-4.0-32b", "3090", "vllm"));
  EXPECT_EQ(published.architecture->quant, "AWQ");
  EXPECT_TRUE(published.launch.line.starts_with("vllm serve Qwen/Qwen3-32B-AWQ ")) << published.launch.line;
  EXPECT_EQ(none.architecture->quant, "GPTQ");
}

// Mistral's models of December 2025 are published in FP8: nobody has to be told that.
TEST(UsualEngine, TakesWhatTheRepositoryHolds) {
  const PlanAnswer answer = answer_of(asked("ministral-3-14b", "4090", "vllm"));
  EXPECT_TRUE(answer.architecture->quant.starts_with("FP8"));
  EXPECT_TRUE(answer.launch.line.starts_with("vllm serve mistralai/Ministral-3-14B-Instruct-2512 ")) << answer.launch.line;
  EXPECT_FALSE(says(answer, "No format is named"));
}

// vLLM's plugin has kernels for W8A8 alone on a 300I Duo, MindIE reads nothing else in fewer bits: nobody there is told to run AWQ, nor that llama.cpp,
// which nobody asked for, does not read it.
TEST(UsualEngine, IsNotBlamedWhereNoneTakesTheFormat) {
  const auto awq = plan(test::knowledge(), asked("qwen3-32b:awq", "atlas-300i-duo-96gb", ""));
  ASSERT_FALSE(awq);
  EXPECT_EQ(awq.error().message, "no engine that is known here runs AWQ INT4, groups of 128 weights on Atlas 300I Duo 96GB");
  EXPECT_EQ(awq.error().nearest, "qwen3-32b:w8a8");   // MindIE's, which is taken for it
  const auto pascal = plan(test::knowledge(), asked("qwen3-8b:fp8", "p40", ""));
  ASSERT_FALSE(pascal);
  EXPECT_EQ(pascal.error().message, "no engine that is known here runs FP8 E4M3, 128 x 128 blocks weights on Tesla P40");
  EXPECT_EQ(pascal.error().nearest, "qwen3-8b:q8_0");
}

// vLLM-Kunlun is made for the third generation and lists the first two as not supported.
TEST(UsualEngine, OfKunlunIsVllmOnTheP800Alone) {
  EXPECT_EQ(engine_of("qwen3-32b", "p800"), "vllm");
  for (const char* old : {"kunlun-k200", "kunlun-r200"}) {
    const auto refused = plan(test::knowledge(), asked("qwen3-8b", old, ""));
    ASSERT_FALSE(refused) << old;
    EXPECT_NE(refused.error().message.find("vLLM-Kunlun runs on the P800 (Kunlun 3) alone"), std::string::npos) << refused.error().message;
    for (const char* engine : {"", "llama.cpp", "vllm"}) {   // whatever is asked of it: it is the card
      const auto format = plan(test::knowledge(), asked("qwen3-8b:q4_k_m", old, engine));
      ASSERT_FALSE(format) << old << engine;
      EXPECT_TRUE(format.error().message.starts_with("no engine that is known here runs on ")) << format.error().message;
      EXPECT_NE(format.error().message.find("PaddlePaddle is what runs there."), std::string::npos) << format.error().message;
    }
  }
  EXPECT_EQ(engine_of("qwen3-32b", "enflame-l600"), "vllm");
}

// It makes no difference which host has one card and which three.
TEST(UsualEngine, SumsGoRoundTheLargestHost) {
  const auto decode = [](const char* rig) { return answer_of(asked("llama-3.3-70b:awq", rig, "vllm")).speed->decode.value.p50; };
  EXPECT_NEAR(decode("3090 | 3x3090"), decode("3x3090 | 3090"), 1e-6);
}

// A name nobody knows is refused as before, and one that is named stays.
TEST(UsualEngine, IsNotTakenWhereOneIsNamed) {
  EXPECT_EQ(answer_of(asked("qwen3-32b:q4_k_m", "h20-96gb", "vllm")).engine.key, "vllm");
  EXPECT_EQ(answer_of(asked("qwen3-32b", "h20-96gb", "llama.cpp")).engine.key, "llama.cpp");
  EXPECT_FALSE(plan(test::knowledge(), asked("qwen3-32b", "h20-96gb", "vlmm")));
}

}  // namespace
}  // namespace rigcast::app
