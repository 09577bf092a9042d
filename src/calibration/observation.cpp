#include "calibration/observation.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/text.hpp"
#include "calibration/detail/columns.hpp"
#include "calibration/detail/spelling.hpp"

namespace rigcast::calibration {
namespace {

constexpr std::array<std::pair<std::string_view, Metric>, 6> kMetrics{{{"tokens_per_second", Metric::tokens_per_second},
                                                                     {"output_tokens_per_second", Metric::output_tokens_per_second},
                                                                     {"total_tokens_per_second", Metric::total_tokens_per_second},
                                                                     {"ttft_ms", Metric::ttft_ms},
                                                                     {"tpot_ms", Metric::tpot_ms},
                                                                     {"itl_ms", Metric::tpot_ms}}};

using detail::Column;

Column text_column(const char* name, std::string Observation::*field) {
  return {name, [field](const Observation& o) { return o.*field; },
          [field](Observation& o, std::string_view text) { o.*field = text; return true; }};
}

Column number_column(const char* name, double Observation::*field, double missing) {
  return {name, [field, missing](const Observation& o) { return o.*field == missing ? std::string() : format_shortest(o.*field); },
          [field, missing](Observation& o, std::string_view text) {
            const auto value = text.empty() ? missing : parse_double(text);
            o.*field = value.value_or(missing - 1);
            return value.has_value();
          },
          true};
}

Column count_column(const char* name, int Observation::*field, int missing) {
  return {name, [field, missing](const Observation& o) { return o.*field == missing ? std::string() : std::to_string(o.*field); },
          [field, missing](Observation& o, std::string_view text) {
            const auto value = parse_int(text);
            o.*field = text.empty() ? missing : static_cast<int>(value.value_or(missing));
            return text.empty() || (value.has_value() && *value >= 0 && *value < 1000000);
          },
          true};
}

// "ub=512;ot=exps=CPU": a backslash stands before a semicolon or backslash of a key or value, and before the '=' of a key.
void add_escaped(std::string& text, std::string_view part, std::string_view marks) {
  for (const char c : part) {
    if (marks.find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
}

std::string write_flags(const Observation& o) {
  std::string text;
  for (const auto& [key, value] : o.flags) {
    if (!text.empty()) text += ';';
    add_escaped(text, key, "\\;=");
    text += '=';
    add_escaped(text, value, "\\;");
  }
  return text;
}

bool read_escaped_flags(Observation& o, std::string_view text) {
  if (const std::string_view bare = trim(text); bare.starts_with('-') || bare.starts_with('{')) {   // a launch line, or what JSON calls it
    detail::read_flags(text, o);
    return true;
  }
  std::string key, part;
  bool in_value = false;
  const auto finish = [&] {
    if (in_value) o.flags[std::move(key)] = std::move(part);
    const bool whole = in_value;
    key.clear();
    part.clear();
    in_value = false;
    return whole;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) part += text[++i];
    else if (text[i] == '=' && !in_value) { key = std::exchange(part, {}); in_value = true; }
    else if (text[i] == ';') { if (!finish()) return false; }
    else part += text[i];
  }
  return text.empty() || finish();
}

}  // namespace

namespace detail {

const std::vector<Column>& columns() {
  using O = Observation;
  static const std::vector<Column> all = {
      text_column("id", &O::id), text_column("device", &O::device), text_column("device_printed", &O::device_printed),
      count_column("devices", &O::devices, 1), number_column("memory_gb", &O::memory_gb, 0), text_column("processor", &O::processor),
      text_column("host_memory", &O::host_memory), text_column("os", &O::os), text_column("engine", &O::engine),
      text_column("engine_version", &O::engine_version), text_column("backend", &O::backend), text_column("model", &O::model),
      text_column("model_printed", &O::model_printed), text_column("quant", &O::quant), number_column("model_bytes", &O::model_bytes, 0),
      number_column("parameters", &O::parameters, 0), text_column("mode", &O::mode), count_column("degree", &O::degree, 0),
      {"flags", write_flags, read_escaped_flags}, text_column("phase", &O::phase), number_column("prompt", &O::prompt, -1),
      number_column("generated", &O::generated, -1), number_column("depth", &O::depth, -1),
      number_column("concurrency", &O::concurrency, -1),
      {"metric", [](const O& o) { return o.metric_name; },
       [](O& o, std::string_view text) { o.metric_name = text; o.metric = metric_of(text); return true; }},
      number_column("value", &O::value, 0), text_column("date", &O::date), text_column("source", &O::source),
      text_column("repository", &O::repository), text_column("title", &O::title), text_column("note", &O::note),
      number_column("weight", &O::weight, 1), text_column("excluded", &O::excluded)};
  return all;
}

bool cells_of(std::string_view line, char mark, std::vector<std::string_view>& cells, std::string& unquoted, std::size_t most) {
  cells.clear();
  unquoted.clear();
  unquoted.reserve(line.size());   // what cells point into may not move
  for (std::size_t at = 0;;) {
    std::size_t end = std::min(line.find(mark, at), line.size());
    std::string_view cell = line.substr(at, end - at);
    if (cell.find('"') != std::string_view::npos) {
      const std::size_t begin = unquoted.size();
      bool open = false;
      for (end = at; end < line.size() && (open || line[end] != mark); ++end) {
        if (line[end] != '"') unquoted += line[end];
        else if (open && end + 1 < line.size() && line[end + 1] == '"') unquoted += line[++end];
        else open = !open;
      }
      if (open) return false;
      cell = std::string_view(unquoted).substr(begin);
    }
    cells.push_back(cell);
    if (end == line.size() || cells.size() == most) return true;
    at = end + 1;
  }
}

}  // namespace detail

namespace {

using detail::cells_of;
using detail::columns;

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  return "\"" + replace_all(replace_all(replace_all(text, "\"", "\"\""), "\n", " "), "\r", "") + "\"";
}

Result<std::vector<const Column*>> columns_named(const std::vector<std::string_view>& names, const Where& where) {
  std::vector<const Column*> order;
  for (const std::string_view name : names) {
    const auto found = std::find_if(columns().begin(), columns().end(), [&](const Column& column) { return name == column.name; });
    if (found == columns().end()) return fail(ErrorKind::input, "no column is called '" + std::string(name) + "'", where);
    order.push_back(&*found);
  }
  return order;
}

std::string line_of(const Observation& o, const std::vector<const Column*>& order) {
  std::string line;
  for (const Column* column : order) line += (column == order.front() ? "" : ",") + quoted(column->write(o));
  return line + '\n';
}

// The line of column names and its number; empty where there is none yet.
std::pair<std::string_view, int> header_of(std::string_view csv) {
  int number = 0;
  for (const std::string_view line : split(csv, '\n')) {
    ++number;
    if (!trim(line).empty() && line.front() != '#') return {trim(line), number};
  }
  return {{}, 0};
}

}  // namespace

const char* to_string(Metric metric) {
  for (const auto& [name, value] : kMetrics)
    if (value == metric) return name.data();
  return "other";
}

Metric metric_of(std::string_view name) {
  for (const auto& [known, value] : kMetrics)
    if (known == name) return value;
  return Metric::other;
}

bool is_speculative(const Observation& o) {
  for (const char* key : {"spec", "spec_decode", "draft_n_max", "speculative"}) {
    const auto found = o.flags.find(key);
    if (found == o.flags.end()) continue;
    const std::string value = to_lower(found->second);
    if (!value.empty() && value != "none" && value != "0" && value != "false" && value != "off" && value != "null") return true;
  }
  return o.note.find("SPECULATIVE") != std::string::npos;
}

double trust(const Observation& o) {
  if (!o.excluded.empty()) return 0;
  const auto says = [&](const char* text) { return o.note.find(text) != std::string::npos; };
  // Lower bounds, bring-ups and runs whose own checks found something else at work than the card.
  for (const char* doubt : {"lower bound", "untuned", "very slow", "upper bound", "slow host", "abnormally slow", "SUSPICIOUS", "low trust", "ABOVE"})
    if (says(doubt)) return 0.03 * o.weight;
  if (says("Raspberry Pi") || says("not stated") || says("not printed")) return 0.5 * o.weight;
  return o.weight;
}

Result<std::vector<Observation>> parse_csv(std::string_view text, std::string_view file) {
  std::vector<Observation> rows;
  constexpr std::size_t kShortRow = 100;   // characters: what is reserved stays in proportion to the file
  rows.reserve(std::min(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), text.size() / kShortRow));
  std::vector<const Column*> order;
  std::vector<std::string_view> cells;
  std::string unquoted;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (trim(line).empty() || line.front() == '#') continue;
    const auto where = [&] { return Where{std::string(file), number, 1}; };
    if (!cells_of(line, ',', cells, unquoted)) return fail(ErrorKind::input, "a quote is not closed", where());
    if (order.empty()) {
      RC_ASSIGN(named, columns_named(cells, where()));
      order = std::move(named);
      continue;
    }
    if (cells.size() != order.size())
      return fail(ErrorKind::input, std::to_string(cells.size()) + " cells where the header has " + std::to_string(order.size()), where());
    Observation& o = rows.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (!order[i]->read(o, cells[i])) return fail(ErrorKind::input, "'" + std::string(cells[i]) + "' cannot be a " + order[i]->name, where());
    detail::settle(o, detail::Count::stated);
  }
  return rows;
}

