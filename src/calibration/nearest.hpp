#pragma once
// The Observations nearest to a question: what an Estimate shows as its evidence.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <vector>

#include "calibration/observation.hpp"
#include "catalog/catalog.hpp"
#include "cost/calibration.hpp"
#include "cost/estimate.hpp"
#include "model/read.hpp"

namespace rigcast::calibration {

struct Near {
  std::string device;      // catalogue key
  std::string engine, backend;
  std::string model;       // catalogue key
  std::string quant;       // as rows print it: "Q4_K_M"
  std::string phase;       // "decode", "prefill"
  int devices = 1;
};

// A row of a file of Observations as it stands, under that file's header.
struct Line { std::string file; std::string_view header, text; };

// What questions before have found out of rows: which are of a device, and what the estimator says of each. Of one Catalog and one Calibration,
// while a copy of that Catalog lives. May be used by several threads.
class KnownRows {
 public:
  explicit KnownRows(std::shared_ptr<model::KnownBases> bases) : bases_(std::move(bases)) {}
  std::shared_ptr<const std::vector<Line>> lines_of(const catalog::Catalog& catalog, const std::string& device);
  std::optional<double> estimate(const Line& line) const;   // the median; 0 where it says nothing
  void keep(const Line& line, double estimate);
  const std::shared_ptr<model::KnownBases>& bases() const { return bases_; }

 private:
  std::shared_ptr<model::KnownBases> bases_;
  mutable std::mutex mutex_;                 // guards what follows
  std::map<std::string, std::shared_ptr<const std::vector<Line>>> lines_;
  std::map<const char*, double> estimates_;  // by where a row's text lies
};

// Up to `most` project Observations of that device and phase, nearest first (same engine and backend, then the same model or one as
// large a token, then the same count of devices), each with what the estimator says for its very configuration. Reads only the lines that name the device.
// `known`: to look in and to add to; nullptr: nothing is remembered.
std::vector<cost::Evidence> nearest(const catalog::Catalog& catalog, const cost::Calibration& calibration, const Near& wanted, std::size_t most, KnownRows* known = nullptr);

}  // namespace rigcast::calibration
