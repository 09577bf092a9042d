#include "catalog/catalog.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/units.hpp"
#include "scratch.hpp"

namespace rigcast::catalog {
namespace {

const Catalog& catalog() {
  static const Catalog loaded = *Catalog::load();
  return loaded;
}

std::string error_of(const auto& result) { return result ? "no error" : to_text(result.error()); }

TEST(Catalog, A3090IsKnownByItsNames) {
  for (const char* name : {"rtx-3090", "3090", "RTX 3090", "NVIDIA GeForce RTX 3090", "geforce_rtx_3090", "3090-24g", "RTX 3090 24GB"}) {
    const auto device = catalog().device(name);
    ASSERT_TRUE(device) << name << ": " << error_of(device);
    EXPECT_EQ(device->key, "rtx-3090") << name;
  }
  const auto device = catalog().device("3090");
  EXPECT_EQ(device->memory.value, Bytes(24 * kGiB));
  EXPECT_EQ(device->bandwidth->value, Bandwidth(936e9));    // 384 bit x 19.5 Gbit/s / 8
  EXPECT_EQ(device->rates.at("fp16").value, FlopRate(71.2e12));  // FP32 accumulate, dense
  EXPECT_EQ(device->architecture, "ampere");
  EXPECT_FALSE(device->bandwidth->source.text.empty());
  EXPECT_FALSE(device->bandwidth->source.date.empty());
}

TEST(Catalog, EveryDeviceLoadsAndKnowsWhereItStands) {
  const auto entries = catalog().entries(Kind::device);
  EXPECT_GE(entries.size(), 318u);  // 353 rows of facts less 35 host memories
  for (const Entry& entry : entries) {
    const auto device = catalog().device(entry.key);
    ASSERT_TRUE(device) << entry.key << ": " << error_of(device);
    EXPECT_EQ(device->key, entry.key);
    std::ifstream file(std::filesystem::path(RIGCAST_SOURCE_DIR) / device->file);
    std::string line;
    for (int i = 0; i < device->line; ++i) std::getline(file, line);
    EXPECT_EQ(line, "[[device]]") << device->file << ":" << device->line;
  }
}

TEST(Catalog, CardsOfTwoChipsAreGivenPerChip) {
  const auto duo = catalog().device("Atlas 300I Duo 96GB");
  ASSERT_TRUE(duo) << error_of(duo);
  EXPECT_EQ(duo->chips, 2);
  EXPECT_EQ(duo->memory.value, Bytes(48 * kGiB));
  EXPECT_EQ(card_memory(*duo), Bytes(96 * kGiB));
  EXPECT_EQ(duo->bandwidth->value, Bandwidth(204e9));
  EXPECT_EQ(duo->rates.at("fp16").value, FlopRate(70e12));
}

TEST(Catalog, MemoryDecidesBetweenCardsThatPrintOneName) {
  const auto unclear = catalog().device("NVIDIA GeForce RTX 4090");
  ASSERT_FALSE(unclear);
  EXPECT_EQ(to_text(unclear.error()),
            "'NVIDIA GeForce RTX 4090' may be any of rtx-4090, rtx-4090-48gb: name one of them (nearest: rtx-4090)");
  // What the driver prints for the modified card: 49140 MiB.
  EXPECT_EQ(catalog().device("NVIDIA GeForce RTX 4090", Bytes(49140 * kMiB))->key, "rtx-4090-48gb");
  EXPECT_EQ(catalog().device("NVIDIA GeForce RTX 4090", Bytes(24564 * kMiB))->key, "rtx-4090");
  EXPECT_EQ(catalog().device("mi50-16g")->key, "mi50-16gb");
  EXPECT_EQ(catalog().device("300I Duo", Bytes(48 * kGiB))->key, "atlas-300i-duo-48gb");
  EXPECT_EQ(catalog().device("NVIDIA H100")->key, "h100-sxm-80gb");
  EXPECT_FALSE(catalog().device("RTX 3090 48GB"));  // no such card
}

TEST(Catalog, NamesAsPeopleTypeThem) {
  const std::pair<const char*, const char*> spellings[] = {
      {"h20-141g", "h20-141gb"}, {"910b-64g", "ascend-910b2"}, {"910b-32g", "ascend-910b4"}, {"strix halo", "ryzen-ai-max-395"}, {"AI Max+ 395", "ryzen-ai-max-395"},
      {"w7900", "radeon-pro-w7900"}, {"b60", "arc-pro-b60"}, {"s80", "mtt-s80"}, {"摩尔线程S80", "mtt-s80"}, {"沐曦C500", "metax-c500"}, {"海光 K100 AI", "hygon-k100-ai"},
      {"昆仑芯P800", "kunlun-p800"}, {"bi-v100", "iluvatar-bi-v100"}, {"p100", "tesla-p100-pcie-16gb"}, {"4080s", "rtx-4080-super"},
      {"RTX PRO 6000 Blackwell Workstation", "rtx-pro-6000-bw-ws"}, {"昇腾910B3", "ascend-910b3"}};
  for (const auto& [name, key] : spellings) {
    const auto device = catalog().device(name);
    ASSERT_TRUE(device) << name << ": " << to_text(device.error());
    EXPECT_EQ(device->key, key) << name;
  }
}

TEST(Catalog, UnknownNamesSuggestTheNearest) {
  EXPECT_EQ(error_of(catalog().device("rtx-3900")), "no device is called 'rtx-3900' (nearest: rtx-3090)");
  EXPECT_EQ(catalog().device("rtx-3900").error().kind, ErrorKind::not_found);
}

TEST(Catalog, DataFilesAreFoundByPath) {
  EXPECT_TRUE(catalog().file("devices/apple.toml"));
  EXPECT_EQ(catalog().files("devices").front(), "devices/amd-apu.toml");
  EXPECT_EQ(error_of(catalog().file("devices/aple.toml")), "no data file 'devices/aple.toml' (nearest: devices/apple.toml)");
}

TEST(Catalog, ProcessorsByTheirPrintedNames) {
  for (const char* name : {"epyc-7532", "AMD EPYC 7532", "7532", "AMD EPYC 7532 32-Core Processor"}) {
    const auto processor = catalog().processor(name);
    ASSERT_TRUE(processor) << name << ": " << error_of(processor);
    EXPECT_EQ(processor->key, "epyc-7532");
    EXPECT_EQ(peak_bandwidth(*processor), Bandwidth(204.8e9));  // 8 channels x 8 B x 3200 MT/s
    EXPECT_EQ(processor->cores, 32);
  }
  for (const Entry& entry : catalog().entries(Kind::processor))
    EXPECT_TRUE(catalog().processor(entry.key)) << error_of(catalog().processor(entry.key));
}

TEST(Catalog, EveryFabricOfADeviceIsALink) {
  for (const Entry& entry : catalog().entries(Kind::link)) EXPECT_TRUE(catalog().link(entry.key)) << error_of(catalog().link(entry.key));
  for (const Entry& entry : catalog().entries(Kind::device)) {
    const auto device = catalog().device(entry.key);
    if (device->link.name.empty()) continue;
    EXPECT_TRUE(catalog().link(device->link.name)) << entry.key << ": " << device->link.name;
  }
  // 16 GT/s x 16 lanes x 128/130 / 8 x 0.83 = 26.1 GB/s
  EXPECT_NEAR(catalog().link("PCIe 4.0 x16")->bandwidth.value.value(), 26.1e9, 0.1e9);
}

TEST(Catalog, NumberFormatsByNameAndByGgmlType) {
  const auto q4_k = catalog().quant("q4_k");
  ASSERT_TRUE(q4_k) << error_of(q4_k);
  EXPECT_EQ(q4_k->block_elements, 256);
  EXPECT_EQ(q4_k->block_bytes, 144);  // two f16, 12 B of scales, 128 B of 4-bit weights
  ASSERT_NE(catalog().quant_of_ggml_type(12), nullptr);
  EXPECT_EQ(catalog().quant_of_ggml_type(12)->key, "q4_k");
  EXPECT_EQ(catalog().quant_of_ggml_type(4), nullptr);  // Q4_2 was removed from ggml
  EXPECT_EQ(catalog().quant_of_ggml_type(-1), nullptr);
  EXPECT_EQ(catalog().quant_of_ggml_type(100000), nullptr);
  for (const Entry& entry : catalog().entries(Kind::quant)) EXPECT_TRUE(catalog().quant(entry.key)) << error_of(catalog().quant(entry.key));
}

class Overlay : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = test::scratch_folder() / ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_ / "devices");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const char* text) { std::ofstream(folder_ / "devices" / "mine.toml") << text; }
  std::filesystem::path folder_;
};

