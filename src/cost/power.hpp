#pragma once
// Electrical power while decoding: idle plus a share of what is left up to the limit, for the time each device and the host work.

#include <optional>

#include "cost/load.hpp"
#include "cost/terms.hpp"

namespace rigcast::cost {

// What the devices at work and the hosts that take part draw, and what the devices' limits or caps allow them.
struct Drawn { Watts devices{}, hosts{}, most_devices{}; };

// Devices and the hosts that take part at the wall of their rails (no power supply losses). Nothing where a device's power is unknown. A device that shares the
// host's memory is one package with it, whose figure holds both.
std::optional<Drawn> decode_drawn(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step);
std::optional<Watts> decode_power(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step);

}  // namespace rigcast::cost
