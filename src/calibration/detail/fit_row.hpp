#pragma once
// One Observation as a fit sees it: the time that effects make of its work, and how that moves with each of them.

#include <utility>
#include <vector>

#include "cost/terms.hpp"

namespace rigcast::calibration::detail {

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

// The logarithm of cost::seconds of all parts under effects `theta`, one for each of the row's own, and its gradient by these; nullptr: not asked for.
double log_time(const Row& row, const double* theta, double* gradient);

}  // namespace rigcast::calibration::detail
