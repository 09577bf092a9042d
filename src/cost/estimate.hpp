#pragma once
// An Estimate is a number with an interval, a derivation and its evidence.

#include <string>
#include <vector>

#include "base/quantity.hpp"

namespace rigcast::cost {

// How close the evidence is to what was asked.
enum class Grade {
  measured,      // this model in this format on as many of this device, by this engine and backend
  near,          // this device, and this engine with this backend: if not together, or with other models
  family,        // other devices of this chip family
  extrapolated,  // physics and the global parameters only
};
const char* to_string(Grade grade);

struct Interval { double p10 = 0, p50 = 0, p90 = 0; };

// One step of a derivation: "weights read" 4.92 GB / (936 GB/s x 0.78) = 6.74 ms.
struct Term {
  std::string name;        // stable id: "weights", "experts", "kv", "attention", "launch", "host", "link", "drafting", ...; "_host": of tensors on the host
  std::string where;       // "device 0: GeForce RTX 3090", "host", "links", "network"
  double amount = 0;       // bytes, flop or count
  std::string amount_unit; // "B", "flop", "kernels", "steps", "sequences", "messages", "passes"
  double rate = 0;         // peak per second of the amount
  double efficiency = 1;   // calibrated share of the peak
  Seconds time{};
  bool bound_by_compute = false;
};

// A measurement near what was asked.
struct Evidence {
  std::string id, device, engine, backend, model, quant, source, date;
  double value = 0;        // in the Estimate's unit
  double predicted = 0;    // what the estimator says for that very configuration
  std::string note;
  int devices = 1;
};

struct Estimate {
  Interval value;
  std::string unit;        // "token/s", "s", "W", "J/token"
  Grade grade = Grade::extrapolated;
  std::vector<Term> derivation;
  std::vector<Evidence> evidence;
};

}  // namespace rigcast::cost
