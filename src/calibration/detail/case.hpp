#pragma once
// An Observation made ready to be predicted, and its Prediction put together: what evaluating and cross-validating share.

#include <memory>
#include <string>
#include <string_view>

#include "calibration/configure.hpp"
#include "calibration/evaluate.hpp"
#include "cost/calibration.hpp"

namespace rigcast::calibration::detail {

// One Observation with what preparing it gave.
struct Case {
  Prepared prepared;
  bool understood = false;
  std::string reason;   // why not
  bool usable = true;
};

// Into a Case that may have held another row. A row that is not understood says why; one that no machine can reach is not either.
void prepare_case(Configurator& configurator, const Observation& o, Case& c);

Groups groups_of(const Prepared& p);
const char* depth_group(double depth);

// The phase whose spreads a row belongs to.
std::string_view spread_phase(const Prepared& p);

// All of a Prediction but its numbers and grade.
Prediction describe(const Observation& o, const Case& c, std::shared_ptr<const Groups> groups);

// In the metric of the row.
cost::Interval interval_of(const Prepared& p, double seconds, const cost::Spread& spread);

}  // namespace rigcast::calibration::detail
