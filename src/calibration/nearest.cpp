#include "calibration/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.hpp"
#include "calibration/evaluate.hpp"

namespace rigcast::calibration {
namespace {

// The header and the lines whose second column is the device and that speak of the phase: parsing the rest would cost more than the plan.
std::string lines_of(const std::string& csv, const std::string& device, const std::string& phase) {
  const std::string mark = "," + device + ",", of_phase = "," + phase + ",";
  std::string out = csv.substr(0, csv.find('\n') + 1);
  for (std::size_t at = csv.find(mark, out.size()); at != std::string::npos;) {
    const std::size_t begin = csv.rfind('\n', at) + 1;
    const std::size_t end = std::min(csv.find('\n', at), csv.size());
    const bool second_column = csv.find(',', begin) == at;
    const std::string_view line(csv.data() + begin, end - begin);
    if (second_column && line.find(of_phase) != std::string_view::npos) out.append(line).append("\n");
    at = csv.find(mark, second_column ? end : at + 1);
  }
  return out;
}

// Billions of parameters as a model's key says them: "qwen3-30b-a3b" -> 30; 0 where it says none.
double billions(std::string_view key) {
  for (const std::string_view word : split(key, '-'))
    if (word.size() > 1 && word.back() == 'b')
      if (const auto number = parse_double(word.substr(0, word.size() - 1))) return *number;
  return 0;
}

double distance(const Observation& o, const Near& wanted) {
  double far = 0;
  if (fold_name(o.engine) != fold_name(wanted.engine)) far += 8;
  if (!equal_ignoring_case(o.backend, wanted.backend)) far += 4;
  if (o.devices != wanted.devices) far += 3;
  const double here = billions(o.model), there = billions(wanted.model);
  if (o.model != wanted.model) far += here > 0 && there > 0 ? std::min(4.0, 1 + std::abs(std::log2(here / there))) : 3;
  if (o.depth > 4096) far += 1;
  return far;
}

cost::Evidence evidence_of(const Observation& o, const Prediction& prediction) {
  return {o.id, o.device_printed, o.engine, o.backend, o.model, o.quant, o.source, o.date, o.value,
          prediction.predicted ? prediction.predicted->p50 : 0, o.note};
}

}  // namespace

std::vector<cost::Evidence> nearest(const catalog::Catalog& catalog, const cost::Calibration& calibration, const Near& wanted, std::size_t most) {
  std::vector<Observation> rows;
  for (const std::string& file : catalog.files("observations")) {
    if (!file.ends_with(".csv")) continue;
    const auto text = catalog.file(file);
    if (!text) continue;
    const auto found = parse_csv(lines_of(*text, wanted.device, wanted.phase), file);
    if (!found) continue;
    for (const Observation& o : *found)
      if (o.phase == wanted.phase && o.metric == Metric::tokens_per_second && !is_speculative(o) && trust(o) > 0) rows.push_back(o);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Observation& a, const Observation& b) { return distance(a, wanted) < distance(b, wanted); });
  // One row of each configuration: a sweep's neighbours say the same.
  std::set<std::string> seen;
  std::erase_if(rows, [&](const Observation& o) { return !seen.insert(o.source + " " + o.model + " " + o.quant).second; });
  if (rows.size() > most) rows.resize(most);
  const Evaluation evaluation = evaluate(catalog, calibration, rows);
  std::vector<cost::Evidence> evidence;
  for (std::size_t i = 0; i < rows.size(); ++i) evidence.push_back(evidence_of(rows[i], evaluation.rows[i]));
  return evidence;
}

Result<std::vector<Observation>> project_observations(const catalog::Catalog& catalog) {
  std::vector<Observation> all;
  for (const std::string& file : catalog.files("observations")) {
    if (!file.ends_with(".csv")) continue;
    RC_ASSIGN(text, catalog.file(file));
    RC_ASSIGN(rows, parse_csv(text, file));
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

}  // namespace rigcast::calibration
