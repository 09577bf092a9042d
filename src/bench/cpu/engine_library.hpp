#pragma once
// The library of an installed llama.cpp (ggml) as a device: what the engine's own kernels, as somebody built them, reach on this processor.
// Which kernels a build has, and how well its compiler did, no data sheet says.

#include "bench/backend.hpp"

namespace rigcast::bench {

// One device "ggml", or why there is none. Weights lie where the engine would put them: rearranged for its kernels where it does that.
Result<std::vector<std::unique_ptr<Device>>> open_engine_library(const World& world, const Options& options);

}  // namespace rigcast::bench
