#pragma once
// The user's own Observations as plans see them.

#include <compare>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/knowledge.hpp"
#include "calibration/own.hpp"
#include "cost/estimate.hpp"
#include "cost/load.hpp"

namespace rigcast::app {

// The logs of a user, read when they are first needed and again when they have changed: a server sees a new measurement at once. May be
// used by several threads.
class OwnLogs {
 public:
  explicit OwnLogs(std::vector<std::filesystem::path> files);
  ~OwnLogs();
  // All rows of all files that are there; null where there are none.
  std::shared_ptr<const calibration::OwnLog> read();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// observations.csv of each overlay directory, where `observe import` keeps them.
std::vector<std::filesystem::path> own_log_files(const std::vector<std::filesystem::path>& overlays);

// What the answer of own_for() depends on beside the user's log and the model: plans that agree in it share the answer.
struct OwnMachine {
  std::string device;        // catalogue key of the first one, or of the processor
  int devices = 1;
  std::string backend;
  std::string_view layout;   // cost::layout_of
  cost::Grade grade{};       // it decides the spread that own rows are weighed against
  auto operator<=>(const OwnMachine&) const = default;
};
OwnMachine own_machine(const Knowledge& knowledge, const rig::Rig& rig, const placement::Placement& placement, const cost::Load& load);

// What the user's log says of this machine under this Placement, whose Load is `load`; nothing where Knowledge has none.
calibration::Own own_for(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement,
                         const cost::Load& load);

}  // namespace rigcast::app
