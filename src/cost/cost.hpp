#pragma once
// Time and energy of what a Placement does, with the reason for every number: the calibrated hierarchical roofline.
//
// Per Op: t = tau + max(bytes / (BW * eta_bw), flop / (F * eta_f)), summed over Ops, plus link terms and host time per step
// (load.hpp has the shape, terms.hpp the amounts).
// Worked example: 140 GB read at 4.8 TB/s with efficiency 1 take 29.167 ms and are memory-bound.

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
  std::string engine_date{};      // "2025-04": speeds as of the engine's builds of then; empty: now
};

Conditions conditions_of(const Question& question);

// Errors: unsupported where no rule says how fast this is (a device without known bandwidth), never a silent guess.
Result<Speed> estimate(const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement,
                       const Question& question, const Calibration& calibration);

// The same for a resolved Load, for searches that ask many questions of one layout.
Speed estimate_load(const Load& load, const rig::Rig& rig, const placement::Placement& placement, const Question& question,
                    const Calibration& calibration);

}  // namespace rigcast::cost
