#include "base/units.hpp"

#include <array>
#include <cmath>

#include "base/text.hpp"

namespace rigcast {
namespace {

struct Unit { std::string_view name; double factor; };

// Splits "4.8 TB/s" into number and unit and looks the unit up; `what` and the accepted units go into the message.
template <std::size_t N>
Result<double> parse_with(std::string_view text, const std::array<Unit, N>& units, std::string_view what) {
  const std::string_view whole = trim(text);
  std::size_t digits = 0;
  while (digits < whole.size() && (std::string_view("+-.0123456789").find(whole[digits]) != std::string_view::npos)) ++digits;
  const auto number = parse_double(whole.substr(0, digits));
  const std::string_view unit = trim(whole.substr(digits));
  std::string known;
  for (const Unit& candidate : units) {
    if (number && unit == candidate.name) {
      if (*number < 0) return fail(ErrorKind::input, std::string(what) + " cannot be negative: '" + std::string(whole) + "'");
      return *number * candidate.factor;
    }
    known += (known.empty() ? "" : ", ") + std::string(candidate.name);
  }
  if (!number) return fail(ErrorKind::input, "'" + std::string(whole) + "' is not a number with a unit of " + std::string(what) + " (" + known + ")");
  if (unit.empty()) return fail(ErrorKind::input, "'" + std::string(whole) + "' lacks a unit of " + std::string(what) + " (" + known + ")");
  return fail(ErrorKind::input, "'" + std::string(unit) + "' is not a unit of " + std::string(what) + " (" + known + ")");
}

constexpr std::array byte_units = {Unit{"B", 1},      Unit{"kB", 1e3},   Unit{"MB", 1e6},   Unit{"GB", 1e9},   Unit{"TB", 1e12},
                                   Unit{"KiB", kKiB}, Unit{"MiB", kMiB}, Unit{"GiB", kGiB}, Unit{"TiB", kGiB * 1024}};
constexpr std::array bandwidth_units = {Unit{"GB/s", 1e9},      Unit{"MB/s", 1e6},        Unit{"TB/s", 1e12},       Unit{"GiB/s", kGiB},
                                        Unit{"Gbit/s", 1e9 / 8}, Unit{"Mbit/s", 1e6 / 8}, Unit{"Tbit/s", 1e12 / 8}};
constexpr std::array rate_units = {Unit{"Tflop/s", 1e12}, Unit{"Gflop/s", 1e9}, Unit{"Pflop/s", 1e15},
                                   Unit{"Top/s", 1e12},   Unit{"Gop/s", 1e9},   Unit{"Pop/s", 1e15}};
constexpr std::array watt_units = {Unit{"W", 1}, Unit{"mW", 1e-3}, Unit{"kW", 1e3}};
constexpr std::array second_units = {Unit{"s", 1}, Unit{"ms", 1e-3}, Unit{"us", 1e-6}, Unit{"ns", 1e-9}, Unit{"min", 60}, Unit{"h", 3600}};

std::string with_unit(double value, std::string_view unit) { return format_significant(value, 3) + " " + std::string(unit); }

template <class Q, std::size_t N>
Result<Q> parse_quantity(std::string_view text, const std::array<Unit, N>& units, std::string_view what) {
  return parse_with(text, units, what).map([](double value) { return Q(value); });
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) { return parse_quantity<Bytes>(text, byte_units, "size"); }
Result<Bandwidth> parse_bandwidth(std::string_view text) { return parse_quantity<Bandwidth>(text, bandwidth_units, "bandwidth"); }
Result<FlopRate> parse_flop_rate(std::string_view text) { return parse_quantity<FlopRate>(text, rate_units, "compute rate"); }
Result<Watts> parse_watts(std::string_view text) { return parse_quantity<Watts>(text, watt_units, "power"); }
Result<Seconds> parse_seconds(std::string_view text) { return parse_quantity<Seconds>(text, second_units, "time"); }

namespace {

// Full-width forms, as Chinese keyboards write digits and letters, as the plain ones: U+FF01 to U+FF5E are EF BC 81 to EF BD 9E.
std::string with_plain_forms(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t n) { return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0u; };
    const unsigned code = byte(0) == 0xEF && (byte(1) == 0xBC || byte(1) == 0xBD) ? (byte(1) - 0xBC) * 64 + byte(2) - 0x80 : 0;
    if (code < 1 || code > 94) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(' ' + code);
    i += 2;
  }
  return out;
}

}  // namespace

Result<long long> parse_tokens(std::string_view text) {
  const std::string_view whole = trim(text);
  const std::string plain = with_plain_forms(whole);
  long long factor = 1;
  std::string_view digits = plain;
  if (!digits.empty() && (digits.back() == 'k' || digits.back() == 'K')) factor = 1024;
  else if (!digits.empty() && (digits.back() == 'm' || digits.back() == 'M')) factor = 1024 * 1024;
  if (factor > 1) digits = trim(digits.substr(0, digits.size() - 1));
  const auto wrong = [&] { return fail(ErrorKind::input, "'" + std::string(whole) + "' is not a token count (8192, 32k, 1M)"); };
  constexpr long long kMost = 1LL << 40;
  if (const auto number = parse_int(digits)) {
    if (*number < 0 || *number > kMost / factor) return wrong();
    return *number * factor;
  }
  const auto part = factor > 1 && digits.find_first_not_of("0123456789.") == std::string_view::npos ? parse_double(digits) : std::nullopt;   // "1.5k"
  const double tokens = part ? *part * static_cast<double>(factor) : -1;
  if (tokens < 0 || tokens > static_cast<double>(kMost) || tokens != std::floor(tokens)) return wrong();
  return static_cast<long long>(tokens);
}

std::string print_gib(Bytes bytes) {
  const double value = bytes.value();
  if (value >= 1e3 * kGiB) {   // the whole part in groups of three
    const std::string digits = format_number(value / kGiB, 2);
    const std::size_t point = digits.find('.');
    return format_grouped(*parse_int(digits.substr(0, point))) + (point == std::string::npos ? "" : digits.substr(point)) + " GiB";
  }
  if (value >= kGiB) return format_number(value / kGiB, 2) + " GiB";
  if (value >= kMiB || value == 0) return format_number(value / kMiB, 0) + " MiB";
  return format_number(value / kKiB, 0) + " KiB";
}

std::string print_bandwidth(Bandwidth rate) {
  const double value = rate.value();
  if (value >= 1e12) return with_unit(value / 1e12, "TB/s");
  return value >= 1e9 ? with_unit(value / 1e9, "GB/s") : with_unit(value / 1e6, "MB/s");
}

std::string print_flop_rate(FlopRate rate) {
  const double value = rate.value();
  if (value >= 1e15) return with_unit(value / 1e15, "Pflop/s");
  return value >= 1e12 ? with_unit(value / 1e12, "Tflop/s") : with_unit(value / 1e9, "Gflop/s");
}

std::string print_seconds(Seconds time) {
  const double value = time.value();
  if (value >= 60) {
    const long long whole = std::llround(value);
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  }
  if (value >= 1) return with_unit(value, "s");
  return value >= 1e-3 ? with_unit(value * 1e3, "ms") : with_unit(value * 1e6, "us");
}

std::string print_watts(Watts power) { return format_number(power.value(), 0) + " W"; }

}  // namespace rigcast
