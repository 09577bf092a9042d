#pragma once
// The user's own Observations as plans see them.

#include <filesystem>
#include <memory>
#include <vector>

#include "app/knowledge.hpp"
#include "calibration/own.hpp"

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

// What the user's log says of this machine under this Placement; nothing where Knowledge has none.
calibration::Own own_for(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement);

}  // namespace rigcast::app
