#include "calibration/evaluate.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <future>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/text.hpp"
#include "calibration/own.hpp"
#include "cost/spread.hpp"

namespace rigcast::calibration {
namespace {

constexpr int kFolds = 10;
constexpr double kImpossible = 1.4;   // times the roofline: more is a wrong row, not a fast card

// One Observation with what preparing it gave.
struct Case {
  Prepared prepared;
  bool understood = false;
  std::string reason;   // why not
  bool usable = true;
};

const char* number_group(double value, std::initializer_list<std::pair<double, const char*>> steps, const char* last) {
  for (const auto& [limit, name] : steps)
    if (value <= limit) return name;
  return last;
}

const char* depth_group(double depth) {
  return number_group(depth, {{512, "up to 512"}, {4096, "up to 4k"}, {16384, "up to 16k"}, {65536, "up to 64k"}}, "above 64k");
}

Groups groups_of(const Observation& o, const Prepared& p) {
  bool experts = false;
  for (const auto& stage : p.load->stages) experts |= stage.kind == cost::StageKind::experts;
  return {{"phase", p.speculative ? "speculative" : p.phase}, {"engine", p.engine}, {"backend", p.backend}, {"vendor", p.vendor},
          {"family", p.family}, {"device", p.device}, {"format", p.format}, {"layout", p.layout}, {"moe", experts ? "experts" : "dense"},
          {"source", p.source}, {"model", p.model}, {"devices", std::to_string(o.devices)},
          {"kind", (p.speculative ? "speculative" : p.phase) + " " + p.layout},
          {"depth", depth_group(p.depth)},
          {"size", number_group(p.file_bytes / 1e9, {{2, "up to 2 GB"}, {8, "up to 8 GB"}, {24, "up to 24 GB"}, {100, "up to 100 GB"}}, "above 100 GB")}};
}

// Into a Case that may have held another row.
void prepare_case(Configurator& configurator, const Observation& o, Case& c) {
  Prepared& p = c.prepared;
  c.understood = false;
  c.usable = true;
  c.reason.clear();
  const auto refuse = [&](std::string reason) {
    c.reason = std::move(reason);
    c.usable = false;
  };
  if (const auto prepared = configurator.prepare(o, p); !prepared) {
    refuse(to_text(prepared.error()));
    c.usable = prepared.error().kind == ErrorKind::not_found;   // a gap of ours; the others are other estimators' or broken rows
    return;
  }
  const double roof = p.bandwidth / std::max(1.0, p.active_bytes);
  if (o.phase == "decode" && p.sequences <= 1 && !p.speculative && !p.surrogate && p.is_rate && o.value > kImpossible * roof * (o.devices > 1 ? o.devices : 1))
    return refuse("impossible: " + format_significant(o.value, 3) + " tokens/s is above the roofline of " + format_significant(roof, 3));
  if ((p.phase == "serve" || p.phase == "prefill") && !p.speculative && !p.surrogate) {
    double least = 0;   // what weights, experts and cache take at the peak rates
    for (const cost::StageWork& w : p.work) {
      const auto kind = p.load->stages[static_cast<std::size_t>(w.stage)].kind;
      if (kind == cost::StageKind::weights || kind == cost::StageKind::experts || kind == cost::StageKind::kv) least += cost::seconds(*p.load, w);
    }
    if (least > kImpossible * p.measured_seconds)
      return refuse("impossible: bytes and arithmetic alone take " + format_significant(least / p.measured_seconds, 3) + " times as long at the peak rates: other conditions than printed");
  }
  c.understood = true;
}

std::string_view spread_phase(const Prepared& p) { return p.speculative ? "speculative" : std::string_view(p.phase); }

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
  std::shared_ptr<const Groups> groups(const Observation& o, const Prepared& p) {
    const std::pair<std::string, std::string_view> kind(spread_phase(p), depth_group(p.depth));
    auto found = groups_.find(kind);
    if (found == groups_.end()) found = groups_.emplace(kind, std::make_shared<const Groups>(groups_of(o, p))).first;
    return found->second;
  }

