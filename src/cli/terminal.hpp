#pragma once
// What the program may know of the terminal and the environment it was started in; asked once, in main.

#include <filesystem>
#include <string>
#include <vector>

#include "report/text.hpp"

namespace rigcast::cli {

struct Terminal {
  report::TextStyle out, error;            // width, colour and characters for either stream
  std::string language = "en";             // by LC_ALL, LC_MESSAGES, LANG
  std::filesystem::path user_home;         // the user's folder for this program, there or not; empty without a home
  std::filesystem::path user_data;         // the user's own facts; empty where there is no such folder
};

Terminal ask_terminal();

}  // namespace rigcast::cli
