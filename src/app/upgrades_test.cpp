#include <gtest/gtest.h>

#include <algorithm>

#include "app/detail/test_plan.hpp"
#include "app/plan.hpp"
#include "base/text.hpp"

namespace rigcast::app {
namespace {

using test::knowledge;

PlanAnswer ask(const std::string& model, const std::string& rig) {
  PlanRequest request;
  request.model = model;
  request.rig = rig;
  auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? std::move(*answer) : PlanAnswer{};
}

const Upgrade* of_kind(const PlanAnswer& answer, Upgrade::Kind kind) {
  const auto found = std::find_if(answer.upgrades.begin(), answer.upgrades.end(), [&](const Upgrade& each) { return each.kind == kind; });
  return found == answer.upgrades.end() ? nullptr : &*found;
}

// 132 GiB of weights on 24 + 64 GiB: the cards named are the fewest, and the memory named suffices while a stick less does not.
TEST(Upgrades, WhatWouldFitFits) {
  const PlanAnswer answer = ask("qwen3-235b-a22b:q4_k_m", "3090; host=2xddr5-5600:64g");
  ASSERT_FALSE(answer.placement.fits);
  const Upgrade* cards = of_kind(answer, Upgrade::Kind::card);
  ASSERT_NE(cards, nullptr);
  EXPECT_EQ(cards->rig, std::to_string(1 + cards->cards) + "x3090; host=2xddr5-5600:64g");
  EXPECT_TRUE(ask("qwen3-235b-a22b:q4_k_m", cards->rig).placement.fits);
  EXPECT_FALSE(ask("qwen3-235b-a22b:q4_k_m", std::to_string(cards->cards) + "x3090; host=2xddr5-5600:64g").placement.fits);
  const Upgrade* memory = of_kind(answer, Upgrade::Kind::memory);
  ASSERT_NE(memory, nullptr);
  const int gib = static_cast<int>(memory->memory.value() / kGiB);
  EXPECT_TRUE(ask("qwen3-235b-a22b:q4_k_m", "3090; host=2xddr5-5600:" + std::to_string(gib) + "g").placement.fits) << gib;
  EXPECT_FALSE(ask("qwen3-235b-a22b:q4_k_m", "3090; host=2xddr5-5600:" + std::to_string(gib - 32) + "g").placement.fits) << gib;
}

TEST(Upgrades, NobodyBuysOneMoreOfALaptops) {
  EXPECT_EQ(of_kind(ask("llama-3.3-70b:q4_k_m", "rtx-4090-laptop"), Upgrade::Kind::card), nullptr);
  EXPECT_NE(of_kind(ask("llama-3.3-70b:q4_k_m", "rtx-4090"), Upgrade::Kind::card), nullptr);
}

// 67.9 GiB on 2 x 11.8: with a second card the caches of eight streams still crowd the experts out to the host, and nothing is gained.
TEST(Upgrades, WhatBringsNothingIsNotOffered) {
  PlanRequest request;
  request.model = "glm-4.5-air:q4_k_m";
  request.rig = "k80";
  request.question.sequences = 8;
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer);
  for (const Upgrade& upgrade : answer->upgrades) EXPECT_GT(upgrade.decode, answer->speed->decode.value.p50);
}

// The figure beside a command is what the command answers.
TEST(Upgrades, SayWhatTheirCommandAnswers) {
  struct Case { const char *model, *rig; std::int64_t context; };
  for (const Case& each : {Case{"llama-3.3-70b", "3090", 32768}, {"qwen3-32b:q4_k_m", "b580", 32768}, {"qwen3-235b-a22b", "2x3090", 0}, {"glm-4.5-air:q4_k_m", "2x4060ti-16g", 8192}}) {
    PlanRequest request;
    request.model = each.model;
    request.rig = each.rig;
    request.placement.context = each.context;
    const auto now = plan(knowledge(), request);
    ASSERT_TRUE(now);
    for (const Upgrade& upgrade : now->upgrades) {
      if (upgrade.rig.empty()) continue;
      request.rig = upgrade.rig;
      request.model = upgrade.model;
      const auto then = plan(knowledge(), request);
      ASSERT_TRUE(then && then->speed) << upgrade.rig;
      EXPECT_DOUBLE_EQ(then->speed->decode.value.p50, upgrade.decode) << each.model << " on " << upgrade.rig;
      EXPECT_DOUBLE_EQ(then->speed->prefill.value.p50, upgrade.prefill) << each.model << " on " << upgrade.rig;
    }
  }
}

// A format that nobody named stays when a card is added, and nothing slower is an upgrade.
TEST(Upgrades, KeepTheFormat) {
  PlanRequest request;
  request.model = "qwen3-235b-a22b", request.rig = "4090-48g", request.placement.engine = "ollama", request.placement.context = 65536;
  const auto now = plan(knowledge(), request);
  ASSERT_TRUE(now && now->placement.fits && now->assumed_quant);
  for (const Upgrade& upgrade : now->upgrades) {
    EXPECT_GT(upgrade.decode, now->speed->decode.value.p50);
    if (upgrade.kind == Upgrade::Kind::card) { EXPECT_EQ(upgrade.model, "qwen3-235b-a22b:" + to_lower(now->architecture->quant)); }
  }
}

// Eight channels take eight or sixteen equal sticks: of 544 GiB there is no such set.
TEST(Upgrades, MemoryComesInSticks) {
  const PlanAnswer answer = ask("kimi-k2:q4_k_m", "4090-48g; host=epyc-7532:8xddr4-3200:512g");
  ASSERT_FALSE(answer.placement.fits);
  const Upgrade* memory = of_kind(answer, Upgrade::Kind::memory);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->memory, Bytes(1024 * kGiB)) << "8 x 128 GiB or 16 x 64 GiB";
}

