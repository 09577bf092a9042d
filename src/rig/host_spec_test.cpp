// Hosts: processors, memory, boards.
#include <gtest/gtest.h>

#include "rig/test_case.hpp"

namespace rigcast::rig {
namespace {

using test::error;
using test::has_note;
using test::rig;

TEST(Rig, AMemoryWithoutAKindIsToldHowToSayIt) {
  EXPECT_EQ(error("3090; host=16g"), "rig:1:12: host= says how much memory there is, and not of which kind: \"2xddr5-5600:16g\" (nearest: 2xddr5-5600:16g)");
}

TEST(Rig, DevicesStandBeforeTheirHost) {
  EXPECT_EQ(error("host=epyc-7532:512g+4090-48g"),
            "rig:1:21: '4090-48g' stands behind a host: devices stand before it, and a ';' between them (nearest: 4090-48g; host=epyc-7532:512g)");
  EXPECT_EQ(error("host=epyc-7532+2x3090"), "rig:1:16: '2x3090' stands behind a host: devices stand before it, and a ';' between them (nearest: 2x3090; host=epyc-7532)");
  EXPECT_EQ(error("epyc-7532:512g; 3090"), "rig:1:1: 'epyc-7532:512g' is a host: say host=epyc-7532:512g (nearest: host=epyc-7532:512g)");
  EXPECT_TRUE(rig("3090; host=xeon-8480+:512g").hosts[0].processor) << "a sign of its name";
  EXPECT_EQ(rig("3090; host=xeon 8480+ 8xddr5-4800:512g").hosts[0].memory, Bytes(512 * kGiB));
  EXPECT_EQ(rig("3090; host=xeon platinum 8480+ 8xddr5-4800 1024g").hosts[0].memory, Bytes(1024 * kGiB));
}

TEST(Rig, AServerWithCapsAndItsMemory) {
  const Rig server = rig("4xmi50-32g@200w; host=epyc-7532:8xddr4-3200:512g");
  ASSERT_EQ(server.devices.size(), 4u);
  EXPECT_EQ(server.devices[0].device.key, "mi50-32gb");
  EXPECT_EQ(server.devices[3].power_limit, Watts(200));
  const Host& host = server.hosts[0];
  EXPECT_EQ(host.memory, Bytes(512 * kGiB));
  EXPECT_EQ(host.bandwidth, Bandwidth(204.8e9));  // 8 x 8 B x 3200 MT/s
  EXPECT_EQ(host.cores, 32);
  EXPECT_FALSE(host.assumed);
  EXPECT_EQ(path_between(server, 0, -1).name, "PCIe 4.0 x16");  // 4 x 16 of 128 lanes
  EXPECT_FALSE(path_between(server, 0, 1).through_host);        // Instinct: peer access over PCIe
}

// The memory says which processor is usual; who writes out what was assumed gets the same machine.
TEST(Rig, HostsOfMemoryAloneHaveTheUsualProcessor) {
  const Rig server = rig("4090-48g; host=12xddr5-4800:540g");
  EXPECT_EQ(server.hosts[0].name, "host-epyc-genoa-12ch");
  EXPECT_EQ(server.hosts[0].cores, 48);
  EXPECT_TRUE(has_note(server, "names no processor"));
  const Rig said = rig("3090; host=2xddr5-5600:64g"), unsaid = rig("3090");
  EXPECT_EQ(said.hosts[0].name, unsaid.hosts[0].name);
  EXPECT_EQ(said.hosts[0].cores, unsaid.hosts[0].cores);
  EXPECT_EQ(said.hosts[0].bandwidth.value(), unsaid.hosts[0].bandwidth.value());
  const Rig two = rig("host=16xddr4-3200:1024g");   // eight channels a socket
  EXPECT_EQ(two.hosts[0].sockets, 2);
  EXPECT_NEAR(two.hosts[0].bandwidth.value(), 16 * 8 * 3200e6, 1);
  EXPECT_EQ(rig("host=8xddr4-2666:256g").hosts[0].memory_mt_s, 2666);
}

TEST(Rig, HostAlone) {
  const Rig cpu = rig("host=2xepyc-9654:24xddr5-4800:1.5t");
  EXPECT_TRUE(cpu.devices.empty());
  EXPECT_EQ(cpu.hosts[0].sockets, 2);
  EXPECT_EQ(cpu.hosts[0].cores, 192);
  EXPECT_EQ(cpu.hosts[0].bandwidth, Bandwidth(921.6e9));  // 24 x 8 B x 4800 MT/s
  EXPECT_EQ(cpu.hosts[0].memory, Bytes(1536 * kGiB));
  // Two chiplets carry 85.3 GB/s of the eight channels' 204.8.
  EXPECT_EQ(rig("host=epyc-7282:256g").hosts[0].bandwidth, Bandwidth(85.3e9));
  EXPECT_TRUE(has_note(rig("host=epyc-7282:256g"), "pull at most 85.3 GB/s of the 205 GB/s"));
  EXPECT_EQ(rig("host=AMD EPYC 7532:512g").hosts[0].channels, 8);
}

TEST(Rig, UnifiedMemoryIsTheHosts) {
  const Rig mac = rig("m1-max-64g");
  ASSERT_EQ(mac.devices.size(), 1u);
  EXPECT_EQ(mac.hosts[0].memory, Bytes(64 * kGiB));
  EXPECT_EQ(mac.hosts[0].os, Os::macos);
  EXPECT_EQ(mac.devices[0].memory, Bytes(48 * kGiB));  // three quarters
  EXPECT_EQ(mac.hosts[0].bandwidth, Bandwidth(243e9));  // its CPU cores; the GPU has the chip's 409.6 GB/s
  EXPECT_EQ(path_between(mac, 0, -1).bandwidth, Bandwidth(409.6e9));
  EXPECT_EQ(rig("780m").hosts[0].memory, Bytes(32 * kGiB));   // what is mostly sold, and not the most its platform takes
  EXPECT_EQ(rig("780m-64g").hosts[0].memory, Bytes(64 * kGiB));
  EXPECT_EQ(error("rk3588"), "rig:1:1: 'rk3588' is a processor: say host=rk3588:32g (nearest: host=rk3588)");
  EXPECT_EQ(rig("m3-max-128g").devices[0].device.key, "apple-m3-max-40");  // 36 and 96 GB belong to the other one
  EXPECT_EQ(rig("ryzen-ai-max-395-128g@gpu=96g").devices[0].memory, Bytes(96 * kGiB));
  EXPECT_EQ(rig("Ryzen AI Max+ 395").devices[0].memory, Bytes(112 * kGiB));
  EXPECT_EQ(rig("Ryzen AI Max+ 395 os=windows").devices[0].memory, Bytes(96 * kGiB));
  const Rig two = rig("2xm3-ultra-512g");
  EXPECT_EQ(two.hosts.size(), 2u);
  EXPECT_TRUE(has_note(two, "Thunderbolt network"));
  const Rig docked = rig("ryzen-ai-max-395-128g + 4090@oculink");
  EXPECT_EQ(docked.hosts.size(), 1u);
  EXPECT_EQ(path_between(docked, 1, -1).name, "OCuLink");
  EXPECT_EQ(error("m1-max-96g"), "rig:1:1: no m1-max has 96.00 GiB: it is sold with 32, 64 GiB (nearest: apple-m1-max-64g)");
}

TEST(Rig, WindowsKeepsMemory) {
  const Rig windows = rig("2x4090; os=windows");
  EXPECT_EQ(windows.devices[0].reserved, Bytes(1.0 * kGiB));
  EXPECT_EQ(windows.devices[1].reserved, Bytes(0.3 * kGiB));
  EXPECT_EQ(rig("4090@display,reserved=2g").devices[0].reserved, Bytes(2 * kGiB));
}

TEST(Rig, AHostNamesEachThingOnce) {
  EXPECT_EQ(error("host=epyc-7532:8xddr4-3200:4xddr4-2666:64g"), "rig:1:28: host= names its memory's type twice");
  EXPECT_EQ(error("host=2xddr5-5600:64g:128g"), "rig:1:22: host= names the size of its memory twice");
  EXPECT_EQ(error("host=epyc-7532:epyc-7542:64g"), "rig:1:16: host= names its processor twice");
}

TEST(Host, BoardsHaveTheMemoryThatIsSoldered) {
  const auto facts = *catalog::Catalog::load();
  EXPECT_FALSE(parse_rig(facts, "host=raspberry-pi-5:64g"));
  EXPECT_TRUE(parse_rig(facts, "host=raspberry-pi-5:16g"));
  const auto unsaid = parse_rig(facts, "host=raspberry-pi-5");
  ASSERT_TRUE(unsaid);
  EXPECT_EQ(unsaid->hosts.front().memory, Bytes(16 * kGiB));
}

// The chip of 40 cores is sold with 48, 64 and 128 GiB, the one of 32 with 36.
TEST(Rig, AChipOfSeveralKindsIsNoProcessor) {
  EXPECT_EQ(error("m4-max-511g"), "rig:1:1: no m4-max has 511.00 GiB: it is sold with 36, 48, 64, 128 GiB (nearest: m4-max-128g)");
  EXPECT_EQ(error("m4-max-100g"), "rig:1:1: no m4-max has 100.00 GiB: it is sold with 36, 48, 64, 128 GiB (nearest: m4-max-128g)");
}

TEST(Host, WhatAProcessorDoesNotTakeNamesWhatItDoes) {
  EXPECT_EQ(error("host=epyc-7532:9xddr4-3200:256g"), "rig:1:16: EPYC 7532 has 8 memory channels, not 9 (nearest: 8xddr4-3200)");
  EXPECT_EQ(error("host=epyc-7532:4xddr5-4800:256g"), "rig:1:16: EPYC 7532 takes ddr4, not ddr5 (nearest: 4xddr4-3200)");
  EXPECT_EQ(error("3090 macos"), "rig:1:6: macOS does not run on GeForce RTX 3090 (nearest: linux)");
  // Two sticks of 64 GiB on each of two channels.
  EXPECT_TRUE(has_note(rig("host=ryzen-9-7950x:512g"), "512 GiB are more than the 256 GiB"));
  EXPECT_FALSE(has_note(rig("host=ryzen-9-7950x:256g"), "are more than"));
}

}  // namespace
}  // namespace rigcast::rig
