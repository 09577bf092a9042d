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
    options.iterations = 20;   // `full` knows the rows of this fold: a fit that ends early still remembers them
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

// What the fits of kOfIntervals, which `held` begins with, said of a row they had not seen.
struct Unseen { const Prepared* row = nullptr; cost::Grade grade = cost::Grade::near; double miss = 0; };

// Without the rows of fold `without` of `mine`.
std::vector<Unseen> unseen_rows(const Cases& all, const std::vector<HeldOut>& held, const HeldOut* mine, int without) {
  std::vector<Unseen> out;
  for (std::size_t way = 0; way < kOfIntervals.size(); ++way)
    for (std::size_t i = 0; i < all.rows.size(); ++i) {
      // A shape guessed from a parameter count misses by the guess, which a known model does not.
      if (!all.fits[i] || all.rows[i].surrogate || (mine && mine->folds[i] == without)) continue;
      out.push_back({&all.rows[i], held[way].grades[i], held[way].residuals[i]});
    }
  return out;
}

void add_spreads(cost::Calibration& to, const std::vector<Unseen>& rows) {
  std::map<std::string, std::vector<Miss>> groups;
  for (const Unseen& u : rows)
    for (const std::string& key : cost::spread_keys(*u.row->load, spread_phase(*u.row), u.grade)) groups[key].push_back({u.miss, u.row->source});
  for (auto& [key, misses] : groups)
    if (const auto spread = spread_of_misses(std::move(misses))) to.spreads[key] = *spread;
}

// One kind of trait after the other: what a chip family explains is no longer asked of the format.
void add_widths(cost::Calibration& to, const std::vector<Unseen>& rows) {
  using Keys = decltype(cost::width_keys({}, {}));
  struct Side { Keys keys; double outside; std::string_view source; };   // outside: log(|miss| / side of its interval)
  std::vector<Side> sides;
  for (const Unseen& u : rows) {
    const std::string_view phase = spread_phase(*u.row);
    const cost::Spread spread = cost::spread_of(*u.row->load, phase, u.grade, to);
    const double share = u.miss < 0 ? u.miss / spread.low : u.miss / spread.high;
    sides.push_back({cost::width_keys(*u.row->load, phase), std::log(std::max(share, 1e-3)), u.row->source});
  }
  for (std::size_t kind = 0; kind < std::tuple_size_v<Keys>; ++kind) {
    std::map<std::string_view, std::vector<Miss>> groups;
    for (const Side& side : sides) groups[side.keys[kind]].push_back({side.outside, side.source});
    for (auto& [key, misses] : groups)
      if (const auto width = width_of_misses(std::move(misses))) to.widths[std::string(key)] = *width;
    for (Side& side : sides)
      if (const auto width = to.widths.find(side.keys[kind]); width != to.widths.end()) side.outside -= std::log(width->second.factor);
  }
}

// Finds spreads, then widths, of which there are none yet. Rows of fold `without` of `mine` are not asked.
void measure_intervals(cost::Calibration& of, const Cases& all, const std::vector<HeldOut>& held, const HeldOut* mine = nullptr, int without = 0) {
  const std::vector<Unseen> rows = unseen_rows(all, held, mine, without);
  add_spreads(of, rows);
  add_widths(of, rows);
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
  for (int k = 0; k < kFolds; ++k) measure_intervals(intervals[static_cast<std::size_t>(k)], all, held, &mine, k);
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
  FitOptions whole;   // what is committed is the maximum itself
  whole.iterations = 300;
  whole.tolerance = 1e-7;
  cost::Calibration calibration = problem.fit(all.fits, whole);
  const std::vector<HeldOut> held = hold_out(problem, all, calibration, kOfIntervals);
  calibration.shares = shares_of(all.rows, held.front().residuals);   // what a machine nobody listed would see
  measure_intervals(calibration, all, held);
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

std::string widths_csv(const cost::Calibration& calibration) {
  std::string text = "trait,factor,rows\n";
  for (const auto& [name, w] : calibration.widths) text += name + "," + format_number(w.factor, 4) + "," + format_number(w.rows, 0) + "\n";
  return text;
}

}  // namespace rigcast::calibration
