#pragma once
// The graph llama.cpp reserves memory for: one prompt batch of the largest size, every token asked for its output, caches full.

#include <cstdint>
#include <vector>

#include "model/architecture.hpp"
#include "placement/detail/tensor_graph.hpp"

namespace rigcast::placement::detail {

// One layer's cache as laid out by llama_cache.
struct LayerCache {
  bool stored = false;             // false: no attention, or reads an earlier layer's cache
  bool windowed = false;           // holds the window only
  std::int64_t cells = 0;          // per stream
  std::int64_t key_elements = 0, value_elements = 0;  // per cell; value 0: MLA keeps one vector for both
  std::int64_t index_key_elements = 0, index_value_elements = 0;  // per cell, of a second cache for a sparse indexer (DeepSeek V3.2, GLM 5, MiniMax M3)
  std::int64_t entries = 0;        // per stream: of a compressed cache of the same width behind the window, and then the indexer's cells (DeepSeek V4)
  std::int64_t state_elements = 0, conv_elements = 0; // F32, per sequence
  std::int64_t ngram_elements = 0, compressor_elements = 0;
  int place = 0;                   // buffer

  std::int64_t index_cells() const { return entries > 0 ? entries : cells; }
  bool operator==(const LayerCache&) const = default;
};

// Operations on parallel streams that the engine does in one where it can (see resolve_fused): those that make a part's input, the mixing
// matrix out of its weights, and the streams out of the part's result.
struct FusedStreams {
  bool weighs = true, balances = true, spreads = true;
};

struct GraphRequest {
  const model::Architecture* architecture = nullptr;
  std::vector<int> tensor_place;   // per Architecture::tensors: buffer
  std::vector<int> weight_number;  // per Architecture::tensors: see numbered_weights(); empty: nobody asks for copies of weights
  int output_place = 0;            // buffer of the head; differs from the embedding's where a tied head was copied
  std::vector<LayerCache> caches;  // per layer
  std::vector<std::size_t> layers; // numbers of those that are built, ascending
  std::int64_t tokens = 512;       // in the batch, a multiple of the sequences
  std::int64_t outputs = 512;      // tokens whose logits are asked for
  std::int64_t streams = 1;        // separate caches (sequences without -kvu)
  std::int64_t sequences = 1;
  std::int64_t cells = 0, window_cells = 0;  // per stream
  bool flash_attention = true;
  FusedStreams fused;
  std::vector<int> layer_place;    // backends of the layers
  bool probes = false;             // the graph is only probed (see probe_graph)
  bool pins_norms = false;         // norms run where their layers are
  bool kv_on_device = true;        // false: the attention result is put together on the host
  int host = 0;                    // backend number of the host
  ElementType key_type{1, 2}, value_type{1, 2};
};

TensorGraph build_prompt_graph(const GraphRequest& request);

}  // namespace rigcast::placement::detail
