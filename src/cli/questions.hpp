#pragma once
// The options that ask for a plan, shared by every verb that asks for one.

#include <vector>

#include "app/plan.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {

// --on, --engine, --backend, --flags, --context, --prompt, --depth, --sequences, --for, --at-least ...; `several` lets --on and --engine repeat.
std::vector<Option> question_options(bool several);

// --html and --markdown: the answer as a file to pass on. run() writes them.
std::vector<Option> with_file_options(std::vector<Option> options);
bool wants_file(const Arguments& arguments);

// All but model, rig and engine; those the verb takes itself. Errors name the option.
struct Question { placement::Request placement; cost::Question question; placement::Objective objective; double minimum_speed; };
Result<Question> read_question(const Arguments& arguments);

// One model on one rig, as plan and explain ask.
Result<app::PlanRequest> read_plan_request(const Arguments& arguments);

}  // namespace rigcast::cli
