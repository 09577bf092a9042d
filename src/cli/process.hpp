#pragma once
// Running another program to ask it something.

#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "base/quantity.hpp"
#include "base/result.hpp"

namespace rigcast::cli {

// The program of this name on PATH, or empty. A name with a slash is taken as it is, where it can be run.
std::string find_program(const std::string& name);

// Runs `words` (no shell) with nothing on its input and gathers what it prints, errors included, until it ends, `enough` says so of what was
// printed so far, or `limit` has passed; a program that still runs is then killed. input: it cannot be started.
Result<std::string> run_program(const std::vector<std::string>& words, Seconds limit, FunctionRef<bool(std::string_view)> enough);

}  // namespace rigcast::cli
