#include "catalog/rule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace rigcast::catalog {
namespace {

std::vector<Rule> embedded_rules() {
  const auto catalog = Catalog::load();
  const auto rules = catalog->rules();
  EXPECT_TRUE(rules) << (rules ? "" : to_text(rules.error()));
  return rules ? **rules : std::vector<Rule>{};
}

bool contains(const std::vector<Rule>& rules, std::string_view key) {
  return std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) { return rule.key == key; });
}

TEST(Rules, EveryRuleHasAKeyOfItsOwnAndChinese) {
  std::set<std::string> keys;
  for (const Rule& rule : embedded_rules()) {
    EXPECT_TRUE(keys.insert(rule.key).second) << rule.key;
    EXPECT_TRUE(rule.translations.contains("zh")) << rule.key;
  }
  EXPECT_GE(keys.size(), 60u);
}

TEST(Rules, OfTheProgramAreThoseOfItsFiles) {
  const auto catalog = Catalog::load();
  std::vector<Rule> read;
  for (const std::string& path : catalog->files("rules")) {
    const auto rules = read_rules(*catalog->file(path), path);
    ASSERT_TRUE(rules) << to_text(rules.error());
    read.insert(read.end(), rules->begin(), rules->end());
  }
  EXPECT_EQ(embedded_rules(), read);
}

TEST(Rules, V100UnderVllmFallsBackToHalfAndWarns) {
  Situation situation;
  situation.engine = "vllm";
  situation.backend = "cuda";
  situation.vendor = "nvidia";
  situation.architecture = "volta";
  situation.quant = "bf16";
  situation.quant_group = "float";
  const auto rules = rules_for(embedded_rules(), situation);
  EXPECT_TRUE(contains(rules, "v100-no-bf16"));
  EXPECT_TRUE(contains(rules, "no-flash-attention-2"));
  EXPECT_TRUE(contains(rules, "cuda13-ends-volta"));
  ASSERT_FALSE(rules.empty());
  EXPECT_EQ(rules.front().effect, RuleEffect::fallback);
  EXPECT_EQ(rules.front().runs_as, "fp16");
}

TEST(Rules, AnUnknownIsNotAMatch) {
  // No architecture given: nothing that asks for one may apply.
  Situation situation;
  situation.engine = "vllm";
  for (const Rule& rule : rules_for(embedded_rules(), situation)) EXPECT_FALSE(rule.any_of.contains("architecture")) << rule.key;
}

TEST(Rules, UnknownConditionNamesTheNearest) {
  const auto rules = read_rules("[[rule]]\nkey = \"a\"\nkind = \"fit\"\neffect = \"note\"\ntext = \"t\"\nsource = \"s\"\ndate = \"2026\"\n"
                                "when = { enginee = [\"vllm\"] }\n",
                                "rules.toml");
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().nearest, "engine");
  EXPECT_EQ(rules.error().where.line, 8);
}

TEST(Rules, AFallbackMustSayToWhat) {
  const auto rules = read_rules("[[rule]]\nkey = \"a\"\nkind = \"fit\"\neffect = \"fallback\"\ntext = \"t\"\nsource = \"s\"\ndate = \"2026\"\n"
                                "when = { engine = [\"vllm\"] }\n",
                                "rules.toml");
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().field, "rule.runs_as");
}

}  // namespace
}  // namespace rigcast::catalog
