// Counts as people write them around a name.

#include <algorithm>

#include "base/text.hpp"
#include "rig/spec.hpp"

namespace rigcast::rig {
namespace {

constexpr std::pair<std::string_view, int> kNumerals[] = {{"单", 1}, {"一", 1}, {"双", 2}, {"两", 2}, {"二", 2}, {"三", 3}, {"四", 4}, {"五", 5}, {"六", 6}, {"七", 7}, {"八", 8},
                                                          {"九", 9}, {"十", 10}, {"百", 100}};
constexpr std::pair<std::string_view, int> kEnglish[] = {{"single", 1}, {"one", 1}, {"dual", 2}, {"double", 2}, {"twin", 2}, {"two", 2}, {"triple", 3}, {"three", 3}, {"quad", 4}, {"four", 4}, {"six", 6}, {"eight", 8}};
constexpr std::string_view kMeasures[] = {"张", "块", "片", "卡", "个", "路"};
constexpr std::string_view kTimes[] = {"x", "X", "*", "×"};

template <class Words>
std::string_view begins(std::string_view text, const Words& words) {
  for (const std::string_view word : words)
    if (text.starts_with(word)) return word;
  return {};
}

// A Chinese number at the front, taken off it: "双", "十六", "一百二十八".
std::optional<std::int64_t> take_numeral(std::string_view& text) {
  std::int64_t whole = 0, digit = 0;
  bool any = false;
  for (;;) {
    const auto next = std::find_if(std::begin(kNumerals), std::end(kNumerals), [&](const auto& each) { return text.starts_with(each.first); });
    if (next == std::end(kNumerals) || (next->second < 10 && digit > 0) || whole > 1000) break;
    if (next->second < 10) digit = next->second;
    else whole += std::max<std::int64_t>(1, digit) * next->second, digit = 0;
    any = true;
    text.remove_prefix(next->first.size());
  }
  return any ? std::optional(whole + digit) : std::nullopt;
}

// "dual 3090": an English number and what parts it from the name, taken off it.
std::optional<std::int64_t> take_english(std::string_view& text) {
  const std::size_t end = text.find_first_of(" -");
  if (end == std::string_view::npos) return std::nullopt;
  const auto word = std::find_if(std::begin(kEnglish), std::end(kEnglish), [&](const auto& each) { return equal_ignoring_case(text.substr(0, end), each.first); });
  if (word == std::end(kEnglish)) return std::nullopt;
  text.remove_prefix(end + 1);
  return word->second;
}

// A number at the front, taken off it: digits or a Chinese number.
std::optional<std::int64_t> take_number(std::string_view& text, bool& in_digits) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  in_digits = digits > 0;
  if (in_digits) {
    const auto number = parse_int(text.substr(0, digits));
    text.remove_prefix(digits);
    return number;
  }
  return take_numeral(text);
}

std::optional<Counted> count_before(std::string_view text) {
  if (const auto word = take_english(text); word && !trim(text).empty()) return Counted{*word, std::string(trim(text))};
  const std::string_view sign = begins(text, kTimes);   // "x2 3090"
  text.remove_prefix(sign.size());
  bool in_digits = false;
  const auto count = take_number(text, in_digits);
  if (!count || (!sign.empty() && !text.starts_with(' '))) return std::nullopt;
  const bool apart = text.starts_with(' ');
  text = trim(text);
  const std::string_view measure = begins(text, kMeasures), times = begins(text, kTimes);
  if (in_digits && measure.empty() && times.empty() && (!apart || *count > kMostOfAKind)) return std::nullopt;   // "4090", "910 b" of a name
  text.remove_prefix(measure.empty() ? times.size() : measure.size());
  return trim(text).empty() ? std::nullopt : std::optional(Counted{*count, std::string(trim(text))});
}

std::optional<Counted> count_behind(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    std::string_view rest = text.substr(i);
    const std::string_view times = begins(rest, kTimes);
    rest.remove_prefix(times.size());
    if (!times.empty()) rest = trim(rest);
    bool in_digits = false;
    const auto count = take_number(rest, in_digits);
    if (!count || (times.empty() && in_digits && text[i - 1] != ' ')) continue;
    const std::string_view measure = begins(rest, kMeasures);
    rest.remove_prefix(measure.size());
    const bool letter = times == "x" || times == "X";   // of "rtx 3090" it is no sign, of "32Gx8" and "910bx8" it is
    if (const std::string_view behind = begins(rest, kTimes); times.empty() && in_digits && !behind.empty() && behind == rest) return Counted{*count, std::string(trim(text.substr(0, i)))};   // "3090 2x"
    if (!rest.empty() || (times.empty() && measure.empty()) || (letter && !is_digit(text[i - 1]) && std::string_view(" gGbB").find(text[i - 1]) == std::string_view::npos)) continue;
    return Counted{*count, std::string(trim(text.substr(0, i)))};
  }
  return std::nullopt;
}

// "GB200 NVL72": a rack by the number of its GPUs.
std::optional<Counted> count_of_rack(std::string_view text) {
  constexpr std::string_view kRack = "nvl";
  const std::size_t gap = text.find_last_of(" -");
  if (gap == std::string_view::npos) return std::nullopt;
  const std::string word = to_lower(text.substr(gap + 1));
  const auto count = word.starts_with(kRack) ? parse_int(std::string_view(word).substr(kRack.size())) : std::nullopt;
  return count ? std::optional(Counted{*count, std::string(trim(text.substr(0, gap)))}) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> count_alone(std::string_view text) {
  text = trim(text);
  const std::string_view sign = begins(text, kTimes);
  text.remove_prefix(sign.size());
  bool in_digits = false;
  const auto count = take_number(text, in_digits);
  const std::string_view behind = begins(text, kMeasures).empty() ? begins(text, kTimes) : begins(text, kMeasures);
  return count && behind == text && (sign.empty() != behind.empty()) ? count : std::nullopt;
}

std::vector<Counted> split_counts(std::string_view name) {
  std::vector<Counted> readings;
  for (const auto& counted : {count_before(trim(name)), count_behind(trim(name)), count_of_rack(trim(name))})
    if (counted) readings.push_back(*counted);
  return readings;
}

}  // namespace rigcast::rig
