#pragma once
// How sources spell what a row says, brought to one spelling by rule. No catalogue is asked: names of devices and models stay as they are.

#include <string>
#include <string_view>

#include "calibration/observation.hpp"

namespace rigcast::calibration::detail {

// Whether the name, in any spelling, is one that placements and steps are read from.
bool is_known_flag(std::string_view printed);

// Flags as a text: "-ngl 99 -fa 1", "ngl=99;fa=1", "ngl: 99, fa: on". What is no flag is left out.
void read_flags(std::string_view text, Observation& o);

// "TP4", "tensor parallel", "tp=2, pp=2", "layer split" into mode, degree and flags.
void read_parallel(std::string_view text, Observation& o);

// Whether the number of devices was stated, or is one because nobody said.
enum class Count { stated, assumed };

// Everything at once, for a row that has been read: flags by one name each, the metric and the phase by theirs, a phase that only the metric
// tells, and as many devices as the degrees need.
void settle(Observation& o, Count count);

}  // namespace rigcast::calibration::detail
