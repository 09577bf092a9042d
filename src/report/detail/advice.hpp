#pragma once
// What a plan advises: settings that change the verdict, and what more hardware brings.

#include "report/answers.hpp"

namespace rigcast::report {

Section remedies(const app::PlanAnswer& answer);
// The remedies of a plan that fits: what else is faster on the same devices.
Sentences what_is_faster(const app::PlanAnswer& answer);
Section upgrades(const app::PlanAnswer& answer);

}  // namespace rigcast::report
