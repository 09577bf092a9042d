#include "cli/here.hpp"

#include <gtest/gtest.h>

namespace rigcast::cli {
namespace {

TEST(Here, IsLookedAtOnceForQuestionsThatFollowEachOther) {
  int looks = 0;
  KeptAWhile<int> kept([&] { return ++looks; }, std::chrono::hours(1));
  EXPECT_EQ(kept.get(), 1);
  EXPECT_EQ(kept.get(), 1);
  EXPECT_EQ(looks, 1);
}

TEST(Here, IsLookedAtAnewOnceThatWasAWhileAgo) {
  int looks = 0;
  KeptAWhile<int> kept([&] { return ++looks; }, std::chrono::hours(-1));
  EXPECT_EQ(kept.get(), 1);
  EXPECT_EQ(kept.get(), 2);
}

}  // namespace
}  // namespace rigcast::cli
