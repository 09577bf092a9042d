#include "placement/detail/slots.hpp"

#include <algorithm>
#include <numeric>

#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/draft_models.hpp"

namespace rigcast::placement::detail {

bool lists(std::string_view words, std::string_view word) {
  const auto parts = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  if (word.empty()) return false;
  for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || parts(words[at - 1])) && (end == words.size() || parts(words[end]))) return true;
  }
  return false;
}

namespace {

// What the processor's kernels are compiled for; without a named processor, what every desktop of the last ten years has.
std::string instruction_set(const rig::Rig& rig, const std::string& backend) {
  if (backend == "metal") return "neon";
  if (rig.hosts.empty() || !rig.hosts.front().processor) return "avx2";
  const auto& sets = rig.hosts.front().processor->instruction_sets;
  for (const char* set : {"avx512", "avx2", "neon"})
    if (std::find(sets.begin(), sets.end(), set) != sets.end()) return set;
  return "none";
}

std::int64_t integer_rule(const catalog::Engine& engine, std::string_view name, const std::string& backend, std::int64_t fallback) {
  return static_cast<std::int64_t>(catalog::number_of(engine, name, backend, static_cast<double>(fallback)));
}

bool is_together(const Settings& settings, const std::vector<int>& visible) { return settings.mode == Mode::tensor && visible.size() > 1; }

Result<ElementType> cache_format(const catalog::Catalog& catalog, const std::string& name) {
  RC_ASSIGN(quant, catalog.quant(name));
  return ElementType{quant.block_elements, quant.block_bytes};
}

// What llama.cpp refuses to load with -sm tensor.
Result<void> refuse_together(const catalog::Engine& engine, const std::string& backend, const model::Architecture& architecture, const rig::Rig& rig,
                             const LlamaContext& context) {
  const auto refused = [](std::string why, const char* nearest) {
    return fail(ErrorKind::unsupported, std::move(why), Where{"--flags"}, "-sm", nearest);
  };
  if (lists(catalog::text_of(engine, "tensor_refuses", backend), architecture.family))
    return refused("-sm tensor is not implemented for models of family '" + architecture.family + "'", "-sm layer");
  if (!context.flash_attention) return refused("-sm tensor needs flash attention", "-fa on");
  const auto vendor = [&](const rig::RigDevice& d) { return d.device.vendor == rig.devices.front().device.vendor; };
  if (backend != "vulkan" && !std::all_of(rig.devices.begin(), rig.devices.end(), vendor))
    return refused("-sm tensor joins devices of one backend: cards of different makers cannot share it", "-sm layer");
  if (rig.hosts.size() > 1) return refused("-sm tensor joins devices of one machine", "-sm layer");
  return {};
}

// Why there is no flash attention for values in a quantised cache, and what to type instead.
tl::unexpected<Error> no_flash_attention(const Settings& settings, const LlamaInput& input) {
  const BackendRules& kernels = input.rules->compute;
  if (input.rules->refuses_flash)
    return fail(ErrorKind::infeasible, "a quantised V cache (-ctv " + settings.value_quant + ") needs flash attention, which the engine turns off for models of this family", Where{"--flags"}, "-ctv", "-ctv f16");
  if (settings.flash_attention)
    return fail(ErrorKind::infeasible, "a quantised V cache (-ctv " + settings.value_quant + ") needs flash attention, which is turned off (-fa off)", Where{"--flags"}, "-ctv", "-fa on");
  if (kernels.attention_reads_key && kernels.attention_reads_value)
    return fail(ErrorKind::infeasible, "a quantised V cache (-ctv " + settings.value_quant +
                                           ") needs flash attention, which is left off by itself (-fa auto): there is no kernel for this model's heads on this backend; -fa on would run attention on the processor",
                Where{"--flags"}, "-ctv", "-ctv f16");
  const std::string kind = settings.value_quant == "q4_0" ? "q4_0" : "q8_0";
  return fail(ErrorKind::infeasible, "a quantised V cache (-ctv " + settings.value_quant + ") needs flash attention, which is left off by itself (-fa auto): there is no kernel for keys in " + settings.key_quant +
                                         " and values in " + settings.value_quant + " on this backend; -fa on would run attention on the processor",
              Where{"--flags"}, "-ctv", "-ctk " + kind + " -ctv " + kind);
}

// What llama.cpp refuses to load.
Result<void> refuse(const model::Architecture& architecture, const Settings& settings, const LlamaInput& input, const LlamaContext& context) {
  const std::int64_t block = input.value_type.block_elements;
  if (block > 1 && !context.flash_attention) return no_flash_attention(settings, input);
  for (const model::Layer& layer : architecture.layers) {
    const model::Attention& a = layer.attention;
    if (a.kind == model::AttentionKind::mla && settings.key_quant != settings.value_quant)
      return fail(ErrorKind::infeasible, "latent attention keeps one cache for keys and values: -ctk " + settings.key_quant + " and -ctv " + settings.value_quant + " must be the same",
                  Where{"--flags"}, "-ctv", "-ctv " + settings.key_quant);
    if (a.kind == model::AttentionKind::none || a.kind == model::AttentionKind::mla) continue;
    if (a.key_dim % input.key_type.block_elements != 0 || a.value_dim % block != 0)
      return fail(ErrorKind::infeasible, "heads of " + std::to_string(a.key_dim) + " elements cannot be stored in blocks of " +
                                             std::to_string(std::max(block, input.key_type.block_elements)), Where{"--flags"}, "-ctk");
  }
  return {};
}

// A cache that no operation of its device may touch ends the load: nothing is moved for it, as weights are.
Result<void> refuse_large_caches(const catalog::Engine& engine, const std::string& backend, const LlamaInput& input, const LlamaLayout& layout) {
  const auto most = static_cast<double>(input.rules->compute.max_tensor_bytes);
  double largest = 0;
  for (const LayerCache& cache : layout.caches) {
    if (!cache.stored || cache.place >= input.devices) continue;
    const auto bytes = [&](const ElementType& type, std::int64_t elements) {
      return static_cast<double>(cache.cells * layout.context.streams) * static_cast<double>(elements) * static_cast<double>(type.block_bytes) / static_cast<double>(type.block_elements);
    };
    largest = std::max({largest, bytes(input.key_type, cache.key_elements), bytes(input.value_type, cache.value_elements)});
  }
  if (largest <= most) return {};
  return fail(ErrorKind::infeasible, "a layer's cache takes " + format_number(largest / kGiB, 2) + " GiB in one tensor, and operations of " + backend + " take " + format_number(most / kGiB, 2) +
                                         " GiB here: " + engine.name + " ends while it loads", Where{"--flags"}, "-c");
}

// Kernels that read prompts take 16 bits: beside the cache each device keeps the keys and values of the layer at hand in them.
void add_widened_layer(const LlamaInput& input, LlamaLayout& layout) {
  if (!input.rules->widens_cache || !layout.context.flash_attention) return;
  const auto widened = [&](const std::string& format, std::int64_t elements) { return format == "f16" ? 0.0 : 2.0 * static_cast<double>(elements); };
  std::vector<double> largest(static_cast<std::size_t>(input.devices), 0);
  for (const LayerCache& cache : layout.caches) {
    if (!cache.stored || cache.place >= input.devices) continue;
    const double each = widened(input.settings->key_quant, cache.key_elements) + widened(input.settings->value_quant, cache.value_elements);
    double& most = largest[static_cast<std::size_t>(cache.place)];
    most = std::max(most, each * static_cast<double>(cache.cells * layout.context.streams));
  }
  for (std::size_t d = 0; d < largest.size(); ++d) layout.buffers[d].compute += largest[d];
}

Memory memory_of(const BufferBytes& bytes) {
  return Memory{Bytes(bytes.weights), Bytes(bytes.kv), Bytes(bytes.state), Bytes(bytes.compute), {}};
}

// Held in full by every device that shares a model: norms and biases, and the router, whose few rows decide for all.
bool is_mirrored(const model::Tensor& tensor) {
  return tensor.role == model::Role::router || tensor.shape[1] * tensor.shape[2] * tensor.shape[3] <= 1;
}

}  // namespace

