#pragma once
// What an engine's kernels reach on a processor: by instruction set, number format, and how the kernel keeps its rows.

#include <string>
#include <string_view>

#include "cost/paths.hpp"

namespace rigcast::cost {

// How a kernel multiplies weights with several rows of activations: every pair of rows by itself; tiles of rows and columns that stay in
// registers; rows stored interleaved, so that one load of activations serves eight of them; or the processor's matrix unit.
enum class HostKernel { dot, tiled, interleaved, matrix_unit };
const char* to_string(HostKernel kernel);

// The widest of a processor's instruction sets that kernels of ggml are written for: "amx", "avx512", "avx2", "avx", "sse", "i8mm",
// "dotprod", "neon", "vsx", "lasx", "scalar".
std::string instruction_class(const rig::Host& host);

// The kernel that multiplies prompts with weights of `format`.
HostKernel prompt_kernel(const rig::Host& host, const Setting& setting, std::string_view format, bool experts);

// flop/s of all cores (at most `threads`), weights in the caches: reading a prompt, decoding one token, and attention over a cache.
double prompt_rate(const rig::Host& host, int threads, const Setting& setting, std::string_view format, bool experts);
double decode_rate(const rig::Host& host, int threads, const Setting& setting, std::string_view format);
double host_attention_rate(const rig::Host& host, int threads, const Setting& setting, bool flash, bool decode);
// flop/s that the vector or matrix units of so many cores can do at most, at the highest clock: of 8-bit products for quantised weights.
double processor_roof(const rig::Host& host, int threads, std::string_view format);

// Kernels of attention that differ: "flash:llama.cpp", "plain:llama.cpp" ... : the value of an effect.
std::string attention_kernel(const Setting& setting, bool flash);

// What `threads` cores (0: all) can pull from memory at most: each keeps so many lines in flight.
Bandwidth reachable_bandwidth(const rig::Host& host, int threads);

// The links between cores and memory, rather than the memory's channels, set the bandwidth: such limits are reached more fully.
bool fabric_bound(const rig::Host& host);

// Time of one plain layer in which no weight is multiplied: small operations, and after each a barrier that all cores wait at, which costs
// more the more there are (small against large models on 32 to 192 cores: 0.06 to 1.1 ms).
double layer_seconds(const rig::Host& host, int threads);

int used_cores(const rig::Host& host, int threads);

}  // namespace rigcast::cost
