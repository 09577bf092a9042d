#pragma once
// A Verb is one thing the program can be told to do. It is data (name, what it takes, help) and one function; parsing, help and shell
// completions are made from the data. To add one: write x_verb.cpp with `Verb x_verb()` and name it in verbs.cpp.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/knowledge.hpp"
#include "base/result.hpp"
#include "report/field.hpp"
#include "report/language.hpp"
#include "report/phrase.hpp"

namespace rigcast::cli {

using report::Phrase;
using report::operator""_say;

// What values an option or argument takes, for shell completion.
enum class Completes { nothing, file, device, model, engine, kind_of_list, choice };

struct Option {
  std::string long_name;            // "--context"
  std::string short_name;           // "-c", or empty
  std::string value;                // "TOKENS"; empty: a switch
  Phrase help;
  Completes completes = Completes::nothing;
  std::vector<std::string> choices = {};   // the only values allowed, where not empty
  bool repeats = false;
  std::string several_verb = {};           // where it does not repeat: the verb that takes several
};

struct Positional {
  std::string name;                 // "MODEL"
  Phrase help;
  Completes completes = Completes::nothing;
  std::vector<std::string> choices = {};
  bool required = true;
  bool repeats = false;             // only the last one may
};

// What the user gave, by long name of the option or name of the positional.
class Arguments {
 public:
  std::map<std::string, std::vector<std::string>> given;

  bool has(const std::string& name) const { return given.contains(name); }
  // The last value given, or empty.
  std::optional<std::string> one(const std::string& name) const;
  std::string one_or(const std::string& name, const std::string& otherwise) const;
  std::vector<std::string> all(const std::string& name) const;
};

// What a verb hands back to be printed.
enum class ExitCode { fits = 0, does_not_fit = 1, bad_input = 2, interrupted = 130 };   // by Ctrl-C, as shells count
struct Outcome {
  report::Report report;            // rendered as text or JSON, as the user asked
  std::string verbatim = {};        // printed as it is instead (a completion script)
  ExitCode code = ExitCode::fits;
  std::optional<report::Report> page = {};   // the same with charts, for --html and --markdown; where absent, `report`
};

// What a verb may use of the world.
struct World {
  std::vector<std::filesystem::path> overlays;   // --data and the user's directory
  report::Language language = {};                // for what is said while a verb runs
  std::filesystem::path user_data;               // the user's directory, which may not exist yet; empty: unknown
};

struct Verb {
  std::string name;
  Phrase help;                      // one line
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::vector<std::string> examples;
  Result<Outcome> (*run)(const Arguments&, const World&) = nullptr;
};

std::vector<Verb> all_verbs();               // in the order of the help
std::vector<Option> global_options();        // accepted by every verb

Verb plan_verb();
Verb compare_verb();
Verb explain_verb();
Verb show_verb();
Verb support_verb();
Verb list_verb();
Verb probe_verb();
Verb web_verb();
Verb evaluate_verb();
Verb calibrate_verb();
Verb observe_verb();
Verb bench_verb();
Verb completions_verb();

}  // namespace rigcast::cli
