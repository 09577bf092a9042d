#pragma once
// What bends an efficiency away from a data sheet's rate, which no kernel exceeds however the effects of a card, an engine and a format add up.

#include <cmath>

namespace rigcast::cost {

// x / (1 + x^12)^(1/12): the reached share of a roof where effects alone say x. Below 0.8 it is x to within 0.6 %; at 1 it is 0.94.
constexpr double kRoofSharpness = 12;

struct UnderRoof {
  double log;     // of the reached rate over the peak that effects refer to
  double slope;   // its derivative by the sum of effects
};

// `sum`: of a Path's effects, the logarithm of rate over peak. `log_roof`: of roof over peak; infinite where no roof is known.
inline UnderRoof under_roof(double sum, double log_roof) {
  const double above = kRoofSharpness * (sum - log_roof);
  const double x = std::exp(above), bent = above > 30 ? above : std::log1p(x);   // exp(30) + 1 is exp(30)
  return {sum - bent / kRoofSharpness, 1 / (1 + x)};
}

}  // namespace rigcast::cost
