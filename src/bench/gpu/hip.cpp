// HIP as a Gpu: AMD's runtime and its compiler library are opened at run time. The kernels are kernels.cl, translated by hiprtc for the chip
// that is there, so that chips newer than this program work, too.

#include "base/text.hpp"
#include "bench/gpu/driver.hpp"
#include "bench/sensors.hpp"

namespace rigcast {
std::string_view embedded_kernels_cl();
}

namespace rigcast::bench {
namespace {

// hipDeviceAttribute_t
constexpr int kL2Bytes = 19, kMultiprocessors = 63;

std::shared_ptr<const Driver> read_driver(const Library& library) {
  const auto driver = std::make_shared<Driver>(library);
  const auto find = [&](const char* name) { return Symbol{driver->library, name}; };
  driver->name = "HIP";
  driver->attribute = find("hipDeviceGetAttribute");
  driver->synchronize = find("hipDeviceSynchronize");
  driver->load = find("hipModuleLoadData");
  driver->unload = find("hipModuleUnload");
  driver->function = find("hipModuleGetFunction");
  driver->allocate = find("hipMalloc");
  driver->free = find("hipFree");
  driver->free_host = find("hipHostFree");
  driver->to_device = find("hipMemcpyHtoD");
  driver->to_host = find("hipMemcpyDtoH");
  driver->to_device_async = find("hipMemcpyHtoDAsync");
  driver->to_host_async = find("hipMemcpyDtoHAsync");
  driver->launch = find("hipModuleLaunchKernel");
  driver->make_stream = find("hipStreamCreateWithFlags");
  driver->end_stream = find("hipStreamDestroy");
  driver->wait_event = find("hipStreamWaitEvent");
  driver->make_event = find("hipEventCreateWithFlags");
  driver->end_event = find("hipEventDestroy");
  driver->record = find("hipEventRecord");
  driver->elapsed = find("hipEventElapsedTime");
  driver->can_access = find("hipDeviceCanAccessPeer");
  DriverCode (*use)(int) = find("hipSetDevice");
  DriverCode (*allocate_host)(void**, std::size_t, unsigned) = find("hipHostMalloc");
  DriverCode (*enable_peer)(int, unsigned) = find("hipDeviceEnablePeerAccess");
  DriverCode (*copy_peer)(DriverPointer, int, DriverPointer, int, std::size_t, DriverHandle) = find("hipMemcpyPeerAsync");
  const char* (*text)(DriverCode) = find("hipGetErrorString");
  if (use) {
    driver->retain = [use](DriverHandle& context, int device) { context = &context; return use(device); };   // contexts are hidden here
    driver->make_current = [use](DriverHandle, int device) { return use(device); };
    driver->give_back = [](int) {};
  }
  if (allocate_host) driver->allocate_host = [allocate_host](void** memory, std::size_t bytes) { return allocate_host(memory, bytes, 0); };
  if (enable_peer) driver->enable_peer = [enable_peer](DriverHandle, int device) { return enable_peer(device, 0); };
  if (copy_peer)
    driver->copy_peer = [copy_peer](Driver::Place to, Driver::Place from, std::size_t bytes, DriverHandle stream) {
      return copy_peer(to.at, to.device, from.at, from.device, bytes, stream);
    };
  driver->text = [text](DriverCode code) { const char* said = text ? text(code) : nullptr; return said ? std::string(said) : std::string(); };
  return driver;
}

struct Opening {
  const Library& library;
  DriverCode (*init)(unsigned) = Symbol{library, "hipInit"};
  DriverCode (*version)(int*) = Symbol{library, "hipRuntimeGetVersion"};
  DriverCode (*count)(int*) = Symbol{library, "hipGetDeviceCount"};
  DriverCode (*name)(char*, int, int) = Symbol{library, "hipDeviceGetName"};
  DriverCode (*memory)(std::size_t*, int) = Symbol{library, "hipDeviceTotalMem"};
  DriverCode (*address)(char*, int, int) = Symbol{library, "hipDeviceGetPCIBusId"};
  bool whole() const { return init && version && count && name && memory && address; }
};

// The compiler library, for the device that is current.
Result<Programs> compile(const World& world) {
  Result<Library> library = fail(ErrorKind::not_found, "");
  for (const char* name : {"libhiprtc.so", "libhiprtc.so.7", "libhiprtc.so.6", "libhiprtc.so.5", "libamdhip64.so"})
    if (!library) library = Library::open(world, name);
  if (!library) return fail(ErrorKind::system, "libhiprtc.so is not installed: HIP's compiler is needed to translate the kernels");
  int (*create)(DriverHandle*, const char*, const char*, int, const char**, const char**) = Symbol{*library, "hiprtcCreateProgram"};
  int (*build)(DriverHandle, int, const char**) = Symbol{*library, "hiprtcCompileProgram"};
  int (*code_size)(DriverHandle, std::size_t*) = Symbol{*library, "hiprtcGetCodeSize"};
  int (*code)(DriverHandle, char*) = Symbol{*library, "hiprtcGetCode"};
  int (*log_size)(DriverHandle, std::size_t*) = Symbol{*library, "hiprtcGetProgramLogSize"};
  int (*log)(DriverHandle, char*) = Symbol{*library, "hiprtcGetProgramLog"};
  int (*destroy)(DriverHandle*) = Symbol{*library, "hiprtcDestroyProgram"};
  if (!create || !build || !code_size || !code || !log_size || !log || !destroy) return fail(ErrorKind::system, "libhiprtc.so lacks functions that ROCm 5 has");
  const std::string source(embedded_kernels_cl());
  DriverHandle program = nullptr;
  if (create(&program, source.c_str(), "kernels.cl", 0, nullptr, nullptr) != 0) return fail(ErrorKind::system, "hiprtc makes no program");
  const char* options[] = {"-O3"};
  const bool built = build(program, 1, options) == 0;
  std::size_t size = 0;
  const bool sized = (built ? code_size(program, &size) : log_size(program, &size)) == 0;
  std::string text(sized ? size : 0, '\0');
  const bool read = sized && (built ? code(program, text.data()) : log(program, text.data())) == 0;
  destroy(&program);
  if (!built) return fail(ErrorKind::system, "hiprtc cannot translate the kernels: " + std::string(trim(text.c_str())));
  if (!read) return fail(ErrorKind::system, "hiprtc gives no code");
  return Programs{{"", std::move(text)}};
}

DeviceInfo describe(const Opening& opening, const Driver& driver, int device, int version) {
  DeviceInfo info{.id = "hip:" + std::to_string(device), .backend = "hip", .name = {}, .driver = {}, .path = "hiprtc", .pci_address = {}};
  std::array<char, 256> text{};
  if (opening.name(text.data(), static_cast<int>(text.size() - 1), device) == 0) info.name = text.data();
  std::array<char, 64> address{};
  if (opening.address(address.data(), static_cast<int>(address.size() - 1), device) == 0) info.pci_address = to_lower(address.data());
  constexpr int kMajor = 10'000'000, kMinor = 100'000;
  info.driver = "HIP " + std::to_string(version / kMajor) + "." + std::to_string(version % kMajor / kMinor);
  std::size_t memory = 0;
  if (opening.memory(&memory, device) == 0) info.memory = Bytes(static_cast<double>(memory));
  const auto attribute = [&](int which) { int value = 0; return driver.attribute(&value, which, device) == 0 ? value : 0; };
  info.cache = Bytes(attribute(kL2Bytes));
  info.units = attribute(kMultiprocessors);
  return info;
}

}  // namespace

Result<std::vector<std::unique_ptr<Device>>> open_hip(const World& world, const Options&) {
  Result<Library> library = fail(ErrorKind::not_found, "");
  for (const char* name : {"libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"})
    if (!library) library = Library::open(world, name);
  if (!library) return fail(ErrorKind::not_found, "libamdhip64.so of ROCm is not installed");
  const Opening opening{*library};
  const std::shared_ptr<const Driver> driver = read_driver(*library);
  if (!opening.whole() || !driver->missing().empty())
    return fail(ErrorKind::system, "libamdhip64.so lacks functions that ROCm 5 has" + (opening.whole() ? ": " + driver->missing() : std::string()));
  if (const DriverCode code = opening.init(0); code != 0) return driver->trouble("hipInit", code);
  int version = 0, count = 0;
  opening.version(&version);
  if (const DriverCode code = opening.count(&count); code != 0) return driver->trouble("hipGetDeviceCount", code);
  const auto fellows = std::make_shared<std::vector<DriverGpu*>>();
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < count; ++i) {
    const DeviceInfo info = describe(opening, *driver, i, version);
    devices.push_back(gpu_device(std::make_unique<DriverGpu>(DriverGpu::Parts{
        .driver = driver, .device = i, .info = info, .programs = [world] { return compile(world); }, .tensor_formats = {},
        .open_matrix = [](DriverHandle) -> Result<std::unique_ptr<VendorMatrix>> { return fail(ErrorKind::unsupported, "AMD's matrix library is not asked"); },
        .fellows = fellows}), sensors_of(world, info.pci_address)));
  }
  if (devices.empty()) return fail(ErrorKind::not_found, "the HIP runtime is installed but has no device");
  return devices;
}

}  // namespace rigcast::bench
