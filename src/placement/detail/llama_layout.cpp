#include "placement/detail/llama_layout.hpp"

#include <algorithm>
#include <optional>

#include "base/check.hpp"
#include "base/pattern.hpp"

namespace rigcast::placement::detail {

namespace {

using model::AttentionKind;
using model::Role;

// The engine decides where a weight goes by asking each device whether it could run the weight's operation on a batch of 512 tokens.
bool device_takes(const WeightKind& kind, bool gathered, std::int64_t experts_used, const BackendRules& rules) {
  const model::Tensor& tensor = *kind.first;
  constexpr double batch = 512, f32 = 4;
  const double in = static_cast<double>(tensor.shape[0]), out = static_cast<double>(tensor.shape[1]);
  const double planes = static_cast<double>(tensor.shape[2] * tensor.shape[3]);
  double largest = tensor.bytes.value();
  if (kind.expert_matrix) largest = std::max({largest, in * static_cast<double>(experts_used) * batch * f32, out * static_cast<double>(experts_used) * batch * f32});
  else if (tensor.role == Role::norm || tensor.role == Role::other) largest = std::max(largest, in * batch * planes * f32);
  else if (gathered) largest = std::max(largest, in * batch * f32);
  else largest = std::max({largest, in * batch * planes * f32, out * batch * planes * f32});
  return largest <= static_cast<double>(rules.max_tensor_bytes);
}

// Values that are stored transposed, as without flash attention, are as wide in every layer as in the widest.
void widen_values(std::vector<LayerCache>& caches) {
  std::int64_t widest = 0;
  for (const LayerCache& c : caches) widest = std::max(widest, c.value_elements);
  for (LayerCache& c : caches)
    if (c.value_elements > 0) c.value_elements = widest;
}

class Placer {
 public:
  Placer(const LlamaInput& input, const LlamaContext& context) : in_(input), weights_(*input.weights), a_(input.weights->architecture()), s_(*input.settings) {
    out_.context = context;
    for (const Settings::Override& o : s_.overrides) {
      auto pattern = Pattern::compile(o.pattern);
      RC_CHECK(pattern.has_value(), "patterns are read where flags are");
      overrides_.push_back({std::move(*pattern), o.device});
    }
  }

  LlamaLayout run() {
    out_.buffers.assign(static_cast<std::size_t>(in_.devices) + 2, {});
    assign_layers();
    place_weights();
    out_.caches = llama_caches(in_, out_.context, out_.layer_device);
    for (const LayerCache& c : out_.caches) add_cache(c);
    return std::move(out_);
  }

 private:
  int host() const { return in_.devices; }
  int repacked() const { return in_.devices + 1; }
  BufferBytes& buffer(int place) { return out_.buffers[static_cast<std::size_t>(place)]; }

  // Layers counted from the end go to the devices, in ranges by the split; single precision as in the engine.
  void assign_layers() {
    const int layers = static_cast<int>(a_.layers.size());
    out_.layer_device.assign(static_cast<std::size_t>(layers) + 1, host());
    if (in_.devices == 0) return;
    const int wanted = s_.gpu_layers < 0 ? layers + 1 : std::min(s_.gpu_layers, layers + 1);
    const int first = layers + 1 - wanted;
    const std::vector<float> bounds = split_bounds();
    for (int l = first; l <= layers; ++l) {
      const float at = static_cast<float>(l - first) / static_cast<float>(wanted);
      const auto device = std::upper_bound(bounds.begin(), bounds.end(), at) - bounds.begin();
      out_.layer_device[static_cast<std::size_t>(l)] = std::min(static_cast<int>(device), in_.devices - 1);
    }
  }
  std::vector<float> split_bounds() const {
    std::vector<float> bounds;
    float sum = 0;
    const bool given = std::any_of(s_.split.begin(), s_.split.end(), [](double x) { return x > 0; });
    for (std::size_t d = 0; d < static_cast<std::size_t>(in_.devices); ++d) {
      double share = d < in_.free_bytes.size() ? in_.free_bytes[d] : 1;
      if (given) share = d < s_.split.size() ? s_.split[d] : 0;
      bounds.push_back(sum += static_cast<float>(share));
    }
    for (float& b : bounds) b = sum > 0 ? b / sum : b;
    return bounds;
  }

