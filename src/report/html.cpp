#include "report/html.hpp"

#include <algorithm>

#include "report/detail/charts.hpp"
#include "report/detail/walk.hpp"
#include "report/print.hpp"
#include "report/text.hpp"

namespace rigcast {
std::string_view embedded_html_css();
}

namespace rigcast::report {
namespace {

// "weights_bytes" -> "part-weights"
std::string part_mark(const std::string& id) { return "part-" + id.substr(0, id.find('_')); }

class HtmlWriter {
 public:
  explicit HtmlWriter(const Language& language) : language_(language) {}

  std::string report(const Report& report) {
    std::string body;
    for (const Section& section : report.sections) {
      if (!shows_anything(section, Charts::drawn)) continue;
      body += "<section class=\"block\">\n";
      if (!section.title.empty()) body += tag("h2", {}, say(section.title));
      body += fields(section.fields) + "</section>\n";
    }
    body += sources();
    const char* code = language_.is_english() ? "en" : "zh-CN";
    return std::string("<!doctype html>\n<html lang=\"") + code + "\">\n<head>\n<meta charset=\"utf-8\">\n" +
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n" +
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" + tag("title", {}, "rigcast: " + title_) +
           "<style>\n" + std::string(embedded_html_css()) + "main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}\n" +
           "@media (max-width:40rem){main{padding:1rem .75rem 2rem}figure.chart{overflow-x:auto}figure.chart svg{width:36rem;max-width:none}}\n</style>\n</head>\n<body>\n<main>\n" + body +
           "</main>\n</body>\n</html>\n";
  }

 private:
  std::string say(const Phrase& phrase) const { return printable(language_.say(phrase)); }
  std::string shown(const Value& value) const { return printable(print(value, language_)); }

  // <name class="cls">text</name>, escaped.
  static std::string tag(const char* name, std::string_view cls, std::string_view text) { return raw(name, cls, html_escaped(text)); }
  static std::string raw(const char* name, std::string_view cls, const std::string& content) {
    return std::string("<") + name + (cls.empty() ? "" : " class=\"" + std::string(cls) + '"') + '>' + content + "</" + name + ">\n";
  }

  // What is wider than a phone moves within itself, by keys too.
  static std::string scrolling(const char* name, std::string_view cls, const std::string& content) {
    return std::string("<") + name + " class=\"" + std::string(cls) + "\" tabindex=\"0\">" + content + "</" + name + ">\n";
  }

  std::string fields(const Fields& all) {
    std::string out, rows;
    const auto flush = [&] {
      if (!rows.empty()) out += raw("table", "data", "<tbody>" + rows + "</tbody>");
      rows.clear();
    };
    walk(all, [&](const Field& field) {
      if (field.show == Show::row) rows += row(field);
      else {
        flush();
        out += other(field);
      }
    });
    flush();
    return out;
  }

  template <class Visit>
  void walk(const Fields& all, const Visit& visit) {
    for (const Field& field : all) {
      if (field.show == Show::group) walk(std::get<Fields>(field.value), visit);
      else if (field.show != Show::machine) visit(field);
    }
  }

  std::string row(const Field& field) {
    std::string said = html_escaped(shown(field.value)), about;
    if (const auto* range = std::get_if<Range>(&field.value)) {
      said = html_escaped(print(Number{range->value.p50, range->unit}));
      about = html_escaped(printable(print_interval(*range)));
    } else if (const auto* sourced = std::get_if<Sourced>(&field.value)) {
      about = html_escaped(say(catalog::to_string(sourced->basis))) + mark(sources_.number_of(sourced->source));
    }
    return "<tr><th scope=\"row\">" + html_escaped(say(field.label)) + "</th><td class=\"number\">" + said + "</td><td>" + about + "</td></tr>\n";
  }

  static std::string mark(int number) {
    if (number == 0) return {};
    const std::string digits = std::to_string(number);
    return " <a href=\"#source-" + digits + "\">[" + digits + "]</a>";
  }

