#pragma once
// A Record is one measured Case with its conditions, and nothing about its owner. Records are kept as Observations (phase "kernel") in
// the user's own log; whoever owns that log's columns writes and reads them.

#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.hpp"
#include "rig/rig.hpp"

namespace rigcast::bench {

struct Record {
  std::string date, device, backend, name, driver, path, what;   // what: spell() of the case
  int units = 0;
  double bytes = 0, flop = 0;                 // of one execution
  double median = 0, p10 = 0, p90 = 0;        // seconds
  double best = 0;                            // seconds; memory rates are quoted on it, as STREAM does
  double error = 0;
  int samples = 0, disturbed = 0;
  double clock_mhz = 0, memory_clock_mhz = 0, temperature = 0, power = 0;   // while it ran (medians; the highest C, W); 0 unknown
  std::string held_by;                        // what kept its clock down, ", " between
};

Record to_record(const Measurement& measurement, std::string date);

// The newest read bandwidth that was measured on this processor; 0 where there is none. Of a disturbed measurement the best sample
// still counts: others can only have lowered it. One whose samples differ by more than half counts for nothing.
Bandwidth read_bandwidth(const std::vector<Record>& records, std::string_view processor);

// What the kernels of the installed engine reach on this processor, by kernel, format, number of tokens and sharing: of the newest day the
// best of its medians, since a step of many milliseconds has them all and not the one that nothing held up. Two sizes of one matvec, layer or
// experts tell what starting it costs: t = starts x start + bytes / rate is solved for both, each expert that a token chooses being a start.
std::vector<rig::KernelRate> engine_rates(const std::vector<Record>& records, std::string_view processor);

}  // namespace rigcast::bench
