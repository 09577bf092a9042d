#include "bench/world.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "base/text.hpp"
#include "bench/process.hpp"

namespace rigcast::bench {
namespace {

constexpr std::size_t kLongestFile = 4u << 20;
constexpr double kPatience = 20;   // system_profiler and npu-smi take several seconds on a full machine

}  // namespace

World this_machine() {
  return {.root = "/", .run = [](const std::vector<std::string>& arguments) { return run_program(arguments, kPatience); }, .library = [](std::string_view name) { return std::string(name); }};
}

std::optional<std::string> read_text(const World& world, const std::filesystem::path& path) {
  std::ifstream file(world.root / path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 1 << 12> piece;
  while (file.read(piece.data(), piece.size()), file.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > kLongestFile) return std::nullopt;
  }
  if (file.bad()) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r')) text.pop_back();
  return text;
}

std::optional<long long> read_int(const World& world, const std::filesystem::path& path) {
  const auto text = read_text(world, path);
  if (!text) return std::nullopt;
  if (text->size() > 2 && text->size() <= 17 && text->starts_with("0x")) {
    char* end = nullptr;
    const long long value = std::strtoll(text->c_str(), &end, 16);
    return *end == '\0' ? std::optional(value) : std::nullopt;
  }
  return parse_int(*text);
}

std::vector<std::string> list_folder(const World& world, const std::filesystem::path& path) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(world.root / path, ignored), end; !ignored && at != end; at.increment(ignored))
    names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Result<Library> Library::open(const World& world, std::string_view name) {
  const std::string file = world.library ? world.library(name) : std::string();
  if (file.empty()) return fail(ErrorKind::system, std::string(name) + " is not installed");
  Library library;
  library.handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library.handle_) {
    const char* why = dlerror();
    return fail(ErrorKind::system, why ? std::string(why) : std::string(name) + " cannot be loaded");
  }
  return library;
}

void* Library::address(const char* symbol) const { return handle_ ? dlsym(handle_, symbol) : nullptr; }

}  // namespace rigcast::bench
