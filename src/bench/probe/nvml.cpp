// NVIDIA devices through the driver's management library, loaded at run time. Declarations below are its stable C interface.

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

using Handle = void*;
struct MemoryInfo { unsigned long long total, free, used; };
struct PciInfo { char legacy[16]; unsigned domain, bus, device, device_id, subsystem_id; char bus_id[32]; };
constexpr int kInsufficientSize = 7;
constexpr unsigned kSensorGpu = 0, kRemoteIsSwitch = 2;
constexpr unsigned kMaxNvLinks = 18;

// The functions used; nullptr where this driver is too old to have one.
struct Nvml {
  Library library;
  template <class... Arguments>
  bool get(const char* name, Arguments... arguments) const {
    auto* function = library.find<int(Arguments...)>(name);
    return function && function(arguments...) == 0;
  }
};

std::string text_of(const Nvml& nvml, const char* name, Handle device) {
  std::array<char, 128> buffer{};
  return nvml.get(name, device, buffer.data(), 127u) ? std::string(buffer.data()) : std::string();
}

// "00000000:01:00.0" -> "0000:01:00.0", the kernel's spelling.
std::string address_of(const PciInfo& pci) {
  std::string id(pci.bus_id, strnlen(pci.bus_id, sizeof pci.bus_id));
  id = to_lower(id);
  return id.size() == 16 ? id.substr(4) : id;
}

std::optional<Watts> milliwatts(const Nvml& nvml, const char* name, Handle device) {
  unsigned value = 0;
  return nvml.get(name, device, &value) && value > 0 ? std::optional(Watts(value * 1e-3)) : std::nullopt;
}

void read_link(const Nvml& nvml, Handle device, PcieLink& link) {
  unsigned generation = 0, lanes = 0, max_generation = 0, max_lanes = 0;
  if (!nvml.get("nvmlDeviceGetCurrPcieLinkGeneration", device, &generation) || !nvml.get("nvmlDeviceGetCurrPcieLinkWidth", device, &lanes)) return;
  nvml.get("nvmlDeviceGetMaxPcieLinkGeneration", device, &max_generation);
  nvml.get("nvmlDeviceGetMaxPcieLinkWidth", device, &max_lanes);
  link = {.generation = static_cast<int>(generation), .lanes = static_cast<int>(lanes), .max_generation = static_cast<int>(max_generation),
          .max_lanes = static_cast<int>(max_lanes), .device_generation = static_cast<int>(max_generation),
          .device_lanes = static_cast<int>(max_lanes), .narrowest = {}};
}

void read_slices(const Nvml& nvml, Handle handle, FoundDevice& device) {
  unsigned now = 0, pending = 0, most = 0;
  if (!nvml.get("nvmlDeviceGetMigMode", handle, &now, &pending) || now != 1) return;
  device.sliced = true;
  nvml.get("nvmlDeviceGetMaxMigDeviceCount", handle, &most);
  for (unsigned i = 0; i < std::min(most, 64u); ++i) {
    Handle part = nullptr;
    if (!nvml.get("nvmlDeviceGetMigDeviceHandleByIndex", handle, i, &part)) continue;   // numbers are not dense
    CardSlice slice{.name = text_of(nvml, "nvmlDeviceGetName", part)};
    MemoryInfo memory{};
    if (nvml.get("nvmlDeviceGetMemoryInfo", part, &memory)) slice.memory = Bytes(static_cast<double>(memory.total)), slice.used = Bytes(static_cast<double>(memory.total - memory.free));
    if (slice.memory.value() > 0) device.slices.push_back(slice);
  }
}

FoundDevice read_device(const Nvml& nvml, Handle handle) {
  FoundDevice device{.vendor = "nvidia", .found_by = "NVML"};
  device.name = text_of(nvml, "nvmlDeviceGetName", handle);
  PciInfo pci{};
  if (nvml.get("nvmlDeviceGetPciInfo_v3", handle, &pci)) device.pci_address = address_of(pci);
  MemoryInfo memory{};
  if (nvml.get("nvmlDeviceGetMemoryInfo", handle, &memory)) {
    device.memory = Bytes(static_cast<double>(memory.total));
    device.used = Bytes(static_cast<double>(memory.total - memory.free));
  }
  int major = 0, minor = 0;
  if (nvml.get("nvmlDeviceGetCudaComputeCapability", handle, &major, &minor)) device.capability = std::to_string(major) + "." + std::to_string(minor);
  device.power_limit = milliwatts(nvml, "nvmlDeviceGetPowerManagementLimit", handle);
  device.default_power_limit = milliwatts(nvml, "nvmlDeviceGetPowerManagementDefaultLimit", handle);
  unsigned lowest = 0, highest = 0;
  if (nvml.get("nvmlDeviceGetPowerManagementLimitConstraints", handle, &lowest, &highest)) device.max_power_limit = Watts(highest * 1e-3);
  unsigned temperature = 0;
  if (nvml.get("nvmlDeviceGetTemperature", handle, kSensorGpu, &temperature)) device.temperature = temperature;
  int on = 0, pending = 0;
  if (nvml.get("nvmlDeviceGetDisplayActive", handle, &on)) device.display = on == 1;
  if (nvml.get("nvmlDeviceGetEccMode", handle, &on, &pending)) device.ecc = on == 1;
  unsigned count = 0;
  if (auto* processes = nvml.library.find<int(Handle, unsigned*, void*)>("nvmlDeviceGetComputeRunningProcesses_v3"))
    if (processes(handle, &count, nullptr) == kInsufficientSize) device.others = static_cast<int>(count);
  read_link(nvml, handle, device.link);
  read_slices(nvml, handle, device);
  device.runtimes = {"cuda"};
  return device;
}

