#pragma once
// Data files to complete, for devices nobody knows.

#include <filesystem>
#include <vector>

#include "base/result.hpp"
#include "bench/probe.hpp"

namespace rigcast::cli {

// Writes the stubs as new files of `folder`; one that is already there is somebody's work and stays. system: which file, and why not.
Result<void> write_stubs(const std::filesystem::path& folder, const std::vector<bench::Stub>& stubs);

}  // namespace rigcast::cli
