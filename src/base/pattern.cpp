// A reader by recursive descent that writes steps, and a run over (step, place) that takes each pair once.

#include "base/pattern.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace rigcast {

namespace {

using Set = std::bitset<256>;

bool is_word(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

Set set_of(auto&& holds) {
  Set set;
  for (int c = 0; c < 256; ++c) set[static_cast<std::size_t>(c)] = holds(c);
  return set;
}
Set range(int first, int last) {
  return set_of([&](int c) { return c >= first && c <= last; });
}
Set one(char c) { return Set().set(static_cast<unsigned char>(c)); }

const Set kDigits = range('0', '9');
const Set kWords = set_of([](int c) { return is_word(static_cast<unsigned char>(c)); });
const Set kSpaces = set_of([](int c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
const Set kNotLineEnds = ~(one('\n') | one('\r'));

// "[:alpha:]", in the classic locale.
std::optional<Set> named_set(std::string_view name) {
  const Set lower = range('a', 'z'), upper = range('A', 'Z'), letters = lower | upper, visible = range('!', '~');
  const std::array<std::pair<std::string_view, Set>, 14> sets = {{{"alpha", letters}, {"digit", kDigits}, {"alnum", letters | kDigits}, {"lower", lower}, {"upper", upper},
                                                                  {"space", kSpaces}, {"blank", one(' ') | one('\t')}, {"xdigit", kDigits | range('a', 'f') | range('A', 'F')},
                                                                  {"punct", visible & ~(letters | kDigits)}, {"graph", visible}, {"print", range(' ', '~')},
                                                                  {"cntrl", range(0, 31) | range(127, 127)}, {"w", kWords}, {"d", kDigits}}};
  for (const auto& [known, set] : sets)
    if (known == name) return set;
  return name == "s" ? std::optional(kSpaces) : std::nullopt;
}

// \d, \w, \s and their contraries.
std::optional<Set> letter_set(char letter) {
  switch (letter) {
    case 'd': return kDigits;
    case 'D': return ~kDigits;
    case 'w': return kWords;
    case 'W': return ~kWords;
    case 's': return kSpaces;
    case 'S': return ~kSpaces;
    default: return std::nullopt;
  }
}

}  // namespace

class PatternReader {
 public:
  explicit PatternReader(std::string_view text) : text_(text) {}

  Result<Pattern> run() {
    if (text_.size() > Pattern::kMostSteps) return too_long();
    RC_ASSIGN(steps, alternatives(0));
    if (at_ < text_.size()) return wrong();   // a ')' that nothing opened
    steps.push_back({Kind::found, 1, 0});
    out_.steps_ = std::move(steps);
    return std::move(out_);
  }

 private:
  using Kind = Pattern::Step::Kind;
  using Step = Pattern::Step;
  using Steps = Pattern::Steps;

  static tl::unexpected<Error> wrong() { return fail(ErrorKind::input, "is no regular expression"); }
  static tl::unexpected<Error> too_long() { return fail(ErrorKind::input, "is too long with its repeats written out"); }

  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(std::string_view words) {
    if (!text_.substr(at_).starts_with(words)) return false;
    at_ += words.size();
    return true;
  }

  static int size(const Steps& steps) { return static_cast<int>(steps.size()); }
  static void append(Steps& to, const Steps& from) { to.insert(to.end(), from.begin(), from.end()); }

  Result<Steps> alternatives(int depth) {
    if (depth > Pattern::kDeepest) return wrong();
    RC_ASSIGN(steps, sequence(depth));
    while (take("|")) {
      RC_ASSIGN(other, sequence(depth));
      Steps both = {{Kind::fork, 1, size(steps) + 2}};
      append(both, steps);
      both.push_back({Kind::jump, size(other) + 1, 0});
      append(both, other);
      if (both.size() > Pattern::kMostSteps) return too_long();
      steps = std::move(both);
    }
    return steps;
  }

  Result<Steps> sequence(int depth) {
    Steps steps;
    while (at_ < text_.size() && !next_is('|') && !next_is(')')) {
      RC_ASSIGN(part, term(depth));
      append(steps, part);
      if (steps.size() > Pattern::kMostSteps) return too_long();
    }
    return steps;
  }

  Result<Steps> term(int depth) {
    if (take("^")) return Steps{{Kind::begin, 1, 0}};
    if (take("$")) return Steps{{Kind::end, 1, 0}};
    if (take("\\b")) return Steps{{Kind::edge, 1, 0}};
    if (take("\\B")) return Steps{{Kind::inside, 1, 0}};
    if (take("(?=")) return look(Kind::look, depth);
    if (take("(?!")) return look(Kind::look_not, depth);
    RC_ASSIGN(steps, atom(depth));
    for (bool more = true; more;) {
      RC_ASSIGN(repeated, repeat(steps));
      more = repeated;
      if (steps.size() > Pattern::kMostSteps) return too_long();
    }
    return steps;
  }

  Result<Steps> look(Kind kind, int depth) {
    if (out_.looks_ == Pattern::kMostLooks) return fail(ErrorKind::input, "looks ahead more than " + std::to_string(Pattern::kMostLooks) + " times");
    const int number = out_.looks_++;
    RC_ASSIGN(body, closed(depth));
    Steps steps = {{kind, size(body) + 2, number}};
    append(steps, body);
    steps.push_back({Kind::found, 1, 0});
    return steps;
  }

  // The rest of a group up to its ')'.
  Result<Steps> closed(int depth) {
    RC_ASSIGN(steps, alternatives(depth + 1));
    if (!take(")")) return wrong();
    return steps;
  }

  Result<Steps> atom(int depth) {
    if (take("(?:") || take("(")) return closed(depth);
    if (take("[")) return brackets();
    if (take(".")) return bytes(kNotLineEnds);
    if (next_is('\\')) {
      RC_ASSIGN(set, escaped());
      return bytes(set);
    }
    if (std::string_view("*+?{").find(text_[at_]) != std::string_view::npos) return wrong();   // nothing to repeat
    return bytes(one(text_[at_++]));
  }

  Steps bytes(const Set& set) {
    const auto known = std::find(out_.sets_.begin(), out_.sets_.end(), set);
    const auto index = static_cast<int>(known - out_.sets_.begin());
    if (known == out_.sets_.end()) out_.sets_.push_back(set);
    return {{Kind::bytes, 1, index}};
  }

  // Behind a backslash: a set, or one character however it is written.
  Result<Set> escaped() {
    if (++at_ >= text_.size()) return wrong();
    const char c = text_[at_++];
    if (const auto set = letter_set(c)) return *set;
    constexpr std::pair<char, char> kControls[] = {{'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}, {'0', '\0'}};
    for (const auto& [letter, control] : kControls)
      if (c == letter) return one(control);
    if (c >= '1' && c <= '9') return fail(ErrorKind::input, "refers back to a group");
    if (c == 'x' || c == 'u') return hexadecimal(c == 'x' ? 2 : 4);
    if (c == 'c') return at_ < text_.size() ? Result<Set>(one(static_cast<char>(text_[at_++] % 32))) : wrong();
    return one(c);
  }

  Result<Set> hexadecimal(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      constexpr std::string_view kDigitsInOrder = "0123456789abcdef";
      const std::size_t digit = at_ < text_.size() ? kDigitsInOrder.find(static_cast<char>(text_[at_] >= 'A' && text_[at_] <= 'F' ? text_[at_] + 32 : text_[at_])) : std::string_view::npos;
      if (digit == std::string_view::npos) return wrong();
      value = value * 16 + static_cast<int>(digit);
      ++at_;
    }
    return value < 256 ? Result<Set>(one(static_cast<char>(value))) : wrong();   // names are bytes
  }

  Result<Steps> brackets() {
    const bool contrary = take("^");
    Set all;
    while (!take("]")) {
      RC_ASSIGN(first, member());
      if (!next_is('-') || text_.substr(at_, 2) == "-]" || first.count() != 1) {
        all |= first;
        continue;
      }
      ++at_;
      RC_ASSIGN(last, member());
      if (last.count() != 1 || lowest(last) < lowest(first)) return wrong();
      all |= range(lowest(first), lowest(last));
    }
    return bytes(contrary ? ~all : all);
  }
  static int lowest(const Set& set) {
    int c = 0;
    while (!set[static_cast<std::size_t>(c)]) ++c;
    return c;
  }

  // One thing between brackets.
  Result<Set> member() {
    if (at_ >= text_.size()) return wrong();
    if (take("[:")) {
      const std::size_t end = text_.find(":]", at_);
      const auto set = end == std::string_view::npos ? std::nullopt : named_set(text_.substr(at_, end - at_));
      if (!set) return wrong();
      at_ = end + 2;
      return *set;
    }
    if (text_.substr(at_).starts_with("[.") || text_.substr(at_).starts_with("[=")) return wrong();
    if (take("\\b")) return one('\b');
    if (next_is('\\')) return escaped();
    return one(text_[at_++]);
  }

  // Repeats what stands before it; false: no repeat follows.
  Result<bool> repeat(Steps& steps) {
    constexpr int kForever = -1;
    if (take("*")) RC_TRY(times(steps, 0, kForever));
    else if (take("+")) RC_TRY(times(steps, 1, kForever));
    else if (take("?")) RC_TRY(times(steps, 0, 1));
    else if (take("{")) {
      RC_ASSIGN(least, count());
      int most = least;
      if (take(",")) {
        most = kForever;
        if (!next_is('}')) {
          RC_ASSIGN(said, count());
          most = said;
        }
      }
      if (!take("}") || (most != kForever && most < least)) return wrong();
      RC_TRY(times(steps, least, most));
    } else return false;
    take("?");   // lazy
    return true;
  }
  Result<int> count() {
    int value = 0;
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) value = std::min(value * 10 + (text_[at_] - '0'), 1 << 20);
    return at_ > begin ? Result<int>(value) : wrong();
  }

  // `least` times, then up to `most` (negative: without end).
  static Result<void> times(Steps& steps, int least, int most) {
    const Steps part = std::exchange(steps, {});
    const auto copies = static_cast<std::size_t>(std::max(least, most)) + 1;
    if (copies * (part.size() + 2) > 2 * Pattern::kMostSteps) return too_long();
    for (int i = 0; i < least; ++i) append(steps, part);
    for (int i = least; i < most; ++i) {
      steps.push_back({Kind::fork, 1, size(part) + 1});
      append(steps, part);
    }
    if (most >= 0) return {};
    steps.push_back({Kind::fork, 1, size(part) + 2});
    append(steps, part);
    steps.push_back({Kind::jump, -(size(part) + 1), 0});
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Pattern out_;
};

class PatternRun {
 public:
  PatternRun(const Pattern& pattern, std::string_view text)
      : pattern_(pattern), text_(text), looked_(static_cast<std::size_t>(pattern.looks_) * (text.size() + 1), kUnknown) {}

  bool found() {
    std::vector<bool> seen = nothing_seen();   // what failed from one start fails from every other
    for (std::size_t start = 0; start <= text_.size(); ++start)
      if (reaches_end(0, start, seen)) return true;
    return false;
  }

 private:
  using Kind = Pattern::Step::Kind;
  static constexpr signed char kUnknown = -1;

  std::vector<bool> nothing_seen() const { return std::vector<bool>(pattern_.steps_.size() * (text_.size() + 1)); }

  bool reaches_end(std::size_t step, std::size_t place, std::vector<bool>& seen) {
    std::vector<std::pair<std::size_t, std::size_t>> open = {{step, place}};
    while (!open.empty()) {
      const std::size_t s = open.back().first, p = open.back().second;
      open.pop_back();
      const std::size_t pair = s * (text_.size() + 1) + p;
      if (seen[pair]) continue;
      seen[pair] = true;
      const Pattern::Step& now = pattern_.steps_[s];
      const auto to = [&](int steps) { return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(s) + steps); };
      if (now.kind == Kind::found) return true;
      if (now.kind == Kind::fork) open.emplace_back(to(now.other), p);
      if (now.kind == Kind::bytes) {
        if (p < text_.size() && pattern_.sets_[static_cast<std::size_t>(now.other)][static_cast<unsigned char>(text_[p])]) open.emplace_back(s + 1, p + 1);
      } else if (holds(now, s, p)) {
        open.emplace_back(to(now.to), p);
      }
    }
    return false;
  }

  // What a step asks of its place without taking a character.
  bool holds(const Pattern::Step& step, std::size_t s, std::size_t p) {
    switch (step.kind) {
      case Kind::begin: return p == 0;
      case Kind::end: return p == text_.size();
      case Kind::edge: return at_edge(p);
      case Kind::inside: return !at_edge(p);
      case Kind::look: return looks_at(step, s, p);
      case Kind::look_not: return !looks_at(step, s, p);
      default: return true;
    }
  }
  bool at_edge(std::size_t p) const {
    const bool before = p > 0 && is_word(static_cast<unsigned char>(text_[p - 1])), behind = p < text_.size() && is_word(static_cast<unsigned char>(text_[p]));
    return before != behind;
  }
  bool looks_at(const Pattern::Step& step, std::size_t s, std::size_t p) {
    signed char& known = looked_[static_cast<std::size_t>(step.other) * (text_.size() + 1) + p];
    if (known == kUnknown) {
      std::vector<bool> seen = nothing_seen();
      known = reaches_end(s + 1, p, seen) ? 1 : 0;
    }
    return known == 1;
  }

  const Pattern& pattern_;
  std::string_view text_;
  std::vector<signed char> looked_;   // by look and place
};

Result<Pattern> Pattern::compile(std::string_view text) { return PatternReader(text).run(); }

bool Pattern::found_in(std::string_view text) const { return PatternRun(*this, text).found(); }

}  // namespace rigcast
