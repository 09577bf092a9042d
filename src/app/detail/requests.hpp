#pragma once
// Reading what a request names, with errors that say which part of the request they are about.

#include "app/plan.hpp"

namespace rigcast::app {

Result<model::Architecture> requested_model(const Knowledge& knowledge, const PlanRequest& request);
Result<rig::Rig> requested_rig(const Knowledge& knowledge, const PlanRequest& request);

}  // namespace rigcast::app
