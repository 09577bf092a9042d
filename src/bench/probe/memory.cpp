// Host memory: how much, in which modules, over how many channels.

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>
#include <set>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

// ---- SMBIOS (DMTF DSP0134): structures of a formatted area followed by its strings, each ended by a zero, all by a second zero.
// Type 17, memory device; offsets into the formatted area.
constexpr int kMemoryDevice = 17, kEndOfTable = 127;
constexpr std::size_t kDataWidth = 0x0A, kSize = 0x0C, kLocator = 0x10, kBank = 0x11, kType = 0x12, kSpeed = 0x15, kExtendedSize = 0x1C,
                      kConfigured = 0x20, kExtendedSpeed = 0x54, kExtendedConfigured = 0x58;

std::string type_name(unsigned number) {
  switch (number) {
    case 0x13: return "ddr2";
    case 0x18: return "ddr3";
    case 0x1A: return "ddr4";
    case 0x1D: return "lpddr3";
    case 0x1E: return "lpddr4";
    case 0x20: return "hbm";
    case 0x21: return "hbm2";
    case 0x22: return "ddr5";
    case 0x23: return "lpddr5";
    case 0x24: return "hbm3";
    default: return {};
  }
}

// A structure's formatted area, read without trusting its length.
struct Structure {
  std::string_view area;
  std::vector<std::string_view> strings;
  unsigned byte(std::size_t at) const { return at < area.size() ? static_cast<unsigned char>(area[at]) : 0u; }
  unsigned word(std::size_t at) const { return byte(at) | byte(at + 1) << 8; }
  unsigned long dword(std::size_t at) const { return word(at) | static_cast<unsigned long>(word(at + 2)) << 16; }
  std::string string(std::size_t at) const {
    const unsigned number = byte(at);
    return number == 0 || number > strings.size() ? std::string() : std::string(trim(strings[number - 1]));
  }
};

MemoryModule memory_module(const Structure& device) {
  MemoryModule module;
  module.locator = device.string(kBank) + " / " + device.string(kLocator);
  module.type = type_name(device.byte(kType));
  const unsigned width = device.word(kDataWidth);
  if (width > 0 && width <= 2048) module.data_bits = static_cast<int>(width);
  const unsigned size = device.word(kSize);
  if (size == 0x7FFF) module.size = Bytes(static_cast<double>(device.dword(kExtendedSize) & 0x7FFFFFFFu) * kMiB);
  else if (size != 0xFFFF) module.size = Bytes((size & 0x7FFFu) * (size & 0x8000u ? kKiB : kMiB));
  const auto speed = [&](std::size_t at, std::size_t extended) {
    const unsigned value = device.word(at);
    return value == 0xFFFF ? static_cast<double>(device.dword(extended)) : static_cast<double>(value);
  };
  module.rated_mt_s = speed(kSpeed, kExtendedSpeed);
  module.mt_s = speed(kConfigured, kExtendedConfigured);
  if (module.mt_s == 0) module.mt_s = module.rated_mt_s;
  return module;
}

}  // namespace

std::vector<MemoryModule> parse_smbios(std::string_view table) {
  std::vector<MemoryModule> modules;
  std::size_t at = 0;
  while (at + 4 <= table.size()) {
    const auto type = static_cast<unsigned char>(table[at]);
    const auto length = static_cast<unsigned char>(table[at + 1]);
    if (length < 4 || at + length > table.size()) break;
    Structure structure{.area = table.substr(at, length), .strings = {}};
    std::size_t cursor = at + length;
    while (cursor < table.size() && table[cursor] != '\0') {
      const std::size_t end = std::min(table.find('\0', cursor), table.size());
      structure.strings.push_back(table.substr(cursor, end - cursor));
      cursor = end + 1;
    }
    at = structure.strings.empty() ? cursor + 2 : cursor + 1;
    if (type == kEndOfTable) break;
    if (type != kMemoryDevice) continue;
    const MemoryModule module = memory_module(structure);
    if (module.size.value() > 0) modules.push_back(module);
  }
  return modules;
}

std::vector<MemoryModule> parse_udev_memory(std::string_view properties) {
  std::map<long long, MemoryModule> slots;
  std::map<long long, std::string> banks;
  for (std::string_view line : split(properties, '\n')) {
    line = trim(line);
    if (line.starts_with("E:")) line = trim(line.substr(2));
    constexpr std::string_view prefix = "MEMORY_DEVICE_";
    if (!line.starts_with(prefix)) continue;
    line.remove_prefix(prefix.size());
    const std::size_t mark = line.find('_'), equals = line.find('=');
    if (mark == std::string_view::npos || equals == std::string_view::npos || equals < mark) continue;
    const auto slot = parse_int(line.substr(0, mark));
    if (!slot) continue;
    MemoryModule& module = slots[*slot];
    const std::string_view key = line.substr(mark + 1, equals - mark - 1), value = trim(line.substr(equals + 1));
    const double number = parse_double(value).value_or(0);
    if (key == "SIZE") module.size = Bytes(number);
    else if (key == "TYPE") module.type = value == "Unknown" ? std::string() : to_lower(value);
    else if (key == "SPEED_MTS") module.rated_mt_s = number;
    else if (key == "CONFIGURED_SPEED_MTS") module.mt_s = number;
    else if (key == "DATA_WIDTH" && number > 0) module.data_bits = static_cast<int>(number);
    else if (key == "LOCATOR") module.locator = std::string(value);
    else if (key == "BANK_LOCATOR") banks[*slot] = std::string(value);
  }
  std::vector<MemoryModule> modules;
  for (auto& [slot, module] : slots) {
    if (module.size.value() <= 0) continue;
    module.locator = banks[slot] + " / " + module.locator;
    if (module.mt_s == 0) module.mt_s = module.rated_mt_s;
    modules.push_back(module);
  }
  return modules;
}

