#pragma once
// plan --verify: asks the engine that is installed here for its own layout of the launch line.

#include "app/verify.hpp"

namespace rigcast::cli {

// Errors: the engine has no dry run, is not installed, refuses the line, or prints nothing that can be read.
Result<app::VerifyAnswer> verify(const catalog::Catalog& catalog, const app::PlanAnswer& answer);

}  // namespace rigcast::cli
