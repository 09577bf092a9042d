#include "cli/stubs.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "scratch.hpp"

namespace rigcast::cli {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Stubs, AreWrittenOnceAndNeverOverSomebodysWork) {
  const fs::path folder = test::scratch_folder() / "stubs";
  const std::vector<bench::Stub> stubs{{.key = "x1", .file_name = "devices/x1.toml", .text = "new"}, {.key = "x2", .file_name = "devices/x2.toml", .text = "new"}};
  fs::create_directories(folder / "devices");
  std::ofstream(folder / "devices/x1.toml") << "mine";
  const auto written = write_stubs(folder, stubs);
  ASSERT_TRUE(written) << to_text(written.error());
  EXPECT_EQ(text_of(folder / "devices/x1.toml"), "mine");
  EXPECT_EQ(text_of(folder / "devices/x2.toml"), "new");
  fs::remove_all(folder);
}

TEST(Stubs, AFolderThatCannotBeIsAnErrorAndNoCrash) {
  const fs::path file = test::scratch_folder() / "file";
  std::ofstream(file) << "no folder";
  const std::vector<bench::Stub> stub{{.key = "x", .file_name = "x.toml", .text = "new"}};
  const std::vector<bench::Stub> endless{{.key = "x", .file_name = std::string(5000, 'x'), .text = "new"}};   // nobody can even ask whether it exists
  for (const auto& [folder, what] : {std::pair(file, stub), {test::scratch_folder(), endless}}) {
    const auto written = write_stubs(folder, what);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::system);
    EXPECT_EQ(written.error().field, "stubs");
  }
}

}  // namespace
}  // namespace rigcast::cli
