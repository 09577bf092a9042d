#include "app/loads.hpp"

#include <algorithm>
#include <utility>

namespace rigcast::app {

KnownLoads::Way KnownLoads::way_of(const placement::Placement& placement) {
  Way way{placement.backend, placement.mode, placement.settings, placement.tensor_device, placement.kv_device, placement.lent, placement.unread_cache, placement.host_attention, placement.widened_cache, {}};
  way.settings.context = 0;
  for (const placement::DeviceShare& share : placement.devices) way.devices.push_back({share.device, share.fraction});
  return way;
}

std::shared_ptr<const cost::Load> KnownLoads::find(const std::string& where, const placement::Placement& placement) const {
  const Way way = way_of(placement);
  const std::lock_guard lock(mutex_);
  const auto place = known_.find(where);
  if (place == known_.end()) return nullptr;
  const auto found = std::find_if(place->second.begin(), place->second.end(), [&](const Known& one) { return one.way == way; });
  return found == place->second.end() ? nullptr : found->load;
}

void KnownLoads::keep(const std::string& where, const placement::Placement& placement, std::shared_ptr<const cost::Load> load) {
  Way way = way_of(placement);
  const std::lock_guard lock(mutex_);
  if (count_ >= kMost) {
    known_.clear();
    count_ = 0;
  }
  known_[where].push_back({std::move(way), std::move(load)});
  ++count_;
}

}  // namespace rigcast::app
