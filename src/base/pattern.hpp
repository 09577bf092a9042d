#pragma once
// Regular expressions that strangers write: they are looked for in time that grows with pattern times text, whatever the pattern.
// std::regex backtracks, so that "(.*)*(.*)*!" over forty characters takes longer than anybody waits.

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rigcast {

// The syntax of ECMAScript over bytes as std::regex reads it, without back-references (which nobody looks for in such time) and without
// collating elements. Whether it is found is all that is asked: groups capture nothing and lazy repeats are like others.
class Pattern {
 public:
  static constexpr std::size_t kMostSteps = 1000;   // of a compiled pattern: "((a{99}){99}){99}" is refused
  static constexpr int kMostLooks = 4;              // (?=...) and (?!...)
  static constexpr int kDeepest = 100;              // groups in groups

  // Errors (input) continue "a pattern that ...": "is no regular expression", "refers back to a group", "is too long ...".
  static Result<Pattern> compile(std::string_view text);

  // Whether it matches anywhere in the text.
  bool found_in(std::string_view text) const;

 private:
  friend class PatternReader;
  friend class PatternRun;

  // What is done at one place of the text; `to` and `other` count from the step itself.
  struct Step {
    enum class Kind : std::uint8_t { bytes, fork, jump, begin, end, edge, inside, look, look_not, found };
    Kind kind = Kind::found;
    int to = 1;       // fork, jump, look: where it goes on
    int other = 0;    // fork: the second way; bytes: the set; look: its number
  };
  using Steps = std::vector<Step>;
  using Set = std::bitset<256>;

  Steps steps_;
  std::vector<Set> sets_;
  int looks_ = 0;
};

}  // namespace rigcast
