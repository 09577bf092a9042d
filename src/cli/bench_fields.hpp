#pragma once
// The one list of fields of what a bench measured.

#include <string>
#include <vector>

#include "bench/measure.hpp"
#include "report/field.hpp"

namespace rigcast::cli {

struct BenchAnswer {
  std::vector<bench::Measurement> measurements;
  std::vector<bench::ModelMeasurement> models;
  std::vector<std::string> unreachable;   // "cuda: libcuda.so.1 is not installed"
  bool unkept = false;                    // a file could not be written; `unreachable` says which
  bool stopped = false;                   // Ctrl-C: what was measured until then
  std::string log, shared;                // files the results were appended to; empty none
};

report::Report fields(const BenchAnswer& answer);

}  // namespace rigcast::cli
