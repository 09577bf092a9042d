#include "placement/detail/known_graphs.hpp"

#include <algorithm>
#include <utility>

namespace rigcast::placement::detail {
namespace {

void add_request(Signature& key, const GraphRequest& r) {
  const model::Architecture& a = *r.architecture;
  key.add(a.family);
  for (const std::int64_t value : {std::int64_t{a.hidden}, std::int64_t{a.vocab}, static_cast<std::int64_t>(a.layers.size()), std::int64_t{a.loop_norm},
                                   std::int64_t{a.stack_layers}, std::int64_t{a.bank_interval}, std::int64_t{a.streams}, std::int64_t{a.mixing_rounds}, std::int64_t{a.attention_softcap > 0}, std::int64_t{r.output_place},
                                   r.tokens, r.outputs, r.streams, r.sequences, r.cells % kCellStep, r.window_cells, std::int64_t{r.flash_attention}, std::int64_t{r.fused.weighs}, std::int64_t{r.fused.balances}, std::int64_t{r.fused.spreads},
                                   std::int64_t{r.kv_on_device}, std::int64_t{r.host}, r.key_type.block_elements, r.key_type.block_bytes,
                                   r.value_type.block_elements, r.value_type.block_bytes})
    key.add(value);
  for (const int block : a.blocks) key.add(block);
  key.add(r.probes);
  key.add(r.pins_norms);
}

void add_rules(Signature& key, const BackendRules& r) {
  for (const std::int64_t value : {r.max_tensor_bytes, r.chunk_bytes, r.alignment, r.host_alignment, std::int64_t{r.reorder_window}, std::int64_t{r.offload_batch},
                                   std::int64_t{r.attention_reads_key}, std::int64_t{r.attention_reads_value}, std::int64_t{r.reads_apart}, std::int64_t{r.writes_key}, std::int64_t{r.writes_value},
                                   std::int64_t{r.delta_scan}, r.index_key, r.mixes_streams, std::int64_t{r.multiplies_wide}, std::int64_t{r.balances_streams}, std::int64_t{r.holds_first_bonus}})
    key.add(value);
  for (const HeadWidths& head : r.attention_heads)
    for (const std::int64_t value : {head.key, head.value, head.least, head.multiple}) key.add(value);
  for (const StateScan& scan : r.state_scans) {
    key.add(scan.generation);
    key.add(scan.state);
  }
}

}  // namespace

GraphKey graph_key(const WeightKinds& weights, const GraphRequest& request, const std::vector<LayerSignature>& layers, const Machine& machine,
                   const BackendRules& rules, const SchedulerSettings& settings) {
  Signature graph, host_bytes;
  add_request(graph, request);
  add_rules(graph, rules);
  graph.add(machine.devices);
  graph.add(settings.copies);
  graph.add(settings.offload_operations);
  const auto add_layer = [&](std::size_t i) {
    graph.add(static_cast<std::int64_t>(layers[i].graph.value()));
    graph.add(request.layer_place[i]);
    host_bytes.add(static_cast<std::int64_t>(layers[i].host_bytes.value()));
  };
  graph.add(weights.layers_are_told_apart());
  if (weights.layers_are_told_apart()) {   // those that are left out have caches that the others read
    for (const std::size_t i : request.layers) graph.add(static_cast<std::int64_t>(i));
    for (std::size_t i = 0; i < layers.size(); ++i) add_layer(i);
  } else {   // how many of the same kind were left out, and so which numbers the others have, is nothing to the graph
    for (const std::size_t i : request.layers) add_layer(i);
  }
  for (const std::size_t t : weights.outside()) {
    const WeightKind& weight = weights.of(t);
    graph.add(weight.at(request.tensor_place[t], rules.max_tensor_bytes));
    if (request.tensor_place[t] >= request.host) host_bytes.add(static_cast<std::int64_t>(weight.first->bytes.value()));
  }
  return {graph.value(), host_bytes.value(), request.cells};
}

std::vector<int> numbered_weights(const WeightKinds& weights, const GraphRequest& request) {
  std::vector<int> numbers(weights.tensors().size(), -1);
  int next = 0;
  const auto number = [&](std::size_t t) {
    if (weights.of(t).in_graph && numbers[t] < 0) numbers[t] = next++;
  };
  std::vector<std::vector<const WeightKinds::Run*>> by_layer(weights.architecture().layers.size());
  for (const WeightKinds::Run& run : weights.runs())
    if (weights.is_layer(run.layer)) by_layer[static_cast<std::size_t>(run.layer)].push_back(&run);
  for (const std::size_t i : request.layers)
    for (const WeightKinds::Run* run : by_layer[weights.architecture().block_of(i)])
      for (std::size_t t = run->begin; t < run->end; ++t) number(t);
  for (const std::size_t t : weights.outside()) number(t);
  return numbers;
}

std::vector<std::int64_t> bytes_by_number(const model::Architecture& architecture, const std::vector<int>& numbers) {
  std::vector<std::int64_t> bytes(numbers.size());
  for (std::size_t t = 0; t < numbers.size(); ++t)
    if (numbers[t] >= 0) bytes[static_cast<std::size_t>(numbers[t])] = static_cast<std::int64_t>(architecture.tensors[t].bytes.value());
  return bytes;
}

namespace {

// What two lengths of the cache tell of all others; the newer one alone where they differ in more than sizes. Between them nothing else can be: each
// tensor only grows.
KnownDemand joined(const KnownDemand& before, KnownDemand now) {
  if (before.cells == now.cells) return before;   // found twice at a time
  auto growing = now.demand.growing_to(before.demand, (before.cells - now.cells) / kCellStep);
  if (!growing) return now;
  return {std::move(*growing), std::move(now.memory), now.cells, std::min(before.least, now.least), std::max(before.most, now.most), true};
}

}  // namespace

std::optional<GraphMemory> KnownGraphs::find(const GraphKey& key, Weights weights) {
  std::shared_ptr<const KnownDemand> known;
  {
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t host_bytes : {std::uint64_t{0}, key.host_bytes})
      if (const auto told = known_.find({key.graph, host_bytes, static_cast<std::uint64_t>(key.cells)}); told != known_.end()) return told->second;
    if (const auto demand = demands_.find(key.graph); demand != demands_.end() && demand->second->tells_of(key.cells)) known = demand->second;
  }
  if (!known) return std::nullopt;
  GraphMemory memory = known->memory;
  memory.bytes = known->demand.peaks((key.cells - known->cells) / kCellStep, memory.moves_host_weights ? weights() : std::vector<std::int64_t>{});
  keep(key, memory);
  return memory;
}

void KnownGraphs::keep(const GraphKey& key, const GraphMemory& memory, std::optional<KnownDemand> demand) {
  if (memory.moves_device_weights) return;   // their bytes are in no key
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMost) known_.clear();
  if (demands_.size() >= kMostDemands) demands_.clear();
  known_.insert_or_assign({key.graph, memory.moves_host_weights ? key.host_bytes : 0, static_cast<std::uint64_t>(key.cells)}, memory);
  if (!demand) return;
  auto& known = demands_[key.graph];
  known = std::make_shared<const KnownDemand>(known ? joined(*known, std::move(*demand)) : std::move(*demand));
}

}  // namespace rigcast::placement::detail
