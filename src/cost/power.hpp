#pragma once
// Electrical power while decoding: idle plus a share of what is left up to the limit, for the time each device works.

#include "cost/load.hpp"
#include "cost/terms.hpp"

namespace rigcast::cost {

// Devices and host processor at the wall of their rails (no power supply losses).
Watts decode_power(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step);

}  // namespace rigcast::cost
