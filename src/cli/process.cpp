#include "cli/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "base/text.hpp"

namespace rigcast::cli {

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    const std::string file = std::string(folder.empty() ? "." : folder) + '/' + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

Result<std::string> run_program(const std::vector<std::string>& words, Seconds limit, FunctionRef<bool(std::string_view)> enough) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return fail(ErrorKind::input, "no pipe to " + words.front(), Where{"--verify"}, "verify");
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, 0), ::dup2(pipe[1], 1), ::dup2(pipe[1], 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  if (child < 0) {
    ::close(pipe[0]);
    return fail(ErrorKind::input, "cannot start " + words.front(), Where{"--verify"}, "verify");
  }
  std::string printed;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit.value());
  for (std::array<char, 65536> buffer{};;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd waiting{pipe[0], POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) break;
    const ssize_t count = ::read(pipe[0], buffer.data(), buffer.size());
    if (count <= 0) break;
    printed.append(buffer.data(), static_cast<std::size_t>(count));
    if (enough(printed)) break;
  }
  ::close(pipe[0]);
  ::kill(-child, SIGKILL);   // it and what it started; gone already where it ended by itself
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && printed.empty()) return fail(ErrorKind::input, "cannot start " + words.front(), Where{"--verify"}, "verify");
  return printed;
}

}  // namespace rigcast::cli
