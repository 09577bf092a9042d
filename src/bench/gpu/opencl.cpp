// OpenCL as a Gpu: the loader is opened at run time, the kernels are compiled by the driver.

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <array>
#include <cstdio>
#include <map>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/gpu/gpu.hpp"
#include "bench/sensors.hpp"

namespace rigcast {
std::string_view embedded_kernels_cl();
}

namespace rigcast::bench {
namespace {

// The functions used, by their own names.
struct Cl {
  Library library;
#define RC_CL(name) decltype(&::name) name = library.find<std::remove_pointer_t<decltype(&::name)>>(#name);
  RC_CL(clGetPlatformIDs) RC_CL(clGetDeviceIDs) RC_CL(clGetDeviceInfo) RC_CL(clCreateContext) RC_CL(clCreateCommandQueue) RC_CL(clCreateProgramWithSource)
  RC_CL(clBuildProgram) RC_CL(clGetProgramBuildInfo) RC_CL(clCreateKernel) RC_CL(clSetKernelArg) RC_CL(clCreateBuffer) RC_CL(clReleaseMemObject)
  RC_CL(clEnqueueReadBuffer) RC_CL(clEnqueueWriteBuffer) RC_CL(clEnqueueNDRangeKernel) RC_CL(clEnqueueMapBuffer) RC_CL(clEnqueueMarkerWithWaitList) RC_CL(clFinish) RC_CL(clFlush)
  RC_CL(clGetEventProfilingInfo) RC_CL(clReleaseEvent) RC_CL(clReleaseKernel) RC_CL(clReleaseProgram) RC_CL(clReleaseCommandQueue) RC_CL(clReleaseContext)
#undef RC_CL
  bool whole() const { return clGetPlatformIDs && clGetDeviceIDs && clGetDeviceInfo && clCreateContext && clBuildProgram && clEnqueueNDRangeKernel && clEnqueueMarkerWithWaitList; }
};

bool is_final(cl_int code) { return code == CL_DEVICE_NOT_AVAILABLE || code == CL_INVALID_COMMAND_QUEUE || code == CL_INVALID_CONTEXT; }

tl::unexpected<Error> trouble(const char* what, cl_int code) {
  const char* means = code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY ? " (out of memory)" : is_final(code) ? " (the device is gone)" : "";
  return fail(ErrorKind::system, std::string(what) + " answers " + std::to_string(code) + means);
}

class OpenClGpu : public Gpu {
 public:
  OpenClGpu(std::shared_ptr<const Cl> cl, cl_device_id device, DeviceInfo info) : cl_(std::move(cl)), device_(device), info_(std::move(info)) {}
  OpenClGpu(const OpenClGpu&) = delete;
  OpenClGpu& operator=(const OpenClGpu&) = delete;
  ~OpenClGpu() override {
    for (const auto& [name, kernel] : kernels_) cl_->clReleaseKernel(kernel);
    for (const auto& [id, memory] : memory_) cl_->clReleaseMemObject(memory);
    if (program_) cl_->clReleaseProgram(program_);
    for (cl_command_queue queue : {queue_, other_})
      if (queue) cl_->clReleaseCommandQueue(queue);
    if (context_) cl_->clReleaseContext(context_);
  }

  const DeviceInfo& info() const override { return info_; }
  bool lost() const override { return lost_; }

  Result<Buffer> allocate(std::size_t bytes) override {
    RC_TRY(start());
    cl_int code = 0;
    cl_mem memory = cl_->clCreateBuffer(context_, CL_MEM_READ_WRITE, bytes, nullptr, &code);
    if (code != CL_SUCCESS) return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(static_cast<double>(bytes))) + " wanted (clCreateBuffer answers " + std::to_string(code) + ")");
    memory_[++last_] = memory;
    return last_;
  }
  void release(Buffer buffer) override {
    const auto found = memory_.find(buffer);
    if (found == memory_.end()) return;
    cl_->clReleaseMemObject(found->second);
    memory_.erase(found);
  }
  Result<void> put(Buffer buffer, std::size_t offset, std::span<const std::byte> from) override {
    const cl_int code = cl_->clEnqueueWriteBuffer(queue_, memory_.at(buffer), CL_TRUE, offset, from.size(), from.data(), 0, nullptr, nullptr);
    return code == CL_SUCCESS ? Result<void>() : trouble("clEnqueueWriteBuffer", code);
  }
  Result<void> get(Buffer buffer, std::size_t offset, std::span<std::byte> to) override {
    const cl_int code = cl_->clEnqueueReadBuffer(queue_, memory_.at(buffer), CL_TRUE, offset, to.size(), to.data(), 0, nullptr, nullptr);
    return code == CL_SUCCESS ? Result<void>() : trouble("clEnqueueReadBuffer", code);
  }

