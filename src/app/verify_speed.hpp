#pragma once
// bench --verify: an engine's measured speed beside what was predicted for the very same question, and which term of the prediction was wrong.

#include <string>
#include <vector>

#include "calibration/observation.hpp"
#include "cost/cost.hpp"

namespace rigcast::app {

struct VerifiedSpeed {
  std::string phase;             // "decode", "prefill"
  double tokens = 0, depth = 0;
  cost::Interval predicted;      // token/s
  double measured = 0;           // token/s
  bool inside = false;           // of the 80 % interval
  // The term that would have to change least to explain the difference, were all others right; empty name: no single one can.
  cost::Term suspect;
  double needed_rate = 0;        // amount per second at which it would explain it
  double assumed_rate = 0;
};

struct VerifySpeedAnswer {
  std::string model, rig, engine;      // "Qwen3 8B Q4_K_M", "4090", "llama.cpp b6500"
  std::vector<VerifiedSpeed> rows;
  std::string log;                     // file the measurements were appended to; empty none
};

// One row of decode or prefill against the Speed predicted for its prompt and depth.
VerifiedSpeed verify_speed(const cost::Speed& speed, const calibration::Observation& measured);

}  // namespace rigcast::app
