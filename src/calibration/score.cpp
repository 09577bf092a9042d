#include "calibration/evaluate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace rigcast::calibration {
namespace {

double quantile(std::vector<double> values, double q) {
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = values.begin() + static_cast<std::ptrdiff_t>(at);   // and the next one behind it: no order is needed beyond these two
  std::nth_element(values.begin(), low, values.end());
  const auto high = low + 1 == values.end() ? low : std::min_element(low + 1, values.end());
  return *low + (at - std::floor(at)) * (*high - *low);
}

}  // namespace

std::vector<Score> score(const Evaluation& evaluation, std::string_view by) {
  std::map<std::string, std::vector<const Prediction*>, std::less<>> groups;
  for (const Prediction& p : evaluation.rows) {
    if (!p.counts()) continue;
    if (by.empty()) { groups["all"].push_back(&p); continue; }
    if (by == "grade") { groups[p.predicted ? cost::to_string(p.grade) : "none"].push_back(&p); continue; }
    const std::string_view name = p.groups && p.groups->contains(by) ? p.group(by) : "unknown";
    auto group = groups.find(name);
    if (group == groups.end()) group = groups.emplace(name, std::vector<const Prediction*>()).first;
    group->second.push_back(&p);
  }
  std::vector<Score> scores;
  for (const auto& [name, rows] : groups) {
    Score s{.group = name, .rows = static_cast<int>(rows.size())};
    std::vector<double> errors, absolute;
    int covered = 0;
    for (const Prediction* p : rows) {
      if (!p->predicted) continue;
      errors.push_back(p->error());
      absolute.push_back(std::abs(p->error()));
      covered += p->covered() ? 1 : 0;
    }
    s.predicted = static_cast<int>(errors.size());
    if (!errors.empty()) {
      s.median = quantile(absolute, 0.5);
      s.p90 = quantile(absolute, 0.9);
      s.bias = quantile(errors, 0.5);
      s.coverage = static_cast<double>(covered) / s.predicted;
    }
    scores.push_back(std::move(s));
  }
  std::stable_sort(scores.begin(), scores.end(), [](const Score& a, const Score& b) { return a.rows > b.rows; });
  return scores;
}

std::vector<PeerScore> score_peers(const Evaluation& evaluation) {
  std::vector<PeerScore> scores;
  const auto add = [&](const char* name, const char* formula, const std::string& kind, bool common, std::vector<double> errors) {
    if (errors.empty()) return;
    PeerScore s{name, formula, kind, static_cast<int>(errors.size()), 0, 0, quantile(errors, 0.5), common};
    for (double& e : errors) e = std::abs(e);
    s.median = quantile(errors, 0.5);
    s.p90 = quantile(errors, 0.9);
    scores.push_back(std::move(s));
  };
  for (const bool common : {true, false})
    for (const std::string kind : {"all", "dense", "experts"}) {
      std::vector<double> ours;
      std::array<std::vector<double>, kPeers> theirs;
      for (const Prediction& p : evaluation.rows) {
        if (!p.counts() || !p.predicted || !p.comparable || (kind != "all" && p.group("moe") != kind)) continue;
        // gguf-parser says nothing of mixtures: it is left out of what all must predict there.
        const bool all = std::all_of(p.peers.begin(), p.peers.end() - (p.group("moe") == "experts" ? 1 : 0), [](const auto& peer) { return peer.has_value(); });
        if (common && !all) continue;
        ours.push_back(p.error());
        for (std::size_t k = 0; k < kPeers; ++k)
          if (p.peers[k]) theirs[k].push_back(*p.peers[k] / p.actual - 1);
      }
      const std::size_t rows = ours.size();
      add("rigcast", "", kind, common, std::move(ours));
      for (std::size_t k = 0; k < kPeers; ++k)
        if (!common || theirs[k].size() == rows) add(peers()[k].name, peers()[k].formula, kind, common, std::move(theirs[k]));
    }
  return scores;
}

}  // namespace rigcast::calibration
