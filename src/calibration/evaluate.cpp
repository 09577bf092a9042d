#include "calibration/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <unordered_map>

#include "base/parallel.hpp"
#include "calibration/detail/case.hpp"
#include "calibration/detail/known_names.hpp"
#include "cost/spread.hpp"
#include "cost/terms.hpp"

namespace rigcast::calibration {

using namespace detail;

double Prediction::error() const {
  if (!predicted || predicted->p50 <= 0 || actual <= 0) return 0;
  const bool time = metric.size() > 3 && metric.substr(metric.size() - 3) == "_ms";
  return time ? actual / predicted->p50 - 1 : predicted->p50 / actual - 1;
}

bool Prediction::covered() const { return predicted && actual >= predicted->p10 && actual <= predicted->p90; }

std::string_view Prediction::group(std::string_view name) const {
  if (!groups) return {};
  const auto found = groups->find(name);
  return found == groups->end() ? std::string_view() : std::string_view(found->second);
}

namespace {

// What the Calibration says of one Load, and the groups of its rows, found once for all rows that share it.
class Answers {
 public:
  Answers(const cost::Load& load, const cost::Calibration& calibration) : calibration_(calibration), load_(load), grade_(cost::grade_of(load, calibration)) {
    cost::resolve(load_, calibration);
  }
  const cost::Load& load() const { return load_; }
  cost::Grade grade() const { return grade_; }
  const cost::Spread& spread(std::string_view phase) {
    auto found = spreads_.find(phase);
    if (found == spreads_.end()) found = spreads_.emplace(phase, cost::spread_of(load_, phase, grade_, calibration_)).first;
    return found->second;
  }
  // Of one load, rows differ in these alone.
  std::shared_ptr<const Groups> groups(const Prepared& p) {
    const std::pair<std::string, std::string_view> kind(spread_phase(p), depth_group(p.depth));
    auto found = groups_.find(kind);
    if (found == groups_.end()) found = groups_.emplace(kind, std::make_shared<const Groups>(groups_of(p))).first;
    return found->second;
  }

 private:
  const cost::Calibration& calibration_;
  cost::Load load_;
  cost::Grade grade_;
  std::map<std::string, cost::Spread, std::less<>> spreads_;
  std::map<std::pair<std::string, std::string_view>, std::shared_ptr<const Groups>> groups_;   // depths have names that stay
};

// A shape made from a number of parameters may be another than the model's, and where nobody says how much of a large model one token reads,
// it may be a mixture that reads a tenth. 1,700 rows of models that the catalogue has, predicted by their size alone: dense ones write at 0.68
// to 1.12 times what was predicted as themselves (10 and 90 %), mixtures taken for dense ones 7 times as fast in the middle, 17 times at 90 %.
cost::Spread of_unknown_shape(const cost::Spread& spread, const Prepared& p) {
  constexpr double kShape = 0.35, kMixture = 2.4, kLarge = 15e9;
  const double up = !p.experts && p.parameters > kLarge ? kMixture : kShape;
  return {-std::hypot(spread.low, kShape), std::hypot(spread.high, up)};
}

// The rows in runs of one model, which is read once for all of them, in the order of their first rows; a long run is several.
std::vector<std::vector<std::size_t>> runs_of(const std::vector<Observation>& observations) {
  constexpr std::size_t kLong = 2000;
  std::vector<std::vector<std::size_t>> runs;
  std::unordered_map<std::string, std::size_t> latest;   // by model
  std::string key;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Observation& o = observations[i];
    key.assign(o.model).append("|").append(o.model_printed);
    auto [run, added] = latest.try_emplace(key, runs.size());
    if (!added && runs[run->second].size() == kLong) {
      run->second = runs.size();
      added = true;
    }
    if (added) runs.emplace_back();
    runs[run->second].push_back(i);
  }
  return runs;
}

// Predicts rows run by run; what one run needed is dropped before the next.
class Evaluator {
 public:
  Evaluator(const catalog::Catalog& catalog, const cost::Calibration& calibration, const rig::Host* host, std::shared_ptr<model::KnownBases> bases,
            std::shared_ptr<KnownNames> names)
      : calibration_(calibration), configurator_(catalog, false, std::move(bases), std::move(names)) {
    if (host) configurator_.set_host(*host);
  }
  void evaluate(const std::vector<Observation>& observations, const std::vector<std::size_t>& run, std::vector<Prediction>& out) {
    for (const std::size_t i : run) out[i] = predict(observations[i]);
    answers_.clear();
    configurator_.forget();
  }

 private:
  Prediction predict(const Observation& o) {
    prepare_case(configurator_, o, case_);
    if (!case_.understood) return describe(o, case_, nullptr);
    const Prepared& prepared = case_.prepared;
    Answers& answers = answers_.try_emplace(prepared.load.get(), *prepared.load, calibration_).first->second;
    Prediction p = describe(o, case_, answers.groups(prepared));
    p.grade = prepared.surrogate ? cost::Grade::extrapolated : answers.grade();
    const cost::Spread spread = answers.spread(spread_phase(prepared));
    p.predicted = interval_of(prepared, cost::seconds(answers.load(), prepared.work), prepared.surrogate ? of_unknown_shape(spread, prepared) : spread);
    return p;
  }

  const cost::Calibration& calibration_;
  Configurator configurator_;
  Case case_;   // of the row at hand: its texts and lists keep their room
  std::unordered_map<const cost::Load*, Answers> answers_;   // of loads that live in the configurator
};

}  // namespace

Evaluation evaluate(const catalog::Catalog& catalog, const cost::Calibration& calibration, const std::vector<Observation>& observations, const rig::Host* host,
                    Watch* watch, const std::shared_ptr<model::KnownBases>& bases) {
  constexpr std::size_t kWorthAHelper = 500;
  Evaluation out;
  out.rows.resize(observations.size());
  const std::vector<std::vector<std::size_t>> runs = runs_of(observations);
  const auto names = std::make_shared<KnownNames>(catalog);
  std::atomic<std::size_t> next = 0, done = 0;
  const auto work = [&] {
    Evaluator evaluator(catalog, calibration, host, bases, names);
    for (std::size_t run = next++; run < runs.size() && !stopped(watch); run = next++) {
      evaluator.evaluate(observations, runs[run], out.rows);
      const std::size_t all = done += runs[run].size();
      if (watch) watch->tell(static_cast<double>(all) / static_cast<double>(observations.size()));
    }
  };
  on_processors(observations.size() / kWorthAHelper, work);
  return out;
}

}  // namespace rigcast::calibration
