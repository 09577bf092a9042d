#include "base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace rigcast {

void on_processors(std::size_t most, FunctionRef<void()> work) {
  std::vector<std::future<void>> helpers;   // each waits for its thread when it goes
  for (std::size_t i = 1; i < std::min<std::size_t>(most, std::max(1U, std::thread::hardware_concurrency())); ++i) helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers) helper.get();
}

void share_out(std::size_t count, std::size_t most, FunctionRef<void(std::size_t)> piece) {
  std::atomic<std::size_t> next = 0;
  on_processors(std::min(count, most), [&] {
    for (std::size_t i = next++; i < count; i = next++) piece(i);
  });
}

}  // namespace rigcast
