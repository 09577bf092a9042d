#include "calibration/own.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "calibration/evaluate.hpp"

namespace rigcast::calibration {
namespace {

constexpr cost::Shares kThirds{1.0 / 3, 1.0 / 3, 1.0 / 3};

double applied(const std::vector<OwnRow>& rows, const char* model = "mine|q8_0", const cost::Shares& shares = kThirds) {
  return own_effect(rows, model, 0.3, shares).applied;
}

// Where all that rows differ by is their machine, any row tells all: the shrinkage is 1 - 1e-6 or so.
TEST(Own, WhereMachinesAreAllThatDiffersOneRowTellsAll) {
  EXPECT_NEAR(applied({{"other|q4_k", -0.09, 1}}, "mine|q8_0", {1, 0, 0}), std::exp(-0.09), 1e-4);
}

// Independent models say nothing of each other: only the format and the model itself are shared, and with neither nothing is.
TEST(Own, WhereModelsAreAllThatDiffersOthersTellNothing) {
  EXPECT_NEAR(applied({{"other|q4_k", -0.09, 1}}, "mine|q8_0", {0, 1, 0}), 1, 1e-4);
  EXPECT_NEAR(applied({{"mine|q8_0", -0.09, 1}}, "mine|q8_0", {0, 1, 0}), std::exp(-0.09), 1e-4);
  EXPECT_NEAR(applied({{"other|q8_0", -0.09, 1}}, "mine|q8_0", {0, 1, 0}), std::exp(-0.045), 1e-4);   // its format: half of it
}

TEST(Own, TheNearerARowTheMoreItIsBelieved) {
  const double far = applied({{"other|q4_k", -0.09, 1}}), format = applied({{"other|q8_0", -0.09, 1}}), mine = applied({{"mine|q8_0", -0.09, 1}});
  EXPECT_LT(far, 1);
  EXPECT_LT(format, far);
  EXPECT_LT(mine, format);
  EXPECT_LT(std::exp(-0.09), mine);
  EXPECT_LT(own_effect({{"mine|q8_0", -0.09, 1}}, "mine|q8_0", 0.3, kThirds).narrowing, own_effect({{"other|q4_k", -0.09, 1}}, "mine|q8_0", 0.3, kThirds).narrowing);
}

// Three models that agree on 0.55 say that it is the machine; the same mean of three that do not says less, and leaves a wider interval.
TEST(Own, RowsThatAgreeAreBelievedMore) {
  const cost::Shares little{0.2, 0.57, 0.36};   // as local speeds have them
  const std::vector<OwnRow> agree{{"a|q8_0", std::log(0.55), 1}, {"b|q4_k", std::log(0.56), 1}, {"c|f16", std::log(0.54), 1}};
  const std::vector<OwnRow> apart{{"a|q8_0", std::log(0.55) - 0.5, 1}, {"b|q4_k", std::log(0.56) + 0.5, 1}, {"c|f16", std::log(0.54), 1}};
  const auto sure = own_effect(agree, "mine|q6_k", 0.3, little), unsure = own_effect(apart, "mine|q6_k", 0.3, little);
  EXPECT_LT(sure.applied, 0.7);
  EXPECT_GT(unsure.applied, sure.applied + 0.1);
  EXPECT_LT(sure.narrowing, unsure.narrowing);
}

TEST(Own, MoreRowsAreBelievedMoreAndDoubtfulOnesLess) {
  const std::vector<OwnRow> many(50, {"mine", std::log(0.8), 1});
  EXPECT_NEAR(own_effect(many, "mine", 0.3, kThirds).applied, 0.8, 0.01);
  const auto doubted = own_effect({{"mine", std::log(0.8), 0.03}}, "mine", 0.3, kThirds);
  EXPECT_GT(doubted.applied, 0.97);
  EXPECT_EQ(own_effect({{"mine", -1, 0}}, "mine", 0.3, kThirds).rows, 0);   // excluded
  EXPECT_EQ(own_effect({}, "mine", 0.3, kThirds).applied, 1);
}

// A machine at a quarter of what is known is four and a half spreads away: nobody becomes surer by that.
TEST(Own, SurprisesWiden) {
  EXPECT_GT(own_effect({{"mine", std::log(0.25), 1}}, "mine", 0.3, kThirds).narrowing, 1);
  EXPECT_LT(own_effect({{"mine", std::log(0.97), 1}}, "mine", 0.3, kThirds).narrowing, 0.85);
}

TEST(Own, ABrokenLineLosesOnlyItself) {
  const auto log = read_own("id,device,value\na,rtx-3090,10\nb,rtx-3090\nc,\"rtx,12\nd,rtx-3090,11\n", "observations.csv");
  EXPECT_EQ(log.rows.size(), 2u);
  EXPECT_EQ(log.unread, 2);
}

// 30 machines at 0.4 apart from each other, models at 0.2, rows at 0.1, in a fixed pattern: the order of the shares must come out.
TEST(Own, SharesFollowTheResiduals) {
  std::vector<Prepared> rows;
  std::vector<double> residuals;
  for (int machine = 0; machine < 30; ++machine)
    for (int model = 0; model < 5; ++model)
      for (int row = 0; row < 4; ++row) {
        Prepared p;
        p.phase = "decode";
        p.source = "source " + std::to_string(machine);
        p.model = "model " + std::to_string(model);
        rows.push_back(p);
        residuals.push_back(0.4 * std::sin(machine * 2.3) + 0.2 * std::sin(model * 1.7 + machine) + 0.1 * std::sin(row * 2.9 + model + machine));
      }
  const auto shares = shares_of(rows, residuals);
  ASSERT_EQ(shares.count("decode"), 1u);
  const cost::Shares& s = shares.at("decode");
  EXPECT_GT(s.machine, s.model);
  EXPECT_GT(s.model, s.row);
  EXPECT_NEAR(s.machine + s.model + s.row, 1, 1e-9);
}

TEST(Own, DerivationsStillAddUp) {
  cost::Speed speed;
  speed.decode.value = {80, 100, 125};
  const auto term = [](const char* name, double efficiency, double took) {
    cost::Term one;
    one.name = name;
    one.efficiency = efficiency;
    one.time = Seconds(took);
    return one;
  };
  speed.decode.derivation = {term("weights", 0.8, 0.008), term("launch", 1, 0.002)};
  speed.prefill.value = {800, 1000, 1250};
  speed.prefill.derivation = {term("weights", 0.5, 0.512)};
  speed.ttft.value = {0.4, 0.512, 0.7};
  speed.energy = cost::Estimate{{1, 2, 3}, "J/token", cost::Grade::near, {}, {}};
  cost::OwnEffects own;
  own.decode = {.rows = 3, .says = 0.78, .applied = 0.8, .narrowing = 0.5};
  const cost::Speed moved = cost::with_own(speed, own);
  EXPECT_NEAR(moved.decode.value.p50, 80, 1e-9);
  EXPECT_NEAR(moved.decode.value.p10, 80 * std::sqrt(0.8), 1e-9);
  double seconds = 0;
  for (const cost::Term& one : moved.decode.derivation) seconds += one.time.value();
  EXPECT_NEAR(1 / seconds, moved.decode.value.p50, 1e-9);
  EXPECT_NEAR(moved.decode.derivation[0].efficiency, 0.64, 1e-12);
  EXPECT_EQ(moved.prefill.value.p50, 1000);
  EXPECT_EQ(moved.ttft.value.p50, 0.512);   // the prompt's, and nothing else
  EXPECT_NEAR(moved.energy->value.p50, 2.5, 1e-9);
}

}  // namespace
}  // namespace rigcast::calibration