namespace {

// "64", "576/512+2", "320/256x32": keys and values of one width, or of two; at least so many queries a key, or a multiple.
std::vector<HeadWidths> head_widths(std::string_view text) {
  std::vector<HeadWidths> found;
  for (std::string_view word : split_words(text)) {
    HeadWidths head;
    if (const std::size_t at = word.find_first_of("+x"); at != std::string_view::npos) {
      (word[at] == '+' ? head.least : head.multiple) = parse_int(word.substr(at + 1)).value_or(1);
      word = word.substr(0, at);
    }
    const std::size_t slash = word.find('/');
    head.key = parse_int(word.substr(0, slash)).value_or(0);
    head.value = slash == std::string_view::npos ? head.key : parse_int(word.substr(slash + 1)).value_or(0);
    found.push_back(head);
  }
  return found;
}

}  // namespace

LlamaRules llama_rules(const catalog::Engine& engine, const std::string& backend, const rig::Rig& rig, const Settings& settings) {
  LlamaRules rules;
  const std::string device = rig.devices.empty() ? std::string() : rig.devices.front().device.key;
  rules.compute.max_tensor_bytes =
      integer_rule(engine, "max_tensor_bytes", backend + "." + device, integer_rule(engine, "max_tensor_bytes", backend, INT64_MAX / 2));
  rules.compute.chunk_bytes = integer_rule(engine, "chunk_bytes", backend, INT64_MAX / 2);
  rules.compute.alignment = integer_rule(engine, "alignment", backend, 128);
  rules.compute.host_alignment = integer_rule(engine, "host_alignment", backend, 64);
  rules.compute.reorder_window = static_cast<int>(integer_rule(engine, "reorder_window", backend, 0));
  rules.compute.offload_batch = static_cast<int>(integer_rule(engine, "offload_batch", backend, 32));
  const std::string_view cache_types = catalog::text_of(engine, "attention_cache", backend);
  rules.compute.attention_reads_key = cache_types.empty() || lists(cache_types, settings.key_quant);
  rules.compute.attention_reads_value = cache_types.empty() || lists(cache_types, settings.value_quant);
  const std::string_view alone = catalog::text_of(engine, "attention_cache_alone", backend);
  const bool unlike = settings.key_quant != settings.value_quant && (lists(alone, settings.key_quant) || lists(alone, settings.value_quant));
  if (unlike) rules.compute.attention_reads_key = false;
  const std::string_view compiled = catalog::text_of(engine, "attention_cache_compiled", backend);
  rules.compiled_pair = compiled.empty() || lists(compiled, settings.key_quant + "/" + settings.value_quant);
  rules.compute.reads_apart = catalog::number_of(engine, "reads_apart", backend, 0) > 0;
  rules.widens_cache = catalog::number_of(engine, "widens_cache", backend, 0) > 0;
  rules.compute.attention_heads = head_widths(catalog::text_of(engine, "attention_heads", backend));
  rules.compute.index_key = integer_rule(engine, "index_key", backend, 0);
  rules.compute.balances_streams = catalog::number_of(engine, "balances_streams", backend, 1) > 0;
  rules.compute.multiplies_wide = catalog::number_of(engine, "multiplies_wide", backend, 1) > 0;
  rules.compute.mixes_streams = integer_rule(engine, "mixes_streams", backend, 0);
  rules.compute.holds_first_bonus = catalog::number_of(engine, "holds_first_bonus", backend, 1) > 0;
  for (const std::string_view scan : split_words(catalog::text_of(engine, "state_scans", backend)))
    if (const std::size_t dash = scan.find('-'); dash != std::string_view::npos)
      rules.compute.state_scans.push_back({static_cast<int>(parse_int(scan.substr(0, dash)).value_or(0)), parse_int(scan.substr(dash + 1)).value_or(0)});
  rules.context_padding = engine.context_padding;
  rules.window_saves_memory = engine.window_saves_memory;
  rules.pinned_host = catalog::number_of(engine, "pinned_host", backend, 1) > 0;
  rules.overlaps_devices = catalog::number_of(engine, "overlaps_devices", backend, 1) > 0;
  rules.outputs_per_slot = catalog::number_of(engine, "outputs_per_slot", backend, 0) > 0;
  rules.copies = static_cast<int>(integer_rule(engine, "input_copies", backend, 4));
  const std::string_view repacked = settings.repack ? catalog::text_of(engine, "repacked", instruction_set(rig, backend)) : std::string_view();
  for (const std::string_view name : split_words(repacked)) rules.repacked.emplace_back(name);
  return rules;
}

