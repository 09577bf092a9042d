#include "bench/probe.hpp"

#include <gtest/gtest.h>

#include "bench/detail/probes.hpp"
#include "bench/test_case.hpp"
#include "recorded.hpp"

namespace rigcast::bench {
namespace {

using testing::read_recorded;
using test::recorded_world;
using testing::RecordedTree;

TEST(CpuList, RangesAndNonsense) {
  EXPECT_EQ(parse_cpu_list("0-3,8"), (std::vector{0, 1, 2, 3, 8}));
  EXPECT_TRUE(parse_cpu_list("3-1").empty());
  EXPECT_TRUE(parse_cpu_list("0-99999999").empty());
  EXPECT_TRUE(parse_cpu_list("").empty());
}

TEST(Probe, WorkstationWithTwo3090) {
  const RecordedTree tree("machines/epyc-2x3090.tree");
  const Findings found = probe(recorded_world(tree), Depth::quick);
  EXPECT_EQ(found.host.processor.cores, 32);
  EXPECT_EQ(found.host.processor.threads, 64);
  EXPECT_EQ(found.host.processor.vendor, "amd");
  EXPECT_EQ(found.host.processor.caches.at(3).value(), 2 * 16384 * kKiB);   // two of its caches are in the recording
  ASSERT_EQ(found.host.modules.size(), 8u);
  EXPECT_EQ(found.host.channels, 8);             // channels A to H, one module each
  EXPECT_EQ(found.host.modules[0].mt_s, 2933);   // configured, below the rated 3200
  EXPECT_EQ(found.host.modules_source, "udev");
  ASSERT_EQ(found.devices.size(), 2u);           // the management display is none
  EXPECT_EQ(found.devices[0].pci_id, "10de:2204");
  // Idle: 2.5 GT/s now, 16 GT/s possible, sixteen lanes.
  EXPECT_EQ(found.devices[0].link.generation, 1);
  EXPECT_EQ(found.devices[0].link.max_generation, 4);
  EXPECT_EQ(found.devices[0].link.lanes, 16);
  // On the riser: PCIe 3 x4.
  EXPECT_EQ(found.devices[1].link.lanes, 4);
  EXPECT_EQ(found.devices[1].link.max_generation, 3);
  EXPECT_EQ(found.devices[1].link.device_lanes, 16);
  ASSERT_EQ(found.warnings.size(), 2u);
  EXPECT_EQ(found.warnings[0], "10de:2204 at 0000:81:00.0 could use x16 but is linked with x4");
  EXPECT_EQ(found.warnings[1], "10de:2204 at 0000:81:00.0 could use PCIe 4 but its slot offers PCIe 3");
  ASSERT_EQ(found.unread.size(), 1u);
  EXPECT_EQ(found.unread[0], "NVIDIA driver: libnvidia-ml.so.1 is not installed; the card is seen on the bus, but no program can compute on it");
}

TEST(Probe, Mi50BehindTheirOwnBridges) {
  const RecordedTree tree("machines/xeon-2xmi50.tree");
  const Findings found = probe(recorded_world(tree), Depth::quick);
  ASSERT_EQ(found.devices.size(), 2u);
  const FoundDevice& card = found.devices[0];
  EXPECT_EQ(card.capability, "gfx906");          // 90006
  EXPECT_EQ(card.memory.value(), 34342961152.0);
  EXPECT_EQ(card.link.lanes, 8);                 // the card shows x16 inside, the bridge above it x8
  EXPECT_EQ(card.link.generation, 3);
  EXPECT_EQ(card.link.narrowest, "0000:01:00.0");
  EXPECT_EQ(card.others, 1);
  EXPECT_EQ(card.temperature, 34.0);
  EXPECT_EQ(card.runtimes, std::vector<std::string>{"rocm"});
  EXPECT_EQ(found.devices[1].power_limit, Watts(178));
  ASSERT_EQ(found.peers.size(), 1u);
  EXPECT_EQ(found.peers[0].name, "xGMI");
  ASSERT_EQ(found.runtimes.size(), 1u);
  EXPECT_EQ(found.runtimes[0].version, "6.4.1");
}

TEST(Probe, HybridProcessorAndMappedMemory) {
  const RecordedTree tree("machines/desktop-a770.tree");
  const Findings found = probe(recorded_world(tree), Depth::quick);
  EXPECT_EQ(found.host.processor.cores, 8);
  EXPECT_EQ(found.host.processor.fast_cores, 4);
  EXPECT_EQ(found.host.channels, 2);
  EXPECT_EQ(found.host.modules_source, "EDAC");
  ASSERT_EQ(found.devices.size(), 1u);
  // Base address register 2 spans 0x400000000 bytes: 16 GiB.
  EXPECT_EQ(found.devices[0].memory.value(), 16 * kGiB);
  EXPECT_EQ(found.devices[0].power_limit, Watts(190));
}

TEST(Probe, EmptyMachineIsNoCrash) {
  const RecordedTree tree("machines/none.tree");
  const Findings found = probe(recorded_world(tree), Depth::quick);
  EXPECT_TRUE(found.devices.empty());
  EXPECT_EQ(found.host.processor.cores, 0);
}

// A type 17 structure of 40 bytes: 16384 MiB DDR5 at 5600, configured 5200, then an absent one, then the end.
TEST(Smbios, ReadsMemoryDevices) {
  std::string table;
  const auto add = [&](unsigned size, unsigned speed, unsigned configured) {
    std::string area(40, '\0');
    area[0] = 17, area[1] = 40;
    const auto word = [&](std::size_t at, unsigned value) { area[at] = static_cast<char>(value & 255), area[at + 1] = static_cast<char>(value >> 8); };
    word(0x08, 72), word(0x0A, 64), word(0x0C, size), word(0x15, speed), word(0x20, configured);
    area[0x10] = 1, area[0x11] = 2, area[0x12] = 0x22;
    table += area + std::string("DIMM_A1\0BANK 0\0\0", 16);
  };
  add(16384, 5600, 5200);
  add(0, 0, 0);
  table += std::string("\x7f\x04\x00\x00\x00\x00", 6);
  const auto modules = parse_smbios(table);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].size.value(), 16 * kGiB);
  EXPECT_EQ(modules[0].type, "ddr5");
  EXPECT_EQ(modules[0].mt_s, 5200);
  EXPECT_EQ(modules[0].rated_mt_s, 5600);
  EXPECT_EQ(modules[0].locator, "BANK 0 / DIMM_A1");
  // Any cut of the table is read without going past its end.
  for (std::size_t length = 0; length < table.size(); ++length) (void)parse_smbios(std::string_view(table).substr(0, length));
}

