#include "server/requests.hpp"

#include <gtest/gtest.h>

namespace rigcast::server {
namespace {

TEST(Requests, ComparisonsAskForWhatPlansAskFor) {
  const auto asked = read_compare_request(R"({"models": ["qwen3-8b"], "rigs": ["3090"], "for": "context", "at_least": 40, "own": false})");
  ASSERT_TRUE(asked) << to_text(asked.error());
  EXPECT_EQ(asked->request.objective, placement::Objective::context);
  EXPECT_EQ(asked->request.minimum_speed, 40);
  EXPECT_FALSE(asked->request.own);
  const auto wrong = read_compare_request(R"({"models": ["qwen3-8b"], "rigs": ["3090"], "for": "contxt"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "for");
  EXPECT_EQ(wrong.error().nearest, "context");
}

TEST(Requests, ProcessorsAreListedUnderBothOfTheirNames) {
  for (const char* kind : {"processors", "hosts"}) {
    const auto asked = read_list_request(kind, {});
    ASSERT_TRUE(asked) << kind;
    EXPECT_EQ(asked->kind, catalog::Kind::processor);
  }
}

}  // namespace
}  // namespace rigcast::server
