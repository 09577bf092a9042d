#include "base/text.hpp"
#include "cli/help.hpp"

namespace rigcast::cli {
namespace {

std::string joined(const std::vector<std::string>& words) { return join(words, " "); }

std::vector<std::string> option_names(const Verb& verb) {
  std::vector<std::string> names;
  for (const auto& options : {verb.options, global_options()})
    for (const Option& option : options) {
      names.push_back(option.long_name);
      if (!option.short_name.empty()) names.push_back(option.short_name);
    }
  return names;
}

std::vector<std::string> verb_names(const std::vector<Verb>& verbs) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.name);
  return names;
}

// A shell command whose output completes such a value; empty where nothing can.
std::string words_command(Completes completes, const std::vector<std::string>& choices) {
  switch (completes) {
    case Completes::device: return "rigcast list devices --keys";
    case Completes::model: return "rigcast list models --keys";
    case Completes::engine: return "rigcast list engines --keys";
    case Completes::choice: case Completes::kind_of_list: return "echo " + joined(choices);
    case Completes::nothing: case Completes::file: break;
  }
  return "";
}

std::string bash_case(const std::string& pattern, Completes completes, const std::vector<std::string>& choices, bool files) {
  const std::string command = words_command(completes, choices);
  std::string out = "    " + pattern + ")";
  if (!command.empty()) out += " COMPREPLY=($(compgen -W \"$(" + command + " 2>/dev/null)\" -- \"$current\"))";
  if (files || completes == Completes::file) out += std::string(command.empty() ? " " : "; ") + "COMPREPLY+=($(compgen -f -- \"$current\"))";
  return out + " ;;\n";
}

std::string bash_script(const std::vector<Verb>& verbs) {
  std::string out = "_rigcast() {\n  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" verb=\"${COMP_WORDS[1]}\"\n  COMPREPLY=()\n";
  out += "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"" + joined(verb_names(verbs)) + "\" -- \"$current\")); return; fi\n";
  out += "  case \"$verb $previous\" in\n";
  for (const Verb& verb : verbs)
    for (const auto& options : {verb.options, global_options()})
      for (const Option& option : options)
        if (option.completes != Completes::nothing) out += bash_case("\"" + verb.name + ' ' + option.long_name + "\"", option.completes, option.choices, false);
  out += "  esac\n  [ ${#COMPREPLY[@]} -gt 0 ] && return\n  case \"$verb\" in\n";
  for (const Verb& verb : verbs) {
    out += "    " + verb.name + ")\n      case \"$current\" in\n        -*) COMPREPLY=($(compgen -W \"" + joined(option_names(verb)) + "\" -- \"$current\")) ;;\n";
    if (!verb.positionals.empty()) {
      const Positional& first = verb.positionals.front();
      out += "    " + bash_case("*", first.completes, first.choices, first.completes == Completes::model);
    }
    out += "      esac ;;\n";
  }
  return out + "  esac\n}\ncomplete -F _rigcast rigcast\n";
}

// Zsh runs the bash completion through its own compatibility layer: one source of truth.
std::string zsh_script(const std::vector<Verb>& verbs) {
  return "#compdef rigcast\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(verbs);
}

std::string fish_quoted(const std::string& text) { return "'" + replace_all(replace_all(text, "\\", "\\\\"), "'", "\\'") + "'"; }

std::string fish_script(const std::vector<Verb>& verbs) {
  std::string out = "complete -c rigcast -f\n";
  for (const Verb& verb : verbs)
    out += "complete -c rigcast -n __fish_use_subcommand -a " + verb.name + " -d " + fish_quoted(report::Language().say(verb.help)) + '\n';
  for (const Verb& verb : verbs) {
    const std::string seen = "complete -c rigcast -n '__fish_seen_subcommand_from " + verb.name + "'";
    for (const auto& options : {verb.options, global_options()})
      for (const Option& option : options) {
        out += seen + " -l " + option.long_name.substr(2);
        if (!option.short_name.empty()) out += " -s " + option.short_name.substr(1);
        if (!option.value.empty()) out += " -r";
        if (option.completes == Completes::file) out += " -F";
        if (const std::string command = words_command(option.completes, option.choices); !command.empty())
          out += " -a " + fish_quoted("(" + command + (command.starts_with("echo ") ? " | string split ' ')" : ")"));
        out += " -d " + fish_quoted(report::Language().say(option.help)) + '\n';
      }
    if (verb.positionals.empty()) continue;
    const Positional& first = verb.positionals.front();
    if (const std::string command = words_command(first.completes, first.choices); !command.empty())
      out += seen + " -a " + fish_quoted("(" + command + (command.starts_with("echo ") ? " | string split ' ')" : ")")) + '\n';
    if (first.completes == Completes::model) out += seen + " -F\n";
  }
  return out;
}

Result<Outcome> run_completions(const Arguments& arguments, const World&) {
  const std::string shell = arguments.one_or("SHELL", "bash");
  const Shell which = shell == "zsh" ? Shell::zsh : shell == "fish" ? Shell::fish : Shell::bash;
  return Outcome{{}, completion_script(all_verbs(), which)};
}

}  // namespace

std::string completion_script(const std::vector<Verb>& verbs, Shell shell) {
  switch (shell) {
    case Shell::bash: return bash_script(verbs);
    case Shell::zsh: return zsh_script(verbs);
    case Shell::fish: return fish_script(verbs);
  }
  return "";
}

Verb completions_verb() {
  return {"completions",
          "print the completion script of a shell"_say,
          {{"SHELL", "for which shell"_say, Completes::choice, {"bash", "zsh", "fish"}}},
          {},
          {"source <(rigcast completions bash)", "rigcast completions fish > ~/.config/fish/completions/rigcast.fish"},
          run_completions};
}

}  // namespace rigcast::cli
