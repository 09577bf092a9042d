#pragma once
// Sections of a plan that are long enough for a file of their own.

#include "app/plan.hpp"
#include "report/field.hpp"

namespace rigcast::report {

// plan_memory_fields.cpp
Phrase mode_phrase(const app::PlanAnswer& answer);   // how the model is shared out: "tensor parallel over 2 devices"
Section memory_section(const app::PlanAnswer& answer);

// plan_speed_fields.cpp
Section speed_section(const app::PlanAnswer& answer);
Section confidence_section(const app::PlanAnswer& answer);

}  // namespace rigcast::report
