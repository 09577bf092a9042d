#pragma once
// What was asked for last, by name: what comes back stays, and what nobody asked for the longest is forgotten first.

#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace rigcast {

template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : most_(most) {}

  // nullptr: nobody kept it, or it is forgotten.
  Value* find(std::string_view name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }
  // In place of what was kept under this name. Stays where it is until it is forgotten. REQUIRES: room for one.
  Value& keep(std::string name, Value value) {
    if (Value* known = find(name)) return *known = std::move(value);
    entries_.emplace_front(std::move(name), std::move(value));
    by_name_.emplace(entries_.front().first, entries_.begin());
    if (entries_.size() > most_) forget();
    return entries_.front().second;
  }
  std::size_t size() const { return entries_.size(); }
  // Forgets what nobody asked for the longest, and hands it out. REQUIRES: size() > 0.
  Value forget() {
    by_name_.erase(entries_.back().first);
    Value value = std::move(entries_.back().second);
    entries_.pop_back();
    return value;
  }
  void clear() {
    by_name_.clear();
    entries_.clear();
  }

 private:
  using Entries = std::list<std::pair<std::string, Value>>;   // the one asked for last in front
  std::size_t most_;
  Entries entries_;
  std::map<std::string_view, typename Entries::iterator, std::less<>> by_name_;   // views into the entries
};

}  // namespace rigcast
