#pragma once
// Fits the effects of a Calibration to Observations: the maximum of a posterior with Gaussian priors (shrinkage to the parent) and a
// heavy-tailed likelihood (detail/posterior.hpp).
//
//   residual of row i:  (log predicted_i - log measured_i) / sigma, through 3 log(1 + z^2 / 3) (the loss of Cauchy, three
//                       quarters of a Student-t of 3 degrees), times the row's weight
//   residual of effect: (theta - prior mean) / prior sd
//
// Rows of one source on one device are correlated: n of them together weigh as much as sqrt(n).

#include <map>
#include <string>
#include <vector>

#include "base/watch.hpp"
#include "calibration/configure.hpp"
#include "cost/calibration.hpp"

namespace rigcast::calibration {

// What is believed of effects before any Observation; data/calibration/priors.csv.
class Priors {
 public:
  static Result<Priors> read(std::string_view csv);
  cost::Effect of(std::string_view effect) const;   // mean and sd

 private:
  std::map<std::string, cost::Effect, std::less<>> exact_;
  std::map<std::string, double, std::less<>> times_;   // by quantity: how much more its effects vary
};

struct FitOptions {
  double sigma = 0.08;         // scatter of log(measured / predicted) that is nobody's fault; rows several times as far off count less and less
  int iterations = 30;
  double tolerance = 1e-4;     // stops where a step gains less than this share of the sum
  int threads = 2;
  bool uncertainty = true;     // fill in posterior sd
  Watch* watch = nullptr;      // stopped: the fit ends where it is
};

// Rows that are compiled once and fitted many times (cross-validation).
class FitProblem {
 public:
  FitProblem(const std::vector<Prepared>& rows, const std::vector<double>& weights, const Priors& priors);
  ~FitProblem();
  // Fits the rows with use[i], starting from `start` where it has the effect. Effects of sources are fitted and left out.
  cost::Calibration fit(const std::vector<char>& use, const FitOptions& options, const cost::Calibration* start = nullptr) const;
  // log(predicted / measured) of every row under a Calibration, without effects of sources.
  std::vector<double> residuals(const cost::Calibration& calibration) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

// Weights of rows: 0.4 / sqrt(rows of the same source, device, engine and phase), times the row's own weight, times 0.3 where the model's shape
// is a guess. The 0.4 sets Observations against the priors.
std::vector<double> row_weights(const std::vector<Prepared>& rows, const std::vector<double>& own);

}  // namespace rigcast::calibration
