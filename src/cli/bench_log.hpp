#pragma once
// What bench measured, as Observations: the rows of the user's log and of the files written by --share. A kernel's row has the phase
// "kernel" and the metric "seconds" (median of one execution); everything else about it stands in its flags.

#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "bench/record.hpp"
#include "calibration/observation.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {

// The user's own log of Observations; empty where there is no home.
std::filesystem::path own_log(const World& world);

calibration::Observation observation_of(const bench::Record& record);
std::optional<bench::Record> record_of(const calibration::Observation& observation);   // empty: no kernel's row

// A model's decode and prefill as two rows of phases that every estimate knows, the program itself being the engine.
std::vector<calibration::Observation> observations_of(const bench::ModelMeasurement& measurement, const std::string& date);

// The kernel rows of a log; lines that cannot be read are left out.
std::vector<bench::Record> kernel_records(const std::filesystem::path& log);

}  // namespace rigcast::cli
