#pragma once
// Which layers a graph needs so that its compute buffers come out as those of the whole model.
//
// Layers repeat: the same tensors of the same shapes on the same memory, singly or in a pattern (sliding windows, hybrid models, recipes that
// raise every third layer). Activations of one layer are freed before the next one's, so what an allocator holds at the end of a pattern
// is what it held at the end of the one before, and the peak of a run of patterns is that of its first few. Of every longer run the graph
// keeps the first and the last ones; the tests compare it with the whole graph over shapes, recipes and splits.

#include <cstdint>
#include <vector>

#include "placement/detail/llama_graph.hpp"

namespace rigcast::placement::detail {

// Numbers of the layers to keep, ascending; the last layer is always one of them. Weights on devices count as equal whatever their bytes as
// long as both or neither exceed `max_tensor_bytes`; those on the host (places from `host` on) are copied and must be equal to the byte.
std::vector<std::size_t> representative_layers(const GraphRequest& request, std::int64_t max_tensor_bytes);

}  // namespace rigcast::placement::detail
