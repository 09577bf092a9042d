#include "calibration/own.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "calibration/detail/names.hpp"
#include "calibration/evaluate.hpp"
#include "cost/spread.hpp"

namespace rigcast::calibration {
namespace {

// How rows of one machine are believed; held-out machines of the Observations chose these (`evaluate --cross-validate`, own_check).
constexpr double kMachineDegrees = 2, kRestDegrees = 4;   // of belief in the usual spreads: few, since some machines are far from all others
constexpr double kTails = 3;               // shares tell the middle of machines, whose variance is this much larger
constexpr double kEightTenths = 0.85;      // ends of the 80 % interval of long-tailed answers, in those of a normal distribution of their variance
constexpr std::size_t kMostGroups = 24;    // models of one machine; more would only cost time
constexpr double kDeciles = 2 * 1.2816;    // standard deviations between the ends of an 80 % interval
constexpr std::size_t kMostRows = 200;     // newest rows of one machine; more would only cost time
constexpr std::size_t kShown = 3;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Distances between any two values, each as large as one deviation from their mean would be.
void add_pairs(const std::vector<double>& values, std::vector<double>& distances) {
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = i + 1; j < values.size(); ++j) distances.push_back(std::abs(values[i] - values[j]) / std::sqrt(2));
}

struct Vote { double value = 0, weight = 1; };
using Votes = std::vector<Vote>;

double quantile(Votes votes, double share) {
  std::sort(votes.begin(), votes.end(), [](const Vote& a, const Vote& b) { return a.value < b.value; });
  double all = 0, sum = 0;
  for (const Vote& vote : votes) all += vote.weight;
  for (const Vote& vote : votes)
    if ((sum += vote.weight) >= share * all) return vote.value;
  return votes.empty() ? 0 : votes.back().value;
}

std::string model_of(const Prediction& p) {
  return std::string(p.group("model")).append("|").append(p.group("format"));
}

bool near(double a, double b) { return std::abs(a - b) <= 0.01 * b; }   // as near as a recipe comes to a file; Llama 3.1 8B and Qwen3 8B are 2 % apart

// The same name and format, or the same bytes: benchmarks print a model's kind and size rather than its name.
bool is_model(const Prediction& p, const OwnQuestion& q, const std::string& wanted) {
  return model_of(p) == wanted || (near(p.file_bytes, q.architecture.weight_bytes().value()) && near(p.active_bytes, q.load.active_bytes));
}

// Rows that may be of the machine: names are cheap to compare, layouts are not.
std::vector<Observation> of_device(const catalog::Catalog& catalog, const OwnLog& log, const OwnQuestion& q) {
  std::map<std::string, bool> known;
  std::vector<Observation> rows;
  for (const Observation& o : log.rows) {
    if (o.phase != "decode" && o.phase != "prefill") continue;
    const auto [found, added] = known.emplace(o.device + "|" + o.device_printed + "|" + std::to_string(o.devices) + "|" + o.mode + "|" + format_shortest(o.memory_gb), false);
    if (added) {
      const auto stated = detail::stated_of(catalog, o);
      found->second = stated && stated->unlike.empty() && stated->count == q.devices && (!stated->device || stated->device->key == q.device);   // a processor's name is resolved with its layout
    }
    if (found->second) rows.push_back(o);
  }
  if (rows.size() > kMostRows) rows.erase(rows.begin(), rows.end() - kMostRows);
  return rows;
}

bool same_machine(const Prediction& p, const OwnQuestion& q) {
  return p.groups && p.group("device") == q.device && p.group("engine") == q.load.engine && p.group("backend") == q.load.backend &&
         p.group("layout") == cost::layout_of(q.load);
}

double spread_sd(const cost::Calibration& calibration, const cost::Load& load, std::string_view phase) {
  const cost::Spread spread = cost::spread_of(load, phase, cost::grade_of(load, calibration), calibration);
  return (spread.high - spread.low) / kDeciles;
}

cost::Shares shares_for(const cost::Calibration& calibration, std::string_view phase) {
  const auto found = calibration.shares.find(phase);
  cost::Shares shares = found == calibration.shares.end() ? cost::Shares{} : found->second;
  shares.machine *= kTails;
  return shares;
}

}  // namespace

OwnLog read_own(std::string_view csv, std::string_view file) {
  OwnLog log;
  auto read = read_csv(csv, file);
  if (!read) {
    log.unread = static_cast<int>(std::count(csv.begin(), csv.end(), '\n'));
    return log;
  }
  log.rows = std::move(read->rows);
  log.unread = static_cast<int>(read->unread.size());
  return log;
}

