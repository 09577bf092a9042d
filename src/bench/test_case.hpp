#pragma once
// For tests of probes: a recorded machine on which no program and, where `library` is not given, no driver is installed.

#include <string>
#include <string_view>
#include <vector>

#include "bench/world.hpp"
#include "recorded.hpp"

namespace rigcast::bench::test {

inline World recorded_world(const testing::RecordedTree& tree, std::string library = {}) {
  return {.root = tree.root(),
          .run = [](const std::vector<std::string>& words) -> Result<std::string> { return fail(ErrorKind::system, words.front() + " is not installed"); },
          .library = [library](std::string_view name) { return name == "libnvidia-ml.so.1" ? library : std::string(); }};
}

}  // namespace rigcast::bench::test
