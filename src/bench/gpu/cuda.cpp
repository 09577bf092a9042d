// CUDA as a Gpu through the driver's own interface, opened at run time: a user needs a driver and nothing else. The kernels are kept as
// PTX for the oldest chip that matters; the driver translates them for the one that is there. Declarations below are the driver's
// stable C interface (cuda.h), of which only these functions are used.

#include <array>
#include <chrono>
#include <cstring>
#include <map>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/gpu/gpu.hpp"

namespace rigcast {
std::string_view embedded_kernels_ptx();
}

namespace rigcast::bench {
namespace {

using CuResult = int;
using CuDevice = int;
using CuPointer = unsigned long long;
using CuHandle = void*;   // contexts, modules, functions, streams, events

// CUdevice_attribute
constexpr int kMultiprocessors = 16, kPciBus = 33, kPciSlot = 34, kL2Bytes = 38, kPciDomain = 50, kMajor = 75, kMinor = 76;
constexpr unsigned kNonBlocking = 1;   // CU_STREAM_NON_BLOCKING
constexpr CuResult kOutOfMemory = 2;

struct Cuda {
  Library library;
  // An address that becomes a pointer to whatever function it is assigned to.
  struct Symbol {
    const Library& library;
    const char* name;
    template <class Function>
    operator Function*() const { return library.find<Function>(name); }
  };
  Symbol find(const char* symbol) const { return {library, symbol}; }
  CuResult (*init)(unsigned) = find("cuInit");
  CuResult (*driver_version)(int*) = find("cuDriverGetVersion");
  CuResult (*count)(int*) = find("cuDeviceGetCount");
  CuResult (*device)(CuDevice*, int) = find("cuDeviceGet");
  CuResult (*name)(char*, int, CuDevice) = find("cuDeviceGetName");
  CuResult (*total_memory)(std::size_t*, CuDevice) = find("cuDeviceTotalMem_v2");
  CuResult (*attribute)(int*, int, CuDevice) = find("cuDeviceGetAttribute");
  CuResult (*retain)(CuHandle*, CuDevice) = find("cuDevicePrimaryCtxRetain");
  CuResult (*give_back)(CuDevice) = find("cuDevicePrimaryCtxRelease_v2");
  CuResult (*set_current)(CuHandle) = find("cuCtxSetCurrent");
  CuResult (*synchronize)() = find("cuCtxSynchronize");
  CuResult (*load)(CuHandle*, const void*) = find("cuModuleLoadData");
  CuResult (*unload)(CuHandle) = find("cuModuleUnload");
  CuResult (*function)(CuHandle*, CuHandle, const char*) = find("cuModuleGetFunction");
  CuResult (*allocate)(CuPointer*, std::size_t) = find("cuMemAlloc_v2");
  CuResult (*free)(CuPointer) = find("cuMemFree_v2");
  CuResult (*allocate_host)(void**, std::size_t) = find("cuMemAllocHost_v2");
  CuResult (*free_host)(void*) = find("cuMemFreeHost");
  CuResult (*to_device)(CuPointer, const void*, std::size_t) = find("cuMemcpyHtoD_v2");
  CuResult (*to_host)(void*, CuPointer, std::size_t) = find("cuMemcpyDtoH_v2");
  CuResult (*to_device_async)(CuPointer, const void*, std::size_t, CuHandle) = find("cuMemcpyHtoDAsync_v2");
  CuResult (*to_host_async)(void*, CuPointer, std::size_t, CuHandle) = find("cuMemcpyDtoHAsync_v2");
  CuResult (*launch)(CuHandle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CuHandle, void**, void**) = find("cuLaunchKernel");
  CuResult (*make_stream)(CuHandle*, unsigned) = find("cuStreamCreate");
  CuResult (*end_stream)(CuHandle) = find("cuStreamDestroy_v2");
  CuResult (*wait_event)(CuHandle, CuHandle, unsigned) = find("cuStreamWaitEvent");
  CuResult (*make_event)(CuHandle*, unsigned) = find("cuEventCreate");
  CuResult (*end_event)(CuHandle) = find("cuEventDestroy_v2");
  CuResult (*record)(CuHandle, CuHandle) = find("cuEventRecord");
  CuResult (*elapsed)(float*, CuHandle, CuHandle) = find("cuEventElapsedTime");
  CuResult (*error_text)(CuResult, const char**) = find("cuGetErrorString");

