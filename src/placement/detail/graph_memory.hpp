#pragma once
// How much compute memory a tensor graph takes on each device and on the host: which backend runs which operation, where the graph is
// cut, what is copied across the cuts, and the peak of what is alive, with the fragmentation of a best-fit allocator.
//
// This repeats what ggml does before it loads anything (scheduler: ggml/src/ggml-backend.cpp, allocator: ggml/src/ggml-alloc.c), so that
// the answer agrees with the engine to the byte as long as the graph does. A closed formula was the alternative; over 59 layouts of a
// real llama.cpp it missed by up to a factor of ten where operations fall back to the host or inputs are kept in four copies.

#include <cstdint>
#include <vector>

#include "placement/detail/graph_demand.hpp"
#include "placement/detail/tensor_graph.hpp"

namespace rigcast::placement::detail {

// A kernel of Mamba's scan: which generation, and of how large a state a channel.
struct StateScan { int generation = 0; std::int64_t state = 0; };

// What a backend's devices accept and how they lay memory out. Numbers come from the engine's data file.
// Widths of a head that flash attention has a kernel for: of keys, of values, and how many queries share them.
struct HeadWidths {
  std::int64_t key = 0, value = 0;
  std::int64_t least = 1;        // queries a key
  std::int64_t multiple = 1;     // ... and what their number is a multiple of
  bool operator==(const HeadWidths&) const = default;
};

struct BackendRules {
  std::int64_t max_tensor_bytes = INT64_MAX;  // an operation that touches a larger tensor runs on the host (Vulkan: maxStorageBufferRange)
  std::int64_t chunk_bytes = INT64_MAX;       // compute memory is allocated in pieces of at most this, unless one tensor is larger
  std::int64_t alignment = 128, host_alignment = 64;
  int reorder_window = 0;                     // operations looked ahead when independent ones are pulled together; 0: keeps the order
  int offload_batch = 32;                     // host weights are sent to a device for batches of at least this many tokens
  bool attention_reads_key = true, attention_reads_value = true;  // flash attention takes these cache types
  std::vector<HeadWidths> attention_heads;    // empty: all that are multiples of 8
  bool reads_apart = false;                   // matrix products take quantised matrices whose rows lie apart
  bool writes_key = true, writes_value = true;                    // scatter converts into these cache types
  std::vector<StateScan> state_scans;         // kernels of Mamba's scan; empty: of every shape
  bool delta_scan = true;                     // has a kernel for gated DeltaNet
  std::int64_t index_key = 0;                 // width of an indexer's keys that its kernel is for; 0: any
  std::int64_t mixes_streams = 0;             // how many kept streams its kernel mixes (Kimi K3); 0: any number
  bool multiplies_wide = true;                // products of experts take what may leave the range of F16 (Mistral 4)
  bool balances_streams = true;               // has a kernel that normalises the mixing matrices of parallel streams (DeepSeek V4)
  bool holds_first_bonus = true;              // of RWKV 6: where the engine's test batch of its scan is one the device has a kernel for
};

// Buffers, and backends in order of preference: 0..devices-1, then the host; repacked host weights come last.
struct Machine {
  int devices = 0;
  int host() const { return devices; }
  int repacked() const { return devices + 1; }
};

struct SchedulerSettings {
  int copies = 1;               // of every input, so that several batches can be in flight (pipeline of devices)
  bool offload_operations = true;
};

bool attends(const BackendRules& rules, const HeadWidths& head, std::int64_t queries_per_key);
bool has_state_scan(const BackendRules& rules, const StateScan& wanted, std::int64_t head);
bool device_supports(const TensorGraph& graph, const BackendRules& rules, TensorId operation);

// Bytes per backend (devices, then host), and whether weights are copied from one memory to another for it.
struct GraphMemory {
  std::vector<std::int64_t> bytes;
  int splits = 0;
  bool moves_device_weights = false, moves_host_weights = false;
  std::vector<TensorOp> strays = {};   // of probe_graph
};
// What the graph takes of its memories, and the memory that comes to. `largest`: bytes of its largest tensor that a device takes; `exceeded`: whether there is
// one that it does not. `graph` is consumed: copies are added and sources redirected.
struct Reserved {
  GraphDemand demand;
  GraphMemory memory;
  std::int64_t largest = 1;
  bool exceeded = false;
};
Reserved reserve_graph(TensorGraph& graph, const Machine& machine, const BackendRules& rules, const SchedulerSettings& settings);

// Lays nothing out: only which kinds of operations would not all run where their layers are (`layer_place`, by layer).
GraphMemory probe_graph(TensorGraph& graph, const Machine& machine, const BackendRules& rules, const SchedulerSettings& settings, const std::vector<int>& layer_place);

// Pulls independent operations together so that a device can run them at once; changes what is alive at the same time.
void reorder_for_concurrency(TensorGraph& graph, std::vector<TensorId>& operations, int window);

}  // namespace rigcast::placement::detail
