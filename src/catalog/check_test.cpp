// Every trap planted once: a correct card, one thing made wrong, and the sentence that must come of it.

#include "catalog/check.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "catalog/pack.hpp"
#include "catalog/read.hpp"

namespace rigcast::catalog {
namespace {

// A 3090 as its data sheet has it: 82 SMs of 128 cores at 1695 MHz.
const std::string kCard = R"([[device]]
key = "card"
name = "GeForce Card"
kind = "gpu"
vendor = "nvidia"
architecture = "ampere"
capability = "8.6"
cores = 10496
boost_mhz = 1695
confidence = "high"
basis = "vendor"
source = "data sheet"
date = "2026-01"
[device.memory]
type = "GDDR6X"
size = "24 GiB"
bandwidth = "936 GB/s"
bus_bits = 384
data_rate_gbps = 19.5
[device.rates]
fp32 = "35.6 Tflop/s"
fp16 = "71.2 Tflop/s"
int8 = "284.7 Top/s"
[device.link]
pcie_generation = 4
pcie_lanes = 16
[device.power]
limit = "350 W"
)";

std::string fault_of(const std::string& text) {
  const auto read = read_devices(text, "card.toml");
  return read ? "accepted" : to_text(read.error());
}
std::string with(const std::string& from, const std::string& to) {
  EXPECT_NE(kCard.find(from), std::string::npos) << from;
  return fault_of(replace_all(kCard, from, to));
}

TEST(Traps, ACorrectCardPasses) { EXPECT_EQ(fault_of(kCard), "accepted"); }

TEST(Traps, OnlyCardsOnPcieReadTheirPeersOverIt) {
  EXPECT_EQ(with("pcie_lanes = 16\n", "pcie_lanes = 16\nreads_peers = true\n"), "accepted");
  EXPECT_NE(with("pcie_generation = 4\npcie_lanes = 16\n", "reads_peers = true\n").find("reads_peers is said of cards on PCIe that have memory of their own"), std::string::npos);
}

TEST(Traps, SparseQuotedAsDense) {
  // 82 SM x 1.695 GHz x 1024 = 142.3 Tflop/s is the most FP16 there is; 285 is with sparsity.
  EXPECT_EQ(with("fp16 = \"71.2", "fp16 = \"285"),
            "card.toml:20:1: device.rates: fp16 is 285 T/s but the cores do 142.3 dense: this is the sparse figure, give the dense one");
  EXPECT_EQ(with("int8 = \"284.7", "int8 = \"569.4"),
            "card.toml:20:1: device.rates: int8 is 569.4 T/s but the cores do 284.7 dense: this is the sparse figure, give the dense one");
  // Without cores and clock the ratio still tells.
  EXPECT_EQ(fault_of(replace_all(replace_all(kCard, "cores = 10496\n", ""), "int8 = \"284.7", "int8 = \"569.4")),
            "card.toml:19:1: device.rates: int8 is 8 times fp16: is one of them the sparse figure?");
}

TEST(Traps, TopsAsTflops) {
  EXPECT_EQ(with("\"284.7 Top/s\"", "\"284.7 Tflop/s\""),
            "card.toml:23:8: device.rates.int8: integer rates are written in op/s (\"284 Top/s\"), never flop/s");
  EXPECT_EQ(with("\"71.2 Tflop/s\"", "\"71.2 Top/s\""),
            "card.toml:22:8: device.rates.fp16: floating-point rates are written in flop/s (\"71 Tflop/s\"): TOPS are not TFLOPS");
}

TEST(Traps, DecimalGigabytes) {
  EXPECT_EQ(with("24 GiB", "24 GB"),
            "card.toml:14:1: device.memory: size is not a whole number of MiB: a card of \"24 GB\" has 24 GiB, so write \"24 GiB\" (GB is 10^9 bytes)");
}

TEST(Traps, TheSumOfTwoChips) {
  const std::string two = replace_all(kCard, "kind = \"gpu\"", "kind = \"gpu\"\nchips = 2");
  EXPECT_EQ(fault_of(two), "card.toml:15:1: device.memory.card: is missing: a card of several chips says the memory of the whole card too");
  EXPECT_EQ(fault_of(replace_all(two, "size = \"24 GiB\"", "size = \"24 GiB\"\ncard = \"24 GiB\"")),
            "card.toml:18:8: device.memory.card: is not 2 x size: size, bandwidth and rates are those of ONE chip");
  EXPECT_EQ(fault_of(replace_all(two, "size = \"24 GiB\"", "size = \"24 GiB\"\ncard = \"48 GiB\"")), "accepted");
  EXPECT_EQ(with("GeForce Card", "GeForce Card Dual"), "card.toml:1:1: device.chips: its name says two chips: give chips = 2 and the figures of one chip");
  // 1872 GB/s on one chip's 384 bits.
  EXPECT_EQ(with("936 GB/s", "1872 GB/s"),
            "card.toml:14:1: device.memory: bandwidth is 1.87 TB/s but 384 bit x 19.5 Gbit/s carry 936 GB/s (all of ONE chip)");
}

TEST(Traps, MemoryFasterThanItsType) {
  EXPECT_EQ(with("GDDR6X", "GDDR5"), "card.toml:14:1: device.memory: GDDR5 runs at up to 9.1 Gbit/s per pin, not 19.5");
  EXPECT_EQ(with("GDDR6X", "GDDR66"), "card.toml:14:1: device.memory: 'GDDR66' is not a known memory type");
}

TEST(Traps, RatesTheCoresCannotReach) {
  EXPECT_EQ(with("fp32 = \"35.6", "fp32 = \"71.2"),
            "card.toml:20:1: device.rates: fp32 is 71.2 Tflop/s but 2 x 10496 cores x boost give 35.6 Tflop/s");
  // An outlier that is real says why.
  const std::string tolerated = kCard + "[device.tolerated]\n\"rates.fp32\" = \"two issue ports\"\n";
  EXPECT_EQ(fault_of(replace_all(tolerated, "fp32 = \"35.6", "fp32 = \"71.2")), "accepted");
}

TEST(Traps, UnitSlips) {
  EXPECT_EQ(fault_of(replace_all(replace_all(kCard, "bus_bits = 384\n", ""), "936 GB/s", "936 MB/s")),
            "card.toml:14:1: device.memory: one second of bandwidth is less than a tenth of the memory: is the unit right?");
  EXPECT_EQ(with("\"936 GB/s\"", "936"),
            "card.toml:17:13: device.memory.bandwidth: a number needs its unit, as a text: \"24 GiB\", \"936 GB/s\", \"71 Tflop/s\", \"350 W\"");
  EXPECT_EQ(with("350 W", "350"), "card.toml:28:9: device.power.limit: '350' lacks a unit of power (W, mW, kW)");
}

TEST(Traps, FactsWithoutSourceOrDate) {
  EXPECT_EQ(with("source = \"data sheet\"\n", ""), "card.toml:15:8: device.memory.size: has no source, nor has its table");
  EXPECT_EQ(with("date = \"2026-01\"\n", ""), "card.toml:15:8: device.memory.size: has no date, nor has its table");
  EXPECT_EQ(with("basis = \"vendor\"\n", ""), "card.toml:15:8: device.memory.size: has no basis (measured, vendor, derived or estimated), nor has its table");
  EXPECT_EQ(with("basis = \"vendor\"", "basis = \"rumour\""), "card.toml:11:9: device.basis: 'rumour' is not a basis (measured, vendor, derived, estimated)");
}

TEST(Traps, UnknownKeysAndNames) {
  EXPECT_EQ(with("bus_bits", "bus_bit"), "card.toml:18:1: unknown key 'device.memory.bus_bit' (nearest: bus_bits)");
  EXPECT_EQ(with("fp16 =", "fp15 ="), "card.toml:22:8: device.rates.fp15: is not a number format with a rate (nearest: fp16)");
  EXPECT_EQ(with("\"gpu\"", "\"gpus\""), "card.toml:4:8: device.kind: 'gpus' is none of gpu, accelerator, npu, soc, apu (nearest: gpu)");
  EXPECT_EQ(fault_of("[[device]\n"), "card.toml:1:10: Error while parsing table header: expected ']', saw '\\n'");
}

TEST(Traps, ProcessorsToo) {
  const std::string text = R"([[processor]]
key = "p"
name = "P"
cores = 8
channels = 2
memory_type = "ddr4"
memory_mt_s = 3200
basis = "measured"
source = "s"
date = "2026"
measured_bandwidth = "45 GB/s"
)";
  EXPECT_TRUE(read_processors(text, "p.toml"));
  const auto sum = read_processors(replace_all(text, "45 GB/s", "90 GB/s"), "p.toml");  // 2 x 8 B x 3200 MT/s = 51.2 GB/s
  EXPECT_EQ(to_text(sum.error()), "p.toml:11:22: processor.measured_bandwidth: is more than its channels carry: is it the sum of two sockets?");
  const auto slow = read_processors(replace_all(text, "3200", "3.2"), "p.toml");
  EXPECT_EQ(to_text(slow.error()), "p.toml:7:15: processor.memory_mt_s: is not a rate in MT/s");
}

