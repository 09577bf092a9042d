#pragma once
// roofline: what a Device can reach at most for each flop it does per byte it reads, and where some models stand under it.

#include <string>
#include <vector>

#include "app/knowledge.hpp"
#include "base/quantity.hpp"

namespace rigcast::app {

struct Roof { std::string format; FlopRate rate{}; };

struct RooflinePoint {
  enum class Phase { decode, prefill };
  std::string model;                   // spec it was asked for
  Phase phase = Phase::decode;
  double intensity = 0;                // flop per byte of weights, cache and state
  FlopRate rate{};                     // estimated: flop per token x p50 of tokens per second
};

struct RooflineAnswer {
  std::string device;                  // key
  Bandwidth bandwidth{};               // 0: unknown, and there are no points
  std::vector<Roof> roofs;             // dense rates with 32-bit accumulate, highest first
  std::vector<RooflinePoint> points;   // of the well-known models that fit one such Device
};

// not_found: no such Device.
Result<RooflineAnswer> roofline(const Knowledge& knowledge, const std::string& device);

}  // namespace rigcast::app
