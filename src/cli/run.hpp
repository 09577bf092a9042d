#pragma once
// Words in, one verb, an answer out.

#include <string>
#include <vector>

namespace rigcast::cli {

// Runs what the words after the program's name ask for and prints the answer. Returns the exit code: 0 fits, 1 does not fit, 2 bad input.
int run(std::vector<std::string> words);

}  // namespace rigcast::cli
