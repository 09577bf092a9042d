#pragma once
// Knowledge: what every verb reads and none changes.

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "cost/calibration.hpp"

namespace rigcast::app {

struct Knowledge {
  catalog::Catalog catalog;
  cost::Calibration calibration;
};

// The facts and the Calibration compiled into the program, with the user's overlays on top (the first wins).
Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path>& overlays);

}  // namespace rigcast::app
