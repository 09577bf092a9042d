#pragma once
// Findings are what a probe saw in this machine, before any catalogue is asked: raw names, sizes and states, each as its own source
// told it. Nothing here identifies the owner: no serial numbers, no UUIDs, no host name.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/quantity.hpp"

namespace rigcast::bench {

// One stick (or soldered package) of host memory.
struct MemoryModule {
  std::string locator{};         // "P0 CHANNEL A / DIMM 1"
  std::string type{};            // "ddr4", "lpddr5", lower case; empty unknown
  double rated_mt_s = 0;       // what the module could do
  double mt_s = 0;             // what it was configured to do; 0 unknown
  Bytes size{};
  int data_bits = 64;          // width of its data bus
};

struct NumaNode {
  int number = 0;
  std::vector<int> cpus{};       // logical processors
  Bytes memory{};
};

struct FoundProcessor {
  std::string name{};            // "AMD EPYC 7532 32-Core Processor", as printed
  std::string vendor{};          // "amd", "intel", "arm", "apple", ...
  std::vector<std::string> instruction_sets{};  // the words of catalog::Processor: "avx2", "avx512", "vnni", "amx", ...
  int sockets = 1;
  int cores = 0;               // physical, all sockets
  int threads = 0;             // logical
  int fast_cores = 0;          // performance cores of a hybrid processor; = cores otherwise
  std::map<int, Bytes> caches{}; // level -> bytes of all its caches together (unified or data)
  std::vector<NumaNode> numa{};
  bool virtual_machine = false;
};

struct FoundHost {
  std::string os{};              // "linux", "macos", "windows"
  std::string os_version{};      // kernel release
  FoundProcessor processor{};
  Bytes memory{};              // what the system may use
  Bytes available{};           // of it free or reclaimable now
  std::vector<MemoryModule> modules{};  // empty: not readable here
  std::string modules_source{};  // "SMBIOS", "udev", "EDAC", "system_profiler"
  int channels = 0;            // populated, all sockets; 0 unknown
};

// A PCI Express link as negotiated. Idle devices lower the rate, never the width.
struct PcieLink {
  int generation = 0, lanes = 0;          // now, at the narrowest joint between the device and the processor
  int max_generation = 0, max_lanes = 0;  // what every joint on the way could do
  int device_generation = 0, device_lanes = 0;  // what the device itself could do
  std::string narrowest{};                  // PCI address of the joint that limits it, empty when none does
};

// A part of a card that programs see instead of the whole (NVIDIA's MIG).
struct CardSlice {
  std::string name{};            // "NVIDIA H100 80GB HBM3 MIG 3g.40gb"
  Bytes memory{}, used{};
};

struct FoundDevice {
  std::string name{};            // as its own tool or driver prints it; empty: only the PCI number is known
  std::string vendor{};          // "nvidia", "amd", "intel", "huawei", "moore-threads", "hygon", "metax", "apple", ...
  std::string found_by{};        // "NVML", "amdgpu", "npu-smi", "Vulkan", ...
  std::string pci_address{};     // "0000:01:00.0"
  std::string pci_id{};          // "10de:2204", empty without PCI
  std::string pci_revision{};    // "c8"
  std::string subsystem_id{};    // "10de:1467"
  std::string capability{};      // "8.6", "gfx906", "310P3"
  Bytes memory{};              // 0 unknown
  Bytes used{};                // by everybody, driver included
  Bytes shared{};              // host memory it may take beside its own (GTT)
  bool unified = false;        // memory is the host's
  int others = 0;              // other processes that hold memory on it
  std::optional<Watts> power_limit{}, default_power_limit{}, max_power_limit{};
  std::optional<double> temperature{};   // C
  PcieLink link{};
  bool display = false;        // a screen hangs on it
  bool ecc = false;
  int numa = -1;
  int cores = 0;               // Apple: GPU cores, decides between variants of one name
  int card = -1;               // chips of one card share it; -1 a card of its own
  bool sliced = false;         // divided into slices; without any no program can compute on it
  std::vector<CardSlice> slices{};
  std::vector<std::string> runtimes{};    // that can use it here: "cuda", "rocm", "vulkan", "opencl", "metal", "cann", "musa"
};

// A joint of two devices that is not PCI Express through the host.
struct FoundPeerLink {
  int a = 0, b = 0;            // indices into Findings::devices
  std::string name{};            // "NVLink", "xGMI"
  int links = 0;               // lanes of it that are up
  int version = 0;             // NVLink 3; 0 unknown
  bool peer_to_peer = true;
};

struct Runtime {
  std::string name{};            // "NVIDIA driver", "CUDA driver API", "ROCm", "Vulkan", "OpenCL", "CANN", "MUSA"
  std::string version{};
};

struct Findings {
  std::string date{};          // ISO day of the probe
  FoundHost host{};
  std::vector<FoundDevice> devices{};
  std::vector<FoundPeerLink> peers{};
  std::vector<Runtime> runtimes{};
  std::vector<std::string> warnings{};    // what limits this machine, one sentence each
  std::vector<std::string> unread{};      // what could not be read and why
};

}  // namespace rigcast::bench
