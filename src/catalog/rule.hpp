#pragma once
// A Rule is one sentence about what software does with hardware, with the conditions under which it holds, what it does to a plan, an
// editor's verdict and its source. data/rules/*.toml; a user's overlay may add or replace them by key.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::catalog {

enum class RuleEffect {
  refuse,    // the engine will not run this
  fallback,  // it runs, in another number format
  warn,      // it costs something the user would want to know before paying
  note,      // worth knowing
};
const char* to_string(RuleEffect effect);

// What a Rule is asked about: one device under one engine, and what is to be run there. Empty texts mean "not known": a condition on an
// unknown does not hold. Names are catalogue keys.
struct Situation {
  std::string engine, backend;
  std::string device, device_kind, vendor, architecture, capability;
  std::string os;                    // "linux", "windows", "macos"
  std::string quant, quant_group;    // of most of the weights
  std::string family;                // of the model
  std::string split;                 // "single", "layer", "row", "tensor", "pipeline", "expert", "cpu"
  bool several_devices = false, faster_later = false, mixed_vendors = false, dual_chip = false, modified = false, nvlink = false;
  bool experts = false, windowed = false, weights_on_host = false, kv_on_host = false, several_sockets = false;
};

struct Rule {
  std::string key, kind;             // kind: "software", "precision", "multi-gpu", "link", "fit", "speed", "power"
  RuleEffect effect = RuleEffect::note;
  std::string text;                  // English
  std::map<std::string, std::string> translations;  // "zh" -> text
  std::string launch;                // what the launch line must say where the rule applies: "--dtype half"
  std::string runs_as;               // fallback: the number format arithmetic happens in
  std::string verdict;               // "true", "depends", "false": an editor's judgement of the claim as people repeat it
  std::string since, until;          // versions between which it holds, where that is known
  Source source;
  std::map<std::string, std::vector<std::string>> any_of;  // condition -> accepted values
  std::map<std::string, bool> flags;                       // condition -> wanted value
  std::string file;
  int line = 0;

  friend bool operator==(const Rule&, const Rule&) = default;
};

// All rules of one data file. Errors: unknown condition or effect with the nearest, missing source.
Result<std::vector<Rule>> read_rules(std::string_view text, const std::string& file);

// The same as bytes, which a Pack holds beside the file (kReadRules before its path): reading TOML would be a tenth of a short answer.
inline constexpr std::string_view kReadRules = "read:";
std::string rules_to_bytes(const std::vector<Rule>& rules);
std::vector<Rule> rules_from_bytes(std::string_view bytes);   // REQUIRES: made by rules_to_bytes of the same version

// Whether it asks for the weights' number format: for one asked about without a format it says nothing.
bool names_format(const Rule& rule);

bool applies(const Rule& rule, const Situation& situation);

// Those that apply, refusals first, then fallbacks, warnings, notes.
std::vector<Rule> rules_for(const std::vector<Rule>& rules, const Situation& situation);

}  // namespace rigcast::catalog
