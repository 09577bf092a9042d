#include "rig/spec.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.hpp"

namespace rigcast::rig {
namespace {

constexpr double kMostMemory = 64 * 1024 * kGiB;   // the largest servers hold 48 TiB

// A piece of the spec and where it begins (columns count from 1).
struct Word {
  std::string_view text;
  int column = 1;
};

Where at(int column) { return {"rig", 1, column}; }

std::vector<Word> cut(const Word& word, char separator) {
  std::vector<Word> out;
  int column = word.column;
  for (const std::string_view piece : split(word.text, separator)) {
    out.push_back({piece, column});
    column += static_cast<int>(piece.size()) + 1;
  }
  return out;
}

Word trimmed(Word word) {
  const std::string_view left = trim(word.text);
  if (!left.empty()) word.column += static_cast<int>(left.data() - word.text.data());
  return {left, word.column};
}

std::vector<Word> words_of(const Word& segment) {
  std::vector<Word> out;
  for (const std::string_view word : split_words(segment.text))
    out.push_back({word, segment.column + static_cast<int>(word.data() - segment.text.data())});
  return out;
}

bool is_one_of(const std::vector<std::string>& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

std::vector<std::string> with_tunnels(std::vector<std::string> names) {
  names.insert(names.end(), kTunnels.begin(), kTunnels.end());
  return names;
}

// "200w", "64g" and "windows" name themselves.
bool is_power(std::string_view lower) { return lower.size() > 1 && lower.back() == 'w' && parse_double(lower.substr(0, lower.size() - 1)).has_value(); }
bool is_memory(std::string_view lower) {
  const std::string_view unit = lower.substr(std::min(lower.find_first_not_of("0123456789."), lower.size()));
  return unit.size() < lower.size() && (unit == "g" || unit == "gb" || unit == "gib");
}
bool is_system(std::string_view lower) { return lower == "linux" || lower == "windows" || lower == "macos"; }

Option read_option(const Word& word) {
  const std::size_t equals = word.text.find('=');
  if (equals != std::string_view::npos) {
    const std::string_view value = word.text.substr(equals + 1);
    return {to_lower(trim(word.text.substr(0, equals))), std::string(trim(value)), at(word.column + static_cast<int>(equals) + 1)};
  }
  const std::string text = to_lower(word.text);
  if (is_power(text)) return {"power", text, at(word.column)};
  if (is_memory(text)) return {"memory", text, at(word.column)};
  if (is_system(text)) return {"os", text, at(word.column)};
  return {text, "", at(word.column)};
}

// The '+' that joins groups; the one in "Ryzen AI Max+ 395" and "8480+" (before a space, end or '@' after a letter or digit of a name) is
// kept only for "max+", which is how that name is always written.
std::vector<Word> split_groups(const Word& expression) {
  std::vector<Word> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= expression.text.size(); ++i) {
    const bool end = i == expression.text.size();
    if (!end && expression.text[i] != '+') continue;
    if (!end && i >= 3 && equal_ignoring_case(expression.text.substr(i - 3, 3), "max")) continue;
    out.push_back({expression.text.substr(begin, i - begin), expression.column + static_cast<int>(begin)});
    begin = i + 1;
  }
  return out;
}

// How a card is sold says nothing of what it does: "二手3090", "used 3090". (That it is modded says what memory it has.)
constexpr std::string_view kModified[] = {"魔改", "改装", "modded"};
constexpr std::string_view kSoldAs[] = {"二手", "全新", "魔改", "改装", "拆机", "used", "second-hand", "secondhand", "modded", "refurbished"};
bool is_sold_as(std::string_view lower) { return std::find(std::begin(kSoldAs), std::end(kSoldAs), lower) != std::end(kSoldAs); }

std::string without_how_sold(std::string_view name) {
  std::vector<std::string> words;
  for (const std::string_view word : split_words(name))
    if (!is_sold_as(to_lower(word))) words.emplace_back(word);
  std::string left = join(words, " ");
  for (const std::string_view each : kSoldAs)   // Chinese words stand without spaces between
    if (static_cast<unsigned char>(each.front()) >= 0x80) left = replace_all(std::move(left), each, "");
  return std::string(trim(left));
}

Result<DeviceGroup> read_group(const Word& untrimmed) {
  const Word word = trimmed(untrimmed);
  DeviceGroup group;
  const std::vector<Word> pieces = cut(word, '@');
  Word name = pieces.front();
  std::size_t digits = 0;
  while (digits < name.text.size() && is_digit(name.text[digits])) ++digits;
  std::size_t rest = digits;
  while (rest < name.text.size() && name.text[rest] == ' ') ++rest;
  std::size_t after = 0;
  if (rest < name.text.size() && (name.text[rest] == 'x' || name.text[rest] == 'X' || name.text[rest] == '*')) after = rest + 1;
  if (name.text.substr(rest, 2) == "\xC3\x97") after = rest + 2;  // the multiplication sign
  // "7900xtx" is a name: nobody has a thousand cards, and no name is three digits and an x.
  if (digits > 0 && digits <= 3 && after > 0) {
    const auto count = parse_int(name.text.substr(0, digits));
    if (!count || *count < 1) return fail(ErrorKind::input, "a rig of zero devices: the count must be at least 1", at(name.column), "rig");
    group.count = static_cast<int>(*count);
    name = {name.text.substr(after), name.column + static_cast<int>(after)};
  }
  name = trimmed(name);
  if (const std::size_t comma = name.text.find(','); comma != std::string_view::npos) {
    std::vector<std::string> devices;
    for (const std::string_view each : split(word.text, ',')) devices.emplace_back(trim(each));
    return fail(ErrorKind::input, "a comma joins no devices: '+' does so in one machine, and machines that are compared have an --on each", at(name.column + static_cast<int>(comma)), "rig",
                join(devices, "+"));
  }
  group.where = at(name.column);
  group.name = without_how_sold(name.text);
  const std::string said = to_lower(name.text);
  group.modified = std::any_of(std::begin(kModified), std::end(kModified), [&](std::string_view each) { return said.find(each) != std::string::npos; });
  if (group.name.empty()) return fail(ErrorKind::input, "a device name is missing", at(word.column), "rig");
  for (std::size_t i = 1; i < pieces.size(); ++i)
    for (const Word& option : cut(pieces[i], ',')) {
      if (trim(option.text).empty()) return fail(ErrorKind::input, "an option is missing behind '@'", at(option.column), "rig");
      group.options.push_back(read_option(trimmed(option)));
    }
  return group;
}

std::string_view next_word(const Word& segment, const Word& word) {
  const auto behind = static_cast<std::size_t>(word.text.data() + word.text.size() - segment.text.data());
  const auto words = split_words(segment.text.substr(behind));
  return words.empty() ? std::string_view() : words.front();
}

// "4x8", "4.0x16": generation and lanes.
bool is_wiring(std::string_view text) {
  const std::size_t times = text.find_first_of("xX");
  return times != std::string_view::npos && parse_double(text.substr(0, times)).has_value() && parse_int(text.substr(times + 1)).has_value();
}

// Consecutive words that are no options are one expression, so that "2x RTX 3090" needs no hyphens. A size behind a name is part of it.
Result<void> read_segment(const Word& segment, Part& part, Spec& spec) {
  int begin = 0;
  std::string_view expression;
  const auto flush = [&]() -> Result<void> {
    if (expression.empty()) return {};
    if (const auto count = count_alone(expression); count && *count > 0 && *count <= kMostOfAKind && part.groups.size() == 1 && part.groups.front().count == 1) {   // "v100 nvlink x2"
      part.groups.front().count = static_cast<int>(*count);
      expression = {};
      return {};
    }
    for (const Word& group : split_groups({expression, begin})) {
      RC_ASSIGN(read, read_group(group));
      part.groups.push_back(std::move(read));
    }
    expression = {};
    return {};
  };
  Option* open = nullptr;  // "host=AMD EPYC 7532": words behind it belong to it
  bool names_slot = false;   // "pcie 4x8"
  for (const Word& word : words_of(segment)) {
    const std::string lower = to_lower(word.text);
    if (std::exchange(names_slot, false)) {
      part.options.push_back({"pcie", lower, at(word.column)});
      continue;
    }
    if (lower.starts_with("pcie") && !open && (!expression.empty() || !part.groups.empty()) && (lower == "pcie" ? is_wiring(next_word(segment, word)) : is_wiring(std::string_view(lower).substr(4)))) {
      RC_TRY(flush());
      if (lower == "pcie") names_slot = true;
      else part.options.push_back({"pcie", lower.substr(4), at(word.column + 4)});
      continue;
    }
    if (is_sold_as(lower) && !open && (expression.empty() || !part.options.empty())) continue;
    const std::size_t equals = word.text.find('='), mark = word.text.find('@');
    const bool is_option = is_one_of(standing_alone(), lower) || (equals != std::string_view::npos && equals < mark) || is_power(lower) || is_system(lower) ||
                           (is_memory(lower) && expression.empty() && !open);
    if (!is_option && open) {
      open->value += " " + std::string(word.text);
      continue;
    }
    if (!is_option) {
      if (expression.empty()) begin = word.column, expression = word.text;
      else expression = std::string_view(expression.data(), static_cast<std::size_t>(word.text.data() + word.text.size() - expression.data()));
      continue;
    }
    RC_TRY(flush());
    Option option = read_option(word);
    std::vector<Option>& target = is_one_of(rig_options(), option.name) && !is_one_of(part_options(), option.name) ? spec.options : part.options;
    target.push_back(std::move(option));
    open = target.back().name == "host" ? &target.back() : nullptr;
  }
  return flush();
}

}  // namespace

// What they say is their name.
const std::vector<std::string>& standing_alone() {
  static const std::vector<std::string> names = with_tunnels({"nvlink", "nvlink-pairs", "no-nvlink", "fabric", "fabric-pairs", "no-fabric", "bridge", "p2p",
                                                              "no-p2p", "chipset", "riser", "display"});
  return names;
}

const std::vector<std::string>& device_options() {
  static const std::vector<std::string> names = with_tunnels({"power", "memory", "pcie", "reserved", "gpu", "link", "chipset", "riser", "display", "p2p", "no-p2p"});
  return names;
}

const std::vector<std::string>& part_options() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = device_options();
    for (const char* name : {"host", "os", "host-reserved", "nvlink", "nvlink-pairs", "no-nvlink", "fabric", "fabric-pairs", "no-fabric", "bridge"})
      all.emplace_back(name);
    return all;
  }();
  return names;
}