  // The decay of Mamba's states lives where its scan can run.
  bool device_scans(const model::Tensor& tensor) const {
    if (!in_.rules->compute.holds_first_bonus && tensor.name.ends_with(".time_mix_first.weight")) return false;
    if (tensor.layer < 0 || tensor.layer >= static_cast<int>(a_.layers.size()) || !tensor.name.ends_with(".ssm_a")) return true;
    const model::Recurrent& recurrent = a_.layers[static_cast<std::size_t>(tensor.layer)].recurrent;
    if (recurrent.kind == model::RecurrentKind::mamba1) return has_state_scan(in_.rules->compute, {1, tensor.shape[0]}, 1);
    if (recurrent.kind != model::RecurrentKind::mamba2 || weights_.scan_width() == 0) return true;
    const std::int64_t heads = std::max<std::int64_t>(1, tensor.elements());
    return has_state_scan(in_.rules->compute, {2, recurrent.state_elements / weights_.scan_width()}, weights_.scan_width() / heads);
  }

  struct Home {
    int place = 0;
    bool pinned = false;
    bool operator==(const Home&) const = default;
  };
  // Where a kind of weight goes: to the device that is wanted, or else to the first memory on the list that can serve it: pinned host memory,
  // repacked host memory, plain host memory.
  struct Homes { bool on_device = false; Home else_at; };

  Homes homes_of(const WeightKind& kind, bool as_matrix) const {
    const bool gathered = kind.gathered && !as_matrix;
    const bool fits_device = in_.devices > 0 && device_takes(kind, gathered, weights_.experts_used(), in_.rules->compute) && device_scans(*kind.first);
    if (in_.devices > 0 && in_.rules->pinned_host && fits_device) return {fits_device, {host(), true}};
    if (!gathered && can_repack(kind)) return {fits_device, {repacked(), false}};
    return {fits_device, {host(), false}};
  }
  Home home(const Homes& homes, int wanted) const { return wanted < host() && homes.on_device ? Home{wanted, false} : homes.else_at; }

  bool can_repack(const WeightKind& kind) const {
    const model::Tensor& t = *kind.first;
    const bool matrix = kind.expert_matrix ? t.shape[2] > 1 && t.shape[3] == 1 : t.shape[1] > 1 && t.shape[2] == 1 && t.shape[3] == 1;
    const bool multiplied = t.role != Role::norm && t.role != Role::other;
    return matrix && multiplied && t.shape[1] % 8 == 0 &&
           std::find(in_.rules->repacked.begin(), in_.rules->repacked.end(), t.quant) != in_.rules->repacked.end();
  }

  // Where the weights of a layer are wanted, and its experts.
  struct Wanted {
    int place = 0;
    bool experts_on_host = false;
    bool operator==(const Wanted&) const = default;
  };
  Wanted wanted_of(int layer) const {
    const bool inside = layer >= 0;
    return {inside ? out_.layer_device[static_cast<std::size_t>(std::min<int>(layer, static_cast<int>(a_.layers.size())))] : host(), layer < s_.cpu_moe_layers};
  }
  int wanted_place(const Wanted& layer, const WeightKind& kind) const {
    if (layer.experts_on_host && kind.moved_by_cpu_moe) return host();
    return kind.rope_factors ? out_.layer_device.front() : layer.place;   // rope: where the first layer is, and small copies where others are
  }
  int wanted_place(const model::Tensor& tensor, const WeightKind& kind) const {
    for (const auto& [pattern, device] : overrides_)
      if (pattern.found_in(tensor.name)) return device == kHost ? host() : std::min(device, in_.devices);
    return wanted_place(wanted_of(tensor.layer), kind);
  }

  void place_weights() {
    std::vector<Homes> homes;
    for (const WeightKind& kind : weights_.kinds()) homes.push_back(homes_of(kind, false));
    if (overrides_.empty()) place_by_layers(homes);
    else place_one_by_one(homes);
    place_tied_head(homes);
  }

  // Layers that predict further tokens are loaded where they are used (llama.cpp pull 26296 of July 2026; before its MTP of May, never).
  bool is_loaded(const WeightKind& kind) const { return kind.loaded && (kind.first->role != Role::next_token || s_.speculation.drafter == Drafter::own_layers); }
  double bytes_of(const WeightKind& kind) const { return is_loaded(kind) ? kind.first->bytes.value() : 0; }

