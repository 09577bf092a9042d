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

std::shared_ptr<const cost::Load> KnownLoads::find(const std::string& where, const placement::Placement& placement) {
  const Way way = way_of(placement);
  const std::lock_guard lock(mutex_);
  const std::vector<Known>* place = known_.find(where);
  if (!place) return nullptr;
  const auto found = std::find_if(place->begin(), place->end(), [&](const Known& one) { return one.way == way; });
  return found == place->end() ? nullptr : found->load;
}

void KnownLoads::keep(const std::string& where, const placement::Placement& placement, std::shared_ptr<const cost::Load> load) {
  Way way = way_of(placement);
  const std::lock_guard lock(mutex_);
  std::vector<Known>* place = known_.find(where);
  if (!place) place = &known_.keep(where, {});
  place->push_back({std::move(way), std::move(load)});
  for (++count_; count_ > kMost;) count_ -= known_.forget().size();
}

}  // namespace rigcast::app
