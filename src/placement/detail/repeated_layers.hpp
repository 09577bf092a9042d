#pragma once
// Which layers a graph needs so that its compute buffers come out as those of the whole model.
//
// Layers repeat: the same tensors of the same shapes on the same memory, singly or in a pattern (sliding windows, hybrid models, recipes that
// raise every third layer). Activations of one layer are freed before the next one's, so what an allocator holds at the end of a pattern
// is what it held at the end of the one before, and the peak of a run of patterns is that of its first few. Of every longer run the graph
// keeps the first and the last ones; the tests compare it with the whole graph over shapes, recipes and splits.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "placement/detail/llama_graph.hpp"
#include "placement/detail/signature.hpp"
#include "placement/detail/weight_kinds.hpp"

namespace rigcast::placement::detail {

// Whatever makes two layers build the same graph. `host_bytes`: of weights on the host (places from GraphRequest::host on), which are
// copied to where they are needed and must be equal to the byte; nothing is where there is no device.
struct LayerSignature {
  Signature graph, host_bytes;
  bool operator==(const LayerSignature&) const = default;
};
// REQUIRES: `weights` of the request's architecture.
std::vector<LayerSignature> layer_signatures(const WeightKinds& weights, const GraphRequest& request, std::int64_t max_tensor_bytes);

// Numbers of the layers to keep, ascending; the last layer is always one of them.
std::vector<std::size_t> representative_layers(const std::vector<LayerSignature>& layers);

}  // namespace rigcast::placement::detail
