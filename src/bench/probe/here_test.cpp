#include <gtest/gtest.h>

#include <fstream>

#include "bench/probe.hpp"
#include "bench/test_case.hpp"
#include "facts.hpp"
#include "scratch.hpp"

namespace rigcast::bench {
namespace {

using rigcast::test::facts;
using test::recorded_world;
using testing::RecordedTree;

Findings with_device(FoundDevice device) {
  Findings findings;
  findings.devices.push_back(std::move(device));
  return findings;
}

std::string key_for(FoundDevice device) {
  const Here here = to_rig(facts(), with_device(std::move(device)));
  return here.rig.devices.empty() ? "none" : here.rig.devices[0].device.key;
}

TEST(Here, AnUnlistedProcessorKeepsItsInstructions) {
  Findings findings;
  findings.host.processor = {.name = "Nobody's Own X1", .instruction_sets = {"avx2", "avx512"}, .cores = 8};
  const rig::Host host = to_rig(facts(), findings).rig.hosts.at(0);
  ASSERT_TRUE(host.processor);
  EXPECT_EQ(host.processor->key, "unlisted");
  EXPECT_EQ(host.processor->name, "Nobody's Own X1");
  EXPECT_EQ(host.processor->instruction_sets.size(), 2u);
}

TEST(Here, MemoryDecidesBetweenVariantsOfOneName) {
  const auto nvidia = [](const char* name, double mib) { return FoundDevice{.name = name, .vendor = "nvidia", .found_by = "NVML", .memory = Bytes(mib * kMiB)}; };
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 4090", 24564)), "rtx-4090");
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 4090", 49140)), "rtx-4090-48gb");
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 2080 Ti", 11264)), "rtx-2080-ti");
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 2080 Ti", 22528)), "rtx-2080-ti-22gb");
  const auto mi50 = [](double gib) { return FoundDevice{.vendor = "amd", .pci_id = "1002:66a1", .pci_revision = "00", .memory = Bytes(gib * kGiB)}; };
  EXPECT_EQ(key_for(mi50(16)), "mi50-16gb");
  EXPECT_EQ(key_for(mi50(32)), "mi50-32gb");
}

TEST(Here, FurtherVariantsOfOneName) {
  const auto nvidia = [](const char* name, double mib) { return FoundDevice{.name = name, .vendor = "nvidia", .found_by = "NVML", .memory = Bytes(mib * kMiB)}; };
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 3080", 10240)), "rtx-3080-10gb");
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 3080", 12288)), "rtx-3080-12gb");
  EXPECT_EQ(key_for(nvidia("NVIDIA GeForce RTX 3080", 20480)), "rtx-3080-20gb");
  EXPECT_EQ(key_for(nvidia("NVIDIA H100 80GB HBM3", 81559)), "h100-sxm-80gb");
  EXPECT_EQ(key_for(nvidia("Tesla V100-SXM2-32GB", 32768)), "v100-sxm2-32gb");
  EXPECT_EQ(key_for(nvidia("Tesla V100-SXM2-16GB", 16384)), "v100-sxm2-16gb");
}

// Two instances of the first card, none of the second: 3g.40gb has 3 of 7 parts of the arithmetic and half the bandwidth, 1g.10gb 1 of 7 and
// an eighth.
TEST(Here, MigInstancesAreDevicesOfTheirShare) {
  const RecordedTree tree("machines/epyc-2x3090.tree");
  const Findings found = probe(recorded_world(tree, RIGCAST_MIG_NVML), Depth::quick);
  const Here here = to_rig(facts(), found);
  ASSERT_EQ(here.rig.devices.size(), 2u);
  const auto whole = *facts().device("h100-sxm-80gb");
  const auto &half = here.rig.devices[0], &eighth = here.rig.devices[1];
  EXPECT_EQ(half.device.name, "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
  EXPECT_EQ(half.memory.value(), 40448 * kMiB);
  EXPECT_EQ(half.reserved.value(), 512 * kMiB);
  EXPECT_NEAR(half.device.bandwidth->value.value(), whole.bandwidth->value.value() / 2, 1);
  EXPECT_NEAR(half.device.rates.at("fp16").value.value(), whole.rates.at("fp16").value.value() * 3 / 7, 1e6);
  EXPECT_NEAR(eighth.device.bandwidth->value.value(), whole.bandwidth->value.value() / 8, 1);
  EXPECT_NEAR(eighth.device.rates.at("fp16").value.value(), whole.rates.at("fp16").value.value() / 7, 1e6);
  EXPECT_FALSE(half.device.link.nvlink);
  bool warned = false;
  for (const std::string& warning : found.warnings) warned = warned || warning.find("is in MIG mode but has no instance") != std::string::npos;
  EXPECT_TRUE(warned);
}

TEST(Here, ToolNamesAndChipsOfOneCard) {
  Findings findings;
  for (int chip = 0; chip < 2; ++chip)
    findings.devices.push_back({.name = "310P3", .vendor = "huawei", .found_by = "npu-smi", .memory = Bytes(44280 * kMiB), .card = 2});
  const Here here = to_rig(facts(), findings);
  ASSERT_EQ(here.rig.devices.size(), 2u);
  EXPECT_EQ(here.rig.devices[0].device.key, "atlas-300i-duo-96gb");
  EXPECT_EQ(here.rig.devices[0].card, here.rig.devices[1].card);
  EXPECT_EQ(key_for({.name = "K100_AI", .vendor = "hygon", .memory = Bytes(65520 * kMiB)}), "hygon-k100-ai");
  EXPECT_EQ(key_for({.name = "Apple M3 Max", .vendor = "apple", .memory = Bytes(128 * kGiB), .unified = true, .cores = 40}), "apple-m3-max-40");
}

TEST(Here, WorkstationBecomesARig) {
  const RecordedTree tree("machines/epyc-2x3090.tree");
  const Here here = to_rig(facts(), probe(recorded_world(tree, RIGCAST_FAKE_NVML), Depth::quick));
  ASSERT_EQ(here.rig.devices.size(), 2u);
  EXPECT_EQ(here.rig.devices[1].device.key, "rtx-3090");
  EXPECT_EQ(here.rig.devices[0].reserved.value(), 1024 * kMiB);
  EXPECT_EQ(here.rig.devices[0].power_limit, Watts(220));   // below the default 350
  const rig::Host& host = here.rig.hosts[0];
  EXPECT_EQ(host.channels, 8);
  EXPECT_EQ(host.bandwidth.value(), 8 * 8 * 2933e6);        // channels x bytes x configured rate
  EXPECT_EQ(host.cores, 32);
  // Two links to the host (PCIe 4 x16 possible; PCIe 3 x4 on the riser) and the NVLink bridge.
  ASSERT_EQ(here.rig.links.size(), 3u);
  EXPECT_EQ(here.rig.links[0].type->key, "pcie4x16");
  EXPECT_EQ(here.rig.links[1].type->key, "pcie3x4");
  EXPECT_EQ(here.rig.links[2].a, 0);
  EXPECT_EQ(here.rig.links[2].b, 1);
}

TEST(Here, StrixHaloTakesHostMemory) {
  const RecordedTree tree("machines/strix-halo.tree");
  const Here here = to_rig(facts(), probe(recorded_world(tree), Depth::quick));
  ASSERT_EQ(here.rig.devices.size(), 1u);
  EXPECT_EQ(here.rig.devices[0].device.key, "ryzen-ai-max-395");
  EXPECT_EQ(here.rig.devices[0].memory.value(), 96.5 * kGiB);   // 0.5 GiB of its own and 96 GiB it may take
  EXPECT_EQ(here.rig.hosts[0].bandwidth.value(), 256e9);         // 256 bits at 8000 MT/s
}

TEST(Here, OldRuntimeIsNamed) {
  Findings findings = with_device({.name = "NVIDIA GeForce GTX 1080 Ti", .vendor = "nvidia", .memory = Bytes(11264 * kMiB)});
  findings.runtimes = {{"CUDA driver API", "13.0"}};
  const Here here = to_rig(facts(), findings);
  ASSERT_EQ(here.notes.size(), 1u);
  EXPECT_EQ(here.notes[0], "GeForce GTX 1080 Ti: CUDA 12.9 was the last to support it; programs built for 13.0 will not run on it");
}

TEST(Here, UnknownDeviceBecomesAStubThatLoads) {
  FoundDevice odd{.name = "Wonder Card 3", .vendor = "nvidia", .found_by = "NVML", .pci_id = "10de:ffff", .memory = Bytes(40 * kGiB)};
  odd.link.device_generation = 5, odd.link.device_lanes = 16;
  odd.default_power_limit = Watts(300);
  Findings findings = with_device(odd);
  findings.date = "2026-11-20";
  const Here here = to_rig(facts(), findings);
  ASSERT_EQ(here.stubs.size(), 1u);
  ASSERT_EQ(here.rig.devices.size(), 1u);
  EXPECT_EQ(here.rig.devices[0].memory.value(), 40 * kGiB);
  const auto folder = rigcast::test::scratch_folder() / "stub";
  const auto file = folder / here.stubs[0].file_name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << here.stubs[0].text;
  const auto overlaid = catalog::Catalog::load({folder});
  ASSERT_TRUE(overlaid) << to_text(overlaid.error());
  const auto device = overlaid->device("Wonder Card 3");
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(device) << to_text(device.error());
  EXPECT_EQ(device->memory.value.value(), 40 * kGiB);
  EXPECT_EQ(device->link.pcie_lanes, 16);
}

// What is in use now is not ours, and no less of the host than a system keeps of any machine (1.5 GiB on Linux).
TEST(Here, MemoryInUseDoesNotCount) {
  Findings findings = with_device({.name = "NVIDIA GeForce RTX 3090", .vendor = "nvidia", .memory = Bytes(24576 * kMiB), .used = Bytes(1536 * kMiB)});
  findings.host.os = "linux";
  findings.host.memory = Bytes(64 * kGiB);
  findings.host.available = Bytes(52 * kGiB);
  const Here busy = to_rig(facts(), findings);
  EXPECT_EQ(busy.rig.devices[0].reserved, Bytes(1536 * kMiB));
  EXPECT_EQ(busy.rig.hosts[0].available(), Bytes(52 * kGiB));
  EXPECT_EQ(busy.rig.notes, (std::vector<std::string>{"host memory: 12.00 GiB of 64.00 GiB are in use now and do not count", "NVIDIA GeForce RTX 3090: 1.50 GiB of 24.00 GiB are in use now and do not count"}));
  findings.host.available = Bytes(63.5 * kGiB);
  findings.devices[0].used = Bytes(2 * kMiB);
  const Here idle = to_rig(facts(), findings);
  EXPECT_EQ(idle.rig.hosts[0].available(), Bytes(62.5 * kGiB));
  EXPECT_TRUE(idle.rig.notes.empty());
  findings.host.available = Bytes{};   // not known
  EXPECT_EQ(to_rig(facts(), findings).rig.hosts[0].available(), Bytes(62.5 * kGiB));
}

TEST(Here, GraphicsOfTheProcessorStayOutBesideACard) {
  Findings findings = with_device({.name = "NVIDIA GeForce RTX 3090", .vendor = "nvidia", .memory = Bytes(24576 * kMiB)});
  findings.devices.push_back({.name = "Intel(R) UHD Graphics 770", .vendor = "intel", .memory = Bytes(15 * kGiB), .unified = true});
  const Here here = to_rig(facts(), findings);
  ASSERT_EQ(here.rig.devices.size(), 1u);
  EXPECT_EQ(here.notes[0], "Intel(R) UHD Graphics 770 uses the host's memory and is left out beside cards of their own memory");
}

}  // namespace
}  // namespace rigcast::bench
