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
        const Near wanted{device, "llama.cpp", "cuda", model, "Q4_K_M", "decode", devices};
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

// Beside a dense model of 32 billion parameters another dense one of that size says more than a mixture that works with three of its thirty.
TEST(Nearest, ModelsAreAsLargeAsWhatWorksOnAToken) {
  const auto facts = *catalog::Catalog::load();
  const auto calibration = *cost::load_calibration(facts);
  for (const cost::Evidence& each : nearest(facts, calibration, {"rtx-3090", "llama.cpp", "cuda", "qwen3-32b", "Q4_K_M", "decode", 2}, 3))
    EXPECT_EQ(each.model.find("-a3b"), std::string::npos) << each.model;
  const auto mixtures = nearest(facts, calibration, {"rtx-3090", "llama.cpp", "cuda", "qwen3-30b-a3b", "Q4_K_M", "decode", 1}, 1);
  ASSERT_EQ(mixtures.size(), 1U);
  EXPECT_NE(mixtures.front().model.find("a3b"), std::string::npos) << mixtures.front().model;
}

TEST(Nearest, ADeviceNobodyMeasuredHasNoRows) {
  const auto facts = *catalog::Catalog::load();
  const auto calibration = *cost::load_calibration(facts);
  KnownRows known(std::make_shared<model::KnownBases>());
  EXPECT_TRUE(nearest(facts, calibration, {"no-such-card", "llama.cpp", "cuda", "qwen3-8b", "Q4_K_M", "decode", 1}, 3, &known).empty());
}

}  // namespace
}  // namespace rigcast::calibration
