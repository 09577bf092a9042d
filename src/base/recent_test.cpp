#include "base/recent.hpp"

#include <gtest/gtest.h>

namespace rigcast {
namespace {

TEST(Recent, ForgetsWhatNobodyAskedForTheLongest) {
  Recent<int> recent(2);
  recent.keep("a", 1);
  recent.keep("b", 2);
  ASSERT_NE(recent.find("a"), nullptr);
  recent.keep("c", 3);
  EXPECT_EQ(recent.find("b"), nullptr);
  ASSERT_NE(recent.find("a"), nullptr);
  EXPECT_EQ(*recent.find("a"), 1);
  EXPECT_EQ(*recent.find("c"), 3);
}

TEST(Recent, KeepsOneOfEachName) {
  Recent<int> recent(2);
  recent.keep("a", 1);
  recent.keep("b", 2);
  EXPECT_EQ(recent.keep("a", 3), 3);
  EXPECT_EQ(recent.size(), 2u);
  EXPECT_EQ(recent.forget(), 2);
  EXPECT_EQ(recent.forget(), 3);
  EXPECT_EQ(recent.size(), 0u);
  EXPECT_EQ(recent.find("a"), nullptr);
}

}  // namespace
}  // namespace rigcast
