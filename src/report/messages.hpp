#pragma once
// Which Languages there are and where their tables lie.

#include <string_view>

#include "catalog/catalog.hpp"
#include "report/language.hpp"

namespace rigcast::report {

// "en" or "zh"; anything else, or a table that cannot be read, is English: messages must never be the reason that an answer is lost.
Language load_language(const catalog::Catalog& catalog, std::string_view name);

}  // namespace rigcast::report