  Result<double> run(std::span<const Launch> launches) override {
    RC_TRY(start());
    cl_event first = nullptr, last = nullptr;
    for (std::size_t i = 0; i < launches.size(); ++i) {
      const Launch& launch = launches[i];
      RC_ASSIGN(kernel, kernel_named(launch.kernel));
      cl_uint argument = 0;
      for (const Buffer buffer : launch.buffers) cl_->clSetKernelArg(kernel, argument++, sizeof(cl_mem), &memory_.at(buffer));
      for (const std::int64_t number : launch.numbers) cl_->clSetKernelArg(kernel, argument++, sizeof number, &number);
      const std::array<std::size_t, 2> threads{static_cast<std::size_t>(launch.groups_x) * kGroup, static_cast<std::size_t>(launch.groups_y)}, group{kGroup, 1};
      cl_event* const event = i == 0 ? &first : i + 1 == launches.size() ? &last : nullptr;
      const cl_int code = cl_->clEnqueueNDRangeKernel(queue_, kernel, 2, nullptr, threads.data(), group.data(), 0, nullptr, event);
      if (code != CL_SUCCESS) return lost_ = lost_ || is_final(code), trouble(launch.kernel.c_str(), code);
    }
    return elapsed(first, last ? last : first);
  }

  Result<double> transfer(Way way, std::size_t bytes, int runs) override {
    RC_TRY(start());
    RC_TRY(prepare_transfer(bytes));
    cl_event first = nullptr, last = nullptr, other = nullptr;
    for (int r = 0; r < runs; ++r) {
      cl_event* const in = r == 0 && way != Way::out ? &first : r + 1 == runs && way == Way::in ? &last : nullptr;
      cl_event* const out = way == Way::out ? (r == 0 ? &first : r + 1 == runs ? &last : nullptr) : r + 1 == runs ? &other : nullptr;
      cl_int code = CL_SUCCESS;
      if (way != Way::out) code = cl_->clEnqueueWriteBuffer(queue_, memory_.at(moved_[0]), CL_FALSE, 0, bytes, pinned_[0], 0, nullptr, in);
      if (code == CL_SUCCESS && way != Way::in) code = cl_->clEnqueueReadBuffer(way == Way::both ? other_ : queue_, memory_.at(moved_[1]), CL_FALSE, 0, bytes, pinned_[1], 0, nullptr, out);
      if (code != CL_SUCCESS) return trouble("a transfer", code);
      if (way == Way::both) cl_->clFlush(queue_), cl_->clFlush(other_);
    }
    cl_->clFinish(other_);
    return elapsed(first, last ? last : other ? other : first);
  }

 private:
  Result<void> start() {
    if (program_) return {};
    cl_int code = 0;
    context_ = cl_->clCreateContext(nullptr, 1, &device_, nullptr, nullptr, &code);
    if (code != CL_SUCCESS) return trouble("clCreateContext", code);
    for (cl_command_queue* queue : {&queue_, &other_}) {
      *queue = cl_->clCreateCommandQueue(context_, device_, CL_QUEUE_PROFILING_ENABLE, &code);
      if (code != CL_SUCCESS) return trouble("clCreateCommandQueue", code);
    }
    const std::string_view source = embedded_kernels_cl();
    const char* text = source.data();
    const std::size_t length = source.size();
    cl_program program = cl_->clCreateProgramWithSource(context_, 1, &text, &length, &code);
    if (code != CL_SUCCESS) return trouble("clCreateProgramWithSource", code);
    if (cl_->clBuildProgram(program, 1, &device_, "-cl-std=CL1.2", nullptr, nullptr) != CL_SUCCESS) {
      std::string log(4096, '\0');
      cl_->clGetProgramBuildInfo(program, device_, CL_PROGRAM_BUILD_LOG, log.size() - 1, log.data(), nullptr);
      cl_->clReleaseProgram(program);
      return fail(ErrorKind::system, "the driver cannot compile the kernels: " + std::string(trim(log.c_str())));
    }
    program_ = program;
    return {};
  }

