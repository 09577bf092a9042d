#pragma once
// A Report as one page that can be mailed: text, tables and charts (SVG) in a single file that loads nothing and runs nothing.

#include <string>

#include "report/field.hpp"
#include "report/language.hpp"

namespace rigcast::report {

// The page's title is the report's headline.
std::string render_html(const Report& report, const Language& language);

// Text with the characters that HTML gives a meaning replaced.
std::string html_escaped(std::string_view text);

}  // namespace rigcast::report
