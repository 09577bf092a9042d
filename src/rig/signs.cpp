// Rig specs as people punctuate them, in the grammar's own signs.

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "rig/host_spec.hpp"
#include "rig/spec.hpp"

namespace rigcast::rig {
namespace {

constexpr std::string_view kSpaces = " \t";

// Full-width signs, each with what it stands for.
constexpr std::array<std::pair<std::string_view, char>, 9> kWide = {{{"，", ','}, {"、", ','}, {"；", ';'}, {"＋", '+'}, {"：", ':'}, {"（", ' '}, {"）", ' '}, {"＆", '+'}, {"　", ' '}}};
constexpr std::array<std::string_view, 6> kJoining = {"&", "and", "with", "plus", "和", "加"};   // between spaces

void blank(std::string& text, std::size_t begin, std::size_t length, char sign) {
  text.replace(begin, length, std::string(length, ' '));
  text[begin] = sign;
}

void narrow_signs(std::string& text) {
  for (const auto& [wide, sign] : kWide)
    for (std::size_t at = text.find(wide); at != std::string::npos; at = text.find(wide, at)) blank(text, at, wide.size(), sign);
  for (char& c : text)
    if (c == '(' || c == ')') c = ' ';
}

std::string_view word_at(std::string_view text, std::size_t begin) {
  const std::size_t first = std::min(text.find_first_not_of(kSpaces, begin), text.size());
  return text.substr(first, text.find_first_of(" \t,;|+@", first) - first);
}

bool stands_alone(std::string_view word) {
  const std::string lower = to_lower(word);
  const auto& alone = standing_alone();
  const bool power = lower.size() > 1 && lower.back() == 'w' && parse_double(std::string_view(lower).substr(0, lower.size() - 1)).has_value();
  return std::find(alone.begin(), alone.end(), lower) != alone.end() || power || lower == "linux" || lower == "windows" || lower == "macos";
}

bool is_option(std::string_view word) { return word.find('=') != std::string_view::npos || stands_alone(word); }

void plus_for_joining_words(std::string& text) {
  for (const std::string_view word : kJoining)
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const std::size_t end = at + word.size();
      const bool apart = at > 0 && kSpaces.find(text[at - 1]) != std::string_view::npos && end < text.size() && kSpaces.find(text[end]) != std::string_view::npos;
      const bool of_name = word == "with" && !is_option(word_at(text, end));   // "Ryzen 7 7840HS with Radeon 780M Graphics"
      if (apart && !of_name) blank(text, at, word.size(), '+');
    }
}

// "64g", "2xddr4-3600"; "4090-48g" is a card.
bool is_of_memory(std::string_view word) {
  const std::string lower = to_lower(word);
  const bool begins_with_name = lower.find_first_not_of("0123456789.gibt") != std::string::npos;
  return (!begins_with_name && is_memory_size(lower)) || lower.find("ddr") != std::string::npos;
}

// What a comma at `at` means there; between devices it stays, for it may mean one machine or two.
char meaning(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at), part = before.substr(before.find_last_of(";|") + 1), next = word_at(text, at + 1);
  const std::size_t host = part.rfind("host=");
  const bool in_host = host != std::string_view::npos && part.find_first_of("+@", host) == std::string_view::npos;
  if (next.empty() || is_option(next)) return ' ';
  if (is_of_memory(next)) return in_host ? ':' : ' ';
  return in_host ? ';' : ',';
}

}  // namespace

std::string in_own_signs(std::string_view spec) {
  std::string text(spec);
  narrow_signs(text);
  plus_for_joining_words(text);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != ',' && text[at] != '+') continue;
    const std::size_t word = text.find_last_of(" \t+;|", at == 0 ? 0 : at - 1);
    const bool of_device = text.substr(word == std::string::npos ? 0 : word, at - (word == std::string::npos ? 0 : word)).find('@') != std::string::npos;
    if (text[at] == ',' && !of_device) text[at] = meaning(text, at);   // behind '@' it parts options
    else if (text[at] == '+' && is_option(word_at(text, at + 1))) text[at] = ' ';
  }
  return text;
}

}  // namespace rigcast::rig
