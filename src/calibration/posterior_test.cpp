#include "calibration/detail/posterior.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/LU>
#include <gtest/gtest.h>

namespace rigcast::calibration::detail {
namespace {

// A row whose time is exp(-sum of these effects), without a roof.
Row measured_row(std::vector<int> effects, double measured_seconds, double weight) {
  Part part;
  part.memory = 1;
  part.memory_roof = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < effects.size(); ++i) part.memory_effects.emplace_back(static_cast<int>(i), 1.0);
  Row row;
  row.effects = std::move(effects);
  row.parts.push_back(part);
  row.log_measured = std::log(measured_seconds);
  row.weight = weight;
  return row;
}

// sigma 0.5 and weight 2: the row adds 2 / 0.25 = 8 to the curvature of either effect and between them, the priors 1 each. What is measured is
// what is believed, so that nothing moves; the inverse of (9 8; 8 9) has 9 / (81 - 64) on its diagonal.
TEST(Posterior, VariancesAreOfTheInverseCurvature) {
  const std::vector<Row> rows{measured_row({0, 1}, 1, 2)};
  const std::vector<cost::Effect> priors{{0, 1, 0}, {0, 1, 0}};
  const Posterior posterior(rows, priors);
  const Posterior::Limits limits{.sigma = 0.5};
  std::shared_ptr<const Factor> factor;
  Eigen::VectorXd theta = Eigen::VectorXd::Zero(2);
  posterior.climb(theta, {1}, limits, factor);
  EXPECT_NEAR(theta.norm(), 0, 1e-12);
  const Eigen::VectorXd variances = posterior.variances(theta, {1}, limits, factor);
  EXPECT_NEAR(variances[0], 9.0 / 17, 1e-12);
  EXPECT_NEAR(variances[1], 9.0 / 17, 1e-12);
}

// log predicted = -theta, so that m = theta + 1 is what is left of the row: the slope of the loss, 4 m / (1 + m^2 / 3), and that of the prior, theta, meet
// at the maximum. Without the bend of the loss 4 m = 1 - m, m = 1/5; there it takes 1/75 off the weight, which moves m by less than 0.01.
TEST(Posterior, TheMaximumIsWhereTheSlopesOfLossAndPriorMeet) {
  const std::vector<Row> rows{measured_row({0}, std::exp(1.0), 4)};
  const Posterior posterior(rows, {{0, 1, 0}});
  std::shared_ptr<const Factor> factor;
  Eigen::VectorXd theta = Eigen::VectorXd::Zero(1);
  posterior.climb(theta, {1}, {.sigma = 1, .iterations = 100, .tolerance = 1e-14}, factor);
  const double left = theta[0] + 1;
  EXPECT_NEAR(theta[0], -4 * left / (1 + left * left / 3), 1e-6);
  EXPECT_NEAR(left, 0.2, 0.01);
}

// A factor of all rows serves for fewer: the step is the same, only found in more products.
TEST(Posterior, RowsThatAreLeftOutLeaveTheirEffectsAsBelieved) {
  const std::vector<Row> rows{measured_row({0, 1}, std::exp(0.1), 2), measured_row({0, 2}, std::exp(-0.2), 2), measured_row({0, 2}, std::exp(-0.3), 2)};
  const std::vector<cost::Effect> priors{{0, 1, 0}, {0.3, 0.5, 0}, {0, 0.5, 0}};
  const Posterior posterior(rows, priors);
  const Posterior::Limits limits{.sigma = 0.5, .iterations = 100, .tolerance = 1e-14};
  std::shared_ptr<const Factor> of_all, own;
  Eigen::VectorXd all = Eigen::VectorXd::Zero(3);
  posterior.climb(all, {1, 1, 1}, limits, of_all);
  Eigen::VectorXd by_all = all, by_own = Eigen::VectorXd::Zero(3);
  posterior.climb(by_all, {0, 1, 1}, limits, of_all);
  posterior.climb(by_own, {0, 1, 1}, limits, own);
  EXPECT_EQ(by_all[1], 0.3);
  EXPECT_NEAR((by_all - by_own).norm(), 0, 1e-6);
  EXPECT_GT(std::abs(by_all[0] - all[0]), 1e-3);
}

// Sixty effects in ninety rows of one to four of them, each seen by some: log predicted = -(the sum of a row's effects), so that the curvature is known in
// full. Its pattern is no chain: entries of the factor fill in that the curvature lacks.
struct Crowd {
  static constexpr int kEffects = 60;
  std::vector<Row> rows;
  std::vector<cost::Effect> priors;
  Crowd() {
    std::uint64_t state = 1;
    const auto draw = [&](std::uint64_t below) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<int>((state >> 33) % below);
    };
    for (int e = 0; e < kEffects; ++e) priors.push_back({0.01 * draw(100) - 0.5, 0.1 + 0.01 * draw(40), 0});
    for (int r = 0; r < 90; ++r) {
      std::vector<int> effects{r % kEffects};
      for (int more = draw(4); more > 0; --more)
        if (const int effect = draw(kEffects); std::find(effects.begin(), effects.end(), effect) == effects.end()) effects.push_back(effect);
      rows.push_back(measured_row(std::move(effects), std::exp(0.01 * draw(200) - 1), 0.5 + 0.1 * draw(20)));
    }
  }
  // What is left of a row, and the weight that the loss gives it: w / (1 + z^2 / 3) / sigma^2.
  double left(const Row& row, const Eigen::VectorXd& theta) const {
    double sum = 0;
    for (const int effect : row.effects) sum += theta[effect];
    return -sum - row.log_measured;
  }
  static double weight(const Row& row, double left, double sigma) { return row.weight / (1 + left * left / (sigma * sigma) / 3) / (sigma * sigma); }
};

