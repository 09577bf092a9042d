#include "calibration/detail/posterior.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/parallel.hpp"

namespace rigcast::calibration::detail {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// 3 log(1 + z^2 / 3), three quarters of a Student-t of 3 degrees (the loss of Cauchy), and its derivative by z^2.
double loss(double z) { return 3 * std::log1p(z * z / 3); }
double loss_slope(double z) { return 1 / (1 + z * z / 3); }

// The diagonal of (L L^T)^-1, by the recurrences of Takahashi: of the inverse no more than the pattern of L is ever asked for.
VectorXd inverse_diagonal(const Factor& factor) {
  const Eigen::SparseMatrix<double>& lower = factor.matrixL().nestedExpression();
  const Index n = lower.cols();
  const auto* begin = lower.outerIndexPtr();
  const auto* row = lower.innerIndexPtr();
  const double* l = lower.valuePtr();
  std::vector<double> inverse(static_cast<std::size_t>(lower.nonZeros()));   // in the places of L
  std::vector<int> at(static_cast<std::size_t>(n), -1);                      // of rows in the column at work
  std::vector<double> sums;
  VectorXd diagonal(n);
  for (Index j = n - 1; j >= 0; --j) {
    const int first = begin[j] + 1, end = begin[j + 1];   // behind the diagonal
    const double own = 1 / l[begin[j]];
    sums.assign(static_cast<std::size_t>(end - first), 0.0);
    for (int k = first; k < end; ++k) at[static_cast<std::size_t>(row[k])] = k - first;
    for (int k = first; k < end; ++k) {
      const Index column = row[k];
      double mine = inverse[static_cast<std::size_t>(begin[column])] * l[k];
      for (int e = begin[column] + 1; e < begin[column + 1]; ++e) {
        const int other = at[static_cast<std::size_t>(row[e])];
        if (other < 0) continue;
        mine += inverse[static_cast<std::size_t>(e)] * l[first + other];
        sums[static_cast<std::size_t>(other)] += inverse[static_cast<std::size_t>(e)] * l[k];
      }
      sums[static_cast<std::size_t>(k - first)] += mine;
    }
    double rest = own;
    for (int k = first; k < end; ++k) {
      const double value = -own * sums[static_cast<std::size_t>(k - first)];
      inverse[static_cast<std::size_t>(k)] = value;
      rest -= l[k] * value;
      at[static_cast<std::size_t>(row[k])] = -1;
    }
    inverse[static_cast<std::size_t>(begin[j])] = diagonal[j] = own * rest;
  }
  return factor.permutationPinv() * diagonal;
}

}  // namespace

Posterior::Posterior(const std::vector<Row>& rows, const std::vector<cost::Effect>& priors)
    : rows_(rows), means_(static_cast<Index>(priors.size())), precisions_(static_cast<Index>(priors.size())) {
  begins_.push_back(0);
  for (const Row& row : rows) {
    effects_.insert(effects_.end(), row.effects.begin(), row.effects.end());
    begins_.push_back(effects_.size());
  }
  for (std::size_t i = 0; i < priors.size(); ++i) {
    means_[static_cast<Index>(i)] = priors[i].mean;
    precisions_[static_cast<Index>(i)] = 1 / (priors[i].sd * priors[i].sd);
  }
}

Posterior::Place Posterior::place_at(const VectorXd& theta, const std::vector<char>& use, const Limits& limits) const {
  const auto count = static_cast<Index>(rows_.size());
  Place place{0, precisions_.cwiseProduct(theta - means_), VectorXd::Zero(static_cast<Index>(effects_.size())), VectorXd::Zero(count)};
  VectorXd misses = VectorXd::Zero(count), losses = VectorXd::Zero(count);
  constexpr std::size_t kTogether = 256;
  share_out((rows_.size() + kTogether - 1) / kTogether, limits.threads, [&](std::size_t piece) {
    std::vector<double> own;
    for (std::size_t r = piece * kTogether; r < std::min(rows_.size(), (piece + 1) * kTogether); ++r) {
      if (!use[r]) continue;
      const Row& row = rows_[r];
      own.clear();
      for (const int effect : row.effects) own.push_back(theta[effect]);
      const auto i = static_cast<Index>(r);
      misses[i] = log_time(row, own.data(), place.slopes.data() + begins_[r]) - row.log_measured;
      const double z = misses[i] / limits.sigma;
      losses[i] = row.weight * loss(z);
      place.weights[i] = row.weight * loss_slope(z) / (limits.sigma * limits.sigma);
    }
  });
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t k = begins_[r]; k < begins_[r + 1]; ++k)
      place.gradient[effects_[k]] += place.weights[static_cast<Index>(r)] * misses[static_cast<Index>(r)] * place.slopes[static_cast<Index>(k)];
  place.cost = (precisions_.dot((theta - means_).cwiseAbs2()) + losses.sum()) / 2;
  return place;
}

VectorXd Posterior::times(const Place& place, const VectorXd& vector) const {
  VectorXd out = precisions_.cwiseProduct(vector);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const double weight = place.weights[static_cast<Index>(r)];
    if (weight == 0) continue;
    double along = 0;
    for (std::size_t k = begins_[r]; k < begins_[r + 1]; ++k) along += place.slopes[static_cast<Index>(k)] * vector[effects_[k]];
    along *= weight;
    for (std::size_t k = begins_[r]; k < begins_[r + 1]; ++k) out[effects_[k]] += along * place.slopes[static_cast<Index>(k)];
  }
  return out;
}

