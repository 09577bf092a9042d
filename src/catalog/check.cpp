#include "catalog/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast::catalog {
namespace {

constexpr std::array kRateNames = {"fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "fp6", "fp4", "int16", "int8", "int4",
                                   "fp16_acc16", "fp8_acc16", "mxfp8", "fp16_vector", "bf16_vector", "fp32_matrix", "int8_vector"};

// Highest data rate per pin that a memory type has been sold with, Gbit/s; a rate above it is a typing error or a rumour.
struct MemoryType { std::string_view name; double highest_gbps; };
constexpr std::array kMemoryTypes = {
    MemoryType{"SRAM", 0},      MemoryType{"DDR3", 2.14},    MemoryType{"DDR4", 4.0},     MemoryType{"DDR5", 9.2},     MemoryType{"MRDIMM", 12.8},
    MemoryType{"LPDDR4", 4.3},  MemoryType{"LPDDR4X", 4.3},  MemoryType{"LPDDR5", 6.45},  MemoryType{"LPDDR5X", 10.7}, MemoryType{"GDDR5", 9.1},
    MemoryType{"GDDR5X", 12.1}, MemoryType{"GDDR6", 20.1},   MemoryType{"GDDR6X", 24.1},  MemoryType{"GDDR7", 32.1},   MemoryType{"HBM", 1.1},
    MemoryType{"HBM2", 2.5},    MemoryType{"HBM2e", 3.7},    MemoryType{"HBM3", 6.5},     MemoryType{"HBM3e", 9.9},    MemoryType{"HBM4", 12.1},
    MemoryType{"HiBL", 0},      MemoryType{"unknown", 0}};

// Dense flops a clock of one SM with its fastest accumulate, for FP16; other formats are fixed multiples of it.
struct TensorCore { std::string_view capability; int cores_per_sm; double fp16; };
constexpr std::array kTensorCores = {TensorCore{"7.0", 64, 1024},  TensorCore{"7.5", 64, 1024},  TensorCore{"8.0", 64, 2048},
                                     TensorCore{"8.6", 128, 1024}, TensorCore{"8.9", 128, 1024}, TensorCore{"9.0", 128, 4096},
                                     TensorCore{"12.0", 128, 1024}};
struct Multiple { std::string_view rate; double of_fp16; };
constexpr std::array kMultiples = {Multiple{"tf32", 0.5}, Multiple{"fp16", 1}, Multiple{"fp16_acc16", 1}, Multiple{"bf16", 1}, Multiple{"fp8", 2},
                                   Multiple{"fp8_acc16", 2}, Multiple{"int8", 2}, Multiple{"int4", 4}, Multiple{"fp4", 4}};

class Checks {
 public:
  explicit Checks(const Device& device) : device_(device) {}
  void require(bool holds, std::string check, std::string field, std::string message) {
    if (!holds && !device_.tolerated.contains(check)) faults.push_back({std::move(check), std::move(field), std::move(message)});
  }
  std::vector<DataFault> faults;

 private:
  const Device& device_;
};

double rate_of(const Device& device, const char* name) {
  const auto at = device.rates.find(name);
  return at == device.rates.end() ? 0 : at->second.value.value();
}

bool is_month(std::string_view text) {
  if (text.size() != 4 && text.size() != 7) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i == 4 ? text[i] != '-' : (text[i] < '0' || text[i] > '9')) return false;
  return true;
}

bool has_word(std::string_view text, std::string_view word) {
  const std::string folded = fold_name(text);
  for (const std::string_view piece : split(folded, '-'))
    if (piece == word) return true;
  return false;
}

void check_names(const Device& device, Checks& checks) {
  checks.require(!device.key.empty() && fold_name(device.key) == device.key, "key", "key", "keys are lower case words joined by '-'");
  checks.require(!device.vendor.empty(), "vendor", "vendor", "has no vendor");
  checks.require(!device.architecture.empty() && fold_name(device.architecture) == device.architecture, "architecture", "architecture",
                 "needs a chip family in lower case (\"ampere\", \"rdna3\"): calibration falls back to it");
  checks.require(device.release.empty() || is_month(device.release), "release", "release", "must be YYYY or YYYY-MM");
  checks.require(device.confidence == "high" || device.confidence == "medium" || device.confidence == "low", "confidence", "confidence",
                 "must be high, medium or low");
  checks.require(device.modified == !device.base_device.empty(), "modified", "modified",
                 "a modified card names its base_device, and no other does");
  const bool says_dual = has_word(device.name, "dual") || has_word(device.name, "duo");
  checks.require(!says_dual || device.chips == 2, "chips", "chips", "its name says two chips: give chips = 2 and the figures of one chip");
}

