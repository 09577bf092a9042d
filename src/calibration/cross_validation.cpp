#include "calibration/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "calibration/detail/case.hpp"
#include "calibration/detail/misses.hpp"
#include "calibration/own.hpp"
#include "cost/spread.hpp"
#include "cost/terms.hpp"

namespace rigcast::calibration {

using namespace detail;

namespace {

constexpr int kFolds = 10;

struct Cases {
  std::vector<Case> cases;
  std::vector<Prepared> rows;        // those that were understood
  std::vector<std::size_t> index;    // into cases
  std::vector<char> fits;            // rows that may calibrate
  std::vector<double> weights;
};

Cases prepare_all(const catalog::Catalog& catalog, const std::vector<Observation>& observations, const Watch* watch = nullptr) {
  Cases all;
  Configurator configurator(catalog, true);
  std::vector<double> own;
  for (std::size_t i = 0; i < observations.size() && !stopped(watch); ++i) {
    prepare_case(configurator, observations[i], all.cases.emplace_back());
    if (!all.cases.back().understood) continue;
    all.rows.push_back(all.cases.back().prepared);
    all.index.push_back(i);
    own.push_back(trust(observations[i]));
    all.fits.push_back(own.back() > 0);
  }
  all.weights = row_weights(all.rows, own);
  return all;
}

// Groups to folds, the largest first to the emptiest fold: deterministic, and a group is never divided.
std::vector<int> folds_of(const std::vector<Prepared>& rows, Fold fold) {
  std::map<std::string, int> counts;
  const auto key = [&](const Prepared& p) -> const std::string& { return fold == Fold::device ? p.device : fold == Fold::model ? p.model : p.source; };
  for (const Prepared& p : rows) ++counts[key(p)];
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [name, count] : counts) order.emplace_back(-count, name);
  std::sort(order.begin(), order.end());
  std::vector<int> load(kFolds);
  std::map<std::string, int> where;
  for (const auto& [count, name] : order) {
    const auto least = std::min_element(load.begin(), load.end());
    where[name] = static_cast<int>(least - load.begin());
    *least -= count;
  }
  std::vector<int> folds;
  for (const Prepared& p : rows) folds.push_back(where[key(p)]);
  return folds;
}

// log(predicted / measured) and the grade of every row by the fit of the other folds.
struct HeldOut { std::vector<double> residuals; std::vector<cost::Grade> grades; std::vector<int> folds; };

// What intervals are made of: a stranger's machine is of a source and often a device that no fit has seen.
const std::vector<Fold> kOfIntervals{Fold::source, Fold::device};

// Each of these ways of holding out, in their order. Fits know nothing of each other: they run side by side, and each writes its own rows.
std::vector<HeldOut> hold_out(const FitProblem& problem, const Cases& all, const cost::Calibration& full, const std::vector<Fold>& ways, Watch* watch = nullptr) {
  std::vector<HeldOut> out(ways.size(), HeldOut{std::vector<double>(all.rows.size()), std::vector<cost::Grade>(all.rows.size()), {}});
  for (std::size_t way = 0; way < ways.size(); ++way) out[way].folds = folds_of(all.rows, ways[way]);
  const auto fit_without = [&](std::size_t way, int fold) {
    std::vector<char> use = all.fits;
    for (std::size_t i = 0; i < use.size(); ++i) use[i] = use[i] && out[way].folds[i] != fold;
    FitOptions options;
    options.iterations = 8;
    options.threads = 1;
    options.uncertainty = false;
    options.watch = watch;
    const cost::Calibration calibration = problem.fit(use, options, &full);
    const std::vector<double> residuals = problem.residuals(calibration);
    for (std::size_t i = 0; i < use.size(); ++i) {
      if (out[way].folds[i] != fold) continue;
      out[way].residuals[i] = residuals[i];
      out[way].grades[i] = cost::grade_of(*all.rows[i].load, calibration);
    }
  };
  const std::size_t fits = kFolds * ways.size();
  share_out(fits, [&](std::size_t job) {
    if (stopped(watch)) return;
    if (watch) watch->tell(static_cast<double>(1 + job) / static_cast<double>(1 + fits));   // after the fit of all rows
    fit_without(job / kFolds, static_cast<int>(job % kFolds));
  });
  return out;
}

// Spreads of all groups, from what the fits of kOfIntervals, which `held` begins with, said of rows they had not seen. Rows of fold `without`
// of `mine` are not asked.
std::map<std::string, cost::Spread, std::less<>> spreads_of(const Cases& all, const std::vector<HeldOut>& held, const HeldOut* mine = nullptr, int without = 0) {
  std::map<std::string, std::vector<Miss>> groups;
  for (std::size_t way = 0; way < kOfIntervals.size(); ++way)
    for (std::size_t i = 0; i < all.rows.size(); ++i) {
      const Prepared& p = all.rows[i];
      // A shape guessed from a parameter count misses by the guess, which a known model does not.
      if (!all.fits[i] || p.surrogate || (mine && mine->folds[i] == without)) continue;
      for (const std::string& key : cost::spread_keys(*p.load, spread_phase(p), held[way].grades[i])) groups[key].push_back({held[way].residuals[i], p.source});
    }
  std::map<std::string, cost::Spread, std::less<>> spreads;
  for (auto& [key, misses] : groups)
    if (const auto spread = spread_of_misses(std::move(misses))) spreads[key] = *spread;
  return spreads;
}

}  // namespace

