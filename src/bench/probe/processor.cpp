#include <algorithm>
#include <array>
#include <set>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

struct Named { std::string_view word, name; };

// What /proc/cpuinfo calls it -> what catalog::Processor calls it. AMX counts only with its tile unit.
constexpr std::array flag_names = {
    Named{"avx", "avx"},        Named{"avx2", "avx2"},          Named{"f16c", "f16c"},
    Named{"fma", "fma"},        Named{"avx512f", "avx512"},     Named{"avx512_vnni", "vnni"},
    Named{"avx_vnni", "avx-vnni"}, Named{"avx512_bf16", "avx512-bf16"}, Named{"avx512_fp16", "avx512-fp16"},
    Named{"amx_tile", "amx"},   Named{"asimd", "neon"},         Named{"asimddp", "dotprod"},
    Named{"i8mm", "i8mm"},      Named{"bf16", "bf16"},          Named{"sve", "sve"},
    Named{"sve2", "sve2"},      Named{"sme", "sme"},            Named{"lsx", "lsx"},
    Named{"lasx", "lasx"}};

constexpr std::array vendors = {
    Named{"GenuineIntel", "intel"}, Named{"AuthenticAMD", "amd"}, Named{"HygonGenuine", "hygon"}, Named{"CentaurHauls", "zhaoxin"},
    Named{"  Shanghai  ", "zhaoxin"}, Named{"0x41", "arm"},      Named{"0x48", "huawei"},        Named{"0x4e", "nvidia"},
    Named{"0x51", "qualcomm"},    Named{"0x61", "apple"},        Named{"0x70", "phytium"},       Named{"0xc0", "ampere"}};

// Arm's cores print a number only (Main ID Register, part number).
constexpr std::array arm_parts = {
    Named{"0x41:0xd0c", "Neoverse-N1"}, Named{"0x41:0xd40", "Neoverse-V1"}, Named{"0x41:0xd49", "Neoverse-N2"},
    Named{"0x41:0xd4f", "Neoverse-V2"}, Named{"0x41:0xd0b", "Cortex-A76"},  Named{"0x41:0xd85", "Cortex-X925"},
    Named{"0x48:0xd01", "Kunpeng 920"}, Named{"0xc0:0xac3", "AmpereOne"},   Named{"0x70:0x663", "FTC663"}};

template <std::size_t N>
std::string look_up(const std::array<Named, N>& table, std::string_view word) {
  for (const Named& row : table)
    if (row.word == word) return std::string(row.name);
  return {};
}

// The value of the first line "key : value" of the processor list.
std::string value_of(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == key) return std::string(trim(line.substr(colon + 1)));
  }
  return {};
}

// Cores are pairs (package, core); hybrid processors tell their slow cores by capacity or top frequency.
void count_cores(const World& world, FoundProcessor& processor) {
  std::set<long long> packages;
  std::set<std::pair<long long, long long>> cores;
  std::map<std::pair<long long, long long>, long long> speed;
  for (const std::string& name : list_folder(world, "sys/devices/system/cpu")) {
    if (!name.starts_with("cpu") || !parse_int(name.substr(3))) continue;
    const std::filesystem::path folder = std::filesystem::path("sys/devices/system/cpu") / name;
    const auto core = read_int(world, folder / "topology/core_id");
    if (!core) continue;   // offline
    const long long package = read_int(world, folder / "topology/physical_package_id").value_or(0);
    packages.insert(package);
    cores.emplace(package, *core);
    ++processor.threads;
    const auto capacity = read_int(world, folder / "cpu_capacity");
    speed[{package, *core}] = capacity ? *capacity : read_int(world, folder / "cpufreq/cpuinfo_max_freq").value_or(0);
  }
  processor.sockets = std::max(1, static_cast<int>(packages.size()));
  processor.cores = static_cast<int>(cores.size());
  long long fastest = 0;
  for (const auto& [core, value] : speed) fastest = std::max(fastest, value);
  for (const auto& [core, value] : speed)
    if (value * 10 >= fastest * 8) ++processor.fast_cores;
}