constexpr const char* kMyCard = R"([[device]]
key = "my-card"
name = "My Card"
kind = "gpu"
vendor = "acme"
architecture = "road-runner"
confidence = "low"
source = "its box"
date = "2026-01"

[device.memory]
type = "GDDR6"
size = { value = "16 GiB", basis = "vendor" }
)";

TEST_F(Overlay, AddsAndReplaces) {
  write((std::string(kMyCard) + R"(
[[device]]
key = "rtx-3090"
name = "GeForce RTX 3090 of mine"
kind = "gpu"
vendor = "nvidia"
architecture = "ampere"
confidence = "low"
source = "measured here"
date = "2026-01"
basis = "measured"
[device.memory]
type = "GDDR6X"
size = "24 GiB"
)").c_str());
  const auto with = Catalog::load({folder_});
  ASSERT_TRUE(with) << error_of(with);
  EXPECT_EQ(with->device("my-card")->vendor, "acme");
  EXPECT_EQ(with->device("rtx 3090")->name, "GeForce RTX 3090 of mine");
  EXPECT_EQ(with->entries(Kind::device).size(), catalog().entries(Kind::device).size() + 1);
}

TEST_F(Overlay, AFaultHasItsPlace) {
  write((std::string(kMyCard) + "bandwith = \"448 GB/s\"\n").c_str());
  const auto with = Catalog::load({folder_});
  EXPECT_EQ(error_of(with), (folder_ / "devices/mine.toml:14:1: unknown key 'device.memory.bandwith' (nearest: bandwidth)").string());
}

}  // namespace
}  // namespace rigcast::catalog
