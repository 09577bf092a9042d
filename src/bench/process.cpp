#include "bench/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "base/text.hpp"

extern char** environ;

namespace rigcast::bench {
namespace {

constexpr std::size_t kLongestText = 4u << 20;

// What the program is to find when it starts; gives errno's number. Its group is made before it runs, so that nobody can miss it.
int spawn(const std::vector<std::string>& words, const Patience& patience, int out, pid_t& child) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  if (patience.errors) posix_spawn_file_actions_adddup2(&actions, out, 2);
  else posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, patience.own_group ? POSIX_SPAWN_SETPGROUP : 0);
  const int failed = posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

// Reads until the writer closes, there is enough, or patience ends; false: patience ended.
bool drain(int descriptor, const Patience& patience, std::string& text) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(patience.seconds * 1e3));
  std::array<char, 1 << 16> piece;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd waiting{descriptor, POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (text.size() < kLongestText) text.append(piece.data(), static_cast<std::size_t>(got));
    if (patience.enough && patience.enough(text)) return true;
  }
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    const std::string file = std::string(folder.empty() ? "." : folder) + '/' + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

Result<Printed> run(const std::vector<std::string>& words, const Patience& patience) {
  const std::string& name = words.front();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorKind::system, "cannot make a pipe for " + name);
  pid_t child = 0;
  const int failed = spawn(words, patience, ends[1], child);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return fail(ErrorKind::system, name + (failed == ENOENT ? std::string(" is not installed") : std::string(" cannot be started: ") + std::strerror(failed)));
  }
  Printed printed;
  printed.in_time = drain(ends[0], patience, printed.text);
  ::close(ends[0]);
  // Gone already where it ended by itself; what it started may not be.
  if (patience.own_group) ::kill(-child, SIGKILL);
  else if (!printed.in_time || patience.enough) ::kill(child, SIGKILL);
  while (::waitpid(child, &printed.status, 0) < 0 && errno == EINTR) {}
  return printed;
}

Result<std::string> run_program(const std::vector<std::string>& words, double seconds) {
  const std::string& name = words.front();
  RC_ASSIGN(printed, run(words, {.seconds = seconds}));
  if (!printed.in_time) return fail(ErrorKind::system, name + " did not answer within " + format_number(seconds, 0) + " s");
  if (!WIFEXITED(printed.status) || WEXITSTATUS(printed.status) != 0) {
    const std::string how = WIFEXITED(printed.status) ? "exit code " + std::to_string(WEXITSTATUS(printed.status)) : "a signal";
    return fail(ErrorKind::system, name + " ended with " + how);
  }
  return std::move(printed.text);
}

}  // namespace rigcast::bench