VectorXd Posterior::diagonal(const Place& place) const {
  VectorXd out = precisions_;
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t k = begins_[r]; k < begins_[r + 1]; ++k)
      out[effects_[k]] += place.weights[static_cast<Index>(r)] * place.slopes[static_cast<Index>(k)] * place.slopes[static_cast<Index>(k)];
  return out;
}

std::shared_ptr<const Factor> Posterior::factored(const Place& place, const VectorXd& damping) const {
  const auto effects = precisions_.size();
  Eigen::SparseMatrix<double> rows(effects, static_cast<Index>(rows_.size()));   // of J^T, each times the root of its weight
  rows.reserve(static_cast<Index>(effects_.size()));
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const double root = std::sqrt(place.weights[static_cast<Index>(r)]);
    rows.startVec(static_cast<Index>(r));
    std::vector<std::pair<int, double>> cells;
    for (std::size_t k = begins_[r]; k < begins_[r + 1]; ++k) cells.emplace_back(effects_[k], root * place.slopes[static_cast<Index>(k)]);
    std::sort(cells.begin(), cells.end());
    for (const auto& [effect, value] : cells) rows.insertBack(effect, static_cast<Index>(r)) = value;
  }
  rows.finalize();
  Eigen::SparseMatrix<double> curvature = rows * rows.transpose();
  curvature.diagonal() += precisions_ + damping;
  auto factor = std::make_shared<Factor>(curvature);
  RC_CHECK(factor->info() == Eigen::Success, "every effect has a prior: the curvature is positive definite");
  return factor;
}

// Down the gradient through curvature and damping, by conjugate gradients; effects without `moves` stay.
Posterior::Step Posterior::step(const Place& place, const VectorXd& damping, const VectorXd& moves, const Factor& factor) const {
  constexpr int kMost = 500;
  constexpr double kNear = 1e-3;   // of the way, by the measure of the curvature: the next step starts from the gradient itself
  Step out{VectorXd::Zero(precisions_.size()), 0};
  VectorXd rest = -place.gradient.cwiseProduct(moves);
  VectorXd better = VectorXd(factor.solve(rest)).cwiseProduct(moves), along = better;
  double size = rest.dot(better);
  const double enough = kNear * kNear * size;
  while (size > enough && out.products < kMost) {
    const VectorXd bent = (times(place, along) + damping.cwiseProduct(along)).cwiseProduct(moves);
    ++out.products;
    const double far = size / along.dot(bent);
    out.by += far * along;
    rest -= far * bent;
    better = VectorXd(factor.solve(rest)).cwiseProduct(moves);
    const double next = rest.dot(better);
    along = better + next / size * along;
    size = next;
  }
  return out;
}

// The curvature knows nothing of corners ahead, where another part of a row begins to decide: a step that goes too far for it is shortened.
Posterior::Stride Posterior::stride(const Place& here, const VectorXd& theta, const VectorXd& by, const std::vector<char>& use, const Limits& limits) const {
  constexpr double kEnough = 1e-3;   // of the gain that the curvature promises
  constexpr double kShorter = 1.0 / 3;
  constexpr int kTries = 6;
  const double slope = -here.gradient.dot(by), bend = by.dot(times(here, by));
  Stride out;
  for (int tries = 0; tries < kTries; ++tries, out.length *= kShorter) {   // most whole steps are taken
    out.end = place_at(theta + out.length * by, use, limits);
    out.share = (here.cost - out.end.cost) / (out.length * slope - out.length * out.length * bend / 2);
    if (out.share >= kEnough) return out;
  }
  out.length = 0;
  return out;
}

void Posterior::climb(VectorXd& theta, const std::vector<char>& use, const Limits& limits, std::shared_ptr<const Factor>& factor) const {
  constexpr int kWorthAFactor = 25;                             // products: they take as long
  constexpr double kStart = 30, kLeast = 0.3, kMost = 1e4;      // of the radius, times which a step may be what its diagonal alone would make it
  constexpr double kAsPromised = 0.7, kHardly = 0.3;
  VectorXd moves = VectorXd::Zero(theta.size());
  for (std::size_t r = 0; r < rows_.size(); ++r)
    for (std::size_t k = begins_[r]; use[r] && k < begins_[r + 1]; ++k) moves[effects_[k]] = 1;
  theta = moves.cwiseProduct(theta) + (VectorXd::Ones(theta.size()) - moves).cwiseProduct(means_);   // what no row sees is as believed
  double radius = kStart;
  bool far = factor == nullptr;
  Place here = place_at(theta, use, limits);
  for (int i = 0; i < limits.iterations && !stopped(limits.watch); ++i) {
    const VectorXd damping = diagonal(here) / radius;
    if (far) factor = factored(here, damping);
    const Step step = this->step(here, damping, moves, *factor);
    far = step.products > kWorthAFactor;
    Stride taken = stride(here, theta, step.by, use, limits);
    const double gain = here.cost - taken.end.cost;
    if (taken.length <= 0 || gain <= 0) {   // at a corner: along the steepest way, if that does not lead on either
      if (radius <= kLeast) return;
      radius = kLeast;
      continue;
    }
    theta += taken.length * step.by;
    if (gain <= limits.tolerance * here.cost) return;
    here = std::move(taken.end);
    const double grows = taken.length < 1 ? 1.0 / 3 : taken.share > kAsPromised ? 3 : taken.share < kHardly ? 0.5 : 1;
    radius = std::clamp(radius * grows, kLeast, kMost);
  }
}

VectorXd Posterior::variances(const VectorXd& theta, const std::vector<char>& use, const Limits& limits, std::shared_ptr<const Factor>& factor) const {
  factor = factored(place_at(theta, use, limits), VectorXd::Zero(theta.size()));
  return inverse_diagonal(*factor);
}

}  // namespace rigcast::calibration::detail
