#include "report/language.hpp"

#include <gtest/gtest.h>

namespace rigcast::report {
namespace {

// The "other language" of these tests says everything in capitals and turns the order of holes round.
constexpr const char* kPo = R"(# header
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\n"

msgid "of"
msgstr "OF"

msgid "{0} of {1}"
msgstr "{1} HOLDS {0}"

msgid "a long "
"text"
msgstr "LONG \"QUOTED\""

#, pattern
msgid "no device is called '{0}'"
msgstr "KEIN GERAET '{0}'"

#, pattern
msgid "{0}: short of {1} bytes"
msgstr "{1} BYTES FEHLEN AUF {0}"

msgid "not yet translated"
msgstr ""
)";

Language shouting() {
  auto language = Language::parse(kPo, "test.po");
  EXPECT_TRUE(language) << to_text(language.error());
  return *language;
}

TEST(Language, EnglishNeedsNoTable) {
  EXPECT_EQ(Language().say(fill("{0} of {1}", {"3", "4"})), "3 of 4");
  EXPECT_EQ(Language().say("no device is called 'x'"), "no device is called 'x'");
}

TEST(Language, SaysPhrasesInItsOwnOrder) {
  EXPECT_EQ(shouting().say("of"), "OF");
  EXPECT_EQ(shouting().say(fill("{0} of {1}", {"3", "4"})), "4 HOLDS 3");
  EXPECT_EQ(shouting().say("a long text"), "LONG \"QUOTED\"");
}

TEST(Language, LeavesEnglishWhatItDoesNotKnow) {
  EXPECT_EQ(shouting().say("GeForce RTX 3090"), "GeForce RTX 3090");
  EXPECT_EQ(shouting().say("not yet translated"), "not yet translated");
  EXPECT_EQ(shouting().say(fill("{0} and {1}", {"of", "x"})), "OF and x");
}

TEST(Language, RetellsFinishedSentencesByTheirFixedParts) {
  EXPECT_EQ(shouting().say("no device is called 'rtx 9'"), "KEIN GERAET 'rtx 9'");
  EXPECT_EQ(shouting().say("device 1: short of 12 bytes"), "12 BYTES FEHLEN AUF device 1");
}

// "{0} does not run {1}" stands first and would take the sentence apart.
TEST(Language, ThePatternWithTheMostFixedTextWins) {
  auto language = Language::parse(R"(
#, pattern
msgid "{0} does not run {1}"
msgstr "{0} LAEUFT NICHT {1}"

#, pattern
msgid "{0} refuses this on {1}: {2}"
msgstr "{0} LEHNT {1} AB: {2}"

msgid "it is too old and does not run there"
msgstr "ZU ALT"
)", "test.po");
  ASSERT_TRUE(language) << to_text(language.error());
  EXPECT_EQ(language->say("vLLM refuses this on a P40: it is too old and does not run there"), "vLLM LEHNT a P40 AB: ZU ALT");
  EXPECT_EQ(language->say("vLLM does not run there"), "vLLM LAEUFT NICHT there");
}

// "{0} of {1}" is not marked as a pattern: a name with "of" in it must not be taken apart.
// A word that the user wrote stays his, even where it is one of ours.
TEST(Language, QuotedWordsStay) { EXPECT_EQ(shouting().say("no device is called 'of'"), "KEIN GERAET 'of'"); }

// Chinese words have no space between them; between Chinese and Latin ones a translation may put one.
TEST(Language, NoSpaceStandsBetweenTwoChineseWords) {
  EXPECT_EQ(fill_holes("按 {0} 估算", {"双通道"}), "按双通道估算");
  EXPECT_EQ(fill_holes("按 {0} 估算", {"EPYC 7532"}), "按 EPYC 7532 估算");
  EXPECT_EQ(fill_holes("{0} {1} {2}", {"of", "a", "b"}), "of a b");
  EXPECT_EQ(fill_holes("{0} {1}", {"内存", "内存"}), "内存内存");
}

TEST(Language, OnlyMarkedSentencesAreTakenApart) { EXPECT_EQ(shouting().say("Tower of Power"), "Tower of Power"); }

TEST(Language, ReportsTheLineThatIsNoPo) {
  const auto broken = Language::parse("msgid \"a\"\nmsgstr \"b\"\nnonsense\n", "zh.po");
  ASSERT_FALSE(broken);
  EXPECT_EQ(to_text(broken.error()), "zh.po:3:1: expected msgid, msgstr or a quoted text");
  EXPECT_FALSE(Language::parse("\"loose\"\n", "zh.po"));
  EXPECT_FALSE(Language::parse("msgid \"open\n", "zh.po"));
}

}  // namespace
}  // namespace rigcast::report