  Result<cl_kernel> kernel_named(const std::string& name) {
    const auto found = kernels_.find(name);
    if (found != kernels_.end()) return found->second;
    cl_int code = 0;
    cl_kernel kernel = cl_->clCreateKernel(program_, name.c_str(), &code);
    if (code != CL_SUCCESS) return trouble(name.c_str(), code);
    kernels_[name] = kernel;
    return kernel;
  }

  Result<double> elapsed(cl_event first, cl_event last) {
    if (const cl_int code = cl_->clFinish(queue_); code != CL_SUCCESS) return lost_ = lost_ || is_final(code), trouble("clFinish", code);
    cl_ulong begin = 0, end = 0;
    const bool ok = cl_->clGetEventProfilingInfo(first, CL_PROFILING_COMMAND_START, sizeof begin, &begin, nullptr) == CL_SUCCESS &&
                    cl_->clGetEventProfilingInfo(last, CL_PROFILING_COMMAND_END, sizeof end, &end, nullptr) == CL_SUCCESS;
    if (last != first) cl_->clReleaseEvent(last);
    cl_->clReleaseEvent(first);
    return ok ? Result<double>(static_cast<double>(end > begin ? end - begin : 1) * 1e-9) : fail(ErrorKind::system, "the driver does not tell times");
  }

  // Page-locked host memory is what the driver maps of a buffer of its own.
  Result<void> prepare_transfer(std::size_t bytes) {
    if (moved_bytes_ == bytes) return {};
    for (int i = 0; i < 2; ++i) {
      RC_ASSIGN(on_device, allocate(bytes));
      cl_int code = 0;
      cl_mem host = cl_->clCreateBuffer(context_, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, nullptr, &code);
      if (code != CL_SUCCESS) return trouble("page-locked memory", code);
      memory_[++last_] = host;
      pinned_[static_cast<std::size_t>(i)] = cl_->clEnqueueMapBuffer(queue_, host, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0, nullptr, nullptr, &code);
      if (code != CL_SUCCESS) return trouble("page-locked memory", code);
      moved_[static_cast<std::size_t>(i)] = on_device;
    }
    moved_bytes_ = bytes;
    return {};
  }

  std::shared_ptr<const Cl> cl_;
  cl_device_id device_;
  DeviceInfo info_;
  bool lost_ = false;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr, other_ = nullptr;   // the second is for moving both ways at once
  cl_program program_ = nullptr;
  std::map<std::string, cl_kernel> kernels_;
  std::map<Buffer, cl_mem> memory_;
  Buffer last_ = 0;
  std::array<Buffer, 2> moved_{};
  std::array<void*, 2> pinned_{};
  std::size_t moved_bytes_ = 0;
};

std::string text_of(const Cl& cl, cl_device_id device, cl_device_info what) {
  std::array<char, 512> buffer{};
  return cl.clGetDeviceInfo(device, what, buffer.size() - 1, buffer.data(), nullptr) == CL_SUCCESS ? std::string(trim(buffer.data())) : std::string();
}
template <class T>
T value_of(const Cl& cl, cl_device_id device, cl_device_info what) {
  T value{};
  cl.clGetDeviceInfo(device, what, sizeof value, &value, nullptr);
  return value;
}

