#include "calibration/detail/sums.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <unordered_map>

namespace rigcast::calibration::detail {

Sums sums_of(const std::vector<Row>& rows, const std::vector<char>& use, const std::vector<cost::Effect>& priors) {
  struct Column { std::uint64_t hash = 0; double first = 0; };   // of positions and exponents over the first exponent
  std::vector<Column> columns(priors.size());
  Sums sums{std::vector<int>(priors.size(), kUnseen), std::vector<double>(priors.size(), 1.0), {}, {}, std::vector<double>(priors.size(), 0.0)};
  std::uint64_t position = 0;
  const auto mix = [](std::uint64_t h, std::uint64_t value) {
    h ^= value + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdULL;
    return h ^ (h >> 33);
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!use[r]) continue;
    for (const int effect : rows[r].effects) sums.seen[static_cast<std::size_t>(effect)] += rows[r].weight;
    for (const Part& part : rows[r].parts)
      for (const Exponents* exponents : {&part.memory_effects, &part.compute_effects, &part.also_effects}) {
        ++position;
        for (const auto& [local, x] : *exponents) {
          Column& column = columns[static_cast<std::size_t>(rows[r].effects[static_cast<std::size_t>(local)])];
          if (column.first == 0) column.first = x;
          column.hash = mix(mix(column.hash, position), std::bit_cast<std::uint64_t>(x / column.first));
        }
      }
  }
  std::unordered_map<std::uint64_t, int> numbers;
  for (std::size_t i = 0; i < priors.size(); ++i) {
    if (sums.seen[i] <= 0) continue;
    const auto [number, added] = numbers.emplace(columns[i].hash, static_cast<int>(sums.first.size()));
    if (added) {
      sums.first.push_back(static_cast<int>(i));
      sums.priors.push_back({0, 0, 0});
    }
    const std::size_t sum = static_cast<std::size_t>(number->second);
    sums.sum_of[i] = number->second;
    sums.share[i] = columns[i].first / columns[static_cast<std::size_t>(sums.first[sum])].first;
    cost::Effect& prior = sums.priors[sum];
    prior.mean += sums.share[i] * priors[i].mean;
    prior.sd = std::hypot(prior.sd, sums.share[i] * priors[i].sd);
  }
  return sums;
}

Row in_sums(const Row& row, const Sums& sums) {
  Row out;
  out.log_measured = row.log_measured;
  out.weight = row.weight;
  out.runs_ahead = row.runs_ahead;
  std::vector<int> slots(row.effects.size(), -1);
  for (std::size_t i = 0; i < row.effects.size(); ++i) {
    const int sum = sums.sum_of[static_cast<std::size_t>(row.effects[i])];
    if (sums.first[static_cast<std::size_t>(sum)] != row.effects[i]) continue;
    slots[i] = static_cast<int>(out.effects.size());
    out.effects.push_back(sum);
  }
  const auto kept = [&](const Exponents& exponents) {
    Exponents e;
    for (const auto& [local, x] : exponents)
      if (const int slot = slots[static_cast<std::size_t>(local)]; slot >= 0) e.emplace_back(slot, x);
    return e;
  };
  for (const Part& part : row.parts) {
    Part& p = out.parts.emplace_back(part);
    for (Exponents* exponents : {&p.memory_effects, &p.compute_effects, &p.also_effects}) *exponents = kept(*exponents);
  }
  return out;
}

}  // namespace rigcast::calibration::detail
