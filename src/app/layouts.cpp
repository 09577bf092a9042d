#include "app/layouts.hpp"

#include <algorithm>
#include <utility>

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

std::shared_ptr<const placement::Placement> KnownLayouts::find(const std::string& where, const placement::Settings& settings, placement::Count count) {
  const std::lock_guard lock(mutex_);
  const std::deque<Known>* place = known_.find(where);
  if (!place) return nullptr;
  const auto found = std::find_if(place->begin(), place->end(), [&](const Known& one) { return one.count == count && one.settings == settings; });
  return found == place->end() ? nullptr : found->layout;
}

void KnownLayouts::keep(const std::string& where, const placement::Settings& settings, placement::Count count, const placement::Placement& layout) {
  Known known{settings, count, std::make_shared<const placement::Placement>(layout)};
  const std::lock_guard lock(mutex_);
  std::deque<Known>* place = known_.find(where);
  if (!place) place = &known_.keep(where, {});
  place->push_back(std::move(known));
  if (place->size() > kMostEach) place->pop_front();
  else ++count_;
  while (count_ > kMost) count_ -= known_.forget().size();
}

}  // namespace rigcast::app
