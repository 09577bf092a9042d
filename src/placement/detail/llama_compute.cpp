// The compute buffers of a layout: the graph of one batch, through the engine's own scheduler and allocator.

#include <algorithm>
#include <numeric>

#include "placement/detail/llama_layout.hpp"
#include "placement/detail/repeated_layers.hpp"

namespace rigcast::placement::detail {

namespace {

std::vector<std::size_t> all_layers_of(const model::Architecture& architecture) {
  std::vector<std::size_t> layers(architecture.layers.size());
  std::iota(layers.begin(), layers.end(), std::size_t{0});
  return layers;
}

// How many batches are in flight: several where devices work one behind the other and nothing but whole layers is divided among them.
int copies_of(const LlamaInput& in) {
  const Settings& s = *in.settings;
  const bool overridden = !s.overrides.empty() || s.cpu_moe_layers > 0;
  const bool all_layers = s.gpu_layers < 0 || s.gpu_layers > static_cast<int>(in.weights->architecture().layers.size());
  const bool pipeline = in.devices > 1 && all_layers && s.mode != Mode::row && s.kv_offload && !overridden && in.rules.overlaps_devices;
  return pipeline ? in.rules.copies : 1;
}

// An indexer's scratch tensors all lie in the graph from the start, one for each layer; layers that run again run with others' tensors; kept
// streams become more.
bool grows_with_layers(const GraphRequest& request) {
  const model::Architecture& a = *request.architecture;
  return !a.blocks.empty() || a.bank_interval > 0 || a.streams > 0 ||
         std::any_of(request.caches.begin(), request.caches.end(), [](const LayerCache& each) { return each.index_key_elements > 0; });
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
  const bool on_devices = std::any_of(layout.layer_device.begin(), layout.layer_device.end() - 1, [&](int place) { return place < in.devices; });
  request.balances_streams = in.rules.compute.balances_streams || !on_devices;   // else in no layer, wherever it lies
  request.kv_on_device = in.settings->kv_offload || in.devices == 0;
  request.key_type = in.key_type;
  request.value_type = in.value_type;
  return request;
}

}  // namespace

void reserve_compute(const LlamaInput& in, LlamaLayout& layout) {
  layout.copies = copies_of(in);
  GraphRequest request = graph_request(in, layout);
  const std::vector<LayerSignature> layers = layer_signatures(*in.weights, request, in.rules.compute.max_tensor_bytes);
  request.layers = in.every_layer || grows_with_layers(request) ? all_layers_of(in.weights->architecture()) : representative_layers(layers);
  const auto reserve = [&]() -> GraphMemory {
    const Machine machine{in.devices};
    const SchedulerSettings settings{layout.copies, in.settings->op_offload};
    const GraphKey key = graph_key(*in.weights, request, layers, machine, in.rules.compute, settings);
    if (in.known)
      if (auto memory = in.known->find(key)) return *std::move(memory);
    TensorGraph graph = build_prompt_graph(request);
    GraphMemory memory = reserve_graph(graph, machine, in.rules.compute, settings);
    if (in.known) in.known->keep(key, memory);
    return memory;
  };
  GraphMemory memory = reserve();
  // Inputs of a split that are kept in copies are never freed: where every layer has splits of its own, memory grows with the layers.
  if (layout.copies > 1 && memory.splits > 2 * in.devices + 2 && request.layers.size() < in.weights->architecture().layers.size()) {
    request.layers = all_layers_of(in.weights->architecture());
    memory = reserve();
  }
  for (std::size_t b = 0; b < memory.bytes.size(); ++b) layout.buffers[b].compute = static_cast<double>(memory.bytes[b]);
}

}  // namespace rigcast::placement::detail
