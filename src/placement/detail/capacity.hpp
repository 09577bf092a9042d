#pragma once
// What memory there is for an engine, and whether a placement fits it: the same for all engines.

#include "catalog/engine.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

// The backend a device runs on: the one that all share, or where it does not run that its own, the first the engine has for it.
std::string_view backend_on(const catalog::Engine& engine, std::string_view shared, const rig::RigDevice& device);

// What programs on this backend can allocate on the device, the parts reserved for others taken off.
Bytes device_capacity(const catalog::Engine& engine, const std::string& backend, const rig::RigDevice& device);

// What the operating system leaves of the memory of the host the engine's process runs on, the first; 0: unknown.
Bytes host_capacity(const rig::Rig& rig);

// Fills capacity, missing and fits. Devices on unified memory share the host's.
void check_fit(const rig::Rig& rig, Placement& placement);

}  // namespace rigcast::placement::detail