TEST(Channels, AreReadFromTheWaysBoardsNameThem) {
  const auto channels = [](std::vector<std::string> locators, std::string type = "ddr4", int bits = 64) {
    std::vector<MemoryModule> modules;
    for (std::string& locator : locators) modules.push_back({.locator = std::move(locator), .type = type, .data_bits = bits});
    return count_channels(modules);
  };
  EXPECT_EQ(channels({"P0 CHANNEL A / DIMM 0", "P0 CHANNEL A / DIMM 1", "P0 CHANNEL B / DIMM 0", "P0 CHANNEL B / DIMM 1"}), 2);
  EXPECT_EQ(channels({"BANK 0 / Controller0-ChannelA-DIMM0", "BANK 0 / Controller1-ChannelA-DIMM0"}), 2);
  EXPECT_EQ(channels({"NODE 1 / CPU1_DIMM_A1", "NODE 1 / CPU1_DIMM_B1", "NODE 2 / CPU2_DIMM_A1"}), 3);
  EXPECT_EQ(channels({"_Node0_Channel0 / CPU0_C0D0", "_Node0_Channel1 / CPU0_C1D0"}), 2);
  EXPECT_EQ(channels({"/ A1", "/ A2"}), 0);   // Dell: the letter is the socket
  EXPECT_EQ(channels({"X / 1", "X / 2", "X / 3", "X / 4", "X / 5", "X / 6", "X / 7", "X / 8"}, "lpddr5", 32), 4);   // 8 x 32 bits = 4 x 64
}

