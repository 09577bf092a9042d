#pragma once
// The processor as a Device.

#include <memory>
#include <string_view>
#include <vector>

#include "bench/backend.hpp"

namespace rigcast::bench {

Result<std::vector<std::unique_ptr<Device>>> open_cpu(const World& world, const Options& options);

// The same with one instruction set forced ("scalar", "avx2"); not_found when this processor lacks it.
Result<std::unique_ptr<Device>> open_cpu_set(const World& world, const Options& options, std::string_view set);

}  // namespace rigcast::bench
