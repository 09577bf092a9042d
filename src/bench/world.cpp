#include "bench/world.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>

#include "base/text.hpp"

extern char** environ;

namespace rigcast::bench {
namespace {

constexpr std::size_t kLongestText = 4u << 20;
constexpr double kPatience = 20;   // system_profiler and npu-smi take several seconds on a full machine

// Reads until the writer closes or patience ends; false: it was not done in time.
bool drain(int descriptor, std::string& text, double patience) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(patience * 1e3));
  std::array<char, 1 << 14> piece;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd waiting{descriptor, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) return false;
    const ssize_t got = read(descriptor, piece.data(), piece.size());
    if (got <= 0) return true;
    if (text.size() < kLongestText) text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& arguments, double patience) {
  const std::string& name = arguments.front();
  std::vector<char*> words;
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorKind::system, "cannot make a pipe for " + name);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, name.c_str(), &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    return fail(ErrorKind::system, name + " is not installed");
  }
  std::string text;
  const bool in_time = drain(ends[0], text, patience);
  close(ends[0]);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (!in_time) return fail(ErrorKind::system, name + " did not answer within " + format_number(patience, 0) + " s");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string how = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status)) : "a signal";
    return fail(ErrorKind::system, name + " ended with " + how);
  }
  return text;
}

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
    if (text.size() > kLongestText) return std::nullopt;
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
