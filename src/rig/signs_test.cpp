// Rigs as people write them outside the grammar: the same machine, or one line that says what is meant.

#include <gtest/gtest.h>

#include "rig/rig.hpp"
#include "rig/spec.hpp"
#include "rig/test_case.hpp"

namespace rigcast::rig {
namespace {

using test::catalog;

// "2 rtx-3090 | rtx-4090": runs of devices, and the error where there is none.
std::string devices(const char* spec) {
  const auto rig = parse_rig(catalog(), spec);
  if (!rig) return to_text(rig.error());
  std::string out;
  for (std::size_t i = 0; i < rig->devices.size();) {
    std::size_t end = i;
    while (end < rig->devices.size() && rig->devices[end].device.key == rig->devices[i].device.key) ++end;
    out += (out.empty() ? "" : " | ") + std::to_string(end - i) + ' ' + rig->devices[i].device.key;
    i = end;
  }
  return out;
}

TEST(Signs, ACommaSeparates) {
  EXPECT_EQ(devices("2x3090,nvlink"), "2 rtx-3090");
  EXPECT_EQ(parse_rig(catalog(), "2x3090,nvlink")->links.size(), parse_rig(catalog(), "2x3090 nvlink")->links.size());
  EXPECT_EQ(devices("2x4090,nvlink"), "rig:1:8: GeForce RTX 4090 has no NVLink: its cards talk over PCIe (nearest: pcie=4x16)");
  // One machine with both, or two that are compared?
  EXPECT_EQ(devices("2x3090,4090"),
            "rig:1:7: a comma joins no devices: '+' does so in one machine, and machines that are compared have an --on each (nearest: 2x3090+4090)");
  const std::string wide = devices("3090、 4090-48g");
  EXPECT_TRUE(wide.starts_with("rig:1:5: a comma joins no devices") && wide.ends_with("(nearest: 3090+4090-48g)")) << wide;
  EXPECT_EQ(devices("4090, 48GB"), "1 rtx-4090-48gb");
  EXPECT_EQ(devices("2x3090, 64GB"), "rig:1:3: no GeForce RTX 3090 has 64.00 GiB: the host's memory is host=2xddr5-5600:64g (nearest: rtx-3090)");
  EXPECT_EQ(devices("2x3090, host=epyc-7532:8xddr4-3200:512g"), "2 rtx-3090");
  EXPECT_EQ(devices("host=5950x,64g,2x3090"), "2 rtx-3090");
  EXPECT_EQ(devices("2x3090@200w,pcie=4x8"), "2 rtx-3090");   // as the grammar has it
}

TEST(Signs, OthersForThoseOfTheGrammar) {
  EXPECT_EQ(devices("2x3090+nvlink"), "2 rtx-3090");
  EXPECT_EQ(devices("2 x 3090 with nvlink"), "2 rtx-3090");
  EXPECT_EQ(devices("2x3090 and 1x4090"), "2 rtx-3090 | 1 rtx-4090");
  EXPECT_EQ(devices("3090 & 4090"), "1 rtx-3090 | 1 rtx-4090");
  EXPECT_EQ(devices("2x3090；host=epyc-7532：512g"), "2 rtx-3090");
  EXPECT_EQ(devices("3090（24G）×2"), "2 rtx-3090");
  EXPECT_EQ(devices("3090(24g)x2"), "2 rtx-3090");
  for (const char* printed : {"host=AMD Ryzen 7 8845HS with Radeon 780M Graphics:64g", "host=AMD Ryzen 7 8845HS w/ Radeon 780M Graphics:64g"}) {   // a joining word in a name
    const auto rig = parse_rig(catalog(), printed);
    ASSERT_TRUE(rig) << to_text(rig.error());
    EXPECT_EQ(rig->hosts[0].name, "ryzen-7-8845hs");
  }
  for (const char* spec : {"2x3090 pcie 4x8", "2x3090 pcie4.0x8", "2x3090 pcie=4x8"})
    EXPECT_EQ(path_between(*parse_rig(catalog(), spec), 0, -1).name, "PCIe 4.0 x8") << spec;
  EXPECT_EQ(devices("3090 和 3060 12G"), "1 rtx-3090 | 1 rtx-3060-12gb");
  const std::string wide = "3090，4090；host=5950x";
  EXPECT_EQ(in_own_signs(wide).size(), wide.size()) << "places of errors hold";
}

TEST(Signs, CountsAroundANameAndBehindOptions) {
  for (const char* spec : {"x2 3090", "3090 2x", "dual 3090", "Dual RTX 3090 nvlink", "two 3090", "3090 nvlink x2"}) EXPECT_EQ(devices(spec), "2 rtx-3090") << spec;
  EXPECT_EQ(devices("quad mi50 32gb"), "4 mi50-32gb");
  EXPECT_EQ(devices("arc-pro-b60-dual-48gb"), "2 arc-pro-b60-dual-48gb") << "one board of two chips: a name is no count";
}

TEST(Signs, SizesWithoutUnitOrBeforeTheLastWord) {
  EXPECT_EQ(devices("m3ultra 512"), "1 apple-m3-ultra");
  EXPECT_EQ(parse_rig(catalog(), "m3ultra 512")->hosts[0].memory, Bytes(512 * kGiB));
  EXPECT_EQ(devices("m4max 128"), devices("m4-max-128g"));
  EXPECT_EQ(devices("V100 32G SXM2"), "1 v100-sxm2-32gb");
  EXPECT_EQ(devices("a100 40g pcie"), devices("a100-pcie-40gb"));
  EXPECT_EQ(devices("max+ 395"), "1 ryzen-ai-max-395");
}

TEST(Signs, MemoryBehindAProcessorsName) {
  const Rig desktop = *parse_rig(catalog(), "3090; host=5950x 64g");
  EXPECT_EQ(desktop.hosts[0].name, "ryzen-9-5950x");
  EXPECT_EQ(desktop.hosts[0].memory, Bytes(64 * kGiB));
  EXPECT_EQ(parse_rig(catalog(), "3090; host=5950x 2xddr4-3600 64g")->hosts[0].memory_mt_s, 3600);
  EXPECT_EQ(parse_rig(catalog(), "3090; host=Ryzen 7 5700G:32g")->hosts[0].cores, 8) << "a name that ends like a size";
  // A Raspberry Pi 5 has at most 16 GiB.
  EXPECT_EQ(devices("raspberry pi 5"), "rig:1:1: 'raspberry pi 5' is a processor: say host=raspberry-pi-5:16g (nearest: host=raspberry-pi-5)");
}

}  // namespace
}  // namespace rigcast::rig
