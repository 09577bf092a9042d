#include "report/markdown.hpp"

#include "base/text.hpp"
#include "report/detail/walk.hpp"
#include "report/print.hpp"
#include "report/text.hpp"

namespace rigcast::report {
namespace {

// Characters that would make a word bold, a link or a cell boundary; line breaks become spaces.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>|#").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

class MarkdownWriter {
 public:
  explicit MarkdownWriter(const Language& language) : language_(language) {}

  std::string report(const Report& report) {
    for (const Section& section : report.sections) {
      if (!shows_anything(section, Charts::left_out)) continue;
      if (!section.title.empty()) paragraph("## " + escaped(say(section.title)));
      Rows rows;
      fields(section.fields, rows);
      flush(rows);
    }
    sources();
    return std::move(out_);
  }

 private:
  std::string say(const Phrase& phrase) const { return printable(language_.say(phrase)); }
  std::string shown(const Value& value) const { return printable(print(value, language_)); }
  void paragraph(const std::string& text) { out_ += (out_.empty() ? "" : "\n") + text + '\n'; }
  std::string mark(int number) const { return number == 0 ? "" : " \\[" + std::to_string(number) + "\\]"; }

  void fields(const Fields& all, Rows& rows) {
    for (const Field& field : all) {
      if (field.show == Show::machine) continue;
      if (field.show == Show::group) { fields(std::get<Fields>(field.value), rows); continue; }
      if (field.show == Show::row) { rows.push_back({field}); continue; }
      flush(rows);
      other(field);
    }
  }

  // Neighbouring label-and-value lines make one table.
  void flush(Rows& rows) {
    if (rows.empty()) return;
    out_ += "\n| | | |\n|---|---|---|\n";
    for (const Fields& row : rows) {
      const Field& field = row.front();
      std::string value = shown(field.value), about;
      if (const auto* range = std::get_if<Range>(&field.value)) {
        value = print(Number{range->value.p50, range->unit});
        about = printable(print_interval(*range));
      } else if (const auto* sourced = std::get_if<Sourced>(&field.value)) {
        about = say(catalog::to_string(sourced->basis)) + mark(sources_.number_of(sourced->source));
        out_ += "| " + escaped(say(field.label)) + " | " + escaped(value) + " | " + about + " |\n";
        continue;
      }
      out_ += "| " + escaped(say(field.label)) + " | " + escaped(value) + " | " + escaped(about) + " |\n";
    }
    rows.clear();
  }

  void other(const Field& field) {
    switch (field.show) {
      case Show::headline: paragraph("# " + escaped(shown(field.value))); break;
      case Show::good: case Show::bad: paragraph("**" + escaped(shown(field.value)) + "**"); break;
      case Show::sentence: paragraph(escaped(field.label.empty() ? shown(field.value) : say(field.label) + ": " + shown(field.value))); break;
      case Show::code: case Show::powershell: paragraph("```\n" + shown(field.value) + "\n```"); break;
      case Show::bullets: case Show::warnings: list(field, "- "); break;
      case Show::steps: list(field, "1. "); break;
      case Show::table: case Show::bands: table(std::get<Rows>(field.value)); break;
      case Show::bars: bars(std::get<Rows>(field.value)); break;
      case Show::source: paragraph(mark(sources_.number_of(shown(field.value)))); break;
      case Show::ranges: case Show::scatter: break;   // charts of numbers that a table tells as well
      case Show::machine: case Show::row: case Show::group: case Show::segment: case Show::capacity: break;
    }
  }

  void list(const Field& field, const std::string& bullet) {
    out_ += '\n';
    if (const auto* sentences = std::get_if<Sentences>(&field.value)) {
      for (const Phrase& one : *sentences) out_ += bullet + escaped(say(one)) + '\n';
    } else if (const auto* rows = std::get_if<Rows>(&field.value)) {
      for (const Fields& one : *rows) out_ += bullet + item(one) + '\n';
    }
  }

  std::string item(const Fields& fields) {
    std::string text, marks;
    for (const Field& field : fields) {
      if (field.show == Show::source) marks += mark(sources_.number_of(shown(field.value)));
      else if (field.show == Show::code) text += (text.empty() ? "`" : " `") + replace_all(shown(field.value), "`", "'") + '`';
      else if (field.show != Show::machine) text += (text.empty() ? "" : " ") + escaped(shown(field.value));
    }
    return text + marks;
  }

  void table(const Rows& rows) {
    if (rows.empty()) return;
    std::string head = "|", rule = "|";
    for (const Field* cell : cells_of(rows.front())) {
      const bool number = std::holds_alternative<Number>(cell->value) || std::holds_alternative<std::int64_t>(cell->value) || std::holds_alternative<Range>(cell->value);
      head += ' ' + escaped(say(cell->label)) + " |";
      rule += number ? "---:|" : "---|";
    }
    out_ += '\n' + head + '\n' + rule + '\n';
    for (const Fields& row : rows) {
      out_ += '|';
      for (const Field* cell : cells_of(row))
        out_ += ' ' + (cell->show == Show::source ? mark(sources_.number_of(shown(cell->value))) : escaped(shown(cell->value))) + " |";
      out_ += '\n';
    }
  }

  void bars(const Rows& rows) {
    std::vector<std::string> ids;
    Rows cells;
    for (const Bar& bar : read_bars(rows, language_, ids)) {
      Fields& row = cells.emplace_back();
      row.push_back({{}, "memory"_say, Phrase(bar.name)});
      double total = 0;
      for (const BarPart& part : bar.parts) {
        row.push_back({{}, part.label, Number{part.amount, Unit::bytes}});
        total += part.amount;
      }
      row.push_back({{}, "total"_say, Number{total, Unit::bytes}});
      row.push_back({{}, "capacity"_say, Number{bar.capacity, Unit::bytes}});
    }
    table(cells);
  }

  void sources() {
    if (sources_.all().empty()) return;
    paragraph("## " + escaped(say("Sources"_say)));
    out_ += '\n';
    int number = 0;
    for (const std::string& source : sources_.all()) out_ += std::to_string(++number) + ". " + source + '\n';
  }

  const Language& language_;
  std::string out_;
  Sources sources_;
};

}  // namespace

std::string render_markdown(const Report& report, const Language& language) { return MarkdownWriter(language).report(report); }

}  // namespace rigcast::report
