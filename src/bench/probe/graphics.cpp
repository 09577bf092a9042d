// Whatever else can compute: devices that a Vulkan or OpenCL driver lists. Both loaders are opened at run time.

#include <CL/cl.h>
#include <vulkan/vulkan.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

std::string vendor_of(unsigned pci_vendor) {
  switch (pci_vendor) {
    case 0x10de: return "nvidia";
    case 0x1002: return "amd";
    case 0x8086: return "intel";
    case 0x106b: return "apple";
    case 0x13b5: return "arm";
    case 0x5143: return "qualcomm";
    case 0x1ed5: return "moore-threads";
    default: return {};
  }
}

std::string hex_pair(unsigned vendor, unsigned device) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04x:%04x", vendor & 0xffffu, device & 0xffffu);
  return text.data();
}

std::string address_text(unsigned domain, unsigned bus, unsigned device, unsigned function) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", domain & 0xffffu, bus & 0xffu, device & 0x1fu, function & 7u);
  return text.data();
}

// ---- Vulkan
struct Vulkan {
  VkInstance instance = nullptr;
  PFN_vkGetInstanceProcAddr get = nullptr;
  template <class Function>
  Function find(const char* name) const { return reinterpret_cast<Function>(get(instance, name)); }
};

bool has_extension(const Vulkan& vulkan, VkPhysicalDevice device, std::string_view wanted) {
  const auto list = vulkan.find<PFN_vkEnumerateDeviceExtensionProperties>("vkEnumerateDeviceExtensionProperties");
  std::uint32_t count = 0;
  if (!list || list(device, nullptr, &count, nullptr) != VK_SUCCESS) return false;
  std::vector<VkExtensionProperties> names(count);
  if (list(device, nullptr, &count, names.data()) < VK_SUCCESS) return false;
  for (const auto& name : names)
    if (wanted == name.extensionName) return true;
  return false;
}

FoundDevice vulkan_device(const Vulkan& vulkan, VkPhysicalDevice handle, const VkPhysicalDeviceProperties& properties) {
  FoundDevice device{.name = std::string(properties.deviceName), .vendor = vendor_of(properties.vendorID), .found_by = "Vulkan"};
  device.pci_id = hex_pair(properties.vendorID, properties.deviceID);
  device.unified = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  device.runtimes = {"vulkan"};
  VkPhysicalDeviceMemoryProperties memory{};
  vulkan.find<PFN_vkGetPhysicalDeviceMemoryProperties>("vkGetPhysicalDeviceMemoryProperties")(handle, &memory);
  for (std::uint32_t heap = 0; heap < memory.memoryHeapCount; ++heap)
    if (memory.memoryHeaps[heap].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) device.memory += Bytes(static_cast<double>(memory.memoryHeaps[heap].size));
  const auto more = vulkan.find<PFN_vkGetPhysicalDeviceProperties2>("vkGetPhysicalDeviceProperties2");
  if (more && has_extension(vulkan, handle, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME)) {
    VkPhysicalDevicePCIBusInfoPropertiesEXT bus{};
    bus.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT;
    VkPhysicalDeviceProperties2 chain{};
    chain.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    chain.pNext = &bus;
    more(handle, &chain);
    device.pci_address = address_text(bus.pciDomain, bus.pciBus, bus.pciDevice, bus.pciFunction);
  }
  return device;
}

}  // namespace

void read_vulkan(const World& world, Findings& findings) {
  const auto library = Library::open(world, "libvulkan.so.1");
  if (!library) return;
  Vulkan vulkan{.get = library->find<std::remove_pointer_t<PFN_vkGetInstanceProcAddr>>("vkGetInstanceProcAddr")};
  if (!vulkan.get) return;
  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo wanted{};
  wanted.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  wanted.pApplicationInfo = &application;
  const auto create = vulkan.find<PFN_vkCreateInstance>("vkCreateInstance");
  if (!create || create(&wanted, nullptr, &vulkan.instance) != VK_SUCCESS) {
    findings.unread.push_back("Vulkan: the loader is installed but finds no usable driver");
    return;
  }
  std::array<VkPhysicalDevice, 64> handles{};
  std::uint32_t count = handles.size();
  const auto list = vulkan.find<PFN_vkEnumeratePhysicalDevices>("vkEnumeratePhysicalDevices");
  if (list(vulkan.instance, &count, handles.data()) < VK_SUCCESS) count = 0;
  std::uint32_t best = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    VkPhysicalDeviceProperties properties{};
    vulkan.find<PFN_vkGetPhysicalDeviceProperties>("vkGetPhysicalDeviceProperties")(handles[i], &properties);
    if (properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) continue;   // a driver in software is the processor again
    best = std::max(best, properties.apiVersion);
    merge_device(findings, vulkan_device(vulkan, handles[i], properties));
  }
  if (best > 0)
    findings.runtimes.push_back({"Vulkan", std::to_string(VK_API_VERSION_MAJOR(best)) + "." + std::to_string(VK_API_VERSION_MINOR(best))});
  vulkan.find<PFN_vkDestroyInstance>("vkDestroyInstance")(vulkan.instance, nullptr);
}

