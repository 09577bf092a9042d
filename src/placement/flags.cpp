#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "placement/detail/flag_table.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement {

namespace {

using detail::FlagRule;
using detail::Takes;

struct Word { std::string text; int column = 0; };
struct Command { std::vector<Word> words; bool piped = false; };   // piped: reads what the one before prints

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// How a line that goes on in the next one ends: in a shell, in cmd, in PowerShell.
bool goes_on(std::string_view text, std::size_t i) {
  constexpr std::string_view kSigns = "\\^`";
  return kSigns.find(text[i]) != std::string_view::npos && (i == 0 || is_space(text[i - 1])) && (i + 1 == text.size() || is_space(text[i + 1]));
}

// The length of what ends a command at `i`: `&&`, `||` or `|` as a word, `;` behind one, or the end of a line; 0 elsewhere, for patterns hold such
// signs, too.
std::size_t ends_command(std::string_view text, std::size_t i) {
  if (text[i] == '\n') return 1;
  const std::string_view word = text.substr(i, text.find_first_of(" \t\r\n", i) - i);
  if (word == ";") return 1;
  const bool apart = i == 0 || is_space(text[i - 1]);
  return apart && (word == "&&" || word == "||" || word == "|") ? word.size() : 0;
}

// "2>&1", "> server.log", "&": where output goes, and that nobody waits for it. How many words that takes; 0: it is none.
std::size_t is_about_output(const std::string& word) {
  if (word == "&") return 1;
  const std::size_t sign = word.find_first_not_of("012&");
  if (sign == std::string::npos || word[sign] != '>') return 0;
  return word.back() == '>' ? 2 : 1;
}

struct Read { Word word; bool quoted = false; };

// The word that begins at `i`, which is moved behind it: quotes group. Backslashes stay, for they are those of patterns and of Windows paths.
Result<Read> read_word(std::string_view text, std::size_t& i) {
  Read read{{"", static_cast<int>(i) + 1}};
  char quote = 0;
  for (; i < text.size() && (quote || !(is_space(text[i]) || ends_command(text, i))); ++i) {
    const char c = text[i];
    if (quote ? c == quote : c == '\'' || c == '"') {
      quote = quote ? 0 : c;
      read.quoted = true;
    } else {
      read.word.text += c;
    }
  }
  if (quote) return fail(ErrorKind::input, std::string("quote ") + quote + " is not closed", Where{"--flags", 1, read.word.column});
  constexpr std::string_view kPowerShell = "$env:";
  if (read.word.text.starts_with(kPowerShell)) read.word.text.erase(0, kPowerShell.size());
  return read;
}

// Commands of words as a shell would see them; a flag at the beginning of a line belongs to the command above it.
Result<std::vector<Command>> shell_commands(std::string_view text) {
  std::vector<Command> commands(1);
  bool ended = false, piped = false;
  std::size_t dropped = 0;   // words that go with the last one
  for (std::size_t i = 0; i < text.size();) {
    if (goes_on(text, i)) {
      for (++i; i < text.size() && is_space(text[i]); ++i) {}
      continue;
    }
    if (const std::size_t length = ends_command(text, i)) {
      ended = true;
      piped = length == 1 && text[i] == '|';
      i += length;
      continue;
    }
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    RC_ASSIGN(read, read_word(text, i));
    if (dropped > 0) { --dropped; continue; }
    if (const std::size_t about = read.quoted ? 0 : is_about_output(read.word.text); about > 0) { dropped = about - 1; continue; }
    if (std::exchange(ended, false) && !read.word.text.starts_with('-') && !commands.back().words.empty()) commands.push_back({{}, piped});
    commands.back().words.push_back(std::move(read.word));
  }
  return commands;
}

// Commands that prepare a start and say nothing of it, by their first words.
constexpr std::array<std::string_view, 6> kPreparing = {"cd", "ray start", "lms import", "ollama create", "ollama pull", "ollama run"};

// "NAME=value" before a program.
bool sets_variable(const Word& word) { return !word.text.starts_with('-') && word.text.find('=') != std::string::npos; }

// Where such a command begins: behind the variables that are set for it; the end of the words where there is none.
std::size_t preparing_from(const std::vector<Word>& words) {
  const auto first = std::find_if_not(words.begin(), words.end(), sets_variable);
  const bool any = std::any_of(kPreparing.begin(), kPreparing.end(), [&](std::string_view each) {
    const auto names = split_words(each);
    return static_cast<std::ptrdiff_t>(names.size()) <= words.end() - first && std::equal(names.begin(), names.end(), first, [](std::string_view name, const Word& word) { return word.text == name; });
  });
  return static_cast<std::size_t>((any ? first : words.end()) - words.begin());
}

// What runs inside a container: the variables it is given that `counts` knows, and the words behind the image. Empty: this starts none.
template <class Counts>
std::vector<Word> in_container(const std::vector<Word>& words, Counts counts) {
  constexpr std::array<std::string_view, 3> kPrograms = {"docker", "podman", "nerdctl"};
  constexpr std::array<std::string_view, 11> kAlone = {"-d", "-i", "-t", "-it", "-ti", "-dit", "--rm", "--init", "--privileged", "--detach", "--interactive"};
  const auto is_any = [](const auto& names, std::string_view word) { return std::find(names.begin(), names.end(), word) != names.end(); };
  std::size_t i = !words.empty() && words.front().text == "sudo" ? 1 : 0;
  if (i + 1 >= words.size() || !is_any(kPrograms, words[i].text) || words[i + 1].text != "run") return {};
  std::vector<Word> inside;
  for (i += 2; i < words.size() && words[i].text.starts_with('-'); ++i) {
    const std::string& option = words[i].text;
    if (is_any(kAlone, option) || option.find('=') != std::string::npos) continue;
    if (++i < words.size() && (option == "-e" || option == "--env") && sets_variable(words[i]) && counts(words[i].text)) inside.push_back(words[i]);
  }
  if (i < words.size()) inside.insert(inside.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  return inside;
}

// Of those the engine takes, the ones in the first host: they come before all others.
int local_devices(const catalog::Engine& engine, const rig::Rig& rig) {
  const auto local = std::count_if(rig.devices.begin(), rig.devices.end(), [](const rig::RigDevice& device) { return device.host == 0; });
  return std::min(usable_devices(engine, rig), static_cast<int>(local));
}

class Parser {
 public:
  Parser(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, std::string_view backend)
      : engine_(engine), tables_(detail::flag_tables(engine)), target_{initial_settings(engine, rig), architecture, usable_devices(engine, rig), local_devices(engine, rig), backend} {}

  Result<ParsedFlags> run(std::string_view flags) {
    RC_ASSIGN(commands, shell_commands(flags));
    const int unsaid = std::exchange(target_.settings.sequences, -1);
    for (Command& command : commands) {
      const auto counts = [&](std::string_view word) { return find(word.substr(0, word.find('='))) != nullptr || names_devices(word); };
      if (auto inside = in_container(command.words, counts); !inside.empty()) command.words = std::move(inside);
      command.words.resize(preparing_from(command.words));
      const std::vector<Word>& words = command.words;
      RC_ASSIGN(first, first_flag(command, &command == &commands.front()));
      for (std::size_t i = first; i < words.size(); ++i) {
        RC_ASSIGN(used, one(words, i));
        i += used;
      }
    }
    const bool says_sequences = target_.settings.sequences >= 0;
    if (!says_sequences) target_.settings.sequences = unsaid;
    RC_TRY(share_tensor_degree());
    return ParsedFlags{std::move(target_.settings), std::move(notes_), places_ || target_.places, says_sequences, std::move(target_.draft_model)};
  }

 private:
  // A whole line may be pasted: before its first flag stand the environment, the program and the model; before and behind it commands that say
  // nothing of this. The end of the words where none counts.
  Result<std::size_t> first_flag(const Command& command, bool is_first) const {
    const std::vector<Word>& words = command.words;
    if (command.piped) return words.size();
    std::size_t i = 0;
    const std::size_t program = program_in(words);   // flags before it are those of what starts it
    const auto is_flag = [&](const std::string& word) { return find(word.substr(0, word.find('='))) != nullptr; };
    for (; i < words.size() && (i < program || !is_flag(words[i].text)); ++i) {
      const std::string& word = words[i].text;
      if (names_devices(word))
        return fail(ErrorKind::unsupported, word + " says which devices are seen: leave it out, and name those with --on", Where{"--flags", 1, words[i].column}, word.substr(0, word.find('=')));
      if (word == "-m" && i > 0 && words[i - 1].text.starts_with("python")) ++i;   // the module
      else if (word.starts_with('-') && i >= program) return std::size_t{0};   // of nothing that is known
    }
    return i < words.size() || !is_first || words.empty() || starts_engine(words.front().text) ? i : std::size_t{0};
  }

  static bool names_devices(std::string_view word) { return word.substr(0, word.find('=')).ends_with("VISIBLE_DEVICES"); }

  // Where the engine's own program stands behind others that start it: mlx.launch, numactl.
  std::size_t program_in(const std::vector<Word>& words) const {
    const auto start = split_words(catalog::text_of(engine_, "start", ""));
    if (start.empty() || words.empty() || words.front().text.starts_with('-')) return 0;   // flags alone: a value may be called as the program is
    const auto program = std::find_if(words.begin(), words.end(), [&](const Word& word) { return word.text == start.front(); });
    return program == words.end() ? 0 : static_cast<std::size_t>(program - words.begin());
  }

  // Of the engine's own, or of the shell, which sets a variable for it.
  bool starts_engine(std::string_view word) const {
    if (word == "export" || word == "set") return true;
    const auto start = split_words(catalog::text_of(engine_, "start", ""));
    return !start.empty() && word == start.front();
  }

  // SGLang's --tp counts all devices where attention is copied: each copy has its part of them.
  Result<void> share_tensor_degree() {
    Settings& s = target_.settings;
    if (!target_.copies_attention || s.data_degree < 2) return {};
    if (s.tensor_degree % s.data_degree != 0)
      return fail(ErrorKind::input, "--enable-dp-attention divides --tp " + std::to_string(s.tensor_degree) + " among --dp " + std::to_string(s.data_degree) + ", which leaves a rest", Where{"--flags"}, "--tp",
                  "--tp " + std::to_string((s.tensor_degree + s.data_degree - 1) / s.data_degree * s.data_degree));
    s.tensor_degree /= s.data_degree;
    s.whole_copies = false;
    return {};
  }

  // How many further words the flag at `i` took.
  Result<std::size_t> one(const std::vector<Word>& words, std::size_t i) {
    const Word& word = words[i];
    const std::size_t equals = word.text.find('=');
    std::string name = word.text.substr(0, equals);
    const FlagRule* rule = find(name);
    if (!rule) return unknown(word);
    std::optional<std::string> value;
    std::size_t used = 0;
    if (equals != std::string::npos) value = word.text.substr(equals + 1);
    if (!value && rule->takes >= Takes::value) {
      if (i + 1 >= words.size()) return fail(ErrorKind::input, name + " needs a value", Where{"--flags", 1, word.column}, name);
      value = words[i + 1].text;
      used = 1;
      for (; rule->takes == Takes::values && i + used + 1 < words.size() && !words[i + used + 1].text.starts_with('-'); ++used) *value += ',' + words[i + used + 1].text;
    }
    // A word behind a choice is its value, even a wrong one; only another flag begins with a dash.
    if (!value && rule->takes == Takes::choice && i + 1 < words.size() && (is_choice(words[i + 1].text) || (rule->apply && !words[i + 1].text.starts_with('-') && !find(words[i + 1].text)))) {
      value = words[i + 1].text;
      used = 1;
    }
    places_ = places_ || rule->places;
    if (const std::size_t dot = name.find('.'); value && dot != std::string::npos && rule->apply) value = as_object(std::string_view(name).substr(dot + 1), *value);
    if (rule->apply) {
      if (auto applied = rule->apply(target_, value ? std::string_view(*value) : std::string_view(rule->takes == Takes::choice ? "on" : name)); !applied) {
        Error error = applied.error();
        error.message = name + " " + error.message;
        error.where = Where{"--flags", 1, words[i + used].column};
        error.field = name;
        return tl::unexpected<Error>(std::move(error));
      }
    }
    std::string shown = word.text;
    for (std::size_t k = 1; k <= used; ++k) shown += " " + words[i + k].text;
    const bool repeated = !rule->apply || rule->repeats;
    if (rule->note.empty() && rule->apply) return used;   // the program's own name
    FlagNote note{std::move(shown), std::string(rule->note.empty() ? detail::kUncounted : rule->note)};
    if (repeated) note.words.assign(1, word.text);
    note.lays_out = repeated && rule->apply;
    if (repeated && used) note.words.push_back(words[i + 1].text);
    notes_.push_back(std::move(note));
    return used;
  }

  // One member of a JSON object that a flag names behind a dot, as that object.
  static std::string as_object(std::string_view member, const std::string& value) {
    const bool bare = parse_double(value) || value == "true" || value == "false" || value == "null";
    return "{\"" + std::string(member) + "\":" + (bare ? value : '"' + value + '"') + '}';
  }

  static bool is_choice(std::string_view text) {
    return text == "on" || text == "off" || text == "auto" || text == "0" || text == "1" || text == "true" || text == "false";
  }

  const FlagRule* find(std::string_view name) const {
    for (const auto& table : tables_)
      if (const FlagRule* rule = detail::find_flag(table, name)) return rule;
    const std::size_t dot = name.find('.');   // vLLM: one member of what is else a JSON text, --compilation-config.mode
    return name.starts_with('-') && dot != std::string_view::npos ? find(name.substr(0, dot)) : nullptr;
  }

  tl::unexpected<Error> unknown(const Word& word) const {
    std::vector<std::string> names;
    for (const auto& table : tables_)
      for (const FlagRule& rule : table)
        for (const std::string_view each : split_words(rule.names)) names.emplace_back(each);
    const std::string name = word.text.substr(0, word.text.find('='));
    const bool of_the_fork = engine_.key == "llama.cpp" && detail::find_flag(detail::ik_flags(), name);
    return fail(ErrorKind::input, "'" + name + "' is not a flag of " + engine_.name, Where{"--flags", 1, word.column}, "flags", of_the_fork ? "--engine ik_llama.cpp" : nearest_name(name, names));
  }

  const catalog::Engine& engine_;
  std::vector<std::span<const FlagRule>> tables_;
  detail::FlagTarget target_;
  std::vector<FlagNote> notes_;
  bool places_ = false;
};

}  // namespace

const char* to_string(Mode mode) {
  switch (mode) {
    case Mode::single: return "single";
    case Mode::layer: return "layer";
    case Mode::row: return "row";
    case Mode::tensor: return "tensor";
    case Mode::pipeline: return "pipeline";
    case Mode::expert: return "expert";
    case Mode::cpu: return "cpu";
  }
  return "";
}

int usable_devices(const catalog::Engine& engine, const rig::Rig& rig) {
  return static_cast<int>(std::min(static_cast<double>(rig.devices.size()), catalog::number_of(engine, "most_devices", "", INT32_MAX)));
}

Settings initial_settings(const catalog::Engine& engine, const rig::Rig& rig) {
  Settings settings;
  settings.ubatch = static_cast<int>(catalog::number_of(engine, "default_ubatch", "", settings.ubatch));
  settings.batch = static_cast<int>(catalog::number_of(engine, "default_batch", "", settings.batch));
  settings.offload_batch = static_cast<int>(catalog::number_of(engine, "offload_batch", "", 0));
  settings.offload_by_expert = catalog::number_of(engine, "offload_by_expert", "", 0) > 0;
  if (engine.kv_rule == catalog::KvRule::paged) settings.sequences = 0;
  if (engine.kv_rule == catalog::KvRule::contiguous) settings.ubatch = static_cast<int>(catalog::number_of(engine, "prefill_step", "", settings.ubatch));
  if (rig.devices.empty()) settings.mode = Mode::cpu;
  else if (rig.devices.size() > 1 && engine.kv_rule != catalog::KvRule::paged) settings.mode = Mode::layer;
  return settings;
}

bool names_flash_attention(const std::vector<FlagNote>& flags) {
  return std::any_of(flags.begin(), flags.end(), [](const FlagNote& note) { return note.flag.starts_with("-fa") || note.flag.starts_with("--flash-attn"); });
}

std::string with_flag(const catalog::Engine& engine, std::string_view flags, std::string_view flag, std::string_view value) {
  const FlagRule* rule = nullptr;
  for (const auto& table : detail::flag_tables(engine))
    if (!rule) rule = detail::find_flag(table, flag);
  if (!rule) return {};
  const auto names = split_words(rule->names);
  const auto names_it = [&](std::string_view word) { return std::find(names.begin(), names.end(), word) != names.end(); };
  std::vector<std::string> words;
  bool set = false, replace = false;
  for (const std::string_view word : split_words(flags)) {   // a quoted value with spaces is words that are kept as they are
    const std::size_t equals = word.find('=');
    if (std::exchange(replace, false)) words.emplace_back(value), set = true;
    else if (equals != std::string_view::npos && names_it(word.substr(0, equals))) words.push_back(std::string(word.substr(0, equals + 1)) + std::string(value)), set = true;
    else words.emplace_back(word), replace = rule->takes == Takes::value && names_it(word);
  }
  if (!set) words.push_back(std::string(flag) + ' ' + std::string(value));
  return join(words, " ");
}

Result<ParsedFlags> parse_flags(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, std::string_view flags, std::string_view backend) {
  return Parser(engine, architecture, rig, backend).run(flags);
}

}  // namespace rigcast::placement
