#include "bench/reference.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/format.hpp"

namespace rigcast::bench {

double attention_difference(std::span<const float> q, std::span<const std::uint16_t> keys, std::span<const std::uint16_t> values, std::span<const float> out) {
  const std::size_t dim = q.size(), depth = keys.size() / dim;
  const double scale = 1 / std::sqrt(static_cast<double>(dim));
  std::vector<double> scores(depth), want(dim), size(dim);
  double sum = 0, top = -1e300, worst = 0;
  for (std::size_t t = 0; t < depth; ++t) {
    for (std::size_t i = 0; i < dim; ++i) scores[t] += static_cast<double>(q[i]) * half_to_float(keys[t * dim + i]);
    scores[t] *= scale;
    top = std::max(top, scores[t]);
  }
  for (std::size_t t = 0; t < depth; ++t) {
    const double weight = std::exp(scores[t] - top);
    sum += weight;
    for (std::size_t i = 0; i < dim; ++i) {
      const double term = weight * half_to_float(values[t * dim + i]);
      want[i] += term, size[i] += std::fabs(term);
    }
  }
  for (std::size_t i = 0; i < dim; ++i) {
    const double difference = std::fabs(static_cast<double>(out[i]) - want[i] / sum) / (size[i] / sum);
    worst = std::isnan(difference) ? 1.0 : std::max(worst, difference);
  }
  return worst;
}

}  // namespace rigcast::bench
