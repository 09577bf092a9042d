#pragma once
// A Report for programs: one JSON object whose keys are the ids of the fields, in order. docs/schema/ describes each verb's.

#include <string>

#include "report/field.hpp"
#include "report/language.hpp"

namespace rigcast::report {

// Numbers are of the base scale (bytes, seconds, token/s): byte counts and integers exact, others to six significant digits. Ids, keys and
// units never change with the language; sentences do.
std::string render_json(const Report& report, const Language& language);

}  // namespace rigcast::report