// 61 GiB in BF16 do not fit 24, 18 GiB in AWQ or GPTQ do, with as much of the context that nobody named as there is room for.
TEST(Remedies, ASmallerFormatShortensAContextThatNobodyNamed) {
  PlanRequest request = test::asked("qwen3-32b:bf16", "3090", "vllm");
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer);
  ASSERT_FALSE(answer->placement.fits);
  const auto smaller = std::find_if(answer->remedies.begin(), answer->remedies.end(), [](const Remedy& each) { return each.kind == Remedy::Kind::quant; });
  ASSERT_NE(smaller, answer->remedies.end());
  request.model = smaller->model;
  const auto then = plan(knowledge(), request);
  ASSERT_TRUE(then);
  EXPECT_TRUE(then->placement.fits);
}

// 61 GiB of BF16 fill four chips of 21 GiB, of which MindIE takes 0.8; in W8A8, which its users run there, half of that is read for a token.
TEST(Remedies, TheFormatThatUsersRunBesideTheOneItWasPublishedIn) {
  PlanRequest request = test::asked("qwen3-32b", "4xascend-310p3", "mindie");
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer && answer->speed);
  ASSERT_TRUE(answer->placement.fits);
  ASSERT_EQ(answer->remedies.size(), 1u);
  const Remedy& smaller = answer->remedies[0];
  EXPECT_EQ(smaller.kind, Remedy::Kind::quant);
  EXPECT_EQ(smaller.model, "qwen3-32b:w8a8");
  request.model = smaller.model;
  const auto then = plan(knowledge(), request);
  ASSERT_TRUE(then && then->speed);
  EXPECT_DOUBLE_EQ(then->speed->decode.value.p50, smaller.decode);
  EXPECT_EQ(then->placement.settings.context, smaller.context);
  EXPECT_GT(smaller.decode, 1.3 * answer->speed->decode.value.p50);
  EXPECT_GT(smaller.context, 4 * answer->placement.settings.context);
  request.model = "qwen3-32b:bf16";   // who names a format wants it
  const auto named = plan(knowledge(), request);
  ASSERT_TRUE(named);
  EXPECT_TRUE(named->remedies.empty());
}

