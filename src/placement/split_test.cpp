#include "placement/split.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

namespace rigcast::placement {
namespace {

TEST(Split, TheFastCardTakesAllItCanHold) {
  // 34 layers of 1 GB; the fast card holds 24, the slow one 16: 24 + 10, not 24:16 by capacity (20 + 14).
  const std::vector<LayerLoad> layers(34, {1e9, 1e9});
  const auto counts = best_split(layers, {{24e9, 936e9, 0}, {16e9, 288e9, 0}});
  ASSERT_TRUE(counts);
  EXPECT_EQ(*counts, (std::vector<int>{24, 10}));
}

TEST(Split, ADeviceThatIsNotNeededStaysOut) {
  const std::vector<LayerLoad> layers(10, {1e9, 1e9});
  EXPECT_EQ(*best_split(layers, {{24e9, 936e9, 1e-4}, {24e9, 936e9, 1e-4}}), (std::vector<int>{10, 0}));
}

TEST(Split, TooMuchIsNullopt) {
  const std::vector<LayerLoad> layers = {{5, 1}, {5, 1}, {5, 1}};
  EXPECT_FALSE(best_split(layers, {{8, 1, 0}, {4, 1, 0}}));
  EXPECT_FALSE(can_split(layers, {{8, 1, 0}, {4, 1, 0}}));
}

double time_of(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices, const std::vector<int>& counts) {
  double time = 0;
  std::size_t layer = 0;
  for (std::size_t d = 0; d < devices.size(); ++d) {
    double held = 0;
    for (int i = 0; i < counts[d]; ++i, ++layer) {
      held += layers[layer].held;
      time += layers[layer].read / devices[d].bandwidth;
    }
    if (held > devices[d].capacity) return -1;
    if (counts[d] > 0) time += devices[d].hop;
  }
  return time;
}

// 30 equal layers over two equal devices that hold 24 each: any split from 6:24 to 24:6 is as fast; 15:15 leaves both the most room.
TEST(Split, EquallyFastSplitsAreBalanced) {
  const std::vector<LayerLoad> layers(30, {1, 1});
  const std::vector<DeviceLoad> devices(2, {24, 10, 0.1});
  EXPECT_EQ(best_split(layers, devices), (std::vector<int>{15, 15}));
}

TEST(Split, EqualsExhaustiveEnumerationOnSmallRigs) {
  // Every contiguous split of 9 unequal layers over 3 unequal devices, in 500 seeded variations.
  std::uint64_t seed = 12345;
  const auto random = [&seed](double below) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(seed >> 11) / 9007199254740992.0 * below;
  };
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<LayerLoad> layers;
    for (int l = 0; l < 9; ++l) layers.push_back({1 + random(4), 1 + random(4)});
    std::vector<DeviceLoad> devices;
    for (int d = 0; d < 3; ++d) devices.push_back({5 + random(15), 1 + random(5), random(0.5)});
    double least = -1;
    for (int a = 0; a <= 9; ++a)
      for (int b = 0; a + b <= 9; ++b) {
        const double time = time_of(layers, devices, {a, b, 9 - a - b});
        if (time >= 0 && (least < 0 || time < least)) least = time;
      }
    const auto counts = best_split(layers, devices);
    ASSERT_EQ(counts.has_value(), least >= 0) << "trial " << trial;
    ASSERT_EQ(can_split(layers, devices), least >= 0) << "trial " << trial;
    if (counts) {
      EXPECT_EQ(std::accumulate(counts->begin(), counts->end(), 0), 9);
      EXPECT_NEAR(time_of(layers, devices, *counts), least, 1e-9) << "trial " << trial;
    }
  }
}

}  // namespace
}  // namespace rigcast::placement
