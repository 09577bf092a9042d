// What joins devices.
#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "rig/test_case.hpp"

namespace rigcast::rig {
namespace {

using test::error;
using test::has_note;
using test::rig;

TEST(Rig, NvlinkBridges) {
  const Rig pair = rig("2x3090 nvlink");
  const Path path = path_between(pair, 0, 1);
  EXPECT_EQ(path.name, "NVLink 3");
  EXPECT_FALSE(path.through_host);
  EXPECT_NEAR(path.bandwidth.value(), 56.25e9 * 0.92, 1e6);  // 112.5 GB/s both ways, halved, usable share 0.92
  const Rig four = rig("4x3090 nvlink-pairs pcie=4x4");
  EXPECT_EQ(path_between(four, 0, 1).name, "NVLink 3");
  EXPECT_TRUE(path_between(four, 1, 2).through_host);
  EXPECT_EQ(path_between(four, 2, -1).name, "PCIe 4.0 x4");
  EXPECT_EQ(error("2x4090 nvlink"), "rig:1:8: GeForce RTX 4090 has no NVLink: its cards talk over PCIe (nearest: pcie=4x16)");
  EXPECT_EQ(error("2x3080 nvlink"), "rig:1:8: GeForce RTX 3080 10GB has no NVLink; of its family have it: NVIDIA A40, GeForce RTX 3090, GeForce RTX 3090 Ti (nearest: pcie=4x16)");
  EXPECT_EQ(error("2xmi50-32g nvlink"), "rig:1:12: Radeon Instinct MI50 32GB has no NVLink (it has xGMI: say fabric) (nearest: fabric)");
  EXPECT_EQ(error("4x3090 nvlink"), "rig:1:8: NVLink 3 joins at most 2 of GeForce RTX 3090, not 4 (nearest: nvlink-pairs)");
}

TEST(Rig, ModuleBoardsAreJoinedByThemselves) {
  const Rig node = rig("8xh200");
  ASSERT_EQ(node.devices.size(), 8u);
  EXPECT_EQ(path_between(node, 0, 7).name, "NVLink 4");
  EXPECT_NEAR(path_between(node, 0, 7).bandwidth.value(), 450e9 * 0.88, 1e6);
  EXPECT_EQ(path_between(rig("8xh200 nvlink"), 3, 4).name, "NVLink 4");
  const Rig cluster = rig("8xh200; nodes=2; net=infiniband-ndr");
  ASSERT_EQ(cluster.devices.size(), 16u);
  EXPECT_EQ(cluster.devices[8].host, 1);
  const Path path = path_between(cluster, 0, 8);
  EXPECT_TRUE(path.bandwidth < Bandwidth(60e9) && path.bandwidth > Bandwidth(40e9)) << path.bandwidth.value();
}

TEST(Rig, CardsOfTwoChipsAreTwoDevices) {
  const Rig duo = rig("2xatlas-300i-duo-96gb");
  ASSERT_EQ(duo.devices.size(), 4u);
  EXPECT_EQ(duo.devices[0].card, duo.devices[1].card);
  EXPECT_NE(duo.devices[1].card, duo.devices[2].card);
  EXPECT_EQ(duo.devices[0].memory, Bytes(48 * kGiB));
  EXPECT_EQ(path_between(duo, 0, 1).name, "on-card link");
  // The B60 Dual has no switch: each chip has half of the slot.
  EXPECT_EQ(path_between(rig("arc-pro-b60-dual-48gb"), 0, -1).name, "PCIe 5.0 x8");
}

TEST(Rig, ExternalAndChipsetJoints) {
  EXPECT_EQ(path_between(rig("3090@tb3"), 0, -1).name, "Thunderbolt 3");
  EXPECT_EQ(path_between(rig("3090+3060-12gb@chipset"), 1, -1).name, "PCIe 4.0 x4");
  EXPECT_TRUE(path_between(rig("orange-pi-ai-studio-pro-192gb"), 0, -1).name == "USB4");
  EXPECT_TRUE(has_note(rig("8x3090 pcie=4x16; host=ryzen-9-7950x:64g"), "128 PCIe lanes"));
  EXPECT_FALSE(path_between(rig("2x4090 p2p"), 0, 1).through_host);
}

TEST(Rig, SeveralHosts) {
  const Rig two = rig("2x3090; host=epyc-7532:256g | 4090; host=ryzen-9-7950x:64g; net=10gbe");
  ASSERT_EQ(two.hosts.size(), 2u);
  ASSERT_EQ(two.devices.size(), 3u);
  EXPECT_EQ(two.devices[2].host, 1);
  EXPECT_EQ(path_between(two, -1, -2).name, "10 Gbit/s Ethernet");
  EXPECT_LT(path_between(two, 0, 2).bandwidth, Bandwidth(1.25e9));
}

// Each pair was once looked for among all links: 999 cards did not end.
TEST(Rig, HundredsOfCardsAreJoinedInTime) {
  for (const auto& [spec, cards] : {std::pair{"256xmi50-32g", 256}, {"999xmi50-32g", 999}}) {
    const auto start = std::chrono::steady_clock::now();
    const Rig many = rig(spec);
    EXPECT_EQ(many.devices.size(), static_cast<std::size_t>(cards));
    const auto joined = std::count_if(many.links.begin(), many.links.end(), [](const Link& link) { return link.peer_to_peer; });
    EXPECT_EQ(joined, std::int64_t{cards} * (cards - 1) / 2) << "every pair, once";
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << spec;
  }
}

// The 384 chips of a supernode have 73,536 pairs, all joined alike: what is kept is the joint and each chip's way to its host.
TEST(Rig, ChipsOfOneCardAreAMesh) {
  const Rig many = rig("cloudmatrix-384");
  ASSERT_EQ(many.devices.size(), 384u);
  EXPECT_EQ(many.links.size(), 384u);
  ASSERT_EQ(many.meshes.size(), 1u);
  const Path near = path_between(many, 0, 1), far = path_between(many, 383, 0), host = path_between(many, 7, -1);
  EXPECT_GT(near.bandwidth.value(), 0);
  EXPECT_EQ(near.bandwidth, far.bandwidth);
  EXPECT_EQ(near.name, far.name);
  EXPECT_FALSE(near.through_host);
  EXPECT_NE(host.name, near.name);
}

TEST(Rig, DriversSayWhichCardsReadTheirPeers) {
  const auto past_the_host = [](const char* spec) { return !path_between(rig(spec), 0, 1).through_host; };
  EXPECT_TRUE(past_the_host("2xrtx-6000-ada"));
  EXPECT_TRUE(past_the_host("2xw7900"));
  EXPECT_FALSE(past_the_host("2x4090"));
  EXPECT_FALSE(past_the_host("2x7900xtx"));
  EXPECT_FALSE(past_the_host("2xcmp-90hx"));
  EXPECT_TRUE(past_the_host("2x4090 p2p"));
  EXPECT_FALSE(past_the_host("2xw7900 egpu"));
  EXPECT_TRUE(past_the_host("2xw7900@oculink"));
}

TEST(Rig, ARiserWhosePcieIsSaidIsNotAskedFor) {
  const auto asks = [](const char* spec) {
    const Rig one = rig(spec);
    return std::any_of(one.notes.begin(), one.notes.end(), [](const std::string& note) { return note.find("riser") != std::string::npos; });
  };
  EXPECT_TRUE(asks("3090 riser"));
  EXPECT_FALSE(asks("3090 riser pcie=3x4"));
}

}  // namespace
}  // namespace rigcast::rig
