#pragma once
// Knowledge: what every verb reads and none changes.

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "cost/calibration.hpp"
#include "rig/rig.hpp"

namespace rigcast::app {

struct Knowledge {
  catalog::Catalog catalog;
  cost::Calibration calibration;
  // The machine the program runs on, where it may look; empty: `here` is not understood.
  std::function<rig::Rig(const catalog::Catalog&)> here = {};
};

// The facts and the Calibration compiled into the program, with the user's overlays on top (the first wins).
Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path>& overlays);

// A rig spec, a rig file, or `here`.
Result<rig::Rig> read_rig(const Knowledge& knowledge, std::string_view spec);

}  // namespace rigcast::app
