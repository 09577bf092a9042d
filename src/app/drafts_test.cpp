// Questions of those who let a model draft its own tokens.
#include <cmath>

#include <gtest/gtest.h>

#include "app/detail/test_plan.hpp"
#include "app/models.hpp"

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
  PlanRequest request = asked("qwen3-32b:fp8", "h100-sxm-80gb", "vllm", 1, 32768, R"(--speculative-config '{"model":"my-own/little-drafter","num_speculative_tokens":4}')");
  double before = 0;
  for (const double acceptance : {0.2, 0.5, 0.8}) {
    request.question.acceptance = acceptance;
    const PlanAnswer answer = answer_of(request);
    ASSERT_TRUE(answer.speed && answer.drafting);
    EXPECT_GT(answer.speed->decode.value.p50, before);
    before = answer.speed->decode.value.p50;
    EXPECT_FALSE(answer.drafting->counted) << "another model's weights are not known";
    EXPECT_EQ(answer.drafting->model, "my-own/little-drafter");
    EXPECT_EQ(answer.drafting->drafts.acceptance, acceptance);
    EXPECT_EQ(answer.drafting->sources, "") << "it is stated";
  }
}

// Qwen3 0.6B has 28 layers with 8 cache heads of 128: 114,688 bytes a token in 16 bits, beside the 262,144 of Qwen3 32B's 64 layers. Whatever the weights
// take, blocks of the cache hold so many fewer tokens.
TEST(Drafts, OfAnotherModelAreThatModelsWork) {
  const char* flags = R"(--speculative-config '{"model":"Qwen/Qwen3-0.6B","num_speculative_tokens":4}')";
  const PlanAnswer plain = answer_of(asked("qwen3-32b:fp8", "h100-sxm-80gb", "vllm", 1, 32768)), drafts = answer_of(asked("qwen3-32b:fp8", "h100-sxm-80gb", "vllm", 1, 32768, flags));
  ASSERT_TRUE(plain.placement.fits && drafts.placement.fits && drafts.drafting);
  EXPECT_TRUE(drafts.drafting->counted);
  EXPECT_EQ(drafts.drafting->model, "qwen3-0.6b BF16");
  EXPECT_NE(drafts.drafting->sources, "");
  ASSERT_TRUE(drafts.request.drafter);
  const double weights = drafts.request.drafter->architecture.weight_bytes().value();
  EXPECT_GT(weights, 1.1e9);
  EXPECT_NEAR((drafts.placement.devices.front().memory.weights - plain.placement.devices.front().memory.weights).value(), weights, 1);
  const double held = static_cast<double>(drafts.placement.kv_tokens) / static_cast<double>(plain.placement.kv_tokens), left = drafts.placement.devices.front().memory.kv / plain.placement.devices.front().memory.kv;
  EXPECT_NEAR(held, left * 262144 / (262144 + 114688), 1e-3);
  // A prompt is read by both.
  EXPECT_LT(drafts.speed->prefill.value.p50, plain.speed->prefill.value.p50);
  EXPECT_GT(drafts.speed->prefill.value.p50, 0.75 * plain.speed->prefill.value.p50);
  const PlanAnswer larger = answer_of(asked("qwen3-32b:fp8", "h100-sxm-80gb", "vllm", 1, 32768, R"(--speculative-config '{"model":"Qwen/Qwen3-4B","num_speculative_tokens":4}')"));
  ASSERT_TRUE(larger.speed);
  EXPECT_LT(larger.speed->decode.value.p50, drafts.speed->decode.value.p50) << "each of its passes reads six times as much";
}

// llama.cpp lays the other model out as a whole beside the first, with a cache of 16 bits of the same length, and takes the format people download.
TEST(Drafts, OfAnotherFileLieBesideIt) {
  const PlanAnswer plain = answer_of(asked("qwen3-14b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 16384 -ngl 99 -ctk q8_0 -ctv q8_0")),
                   drafts = answer_of(asked("qwen3-14b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 16384 -ngl 99 -ctk q8_0 -ctv q8_0 -md Qwen3-0.6B-Q8_0.gguf"));
  ASSERT_TRUE(plain.placement.fits && drafts.placement.fits && drafts.drafting);
  EXPECT_EQ(drafts.drafting->model, "qwen3-0.6b Q8_0");
  EXPECT_NEAR((drafts.placement.devices.front().memory.kv - plain.placement.devices.front().memory.kv).value(), 16384 * 114688.0, 1) << "F16, whatever the model's own cache is in";
  EXPECT_GT((drafts.placement.devices.front().memory.weights - plain.placement.devices.front().memory.weights).value(), 0.4e9);
  const PlanAnswer usual = answer_of(asked("qwen3-14b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 16384 -ngl 99 -hfd unsloth/Qwen3-0.6B-GGUF"));
  ASSERT_TRUE(usual.drafting);
  EXPECT_EQ(usual.drafting->model, "qwen3-0.6b Q4_K_M");
}

// Where layers are cut into stages, what drafts lies with the head, on the last of them.
TEST(Drafts, OfOwnLayersLieOnTheLastStage) {
  const PlanAnswer plain = answer_of(asked("glm-4.6:fp8", "8xh200 nvlink", "vllm", 1, 32768, "-tp 4 -pp 2")),
                   drafts = answer_of(asked("glm-4.6:fp8", "8xh200 nvlink", "vllm", 1, 32768, R"(-tp 4 -pp 2 --speculative-config '{"method":"mtp","num_speculative_tokens":1}')"));
  ASSERT_TRUE(plain.placement.fits && drafts.placement.fits && drafts.drafting);
  EXPECT_TRUE(drafts.drafting->counted);
  EXPECT_EQ(drafts.placement.draft_layers, 1u);
  const auto weights = [](const PlanAnswer& answer, std::size_t share) { return answer.placement.devices[share].memory.weights.value(); };
  EXPECT_EQ(weights(drafts, 0), weights(plain, 0));
  EXPECT_GT(weights(drafts, 7), weights(plain, 7) + 0.5e9);
  EXPECT_EQ(drafts.placement.devices[7].layer_count, plain.placement.devices[7].layer_count) << "how stages are cut does not count it";
}

// Gemma 3 1B has one head of keys and values, of which two cards cannot have one each; the 27B has sixteen.
TEST(Drafts, OfAModelThatCannotBeLaidOutAreBlamedOnIt) {
  const auto refused = plan(test::knowledge(), asked("gemma-3-27b:exl3-4.0bpw", "2x3090", "exllamav3", 1, 0, "--tensor-parallel true --max-seq-len 8192 --draft-model gemma-3-1b"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "what drafts (Gemma 3 1B) cannot be laid out: of 2 devices not every one gets a head of its own of the cache");
  EXPECT_TRUE(plan(test::knowledge(), asked("gemma-3-27b:exl3-4.0bpw", "2x3090", "exllamav3", 1, 0, "--tensor-parallel true --max-seq-len 8192")));
}

// llama.cpp pull request 22673, of May 2026.
TEST(Drafts, OfOwnLayersAreRefusedToOlderBuilds) {
  PlanRequest request = asked("qwen3.6-27b:q4_k_m", "3090", "llama.cpp", 1, 0, "-c 8192 --spec-type draft-mtp");
  request.question.engine_date = "2026-04";
  const auto refused = plan(test::knowledge(), request);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("since 2026-05: builds of 2026-04 do not start"), std::string::npos) << refused.error().message;
  request.question.engine_date = "2026-05";
  EXPECT_TRUE(plan(test::knowledge(), request));
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
