#pragma once
// A user's own Observations move the estimate for their machine.
//
// log(measured / predicted) of an own row = machine + format + model + row: random effects whose variances are shares of the spread that
// cross-validation found for such answers (data/calibration/shares.csv); a model's share is half its format's, whose kernels others use too.
// How much this machine differs from others, and how much its rows differ from each other, is not taken as given: both variances have a
// factor of long-tailed belief, and all pairs of factors answer, each by how well it explains the rows. So rows that agree with each other
// and not with the prediction say that the machine is different; rows that contradict each other say that little is known. The answer for a
// model is the expectation of its machine + format + model given the means of all measured models (a normal distribution for each pair).

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/configure.hpp"
#include "cost/estimate.hpp"
#include "cost/own.hpp"
#include "model/architecture.hpp"

namespace rigcast::calibration {

// What the rows of a log that was read leniently are: every line that can be read, and how many cannot.
struct OwnLog { std::vector<Observation> rows; int unread = 0; };
OwnLog read_own(std::string_view csv, std::string_view file);

// What is planned.
struct OwnQuestion {
  std::string device;                      // key of the first device, or of the processor where everything is on the host
  int devices = 1;
  const model::Architecture& architecture;
  const cost::Load& load;
  const rig::Host* host = nullptr;         // the rig's, where rows may name its processor as it is printed
};

// What the log says for that machine: effects, and the rows of the planned phase nearest to the question as evidence, the same model first.
// Rows count that name the same device, engine and backend, as many devices, and the same kind of layout.
struct Own { cost::OwnEffects effects; std::vector<cost::Evidence> evidence; bool same_model = false; };
Own own_of(const catalog::Catalog& catalog, const cost::Calibration& calibration, const OwnLog& log, const OwnQuestion& question);

// Effect of rows that were understood: `residuals` is log(measured / predicted) as speeds. `sd`: of such residuals where nothing is known.
struct OwnRow { std::string model; double residual = 0, weight = 1; };
cost::OwnEffect own_effect(const std::vector<OwnRow>& rows, std::string_view model, double sd, const cost::Shares& shares);

// How much own rows help, on machines whose source a fit has not seen: rows predicted again after `own_rows` others of the same machine were
// taken as own ones, of the same model or of others. At most six rows of a machine are asked for, so that no sweep decides.
struct OwnCheck {
  std::string phase;
  bool same_model = false;
  int own_rows = 0, rows = 0;
  double median_before = 0, median_after = 0;       // absolute error
  double coverage_before = 0, coverage_after = 0;   // share in the 80 % interval
};
struct Evaluation;
std::vector<OwnCheck> check_own(const Evaluation& held_out, const cost::Calibration& calibration);

// Shares as the residuals of held-out sources show them, by phase. `residuals` as FitProblem::residuals.
std::map<std::string, cost::Shares, std::less<>> shares_of(const std::vector<Prepared>& rows, const std::vector<double>& residuals);
std::string shares_csv(const cost::Calibration& calibration);

}  // namespace rigcast::calibration