// By the extension that all may have, else by NVIDIA's or AMD's own; empty where the driver does not tell.
std::string pci_address(const Cl& cl, cl_device_id device) {
  constexpr cl_device_info kPciBusInfoKhr = 0x410F, kPciBusNv = 0x4008, kPciSlotNv = 0x4009, kPciDomainNv = 0x400A, kTopologyAmd = 0x4037;
  struct { cl_uint domain = 0, bus = 0, device = 0, function = 0; } at;
  struct { cl_uint type = 0; unsigned char unused[17] = {}, bus = 0, device = 0, function = 0; } amd;
  cl_uint slot = 0;
  const auto ask = [&](cl_device_info what, auto& out) { return cl.clGetDeviceInfo(device, what, sizeof out, &out, nullptr) == CL_SUCCESS; };
  if (!ask(kPciBusInfoKhr, at)) {
    if (ask(kPciBusNv, at.bus) && ask(kPciSlotNv, slot)) {
      ask(kPciDomainNv, at.domain);
      at.device = slot >> 3, at.function = slot & 7;
    } else if (ask(kTopologyAmd, amd) && amd.type == 1) {
      at.bus = amd.bus, at.device = amd.device, at.function = amd.function;
    } else {
      return {};
    }
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", at.domain & 0xffffu, at.bus & 0xffu, at.device & 0x1fu, at.function & 7u);
  return text.data();
}

DeviceInfo describe(const Cl& cl, cl_device_id device, int number) {
  constexpr cl_device_info kBoardNameAmd = 0x4038;
  DeviceInfo info{.id = "opencl:" + std::to_string(number), .backend = "opencl", .name = text_of(cl, device, kBoardNameAmd), .driver = {}, .path = "opencl c", .pci_address = {}};
  if (info.name.empty()) info.name = text_of(cl, device, CL_DEVICE_NAME);
  info.driver = text_of(cl, device, CL_DEVICE_VERSION) + " / " + text_of(cl, device, CL_DRIVER_VERSION);
  info.memory = Bytes(static_cast<double>(value_of<cl_ulong>(cl, device, CL_DEVICE_GLOBAL_MEM_SIZE)));
  info.cache = Bytes(static_cast<double>(value_of<cl_ulong>(cl, device, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE)));
  info.units = static_cast<int>(value_of<cl_uint>(cl, device, CL_DEVICE_MAX_COMPUTE_UNITS));
  info.in_software = (value_of<cl_device_type>(cl, device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU) != 0;
  info.pci_address = pci_address(cl, device);
  return info;
}

std::unique_ptr<Device> open_device(const World& world, const std::shared_ptr<const Cl>& cl, cl_device_id id, int number) {
  const DeviceInfo info = describe(*cl, id, number);
  return gpu_device(std::make_unique<OpenClGpu>(cl, id, info), sensors_of(world, info.pci_address));
}

}  // namespace

Result<std::vector<std::unique_ptr<Device>>> open_opencl(const World& world, const Options&) {
  RC_ASSIGN(library, Library::open(world, "libOpenCL.so.1"));
  const auto cl = std::make_shared<const Cl>(Cl{library});
  if (!cl->whole()) return fail(ErrorKind::system, "libOpenCL.so.1 is older than OpenCL 1.2");
  std::array<cl_platform_id, 16> platforms{};
  cl_uint platform_count = 0;
  std::vector<std::unique_ptr<Device>> devices;
  if (cl->clGetPlatformIDs(platforms.size(), platforms.data(), &platform_count) != CL_SUCCESS) platform_count = 0;
  for (cl_uint p = 0; p < std::min<cl_uint>(platform_count, platforms.size()); ++p) {
    std::array<cl_device_id, 64> ids{};
    cl_uint count = 0;
    if (cl->clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, ids.size(), ids.data(), &count) != CL_SUCCESS) continue;
    for (cl_uint i = 0; i < std::min<cl_uint>(count, ids.size()); ++i)
      devices.push_back(open_device(world, cl, ids[i], static_cast<int>(devices.size())));
  }
  if (devices.empty()) return fail(ErrorKind::not_found, "the OpenCL loader is installed but no driver has a device");
  return devices;
}

}  // namespace rigcast::bench