void check_memory(const Device& device, Checks& checks) {
  const double bytes = device.memory.value.value();
  checks.require(bytes > 0, "memory.size", "memory", "has no memory");
  checks.require(std::fmod(bytes, kMiB) == 0, "memory.size", "memory",
                 "size is not a whole number of MiB: a card of \"24 GB\" has 24 GiB, so write \"24 GiB\" (GB is 10^9 bytes)");
  if (device.usable_memory) {
    const double share = device.usable_memory->value / device.memory.value;
    checks.require(share > 0.5 && share <= 1, "memory.usable", "memory", "usable must be between half the size and the size");
  }
  for (const Bytes size : device.memory_sizes)
    checks.require(size <= device.memory.value, "memory.sizes", "memory", "size must be the largest of sizes");
  const auto type = std::find_if(kMemoryTypes.begin(), kMemoryTypes.end(), [&](const MemoryType& t) { return t.name == device.memory_type; });
  if (type == kMemoryTypes.end()) {
    checks.require(false, "memory.type", "memory", "'" + device.memory_type + "' is not a known memory type");
    return;
  }
  checks.require(type->highest_gbps == 0 || device.data_rate_gbps <= type->highest_gbps, "memory.data_rate", "memory",
                 device.memory_type + " runs at up to " + format_shortest(type->highest_gbps) + " Gbit/s per pin, not " +
                     format_shortest(device.data_rate_gbps));
  if (!device.bandwidth) return;
  const double bandwidth = device.bandwidth->value.value();
  checks.require(bandwidth > bytes / 10, "memory.bandwidth_per_size", "memory",
                 "one second of bandwidth is less than a tenth of the memory: is the unit right?");
  if (device.bus_bits == 0 || device.data_rate_gbps == 0) return;
  const double wires = device.bus_bits * device.data_rate_gbps * 1e9 / 8;
  checks.require(std::abs(bandwidth / wires - 1) < 0.02, "memory.bandwidth", "memory",
                 "bandwidth is " + print_bandwidth(device.bandwidth->value) + " but " + std::to_string(device.bus_bits) + " bit x " +
                     format_shortest(device.data_rate_gbps) + " Gbit/s carry " + print_bandwidth(Bandwidth(wires)) +
                     " (all of ONE chip)");
}

// A rate may be the computed one or half of it (GeForce halves FP32 accumulate); twice is the sparse figure.
void check_against_cores(const Device& device, Checks& checks) {
  if (device.vendor != "nvidia" || device.cores == 0 || device.boost_mhz == 0) return;
  const double clock = device.boost_mhz * 1e6;
  if (const double fp32 = rate_of(device, "fp32"); fp32 > 0)
    checks.require(std::abs(fp32 / (2 * device.cores * clock) - 1) < 0.05, "rates.fp32", "rates",
                   "fp32 is " + print_flop_rate(FlopRate(fp32)) + " but 2 x " + std::to_string(device.cores) + " cores x boost give " +
                       print_flop_rate(FlopRate(2 * device.cores * clock)));
  const auto core = std::find_if(kTensorCores.begin(), kTensorCores.end(), [&](const TensorCore& t) { return t.capability == device.capability; });
  const bool without_tensor_cores = device.capability == "7.5" && rate_of(device, "fp16") < 3 * rate_of(device, "fp32");  // GTX 16
  if (core == kTensorCores.end() || without_tensor_cores) return;
  for (const Multiple& multiple : kMultiples) {
    const double rate = rate_of(device, std::string(multiple.rate).c_str());
    if (rate == 0) continue;
    const double dense = clock * device.cores / core->cores_per_sm * core->fp16 * multiple.of_fp16;
    const std::string field = "rates." + std::string(multiple.rate);
    const std::string say = std::string(multiple.rate) + " is " + format_significant(rate / 1e12, 4) + " T/s but the cores do " +
                            format_significant(dense / 1e12, 4) + " dense";
    checks.require(rate < dense * 1.05, field, "rates", say + (rate > dense * 1.9 ? ": this is the sparse figure, give the dense one" : ""));
    checks.require(rate > dense * 0.47, field, "rates", say);
  }
}

