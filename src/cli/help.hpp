#pragma once
// Help texts and shell completions, made from the tables of the verbs.

#include <string>
#include <vector>

#include "cli/verb.hpp"
#include "report/language.hpp"

namespace rigcast::cli {

std::string general_help(const std::vector<Verb>& verbs, const report::Language& language, int width);
std::string verb_help(const Verb& verb, const report::Language& language, int width);

enum class Shell { bash, zsh, fish };
std::string completion_script(const std::vector<Verb>& verbs, Shell shell);

}  // namespace rigcast::cli