TEST(Tools, NpuSmiTwoChipsOfOneCard) {
  const ToolReport report = parse_npu_smi(read_recorded("tools/npu-smi-310p-duo.txt"));
  ASSERT_EQ(report.devices.size(), 2u);
  EXPECT_EQ(report.devices[0].name, "310P3");
  EXPECT_EQ(report.devices[0].memory.value(), 44280 * kMiB);
  EXPECT_EQ(report.devices[1].used.value(), 1303 * kMiB);
  EXPECT_EQ(report.devices[0].card, 2);
  EXPECT_EQ(report.devices[1].card, 2);
  EXPECT_EQ(report.devices[1].temperature, 44.0);
  EXPECT_EQ(report.runtimes[0].version, "23.0.1");
}

TEST(Tools, NpuSmiHbmIsTheLastPair) {
  const ToolReport report = parse_npu_smi(read_recorded("tools/npu-smi-910b.txt"));
  ASSERT_EQ(report.devices.size(), 2u);
  EXPECT_EQ(report.devices[0].name, "910B3");
  EXPECT_EQ(report.devices[0].memory.value(), 65536 * kMiB);
  EXPECT_EQ(report.devices[0].used.value(), 41697 * kMiB);
  EXPECT_EQ(report.devices[1].pci_address, "0000:c2:00.0");
  const ToolReport dual = parse_npu_smi(read_recorded("tools/npu-smi-910c.txt"));
  ASSERT_EQ(dual.devices.size(), 2u);
  EXPECT_EQ(dual.devices[1].card, 0);
  EXPECT_EQ(dual.devices[1].used.value(), 3189 * kMiB);
}

TEST(Tools, MthreadsGmi) {
  const ToolReport report = parse_mthreads_gmi(read_recorded("tools/mthreads-gmi.txt"));
  ASSERT_EQ(report.devices.size(), 1u);
  EXPECT_EQ(report.devices[0].name, "MTT S80");
  EXPECT_EQ(report.devices[0].memory.value(), 16384 * kMiB);
  EXPECT_EQ(report.devices[0].used.value(), 2 * kMiB);
  EXPECT_EQ(report.devices[0].link.lanes, 4);
  EXPECT_EQ(report.devices[0].link.max_lanes, 16);
  EXPECT_EQ(report.devices[0].temperature, 49.0);
  EXPECT_EQ(report.runtimes[0].version, "2.7.0");
}

TEST(Tools, HySmi) {
  const ToolReport report = parse_hy_smi(read_recorded("tools/hy-smi.txt"));
  ASSERT_EQ(report.devices.size(), 2u);
  EXPECT_EQ(report.devices[1].name, "K100_AI");
  EXPECT_EQ(report.devices[1].memory.value(), 65520 * kMiB);
  EXPECT_EQ(report.devices[1].used.value(), 51920 * kMiB);
  EXPECT_EQ(report.devices[1].power_limit, Watts(400));
  EXPECT_EQ(report.devices[0].temperature, 49.0);
  EXPECT_EQ(report.devices[0].pci_address, "0000:9f:00.0");
  EXPECT_EQ(report.runtimes[0].version, "6.2.26");
}

TEST(Tools, MxSmi) {
  const ToolReport report = parse_mx_smi(read_recorded("tools/mx-smi.txt"));
  ASSERT_EQ(report.devices.size(), 2u);
  EXPECT_EQ(report.devices[0].name, "MetaX C500");
  EXPECT_EQ(report.devices[0].power_limit, Watts(350));
  EXPECT_EQ(report.devices[0].memory.value(), 65536 * kMiB);
  EXPECT_EQ(report.devices[1].name, "MXC500");
  EXPECT_EQ(report.devices[1].used.value(), 60982 * kMiB);
  EXPECT_FALSE(report.devices[1].power_limit);
  ASSERT_EQ(report.runtimes.size(), 2u);
  EXPECT_EQ(report.runtimes[1].version, "2.29.0.19");
}

