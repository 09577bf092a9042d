#include "report/language.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace rigcast::report {
namespace {

// Position just after "{N}" at `at`, and N; empty where no hole begins there.
struct Hole { int number; std::size_t end; };
std::optional<Hole> hole_at(std::string_view text, std::size_t at) {
  if (at + 2 < text.size() && text[at] == '{' && text[at + 1] >= '0' && text[at + 1] <= '9' && text[at + 2] == '}')
    return Hole{text[at + 1] - '0', at + 3};
  return std::nullopt;
}

// Whether a text begins or ends with a character of Chinese writing, which no space parts from another: U+3000 to U+9FFF and the full-width
// forms are three bytes from E3 to E9, or EF BC and EF BD.
bool is_wide(std::string_view three) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(three[i]); };
  return three.size() == 3 && ((byte(0) >= 0xE3 && byte(0) <= 0xE9) || (byte(0) == 0xEF && (byte(1) == 0xBC || byte(1) == 0xBD)));
}
bool begins_wide(std::string_view text) { return is_wide(text.substr(0, 3)); }
bool ends_wide(std::string_view text) { return text.size() >= 3 && is_wide(text.substr(text.size() - 3)); }

// The text between the quotes of a .po line, escapes resolved; empty where the line is not of that form.
std::optional<std::string> unquote(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') { out += text[i]; continue; }
    if (++i + 1 >= text.size()) return std::nullopt;
    out += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
  }
  return out;
}

}  // namespace

std::string fill_holes(std::string_view pattern, const std::vector<std::string>& with) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    const auto hole = hole_at(pattern, i);
    if (hole && static_cast<std::size_t>(hole->number) < with.size()) {
      const std::string& part = with[static_cast<std::size_t>(hole->number)];
      if (out.ends_with(' ') && ends_wide(std::string_view(out).substr(0, out.size() - 1)) && begins_wide(part)) out.pop_back();
      out += part;
      i = hole->end;
      if (ends_wide(out) && pattern.substr(i).starts_with(' ') && begins_wide(pattern.substr(i + 1))) ++i;
    } else {
      const std::size_t next = std::min(pattern.find('{', i + 1), pattern.size());
      out += pattern.substr(i, next - i);
      i = next;
    }
  }
  return out;
}

Result<Language> Language::parse(std::string_view po, std::string_view file) {
  Language language;
  std::vector<std::string> order;
  std::string id;
  std::string* current = nullptr;
  bool is_pattern = false;
  int number = 0;
  for (std::string_view raw : split(po, '\n')) {
    ++number;
    std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') {
      current = nullptr;
      if (line.starts_with("#,")) is_pattern = line.find("pattern") != std::string_view::npos;
      continue;
    }
    bool begins_id = false;
    if (line.starts_with("msgid ")) {
      begins_id = true;
      line.remove_prefix(6);
      id.clear();
      current = &id;
    } else if (line.starts_with("msgstr ")) {
      line.remove_prefix(7);
      if (is_pattern && !id.empty()) order.push_back(id);
      is_pattern = false;
      current = language.known_.contains(id) ? nullptr : &language.known_[id];   // one translation each
    }
    const auto text = unquote(line);
    if (!text || current == nullptr)
      return fail(ErrorKind::input, "expected msgid, msgstr or a quoted text", Where{std::string(file), number, 1});
    if (begins_id) id = *text;
    else *current += *text;
  }
  language.known_.erase("");  // the file's own header
  for (const std::string& english : order) {
    Pattern pattern{{""}, {}, language.known_.at(english)};
    for (std::size_t i = 0; i < english.size();) {
      if (const auto hole = hole_at(english, i)) {
        pattern.holes.push_back(hole->number);
        pattern.fixed.emplace_back();
        i = hole->end;
      } else {
        pattern.fixed.back() += english[i++];
      }
    }
    if (!pattern.holes.empty()) language.patterns_.push_back(std::move(pattern));
  }
  std::stable_sort(language.patterns_.begin(), language.patterns_.end(), [](const Pattern& a, const Pattern& b) { return a.fixed_size() > b.fixed_size(); });
  return language;
}

bool Language::knows(std::string_view english) const { return known_.contains(std::string(english)); }

std::string Language::say(const Phrase& phrase) const {
  if (phrase.with.empty()) return retell(phrase.text);
  std::vector<std::string> with;
  with.reserve(phrase.with.size());
  for (const Phrase& part : phrase.with) with.push_back(say(part));
  const auto found = known_.find(phrase.text);
  return fill_holes(found == known_.end() || found->second.empty() ? phrase.text : found->second, with);
}

// A finished sentence: as a whole, or by the pattern with the most fixed text whose parts stand in it in order, the parts between filling its holes.
std::optional<std::string> Language::find(const std::string& sentence) const {
  if (const auto whole = known_.find(sentence); whole != known_.end() && !whole->second.empty()) return whole->second;
  if (sentence.find(' ') == std::string::npos) return std::nullopt;
  for (const Pattern& pattern : patterns_) {
    if (!sentence.starts_with(pattern.fixed.front()) || !sentence.ends_with(pattern.fixed.back())) continue;
    std::size_t at = pattern.fixed.front().size();
    const std::size_t last = sentence.size() - pattern.fixed.back().size();
    std::vector<std::string> with(10);
    bool matches = true;
    for (std::size_t i = 0; matches && i < pattern.holes.size(); ++i) {
      const bool is_last = i + 1 == pattern.holes.size();
      const std::size_t next = is_last ? last : sentence.find(pattern.fixed[i + 1], at);
      matches = next != std::string::npos && next >= at && next <= last;
      if (!matches) break;
      const std::string part = sentence.substr(at, next - at);
      const std::string &before = pattern.fixed[i], &after = pattern.fixed[i + 1];
      const bool verbatim = (before.ends_with('\'') && after.starts_with('\'')) || after.starts_with('=');   // a word as the user wrote it
      with[static_cast<std::size_t>(pattern.holes[i])] = verbatim ? part : retell(part);
      at = next + (is_last ? 0 : pattern.fixed[i + 1].size());
    }
    if (matches) return fill_holes(pattern.translation, with);
  }
  return std::nullopt;
}

std::string Language::retell(const std::string& sentence) const {
  if (known_.empty() || sentence.empty()) return sentence;
  if (auto told = find(sentence)) return *told;
  if (sentence.front() < 'A' || sentence.front() > 'Z') return sentence;
  std::string plain = sentence;  // rooms that know no language begin small; some answers begin their sentences with a capital
  plain.front() = static_cast<char>(plain.front() - 'A' + 'a');
  return find(plain).value_or(sentence);
}

}  // namespace rigcast::report
