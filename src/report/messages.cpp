#include "report/messages.hpp"

#include <string>

#include "catalog/rule.hpp"

namespace rigcast::report {

Language load_language(const catalog::Catalog& catalog, std::string_view name) {
  if (name.empty() || name == "en") return {};
  const std::string path = "messages/" + std::string(name) + ".po";
  const auto text = catalog.file(path);
  if (!text) return {};
  Language language = Language::parse(*text, path).value_or(Language{});
  // Rules carry their translations beside the sentence, where the person who knows the fact edits both.
  if (const auto rules = catalog.rules())
    for (const catalog::Rule& rule : **rules)
      if (const auto told = rule.translations.find(std::string(name)); told != rule.translations.end()) language.add(rule.text, told->second);
  return language;
}

}  // namespace rigcast::report
