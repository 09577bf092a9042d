#include "report/print.hpp"

#include <cmath>

#include "base/check.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast::report {
namespace {

// Three significant digits, but no digit of a whole part is ever dropped: 1234.5 -> "1,235", 34.12 -> "34.1", 0.4812 -> "0.481".
std::string three_digits(double value) {
  // By what it rounds to: 999.7 is "1,000", like its neighbours.
  if (std::abs(value) >= 999.5) return format_grouped(std::llround(value));
  if (std::abs(value) >= 99.95) return format_number(value, 0);
  if (std::abs(value) >= 9.995) return format_number(value, 1);
  return std::abs(value) >= 1 ? format_number(value, 2) : format_significant(value, 3);
}

struct Scaled { double factor; const char* unit; };

Scaled scale_of(double value, Unit unit) {
  switch (unit) {
    case Unit::none: case Unit::rough: case Unit::count: return {1, ""};
    case Unit::bytes: return value >= kGiB ? Scaled{kGiB, "GiB"} : Scaled{kMiB, "MiB"};
    case Unit::tokens: return {1, "tokens"};
    case Unit::token_rate: return {1, "tok/s"};
    case Unit::seconds:
      if (value >= 120) return {60, "min"};
      return value >= 1 ? Scaled{1, "s"} : value >= 1e-3 ? Scaled{1e-3, "ms"} : Scaled{1e-6, "us"};
    case Unit::watts: return {1, "W"};
    case Unit::joules_per_token: return {1, "J/token"};
    case Unit::bandwidth: return value >= 1e12 ? Scaled{1e12, "TB/s"} : value >= 1e9 ? Scaled{1e9, "GB/s"} : Scaled{1e6, "MB/s"};
    case Unit::flop_rate: return value >= 1e15 ? Scaled{1e15, "Pflop/s"} : value >= 1e12 ? Scaled{1e12, "Tflop/s"} : Scaled{1e9, "Gflop/s"};
    case Unit::percent: return {0.01, "%"};
    case Unit::millimetres: return {1, "mm"};
    case Unit::megahertz: return {1, "MHz"};
  }
  RC_CHECK(false, "every Unit has a scale");
}

std::string with_unit(std::string number, const char* unit) { return *unit == '\0' ? number : number + ' ' + unit; }

}  // namespace

std::string print(const Number& number) {
  if (number.unit == Unit::bytes) return print_gib(Bytes(number.value));
  if (number.unit == Unit::count) return print_count(number.value);
  const Scaled scaled = scale_of(number.value, number.unit);
  if (number.unit == Unit::tokens) return format_grouped(std::llround(number.value));
  if (number.unit == Unit::none || number.unit == Unit::percent || number.unit == Unit::millimetres || number.unit == Unit::megahertz)
    return with_unit(format_significant(number.value / scaled.factor, 4), scaled.unit);
  return with_unit(three_digits(number.value / scaled.factor), scaled.unit);
}

std::string print_interval(const Range& range) {
  const Scaled scaled = scale_of(range.value.p50, range.unit);
  return three_digits(range.value.p10 / scaled.factor) + " - " + three_digits(range.value.p90 / scaled.factor);
}

std::string print_count(double count) {
  if (count >= 1e12) return format_significant(count / 1e12, 3) + " T";
  if (count >= 1e9) return format_significant(count / 1e9, 3) + " B";
  if (count >= 1e6) return format_significant(count / 1e6, 3) + " M";
  return format_grouped(std::llround(count));
}

std::string print(const Value& value, const Language& language) {
  struct Printer {
    const Language& language;
    std::string operator()(std::monostate) const { return "-"; }
    std::string operator()(bool b) const { return language.say(b ? "yes"_say : "no"_say); }
    std::string operator()(std::int64_t n) const { return format_grouped(n); }
    std::string operator()(const Number& n) const { return print(n); }
    std::string operator()(const Range& r) const { return print(Number{r.value.p50, r.unit}) + " (" + print_interval(r) + ")"; }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(const Phrase& p) const { return language.say(p); }
    std::string operator()(const Sourced& s) const { return s.text.empty() ? print(s.number) : language.say(s.text); }
    std::string operator()(const Sentences& all) const {
      std::string out;
      for (const Phrase& one : all) out += (out.empty() ? "" : ", ") + language.say(one);
      return out.empty() ? "-" : out;
    }
    std::string operator()(const Fields&) const { return ""; }
    std::string operator()(const Rows&) const { return ""; }
  };
  return std::visit(Printer{language}, value);
}

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::none: case Unit::rough: case Unit::count: return "";
    case Unit::bytes: return "B";
    case Unit::tokens: return "token";
    case Unit::token_rate: return "token/s";
    case Unit::seconds: return "s";
    case Unit::watts: return "W";
    case Unit::joules_per_token: return "J/token";
    case Unit::bandwidth: return "B/s";
    case Unit::flop_rate: return "flop/s";
    case Unit::percent: return "1";
    case Unit::millimetres: return "mm";
    case Unit::megahertz: return "MHz";
  }
  RC_CHECK(false, "every Unit has a name");
}

}  // namespace rigcast::report