  // Of layers that are wanted in one place every kind has one home, and those of the same kinds in the same order are copies of the first. Bytes are
  // whole numbers, whose sum is the same in any order.
  void place_by_layers(const std::vector<Homes>& homes) {
    const auto& tensors = weights_.tensors();
    std::vector<int> places(homes.size());
    out_.tensor_place.resize(tensors.size());
    int* const placed = out_.tensor_place.data();
    struct Laid { std::size_t alike, begin; std::vector<double> held; };   // held: by buffer
    std::vector<Laid> laid;   // of the layers that are wanted where this one is
    std::optional<Wanted> wanted;
    for (const WeightKinds::Run& run : weights_.runs()) {
      if (const Wanted here = wanted_of(run.layer); here != wanted) {
        for (std::size_t k = 0; k < homes.size(); ++k) places[k] = home(homes[k], wanted_place(here, weights_.kinds()[k])).place;
        wanted = here;
        laid.clear();
      }
      auto same = std::find_if(laid.begin(), laid.end(), [&](const Laid& each) { return each.alike == run.alike; });
      if (same == laid.end()) {
        same = laid.insert(same, {run.alike, run.begin, std::vector<double>(out_.buffers.size(), 0)});
        for (std::size_t t = run.begin; t < run.end; ++t) {
          placed[t] = places[tensors[t].kind];
          same->held[static_cast<std::size_t>(placed[t])] += bytes_of(weights_.kinds()[tensors[t].kind]);
        }
      } else {
        std::copy_n(placed + same->begin, run.end - run.begin, placed + run.begin);
      }
      for (std::size_t b = 0; b < out_.buffers.size(); ++b) out_.buffers[b].weights += same->held[b];
    }
  }

  void place_one_by_one(const std::vector<Homes>& homes) {
    for (std::size_t t = 0; t < a_.tensors.size(); ++t) {
      const WeightKind& kind = weights_.of(t);
      out_.tensor_place.push_back(home(homes[weights_.tensors()[t].kind], wanted_place(a_.tensors[t], kind)).place);
      buffer(out_.tensor_place.back()).weights += bytes_of(kind);
    }
  }

  // A tied head is loaded a second time where it is needed elsewhere than the table.
  void place_tied_head(const std::vector<Homes>& homes) {
    const auto named = [&](std::string_view name) {
      return std::find_if(weights_.outside().begin(), weights_.outside().end(), [&](std::size_t t) { return a_.tensors[t].name == name; });
    };
    const auto table = named("token_embd.weight"), none = weights_.outside().end();
    if (table == none || named("output.weight") != none) return;
    const model::Tensor& tensor = a_.tensors[*table];
    const WeightKind& kind = weights_.of(*table);
    const Home of_table = home(homes[weights_.tensors()[*table].kind], wanted_place(tensor, kind));
    const Home head = home(homes_of(kind, true), out_.layer_device.back());
    out_.output_place = head.place;
    const bool always_twice = a_.family == "gemma3n";  // its head is loaded before the table it is tied to, and kept apart
    if (always_twice || head != of_table) buffer(head.place).weights += tensor.bytes.value();
  }

  void add_cache(const LayerCache& c) {
    const double index_cells = static_cast<double>(c.index_cells() * out_.context.streams), entries = static_cast<double>(c.entries * out_.context.streams);
    const auto bytes = [](ElementType t, std::int64_t n) { return static_cast<double>(n / t.block_elements * t.block_bytes); };
    const double rows = static_cast<double>(c.cells * out_.context.streams);
    if (c.stored) buffer(c.place).kv += rows * (bytes(in_.key_type, c.key_elements) + bytes(in_.value_type, c.value_elements)) + entries * bytes(in_.key_type, c.key_elements) +
                                        index_cells * (bytes(in_.key_type, c.index_key_elements) + bytes(in_.value_type, c.index_value_elements));
    const std::int64_t recurrent = (c.state_elements + c.conv_elements) * states_of_sequence(s_.speculation);
    buffer(c.place).state += 4.0 * static_cast<double>((recurrent + c.ngram_elements + c.compressor_elements) * out_.context.sequences);
  }

