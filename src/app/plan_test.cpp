#include "app/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "app/detail/test_plan.hpp"
#include "base/text.hpp"

namespace rigcast::app {
namespace {

using test::answer_of;
using test::asked;
using test::asking;
using test::caveat;
using test::knowledge;

// Where one card is the fastest way, layers over both are shown as what they are; nothing is listed twice.
TEST(Plan, ListsNoWayTwice) {
  const PlanAnswer answer = answer_of(asking("qwq-32b:q4_k_m", "7900xtx+4060ti-16g"));
  EXPECT_EQ(answer.placement.devices.size(), 1u);
  const auto split = std::find_if(answer.alternatives.begin(), answer.alternatives.end(), [](const Alternative& other) { return other.kind == "layer split"; });
  ASSERT_NE(split, answer.alternatives.end());
  EXPECT_LT(split->decode, 0.9 * answer.speed->decode.value.p50);
  for (const char* rig : {"7900xtx+4060ti-16g", "2x3090", "12xv100-sxm2-16gb"}) {
    const PlanAnswer ways = answer_of(asking("glm-4.5-air:q4_k_m", rig));
    for (std::size_t i = 0; i < ways.alternatives.size(); ++i) {
      EXPECT_NE(ways.alternatives[i].launch, ways.launch.line) << rig;
      for (std::size_t j = 0; j < i; ++j) EXPECT_NE(ways.alternatives[i].launch, ways.alternatives[j].launch) << rig;
    }
  }
}

// An equal card more never makes the answer worse: at the least it stays idle.
TEST(Plan, AnEqualCardMoreIsNeverWorse) {
  for (const auto& [model, card, most] : {std::tuple("glm-4.5-air:q4_k_m", "v100-sxm2-16gb", 16), {"qwen3-32b:q4_k_m", "b580", 6}, {"llama-3.3-70b:q4_k_m", "3090", 8}}) {
    double before = 0;
    for (int cards = 1; cards <= most; ++cards) {
      const double now = decode_over_context(answer_of(asking(model, std::to_string(cards) + "x" + card + "; host=2xepyc-7532:8xddr4-3200:512g")));
      EXPECT_GE(now, 0.995 * before) << model << " on " << cards << 'x' << card;
      before = now;
    }
  }
}

// What was given up where the split was short of 10 and 54 MiB: layers and experts go to the host until it fits.
TEST(Plan, ARangeThatIsShortOfLittleMovesOneMore) {
  PlanRequest request = asking("gemma-3-27b:q8_0", "4090");
  request.question.sequences = 4;
  request.placement.context = 65536;
  EXPECT_EQ(answer_of(request).placement.mode, placement::Mode::single);
  request = asking("gpt-oss-120b", "2x3090");
  request.placement.engine = "ik_llama.cpp";
  request.question.sequences = 4;
  request.placement.context = 32768;
  const PlanAnswer experts = answer_of(request);
  EXPECT_TRUE(experts.placement.fits);
  EXPECT_GT(experts.placement.settings.cpu_moe_layers, 0);
}

// Layers on the host read their caches there: the card with most of the layers is faster than the processor alone, and both without flash attention.
TEST(Plan, LayersOnTheHostMayLeaveFlashAttention) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "4060ti-16g");
  request.placement.context = 32768;
  const PlanAnswer answer = answer_of(request);
  EXPECT_EQ(answer.placement.mode, placement::Mode::single);
  EXPECT_EQ(answer.placement.settings.flash_attention, std::optional(false));
}

// "-f '-c N'" is "-c N", and flags that place nothing change no placement.
TEST(Plan, FlagsThatPlaceNothingChangeNoPlacement) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "4060-laptop");
  const PlanAnswer plain = answer_of(request);
  ASSERT_TRUE(plain.placement.fits);
  for (const char* flags : {"-np 1", "-ngl auto", "--fit on", "-c 4096"}) {
    request.placement.flags = flags;
    EXPECT_EQ(answer_of(request).launch.line, plain.launch.line) << flags;
  }
  request.placement.flags = "-fa on";   // whoever asks for either gets it; without it the scores take the room of layers
  const PlanAnswer fused = answer_of(request);
  EXPECT_NE(fused.launch.line.find("-fa on"), std::string::npos);
  request.placement.flags = "-fa off";
  EXPECT_NE(answer_of(request).launch.line.find("-fa off"), std::string::npos);
  EXPECT_GE(fused.placement.settings.gpu_layers, answer_of(request).placement.settings.gpu_layers);
  request.placement.flags = "-c 16384";
  const PlanAnswer flagged = answer_of(request);
  request.placement.flags.clear();
  request.placement.context = 16384;
  EXPECT_EQ(answer_of(request).launch.line, flagged.launch.line);
}

