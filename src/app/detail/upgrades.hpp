#pragma once
// What one more card, or more memory in the host, would bring: the same question asked of the Rig as it would be then.

#include <vector>

#include "app/models.hpp"
#include "app/plan.hpp"

namespace rigcast::app {

// Where the model does not fit: the fewest further cards of the first kind (at most kMostCards) and the least host memory with which it does.
// Where part of it lies on the host: what one more card brings, where that decodes faster over a context that fills. What is told then is
// what plan() answers when it is asked so. Empty where neither helps, where the flags fix the layout, or where the devices are the host
// (unified memory). REQUIRES: the model of the answer.
std::vector<Upgrade> find_upgrades(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model);

}  // namespace rigcast::app
