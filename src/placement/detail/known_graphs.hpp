#pragma once
// What compute buffers a graph needs, remembered: building it and laying it out takes most of the time of a layout, and the same graph comes
// back with every rig of like devices, every recipe of a model and every context that is padded to the same length.
//
// A graph follows from its request alone, and what it needs from the graph, the engine's rules and how it is run: all of that is in the
// GraphKey. Of layers that repeat each other it has the first and the last ones, unless layers are told apart, so that runs of many lengths come
// to the same graph. Bytes of weight matrices count only where they are moved to another memory, and then by how large copies are: of most graphs
// the demand is kept, which tells of other weights, and from the second length of the cache on of any length.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/function_ref.hpp"
#include "placement/detail/graph_memory.hpp"
#include "placement/detail/llama_graph.hpp"
#include "placement/detail/repeated_layers.hpp"

namespace rigcast::placement::detail {

struct GraphKey {
  std::uint64_t graph = 0, host_bytes = 0;   // hashes; host_bytes: of the weights on the host
  std::int64_t cells = 0;                    // of the cache, which `graph` leaves out but for what kCellStep does not divide
};

// What a graph was found to need with a cache of `cells`, and its demand. Where that is known to grow, it tells of all lengths from `least` to `most` cells that
// kCellStep or a multiple of it parts from this one.
struct KnownDemand {
  GraphDemand demand;
  GraphMemory memory;
  std::int64_t cells = 0, least = 0, most = 0;
  bool grows = false;

  bool tells_of(std::int64_t length) const { return grows ? length >= least && length <= most : length == cells; }
};

// `layers`: the signatures of all layers of the request. REQUIRES: `weights` of its architecture.
GraphKey graph_key(const WeightKinds& weights, const GraphRequest& request, const std::vector<LayerSignature>& layers, const Machine& machine,
                   const BackendRules& rules, const SchedulerSettings& settings);

// Weights of the graph numbered in the order in which graph_key() reads them, so that equal keys name the same; -1: none of the graph's. And their bytes.
std::vector<int> numbered_weights(const WeightKinds& weights, const GraphRequest& request);
std::vector<std::int64_t> bytes_by_number(const model::Architecture& architecture, const std::vector<int>& numbers);

// May be used by several threads.
class KnownGraphs {
 public:
  using Weights = FunctionRef<std::vector<std::int64_t>()>;   // bytes of the weights by number, where somebody asks

  std::optional<GraphMemory> find(const GraphKey& key, Weights weights);
  void keep(const GraphKey& key, const GraphMemory& memory, std::optional<KnownDemand> demand = {});   // none: of this length and these weights alone

 private:
  // All are forgotten when there are more.
  static constexpr std::size_t kMost = 8192, kMostDemands = 1024;   // a demand takes some 10 kB

  mutable std::mutex mutex_;                       // guards what follows, by the parts of a GraphKey; host_bytes 0 where none are moved
  std::map<std::array<std::uint64_t, 3>, GraphMemory> known_;
  std::map<std::uint64_t, std::shared_ptr<const KnownDemand>> demands_;   // by graph
};

}  // namespace rigcast::placement::detail
