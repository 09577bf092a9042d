#include "report/detail/charts.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/html.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

constexpr double kWidth = 720;

std::string at(double value) { return format_number(value, 1); }

// An element with attributes given as name, value, name, value ...
std::string element(const char* name, const std::vector<std::pair<const char*, std::string>>& attributes, const std::string& content = {}) {
  std::string out = std::string("<") + name;
  for (const auto& [key, value] : attributes) out += std::string(" ") + key + "=\"" + html_escaped(value) + '"';
  return content.empty() ? out + "/>" : out + '>' + content + "</" + name + '>';
}

std::string text_at(double x, double y, const char* cls, const char* anchor, const std::string& text) {
  return element("text", {{"class", cls}, {"x", at(x)}, {"y", at(y)}, {"text-anchor", anchor}}, html_escaped(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const char* cls = nullptr) {
  std::vector<std::pair<const char*, std::string>> attributes{{"x1", at(x1)}, {"y1", at(y1)}, {"x2", at(x2)}, {"y2", at(y2)}};
  if (cls != nullptr) attributes.insert(attributes.begin(), {"class", cls});
  return element("line", attributes);
}

std::string svg(double height, const std::string& words, const std::string& content) {
  return "<svg viewBox=\"0 0 " + at(kWidth) + ' ' + at(height) + "\" width=\"100%\" role=\"img\" aria-label=\"" + html_escaped(words) + "\">" + content + "</svg>";
}

// Round steps of 1, 2 or 5 times a power of ten: about `count` of them up to `top`.
std::vector<double> ticks(double top, int count) {
  const double raw = top / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
  std::vector<double> out;
  for (int i = 0; i * step <= top * (1 + 1e-9); ++i) out.push_back(i * step);
  return out;
}

std::string told(const cost::Interval& value, Unit unit) { return print(Number{value.p50, unit}) + " (" + print_interval({value, unit}) + ")"; }

std::string count_label(double count) {
  const auto whole = static_cast<std::int64_t>(count);
  return whole >= 1024 && whole % 1024 == 0 ? std::to_string(whole / 1024) + "k" : format_grouped(whole);
}

}  // namespace

std::string memory_svg(const std::vector<Bar>& bars, const std::vector<std::string>& marks, const std::string& of_word) {
  constexpr double kStep = 56, kBar = 22;
  double most = 1;
  for (const Bar& bar : bars) most = std::max({most, bar.capacity, bar.total()});
  const auto x = [&](double bytes) { return bytes / most * (kWidth - 2) + 1; };
  std::string content, words;
  for (std::size_t b = 0; b < bars.size(); ++b) {
    const Bar& bar = bars[b];
    const double y = static_cast<double>(b) * kStep;
    std::string sum = print_gib(Bytes(bar.total()));
    if (bar.capacity > 0) sum += ' ' + of_word + ' ' + print_gib(Bytes(bar.capacity));
    words += (words.empty() ? "" : "; ") + bar.name + ": " + sum;
    std::string row = text_at(0, y + 16, "bar-name", "start", bar.name) + text_at(kWidth - 1, y + 16, "bar-sum", "end", sum);
    const auto box = [&](const std::string& cls, double left, double right) {
      return element("rect", {{"class", cls}, {"x", at(left)}, {"y", at(y + 24)}, {"width", at(std::max(0.5, right - left))}, {"height", at(kBar)}});
    };
    if (bar.capacity > 0) row += box("capacity", x(0), x(bar.capacity));
    double sum_so_far = 0;
    for (std::size_t p = 0; p < bar.parts.size(); ++p) {
      const double left = sum_so_far;
      sum_so_far += bar.parts[p].amount;
      if (bar.parts[p].amount > 0) row += box(p < marks.size() ? marks[p] : "", x(left), x(sum_so_far));
    }
    if (bar.capacity > 0) row += line_at(x(bar.capacity), y + 21, x(bar.capacity), y + 27 + kBar, "capacity-mark");
    const bool over = bar.capacity > 0 && bar.total() > bar.capacity;
    content += "<g class=\"" + std::string(over ? "memory over" : "memory") + "\">" + row + "</g>";
  }
  return svg(static_cast<double>(bars.size()) * kStep, words, content);
}

std::string band_svg(const std::vector<BandPoint>& points, Unit unit, const std::string& mark, const std::string& title, const std::string& x_name) {
  constexpr double kHeight = 260, kLeft = 60, kRight = 12, kTop = 26, kBottom = 38;
  double top = 0, first = 0, last = 1;
  for (const BandPoint& point : points) {
    first = first == 0 ? point.x : std::min(first, point.x);
    last = std::max(last, point.x);
    for (const cost::Interval& value : point.value) top = std::max(top, value.p90);
  }
  if (top <= 0 || last <= first) return {};
  const auto x = [&](double count) { return kLeft + std::log(count / first) / std::log(last / first) * (kWidth - kLeft - kRight); };
  const auto y = [&](double value) { return kHeight - kBottom - value / top * (kHeight - kTop - kBottom); };
  std::string axes, upper, lower, middle, dots, words = title;
  for (const double tick : ticks(top, 4)) axes += line_at(kLeft, y(tick), kWidth - kRight, y(tick)) + text_at(kLeft - 6, y(tick) + 4, "", "end", print(Number{tick, Unit::rough}));
  for (const BandPoint& point : points) {
    axes += text_at(x(point.x), kHeight - kBottom + 16, "", "middle", count_label(point.x));
    for (const cost::Interval& value : point.value) {
      upper += (upper.empty() ? "M" : "L") + at(x(point.x)) + ' ' + at(y(value.p90));
      lower = "L" + at(x(point.x)) + ' ' + at(y(value.p10)) + lower;
      middle += (middle.empty() ? "M" : "L") + at(x(point.x)) + ' ' + at(y(value.p50));
      dots += element("circle", {{"cx", at(x(point.x))}, {"cy", at(y(value.p50))}, {"r", "2.5"}});
      words += "; " + count_label(point.x) + ": " + told(value, unit);
    }
  }
  axes += text_at(kWidth - kRight, kHeight - 4, "", "end", x_name) + text_at(kLeft, kTop - 10, "", "start", unit == Unit::token_rate ? "tok/s" : unit_name(unit));
  const std::string series = element("path", {{"class", "around"}, {"d", upper + lower + "Z"}}) + element("path", {{"class", "middle"}, {"d", middle}}) + dots;
  return svg(kHeight, words, "<g class=\"axis\">" + axes + "</g><g class=\"series " + mark + "\">" + series + "</g>");
}

std::string ranges_svg(const std::vector<RangeRow>& rows, Unit unit, const std::string& title) {
  constexpr double kStep = 40, kBottom = 36, kLeft = 2, kRight = 12;
  double top = 0;
  for (const RangeRow& row : rows)
    for (const cost::Interval& value : row.value) top = std::max(top, value.p90);
  if (top <= 0) return {};
  const double height = static_cast<double>(rows.size()) * kStep;
  const auto x = [&](double value) { return kLeft + value / top * (kWidth - kLeft - kRight); };
  std::string axes, content, words = title;
  for (const double tick : ticks(top, 5)) axes += line_at(x(tick), 0, x(tick), height) + text_at(x(tick), height + 16, "", "middle", print(Number{tick, Unit::rough}));
  axes += text_at(kWidth - kRight, height + 32, "", "end", unit == Unit::token_rate ? "tok/s" : unit_name(unit));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const RangeRow& row = rows[r];
    const double y = static_cast<double>(r) * kStep + 28;
    std::string one = text_at(kLeft, y - 12, "bar-name", "start", row.name);
    words += "; " + row.name;
    for (const cost::Interval& value : row.value) {
      one += line_at(x(value.p10), y, x(value.p90), y, "span") + element("circle", {{"cx", at(x(value.p50))}, {"cy", at(y)}, {"r", "5"}}) +
             text_at(kWidth - kRight, y - 12, "bar-sum", "end", print(Number{value.p50, unit}));
      words += ": " + told(value, unit);
    }
    content += "<g class=\"" + std::string(row.best ? "range best" : "range") + "\">" + one + "</g>";
  }
  return svg(height + kBottom, words, "<g class=\"axis\">" + axes + "</g>" + content);
}

