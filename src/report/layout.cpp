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

// Whether a number ends `text`: digits behind the last space or Chinese sign without a letter among them, not those of a name ("R1-0528").
bool ends_in_number(std::string_view text) {
  if (text.empty() || text.back() < '0' || text.back() > '9') return false;
  const auto parts = [](char c) { return c == ' ' || static_cast<unsigned char>(c) >= 0x80; };
  const std::string_view word = text.substr(static_cast<std::size_t>(std::find_if(text.rbegin(), text.rend(), parts).base() - text.begin()));
  return std::none_of(word.begin(), word.end(), [](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; });
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
      const bool number_before = ends_in_number(text.substr(0, at - 1));
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

namespace {

constexpr int kNarrowest = 12;     // of a column that gives way
constexpr int kLongestWord = 20;   // for which it stays wider; longer ones stick out

int total_width(const std::vector<int>& widths, int indent, int gap) {
  int total = indent - gap;
  for (const int w : widths) total += w > 0 ? w + gap : 0;
  return total;
}

// "3,754 - 5,603" is read as one.
bool is_range(std::string_view text) { return text.find(" - ") != std::string_view::npos && text.find_first_not_of("0123456789.,- ") == std::string_view::npos; }

int longest_word(std::string_view text) {
  if (is_range(text)) return display_width(text);
  int longest = 0;
  for (const std::string_view word : split_words(text)) longest = std::max(longest, display_width(word));
  return longest;
}

// Widths with which the rows keep to `width`, as far as they can.
struct Widths { std::vector<int> of; int gap = kGap; };

Widths fit_widths(const std::vector<std::vector<std::string>>& rows, const std::vector<Column>& shape, int indent, int width, bool headed) {
  Widths widths{std::vector<int>(shape.size(), 0)};
  std::vector<int> least(shape.size(), 0);   // with the header broken between words, into two lines rather than three
  std::vector<int> word(shape.size(), 0);    // the longest in each
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths.of[c] = std::max(widths.of[c], display_width(row[c]));
      word[c] = std::max(word[c], longest_word(row[c]));
      least[c] = std::max(least[c], headed && &row == &rows.front() ? std::max(longest_word(row[c]), display_width(row[c]) * 2 / 3) : display_width(row[c]));
    }
  const auto over = [&] { return total_width(widths.of, indent, widths.gap) - width; };
  const auto give_way = [&](auto floor_of) {   // the widest column that can, again and again
    while (over() > 0) {
      std::size_t widest = shape.size();
      for (std::size_t c = 0; c < shape.size(); ++c)
        if (widths.of[c] > floor_of(c) && (widest == shape.size() || widths.of[c] > widths.of[widest])) widest = c;
      if (widest == shape.size()) return;
      widths.of[widest] -= std::min(over(), widths.of[widest] - floor_of(widest));
    }
  };
  give_way([&](std::size_t c) { return least[c]; });
  give_way([&](std::size_t c) { return shape[c].may_wrap ? std::min(widths.of[c], std::clamp(word[c], kNarrowest, kLongestWord)) : widths.of[c]; });
  const auto close_up = [&] { widths.gap = over() > 0 && total_width(widths.of, indent, 1) <= width ? 1 : kGap; };
  close_up();
  give_way([&](std::size_t c) { return c == 0 ? std::min(widths.of[c], kNarrowest) : widths.of[c]; });   // its long cells stand on lines of their own
  if (widths.gap == kGap) close_up();
  give_way([&](std::size_t c) { return shape[c].may_wrap ? std::min(widths.of[c], kNarrowest) : widths.of[c]; });
  return widths;
}

}  // namespace

std::vector<std::string> columns(const std::vector<std::vector<std::string>>& rows, const std::vector<Column>& shape, int indent, int width, bool headed) {
  for (const auto& row : rows) RC_CHECK(row.size() == shape.size(), "every row of a table has as many cells as the table has columns");
  const auto [widths, gap] = fit_widths(rows, shape, indent, width, headed);
  std::vector<std::string> out;
  for (const auto& row : rows) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 1, hangs = 0;   // 1: the first cell has a line of its own
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool wraps = shape[c].may_wrap || (headed && &row == &rows.front());
      cells.push_back(display_width(row[c]) > widths[c] && wraps ? wrap(row[c], widths[c]) : std::vector<std::string>{row[c]});
      if (c == 0 && std::any_of(cells[0].begin(), cells[0].end(), [w = widths[0]](const std::string& line) { return display_width(line) > w; })) hangs = cells[0].size();
      height = std::max(height, cells.back().size() + (c > 0 ? hangs : 0));
    }
    std::string block;
    for (std::size_t l = 0; l < height; ++l) {
      std::string line(static_cast<std::size_t>(indent), ' ');
      for (std::size_t c = 0; c < row.size(); ++c) {
        if (widths[c] == 0) continue;
        const std::size_t at = c > 0 ? l - hangs : l;
        const std::string cell = at < cells[c].size() ? cells[c][at] : "";
        line += shape[c].align == Align::left ? pad_right(cell, widths[c]) : pad_left(cell, widths[c]);
        line.append(static_cast<std::size_t>(gap), ' ');
      }
      block += (l > 0 ? "\n" : "") + without_trailing_spaces(line);
    }
    out.push_back(std::move(block));
  }
  return out;
}

}  // namespace rigcast::report
