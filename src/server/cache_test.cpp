#include "server/cache.hpp"

#include <gtest/gtest.h>

namespace rigcast::server {
namespace {

Response answer(const std::string& body) { return {200, "application/json", body, {}}; }

TEST(AnswerCache, TheSameQuestionOfTheSameStateIsAnsweredAgain) {
  AnswerCache cache(1 << 20);
  const auto state = std::make_shared<const int>(1);
  EXPECT_FALSE(cache.find("a", state));
  cache.keep("a", state, answer("one"));
  ASSERT_TRUE(cache.find("a", state));
  EXPECT_EQ(cache.find("a", state)->body, "one");
  EXPECT_FALSE(cache.find("b", state));
  EXPECT_FALSE(cache.find("a", std::make_shared<const int>(1)));   // another state, and the old answer is gone with it
  EXPECT_FALSE(cache.find("a", state));
}

// Three answers of 1000 bytes and what holds them, in room for two: the one that was asked for longest ago goes.
TEST(AnswerCache, ForgetsWhatNobodyAsksFor) {
  AnswerCache cache(2 * 1600);
  const std::string body(1000, 'x');
  cache.keep("a", nullptr, answer(body));
  cache.keep("b", nullptr, answer(body));
  EXPECT_TRUE(cache.find("a", nullptr));
  cache.keep("c", nullptr, answer(body));
  EXPECT_TRUE(cache.find("a", nullptr));
  EXPECT_FALSE(cache.find("b", nullptr));
  EXPECT_TRUE(cache.find("c", nullptr));
  cache.keep("large", nullptr, answer(std::string(10000, 'x')));   // larger than all the room: not kept, and nobody has to go for it
  EXPECT_FALSE(cache.find("large", nullptr));
  EXPECT_TRUE(cache.find("c", nullptr));
  cache.keep("a", nullptr, answer("new"));
  EXPECT_EQ(cache.find("a", nullptr)->body, "new");
}

}  // namespace
}  // namespace rigcast::server
