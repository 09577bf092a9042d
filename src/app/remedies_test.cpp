#include <gtest/gtest.h>

#include <algorithm>

#include "app/detail/test_plan.hpp"
#include "base/text.hpp"

namespace rigcast::app {
namespace {

using test::answer_of;
using test::asked;
using test::knowledge;

const Remedy* of_kind(const PlanAnswer& answer, Remedy::Kind kind) {
  const auto found = std::find_if(answer.remedies.begin(), answer.remedies.end(), [&](const Remedy& each) { return each.kind == kind; });
  return found == answer.remedies.end() ? nullptr : &*found;
}

// 18.4 GiB of weights and 8 GiB of cache on 24: each flag alone may give way, and what is told fits where a step less does not.
TEST(Remedies, OfPinnedPlacementsOneFlagAtATime) {
  const char* const flags = "-ngl 99 -c 32768";
  const PlanAnswer now = answer_of(asked("qwen3-32b:q4_k_m", "3090", "llama.cpp", 1, 0, flags));
  ASSERT_FALSE(now.placement.fits || now.searched);
  const auto fits = [](const std::string& with) { return answer_of(asked("qwen3-32b:q4_k_m", "3090", "llama.cpp", 1, 0, with.c_str())).placement.fits; };
  const Remedy* cache = of_kind(now, Remedy::Kind::cache);
  ASSERT_NE(cache, nullptr);
  EXPECT_EQ(cache->flags, "-ngl 99 -c 32768 -ctk q8_0 -ctv q8_0");
  EXPECT_TRUE(fits(cache->flags));
  const Remedy* context = of_kind(now, Remedy::Kind::context);
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(context->flags, "-ngl 99 -c " + context->value);
  EXPECT_TRUE(fits(context->flags));
  EXPECT_FALSE(fits("-ngl 99 -c " + std::to_string(*parse_int(context->value) + 1024)));
  const Remedy* layers = of_kind(now, Remedy::Kind::layers);
  ASSERT_NE(layers, nullptr);
  EXPECT_EQ(layers->flags, "-ngl " + layers->value + " -c 32768");
  EXPECT_TRUE(fits(layers->flags));
  EXPECT_FALSE(fits("-ngl " + std::to_string(*parse_int(layers->value) + 1) + " -c 32768"));
  EXPECT_EQ(of_kind(now, Remedy::Kind::experts), nullptr) << "it has none";
}

TEST(Remedies, OfPinnedMixturesExpertsMove) {
  const PlanAnswer now = answer_of(asked("qwen3-30b-a3b:q8_0", "3090", "llama.cpp", 1, 0, "-ngl 99 -c 32768"));
  const Remedy* experts = of_kind(now, Remedy::Kind::experts);
  ASSERT_NE(experts, nullptr);
  const PlanAnswer then = answer_of(asked("qwen3-30b-a3b:q8_0", "3090", "llama.cpp", 1, 0, experts->flags.c_str()));
  ASSERT_TRUE(then.placement.fits && then.speed);
  EXPECT_DOUBLE_EQ(then.speed->decode.value.p50, experts->decode);
}

// What is faster on the same devices is said where it fits, too: by the numbers that its own command gives.
TEST(Remedies, AnotherBackendIsNamedWhereItIsFaster) {
  const PlanAnswer now = answer_of(asked("qwen3-30b-a3b:q4_k_m", "strix-halo", "llama.cpp"));
  ASSERT_EQ(now.placement.backend, "rocm");
  const Remedy* other = of_kind(now, Remedy::Kind::backend);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->value, "vulkan");
  PlanRequest named = asked("qwen3-30b-a3b:q4_k_m", "strix-halo", "llama.cpp");
  named.placement.backend = other->value;
  EXPECT_DOUBLE_EQ(answer_of(named).speed->decode.value.p50, other->decode);
  EXPECT_EQ(of_kind(answer_of(named), Remedy::Kind::backend), nullptr) << "it is named: nothing is left to propose";
  EXPECT_EQ(of_kind(answer_of(asked("qwen3-8b:q4_k_m", "mi300x", "llama.cpp")), Remedy::Kind::backend), nullptr) << "nobody has timed such chips under Vulkan";
}

TEST(Remedies, AnotherEngineIsNamedWhereItIsFarAhead) {
  const PlanAnswer now = answer_of(asked("llama-3.3-70b:q4_k_m", "2x3090", "llama.cpp"));
  const Remedy* other = of_kind(now, Remedy::Kind::engine);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->engine, "vllm");
  EXPECT_GT(other->decode, 1.5 * now.speed->decode.value.p50);
  const PlanAnswer then = answer_of(asked(other->model.c_str(), "2x3090", "vllm"));
  ASSERT_TRUE(then.placement.fits && then.speed);
  EXPECT_DOUBLE_EQ(then.speed->decode.value.p50, other->decode);
  EXPECT_EQ(of_kind(answer_of(asked("llama-3.1-8b:q4_k_m", "3090", "llama.cpp")), Remedy::Kind::engine), nullptr) << "one card, one stream";
}

