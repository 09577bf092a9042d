#pragma once
// A Pool runs one function on all threads at once and waits for them: the parallel region of every processor kernel.

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace rigcast::bench {

class Pool {
 public:
  // One thread per entry; cpu >= 0 pins it there. The caller is thread 0.
  explicit Pool(std::vector<int> cpus);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(cpus_.size()); }

  // Runs `work(thread)` on every thread and returns when all are done.
  template <class Work>
  void run(const Work& work) {
    call_ = [](const void* context, int thread) { (*static_cast<const Work*>(context))(thread); };
    context_ = &work;
    start();
  }

  // While on, every thread compares the processor time it got for its part with the time that passed.
  void account(bool on) { accounting_ = on; }
  // The largest share of its time that any thread had to give away since the last call.
  double taken_away();

 private:
  void start();
  void loop(int thread);
  void work(int thread);

  struct alignas(64) Account { double passed = 0, got = 0; };
  cpu_set_t before_{};        // of the caller's thread
  bool pinned_ = false;
  std::vector<int> cpus_;
  std::vector<std::thread> workers_;
  std::vector<Account> accounts_;
  bool accounting_ = false;
  void (*call_)(const void*, int) = nullptr;
  const void* context_ = nullptr;
  std::atomic<std::uint32_t> round_{0};
  std::atomic<int> left_{0};
  std::atomic<bool> stop_{false};
};

// The logical processors to use for `wanted` threads (0: one per physical core), spread over sockets, fast cores first.
std::vector<int> choose_cpus(int wanted);

}  // namespace rigcast::bench
