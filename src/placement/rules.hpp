#pragma once
// Where the Rules of the Catalog meet a Placement: what the engine refuses on these devices is an error with the rule's sentence, what it
// costs is a caveat with the rule's source.

#include <optional>
#include <vector>

#include "catalog/rule.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement {

// What a Rule may ask of one device under an engine, whatever the model: its format, split and what lies on the host stay unknown.
catalog::Situation situation_of(const catalog::Engine& engine, const std::string& backend, const rig::Rig& rig, const rig::RigDevice& device);

// unsupported: weights in a format that no kernel or loader of the engine reads (catalog::Engine::quant_groups).
Result<void> check_formats(const catalog::Catalog& catalog, const catalog::Engine& engine, const ModelView& model, std::string_view backend = {});

// Whether the engine itself makes the architecture's format of weights in 16 bits, where nobody publishes it: layer by layer as it loads them, or once all of
// them lie on the devices that hold one copy, whose memory is `devices`.
enum class Made { no, while_loading, after_loading };
Made made_by_engine(const catalog::Engine& engine, const model::Architecture& architecture, std::string_view backend, Bytes devices);

// unsupported: a refusal that applies to any of the devices, whatever the format before those of a format.
Result<void> check_refusals(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                            const std::string& backend, const ModelView& model, const rig::Rig& rig);

// Where no engine that is known runs on these devices, whatever the model and its format: that, what memory alone says of this model, and what else is
// known of them.
std::optional<Error> nothing_runs(const catalog::Catalog& catalog, const rig::Rig& rig, const model::Architecture& architecture);

// What rules want on the launch line of the finished placement, and why.
std::vector<FlagNote> demanded(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                               const ModelView& model, const rig::Rig& rig, const Placement& placement);

// Adds what applies to the finished placement, each rule once, whichever of the devices it speaks of, and what of it is demanded.
void add_caveats(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                 const ModelView& model, const rig::Rig& rig, Placement& placement);

// Every model runs there, and nobody serves it so who has a choice (Transformers).
bool is_reference(const catalog::Engine& engine);

}  // namespace rigcast::placement
