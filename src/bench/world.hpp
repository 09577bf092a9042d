#pragma once
// The World is how this room sees the machine: a file tree, programs it may run and libraries it may load. Tests give it a recorded
// tree, recorded program outputs and libraries made for the purpose.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rigcast::bench {

struct World {
  // "/" on a real machine; every path below is taken relative to it.
  std::filesystem::path root = "/";
  // Runs a program found on the path (no shell) and gives its standard output. Errors (system): not installed, exit code, took too long.
  std::function<Result<std::string>(const std::vector<std::string>& arguments)> run;
  // Where to load a library from: a name for the loader ("libcuda.so.1") or a path; empty: it may not be loaded at all.
  std::function<std::string(std::string_view library)> library;
};

World this_machine();

// The whole text of root/path without trailing white space; nothing when it does not exist, may not be read or is longer than 4 MiB.
std::optional<std::string> read_text(const World& world, const std::filesystem::path& path);
std::optional<long long> read_int(const World& world, const std::filesystem::path& path);   // decimal or 0x...
// Names in a folder, sorted; empty when there is no such folder.
std::vector<std::string> list_folder(const World& world, const std::filesystem::path& path);

// A library loaded at run time; unloaded never (drivers dislike it), so copies are free.
class Library {
 public:
  // Error (system): the loader's own sentence, with the name asked for.
  static Result<Library> open(const World& world, std::string_view name);

  // The address of `symbol`, nullptr when the library has none.
  template <class Function>
  Function* find(const char* symbol) const { return reinterpret_cast<Function*>(address(symbol)); }

 private:
  void* address(const char* symbol) const;
  void* handle_ = nullptr;
};

}  // namespace rigcast::bench
