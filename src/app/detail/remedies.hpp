#pragma once
// What would make a model fit that does not: searched by asking place() again, so that a Remedy is never a guess.

#include <cstdint>
#include <vector>

#include "app/detail/requests.hpp"
#include "app/models.hpp"
#include "app/plan.hpp"
#include "catalog/engine.hpp"

namespace rigcast::app {

inline constexpr std::int64_t kContextStep = 1024;   // in which contexts that fit are looked for

// The longest context that fits with everything else as in `placement`, near enough (steps of 1024, a few tries), at most the model's own.
// REQUIRES: placement.fits.
std::int64_t longest_context(const Knowledge& knowledge, const PlanRequest& request, const catalog::Engine& engine, const KnownModel& model,
                             const rig::Rig& rig, const placement::Placement& placement);

// In order of how little they change: a shorter context first, then a cache in fewer bits, then smaller Quants (the largest that fits), then weights that
// devices read in the host's memory, and another engine where this one cannot use the host's processor. Where the launch flags are the user's own
// and place it, one of them is changed at a time. Empty where nothing helps.
// REQUIRES: !now.placement.fits, and the model of the answer.
std::vector<Remedy> find_remedies(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model);

// What makes it faster: where weights lie on the host, a cache in fewer bits; where nobody named a format and it is planned in the 16 bits it
// was published in, the engine's usual smaller one; of llama.cpp's files a larger one with faster kernels. REQUIRES:
// now.placement.fits, and the model of the answer.
std::vector<Remedy> find_faster(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model);

// Another engine with the model that `spec` names.
Remedy engine_remedy(const catalog::Engine& engine, const std::string& spec, const model::Architecture& architecture, const Outcome& then);

// On the same devices: another backend of the engine that has been timed on such chips, and where cards or streams share the model an engine that is
// far ahead in about as many bits. REQUIRES: as find_faster(), and now.speed.
void faster_elsewhere(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, std::vector<Remedy>& remedies);

// For a placement that flags pin: the same with one flag changed. REQUIRES: as find_remedies(), and !now.searched.
void pinned_remedies(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, std::vector<Remedy>& remedies);

}  // namespace rigcast::app
