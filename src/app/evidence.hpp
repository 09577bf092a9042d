#pragma once
// The Observations nearest to a question, remembered: finding and predicting them is a third of a plan's work, and the same for every context.

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "calibration/nearest.hpp"

namespace rigcast::app {

// Of one Catalog and one Calibration. May be used by several threads.
class NearestEvidence {
 public:
  // As calibration::nearest.
  std::vector<cost::Evidence> find(const catalog::Catalog& catalog, const cost::Calibration& calibration, const calibration::Near& wanted, std::size_t most);

 private:
  static constexpr std::size_t kMost = 512;   // questions remembered; all are forgotten when there are more
  std::mutex mutex_;                          // guards what follows
  std::map<std::string, std::vector<cost::Evidence>> known_;
};

}  // namespace rigcast::app