// Upper bounds between formats of any vendor: one of a pair quoted sparse doubles the ratio.
void check_ratios(const Device& device, Checks& checks) {
  struct Pair { const char* fast; const char* slow; double most; };
  constexpr std::array pairs = {Pair{"bf16", "fp16", 1.1}, Pair{"fp8", "fp16", 2.1}, Pair{"fp16_acc16", "fp16", 2.1}, Pair{"int8", "fp16", 4.2},
                                Pair{"int4", "int8", 2.1}, Pair{"fp4", "fp8", 2.1 * 2}};
  for (const Pair& pair : pairs) {
    const double fast = rate_of(device, pair.fast), slow = rate_of(device, pair.slow);
    if (fast == 0 || slow == 0) continue;
    checks.require(fast <= slow * pair.most, "rates." + std::string(pair.fast), "rates",
                   std::string(pair.fast) + " is " + format_significant(fast / slow, 3) + " times " + pair.slow +
                       ": is one of them the sparse figure?");
  }
}

void check_joints(const Device& device, Checks& checks) {
  const DeviceLink& link = device.link;
  checks.require(link.pcie_generation >= 0 && link.pcie_generation <= 7, "link.pcie", "link", "pcie_generation must be 1 to 7");
  constexpr std::array widths = {0, 1, 2, 4, 8, 16};
  checks.require(std::find(widths.begin(), widths.end(), link.pcie_lanes) != widths.end(), "link.pcie", "link", "pcie_lanes must be 1, 2, 4, 8 or 16");
  checks.require((link.pcie_generation == 0) == (link.pcie_lanes == 0), "link.pcie", "link", "give both pcie_generation and pcie_lanes, or neither");
  checks.require(!link.nvlink || (link.nvlink_peers >= 2 && !link.name.empty()), "link.peers", "link",
                 "peer_bandwidth needs a name and peers: how many devices such a link joins");
  checks.require(!link.reads_peers || (link.pcie_generation > 0 && !device.unified && link.host_link.empty()), "link.reads_peers", "link",
                 "reads_peers is said of cards on PCIe that have memory of their own");
  if (device.power) checks.require(device.power->value.value() >= 1, "power.limit", "power", "limit is below 1 W");
  if (device.power && device.idle) checks.require(device.idle->value < device.power->value, "power.idle", "power", "idle is above the limit");
}

}  // namespace

std::vector<DataFault> check_device(const Device& device) {
  Checks checks(device);
  check_names(device, checks);
  check_memory(device, checks);
  check_against_cores(device, checks);
  check_ratios(device, checks);
  check_joints(device, checks);
  return checks.faults;
}

std::vector<DataFault> check_processor(const Processor& processor) {
  std::vector<DataFault> faults;
  const auto require = [&](bool holds, const char* field, const char* message) {
    if (!holds) faults.push_back({field, field, message});
  };
  require(!processor.key.empty() && fold_name(processor.key) == processor.key, "key", "keys are lower case words joined by '-'");
  require(processor.cores > 0, "cores", "has no cores");
  require(processor.channels > 0 || !processor.soc_device.empty(), "channels", "has no memory channels");
  require(processor.boost_ghz == 0 || processor.boost_ghz >= processor.base_ghz, "boost_ghz", "is below base_ghz");
  require(processor.boost_ghz < 8, "boost_ghz", "is above 8 GHz: give GHz");
  require(processor.memory_mt_s == 0 || (processor.memory_mt_s >= 800 && processor.memory_mt_s <= 13000), "memory_mt_s", "is not a rate in MT/s");
  if (processor.measured_bandwidth && processor.memory_mt_s > 0) {
    const double peak = peak_bandwidth(processor).value();
    require(processor.measured_bandwidth->value.value() <= peak * 1.01, "measured_bandwidth",
            "is more than its channels carry: is it the sum of two sockets?");
  }
  return faults;
}

bool is_rate_name(std::string_view name) { return std::find(kRateNames.begin(), kRateNames.end(), name) != kRateNames.end(); }

std::string nearest_rate_name(std::string_view name) {
  const std::vector<std::string> names(kRateNames.begin(), kRateNames.end());
  return nearest_name(name, names);
}

}  // namespace rigcast::catalog
