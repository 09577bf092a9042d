#pragma once
// A Phrase is an English sentence with holes, kept apart from what fills them, so that a Language can say it in its own order.

#include <string>
#include <utility>
#include <vector>

namespace rigcast::report {

// "{0} of {1}" with two Phrases to fill it. A Phrase without holes may be a name ("GeForce RTX 3090"), which every Language leaves alone,
// or a finished sentence made by another room, which a Language retells where it knows the pattern.
struct Phrase {
  std::string text;
  std::vector<Phrase> with;

  Phrase() = default;
  Phrase(std::string words) : text(std::move(words)) {}  // implicit: a plain text is a Phrase
  Phrase(const char* words) : text(words) {}
  Phrase(std::string words, std::vector<Phrase> fill) : text(std::move(words)), with(std::move(fill)) {}

  bool empty() const { return text.empty(); }
};

// Marks an English text of the program's own: tests/check_messages.py demands a translation for each "..."_say in src/.
inline Phrase operator""_say(const char* text, std::size_t size) { return Phrase(std::string(text, size)); }

// Phrase with holes: fill("{0} of {1}"_say, {"3", "4"}).
inline Phrase fill(Phrase pattern, std::vector<Phrase> with) {
  pattern.with = std::move(with);
  return pattern;
}

}  // namespace rigcast::report