 private:
  const cost::Calibration& calibration_;
  cost::Load load_;
  cost::Grade grade_;
  std::map<std::string, cost::Spread, std::less<>> spreads_;
  std::map<std::pair<std::string, std::string_view>, std::shared_ptr<const Groups>> groups_;   // depths have names that stay
};

Prediction describe(const Observation& o, const Case& c, std::shared_ptr<const Groups> groups) {
  Prediction p;
  p.id = o.id;
  p.actual = o.value;
  p.metric = o.metric_name;
  p.reason = c.reason;
  p.usable = c.usable;
  if (!c.understood) return p;
  p.groups = std::move(groups);
  p.file_bytes = c.prepared.file_bytes;
  p.active_bytes = c.prepared.active_bytes;
  p.comparable = comparable(c.prepared);
  if (p.comparable)
    for (std::size_t k = 0; k < kPeers; ++k) p.peers[k] = peers()[k].decode(o, c.prepared);
  if (c.prepared.phase == "decode" && c.prepared.is_rate && !c.prepared.speculative)
    p.bandwidth_over_size = c.prepared.bandwidth / std::max(1.0, c.prepared.file_bytes);
  return p;
}

// In the metric of the row.
cost::Interval interval_of(const Prepared& p, double seconds, const cost::Spread& spread) {
  if (p.is_rate) {
    const double value = p.units / seconds;
    return {value * std::exp(spread.low), value, value * std::exp(spread.high)};
  }
  const double value = p.units * seconds;
  return {value * std::exp(-spread.high), value, value * std::exp(-spread.low)};
}

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
struct HeldOut { std::vector<double> residuals; std::vector<cost::Grade> grades; };

constexpr std::array kAllFolds{Fold::source, Fold::device, Fold::model};

// Every way of holding out, in the order of kAllFolds. Fits know nothing of each other: they run side by side, and each writes its own rows.
std::vector<HeldOut> hold_out_all(const FitProblem& problem, const Cases& all, const cost::Calibration& full, Watch* watch = nullptr) {
  std::vector<HeldOut> out(kAllFolds.size(), HeldOut{std::vector<double>(all.rows.size()), std::vector<cost::Grade>(all.rows.size())});
  std::vector<std::vector<int>> folds;
  for (const Fold fold : kAllFolds) folds.push_back(folds_of(all.rows, fold));
  const auto hold_out = [&](std::size_t way, int fold) {
    std::vector<char> use = all.fits;
    for (std::size_t i = 0; i < use.size(); ++i) use[i] = use[i] && folds[way][i] != fold;
    FitOptions options;
    options.iterations = 8;
    options.threads = 1;
    options.uncertainty = false;
    options.watch = watch;
    const cost::Calibration calibration = problem.fit(use, options, &full);
    const std::vector<double> residuals = problem.residuals(calibration);
    for (std::size_t i = 0; i < use.size(); ++i) {
      if (folds[way][i] != fold) continue;
      out[way].residuals[i] = residuals[i];
      out[way].grades[i] = cost::grade_of(*all.rows[i].load, calibration);
    }
  };
  std::atomic<int> next{0};
  const auto work = [&] {
    constexpr int kFits = kFolds * static_cast<int>(kAllFolds.size());
    for (int job = next++; job < kFits && !stopped(watch); job = next++) {
      if (watch) watch->tell(static_cast<double>(1 + job) / (1 + kFits));   // after the fit of all rows
      hold_out(static_cast<std::size_t>(job / kFolds), job % kFolds);
    }
  };
  std::vector<std::future<void>> helpers;
  for (unsigned i = 1; i < std::max(1U, std::thread::hardware_concurrency()); ++i) helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers) helper.get();
  return out;
}

double quantile(std::vector<double> values, double q) {
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = values.begin() + static_cast<std::ptrdiff_t>(at);   // and the next one behind it: no order is needed beyond these two
  std::nth_element(values.begin(), low, values.end());
  const auto high = low + 1 == values.end() ? low : std::min_element(low + 1, values.end());
  return *low + (at - std::floor(at)) * (*high - *low);
}

// Spreads of all groups with enough rows. Values are log(measured / predicted) as speeds.
void add_spreads(std::map<std::string, std::vector<double>>& values, const Cases& all, const HeldOut& held) {
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    if (!all.fits[i]) continue;
    const Prepared& p = all.rows[i];
    if (p.surrogate) continue;   // a shape guessed from a parameter count misses by the guess, which a known model does not
    for (const std::string& key : cost::spread_keys(*p.load, p.speculative ? "speculative" : p.phase, held.grades[i]))
      values[key].push_back(held.residuals[i]);
  }
}

