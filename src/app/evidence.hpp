#pragma once
// The Observations nearest to a question, remembered: finding and predicting them is a third of a plan's work, and the same for every context.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "calibration/nearest.hpp"

namespace rigcast::app {

// Of one Catalog and one Calibration, while a copy of that Catalog lives. May be used by several threads.
class NearestEvidence {
 public:
  explicit NearestEvidence(std::shared_ptr<model::KnownBases> bases = std::make_shared<model::KnownBases>()) : rows_(std::move(bases)) {}
  // As calibration::nearest.
  std::vector<cost::Evidence> find(const catalog::Catalog& catalog, const cost::Calibration& calibration, const calibration::Near& wanted, std::size_t most);

 private:
  calibration::KnownRows rows_;
  static constexpr std::size_t kMost = 512;   // questions remembered; all are forgotten when there are more
  std::mutex mutex_;                          // guards what follows
  std::map<std::string, std::vector<cost::Evidence>> known_;
};

}  // namespace rigcast::app
