// PCI functions that compute or draw, and the link each one really has to the processor.

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

// "16.0 GT/s PCIe" -> 4. Rates double from 2.5 (generation 1), with 8 GT/s as generation 3.
int generation_of(std::string_view rate) {
  const double gt = parse_double(rate.substr(0, rate.find(' '))).value_or(0);
  if (gt >= 64) return 6;
  if (gt >= 32) return 5;
  if (gt >= 16) return 4;
  if (gt >= 8) return 3;
  if (gt >= 5) return 2;
  return gt >= 2.5 ? 1 : 0;
}

struct Joint { int generation = 0, lanes = 0, max_generation = 0, max_lanes = 0; };

Joint read_joint(const World& world, const std::filesystem::path& folder) {
  const auto lanes = [&](const char* file) {
    const long long value = read_int(world, folder / file).value_or(0);
    return value > 0 && value <= 32 ? static_cast<int>(value) : 0;   // 255 means unknown
  };
  return {generation_of(read_text(world, folder / "current_link_speed").value_or("")), lanes("current_link_width"),
          generation_of(read_text(world, folder / "max_link_speed").value_or("")), lanes("max_link_width")};
}

std::string hex4(const World& world, const std::filesystem::path& file) {
  const std::string text = read_text(world, file).value_or("");
  return text.starts_with("0x") ? text.substr(2) : std::string();
}

struct Vendor { std::string_view id, name; };
constexpr Vendor kVendors[] = {{"10de", "nvidia"},        {"1002", "amd"},         {"8086", "intel"},    {"19e5", "huawei"},
                               {"1ed5", "moore-threads"}, {"1d94", "hygon"},       {"9999", "metax"},    {"cabc", "cambricon"},
                               {"1e3e", "iluvatar"},      {"1d22", "kunlunxin"},   {"1ea0", "enflame"},  {"1e52", "tenstorrent"},
                               {"1da3", "habana"},        {"1d17", "zhaoxin"},     {"1ec8", "jingjia"},  {"1e8b", "glenfly"}};

// Names of virtual and management displays that never compute.
bool is_paravirtual(std::string_view vendor) {
  return vendor == "1234" || vendor == "1af4" || vendor == "15ad" || vendor == "1b36" || vendor == "80ee" || vendor == "1a03" || vendor == "102b";
}

}  // namespace

// The device sits at the end of a chain of bridges; its bandwidth is that of the narrowest joint. Graphics cards with a bridge of
// their own (AMD since Vega) show a full link inside the card and the slot's real one at that bridge.
PcieLink read_pcie_link(const World& world, const std::string& address) {
  PcieLink link;
  std::error_code failed;
  const std::filesystem::path base = world.root / "sys/bus/pci/devices" / address;
  std::filesystem::path folder = std::filesystem::canonical(base, failed);
  if (failed) return link;
  const std::filesystem::path root = std::filesystem::canonical(world.root, failed);
  double slowest = 0;
  bool first = true;
  while (folder.has_parent_path() && folder.filename().string().find(':') != std::string::npos && !folder.filename().string().starts_with("pci")) {
    const Joint joint = read_joint(world, std::filesystem::relative(folder, root, failed));
    if (first) link.device_generation = joint.max_generation, link.device_lanes = joint.max_lanes;
    if (joint.lanes > 0 && joint.generation > 0) {
      const double rate = joint.lanes * std::ldexp(1.0, joint.generation);
      if (first || rate < slowest) {
        if (!first) link.narrowest = folder.filename().string();
        slowest = rate, link.generation = joint.generation, link.lanes = joint.lanes;
      }
      const auto lower = [](int& value, int candidate) { value = value == 0 || candidate < value ? candidate : value; };
      if (joint.max_generation > 0) lower(link.max_generation, joint.max_generation);
      if (joint.max_lanes > 0) lower(link.max_lanes, joint.max_lanes);
      first = false;
    }
    folder = folder.parent_path();
  }
  return link;
}

std::vector<FoundDevice> read_pci_devices(const World& world) {
  std::vector<FoundDevice> devices;
  for (const std::string& address : list_folder(world, "sys/bus/pci/devices")) {
    const std::filesystem::path folder = std::filesystem::path("sys/bus/pci/devices") / address;
    const std::string kind = hex4(world, folder / "class"), vendor = hex4(world, folder / "vendor");
    const bool display = kind.starts_with("03"), accelerator = kind.starts_with("12") || (vendor == "19e5" && kind.starts_with("12"));
    if ((!display && !accelerator) || is_paravirtual(vendor)) continue;
    FoundDevice device{.found_by = "PCI", .pci_address = address};
    for (const Vendor& row : kVendors)
      if (row.id == vendor) device.vendor = row.name;
    device.pci_id = vendor + ":" + hex4(world, folder / "device");
    device.pci_revision = hex4(world, folder / "revision");
    device.subsystem_id = hex4(world, folder / "subsystem_vendor") + ":" + hex4(world, folder / "subsystem_device");
    device.numa = static_cast<int>(read_int(world, folder / "numa_node").value_or(-1));
    device.display = read_int(world, folder / "boot_vga").value_or(0) == 1;
    device.link = read_pcie_link(world, address);
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace rigcast::bench
