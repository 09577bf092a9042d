#pragma once
// The machine the program runs on, as `here` in every verb that takes a rig.

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "app/knowledge.hpp"
#include "base/result.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {

// What `find` finds, found anew once it is older than `age`. May be used by several threads: one finds, the others wait for it.
template <class T>
class KeptAWhile {
 public:
  using Clock = std::chrono::steady_clock;
  KeptAWhile(std::function<T()> find, Clock::duration age) : find_(std::move(find)), age_(age) {}

  T get() {
    const std::lock_guard lock(mutex_);
    if (const auto now = Clock::now(); !found_ || now - when_ > age_) {
      found_ = find_();
      when_ = Clock::now();
    }
    return *found_;
  }

 private:
  std::function<T()> find_;
  Clock::duration age_;
  std::mutex mutex_;                   // guards what follows
  std::optional<T> found_;
  Clock::time_point when_{};
};

// The facts with the user's overlays, and with `here` answered by a probe of this machine (made when asked for, and again once it is older
// than a few seconds) and by what was measured on it until then.
Result<app::Knowledge> load_knowledge(const World& world);

}  // namespace rigcast::cli
