#include "calibration/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "calibration/detail/columns.hpp"
#include "calibration/evaluate.hpp"

namespace rigcast::calibration {
namespace {

// Where the columns stand that say how near a row is.
struct Columns {
  std::size_t device, engine, backend, model, quant, devices, depth, phase, last;

  static std::optional<Columns> read(std::string_view header) {
    std::vector<std::string_view> names;
    std::string unquoted;
    if (!detail::cells_of(header, ',', names, unquoted)) return std::nullopt;
    const auto at = [&](std::string_view name) { return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin()); };
    Columns c{at("device"), at("engine"), at("backend"), at("model"), at("quant"), at("devices"), at("depth"), at("phase"), 0};
    c.last = std::max({c.device, c.engine, c.backend, c.model, c.quant, c.devices, c.depth, c.phase});
    return c.last < names.size() ? std::optional(c) : std::nullopt;
  }
};

// Billions of parameters that work on a token, as a model's key says them: "qwen3-30b-a3b" -> 3, "qwen3-32b" -> 32; 0 where it says none.
double billions(std::string_view key) {
  double all = 0;
  for (const std::string_view word : split(key, '-')) {
    if (word.size() < 2 || word.back() != 'b') continue;
    const bool active = word.front() == 'a';
    const auto number = parse_double(word.substr(active ? 1 : 0, word.size() - (active ? 2 : 1)));
    if (number && active) return *number;
    if (number && all == 0) all = *number;
  }
  return all;
}

double distance(const std::vector<std::string_view>& cells, const Columns& at, const Near& wanted) {
  double far = 0;
  if (fold_name(cells[at.engine]) != fold_name(wanted.engine)) far += 8;
  if (!equal_ignoring_case(cells[at.backend], wanted.backend)) far += 4;
  if (parse_int(cells[at.devices]).value_or(1) != wanted.devices) far += 3;
  const double here = billions(cells[at.model]), there = billions(wanted.model);
  if (cells[at.model] != wanted.model) far += here > 0 && there > 0 ? std::min(4.0, 1 + std::abs(std::log2(here / there))) : 3;
  if (!equal_ignoring_case(cells[at.quant], wanted.quant)) far += 0.5;
  if (parse_double(cells[at.depth]).value_or(0) > 4096) far += 1;
  return far;
}

// Lines whose second column is the device; the others are not looked at further, since reading all rows would cost more than the plan.
void add_lines(std::string_view csv, const std::string& file, const std::string& device, std::vector<Line>& lines) {
  const std::string_view header = csv.substr(0, csv.find('\n'));
  const auto columns = Columns::read(header);
  if (!columns || columns->device != 1) return;
  const std::string mark = device + ",";
  for (std::size_t begin = header.size() + 1; begin < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    const std::string_view text = csv.substr(begin, end - begin);
    begin = end + 1;
    if (text.substr(std::min(text.size(), text.find(',') + 1)).starts_with(mark)) lines.push_back({file, header, text});
  }
}

std::vector<Line> read_lines(const catalog::Catalog& catalog, const std::string& device) {
  std::vector<Line> lines;
  for (const std::string& file : catalog.files("observations"))
    if (const auto text = catalog.file(file); text && file.ends_with(".csv")) add_lines(*text, file, device, lines);
  return lines;
}

// A line, not yet read but for how far it is from what is wanted.
struct Ranked { double far = 0; const Line* line = nullptr; };

std::vector<Ranked> ranked(const std::vector<Line>& lines, const Near& wanted) {
  std::vector<Ranked> out;
  std::string_view header;
  std::optional<Columns> columns;
  std::vector<std::string_view> cells;
  std::string unquoted;
  for (const Line& line : lines) {
    if (line.header.data() != header.data()) columns = Columns::read(header = line.header);
    if (detail::cells_of(line.text, ',', cells, unquoted, columns->last + 1) && cells.size() > columns->last && cells[columns->phase] == wanted.phase) out.push_back({distance(cells, *columns, wanted), &line});
  }
  std::stable_sort(out.begin(), out.end(), [](const Ranked& a, const Ranked& b) { return a.far < b.far; });
  return out;
}

std::optional<Observation> read_line(const Line& line, const Near& wanted) {
  const auto rows = parse_csv(std::string(line.header) + "\n" + std::string(line.text), line.file);
  if (!rows || rows->size() != 1) return std::nullopt;
  const Observation& o = rows->front();
  const bool tells = o.phase == wanted.phase && o.metric == Metric::tokens_per_second && !is_speculative(o) && trust(o) > 0;
  return tells ? std::optional(o) : std::nullopt;
}

cost::Evidence evidence_of(const Observation& o, double estimate) {
  return {o.id, o.device_printed, o.engine, o.backend, o.model, o.quant, o.source, o.date, o.value, estimate, o.note, o.devices};
}

}  // namespace

std::shared_ptr<const std::vector<Line>> KnownRows::lines_of(const catalog::Catalog& catalog, const std::string& device) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = lines_.find(device); known != lines_.end()) return known->second;
  }
  auto lines = std::make_shared<const std::vector<Line>>(read_lines(catalog, device));
  const std::lock_guard lock(mutex_);
  return lines_.emplace(device, std::move(lines)).first->second;
}

std::optional<double> KnownRows::estimate(const Line& line) const {
  const std::lock_guard lock(mutex_);
  const auto known = estimates_.find(line.text.data());
  return known == estimates_.end() ? std::nullopt : std::optional(known->second);
}

void KnownRows::keep(const Line& line, double estimate) {
  const std::lock_guard lock(mutex_);
  estimates_.insert_or_assign(line.text.data(), estimate);
}

std::vector<cost::Evidence> nearest(const catalog::Catalog& catalog, const cost::Calibration& calibration, const Near& wanted, std::size_t most, KnownRows* known) {
  const auto lines = known ? known->lines_of(catalog, wanted.device) : std::make_shared<const std::vector<Line>>(read_lines(catalog, wanted.device));
  // One row of each configuration: a sweep's neighbours say the same.
  std::vector<cost::Evidence> evidence;
  std::vector<Observation> unknown;                          // rows to be predicted yet,
  std::vector<std::pair<std::size_t, const Line*>> of_evidence;     // ... and whose they are
  std::set<std::string> seen;
  for (const Ranked& each : ranked(*lines, wanted)) {
    const Line& line = *each.line;
    if (evidence.size() == most) break;
    auto o = read_line(line, wanted);
    if (!o || !seen.insert(o->source + " " + o->model + " " + o->quant).second) continue;
    const auto estimate = known ? known->estimate(line) : std::nullopt;
    evidence.push_back(evidence_of(*o, estimate.value_or(0)));
    if (estimate) continue;
    unknown.push_back(std::move(*o));
    of_evidence.emplace_back(evidence.size() - 1, &line);
  }
  const Evaluation evaluation = evaluate(catalog, calibration, unknown, nullptr, nullptr, known ? known->bases() : nullptr);
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    const auto& predicted = evaluation.rows[i].predicted;
    const double estimate = evidence[of_evidence[i].first].predicted = predicted ? predicted->p50 : 0;
    if (known) known->keep(*of_evidence[i].second, estimate);
  }
  return evidence;
}

}  // namespace rigcast::calibration
