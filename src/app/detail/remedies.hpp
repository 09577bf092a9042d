#pragma once
// What would make a model fit that does not: searched by asking place() again, so that a Remedy is never a guess.

#include <vector>

#include "app/models.hpp"
#include "app/plan.hpp"
#include "catalog/engine.hpp"

namespace rigcast::app {

// The longest context that fits with everything else as in `placement`, near enough (steps of 1024, a few tries), at most the model's own.
// REQUIRES: placement.fits.
std::int64_t longest_context(const Knowledge& knowledge, const PlanRequest& request, const catalog::Engine& engine, const KnownModel& model,
                             const rig::Rig& rig, const placement::Placement& placement);

// In order of how little they change: a shorter context first, then a cache in fewer bits, then smaller Quants (the largest that fits). Empty where nothing helps, or
// where the launch flags are the user's own and place it.
// REQUIRES: !now.placement.fits, and the model of the answer.
std::vector<Remedy> find_remedies(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model);

// Where weights lie on the host: a cache in fewer bits, if that makes it faster. REQUIRES: now.placement.fits, and the model of the answer.
std::vector<Remedy> find_faster(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model);

}  // namespace rigcast::app
