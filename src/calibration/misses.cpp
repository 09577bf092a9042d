#include "calibration/detail/misses.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace rigcast::calibration::detail {

std::optional<cost::Spread> spread_of_misses(std::vector<Miss> misses) {
  constexpr double kFewestRows = 40, kFewestSources = 4;
  if (static_cast<double>(misses.size()) < kFewestRows) return std::nullopt;
  std::map<std::string_view, double> rows;
  for (const Miss& miss : misses) ++rows[miss.source];
  double sum = 0, squares = 0;   // of the sources' weights: (sum)^2 / squares of them count
  for (const auto& [source, n] : rows) { sum += std::sqrt(n); squares += n; }
  if (sum * sum / squares < kFewestSources) return std::nullopt;
  std::sort(misses.begin(), misses.end(), [](const Miss& a, const Miss& b) { return a.residual < b.residual; });
  const auto at = [&](double share) {
    double before = 0, last = misses.front().residual, reached = 0;
    for (const Miss& miss : misses) {
      const double weight = 1 / std::sqrt(rows[miss.source]) / sum, middle = before + weight / 2;
      if (middle >= share) return reached == middle ? miss.residual : last + (miss.residual - last) * (share - reached) / (middle - reached);
      before += weight;
      last = miss.residual;
      reached = middle;
    }
    return last;
  };
  return cost::Spread{std::min(-0.02, at(0.1)), std::max(0.02, at(0.9)), static_cast<double>(misses.size())};
}

}  // namespace rigcast::calibration::detail
