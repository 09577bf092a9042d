#pragma once
// From the words of a command line to Arguments, by the tables of a Verb.

#include <string>
#include <vector>

#include "cli/verb.hpp"

namespace rigcast::cli {

// `words` after the verb's name. Errors (input, not_found) name the option and the nearest valid one. With --help nothing is required.
Result<Arguments> parse_arguments(const Verb& verb, const std::vector<std::string>& words);

}  // namespace rigcast::cli