TEST(Tools, SystemProfiler) {
  FoundHost host;
  const ToolReport apple = parse_system_profiler(read_recorded("tools/system-profiler-m3-max.txt"), host);
  EXPECT_EQ(host.processor.cores, 16);
  EXPECT_EQ(host.processor.fast_cores, 12);
  EXPECT_EQ(host.memory.value(), 128 * kGiB);
  ASSERT_EQ(apple.devices.size(), 1u);
  EXPECT_EQ(apple.devices[0].cores, 40);
  EXPECT_TRUE(apple.devices[0].unified);
  const ToolReport intel = parse_system_profiler(read_recorded("tools/system-profiler-intel.txt"), host);
  ASSERT_EQ(intel.devices.size(), 1u);
  EXPECT_EQ(intel.devices[0].vendor, "amd");
  EXPECT_EQ(intel.devices[0].memory.value(), 16 * kGiB);
}

TEST(Tools, ParsersSurviveAnyCut) {
  for (const char* name : {"npu-smi-310p-duo", "npu-smi-910b", "mthreads-gmi", "hy-smi", "mx-smi", "system-profiler-m3-max"}) {
    const std::string text = read_recorded(std::string("tools/") + name + ".txt");
    for (std::size_t length = 0; length <= text.size(); length += 7) {
      const std::string_view cut = std::string_view(text).substr(0, length);
      FoundHost host;
      (void)parse_npu_smi(cut), (void)parse_mthreads_gmi(cut), (void)parse_hy_smi(cut), (void)parse_mx_smi(cut), (void)parse_system_profiler(cut, host);
    }
  }
}

// The libraries of tests/support/fake_nvml.c: two 3090 joined by four NVLinks, the second fallen off the bus in the other.
TEST(Nvml, DevicesAndTheirBridge) {
  const RecordedTree tree("machines/epyc-2x3090.tree");
  World world = recorded_world(tree);
  world.library = [](std::string_view name) { return name == "libnvidia-ml.so.1" ? std::string(RIGCAST_FAKE_NVML) : std::string(); };
  const Findings found = probe(world, Depth::quick);
  ASSERT_EQ(found.devices.size(), 2u);   // merged with what the bus told
  EXPECT_EQ(found.devices[0].name, "NVIDIA GeForce RTX 3090");
  EXPECT_EQ(found.devices[0].found_by, "NVML");
  EXPECT_EQ(found.devices[0].capability, "8.6");
  EXPECT_EQ(found.devices[0].memory.value(), 24576 * kMiB);
  EXPECT_EQ(found.devices[0].used.value(), 1024 * kMiB);
  EXPECT_EQ(found.devices[0].power_limit, Watts(220));
  EXPECT_EQ(found.devices[0].default_power_limit, Watts(350));
  EXPECT_EQ(found.devices[0].others, 2);
  EXPECT_EQ(found.devices[1].link.lanes, 4);   // from the bus, with what narrows it
  ASSERT_EQ(found.peers.size(), 1u);
  EXPECT_EQ(found.peers[0].links, 4);
  EXPECT_EQ(found.peers[0].version, 3);
  ASSERT_EQ(found.runtimes.size(), 2u);
  EXPECT_EQ(found.runtimes[0].version, "550.54.14");
  EXPECT_EQ(found.runtimes[1].version, "12.4");
}

TEST(Nvml, BrokenDriverIsNamed) {
  const RecordedTree tree("machines/epyc-2x3090.tree");
  World world = recorded_world(tree);
  world.library = [](std::string_view name) { return name == "libnvidia-ml.so.1" ? std::string(RIGCAST_BROKEN_NVML) : std::string(); };
  const Findings found = probe(world, Depth::quick);
  ASSERT_EQ(found.unread.size(), 1u);
  EXPECT_EQ(found.unread[0], "NVIDIA driver: Driver/library version mismatch");
  EXPECT_EQ(found.devices.size(), 2u);   // still known by the bus
}

}  // namespace
}  // namespace rigcast::bench
