#include "placement/detail/graph_memory.hpp"

#include <algorithm>
#include <set>

namespace rigcast::placement::detail {

namespace {

constexpr std::size_t kMaxSplitInputs = 30;
constexpr int kUnassigned = -1;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

// Kernels read a quantised matrix only where its rows and its planes lie one behind the other.
bool matrix_is_readable(const TensorGraph& graph, const GraphTensor& t) {
  if (t.type == kWeight || graph.block_elements(t.type) == 1) return true;
  return t.stride[1] == graph.row_bytes(t.type, t.shape[0]) && (t.shape[3] == 1 || t.stride[3] == t.stride[2] * t.shape[2]);
}

std::int64_t batch_of(const GraphTensor& t) {
  switch (t.op) {
    case TensorOp::gather: return 0;
    case TensorOp::matmul: return t.shape[1];
    case TensorOp::matmul_experts: case TensorOp::rope: return t.shape[2];
    default: return t.shape[1] * t.shape[2] * t.shape[3];
  }
}

class Scheduler {
 public:
  Scheduler(TensorGraph& graph, const Machine& machine, const BackendRules& rules, const SchedulerSettings& settings)
      : g_(graph), machine_(machine), rules_(rules), settings_(settings), backend_(graph.tensors.size(), kUnassigned), originals_(graph.tensors.size()),
        copies_(originals_ * at(machine.host() + 1)) {
    supported_.assign(graph.tensors.size(), -1);
    views_.reserve(originals_);
    for (const GraphTensor& tensor : graph.tensors) views_.push_back(is_view(tensor.op));
  }

  void assign() {
    assign_from_placed_sources();
    if (expand(true, true) && expand(false, true) && expand(true, false)) expand(false, false);
    assign_rest();
  }

  std::vector<TensorOp> strays(const std::vector<int>& layer_place) {
    assign();
    std::set<TensorOp> found;
    for (const TensorId id : g_.operations)
      if (const int layer = g_[id].layer; layer >= 0 && backend_[at(id)] != layer_place[at(layer)]) found.insert(g_[id].op);
    return {found.begin(), found.end()};
  }

  Reserved run() {
    Reserved reserved;
    for (const GraphTensor& tensor : g_.tensors) {
      if (tensor.bytes > rules_.max_tensor_bytes) reserved.exceeded = true;
      else reserved.largest = std::max(reserved.largest, tensor.bytes);
    }
    assign();
    cut();
    allocate();
    reserved.memory = {demand_.peaks(), static_cast<int>(splits_.size()), moves_device_weights_, moves_host_weights_};
    reserved.demand = std::move(demand_);
    return reserved;
  }

 private:
  struct Split { int backend = 0; std::size_t begin = 0, end = 0; std::vector<TensorId> inputs; };

  int host() const { return machine_.host(); }

  bool supports(int backend, TensorId id) {
    if (backend == host()) return true;
    auto& known = supported_[at(id)];  // devices are alike: asked once
    if (known < 0) known = device_supports(g_, rules_, id) ? 1 : 0;
    return known == 1;
  }
  bool reads_buffer(int backend, int buffer) const { return backend == host() ? buffer >= host() : backend == buffer; }
  int place_of(TensorId id) const { return g_[g_.root(id)].place; }

  // The first backend that can both read the buffer of `holder` and run `operation`.
  int backend_of_buffer(TensorId holder, TensorId operation) {
    const int buffer = place_of(holder);
    if (buffer == kNotPlaced) return kUnassigned;
    for (int b = 0; b <= host(); ++b)
      if (reads_buffer(b, buffer) && supports(b, operation)) return b;
    return kUnassigned;
  }

  int initial_backend(TensorId id) {
    const GraphTensor& t = g_[id];
    if (t.pinned != kNotPlaced && supports(t.pinned, id)) return t.pinned;
    if (const int b = backend_of_buffer(id, id); b != kUnassigned) return b;
    if (place_of(id) != kNotPlaced || t.is_input) return host();
    if (t.op == TensorOp::rope || t.op == TensorOp::attention) return kUnassigned;  // their factors and sinks are too small to decide
    for (const TensorId source : t.sources()) {
      if (source == kNoTensor || !g_[source].is_weight) continue;
      const int b = backend_of_buffer(source, id);
      const bool offload = settings_.offload_operations && b == host() && g_[source].place != machine_.repacked() &&
                           batch_of(t) >= rules_.offload_batch;
      for (int d = 0; offload && d < host(); ++d)
        if (supports(d, id)) return d;
      return b;
    }
    return kUnassigned;
  }

  void assign_from_placed_sources() {
    for (const TensorId id : g_.leaves) backend_[at(id)] = initial_backend(id);
    for (const TensorId id : g_.operations) backend_[at(id)] = initial_backend(id);
  }