  std::string other(const Field& field) {
    switch (field.show) {
      case Show::headline:
        if (title_.empty()) title_ = shown(field.value);
        return tag("h1", {}, shown(field.value));
      case Show::good: return raw("div", "verdict", tag("h2", {}, shown(field.value)));
      case Show::bad: return raw("div", "verdict bad", tag("h2", {}, shown(field.value)));
      case Show::sentence: return tag("p", {}, field.label.empty() ? shown(field.value) : say(field.label) + ": " + shown(field.value));
      case Show::code: return raw("div", "code", "<pre><code>" + html_escaped(shown(field.value)) + "</code></pre>");
      case Show::bullets: return list(field, "ul", {});
      case Show::warnings: return list(field, "ul", "caveats");
      case Show::steps: return list(field, "ol", {});
      case Show::table: return table(std::get<Rows>(field.value));
      case Show::bars: return bars(std::get<Rows>(field.value));
      case Show::bands: return bands(std::get<Rows>(field.value));
      case Show::ranges: return ranges(std::get<Rows>(field.value));
      case Show::scatter: return scatter(field);
      case Show::source: return raw("p", {}, mark(sources_.number_of(shown(field.value))));
      case Show::machine: case Show::row: case Show::group: case Show::segment: case Show::capacity: return {};
    }
    return {};
  }

  std::string list(const Field& field, const char* name, std::string_view cls) {
    std::string items;
    if (const auto* sentences = std::get_if<Sentences>(&field.value)) {
      for (const Phrase& one : *sentences) items += tag("li", {}, say(one));
    } else if (const auto* rows = std::get_if<Rows>(&field.value)) {
      for (const Fields& one : *rows) items += raw("li", {}, item(one));
    }
    return raw(name, cls, items);
  }

  std::string item(const Fields& fields) {
    std::string text, marks, code;
    for (const Field& field : fields) {
      if (field.show == Show::source) marks += mark(sources_.number_of(shown(field.value)));
      else if (field.show == Show::code) code += raw("div", "code", "<pre><code>" + html_escaped(shown(field.value)) + "</code></pre>");
      else if (field.show != Show::machine) text += (text.empty() ? "" : " ") + html_escaped(shown(field.value));
    }
    return text + marks + code;
  }

  std::string table(const Rows& rows) {
    if (rows.empty()) return {};
    std::string head, body;
    bool headed = false;
    for (const Field* cell : cells_of(rows.front())) {
      headed = headed || !cell->label.empty();
      head += "<th scope=\"col\"" + std::string(is_number(*cell) ? " class=\"number\">" : ">") + html_escaped(say(cell->label)) + "</th>";
    }
    for (const Fields& row : rows) {
      body += "<tr>";
      bool first = true;
      for (const Field* cell : cells_of(row)) {
        const std::string content = cell->show == Show::source ? mark(sources_.number_of(shown(cell->value))) : html_escaped(shown(cell->value));
        if (first) body += "<th scope=\"row\">" + content + "</th>";
        else body += std::string(is_number(*cell) ? "<td class=\"number\">" : "<td>") + content + "</td>";
        first = false;
      }
      body += "</tr>\n";
    }
    return scrolling("div", "scrolls", raw("table", "data", (headed ? "<thead><tr>" + head + "</tr></thead>" : "") + "<tbody>" + body + "</tbody>"));
  }

  static bool is_number(const Field& field) {
    return std::holds_alternative<Number>(field.value) || std::holds_alternative<std::int64_t>(field.value) || std::holds_alternative<Range>(field.value);
  }

  static std::string figure(const std::string& caption, const std::string& chart) {
    return chart.empty() ? std::string{} : scrolling("figure", "chart", "<figcaption>" + caption + "</figcaption>" + chart);
  }

  std::string bars(const Rows& rows) {
    std::vector<std::string> marks;
    const auto all = read_bars(rows, language_, marks);
    if (all.empty()) return {};
    std::string legend;
    for (std::size_t p = 0; p < marks.size(); ++p) {
      marks[p] = part_mark(marks[p]);
      const bool used = std::any_of(all.begin(), all.end(), [&](const Bar& bar) { return bar.parts[p].amount > 0; });
      if (used) legend += "<span><i class=\"swatch " + marks[p] + "\"></i>" + html_escaped(all.front().parts[p].label) + "</span>";
    }
    return figure("<span class=\"legend\">" + legend + "</span>", memory_svg(all, marks, say("of"_say))) + bars_table(all);
  }