  const LlamaInput& in_;
  const WeightKinds& weights_;
  const model::Architecture& a_;
  const Settings& s_;
  std::vector<std::pair<Pattern, int>> overrides_;
  LlamaLayout out_;
};

}  // namespace

bool reads_heads(const BackendRules& rules, const WeightKinds& weights) {
  return std::all_of(weights.heads().begin(), weights.heads().end(), [&](const AttendedHeads& each) { return attends(rules, {each.key, each.value}, each.queries_per_key); });
}

LlamaContext llama_context(const WeightKinds& weights, const Settings& settings, const LlamaRules& rules) {
  const model::Architecture& architecture = weights.architecture();
  LlamaContext c;
  const std::int64_t padding = rules.context_padding;
  c.sequences = std::max(1, settings.sequences);
  c.tokens = padded(settings.context > 0 ? settings.context : architecture.max_context, padding);
  c.streams = settings.unified_kv ? 1 : c.sequences;
  c.cells = c.streams == 1 ? c.tokens : padded(c.tokens / c.streams, padding);
  if (weights.compresses_cache()) c.streams = c.sequences;   // compressed entries are never shared
  c.tokens = c.cells * c.streams;
  c.batch = std::min<std::int64_t>(settings.batch, c.tokens);
  c.ubatch = std::min<std::int64_t>(settings.ubatch, c.batch);
  c.outputs = rules.outputs_per_slot && !settings.prompt_logits ? std::min(c.sequences, c.ubatch) : c.ubatch;
  const std::int64_t sharing = c.sequences / c.streams;  // sequences whose windows lie in one stream
  c.window_cells = settings.swa_full || !rules.window_saves_memory ? c.cells : std::min(c.cells, padded(weights.widest_window() * sharing + c.ubatch, padding));
  c.flash_attention = !rules.refuses_flash && settings.flash_attention.value_or(rules.compute.attention_reads_key && rules.compute.attention_reads_value && reads_heads(rules.compute, weights));
  return c;
}

std::vector<LayerCache> llama_caches(const LlamaInput& input, const LlamaContext& context, const std::vector<int>& layer_device) {
  const model::Architecture& architecture = input.weights->architecture();
  std::vector<LayerCache> caches;
  caches.reserve(architecture.layers.size());
  for (std::size_t i = 0; i < architecture.layers.size(); ++i) {
    const model::Layer& layer = architecture.layers[i];
    const model::Attention& attention = layer.attention;
    LayerCache c;
    c.place = input.settings->kv_offload ? layer_device[i] : input.devices;
    c.stored = attention.kind != AttentionKind::none && attention.kv_layer < 0 && !architecture.encoder_only;
    c.windowed = model::is_windowed(attention);
    c.cells = c.windowed ? context.window_cells : context.cells;
    if (c.stored && attention.kind == AttentionKind::mla) {
      c.key_elements = attention.latent_dim + attention.rope_dim;
    } else if (c.stored && attention.kind == AttentionKind::compressed) {
      c.key_elements = attention.key_dim;
      if (model::makes_entries(attention)) c.entries = padded(std::max<std::int64_t>(1, (context.cells + attention.compress - 1) / attention.compress), 256);
    } else if (c.stored) {
      c.key_elements = std::int64_t{attention.key_dim} * attention.kv_heads;
      c.value_elements = std::int64_t{attention.value_dim} * attention.kv_heads;
    }
    // The indexer keeps keys of its own for every cell; where MiniMax M3 has one llama.cpp allocates values beside them.
    if (c.stored && attention.indexer_heads > 0) {
      c.index_key_elements = model::indexer_elements(attention);
      c.index_value_elements = attention.kind == AttentionKind::full && attention.indexer_pool == 0 ? attention.indexer_dim : 0;
    }
    c.state_elements = layer.recurrent.state_elements;
    c.conv_elements = layer.recurrent.conv_elements;
    c.ngram_elements = layer.recurrent.ngram_elements;
    c.compressor_elements = model::compressor_elements(attention);
    caches.push_back(c);
  }
  if (!context.flash_attention) widen_values(caches);
  return caches;
}

LlamaLayout place_llama(const LlamaInput& input, const LlamaContext& context) { return Placer(input, context).run(); }

LlamaLayout lay_out_llama(const LlamaInput& input) {
  LlamaLayout layout = place_llama(input, llama_context(*input.weights, *input.settings, *input.rules));
  reserve_compute(input, layout);
  return layout;
}

}  // namespace rigcast::placement::detail