SlotLayouts::SlotLayouts(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const ModelView& model,
                         const rig::Rig& rig, const ModelView* drafter)
    : catalog_(catalog), engine_(engine), backend_(backend), model_(model), architecture_(model.architecture()), weights_(model_.weights()), rig_(rig), drafter_(drafter) {
  for (const rig::RigDevice& device : rig.devices) {
    const std::string own(backend_on(engine, backend, device));
    capacity_.push_back(device_capacity(engine, own, device));
    footprint_.push_back(Bytes(catalog::number_of(engine, "footprint_mib", own, 0) * kMiB));
  }
  host_footprint_ = Bytes(catalog::number_of(engine, "host_footprint_mib", backend, 0) * kMiB);
}

// The devices the engine sees: one with -sm none, else all; none on the processor alone.
std::vector<int> SlotLayouts::visible_devices(const Settings& settings) const {
  const int usable = usable_devices(engine_, rig_);
  if (settings.mode == Mode::cpu) return {};
  if (settings.mode == Mode::single && usable > 0) return {std::min(settings.main_device, usable - 1)};
  std::vector<int> devices(static_cast<std::size_t>(usable));
  std::iota(devices.begin(), devices.end(), 0);
  return devices;
}

Result<const SlotLayouts::Ruled*> SlotLayouts::rules_for(const Settings& settings, bool on_devices, bool together) {
  for (const Ruled& known : ruled_)
    if (known.on_devices == on_devices && known.together == together && known.repack == settings.repack && known.key_quant == settings.key_quant && known.value_quant == settings.value_quant) return &known;
  RC_ASSIGN(key, cache_format(catalog_, settings.key_quant));
  RC_ASSIGN(value, cache_format(catalog_, settings.value_quant));
  LlamaRules rules = llama_rules(engine_, on_devices ? backend_ : "cpu", rig_, settings);
  rules.refuses_flash = lists(catalog::text_of(engine_, "flash_refuses", backend_), architecture_.family);
  if (together) rules.compute.reorder_window = 0;   // nobody reorders the operations of the device that stands for all
  return &ruled_.emplace_back(Ruled{on_devices, together, settings.repack, settings.key_quant, settings.value_quant, std::move(rules), key, value});
}

