#include "report/layout.hpp"

#include <gmock/gmock.h>

namespace rigcast::report {
namespace {

using testing::ElementsAre;

// Two Chinese characters, "fits": four columns.
constexpr const char* kFits = "\u80fd\u88c5";

TEST(Layout, PadsByColumnsNotBytes) {
  EXPECT_EQ(pad_right(kFits, 6), std::string(kFits) + "  ");
  EXPECT_EQ(pad_left(kFits, 5), ' ' + std::string(kFits));
  EXPECT_EQ(pad_right("long", 2), "long");
}

TEST(Layout, WrapsAtSpaces) { EXPECT_THAT(wrap("one two three", 8), ElementsAre("one two", "three")); }

TEST(Layout, KeepsANumberWithItsUnit) { EXPECT_THAT(wrap("takes 12.9 ms", 10), ElementsAre("takes", "12.9 ms")); }

TEST(Layout, KeepsANumberBehindChineseWithItsUnit) { EXPECT_THAT(wrap("GPTQ\uff1a42.4 tok/s", 13), ElementsAre("GPTQ\uff1a", "42.4 tok/s")); }

TEST(Layout, ANameThatEndsInDigitsIsNoNumber) { EXPECT_THAT(wrap("DeepSeek-R1-0528 Qwen3", 20), ElementsAre("DeepSeek-R1-0528", "Qwen3")); }

TEST(Layout, WrapsChineseBetweenCharactersButNotBeforeAFullStop) {
  // Six characters of two columns each, then a full stop of two: at 12 columns the stop would begin the second line, so the sixth goes too.
  const std::string six = "\u663e\u5b58\u80fd\u88c5\u5f97\u4e0b";
  EXPECT_THAT(wrap(six + "\u3002", 12), ElementsAre("\u663e\u5b58\u80fd\u88c5\u5f97", "\u4e0b\u3002"));
}

TEST(Layout, LetsALongWordStickOut) { EXPECT_THAT(wrap("see https://example.org/very/long x", 10), ElementsAre("see", "https://example.org/very/long", "x")); }

TEST(Layout, EmptyTextIsOneLine) { EXPECT_THAT(wrap("", 10), ElementsAre("")); }

TEST(Layout, IndentsWhatFollows) { EXPECT_EQ(wrap_with("  ! ", "aaaaaaaaaa bbbbbbbbbb cccccccccc", 26), "  ! aaaaaaaaaa bbbbbbbbbb\n    cccccccccc"); }

TEST(Layout, ColumnsGiveWayWhereTheyMay) {
  const auto lines = columns({{"name", "a text that is far too long"}, {"x", "short"}}, {{}, {Align::left, true}}, 2, 24);
  // 24 columns less indent 2, first column 4 and gap 2 leave 16.
  EXPECT_THAT(lines, ElementsAre("  name  a text that is\n        far too long", "  x     short"));
}

TEST(Layout, TooWideTablesBreakTheirHeaderThenHangTheirFirstColumn) {
  EXPECT_THAT(columns({{"group", "median error"}, {"a", "1 %"}}, {{}, {Align::right, false}}, 0, 14, true), ElementsAre("group   median\n         error", "a          1 %"));
  EXPECT_THAT(columns({{"3090; host=epyc-7532", "22.7/24"}, {"4090", "9/24"}}, {{}, {}}, 0, 24), ElementsAre("3090; host=epyc-7532\n                 22.7/24", "4090             9/24"));
}

// 4 + 13 + 1 columns and gaps of two are 22: the gaps close up before a range is broken.
TEST(Layout, RangesStayWhole) { EXPECT_THAT(columns({{"4090", "3,754 - 5,603", "x"}}, {{}, {Align::left, true}, {}}, 0, 20), ElementsAre("4090 3,754 - 5,603 x")); }

TEST(Layout, RightColumnsEndTogether) {
  EXPECT_THAT(columns({{"a", "9.5"}, {"b", "10.25"}}, {{}, {Align::right, false}}, 0, 40), ElementsAre("a    9.5", "b  10.25"));
}

TEST(Layout, ShortensWithAMark) {
  EXPECT_EQ(shorten("GeForce", 7), "GeForce");
  EXPECT_EQ(shorten("GeForce RTX", 8), "GeForce~");
  EXPECT_EQ(shorten(std::string(kFits) + kFits, 4), "\u80fd~");
}

}  // namespace
}  // namespace rigcast::report
