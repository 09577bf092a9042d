#pragma once
// A Driver is the C interface of a vendor's compute driver, opened at run time: CUDA's, and HIP's, which repeats it under other names. A
// DriverGpu is one of its devices. Declarations are those of the stable interfaces (cuda.h, hip_runtime_api.h), as far as they are used.

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/gpu/gpu.hpp"

namespace rigcast::bench {

using DriverCode = int;                     // 0: done
using DriverPointer = unsigned long long;   // device memory
using DriverHandle = void*;                 // contexts, modules, functions, streams, events

struct Driver {
  explicit Driver(Library opened) : library(opened) {}
  Library library;
  std::string name;   // "CUDA", "HIP"
  DriverCode (*attribute)(int*, int, int) = nullptr;
  DriverCode (*synchronize)() = nullptr;
  DriverCode (*load)(DriverHandle*, const void*) = nullptr;
  DriverCode (*unload)(DriverHandle) = nullptr;
  DriverCode (*function)(DriverHandle*, DriverHandle, const char*) = nullptr;
  DriverCode (*allocate)(DriverPointer*, std::size_t) = nullptr;
  DriverCode (*free)(DriverPointer) = nullptr;
  DriverCode (*free_host)(void*) = nullptr;
  DriverCode (*to_device)(DriverPointer, const void*, std::size_t) = nullptr;
  DriverCode (*to_host)(void*, DriverPointer, std::size_t) = nullptr;
  DriverCode (*to_device_async)(DriverPointer, const void*, std::size_t, DriverHandle) = nullptr;
  DriverCode (*to_host_async)(void*, DriverPointer, std::size_t, DriverHandle) = nullptr;
  DriverCode (*launch)(DriverHandle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, DriverHandle, void**, void**) = nullptr;
  DriverCode (*make_stream)(DriverHandle*, unsigned) = nullptr;
  DriverCode (*end_stream)(DriverHandle) = nullptr;
  DriverCode (*wait_event)(DriverHandle, DriverHandle, unsigned) = nullptr;
  DriverCode (*make_event)(DriverHandle*, unsigned) = nullptr;
  DriverCode (*end_event)(DriverHandle) = nullptr;
  DriverCode (*record)(DriverHandle, DriverHandle) = nullptr;
  DriverCode (*elapsed)(float*, DriverHandle, DriverHandle) = nullptr;
  DriverCode (*can_access)(int*, int, int) = nullptr;
  // Where the two differ.
  std::function<DriverCode(DriverHandle& context, int device)> retain, make_current;   // the first time, and whenever the device changes
  std::function<void(int device)> give_back;
  std::function<DriverCode(void**, std::size_t)> allocate_host;
  std::function<DriverCode(DriverHandle context, int device)> enable_peer;
  struct Place { DriverPointer at; DriverHandle context; int device; };
  std::function<DriverCode(Place to, Place from, std::size_t, DriverHandle stream)> copy_peer;
  std::function<std::string(DriverCode)> text;

  // The first function that the driver lacks; empty: it has all.
  std::string missing() const;
  tl::unexpected<Error> trouble(const std::string& what, DriverCode code) const;
};

// An address that becomes a pointer to whatever function it is assigned to.
struct Symbol {
  const Library& library;
  const char* name;
  template <class Function>
  operator Function*() const { return library.find<Function>(name); }
};

// Kernels to hand to the driver, each program under the beginning of its kernels' names: "" for all others, "tensor_".
using Programs = std::map<std::string, std::string>;

// The matrix products of the device maker's own library (cuBLAS), opened at run time.
class VendorMatrix {
 public:
  virtual ~VendorMatrix() = default;
  virtual DriverCode multiply(const Product16& shape, DriverPointer weights, DriverPointer x, DriverPointer y) = 0;
};
// Error (unsupported): no version of it is installed.
Result<std::unique_ptr<VendorMatrix>> open_cublas(const World& world, DriverHandle stream);

class DriverGpu : public Gpu {
 public:
  using Fellows = std::shared_ptr<std::vector<DriverGpu*>>;
  struct Parts {
    std::shared_ptr<const Driver> driver;
    int device = 0;
    DeviceInfo info;
    std::function<Result<Programs>()> programs;   // asked once, when the device is used
    std::vector<std::string> tensor_formats;      // formats that its tensor cores multiply
    std::function<Result<std::unique_ptr<VendorMatrix>>(DriverHandle stream)> open_matrix;
    Fellows fellows;                              // all devices of this driver, this one included
  };
  explicit DriverGpu(Parts parts);
  DriverGpu(const DriverGpu&) = delete;
  DriverGpu& operator=(const DriverGpu&) = delete;
  ~DriverGpu() override;

  const DeviceInfo& info() const override { return parts_.info; }
  bool lost() const override { return lost_; }
  bool has(std::string_view kernel) const override;
  Result<Buffer> allocate(std::size_t bytes) override;
  void release(Buffer buffer) override;
  Result<void> put(Buffer buffer, std::size_t offset, std::span<const std::byte> from) override;
  Result<void> get(Buffer buffer, std::size_t offset, std::span<std::byte> to) override;
  Result<double> run(std::span<const Launch> launches) override;
  Result<double> transfer(Way way, std::size_t bytes, int runs) override;
  bool shares(KernelKind kind) const override;
  Result<std::unique_ptr<Prepared>> prepare_shared(const Case& c) override;
  Result<double> gemm(const Product16& product, int runs) override;

  // For what several devices do together: all of it is queued on the first stream.
  Result<void> start();
  Result<void> queue(const Launch& launch);
  Result<void> queue_copy(Buffer from, std::size_t from_offset, DriverGpu& other, Buffer to, std::size_t to_offset, std::size_t bytes);
  Result<void> queue_begin();                    // what elapsed() counts from
  Result<void> wait_for(DriverGpu& other);       // until what `other` has queued so far is done
  Result<double> elapsed();                      // ends the queue and waits; seconds since queue_begin()
  Result<void> reach(DriverGpu& other);          // both read and write each other's memory from now on, where the machine lets them
  const std::vector<DriverGpu*>& fellows() const { return *parts_.fellows; }

 private:
  Result<DriverHandle> function_named(const std::string& name);
  Result<void> prepare_transfer(std::size_t bytes);
  Result<void> done(const std::string& what, DriverCode code);
  DriverPointer at(Buffer buffer, std::size_t offset = 0) const { return memory_.at(buffer) + offset; }

  Parts parts_;
  const Driver* driver_;
  bool lost_ = false, started_ = false;
  DriverHandle context_ = nullptr;
  std::map<std::string, DriverHandle> modules_, functions_;
  std::array<DriverHandle, 2> streams_{};   // the second moves data the other way
  std::array<DriverHandle, 4> events_{};    // begin, end, end of the other way, what another device waits for
  std::map<Buffer, DriverPointer> memory_;
  std::map<DriverGpu*, bool> reached_;
  Buffer last_ = 0;
  std::array<Buffer, 2> moved_{};
  std::array<void*, 2> pinned_{};
  std::size_t moved_bytes_ = 0;
  std::unique_ptr<VendorMatrix> matrix_;
};

}  // namespace rigcast::bench
