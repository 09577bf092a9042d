#include "report/messages.hpp"

#include <string>

namespace rigcast::report {

Language load_language(const catalog::Catalog& catalog, std::string_view name) {
  if (name.empty() || name == "en") return {};
  const std::string path = "messages/" + std::string(name) + ".po";
  const auto text = catalog.file(path);
  if (!text) return {};
  return Language::parse(*text, path).value_or(Language{});
}

}  // namespace rigcast::report