// 61 GiB in BF16 on a card of 24 GiB: some 43 GiB lie in the host's memory and cross the link, 25 GB/s, for every token.
TEST(Remedies, WeightsInHostMemoryWhereTheEngineReadsThemThere) {
  PlanRequest request = test::asked("qwen3-32b:bf16", "4090; host=ryzen-9-7950x:2xddr5-5600:128g", "vllm");
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer);
  ASSERT_FALSE(answer->placement.fits);
  ASSERT_FALSE(answer->remedies.empty());
  const Remedy& lent = answer->remedies.back();
  ASSERT_EQ(lent.kind, Remedy::Kind::offload);
  request.placement.flags = lent.flags;
  request.placement.context = lent.context;
  const auto then = plan(knowledge(), request);
  ASSERT_TRUE(then && then->speed);
  EXPECT_TRUE(then->placement.fits);
  EXPECT_DOUBLE_EQ(then->speed->decode.value.p50, lent.decode);
  EXPECT_NEAR(then->placement.host.weights.value(), lent.weights.value(), 1);
  EXPECT_LT(lent.decode, 1.2 * 25e9 / lent.weights.value());
  EXPECT_GT(lent.decode, 0.5 * 25e9 / lent.weights.value());
  request.placement.flags = "--cpu-offload-gb " + format_shortest(lent.weights.value() / kGiB - 2);   // two fewer do not do
  const auto fewer = plan(knowledge(), request);
  ASSERT_TRUE(fewer);
  EXPECT_FALSE(fewer->placement.fits);
  request.placement.flags.clear();
  request.rig = "4090; host=ryzen-9-7950x:2xddr5-5600:32g";   // whose memory is short, too
  const auto small = plan(knowledge(), request);
  ASSERT_TRUE(small);
  for (const Remedy& each : small->remedies) EXPECT_NE(each.kind, Remedy::Kind::offload);
}

// 10 GiB of F16 cache drive 8 of 80 layers off two cards; in eight bits all stay.
TEST(Remedies, ASmallerCacheKeepsLayersOnTheDevices) {
  PlanRequest request;
  request.model = "llama-3.1-70b:q4_k_m", request.rig = "2x3090", request.placement.context = 32768;
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer && answer->speed);
  ASSERT_EQ(answer->remedies.size(), 1u);
  EXPECT_EQ(answer->remedies[0].flags, "-ctk q8_0 -ctv q8_0");
  request.placement.flags = answer->remedies[0].flags;
  const auto then = plan(knowledge(), request);
  ASSERT_TRUE(then && then->speed);
  EXPECT_DOUBLE_EQ(then->speed->decode.value.p50, answer->remedies[0].decode);
  EXPECT_GT(then->speed->decode.value.p50, 2 * answer->speed->decode.value.p50);
  EXPECT_TRUE(then->remedies.empty());
}

// 1.3 TB of weights: eight cards of 96 GB hold 768 GB, and nobody sells a host with a ninth.
TEST(Upgrades, NoHostHasNineCards) {
  const PlanAnswer answer = ask("deepseek-v3:bf16", "8xh20-96gb; host=2xddr5-5600:64g");
  ASSERT_FALSE(answer.placement.fits);
  EXPECT_EQ(of_kind(answer, Upgrade::Kind::card), nullptr);
}

TEST(Upgrades, OneMoreCardTakesLayersOffTheHost) {
  const PlanAnswer answer = ask("llama-3.1-70b:q4_k_m", "2x4060ti-16g");
  ASSERT_TRUE(answer.placement.fits);
  const Upgrade* card = of_kind(answer, Upgrade::Kind::card);
  ASSERT_NE(card, nullptr);
  EXPECT_EQ(card->cards, 1);
  EXPECT_GT(card->decode, 2 * answer.speed->decode.value.p50) << "24 of 80 layers no longer wait for the host";
  EXPECT_TRUE(ask("qwen3-8b:q4_k_m", "rtx-3090").upgrades.empty()) << "nothing lies on the host";
}

// Both chips of a further card are joined as those of the first are: the upgrade is as fast as the rig it names.
TEST(Upgrades, CardsOfTwoChipsComeWithTheirJoint) {
  for (const char* rig : {"atlas-300i-duo-96gb; host=epyc-7532:8xddr4-3200:64g", "h100-sxm-80gb; host=epyc-9654:12xddr5-4800:64g"}) {
    PlanRequest request;
    request.model = "qwen3-32b:bf16", request.rig = rig, request.placement.engine = "vllm", request.placement.context = 65536;
    request.question.sequences = 8;
    const auto answer = plan(knowledge(), request);
    ASSERT_TRUE(answer) << to_text(answer.error());
    const Upgrade* card = of_kind(*answer, Upgrade::Kind::card);
    if (card == nullptr) continue;
    request.rig = card->rig;
    const auto then = plan(knowledge(), request);
    ASSERT_TRUE(then && then->speed) << card->rig;
    EXPECT_NEAR(card->decode / then->speed->decode.value.p50, 1, 0.02) << card->rig;
  }
}