std::optional<Fold> fold_of(std::string_view name) {
  if (name == "device") return Fold::device;
  if (name == "model") return Fold::model;
  if (name == "source") return Fold::source;
  return std::nullopt;
}

Evaluation cross_validate(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations, Fold fold, Watch* watch) {
  const Cases all = prepare_all(catalog, observations, watch);
  if (stopped(watch)) return {};
  const FitProblem problem(all.rows, all.weights, priors);
  FitOptions options;
  options.uncertainty = false;
  options.watch = watch;
  const cost::Calibration full = problem.fit(all.fits, options);
  std::vector<Fold> ways = kOfIntervals;
  if (std::find(ways.begin(), ways.end(), fold) == ways.end()) ways.push_back(fold);
  const std::vector<HeldOut> held = hold_out(problem, all, full, ways, watch);
  if (stopped(watch)) return {};
  const HeldOut& mine = held[static_cast<std::size_t>(std::find(ways.begin(), ways.end(), fold) - ways.begin())];
  std::vector<cost::Calibration> intervals(kFolds);   // a fold's intervals know the misses of the other folds alone
  for (int k = 0; k < kFolds; ++k) intervals[static_cast<std::size_t>(k)].spreads = spreads_of(all, held, &mine, k);
  Evaluation out;
  std::size_t row = 0;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Case& c = all.cases[i];
    Prediction p = describe(observations[i], c, c.understood ? std::make_shared<const Groups>(groups_of(c.prepared)) : nullptr);
    if (c.understood) {
      p.grade = mine.grades[row];
      p.predicted = interval_of(c.prepared, c.prepared.measured_seconds * std::exp(mine.residuals[row]), cost::spread_of(*c.prepared.load, spread_phase(c.prepared), p.grade, intervals[static_cast<std::size_t>(mine.folds[row])]));
      ++row;
    }
    out.rows.push_back(std::move(p));
  }
  return out;
}

Result<cost::Calibration> fit_effects(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations,
                                      const FitOptions& options, const cost::Calibration* start) {
  const Cases all = prepare_all(catalog, observations);
  if (all.rows.empty()) return fail(ErrorKind::input, "no Observation could be understood");
  return FitProblem(all.rows, all.weights, priors).fit(all.fits, options, start);
}

Result<cost::Calibration> calibrate(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations) {
  const Cases all = prepare_all(catalog, observations);
  if (all.rows.empty()) return fail(ErrorKind::input, "no Observation could be understood");
  const FitProblem problem(all.rows, all.weights, priors);
  FitOptions whole;   // what is committed is the maximum itself; the folds below only have to come near theirs
  whole.iterations = 100;
  whole.tolerance = 1e-6;
  cost::Calibration calibration = problem.fit(all.fits, whole);
  const std::vector<HeldOut> held = hold_out(problem, all, calibration, kOfIntervals);
  calibration.shares = shares_of(all.rows, held.front().residuals);   // what a machine nobody listed would see
  calibration.spreads = spreads_of(all, held);
  for (const Observation& o : observations) calibration.date = std::max(calibration.date, o.date);
  return calibration;
}

std::string effects_csv(const cost::Calibration& calibration) {
  std::string text = "effect,mean,sd,observations\n";
  for (const auto& [name, e] : calibration.effects)
    text += std::string(name) + "," + format_number(e.mean, 4) + "," + format_number(e.sd, 4) + "," + format_number(e.observations, 2) + "\n";
  return text;
}

std::string spreads_csv(const cost::Calibration& calibration) {
  std::string text = "group,low,high,rows\n";
  for (const auto& [name, s] : calibration.spreads)
    text += name + "," + format_number(s.low, 4) + "," + format_number(s.high, 4) + "," + format_number(s.rows, 0) + "\n";
  return text;
}

}  // namespace rigcast::calibration
