#include "report/json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "report/print.hpp"
#include "report/text.hpp"

namespace rigcast::report {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

// Characters that stand for themselves between quotes.
constexpr auto kAsIs = [] {
  std::array<bool, 256> as_is{};
  for (std::size_t c = ' '; c <= '~'; ++c) as_is[c] = c != '"' && c != '\\';
  return as_is;
}();

// The same of eight characters at a time.
bool all_as_is(std::uint64_t eight) {
  constexpr std::uint64_t ones = 0x0101010101010101, highest = 0x80 * ones;
  const auto zero_in = [](std::uint64_t word) { return (word - ones) & ~word; };
  const std::uint64_t other = zero_in(eight ^ (ones * '"')) | zero_in(eight ^ (ones * '\\')) | ((eight - ones * ' ') & ~eight) | (eight + ones) | eight;
  return (other & highest) == 0;
}

bool all_as_is(std::string_view text) {
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data(), 8);
    if (!all_as_is(eight)) return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) { return kAsIs[static_cast<unsigned char>(c)]; });
}

// A text at whose end much is added in small pieces.
class Text {
 public:
  char* room(std::size_t bytes) {   // to be filled
    if (size_ + bytes > text_.size()) text_.resize(std::max(2 * text_.size(), size_ + bytes));
    char* at = text_.data() + size_;
    size_ += bytes;
    return at;
  }
  void operator+=(char c) { *room(1) = c; }
  void operator+=(std::string_view text) { text.copy(room(text.size()), text.size()); }
  void expect(std::size_t bytes) { text_.resize(std::max(text_.size(), size_ + bytes)); }
  std::string take() {
    text_.resize(size_);
    return std::move(text_);
  }

 private:
  std::string text_;       // with room behind its end
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(const Language& language) : language_(language) {}

  void object(const Fields& fields) {
    begin('{');
    members(fields);
    end('}');
  }

  void report(const Report& report) {
    begin('{');
    for (const Section& section : report.sections) members(section.fields);
    end('}');
    out_ += '\n';
  }

  void expect(std::size_t bytes) { out_.expect(bytes); }
  std::string take() { return out_.take(); }

  void operator()(std::monostate) { out_ += "null"; }
  void operator()(bool b) { out_ += b ? "true" : "false"; }
  void operator()(std::int64_t n) { out_ += std::to_string(n); }
  void operator()(const Number& n) { number(n.value); }
  void operator()(const Range& r) {
    begin('{');
    for (const auto& [name, value] : {std::pair{"p10", r.value.p10}, std::pair{"p50", r.value.p50}, std::pair{"p90", r.value.p90}}) {
      member(name);
      number(value);
    }
    member("unit");
    string(unit_name(r.unit));
    end('}');
  }
  void operator()(const std::string& text) { string(text); }
  void operator()(const Phrase& p) { string(language_.say(p)); }
  void operator()(const Sourced& s) {
    Fields fields;
    if (s.text.empty()) {
      fields.push_back(machine("value", s.number));
      fields.push_back(machine("unit", unit_name(s.number.unit)));
    } else {
      fields.push_back(machine("value", s.text));
    }
    fields.push_back(machine("basis", catalog::to_string(s.basis)));
    fields.push_back(machine("source", s.source.text));
    fields.push_back(machine("date", s.source.date));
    object(fields);
  }
  void operator()(const Sentences& all) {
    begin('[');
    for (const Phrase& one : all) { next(); string(language_.say(one)); }
    end(']');
  }
  void operator()(const Fields& fields) { object(fields); }
  void operator()(const Rows& rows) {
    begin('[');
    for (const Fields& row : rows) { next(); object(row); }
    end(']');
  }
  void operator()(const MadeRows& rows) {
    begin('[');
    write_in_blocks(rows);
    end(']');
  }

 private:
  // On all processors, each block by a writer of its own that goes on where this one stands.
  void write_in_blocks(const MadeRows& rows) {
    constexpr std::size_t kBlock = 512;
    std::vector<std::string> blocks((rows.count + kBlock - 1) / kBlock);
    share_out(blocks.size(), [&](std::size_t i) {
      Writer part(language_);
      part.depth_ = depth_;
      part.first_ = first_ && i == 0;
      for (std::size_t row = i * kBlock; row < std::min(rows.count, (i + 1) * kBlock); ++row) {
        part.next();
        part.object(rows.row(row));
      }
      blocks[i] = part.take();
    });
    std::size_t size = 0;
    for (const std::string& block : blocks) size += block.size();
    out_.expect(size);
    for (const std::string& block : blocks) out_ += block;
    first_ = first_ && blocks.empty();
  }

  void begin(char bracket) { out_ += bracket; ++depth_; first_ = true; }
  void end(char bracket) {
    --depth_;
    if (!first_) new_line("\n");
    out_ += bracket;
    first_ = false;
  }
  void next() {
    new_line(first_ ? "\n" : ",\n");
    first_ = false;
  }
  void new_line(std::string_view end) {
    const auto indent = static_cast<std::size_t>(2 * depth_);
    char* at = out_.room(end.size() + indent);
    at += end.copy(at, end.size());
    std::fill_n(at, indent, ' ');
  }

  void member(std::string_view name) {
    next();
    string(name, ": ");
  }

  void members(const Fields& fields) {
    for (const Field& field : fields) {
      if (field.id.empty()) {  // a group for people: its own fields belong here
        if (const auto* inner = std::get_if<Fields>(&field.value)) members(*inner);
        continue;
      }
      member(field.id);
      std::visit(*this, field.value);
    }
  }

  void number(double value) {
    if (!std::isfinite(value)) out_ += "null";
    else if (value == std::floor(value) && std::abs(value) < kExactIntegers) out_ += std::to_string(static_cast<std::int64_t>(value));
    else out_ += format_significant(value, 6);
  }

  void string(std::string_view text, std::string_view behind = {}) {
    if (all_as_is(text)) return quoted(text, behind);   // nearly always
    out_ += '"';
    for (const char c : printable(text)) {
      if (c == '"' || c == '\\') out_ += '\\';
      if (c == '\n') out_ += "\\n";
      else out_ += c;
    }
    out_ += '"';
    out_ += behind;
  }
  void quoted(std::string_view text, std::string_view behind) {
    char* at = out_.room(text.size() + behind.size() + 2);
    *at++ = '"';
    at += text.copy(at, text.size());
    *at++ = '"';
    behind.copy(at, behind.size());
  }

  const Language& language_;
  Text out_;
  int depth_ = 0;
  bool first_ = true;
};

}  // namespace

std::string render_json(const Report& report, const Language& language) {
  Writer writer(language);
  writer.expect(1 << 15);   // a plan's
  writer.report(report);
  return writer.take();
}

}  // namespace rigcast::report
