#pragma once
// curve: one plan at growing contexts, each of them filled: how far it fits and how speed falls.

#include <cstdint>
#include <optional>
#include <vector>

#include "app/plan.hpp"

namespace rigcast::app {

struct CurvePoint {
  std::int64_t context = 0;
  bool fits = false;
  placement::Memory memory;            // of all devices together
  Bytes capacity{};                    // of all devices together
  placement::Memory host;
  Bytes host_capacity{};
  // A prompt of `context` tokens read into an empty cache, and decode at its end. Empty where it does not fit or nobody can say.
  std::optional<cost::Estimate> decode, prefill, ttft;
};

struct CurveAnswer {
  PlanRequest request;
  std::vector<CurvePoint> points;      // in order of context
};

// Contexts are powers of two from 512 to the model's longest (at most 2^20), and that one; the request's own context, prompt and depth
// are replaced by each. Errors as plan().
Result<CurveAnswer> curve(const Knowledge& knowledge, const PlanRequest& request);

}  // namespace rigcast::app
