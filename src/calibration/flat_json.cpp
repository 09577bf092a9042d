#include "calibration/detail/flat_json.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace rigcast::calibration::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of the UTF-8 character that begins here; 0: none does (RFC 3629: neither overlong, nor a surrogate, nor beyond U+10FFFF).
std::size_t character_at(const char* at, const char* end) {
  const auto byte = [&](std::size_t i) { return at + i < end ? static_cast<unsigned char>(at[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) { return byte(i) >= low && byte(i) <= high; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) return follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  if (lead >= 0xF0 && lead <= 0xF4) return follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

void append_character(std::string& text, unsigned code) {
  const auto add = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      add(0xE0 | code >> 12);
    } else {
      add(0xF0 | code >> 18);
      add(0x80 | (code >> 12 & 0x3F));
    }
    add(0x80 | (code >> 6 & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

}  // namespace

// False from any of these: not a document to be read so.
class FlatJson::Reader {
 public:
  Reader(std::string_view text, FlatJson& out) : at_(text.data()), end_(text.data() + text.size()), out_(out) {}

  bool run() {
    skip_space();
    if (at_ == end_ || *at_ != '{' || !value(out_.root_, 0)) return false;
    skip_space();
    return at_ == end_;
  }

 private:
  static constexpr int kDeepest = 16;

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool next(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view expected) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }

  bool value(Value& out, int depth) {
    skip_space();
    if (at_ == end_ || depth > kDeepest) return false;
    const char* const begin = at_;
    bool read = false;
    switch (*at_) {
      case '{': read = object(out, depth); break;
      case '[': read = array(out, depth); break;
      case '"': out.kind = Kind::text; read = text(out.text); break;
      case 'n': read = word("null"); break;
      case 't': out.kind = Kind::boolean; out.truth = true; read = word("true"); break;
      case 'f': out.kind = Kind::boolean; read = word("false"); break;
      default: out.kind = Kind::number; read = number(out.number);
    }
    out.written = {begin, static_cast<std::size_t>(at_ - begin)};
    return read;
  }

  // Members of one object lie side by side: those of its parts before them.
  bool object(Value& out, int depth) {
    out.kind = Kind::object;
    ++at_;
    std::vector<Member> members;
    if (!next('}')) {
      do {
        Member& member = members.emplace_back();
        skip_space();
        if (at_ == end_ || *at_ != '"' || !text(member.key) || !next(':') || !value(member.value, depth + 1)) return false;
      } while (next(','));
      if (!next('}')) return false;
    }
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
    if (std::adjacent_find(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key == b.key; }) != members.end()) return false;
    out.first = static_cast<std::uint32_t>(out_.members_.size());
    out.count = static_cast<std::uint32_t>(members.size());
    out_.members_.insert(out_.members_.end(), members.begin(), members.end());
    return true;
  }

  bool array(Value& out, int depth) {
    out.kind = Kind::array;
    ++at_;
    std::vector<Value> items;
    if (!next(']')) {
      do {
        if (!value(items.emplace_back(), depth + 1)) return false;
      } while (next(','));
      if (!next(']')) return false;
    }
    out.first = static_cast<std::uint32_t>(out_.items_.size());
    out.count = static_cast<std::uint32_t>(items.size());
    out_.items_.insert(out_.items_.end(), items.begin(), items.end());
    return true;
  }

  bool number(double& out) {
    const char* const begin = at_;
    const bool negative = *at_ == '-';
    if (negative) ++at_;
    const auto digits = [&] {
      const char* const first = at_;
      while (at_ < end_ && is_digit(*at_)) ++at_;
      return at_ > first;
    };
    const char* const whole = at_;
    if (!digits() || (*whole == '0' && at_ - whole > 1)) return false;
    bool integer = true;
    if (at_ < end_ && *at_ == '.') {
      ++at_;
      integer = false;
      if (!digits()) return false;
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      integer = false;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (!digits()) return false;
    }
    const auto done = std::from_chars(begin, at_, out);
    if (integer && negative && out == 0) out = 0;   // whole numbers have no -0
    return done.ec == std::errc() && done.ptr == at_;
  }

  bool text(std::string_view& out) {
    const char* const begin = ++at_;
    while (at_ < end_ && *at_ != '"') {
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '\\') return escaped(begin, out);
      if (c < 0x20) return false;
      const std::size_t size = c < 0x80 ? 1 : character_at(at_, end_);
      if (size == 0) return false;
      at_ += size;
    }
    if (at_ == end_) return false;
    out = {begin, static_cast<std::size_t>(at_ - begin)};
    ++at_;
    return true;
  }

  // From the first escape on.
  bool escaped(const char* begin, std::string_view& out) {
    std::string& text = out_.unescaped_.emplace_back(begin, at_);
    while (at_ < end_ && *at_ != '"') {
      const auto c = static_cast<unsigned char>(*at_);
      if (c < 0x20) return false;
      if (c == '\\') {
        if (!escape(text)) return false;
        continue;
      }
      const std::size_t size = character_at(at_, end_);
      if (size == 0) return false;
      text.append(at_, size);
      at_ += size;
    }
    if (at_ == end_) return false;
    ++at_;
    out = text;
    return true;
  }

  bool escape(std::string& text) {
    if (++at_ == end_) return false;
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const char c = *at_++;
    if (const std::size_t known = from.find(c); known != std::string_view::npos) {
      text += to[known];
      return true;
    }
    unsigned code = 0, low = 0;
    if (c != 'u' || !unit(code) || (code >= 0xDC00 && code <= 0xDFFF)) return false;
    if (code >= 0xD800 && code <= 0xDBFF) {   // the first half of a pair
      if (!word("\\u") || !unit(low) || low < 0xDC00 || low > 0xDFFF) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_character(text, code);
    return true;
  }
  bool unit(unsigned& code) {
    if (end_ - at_ < 4) return false;
    const auto done = std::from_chars(at_, at_ + 4, code, 16);
    if (done.ec != std::errc() || done.ptr != at_ + 4) return false;
    at_ += 4;
    return true;
  }

  const char* at_;
  const char* end_;
  FlatJson& out_;
};

std::optional<FlatJson> FlatJson::read(std::string_view text) {
  FlatJson out;
  out.members_.reserve(64);
  if (!Reader(text, out).run()) return std::nullopt;
  return out;
}

const FlatJson::Value* FlatJson::find(const Value& object, std::string_view key) const {
  const Member* found = std::lower_bound(begin(object), end(object), key, [](const Member& member, std::string_view wanted) { return member.key < wanted; });
  return found != end(object) && found->key == key ? &found->value : nullptr;
}

}  // namespace rigcast::calibration::detail
