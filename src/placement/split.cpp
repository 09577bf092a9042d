#include "placement/split.hpp"

#include <algorithm>
#include <limits>

namespace rigcast::placement {

namespace {

constexpr double kRounding = 1e-9;  // of sums of the same layers in another order
constexpr double kNever = std::numeric_limits<double>::infinity();

// Time first; of equally fast ways the one whose fullest device is least full.
struct Way {
  double time = kNever, fullest = 0;
  bool better_than(const Way& other) const {
    if (time < other.time * (1 - kRounding)) return true;
    return time <= other.time * (1 + kRounding) && fullest < other.fullest;
  }
};

// By device: how many first layers it and those before it must take, or else the ones behind it cannot hold the rest.
std::vector<std::size_t> least_taken(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices) {
  std::vector<std::size_t> least(devices.size(), layers.size());
  for (std::size_t d = devices.size(); d-- > 1;) {
    std::size_t& left = least[d - 1] = least[d];
    for (double held = 0; left > 0 && (held += layers[left - 1].held) <= devices[d].capacity * (1 + kRounding);) --left;
  }
  return least;
}

}  // namespace

// Who takes fewer layers than it could leaves the next ones more: if every device in turn taking all it can does not end, nothing does.
bool can_split(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices) {
  std::size_t next = 0;
  for (const DeviceLoad& device : devices)
    for (double held = 0; next < layers.size() && (held += layers[next].held) <= device.capacity;) ++next;
  return next == layers.size();
}

std::optional<std::vector<int>> best_split(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices) {
  const std::size_t n = layers.size();
  double held_in_all = 0, room = 0;
  for (const LayerLoad& layer : layers) held_in_all += layer.held;
  for (const DeviceLoad& device : devices) room += device.capacity;
  if (held_in_all > room * (1 + kRounding)) return std::nullopt;
  if (devices.size() == 1) return held_in_all > devices.front().capacity ? std::nullopt : std::optional(std::vector{static_cast<int>(n)});   // nothing to choose
  // best[l]: the best way with the first l layers on the devices so far; taken[d][l]: how many of them the d-th device took.
  std::vector<Way> best(n + 1), next(n + 1);
  std::vector<std::vector<int>> taken(devices.size(), std::vector<int>(n + 1, 0));
  const std::vector<std::size_t> least = least_taken(layers, devices);
  std::vector<double> takes(n);   // seconds to read each layer
  best[0].time = 0;
  for (std::size_t d = 0; d < devices.size(); ++d) {
    next = best;  // takes none
    std::transform(layers.begin(), layers.end(), takes.begin(), [&](const LayerLoad& layer) { return layer.read / devices[d].bandwidth; });
    for (std::size_t first = d == 0 ? 0 : least[d - 1]; first < n; ++first) {
      if (best[first].time == kNever) continue;
      double held = 0, time = best[first].time + devices[d].hop;
      for (std::size_t last = first; last < n; ++last) {
        held += layers[last].held;
        if (held > devices[d].capacity) break;
        time += takes[last];
        if (last + 1 < least[d]) continue;
        const Way way{time, std::max(best[first].fullest, held / devices[d].capacity)};
        if (way.better_than(next[last + 1])) {
          next[last + 1] = way;
          taken[d][last + 1] = static_cast<int>(last + 1 - first);
        }
      }
    }
    std::swap(best, next);
  }
  if (best[n].time == kNever) return std::nullopt;
  std::vector<int> counts(devices.size(), 0);
  std::size_t left = n;
  for (std::size_t d = devices.size(); d-- > 0;) {
    counts[d] = taken[d][left];
    left -= static_cast<std::size_t>(counts[d]);
  }
  return counts;
}

}  // namespace rigcast::placement
