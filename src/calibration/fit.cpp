#include "calibration/fit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <unordered_map>

#include <Eigen/Dense>
#include <ceres/ceres.h>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "base/text.hpp"
#include "cost/norm.hpp"
#include "cost/roof.hpp"

extern "C" void omp_set_max_active_levels(int levels);   // of OpenMP, for the thread that calls

namespace rigcast::calibration {
namespace {

using Exponents = std::vector<std::pair<int, double>>;  // local parameter of the row, exponent

// One StageWork ready for the solver: time = cost::norm(memory, compute) * exp(-also), each base * exp(-sum exponent * theta), its efficiency
// bent below the roof.
struct Part {
  double memory = 0, compute = 0;
  double memory_roof = 0, compute_roof = 0;   // cost::Path::log_roof
  cost::Side side = cost::Side::device;
  bool in_turn = false;         // memory + compute instead
  Exponents memory_effects, compute_effects, also_effects;
};

struct Row {
  std::vector<int> effects;     // global numbers, one per local parameter
  std::vector<Part> parts;
  double log_measured = 0, weight = 1;
  bool runs_ahead = false;      // cost::runs_ahead
};

double sum_of(const Exponents& exponents, const double* const* theta) {
  double sum = 0;
  for (const auto& [i, x] : exponents) sum += x * theta[i][0];
  return sum;
}

struct PartTime { double seconds = 0, by_memory = 0, by_compute = 0; };   // and derivatives of its logarithm by the sums of effects

PartTime time_of(const Part& part, const double* const* theta) {
  const cost::UnderRoof memory = cost::under_roof(sum_of(part.memory_effects, theta), part.memory_roof);
  const cost::UnderRoof compute = cost::under_roof(sum_of(part.compute_effects, theta), part.compute_roof);
  const double scale = std::exp(-sum_of(part.also_effects, theta));
  const double m = part.memory * std::exp(-memory.log), c = part.compute * std::exp(-compute.log);
  if (c == 0) return {m * scale, memory.slope, 0};
  if (m == 0) return {c * scale, 0, compute.slope};
  if (part.in_turn) return {(m + c) * scale, m / (m + c) * memory.slope, c / (m + c) * compute.slope};
  const double share = cost::norm_share(m, c);
  return {cost::norm(m, c) * scale, share * memory.slope, (1 - share) * compute.slope};
}

// The logarithm of cost::seconds of all parts, and its gradient by the effects.
double log_time(const Row& row, const double* const* theta, double* gradient) {
  thread_local std::vector<PartTime> times;
  times.clear();
  cost::Sides sides;
  for (const Part& part : row.parts) {
    times.push_back(time_of(part, theta));
    sides[part.side] += times.back().seconds;
  }
  const double total = sides.together(row.runs_ahead);
  if (!gradient) return std::log(total);
  const cost::Sides slopes = sides.slopes(row.runs_ahead);
  std::fill(gradient, gradient + row.effects.size(), 0.0);
  for (std::size_t p = 0; p < times.size(); ++p) {
    const Part& part = row.parts[p];
    const double slope = times[p].seconds * slopes[part.side] / total;
    for (const auto& [i, x] : part.memory_effects) gradient[i] -= slope * times[p].by_memory * x;
    for (const auto& [i, x] : part.compute_effects) gradient[i] -= slope * times[p].by_compute * x;
    for (const auto& [i, x] : part.also_effects) gradient[i] -= slope * x;
  }
  return std::log(total);
}

class RowCost final : public ceres::CostFunction {
 public:
  RowCost(const Row& row, double sigma) : row_(row), sigma_(sigma) {
    set_num_residuals(1);
    mutable_parameter_block_sizes()->assign(row.effects.size(), 1);
  }
  bool Evaluate(double const* const* theta, double* residuals, double** jacobians) const override {
    thread_local std::vector<double> gradient;
    gradient.resize(row_.effects.size());
    residuals[0] = (log_time(row_, theta, jacobians ? gradient.data() : nullptr) - row_.log_measured) / sigma_;
    if (jacobians)
      for (std::size_t i = 0; i < row_.effects.size(); ++i)
        if (jacobians[i]) jacobians[i][0] = gradient[i] / sigma_;
    return true;
  }

 private:
  const Row& row_;
  double sigma_;
};

class PriorCost final : public ceres::SizedCostFunction<1, 1> {
 public:
  PriorCost(double mean, double sd) : mean_(mean), sd_(sd) {}
  bool Evaluate(double const* const* theta, double* residuals, double** jacobians) const override {
    residuals[0] = (theta[0][0] - mean_) / sd_;
    if (jacobians && jacobians[0]) jacobians[0][0] = 1 / sd_;
    return true;
  }

