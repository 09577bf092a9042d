#include "cli/stubs.hpp"

#include <fstream>
#include <string>
#include <system_error>

namespace rigcast::cli {

Result<void> write_stubs(const std::filesystem::path& folder, const std::vector<bench::Stub>& stubs) {
  const auto refuse = [](const std::filesystem::path& file, const std::string& why) {
    return fail(ErrorKind::system, "cannot write " + file.string() + why, Where{"--stubs"}, "stubs");
  };
  for (const bench::Stub& stub : stubs) {
    const std::filesystem::path file = folder / stub.file_name;
    std::error_code failed;
    std::filesystem::create_directories(file.parent_path(), failed);
    if (failed) return refuse(file, ": " + failed.message());
    const bool there = std::filesystem::exists(file, failed);
    if (failed) return refuse(file, ": " + failed.message());
    if (there) continue;
    std::ofstream out(file, std::ios::binary);
    out << stub.text;
    if (!out.flush()) return refuse(file, "");
  }
  return {};
}

}  // namespace rigcast::cli
