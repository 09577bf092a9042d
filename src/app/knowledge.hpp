#pragma once
// Knowledge: what every verb reads and none changes.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "cost/calibration.hpp"
#include "model/architecture.hpp"
#include "rig/rig.hpp"

namespace rigcast::app {

class KnownLoads;
class KnownModels;
struct KnownModel;
class KnownRigs;
class LongestContexts;
class NearestEvidence;
class OwnLogs;

struct Knowledge {
  catalog::Catalog catalog;
  cost::Calibration calibration;
  // The machine the program runs on, where it may look; empty: `here` is not understood.
  std::function<rig::Rig(const catalog::Catalog&)> here = {};
  // What was found near earlier questions, for processes that answer many; empty: nothing is remembered.
  std::shared_ptr<NearestEvidence> nearest = {};
  // The user's own Observations; empty: there are none.
  std::shared_ptr<OwnLogs> own = {};
  // Models read before or handed in as bytes (read_given() makes them), and what layouts hold at most; empty: nothing is remembered.
  std::shared_ptr<KnownModels> models = {};
  std::shared_ptr<LongestContexts> longest = {};
  // What layouts make the devices do; empty: nothing is remembered.
  std::shared_ptr<KnownLoads> loads = {};
  // Rigs read before; empty: nothing is remembered.
  std::shared_ptr<KnownRigs> rigs = {};
};

// The model that `spec` names: one that was handed in, else as model::read_model.
Result<model::Architecture> find_model(const Knowledge& knowledge, std::string_view spec);
// The same, shared with whoever asked before.
Result<std::shared_ptr<const KnownModel>> find_known(const Knowledge& knowledge, std::string_view spec);

// Reads a model that was handed in as bytes: the header of a GGUF file, padded to where the `rest` bytes of
// weights would begin, or a config.json. `file` is what its owner calls it. Errors as model::read_model; input for bytes that are neither.
Result<model::Architecture> read_given(const Knowledge& knowledge, std::string_view file, std::string_view bytes, std::uint64_t rest);

// The facts and the Calibration compiled into the program, with the user's overlays on top (the first wins).
Result<Knowledge> load_knowledge(const std::vector<std::filesystem::path>& overlays);

// A rig spec, a rig file, or `here`.
Result<rig::Rig> read_rig(const Knowledge& knowledge, std::string_view spec);
// The first two of them alone.
Result<std::shared_ptr<const rig::Rig>> find_rig(const Knowledge& knowledge, std::string_view spec);

}  // namespace rigcast::app