  bool whole() const {
    return init && driver_version && count && device && name && total_memory && attribute && retain && give_back && set_current && synchronize && load && unload && function &&
           allocate && free && allocate_host && free_host && to_device && to_host && to_device_async && to_host_async && launch && make_stream && end_stream && wait_event &&
           make_event && end_event && record && elapsed;
  }
  tl::unexpected<Error> trouble(const std::string& what, CuResult code) const {
    const char* text = nullptr;
    if (!error_text || error_text(code, &text) != 0 || !text) text = "unknown error";
    return fail(ErrorKind::system, what + ": " + text + " (CUDA " + std::to_string(code) + ")");
  }
};

#define RC_CUDA(what, call) \
  if (const CuResult code = (call); code != 0) return cuda_->trouble(what, code)

class CudaGpu : public Gpu {
 public:
  CudaGpu(std::shared_ptr<const Cuda> cuda, CuDevice device, DeviceInfo info) : cuda_(std::move(cuda)), device_(device), info_(std::move(info)) {}
  CudaGpu(const CudaGpu&) = delete;
  CudaGpu& operator=(const CudaGpu&) = delete;
  ~CudaGpu() override {
    if (!context_) return;
    cuda_->set_current(context_);
    cuda_->synchronize();
    for (const auto& [id, pointer] : memory_) cuda_->free(pointer);
    for (void* const host : pinned_) if (host) cuda_->free_host(host);
    for (CuHandle event : events_) if (event) cuda_->end_event(event);
    for (CuHandle stream : streams_) if (stream) cuda_->end_stream(stream);
    if (module_) cuda_->unload(module_);
    cuda_->give_back(device_);
  }

  const DeviceInfo& info() const override { return info_; }

  Result<Buffer> allocate(std::size_t bytes) override {
    RC_TRY(start());
    CuPointer pointer = 0;
    const CuResult code = cuda_->allocate(&pointer, bytes);
    if (code == kOutOfMemory) return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(static_cast<double>(bytes))) + " wanted");
    if (code != 0) return cuda_->trouble("cuMemAlloc", code);
    memory_[++last_] = pointer;
    return last_;
  }
  void release(Buffer buffer) override {
    const auto found = memory_.find(buffer);
    if (found == memory_.end()) return;
    cuda_->set_current(context_);
    cuda_->free(found->second);
    memory_.erase(found);
  }
  Result<void> put(Buffer buffer, std::size_t offset, std::span<const std::byte> from) override {
    RC_CUDA("cuMemcpyHtoD", cuda_->to_device(memory_.at(buffer) + offset, from.data(), from.size()));
    return {};
  }
  Result<void> get(Buffer buffer, std::size_t offset, std::span<std::byte> to) override {
    RC_CUDA("cuMemcpyDtoH", cuda_->to_host(to.data(), memory_.at(buffer) + offset, to.size()));
    return {};
  }

  Result<double> run(std::span<const Launch> launches) override {
    RC_TRY(start());
    RC_CUDA("cuEventRecord", cuda_->record(events_[0], streams_[0]));
    for (const Launch& launch : launches) {
      RC_ASSIGN(function, function_named(launch.kernel));
      std::array<std::uint64_t, 16> values{};   // device pointers and 64-bit numbers alike
      std::array<void*, 16> arguments{};
      std::size_t n = 0;
      for (const Buffer buffer : launch.buffers) values[n++] = memory_.at(buffer);
      for (const std::int64_t number : launch.numbers) values[n++] = static_cast<std::uint64_t>(number);
      for (std::size_t i = 0; i < n; ++i) arguments[i] = &values[i];
      RC_CUDA(launch.kernel, cuda_->launch(function, static_cast<unsigned>(launch.groups_x), static_cast<unsigned>(launch.groups_y), 1, kGroup, 1, 1, 0, streams_[0], arguments.data(), nullptr));
    }
    RC_CUDA("cuEventRecord", cuda_->record(events_[1], streams_[0]));
    return elapsed();
  }

  Result<double> transfer(Way way, std::size_t bytes, int runs) override {
    RC_TRY(start());
    RC_TRY(prepare_transfer(bytes));
    RC_CUDA("cuEventRecord", cuda_->record(events_[0], streams_[0]));
    RC_CUDA("cuStreamWaitEvent", cuda_->wait_event(streams_[1], events_[0], 0));
    for (int r = 0; r < runs; ++r) {
      if (way != Way::out) RC_CUDA("cuMemcpyHtoDAsync", cuda_->to_device_async(memory_.at(moved_[0]), pinned_[0], bytes, streams_[0]));
      if (way != Way::in) RC_CUDA("cuMemcpyDtoHAsync", cuda_->to_host_async(pinned_[1], memory_.at(moved_[1]), bytes, streams_[way == Way::both ? 1 : 0]));
    }
    RC_CUDA("cuEventRecord", cuda_->record(events_[2], streams_[1]));
    RC_CUDA("cuStreamWaitEvent", cuda_->wait_event(streams_[0], events_[2], 0));
    RC_CUDA("cuEventRecord", cuda_->record(events_[1], streams_[0]));
    return elapsed();
  }

