#pragma once
// Effects that no row tells apart, fitted as one.

#include <vector>

#include "calibration/detail/fit_row.hpp"
#include "cost/calibration.hpp"

namespace rigcast::calibration::detail {

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

// Of the rows of `use`.
Sums sums_of(const std::vector<Row>& rows, const std::vector<char>& use, const std::vector<cost::Effect>& priors);

// The row with sums in the place of their effects.
Row in_sums(const Row& row, const Sums& sums);

}  // namespace rigcast::calibration::detail
