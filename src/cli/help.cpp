#include "cli/help.hpp"

#include <algorithm>

#include "report/layout.hpp"

namespace rigcast::cli {
namespace {

using report::Language;
using report::fill;

std::string usage_of(const Positional& one) {
  const std::string name = one.repeats ? one.name + "..." : one.name;
  return one.required ? name : '[' + name + ']';
}

std::string usage_of(const Option& option) {
  std::string out = option.short_name.empty() ? "    " : option.short_name + ", ";
  out += option.long_name;
  return option.value.empty() ? out : out + ' ' + option.value;
}

std::string told(const Phrase& help, const std::vector<std::string>& choices, const Language& language) {
  std::string out = language.say(help);
  if (std::all_of(choices.begin(), choices.end(), [&](const std::string& one) { return out.find(one) != std::string::npos; })) return out;   // it says them itself
  for (std::size_t i = 0; i < choices.size(); ++i) out += (i == 0 ? " (" : ", ") + choices[i];
  return out + ')';
}

std::string two_columns(const std::vector<std::vector<std::string>>& rows, int width) {
  std::string out;
  for (const std::string& line : report::columns(rows, {{report::Align::left, false}, {report::Align::left, true}}, 2, width)) out += line + '\n';
  return out;
}

std::string option_table(const std::vector<Option>& options, const Language& language, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const Option& option : options)
    rows.push_back({usage_of(option), told(option.help, option.choices, language)});
  return two_columns(rows, width);
}

std::string examples_block(const std::vector<std::string>& examples, const Language& language) {
  if (examples.empty()) return "";
  std::string out = '\n' + language.say("Examples"_say) + '\n';
  for (const std::string& example : examples) out += "  " + example + '\n';
  return out;
}

}  // namespace

std::string general_help(const std::vector<Verb>& verbs, const Language& language, int width) {
  std::string out = report::wrap_with("", language.say("rigcast tells what a machine will do with an AI model before you buy the machine or download the model: does it fit, how fast is it, how sure is that."_say), width);
  out += "\n\n" + language.say("Usage"_say) + "\n  rigcast VERB ...\n\n" + language.say("Verbs"_say) + '\n';
  std::vector<std::vector<std::string>> rows;
  for (const Verb& verb : verbs) rows.push_back({verb.name, language.say(verb.help)});
  out += two_columns(rows, width);
  out += '\n' + language.say("Options of every verb"_say) + '\n' + option_table(global_options(), language, width);
  out += "      --version      " + language.say("print the version"_say) + '\n';
  out += examples_block({"rigcast plan qwen3-32b:q4_k_m --on 2x3090", "rigcast plan ./model.gguf --on 4090 -c 32k",
                         "rigcast compare qwen3-32b:q4_k_m --on 2x3090 --on 4090-48g", "rigcast list devices --memory 48GiB"},
                        language);
  out += '\n' + report::wrap_with("", language.say("'rigcast VERB --help' tells more. Exit codes: 0 fits, 1 does not fit, 2 bad input."_say), width) + '\n';
  return out;
}

std::string verb_help(const Verb& verb, const Language& language, int width) {
  std::string usage = "rigcast " + verb.name;
  for (const Positional& one : verb.positionals) usage += ' ' + usage_of(one);
  std::string out = report::wrap_with("", language.say(verb.help), width);
  out += "\n\n" + language.say("Usage"_say) + "\n  " + usage + ' ' + language.say("[options]"_say) + '\n';
  std::vector<std::vector<std::string>> rows;
  for (const Positional& one : verb.positionals) rows.push_back({one.name, told(one.help, one.choices, language)});
  if (!rows.empty()) out += '\n' + two_columns(rows, width);
  if (!verb.options.empty()) out += '\n' + language.say("Options"_say) + '\n' + option_table(verb.options, language, width);
  out += '\n' + language.say("Options of every verb"_say) + '\n' + option_table(global_options(), language, width);
  return out + examples_block(verb.examples, language);
}

}  // namespace rigcast::cli
