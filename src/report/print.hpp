#pragma once
// Values as people read them: a number with its unit, an interval, a count.

#include <string>

#include "report/field.hpp"
#include "report/language.hpp"

namespace rigcast::report {

std::string print(const Number& number);                 // "23.41 GiB", "34.1 tok/s", "29.2 ms"
std::string print_interval(const Range& range);          // "29.8 - 38.0", in the unit in which its p50 prints
std::string print_count(double count);                   // "32.8 B", "671 B", "596 M"
std::string print(const Value& value, const Language& language);  // any value that fits on one line

// "token/s": the unit as programs read it, always of the base scale.
const char* unit_name(Unit unit);

}  // namespace rigcast::report