namespace {

// ---- OpenCL; extensions' query names, from their specifications.
constexpr cl_device_info kPciBusInfoKhr = 0x410F, kPciBusIdNv = 0x4008, kPciSlotIdNv = 0x4009, kPciDomainIdNv = 0x400A, kBoardNameAmd = 0x4038;
struct PciBusInfo { cl_uint domain, bus, device, function; };

struct OpenCl {
  decltype(&clGetPlatformIDs) platforms;
  decltype(&clGetDeviceIDs) devices;
  decltype(&clGetDeviceInfo) info;
  std::string text(cl_device_id device, cl_device_info what) const {
    std::array<char, 512> buffer{};
    return info(device, what, buffer.size() - 1, buffer.data(), nullptr) == CL_SUCCESS ? std::string(trim(buffer.data())) : std::string();
  }
  template <class T>
  bool value(cl_device_id device, cl_device_info what, T& out) const { return info(device, what, sizeof out, &out, nullptr) == CL_SUCCESS; }
};

FoundDevice opencl_device(const OpenCl& cl, cl_device_id handle) {
  FoundDevice device{.name = cl.text(handle, CL_DEVICE_NAME), .found_by = "OpenCL"};
  if (const std::string board = cl.text(handle, kBoardNameAmd); !board.empty()) device.capability = device.name, device.name = board;
  cl_uint vendor = 0;
  cl.value(handle, CL_DEVICE_VENDOR_ID, vendor);
  device.vendor = vendor_of(vendor);
  cl_ulong memory = 0;
  if (cl.value(handle, CL_DEVICE_GLOBAL_MEM_SIZE, memory)) device.memory = Bytes(static_cast<double>(memory));
  cl_bool unified = CL_FALSE;
  if (cl.value(handle, CL_DEVICE_HOST_UNIFIED_MEMORY, unified)) device.unified = unified == CL_TRUE;
  PciBusInfo bus{};
  cl_uint slot = 0;
  if (cl.value(handle, kPciBusInfoKhr, bus)) {
    device.pci_address = address_text(bus.domain, bus.bus, bus.device, bus.function);
  } else if (cl.value(handle, kPciBusIdNv, bus.bus) && cl.value(handle, kPciSlotIdNv, slot)) {
    cl.value(handle, kPciDomainIdNv, bus.domain);
    device.pci_address = address_text(bus.domain, bus.bus, slot >> 3, slot & 7);
  }
  device.runtimes = {"opencl"};
  return device;
}

}  // namespace

void read_opencl(const World& world, Findings& findings) {
  const auto library = Library::open(world, "libOpenCL.so.1");
  if (!library) return;
  const OpenCl cl{library->find<decltype(clGetPlatformIDs)>("clGetPlatformIDs"), library->find<decltype(clGetDeviceIDs)>("clGetDeviceIDs"),
                  library->find<decltype(clGetDeviceInfo)>("clGetDeviceInfo")};
  if (!cl.platforms || !cl.devices || !cl.info) return;
  std::array<cl_platform_id, 16> platforms{};
  cl_uint platform_count = 0;
  if (cl.platforms(platforms.size(), platforms.data(), &platform_count) != CL_SUCCESS) return;
  bool any = false;
  for (cl_uint p = 0; p < std::min<cl_uint>(platform_count, platforms.size()); ++p) {
    std::array<cl_device_id, 64> devices{};
    cl_uint count = 0;
    if (cl.devices(platforms[p], CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR, devices.size(), devices.data(), &count) != CL_SUCCESS) continue;
    for (cl_uint i = 0; i < std::min<cl_uint>(count, devices.size()); ++i) merge_device(findings, opencl_device(cl, devices[i])), any = true;
  }
  if (any) findings.runtimes.push_back({"OpenCL", ""});
}

}  // namespace rigcast::bench