namespace {

// Own rows of one model in one format, as one: their mean, and how many rows' worth of evidence it is.
struct Group { std::string_view model, format; double mean = 0, weight = 0; };

// The format in "model|format": kernels belong to formats, and what a kernel does to one model it does to others.
std::string_view format_of(std::string_view model) {
  const std::size_t bar = model.rfind('|');
  return bar == std::string_view::npos ? std::string_view() : model.substr(bar + 1);
}

std::vector<Group> groups_of(const std::vector<OwnRow>& rows) {
  std::map<std::string_view, Group> by_model;
  for (const OwnRow& row : rows) {
    if (row.weight <= 0) continue;
    Group& group = by_model[row.model];
    group.model = row.model;
    group.format = format_of(row.model);
    group.mean += row.weight * row.residual;
    group.weight += row.weight;
  }
  std::vector<Group> groups;
  for (auto& [name, group] : by_model) {
    group.mean /= group.weight;
    groups.push_back(group);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.weight > b.weight; });
  if (groups.size() > kMostGroups) groups.resize(kMostGroups);
  return groups;
}

using Matrix = std::vector<std::vector<double>>;

// K = L L^T of a positive definite matrix, in place.
void factorise(Matrix& k) {
  for (std::size_t i = 0; i < k.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = k[i][j];
      for (std::size_t m = 0; m < j; ++m) sum -= k[i][m] * k[j][m];
      k[i][j] = i == j ? std::sqrt(sum) : sum / k[j][j];
    }
}

// L x = b.
std::vector<double> solve(const Matrix& l, std::vector<double> b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    for (std::size_t m = 0; m < i; ++m) b[i] -= l[i][m] * b[m];
    b[i] /= l[i][i];
  }
  return b;
}

// What groups say of a model, where machines differ `machine` times and models and rows `rest` times as much as usual.
struct Answer { double log_likelihood = 0, mean = 0, variance = 0; };

struct Variances { double machine = 0, format = 0, model = 0, row = 0; };

Answer answer(const std::vector<Group>& groups, std::string_view model, const Variances& v) {
  const auto shared = [&](std::string_view a, std::string_view b) {
    const std::string_view format = format_of(a);
    return v.machine + (!format.empty() && format == format_of(b) ? v.format : a == b ? v.format : 0) + (a == b ? v.model : 0);
  };
  const std::size_t n = groups.size();
  Matrix k(n, std::vector<double>(n));
  std::vector<double> mine(n), means(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) k[i][j] = shared(groups[i].model, groups[j].model);
    k[i][i] += v.row / groups[i].weight;
    mine[i] = shared(groups[i].model, model);
    means[i] = groups[i].mean;
  }
  factorise(k);
  const std::vector<double> z = solve(k, std::move(means)), y = solve(k, std::move(mine));
  Answer out{0, 0, v.machine + v.format + v.model};
  for (std::size_t i = 0; i < n; ++i) {
    out.log_likelihood -= 0.5 * z[i] * z[i] + std::log(k[i][i]);
    out.mean += y[i] * z[i];
    out.variance -= y[i] * y[i];
  }
  return out;
}

// How many times the usual variance one machine's may be: inverse chi-squared with kDegrees, on a grid of factors of e.
struct Scale { double factor = 1, belief = 0; };

std::vector<Scale> scales(double degrees) {
  std::vector<Scale> out;
  double sum = 0;
  for (int step = -4; step <= 5; ++step) {
    const double factor = std::exp(step), belief = std::exp(-0.5 * degrees * (step + 1 / factor));
    out.push_back({factor, belief});
    sum += belief;
  }
  for (Scale& scale : out) scale.belief /= sum;
  return out;
}

}  // namespace

