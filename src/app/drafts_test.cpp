// Questions of those who let a model draft its own tokens.
#include <cmath>

#include <gtest/gtest.h>

#include "app/detail/test_plan.hpp"

namespace rigcast::app {
namespace {

using test::answer_of;
using test::asked;

double step_of(const PlanAnswer& answer) {
  double seconds = 0;
  for (const cost::Term& term : answer.speed->decode.derivation) seconds += term.time.value();
  return seconds;
}

// A step of four tokens reads the weights once: more than one token comes of it, and less than the four that could. The speed without is that of the
// same question without the flags; prompts take as long.
TEST(Drafts, AreToldBesideTheSpeedWithout) {
  const char* flags = "-c 16384 -ngl 99 --spec-type draft-mtp --spec-draft-n-max 3";
  const PlanAnswer plain = answer_of(asked("qwen3.6-27b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 16384 -ngl 99")), drafts = answer_of(asked("qwen3.6-27b:q4_k_m", "3090", "llama.cpp", 1, 0, flags));
  ASSERT_TRUE(plain.speed && drafts.speed && drafts.drafting);
  EXPECT_FALSE(plain.drafting);
  EXPECT_NEAR(drafts.drafting->plain, plain.speed->decode.value.p50, 1e-9 * plain.speed->decode.value.p50);
  EXPECT_NEAR(drafts.drafting->drafts.kept, 1 + 0.85 + std::pow(0.85, 2) + std::pow(0.85, 3), 1e-12);
  EXPECT_NEAR(drafts.speed->decode.value.p50, drafts.drafting->drafts.kept / step_of(drafts), 1e-6 * drafts.speed->decode.value.p50);
  EXPECT_GT(drafts.speed->decode.value.p50, 1.2 * plain.speed->decode.value.p50);
  EXPECT_LT(drafts.speed->decode.value.p90, 4 * plain.speed->decode.value.p90);
  EXPECT_NEAR(drafts.speed->prefill.value.p50, plain.speed->prefill.value.p50, 1e-9 * plain.speed->prefill.value.p50);
  EXPECT_NE(drafts.launch.line.find("--spec-type draft-mtp --spec-draft-n-max 3"), std::string::npos) << drafts.launch.line;
}

TEST(Drafts, GainWhatTheAcceptanceSays) {
  PlanRequest request = asked("qwen3-32b:fp8", "h100-sxm-80gb", "vllm", 1, 32768, R"(--speculative-config '{"model":"Qwen/Qwen3-0.6B","num_speculative_tokens":4}')");
  double before = 0;
  for (const double acceptance : {0.2, 0.5, 0.8}) {
    request.question.acceptance = acceptance;
    const PlanAnswer answer = answer_of(request);
    ASSERT_TRUE(answer.speed && answer.drafting);
    EXPECT_GT(answer.speed->decode.value.p50, before);
    before = answer.speed->decode.value.p50;
    EXPECT_FALSE(answer.drafting->counted) << "another model's weights are not known";
  }
}

TEST(Drafts, OfLayersThatNobodyListsAreAskedForAtOnesRisk) {
  const PlanAnswer dense = answer_of(asked("qwen3-32b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 8192 --spec-type draft-mtp")), own = answer_of(asked("qwen3.6-27b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 8192 --spec-type draft-mtp"));
  EXPECT_NE(test::caveat(dense, "no-draft-layers").find("llama.cpp does not start"), std::string::npos);
  EXPECT_EQ(test::caveat(own, "no-draft-layers"), "");
}

TEST(Drafts, ThatNothingMakesChangeNothing) {
  PlanRequest request = asked("qwen3-8b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 8192");
  const PlanAnswer plain = answer_of(request);
  request.question.acceptance = 0.5;
  const PlanAnswer stated = answer_of(request);
  EXPECT_EQ(test::caveat(plain, "no-drafts"), "");
  EXPECT_NE(test::caveat(stated, "no-drafts"), "");
  EXPECT_EQ(stated.speed->decode.value.p50, plain.speed->decode.value.p50);
}

// MindIE reads what drafts from its config.json, where it is a text of JSON.
TEST(Drafts, StandInMindIesFile) {
  const PlanAnswer answer = answer_of(asked("deepseek-v3.1:int8", "8x910b3 | 8x910b3; net=200gbe", "mindie", 1, 8192, R"(plugin_params '{"plugin_type":"mtp","num_speculative_tokens":1}')"));
  EXPECT_NE(answer.launch.file_text.find(R"("plugin_params": "{\"plugin_type\":\"mtp\",\"num_speculative_tokens\":1}")"), std::string::npos) << answer.launch.file_text;
}

TEST(Drafts, FromEarlierTextAreLeftToTheText) {
  const PlanAnswer answer = answer_of(asked("qwen3-32b:fp8", "h100-sxm-80gb", "vllm", 1, 32768, R"(--speculative-config '{"method":"ngram","num_speculative_tokens":5}')"));
  ASSERT_TRUE(answer.speed && answer.drafting);
  EXPECT_EQ(answer.drafting->drafts.tokens, 0);
  EXPECT_TRUE(answer.drafting->counted) << "there is nothing to count";
  EXPECT_NEAR(answer.drafting->plain, answer.speed->decode.value.p50, 1e-9 * answer.drafting->plain);
}

// GLM 4.6 has one layer for it: a forty-sixth and more of its mixture. Under vLLM each of eight devices holds an eighth of that and its part of one more
// layer's cache; without the flags nothing of it is loaded.
TEST(Drafts, TheModelsOwnLayersTakeMemory) {
  const PlanAnswer plain = answer_of(asked("glm-4.6:fp8", "8xh200 nvlink", "vllm", 1, 32768, "-tp 8")),
                   drafts = answer_of(asked("glm-4.6:fp8", "8xh200 nvlink", "vllm", 1, 32768, R"(-tp 8 --speculative-config '{"method":"mtp","num_speculative_tokens":1}')"));
  ASSERT_TRUE(plain.placement.fits && drafts.placement.fits && drafts.drafting);
  EXPECT_TRUE(drafts.drafting->counted);
  double layer = 0;
  for (const model::Tensor& tensor : plain.architecture->tensors)
    if (tensor.role == model::Role::next_token && tensor.name.find("embed") == std::string::npos && tensor.name.find("shared_head_head") == std::string::npos) layer += tensor.bytes.value();
  ASSERT_GT(layer, 3e9);
  const double more = (drafts.placement.devices.front().memory.weights - plain.placement.devices.front().memory.weights).value();
  EXPECT_GE(more, layer / 8);
  EXPECT_LE(more, layer / 8 + 0.2e9) << "routers, norms and what joins the layer to the trunk lie whole on each";
  EXPECT_LT(drafts.placement.kv_tokens, plain.placement.kv_tokens);
}

}  // namespace
}  // namespace rigcast::app
