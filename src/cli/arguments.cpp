#include "cli/arguments.hpp"

#include <algorithm>
#include <CLI/CLI.hpp>

#include "base/text.hpp"

namespace rigcast::cli {
namespace {

std::vector<Option> options_of(const Verb& verb) {
  std::vector<Option> all = verb.options;
  const auto global = global_options();
  all.insert(all.end(), global.begin(), global.end());
  return all;
}

Error stray_word(const Verb& verb, const std::string& word) {
  if (!word.starts_with("-")) {
    if (verb.positionals.empty()) return {ErrorKind::input, "'" + verb.name + "' takes no argument '" + word + "'", Where{word}};
    const std::vector<Option> options = options_of(verb);
    if (std::any_of(options.begin(), options.end(), [](const Option& option) { return option.long_name == "--on"; }))
      return {ErrorKind::input, "one argument too many: '" + word + "' (a machine stands behind --on, a name of several words in quotes)", Where{verb.name}};
    return {ErrorKind::input, "one argument too many: '" + word + "'", Where{verb.name}};
  }
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> names;
  for (const Option& option : options_of(verb)) names.push_back(option.long_name);
  return {ErrorKind::not_found, "unknown option '" + name + "'", Where{verb.name}, {}, nearest_name(name, names)};
}

Result<void> check_choice(const std::string& name, const std::vector<std::string>& choices, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
      return fail(ErrorKind::input, "'" + value + "' is none of " + join(choices, ", "), Where{name}, name, choices.size() == 1 ? choices.front() : nearest_name(value, choices));
  return {};
}

// A value that counts once, given twice and differently: which one is meant, nobody can know.
Result<void> check_given_once(const Option& option, const std::vector<std::string>& values) {
  if (option.repeats || option.value.empty()) return {};
  const auto other = std::find_if(values.begin(), values.end(), [&](const std::string& value) { return value != values.front(); });
  if (other == values.end()) return {};
  const std::string twice = "is given twice: '" + values.front() + "' and '" + *other + "'";
  if (option.several_verb.empty()) return fail(ErrorKind::input, twice, Where{option.long_name}, option.long_name.substr(2));
  return fail(ErrorKind::input, twice + "; 'rigcast " + option.several_verb + "' takes several", Where{option.long_name}, option.long_name.substr(2), option.several_verb);
}

// Hands the remaining words to the positionals in order.
Result<void> take_positionals(const Verb& verb, const std::vector<std::string>& words, Arguments& arguments) {
  std::size_t at = 0;
  for (const Positional& one : verb.positionals) {
    if (at == words.size()) {
      if (!one.required) continue;
      return fail(ErrorKind::input, one.name + " is missing; 'rigcast " + verb.name + " --help' shows what it takes", Where{verb.name}, to_lower(one.name));
    }
    const std::size_t end = one.repeats ? words.size() : at + 1;
    arguments.given[one.name].assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.begin() + static_cast<std::ptrdiff_t>(end));
    RC_TRY(check_choice(one.name, one.choices, arguments.given[one.name]));
    at = end;
  }
  if (at < words.size()) return tl::unexpected<Error>(stray_word(verb, words[at]));
  return {};
}

}  // namespace

std::vector<Option> global_options() {
  return {
      {"--json", "", "", "print JSON for programs (described in docs/schema)"_say},
      {"--lang", "", "LANG", "language: en or zh; else as the locale says"_say, Completes::choice, {"en", "zh"}},
      {"--data", "", "DIR", "read your own facts from DIR, laid out like data/"_say, Completes::file, {}, true},
      {"--no-color", "", "", "no colours, even on a terminal"_say},
      {"--help", "-h", "", "print this help"_say},
  };
}

std::optional<std::string> Arguments::one(const std::string& name) const {
  const auto found = given.find(name);
  if (found == given.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::string Arguments::one_or(const std::string& name, const std::string& otherwise) const { return one(name).value_or(otherwise); }

std::vector<std::string> Arguments::all(const std::string& name) const {
  const auto found = given.find(name);
  return found == given.end() ? std::vector<std::string>{} : found->second;
}

Result<Arguments> parse_arguments(const Verb& verb, const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag();
  std::vector<std::string> loose;
  app.add_option("words", loose)->take_all();
  app.allow_extras();
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  const auto options = options_of(verb);
  for (const Option& option : options) {
    const std::string names = option.short_name.empty() ? option.long_name : option.long_name + ',' + option.short_name;
    if (option.value.empty()) app.add_flag(names, switches[option.long_name]);
    else app.add_option(names, values[option.long_name])->expected(1)->take_all()->allow_extra_args(false);
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ArgumentMismatch& mismatch) {
    const std::string text = mismatch.what();
    return fail(ErrorKind::input, "needs a value", Where{text.substr(0, text.find(':'))});
  } catch (const CLI::Error& error) {
    return fail(ErrorKind::input, error.what(), Where{verb.name});
  }
  Arguments arguments;
  for (const Option& option : options) {
    // "--on --lang zh": a value was forgotten, and the next option is not it. An engine's flags may look like ours.
    for (const std::string& value : values[option.long_name])
      if (option.long_name != "--flags" && std::any_of(options.begin(), options.end(), [&](const Option& other) { return other.long_name == value; }))
        return fail(ErrorKind::input, "needs a value", Where{option.long_name});
    if (option.value.empty() ? switches[option.long_name] : !values[option.long_name].empty())
      arguments.given[option.long_name] = values[option.long_name];
    RC_TRY(check_given_once(option, values[option.long_name]));
    RC_TRY(check_choice(option.long_name, option.choices, values[option.long_name]));
  }
  if (const auto extras = app.remaining(); !extras.empty()) return tl::unexpected<Error>(stray_word(verb, extras.front()));
  if (!arguments.has("--help")) RC_TRY(take_positionals(verb, loose, arguments));
  return arguments;
}

}  // namespace rigcast::cli
