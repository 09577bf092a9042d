#include "calibration/import.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "calibration/detail/import_json.hpp"

namespace rigcast::calibration {
namespace {

using Cells = std::vector<std::string>;

Cells bar_cells(std::string_view line) {
  Cells cells;
  for (const std::string_view cell : split(line, '|')) cells.emplace_back(trim(cell));
  if (!cells.empty() && cells.front().empty()) cells.erase(cells.begin());
  if (!cells.empty() && cells.back().empty()) cells.pop_back();
  return cells;
}

bool rule_line(std::string_view line) { return line.find_first_not_of("|-: \t") == std::string_view::npos; }

// "3.56 GiB" -> bytes; "6.74 B" -> count.
double scaled(std::string_view text) {
  const auto words = split_words(text);
  const double value = words.empty() ? 0 : parse_double(words[0]).value_or(0);
  const std::string_view unit = words.size() > 1 ? words[1] : std::string_view{};
  return value * (unit == "GiB" ? kGiB : unit == "MiB" ? kMiB : unit == "B" ? 1e9 : unit == "M" ? 1e6 : 1);
}

// "pp512 @ d4096", "tg128", "pp2048+tg256"
bool set_test(Observation& o, std::string_view test) {
  const auto words = split_words(test);
  if (words.empty()) return false;
  const std::string_view name = words[0];
  o.depth = 0;
  if (words.size() >= 3 && words[1] == "@") o.depth = parse_double(words[2].substr(1)).value_or(0);
  const double n = parse_double(name.size() > 2 ? name.substr(2) : "").value_or(-1);
  if (n < 0) return false;  // pp+tg mixes have no single phase
  if (name.substr(0, 2) == "pp") { o.phase = "prefill"; o.prompt = n; return true; }
  if (name.substr(0, 2) == "tg") { o.phase = "decode"; o.generated = n; return true; }
  return false;
}

void set_llama_bench_field(Observation& o, const std::string& name, const std::string& value) {
  if (name == "model") {
    o.model_printed = value;
    o.quant = detail::quant_in_model_type(value);
  } else if (name == "size") o.model_bytes = scaled(value);
  else if (name == "params") o.parameters = scaled(value);
  else if (name == "backend") o.backend = value;
  else if (name == "type_k") o.flags["ctk"] = value;
  else if (name == "type_v") o.flags["ctv"] = value;
  else if (name == "n_ubatch") o.flags["ub"] = value;
  else if (name == "n_batch") o.flags["b"] = value;
  else if (name == "t/s") o.value = parse_double(split_words(value).empty() ? "" : split_words(value)[0]).value_or(0);
  else if (name == "ngl" || name == "fa" || name == "threads" || name == "mmap" || name == "sm" || name == "ts" || name == "ot") o.flags[name] = value;
}

void parse_markdown(std::string_view text, std::string_view file, Imported& out) {
  Cells header;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (line.find('|') == std::string_view::npos) { header.clear(); continue; }
    if (rule_line(line)) continue;
    Cells cells = bar_cells(line);
    if (std::find(cells.begin(), cells.end(), "t/s") != cells.end() || std::find(cells.begin(), cells.end(), "S_TG t/s") != cells.end()) {
      header = std::move(cells);
      continue;
    }
    if (header.empty()) continue;
    if (cells.size() != header.size()) {
      out.unread.push_back({ErrorKind::input, "the row has " + std::to_string(cells.size()) + " cells, its header " + std::to_string(header.size()), Where{std::string(file), number, 1}});
      continue;
    }
    if (std::find(header.begin(), header.end(), "t/s") != header.end()) {
      Observation o = detail::llama_row();
      std::string test;
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (header[i] == "test") test = cells[i];
        else set_llama_bench_field(o, header[i], cells[i]);
      }
      if (set_test(o, test) && o.value > 0) out.rows.push_back(std::move(o));
      else out.unread.push_back({ErrorKind::input, "the test '" + test + "' has no single phase or no value", Where{std::string(file), number, 1}});
    } else {
      std::map<std::string, double> fields;
      for (std::size_t i = 0; i < cells.size(); ++i) fields[header[i]] = parse_double(cells[i]).value_or(0);
      detail::add_batched(out.rows, fields["PP"], fields["TG"], fields["B"], fields["S_PP t/s"], fields["S_TG t/s"]);
    }
  }
}

