// Played again with other sizes, a demand comes to what an allocator would have been asked for.

#include "placement/detail/graph_demand.hpp"

#include <gtest/gtest.h>

namespace rigcast::placement::detail {
namespace {

// A mask that grows with the cache, something beside it, and a result as large as that in the mask's place once it is free.
GraphDemand with_mask(std::int64_t mask) {
  GraphDemand demand;
  demand.add_memory(64, INT64_MAX);
  const int first = demand.take(0, mask);
  demand.take(0, 640);
  demand.give_back(first);
  demand.take(0, 640);
  return demand;
}

TEST(GraphDemand, TellsOfAnyLengthOnceTwoAreKnown) {
  EXPECT_EQ(with_mask(1024).peaks().front(), 1664);   // 1024 + 640, and the last 640 lie where the mask was
  EXPECT_EQ(with_mask(512).peaks().front(), 1792);    // 512 + 640 + 640: the mask's place is too small
  const auto growing = with_mask(1024).growing_to(with_mask(1536), 2);
  ASSERT_TRUE(growing);
  EXPECT_EQ(growing->peaks(0).front(), 1664);
  EXPECT_EQ(growing->peaks(2).front(), 2176);         // 1536 + 640
  EXPECT_EQ(growing->peaks(-2).front(), 1792);        // 256 a step: 512 again, which neither of the two has shown
}

// A copy of a weight of 512 and then something of 640, which lies where the copy was if that is of another weight, of 1024.
TEST(GraphDemand, TellsOfOtherWeights) {
  GraphDemand demand;
  demand.add_memory(64, INT64_MAX);
  const int copy = demand.take(0, 512, 0);
  demand.take(0, 64);
  demand.give_back(copy);
  demand.take(0, 640);
  EXPECT_EQ(demand.peaks().front(), 1216);   // 512 + 64 + 640
  const std::vector<std::int64_t> other = {1024};
  EXPECT_EQ(demand.peaks(0, other).front(), 1088);   // 1024 + 64
}

TEST(GraphDemand, LearnsNothingFromAnotherGraph) {
  GraphDemand other = with_mask(1536);
  other.take(0, 64);
  EXPECT_FALSE(with_mask(1024).growing_to(other, 2));
  EXPECT_FALSE(with_mask(1024).growing_to(with_mask(1535), 2));   // half a byte a step
  EXPECT_FALSE(with_mask(1024).growing_to(with_mask(1536), 0));
}

// Four pieces of 64 and one of 128, the middle two of the four first making room for the 128, then all free but the last at 256; and 256 more.
std::int64_t peak_of_five(bool with_nothing) {
  GraphDemand demand;
  demand.add_memory(64, INT64_MAX);
  const int first = demand.take(0, 64), second = demand.take(0, 64), third = demand.take(0, 64), fourth = demand.take(0, 64);
  demand.take(0, 64);
  demand.give_back(third);
  const int nothing = with_nothing ? demand.take(0, 0) : -1;   // at 128, where the third was
  demand.give_back(second);
  const int wide = demand.take(0, 128);                        // 64 to 192
  if (with_nothing) demand.give_back(nothing);                 // a hole of no bytes in its midst
  for (const int piece : {first, fourth, wide}) demand.give_back(piece);
  demand.take(0, 256);
  return demand.peaks().front();
}

TEST(GraphDemand, PiecesOfNoBytesKeepHolesApart) {
  EXPECT_EQ(peak_of_five(false), 320);   // 0 to 256 is one hole before the last piece
  EXPECT_EQ(peak_of_five(true), 576);    // 0 to 192 and 192 to 256 are two: the 256 lie behind 320
}

}  // namespace
}  // namespace rigcast::placement::detail