std::vector<MemoryModule> read_edac(const World& world) {
  std::vector<MemoryModule> modules;
  const std::filesystem::path controllers = "sys/devices/system/edac/mc";
  for (const std::string& controller : list_folder(world, controllers)) {
    if (!controller.starts_with("mc")) continue;
    for (const std::string& dimm : list_folder(world, controllers / controller)) {
      const std::filesystem::path folder = controllers / controller / dimm;
      const auto size = read_int(world, folder / "size");   // MiB
      if ((!dimm.starts_with("dimm") && !dimm.starts_with("rank")) || !size || *size <= 0) continue;
      MemoryModule module;
      module.size = Bytes(static_cast<double>(*size) * kMiB);
      module.locator = controller + " " + read_text(world, folder / "dimm_location").value_or("");   // "mc0 channel 1 slot 0"
      std::string type = to_lower(read_text(world, folder / "dimm_mem_type").value_or(""));         // "Registered-DDR4"
      const std::size_t dash = type.rfind('-');
      module.type = dash == std::string::npos ? type : type.substr(dash + 1);
      modules.push_back(module);
    }
  }
  return modules;
}

// Boards name channels in many ways: "P0 CHANNEL A", "Controller1-ChannelB-DIMM0", "mc0 channel 3 slot 0", "CPU1_DIMM_C2", "CPU0_C3D0",
// "NODE 1 CHANNEL 0". What stands before the channel (socket, controller, node) belongs to its name. Dell's "A1" .. "B12" says only
// the socket: no channel is read from it.
int count_channels(const std::vector<MemoryModule>& modules) {
  static const std::regex channel("(CHANNEL|CH)[ _-]?([A-Z0-9]+)"), letter("DIMM[ _-]?([A-Z])[0-9]?"), intel("_C([0-9]+)D[0-9]+"),
      owner("(CPU|P|PROC|CONTROLLER|MC|NODE|SOCKET)[ _-]?([0-9]+)");
  std::map<std::string, int> width;
  int all_bits = 0, named = 0;
  for (const MemoryModule& module : modules) {
    all_bits += module.data_bits;
    std::string text = module.locator;
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    std::smatch found;
    std::string name;
    if (std::regex_search(text, found, channel)) name = found[2];
    else if (std::regex_search(text, found, letter)) name = found[1];
    else if (std::regex_search(text, found, intel)) name = found[1];
    if (name.empty()) continue;
    ++named;
    for (std::sregex_iterator at(text.begin(), text.end(), owner), end; at != end; ++at) name += "," + at->str();
    width[name] = module.data_bits;
  }
  if (modules.empty()) return 0;
  const bool soldered = modules.front().type.starts_with("lpddr");
  if (named != static_cast<int>(modules.size())) return soldered ? std::max(1, all_bits / 64) : 0;
  int bits = 0;
  for (const auto& [name, channel_bits] : width) bits += channel_bits;
  return std::max(1, bits / 64);
}

FoundHost read_host(const World& world, std::vector<std::string>& unread) {
  FoundHost host;
  host.os = "linux";
  host.os_version = read_text(world, "proc/sys/kernel/osrelease").value_or("");
  host.processor = read_processor(world);
  const std::string meminfo = read_text(world, "proc/meminfo").value_or("");
  for (const std::string_view line : split(meminfo, '\n')) {
    const auto words = split_words(line);
    if (words.size() < 2) continue;
    const Bytes bytes(static_cast<double>(parse_int(words[1]).value_or(0)) * kKiB);
    if (words[0] == "MemTotal:") host.memory = bytes;
    if (words[0] == "MemAvailable:") host.available = bytes;
  }
  const auto take = [&](std::vector<MemoryModule> modules, std::string source) {
    if (host.modules.empty() && !modules.empty()) host.modules = std::move(modules), host.modules_source = std::move(source);
  };
  take(parse_smbios(read_text(world, "sys/firmware/dmi/tables/DMI").value_or("")), "SMBIOS");
  take(parse_udev_memory(read_text(world, "run/udev/data/+dmi:id").value_or("")), "udev");
  take(read_edac(world), "EDAC");
  host.channels = count_channels(host.modules);
  if (host.modules.empty())
    unread.push_back("memory modules: neither SMBIOS (needs root), udev nor EDAC tells them; `rigcast bench` measures the bandwidth instead");
  return host;
}

}  // namespace rigcast::bench
