// The compute buffers of a layout: the graph of one batch, through the engine's own scheduler and allocator.

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "placement/detail/llama_layout.hpp"
#include "placement/detail/repeated_layers.hpp"

namespace rigcast::placement::detail {

namespace {

std::vector<std::size_t> all_layers_of(const model::Architecture& architecture) {
  std::vector<std::size_t> layers(architecture.layers.size());
  std::iota(layers.begin(), layers.end(), std::size_t{0});
  return layers;
}

bool on_devices(const LlamaInput& in) {
  return in.settings->gpu_layers < 0 || in.settings->gpu_layers > static_cast<int>(in.weights->architecture().layers.size());
}

// How many batches are in flight: several where devices work one behind the other and nothing but whole layers is divided among them.
int copies_of(const LlamaInput& in) {
  const Settings& s = *in.settings;
  const bool overridden = !s.overrides.empty() || s.cpu_moe_layers > 0;
  const bool pipeline = in.devices > 1 && on_devices(in) && s.mode != Mode::row && s.kv_offload && !overridden && in.rules->overlaps_devices;
  return pipeline ? in.rules->copies : 1;
}

// An indexer's scratch tensors all lie in the graph from the start, one for each layer; layers that run again run with others' tensors; kept
// streams become more.
bool grows_with_layers(const GraphRequest& request) {
  const model::Architecture& a = *request.architecture;
  return !a.blocks.empty() || a.bank_interval > 0 || a.streams > 0 ||
         std::any_of(request.caches.begin(), request.caches.end(), [](const LayerCache& each) { return each.index_key_elements > 0; });
}

// With a longer cache each of its tensors grows alike: nothing is chosen among the cells, and none are taken together.
bool grows_evenly(const GraphRequest& request) {
  return std::none_of(request.caches.begin(), request.caches.end(), [](const LayerCache& each) { return each.index_key_elements > 0 || each.entries > 0; });
}

// Between which lengths of the cache each tensor stays on its side of what a device takes. A longer cache has none more than so many times larger.
KnownDemand demand_of(Reserved&& reserved, std::int64_t cells, std::int64_t max_tensor_bytes) {
  const double times = static_cast<double>(max_tensor_bytes) / static_cast<double>(reserved.largest), most = static_cast<double>(cells) * times;
  return {std::move(reserved.demand), reserved.memory, cells, reserved.exceeded ? cells : 0, most < 0x1p62 ? static_cast<std::int64_t>(most) : INT64_MAX};
}

GraphRequest graph_request(const LlamaInput& in, const LlamaLayout& layout) {
  const LlamaContext& c = layout.context;
  GraphRequest request;
  request.architecture = &in.weights->architecture();
  request.tensor_place = layout.tensor_place;
  request.output_place = layout.output_place;
  request.caches = layout.caches;
  request.host = in.devices;
  request.outputs = c.outputs;
  request.tokens = padded(std::min(c.tokens, c.ubatch), c.sequences);
  request.streams = c.streams;
  request.sequences = c.sequences;
  request.cells = c.cells;
  request.window_cells = c.window_cells;
  request.flash_attention = c.flash_attention;
  // When it only asks how much memory a graph needs, the engine forgets what it has pinned (ggml_backend_sched_reserve_size).
  request.pins_norms = !in.settings->dry_run && in.devices > 0 && on_devices(in);
  request.layer_place.assign(layout.layer_device.begin(), layout.layer_device.end() - 1);
  request.kv_on_device = in.settings->kv_offload || in.devices == 0;
  request.key_type = in.key_type;
  request.value_type = in.value_type;
  return request;
}

// Builds graphs and lays them out, or remembers what came of it.
class Reserver {
 public:
  Reserver(const LlamaInput& in, const LlamaLayout& layout, const std::vector<LayerSignature>& layers)
      : in_(in), layers_(layers), settings_{layout.copies, in.settings->op_offload} {}

  GraphMemory operator()(const GraphRequest& request) const {
    const GraphKey key = graph_key(*in_.weights, request, layers_, machine_, in_.rules->compute, settings_);
    const auto bytes = [&] { return bytes_by_number(in_.weights->architecture(), numbered_weights(*in_.weights, request)); };
    if (in_.known)
      if (auto memory = in_.known->find(key, bytes)) return *std::move(memory);
    TensorGraph graph = build_prompt_graph(numbered(request));
    if (request.probes) {
      GraphMemory memory = probe_graph(graph, machine_, in_.rules->compute, settings_, request.layer_place);
      if (in_.known) in_.known->keep(key, memory);
      return memory;
    }
    Reserved reserved = reserve_graph(graph, machine_, in_.rules->compute, settings_);
    const GraphMemory memory = reserved.memory;
    if (in_.known)
      in_.known->keep(key, memory, grows_evenly(request) ? std::optional(demand_of(std::move(reserved), request.cells, in_.rules->compute.max_tensor_bytes)) : std::nullopt);
    return memory;
  }

 private:
  GraphRequest numbered(GraphRequest request) const {
    if (in_.known) request.weight_number = numbered_weights(*in_.weights, request);
    return request;
  }

  const LlamaInput& in_;
  const std::vector<LayerSignature>& layers_;
  const Machine machine_{in_.devices};
  const SchedulerSettings settings_;
};

// Before it reserves anything, the engine builds the graph of a single token and does without an operation in every layer where in one layer it
// would run elsewhere than the layer: for want of a kernel, or where the cut between two memories has fallen otherwise. One after the other.
FusedStreams resolve_fused(const Reserver& reserve, const GraphRequest& of) {
  if (of.architecture->streams < 2) return {};
  GraphRequest request = of;
  request.layers = all_layers_of(*request.architecture);
  request.tokens = request.outputs = request.sequences;
  request.probes = request.pins_norms = true;
  for (const auto& [operation, flag] : {std::pair{TensorOp::weigh_streams, &FusedStreams::weighs}, std::pair{TensorOp::balance, &FusedStreams::balances},
                                        std::pair{TensorOp::spread, &FusedStreams::spreads}}) {
    const std::vector<TensorOp> strays = reserve(request).strays;
    if (std::find(strays.begin(), strays.end(), operation) != strays.end()) request.fused.*flag = false;
  }
  return request.fused;
}

}  // namespace

void reserve_compute(const LlamaInput& in, LlamaLayout& layout) {
  layout.copies = copies_of(in);
  GraphRequest request = graph_request(in, layout);
  const std::vector<LayerSignature> layers = layer_signatures(*in.weights, request, in.rules->compute.max_tensor_bytes);
  const model::Architecture& architecture = in.weights->architecture();
  const Reserver reserve(in, layout, layers);
  request.fused = resolve_fused(reserve, request);
  request.layers = in.every_layer || grows_with_layers(request) ? all_layers_of(architecture) : representative_layers(layers);
  GraphMemory memory = reserve(request);
  // Inputs of a split that are kept in copies are never freed: where every layer has splits of its own, memory grows with the layers.
  if (layout.copies > 1 && memory.splits > 2 * in.devices + 2 && request.layers.size() < architecture.layers.size()) {
    request.layers = all_layers_of(architecture);
    memory = reserve(request);
  }
  for (std::size_t b = 0; b < memory.bytes.size(); ++b) layout.buffers[b].compute = static_cast<double>(memory.bytes[b]);
}

}  // namespace rigcast::placement::detail
