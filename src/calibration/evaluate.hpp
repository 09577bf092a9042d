#pragma once
// Predictions of Observations by the one estimator, how far they fall, and how far they fall on what a fit has not seen.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calibration/configure.hpp"
#include "calibration/fit.hpp"
#include "calibration/peers.hpp"
#include "cost/estimate.hpp"

namespace rigcast::calibration {

// By what scores are grouped, in the order people are told: "phase", "engine", ... A row's Groups hold all but "grade", its prediction's own.
const std::vector<std::string>& group_names();
using Groups = std::map<std::string, std::string, std::less<>>;

struct Prediction {
  std::string id;
  std::optional<cost::Interval> predicted;   // in the row's own metric and unit; empty: `reason` says why not
  std::string reason;
  double actual = 0;
  cost::Grade grade = cost::Grade::extrapolated;
  bool usable = true;                        // false: not a speed of a language model, or impossible; not counted in scores
  std::string excluded;                      // why its row neither calibrates nor counts in scores, though it is predicted; empty: it does
  std::string metric;
  std::shared_ptr<const Groups> groups;      // rows of one kind share them; empty where the row is not understood
  double file_bytes = 0, active_bytes = 0;   // of the model; 0 where it is not understood
  double bandwidth_over_size = 0;            // tokens/s by bandwidth / file bytes, for the comparison; 0 where it says nothing
  bool comparable = false;                   // plain decoding on one device, which other tools' formulas are about
  std::array<std::optional<double>, kPeers> peers = {};  // by peers(): tokens/s; empty where not comparable
  std::string_view group(std::string_view name) const;    // empty: none
  double error() const;                      // predicted / actual - 1 as a speed, whatever the metric; 0 without prediction
  bool covered() const;                      // the measured value lies in the interval
  bool counts() const { return usable && excluded.empty(); }
};

struct Evaluation { std::vector<Prediction> rows; };

struct Score {
  std::string group;
  int rows = 0, predicted = 0;
  double median = 0, p90 = 0;                // absolute error
  double bias = 0;                           // median error
  double coverage = 0;                       // share in the 80 % interval
};

// Predicts every row, on all processors; none is dropped silently. A stopped watch ends it early, here and below: the answer is then of no use.
// `bases`: as of model::ModelReader.
Evaluation evaluate(const catalog::Catalog& catalog, const cost::Calibration& calibration, const std::vector<Observation>& observations, const rig::Host* host = nullptr,
                    Watch* watch = nullptr, const std::shared_ptr<model::KnownBases>& bases = nullptr);

// What is held out together.
enum class Fold { device, model, source };
std::optional<Fold> fold_of(std::string_view name);

// Predicts every row by a fit that has seen no row of its device, model or source (up to ten folds of whole groups).
Evaluation cross_validate(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations, Fold fold, Watch* watch = nullptr);

// The effects alone, without spreads: what `calibrate` begins with. `start`: effects to begin the search at.
Result<cost::Calibration> fit_effects(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations,
                                      const FitOptions& options, const cost::Calibration* start = nullptr);

// Fits all effects, then finds the spreads of answers by holding out sources and devices in turn.
Result<cost::Calibration> calibrate(const catalog::Catalog& catalog, const Priors& priors, const std::vector<Observation>& observations);

// Ours and each of peers() on the rows that all of them predict, and each on all rows that it predicts; by model kind ("all", "dense", "experts").
struct PeerScore { std::string name, formula, kind; int rows = 0; double median = 0, p90 = 0, bias = 0; bool common = false; };
std::vector<PeerScore> score_peers(const Evaluation& evaluation);

// Scores by a group name of Prediction::groups ("" for all rows), largest group first.
std::vector<Score> score(const Evaluation& evaluation, std::string_view by);

// The data files of a Calibration.
std::string effects_csv(const cost::Calibration& calibration);
std::string spreads_csv(const cost::Calibration& calibration);
std::string widths_csv(const cost::Calibration& calibration);

}  // namespace rigcast::calibration
