#pragma once
// Quantities with dimensions: Bytes / Seconds is Bandwidth, equal dimensions cancel to double, and nothing else compiles.
//
// One base scale only (byte, flop, second, joule, token, money), so no conversion exists inside the program; prefixes and
// units of the reader's world ("936 GB/s", "24 GiB") appear at two borders, units.hpp's parsers and printers.
// A quantity holds one double: byte counts are exact up to 2^53 (9 PB).

#include <compare>

namespace rigcast {

// Exponents of the base dimensions.
struct Dim {
  int byte = 0, flop = 0, second = 0, joule = 0, token = 0, money = 0;
  friend constexpr bool operator==(const Dim&, const Dim&) = default;
};

constexpr Dim operator+(Dim a, Dim b) {
  return {a.byte + b.byte, a.flop + b.flop, a.second + b.second, a.joule + b.joule, a.token + b.token, a.money + b.money};
}
constexpr Dim operator-(Dim a, Dim b) {
  return {a.byte - b.byte, a.flop - b.flop, a.second - b.second, a.joule - b.joule, a.token - b.token, a.money - b.money};
}

template <Dim D>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}
  constexpr double value() const { return value_; }

  constexpr Quantity& operator+=(Quantity other) { value_ += other.value_; return *this; }
  constexpr Quantity& operator-=(Quantity other) { value_ -= other.value_; return *this; }
  constexpr Quantity& operator*=(double factor) { value_ *= factor; return *this; }
  constexpr Quantity& operator/=(double factor) { value_ /= factor; return *this; }

  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(-a.value_); }
  friend constexpr Quantity operator*(Quantity a, double f) { return Quantity(a.value_ * f); }
  friend constexpr Quantity operator*(double f, Quantity a) { return Quantity(a.value_ * f); }
  friend constexpr Quantity operator/(Quantity a, double f) { return Quantity(a.value_ / f); }
  friend constexpr auto operator<=>(Quantity a, Quantity b) { return a.value_ <=> b.value_; }
  friend constexpr bool operator==(Quantity a, Quantity b) = default;

 private:
  double value_ = 0;
};

// A product or quotient whose dimensions cancel is a plain number.
template <Dim D>
constexpr auto make_quantity(double value) {
  if constexpr (D == Dim{}) return value;
  else return Quantity<D>(value);
}
template <Dim A, Dim B>
constexpr auto operator*(Quantity<A> a, Quantity<B> b) { return make_quantity<A + B>(a.value() * b.value()); }
template <Dim A, Dim B>
constexpr auto operator/(Quantity<A> a, Quantity<B> b) { return make_quantity<A - B>(a.value() / b.value()); }
template <Dim A>
constexpr auto operator/(double a, Quantity<A> b) { return make_quantity<Dim{} - A>(a / b.value()); }

using Bytes = Quantity<Dim{.byte = 1}>;
using Flop = Quantity<Dim{.flop = 1}>;          // one multiply-add counts two; integer operations count here too
using Seconds = Quantity<Dim{.second = 1}>;
using Joules = Quantity<Dim{.joule = 1}>;
using Tokens = Quantity<Dim{.token = 1}>;
using Money = Quantity<Dim{.money = 1}>;
using Bandwidth = Quantity<Dim{.byte = 1, .second = -1}>;
using FlopRate = Quantity<Dim{.flop = 1, .second = -1}>;
using Watts = Quantity<Dim{.second = -1, .joule = 1}>;
using TokenRate = Quantity<Dim{.second = -1, .token = 1}>;
using JoulesPerToken = Quantity<Dim{.joule = 1, .token = -1}>;

inline constexpr double kKiB = 1024.0, kMiB = 1024.0 * 1024.0, kGiB = 1024.0 * 1024.0 * 1024.0;
inline constexpr double kMega = 1e6, kGiga = 1e9;

}  // namespace rigcast
