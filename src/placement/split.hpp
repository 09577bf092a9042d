#pragma once
// Contiguous ranges of layers over devices by dynamic programming: the inner step of search.hpp, on plain numbers.

#include <optional>
#include <vector>

namespace rigcast::placement {

// One layer as the split sees it (the output head counts as a last layer of its own).
struct LayerLoad {
  double held = 0;    // bytes it occupies on the device that runs it: weights and cache
  double read = 0;    // bytes it reads per token
};

struct DeviceLoad {
  double capacity = 0;   // bytes left for layers
  double bandwidth = 1;  // bytes/s
  double hop = 0;        // seconds it costs to involve this device at all
};

// Layers per device, in device order, that minimise sum(read / bandwidth) + hops under the capacities, and of equally fast splits the one
// whose fullest device is least full; nullopt when no contiguous split holds all layers. O(devices * layers^2).
std::optional<std::vector<int>> best_split(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices);

// Whether there is such a split: O(layers), for those who only look for where there begins to be one.
bool can_split(const std::vector<LayerLoad>& layers, const std::vector<DeviceLoad>& devices);

}  // namespace rigcast::placement
