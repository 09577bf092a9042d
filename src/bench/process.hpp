#pragma once
// Running another program to ask it something.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rigcast::bench {

// How a program is run and when that is over.
struct Patience {
  double seconds = 20;              // a program that runs for longer is killed
  bool errors = false;              // what it prints as errors is gathered, too
  bool own_group = false;           // what it started is killed with it; Ctrl-C then reaches neither
  std::function<bool(std::string_view printed)> enough = {};   // says that what was printed so far will do; the program is then killed
};

// What a program printed, and how it ended.
struct Printed {
  std::string text;                 // at most 4 MiB of it
  bool in_time = true;              // it ended by itself, or there was enough
  int status = 0;                   // as waitpid() gives it
};

// The program of this name on PATH, or empty. A name with a slash is taken as it is, where it can be run.
std::string find_program(const std::string& name);

// Runs `words` (no shell, found on PATH) with nothing on its input. system: it is not installed, or cannot be started.
Result<Printed> run(const std::vector<std::string>& words, const Patience& patience);

// The standard output of a program that ended well within `seconds`. system: as run(), took too long, or how else it ended.
Result<std::string> run_program(const std::vector<std::string>& words, double seconds);

}  // namespace rigcast::bench
