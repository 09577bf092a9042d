#pragma once
// A Report as Markdown (CommonMark with tables), for issues, wikis and forums.

#include <string>

#include "report/field.hpp"
#include "report/language.hpp"

namespace rigcast::report {

std::string render_markdown(const Report& report, const Language& language);

}  // namespace rigcast::report
