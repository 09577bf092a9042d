// AMD devices through amdgpu's sysfs files and the compute driver's topology; Intel devices through i915 / xe and Level Zero.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

using Path = std::filesystem::path;

struct Card { Path folder, device; std::string address; };

// /sys/class/drm/cardN (not its connectors) whose device has this PCI vendor.
std::vector<Card> drm_cards(const World& world, std::string_view vendor) {
  std::vector<Card> cards;
  for (const std::string& name : list_folder(world, "sys/class/drm")) {
    if (!name.starts_with("card") || !parse_int(name.substr(4))) continue;
    const Path folder = Path("sys/class/drm") / name, device = folder / "device";
    if (read_text(world, device / "vendor") != std::string(vendor)) continue;
    std::error_code failed;
    const Path real = std::filesystem::canonical(world.root / device, failed);
    cards.push_back({folder, device, failed ? std::string() : real.filename().string()});
  }
  return cards;
}

Bytes bytes_in(const World& world, const Path& file) { return Bytes(static_cast<double>(read_int(world, file).value_or(0))); }

// Power limits are in microwatts, temperatures in thousandths of a degree.
void read_hwmon(const World& world, const Path& device, FoundDevice& found) {
  for (const std::string& name : list_folder(world, device / "hwmon")) {
    const Path folder = device / "hwmon" / name;
    const auto watts = [&](const char* file) {
      const auto value = read_int(world, folder / file);
      return value && *value > 0 ? std::optional(Watts(static_cast<double>(*value) * 1e-6)) : std::nullopt;
    };
    found.power_limit = watts("power1_cap");
    if (!found.power_limit) found.power_limit = watts("power1_max");   // Intel
    found.default_power_limit = watts("power1_cap_default");
    found.max_power_limit = watts("power1_cap_max");
    if (const auto value = read_int(world, folder / "temp1_input")) found.temperature = static_cast<double>(*value) * 1e-3;
  }
}

// One node of the compute driver's topology: "key value" lines.
std::map<std::string, long long> read_properties(const World& world, const Path& file) {
  std::map<std::string, long long> values;
  const std::string text = read_text(world, file).value_or("");
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split_words(line);
    if (words.size() == 2) values[std::string(words[0])] = parse_int(words[1]).value_or(0);
  }
  return values;
}

// 90006 -> gfx906, 90010 -> gfx90a, 110501 -> gfx1151: minor and step are one hexadecimal digit each.
std::string gfx_name(long long version) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto minor = static_cast<std::size_t>(version / 100 % 100), step = static_cast<std::size_t>(version % 100);
  if (version <= 0 || minor > 15 || step > 15) return {};
  return "gfx" + std::to_string(version / 10000) + digits[minor] + digits[step];
}

struct KfdNode { long long number = 0, gpu_id = 0; std::string address, gfx; bool has_cores = false; };

std::vector<KfdNode> read_kfd(const World& world) {
  std::vector<KfdNode> nodes;
  const Path root = "sys/class/kfd/kfd/topology/nodes";
  for (const std::string& name : list_folder(world, root)) {
    auto values = read_properties(world, root / name / "properties");
    if (values["simd_count"] <= 0) continue;
    const long long at = values["location_id"];
    std::array<char, 32> address{};
    std::snprintf(address.data(), address.size(), "%04llx:%02llx:%02llx.%lld", values["domain"], at >> 8 & 0xff, at >> 3 & 0x1f, at & 7);
    nodes.push_back({parse_int(name).value_or(-1), read_int(world, root / name / "gpu_id").value_or(0), address.data(),
                     gfx_name(values["gfx_target_version"]), values["cpu_cores_count"] > 0});
  }
  return nodes;
}

constexpr long long kXgmi = 11;   // link type in the topology

void read_xgmi(const World& world, const std::vector<KfdNode>& nodes, Findings& findings) {
  const auto device_of = [&](const std::string& address) {
    for (std::size_t i = 0; i < findings.devices.size(); ++i)
      if (findings.devices[i].pci_address == address) return static_cast<int>(i);
    return -1;
  };
  for (const KfdNode& node : nodes) {
    const Path links = Path("sys/class/kfd/kfd/topology/nodes") / std::to_string(node.number) / "io_links";
    for (const std::string& name : list_folder(world, links)) {
      auto values = read_properties(world, links / name / "properties");
      if (values["type"] != kXgmi) continue;
      for (const KfdNode& other : nodes)
        if (other.number == values["node_to"] && node.number < other.number)
          findings.peers.push_back({.a = device_of(node.address), .b = device_of(other.address), .name = "xGMI", .links = 1, .version = 0});
    }
  }
  std::erase_if(findings.peers, [](const FoundPeerLink& link) { return link.a < 0 || link.b < 0; });
}

int users_of(const World& world, long long gpu_id) {
  int users = 0;
  const Path root = "sys/class/kfd/kfd/proc";
  for (const std::string& process : list_folder(world, root))
    if (read_int(world, root / process / ("vram_" + std::to_string(gpu_id))).value_or(0) > 0) ++users;
  return users;
}

// ---- Level Zero: the declarations used, from its stable C interface.
struct ZeDeviceProperties {
  std::uint32_t stype; void* next; std::uint32_t type, vendor, device, flags, subdevice, clock_mhz; std::uint64_t largest_allocation;
  std::uint32_t contexts, priority, threads_per_eu, simd_width, eus_per_subslice, subslices_per_slice, slices; std::uint64_t timer;
  std::uint32_t timestamp_bits, kernel_timestamp_bits; std::uint8_t uuid[16]; char name[256];
};
struct ZeMemoryProperties { std::uint32_t stype; void* next; std::uint32_t flags, clock_mhz, bus_bits; std::uint64_t size; char name[256]; };
constexpr std::uint32_t kZeDeviceProperties = 0x3, kZeMemoryProperties = 0x7, kZeGpu = 1;

