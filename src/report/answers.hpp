#pragma once
// The one list of fields of each answer. Whoever adds a field adds it here, and every format has it.

#include "app/compare.hpp"
#include "app/list.hpp"
#include "app/plan.hpp"
#include "app/show.hpp"
#include "report/field.hpp"

namespace rigcast::report {

Report fields(const app::PlanAnswer& answer);
Report fields(const app::CompareAnswer& answer);
Report fields(const app::ShowAnswer& answer);
Report fields(const app::ListAnswer& answer);
Report fields(const Error& error);   // for programs; people get render_error()

// plan told as a story for someone who has never done this arithmetic: every step of the derivation in words.
Report explain_fields(const app::PlanAnswer& answer);

}  // namespace rigcast::report
