#pragma once
// The Observations nearest to a question, remembered: finding and predicting them is a third of a plan's work, and the same for every context.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/recent.hpp"
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
  std::mutex mutex_;                                // guards what follows
  Recent<std::vector<cost::Evidence>> known_{512};  // by question
};

}  // namespace rigcast::app
