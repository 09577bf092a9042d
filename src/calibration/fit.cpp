#include "calibration/fit.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "calibration/detail/fit_row.hpp"
#include "calibration/detail/posterior.hpp"
#include "calibration/detail/sums.hpp"

namespace rigcast::calibration {

using detail::Exponents, detail::Part, detail::Row;

namespace {

bool of_source(std::string_view effect) { return effect.substr(0, 7) == "source|"; }

}  // namespace

struct FitProblem::Compiled {
  std::vector<std::string> names;
  std::vector<std::size_t> in_order;   // of the names: a Calibration takes them so
  std::vector<cost::Effect> priors;
  std::vector<Row> rows;
  detail::Sums sums;                   // over rows that weigh anything
  std::vector<Row> in_sums;            // these rows; of the others nothing
  std::optional<detail::Posterior> posterior;

  std::mutex mutex;                                      // guards what follows
  std::shared_ptr<const detail::Factor> factor;   // of the first fit's curvature: near enough to that of fewer rows
};

FitProblem::FitProblem(const std::vector<Prepared>& rows, const std::vector<double>& weights, const Priors& priors)
    : compiled_(std::make_unique<Compiled>()) {
  std::unordered_map<std::string, int> numbers;
  std::unordered_map<const cost::Load*, std::vector<Exponents>> paths;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Prepared& p = rows[i];
    auto found = paths.find(p.load.get());
    if (found == paths.end()) {
      std::vector<Exponents> all;
      for (const cost::Path& path : p.load->paths) {
        Exponents& e = all.emplace_back();
        for (const cost::Factor& factor : path.factors) {
          const auto [number, added] = numbers.emplace(factor.effect, static_cast<int>(compiled_->names.size()));
          if (added) {
            compiled_->names.emplace_back(factor.effect);
            compiled_->priors.push_back(priors.of(compiled_->names.back()));
          }
          e.emplace_back(number->second, factor.exponent);
        }
      }
      found = paths.emplace(p.load.get(), std::move(all)).first;
    }
    Row row;
    row.log_measured = std::log(p.measured_seconds);
    row.weight = weights[i];
    row.runs_ahead = cost::runs_ahead(*p.load, p.work);
    std::unordered_map<int, int> local;
    const auto localise = [&](int path) {
      Exponents e;
      if (path < 0) return e;
      for (const auto& [global, x] : found->second[static_cast<std::size_t>(path)]) {
        const auto [slot, added] = local.emplace(global, static_cast<int>(row.effects.size()));
        if (added) row.effects.push_back(global);
        e.emplace_back(slot->second, x);
      }
      return e;
    };
    // Amount over peak, the effects and the roof of one side of a Part.
    const auto side = [&](int path, double amount, double& seconds, double& roof, Exponents& effects) {
      if (path < 0) return;
      const cost::Path& of = p.load->paths[static_cast<std::size_t>(path)];
      seconds = amount / of.peak;
      roof = of.log_roof();
      effects = localise(path);
    };
    for (const cost::StageWork& w : p.work) {
      Part part;
      part.in_turn = w.in_turn;
      part.side = cost::side_of(*p.load, p.load->stages[static_cast<std::size_t>(w.stage)].kind);
      side(w.memory, w.bytes, part.memory, part.memory_roof, part.memory_effects);
      side(w.compute, w.flop, part.compute, part.compute_roof, part.compute_effects);
      part.also_effects = localise(w.also);
      row.parts.push_back(std::move(part));
    }
    compiled_->rows.push_back(std::move(row));
  }
  compiled_->in_order.resize(compiled_->names.size());
  std::iota(compiled_->in_order.begin(), compiled_->in_order.end(), std::size_t{0});
  std::sort(compiled_->in_order.begin(), compiled_->in_order.end(), [this](std::size_t a, std::size_t b) { return compiled_->names[a] < compiled_->names[b]; });
  std::vector<char> weighs;
  for (const Row& row : compiled_->rows) weighs.push_back(row.weight > 0);
  compiled_->sums = detail::sums_of(compiled_->rows, weighs, compiled_->priors);
  for (std::size_t i = 0; i < compiled_->rows.size(); ++i) compiled_->in_sums.push_back(weighs[i] ? detail::in_sums(compiled_->rows[i], compiled_->sums) : Row{});
  compiled_->posterior.emplace(compiled_->in_sums, compiled_->sums.priors);
}

