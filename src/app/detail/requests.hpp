#pragma once
// Reading what a request names, with errors that say which part of the request they are about.

#include "app/plan.hpp"

namespace rigcast::app {

// What is to be placed follows from what is asked of it: room for every stream and for all that is read.
PlanRequest with_room(PlanRequest request);

Result<model::Architecture> requested_model(const Knowledge& knowledge, const PlanRequest& request);
Result<rig::Rig> requested_rig(const Knowledge& knowledge, const PlanRequest& request);

}  // namespace rigcast::app
