#include "report/detail/bars.hpp"

#include <algorithm>
#include <cmath>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "report/layout.hpp"

namespace rigcast::report {
namespace {

constexpr const char* kBlocks[] = {"\u2588", "\u2593", "\u259a", "\u2592", "\u2591"};
constexpr const char* kPlain[] = {"#", "=", "%", "+", "-"};
constexpr const char* kColours[] = {"\x1b[34m", "\x1b[35m", "\x1b[33m", "\x1b[36m", "\x1b[32m"};
constexpr std::size_t kKinds = std::size(kBlocks);

std::string gib(double bytes) { return format_number(bytes / kGiB, 2); }

const char* glyph(std::size_t part, const BarStyle& style) { return style.unicode ? kBlocks[part % kKinds] : kPlain[part % kKinds]; }
const char* free_glyph(const BarStyle& style) { return style.unicode ? "\u00b7" : "."; }

// The bar itself, `cells` columns wide. Every part that is not zero gets at least one cell; the widest part pays for it.
std::string cells_of(const Bar& bar, int cells, const BarStyle& style) {
  const double whole = std::max(bar.total(), bar.capacity);
  if (whole <= 0) return std::string(static_cast<std::size_t>(cells), ' ');
  std::vector<int> widths;
  int used = 0;
  double sum = 0;
  for (const BarPart& part : bar.parts) {
    sum += part.amount;
    const int end = static_cast<int>(std::lround(sum / whole * cells));
    const int width = std::min(std::max(end - used, part.amount > 0 ? 1 : 0), cells - used);
    widths.push_back(width);
    used += width;
  }
  const int mark = bar.total() > bar.capacity && bar.capacity > 0 ? static_cast<int>(bar.capacity / whole * cells) : -1;
  std::string out;
  int at = 0;
  for (std::size_t p = 0; p < widths.size(); ++p) {
    if (style.colour && widths[p] > 0) out += kColours[p % kKinds];
    for (int i = 0; i < widths[p]; ++i, ++at) out += at == mark ? "|" : glyph(p, style);
    if (style.colour && widths[p] > 0) out += "\x1b[0m";
  }
  for (; at < cells; ++at) out += free_glyph(style);
  return out;
}

std::string parts_table(const std::vector<Bar>& bars, int name_width, const BarStyle& style, const std::string& free_word) {
  std::vector<std::vector<std::string>> rows{{"GiB"}};
  std::vector<Column> shape{{Align::left, false}};
  rows[0][0] = pad_right("GiB", name_width);
  std::vector<std::size_t> shown;
  for (std::size_t p = 0; p < bars.front().parts.size(); ++p)
    if (std::any_of(bars.begin(), bars.end(), [&](const Bar& bar) { return bar.parts[p].amount > 0; })) shown.push_back(p);
  for (const std::size_t p : shown) {
    rows[0].push_back(std::string(glyph(p, style)) + ' ' + bars.front().parts[p].label);
    shape.push_back({Align::right, false});
  }
  rows[0].push_back(std::string(free_glyph(style)) + ' ' + free_word);
  shape.push_back({Align::right, false});
  for (const Bar& bar : bars) {
    std::vector<std::string> row{shorten(bar.name, name_width)};
    for (const std::size_t p : shown) row.push_back(gib(bar.parts[p].amount));
    row.push_back(bar.capacity > 0 ? gib(bar.capacity - bar.total()) : "");
    rows.push_back(std::move(row));
  }
  std::string out;
  for (const std::string& line : columns(rows, shape, 2, style.width)) out += line + '\n';
  return out;
}

}  // namespace

std::string draw_bars(const std::vector<Bar>& bars, const BarStyle& style, const std::string& of_word, const std::string& free_word) {
  if (bars.empty()) return "";
  int name_width = 4, tail_width = 0;
  std::vector<std::string> tails;
  for (const Bar& bar : bars) {
    name_width = std::max(name_width, display_width(bar.name));
    tails.push_back(bar.capacity > 0 ? gib(bar.total()) + ' ' + of_word + ' ' + gib(bar.capacity) + " GiB" : gib(bar.total()) + " GiB");
    tail_width = std::max(tail_width, display_width(tails.back()));
  }
  name_width = std::min(name_width, 28);
  const int cells = std::max(style.width - name_width - tail_width - 6, 10);
  std::string out;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const bool over = bars[i].capacity > 0 && bars[i].total() > bars[i].capacity;
    const std::string tail = pad_left(tails[i], tail_width);
    out += "  " + pad_right(shorten(bars[i].name, name_width), name_width) + "  " + cells_of(bars[i], cells, style) + "  ";
    out += (over && style.colour ? "\x1b[31m" + tail + "\x1b[0m" : tail) + '\n';
  }
  return out + parts_table(bars, name_width, style, free_word);
}

}  // namespace rigcast::report
