#pragma once
// A folder of this process alone, removed when it ends: the same test may run beside itself (sanitized, in another clone).

#include <unistd.h>

#include <filesystem>
#include <string>

namespace rigcast::test {

inline const std::filesystem::path& scratch_folder() {
  struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("rigcast-test-" + std::to_string(::getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  static const Folder folder;
  return folder.path;
}

}  // namespace rigcast::test
