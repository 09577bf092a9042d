#include "calibration/peers.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.hpp"

namespace rigcast::calibration {
namespace {

double gigabytes_a_second(const Prepared& p) { return p.bandwidth / 1e9; }

std::optional<double> bandwidth_over_size(const Observation&, const Prepared& p) { return p.bandwidth / p.file_bytes; }

// llmfit 1.1 (2026-08): a flat count of bytes per parameter by format, efficiency 0.55. Mixtures: experts by another table, everything else
// at 3.2 bytes per parameter, slowed by the share of memory in use beyond 60 % times the share of weights that rest.
std::optional<double> llmfit(const Observation&, const Prepared& p) {
  static constexpr std::array<std::pair<std::string_view, std::pair<double, double>>, 12> kBytes{{
      {"f32", {4, 4}}, {"f16", {2, 2}}, {"bf16", {2, 2}}, {"q8_0", {1, 1.05}}, {"q6_k", {0.75, 0.80}}, {"q5_k", {0.625, 0.68}}, {"q4_k", {0.5, 0.58}},
      {"q4_0", {0.5, 0.58}}, {"q3_k", {0.375, 0.48}}, {"q2_k", {0.25, 0.37}}, {"mlx", {0.5, 0.55}}, {"int4", {0.5, 0.5}}}};
  std::pair<double, double> bytes{0.5, 0.58};   // formats it does not know silently count as four bits
  for (const auto& [format, known] : kBytes)
    if (p.format == format) bytes = known;
  if (!p.experts) return gigabytes_a_second(p) / (p.parameters / 1e9 * bytes.first) * 0.55;
  const double fixed = p.fixed_parameters / 1e9;
  const double active = std::max(0.0, p.active_parameters / 1e9 - fixed);
  const double resting = 1 - p.active_parameters / p.parameters;
  const double used = p.memory > 0 ? std::min(1.0, p.file_bytes / p.memory) : 0;
  const double pressure = std::max(0.3, 1 - std::max(0.0, used - 0.6) * resting);
  return gigabytes_a_second(p) / (active * bytes.second + fixed * 3.2) * pressure;
}

// whichllm 0.5 (2026-06): bandwidth over file size, times an efficiency by format and one by maker. Mixtures read the larger of their
// active share and a floor that grows with bandwidth: 5 % at 256 GB/s up to 25 %; its slope follows from the answers it prints.
std::optional<double> whichllm(const Observation&, const Prepared& p) {
  static constexpr std::array<std::pair<std::string_view, double>, 4> kFormats{{{"q4_k", 0.55}, {"q8_0", 0.45}, {"f16", 0.40}, {"bf16", 0.40}}};
  static constexpr std::array<std::pair<std::string_view, double>, 4> kMakers{{{"nvidia", 1}, {"apple", 0.82}, {"amd", 0.78}, {"intel", 0.65}}};
  double format = 0, maker = 0;
  for (const auto& [name, value] : kFormats) if (p.format == name) format = value;
  for (const auto& [name, value] : kMakers) if (equal_ignoring_case(p.vendor, name)) maker = value;
  if (format == 0 || maker == 0) return std::nullopt;   // no factor is published
  double share = 1;
  if (p.experts) {
    const double floor = std::clamp(0.05 + (gigabytes_a_second(p) - 256) * 0.000196, 0.05, 0.25);
    share = std::max(p.active_parameters / p.parameters, floor);
  }
  return p.bandwidth / (p.file_bytes * share) * format * maker;
}

// gguf-parser 0.25 (2026-07): the longer of arithmetic at the rated peak and reading all weights, and the cache, with no efficiency: an upper
// bound. What it reads of a mixture is not described, so that only dense models are compared.
std::optional<double> gguf_parser(const Observation&, const Prepared& p) {
  if (p.experts || p.half_rate <= 0) return std::nullopt;
  double cache = 0;
  for (const auto& stage : p.load->stages) cache += stage.token_bytes * p.depth;
  return 1 / (std::max(2 * p.parameters / p.half_rate, p.file_bytes / p.bandwidth) + cache / p.bandwidth);
}

}  // namespace

const std::array<Peer, kPeers>& peers() {
  static const std::array<Peer, kPeers> all{{{"bandwidth / file size", "B / S", bandwidth_over_size},
                                             {"llmfit", "0.55 B / (N b); mixtures B / (N_active b' + 3.2 N_fixed), less when memory is full", llmfit},
                                             {"whichllm", "B / (S share) x format x maker", whichllm},
                                             {"gguf-parser", "1 / (max(2 N / F, S / B) + KV / B)", gguf_parser}}};
  return all;
}

bool comparable(const Prepared& p) {
  return p.phase == "decode" && p.is_rate && !p.speculative && !p.surrogate && p.layout == "one" && p.sequences <= 1 && p.bandwidth > 0 && p.file_bytes > 0;
}

}  // namespace rigcast::calibration
