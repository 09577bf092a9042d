#pragma once
// A Gpu is the little that every programming interface for graphics cards has: buffers, launches in order, a clock. All that is measured,
// how it is filled and how it is checked is written once on top of it (gpu_device.cpp).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/backend.hpp"

namespace rigcast::bench {

using Buffer = std::uint64_t;   // a Gpu's own number for memory it holds; 0: none

// One start of a kernel: groups of `threads` threads; buffers and numbers in the order in which kernels.cl and kernels.comp declare them.
inline constexpr int kGroup = 64, kTensorGroup = 256;
struct Launch {
  std::string kernel;           // "matvec_q4_0"
  std::int64_t groups_x = 1, groups_y = 1;
  std::vector<Buffer> buffers;
  std::vector<std::int64_t> numbers;
  int threads = kGroup;
};

enum class Way { in, out, both };   // host to device, back, both at once

// y[token][row] = weights[row] . x[token] of 16-bit floats, for the maker's own library.
struct Product16 { std::string format; Buffer weights = 0, x = 0, y = 0; std::int64_t rows = 0, columns = 0, tokens = 0; };

class Gpu {
 public:
  virtual ~Gpu() = default;
  virtual const DeviceInfo& info() const = 0;
  // True after an error that this device does not recover from: whatever else is asked of it fails.
  virtual bool lost() const { return false; }
  // Kernels that only some chips have ("tensor_matmul_bf16").
  virtual bool has(std::string_view) const { return false; }
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
  // What several devices of one driver do together: copies between two, sums over all.
  virtual bool shares(KernelKind) const { return false; }
  virtual Result<std::unique_ptr<Prepared>> prepare_shared(const Case&) { return fail(ErrorKind::unsupported, "this interface moves nothing between devices"); }
  // `runs` products by the library of the device's maker; seconds for all. Error (unsupported): it is not installed.
  virtual Result<double> gemm(const Product16&, int) { return fail(ErrorKind::unsupported, "there is no matrix library for this interface"); }
};

// The Cases of every kernel on this Gpu; `sensors` reads its state while they run, and may be empty.
std::unique_ptr<Device> gpu_device(std::unique_ptr<Gpu> gpu, std::function<Conditions()> sensors);

Result<std::vector<std::unique_ptr<Device>>> open_cuda(const World& world, const Options& options);
Result<std::vector<std::unique_ptr<Device>>> open_hip(const World& world, const Options& options);
Result<std::vector<std::unique_ptr<Device>>> open_vulkan(const World& world, const Options& options);
Result<std::vector<std::unique_ptr<Device>>> open_opencl(const World& world, const Options& options);

}  // namespace rigcast::bench
