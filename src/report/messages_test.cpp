#include "report/messages.hpp"

#include <gtest/gtest.h>

#include "catalog/engine.hpp"
#include "catalog/rule.hpp"
#include "facts.hpp"

namespace rigcast::report {
namespace {

using rigcast::test::facts;

// A rule is told as a whole, whatever sentence it stands in: no pattern takes it apart.
TEST(Messages, RulesAreToldInTheirOwnTranslation) {
  const Language chinese = load_language(facts(), "zh");
  const auto rules = facts().rules();
  ASSERT_TRUE(rules);
  for (const catalog::Rule& rule : **rules) {
    const auto own = rule.translations.find("zh");
    if (own == rule.translations.end()) continue;
    EXPECT_EQ(chinese.say(rule.text), own->second) << rule.key;
    if (rule.effect != catalog::RuleEffect::refuse) continue;
    EXPECT_EQ(chinese.say("vLLM refuses this on Tesla P40: " + rule.text), "Tesla P40 \u4e0a\u7684 vLLM \u4e0d\u80fd\u8fd9\u6837\u8fd0\u884c\uff1a" + own->second) << rule.key;
  }
}

// A reason that names one engine is given to no other.
TEST(Messages, RefusalsArgueWithTheEngineThatRefuses) {
  std::vector<catalog::Engine> engines;
  for (const catalog::Entry& entry : facts().entries(catalog::Kind::engine)) engines.push_back(*catalog::read_engine(facts(), entry.key));
  const auto rules = facts().rules();
  ASSERT_TRUE(rules);
  for (const catalog::Rule& rule : **rules) {
    const auto refusing = rule.any_of.find("engine");
    if (rule.effect != catalog::RuleEffect::refuse || refusing == rule.any_of.end()) continue;
    for (const catalog::Engine& named : engines) {
      if (!rule.text.starts_with(named.name + ' ')) continue;
      for (const std::string& other : refusing->second) EXPECT_EQ(other, named.key) << rule.key;
    }
  }
}

}  // namespace
}  // namespace rigcast::report
