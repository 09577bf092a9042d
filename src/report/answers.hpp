#pragma once
// The one list of fields of each answer. Whoever adds a field adds it here, and every format has it.

#include <memory>

#include "app/compare.hpp"
#include "app/curve.hpp"
#include "app/evaluate.hpp"
#include "app/list.hpp"
#include "app/plan.hpp"
#include "app/roofline.hpp"
#include "app/show.hpp"
#include "app/support.hpp"
#include "app/verify.hpp"
#include "app/verify_speed.hpp"
#include "report/field.hpp"

namespace rigcast::report {

Report fields(const app::PlanAnswer& answer);
Report fields(const app::CompareAnswer& answer);
Report fields(const app::CurveAnswer& answer);
Report fields(const app::RooflineAnswer& answer);
Report fields(const app::ShowAnswer& answer);
Report fields(const app::ListAnswer& answer);
Report fields(const app::SupportAnswer& answer);
Report fields(const app::EvaluateAnswer& answer);   // scores, which is what people see
Report fields(std::shared_ptr<const app::EvaluateAnswer> answer);   // for programs: with the rows, which are made as they are written
Report fields(const app::CalibrateAnswer& answer);
Report fields(const app::ObserveAnswer& answer);
Report fields(const app::VerifySpeedAnswer& answer);
Report fields(const Error& error);   // for programs; people get render_error()

// What a page shows beside the fields of an answer: the charts that text has no room for.
Report page_fields(const app::PlanAnswer& answer, const app::CurveAnswer& curve);
Report page_fields(const app::CompareAnswer& answer);
Report page_fields(const app::EvaluateAnswer& answer);

// plan --verify: the engine's own figures beside ours, to stand behind the fields of the plan.
Section verify_section(const app::VerifyAnswer& answer);

// plan told as a story for someone who has never done this arithmetic: every step of the derivation in words.
Report explain_fields(const app::PlanAnswer& answer);

}  // namespace rigcast::report