  // Unassigned operations join their neighbour's backend; first devices only, then the host too. Whether any are left.
  bool expand(bool downwards, bool devices_only) {
    bool left = false;
    int current = kUnassigned;
    const std::size_t n = g_.operations.size();
    for (std::size_t k = 0; k < n; ++k) {
      const TensorId id = g_.operations[downwards ? k : n - 1 - k];
      if (views_[at(id)]) continue;
      int& mine = backend_[at(id)];
      if (mine != kUnassigned) current = devices_only && mine == host() ? kUnassigned : mine;
      else if (current != kUnassigned && supports(current, id)) mine = current;
      else left = true;
    }
    return left;
  }

  bool readable(TensorId id, int backend) const {
    int buffer = place_of(id);
    if (buffer == kNotPlaced) buffer = backend_[at(id)] != kUnassigned || g_[id].view_of == kNoTensor ? backend_[at(id)] : backend_[at(g_[id].view_of)];
    return buffer != kUnassigned && reads_buffer(backend, buffer);
  }

  void assign_rest() {
    for (const TensorId id : g_.operations) {
      if (views_[at(id)] || backend_[at(id)] != kUnassigned) continue;
      int best = -1;
      for (int b = 0; b <= host(); ++b) {
        if (!supports(b, id)) continue;
        int readable_sources = 0;
        for (const TensorId s : g_[id].sources())
          if (s != kNoTensor && readable(s, b)) ++readable_sources;
        if (readable_sources > best) {
          best = readable_sources;
          backend_[at(id)] = b;
        }
      }
    }
    for (const TensorId id : g_.operations) {
      if (g_[id].view_of != kNoTensor && backend_[at(id)] == kUnassigned) backend_[at(id)] = backend_[at(g_[id].view_of)];
      for (const TensorId s : g_[id].sources()) {
        if (s == kNoTensor || backend_[at(s)] != kUnassigned) continue;
        backend_[at(s)] = g_[s].view_of != kNoTensor ? backend_[at(g_[s].view_of)] : backend_[at(id)];
      }
      for (int b = 0; b <= host() && backend_[at(id)] == kUnassigned; ++b)
        if (supports(b, id)) backend_[at(id)] = b;
    }
  }

  // Cuts where the backend changes, or where the split would hold more than one host weight at a time.
  void cut() {
    std::size_t i = 0;
    while (i < g_.operations.size() && views_[at(g_.operations[i])]) ++i;
    if (i == g_.operations.size()) return;
    splits_.push_back({backend_[at(g_.operations[i])], 0, 0, {}});
    for (; i < g_.operations.size(); ++i) {
      const TensorId id = g_.operations[i];
      if (views_[at(id)]) continue;
      const int backend = backend_[at(id)];
      if (backend != splits_.back().backend || needs_own_split(id)) {
        splits_.back().end = i;
        splits_.push_back({backend, i, 0, {}});
      }
      redirect_sources(id);
    }
    splits_.back().end = g_.operations.size();
    if (settings_.copies > 1)
      for (const TensorId leaf : g_.leaves)
        if (g_[leaf].is_input) keep_in_copies(leaf, backend_[at(leaf)]);
  }

  bool needs_own_split(TensorId id) const {
    const Split& split = splits_.back();
    if (split.inputs.empty()) return false;
    for (const TensorId s : g_[id].sources()) {
      if (s == kNoTensor || backend_[at(s)] == split.backend || readable(s, split.backend)) continue;
      if (g_[s].is_weight) return true;
      if (split.inputs.size() >= kMaxSplitInputs && !is_copied(s, split.backend)) return true;
    }
    return false;
  }

  void redirect_sources(TensorId id) {
    Split& split = splits_.back();
    for (std::size_t j = 0; j < g_[id].sources().size(); ++j) {
      const TensorId s = g_[id].source[j];
      if (s == kNoTensor) continue;
      if (g_[s].is_input && settings_.copies > 1) keep_in_copies(s, backend_[at(s)]);
      if (backend_[at(s)] == split.backend || readable(s, split.backend)) continue;
      if (!is_copied(s, split.backend)) {
        const TensorId first = copy(s, split.backend);
        for (int c = 1; c < settings_.copies; ++c) copy(s, split.backend);
        copied(s, split.backend) = {first, first + 1};
        split.inputs.push_back(s);
      }
      g_[id].source[j] = copied(s, split.backend).first;
    }
  }

  TensorId copy(TensorId source, int backend) {
    if (g_[g_.root(source)].is_weight) (place_of(source) < host() ? moves_device_weights_ : moves_host_weights_) = true;
    const TensorId id = g_.copy_of(source);
    backend_.push_back(backend);
    supported_.push_back(-1);
    if (settings_.copies > 1) g_[id].is_input = g_[id].is_output = true;  // several batches in flight: never freed
    return id;
  }