void SlotLayouts::fill_devices(const std::vector<int>& visible, const LlamaLayout& layout, Placement& placement) const {
  const int layers = static_cast<int>(layout.layer_device.size()) - 1;
  for (std::size_t d = 0; d < visible.size(); ++d) {
    DeviceShare share;
    share.device = visible[d];
    share.memory = memory_of(layout.buffers[d]);
    if (share.memory.total() == Bytes{}) continue;
    share.memory.footprint = footprint_[static_cast<std::size_t>(share.device)];
    share.first_layer = layers;
    for (int l = 0; l < layers; ++l) {
      if (layout.layer_device[static_cast<std::size_t>(l)] != static_cast<int>(d)) continue;
      share.first_layer = std::min(share.first_layer, l);
      ++share.layer_count;
    }
    if (share.layer_count == 0) share.first_layer = 0;
    share.holds_output = layout.layer_device.back() == static_cast<int>(d);
    share.capacity = capacity_[static_cast<std::size_t>(share.device)];
    placement.devices.push_back(share);
  }
}

// -sm tensor: the engine lays the model out over one device that stands for all, then cuts matrices, cache and state into shares: even
// ones, or by -ts. Every device reserves the compute buffer of the whole graph.
void SlotLayouts::fill_together(const std::vector<int>& visible, const LlamaLayout& layout, const Settings& settings, Placement& placement) const {
  const Memory whole = memory_of(layout.buffers.front());
  Bytes mirrored{};
  for (std::size_t i = 0; i < architecture_.tensors.size(); ++i)
    if (layout.tensor_place[i] == 0 && is_mirrored(architecture_.tensors[i])) mirrored += architecture_.tensors[i].bytes;
  const int layers = static_cast<int>(std::count(layout.layer_device.begin(), layout.layer_device.end() - 1, 0));
  double sum = 0;
  for (const double part : settings.split) sum += part;
  for (std::size_t d = 0; d < visible.size(); ++d) {
    DeviceShare share;
    share.device = visible[d];
    share.fraction = sum > 0 ? (d < settings.split.size() ? settings.split[d] / sum : 0) : 1.0 / static_cast<double>(visible.size());
    if (share.fraction <= 0) continue;
    share.memory.weights = (whole.weights - mirrored) * share.fraction + mirrored;
    share.memory.kv = whole.kv * share.fraction;
    share.memory.state = whole.state * share.fraction;
    share.memory.compute = whole.compute;
    share.memory.footprint = footprint_[static_cast<std::size_t>(share.device)];
    share.first_layer = static_cast<int>(architecture_.layers.size()) - layers;
    share.layer_count = layers;
    share.holds_output = layout.layer_device.back() == 0;
    share.capacity = capacity_[static_cast<std::size_t>(share.device)];
    placement.devices.push_back(share);
  }
}