std::string to_csv(const std::vector<Observation>& rows) {
  std::vector<const Column*> order;
  std::string text;
  for (const Column& column : columns()) {
    order.push_back(&column);
    text += (text.empty() ? "" : ",") + std::string(column.name);
  }
  text += '\n';
  for (const Observation& o : rows) text += line_of(o, order);
  return text;
}

Result<std::string> to_append(const std::vector<Observation>& rows, std::string_view csv, std::string_view file) {
  const auto [header, number] = header_of(csv);
  std::string text;
  if (!csv.empty() && csv.back() != '\n') text += '\n';   // a torn last line must not swallow the first new one
  if (header.empty()) return text + to_csv(rows);
  const Where where{std::string(file), number, 1};
  std::vector<std::string_view> names;
  std::string unquoted;
  if (!cells_of(header, ',', names, unquoted)) return fail(ErrorKind::input, "a quote is not closed", where);
  RC_ASSIGN(order, columns_named(names, where));
  for (const Column& column : columns())
    if (std::find(order.begin(), order.end(), &column) == order.end() && std::any_of(rows.begin(), rows.end(), [&](const Observation& o) { return !column.write(o).empty(); }))
      return fail(ErrorKind::input, std::string("there is no column '") + column.name + "' for what is to be kept; add it to this line, or keep the rows in another file", where);
  for (const Observation& o : rows) text += line_of(o, order);
  return text;
}

}  // namespace rigcast::calibration
