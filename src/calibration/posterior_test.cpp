#include "calibration/detail/posterior.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace rigcast::calibration::detail {
namespace {

// A row whose time is exp(-sum of these effects), without a roof.
Row row_of(std::vector<int> effects, double measured_seconds, double weight) {
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
  const std::vector<Row> rows{row_of({0, 1}, 1, 2)};
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
  const std::vector<Row> rows{row_of({0}, std::exp(1.0), 4)};
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
  const std::vector<Row> rows{row_of({0, 1}, std::exp(0.1), 2), row_of({0, 2}, std::exp(-0.2), 2), row_of({0, 2}, std::exp(-0.3), 2)};
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

}  // namespace
}  // namespace rigcast::calibration::detail