std::optional<Bytes> cache_size(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const auto number = parse_int(text.substr(0, digits));
  if (!number) return std::nullopt;
  const char unit = digits == std::string_view::npos ? 'B' : text[digits];
  return Bytes(static_cast<double>(*number) * (unit == 'K' ? kKiB : unit == 'M' ? kMiB : 1.0));
}

void read_caches(const World& world, FoundProcessor& processor) {
  std::set<std::string> seen;
  for (const std::string& name : list_folder(world, "sys/devices/system/cpu")) {
    const std::filesystem::path folder = std::filesystem::path("sys/devices/system/cpu") / name / "cache";
    for (const std::string& index : list_folder(world, folder)) {
      const auto level = read_int(world, folder / index / "level");
      const auto size = read_text(world, folder / index / "size");
      const std::string type = read_text(world, folder / index / "type").value_or("");
      if (!level || !size || type == "Instruction") continue;
      const std::string shared = read_text(world, folder / index / "shared_cpu_list").value_or(name);
      if (!seen.insert(std::to_string(*level) + type + shared).second) continue;
      if (const auto bytes = cache_size(*size)) processor.caches[static_cast<int>(*level)] += *bytes;
    }
  }
}

void read_numa(const World& world, FoundProcessor& processor) {
  for (const std::string& name : list_folder(world, "sys/devices/system/node")) {
    const auto number = name.starts_with("node") ? parse_int(name.substr(4)) : std::nullopt;
    if (!number) continue;
    const std::filesystem::path folder = std::filesystem::path("sys/devices/system/node") / name;
    NumaNode node{.number = static_cast<int>(*number), .cpus = parse_cpu_list(read_text(world, folder / "cpulist").value_or(""))};
    const std::string memory = read_text(world, folder / "meminfo").value_or("");
    for (const std::string_view line : split(memory, '\n')) {
      const auto words = split_words(line);   // Node 0 MemTotal: 24684092 kB
      if (words.size() >= 4 && words[2] == "MemTotal:")
        node.memory = Bytes(static_cast<double>(parse_int(words[3]).value_or(0)) * kKiB);
    }
    processor.numa.push_back(std::move(node));
  }
}

}  // namespace

std::vector<int> parse_cpu_list(std::string_view list) {
  std::vector<int> cpus;
  for (const std::string_view piece : split(trim(list), ',')) {
    const std::size_t dash = piece.find('-');
    const auto first = parse_int(trim(piece.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : parse_int(trim(piece.substr(dash + 1)));
    if (!first || !last || *first < 0 || *last < *first || *last > 65535) return {};
    for (long long cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

FoundProcessor read_processor(const World& world) {
  FoundProcessor processor;
  const std::string text = read_text(world, "proc/cpuinfo").value_or("");
  processor.name = value_of(text, "model name");
  if (processor.name.empty()) processor.name = value_of(text, "Model Name");
  const std::string implementer = value_of(text, "CPU implementer");
  processor.vendor = look_up(vendors, implementer.empty() ? value_of(text, "vendor_id") : implementer);
  if (processor.name.empty()) processor.name = look_up(arm_parts, implementer + ":" + value_of(text, "CPU part"));
  std::string flags = value_of(text, "flags");
  if (flags.empty()) flags = value_of(text, "Features");
  const auto words = split_words(flags);
  for (const Named& row : flag_names)
    if (std::find(words.begin(), words.end(), row.word) != words.end()) processor.instruction_sets.emplace_back(row.name);
  processor.virtual_machine = std::find(words.begin(), words.end(), std::string_view("hypervisor")) != words.end();
  count_cores(world, processor);
  read_caches(world, processor);
  read_numa(world, processor);
  return processor;
}

}  // namespace rigcast::bench
