#pragma once
// Hand-kept tables of names and numbers: cells parted by commas, without quotes, below a header, between comments.

#include <array>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/text.hpp"

namespace rigcast {

// Calls `row` with the first four cells of every line after the header that is neither empty nor a comment. Fails, with what is `expected`, at the
// first line of fewer than `fields` cells and where `row` returns false.
template <class F>
Result<void> each_row(std::string_view text, std::string_view file, std::size_t fields, std::string_view expected, F row) {
  int number = 0;
  bool header = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (header) { header = false; continue; }
    std::array<std::string_view, 4> cells{};
    std::string_view rest = line;
    std::size_t n = 0;
    for (; n < cells.size(); ++n) {
      const std::size_t comma = rest.find(',');
      cells[n] = rest.substr(0, comma);
      if (comma == std::string_view::npos) { ++n; break; }
      rest = rest.substr(comma + 1);
    }
    if (n < fields || !row(cells)) return fail(ErrorKind::input, std::string(expected), Where{std::string(file), number, 1});
  }
  return {};
}

}  // namespace rigcast
