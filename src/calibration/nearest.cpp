#include "calibration/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "calibration/evaluate.hpp"

namespace rigcast::calibration {
namespace {

// The first cells of one line as they stand, quotes included.
std::vector<std::string_view> cells_of(std::string_view line, std::size_t most) {
  std::vector<std::string_view> cells;
  for (std::size_t begin = 0; cells.size() < most && begin <= line.size();) {
    std::size_t end = std::min(line.find(',', begin), line.size());
    if (line.substr(begin, end - begin).find('"') != std::string_view::npos) {
      bool open = false;
      for (end = begin; end < line.size() && (open || line[end] != ','); ++end)
        if (line[end] == '"') open = !open;
    }
    cells.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return cells;
}

// Where the columns stand that say how near a row is.
struct Columns {
  std::size_t device, engine, backend, model, devices, depth, phase, last;

  static std::optional<Columns> read(std::string_view header) {
    const auto names = cells_of(header, header.size());
    const auto at = [&](std::string_view name) { return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin()); };
    Columns c{at("device"), at("engine"), at("backend"), at("model"), at("devices"), at("depth"), at("phase"), 0};
    c.last = std::max({c.device, c.engine, c.backend, c.model, c.devices, c.depth, c.phase});
    return c.last < names.size() ? std::optional(c) : std::nullopt;
  }
};

// Billions of parameters as a model's key says them: "qwen3-30b-a3b" -> 30; 0 where it says none.
double billions(std::string_view key) {
  for (const std::string_view word : split(key, '-'))
    if (word.size() > 1 && word.back() == 'b')
      if (const auto number = parse_double(word.substr(0, word.size() - 1))) return *number;
  return 0;
}

double distance(const std::vector<std::string_view>& cells, const Columns& at, const Near& wanted) {
  double far = 0;
  if (fold_name(cells[at.engine]) != fold_name(wanted.engine)) far += 8;
  if (!equal_ignoring_case(cells[at.backend], wanted.backend)) far += 4;
  if (parse_int(cells[at.devices]).value_or(1) != wanted.devices) far += 3;
  const double here = billions(cells[at.model]), there = billions(wanted.model);
  if (cells[at.model] != wanted.model) far += here > 0 && there > 0 ? std::min(4.0, 1 + std::abs(std::log2(here / there))) : 3;
  if (parse_double(cells[at.depth]).value_or(0) > 4096) far += 1;
  return far;
}

// One line of a file, not yet read but for how far it is from what is wanted.
struct Line {
  double far = 0;
  std::string_view file, header, text;
};

// Lines whose second column is the device; the others are not looked at further, since reading all rows would cost more than the plan.
void add_lines(std::string_view csv, std::string_view file, const Near& wanted, std::vector<Line>& lines) {
  const std::string_view header = csv.substr(0, csv.find('\n'));
  const auto columns = Columns::read(header);
  if (!columns || columns->device != 1) return;
  const std::string mark = wanted.device + ",";
  for (std::size_t begin = header.size() + 1; begin < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    const std::string_view text = csv.substr(begin, end - begin);
    begin = end + 1;
    if (!text.substr(std::min(text.size(), text.find(',') + 1)).starts_with(mark)) continue;
    const auto cells = cells_of(text, columns->last + 1);
    if (cells.size() <= columns->last || cells[columns->phase] != wanted.phase) continue;
    lines.push_back({distance(cells, *columns, wanted), file, header, text});
  }
}

std::optional<Observation> read_line(const Line& line, const Near& wanted) {
  const auto rows = parse_csv(std::string(line.header) + "\n" + std::string(line.text), line.file);
  if (!rows || rows->size() != 1) return std::nullopt;
  const Observation& o = rows->front();
  const bool tells = o.phase == wanted.phase && o.metric == Metric::tokens_per_second && !is_speculative(o) && trust(o) > 0;
  return tells ? std::optional(o) : std::nullopt;
}

cost::Evidence evidence_of(const Observation& o, const Prediction& prediction) {
  return {o.id, o.device_printed, o.engine, o.backend, o.model, o.quant, o.source, o.date, o.value,
          prediction.predicted ? prediction.predicted->p50 : 0, o.note, o.devices};
}

}  // namespace

std::vector<cost::Evidence> nearest(const catalog::Catalog& catalog, const cost::Calibration& calibration, const Near& wanted, std::size_t most) {
  const std::vector<std::string> files = catalog.files("observations");
  std::vector<Line> lines;
  for (const std::string& file : files)
    if (const auto text = catalog.file(file); text && file.ends_with(".csv")) add_lines(*text, file, wanted, lines);
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.far < b.far; });
  // One row of each configuration: a sweep's neighbours say the same.
  std::vector<Observation> rows;
  std::set<std::string> seen;
  for (const Line& line : lines) {
    if (rows.size() == most) break;
    auto o = read_line(line, wanted);
    if (o && seen.insert(o->source + " " + o->model + " " + o->quant).second) rows.push_back(std::move(*o));
  }
  const Evaluation evaluation = evaluate(catalog, calibration, rows);
  std::vector<cost::Evidence> evidence;
  for (std::size_t i = 0; i < rows.size(); ++i) evidence.push_back(evidence_of(rows[i], evaluation.rows[i]));
  return evidence;
}

}  // namespace rigcast::calibration