// The bytes of one layout as a Placement: per device of the rig and on the host, against what they hold.
Placement SlotLayouts::placement_of(const std::vector<int>& visible, const LlamaInput& input, const LlamaLayout& layout, const Settings& settings) const {
  Placement placement;
  placement.engine = engine_.key;
  placement.backend = visible.empty() ? "cpu" : backend_;
  placement.settings = settings;
  placement.settings.context = layout.context.tokens;
  placement.settings.flash_attention = layout.context.flash_attention;
  const BackendRules& kernels = input.rules->compute;
  placement.unread_cache = !visible.empty() && layout.context.flash_attention && !(kernels.attention_reads_key && kernels.attention_reads_value && reads_heads(kernels, weights_));
  placement.unread_heads = placement.unread_cache && kernels.attention_reads_key && kernels.attention_reads_value;
  placement.host_attention = placement.unread_cache && settings.kv_offload;
  placement.widened_cache = !visible.empty() && layout.context.flash_attention && !placement.unread_cache && !input.rules->compiled_pair && settings.kv_offload;
  placement.mode = visible.empty() ? Mode::cpu : visible.size() == 1 ? Mode::single : settings.mode;
  std::vector<int> rig_device(visible.begin(), visible.begin() + input.devices);   // by place
  rig_device.resize(layout.buffers.size(), kHost);
  const auto at = [&](int place) { return rig_device[static_cast<std::size_t>(place)]; };
  placement.tensor_device.resize(layout.tensor_place.size());
  std::transform(layout.tensor_place.begin(), layout.tensor_place.end(), placement.tensor_device.begin(), at);
  placement.kv_device.assign(layout.layer_device.size() - 1, kHost);
  if (settings.kv_offload) std::transform(layout.layer_device.begin(), layout.layer_device.end() - 1, placement.kv_device.begin(), at);
  placement.kv_tokens = layout.context.tokens;
  fill_memory(visible, layout, settings, placement);
  return placement;
}

// What the layout takes of every memory, as far as it is counted by now.
void SlotLayouts::fill_memory(const std::vector<int>& visible, const LlamaLayout& layout, const Settings& settings, Placement& placement) const {
  placement.devices.clear();
  if (is_together(settings, visible)) fill_together(visible, layout, settings, placement);
  else fill_devices(visible, layout, placement);
  placement.host = memory_of(layout.buffers[layout.buffers.size() - 2]);
  placement.host.weights += Bytes(layout.buffers.back().weights);
  placement.host.footprint = host_footprint_;
  if (settings.mmap) placement.host_mapped = std::max(Bytes{}, weights_.bytes() - placement.host.weights);
  check_fit(rig_, placement);
}

struct SlotLayouts::Draft {
  Draft(const SlotLayouts& of, model::Architecture layer)
      : own(std::move(layer)), layouts(of.catalog_, of.engine_, of.backend_, own, of.rig_) {}
  Draft(const SlotLayouts& of, const ModelView& other) : layouts(of.catalog_, of.engine_, of.backend_, other, of.rig_) {}
  const model::Architecture own;   // empty: it is another model
  SlotLayouts layouts;
};

