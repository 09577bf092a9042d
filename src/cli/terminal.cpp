#include "cli/terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

#include "base/text.hpp"

namespace rigcast::cli {
namespace {

constexpr int kUsualWidth = 80, kLeastWidth = 60, kMostWidth = 120;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int width_of(int stream) {
  winsize size{};
  if (::isatty(stream) == 0 || ::ioctl(stream, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualWidth;
  return std::clamp(int{size.ws_col}, kLeastWidth, kMostWidth);
}

bool colour_on(int stream) { return ::isatty(stream) != 0 && variable("NO_COLOR").empty() && variable("TERM") != "dumb"; }

std::string locale_name() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (std::string value = variable(name); !value.empty()) return to_lower(value);
  return "";
}

std::filesystem::path user_folder() {
  std::filesystem::path folder = variable("XDG_CONFIG_HOME");
  if (folder.empty()) {
    const std::string home = variable("HOME");
    if (home.empty()) return {};
    folder = std::filesystem::path(home) / ".config";
  }
  return folder / "rigcast";
}

}  // namespace

Terminal ask_terminal() {
  const std::string locale = locale_name();
  // A terminal whose locale is plainly not UTF-8 gets plain characters; a pipe or an unset locale gets UTF-8.
  const bool unicode = locale.empty() || locale == "c" || locale == "posix" || locale.find("utf") != std::string::npos || ::isatty(STDOUT_FILENO) == 0;
  Terminal terminal;
  terminal.out = {width_of(STDOUT_FILENO), colour_on(STDOUT_FILENO), unicode};
  terminal.error = {width_of(STDERR_FILENO), colour_on(STDERR_FILENO), unicode};
  terminal.language = locale.starts_with("zh") ? "zh" : "en";
  terminal.user_home = user_folder();
  std::error_code ignored;
  if (std::filesystem::is_directory(terminal.user_home, ignored)) terminal.user_data = terminal.user_home;
  return terminal;
}

}  // namespace rigcast::cli