std::map<std::string, cost::Spread, std::less<>> spreads_of(const std::map<std::string, std::vector<double>>& values) {
  std::map<std::string, cost::Spread, std::less<>> spreads;
  for (const auto& [key, v] : values)
    if (v.size() >= 60)   // a tenth of fewer rows is a handful: their tail would be an anecdote
      spreads[key] = {std::min(-0.02, quantile(v, 0.1)), std::max(0.02, quantile(v, 0.9)), static_cast<double>(v.size())};
  return spreads;
}

}  // namespace

double Prediction::error() const {
  if (!predicted || predicted->p50 <= 0 || actual <= 0) return 0;
  const bool time = metric.size() > 3 && metric.substr(metric.size() - 3) == "_ms";
  return time ? actual / predicted->p50 - 1 : predicted->p50 / actual - 1;
}

bool Prediction::covered() const { return predicted && actual >= predicted->p10 && actual <= predicted->p90; }

std::optional<Fold> fold_of(std::string_view name) {
  if (name == "device") return Fold::device;
  if (name == "model") return Fold::model;
  if (name == "source") return Fold::source;
  return std::nullopt;
}

std::string_view Prediction::group(std::string_view name) const {
  if (!groups) return {};
  const auto found = groups->find(name);
  return found == groups->end() ? std::string_view() : std::string_view(found->second);
}

namespace {

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
  Evaluator(const catalog::Catalog& catalog, const cost::Calibration& calibration, const rig::Host* host) : calibration_(calibration), configurator_(catalog) {
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
    Prediction p = describe(o, case_, answers.groups(o, prepared));
    p.grade = answers.grade();
    p.predicted = interval_of(prepared, cost::seconds(answers.load(), prepared.work), answers.spread(spread_phase(prepared)));
    return p;
  }

  const cost::Calibration& calibration_;
  Configurator configurator_;
  Case case_;   // of the row at hand: its texts and lists keep their room
  std::unordered_map<const cost::Load*, Answers> answers_;   // of loads that live in the configurator
};

}  // namespace

Evaluation evaluate(const catalog::Catalog& catalog, const cost::Calibration& calibration, const std::vector<Observation>& observations, const rig::Host* host,
                    Watch* watch) {
  constexpr std::size_t kWorthAHelper = 500;
  Evaluation out;
  out.rows.resize(observations.size());
  const std::vector<std::vector<std::size_t>> runs = runs_of(observations);
  std::atomic<std::size_t> next = 0, done = 0;
  const auto work = [&] {
    Evaluator evaluator(catalog, calibration, host);
    for (std::size_t run = next++; run < runs.size() && !stopped(watch); run = next++) {
      evaluator.evaluate(observations, runs[run], out.rows);
      const std::size_t all = done += runs[run].size();
      if (watch) watch->tell(static_cast<double>(all) / static_cast<double>(observations.size()));
    }
  };
  std::vector<std::future<void>> helpers;
  for (std::size_t i = 1; i < std::min<std::size_t>(observations.size() / kWorthAHelper, std::max(1U, std::thread::hardware_concurrency())); ++i)
    helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers) helper.get();
  return out;
}