// The context is not in the flags: it is asked for beside them.
TEST(Remedies, APinnedContextBesideTheFlags) {
  const PlanAnswer now = answer_of(asked("qwen3-32b:q4_k_m", "3090", "llama.cpp", 1, 32768, "-ngl 99"));
  const Remedy* context = of_kind(now, Remedy::Kind::context);
  ASSERT_NE(context, nullptr);
  EXPECT_TRUE(context->flags.empty());
  EXPECT_TRUE(answer_of(asked("qwen3-32b:q4_k_m", "3090", "llama.cpp", 1, *parse_int(context->value), "-ngl 99")).placement.fits);
}

// Llama 3.3 70B: 131 GiB in BF16 and 40 of cache at 131,072 tokens on 4 x 44: in eight bits the cache is half.
TEST(Remedies, ACacheInEightBitsWhereTheEngineHasThem) {
  const auto cache_of = [](const char* model, const char* rig, const char* engine, std::int64_t context) {
    const PlanAnswer now = answer_of(asked(model, rig, engine, 1, context));
    EXPECT_FALSE(now.placement.fits) << model << " on " << rig;
    const Remedy* cache = of_kind(now, Remedy::Kind::cache);
    if (cache == nullptr) return std::string();
    EXPECT_TRUE(answer_of(asked(model, rig, engine, 1, context, cache->flags.c_str())).placement.fits) << cache->flags;
    return cache->flags;
  };
  EXPECT_EQ(cache_of("llama-3.3-70b:bf16", "4xl20", "vllm", 131072), "--kv-cache-dtype fp8");
  EXPECT_EQ(cache_of("qwen3-32b:awq", "3090", "vllm", 16384), "--kv-cache-dtype fp8_e5m2") << "Ampere has no e4m3";
  EXPECT_EQ(cache_of("qwen3-32b:gptq", "2xv100-sxm2-16gb", "vllm", 40960), "") << "nor Volta either";
}

// 4.0 bits of 123 B are 57.8 GiB, and 2 x 23.7 hold 2.5 bits; of GGUF files IQ3_XXS is larger than Q2_K, and fits.
TEST(Remedies, TheLargestFormatThatFits) {
  const PlanAnswer exl = answer_of(asked("mistral-large-123b:exl3-4.0bpw", "2x3090", "exllamav3"));
  ASSERT_NE(of_kind(exl, Remedy::Kind::quant), nullptr);
  EXPECT_TRUE(of_kind(exl, Remedy::Kind::quant)->value.starts_with("exl3-"));
  const PlanAnswer gguf = answer_of(asked("qwen3-235b-a22b:q4_k_m", "4090; host=ryzen-9-7950x:64g", "llama.cpp"));
  ASSERT_NE(of_kind(gguf, Remedy::Kind::quant), nullptr);
  EXPECT_EQ(of_kind(gguf, Remedy::Kind::quant)->value, "iq3_xxs");
}

// What is laid out is what lacks least: 132 GiB on 24 + 62 GiB lack some 50 with layers on the host, and 110 on the card alone.
TEST(Remedies, TheShortageIsThatOfTheNearestWay) {
  const PlanAnswer now = answer_of(asked("qwen3-235b-a22b:q4_k_m", "4090; host=ryzen-9-7950x:64g", "llama.cpp"));
  Bytes least(1e18);
  for (const auto& each : now.rejected)
    if (each.missing > Bytes{}) least = std::min(least, each.missing);
  EXPECT_NEAR(placement::short_by(now.placement).value(), least.value(), kGiB);
}

