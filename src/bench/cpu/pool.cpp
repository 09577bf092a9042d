#include "bench/cpu/pool.hpp"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"
#include "bench/world.hpp"

namespace rigcast::bench {
namespace {

// Waiting threads spin shortly, since kernels follow each other at once, then sleep, since a shared machine has others to serve.
constexpr int kSpins = 4000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);   // refused inside some containers: then it floats
}

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

Pool::Pool(std::vector<int> cpus) : cpus_(std::move(cpus)), accounts_(cpus_.size()) {
  pinned_ = cpus_[0] >= 0 && pthread_getaffinity_np(pthread_self(), sizeof before_, &before_) == 0;
  for (int thread = 1; thread < threads(); ++thread) workers_.emplace_back([this, thread] { loop(thread); });
  pin(cpus_[0]);
}

Pool::~Pool() {
  stop_.store(true);
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  if (pinned_) pthread_setaffinity_np(pthread_self(), sizeof before_, &before_);   // where the caller's thread might run before
}

void Pool::start() {
  left_.store(threads() - 1, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  if (threads() > 1) round_.notify_all();
  work(0);
  int spins = 0;
  for (int left; (left = left_.load(std::memory_order_acquire)) != 0;) {
    if (++spins < kSpins) relax();
    else left_.wait(left, std::memory_order_acquire);
  }
}

void Pool::loop(int thread) {
  pin(cpus_[static_cast<std::size_t>(thread)]);
  std::uint32_t seen = 0;
  while (true) {
    int spins = 0;
    while (round_.load(std::memory_order_acquire) == seen) {
      if (++spins < kSpins) relax();
      else round_.wait(seen, std::memory_order_acquire);
    }
    ++seen;
    if (stop_.load()) return;
    work(thread);
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
  }
}

void Pool::work(int thread) {
  if (!accounting_) return call_(context_, thread);
  const double passed = seconds(CLOCK_MONOTONIC), got = seconds(CLOCK_THREAD_CPUTIME_ID);
  call_(context_, thread);
  Account& mine = accounts_[static_cast<std::size_t>(thread)];
  mine.got += seconds(CLOCK_THREAD_CPUTIME_ID) - got;
  mine.passed += seconds(CLOCK_MONOTONIC) - passed;
}

double Pool::taken_away() {
  double worst = 0;
  for (Account& account : accounts_) {
    if (account.passed > 0) worst = std::max(worst, 1 - account.got / account.passed);
    account = {};
  }
  return worst;
}

std::vector<int> choose_cpus(int wanted) {
  const World world = this_machine();
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  struct Candidate { long long slowness, sibling, spread; int cpu; };
  std::vector<Candidate> candidates;
  std::map<std::pair<long long, long long>, long long> siblings;   // (package, core) -> logical processors seen
  std::map<long long, long long> per_package;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) continue;
    const std::filesystem::path folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu);
    const long long package = read_int(world, folder / "topology/physical_package_id").value_or(0);
    const long long core = read_int(world, folder / "topology/core_id").value_or(cpu);
    const long long top = read_int(world, folder / "cpufreq/cpuinfo_max_freq").value_or(0);
    const long long sibling = siblings[{package, core}]++;
    candidates.push_back({-top / 200000, sibling, per_package[package]++, cpu});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.sibling, a.slowness, a.spread, a.cpu) < std::tie(b.sibling, b.slowness, b.spread, b.cpu);
  });
  const auto cores = std::count_if(candidates.begin(), candidates.end(), [](const Candidate& c) { return c.sibling == 0; });
  const auto count = wanted > 0 ? static_cast<std::size_t>(wanted) : static_cast<std::size_t>(cores);
  std::vector<int> cpus;
  for (std::size_t i = 0; i < count; ++i) cpus.push_back(i < candidates.size() ? candidates[i].cpu : -1);
  if (cpus.empty()) cpus.push_back(-1);
  return cpus;
}

}  // namespace rigcast::bench
