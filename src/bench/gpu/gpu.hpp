#pragma once
// A Gpu is the little that every programming interface for graphics cards has: buffers, launches in order, a clock. All that is measured,
// how it is filled and how it is checked is written once on top of it (gpu_device.cpp).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/backend.hpp"

namespace rigcast::bench {

using Buffer = std::uint64_t;   // a Gpu's own number for memory it holds; 0: none

// One start of a kernel: groups of kGroup threads; buffers and numbers in the order in which kernels.cl and kernels.comp declare them.
inline constexpr int kGroup = 64;
struct Launch {
  std::string kernel;           // "matvec_q4_0"
  std::int64_t groups_x = 1, groups_y = 1;
  std::vector<Buffer> buffers;
  std::vector<std::int64_t> numbers;
};

enum class Way { in, out, both };   // host to device, back, both at once

class Gpu {
 public:
  virtual ~Gpu() = default;
  virtual const DeviceInfo& info() const = 0;
  // Device memory, freed with the Gpu or by release(). Errors (system): out of memory with the bytes wanted.
  virtual Result<Buffer> allocate(std::size_t bytes) = 0;
  virtual void release(Buffer buffer) = 0;
  virtual Result<void> put(Buffer buffer, std::size_t offset, std::span<const std::byte> from) = 0;
  virtual Result<void> get(Buffer buffer, std::size_t offset, std::span<std::byte> to) = 0;
  // Runs them one after the other and waits; seconds by the device's own clock where it has one.
  virtual Result<double> run(std::span<const Launch> launches) = 0;
  // Moves `bytes` between page-locked host memory and the device `runs` times each way; seconds for all. The memory is kept until a
  // transfer of another size.
  virtual Result<double> transfer(Way way, std::size_t bytes, int runs) = 0;
};

// The Cases of every kernel on this Gpu.
std::unique_ptr<Device> gpu_device(std::unique_ptr<Gpu> gpu);

Result<std::vector<std::unique_ptr<Device>>> open_cuda(const World& world, const Options& options);
Result<std::vector<std::unique_ptr<Device>>> open_vulkan(const World& world, const Options& options);
Result<std::vector<std::unique_ptr<Device>>> open_opencl(const World& world, const Options& options);

}  // namespace rigcast::bench