const std::vector<std::string>& rig_options() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = part_options();
    for (const char* name : {"net", "nodes"}) all.emplace_back(name);
    return all;
  }();
  return names;
}

Result<Bytes> read_memory(const Option& option) {
  const std::string text = to_lower(trim(option.value));
  std::size_t digits = 0;
  while (digits < text.size() && (is_digit(text[digits]) || text[digits] == '.')) ++digits;
  const auto number = parse_double(std::string_view(text).substr(0, digits));
  const std::string unit(trim(std::string_view(text).substr(digits)));
  double factor = 0;
  for (const auto& [name, value] : {std::pair("m", kMiB), {"mb", kMiB}, {"mib", kMiB}, {"g", kGiB}, {"gb", kGiB}, {"gib", kGiB}, {"t", kGiB * 1024}, {"tb", kGiB * 1024}, {"tib", kGiB * 1024}})
    if (unit == name) factor = value;
  if (!number || factor == 0 || *number < 0 || !std::isfinite(*number * factor))
    return fail(ErrorKind::input, option.name + ": '" + option.value + "' is not a memory size (512m, 24g, 1.5t)", option.where, option.name);
  if (*number * factor > kMostMemory) return fail(ErrorKind::input, option.name + ": '" + option.value + "' is more memory than any machine has", option.where, option.name, "64t");
  return Bytes(*number * factor);
}

Result<Spec> read_spec(std::string_view as_written) {
  Spec spec;
  if (as_written.size() > 100000) return fail(ErrorKind::input, "a rig spec of more than 100,000 characters", at(1), "rig");
  const std::string signs = in_own_signs(as_written);
  const std::string_view text = signs;
  if (trim(text).empty()) return fail(ErrorKind::input, "an empty rig: name a device (\"2x3090\") or a host (\"host=epyc-7532:8xddr4-3200:512g\")", at(1), "rig");
  for (const Word& host : cut({text, 1}, '|')) {
    Part part;
    for (const Word& segment : cut(host, ';')) RC_TRY(read_segment(segment, part, spec));
    if (part.groups.empty() && part.options.empty()) {
      if (cut({text, 1}, '|').size() > 1 && !trim(host.text).empty()) continue;  // only "net=" or "nodes="
      if (trim(host.text).empty()) return fail(ErrorKind::input, "nothing stands here: a device or a host is missing", at(host.column), "rig");
      continue;
    }
    spec.parts.push_back(std::move(part));
  }
  if (spec.parts.empty()) return fail(ErrorKind::input, "an empty rig: name a device (\"2x3090\")", at(1), "rig");
  return spec;
}

}  // namespace rigcast::rig