struct ZeDevice { std::string name; std::uint32_t id = 0; Bytes memory{}; };

std::vector<ZeDevice> read_level_zero(const World& world, std::vector<Runtime>& runtimes) {
  std::vector<ZeDevice> devices;
  const auto library = Library::open(world, "libze_loader.so.1");
  if (!library) return devices;
  auto* start = library->find<int(std::uint32_t)>("zeInit");
  auto* drivers = library->find<int(std::uint32_t*, void**)>("zeDriverGet");
  auto* get = library->find<int(void*, std::uint32_t*, void**)>("zeDeviceGet");
  auto* describe = library->find<int(void*, ZeDeviceProperties*)>("zeDeviceGetProperties");
  auto* memory = library->find<int(void*, std::uint32_t*, ZeMemoryProperties*)>("zeDeviceGetMemoryProperties");
  if (!start || !drivers || !get || !describe || !memory || start(0) != 0) return devices;
  std::array<void*, 8> driver{};
  std::uint32_t driver_count = driver.size();
  if (drivers(&driver_count, driver.data()) != 0) return devices;
  for (std::uint32_t d = 0; d < std::min<std::uint32_t>(driver_count, driver.size()); ++d) {
    std::array<void*, 32> handle{};
    std::uint32_t count = handle.size();
    if (get(driver[d], &count, handle.data()) != 0) continue;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(count, handle.size()); ++i) {
      ZeDeviceProperties properties{};
      properties.stype = kZeDeviceProperties;
      if (describe(handle[i], &properties) != 0 || properties.type != kZeGpu) continue;
      std::array<ZeMemoryProperties, 4> pools{};
      for (auto& pool : pools) pool.stype = kZeMemoryProperties;
      std::uint32_t pool_count = pools.size();
      ZeDevice found{.name = std::string(properties.name), .id = properties.device};
      if (memory(handle[i], &pool_count, pools.data()) == 0)
        for (std::uint32_t p = 0; p < std::min<std::uint32_t>(pool_count, pools.size()); ++p) found.memory += Bytes(static_cast<double>(pools[p].size));
      devices.push_back(found);
    }
  }
  if (!devices.empty()) runtimes.push_back({"Level Zero", ""});
  return devices;
}

// Base address register 2 holds a discrete card's memory where it is fully mapped: "start end flags" on the third line.
Bytes mapped_memory(const World& world, const Path& device) {
  const std::string text = read_text(world, device / "resource").value_or("");
  const auto lines = split(text, '\n');
  if (lines.size() < 3) return {};
  unsigned long long from = 0, to = 0;
  if (std::sscanf(std::string(lines[2]).c_str(), "%llx %llx", &from, &to) != 2 || to <= from) return {};
  return Bytes(static_cast<double>(to - from + 1));
}

}  // namespace

void read_amdgpu(const World& world, Findings& findings) {
  const std::vector<KfdNode> nodes = read_kfd(world);
  const auto rocm = read_text(world, "opt/rocm/.info/version");
  for (const Card& card : drm_cards(world, "0x1002")) {
    FoundDevice device{.vendor = "amd", .found_by = "amdgpu", .pci_address = card.address};
    device.name = read_text(world, card.device / "product_name").value_or("");
    device.memory = bytes_in(world, card.device / "mem_info_vram_total");
    device.used = bytes_in(world, card.device / "mem_info_vram_used");
    device.shared = bytes_in(world, card.device / "mem_info_gtt_total");
    read_hwmon(world, card.device, device);
    for (const KfdNode& node : nodes) {
      if (node.address != card.address) continue;
      device.capability = node.gfx;
      device.unified = node.has_cores;
      device.others = users_of(world, node.gpu_id);
      if (rocm) device.runtimes.push_back("rocm");
    }
    if (device.memory.value() == 0)
      findings.unread.push_back("AMD device " + card.address + ": the amdgpu driver is not bound to it, its memory is unknown");
    merge_device(findings, device);
  }
  if (rocm) findings.runtimes.push_back({"ROCm", rocm->substr(0, rocm->find('-'))});
  read_xgmi(world, nodes, findings);
}

void read_intel(const World& world, Findings& findings) {
  const auto cards = drm_cards(world, "0x8086");
  if (cards.empty()) return;
  const auto known = read_level_zero(world, findings.runtimes);
  for (const Card& card : cards) {
    FoundDevice device{.vendor = "intel", .found_by = "i915/xe", .pci_address = card.address};
    device.unified = card.address.starts_with("0000:00:");   // integrated graphics sit on the root bus
    const long long id = read_int(world, card.device / "device").value_or(0);
    for (const ZeDevice& ze : known)
      if (ze.id == static_cast<std::uint32_t>(id)) device.name = ze.name, device.memory = ze.memory, device.runtimes = {"level-zero"};
    if (!device.unified) {
      for (const char* file : {"lmem_total_bytes", "device/tile0/physical_vram_size_bytes"})
        if (device.memory.value() == 0) device.memory = bytes_in(world, card.folder / file);
      if (device.memory.value() == 0) device.memory = mapped_memory(world, card.device);
    }
    read_hwmon(world, card.device, device);
    merge_device(findings, device);
  }
}

}  // namespace rigcast::bench
