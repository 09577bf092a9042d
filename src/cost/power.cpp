#include "cost/power.hpp"

#include <algorithm>

namespace rigcast::cost {
namespace {

// Shares of the board limit where the device's own figures are unknown. Decoding keeps memory busy and arithmetic idle: most cards
// draw 0.6 to 0.9 of their limit; idle cards in P8/P0 draw 5 to 12 % of it.
constexpr double kIdleShare = 0.08, kDecodeShare = 0.75;
constexpr double kHostIdle = 40, kHostBusy = 120;  // W of a processor with its memory, between light and full load

}  // namespace

Watts decode_power(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step) {
  const double total = std::max(1e-12, seconds(load, step));
  std::vector<double> busy(rig.devices.size(), 0.0);
  double host_busy = 0;
  const bool together = !placement.devices.empty() && placement.mode == placement::Mode::tensor;
  for (const StageWork& work : step) {
    const int device = load.stages[static_cast<std::size_t>(work.stage)].device;
    const double t = seconds(load, work);
    if (device == placement::kHost) host_busy += t;
    else busy[static_cast<std::size_t>(device)] += t;
  }
  double watts = kHostIdle + (kHostBusy - kHostIdle) * std::min(1.0, host_busy / total);
  for (const auto& share : placement.devices) {
    const rig::RigDevice& d = rig.devices[static_cast<std::size_t>(share.device)];
    const double rated = d.device.power ? d.device.power->value.value() / std::max(1, d.device.chips) : 0;
    const double limit = d.power_limit ? d.power_limit->value() : rated;
    const double idle = d.device.idle ? d.device.idle->value.value() / std::max(1, d.device.chips) : kIdleShare * rated;
    const double use = together ? 1.0 : std::min(1.0, busy[static_cast<std::size_t>(share.device)] / total);
    watts += std::min(limit, idle + use * (kDecodeShare * rated - idle));
  }
  return Watts(watts);
}

}  // namespace rigcast::cost
