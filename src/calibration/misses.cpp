#include "calibration/detail/misses.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace rigcast::calibration::detail {
namespace {

// Values of sources of which none decides alone: many rows of one count as their root.
class Weighted {
 public:
  explicit Weighted(std::vector<Miss> values) : values_(std::move(values)) {
    for (const Miss& v : values_) ++rows_[v.source];
    double squares = 0;
    for (const auto& [source, n] : rows_) { sum_ += std::sqrt(n); squares += n; }
    if (squares > 0) sources_ = sum_ * sum_ / squares;
    std::sort(values_.begin(), values_.end(), [](const Miss& a, const Miss& b) { return a.value < b.value; });
  }

  double sources() const { return sources_; }   // (sum of the sources' weights)^2 / sum of their squares

  // Interpolated between the middles of the values' weights.
  double quantile(double share) const {
    double before = 0, last = values_.front().value, reached = 0;
    for (const Miss& v : values_) {
      const double weight = 1 / std::sqrt(rows_.at(v.source)) / sum_, middle = before + weight / 2;
      if (middle >= share) return reached == middle ? v.value : last + (v.value - last) * (share - reached) / (middle - reached);
      before += weight;
      last = v.value;
      reached = middle;
    }
    return last;
  }

 private:
  std::vector<Miss> values_;
  std::map<std::string_view, double> rows_;
  double sum_ = 0, sources_ = 0;
};

}  // namespace

std::optional<cost::Spread> spread_of_misses(std::vector<Miss> misses) {
  constexpr double kFewestRows = 40, kFewestSources = 4;
  const auto rows = static_cast<double>(misses.size());
  if (rows < kFewestRows) return std::nullopt;
  const Weighted weighted(std::move(misses));
  if (weighted.sources() < kFewestSources) return std::nullopt;
  return cost::Spread{std::min(-0.02, weighted.quantile(0.1)), std::max(0.02, weighted.quantile(0.9)), rows};
}

std::optional<cost::Width> width_of_misses(std::vector<Miss> sides) {
  constexpr double kFewestRows = 10, kUsual = 6, kUsualIfNarrower = 20;   // sources; an interval that is too narrow breaks a promise
  const auto rows = static_cast<double>(sides.size());
  if (rows < kFewestRows) return std::nullopt;
  const Weighted weighted(std::move(sides));
  const double outside = weighted.quantile(0.8);
  return cost::Width{std::exp(outside * weighted.sources() / (weighted.sources() + (outside > 0 ? kUsual : kUsualIfNarrower))), rows};
}

}  // namespace rigcast::calibration::detail
