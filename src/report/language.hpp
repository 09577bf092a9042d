#pragma once
// A Language says Phrases to people. English needs no table; others read theirs from data/messages/*.po (the gettext format, so
// that translators can use their own editors), keyed by the English text.

#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "report/phrase.hpp"

namespace rigcast::report {

class Language {
 public:
  Language() = default;  // English

  // `po` is the text of a .po file: msgid / msgstr pairs, # comments, strings continued on further lines. Plurals and contexts are
  // not used. "#, pattern" before a pair marks a sentence that arrives finished from another room: its {0}, {1} are then found by the
  // fixed text around them. Errors: file:line of the first line that is none of these.
  static Result<Language> parse(std::string_view po, std::string_view file);

  void add(std::string english, std::string translation) { known_.insert_or_assign(std::move(english), std::move(translation)); }

  // The Phrase in this Language; parts it does not know stay English.
  std::string say(const Phrase& phrase) const;
  bool is_english() const { return known_.empty(); }
  bool knows(std::string_view english) const;

 private:
  struct Pattern {
    std::vector<std::string> fixed;
    std::vector<int> holes;
    std::string translation;
    std::size_t fixed_size() const { return std::accumulate(fixed.begin(), fixed.end(), std::size_t{0}, [](std::size_t sum, const std::string& part) { return sum + part.size(); }); }
  };

  std::optional<std::string> find(const std::string& sentence) const;
  std::string retell(const std::string& sentence) const;  // itself where nothing is known

  std::unordered_map<std::string, std::string> known_;  // only looked up, never walked: order cannot reach the output
  std::vector<Pattern> patterns_;                       // most fixed text first, then in file order: what is general must not cut up what another says whole
};

// "{1} of {0}" with a, b -> "b of a". A hole without a filling stays as it is.
std::string fill_holes(std::string_view pattern, const std::vector<std::string>& with);

}  // namespace rigcast::report
