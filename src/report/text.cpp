#include "report/text.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "report/detail/bars.hpp"
#include "report/detail/walk.hpp"
#include "report/layout.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

constexpr std::string_view kBold = "\x1b[1m", kDim = "\x1b[2m", kGreen = "\x1b[1;32m", kRed = "\x1b[1;31m", kYellow = "\x1b[33m", kUncoloured = "\x1b[0m";

// Words of a command that belong on one line: what stands in quotes, and a flag with its value.
std::vector<std::string> command_pieces(std::string_view command) {
  std::vector<std::string> words;
  bool quoted = false;
  for (std::string_view word : split_words(command)) {
    if (quoted) words.back() += ' ' + std::string(word);
    else words.emplace_back(word);
    if (std::count(word.begin(), word.end(), '"') % 2 == 1) quoted = !quoted;
  }
  std::vector<std::string> pieces;
  bool after_flag = false;
  for (const std::string& word : words) {
    const bool flag = word.starts_with("-");
    if (after_flag && !flag) pieces.back() += ' ' + word;
    else pieces.push_back(word);
    after_flag = flag;
  }
  return pieces;
}

class TextWriter {
 public:
  TextWriter(const Language& language, const TextStyle& style) : language_(language), style_(style) {}

  std::string report(const Report& report) {
    for (const Section& section : report.sections) {
      if (!shows_anything(section, Charts::left_out)) continue;
      if (!out_.empty()) out_ += '\n';
      if (!section.title.empty()) line(kBold, say(section.title));
      fields(section.fields);
    }
    sources();
    return std::move(out_);
  }

 private:
  std::string say(const Phrase& phrase) const { return printable(language_.say(phrase)); }
  std::string print_value(const Value& value) const { return printable(print(value, language_)); }

  void line(std::string_view colour, std::string_view text) {
    if (style_.colour && !colour.empty()) out_ += colour;
    out_ += text;
    if (style_.colour && !colour.empty()) out_ += kUncoloured;
    out_ += '\n';
  }

  // "[3]" for a source, the same number for the same source; nothing for none.
  std::string mark(int number) const { return number == 0 ? "" : "[" + std::to_string(number) + "]"; }
  std::string mark(const Field& source) { return mark(sources_.number_of(print_value(source.value))); }

  void fields(const Fields& all) {
    std::vector<std::vector<std::string>> rows;   // neighbours align
    rows_and_others(all, rows);
    flush(rows);
  }

  void rows_and_others(const Fields& all, std::vector<std::vector<std::string>>& rows) {
    for (const Field& field : all) {
      if (field.show == Show::row) { rows.push_back(row(field)); continue; }
      if (field.show == Show::machine) continue;
      if (field.show == Show::group) { rows_and_others(std::get<Fields>(field.value), rows); continue; }
      flush(rows);
      other(field);
    }
  }

  void flush(std::vector<std::vector<std::string>>& rows) {
    for (const std::string& text : columns(rows, {{Align::left, false}, {Align::left, true}, {Align::left, true}}, 2, style_.width)) line({}, text);
    rows.clear();
  }

  // Label, value, and what is said about the value.
  std::vector<std::string> row(const Field& field) {
    if (const auto* range = std::get_if<Range>(&field.value))
      return {say(field.label), print(Number{range->value.p50, range->unit}), printable(print_interval(*range))};
    if (const auto* sourced = std::get_if<Sourced>(&field.value))
      return {say(field.label), print_value(field.value), say(catalog::to_string(sourced->basis)) + ' ' + mark(sources_.number_of(sourced->source))};
    return {say(field.label), print_value(field.value), ""};
  }

  void other(const Field& field) {
    switch (field.show) {
      case Show::headline: line(kBold, wrap_with("", print_value(field.value), style_.width)); break;
      case Show::good: line(kGreen, wrap_with("  ", print_value(field.value), style_.width)); break;
      case Show::bad: line(kRed, wrap_with("  ", print_value(field.value), style_.width)); break;
      case Show::sentence: sentence(field); break;
      case Show::code: code(print_value(field.value)); break;
      case Show::powershell:
        goes_on_ = '`';
        code(print_value(field.value));
        goes_on_ = '\\';
        break;
      case Show::bullets: list(field, style_.unicode ? "\u2022" : "-", {}); break;
      case Show::warnings: list(field, "!", kYellow); break;
      case Show::steps: list(field, "", {}); break;
      case Show::table: case Show::bands: table(std::get<Rows>(field.value)); break;
      case Show::bars: bars(std::get<Rows>(field.value)); break;
      case Show::source: line(kDim, "  " + mark(field)); break;
      case Show::ranges: case Show::scatter: break;
      case Show::machine: case Show::row: case Show::group: case Show::segment: case Show::capacity: break;
    }
  }

  void sentence(const Field& field) {
    const std::string text = field.label.empty() ? print_value(field.value) : say(field.label) + ": " + print_value(field.value);
    line({}, wrap_with("  ", text, style_.width));
  }

  // Commands break between words only, never between a flag and its value, and every broken line says that it goes on.
  void code(const std::string& text, int indent = 2) {
    for (std::string_view one : split(text, '\n')) {
      if (display_width(one) + indent <= style_.width) { line({}, std::string(static_cast<std::size_t>(indent), ' ') + std::string(one)); continue; }
      std::string current(static_cast<std::size_t>(indent), ' ');
      bool empty = true;
      for (const std::string& piece : command_pieces(one)) {
        if (!empty && display_width(current) + 1 + display_width(piece) + 2 > style_.width) {
          code_line(current, true);
          current.assign(static_cast<std::size_t>(indent) + 2, ' ');
          empty = true;
        }
        current += (empty ? "" : " ") + piece;
        empty = false;
      }
      code_line(current, false);
    }
  }

