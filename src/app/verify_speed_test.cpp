#include "app/verify_speed.hpp"

#include <gtest/gtest.h>

namespace rigcast::app {
namespace {

TEST(VerifySpeed, NamesTheTermThatWouldHaveToChangeLeast) {
  cost::Speed speed;
  speed.decode.value = {8, 10, 12};
  speed.decode.derivation = {{.name = "weights", .where = "", .amount = 8e9, .amount_unit = "B", .time = Seconds(0.08)},
                             {.name = "launch", .where = "", .amount = 100, .amount_unit = "launches", .time = Seconds(0.02)}};
  calibration::Observation o;
  o.phase = "decode", o.generated = 32, o.depth = 0, o.value = 5;
  const VerifiedSpeed v = verify_speed(speed, o);
  EXPECT_FALSE(v.inside);
  EXPECT_EQ(v.suspect.name, "weights");
  // 0.1 s a token were predicted and 0.2 s measured: the weights would have to take 0.18 s.
  EXPECT_NEAR(v.needed_rate, 8e9 / 0.18, 1);
  EXPECT_NEAR(v.assumed_rate, 1e11, 1);
  o.value = 9;
  EXPECT_TRUE(verify_speed(speed, o).inside);
}

TEST(VerifySpeed, AFasterRunThanAnyTermAllowsIsNobodysFault) {
  cost::Speed speed;
  speed.prefill.value = {80, 100, 120};
  speed.prefill.derivation = {{.name = "weights", .where = "", .amount = 1e12, .amount_unit = "flop", .time = Seconds(1)}};
  calibration::Observation o;
  o.phase = "prefill", o.prompt = 100, o.value = 1000;
  EXPECT_EQ(verify_speed(speed, o).suspect.name, "weights");
  speed.prefill.derivation.front().time = Seconds(0.5);
  speed.prefill.derivation.push_back(speed.prefill.derivation.front());
  EXPECT_EQ(verify_speed(speed, o).suspect.name, "");   // nine tenths are to be saved, each is half
}

}  // namespace
}  // namespace rigcast::app