// Its own layers draft where the head is.
Settings SlotLayouts::settings_of_own_layers(const Placement& placement) const {
  Settings settings = placement.settings;
  settings.gpu_layers = -1;
  const auto head = std::find_if(placement.devices.begin(), placement.devices.end(), [](const DeviceShare& share) { return share.holds_output; });
  if (head == placement.devices.end()) {
    settings.gpu_layers = 0;
  } else if (placement.mode == Mode::layer) {   // all devices are seen, as by the model's own context
    settings.split.assign(static_cast<std::size_t>(usable_devices(engine_, rig_)), 0);
    settings.split[static_cast<std::size_t>(head->device)] = 1;
  }
  return settings;
}

// Beside the model's own context another one drafts, with a cache of 16 bits and buffers of its own: of layers of the model, or of another model, which
// lies on the devices whole, split as the model is (server-context.cpp and common/speculative.cpp, build 11669).
Result<void> SlotLayouts::add_drafts(Count count, Placement& placement) {
  const bool own = drafts_by_own_layers(architecture_, placement.settings);
  if (!draft_) draft_ = own ? std::make_shared<Draft>(*this, draft_model(architecture_)) : std::make_shared<Draft>(*this, *drafter_);
  Settings settings = own ? settings_of_own_layers(placement) : placement.settings;
  if (!own) settings.gpu_layers = -1;
  settings.speculation = {};
  settings.key_quant = settings.value_quant = "f16";
  settings.overrides.clear();
  settings.cpu_moe_layers = 0;
  const std::string& name = own ? architecture_.name : drafter_->architecture().name;
  RC_ASSIGN(draft, draft_->layouts.of(settings, count).map_error([&](Error error) { return of_drafter(name, std::move(error)); }));
  add_draft_memory(rig_, draft, !own, placement);
  if (own) placement.draft_layers = 1;
  else placement.drafting = std::make_shared<const Placement>(std::move(draft));
  return {};
}

Result<Placement> SlotLayouts::of(const Settings& settings, Count count) {
  static KnownGraphs known;   // a function of nothing but its keys, so that all catalogues and threads may share it
  const std::vector<int> visible = visible_devices(settings);
  const bool together = is_together(settings, visible);
  Settings laid = settings;
  if (together) laid.op_offload = false;   // weights on the host are not sent to a device that stands for several
  LlamaInput input;
  input.known = &known;
  input.weights = &weights_;
  input.settings = &laid;
  RC_ASSIGN(ruled, rules_for(settings, !visible.empty(), together));
  input.rules = &ruled->rules;
  input.key_type = ruled->key_type;
  input.value_type = ruled->value_type;
  input.devices = together ? 1 : static_cast<int>(visible.size());
  for (const int d : visible) input.free_bytes.push_back(capacity_[static_cast<std::size_t>(d)].value());
  const LlamaContext context = llama_context(weights_, settings, *input.rules);
  if (const auto most = integer_rule(engine_, "most_sequences", backend_, INT64_MAX); settings.sequences > most)
    return fail(ErrorKind::infeasible, engine_.name + " decodes at most " + std::to_string(most) + " streams together", Where{"--sequences"}, "sequences", std::to_string(most));
  RC_TRY(refuse(architecture_, settings, input, context));
  if (settings.speculation.drafter == Drafter::own_layers && architecture_.origin == model::Origin::gguf && !drafts_by_own_layers(architecture_, settings))
    return fail(ErrorKind::unsupported, "this file holds no layer that predicts further tokens (MTP): " + engine_.name + " ends while it loads", Where{"--flags"}, "speculation");
  if (together) RC_TRY(refuse_together(engine_, backend_, architecture_, rig_, context));
  LlamaLayout layout = place_llama(input, context);
  RC_TRY(refuse_large_caches(engine_, backend_, input, layout));
  Placement placement = placement_of(visible, input, layout, settings);
  placement.counted = count == Count::all || (count == Count::until_short && placement.fits);
  if (placement.counted) {
    reserve_compute(input, layout);
    add_widened_layer(input, layout);
    fill_memory(visible, layout, settings, placement);
  }
  if (drafts_by_own_layers(architecture_, settings) || (drafter_ && drafts_by_another(settings))) RC_TRY(add_drafts(count, placement));
  return placement;
}

}  // namespace rigcast::placement::detail