  void keep_in_copies(TensorId input, int backend) {
    if (is_copied(input, backend)) return;
    copied(input, backend) = {input, static_cast<TensorId>(g_.tensors.size())};
    for (int c = 1; c < settings_.copies; ++c) copy(input, backend);
    g_[input].is_output = true;
    kept_inputs_.push_back(input);
  }

  // The running order with the copies at the head of each split.
  void build_order() {
    for (const Split& split : splits_) {
      for (const TensorId input : split.inputs) {
        const TensorId alias = g_.alias_of(input);
        backend_.push_back(backend_[at(input)]);
        append(alias, backend_[at(input)]);
        append(copied(input, split.backend).first, split.backend);
      }
      std::vector<TensorId> part(g_.operations.begin() + static_cast<std::ptrdiff_t>(split.begin),
                                 g_.operations.begin() + static_cast<std::ptrdiff_t>(split.end));
      if (split.backend != host() && rules_.reorder_window > 1) reorder_for_concurrency(g_, part, rules_.reorder_window);
      backend_.resize(g_.tensors.size(), split.backend);
      for (const TensorId id : part) append(id, backend_[at(id)]);
    }
  }
  void append(TensorId id, int backend) {
    order_.push_back(id);
    order_backend_.push_back(backend);
  }

  void allocate();
  void allocate_copies(TensorId id, int backend) {
    const Copies& all = copied(id, backend);
    allocate_tensor(all.first, backend);
    for (int c = 1; c < settings_.copies; ++c) allocate_tensor(all.others + c - 1, backend);
  }
  void allocate_tensor(TensorId id, int backend) {
    if (!life_[at(id)].owned) find_memory(id, backend);
  }
  void find_memory(TensorId id, int backend);
  bool take_over_source(TensorId id);
  void release_sources(TensorId id);
  void release(TensorId id);

  TensorGraph& g_;
  const Machine machine_;
  const BackendRules& rules_;
  const SchedulerSettings settings_;
  std::vector<int> backend_;
  std::vector<signed char> supported_;
  std::vector<char> views_;          // of the tensors as they were built, whether they are: asked in every pass
  std::vector<Split> splits_;
  // Of a tensor for a backend: the first, and where the others lie one behind the other.
  struct Copies { TensorId first = kNoTensor, others = kNoTensor; };
  Copies& copied(TensorId id, int backend) { return copies_[at(backend) * originals_ + at(id)]; }
  bool is_copied(TensorId id, int backend) const { return copies_[at(backend) * originals_ + at(id)].first != kNoTensor; }
  const std::size_t originals_;      // tensors of the graph as it was built: no copy is copied
  std::vector<Copies> copies_;       // by backend and tensor
  std::vector<TensorId> kept_inputs_, order_;
  std::vector<int> order_backend_;
  bool moves_device_weights_ = false, moves_host_weights_ = false;

