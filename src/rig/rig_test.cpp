#include "rig/rig.hpp"

#include <gtest/gtest.h>

#include "rig/rewrite.hpp"
#include "rig/test_case.hpp"

namespace rigcast::rig {
namespace {

using test::catalog;
using test::error;
using test::has_note;
using test::rig;

TEST(Rig, TwoCardsAndAnAssumedHost) {
  const Rig two = rig("2x3090");
  ASSERT_EQ(two.devices.size(), 2u);
  EXPECT_EQ(two.devices[1].device.key, "rtx-3090");
  EXPECT_EQ(two.devices[1].index, 1);
  EXPECT_EQ(two.devices[1].card, 1);
  EXPECT_TRUE(two.hosts[0].assumed);
  EXPECT_TRUE(has_note(two, "no host is named"));
  // 24 lanes of a desktop: x8 each, PCIe 4.0; GeForce drivers copy between cards through the host's memory.
  EXPECT_EQ(path_between(two, 0, -1).name, "PCIe 4.0 x8");
  EXPECT_TRUE(path_between(two, 0, 1).through_host);
  EXPECT_EQ(two.devices[0].reserved, Bytes(0));
}

// Four MI300A are the sockets of one board, each with 128 GiB and joined to each other; a fifth is another machine's. Two Macs are two machines.
TEST(Rig, SocketsOfOneBoardAreOneHost) {
  const Rig four = rig("4xmi300a");
  ASSERT_EQ(four.hosts.size(), 1u);
  EXPECT_EQ(four.hosts[0].memory, Bytes(512 * 1073741824.0));
  ASSERT_EQ(four.devices.size(), 4u);
  for (const RigDevice& device : four.devices) EXPECT_EQ(device.memory, Bytes(128 * 1073741824.0));
  EXPECT_EQ(path_between(four, 0, 3).name, "xGMI");
  EXPECT_EQ(rig("8xmi300a").hosts.size(), 2u);
  EXPECT_EQ(rig("2xm3-ultra-512g").hosts.size(), 2u);
}

TEST(Rig, ACardOutsideTheCaseIsToldHowItIsTakenToBeAttached) {
  EXPECT_TRUE(has_note(rig("3090 egpu"), "outside the case: Thunderbolt 4 is assumed"));
  EXPECT_FALSE(has_note(rig("3090@usb4"), "outside the case"));
}

TEST(Rig, SpacesAndCaseDoNotMatter) {
  const Rig mixed = rig("2 x RTX 3090 +  rtx4090@300W");
  ASSERT_EQ(mixed.devices.size(), 3u);
  EXPECT_EQ(mixed.devices[2].device.key, "rtx-4090");
  EXPECT_EQ(mixed.devices[2].power_limit, Watts(300));
  EXPECT_FALSE(mixed.devices[0].power_limit);
  EXPECT_EQ(rig("7900xtx").devices[0].device.key, "rx-7900-xtx");
  EXPECT_EQ(rig("Mac Studio M3 Ultra 512g").devices[0].device.key, "apple-m3-ultra");
  EXPECT_EQ(rig("4060ti-16g").devices[0].device.key, "rtx-4060-ti-16gb");
  EXPECT_EQ(error("2x3090@nothing=1"), "rig:1:16: 'nothing' is not an option of a device");
}

TEST(Rig, ACapIsThatOfTheCard) {
  const Rig dual = rig("arc-pro-b60-dual-48gb@300w");
  ASSERT_EQ(dual.devices.size(), 2u);   // two chips on one board
  EXPECT_EQ(dual.devices[0].power_limit, Watts(150));
  EXPECT_EQ(dual.devices[1].power_limit, Watts(150));
}

TEST(Rig, FaultsHaveTheirColumn) {
  EXPECT_EQ(error("2x3900 xt"), "rig:1:3: no device is called '3900 xt' (nearest: rx-6900-xt)");
  EXPECT_EQ(error("4x3090 nvlnk"), "rig:1:8: 'nvlnk' is not an option of a rig (nearest: nvlink)");
  EXPECT_EQ(error("2x3090 nvlink+3090"), "rig:1:8: 'nvlink' is of the whole rig: it stands behind the last device");
  EXPECT_EQ(error("0x3090"), "rig:1:1: a rig of zero devices: the count must be at least 1");
  EXPECT_EQ(error("3090; host=epyc-7523:512g").substr(0, 49), "rig:1:12: no processor is called 'epyc-7523' (nea");
  EXPECT_EQ(error("3090; host=epyc-7532:0g"), "rig:1:22: a host of no memory cannot start");
  EXPECT_EQ(error("3090; host=epyc-7532:12xddr4-3200:512g"), "rig:1:22: EPYC 7532 has 8 memory channels, not 12 (nearest: 8xddr4-3200)");
  EXPECT_EQ(error("3090; host=epyc-7532:8xddr5-4800:512g"), "rig:1:22: EPYC 7532 takes ddr4, not ddr5 (nearest: 8xddr4-3200)");
  EXPECT_EQ(error("3090 pcie=4x3"), "rig:1:11: pcie: '4x3' is not GENERATIONxLANES (3x16, 4x4, 5x8)");
  EXPECT_EQ(error("3090@link=string"), "rig:1:11: no link is called 'string'");
  EXPECT_EQ(error("3090; os=beos"), "rig:1:10: 'beos' is not an operating system (linux, windows, macos)");
  EXPECT_EQ(error("8845hs"), "rig:1:1: '8845hs' is a processor: say host=ryzen-7-8845hs:64g (nearest: host=ryzen-7-8845hs)");
  EXPECT_EQ(error(""), "rig:1:1: an empty rig: name a device (\"2x3090\") or a host (\"host=epyc-7532:8xddr4-3200:512g\")");
  EXPECT_EQ(error("3090 net=10gbe"), "rig:1:10: net= joins several hosts and there is one: separate hosts by '|' or say nodes=2");
  EXPECT_EQ(error("4090@50000000000g").substr(0, 9), "rig:1:6: ");
  EXPECT_EQ(error("here"), "rig:1:1: 'here' is this machine, which has to be probed: name the devices instead (\"2x3090\")");
  EXPECT_EQ(error("nosuch.toml"), "nosuch.toml: no such file");
}

TEST(Rig, EveryDeviceMakesARig) {
  for (const catalog::Entry& entry : catalog().entries(catalog::Kind::device)) {
    const auto device = catalog().device(entry.key);
    if (device->memory.value.value() == 0) continue;
    const auto one = parse_rig(catalog(), entry.key);
    ASSERT_TRUE(one) << entry.key << ": " << to_text(one.error());
    EXPECT_EQ(static_cast<int>(one->devices.size()), device->chips);
    const bool known = device->bandwidth || !device->unified;
    EXPECT_EQ(known, 0 < path_between(*one, 0, -1).bandwidth.value()) << entry.key;
    EXPECT_GT(one->hosts[0].memory.value(), 0) << entry.key;
  }
}

// 400 each of ten kinds took 1.6 GB and 12 s to lay a model out on; a rack of one kind takes neither.
TEST(Rig, UnlikeDevicesAreFewerThanAlikeOnes) {
  EXPECT_EQ(rig("255xrtx-3090+rtx-4090").devices.size(), 256u);
  EXPECT_EQ(error("200xrtx-3090+400xrtx-4090"), "rig:1:18: more than 256 devices that are not all alike (nearest: 56xrtx-4090)");   // 256 - 200
  EXPECT_EQ(error("200xrtx-3090@300w+200xrtx-3090@200w"), "rig:1:23: more than 256 devices that are not all alike (nearest: 56xrtx-3090)");
  EXPECT_EQ(error("256xrtx-3090+rtx-4090"), "rig:1:14: more than 256 devices that are not all alike") << "no room for a single one";
  EXPECT_EQ(error("200xrtx-3090 | 200xrtx-4090"), "rig:1:1: more than 256 devices that are not all alike");
  EXPECT_EQ(rig("999xrtx-3090 | 999xrtx-3090").devices.size(), 1998u);
  EXPECT_EQ(error("999xrtx-3090+999xrtx-3090"), "rig:1:18: more than 1024 devices on one host: separate hosts by '|'");   // half a million pairs are enough
  EXPECT_EQ(error("999xstrix-halo+999xstrix-halo"), "rig:1:20: more than 1024 hosts");
  EXPECT_GE(rig("cloudmatrix-384").devices.size(), 384u);
}

TEST(Rig, CountsAsPeopleWriteThem) {
  for (const char* two : {"2x3090", "2 3090", "3090x2", "3090 x2", "3090*2", "3090\u00d72", "\u53cc3090", "\u4e24\u5f203090", "3090 \u4e24\u5f20", "3090\u53cc\u5361", "2\u53613090"})
    EXPECT_EQ(rig(two).devices.size(), 2u) << two;
  EXPECT_EQ(rig("MI50-32G x8").devices.size(), 8u);
  EXPECT_EQ(rig("\u5341\u516d\u5f203090").devices.size(), 16u) << "ten and six";
  EXPECT_EQ(rig("\u4e8c\u5341\u5f203090").devices.size(), 20u) << "two tens";
  EXPECT_EQ(rig("\u4e00\u767e\u4e8c\u5341\u516b\u5f203090").devices.size(), 128u) << "one hundred, two tens and eight";
  EXPECT_EQ(rig("8\u5361H20").devices.size(), 8u);
  EXPECT_EQ(rig("mlu370-x8").devices.size(), rig("1xmlu370-x8").devices.size()) << "a name that looks like a count";
  EXPECT_EQ(error("1000x3090"), "rig:1:1: a count of 1000: a group has 1 to 999 devices (nearest: 999x3090)");
  EXPECT_EQ(error("2x3090x2"), "rig:1:3: two counts of one device: 2 and 2");
  EXPECT_EQ(error("rtx 3091"), "rig:1:1: no device is called 'rtx 3091' (nearest: rtx-3090)");
}

TEST(Rig, HowACardIsSoldSaysNothingOfIt) {
  struct Case { const char *sold, *plain; };
  for (const Case& each : {Case{"\u4e8c\u624b3090", "3090"}, {"\u4e24\u5f20\u4e8c\u624b3090", "2x3090"}, {"2x used 3090", "2x3090"}, {"4090 48G \u9b54\u6539", "4090-48g"}, {"modded 2080ti-22g", "2080ti-22g"},
                          {"\u9b54\u65394090", "4090-48g"}, {"2x modded 2080 ti", "2x2080ti-22g"}, {"4090 24g \u9b54\u6539", "4090"}, {"\u9b54\u65393090", "3090"}}) {
    const Rig sold = rig(each.sold), plain = rig(each.plain);
    ASSERT_FALSE(sold.devices.empty()) << each.sold;
    ASSERT_EQ(sold.devices.size(), plain.devices.size()) << each.sold;
    EXPECT_EQ(sold.devices.front().device.key, plain.devices.front().device.key) << each.sold;
  }
  EXPECT_FALSE(parse_rig(catalog(), "used"));
}

TEST(Rig, OneNameOfADeviceIsReadAsASpecReadsIt) {
  for (const char* name : {"3090", "2x3090", "3090 x2", "\u53cc3090", "rtx 3090 24gb"}) EXPECT_EQ(device_named(catalog(), name)->key, "rtx-3090") << name;
  EXPECT_EQ(device_named(catalog(), "4060ti; 16g")->key, "rtx-4060-ti-16gb");
  EXPECT_EQ(device_named(catalog(), "2x4060ti@memory=8g")->key, "rtx-4060-ti-8gb");
  EXPECT_EQ(device_named(catalog(), "gb200 nvl72")->key, "gb200");
  EXPECT_EQ(to_text(device_named(catalog(), "rtx 3091").error()), to_text(catalog().device("rtx 3091").error()));
  EXPECT_FALSE(device_named(catalog(), "3090 + 4090")) << "two of them are no name";
}

TEST(Rig, NamesOfSeveralChipsListThemAll) {
  for (const char* name : {"910b", "\u6607\u817e910b"})
    EXPECT_EQ(error(name), "rig:1:1: '" + std::string(name) + "' may be any of ascend-910b1, ascend-910b2, ascend-910b3, ascend-910b4: name one of them (nearest: ascend-910b1)");
  EXPECT_EQ(rig("arc b60 48g").devices.front().device.key, "arc-pro-b60-dual-48gb");
}

// What is soldered or printed on the box comes in the sizes that are sold.
TEST(Rig, SizesThatNobodySellsAreRefused) {
  EXPECT_EQ(error("m3-ultra-511g"), "rig:1:1: Apple M3 Ultra is sold with 96, 256, 512 GiB, not with 511 (nearest: apple-m3-ultra-512g)");
  EXPECT_NE(error("m4-max-127g").find("not with 127 (nearest: apple-m4-max-40-128g)"), std::string::npos) << error("m4-max-127g");
  EXPECT_NE(error("ryzen-ai-max-395-100g").find("is sold with 32, 64, 96, 128 GiB"), std::string::npos) << error("ryzen-ai-max-395-100g");
  EXPECT_NE(error("4060ti-15g").find("no 4060ti has 15.00 GiB: it is sold with 8, 16 GiB (nearest: rtx-4060-ti-16gb)"), std::string::npos) << error("4060ti-15g");
  for (const char* sold : {"m3-ultra-512g", "m4-max-128g", "m4-max-36g", "ryzen-ai-max-395-96g", "4060ti-16g", "3090 24g", "h200 141gb", "h20-96g", "b200-192gb"}) EXPECT_FALSE(rig(sold).devices.empty()) << sold;
}

TEST(Rig, ContradictionsAreRefused) {
  EXPECT_EQ(error("3090; host=2xddr5-5600:64g host=epyc-7532"), "rig:1:33: host= is said twice and differently: separate machines by '|'");
  EXPECT_EQ(error("2x3090; nvlink no-nvlink"), "rig:1:16: 'nvlink' and 'no-nvlink' contradict each other");
  EXPECT_EQ(error("3090@pcie=3x16,pcie=4x8"), "rig:1:21: pcie= is said twice and differently");
  EXPECT_EQ(error("3090; host=2xddr5-5600:512tb"), "rig:1:24: host: '512tb' is more memory than any machine has (nearest: 64t)");
  EXPECT_EQ(error("3090@5000w"), "rig:1:6: GeForce RTX 3090 draws 350 W: no card of its kind takes 5000 W (nearest: 350w)");
  EXPECT_EQ(error("3090@10w"), "rig:1:6: GeForce RTX 3090 draws 350 W: no card of its kind can be held to 10 W (nearest: 88w)");
  EXPECT_EQ(rig("3090@100w").devices[0].power_limit, Watts(100)) << "what nvidia-smi takes";
}

TEST(Rig, OptionsBehindTheDevicesAreForAllOfThem) {
  for (const char* spec : {"3090+4090 200w", "3090+4090; 200w", "3090+4090 power=200w", "3090+4090; host=epyc-7532 200w"})
    for (const RigDevice& device : rig(spec).devices) EXPECT_EQ(device.power_limit, Watts(200)) << spec;
  EXPECT_EQ(rig("3090@250w; 200w").devices[0].power_limit, Watts(250)) << "its own goes first";
  EXPECT_EQ(rig("2xp40 windows").hosts[0].os, Os::windows);
  EXPECT_EQ(rig("2xp40; host=epyc-7532 windows").hosts[0].os, Os::windows);
  EXPECT_EQ(rig("2x4060ti; 16g").devices[1].device.key, "rtx-4060-ti-16gb");
  EXPECT_EQ(rig("2x4060ti; memory=8g").devices[1].device.key, "rtx-4060-ti-8gb");
  EXPECT_EQ(rig("2x4060ti 16g").devices[1].device.key, "rtx-4060-ti-16gb");
}

TEST(Rig, MachinesOfManyAreNotTakenForOne) {
  EXPECT_EQ(rig("gb200 nvl72").devices.size(), 72u);
  EXPECT_EQ(rig("GB300-NVL72").devices.size(), 72u);
  EXPECT_EQ(rig("h100 nvl").devices.size(), 1u) << "a card";
  EXPECT_EQ(error("DGX H100"), "rig:1:1: 'DGX H100' is a machine of eight: say 8xh100-sxm-80gb (nearest: 8xh100-sxm-80gb)");
  EXPECT_EQ(error("hgx b200"), "rig:1:1: 'hgx b200' is a machine of eight: say 8xb200 (nearest: 8xb200)");
  EXPECT_EQ(error("4090 48g, 512g ddr4"), "rig:1:1: '512g ddr4' is memory of the host: say host=8xddr4-3200:512g (nearest: host=8xddr4-3200:512g)");
  EXPECT_EQ(error("3090 48g 512g ddr4").find("memory of the host"), std::string::npos) << "two sizes: whose is which is not known";
  EXPECT_EQ(error("3090, ddr5 64g"), "rig:1:1: 'ddr5 64g' is memory of the host: say host=2xddr5-5600:64g (nearest: host=2xddr5-5600:64g)");
  EXPECT_EQ(error("7950x 128g"), "rig:1:1: '7950x 128g' is a processor: say host=ryzen-9-7950x:128g (nearest: host=ryzen-9-7950x:128g)");
  EXPECT_EQ(rig("framework desktop 128g").devices.front().device.key, "ryzen-ai-max-395");
}

// The middle one of three is left out: the third is the second now, and its link to its host goes with it.
TEST(Rig, APartOfItsDevices) {
  const Rig whole = rig("3090+7900-xtx+4090");
  const Rig part = only(whole, [](const RigDevice& device) { return device.index != 1; });
  ASSERT_EQ(part.devices.size(), 2u);
  EXPECT_EQ(part.devices[1].device.key, whole.devices[2].device.key);
  EXPECT_EQ(part.devices[1].index, 1);
  EXPECT_EQ(part.idle, std::vector<std::string>{whole.devices[1].device.name});
  EXPECT_EQ(path_between(part, -1, 1).bandwidth, path_between(whole, -1, 2).bandwidth);
  EXPECT_EQ(path_between(part, 0, 1).bandwidth, path_between(whole, 0, 2).bandwidth);
}

TEST(Rig, SpecsAreRewrittenInTheirOwnWords) {
  EXPECT_EQ(with_cards(rig("2x3090; host=epyc-7532:8xddr4-3200:512g"), 3), "3x3090; host=epyc-7532:8xddr4-3200:512g");
  EXPECT_EQ(with_cards(rig("3090@250w"), 2), "2x3090@250w");
  EXPECT_EQ(with_cards(rig("3090+4090"), 3), "2x3090+4090") << "one more of the first kind";
  EXPECT_EQ(with_cards(rig("2x3060+4060ti-16g; host=epyc-7532:8xddr4-3200:256g"), 7), "6x3060+4060ti-16g; host=epyc-7532:8xddr4-3200:256g");
  EXPECT_EQ(with_cards(rig("2x3090 nvlink"), 3), "3x3090 nvlink-pairs") << "a bridge joins two";
  EXPECT_EQ(with_cards(rig("2x3090 nvlink pcie=4x8"), 4), "4x3090 nvlink-pairs pcie=4x8");
  EXPECT_EQ(with_cards(rig("4xh100-sxm-80gb nvlink"), 8), "8xh100-sxm-80gb nvlink") << "a switch joins all";
  EXPECT_FALSE(with_cards(rig("3090 | 4090; net=10gbe"), 3));
  EXPECT_EQ(with_memory(rig("4090; host=ryzen-9-7950x:64g"), Bytes(128 * kGiB)), "4090; host=ryzen-9-7950x:128g");
  EXPECT_EQ(with_memory(rig("4090; host=epyc-7532:8xddr4-3200:64g windows"), Bytes(256 * kGiB)), "4090; host=epyc-7532:8xddr4-3200:256g windows");
  EXPECT_EQ(with_memory(rig("3090+4090"), Bytes(128 * kGiB)), "3090+4090; host=2xddr5-5600:128g") << "the host that is assumed, with more memory";
  EXPECT_EQ(with_host("2x3090; host=ryzen-9-7950x:64g", "8xddr4-3200:512g"), "2x3090; host=8xddr4-3200:512g");
  EXPECT_FALSE(with_host("3090 | 4090", "8xddr4-3200:512g"));
  EXPECT_FALSE(with_host("here", "8xddr4-3200:512g"));
  EXPECT_EQ(with_nodes(rig("8xh20"), 2), "8xh20; nodes=2");
  EXPECT_EQ(with_nodes(rig("8xh20; nodes=2; net=25gbe"), 4), "8xh20; nodes=4; net=25gbe");
  // What is written is read as the same machine.
  for (const char* spec : {"3090", "4xmi50-32g", "8xh20"}) {
    const Rig before = rig(spec);
    const auto words = with_host(spec, host_words(before.hosts.front(), before.hosts.front().memory));
    ASSERT_TRUE(words) << spec;
    const Rig after = rig(words->c_str());
    EXPECT_EQ(after.hosts.front().memory, before.hosts.front().memory) << *words;
    EXPECT_EQ(after.hosts.front().bandwidth, before.hosts.front().bandwidth) << *words;
    EXPECT_EQ(after.hosts.front().cores, before.hosts.front().cores) << *words;
  }
}

}  // namespace
}  // namespace rigcast::rig
