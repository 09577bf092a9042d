// What the search chooses, seen from outside: no way that is worse in all that is printed, and no more hardware that gives less.
#include <gtest/gtest.h>

#include <algorithm>

#include "app/detail/requests.hpp"
#include "app/detail/test_plan.hpp"

namespace rigcast::app {
namespace {

using placement::Objective;
using test::asked;
using test::caveat;
using test::knowledge;

PlanAnswer planned(const PlanRequest& request) {
  auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? std::move(*answer) : PlanAnswer{};
}

double decode_of(const PlanAnswer& answer) { return answer.speed ? answer.speed->decode.value.p50 : 0; }
double prefill_of(const PlanAnswer& answer) { return answer.speed ? answer.speed->prefill.value.p50 : 0; }
double full_of(const PlanAnswer& answer) { return answer.decode_whole ? answer.decode_whole->value.p50 : 0; }

// Contexts that round to the same cells share a layout, others and other streams do not: answers are those of a program that remembers nothing.
TEST(Choose, WhatIsRememberedChangesNothing) {
  Knowledge forgetful = knowledge();
  forgetful.loads = nullptr;
  forgetful.longest = nullptr;
  for (const char* rig : {"3090", "3060-12gb; host=epyc-7532:8xddr4-3200:512g", "3090+3060-12gb"})
    for (const std::int64_t context : {4000, 4096, 4097, 4200, 4097})
      for (const std::int64_t streams : {1, 3}) {
        const PlanRequest request = asked("qwen3-30b-a3b:q5_k_m", rig, "llama.cpp", streams, context);
        const auto one = plan(knowledge(), request), other = plan(forgetful, request);
        ASSERT_TRUE(one && other) << rig;
        EXPECT_EQ(one->launch.line, other->launch.line) << rig << ' ' << context;
        EXPECT_TRUE(one->placement.settings == other->placement.settings) << rig << ' ' << context;
        EXPECT_EQ(one->placement.host.total(), other->placement.host.total()) << rig << ' ' << context;
        EXPECT_EQ(one->placement.devices.front().memory.total(), other->placement.devices.front().memory.total()) << rig << ' ' << context;
        EXPECT_EQ(decode_of(*one), decode_of(*other)) << rig << ' ' << context;
        EXPECT_EQ(full_of(*one), full_of(*other)) << rig << ' ' << context;
        EXPECT_EQ(one->longest_context, other->longest_context) << rig << ' ' << context;
      }
}

// Eight streams are named: what they come to together is what decode is told of, whatever the goal is called.
TEST(Choose, ThroughputIsThatOfTheStreamsAskedFor) {
  PlanRequest served = asked("qwen3-32b:awq", "4x3090", "vllm", 8, 16384), slots = asked("qwen3-32b:q4_k_m", "2x3090", "llama.cpp", 8, 16384);
  for (PlanRequest request : {served, slots}) {
    const PlanAnswer decode = planned(request);
    for (const Objective objective : {Objective::throughput, Objective::context}) {   // a context that is named is held by all that fits
      request.objective = objective;
      const PlanAnswer other = planned(request);
      EXPECT_GE(1.001 * placement::decode_over_context({decode_of(other), 0, full_of(other)}), placement::decode_over_context({decode_of(decode), 0, full_of(decode)})) << to_string(objective);
    }
  }
}

// A 4060 Ti multiplies 1.7 times as fast as a 3060 and reads 0.8 times as fast: whoever asks for prompts gets more layers on it than whoever asks
// for tokens, and no share that holds the layers reads prompts faster by more than the search promises.
TEST(Choose, PromptsShareLayersByArithmetic) {
  PlanRequest request = asked("qwen3-30b-a3b:q4_k_m", "3060+4060ti-16g", "llama.cpp", 1, 4096);
  const PlanAnswer decode = planned(request);
  request.objective = Objective::prefill;
  const PlanAnswer prefill = planned(request);
  ASSERT_EQ(prefill.placement.devices.size(), 2u);
  EXPECT_GT(prefill.placement.devices[1].layer_count, decode.placement.devices[1].layer_count);
  for (int first = 4; first < 36; first += 4) {
    request.placement.flags = "-ngl 99 -ts " + std::to_string(first) + ',' + std::to_string(49 - first);
    const PlanAnswer other = planned(request);
    if (other.placement.fits) { EXPECT_GE(1.02 * prefill_of(prefill), prefill_of(other)) << request.placement.flags; }
  }
}

// One placement is worse than another in decode, decode with the context full and prefill: whoever asks for any of them takes the other.
TEST(Choose, NothingThatIsWorseInAllThatIsPrintedWins) {
  for (const char* model : {"qwen3-32b:q4_k_m", "gpt-oss-120b", "gemma-4-31b:q8_0"})
    for (const char* rig : {"2x3090", "5090", "3090; host=2xepyc-9654:24xddr5-4800:768g"})
      for (const Objective objective : {Objective::decode, Objective::prefill}) {
        PlanRequest request = asked(model, rig, "llama.cpp", 1, 2048);
        request.objective = objective;
        const PlanAnswer answer = planned(request);
        for (const Alternative& other : answer.alternatives) {
          const bool vouched_for = other.kind.find("experimental") == std::string::npos;
          const bool better = other.decode > 1.002 * decode_of(answer) && other.full > 1.002 * full_of(answer) && other.prefill > 1.006 * prefill_of(answer);
          EXPECT_FALSE(vouched_for && better) << model << " on " << rig << ": " << other.kind;
        }
      }
}

// 31 B in Q8_0 beside 32 GB of 1.8 TB/s: with the cache in the host's memory every token begins fast, but the prompt waits for the host's
// attention, and so does each token more.
TEST(Choose, ACacheOnTheHostDoesNotWinByItsFirstTokens) {
  for (const std::int64_t context : {2048, 4096, 8192}) {
    const PlanAnswer answer = planned(asked("gemma-4-31b:q8_0", "5090", "llama.cpp", 1, context));
    EXPECT_TRUE(answer.placement.settings.kv_offload) << context;
    EXPECT_GT(prefill_of(answer), 1000) << context;
  }
}

// The longer the context the less room is left for experts: no context leaves more of them on the card than a shorter one.
TEST(Choose, ALongerContextIsNeverFaster) {
  double before = 1e9;
  for (const std::int64_t context : {2048, 4096, 6144, 8192, 10240, 12288, 16384}) {
    const double decode = decode_of(planned(asked("qwen3-30b-a3b:q8_0", "3090", "llama.cpp", 1, context)));
    EXPECT_LE(decode, 1.0001 * before) << context;
    before = decode;
  }
}

// 460 GB/s of two processors read experts sooner than PCIe 4.0 x16 (32 GB/s) carries them over: prompts are read where the experts lie. What the
// flag alone gives is a lower bound of what the search finds.
TEST(Choose, PromptsAreReadWhereTheExpertsLie) {
  const char* model = "gpt-oss-120b";
  const char* rig = "3090; host=2xepyc-9654:24xddr5-4800:768g";
  const PlanAnswer found = planned(asked(model, rig, "llama.cpp", 1, 4096)), told = planned(asked(model, rig, "llama.cpp", 1, 4096, "--no-op-offload"));
  EXPECT_NE(found.launch.line.find("--no-op-offload"), std::string::npos) << found.launch.line;
  EXPECT_GE(1.001 * prefill_of(found), prefill_of(told));
  EXPECT_GE(1.001 * decode_of(found), decode_of(told));
  PlanRequest prefill = asked(model, rig, "llama.cpp", 1, 4096);
  prefill.objective = Objective::prefill;
  EXPECT_GE(1.006 * prefill_of(planned(prefill)), prefill_of(told));
  const PlanAnswer obeyed = planned(asked(model, rig, "llama.cpp", 1, 4096, "--op-offload"));
  EXPECT_EQ(obeyed.launch.line.find("--no-op-offload"), std::string::npos) << obeyed.launch.line;
}

// A step of 64 streams is a pass that llama.cpp sends the host's weights to the device for (of 32 tokens and more): 65 GB over PCIe 5.0 x16 in every
// step, where 700 GB/s of two processors read them sooner.
TEST(Choose, StepsOfManyStreamsAreComputedWhereTheWeightsLie) {
  const char* rig = "h20; host=2xxeon-platinum-8592:16xddr5-5600:1024g";
  const PlanAnswer found = planned(asked("qwen3-235b-a22b:q4_k_m", rig, "llama.cpp", 64, 4096));
  const PlanAnswer sent = planned(asked("qwen3-235b-a22b:q4_k_m", rig, "llama.cpp", 64, 4096, "--op-offload"));
  EXPECT_NE(found.launch.line.find("--no-op-offload"), std::string::npos) << found.launch.line;
  EXPECT_GT(decode_of(found), 1.5 * decode_of(sent));   // the processors alone, but for this flag
}

// A prompt of 8,192 tokens in passes of 512 sends every expert on the host over the link 16 times, in passes of 4,096 twice.
TEST(Choose, LongPromptsAreReadInLargePasses) {
  PlanRequest request = asked("gpt-oss-120b", "3090; host=epyc-7532:8xddr4-3200:256g", "llama.cpp", 1, 16384);
  request.question.prompt = 8192;
  const PlanAnswer found = planned(request);
  request.placement.flags = "-ub 512";
  EXPECT_GT(prefill_of(found), 1.5 * prefill_of(planned(request))) << found.launch.line;
}

// Engines side by side, each with its share of the streams: twice as many hosts are two of what one half was.
TEST(Choose, MoreHostsNeverGiveLess) {
  double before = 0;
  for (const char* nodes : {"2", "4", "8"}) {
    const PlanAnswer answer = planned(asked("deepseek-v3", ("8xh800; nodes=" + std::string(nodes) + "; net=infiniband-ndr").c_str(), "sglang", 4096, 4096));
    EXPECT_GE(decode_of(answer), 1.5 * before) << nodes;
    before = decode_of(answer);
  }
}

// Copies of a model on hosts of their own say nothing to each other: two hosts are twice one host with half of the streams.
TEST(Choose, CopiesOnTheirOwnHostsDoNotTalk) {
  const PlanAnswer one = planned(asked("qwen3-32b:fp8", "2xh100-sxm-80gb", "vllm", 64, 8192, "-tp 2"));
  const PlanAnswer two = planned(asked("qwen3-32b:fp8", "2xh100-sxm-80gb; nodes=2; net=infiniband-ndr", "vllm", 128, 8192, "-tp 2 -dp 2"));
  EXPECT_NEAR(decode_of(two), 2 * decode_of(one), 1e-6 * decode_of(two));
}

// 936 GB/s under CUDA and a card of another maker beside it: under CUDA alone the second idles, and nothing gets slower.
TEST(Choose, ACardOfAnotherMakerSlowsNothing) {
  const PlanAnswer alone = planned(asked("qwen3-32b:q4_k_m", "3090", "llama.cpp"));
  for (const char* rig : {"3090+7900-xtx", "7900-xtx+3090"}) {
    const PlanAnswer both = planned(asked("qwen3-32b:q4_k_m", rig, "llama.cpp"));
    EXPECT_GE(1.001 * decode_of(both), decode_of(alone)) << rig;
    const bool cuda = both.placement.backend == "cuda";   // the two cards are as fast within a few per cent
    EXPECT_TRUE(cuda || both.placement.backend == "rocm") << rig << ' ' << both.placement.backend;
    EXPECT_NE(both.launch.line.find(cuda ? "-dev CUDA0" : "-dev ROCm0"), std::string::npos) << both.launch.line;
    EXPECT_NE(caveat(both, "idle-devices").find(cuda ? "7900 XTX" : "RTX 3090"), std::string::npos) << rig;
    for (const char* other : {"vulkan", cuda ? "rocm" : "cuda"})
      EXPECT_TRUE(std::any_of(both.alternatives.begin(), both.alternatives.end(), [&](const Alternative& each) { return each.kind == other; })) << rig << ' ' << other;
  }
  PlanRequest named = asked("qwen3-32b:q4_k_m", "3090+7900-xtx", "llama.cpp");
  named.placement.backend = "CUDA";
  EXPECT_NEAR(decode_of(planned(named)), decode_of(alone), 0.001 * decode_of(alone));
}

// 40 GB on 24 + 24: only a backend that runs both holds it.
TEST(Choose, BothMakersWhereOneIsTooSmall) {
  const PlanAnswer both = planned(asked("llama-3.3-70b:q4_k_m", "3090+7900-xtx", "llama.cpp", 1, 2048));
  EXPECT_EQ(both.placement.backend, "vulkan");
  EXPECT_TRUE(caveat(both, "idle-devices").empty());
}

// What beats what, as it is printed: ways of several backends stand in one order.
TEST(Choose, OtherWaysOfSeveralBackendsAreSorted) {
  const PlanAnswer both = planned(asked("qwen3-32b:q4_k_m", "3090+7900-xtx", "llama.cpp"));
  const auto speed = [](const Alternative& each) { return placement::decode_over_context({each.decode, 0, each.full}); };
  ASSERT_GE(both.alternatives.size(), 4u);
  for (std::size_t i = 1; i < both.alternatives.size(); ++i) {
    if (both.alternatives[i].kind == "processor") continue;
    EXPECT_LE(speed(both.alternatives[i]), speed(both.alternatives[i - 1])) << both.alternatives[i].kind;
    EXPECT_FALSE(both.alternatives[i].backend.empty());
  }
}

// 132 GiB on five of eight equal cards: the first five, whichever were short of room for one layer more.
TEST(Choose, OfEqualCardsTheFirstAreTaken) {
  const PlanAnswer answer = planned(asked("qwen3-235b-a22b:q4_k_m", "8xmi50-32g", "llama.cpp", 1, 32768));
  ASSERT_EQ(answer.placement.devices.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(answer.placement.devices[i].device, static_cast<int>(i)) << answer.launch.line;
  EXPECT_NE(answer.launch.line.find(",0,0,0 "), std::string::npos) << answer.launch.line;
}

// The longest context that fits, not what the layout for a short one leaves room for: half as much again does not fit.
TEST(Choose, ForContextTheLongestIsHeld) {
  for (const auto& [model, rig] : {std::pair{"llama-4-scout:q4_k_m", "3090"}, {"llama-3.3-70b:q4_k_m", "4060ti-16g"}, {"glm-4.5-air:q4_k_m", "3090"}}) {
    PlanRequest request = asked(model, rig, "llama.cpp");
    request.objective = Objective::context;
    const std::int64_t longest = planned(request).placement.settings.context;
    EXPECT_FALSE(planned(asked(model, rig, "llama.cpp", 1, longest + longest / 8)).placement.fits) << model << ' ' << rig << ' ' << longest;
  }
}

// Who only asks for what is faster than something is told the same of what is, and nothing of what is not.
TEST(Choose, AFloorHidesOnlyWhatIsBelowIt) {
  for (const char* rig : {"3090", "2x3090", "3060-12gb; host=epyc-7532:8xddr4-3200:512g"}) {
    const auto request = read_asked(knowledge(), asked("qwen3-32b:q4_k_m", rig, "llama.cpp", 1, 8192));
    ASSERT_TRUE(request);
    const auto outcome = [&](double floor) { return outcome_of(knowledge(), request->request, request->engine, *request->model, request->rig, floor); };
    const auto any = outcome(0);
    ASSERT_TRUE(any) << rig;
    const auto above = outcome(0.9 * any->over_context);
    ASSERT_TRUE(above) << rig;
    EXPECT_EQ(above->placement.settings, any->placement.settings) << rig;
    EXPECT_EQ(above->over_context, any->over_context) << rig;
    const auto below = outcome(1.5 * any->over_context);
    EXPECT_TRUE(!below || below->over_context == any->over_context) << rig;
  }
}

}  // namespace
}  // namespace rigcast::app
