#include "catalog/rule.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"
#include "base/text.hpp"
#include "catalog/toml_reader.hpp"

namespace rigcast::catalog {
namespace {

const std::vector<std::string> kEffects = {"refuse", "fallback", "warn", "note"};
const std::vector<std::string> kVerdicts = {"true", "depends", "false"};

// The conditions a rule may name, and what of a Situation each looks at: the one list of both.
constexpr std::array<std::pair<std::string_view, std::string Situation::*>, 12> kTexts = {{{"engine", &Situation::engine},
                                                                                      {"backend", &Situation::backend},
                                                                                      {"device", &Situation::device},
                                                                                      {"device_kind", &Situation::device_kind},
                                                                                      {"vendor", &Situation::vendor},
                                                                                      {"architecture", &Situation::architecture},
                                                                                      {"capability", &Situation::capability},
                                                                                      {"os", &Situation::os},
                                                                                      {"quant", &Situation::quant},
                                                                                      {"quant_group", &Situation::quant_group},
                                                                                      {"family", &Situation::family},
                                                                                      {"split", &Situation::split}}};
constexpr std::array<std::pair<std::string_view, bool Situation::*>, 11> kFlags = {{{"several_devices", &Situation::several_devices},
                                                                              {"faster_later", &Situation::faster_later},
                                                                              {"mixed_vendors", &Situation::mixed_vendors},
                                                                              {"dual_chip", &Situation::dual_chip},
                                                                              {"modified", &Situation::modified},
                                                                              {"nvlink", &Situation::nvlink},
                                                                              {"experts", &Situation::experts},
                                                                              {"windowed", &Situation::windowed},
                                                                              {"weights_on_host", &Situation::weights_on_host},
                                                                              {"kv_on_host", &Situation::kv_on_host},
                                                                              {"several_sockets", &Situation::several_sockets}}};
constexpr const char* kQuantPrefix = "quant_prefix";  // begins the quant's key: "awq" for every AWQ group size

Rule read_one(TableReader& table, const std::string& file) {
  Rule rule;
  rule.key = table.required_text("key");
  rule.kind = table.required_text("kind");
  rule.effect = static_cast<RuleEffect>(table.choice("effect", kEffects, 3));
  rule.text = table.required_text("text");
  if (const std::string zh = table.text("zh"); !zh.empty()) rule.translations["zh"] = zh;
  rule.launch = table.text("launch");
  rule.runs_as = table.text("runs_as");
  rule.verdict = kVerdicts[table.choice("verdict", kVerdicts, 0)];
  rule.since = table.text("since");
  rule.until = table.text("until");
  rule.source = table.provenance().source;
  rule.file = file;
  rule.line = table.line();
  if (rule.source.text.empty()) table.fault("source", "is missing");
  if (rule.source.date.empty()) table.fault("date", "is missing");
  if (rule.effect == RuleEffect::fallback && rule.runs_as.empty()) table.fault("runs_as", "is missing: a fallback says what it falls back to");
  TableReader when = table.table("when");
  const auto read_values = [&](std::string_view name) {
    if (auto values = when.texts(name); when.has(name)) rule.any_of[std::string(name)] = std::move(values);
  };
  for (const auto& [name, member] : kTexts) read_values(name);
  read_values(kQuantPrefix);
  for (const auto& [name, member] : kFlags)
    if (const bool wanted = when.flag(name); when.has(name)) rule.flags[std::string(name)] = wanted;
  when.refuse_unknown();
  if (rule.any_of.empty() && rule.flags.empty()) table.fault("when", "is missing: a rule without conditions would be said to everybody");
  table.refuse_unknown();
  return rule;
}

bool holds(const std::vector<std::string>& accepted, const std::string& value) {
  return !value.empty() && std::find(accepted.begin(), accepted.end(), value) != accepted.end();
}

}  // namespace

const char* to_string(RuleEffect effect) { return kEffects[static_cast<std::size_t>(effect)].c_str(); }

Result<std::vector<Rule>> read_rules(std::string_view text, const std::string& file) {
  RC_ASSIGN(document, parse_toml(text, file));
  Faults faults(file);
  TableReader root(document, faults);
  TableReader defaults = root.table("defaults");
  defaults.refuse_unknown();
  std::vector<Rule> rules;
  for (TableReader& table : root.tables("rule", defaults.provenance())) rules.push_back(read_one(table, file));
  root.refuse_unknown();
  RC_TRY(faults.result());
  return rules;
}

bool names_format(const Rule& rule) {
  return rule.any_of.contains("quant") || rule.any_of.contains("quant_group") || rule.any_of.contains("quant_prefix");
}

namespace {

// The member of a Situation that a condition is about. REQUIRES: one of the list.
template <class List>
auto member_of(const List& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& each) { return each.first == name; });
  RC_CHECK(found != list.end(), "rules name no other conditions");
  return found->second;
}

bool begins_one_of(const std::vector<std::string>& prefixes, std::string_view text) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) { return text.starts_with(prefix); });
}

}  // namespace

// By the conditions of the rule, which are a few of those there are.
bool applies(const Rule& rule, const Situation& situation) {
  return std::all_of(rule.any_of.begin(), rule.any_of.end(), [&](const auto& wanted) {
           const auto& [name, values] = wanted;
           return name == kQuantPrefix ? begins_one_of(values, situation.quant) : holds(values, situation.*member_of(kTexts, name));
         }) &&
         std::all_of(rule.flags.begin(), rule.flags.end(), [&](const auto& wanted) { return situation.*member_of(kFlags, wanted.first) == wanted.second; });
}

std::vector<Rule> rules_for(const std::vector<Rule>& rules, const Situation& situation) {
  std::vector<Rule> found;
  std::copy_if(rules.begin(), rules.end(), std::back_inserter(found), [&](const Rule& rule) { return applies(rule, situation); });
  std::stable_sort(found.begin(), found.end(), [](const Rule& a, const Rule& b) { return a.effect < b.effect; });
  return found;
}

}  // namespace rigcast::catalog
