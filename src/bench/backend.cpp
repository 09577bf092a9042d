#include "bench/backend.hpp"

#include <array>

#include "bench/cpu/cpu_device.hpp"
#include "bench/cpu/engine_library.hpp"
#include "bench/gpu/gpu.hpp"

namespace rigcast::bench {
namespace {
constexpr std::array kBackends = {Backend{"cuda", open_cuda}, Backend{"hip", open_hip}, Backend{"vulkan", open_vulkan}, Backend{"opencl", open_opencl}, Backend{"cpu", open_cpu},
                              Backend{"ggml", open_engine_library}};
}  // namespace

std::span<const Backend> backends() { return kBackends; }

}  // namespace rigcast::bench
