#include "base/pattern.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <random>
#include <string>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"   // of GCC 12 under sanitizers, inside <regex>
#endif
#include <regex>

namespace rigcast {
namespace {

bool found(const char* pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern << ": " << (compiled ? "" : to_text(compiled.error()));
  return compiled && compiled->found_in(text);
}
std::string refusal(const std::string& pattern) {
  const auto compiled = Pattern::compile(pattern);
  return compiled ? "no error" : compiled.error().message;
}

TEST(Pattern, NamesOfTensors) {
  EXPECT_TRUE(found(R"(blk\.(1[0-9]|2[0-9])\.ffn_.*_exps\.)", "blk.17.ffn_gate_exps.weight"));
  EXPECT_FALSE(found(R"(blk\.(1[0-9]|2[0-9])\.ffn_.*_exps\.)", "blk.7.ffn_gate_exps.weight"));
  EXPECT_TRUE(found("exps", "blk.7.ffn_gate_exps.weight"));
  EXPECT_TRUE(found("^output", "output.weight"));
  EXPECT_FALSE(found("^output", "blk.0.attn_output.weight"));
  EXPECT_TRUE(found(R"(^blk\.(?!0\.)\d+\.attn_[qkv]\.weight$)", "blk.10.attn_q.weight"));
  EXPECT_FALSE(found(R"(^blk\.(?!0\.)\d+\.attn_[qkv]\.weight$)", "blk.0.attn_q.weight"));
  EXPECT_TRUE(found("[[:digit:]]{2}\\b", "blk.10.x"));
  EXPECT_TRUE(found("", "anything"));
}

TEST(Pattern, TimeDoesNotExplode) {
  const auto start = std::chrono::steady_clock::now();
  const std::string name(200, 'a');
  EXPECT_FALSE(found("(.*)*(.*)*(.*)*!", name));
  EXPECT_FALSE(found("(a|a|aa)+(a|a|aa)+$b", name));
  EXPECT_FALSE(found("(?=(.*)*(?=(.*)*(?=(.*)*(?=(.*)*!))))", name));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Pattern, WhatIsRefused) {
  for (const char* wrong : {"(", ")", "[a", "*", "a{", "a{2,1}", "[b-a]", "\\", "[[:none:]]", "(?<a>b)", "\\xg"}) EXPECT_EQ(refusal(wrong), "is no regular expression") << wrong;
  EXPECT_EQ(refusal("(a)\\1"), "refers back to a group");
  EXPECT_EQ(refusal("(((a{99}){99}){99}){99}"), "is too long with its repeats written out");
  EXPECT_EQ(refusal("(?=a)(?=b)(?=c)(?=d)(?=e)"), "looks ahead more than 4 times");
  EXPECT_EQ(refusal(std::string(500, '(')), "is no regular expression");
}

// Patterns put together at random, over texts short enough for std::regex to end. Where it looks ahead, libstdc++ takes the place it looks
// from for the beginning of the text: not compared.
TEST(Pattern, FindsWhatTheStandardLibraryFinds) {
  constexpr std::array<const char*, 24> kPieces = {"a", "b", "1", ".", "\\.", "\\d", "\\w", "\\W", "[ab]", "[^a]", "[a-b1]", "(", "(?:", "(?=", "(?!", ")", "|", "*", "+", "?", "{1,2}", "^", "$", "\\b"};
  std::mt19937 random(7);
  int compared = 0;
  for (int i = 0; i < 10000; ++i) {
    std::string pattern;
    for (auto n = 1 + random() % 8; n > 0; --n) pattern += kPieces[random() % kPieces.size()];
    const auto has = [&](const char* piece) { return pattern.find(piece) != std::string::npos; };
    if ((has("(?=") || has("(?!")) && (has("^") || has("\\b"))) continue;
    const auto compiled = Pattern::compile(pattern);
    std::regex standard;
    bool valid = true;
    try {
      standard.assign(pattern);
    } catch (const std::regex_error&) {
      valid = false;
    }
    ASSERT_EQ(compiled.has_value(), valid) << pattern;
    for (int t = 0; valid && t < 4; ++t) {
      std::string text;
      for (auto n = random() % 6; n > 0; --n) text += "ab1."[random() % 4];
      ASSERT_EQ(compiled->found_in(text), std::regex_search(text, standard)) << pattern << " in '" << text << "'";
      ++compared;
    }
  }
  EXPECT_GT(compared, 5000);
}

}  // namespace
}  // namespace rigcast