Evaluation cross_validate(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations, Fold fold, Watch* watch) {
  const Cases all = prepare_all(catalog, observations, watch);
  if (stopped(watch)) return {};
  const FitProblem problem(all.rows, all.weights, priors);
  FitOptions options;
  options.uncertainty = false;
  options.watch = watch;
  const cost::Calibration full = problem.fit(all.fits, options);
  const std::vector<HeldOut> held = hold_out_all(problem, all, full, watch);
  if (stopped(watch)) return {};
  std::map<std::string, std::vector<double>> values;
  for (const HeldOut& way : held) add_spreads(values, all, way);
  const HeldOut& mine = held[static_cast<std::size_t>(std::find(kAllFolds.begin(), kAllFolds.end(), fold) - kAllFolds.begin())];
  cost::Calibration intervals;
  intervals.spreads = spreads_of(values);
  Evaluation out;
  std::size_t row = 0;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Case& c = all.cases[i];
    Prediction p = describe(observations[i], c, c.understood ? std::make_shared<const Groups>(groups_of(observations[i], c.prepared)) : nullptr);
    if (c.understood) {
      p.grade = mine.grades[row];
      p.predicted = interval_of(c.prepared, c.prepared.measured_seconds * std::exp(mine.residuals[row]), cost::spread_of(*c.prepared.load, spread_phase(c.prepared), p.grade, intervals));
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
  const std::vector<HeldOut> held = hold_out_all(problem, all, calibration);
  std::map<std::string, std::vector<double>> values;
  for (const HeldOut& way : held) add_spreads(values, all, way);
  calibration.shares = shares_of(all.rows, held.front().residuals);   // what a machine nobody listed would see
  calibration.spreads = spreads_of(values);
  for (const Observation& o : observations) calibration.date = std::max(calibration.date, o.date);
  return calibration;
}

std::vector<Score> score(const Evaluation& evaluation, std::string_view by) {
  std::map<std::string, std::vector<const Prediction*>, std::less<>> groups;
  for (const Prediction& p : evaluation.rows) {
    if (!p.usable) continue;
    if (by.empty()) { groups["all"].push_back(&p); continue; }
    if (by == "grade") { groups[p.predicted ? cost::to_string(p.grade) : "none"].push_back(&p); continue; }
    const std::string_view name = p.groups && p.groups->contains(by) ? p.group(by) : "unknown";
    auto group = groups.find(name);
    if (group == groups.end()) group = groups.emplace(name, std::vector<const Prediction*>()).first;
    group->second.push_back(&p);
  }
  std::vector<Score> scores;
  for (const auto& [name, rows] : groups) {
    Score s{.group = name, .rows = static_cast<int>(rows.size())};
    std::vector<double> errors, absolute;
    int covered = 0;
    for (const Prediction* p : rows) {
      if (!p->predicted) continue;
      errors.push_back(p->error());
      absolute.push_back(std::abs(p->error()));
      covered += p->covered() ? 1 : 0;
    }
    s.predicted = static_cast<int>(errors.size());
    if (!errors.empty()) {
      s.median = quantile(absolute, 0.5);
      s.p90 = quantile(absolute, 0.9);
      s.bias = quantile(errors, 0.5);
      s.coverage = static_cast<double>(covered) / s.predicted;
    }
    scores.push_back(std::move(s));
  }
  std::stable_sort(scores.begin(), scores.end(), [](const Score& a, const Score& b) { return a.rows > b.rows; });
  return scores;
}

std::vector<PeerScore> score_peers(const Evaluation& evaluation) {
  std::vector<PeerScore> scores;
  const auto add = [&](const char* name, const char* formula, const std::string& kind, bool common, std::vector<double> errors) {
    if (errors.empty()) return;
    PeerScore s{name, formula, kind, static_cast<int>(errors.size()), 0, 0, quantile(errors, 0.5), common};
    for (double& e : errors) e = std::abs(e);
    s.median = quantile(errors, 0.5);
    s.p90 = quantile(errors, 0.9);
    scores.push_back(std::move(s));
  };
  for (const bool common : {true, false})
    for (const std::string kind : {"all", "dense", "experts"}) {
      std::vector<double> ours;
      std::array<std::vector<double>, kPeers> theirs;
      for (const Prediction& p : evaluation.rows) {
        if (!p.usable || !p.predicted || !p.comparable || (kind != "all" && p.group("moe") != kind)) continue;
        // gguf-parser says nothing of mixtures: it is left out of what all must predict there.
        const bool all = std::all_of(p.peers.begin(), p.peers.end() - (p.group("moe") == "experts" ? 1 : 0), [](const auto& peer) { return peer.has_value(); });
        if (common && !all) continue;
        ours.push_back(p.error());
        for (std::size_t k = 0; k < kPeers; ++k)
          if (p.peers[k]) theirs[k].push_back(*p.peers[k] / p.actual - 1);
      }
      const std::size_t rows = ours.size();
      add("rigcast", "", kind, common, std::move(ours));
      for (std::size_t k = 0; k < kPeers; ++k)
        if (!common || theirs[k].size() == rows) add(peers()[k].name, peers()[k].formula, kind, common, std::move(theirs[k]));
    }
  return scores;
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