  std::string bars_table(const std::vector<Bar>& all) {
    Rows rows;
    for (const Bar& bar : all) {
      Fields& row = rows.emplace_back();
      row.push_back({{}, "memory"_say, Phrase(bar.name)});
      for (const BarPart& part : bar.parts) row.push_back({{}, part.label, Number{part.amount, Unit::bytes}});
      row.push_back({{}, "capacity"_say, Number{bar.capacity, Unit::bytes}});
    }
    return table(rows);
  }

  // A chart for every Range of the rows over their first count, then all of it as a table.
  std::string bands(const Rows& rows) {
    if (rows.empty()) return {};
    std::string out;
    for (std::size_t f = 1; f < rows.front().size(); ++f) {
      std::vector<BandPoint> points;
      Unit unit = Unit::none;
      for (const Fields& row : rows) {
        const auto* x = std::get_if<std::int64_t>(&row.front().value);
        if (x == nullptr) continue;
        BandPoint point{static_cast<double>(*x), {}};
        if (const auto* range = std::get_if<Range>(&row[f].value)) {
          point.value.push_back(range->value);
          unit = range->unit;
        }
        points.push_back(std::move(point));
      }
      const Field& named = rows.front()[f];
      if (named.show == Show::machine || unit == Unit::none) continue;
      const std::string title = say(named.label);
      out += figure("<span class=\"chart-title\">" + html_escaped(title) + "</span>",
                    band_svg(points, unit, named.id == "decode" ? "mark-decode" : "mark-prefill", title, say(rows.front().front().label)));
    }
    return out + table(rows);
  }

  // A chart for every Range of the rows; the first field names the row.
  std::string ranges(const Rows& rows) {
    std::string out;
    for (std::size_t f = 1; !rows.empty() && f < rows.front().size(); ++f) {
      std::vector<RangeRow> all;
      Unit unit = Unit::none;
      for (const Fields& row : rows) {
        RangeRow one{shown(row.front().value), {}, false};
        if (const auto* range = std::get_if<Range>(&row[f].value)) {
          one.value.push_back(range->value);
          unit = range->unit;
        }
        all.push_back(std::move(one));
      }
      const std::string title = say(rows.front()[f].label);
      out += figure("<span class=\"chart-title\">" + html_escaped(title) + "</span>", ranges_svg(all, unit, title));
    }
    return out;
  }

  // The first two Numbers of each row are x and y; their labels name the axes.
  std::string scatter(const Field& field) {
    std::vector<ScatterPoint> points;
    std::string x_name, y_name;
    for (const Fields& row : std::get<Rows>(field.value)) {
      if (row.size() < 2) continue;
      const auto* x = std::get_if<Number>(&row[0].value);
      const auto* y = std::get_if<Number>(&row[1].value);
      if (x == nullptr || y == nullptr) continue;
      x_name = say(row[0].label);
      y_name = say(row[1].label);
      points.push_back({x->value, y->value, 0});
    }
    const std::string title = say(field.label);
    return figure("<span class=\"chart-title\">" + html_escaped(title) + "</span>", scatter_svg(points, title, x_name, y_name));
  }

  std::string sources() {
    if (sources_.all().empty()) return {};
    std::string items;
    for (std::size_t i = 0; i < sources_.all().size(); ++i) {
      const std::string number = std::to_string(i + 1);
      items += "<li id=\"source-" + number + "\"><small class=\"source\">[" + number + "] " + linked(sources_.all()[i]) + "</small></li>\n";
    }
    return raw("section", "block", tag("h2", {}, say("Sources"_say)) + raw("ul", "sources", items));
  }

  // The source with its address as a link.
  static std::string linked(const std::string& source) {
    const std::size_t begin = source.find("https://") == std::string::npos ? source.find("http://") : source.find("https://");
    if (begin == std::string::npos) return html_escaped(source);
    const std::size_t end = std::min(source.find_first_of(" \t,;\"<>)", begin), source.size());
    const std::string address = html_escaped(source.substr(begin, end - begin));
    return html_escaped(source.substr(0, begin)) + "<a href=\"" + address + "\" rel=\"noreferrer noopener\">" + address + "</a>" + html_escaped(source.substr(end));
  }

  const Language& language_;
  Sources sources_;
  std::string title_;
};

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string render_html(const Report& report, const Language& language) { return HtmlWriter(language).report(report); }

}  // namespace rigcast::report
