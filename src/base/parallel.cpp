#include "base/parallel.hpp"

#include <algorithm>
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

}  // namespace rigcast