TEST(Posterior, OfManyEffectsTheSlopesVanishAtTheMaximum) {
  const Crowd crowd;
  const Posterior posterior(crowd.rows, crowd.priors);
  const std::vector<char> all(crowd.rows.size(), 1);
  constexpr double kSigma = 0.3;
  std::shared_ptr<const Factor> factor;
  Eigen::VectorXd theta = Eigen::VectorXd::Zero(Crowd::kEffects);
  posterior.climb(theta, all, {.sigma = kSigma, .iterations = 200, .tolerance = 1e-15}, factor);
  Eigen::VectorXd slope(Crowd::kEffects);
  for (int e = 0; e < Crowd::kEffects; ++e) {
    const cost::Effect& prior = crowd.priors[static_cast<std::size_t>(e)];
    slope[e] = (theta[e] - prior.mean) / (prior.sd * prior.sd);
  }
  for (const Row& row : crowd.rows)
    for (const int effect : row.effects) slope[effect] -= Crowd::weight(row, crowd.left(row, theta), kSigma) * crowd.left(row, theta);
  EXPECT_LT(slope.norm(), 1e-4) << "of slopes that are some tens at the start";
  EXPECT_GT(theta.norm(), 0.5);
}

TEST(Posterior, OfManyEffectsVariancesAreThoseOfTheWholeInverse) {
  const Crowd crowd;
  const Posterior posterior(crowd.rows, crowd.priors);
  constexpr double kSigma = 0.3;
  for (const std::size_t without : {std::size_t{0}, std::size_t{30}}) {
    std::vector<char> use(crowd.rows.size(), 1);
    std::fill_n(use.begin(), without, char{0});
    std::shared_ptr<const Factor> factor;
    Eigen::VectorXd theta = Eigen::VectorXd::Constant(Crowd::kEffects, 0.1);
    Eigen::MatrixXd curvature = Eigen::MatrixXd::Zero(Crowd::kEffects, Crowd::kEffects);
    for (int e = 0; e < Crowd::kEffects; ++e) curvature(e, e) = std::pow(crowd.priors[static_cast<std::size_t>(e)].sd, -2);
    for (std::size_t r = without; r < crowd.rows.size(); ++r)
      for (const int a : crowd.rows[r].effects)
        for (const int b : crowd.rows[r].effects) curvature(a, b) += Crowd::weight(crowd.rows[r], crowd.left(crowd.rows[r], theta), kSigma);
    const Eigen::VectorXd whole = curvature.inverse().diagonal(), variances = posterior.variances(theta, use, {.sigma = kSigma}, factor);
    for (int e = 0; e < Crowd::kEffects; ++e) EXPECT_NEAR(variances[e], whole[e], 1e-9 * whole[e]) << e;
  }
}

}  // namespace
}  // namespace rigcast::calibration::detail
