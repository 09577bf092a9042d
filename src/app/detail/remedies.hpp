#pragma once
// What would make a model fit that does not: searched by asking place() again, so that a Remedy is never a guess.

#include <vector>

#include "app/plan.hpp"

namespace rigcast::app {

// In order of how little they change: a shorter context first, then smaller Quants (the largest that fits). Empty where nothing helps, or
// where the launch flags were the user's own and fix these things.
std::vector<Remedy> find_remedies(const Knowledge& knowledge, const PlanRequest& request, const placement::Placement& failed);

}  // namespace rigcast::app
