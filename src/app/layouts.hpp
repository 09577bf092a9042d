#pragma once
// The longest context each layout holds, remembered: it takes a handful of exact layouts to find, and is the same whatever context is asked for.
// Layouts themselves come back with whatever else is asked of them, and with every context that the engine rounds to the same.

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/recent.hpp"
#include "placement/placement.hpp"

namespace rigcast::app {

// Of one Catalog. May be used by several threads.
class LongestContexts {
 public:
  // `where`: model, rig, engine and backend as words; `settings`: how the model is laid out there, whatever its context.
  std::optional<std::int64_t> find(const std::string& where, placement::Settings settings);
  void keep(const std::string& where, placement::Settings settings, std::int64_t longest);

 private:
  struct Known { placement::Settings settings; std::int64_t longest = 0; };
  static constexpr std::size_t kMostEach = 32;     // layouts of one place; the oldest goes
  std::mutex mutex_;                               // guards what follows
  Recent<std::deque<Known>> known_{1024};          // by place
};

// Of one Catalog. May be used by several threads.
class KnownLayouts {
 public:
  // `where`: model, rig, engine and backend as words. As placement::Layouts::of() with these settings; nullptr: not known.
  std::shared_ptr<const placement::Placement> find(const std::string& where, const placement::Settings& settings, placement::Count count);
  void keep(const std::string& where, const placement::Settings& settings, placement::Count count, const placement::Placement& layout);

 private:
  struct Known {
    placement::Settings settings;
    placement::Count count;
    std::shared_ptr<const placement::Placement> layout;
  };
  static constexpr std::size_t kMost = 8192;       // layouts remembered, some 5 kB each
  static constexpr std::size_t kMostEach = 128;    // ... of one place: a search over two hosts asks for half as many; the oldest goes
  std::mutex mutex_;                               // guards what follows
  Recent<std::deque<Known>> known_{kMost};         // by where
  std::size_t count_ = 0;
};

}  // namespace rigcast::app
