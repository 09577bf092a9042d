#pragma once
// The Rig and Placement that an Observation's conditions describe.

#include <memory>

#include "calibration/detail/known_names.hpp"
#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "cost/load.hpp"
#include "cost/paths.hpp"
#include "placement/placement.hpp"

namespace rigcast::calibration::detail {

// How many devices really worked together, and how they shared the requests. Prompts and decoding may run on different machines
// (disaggregated): then this is one of those that decode.
struct Machine {
  int devices = 1;
  int copies = 1;         // of attention among them, each with requests of its own
  int replicas = 1;       // such machines that share the stated concurrency
  bool disaggregated = false;
};
Machine machine_of(const Observation& o, bool experts);

struct Site {
  rig::Rig rig;
  placement::Placement placement;
  cost::Conditions conditions;
  std::string layout;   // "one", "several", "offload", "cpu"
  Machine machine;
  int stated_devices = 1;   // of the row, whichever of them worked together
};

// Engines that people measured and nobody can plan for here have the rules of their kind.
catalog::Engine rules_of(const catalog::Catalog& catalog, const std::string& engine);

// Errors: unsupported where the conditions do not say how the model was split.
Result<Site> site_of(KnownNames& names, const Observation& o, const model::Architecture& architecture);

}  // namespace rigcast::calibration::detail
