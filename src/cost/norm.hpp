#pragma once
// The fourth-power norm: a maximum with a rounded corner. A kernel near the ridge point reaches neither roof, and two that work beside each
// other wait for each other a little (load.hpp).

#include <algorithm>
#include <cmath>

namespace rigcast::cost {

// (a^4 + b^4)^(1/4) of times, none below 0.
inline double norm(double a, double b) {
  const double a2 = a * a, b2 = b * b;
  return std::sqrt(std::sqrt(a2 * a2 + b2 * b2));
}

// The share of `a` in it, a^4 / (a^4 + b^4): its logarithm's derivative by log a. REQUIRES: not both are 0.
inline double norm_share(double a, double b) {
  const double a2 = a * a, b2 = b * b;
  return a2 * a2 / (a2 * a2 + b2 * b2);
}

// Its derivative by `a`, of which it is `whole`: (a / whole)^3.
inline double norm_slope(double a, double whole) { return std::pow(a / whole, 3); }

// What `a` must be joined with to become `whole`; where `a` leaves less than `least` of whole^4, as if it left that much.
inline double norm_rest(double whole, double a, double least) {
  const double share = a / whole, square = share * share;
  return whole * std::sqrt(std::sqrt(std::max(least, 1 - square * square)));
}

}  // namespace rigcast::cost
