#pragma once
// Time and energy of what a Placement does, with the reason for every number: the calibrated hierarchical roofline.
//
// Seconds of reading and of arithmetic, joined by a maximum with a rounded corner or, where a kernel does one after the other, added;
// summed over Stages, plus launches, messages and host time per step (load.hpp has the shape, terms.hpp the amounts).
// Worked example: one token over 70 billion FP16 weights reads 140 GB, which at 4.8 TB/s with efficiency 1 is 29.167 ms; its 140 Gflop at
// 989 Tflop/s would take 0.142 ms, so that memory decides. Launches and host time come on top.

#include <optional>

#include "base/result.hpp"
#include "cost/calibration.hpp"
#include "cost/estimate.hpp"
#include "cost/load.hpp"
#include "model/architecture.hpp"
#include "placement/placement.hpp"
#include "rig/rig.hpp"

namespace rigcast::cost {

struct Speed {
  Estimate decode;     // token/s of one stream (or of all, with sequences > 1) at `depth`
  Estimate prefill;    // token/s over a prompt of `prompt` tokens
  Estimate ttft;       // s until the first token
  std::optional<Estimate> power;    // W of devices and host while decoding; nothing where a device's power is unknown
  std::optional<Estimate> energy;   // J/token while decoding
};

struct Question {
  std::int64_t prompt = 512;      // tokens read
  std::int64_t depth = 0;         // tokens already in the cache when measuring
  std::int64_t sequences = 1;     // streams decoded together
  double acceptance = 0;          // how often a drafted token is right if those before it were, above 0 and below 1; 0: as is usual
  std::string engine_date{};      // "2025-04": speeds as of the engine's builds of then; empty: now
};

Conditions conditions_of(const Question& question);

// Errors: unsupported where no rule says how fast this is (a device without known bandwidth), never a silent guess.
Result<Speed> estimate(const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement,
                       const Question& question, const Calibration& calibration);

// Token/s of a resolved Load, as Speed says them, for searches that need nothing else.
double decode_speed(const Load& load, std::int64_t depth, std::int64_t sequences);
double prefill_speed(const Load& load, std::int64_t prompt, std::int64_t depth);
// Decode on a processor whose cores would not wait for each other between products. No number of threads is faster: all else gets no slower
// the more there are.
double unwaiting_decode_speed(const Load& load, std::int64_t depth, std::int64_t sequences);

// The same for a resolved Load, for searches that ask many questions of one layout.
Speed estimate_load(const Load& load, const rig::Rig& rig, const placement::Placement& placement, const Question& question,
                    const Calibration& calibration);

}  // namespace rigcast::cost
