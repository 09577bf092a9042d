#pragma once
// bench --verify: times the engine that is installed, or a server that answers, and holds the prediction against it.

#include "app/plan.hpp"
#include "app/verify_speed.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {

struct VerifySpeedRequest {
  std::string model;                          // as plan takes it; llama-bench needs a file
  std::string endpoint;                       // URL of a server; empty: llama-bench
  std::string engine = "llama.cpp";
  std::int64_t prompt = 128, generated = 32, depth = 0;
  bool keep = true;                           // the measurements in the user's log
};

// What is predicted before anything is run: the very lengths that will be timed, in a context that holds them.
app::PlanRequest question_of(const VerifySpeedRequest& request);

// Errors: not installed, no file to give it, nobody answers; or what plan says to the question.
Result<app::VerifySpeedAnswer> verify_speed(const VerifySpeedRequest& request, const World& world);

}  // namespace rigcast::cli