// NVLinks that are up: straight to another device, or into a switch that joins all devices that hang on it.
void read_nvlinks(const Nvml& nvml, const std::vector<Handle>& handles, const std::vector<std::size_t>& index, Findings& findings) {
  std::map<std::pair<std::size_t, std::size_t>, FoundPeerLink> links;
  std::vector<int> into_switch(handles.size());
  int switch_version = 0;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    for (unsigned lane = 0; lane < kMaxNvLinks; ++lane) {
      int up = 0;
      if (!nvml.get("nvmlDeviceGetNvLinkState", handles[i], lane, &up)) break;
      if (up != 1) continue;
      unsigned version = 0, kind = 0;
      nvml.get("nvmlDeviceGetNvLinkVersion", handles[i], lane, &version);
      if (nvml.get("nvmlDeviceGetNvLinkRemoteDeviceType", handles[i], lane, &kind) && kind == kRemoteIsSwitch) {
        ++into_switch[i], switch_version = static_cast<int>(version);
        continue;
      }
      PciInfo remote{};
      if (!nvml.get("nvmlDeviceGetNvLinkRemotePciInfo_v2", handles[i], lane, &remote)) continue;
      for (std::size_t j = i + 1; j < handles.size(); ++j) {
        if (findings.devices[index[j]].pci_address != address_of(remote)) continue;
        FoundPeerLink& link = links[{i, j}];
        link.version = static_cast<int>(version);
        ++link.links;
      }
    }
  }
  for (std::size_t i = 0; i < handles.size(); ++i)
    for (std::size_t j = i + 1; j < handles.size(); ++j)
      if (into_switch[i] > 0 && into_switch[j] > 0) links[{i, j}] = {.links = std::min(into_switch[i], into_switch[j]), .version = switch_version};
  for (auto& [pair, link] : links) {
    link.a = static_cast<int>(index[pair.first]), link.b = static_cast<int>(index[pair.second]);
    link.name = "NVLink";
    findings.peers.push_back(link);
  }
}

}  // namespace

void read_nvml(const World& world, Findings& findings) {
  bool present = false;
  for (const FoundDevice& device : findings.devices) present = present || device.vendor == "nvidia";
  auto library = Library::open(world, "libnvidia-ml.so.1");
  if (!library) library = Library::open(world, "/usr/lib/wsl/lib/libnvidia-ml.so.1");
  if (!library) {
    if (present) findings.unread.push_back("NVIDIA driver: libnvidia-ml.so.1 is not installed; the card is seen on the bus, but no program can compute on it");
    return;
  }
  const Nvml nvml{*library};
  auto* start = library->find<int()>("nvmlInit_v2");
  const int started = start ? start() : -1;
  if (started != 0) {
    auto* say = library->find<const char*(int)>("nvmlErrorString");
    findings.unread.push_back("NVIDIA driver: " + std::string(start && say ? say(started) : "the management library is too old"));
    return;
  }
  if (const std::string version = [&] {
        std::array<char, 96> buffer{};
        return nvml.get("nvmlSystemGetDriverVersion", buffer.data(), 95u) ? std::string(buffer.data()) : std::string();
      }(); !version.empty())
    findings.runtimes.push_back({"NVIDIA driver", version});
  int cuda = 0;
  if (nvml.get("nvmlSystemGetCudaDriverVersion_v2", &cuda))
    findings.runtimes.push_back({"CUDA driver API", std::to_string(cuda / 1000) + "." + std::to_string(cuda % 1000 / 10)});
  unsigned count = 0;
  nvml.get("nvmlDeviceGetCount_v2", &count);
  std::vector<Handle> handles;
  std::vector<std::size_t> index;
  for (unsigned i = 0; i < count; ++i) {
    Handle handle = nullptr;
    if (!nvml.get("nvmlDeviceGetHandleByIndex_v2", i, &handle)) {
      findings.unread.push_back("NVIDIA device " + std::to_string(i) + ": the driver lists it but does not open it (fallen off the bus, or no permission)");
      continue;
    }
    handles.push_back(handle);
    index.push_back(merge_device(findings, read_device(nvml, handle)));
  }
  read_nvlinks(nvml, handles, index, findings);
  nvml.get("nvmlShutdown");
}

}  // namespace rigcast::bench
