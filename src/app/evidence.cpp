#include "app/evidence.hpp"

namespace rigcast::app {

std::vector<cost::Evidence> NearestEvidence::find(const catalog::Catalog& catalog, const cost::Calibration& calibration, const calibration::Near& wanted, std::size_t most) {
  std::string question;
  for (const std::string* part : {&wanted.device, &wanted.engine, &wanted.backend, &wanted.model, &wanted.phase}) question += *part + '\n';
  question += std::to_string(wanted.devices) + '\n' + std::to_string(most);
  {
    const std::lock_guard lock(mutex_);
    if (const auto* found = known_.find(question)) return *found;
  }
  auto evidence = calibration::nearest(catalog, calibration, wanted, most, &rows_);   // outside the lock: others need not wait for it
  const std::lock_guard lock(mutex_);
  return known_.keep(std::move(question), std::move(evidence));
}

}  // namespace rigcast::app
