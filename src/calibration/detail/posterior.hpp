#pragma once
// What rows and priors together say of effects, or sums of them: where the posterior has its maximum, and how sharp that is.
//
//   cost = 1/2 sum over rows (weight * 3 log(1 + z^2 / 3)) + 1/2 sum over effects ((theta - mean) / sd)^2,  z = (log predicted - log measured) / sigma
//
// Steps are those of Levenberg and Marquardt over the weights that the loss gives to rows, shortened where a whole one gains nothing. Each is solved
// by conjugate gradients, which take a dozen products with the rows where a factor of the curvature at hand is near enough: of another point, or of
// most of the rows.

#include <memory>
#include <vector>

#include <Eigen/SparseCholesky>

#include "base/watch.hpp"
#include "calibration/detail/fit_row.hpp"
#include "cost/calibration.hpp"

namespace rigcast::calibration::detail {

// L of L L^T, which is the curvature somewhere.
using Factor = Eigen::SimplicialLLT<Eigen::SparseMatrix<double>, Eigen::Lower>;

class Posterior {
 public:
  // Of these rows, in numbers of these effects, each of which is in a row. REQUIRES: both live as long.
  Posterior(const std::vector<Row>& rows, const std::vector<cost::Effect>& priors);

  struct Limits { double sigma = 0.2; int iterations = 30; double tolerance = 1e-4; std::size_t threads = 1; Watch* watch = nullptr; };
  // Moves `theta` to the maximum by the rows of `use`: until a step gains no more than the share `tolerance` of the cost. `factor` is used where there is one, and is
  // replaced where it is too far from what is asked.
  void climb(Eigen::VectorXd& theta, const std::vector<char>& use, const Limits& limits, std::shared_ptr<const Factor>& factor) const;

  // Variances at `theta`: of the inverse of the curvature, which `factor` becomes that of.
  Eigen::VectorXd variances(const Eigen::VectorXd& theta, const std::vector<char>& use, const Limits& limits, std::shared_ptr<const Factor>& factor) const;

 private:
  // The posterior at one point. Of rows that are not used all numbers are 0.
  struct Place {
    double cost = 0;
    Eigen::VectorXd gradient, slopes, weights;   // slopes: of rows by their effects, one row behind the other; weights: of rows, over sigma^2
  };
  Place place_at(const Eigen::VectorXd& theta, const std::vector<char>& use, const Limits& limits) const;
  // What the curvature makes of a vector, and what it is along each effect.
  Eigen::VectorXd times(const Place& place, const Eigen::VectorXd& vector) const;
  Eigen::VectorXd diagonal(const Place& place) const;
  std::shared_ptr<const Factor> factored(const Place& place, const Eigen::VectorXd& damping) const;
  struct Step { Eigen::VectorXd by; int products = 0; };
  Step step(const Place& place, const Eigen::VectorXd& damping, const Eigen::VectorXd& moves, const Factor& factor) const;
  // As much of a step as gains something: where it ends, and its gain as a share of what the curvature promises. Length 0: none of it.
  struct Stride { double length = 1, share = 0; Place end; };
  Stride stride(const Place& here, const Eigen::VectorXd& theta, const Eigen::VectorXd& by, const std::vector<char>& use, const Limits& limits) const;

  const std::vector<Row>& rows_;
  std::vector<std::size_t> begins_;   // of rows in `slopes`, and the end
  std::vector<int> effects_;          // of all rows, one behind the other
  Eigen::VectorXd means_, precisions_;
};

}  // namespace rigcast::calibration::detail
