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

// As -c 0 on the command line; without the member nobody named one.
TEST(Requests, AContextOfNoughtIsTheModelsOwn) {
  const auto context = [](const char* said) {
    const auto asked = read_plan_request(std::string(R"({"model": "qwen3-8b", "rig": "3090")") + said + "}");
    return asked ? asked->request.placement.context : -999;
  };
  EXPECT_EQ(context(R"(, "context": 0)"), app::kWholeContext);
  EXPECT_EQ(context(R"(, "context": "0")"), app::kWholeContext);
  EXPECT_EQ(context(""), 0);
  EXPECT_EQ(context(R"(, "context": null)"), 0);
  EXPECT_EQ(context(R"(, "context": "8k")"), 8192);
}

TEST(Requests, TheLanguageIsKnownWhateverElseIsWrong) {
  EXPECT_EQ(language_of(R"({"lang": "zh", "depth": "zz"})"), "zh");
  EXPECT_EQ(language_of(R"({"verb": "plan", "request": {"lang": "zh"}})"), "zh");
  for (const char* body : {"", "{", "[]", R"({"lang": 3})", R"({"request": "zh"})"}) EXPECT_EQ(language_of(body), "") << body;
  EXPECT_TRUE(check_language("zh"));
  EXPECT_EQ(check_language("fr").error().field, "lang");
  EXPECT_EQ(check_language("zh-CN").error().nearest, "zh");
}

TEST(Requests, JobsMayNameTheirLanguage) {
  EXPECT_TRUE(read_evaluate_request(R"({"by": ["kind"], "lang": "zh"})"));
  EXPECT_EQ(read_evaluate_request(R"({"lang": "fr"})").error().field, "lang");
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