void parse_llama_csv(std::string_view text, std::string_view file, Imported& out) {
  std::vector<std::string> header;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    std::vector<std::string> cells(1);
    bool open = false;
    for (const char c : line) {
      if (c == '"') open = !open;
      else if (c == ',' && !open) cells.emplace_back();
      else if (c != '\r') cells.back() += c;
    }
    if (header.empty()) { header = cells; continue; }
    if (cells.size() != header.size()) {
      out.unread.push_back({ErrorKind::input, "the row has " + std::to_string(cells.size()) + " cells, its header " + std::to_string(header.size()), Where{std::string(file), number, 1}});
      continue;
    }
    std::map<std::string, std::string> fields;
    for (std::size_t i = 0; i < cells.size(); ++i) fields[header[i]] = cells[i];
    if (auto o = detail::llama_bench_row(fields)) out.rows.push_back(std::move(*o));
    else out.unread.push_back({ErrorKind::input, "the row has no single phase or no value", Where{std::string(file), number, 1}});
  }
}

void fill(Observation& o, const ImportDefaults& d, std::size_t number) {
  const auto set = [](std::string& field, const std::string& value) { if (field.empty()) field = value; };
  set(o.device, d.device);
  set(o.engine, d.engine);
  set(o.backend, d.backend);
  set(o.model, d.model);
  set(o.quant, d.quant);
  set(o.date, d.date);
  set(o.source, d.source);
  if (o.metric_name.empty()) { o.metric_name = "tokens_per_second"; o.metric = Metric::tokens_per_second; }
  if (o.id.empty()) o.id = fingerprint(o) + "-" + std::to_string(number);
}

}  // namespace

Result<Imported> import_text(std::string_view text, std::string_view file, const ImportDefaults& defaults) {
  Imported out;
  const std::string_view body = trim(text);
  if (body.empty()) return fail(ErrorKind::input, "the file is empty", Where{std::string(file)});
  const std::string_view first = body.substr(0, body.find('\n'));
  if (body.front() == '{' || body.front() == '[') {
    RC_TRY(detail::import_json(body, file, out));
  } else if (first.find("avg_ts") != std::string_view::npos && first.find(',') != std::string_view::npos) {
    out.format = "llama-bench csv";
    parse_llama_csv(body, file, out);
  } else if (body.find("| t/s") != std::string_view::npos || body.find("t/s |") != std::string_view::npos) {
    out.format = body.find("S_TG t/s") != std::string_view::npos ? "llama-batched-bench" : "llama-bench markdown";
    parse_markdown(body, file, out);
  } else if (first.find("metric") != std::string_view::npos || body.front() == '#') {
    out.format = "project csv";
    RC_ASSIGN(rows, parse_csv(text, file));
    out.rows = std::move(rows);
  } else {
    return fail(ErrorKind::input, "is no benchmark output known here (llama-bench, llama-batched-bench, vllm bench serve, aiperf, guidellm, rows)",
                Where{std::string(file), 1, 1});
  }
  for (std::size_t i = 0; i < out.rows.size(); ++i) fill(out.rows[i], defaults, i + 1);
  return out;
}

std::string fingerprint(const Observation& o) {
  std::string text;
  for (const std::string* part : {&o.device, &o.engine, &o.engine_version, &o.backend, &o.model, &o.model_printed, &o.quant, &o.mode, &o.phase, &o.metric_name, &o.date})
    text += fold_name(*part) + "|";
  for (const double part : {o.prompt, o.generated, o.depth, o.concurrency, o.value, static_cast<double>(o.devices), o.model_bytes})
    text += format_shortest(part) + "|";
  for (const auto& [name, value] : o.flags) text += name + "=" + value + "|";
  std::uint64_t hash = 1469598103934665603ull;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  static constexpr char digits[] = "0123456789abcdef";
  std::string id = "o-";
  for (int shift = 60; shift >= 16; shift -= 4) id += digits[(hash >> shift) & 15];
  return id;
}

std::vector<Observation> without_duplicates(const std::vector<Observation>& log, const std::vector<Observation>& fresh) {
  std::set<std::string> known;
  for (const Observation& o : log) known.insert(fingerprint(o));
  std::vector<Observation> out;
  for (const Observation& o : fresh)
    if (known.insert(fingerprint(o)).second) out.push_back(o);
  return out;
}

}  // namespace rigcast::calibration