cost::OwnEffect own_effect(const std::vector<OwnRow>& rows, std::string_view model, double sd, const cost::Shares& shares) {
  cost::OwnEffect effect;
  const std::vector<Group> groups = groups_of(rows);
  if (groups.empty() || sd <= 0) return effect;
  double weight = 0, residual = 0;
  for (const OwnRow& row : rows) {
    if (row.weight <= 0) continue;
    ++effect.rows;
    weight += row.weight;
    residual += row.weight * row.residual;
  }
  effect.says = std::exp(residual / weight);
  constexpr double kLeast = 1e-6;   // a share of nothing would divide by nothing
  const double all = sd * sd;
  const Variances usual{std::max(kLeast, shares.machine) * all, 0.5 * shares.model * all, 0.5 * shares.model * all, std::max(kLeast, shares.row) * all};
  static const std::vector<Scale> machines = scales(kMachineDegrees), rests = scales(kRestDegrees);
  std::vector<std::pair<double, Answer>> answers;   // logarithm of belief; answer with the row's own variance
  double most = -std::numeric_limits<double>::infinity();
  for (const Scale& machine : machines)
    for (const Scale& rest : rests) {
      Answer one = answer(groups, model, {machine.factor * usual.machine, rest.factor * usual.format, rest.factor * usual.model, rest.factor * usual.row});
      one.variance += rest.factor * usual.row;
      answers.emplace_back(std::log(machine.belief * rest.belief) + one.log_likelihood, one);
      most = std::max(most, answers.back().first);
    }
  double sum = 0, mean = 0, square = 0;
  for (const auto& [log_belief, one] : answers) {
    const double belief = std::exp(log_belief - most);
    sum += belief;
    mean += belief * one.mean;
    square += belief * (one.variance + one.mean * one.mean);
  }
  mean /= sum;
  effect.applied = std::exp(mean);
  effect.narrowing = kEightTenths * std::sqrt((square / sum - mean * mean) / all);
  return effect;
}

Own own_of(const catalog::Catalog& catalog, const cost::Calibration& calibration, const OwnLog& log, const OwnQuestion& q) {
  Own own;
  own.effects.unread = log.unread;
  const std::vector<Observation> rows = of_device(catalog, log, q);
  if (rows.empty()) return own;
  const Evaluation evaluation = evaluate(catalog, calibration, rows, q.host);
  const std::string wanted = q.architecture.key + "|" + q.load.format;
  std::vector<OwnRow> decode, prefill;
  std::vector<std::size_t> shown;       // the same model first, else in the order of the log
  std::ptrdiff_t same_rows = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prediction& p = evaluation.rows[i];
    if (!p.predicted || p.error() <= -1 || !same_machine(p, q)) continue;
    const std::string_view phase = p.group("phase");
    if (phase != "decode" && phase != "prefill") continue;
    const bool same = is_model(p, q, wanted);
    (phase == "decode" ? decode : prefill).push_back({same ? wanted : model_of(p), -std::log1p(p.error()), trust(rows[i])});
    if (phase != "decode" || rows[i].metric != Metric::tokens_per_second) continue;
    own.same_model |= same;
    shown.insert(same ? shown.begin() + same_rows++ : shown.end(), i);
  }
  own.effects.decode = own_effect(decode, wanted, spread_sd(calibration, q.load, "decode"), shares_for(calibration, "decode"));
  own.effects.prefill = own_effect(prefill, wanted, spread_sd(calibration, q.load, "prefill"), shares_for(calibration, "prefill"));
  for (std::size_t k = 0; k < std::min(kShown, shown.size()); ++k) {
    const Observation& o = rows[shown[k]];
    own.evidence.push_back({o.id, o.device_printed.empty() ? o.device : o.device_printed, o.engine, o.backend, o.model.empty() ? o.model_printed : o.model, o.quant,
                            o.source.empty() ? "your own log" : o.source, o.date, o.value, evaluation.rows[shown[k]].predicted->p50, o.note, o.devices});
  }
  return own;
}