 private:
  double mean_, sd_;
};

bool of_source(std::string_view effect) { return effect.substr(0, 7) == "source|"; }

constexpr int kUnseen = -1;

// Effects whose exponents are the same in every row used, up to a factor, cannot be told apart: a family with one card, its card, and the
// family under that card's backend. The rows see only their sum, sum(share * effect), which is fitted in their place: its prior is the sum
// of theirs, and what it departs from that divides between them as their prior variances do. The maximum is exactly the same.
struct Sums {
  std::vector<int> sum_of;        // by effect; kUnseen where no row used has it
  std::vector<double> share;      // by effect
  std::vector<int> first;         // by sum: the effect that stands for it in rows, of share 1
  std::vector<cost::Effect> priors;
  std::vector<double> seen;       // by effect: weight of the rows that have it
};

Sums sums_of(const std::vector<Row>& rows, const std::vector<char>& use, const std::vector<cost::Effect>& priors) {
  struct Column { std::uint64_t hash = 0; double first = 0; };   // of positions and exponents over the first exponent
  std::vector<Column> columns(priors.size());
  Sums sums{std::vector<int>(priors.size(), kUnseen), std::vector<double>(priors.size(), 1.0), {}, {}, std::vector<double>(priors.size(), 0.0)};
  std::uint64_t position = 0;
  const auto mix = [](std::uint64_t h, std::uint64_t value) {
    h ^= value + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdULL;
    return h ^ (h >> 33);
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!use[r]) continue;
    for (const int effect : rows[r].effects) sums.seen[static_cast<std::size_t>(effect)] += rows[r].weight;
    for (const Part& part : rows[r].parts)
      for (const Exponents* exponents : {&part.memory_effects, &part.compute_effects, &part.also_effects}) {
        ++position;
        for (const auto& [local, x] : *exponents) {
          Column& column = columns[static_cast<std::size_t>(rows[r].effects[static_cast<std::size_t>(local)])];
          if (column.first == 0) column.first = x;
          column.hash = mix(mix(column.hash, position), std::bit_cast<std::uint64_t>(x / column.first));
        }
      }
  }
  std::unordered_map<std::uint64_t, int> numbers;
  for (std::size_t i = 0; i < priors.size(); ++i) {
    if (sums.seen[i] <= 0) continue;
    const auto [number, added] = numbers.emplace(columns[i].hash, static_cast<int>(sums.first.size()));
    if (added) {
      sums.first.push_back(static_cast<int>(i));
      sums.priors.push_back({0, 0, 0});
    }
    const std::size_t sum = static_cast<std::size_t>(number->second);
    sums.sum_of[i] = number->second;
    sums.share[i] = columns[i].first / columns[static_cast<std::size_t>(sums.first[sum])].first;
    cost::Effect& prior = sums.priors[sum];
    prior.mean += sums.share[i] * priors[i].mean;
    prior.sd = std::hypot(prior.sd, sums.share[i] * priors[i].sd);
  }
  return sums;
}

// The row with sums in the place of their effects.
Row in_sums(const Row& row, const Sums& sums) {
  Row out;
  out.log_measured = row.log_measured;
  out.weight = row.weight;
  out.runs_ahead = row.runs_ahead;
  std::vector<int> slots(row.effects.size(), -1);
  for (std::size_t i = 0; i < row.effects.size(); ++i) {
    const int sum = sums.sum_of[static_cast<std::size_t>(row.effects[i])];
    if (sums.first[static_cast<std::size_t>(sum)] != row.effects[i]) continue;
    slots[i] = static_cast<int>(out.effects.size());
    out.effects.push_back(sum);
  }
  const auto kept = [&](const Exponents& exponents) {
    Exponents e;
    for (const auto& [local, x] : exponents)
      if (const int slot = slots[static_cast<std::size_t>(local)]; slot >= 0) e.emplace_back(slot, x);
    return e;
  };
  for (const Part& part : row.parts) {
    Part& p = out.parts.emplace_back(part);
    for (Exponents* exponents : {&p.memory_effects, &p.compute_effects, &p.also_effects}) *exponents = kept(*exponents);
  }
  return out;
}

// Variances of the sums at `theta`: the inverse of J^T J of the weighted residuals and of the priors.
std::vector<double> variances(const std::vector<Row>& rows, const std::vector<cost::Effect>& priors, const std::vector<double>& theta, double sigma) {
  const Eigen::Index n = static_cast<Eigen::Index>(priors.size());
  Eigen::MatrixXd precision = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) precision(i, i) = 1 / (priors[static_cast<std::size_t>(i)].sd * priors[static_cast<std::size_t>(i)].sd);
  std::vector<const double*> blocks;
  std::vector<double> gradient;
  for (const Row& row : rows) {
    blocks.clear();
    for (const int sum : row.effects) blocks.push_back(&theta[static_cast<std::size_t>(sum)]);
    gradient.resize(row.effects.size());
    const double z = (log_time(row, blocks.data(), gradient.data()) - row.log_measured) / sigma;
    const double w = row.weight / (1 + z * z / 3) / (sigma * sigma);
    for (std::size_t a = 0; a < gradient.size(); ++a)
      for (std::size_t b = 0; b < gradient.size(); ++b)
        if (row.effects[b] <= row.effects[a]) precision(row.effects[a], row.effects[b]) += w * gradient[a] * gradient[b];   // L is made of the lower half
  }
  // diag(H^-1) = column norms of L^-1, H = L L^T. Above the diagonal L^-1 is nothing: of later columns ever less is left to solve.
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> in_place(precision);
  RC_CHECK(in_place.info() == Eigen::Success, "every effect has a prior: the precision is positive definite");
  constexpr Eigen::Index kColumns = 64;
  std::vector<double> out(priors.size());
  share_out(static_cast<std::size_t>((n + kColumns - 1) / kColumns), [&](std::size_t block) {
    const Eigen::Index first = static_cast<Eigen::Index>(block) * kColumns, rest = n - first, columns = std::min(kColumns, rest);
    Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(rest, columns);
    precision.bottomRightCorner(rest, rest).triangularView<Eigen::Lower>().solveInPlace(inverse);
    for (Eigen::Index i = 0; i < columns; ++i) out[static_cast<std::size_t>(first + i)] = inverse.col(i).squaredNorm();
  });
  return out;
}

