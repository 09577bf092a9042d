#pragma once
// What keeps an engine from a model on a rig, and what runs there instead.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/rule.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

inline bool runs(const rig::RigDevice& device, const std::string& backend) {
  const auto& known = device.device.runs;
  return std::find(known.begin(), known.end(), backend) != known.end();
}

inline bool lists(const std::vector<std::string>& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

inline bool one_maker(const rig::Rig& rig) {
  return std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return d.device.vendor == rig.devices.front().device.vendor; });
}

// What keeps an engine from this model on these machines, whatever the format of its weights.
Result<void> check_engine(const catalog::Engine& engine, const std::string& backend, const model::Architecture& architecture, const rig::Rig& rig);

// Devices that do not run the backend of the others run on their own, with its rules.
Result<void> check_foreign(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                           const model::Architecture& architecture, const rig::Rig& rig);

// Where the engine cannot run this: one that can as it is, else the same in a format that it takes here, else one that runs on the devices, with
// weights it reads; those for which there is room before all, then what is more than a reference (Transformers), then those that share a cache out among requests, the engine under the refusing one
// first, then the one with the fewest warnings, of those the one for most kinds of chips, which is the one at hand.
Error with_engine_that_runs(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request, const catalog::Engine& refusing,
                            Error error);

// Where the engine does not read the weights' format: what it usually runs instead, or the engine such files are made for, unless these devices refuse
// that; then the nearest format that runs on them, else an engine that runs.
Error with_format_that_runs(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request, const catalog::Engine& refusing,
                            const std::string& backend, Error error);

}  // namespace rigcast::placement::detail
