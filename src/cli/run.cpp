#include "cli/run.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/text.hpp"
#include "cli/arguments.hpp"
#include "cli/help.hpp"
#include "cli/terminal.hpp"
#include "report/answers.hpp"
#include "report/html.hpp"
#include "report/json.hpp"
#include "report/markdown.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"

namespace rigcast::cli {
namespace {

void print(const std::string& text, std::FILE* stream) { std::fwrite(text.data(), 1, text.size(), stream); }

// Says in one line what was wrong; programs get the same as JSON on the usual stream.
int complain(const Error& error, bool json, const report::Language& language, const Terminal& terminal) {
  print(report::render_error(error, language, terminal.error) + '\n', stderr);
  if (json) print(report::render_json(report::fields(error), language), stdout);
  return static_cast<int>(ExitCode::bad_input);
}

// A language as people and locales write it: "zh_CN", "ZH" and "zh-Hans" are "zh".
std::string short_language(const std::string& name) { return to_lower(name.substr(0, name.find_first_of("-_."))); }

// --lang wins over the locale wherever it stands, even before the words are understood: they are made to say it short.
std::string language_name(std::vector<std::string>& words, const Terminal& terminal) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with("--lang=")) return (words[i] = "--lang=" + short_language(words[i].substr(7))).substr(7);
    if (words[i] == "--lang" && i + 1 < words.size()) return words[i + 1] = short_language(words[i + 1]);
  }
  return terminal.language;
}

// To a temporary beside it first: a file that was there stays whole until the new one is. What is there and no file (a pipe, a device) is
// written to as it is, never replaced.
Result<void> write_file(const std::string& file, const std::string& text, const char* option) {
  std::error_code ignored;
  const bool is_other = std::filesystem::exists(file, ignored) && !std::filesystem::is_regular_file(file, ignored);
  const std::string temporary = is_other ? file : file + ".part";
  std::FILE* out = std::fopen(temporary.c_str(), "wb");
  bool ok = out != nullptr && std::fwrite(text.data(), 1, text.size(), out) == text.size();
  if (out != nullptr) ok = std::fclose(out) == 0 && ok;
  if (ok && (is_other || std::rename(temporary.c_str(), file.c_str()) == 0)) return {};
  if (out != nullptr && !is_other) std::remove(temporary.c_str());
  return fail(ErrorKind::system, "cannot write " + file, Where{option}, option + 2);
}

// Whether all that was printed got where it should; says so where it did not.
int finish(int code, bool json, const report::Language& language, const Terminal& terminal) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return complain(Error{ErrorKind::system, "the answer could not be written to the standard output", Where{}, {}, {}}, json, language, terminal);
}

// The first word that is neither an option of every verb nor such an option's value: those may stand before the verb.
std::vector<std::string>::iterator first_word(std::vector<std::string>& words) {
  const auto options = global_options();
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (!word->starts_with("-")) return word;
    const bool takes_next = std::any_of(options.begin(), options.end(), [&](const Option& one) { return !one.value.empty() && *word == one.long_name; });
    if (takes_next && word + 1 != words.end()) ++word;
  }
  return words.end();
}

Error unknown_verb(const std::string& word, const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.name);
  const std::string what = word.starts_with("-") ? "unknown option '" : "unknown verb '";
  return {ErrorKind::not_found, what + word + "'; 'rigcast --help' lists them", Where{}, {}, nearest_name(word, names)};
}

}  // namespace

int run(std::vector<std::string> words) {
  Terminal terminal = ask_terminal();
  report::Language language;
  if (const auto built_in = catalog::Catalog::load()) language = report::load_language(*built_in, language_name(words, terminal));
  const auto verbs = all_verbs();
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  if (words.size() > 1 && words.front() == "help" && !words[1].starts_with("-")) {   // "help plan" is "plan --help"
    words.erase(words.begin());
    words.push_back("--help");
  }
  if (words.empty() || words.front() == "--help" || words.front() == "-h" || words.front() == "help") {
    print(general_help(verbs, language, terminal.out.width), stdout);
    return finish(words.empty() ? static_cast<int>(ExitCode::bad_input) : 0, json, language, terminal);
  }
  if (words.front() == "--version") {
    print("rigcast " RIGCAST_VERSION "\n", stdout);
    return finish(0, json, language, terminal);
  }
  const auto name = first_word(words);
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& one) { return name != words.end() && one.name == *name; });
  if (found == verbs.end()) return complain(unknown_verb(name == words.end() ? words.front() : *name, verbs), json, language, terminal);
  const Verb& verb = *found;
  words.erase(name);
  const auto arguments = parse_arguments(verb, words);
  if (!arguments) return complain(arguments.error(), json, language, terminal);
  if (arguments->has("--help")) {
    print(verb_help(verb, language, terminal.out.width), stdout);
    return finish(0, json, language, terminal);
  }
  if (arguments->has("--no-color")) terminal.out.colour = terminal.error.colour = false;
  World world;
  world.language = language;
  world.user_data = terminal.user_home;
  for (const std::string& folder : arguments->all("--data")) world.overlays.emplace_back(folder);
  if (!terminal.user_data.empty()) world.overlays.push_back(terminal.user_data);
  const auto outcome = verb.run(*arguments, world);
  if (!outcome) return complain(outcome.error(), json, language, terminal);
  const report::Report& page = outcome->page ? *outcome->page : outcome->report;
  if (const auto file = arguments->one("--html"))
    if (const auto written = write_file(*file, report::render_html(page, language), "--html"); !written) return complain(written.error(), json, language, terminal);
  if (const auto file = arguments->one("--markdown"))
    if (const auto written = write_file(*file, report::render_markdown(page, language), "--markdown"); !written) return complain(written.error(), json, language, terminal);
  if (!outcome->verbatim.empty()) print(outcome->verbatim, stdout);
  else print(json ? report::render_json(outcome->report, language) : report::render_text(outcome->report, language, terminal.out), stdout);
  return finish(static_cast<int>(outcome->code), json, language, terminal);
}

}  // namespace rigcast::cli
