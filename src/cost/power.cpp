#include "cost/power.hpp"

#include <algorithm>
#include <string>

#include "cost/processors.hpp"

namespace rigcast::cost {
namespace {

// Shares of the board limit where the device's own figures are unknown. Decoding keeps memory busy and arithmetic idle: most cards
// draw 0.6 to 0.9 of their limit; idle cards in P8/P0 draw 5 to 12 % of it.
constexpr double kIdleShare = 0.08, kDecodeShare = 0.75;
// Apple prints what a whole machine takes from the wall at most, with every core and port at work: decoding takes about half of it (M2 Ultra 110
// to 130 of 295 W, M4 Pro 50 to 60 of 140 W, M3 Ultra under 200 of 270 W).
constexpr double kDecodeShareOfWall = 0.5;
// Between kernels, at full clocks, a card draws about half of that: 8 MI50 and their server draw 1,200 W on a mixture whose kernels take four
// fifths of a step to start (the note of that machine in data/devices/amd-gcn-cdna.toml).
constexpr double kWaitingShare = 0.5;
// Of a processor's rated power; memory-bound work on all cores draws about what it is rated for. A board with memory and fans comes on top.
constexpr double kHostIdleShare = 0.25, kHostBusyShare = 0.9;
constexpr double kBoard = 20, kPackageBoard = 8;   // W; of a machine whose device and processor are one package
constexpr double kRatedOfBoard = 65;               // W: boards of lesser processors are less in proportion (a Raspberry Pi)
constexpr double kRatedCore = 6.5, kRatedArmCore = 3;   // W a core of processors whose rating is unknown: 105 for 16, Grace's 72 take 250 with memory
constexpr int kUnknownCores = 16;

bool waits(StageKind kind) {
  switch (kind) {
    case StageKind::weights:
    case StageKind::experts:
    case StageKind::kv:
    case StageKind::state: return false;
    default: return true;
  }
}

// Seconds of a step that each device and the host work; of those a device waits, what they are worth of it.
struct Busy { std::vector<double> devices; double host = 0; };

Busy busy_of(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step) {
  Busy busy{std::vector<double>(rig.devices.size(), 0.0)};
  double shared = 0;   // work on tensors that all devices hold a part of is booked on one of them
  for (const StageWork& work : step) {
    const Stage& stage = load.stages[static_cast<std::size_t>(work.stage)];
    const double t = seconds(load, work), drawn = waits(stage.kind) ? kWaitingShare * t : t;
    if (stage.device == placement::kHost) busy.host += t;
    else if (load.shares_tensors) shared += drawn;
    else busy.devices[static_cast<std::size_t>(stage.device)] += drawn;
  }
  const double ranges = placement.mode == placement::Mode::pipeline ? std::max(1, placement.settings.pipeline_degree) : 1;   // which take turns
  if (load.shares_tensors)
    for (const auto& share : placement.devices) busy.devices[static_cast<std::size_t>(share.device)] = shared / ranges;
  return busy;
}

double rated_watts(const rig::Host& host) {
  if (host.processor && host.processor->power) return host.processor->power->value.value() * std::max(1, host.sockets);
  const std::string set = instruction_class(host);
  const bool arm = set == "neon" || set == "dotprod" || set == "i8mm";
  return (host.cores > 0 ? host.cores : kUnknownCores) * (arm ? kRatedArmCore : kRatedCore);
}

double host_watts(const rig::Host& host, double use) {
  const double rated = rated_watts(host);
  return kBoard * std::min(1.0, rated / kRatedOfBoard) + rated * (kHostIdleShare + use * (kHostBusyShare - kHostIdleShare));
}

// What its data sheet or the user's cap allows one chip. REQUIRES: a data sheet that says so.
double limit_of(const rig::RigDevice& d) {
  const double rated = d.device.power->value.value() / std::max(1, d.device.chips);
  return d.power_limit ? std::min(rated, d.power_limit->value()) : rated;
}

// Busy for a share of the time. Nothing where nobody knows what the device draws.
std::optional<double> device_watts(const rig::RigDevice& d, double use) {
  if (!d.device.power) return std::nullopt;
  const double chips = std::max(1, d.device.chips), rated = d.device.power->value.value() / chips;
  const double limit = limit_of(d);
  const double idle = d.device.idle ? d.device.idle->value.value() / chips : kIdleShare * rated;
  const double share = d.device.vendor == "apple" ? kDecodeShareOfWall : kDecodeShare;
  return std::min(limit, idle + use * (share * rated - idle));
}

// The device that is one package with the host's processor, whether it takes part or not.
const rig::RigDevice* package_of(const rig::Rig& rig, std::size_t host) {
  const auto found = std::find_if(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return d.device.unified && static_cast<std::size_t>(d.host) == host; });
  return found == rig.devices.end() ? nullptr : &*found;
}

// Every host that takes part: the first, whose process drives the engine, and those of the devices used.
double hosts_watts(const rig::Rig& rig, const placement::Placement& placement, double use) {
  if (rig.hosts.empty()) return kPackageBoard;
  std::vector<bool> used(rig.hosts.size(), false), counted(rig.hosts.size(), false);   // counted: as a device that takes part
  used.front() = true;
  for (const auto& share : placement.devices) {
    const rig::RigDevice& d = rig.devices[static_cast<std::size_t>(share.device)];
    used[static_cast<std::size_t>(d.host)] = true;
    if (d.device.unified) counted[static_cast<std::size_t>(d.host)] = true;
  }
  double watts = 0;
  for (std::size_t h = 0; h < rig.hosts.size(); ++h) {
    if (!used[h]) continue;
    const rig::RigDevice* package = package_of(rig, h);
    const auto whole = package ? device_watts(*package, h == 0 ? use : 0) : std::nullopt;
    if (counted[h]) watts += kPackageBoard;
    else watts += whole ? kPackageBoard + *whole : host_watts(rig.hosts[h], h == 0 ? use : 0);
  }
  return watts;
}

}  // namespace

std::optional<Drawn> decode_drawn(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step) {
  const double total = std::max(1e-12, seconds(load, step));
  const Busy busy = busy_of(rig, placement, load, step);
  double devices = 0, most = 0;
  for (const auto& share : placement.devices) {
    const int alike = share.device % std::max(1, static_cast<int>(placement.devices.size()) / load.copies);   // in the first copy
    const rig::RigDevice& d = rig.devices[static_cast<std::size_t>(share.device)];
    const auto device = device_watts(d, std::min(1.0, busy.devices[static_cast<std::size_t>(load.copies > 1 ? alike : share.device)] / total));
    if (!device) return std::nullopt;
    devices += *device;
    most += limit_of(d);
  }
  return Drawn{Watts(devices), Watts(hosts_watts(rig, placement, std::min(1.0, busy.host / total))), Watts(most)};
}

std::optional<Watts> decode_power(const rig::Rig& rig, const placement::Placement& placement, const Load& load, const std::vector<StageWork>& step) {
  const auto drawn = decode_drawn(rig, placement, load, step);
  return drawn ? std::optional(drawn->devices + drawn->hosts) : std::nullopt;
}

}  // namespace rigcast::cost