  // A list too long for a line goes on at the very beginning of the next: blanks there would end its word.
  void code_line(std::string text, bool goes_on) {
    while (display_width(text) + (goes_on ? 2 : 0) > style_.width) {
      const std::size_t comma = text.rfind(',', static_cast<std::size_t>(style_.width) - 2);
      if (comma == std::string::npos || text.find_first_of("\"'") < comma) break;
      line({}, text.substr(0, comma + 1) + goes_on_);
      text.erase(0, comma + 1);
    }
    line({}, goes_on ? text + ' ' + goes_on_ : text);
  }

  void list(const Field& field, std::string_view bullet, std::string_view colour) {
    std::vector<std::string> items, commands;
    if (const auto* sentences = std::get_if<Sentences>(&field.value)) {
      for (const Phrase& one : *sentences) items.push_back(say(one));
    } else if (const auto* rows = std::get_if<Rows>(&field.value)) {
      for (const Fields& one : *rows) {
        items.push_back(item(one));
        const Field* command = find_show(one, Show::code);
        commands.push_back(command == nullptr ? "" : print_value(command->value));
      }
    }
    int number = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string& text = items[i];
      const std::string first = bullet.empty() ? "  " + std::to_string(++number) + ". " : "  " + std::string(bullet) + ' ';
      const std::string wrapped = wrap_with(first, text, style_.width);
      if (style_.colour && !colour.empty()) line({}, std::string(colour) + wrapped.substr(0, first.size()) + std::string(kUncoloured) + wrapped.substr(first.size()));
      else line({}, wrapped);
      if (i < commands.size() && !commands[i].empty()) code(commands[i], 4);
    }
  }

  std::string item(const Fields& fields) {
    std::string text, marks;
    for (const Field& field : fields) {
      if (field.show == Show::source) {
        if (const std::string number = mark(field); !number.empty()) marks += ' ' + number;
      } else if (field.show != Show::machine && field.show != Show::code) {
        text += (text.empty() ? "" : " ") + print_value(field.value);
      }
    }
    return text + marks;
  }

  void table(const Rows& rows) {
    if (rows.empty()) return;
    std::vector<std::vector<std::string>> cells(1);
    std::vector<Column> shape;
    for (const Field& field : rows.front()) {
      if (field.show == Show::machine) continue;
      cells[0].push_back(say(field.label));
      shape.push_back({Align::left, std::holds_alternative<Phrase>(field.value)});   // names and commands stay whole
    }
    for (const Fields& row : rows) {
      auto& line_cells = cells.emplace_back();
      for (const Field& field : row) {
        if (field.show == Show::machine) continue;
        if (std::holds_alternative<Number>(field.value) || std::holds_alternative<std::int64_t>(field.value)) shape[line_cells.size()].align = Align::right;
        if (field.show == Show::source) line_cells.push_back(mark(field));
        else line_cells.push_back(print_value(field.value));
      }
    }
    const bool headed = std::any_of(cells[0].begin(), cells[0].end(), [](const std::string& cell) { return !cell.empty(); });
    const auto lines = columns(cells, shape, 2, style_.width, headed);
    for (std::size_t i = headed ? 0 : 1; i < lines.size(); ++i) line(i == 0 ? kDim : std::string_view{}, lines[i]);
  }

  void bars(const Rows& rows) {
    std::vector<std::string> ids;
    const auto all = read_bars(rows, language_, ids);
    out_ += draw_bars(all, {style_.width, style_.colour, style_.unicode}, say("of"_say), say("free"_say));
  }

  void sources() {
    if (sources_.all().empty()) return;
    out_ += '\n';
    int number = 0;
    for (const std::string& source : sources_.all()) line(kDim, wrap_with("  [" + std::to_string(++number) + "] ", source, style_.width));
  }

  const Language& language_;
  TextStyle style_;
  std::string out_;
  Sources sources_;
  char goes_on_ = '\\';             // what ends a line of code that has another
};

}  // namespace

std::string render_text(const Report& report, const Language& language, const TextStyle& style) {
  return TextWriter(language, style).report(report);
}

std::string render_error(const Error& error, const Language& language, const TextStyle& style) {
  std::string place = error.where.file;
  const bool option = place.starts_with("--");   // one line anyway: the column says it all
  if (error.where.line > 0 && !option) place += ':' + std::to_string(error.where.line);
  if (error.where.column > 0) place += ':' + std::to_string(error.where.column);
  std::string head = language.say("error"_say);
  if (style.colour) head = std::string(kRed) + head + std::string(kUncoloured);
  std::string text = (place.empty() ? "" : place + ": ") + language.say(error.message);
  if (!error.nearest.empty()) text = fill_holes(language.say("{0} (nearest: {1})"_say), {text, error.nearest});   // to be typed as it stands
  return head + ": " + printable(replace_all(std::move(text), "\n", " "));
}

std::string printable(std::string_view text) {
  const auto plain = [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; };
  if (std::all_of(text.begin(), text.end(), plain)) return std::string(text);   // nearly always
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k) whole = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    const bool control = (lead < 0x20 && lead != '\n') || lead == 0x7f || (lead == 0xc2 && whole && static_cast<unsigned char>(text[i + 1]) < 0xa0);
    // Marks and embeddings that turn the direction of what follows: a name must not rearrange the line it stands in.
    const auto next = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
    const bool turns = whole && lead == 0xe2 && ((next(1) == 0x80 && (next(2) == 0x8e || next(2) == 0x8f || (next(2) >= 0xaa && next(2) <= 0xae))) || (next(1) == 0x81 && next(2) >= 0xa6 && next(2) <= 0xa9));
    if (!whole || control || turns) {
      out += '?';
      i += whole ? length : 1;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

}  // namespace rigcast::report
