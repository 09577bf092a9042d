#include "placement/split.hpp"

#include <algorithm>
#include <limits>

namespace rigcast::placement {

std::optional<std::vector<int>> best_split(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices) {
  const std::size_t n = layers.size();
  constexpr double never = std::numeric_limits<double>::infinity();
  // best[l]: least time with the first l layers on the devices so far; taken[d][l]: how many of them the d-th device took.
  std::vector<double> best(n + 1, never), next(n + 1);
  std::vector<std::vector<int>> taken(devices.size(), std::vector<int>(n + 1, 0));
  best[0] = 0;
  for (std::size_t d = 0; d < devices.size(); ++d) {
    next = best;  // takes none
    for (std::size_t first = 0; first < n; ++first) {
      if (best[first] == never) continue;
      double held = 0, time = best[first] + devices[d].hop;
      for (std::size_t last = first; last < n; ++last) {
        held += layers[last].held;
        if (held > devices[d].capacity) break;
        time += layers[last].read / devices[d].bandwidth;
        if (time < next[last + 1]) {
          next[last + 1] = time;
          taken[d][last + 1] = static_cast<int>(last + 1 - first);
        }
      }
    }
    std::swap(best, next);
  }
  if (best[n] == never) return std::nullopt;
  std::vector<int> counts(devices.size(), 0);
  std::size_t left = n;
  for (std::size_t d = devices.size(); d-- > 0;) {
    counts[d] = taken[d][left];
    left -= static_cast<std::size_t>(counts[d]);
  }
  return counts;
}

}  // namespace rigcast::placement
