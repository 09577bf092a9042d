#pragma once
// From the conditions of an Observation to what the estimator takes: the same Architecture, Rig and Placement a plan would use.

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "catalog/engine.hpp"
#include "cost/load.hpp"
#include "cost/terms.hpp"
#include "model/read.hpp"

namespace rigcast::calibration {

namespace detail { class KnownNames; }

// Tables beside the Observations, read as rows need them: errors name file, line and column. For whoever lets others write some.
Result<void> check_tables(const catalog::Catalog& catalog);

// An Observation understood: its layout summed into a Load, and the work whose time it reports.
struct Prepared {
  std::shared_ptr<const cost::Load> load;       // shared by all Observations of one layout; not resolved
  std::vector<cost::StageWork> work;            // its seconds are the measured time
  double units = 1;                             // value = units / seconds for rates, units * seconds for times
  bool is_rate = true;
  int devices = 1;                              // that the row states, or sockets
  double replicas = 1;                          // machines that share the stated load
  double stages = 1;                            // of a pipeline that works on as many groups of requests at once
  bool prompts_elsewhere = false;               // other machines read the prompts
  double cache_bytes = 0;                       // left for cache on one device; 0: no limit known
  double most_sequences = 0;                    // that the engine runs at once; 0: no limit known
  std::string phase;                            // prefill, decode, serve (batched decoding)
  std::string device, family, vendor, engine, backend, model, format, layout;  // resolved keys, for groups
  std::string source;                           // whose measurement: repository, else site
  bool speculative = false;                     // several tokens a step
  bool surrogate = false;                       // shape made from the parameter count: nobody knows this model
  double depth = 0, active_bytes = 0, file_bytes = 0, sequences = 1;
  double bandwidth = 0;                         // bytes/s of all devices that share a token's weights
  double measured_seconds = 0;
  double memory = 0, half_rate = 0;             // of the first device: bytes, dense half-precision flop/s; 0 unknown
  bool experts = false;                         // of the model, and its parameters: all, read for one token, outside experts
  double parameters = 0, active_parameters = 0, fixed_parameters = 0;
};

// Understands Observations one by one, remembering what their layouts share.
class Configurator {
 public:
  // `with_sources`: for fits, where each source's own way of measuring is an effect of its own. `bases`: as of model::ModelReader. `names`: of
  // the same catalogue, shared with others; nullptr: its own.
  explicit Configurator(const catalog::Catalog& catalog, bool with_sources = false, std::shared_ptr<model::KnownBases> bases = nullptr,
                        std::shared_ptr<detail::KnownNames> names = nullptr);
  // Rows that name this host's processor ran on it: whatever was measured of it since holds for them, too.
  void set_host(rig::Host host) { host_ = std::move(host); }
  // Errors say in one sentence why this row cannot be predicted: unknown device, missing conditions, a metric of queueing.
  Result<Prepared> prepare(const Observation& observation);
  // The same into what an earlier row may have filled.
  Result<void> prepare(const Observation& observation, Prepared& out);
  // Drops models and layouts, for whoever goes through rows model by model.
  void forget();

 private:
  struct Model;
  struct Layout;
  Result<std::shared_ptr<const Layout>> make_layout(const Observation& observation);

  const catalog::Catalog& catalog_;
  model::ModelReader reader_;
  std::shared_ptr<detail::KnownNames> names_;
  bool with_sources_ = false;
  std::optional<rig::Host> host_;
  std::unordered_map<std::string, Result<std::shared_ptr<const Layout>>> layouts_;
  std::unordered_map<std::string, Result<std::shared_ptr<const Model>>> models_;
  std::unordered_map<std::string, Result<catalog::Engine>> engines_;
};

}  // namespace rigcast::calibration
