#include "bench/probe.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

// The later reader knows more where it says anything: a driver's name replaces the bus's number.
void complete(FoundDevice& device, const FoundDevice& found) {
  const auto text = [](std::string& into, const std::string& from) { if (!from.empty()) into = from; };
  const auto amount = [](Bytes& into, Bytes from) { if (from.value() > 0) into = from; };
  const bool graphics = found.found_by == "Vulkan" || found.found_by == "OpenCL";
  if (!graphics || device.name.empty()) text(device.name, found.name);
  if (!graphics || device.found_by == "PCI") device.found_by = found.found_by;
  if (!graphics || device.memory.value() == 0) amount(device.memory, found.memory);
  text(device.vendor, found.vendor);
  text(device.pci_id, found.pci_id);
  text(device.capability, found.capability);
  amount(device.used, found.used);
  amount(device.shared, found.shared);
  device.unified = device.unified || found.unified;
  device.display = device.display || found.display;
  device.ecc = device.ecc || found.ecc;
  device.others = std::max(device.others, found.others);
  device.cores = std::max(device.cores, found.cores);
  device.sliced = device.sliced || found.sliced;
  if (!found.slices.empty()) device.slices = found.slices;
  device.card = std::max(device.card, found.card);
  if (found.power_limit) device.power_limit = found.power_limit;
  if (found.default_power_limit) device.default_power_limit = found.default_power_limit;
  if (found.max_power_limit) device.max_power_limit = found.max_power_limit;
  if (found.temperature) device.temperature = found.temperature;
  if (device.link.lanes == 0) device.link = found.link;
  for (const std::string& runtime : found.runtimes)
    if (std::find(device.runtimes.begin(), device.runtimes.end(), runtime) == device.runtimes.end()) device.runtimes.push_back(runtime);
}

bool same_device(const FoundDevice& a, const FoundDevice& b) {
  if (!a.pci_address.empty() && !b.pci_address.empty()) return a.pci_address == b.pci_address;
  return a.vendor == b.vendor && !b.name.empty() && fold_name(a.name) == fold_name(b.name);
}

void warn_of_link(const FoundDevice& device, std::vector<std::string>& warnings) {
  const PcieLink& link = device.link;
  const std::string who = (device.name.empty() ? device.pci_id : device.name) + " at " + device.pci_address;
  if (link.lanes > 0 && link.device_lanes > link.lanes)
    warnings.push_back(who + " could use x" + std::to_string(link.device_lanes) + " but is linked with x" + std::to_string(link.lanes) +
                       (link.narrowest.empty() ? "" : " (narrowest at " + link.narrowest + ")"));
  if (link.max_generation > 0 && link.device_generation > link.max_generation)
    warnings.push_back(who + " could use PCIe " + std::to_string(link.device_generation) + " but its slot offers PCIe " + std::to_string(link.max_generation));
}

void warn(Findings& findings) {
  for (const FoundDevice& device : findings.devices) {
    warn_of_link(device, findings.warnings);
    if (device.power_limit && device.default_power_limit && device.power_limit->value() < device.default_power_limit->value() * 0.98)
      findings.warnings.push_back(device.name + " is limited to " + format_number(device.power_limit->value(), 0) + " W of its default " +
                                  format_number(device.default_power_limit->value(), 0) + " W");
    if (device.sliced && device.slices.empty())
      findings.warnings.push_back(device.name + " is in MIG mode but has no instance: no program can compute on it until one is made (nvidia-smi mig -cgi) or the mode is turned off");
    if (device.memory.value() > 0 && device.used.value() > 0.05 * device.memory.value() && device.others > 0)
      findings.warnings.push_back(device.name + ": " + std::to_string(device.others) + " other program" + (device.others == 1 ? "" : "s") +
                                  " already hold memory on it");
  }
}

}  // namespace

std::string probe_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

namespace {

void read_mac(const World& world, Findings& findings) {
  if (!std::filesystem::exists(world.root / "usr/sbin/system_profiler") || !world.run) return;
  const auto text = world.run({"system_profiler", "SPHardwareDataType", "SPDisplaysDataType"});
  if (!text) {
    findings.unread.push_back(text.error().message);
    return;
  }
  for (const FoundDevice& device : parse_system_profiler(*text, findings.host).devices) merge_device(findings, device);
}

}  // namespace

std::size_t merge_device(Findings& findings, const FoundDevice& found) {
  for (std::size_t i = 0; i < findings.devices.size(); ++i) {
    if (!same_device(findings.devices[i], found)) continue;
    complete(findings.devices[i], found);
    return i;
  }
  findings.devices.push_back(found);
  return findings.devices.size() - 1;
}

Findings probe(const World& world, Depth depth) {
  Findings findings;
  findings.date = probe_date();
  findings.host = read_host(world, findings.unread);
  findings.devices = read_pci_devices(world);
  read_mac(world, findings);
  read_nvml(world, findings);
  read_amdgpu(world, findings);
  read_intel(world, findings);
  read_tools(world, findings);
  const bool unexplained = std::any_of(findings.devices.begin(), findings.devices.end(),
                                       [](const FoundDevice& device) { return device.name.empty() || device.memory.value() == 0; });
  if (depth == Depth::full || unexplained) {
    read_vulkan(world, findings);
    read_opencl(world, findings);
  }
  warn(findings);
  return findings;
}

}  // namespace rigcast::bench