 private:
  Result<void> start() {
    if (module_) {
      RC_CUDA("cuCtxSetCurrent", cuda_->set_current(context_));
      return {};
    }
    if (!context_) RC_CUDA("cuDevicePrimaryCtxRetain", cuda_->retain(&context_, device_));
    RC_CUDA("cuCtxSetCurrent", cuda_->set_current(context_));
    for (CuHandle& stream : streams_) if (!stream) RC_CUDA("cuStreamCreate", cuda_->make_stream(&stream, kNonBlocking));
    for (CuHandle& event : events_) if (!event) RC_CUDA("cuEventCreate", cuda_->make_event(&event, 0));
    const std::string text(embedded_kernels_ptx());   // ends with a zero, as the driver wants it
    RC_CUDA("the driver cannot translate the kernels", cuda_->load(&module_, text.c_str()));
    return {};
  }

  Result<CuHandle> function_named(const std::string& name) {
    if (const auto found = functions_.find(name); found != functions_.end()) return found->second;
    CuHandle function = nullptr;
    RC_CUDA(name, cuda_->function(&function, module_, name.c_str()));
    functions_[name] = function;
    return function;
  }

  Result<double> elapsed() {
    RC_CUDA("the device", cuda_->synchronize());   // what a kernel did wrong shows here
    float milliseconds = 0;
    RC_CUDA("cuEventElapsedTime", cuda_->elapsed(&milliseconds, events_[0], events_[1]));
    return std::max(1e-9, static_cast<double>(milliseconds) * 1e-3);
  }

  Result<void> prepare_transfer(std::size_t bytes) {
    if (moved_bytes_ == bytes) return {};
    moved_bytes_ = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      if (moved_[i]) release(moved_[i]), moved_[i] = 0;
      if (pinned_[i]) cuda_->free_host(pinned_[i]), pinned_[i] = nullptr;
      RC_ASSIGN(on_device, allocate(bytes));
      moved_[i] = on_device;
      RC_CUDA("page-locked memory", cuda_->allocate_host(&pinned_[i], bytes));
    }
    moved_bytes_ = bytes;
    return {};
  }

  std::shared_ptr<const Cuda> cuda_;
  CuDevice device_;
  DeviceInfo info_;
  CuHandle context_ = nullptr, module_ = nullptr;
  std::array<CuHandle, 2> streams_{};   // the second moves data the other way
  std::array<CuHandle, 3> events_{};    // begin, end, end of the other way
  std::map<std::string, CuHandle> functions_;
  std::map<Buffer, CuPointer> memory_;
  Buffer last_ = 0;
  std::array<Buffer, 2> moved_{};
  std::array<void*, 2> pinned_{};
  std::size_t moved_bytes_ = 0;
};

#undef RC_CUDA

DeviceInfo describe(const Cuda& cuda, CuDevice device, int number, int version) {
  DeviceInfo info{.id = "cuda:" + std::to_string(number), .backend = "cuda", .name = {}, .driver = {}, .path = {}, .pci_address = {}};
  std::array<char, 256> name{};
  if (cuda.name(name.data(), static_cast<int>(name.size() - 1), device) == 0) info.name = name.data();
  const auto attribute = [&](int which) { int value = 0; return cuda.attribute(&value, which, device) == 0 ? value : 0; };
  info.driver = "CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  info.path = "sm_" + std::to_string(attribute(kMajor)) + std::to_string(attribute(kMinor));
  std::array<char, 32> address{};
  std::snprintf(address.data(), address.size(), "%04x:%02x:%02x.0", static_cast<unsigned>(attribute(kPciDomain)), static_cast<unsigned>(attribute(kPciBus)), static_cast<unsigned>(attribute(kPciSlot)));
  info.pci_address = address.data();
  std::size_t memory = 0;
  if (cuda.total_memory(&memory, device) == 0) info.memory = Bytes(static_cast<double>(memory));
  info.cache = Bytes(attribute(kL2Bytes));
  info.units = attribute(kMultiprocessors);
  return info;
}

}  // namespace

Result<std::vector<std::unique_ptr<Device>>> open_cuda(const World& world, const Options&) {
  RC_ASSIGN(library, Library::open(world, "libcuda.so.1"));
  const auto cuda = std::make_shared<const Cuda>(Cuda{library});
  if (!cuda->whole()) return fail(ErrorKind::system, "libcuda.so.1 lacks functions that every driver since CUDA 7 has");
  if (const CuResult code = cuda->init(0); code != 0) return cuda->trouble("cuInit", code);
  int version = 0, count = 0;
  cuda->driver_version(&version);
  if (const CuResult code = cuda->count(&count); code != 0) return cuda->trouble("cuDeviceGetCount", code);
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < count; ++i) {
    CuDevice device = 0;
    if (cuda->device(&device, i) == 0) devices.push_back(gpu_device(std::make_unique<CudaGpu>(cuda, device, describe(*cuda, device, i, version))));
  }
  if (devices.empty()) return fail(ErrorKind::not_found, "the CUDA driver is installed but has no device");
  return devices;
}

}  // namespace rigcast::bench