// 61 GiB on a card of 24: vLLM reads 42 of them over the link for every token, llama.cpp leaves experts to the processor.
TEST(Remedies, AnotherEngineThatUsesTheHost) {
  const PlanAnswer now = answer_of(asked("gpt-oss-120b", "4090", "vllm"));
  const Remedy* engine = of_kind(now, Remedy::Kind::engine);
  ASSERT_NE(engine, nullptr);
  EXPECT_EQ(engine->engine, "llama.cpp");
  const Remedy* lent = of_kind(now, Remedy::Kind::offload);
  ASSERT_NE(lent, nullptr);
  EXPECT_LT(engine, lent) << "the faster one first";
  EXPECT_GT(engine->decode, 1.5 * lent->decode);
  const PlanAnswer then = answer_of(asked("gpt-oss-120b", "4090", "llama.cpp"));
  ASSERT_TRUE(then.speed);
  EXPECT_DOUBLE_EQ(then.speed->decode.value.p50, engine->decode);
}

// What is named instead is of the same size, fits, and is what the sentence says.
TEST(Remedies, TheNearestOfAnErrorIsOfTheSameSize) {
  const auto nearest = [](const char* model, const char* rig, const char* engine) {
    const auto answer = plan(knowledge(), asked(model, rig, engine));
    return answer ? std::string("no error") : answer.error().nearest;
  };
  EXPECT_EQ(nearest("mistral-large-123b:iq4_ks", "7900-xtx", "ik_llama.cpp"), "--engine llama.cpp mistral-large-123b:iq4_xs");
  EXPECT_TRUE(nearest("llama-3.3-70b:4bit", "4x3090", "mlx").starts_with("--engine vllm llama-3.3-70b:")) << nearest("llama-3.3-70b:4bit", "4x3090", "mlx");
  EXPECT_FALSE(nearest("llama-3.3-70b:4bit", "4x3090", "mlx").ends_with("f16"));
  EXPECT_EQ(nearest("qwen3-8b:q4_k_m", "910b2", "llama.cpp"), "qwen3-8b:q4_0");
  EXPECT_EQ(nearest("gpt-oss-20b", "v100-sxm2-32gb", "vllm"), "--engine llama.cpp") << "which reads it as it is, as the refusal says";
}

// Nobody makes GPTQ or AWQ of what OpenAI published in four bits: another engine is named with that, or not at all.
TEST(Remedies, FourBitsAreNotMadeOfFourBits) {
  PlanRequest request = asked("gpt-oss-120b", "2xrtx-pro-6000", "llama.cpp");
  for (const auto objective : {placement::Objective::decode, placement::Objective::throughput}) {
    request.objective = objective;
    const PlanAnswer now = answer_of(request);
    const Remedy* other = of_kind(now, Remedy::Kind::engine);
    EXPECT_TRUE(other || objective == placement::Objective::decode);
    const std::string spec = other ? other->model : std::string();
    EXPECT_TRUE(spec.find(":gptq") == std::string::npos && spec.find(":awq") == std::string::npos) << spec;
  }
}

// A GPU that shares 512 GiB takes three quarters by itself and can be let take 480: 393 GiB of weights fit so, in one of 256 they do not, and what fits is told of none.
TEST(Remedies, AGpuMayBeLetTakeMoreOfTheMemory) {
  const PlanAnswer now = answer_of(asked("glm-5.2:mlx-4bit", "m3-ultra-512g", "mlx"));
  ASSERT_FALSE(now.placement.fits);
  const Remedy* share = of_kind(now, Remedy::Kind::share);
  ASSERT_NE(share, nullptr);
  EXPECT_EQ(share->rig, "m3-ultra-512g@gpu=480g");
  EXPECT_TRUE(answer_of(asked(share->model.c_str(), share->rig.c_str(), "mlx")).placement.fits);
  EXPECT_EQ(of_kind(answer_of(asked("glm-5.2:mlx-4bit", "m3-ultra-256g", "mlx")), Remedy::Kind::share), nullptr);
  EXPECT_EQ(of_kind(answer_of(asked("qwen3-32b:mlx-4bit", "m3-ultra-512g", "mlx")), Remedy::Kind::share), nullptr);
}

}  // namespace
}  // namespace rigcast::app
