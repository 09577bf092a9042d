#pragma once
// Measuring: prepare, run, check against the reference, and only then time; raw samples are kept, medians derived.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "bench/backend.hpp"

namespace rigcast::bench {

struct Measurement {
  Case what;
  Work work;
  DeviceInfo device;
  std::vector<double> seconds;      // per execution, one entry a sample, undisturbed ones only where there are enough
  int disturbed = 0;                // samples set aside because the system was busy with something else
  double median = 0, p10 = 0, p90 = 0;   // of seconds
  double best = 0;                  // the fastest sample, disturbed ones included
  double error = 0;                 // largest difference to the reference
  Conditions conditions;
  std::string rerun;                // the one line that measures it again
  std::string broke_off;            // why sampling ended early; the samples before it count
  std::string failure;              // why there is no time; empty: there is one

  bool ok() const { return failure.empty(); }
  double bytes_per_second() const { return median > 0 ? work.bytes.value() / median : 0; }
  double flop_per_second() const { return median > 0 ? work.flop.value() / median : 0; }
  double spread() const { return median > 0 ? (p90 - p10) / median : 0; }
};

// How long to measure one case.
struct Effort {
  double seconds = 1.0;             // of timed running
  int least = 7, most = 200;        // samples
  double sample_seconds = 0.01;     // executions are repeated until a sample lasts this long
};
inline constexpr Effort kQuick{.seconds = 0.3, .least = 5, .most = 60, .sample_seconds = 0.004};

// Measures one case. Never fails: a device that refuses, runs out of memory or computes wrongly leaves a Measurement with a failure.
Measurement measure(Device& device, const Case& c, const Effort& effort, const std::atomic<bool>& stop);

// One Step of a model; `what` of the Measurement stays empty.
Measurement measure(Device& device, const ModelCase& c, const Effort& effort, const std::atomic<bool>& stop);

// Speeds of a model on a device: the medians of one token and of one prompt, each a Step of its very shape.
struct ModelMeasurement {
  ModelCase token, prompt;          // cases as run
  Measurement decode, prefill;
  double decode_rate() const { return decode.median > 0 ? 1 / decode.median : 0; }                                       // token/s
  double prefill_rate() const { return prefill.median > 0 ? static_cast<double>(prompt.tokens) / prefill.median : 0; }
};

// Median, p10 and p90 of `seconds` by linear interpolation between order statistics (type 7).
double quantile(std::vector<double> values, double share);

// The cases that say most about a device, in order of value: memory first, then the formats engines run. `quick`: the few that fit
// into seconds. Sizes exceed the device's caches four times where its memory allows.
std::vector<Case> standard_cases(const Device& device, bool quick);

}  // namespace rigcast::bench
