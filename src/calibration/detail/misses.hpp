#pragma once
// How far answers fall from measurements, as an interval, and how much further those that share a trait.

#include <optional>
#include <string_view>
#include <vector>

#include "cost/calibration.hpp"

namespace rigcast::calibration::detail {

struct Miss { double value = 0; std::string_view source; };   // log(measured / predicted) as speeds

// The 10 and 90 % quantiles of a group's misses, interpolated between the middles of their weights. Many rows of one source count as their
// root, so that none decides alone; a group of fewer than 40 rows or 4 sources (by the weights' effective number) has none of its own: their
// tail would be an anecdote.
std::optional<cost::Spread> spread_of_misses(std::vector<Miss> misses);

// How many times as wide the intervals of one trait would have to be to hold 80 % of its misses, drawn towards 1 as if six sources of the
// usual width (twenty where it would be narrower) stood beside those that know the trait; none from fewer than ten rows. The values here:
// log(|miss| / side of its interval).
std::optional<cost::Width> width_of_misses(std::vector<Miss> sides);

}  // namespace rigcast::calibration::detail
