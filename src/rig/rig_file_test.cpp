// Rigs in files, and those that the documentation shows.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "rig/test_case.hpp"
#include "scratch.hpp"

namespace rigcast::rig {
namespace {

using test::catalog;
using test::error;
using test::rig;

std::string text_of(const char* path) {
  std::ifstream in(std::filesystem::path(RIGCAST_SOURCE_DIR) / path);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

TEST(Documentation, EveryExampleOfTheGrammarIsARig) {
  const std::string page = text_of("docs/rig-spec.md");
  int examples = 0;
  for (const std::string_view line : split(page, '\n')) {
    if (line == "## Grammar") break;
    if (!line.starts_with("| `")) continue;
    const std::string_view cell = line.substr(2, line.find(" | ", 2) - 2);
    const auto pieces = split(cell, '`');
    for (std::size_t i = 1; i < pieces.size(); i += 2, ++examples) {
      const std::string spec = replace_all(std::string(pieces[i]), "\\|", "|");
      const auto parsed = parse_rig(catalog(), spec);
      EXPECT_TRUE(parsed) << spec << ": " << to_text(parsed.error());
    }
  }
  EXPECT_GE(examples, 11);
}

TEST(Documentation, TheCardOfTheContributingGuideWorks) {
  const std::string guide = text_of("CONTRIBUTING.md");
  const std::size_t begin = guide.find("[[device]]", guide.find("```toml")), end = guide.find("```", begin);
  ASSERT_NE(begin, std::string::npos);
  const std::filesystem::path folder = rigcast::test::scratch_folder() / "contributing";
  std::filesystem::create_directories(folder / "devices");
  std::ofstream(folder / "devices/mine.toml") << guide.substr(begin, end - begin);
  const auto with = catalog::Catalog::load({folder});
  ASSERT_TRUE(with) << to_text(with.error());
  const auto two = parse_rig(*with, "2xmy-card");
  ASSERT_TRUE(two) << to_text(two.error());
  EXPECT_EQ(two->devices[1].memory, Bytes(16 * kGiB));
  std::filesystem::remove_all(folder);
}

class RigFile : public ::testing::Test {
 protected:
  void write(const char* text) { std::ofstream(path_) << text; }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ = (rigcast::test::scratch_folder() / "rig_test_file.toml").string();
};

TEST_F(RigFile, SaysWhatASpecSays) {
  write(R"(net = "25gbe"
[[host]]
host = "epyc-7532:8xddr4-3200:512g"
os = "linux"
nvlink-pairs = true
[[host.device]]
name = "rtx-3090"
count = 4
power = "250w"
pcie = "4x16"
[[host]]
[[host.device]]
name = "rtx-4090"
)");
  const Rig rig_of_file = rig(path_.c_str());
  ASSERT_EQ(rig_of_file.devices.size(), 5u);
  EXPECT_EQ(rig_of_file.devices[0].power_limit, Watts(250));
  EXPECT_EQ(path_between(rig_of_file, 0, 1).name, "NVLink 3");
  EXPECT_EQ(path_between(rig_of_file, -1, -2).name, "25 Gbit/s Ethernet");
}

TEST_F(RigFile, FaultsHaveTheirPlace) {
  write("[[host]]\n[[host.device]]\nname = \"rtx-3900\"\n");
  EXPECT_EQ(error(path_.c_str()), path_ + ":3:8: no device is called 'rtx-3900' (nearest: rtx-3090)");
  write("[[host]]\nhots = \"epyc-7532\"\n");
  EXPECT_EQ(error(path_.c_str()), path_ + ":2:1: unknown key 'host.hots' (nearest: host)");
}

TEST_F(RigFile, NothingIsDroppedSilently) {
  write("[[host]]\n[[host.device]]\nname = \"rtx-3090\"\nreserved = 2.5\n");
  EXPECT_EQ(error(path_.c_str()), path_ + ":4:12: reserved: '2.5' is not a memory size (512m, 24g, 1.5t)");
  write("[[host]]\nos = [\"linux\"]\n[[host.device]]\nname = \"rtx-3090\"\n");
  EXPECT_EQ(error(path_.c_str()), path_ + ":2:6: host.os: must be a text, a number, true or false");
  write("[[host]]\nnet = \"25gbe\"\n[[host.device]]\nname = \"rtx-3090\"\n");
  EXPECT_TRUE(error(path_.c_str()).starts_with(path_ + ":2:1: unknown key 'host.net'")) << error(path_.c_str());
}

}  // namespace
}  // namespace rigcast::rig
