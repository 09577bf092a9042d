// Packs a data folder after checking it: pack_data DATA-FOLDER OUTPUT. Without OUTPUT it only checks.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "catalog/embedded.hpp"
#include "catalog/pack.hpp"

namespace fs = std::filesystem;

// The tool makes the pack and so has none. Sanitizer builds ask for one all the same: there the linker keeps functions nobody calls.
std::string_view rigcast::catalog::embedded_pack() { return {}; }

namespace {

std::vector<rigcast::catalog::DataFile> read_files(const fs::path& folder) {
  std::vector<rigcast::catalog::DataFile> files;
  for (const fs::directory_entry& at : fs::recursive_directory_iterator(folder)) {
    const auto kind = at.path().extension();
    if (!at.is_regular_file() || (kind != ".toml" && kind != ".csv" && kind != ".po")) continue;
    std::ifstream in(at.path(), std::ios::binary);
    files.push_back({fs::relative(at.path(), folder).generic_string(),
                     std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>())});
  }
  return files;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: pack_data DATA-FOLDER [OUTPUT]\n"), 2;
  const auto pack = rigcast::catalog::build_pack(read_files(arguments[1]), (fs::path(arguments[1]) / "").string(), true);
  if (!pack) return std::fprintf(stderr, "%s\n", rigcast::to_text(pack.error()).c_str()), 1;
  if (count < 3) return 0;
  const fs::path output = arguments[2], temporary = output.string() + ".tmp";
  std::ofstream(temporary, std::ios::binary) << *pack;
  fs::rename(temporary, output);
  return 0;
}
