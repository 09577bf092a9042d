#pragma once
// A Report for people at a terminal.

#include <string>

#include "report/field.hpp"
#include "report/language.hpp"

namespace rigcast::report {

struct TextStyle {
  int width = 80;
  bool colour = false;
  bool unicode = true;   // block characters for bars; else plain ones
};

std::string render_text(const Report& report, const Language& language, const TextStyle& style);

// One line for an error, in the user's language: "error: --on:3: no device 'rtx-3909'; nearest: rtx-3090".
std::string render_error(const Error& error, const Language& language, const TextStyle& style);

// Text that a terminal may show whatever a file claimed its name to be: control characters and broken UTF-8 become '?'.
std::string printable(std::string_view text);

}  // namespace rigcast::report
