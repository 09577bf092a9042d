#include "calibration/detail/fit_row.hpp"

#include <algorithm>
#include <cmath>

#include "cost/norm.hpp"
#include "cost/roof.hpp"

namespace rigcast::calibration::detail {
namespace {

double sum_of(const Exponents& exponents, const double* theta) {
  double sum = 0;
  for (const auto& [i, x] : exponents) sum += x * theta[i];
  return sum;
}

struct PartTime { double seconds = 0, by_memory = 0, by_compute = 0; };   // and derivatives of its logarithm by the sums of effects

PartTime time_of(const Part& part, const double* theta) {
  const cost::UnderRoof memory = cost::under_roof(sum_of(part.memory_effects, theta), part.memory_roof);
  const cost::UnderRoof compute = cost::under_roof(sum_of(part.compute_effects, theta), part.compute_roof);
  const double scale = std::exp(-sum_of(part.also_effects, theta));
  const double m = part.memory * std::exp(-memory.log), c = part.compute * std::exp(-compute.log);
  if (c == 0) return {m * scale, memory.slope, 0};
  if (m == 0) return {c * scale, 0, compute.slope};
  if (part.in_turn) return {(m + c) * scale, m / (m + c) * memory.slope, c / (m + c) * compute.slope};
  const double share = cost::norm_share(m, c);
  return {cost::norm(m, c) * scale, share * memory.slope, (1 - share) * compute.slope};
}

}  // namespace

double log_time(const Row& row, const double* theta, double* gradient) {
  thread_local std::vector<PartTime> times;
  times.clear();
  cost::Sides sides;
  for (const Part& part : row.parts) {
    times.push_back(time_of(part, theta));
    sides[part.side] += times.back().seconds;
  }
  const double total = sides.together(row.runs_ahead);
  if (!gradient) return std::log(total);
  const cost::Sides slopes = sides.slopes(row.runs_ahead);
  std::fill(gradient, gradient + row.effects.size(), 0.0);
  for (std::size_t p = 0; p < times.size(); ++p) {
    const Part& part = row.parts[p];
    const double slope = times[p].seconds * slopes[part.side] / total;
    for (const auto& [i, x] : part.memory_effects) gradient[i] -= slope * times[p].by_memory * x;
    for (const auto& [i, x] : part.compute_effects) gradient[i] -= slope * times[p].by_compute * x;
    for (const auto& [i, x] : part.also_effects) gradient[i] -= slope * x;
  }
  return std::log(total);
}

}  // namespace rigcast::calibration::detail
