// Apart from rule.cpp so that the tool which packs the data can check rules without a Catalog.
#include "catalog/rule.hpp"

namespace rigcast::catalog {

Result<std::vector<Rule>> all_rules(const Catalog& catalog) {
  std::vector<Rule> rules;
  for (const std::string& file : catalog.files("rules")) {
    RC_ASSIGN(text, catalog.file(file));
    RC_ASSIGN(read, read_rules(text, file));
    rules.insert(rules.end(), read.begin(), read.end());
  }
  return rules;
}

}  // namespace rigcast::catalog
