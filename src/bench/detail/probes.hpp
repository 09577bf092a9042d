#pragma once
// The readers behind probe(): each looks at one source and adds what it says. Parsers of text take the text, so that recorded
// samples are their tests.

#include <string>
#include <string_view>
#include <vector>

#include "bench/findings.hpp"
#include "bench/world.hpp"

namespace rigcast::bench {

// ---- host
FoundProcessor read_processor(const World& world);
std::vector<MemoryModule> parse_smbios(std::string_view table);            // the raw structure table (type 17 is read)
std::vector<MemoryModule> parse_udev_memory(std::string_view properties);  // lines [E:]MEMORY_DEVICE_n_...=
std::vector<MemoryModule> read_edac(const World& world);
int count_channels(const std::vector<MemoryModule>& modules);              // distinct channels; 0 when the locators do not say
FoundHost read_host(const World& world, std::vector<std::string>& unread);
std::vector<int> parse_cpu_list(std::string_view list);                    // "0-3,8" -> 0 1 2 3 8; empty on nonsense

// ---- PCI
PcieLink read_pcie_link(const World& world, const std::string& address);
// Display and accelerator functions, with link and identity, before any driver is asked.
std::vector<FoundDevice> read_pci_devices(const World& world);

// ---- drivers; each adds devices that are not there yet (same PCI address: completes them)
void read_nvml(const World& world, Findings& findings);
void read_amdgpu(const World& world, Findings& findings);
void read_intel(const World& world, Findings& findings);
void read_vulkan(const World& world, Findings& findings);
void read_opencl(const World& world, Findings& findings);

// ---- vendors' tools
struct ToolReport { std::vector<FoundDevice> devices; std::vector<Runtime> runtimes; };
ToolReport parse_npu_smi(std::string_view text);
ToolReport parse_mthreads_gmi(std::string_view text);
ToolReport parse_hy_smi(std::string_view text);        // --showproductname --showmeminfo vram --showdriverversion and the plain table
ToolReport parse_mx_smi(std::string_view text);
ToolReport parse_system_profiler(std::string_view text, FoundHost& host);  // SPHardwareDataType SPDisplaysDataType SPMemoryDataType
void read_tools(const World& world, Findings& findings);

// Completes the device with the same PCI address, else appends; gives its index.
std::size_t merge_device(Findings& findings, const FoundDevice& found);

}  // namespace rigcast::bench
