#pragma once
// What a plan advises: settings that change the verdict, and what more hardware brings.

#include "report/answers.hpp"

namespace rigcast::report {

Section remedies(const app::PlanAnswer& answer);
Section upgrades(const app::PlanAnswer& answer);

}  // namespace rigcast::report
