#pragma once
// Recorded machines: one text file holds a small file tree ("== path" starts a file, "-> path target" is a link, "## " a remark),
// unpacked into a temporary folder for the length of a test.

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

namespace rigcast::testing {

inline std::string read_recorded(const std::string& name) {
  std::ifstream file(std::string(RIGCAST_SOURCE_DIR) + "/tests/recorded/" + name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class RecordedTree {
 public:
  explicit RecordedTree(const std::string& name) {
    root_ = std::filesystem::temp_directory_path() / ("rigcast-" + std::to_string(std::random_device{}()));
    std::istringstream lines(read_recorded(name));
    std::ofstream file;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("## ")) continue;
      if (line.starts_with("== ")) {
        file.close();
        const auto path = root_ / line.substr(3);
        std::filesystem::create_directories(path.parent_path());
        file.open(path, std::ios::binary);
      } else if (line.starts_with("-> ")) {
        file.close();
        std::istringstream words(line.substr(3));
        std::string path, target;
        words >> path >> target;
        std::filesystem::create_directories((root_ / path).parent_path());
        std::filesystem::create_directory_symlink(target, root_ / path);
      } else {
        file << line << '\n';
      }
    }
  }
  ~RecordedTree() { std::error_code ignored; std::filesystem::remove_all(root_, ignored); }
  RecordedTree(const RecordedTree&) = delete;
  RecordedTree& operator=(const RecordedTree&) = delete;
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace rigcast::testing
