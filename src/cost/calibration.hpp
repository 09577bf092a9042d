#pragma once
// The Calibration: fitted efficiency parameters with their uncertainty, passed into cost as one plain value.

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::cost {

// One additive effect on the logarithm of an efficiency (of a rate) or of 1 / overhead, shrunk towards 0 in the fit.
struct Effect {
  double mean = 0;          // natural log
  double sd = 0;            // posterior standard deviation
  double observations = 0;  // weight of evidence behind it
};

// How far answers of one kind fall from measurements: quantiles of log(measured / predicted) found by cross-validation.
struct Spread { double low = -0.5, high = 0.5; double rows = 0; };

// How the variance of log(measured / predicted) on machines nobody fitted divides: what a machine and whoever measures it always add,
// what a model adds on one machine, and what every row adds. Sums to 1.
struct Shares { double machine = 0.5, model = 0.3, row = 0.2; };

// Effects by name, "weights|family=ampere": the quantity, then what it depends on. Absent effects are 0.
struct Calibration {
  std::map<std::string, Effect, std::less<>> effects;
  std::map<std::string, Spread, std::less<>> spreads;   // "decode|near", "prefill|family", ...: see spread_key
  std::map<std::string, Shares, std::less<>> shares;    // by phase
  std::string date;                                     // of the newest Observation behind it
};

// data/calibration/effects.csv, spreads.csv and shares.csv. Errors: input with file and line.
Result<Calibration> load_calibration(const catalog::Catalog& catalog);
Result<Calibration> parse_calibration(std::string_view effects_csv, std::string_view spreads_csv, std::string_view shares_csv = {});

}  // namespace rigcast::cost
