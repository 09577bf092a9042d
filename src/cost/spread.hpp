#pragma once
// How close the evidence of a Calibration comes to a Load, and how far such answers fall from measurements.

#include <array>
#include <string>
#include <string_view>

#include "cost/calibration.hpp"
#include "cost/estimate.hpp"
#include "cost/load.hpp"

namespace rigcast::cost {

// near: Observations of this device, and of this engine with this backend, perhaps on other devices; family: of its chip family, under
// whatever engine. Never measured: that is for whoever knows the rows.
Grade grade_of(const Load& load, const Calibration& calibration);

// Whether chips of this family have been timed under this very backend.
bool timed_under_backend(const Load& load, const Calibration& calibration);

// Of the names of effects, two thirds of a resolved Load's bytes, keeps those that the two above go by. REQUIRES: `load` is resolved, and is not
// resolved again: what is left of the names would make every Path reach its peak.
void forget_effects(Load& load, const Calibration& calibration);

// "one", "several", "offload", "cpu": where the work is done.
std::string_view layout_of(const Load& load);

// Names of the groups a question belongs to, most particular first: "decode|near|one|llama.cpp:cuda", "decode|near|one|llama.cpp",
// "decode|near|one", "decode|near", "decode".
std::vector<std::string> spread_keys(const Load& load, std::string_view phase, Grade grade);

// The traits of a question whose answers may scatter more or less than their group's, each kind at its own place: "decode|family=volta",
// "decode|format=q4_k", "decode|backend=cuda".
std::array<std::string, 3> width_keys(const Load& load, std::string_view phase);

// The spread of the first of those groups that cross-validation measured, made as much wider or narrower as its traits are.
Spread spread_of(const Load& load, std::string_view phase, Grade grade, const Calibration& calibration);

// A time and a rate of `amount` per such time with their interval, none of it faster than `least` (terms.hpp: least_seconds) unless the middle is.
Interval time_within(double time, const Spread& spread, double least);
Interval rate_within(double amount, double time, const Spread& spread, double least);

}  // namespace rigcast::cost
