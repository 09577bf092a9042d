// CUDA as a Gpu through the driver's own interface: a user needs a driver and nothing else. The kernels are kept as PTX for the oldest chip
// of each kind of arithmetic; the driver translates them for the one that is there.

#include <cstdio>

#include "base/text.hpp"
#include "bench/gpu/driver.hpp"
#include "bench/sensors.hpp"

namespace rigcast {
std::string_view embedded_kernels_ptx();
std::string_view embedded_kernels61_ptx();
std::string_view embedded_tensor70_ptx();
std::string_view embedded_tensor80_ptx();
}

namespace rigcast::bench {
namespace {

// CUdevice_attribute
constexpr int kMultiprocessors = 16, kPciBus = 33, kPciSlot = 34, kL2Bytes = 38, kPciDomain = 50, kMajor = 75, kMinor = 76;

std::shared_ptr<const Driver> read_driver(const Library& library) {
  const auto driver = std::make_shared<Driver>(library);
  const auto find = [&](const char* name) { return Symbol{driver->library, name}; };
  driver->name = "CUDA";
  driver->attribute = find("cuDeviceGetAttribute");
  driver->synchronize = find("cuCtxSynchronize");
  driver->load = find("cuModuleLoadData");
  driver->unload = find("cuModuleUnload");
  driver->function = find("cuModuleGetFunction");
  driver->allocate = find("cuMemAlloc_v2");
  driver->free = find("cuMemFree_v2");
  driver->free_host = find("cuMemFreeHost");
  driver->to_device = find("cuMemcpyHtoD_v2");
  driver->to_host = find("cuMemcpyDtoH_v2");
  driver->to_device_async = find("cuMemcpyHtoDAsync_v2");
  driver->to_host_async = find("cuMemcpyDtoHAsync_v2");
  driver->launch = find("cuLaunchKernel");
  driver->make_stream = find("cuStreamCreate");
  driver->end_stream = find("cuStreamDestroy_v2");
  driver->wait_event = find("cuStreamWaitEvent");
  driver->make_event = find("cuEventCreate");
  driver->end_event = find("cuEventDestroy_v2");
  driver->record = find("cuEventRecord");
  driver->elapsed = find("cuEventElapsedTime");
  driver->can_access = find("cuDeviceCanAccessPeer");
  DriverCode (*retain)(DriverHandle*, int) = find("cuDevicePrimaryCtxRetain");
  DriverCode (*give_back)(int) = find("cuDevicePrimaryCtxRelease_v2");
  DriverCode (*make_current)(DriverHandle) = find("cuCtxSetCurrent");
  DriverCode (*allocate_host)(void**, std::size_t) = find("cuMemAllocHost_v2");
  DriverCode (*enable_peer)(DriverHandle, unsigned) = find("cuCtxEnablePeerAccess");
  DriverCode (*copy_peer)(DriverPointer, DriverHandle, DriverPointer, DriverHandle, std::size_t, DriverHandle) = find("cuMemcpyPeerAsync");
  DriverCode (*text)(DriverCode, const char**) = find("cuGetErrorString");
  if (retain) driver->retain = [retain](DriverHandle& context, int device) { return retain(&context, device); };
  if (give_back) driver->give_back = [give_back](int device) { give_back(device); };
  if (make_current) driver->make_current = [make_current](DriverHandle context, int) { return make_current(context); };
  if (allocate_host) driver->allocate_host = allocate_host;
  if (enable_peer) driver->enable_peer = [enable_peer](DriverHandle context, int) { return enable_peer(context, 0); };
  if (copy_peer)
    driver->copy_peer = [copy_peer](Driver::Place to, Driver::Place from, std::size_t bytes, DriverHandle stream) {
      return copy_peer(to.at, to.context, from.at, from.context, bytes, stream);
    };
  driver->text = [text](DriverCode code) {
    const char* said = nullptr;
    return text && text(code, &said) == 0 && said ? std::string(said) : std::string();
  };
  return driver;
}

// Names and numbers that only opening asks for.
struct Opening {
  const Library& library;
  DriverCode (*init)(unsigned) = Symbol{library, "cuInit"};
  DriverCode (*version)(int*) = Symbol{library, "cuDriverGetVersion"};
  DriverCode (*count)(int*) = Symbol{library, "cuDeviceGetCount"};
  DriverCode (*device)(int*, int) = Symbol{library, "cuDeviceGet"};
  DriverCode (*name)(char*, int, int) = Symbol{library, "cuDeviceGetName"};
  DriverCode (*memory)(std::size_t*, int) = Symbol{library, "cuDeviceTotalMem_v2"};
  bool whole() const { return init && version && count && device && name && memory; }
};

int capability_of(const Driver& driver, int device) {   // 8.6 -> 86
  int major = 0, minor = 0;
  return driver.attribute(&major, kMajor, device) == 0 && driver.attribute(&minor, kMinor, device) == 0 ? major * 10 + minor : 0;
}

DeviceInfo describe(const Opening& opening, const Driver& driver, int device, int number, int version) {
  DeviceInfo info{.id = "cuda:" + std::to_string(number), .backend = "cuda", .name = {}, .driver = {}, .path = {}, .pci_address = {}};
  std::array<char, 256> name{};
  if (opening.name(name.data(), static_cast<int>(name.size() - 1), device) == 0) info.name = name.data();
  const auto attribute = [&](int which) { int value = 0; return driver.attribute(&value, which, device) == 0 ? value : 0; };
  info.driver = "CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  const int capability = capability_of(driver, device);
  info.path = "sm_" + std::to_string(capability) + (capability >= 70 ? " tensor cores" : capability >= 61 ? " dp4a" : "");
  std::array<char, 32> address{};
  std::snprintf(address.data(), address.size(), "%04x:%02x:%02x.0", static_cast<unsigned>(attribute(kPciDomain)), static_cast<unsigned>(attribute(kPciBus)), static_cast<unsigned>(attribute(kPciSlot)));
  info.pci_address = address.data();
  std::size_t memory = 0;
  if (opening.memory(&memory, device) == 0) info.memory = Bytes(static_cast<double>(memory));
  info.cache = Bytes(attribute(kL2Bytes));
  info.units = attribute(kMultiprocessors);
  return info;
}

// 16-bit floats since Volta, bf16 and whole bytes (as written here) since Ampere.
std::vector<std::string> tensor_formats(int capability) {
  std::vector<std::string> formats;
  if (capability >= 70) formats = {"f16", "q8_0", "q4_0", "mxfp4", "q4_k", "q6_k"};
  if (capability >= 80) formats.insert(formats.end(), {"bf16", "i8"});
  return formats;
}

Programs programs_for(int capability) {
  Programs programs{{"", std::string(capability >= 61 ? embedded_kernels61_ptx() : embedded_kernels_ptx())}};
  if (capability >= 70) programs["tensor_"] = std::string(capability >= 80 ? embedded_tensor80_ptx() : embedded_tensor70_ptx());
  return programs;
}

}  // namespace

Result<std::vector<std::unique_ptr<Device>>> open_cuda(const World& world, const Options&) {
  RC_ASSIGN(library, Library::open(world, "libcuda.so.1"));
  const Opening opening{library};
  const std::shared_ptr<const Driver> driver = read_driver(library);
  if (!opening.whole() || !driver->missing().empty())
    return fail(ErrorKind::system, "libcuda.so.1 lacks functions that every driver since CUDA 7 has" + (opening.whole() ? ": " + driver->missing() : std::string()));
  if (const DriverCode code = opening.init(0); code != 0) return driver->trouble("cuInit", code);
  int version = 0, count = 0;
  opening.version(&version);
  if (const DriverCode code = opening.count(&count); code != 0) return driver->trouble("cuDeviceGetCount", code);
  const auto fellows = std::make_shared<std::vector<DriverGpu*>>();
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < count; ++i) {
    int device = 0;
    if (opening.device(&device, i) != 0) continue;
    const int capability = capability_of(*driver, device);
    const DeviceInfo info = describe(opening, *driver, device, i, version);
    devices.push_back(gpu_device(std::make_unique<DriverGpu>(DriverGpu::Parts{
        .driver = driver, .device = device, .info = info, .programs = [capability] { return Result<Programs>(programs_for(capability)); },
        .tensor_formats = tensor_formats(capability), .open_matrix = [world](DriverHandle stream) { return open_cublas(world, stream); }, .fellows = fellows}), sensors_of(world, info.pci_address)));
  }
  if (devices.empty()) return fail(ErrorKind::not_found, "the CUDA driver is installed but has no device");
  return devices;
}

}  // namespace rigcast::bench
