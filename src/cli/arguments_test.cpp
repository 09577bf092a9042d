#include "cli/arguments.hpp"

#include <gmock/gmock.h>

namespace rigcast::cli {
namespace {

using testing::ElementsAre;

Verb sample_verb() {
  Verb verb;
  verb.name = "try";
  verb.positionals = {{"MODEL", "a model"}, {"TEXT", "more", Completes::nothing, {}, false, true}};
  verb.options = {{"--on", "", "RIG", "the machine", Completes::device, {}, true}, {"--flags", "-f", "FLAGS", "flags"}, {"--context", "-c", "TOKENS", "context"},
                  {"--keys", "", "", "only keys"}};
  return verb;
}

std::string error_of(const std::vector<std::string>& words) {
  const auto arguments = parse_arguments(sample_verb(), words);
  return arguments ? "no error" : to_text(arguments.error());
}

TEST(Arguments, TakesOptionsInEveryUsualSpelling) {
  const auto arguments = parse_arguments(sample_verb(), {"m", "--on", "a", "--on=b", "-c4096", "--keys", "x", "y"});
  ASSERT_TRUE(arguments) << to_text(arguments.error());
  EXPECT_EQ(arguments->one_or("MODEL", ""), "m");
  EXPECT_THAT(arguments->all("TEXT"), ElementsAre("x", "y"));
  EXPECT_THAT(arguments->all("--on"), ElementsAre("a", "b"));
  EXPECT_EQ(arguments->one_or("--context", ""), "4096");
  EXPECT_TRUE(arguments->has("--keys"));
  EXPECT_FALSE(arguments->has("--json"));
}

// An engine's flags begin with '-' and are one word for us.
TEST(Arguments, AValueMayBeginWithADash) {
  const auto arguments = parse_arguments(sample_verb(), {"m", "--flags", "-ngl 20 -c 4096"});
  ASSERT_TRUE(arguments) << to_text(arguments.error());
  EXPECT_EQ(arguments->one_or("--flags", ""), "-ngl 20 -c 4096");
}

TEST(Arguments, NamesTheNearestOption) {
  EXPECT_EQ(error_of({"m", "--contxt", "5"}), "try: unknown option '--contxt' (nearest: --context)");
  EXPECT_EQ(error_of({"m", "--flags"}), "--flags: needs a value");
  EXPECT_EQ(error_of({}), "try: MODEL is missing; 'rigcast try --help' shows what it takes");
  EXPECT_EQ(error_of({"m", "--lang", "fr"}), "--lang: 'fr' is none of en, zh");
}

// Of two values of one thing nobody knows which is meant; twice the same is one.
TEST(Arguments, OneValueIsGivenOnce) {
  EXPECT_EQ(error_of({"m", "-c", "4k", "-c", "8k"}), "--context: is given twice: '4k' and '8k'");
  EXPECT_EQ(error_of({"m", "-c", "4k", "-c", "4k"}), "no error");
  EXPECT_EQ(error_of({"m", "--on", "a", "--on", "b"}), "no error") << "this one repeats";
}

TEST(Arguments, HelpNeedsNothingElse) { EXPECT_TRUE(parse_arguments(sample_verb(), {"--help"})); }

}  // namespace
}  // namespace rigcast::cli