  struct Life { int readers = 0, views = 0, piece = 0; bool owned = false; };
  std::vector<Life> life_;
  GraphDemand demand_;
};

void Scheduler::allocate() {
  build_order();
  life_.assign(g_.tensors.size(), {});
  for (int b = 0; b <= host(); ++b)
    demand_.add_memory(b == host() ? rules_.host_alignment : rules_.alignment, machine_.devices == 0 ? INT64_MAX : rules_.chunk_bytes);

  if (settings_.copies > 1) {
    for (const TensorId input : kept_inputs_)
      allocate_copies(input, backend_[at(input)]);
    for (const Split& split : splits_)
      for (const TensorId input : split.inputs) allocate_copies(input, split.backend);
  }
  for (const TensorId leaf : g_.leaves) allocate_tensor(leaf, backend_[at(leaf)]);

  for (std::size_t k = 0; k < order_.size(); ++k) {
    const GraphTensor& t = g_[order_[k]];
    if (t.view_of != kNoTensor && t.op != TensorOp::none) ++life_[at(t.view_of)].views;
    if (t.is_input) allocate_tensor(order_[k], order_backend_[k]);
    for (const TensorId s : t.sources())
      if (s != kNoTensor) ++life_[at(s)].readers;
  }
  for (std::size_t k = 0; k < order_.size(); ++k) {
    for (const TensorId s : g_[order_[k]].sources())
      if (s != kNoTensor) allocate_tensor(s, order_backend_[k]);
    allocate_tensor(order_[k], order_backend_[k]);
    release_sources(order_[k]);
  }
}

void Scheduler::find_memory(TensorId id, int backend) {
  Life& life = life_[at(id)];
  const GraphTensor& t = g_[id];
  if (t.view_of != kNoTensor || t.place != kNotPlaced) return;
  life.owned = true;
  if (may_overwrite(t.op) && take_over_source(id)) return;
  life.piece = demand_.take(backend, t.bytes, t.weight);
}

bool Scheduler::take_over_source(TensorId id) {
  const GraphTensor& t = g_[id];
  for (const TensorId s : t.sources()) {
    if (s == kNoTensor || !life_[at(s)].owned || g_[s].is_output) continue;
    const GraphTensor& source = g_[s];
    if (source.type != t.type || source.shape != t.shape || source.stride != t.stride) continue;
    if (life_[at(s)].readers != 1 || life_[at(s)].views != 0) continue;
    life_[at(id)].piece = life_[at(s)].piece;
    life_[at(s)].owned = false;
    return true;
  }
  return false;
}

void Scheduler::release_sources(TensorId id) {
  for (const TensorId s : g_[id].sources()) {
    if (s == kNoTensor || --life_[at(s)].readers != 0 || life_[at(s)].views != 0) continue;
    if (g_[s].view_of == kNoTensor) {
      release(s);
    } else {
      Life& root = life_[at(g_[s].view_of)];
      if (--root.views == 0 && root.readers == 0) release(g_[s].view_of);
    }
  }
}

void Scheduler::release(TensorId id) {
  Life& life = life_[at(id)];
  if (!life.owned || g_[id].is_output) return;
  demand_.give_back(life.piece);
  life.owned = false;
}

}  // namespace

bool attends(const BackendRules& rules, const HeadWidths& head, std::int64_t queries_per_key) {
  if (rules.attention_heads.empty()) return head.key % 8 == 0 && head.value % 8 == 0;
  return std::any_of(rules.attention_heads.begin(), rules.attention_heads.end(), [&](const HeadWidths& h) {
    return h.key == head.key && h.value == head.value && queries_per_key >= h.least && queries_per_key % h.multiple == 0;
  });
}

bool has_state_scan(const BackendRules& rules, const StateScan& wanted, std::int64_t head) {
  const auto serves = [&](const StateScan& s) { return s.generation == wanted.generation && s.state == wanted.state; };
  if (rules.state_scans.empty()) return true;
  return std::any_of(rules.state_scans.begin(), rules.state_scans.end(), serves) && (wanted.generation == 1 || head % 16 == 0);
}

bool device_supports(const TensorGraph& graph, const BackendRules& rules, TensorId operation) {
  const GraphTensor& t = graph[operation];
  if (t.bytes > rules.max_tensor_bytes) return false;
  for (const TensorId s : t.sources())
    if (s != kNoTensor && graph[s].bytes > rules.max_tensor_bytes) return false;
  const auto source = [&](std::size_t i) -> const GraphTensor& { return graph[t.source[i]]; };
  switch (t.op) {
    case TensorOp::attention:
      return rules.attention_reads_key && rules.attention_reads_value &&
             attends(rules, {source(1).shape[0], source(2).shape[0]}, source(0).shape[2] / std::max<std::int64_t>(1, source(1).shape[2]));
    case TensorOp::scatter:
      return (t.type != kKey || rules.writes_key) && (t.type != kValue || rules.writes_value);
    case TensorOp::matmul:
      return source(0).shape[3] == source(1).shape[3] && (rules.reads_apart || matrix_is_readable(graph, source(0)));
    case TensorOp::matmul_experts: return !t.wide || rules.multiplies_wide;
    case TensorOp::state_scan:  // Mamba 1 has a decay for every channel and state, Mamba 2 one for every head
      return has_state_scan(rules, {source(3).shape[0] == 1 || source(3).shape[1] == 1 ? 2 : 1, source(0).shape[0]}, source(0).shape[1]);
    case TensorOp::delta_scan: return rules.delta_scan;
    case TensorOp::index_scores: return rules.index_key == 0 || source(1).shape[0] == rules.index_key;
    case TensorOp::mix_streams: return rules.mixes_streams == 0 || source(0).shape[1] == rules.mixes_streams;
    case TensorOp::balance: return rules.balances_streams;
    default: return true;
  }
}

Reserved reserve_graph(TensorGraph& graph, const Machine& machine, const BackendRules& rules, const SchedulerSettings& settings) {
  return Scheduler(graph, machine, rules, settings).run();
}

GraphMemory probe_graph(TensorGraph& graph, const Machine& machine, const BackendRules& rules, const SchedulerSettings& settings, const std::vector<int>& layer_place) {
  GraphMemory memory;
  memory.strays = Scheduler(graph, machine, rules, settings).strays(layer_place);
  return memory;
}

}  // namespace rigcast::placement::detail
