#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace rigcast {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string strip_trailing_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

// A number rounded to so many decimals, as the whole number of their units.
struct Rounded { std::uint32_t units = 0; int decimals = 0; };

// Times a power of ten that is exact, a number below 2^30 is off by less than 2^-23: only where that might be the half between two whole ones is
// there more to it.
std::optional<Rounded> rounded(double value, int decimals) {
  constexpr std::array<double, 16> powers = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (decimals < 0 || decimals >= static_cast<int>(powers.size())) return std::nullopt;
  const double units = std::abs(value) * powers[static_cast<std::size_t>(decimals)];
  if (!(units < 0x1p30)) return std::nullopt;
  const auto below = static_cast<std::uint32_t>(units);
  const double rest = units - below;
  if (std::abs(rest - 0.5) < 0x1p-20) return std::nullopt;
  return Rounded{below + (rest > 0.5), decimals};
}

std::string text_of(Rounded number, bool negative) {
  std::array<char, 32> buffer;
  auto at = buffer.end();
  const auto least = buffer.end() - (number.decimals > 0 ? number.decimals + 2 : 1);   // a digit before the point
  const auto point = buffer.end() - number.decimals - 1;
  for (std::uint32_t rest = number.units; rest > 0 || at > least; rest /= 10) {
    *--at = static_cast<char>('0' + rest % 10);
    if (number.decimals > 0 && at - 1 == point) *--at = '.';
  }
  if (negative && number.units > 0) *--at = '-';
  return std::string(at, buffer.end());
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t i = 0;
  while (i < text.size()) {
    while (i < text.size() && is_space(text[i])) ++i;
    std::size_t end = i;
    while (end < text.size() && !is_space(text[end])) ++end;
    if (end > i) words.push_back(text.substr(i, end - i));
    i = end;
  }
  return words;
}

std::string join(std::span<const std::string> pieces, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) out += separator;
    out += pieces[i];
  }
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos && !from.empty(); at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

namespace {

// A plain decimal of at most 15 digits, as nearly all are: its digits and the power of ten below them are exact, and so their quotient is
// the nearest double (Clinger 1990, How to Read Floating Point Numbers Accurately). 0 power: not of that kind.
struct ShortDecimal { double digits = 0, power = 0; };

ShortDecimal short_decimal(std::string_view text) {
  constexpr std::array<double, 16> powers = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::int64_t digits = 0;
  std::size_t count = 0, behind = 0;
  bool point = false;
  for (const char c : text) {
    if (c == '.' && !point) { point = true; continue; }
    if (c < '0' || c > '9' || ++count > 15) return {};
    digits = digits * 10 + (c - '0');
    behind += point;
  }
  if (count == 0) return {};
  return {negative ? -static_cast<double>(digits) : static_cast<double>(digits), powers[behind]};
}

}  // namespace

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  if (const ShortDecimal decimal = short_decimal(text); decimal.power > 0) return decimal.digits / decimal.power;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> parse_year(std::string_view date) {
  const auto parts = split(date, '-');
  const auto number = [&](std::size_t part, std::int64_t least, std::int64_t most) {
    const auto value = parse_int(parts[part]);
    return value && *value >= least && *value <= most ? std::optional(static_cast<double>(*value)) : std::nullopt;
  };
  const auto year = number(0, 2000, 2100), month = parts.size() > 1 ? number(1, 1, 12) : std::optional(6.5);
  if (!year || !month || parts.size() > 3 || (parts.size() == 3 && !number(2, 1, 31))) return std::nullopt;
  return *year + (*month - 0.5) / 12;
}

std::optional<std::int64_t> parse_int(std::string_view text) {
  std::int64_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string format_number(double value, int decimals) {
  if (const auto number = rounded(value, decimals)) return text_of(*number, value < 0);
  std::array<char, 400> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, decimals);
  std::string text(buffer.data(), result.ptr);
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return is_zero && text.starts_with('-') ? text.substr(1) : text;
}

std::string format_grouped(std::int64_t value) {
  const std::string digits = std::to_string(value);
  const std::size_t sign = value < 0 ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string format_shortest(double value) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), result.ptr);
}

