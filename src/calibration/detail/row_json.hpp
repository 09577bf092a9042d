#pragma once
// Rows of the shared JSON format, and JSON as benchmarks write it.

#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "calibration/observation.hpp"

namespace rigcast::calibration::detail {

// Discarded where it is no JSON. NaN and Infinity, which Python writes and JSON does not know, are null.
nlohmann::json parse_json(std::string_view text);
// Whether an object has a field of the row format.
bool is_row(const nlohmann::json& object);
// What is missing is as if it were not stated.
Observation row_of(const nlohmann::json& object);
// The same of a text, much sooner; nullopt where it is no plain object that says its metric and device, which the library may yet read.
std::optional<Observation> plain_row(std::string_view text);

}  // namespace rigcast::calibration::detail
