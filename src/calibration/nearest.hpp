#pragma once
// The Observations nearest to a question: what an Estimate shows as its evidence.

#include <string>
#include <vector>

#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "cost/calibration.hpp"
#include "cost/estimate.hpp"

namespace rigcast::calibration {

struct Near {
  std::string device;      // catalogue key
  std::string engine, backend;
  std::string model;       // catalogue key
  std::string phase;       // "decode", "prefill"
  int devices = 1;
};

// Up to `most` project Observations of that device and phase, nearest first (same engine and backend, then same model, then same count
// of devices), each with what the estimator says for its very configuration. Reads only the lines that name the device.
std::vector<cost::Evidence> nearest(const catalog::Catalog& catalog, const cost::Calibration& calibration, const Near& wanted, std::size_t most);

}  // namespace rigcast::calibration