// Faults between entries.
std::string pack_fault(const std::string& text) {
  const auto pack = build_pack({{"devices/a.toml", kCard}, {"devices/b.toml", text}}, "data/", true);
  return pack ? "accepted" : to_text(pack.error());
}

TEST(Traps, KeysAreUnique) {
  EXPECT_EQ(pack_fault(kCard), "data/devices/b.toml:1:1: key 'card' is already at data/devices/a.toml:1");
  const std::string other = replace_all(kCard, "key = \"card\"", "key = \"other\"");
  EXPECT_EQ(pack_fault(other), "accepted");
  EXPECT_EQ(pack_fault(replace_all(other, "kind =", "aliases = [\"card\"]\nkind =")),
            "data/devices/b.toml:1:1: 'other' has the alias 'card', which is the key of another entry");
}

TEST(Traps, AModifiedCardComputesAsItsBase) {
  const std::string modified = replace_all(kCard, "key = \"card\"", "key = \"card-48gb\"\nmodified = true\nbase_device = \"card\"");
  EXPECT_EQ(pack_fault(modified), "accepted");
  EXPECT_EQ(pack_fault(replace_all(modified, "base_device = \"card\"", "base_device = \"cart\"")),
            "data/devices/b.toml:1:1: card-48gb: base_device 'cart' does not exist");
  EXPECT_EQ(pack_fault(replace_all(modified, "fp16 = \"71.2", "fp16 = \"142.3")),
            "data/devices/b.toml:1:1: card-48gb: rates.fp16 differs from its base_device card");
  EXPECT_EQ(pack_fault(replace_all(modified, "fp16 = \"71.2", "fp16 = \"142.3") + "[device.tolerated]\n\"rates.fp16\" = \"limit lifted\"\n"),
            "accepted");
  EXPECT_EQ(pack_fault(replace_all(modified, "modified = true\n", "")),
            "data/devices/b.toml:1:1: device.modified: a modified card names its base_device, and no other does");
}

TEST(Traps, NumberFormatsHaveOneOwner) {
  const std::string quant = "[[quant]]\nkey = \"a\"\nname = \"A\"\ngroup = \"float\"\nblock_bytes = 2\nggml_type = 1\nsource = \"s\"\ndate = \"2026\"\n";
  const auto pack = build_pack({{"quants/a.toml", quant}, {"quants/b.toml", replace_all(replace_all(quant, "\"a\"", "\"b\""), "\"A\"", "\"B\"")}}, "data/", true);
  EXPECT_EQ(to_text(pack.error()), "data/quants/b.toml:1:1: b and a are both called 'ggml type 1'");
}

}  // namespace
}  // namespace rigcast::catalog
