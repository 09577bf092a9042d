#pragma once
// Jobs: work that takes longer than a request may. Each runs on a thread of its own; who wants to know how it stands asks, and may wait
// a bounded while for news.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/quantity.hpp"
#include "base/result.hpp"
#include "base/watch.hpp"

namespace rigcast::server {

enum class JobState { running, done, failed, cancelled };

// How a job lives with others.
enum class Manner {
  brief,    // ends within seconds; starts whatever runs
  polite,   // takes long and computes: requests go first (its threads have a lower priority)
  alone,    // measures time: neither begins beside one that is not brief, nor lets one begin
};

// What a job's work uses to tell how it stands and to learn that nobody wants it any more.
class Progress : public Watch {
 public:
  using Watch::tell;                                               // the message stays
  virtual void tell(double share_done, std::string message) = 0;   // share < 0: not known
  virtual const std::atomic<bool>& stop() const = 0;               // what stopped() says, for work that looks at it often
};

struct JobStatus {
  std::string id, verb;
  JobState state = JobState::running;
  std::int64_t sequence = 0;           // grows with every change
  double done = -1;
  std::string message;
  Seconds elapsed{};
  std::string answer;                  // JSON, once done
  std::optional<Error> error;          // once failed
};

class Jobs {
 public:
  // What is still running may take this many waiting askers; more are answered at once.
  static constexpr int kMostWaiting = 8;
  static constexpr int kMostRunning = 4, kMostKept = 32;

  using Work = std::function<Result<std::string>(Progress&)>;

  Jobs();
  ~Jobs();   // cancels and waits for what runs
  Jobs(Jobs&&) noexcept;
  Jobs& operator=(Jobs&&) noexcept;

  // infeasible: kMostRunning jobs run already, or one that it may not run beside. Finished jobs beyond kMostKept are forgotten, the oldest
  // first.
  Result<JobStatus> start(std::string verb, Work work, Manner manner = Manner::brief);
  // Waits at most `wait` for the sequence to pass `after`. not_found: no such job.
  Result<JobStatus> status(const std::string& id, std::int64_t after, Seconds wait) const;
  Result<JobStatus> cancel(const std::string& id);
  // Nobody waits any longer, and every job is asked to stop.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace rigcast::server
