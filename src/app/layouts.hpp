#pragma once
// The longest context each layout holds, remembered: it takes a handful of exact layouts to find, and is the same whatever context is asked for.

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "placement/placement.hpp"

namespace rigcast::app {

// Of one Catalog. May be used by several threads.
class LongestContexts {
 public:
  // `where`: model, rig, engine and backend as words; `settings`: how the model is laid out there, whatever its context.
  std::optional<std::int64_t> find(const std::string& where, placement::Settings settings) const;
  void keep(const std::string& where, placement::Settings settings, std::int64_t longest);

 private:
  struct Known { placement::Settings settings; std::int64_t longest = 0; };
  static constexpr std::size_t kMost = 1024;       // places remembered; all are forgotten when there are more
  static constexpr std::size_t kMostEach = 32;     // layouts of one place; the oldest goes
  mutable std::mutex mutex_;                       // guards what follows
  std::map<std::string, std::deque<Known>> known_;
};

}  // namespace rigcast::app
