#pragma once
// Into how many parts engines of paged caches share a model out, and what of it each part holds.

#include <algorithm>

#include "placement/placement.hpp"

namespace rigcast::placement::detail {

struct Degrees {
  int tensor = 1, pipeline = 1, data = 1, expert = 1;
  bool whole_copies = false;             // of a mixture, too
  int replicas = 1;                      // engines side by side
  int devices() const { return tensor * pipeline * data * replicas; }
  int experts() const { return std::max(expert, whole_copies ? tensor : tensor * data); }   // devices that share a layer's experts
};

// Fails where the rig has too few devices, and where the engine cannot cut these matrices so; with the nearest degree that works.
Result<Degrees> degrees_of(const catalog::Catalog& catalog, const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig,
                           const Settings& settings);

// Share of a layer's cache that a device holds: key-value heads are copied where the degree exceeds their number.
double cache_share(const model::Layer& layer, int degree);

// Share of a tensor that a device holds: norms, routers and MLA's down projections are on every one.
double weight_share(const model::Tensor& tensor, const Degrees& d);

}  // namespace rigcast::placement::detail