FitProblem::~FitProblem() = default;

cost::Calibration FitProblem::fit(const std::vector<char>& rows, const FitOptions& options, const cost::Calibration* start) const {
  Compiled& c = *compiled_;
  const detail::Sums& sums = c.sums;
  std::vector<char> use = rows;
  std::vector<double> seen(c.names.size(), 0.0);   // by effect: weight of the rows used that have it
  for (std::size_t i = 0; i < use.size(); ++i) {
    use[i] = use[i] && c.rows[i].weight > 0;
    for (const int effect : c.rows[i].effects) seen[static_cast<std::size_t>(effect)] += use[i] ? c.rows[i].weight : 0;
  }
  Eigen::VectorXd theta = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(sums.first.size()));
  for (std::size_t i = 0; i < c.names.size(); ++i) {
    if (sums.sum_of[i] == detail::kUnseen) continue;
    const cost::Effect* found = start ? start->effects.find(c.names[i]) : nullptr;
    theta[sums.sum_of[i]] += sums.share[i] * (found ? found->mean : c.priors[i].mean);
  }
  std::shared_ptr<const detail::Factor> factor;
  if (const std::lock_guard lock(c.mutex); c.factor) factor = c.factor;
  const detail::Posterior::Limits limits{options.sigma, options.iterations, options.tolerance, static_cast<std::size_t>(options.threads), options.watch};
  if (!start) {   // first by a scatter so wide that no row is given up before the others have been heard
    constexpr double kWider = 3, kRoughly = 1e-3;
    detail::Posterior::Limits wide = limits;
    wide.sigma *= kWider;
    wide.tolerance = kRoughly;
    c.posterior->climb(theta, use, wide, factor);
  }
  c.posterior->climb(theta, use, limits, factor);
  const Eigen::VectorXd variances = options.uncertainty ? c.posterior->variances(theta, use, limits, factor) : Eigen::VectorXd();
  if (const std::lock_guard lock(c.mutex); !c.factor) c.factor = factor;

  cost::Calibration calibration;
  for (const std::size_t i : c.in_order) {
    const cost::Effect& prior = c.priors[i];
    if ((seen[i] <= 0 && prior.mean == 0) || of_source(c.names[i])) continue;
    cost::Effect effect{prior.mean, prior.sd, seen[i]};
    if (seen[i] > 0) {
      const auto sum = sums.sum_of[i];
      const cost::Effect& whole = sums.priors[static_cast<std::size_t>(sum)];
      const double part = sums.share[i] * prior.sd * prior.sd / (whole.sd * whole.sd);
      effect.mean += part * (theta[sum] - whole.mean);
      if (options.uncertainty) effect.sd = std::sqrt(std::max(0.0, prior.sd * prior.sd - part * part * (whole.sd * whole.sd - variances[sum])));
    }
    calibration.effects[c.names[i]] = effect;
  }
  return calibration;
}

std::vector<double> FitProblem::residuals(const cost::Calibration& calibration) const {
  const Compiled& c = *compiled_;
  std::vector<double> theta(c.names.size(), 0.0);
  for (std::size_t i = 0; i < theta.size(); ++i) {
    if (of_source(c.names[i])) continue;
    const cost::Effect* found = calibration.effects.find(c.names[i]);
    theta[i] = found ? found->mean : c.priors[i].mean;
  }
  std::vector<double> out;
  std::vector<double> own;
  for (const Row& row : c.rows) {
    own.clear();
    for (const int effect : row.effects) own.push_back(theta[static_cast<std::size_t>(effect)]);
    out.push_back(detail::log_time(row, own.data(), nullptr) - row.log_measured);
  }
  return out;
}

std::vector<double> row_weights(const std::vector<Prepared>& rows, const std::vector<double>& own) {
  std::map<std::string, double> counts;
  std::vector<std::string> keys;
  for (const Prepared& p : rows) {
    keys.push_back(p.source + "|" + p.device + "|" + p.engine + "|" + p.phase);
    counts[keys.back()] += 1;
  }
  constexpr double kAgainstPriors = 0.4, kGuessedShape = 0.3;
  std::vector<double> weights;
  for (std::size_t i = 0; i < rows.size(); ++i) weights.push_back(kAgainstPriors * own[i] / std::sqrt(counts[keys[i]]) * (rows[i].surrogate ? kGuessedShape : 1));
  return weights;
}

}  // namespace rigcast::calibration
