#include "placement/detail/capacity.hpp"

#include <algorithm>

namespace rigcast::placement::detail {

std::string_view backend_on(const catalog::Engine& engine, std::string_view shared, const rig::RigDevice& device) {
  const auto runs = [&](std::string_view backend) { return std::find(device.device.runs.begin(), device.device.runs.end(), backend) != device.device.runs.end(); };
  if (device.device.runs.empty() || runs(shared)) return shared;
  const auto own = std::find_if(engine.backends.begin(), engine.backends.end(), [&](const std::string& backend) { return backend != "cpu" && runs(backend); });
  return own == engine.backends.end() ? shared : std::string_view(*own);
}

Bytes device_capacity(const catalog::Engine& engine, const std::string& backend, const rig::RigDevice& device) {
  Bytes visible = device.memory * catalog::number_of(engine, "visible_fraction", backend, 1.0);
  if (device.device.usable_memory && device.memory == device.device.memory.value) visible = device.device.usable_memory->value;
  return std::max(Bytes{}, visible - device.reserved);
}

Bytes host_capacity(const rig::Rig& rig) {
  return rig.hosts.empty() ? Bytes{} : rig.hosts.front().available();
}

void check_fit(const rig::Rig& rig, Placement& placement) {
  placement.missing.clear();
  placement.fits = true;
  Bytes shared{};  // taken out of the host's memory by devices that have none of their own
  Bytes beyond{};  // ... more than they may: told of them, and not of the host once more
  for (const DeviceShare& share : placement.devices) {
    const Bytes missing = std::max(Bytes{}, share.memory.total() - share.capacity);
    placement.missing.push_back(missing);
    placement.fits = placement.fits && missing == Bytes{};
    const rig::RigDevice& device = rig.devices[static_cast<std::size_t>(share.device)];
    if (device.device.unified && device.host == 0) shared += share.memory.total(), beyond += missing;
  }
  placement.host_capacity = host_capacity(rig);
  const bool known = placement.host_capacity > Bytes{};
  const Bytes missing = known ? std::max(Bytes{}, placement.host.total() + shared - beyond - placement.host_capacity) : Bytes{};
  placement.missing.push_back(missing);
  placement.fits = placement.fits && missing == Bytes{};
}

}  // namespace rigcast::placement::detail
