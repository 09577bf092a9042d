#include "report/layout.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/text.hpp"

namespace rigcast::report {
namespace {

constexpr int kGap = 2;

std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(length, text.size());
}

// Closing punctuation that may not begin a line: ideographic comma and full stop, full-width , . : ; ! ? ) and right quotes.
bool may_not_begin_line(std::string_view character) {
  static constexpr std::string_view kClosing[] = {"\u3001", "\u3002", "\uff0c", "\uff0e", "\uff1a", "\uff1b", "\uff01", "\uff1f",
                                                  "\uff09", "\u201d", "\u2019", "\u300b", "\u300d"};
  return std::find(std::begin(kClosing), std::end(kClosing), character) != std::end(kClosing);
}

bool may_not_end_line(std::string_view character) {
  return character == "\uff08" || character == "\u201c" || character == "\u2018" || character == "\u300a" || character == "\u300c";
}

// Pieces between which a line may break; a space belongs to the piece before it.
std::vector<std::string_view> breakable_pieces(std::string_view text) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0, at = 0;
  bool previous_wide = false, held = false;
  const auto cut = [&](std::size_t end) {
    if (end > begin) pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  };
  while (at < text.size()) {
    const std::size_t length = character_length(text.substr(at));
    const std::string_view character = text.substr(at, length);
    const bool wide = display_width(character) == 2;
    if ((wide || previous_wide) && !held && !may_not_begin_line(character) && character != " ") cut(at);
    at += length;
    if (character == " ") {
      const bool number_before = at >= 2 && text[at - 2] >= '0' && text[at - 2] <= '9';
      while (at < text.size() && text[at] == ' ') ++at;
      const bool letter_behind = at < text.size() && ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'z');
      if (!(number_before && letter_behind)) cut(at);   // a number stays with its unit
    }
    previous_wide = wide;
    held = may_not_end_line(character);
  }
  cut(text.size());
  return pieces;
}

std::string without_trailing_spaces(std::string text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

std::string pad_right(std::string text, int width) {
  const int missing = width - display_width(text);
  return missing > 0 ? text + std::string(static_cast<std::size_t>(missing), ' ') : text;
}

std::string pad_left(std::string text, int width) {
  const int missing = width - display_width(text);
  return missing > 0 ? std::string(static_cast<std::size_t>(missing), ' ') + text : text;
}

std::string shorten(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  int used = 0;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, character_length(text));
    used += display_width(character);
    if (used > width - 1) break;
    out += character;
    text.remove_prefix(character.size());
  }
  return out + '~';
}

std::vector<std::string> wrap(std::string_view text, int width) {
  std::vector<std::string> lines;
  for (std::string_view paragraph : split(text, '\n')) {
    std::string line;
    int used = 0;
    for (std::string_view piece : breakable_pieces(paragraph)) {
      const int needed = display_width(without_trailing_spaces(std::string(piece)));
      if (used > 0 && used + needed > width) {
        lines.push_back(without_trailing_spaces(line));
        line.clear();
        used = 0;
      }
      line += piece;
      used += display_width(piece);
    }
    lines.push_back(without_trailing_spaces(line));
  }
  return lines;
}

std::string wrap_with(std::string_view first, std::string_view text, int width) {
  const int indent = display_width(first);
  std::string out;
  for (const std::string& line : wrap(text, std::max(width - indent, 20)))
    out += out.empty() ? std::string(first) + line : '\n' + std::string(static_cast<std::size_t>(indent), ' ') + line;
  return out;
}

std::vector<std::string> columns(const std::vector<std::vector<std::string>>& rows, const std::vector<Column>& shape, int indent, int width) {
  std::vector<int> widths(shape.size(), 0);
  for (const auto& row : rows) {
    RC_CHECK(row.size() == shape.size(), "every row of a table has as many cells as the table has columns");
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  int total = indent;
  for (const int w : widths) total += w > 0 ? w + kGap : 0;
  total -= kGap;
  while (total > width) {
    std::size_t widest = shape.size();
    for (std::size_t c = 0; c < shape.size(); ++c)
      if (shape[c].may_wrap && widths[c] > 12 && (widest == shape.size() || widths[c] > widths[widest])) widest = c;
    if (widest == shape.size()) break;
    const int give = std::min(total - width, widths[widest] - 12);
    widths[widest] -= give;
    total -= give;
  }
  std::vector<std::string> out;
  for (const auto& row : rows) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1;
    for (std::size_t c = 0; c < row.size(); ++c) {
      cells.push_back(display_width(row[c]) > widths[c] ? wrap(row[c], widths[c]) : std::vector<std::string>{row[c]});
      height = std::max(height, cells.back().size());
    }
    std::string block;
    for (std::size_t l = 0; l < height; ++l) {
      std::string line(static_cast<std::size_t>(indent), ' ');
      for (std::size_t c = 0; c < row.size(); ++c) {
        if (widths[c] == 0) continue;
        const std::string cell = l < cells[c].size() ? cells[c][l] : "";
        line += shape[c].align == Align::left ? pad_right(cell, widths[c]) : pad_left(cell, widths[c]);
        line += "  ";
      }
      block += (l > 0 ? "\n" : "") + without_trailing_spaces(line);
    }
    out.push_back(std::move(block));
  }
  return out;
}

}  // namespace rigcast::report