class StopsWhenTold final : public ceres::IterationCallback {
 public:
  explicit StopsWhenTold(const Watch* watch) : watch_(watch) {}
  ceres::CallbackReturnType operator()(const ceres::IterationSummary&) override { return stopped(watch_) ? ceres::SOLVER_TERMINATE_SUCCESSFULLY : ceres::SOLVER_CONTINUE; }

 private:
  const Watch* watch_;
};

}  // namespace

Result<Priors> Priors::read(std::string_view csv) {
  Priors priors;
  int number = 0;
  bool header = true;
  for (std::string_view line : split(csv, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    if (header) { header = false; continue; }
    const auto cells = split(line, ',');
    const auto mean = cells.size() > 2 ? parse_double(cells[1]) : std::nullopt, sd = cells.size() > 2 ? parse_double(cells[2]) : std::nullopt;
    if (!mean || !sd || *sd <= 0)
      return fail(ErrorKind::input, "expected an effect, a mean and a standard deviation above 0", Where{"data/calibration/priors.csv", number, 1});
    if (cells[0].substr(0, 6) == "times|") priors.times_[std::string(cells[0].substr(6))] = *sd;
    else priors.exact_[std::string(cells[0])] = {*mean, *sd, 0};
  }
  return priors;
}

cost::Effect Priors::of(std::string_view effect) const {
  if (const auto found = exact_.find(effect); found != exact_.end()) return found->second;
  const std::size_t bar = effect.find('|');
  const std::string_view quantity = effect.substr(0, bar);
  if (quantity == "source") return exact_.count("source") ? exact_.find("source")->second : cost::Effect{0, 0.15, 0};
  cost::Effect prior{0, 0.25, 0};
  if (bar != std::string_view::npos) {
    const std::string_view rest = effect.substr(bar + 1);
    const std::size_t colon = rest.find(':'), equal = rest.find('=');
    const std::string kind = colon < equal ? std::string(rest.substr(0, colon + 1)) + "*" : std::string(rest.substr(0, equal)) + "=*";
    for (const std::string& pattern : {std::string(quantity) + "|" + kind, "*|" + kind, std::string("*|*")})
      if (const auto found = exact_.find(pattern); found != exact_.end()) { prior = found->second; break; }
  }
  if (const auto found = times_.find(quantity); found != times_.end()) prior.sd *= found->second;
  return prior;
}

struct FitProblem::Compiled {
  std::vector<std::string> names;
  std::vector<std::size_t> in_order;   // of the names: a Calibration takes them so
  std::vector<cost::Effect> priors;
  std::vector<Row> rows;
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
}

FitProblem::~FitProblem() = default;

cost::Calibration FitProblem::fit(const std::vector<char>& use, const FitOptions& options, const cost::Calibration* start) const {
  const Compiled& c = *compiled_;
  const Sums sums = sums_of(c.rows, use, c.priors);
  std::vector<double> theta(sums.first.size(), 0.0);
  for (std::size_t i = 0; i < c.names.size(); ++i) {
    if (sums.sum_of[i] == kUnseen) continue;
    double begin = c.priors[i].mean;
    if (start)
      if (const cost::Effect* found = start->effects.find(c.names[i])) begin = found->mean;
    theta[static_cast<std::size_t>(sums.sum_of[i])] += sums.share[i] * begin;
  }
  std::vector<Row> rows;
  for (std::size_t i = 0; i < c.rows.size(); ++i)
    if (use[i]) rows.push_back(in_sums(c.rows[i], sums));

  ceres::Problem::Options settings;
  settings.loss_function_ownership = ceres::DO_NOT_TAKE_OWNERSHIP;
  ceres::Problem problem(settings);
  const ceres::CauchyLoss heavy(std::sqrt(3.0));
  std::vector<std::unique_ptr<ceres::LossFunction>> losses;
  for (const Row& row : rows) {
    std::vector<double*> blocks;
    for (const int sum : row.effects) blocks.push_back(&theta[static_cast<std::size_t>(sum)]);
    losses.push_back(std::make_unique<ceres::ScaledLoss>(&heavy, row.weight, ceres::DO_NOT_TAKE_OWNERSHIP));
    problem.AddResidualBlock(new RowCost(row, options.sigma), losses.back().get(), blocks);
  }
  for (std::size_t i = 0; i < theta.size(); ++i) problem.AddResidualBlock(new PriorCost(sums.priors[i].mean, sums.priors[i].sd), nullptr, &theta[i]);
  ceres::Solver::Options solver;
  solver.linear_solver_type = ceres::SPARSE_NORMAL_CHOLESKY;
  solver.max_num_iterations = options.iterations;
  solver.num_threads = options.threads;
  solver.function_tolerance = options.tolerance;
  solver.dynamic_sparsity = true;   // rows share many effects: J^T J is multiplied anew faster than its products are listed and sorted
  solver.logging_type = ceres::SILENT;
  // CHOLMOD takes four threads whatever else runs: those of fits side by side would wait for each other.
  omp_set_max_active_levels(options.threads > 1 ? 1 : 0);
  StopsWhenTold stop(options.watch);
  solver.callbacks.push_back(&stop);
  ceres::Solver::Summary summary;
  ceres::Solve(solver, &problem, &summary);

  const std::vector<double> variance = options.uncertainty ? variances(rows, sums.priors, theta, options.sigma) : std::vector<double>();
  cost::Calibration calibration;
  for (const std::size_t i : c.in_order) {
    const cost::Effect& prior = c.priors[i];
    if ((sums.seen[i] <= 0 && prior.mean == 0) || of_source(c.names[i])) continue;
    cost::Effect effect{prior.mean, prior.sd, sums.seen[i]};
    if (sums.seen[i] > 0) {
      const std::size_t sum = static_cast<std::size_t>(sums.sum_of[i]);
      const cost::Effect& whole = sums.priors[sum];
      const double part = sums.share[i] * prior.sd * prior.sd / (whole.sd * whole.sd);
      effect.mean += part * (theta[sum] - whole.mean);
      if (options.uncertainty) effect.sd = std::sqrt(std::max(0.0, prior.sd * prior.sd - part * part * (whole.sd * whole.sd - variance[sum])));
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
  std::vector<const double*> blocks;
  for (const Row& row : c.rows) {
    blocks.clear();
    for (const int effect : row.effects) blocks.push_back(&theta[static_cast<std::size_t>(effect)]);
    out.push_back(log_time(row, blocks.data(), nullptr) - row.log_measured);
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
  constexpr double kAgainstPriors = 2, kGuessedShape = 0.3;
  std::vector<double> weights;
  for (std::size_t i = 0; i < rows.size(); ++i) weights.push_back(kAgainstPriors * own[i] / std::sqrt(counts[keys[i]]) * (rows[i].surrogate ? kGuessedShape : 1));
  return weights;
}

}  // namespace rigcast::calibration
