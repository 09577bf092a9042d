#pragma once
// The Calibration: fitted efficiency parameters with their uncertainty, passed into cost as one plain value.

#include <map>
#include <string>
#include <string_view>

namespace rigcast::cost {

// One additive effect on the logarithm of a time term, shrunk towards its parent in the fit.
struct Effect {
  double mean = 0;          // natural log
  double sd = 0;            // posterior standard deviation
  double observations = 0;  // weight of evidence behind it
};

// Effects by name, e.g. "bw|backend=cuda|family=ampere", "bw|device=rtx-3090|backend=cuda". Absent effects are 0 with the prior's sd.
struct Calibration {
  std::map<std::string, Effect, std::less<>> effects;
  std::map<std::string, double, std::less<>> numbers;   // priors, residual scales by group
  std::string date;                                     // of the fit
};

}  // namespace rigcast::cost
