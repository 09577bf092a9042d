#pragma once
// The Rig and Placement that an Observation's conditions describe.

#include <memory>

#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "cost/load.hpp"
#include "cost/paths.hpp"
#include "placement/placement.hpp"

namespace rigcast::calibration::detail {

struct Site {
  rig::Rig rig;
  placement::Placement placement;
  cost::Conditions conditions;
  std::string layout;   // "one", "several", "offload", "cpu"
};

// Errors: unsupported where the conditions do not say how the model was split.
Result<Site> site_of(const catalog::Catalog& catalog, const Observation& o, const model::Architecture& architecture);

}  // namespace rigcast::calibration::detail