// Three cards alone would be asked about in a server of 256 GiB: what is told is told of the desktop of 64 GiB that is there.
TEST(Upgrades, KeepTheHost) {
  for (const char* rig : {"2x3090", "3090", "4090"})
    for (const char* model : {"deepseek-r1:q4_k_m", "llama-3.1-405b:q2_k", "qwen3-235b-a22b:q4_k_m"}) {
      const PlanAnswer now = ask(model, rig);
      const Upgrade* cards = of_kind(now, Upgrade::Kind::card);
      if (cards == nullptr) continue;
      const auto larger = find_rig(knowledge(), cards->rig);
      ASSERT_TRUE(larger) << cards->rig;
      EXPECT_EQ((*larger)->hosts.front().memory, now.rig.hosts.front().memory) << cards->rig;
      EXPECT_EQ((*larger)->hosts.front().processor->key, now.rig.hosts.front().processor->key) << cards->rig;
    }
}

// 377 GiB of weights beside a card of 24: no desktop holds them, eight channels of DDR4 do with 512.
TEST(Upgrades, AnotherHostWhereThisOneTakesNoMore) {
  const PlanAnswer now = ask("deepseek-r1:q4_k_m", "4090");
  ASSERT_FALSE(now.placement.fits);
  const Upgrade* host = of_kind(now, Upgrade::Kind::host);
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->memory, Bytes(512 * kGiB));
  EXPECT_EQ(host->rig, "4090; host=8xddr4-3200:512g");
  const PlanAnswer then = ask(host->model, host->rig);
  ASSERT_TRUE(then.placement.fits && then.speed);
  EXPECT_DOUBLE_EQ(then.speed->decode.value.p50, host->decode);
  EXPECT_EQ(of_kind(now, Upgrade::Kind::memory), nullptr);
}

TEST(Upgrades, MoreMemoryHasACommand) {
  const PlanAnswer now = ask("qwen3-235b-a22b:q4_k_m", "4090; host=ryzen-9-7950x:64g");
  const Upgrade* memory = of_kind(now, Upgrade::Kind::memory);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(memory->rig, "4090; host=ryzen-9-7950x:128g");
  const PlanAnswer then = ask(memory->model, memory->rig);
  ASSERT_TRUE(then.placement.fits && then.speed);
  EXPECT_DOUBLE_EQ(then.speed->decode.value.p50, memory->decode);
}

// A host of eight takes no ninth card, and its engine shares a model between hosts: 958 GiB on 16 x 96 GB.
TEST(Upgrades, ServersAreToldOfASecondOne) {
  PlanRequest request = test::asked("kimi-k2:fp8", "8xh20", "vllm");
  const auto now = plan(knowledge(), request);
  ASSERT_TRUE(now && !now->placement.fits);
  const Upgrade* hosts = of_kind(*now, Upgrade::Kind::hosts);
  ASSERT_NE(hosts, nullptr);
  EXPECT_EQ(hosts->hosts, 1);
  EXPECT_EQ(hosts->rig, "8xh20; nodes=2");
  request.rig = hosts->rig, request.model = hosts->model;
  const auto then = plan(knowledge(), request);
  ASSERT_TRUE(then && then->speed);
  EXPECT_DOUBLE_EQ(then->speed->decode.value.p50, hosts->decode);
}

// With a second card BF16 has room for weights and little else: the W8A8 that is planned now stays.
TEST(Upgrades, ALargerFormatIsNoUpgrade) {
  PlanRequest request = test::asked("qwen3-32b", "300i-duo-48g", "mindie");
  const auto now = plan(knowledge(), request);
  ASSERT_TRUE(now && !now->placement.fits);
  const Upgrade* card = of_kind(*now, Upgrade::Kind::card);
  ASSERT_NE(card, nullptr);
  EXPECT_EQ(card->model, "qwen3-32b:w8a8");
  EXPECT_TRUE(card->quant.empty());
}

}  // namespace
}  // namespace rigcast::app
