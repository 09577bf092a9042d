#include "bench/backend.hpp"

#include <array>

#include "bench/cpu/cpu_device.hpp"

namespace rigcast::bench {
namespace {
constexpr std::array kBackends = {Backend{"cpu", open_cpu}};
}  // namespace

std::span<const Backend> backends() { return kBackends; }

}  // namespace rigcast::bench