// One card of these has been timed with this model, two together have not.
TEST(Plan, WhatOneDeviceDidIsNoMeasurementOfTwo) {
  PlanRequest request = asked("llama-2-7b:q4_0", "rx-7900-xtx", "llama.cpp");
  EXPECT_EQ(plan(knowledge(), request)->speed->decode.grade, cost::Grade::measured);
  request.rig = "2xrx-7900-xtx";
  request.placement.flags = "-sm layer -ts 1,1";
  const auto two = plan(knowledge(), request);
  ASSERT_TRUE(two) << to_text(two.error());
  EXPECT_EQ(two->placement.devices.size(), 2u);
  EXPECT_EQ(two->speed->decode.grade, cost::Grade::near);
}

// 936 GB/s over 4.7 GB of weights: under 200 token/s.
TEST(Plan, ASpeedThatNothingReaches) {
  PlanRequest request = asked("qwen3-8b:q4_k_m", "3090", "llama.cpp");
  request.minimum_speed = 500;
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(answer->placement.fits);
  EXPECT_TRUE(answer->too_slow);
  request.minimum_speed = 50;
  EXPECT_FALSE(plan(knowledge(), request)->too_slow);
}

// A card of 48 GB/s beside the processor that its host is thought to have: nobody named it, so that they win nothing, whatever
// is wanted, and are shown. Whoever names the host, or asks for the processor, gets it.
TEST(Plan, AHostThatNobodyNamedBeatsNoCard) {
  using placement::Objective;
  PlanRequest request = asked("qwen3-1.7b:q4_0", "gt-1030", "ollama");
  const auto processor = [](const PlanAnswer& answer) {
    const auto found = std::find_if(answer.alternatives.begin(), answer.alternatives.end(), [](const Alternative& other) { return other.kind == "processor"; });
    return found == answer.alternatives.end() ? 0.0 : found->decode;
  };
  for (const Objective objective : {Objective::decode, Objective::prefill, Objective::throughput, Objective::context}) {
    request.objective = objective;
    const auto answer = plan(knowledge(), request);
    ASSERT_TRUE(answer) << to_text(answer.error());
    EXPECT_NE(answer->placement.mode, placement::Mode::cpu) << to_string(objective);
    EXPECT_FALSE(answer->placement.devices.empty()) << to_string(objective);
    EXPECT_GT(processor(*answer), 0) << to_string(objective);
    EXPECT_TRUE(objective == Objective::context || placement::all_on_devices(*answer->architecture, answer->placement)) << to_string(objective);
  }
  request.objective = Objective::decode;
  const auto guessed = plan(knowledge(), request);
  ASSERT_GT(processor(*guessed), guessed->speed->decode.value.p50);   // what the test is about
  request.minimum_speed = (processor(*guessed) + guessed->speed->decode.value.p50) / 2;   // only the processor writes so fast
  const auto slow = plan(knowledge(), request);
  EXPECT_FALSE(slow->placement.devices.empty());
  EXPECT_TRUE(slow->too_slow);
  EXPECT_GT(processor(*slow), 0);
  request.minimum_speed = 0;
  request.rig = "gt-1030; host=2xddr5-5600:64g";
  EXPECT_EQ(plan(knowledge(), request)->placement.mode, placement::Mode::cpu);
}

// 39 GiB do not fit on 24 GiB: layers lie on the host whoever named it. 370 GiB do not even where the card takes what it can.
TEST(Plan, AHostThatNobodyNamedHoldsWhatTheCardDoesNot) {
  const auto answer = plan(knowledge(), asked("llama-3.3-70b:q4_k_m", "m40-24g", "llama.cpp"));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(answer->placement.fits);
  EXPECT_FALSE(placement::all_on_devices(*answer->architecture, answer->placement));
  EXPECT_FALSE(plan(knowledge(), asked("deepseek-r1:q4_k_m", "m40-24g", "llama.cpp"))->placement.fits);
  PlanRequest processor = asked("qwen3-14b:q4_k_m", "m40-24g", "llama.cpp");
  processor.placement.backend = "cpu";
  EXPECT_EQ(plan(knowledge(), processor)->placement.mode, placement::Mode::cpu);
}

