#include "calibration/nearest.hpp"

#include <gtest/gtest.h>

namespace rigcast::calibration {
namespace {

// What is remembered of rows is what would be found anew, whatever was asked before: another model on the same card, another count of cards.
TEST(Nearest, RowsThatAreKnownSayWhatTheySaidBefore) {
  const auto facts = *catalog::Catalog::load();
  const auto calibration = *cost::load_calibration(facts);
  KnownRows known(std::make_shared<model::KnownBases>());
  int compared = 0;
  for (const char* device : {"rtx-3090", "mi50-32g", "rtx-4090"})
    for (const char* model : {"qwen3-8b", "llama-3.3-70b", "qwen3-8b"})
      for (const int devices : {1, 2}) {
        const Near wanted{device, "llama.cpp", "cuda", model, "decode", devices};
        const auto fresh = nearest(facts, calibration, wanted, 3), again = nearest(facts, calibration, wanted, 3, &known);
        ASSERT_EQ(again.size(), fresh.size());
        for (std::size_t i = 0; i < fresh.size(); ++i) {
          EXPECT_EQ(again[i].id, fresh[i].id);
          EXPECT_EQ(again[i].value, fresh[i].value);
          EXPECT_EQ(again[i].predicted, fresh[i].predicted);
          compared += fresh[i].predicted > 0 ? 1 : 0;
        }
      }
  EXPECT_GT(compared, 20);
}

TEST(Nearest, ADeviceNobodyMeasuredHasNoRows) {
  const auto facts = *catalog::Catalog::load();
  const auto calibration = *cost::load_calibration(facts);
  KnownRows known(std::make_shared<model::KnownBases>());
  EXPECT_TRUE(nearest(facts, calibration, {"no-such-card", "llama.cpp", "cuda", "qwen3-8b", "decode", 1}, 3, &known).empty());
}

}  // namespace
}  // namespace rigcast::calibration