std::string scatter_svg(const std::vector<ScatterPoint>& points, const std::string& title, const std::string& x_name, const std::string& y_name) {
  constexpr double kHeight = 520, kLeft = 60, kRight = 12, kTop = 26, kBottom = 40;
  double low = 0, high = 0;
  for (const ScatterPoint& point : points) {
    if (point.x <= 0 || point.y <= 0) continue;
    low = low == 0 ? std::min(point.x, point.y) : std::min({low, point.x, point.y});
    high = std::max({high, point.x, point.y});
  }
  if (high <= low) return {};
  low *= 0.8;
  high *= 1.25;
  const double span = std::log(high / low);
  const auto x = [&](double value) { return kLeft + std::log(value / low) / span * (kWidth - kLeft - kRight); };
  const auto y = [&](double value) { return kHeight - kBottom - std::log(value / low) / span * (kHeight - kTop - kBottom); };
  const auto inside = [&](double value) { return std::clamp(value, low, high); };
  std::string axes, dots;
  for (double power = std::pow(10.0, std::floor(std::log10(low))); power < high; power *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      const double tick = power * step;
      if (tick < low || tick > high) continue;
      const std::string label = print(Number{tick, Unit::rough});
      axes += line_at(x(tick), kTop, x(tick), kHeight - kBottom) + text_at(x(tick), kHeight - kBottom + 16, "", "middle", label);
      axes += line_at(kLeft, y(tick), kWidth - kRight, y(tick)) + text_at(kLeft - 6, y(tick) + 4, "", "end", label);
    }
  }
  axes += text_at(kWidth - kRight, kHeight - 4, "", "end", x_name) + text_at(kLeft, kTop - 10, "", "start", y_name);
  for (const ScatterPoint& point : points)
    if (point.x > 0 && point.y > 0)
      dots += element("circle", {{"class", "point group-" + std::to_string(point.group)}, {"cx", at(x(point.x))}, {"cy", at(y(point.y))}, {"r", "3"}});
  // The band, cut off where it leaves the frame.
  const std::string band = "M" + at(x(low)) + ' ' + at(y(inside(low * 1.25))) + "L" + at(x(high / 1.25)) + ' ' + at(y(high)) + "L" + at(x(high)) + ' ' + at(y(high)) + "L" +
                           at(x(high)) + ' ' + at(y(high / 1.25)) + "L" + at(x(low * 1.25)) + ' ' + at(y(low)) + "L" + at(x(low)) + ' ' + at(y(low)) + "Z";
  return svg(kHeight, title + ": " + format_grouped(static_cast<std::int64_t>(points.size())),
             element("path", {{"class", "within"}, {"d", band}}) + "<g class=\"axis\">" + axes + "</g>" + line_at(x(low), y(low), x(high), y(high), "diagonal") + dots);
}

}  // namespace rigcast::report
