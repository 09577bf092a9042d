#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"
#include "cost/roof.hpp"
#include "cost/spread.hpp"

namespace rigcast::cost {
namespace {

using test::Case;
using test::stage_seconds;

// x / (1 + x^12)^(1/12), whatever the effects add up to.
TEST(Effects, NoEfficiencyPassesTheRoof) {
  const double none = std::numeric_limits<double>::infinity();
  EXPECT_DOUBLE_EQ(under_roof(0.3, none).log, 0.3);
  EXPECT_DOUBLE_EQ(under_roof(0.3, none).slope, 1);
  EXPECT_NEAR(std::exp(under_roof(std::log(0.8), 0).log), 0.8 / std::pow(1 + std::pow(0.8, 12), 1.0 / 12), 1e-12);
  EXPECT_NEAR(std::exp(under_roof(0, 0).log), std::pow(2, -1.0 / 12), 1e-12);
  EXPECT_NEAR(std::exp(under_roof(40, std::log(2.0)).log), 2, 1e-12);
  const double h = 1e-6;
  for (const double sum : {-1.0, -0.1, 0.0, 0.1, 1.0}) EXPECT_NEAR((under_roof(sum + h, 0).log - under_roof(sum - h, 0).log) / (2 * h), under_roof(sum, 0).slope, 1e-8) << sum;
  Case c;
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration eager;
  eager.effects["weights"] = {std::log(1.5), 0.1, 1};   // more than the data sheet's 4.8 TB/s
  resolve(*load, eager);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_GE(stage_seconds(*load, work, StageKind::weights), 29.166e-3);
}

TEST(Effects, EffectsMultiplyEfficiency) {
  Case c;
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration calibration;
  calibration.effects["weights"] = {std::log(0.8), 0.1, 1};
  calibration.effects["weights|chip=test"] = {std::log(0.5), 0.1, 1};
  resolve(*load, calibration);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 0.4, 1e-4);  // 0.8 x 0.5
}

// An H100 and an H200 differ in memory alone: what is known of one's arithmetic is known of the other's, what of its reading is not.
TEST(Effects, BoardsOfOneChipShareWhatIsKnownOfIt) {
  Case c;
  c.rig.devices[0].device.rates["fp32"] = {FlopRate(66.9e12), {}, {}};
  const auto effects_of_chip = [&] {
    catalog::name_chip(c.rig.devices[0].device);
    const auto load = load_of(c.model, c.rig, c.place);
    std::set<std::string> names;
    for (const Path& path : load->paths)
      for (const Factor& factor : path.factors)
        if (factor.effect.find("|chip=") != std::string::npos) names.emplace(factor.effect);
    return names;
  };
  const std::set<std::string> slower = effects_of_chip();
  EXPECT_TRUE(slower.contains("weights|chip=hopper:66.9:4800"));
  EXPECT_TRUE(slower.contains("gemm|chip=hopper:66.9"));
  c.rig.devices[0].device.key = "other";
  EXPECT_EQ(effects_of_chip(), slower);
  c.rig.devices[0].device.bandwidth->value = Bandwidth(3.35e12);
  const std::set<std::string> faster = effects_of_chip();
  EXPECT_TRUE(faster.contains("weights|chip=hopper:66.9:3350"));
  EXPECT_TRUE(faster.contains("gemm|chip=hopper:66.9"));
}

// What is known of another program's prompts of mixtures does not touch llama.cpp's own, nor its dense models.
TEST(Effects, MixturesOfAnotherProgramReadPromptsByThemselves) {
  Case c;
  const auto named = [&](const char* engine) {
    c.place.engine = engine;
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    std::set<std::string> names;
    for (const Path& path : load->paths)
      for (const Factor& factor : path.factors)
        if (factor.effect.starts_with("gemm|experts+program=")) names.emplace(factor.effect);
    return names;
  };
  EXPECT_TRUE(named("ollama").empty());
  c.model.tensors[0].role = model::Role::expert_ffn;
  c.model.tensors[0].shape = {4096, 4096, 64, 1};
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  EXPECT_EQ(named("ollama"), std::set<std::string>{"gemm|experts+program=ollama:cuda"});
  EXPECT_TRUE(named("llama.cpp").empty());
}

TEST(Effects, SpreadTakesTheMostParticularGroup) {
  Case c;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration calibration;
  calibration.effects["weights"] = {-1, 0.1, 10};   // far below the roof
  calibration.spreads["decode"] = {-1, 1, 100};
  calibration.spreads["decode|extrapolated"] = {-0.5, 0.25, 40};
  Load resolved = *load;
  resolve(resolved, calibration);
  const auto speed = estimate_load(resolved, c.rig, c.place, {}, calibration);
  EXPECT_EQ(speed.decode.grade, Grade::extrapolated);
  EXPECT_NEAR(speed.decode.value.p10 / speed.decode.value.p50, std::exp(-0.5), 1e-12);
  EXPECT_NEAR(speed.decode.value.p90 / speed.decode.value.p50, std::exp(0.25), 1e-12);

  // Its traits widen it, each by itself; those of other chips and phases do not.
  calibration.widths = {{"decode|family=hopper", {1.5, 30}}, {"decode|backend=cuda", {0.8, 90}}, {"decode|family=volta", {9, 30}}, {"prefill|family=hopper", {9, 30}}};
  const auto wider = estimate_load(resolved, c.rig, c.place, {}, calibration);
  EXPECT_NEAR(wider.decode.value.p10 / wider.decode.value.p50, std::exp(-0.5 * 1.5 * 0.8), 1e-12);
  EXPECT_NEAR(wider.decode.value.p90 / wider.decode.value.p50, std::exp(0.25 * 1.5 * 0.8), 1e-12);
}

// A Load that is kept says as much without the names of its effects: with each kind of them seen and not seen.
TEST(Effects, WhatIsForgottenOfALoadTellsNothing) {
  Case c;
  for (const auto& seen : std::vector<std::vector<const char*>>{{}, {"weights|family=hopper"}, {"weights|engine=llama.cpp:cuda"}, {"gemm|engine=llama.cpp:cuda", "gemm|chip=test"}, {"weights|family+backend=hopper:cuda"}}) {
    Calibration calibration;
    for (const char* effect : seen) calibration.effects[effect] = {-0.5, 0.1, 3};
    auto load = load_of(c.model, c.rig, c.place);
    ASSERT_TRUE(load);
    resolve(*load, calibration);
    Load kept = *load;
    forget_effects(kept, calibration);
    EXPECT_EQ(grade_of(kept, calibration), grade_of(*load, calibration)) << seen.size();
    EXPECT_EQ(timed_under_backend(kept, calibration), timed_under_backend(*load, calibration)) << seen.size();
    EXPECT_EQ(decode_speed(kept, 1000, 1), decode_speed(*load, 1000, 1));
    for (std::size_t i = 1; i < kept.paths.size(); ++i) EXPECT_TRUE(kept.paths[i].factors.empty());
  }
}

// Where half of a roof is reached, e^1 times as much would be above it: the interval ends at the roof. What is slower than the middle stays.
TEST(Effects, NoIntervalReachesAboveTheDataSheet) {
  const Interval rate = rate_within(10, 2, {-1, 1, 100}, 1);
  EXPECT_DOUBLE_EQ(rate.p50, 5);
  EXPECT_DOUBLE_EQ(rate.p90, 10);                       // 10 in the least time of 1 s
  EXPECT_DOUBLE_EQ(rate.p10, 5 * std::exp(-1.0));
  EXPECT_DOUBLE_EQ(rate_within(10, 2, {-1, 0.5, 100}, 1).p90, 5 * std::exp(0.5));
  EXPECT_DOUBLE_EQ(time_within(2, {-1, 1, 100}, 1).p10, 1);
  EXPECT_DOUBLE_EQ(time_within(2, {-1, 1, 100}, 3).p10, 2);   // own measurements may say more than a data sheet
}

TEST(Effects, AreFoundInWhateverOrderTheyCame) {
  Effects effects;
  double number = 0;
  for (const char* name : {"weights", "launches", "weights|family=volta", "links"}) effects[name].observations = ++number;
  std::vector<std::string> names;
  for (const auto& [name, effect] : effects) names.emplace_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"launches", "links", "weights", "weights|family=volta"}));
  EXPECT_EQ(effects.find("weights")->observations, 1);
  EXPECT_EQ(effects.find("links")->observations, 4);
  effects["weights"].mean = -0.3;   // there already
  EXPECT_EQ(effects.size(), 4u);
  for (int indexed = 0; indexed < 2; ++indexed) {
    EXPECT_EQ(effects.find("weights")->mean, -0.3);
    for (const char* name : {"", "lin", "weights|", "weights|family=volta2", "z"}) EXPECT_EQ(effects.find(name), nullptr) << name;
    effects.index();
  }
  effects["a"].mean = 1;            // moves the others
  EXPECT_EQ(effects.find("weights")->mean, -0.3);
  EXPECT_EQ(effects.find("a")->mean, 1);
  EXPECT_EQ(Effects().find("weights"), nullptr);
}

TEST(Effects, CalibrationErrorsNameTheLine) {
  const auto bad = parse_calibration("effect,mean,sd,observations\nweights,x,0,0\n", "");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().where.line, 2);
}

}  // namespace
}  // namespace rigcast::cost
