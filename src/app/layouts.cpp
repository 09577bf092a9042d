#include "app/layouts.hpp"

#include <algorithm>

namespace rigcast::app {

std::optional<std::int64_t> LongestContexts::find(const std::string& where, placement::Settings settings) {
  settings.context = 0;
  const std::lock_guard lock(mutex_);
  const std::deque<Known>* place = known_.find(where);
  if (!place) return std::nullopt;
  const auto found = std::find_if(place->begin(), place->end(), [&](const Known& one) { return one.settings == settings; });
  return found == place->end() ? std::nullopt : std::optional(found->longest);
}

void LongestContexts::keep(const std::string& where, placement::Settings settings, std::int64_t longest) {
  settings.context = 0;
  const std::lock_guard lock(mutex_);
  std::deque<Known>* place = known_.find(where);
  if (!place) place = &known_.keep(where, {});
  place->push_back({std::move(settings), longest});
  if (place->size() > kMostEach) place->pop_front();
}

}  // namespace rigcast::app