// A mixture's token is little work for 96 cores, each of which waits for all others between products; who names threads keeps them.
TEST(Plan, ProcessorsOfManyCoresWriteWithFewer) {
  const char* server = "host=epyc-9654:12xddr5-4800:768g";
  const auto chosen = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", server, "llama.cpp"));
  const auto all = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", server, "llama.cpp", 1, 0, "-t 96"));
  ASSERT_TRUE(chosen && all);
  const placement::Settings& settings = chosen->placement.settings;
  EXPECT_GT(settings.threads, 0);
  EXPECT_LT(settings.threads, 96);
  EXPECT_EQ(settings.batch_threads, 96);
  EXPECT_FALSE(caveat(*chosen, "fewer-threads").empty());
  EXPECT_EQ(all->placement.settings.threads, 96);
  EXPECT_GT(chosen->speed->decode.value.p50, 1.05 * all->speed->decode.value.p50);
  EXPECT_NEAR(chosen->speed->prefill.value.p50, all->speed->prefill.value.p50, 0.01 * all->speed->prefill.value.p50);
  const auto window = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", server, "lm-studio"));   // whose line can say neither
  ASSERT_TRUE(window);
  EXPECT_TRUE(window->placement.settings.flash_attention.value_or(true));
  EXPECT_EQ(window->placement.settings.threads, 0);
  const auto desktop = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", "host=core-i5-12400:2xddr4-3200:64g", "llama.cpp"));
  ASSERT_TRUE(desktop) << to_text(desktop.error());
  EXPECT_EQ(desktop->placement.settings.threads, 0);
}

// 404 GB of DeepSeek V3 in four bits lie on two Macs with 384 GB for their GPUs each.
TEST(Plan, SeveralMacsShareAModel) {
  const auto answer = plan(knowledge(), asked("deepseek-v3:4bit", "2xm3-ultra-512g", "mlx"));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(answer->placement.fits);
  const auto alone = plan(knowledge(), asked("qwen3-8b", "m4-max-128g | m4-max-128g", "mlx"));
  ASSERT_TRUE(alone) << to_text(alone.error());
  EXPECT_EQ(alone->placement.devices.size(), 1u) << "layers over two Macs work in turn";
}

TEST(Plan, TwoSocketsThatComputeAskForBothMemories) {
  const auto line = [](const char* rig) { return answer_of(asking("qwen3-30b-a3b:q4_k_m", rig)).launch.line; };
  EXPECT_TRUE(line("host=2xepyc-9654:24xddr5-4800:768g").ends_with(" --numa distribute"));
  EXPECT_TRUE(line("3060; host=2xepyc-9654:24xddr5-4800:768g").ends_with(" --numa distribute")) << "experts on the host";
  EXPECT_FALSE(line("host=epyc-9654:12xddr5-4800:384g").ends_with(" --numa distribute"));
  EXPECT_FALSE(line("4090; host=2xepyc-9654:24xddr5-4800:768g").ends_with(" --numa distribute")) << "all on the card";
}

// Among one device there is nothing to choose: these say nothing, and layers and experts are fitted to it as without them.
TEST(Plan, FlagsThatChooseAmongOneDevicePlaceNothing) {
  const PlanAnswer free = answer_of(asked("qwen3-30b-a3b:q4_k_m", "rtx-4060-ti-16gb", "llama.cpp"));
  ASSERT_TRUE(free.placement.fits);
  for (const char* flags : {"-dev CUDA0", "-mg 0", "-sm none", "-sm layer", "-sm row"}) {
    const PlanAnswer told = answer_of(asked("qwen3-30b-a3b:q4_k_m", "rtx-4060-ti-16gb", "llama.cpp", 1, 0, flags));
    EXPECT_TRUE(told.placement.fits) << flags;
    EXPECT_EQ(told.placement.settings, free.placement.settings) << flags;
  }
  EXPECT_FALSE(answer_of(asked("qwen3-30b-a3b:q4_k_m", "2xrtx-4060-ti-16gb", "llama.cpp", 1, 0, "-sm none")).searched);
}

}  // namespace
}  // namespace rigcast::app
