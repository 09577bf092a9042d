#include "app/layouts.hpp"

#include <algorithm>

namespace rigcast::app {

std::optional<std::int64_t> LongestContexts::find(const std::string& where, placement::Settings settings) const {
  settings.context = 0;
  const std::lock_guard lock(mutex_);
  const auto place = known_.find(where);
  if (place == known_.end()) return std::nullopt;
  const auto found = std::find_if(place->second.begin(), place->second.end(), [&](const Known& one) { return one.settings == settings; });
  return found == place->second.end() ? std::nullopt : std::optional(found->longest);
}

void LongestContexts::keep(const std::string& where, placement::Settings settings, std::int64_t longest) {
  settings.context = 0;
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMost) known_.clear();
  auto& place = known_[where];
  place.push_back({std::move(settings), longest});
  if (place.size() > kMostEach) place.pop_front();
}

}  // namespace rigcast::app
