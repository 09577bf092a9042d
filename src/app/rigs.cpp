#include "app/rigs.hpp"

#include "base/text.hpp"

namespace rigcast::app {

bool may_change(std::string_view spec) { return trim(spec).ends_with(".toml") || equal_ignoring_case(trim(spec), "here"); }

Result<std::shared_ptr<const rig::Rig>> KnownRigs::find(const catalog::Catalog& catalog, std::string_view spec) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_spec_.find(spec); known != by_spec_.end()) return known->second;
  }
  RC_ASSIGN(read, rig::parse_rig(catalog, spec));
  auto rig = std::make_shared<const rig::Rig>(std::move(read));
  if (may_change(spec)) return rig;
  const std::lock_guard lock(mutex_);
  if (by_spec_.size() >= kMost || room_ + room_of(*rig) > kMostRoom) {
    by_spec_.clear();
    room_ = 0;
  }
  if (by_spec_.insert_or_assign(std::string(spec), rig).second) room_ += room_of(*rig);
  return rig;
}

}  // namespace rigcast::app