std::vector<OwnCheck> check_own(const Evaluation& held_out, const cost::Calibration& calibration) {
  constexpr std::size_t kAsked = 6;
  struct Member { std::string model; double residual = 0, low = 0, high = 0; };   // logarithms, as speeds
  std::map<std::string, std::map<std::string, std::vector<Member>>> phases;
  for (const Prediction& p : held_out.rows) {
    if (!p.predicted || p.error() <= -1 || !p.groups) continue;
    std::string machine;
    for (const char* group : {"source", "device", "devices", "engine", "backend", "layout"}) machine.append(p.group(group)).append("|");
    Member member{model_of(p), -std::log1p(p.error()), std::log(p.predicted->p10 / p.predicted->p50), std::log(p.predicted->p90 / p.predicted->p50)};
    if (p.metric.ends_with("_ms")) member = {member.model, member.residual, -member.high, -member.low};
    phases[std::string(p.group("phase"))][machine].push_back(std::move(member));
  }
  std::vector<OwnCheck> checks;
  for (const char* phase : {"decode", "prefill"})
    for (const bool same_model : {true, false})
      for (const int own_rows : {1, 3}) {
        OwnCheck check{phase, same_model, own_rows};
        std::vector<double> before, after;
        int held_before = 0, held_after = 0;
        for (const auto& [name, members] : phases[phase])
          for (std::size_t asked = 0; asked < std::min(kAsked, members.size()); ++asked) {
            const std::size_t target = asked * members.size() / std::min(kAsked, members.size());
            const Member& t = members[target];
            std::vector<OwnRow> pool, own;
            for (std::size_t i = 0; i < members.size(); ++i)
              if (i != target && (members[i].model == t.model) == same_model) pool.push_back({members[i].model, members[i].residual, 1});
            if (pool.size() < static_cast<std::size_t>(own_rows)) continue;
            for (std::size_t k = 0; k < static_cast<std::size_t>(own_rows); ++k) own.push_back(pool[(target + k * pool.size() / static_cast<std::size_t>(own_rows)) % pool.size()]);
            const cost::OwnEffect effect = own_effect(own, t.model, (t.high - t.low) / kDeciles, shares_for(calibration, phase));
            const double left = t.residual - std::log(effect.applied);
            before.push_back(std::abs(std::expm1(-t.residual)));
            after.push_back(std::abs(std::expm1(-left)));
            held_before += t.residual >= t.low && t.residual <= t.high ? 1 : 0;
            held_after += left >= t.low * effect.narrowing && left <= t.high * effect.narrowing ? 1 : 0;
          }
        if (before.empty()) continue;
        check.rows = static_cast<int>(before.size());
        check.median_before = median(before);
        check.median_after = median(after);
        check.coverage_before = static_cast<double>(held_before) / check.rows;
        check.coverage_after = static_cast<double>(held_after) / check.rows;
        checks.push_back(std::move(check));
      }
  return checks;
}

std::map<std::string, cost::Shares, std::less<>> shares_of(const std::vector<Prepared>& rows, const std::vector<double>& residuals) {
  struct Machine { std::vector<double> residuals; std::map<std::string, std::vector<double>> models; };
  std::map<std::string, std::map<std::string, Machine>> phases;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prepared& p = rows[i];
    if (p.speculative || p.surrogate) continue;
    Machine& machine = phases[p.phase][p.source + "|" + p.device + "|" + p.engine + "|" + p.backend + "|" + p.layout];
    machine.residuals.push_back(residuals[i]);
    machine.models[p.model + "|" + p.format].push_back(residuals[i]);
  }
  // The middle of machines, the tails of what differs on one machine: residuals have long tails there, and an interval is about tails.
  // Each machine has one vote: a sweep of hundreds of rows says no more than one row.
  constexpr double kMiddle = 0.6745, kTail = 1.6449;   // |x| of a normal distribution at its median and at 0.9, in standard deviations
  std::map<std::string, cost::Shares, std::less<>> shares;
  for (const auto& [phase, machines] : phases) {
    Votes between, apart, together;
    for (const auto& [name, machine] : machines) {
      between.push_back({std::abs(median(machine.residuals)), 1});
      std::vector<double> centres, same, different;
      for (const auto& [model, values] : machine.models) {
        centres.push_back(median(values));
        add_pairs(values, same);
      }
      add_pairs(centres, different);
      for (const double distance : same) together.push_back({distance, 1 / static_cast<double>(same.size())});
      for (const double distance : different) apart.push_back({distance, 1 / static_cast<double>(different.size())});
    }
    constexpr std::size_t kEnough = 20;
    if (between.size() < kEnough || apart.size() < kEnough || together.size() < kEnough) continue;
    const auto variance = [](double distance, double deviations) { return distance * distance / (deviations * deviations); };
    const double all = variance(quantile(std::move(between), 0.5), kMiddle), row = variance(quantile(std::move(together), 0.9), kTail);
    const double model = std::max(0.0, variance(quantile(std::move(apart), 0.9), kTail) - row / 2);   // a centre of few rows keeps about half their variance
    const double machine = std::max(0.1 * all, all - model - row);
    const double sum = row + model + machine;
    shares[phase] = {machine / sum, model / sum, row / sum};
  }
  return shares;
}

std::string shares_csv(const cost::Calibration& calibration) {
  std::string text = "phase,machine,model,row\n";
  for (const auto& [phase, s] : calibration.shares)
    text += phase + "," + format_number(s.machine, 3) + "," + format_number(s.model, 3) + "," + format_number(s.row, 3) + "\n";
  return text;
}

}  // namespace rigcast::calibration
