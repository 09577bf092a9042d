#pragma once
// What compute buffers a graph needs, remembered: building it and laying it out takes most of the time of a layout, and the same graph comes
// back with every rig of like devices, every recipe of a model and every context that is padded to the same length.
//
// A graph follows from its request alone, and what it needs from the graph, the engine's rules and how it is run: all of that is in the
// GraphKey. Bytes of weight matrices count only where they are moved to another memory.

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "placement/detail/graph_memory.hpp"
#include "placement/detail/llama_graph.hpp"
#include "placement/detail/repeated_layers.hpp"

namespace rigcast::placement::detail {

struct GraphKey {
  std::uint64_t graph = 0, host_bytes = 0;   // hashes; host_bytes: of the weights on the host
};

// `layers`: the signatures of all layers of the request. REQUIRES: `weights` of its architecture.
GraphKey graph_key(const WeightKinds& weights, const GraphRequest& request, const std::vector<LayerSignature>& layers, const Machine& machine,
                   const BackendRules& rules, const SchedulerSettings& settings);

// May be used by several threads.
class KnownGraphs {
 public:
  std::optional<GraphMemory> find(const GraphKey& key) const;
  void keep(const GraphKey& key, const GraphMemory& memory);

 private:
  static constexpr std::size_t kMost = 8192;       // all are forgotten when there are more
  using Entry = std::array<std::uint64_t, 2>;      // a GraphKey; host_bytes 0 where none are moved
  mutable std::mutex mutex_;                       // guards what follows
  std::map<Entry, GraphMemory> known_;
};

}  // namespace rigcast::placement::detail
