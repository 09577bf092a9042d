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

TEST(GraphDemand, LearnsNothingFromAnotherGraph) {
  GraphDemand other = with_mask(1536);
  other.take(0, 64);
  EXPECT_FALSE(with_mask(1024).growing_to(other, 2));
  EXPECT_FALSE(with_mask(1024).growing_to(with_mask(1535), 2));   // half a byte a step
  EXPECT_FALSE(with_mask(1024).growing_to(with_mask(1536), 0));
}

}  // namespace
}  // namespace rigcast::placement::detail