std::string format_significant(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return value == 0 ? "0" : format_shortest(value);
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const int decimals = std::max(0, digits - 1 - magnitude);
  if (auto number = rounded(value, decimals)) {
    for (; number->decimals > 0 && number->units % 10 == 0; --number->decimals) number->units /= 10;
    return text_of(*number, value < 0);
  }
  return strip_trailing_zeros(format_number(value, decimals));
}

int edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the Damerau-Levenshtein table (optimal string alignment).
  const std::size_t width = b.size() + 1;
  std::vector<int> before(width), previous(width), current(width);
  for (std::size_t j = 0; j < width; ++j) previous[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = static_cast<int>(i);
    for (std::size_t j = 1; j < width; ++j) {
      const int replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return seed;
}

std::string format_hex(std::uint64_t value, int digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < digits; ++i) text += kDigits[(value >> (60 - 4 * i)) & 15];
  return text;
}

std::string fold_name(std::string_view name) {
  std::string out;
  bool gap = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = lower(name[i]);
    if (c == ' ' || c == '\t' || c == '-' || c == '_' || c == '(' || c == ')') {
      gap = true;
      continue;
    }
    // UTF-8 of the registered sign (C2 AE) and the trade mark sign (E2 84 A2).
    if (name.substr(i, 2) == "\xC2\xAE") { i += 1; continue; }
    if (name.substr(i, 3) == "\xE2\x84\xA2") { i += 2; continue; }
    if (gap && !out.empty()) out += '-';
    gap = false;
    out += c;
  }
  return out;
}

namespace {

// A text of fewer than three characters stands in nearly every name: it must be a word of it ("r1" of "deepseek-r1").
bool holds_all_words(std::string_view name, std::string_view words) {
  const auto own = split(name, '-');
  for (const std::string_view word : split(words, '-'))
    if (word.size() < 3 && words.size() < 3 ? std::find(own.begin(), own.end(), word) == own.end() : name.find(word) == std::string_view::npos) return false;
  return true;
}

}  // namespace

bool holds_word(std::string_view text, std::string_view word) {
  const auto joins = [](char c) { return c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end]))) return true;
  }
  return false;
}

std::string nearest_name(std::string_view text, std::span<const std::string> candidates) {
  const std::string wanted = fold_name(text);
  if (wanted.empty()) return {};
  std::string best;
  double best_score = std::numeric_limits<double>::infinity();
  for (const std::string& candidate : candidates) {
    const std::string folded = fold_name(candidate);
    // Of a text so much longer more than half would have to go; comparing it with every name would take seconds.
    const bool begins = wanted.compare(0, folded.size(), folded) == 0;
    if (wanted.size() > 2 * folded.size() && !begins) continue;
    const double distance = edit_distance(wanted, folded);
    const double longest = static_cast<double>(std::max(wanted.size(), folded.size()));
    double score = distance / longest;
    if (wanted.size() >= 2 && holds_all_words(folded, wanted)) score *= 0.5;
    // "qwen3.6", "devstral-small-2": the beginning of a name, cut between two words.
    if (wanted.size() >= 3 && folded.size() > wanted.size() && folded.starts_with(wanted) && folded[wanted.size()] == '-') score *= 0.2;
    // "4090nvlink", "h200x": a name with something behind it.
    if (folded.size() >= 3 && wanted.size() > folded.size() && begins)
      score = std::min(score, 0.5 - 0.1 * static_cast<double>(folded.size()) / longest);
    if (score < best_score) { best_score = score; best = candidate; }
  }
  return best_score < 0.5 ? best : std::string{};   // of what is half another name nobody would think
}

namespace {

struct CodePoint { char32_t value; std::size_t length; };

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (text.size() < length) return {0xFFFD, text.size()};
  char32_t value = first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = (value << 6) | (byte(i) & 0x3Fu);
  return {value, length};
}

// East Asian Wide and Fullwidth ranges that occur in our texts (Unicode Annex 11, condensed).
bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) || (c >= 0x3041 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) ||
         (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

}  // namespace

int display_width(std::string_view utf8) {
  int width = 0;
  while (!utf8.empty()) {
    const CodePoint point = decode(utf8);
    const bool combining = point.value >= 0x0300 && point.value <= 0x036F;
    width += combining ? 0 : is_wide(point.value) ? 2 : 1;
    utf8.remove_prefix(point.length);
  }
  return width;
}

}  // namespace rigcast
