#pragma once
// Where llama.cpp (and engines that keep its rules) puts every tensor, cache and buffer for given settings: the layout its own dry run
// would print, per device and host.

#include <cstdint>
#include <string>
#include <vector>

#include "catalog/engine.hpp"
#include "model/architecture.hpp"
#include "placement/detail/graph_memory.hpp"
#include "placement/detail/known_graphs.hpp"
#include "placement/detail/llama_graph.hpp"
#include "placement/detail/weight_kinds.hpp"
#include "placement/placement.hpp"

namespace rigcast::placement::detail {

// The engine's rules for one backend, out of its data file.
struct LlamaRules {
  BackendRules compute;
  int context_padding = 256;
  bool window_saves_memory = true;
  bool refuses_flash = false;        // the engine turns flash attention off for this model's family, whatever is asked for
  bool pinned_host = true;               // host weights a device could read go to memory it can copy from directly; else they may be repacked
  bool overlaps_devices = true;          // several devices work on several batches at once: inputs kept in `copies`
  int copies = 4;
  bool widens_cache = false;             // devices keep one layer's quantised keys and values in 16 bits, too, while they attend to them
  bool compiled_pair = true;             // single tokens have a kernel for these two cache formats; false: both are widened for them as well
  bool outputs_per_slot = false;         // the server keeps room for one row of logits for each slot, not for each prompt token
  std::vector<std::string> repacked;     // weight formats the processor's kernels store in their own order
};

// What settings mean in numbers, before any byte is placed.
struct LlamaContext {
  std::int64_t tokens = 0;               // context over all sequences
  std::int64_t batch = 0, ubatch = 0;
  std::int64_t outputs = 0;              // rows of logits in the largest batch
  std::int64_t streams = 1, sequences = 1;
  std::int64_t cells = 0, window_cells = 0;  // per stream
  bool flash_attention = true;
};

struct LlamaInput {
  const WeightKinds* weights = nullptr;  // of the model
  const Settings* settings = nullptr;
  const LlamaRules* rules = nullptr;
  int devices = 0;                       // that the engine sees
  std::vector<double> free_bytes;        // per device: the default split goes by it
  ElementType key_type{1, 2}, value_type{1, 2};
  KnownGraphs* known = nullptr;          // what graphs like this one were found to need; nullptr: nothing is remembered
  bool every_layer = false;              // builds the whole graph where one with fewer of its repeated layers would tell the same
};

struct BufferBytes { double weights = 0, kv = 0, state = 0, compute = 0; };

struct LlamaLayout {
  LlamaContext context;
  std::vector<int> layer_device;         // layers + 1 (the output head); devices: the host
  std::vector<LayerCache> caches;        // per layer
  std::vector<int> tensor_place;         // per Architecture::tensors: device, devices: host, devices + 1: repacked on the host
  int output_place = 0;                  // buffer of the head; differs from the embedding's where a tied head was copied
  std::vector<BufferBytes> buffers;      // devices, host, repacked
  int copies = 1;                        // of every input
};

// Whether flash attention has a kernel for the heads of every layer.
bool reads_heads(const BackendRules& rules, const WeightKinds& weights);
LlamaContext llama_context(const WeightKinds& weights, const Settings& settings, const LlamaRules& rules);
std::vector<LayerCache> llama_caches(const LlamaInput& input, const LlamaContext& context, const std::vector<int>& layer_device);

inline std::int64_t padded(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

LlamaLayout place_llama(const LlamaInput& input, const LlamaContext& context);   // weights and cache; compute buffers stay 0
void reserve_compute(const LlamaInput& input, LlamaLayout& layout);    // REQUIRES: a layout of the same input
LlamaLayout lay_out_llama(const LlamaInput& input);                    // both

}  // namespace rigcast::placement::detail
