#include "placement/detail/paged.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "placement/detail/activation.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/degrees.hpp"
#include "placement/detail/draft_models.hpp"
#include "placement/detail/page_groups.hpp"

namespace rigcast::placement::detail {

namespace {

using model::AttentionKind;
using model::Role;

class Paged {
 public:
  Paged(const catalog::Engine& engine, const std::string& backend, const model::Architecture& architecture, const rig::Rig& rig,
        const Settings& settings, const Degrees& degrees, double cache_element, std::size_t layers)
      : engine_(engine), backend_(backend), a_(architecture), rig_(rig), settings_(settings), d_(degrees), cache_element_(cache_element), layers_(static_cast<int>(layers)) {
    resolve();
  }

  Placement run() {
    Placement p;
    p.engine = engine_.key;
    p.backend = backend_;
    p.settings = settings_;
    const bool shares_experts = a_.has_experts() && d_.experts() > 1;   // also by copies of attention alone
    p.mode = settings_.mode == Mode::expert ? Mode::expert : d_.pipeline > 1 ? Mode::pipeline : d_.tensor > 1 || shares_experts ? Mode::tensor : Mode::single;
    p.tensor_device.assign(a_.tensors.size(), 0);
    p.kv_device.assign(a_.layers.size(), 0);
    find_stages();
    for (std::size_t i = 0; i < a_.tensors.size(); ++i) p.tensor_device[i] = stage_of(a_.tensors[i].layer) * d_.tensor + first_device();
    for (std::size_t l = 0; l < a_.layers.size(); ++l) p.kv_device[l] = stage_of(static_cast<int>(l)) * d_.tensor + first_device();
    p.devices.reserve(static_cast<std::size_t>(d_.devices()));
    const double peak = profiled_peak();
    for (int stage = 0; stage < d_.pipeline; ++stage) add_stage(p, stage, peak);
    if (d_.replicas > 1) std::stable_sort(p.devices.begin(), p.devices.end(), [](const DeviceShare& x, const DeviceShare& y) { return x.device < y.device; });
    host_experts(p);
    tell_lent(p);
    tell_tower(p);
    share_blocks(p);
    check_fit(rig_, p);
    const auto needed = static_cast<double>(settings_.context);
    if (static_cast<double>(p.kv_tokens) < needed && keeps_cache()) {
      if (p.fits) report_short_cache(p, needed);
      else add_cache(p, needed);
    }
    return p;
  }

 private:
  double rule(std::string_view name, double fallback = 0) const { return catalog::number_of(engine_, name, backend_, fallback); }
  // Of several devices one alone may be any, the others hidden from the engine.
  int first_device() const { return d_.devices() == 1 ? std::clamp(settings_.main_device, 0, static_cast<int>(rig_.devices.size()) - 1) : 0; }
  double sized_rule(std::string_view name) const { return catalog::sized_number(engine_, name, rig_.devices[static_cast<std::size_t>(first_device())].memory); }
  void resolve() {
    if (settings_.sequences <= 0) settings_.sequences = static_cast<int>(sized_rule("default_max_num_seqs"));
    if (settings_.max_batched_tokens <= 0) settings_.max_batched_tokens = static_cast<int>(sized_rule("default_max_batched_tokens"));
    if (settings_.gpu_memory_utilization <= 0) settings_.gpu_memory_utilization = rule("default_memory_utilization", 0.9);
    if (settings_.context <= 0) settings_.context = a_.max_context;
    shares_pool_ = rule("hybrid_groups") > 0 && !a_.encoder_only && mixes_kinds();
    if (settings_.gpu_experts < 0) settings_.gpu_experts = static_cast<int>(rule("default_gpu_experts", -1));
    gpu_experts_ = settings_.gpu_experts;
  }

  // Whether layers differ in what they keep: everything, a window, or a state beside attention.
  bool mixes_kinds() const {
    bool everything = false, state = false;
    int window = 0, windows = 0;
    for (const model::Layer& layer : a_.layers) {
      const model::Attention& a = layer.attention;
      const bool windowed = model::is_windowed(a);
      everything = everything || (a.kind != AttentionKind::none && !windowed) || a.compress > 0;
      state = state || layer.recurrent.kind != model::RecurrentKind::none;
      if (windowed && a.window != window) ++windows, window = a.window;
    }
    return (everything ? 1 : 0) + (state ? 1 : 0) + windows > 1;
  }

  // Whether anything grows with the context: models of states alone need no blocks.
  bool keeps_cache() const {
    return !a_.encoder_only && std::any_of(a_.layers.begin(), a_.layers.end(), [](const model::Layer& layer) { return layer.attention.kind != AttentionKind::none; });
  }

  // Stages of the layers, and of tensors of no layer: the table is read first, the head last.
  int stage_of(int layer) const {  // even ranges, the last stages take one more where it does not divide; what drafts comes with the head
    if (layer < 0 || d_.pipeline == 1) return 0;
    if (layer >= layers_) return d_.pipeline - 1;
    const int base = layers_ / d_.pipeline, shorter = d_.pipeline - layers_ % d_.pipeline;
    return layer < shorter * base ? layer / base : shorter + (layer - shorter * base) / (base + 1);
  }

  // What a device of each stage holds and keeps.
  struct Stage {
    int first_layer = 0, layer_count = 0;
    double weights = 0, state = 0;                    // bytes; `state` of all sequences
    double token_bytes = 0, lasting_token_bytes = 0;  // one token of the cache; the part of it that lasts beyond the window
  };
  void find_stages() {
    stages_.assign(static_cast<std::size_t>(d_.pipeline), {layers_});
    for (std::size_t l = 0; l < a_.layers.size(); ++l) {
      const model::Layer& layer = a_.layers[l];
      Stage& stage = stages_[static_cast<std::size_t>(stage_of(static_cast<int>(l)))];
      stage.first_layer = std::min(stage.first_layer, static_cast<int>(l));
      if (static_cast<int>(l) < layers_) ++stage.layer_count;
      const bool freed = model::is_windowed(layer.attention) && engine_.window_saves_memory;
      const double token = cache_bytes_per_token(layer, cache_element_), entry = entry_bytes_per_token(layer, cache_element_), share = cache_share(layer, d_.tensor);
      stage.token_bytes += (token + entry) * share;
      stage.lasting_token_bytes += ((freed ? 0 : token) + entry) * share;
      if (!shares_pool_) stage.state += state_bytes_per_sequence(layer, 2) / d_.tensor;   // else states lie in the pool's pages
    }
    for (Stage& stage : stages_) stage.state *= settings_.sequences * (1 + drafted(settings_.speculation));
    add_weights();
  }
  void add_weights() {
    for (const model::Tensor& t : a_.tensors) {
      if (t.role == Role::next_token || (t.role == Role::vision && rule("loads_towers") <= 0)) continue;
      double bytes = t.bytes.value() * weight_share(t, d_);
      if (t.role == Role::expert_ffn && gpu_experts_ >= 0) bytes *= expert_share(t);
      for (int stage = 0; stage < d_.pipeline; ++stage)
        if (holds(stage, t.layer)) stages_[static_cast<std::size_t>(stage)].weights += bytes;
    }
    if (a_.tied_embeddings && d_.pipeline > 1)  // the head's copy of the embedding
      for (const model::Tensor& t : a_.tensors)
        if (t.role == Role::token_embedding && t.layer < layers_) stages_.back().weights += t.bytes.value() * weight_share(t, d_);
  }
  // Every stage holds what its layers run with: a block that several layers share (Zamba 2) lies on each that has one of them.
  bool holds(int stage, int layer) const {
    if (d_.pipeline == 1) return true;
    bool shared = false;
    for (std::size_t l = 0; l < a_.blocks.size(); ++l) {
      if (a_.blocks[l] != layer) continue;
      if (stage_of(static_cast<int>(l)) == stage) return true;
      shared = true;
    }
    return !shared && stage_of(layer) == stage;
  }
  const Stage& stage_of(const DeviceShare& share) const { return stages_[static_cast<std::size_t>(stage_of(std::min(share.first_layer, layers_ - 1)))]; }

  // Parameters of the layers in their order until the budget is used, the last of them in part; neither the table nor the head
  // (vllm/model_executor/offloader/uva.py). A block that several layers share comes with its first. Bytes of one device.
  double lend(Placement& p, int stage) const {
    double left = settings_.host_gib * kGiB;
    if (left <= 0) return 0;
    p.lent.resize(a_.tensors.size(), 0);
    for (int layer = 0; layer < static_cast<int>(a_.layers.size()); ++layer)
      for (std::size_t i = 0; i < a_.tensors.size() && left > 0; ++i) {
        const model::Tensor& t = a_.tensors[i];
        if (t.layer != layer || t.role == Role::next_token || !holds(stage, layer)) continue;
        const double bytes = t.bytes.value() * weight_share(t, d_), taken = std::min(bytes, left);
        if (bytes > 0) p.lent[i] = std::max(p.lent[i], taken / bytes);   // a shared block: of the stage that lends most of it
        left -= taken;
      }
    return settings_.host_gib * kGiB - left;
  }
  void tell_lent(Placement& p) const {
    if (p.lent.empty()) return;
    p.caveats.push_back({"weights-read-over-link",
                         format_number(settings_.host_gib, 1) + " GiB of each device's weights lie pinned in host memory and cross the link in every step: the link sets the speed, a faster card changes nothing.",
                         catalog::source_of(engine_)});
  }
  // The tower for pictures lies whole on every device of the first stage.
  void tell_tower(Placement& p) const {
    Bytes tower{};
    for (const model::Tensor& t : a_.tensors)
      if (t.role == Role::vision) tower += t.bytes;
    if (tower <= Bytes{} || rule("loads_towers") <= 0) return;
    p.caveats.push_back({"tower-loaded", format_number(tower.value() / kGiB, 2) + " GiB of each device's weights are towers for pictures or sound; what profiling them takes besides is not counted here.",
                         catalog::source_of(engine_)});
  }
  double expert_share(const model::Tensor& t) const {
    const int experts = a_.layers[static_cast<std::size_t>(std::clamp<int>(t.layer, 0, static_cast<int>(a_.layers.size()) - 1))].feed_forward.experts;
    return experts > 0 ? std::min(1.0, double(gpu_experts_) / experts) : 1;
  }

  // What profiling leaves out of the share: the peak of one step, graphs, and collective buffers.
  double profiled_peak() const {
    const double sampler = rule("sampler_bytes_per_logit", 26) * std::min(settings_.sequences, settings_.max_batched_tokens) * a_.vocab;
    const double layer = layer_peak_bytes(a_, settings_.max_batched_tokens, d_.tensor);
    double sum = std::max(sampler, layer) + rule("graphs_and_workspaces_mib") * kMiB;
    if (d_.tensor > 1) sum += rule("collective_mib") * kMiB;
    return sum;
  }

  void add_stage(Placement& p, int stage, double peak) {
    const Stage& of = stages_[static_cast<std::size_t>(stage)];
    const double lent = lend(p, stage), weights = of.weights - lent;
    const bool free_share = rule("free_fraction") > 0;     // of what is left, not of the whole
    const bool static_share = rule("static_fraction") > 0; // weights and cache only
    for (int copy = 0; copy < d_.data * d_.replicas; ++copy)
      for (int rank = 0; rank < d_.tensor; ++rank) {
        DeviceShare share;
        share.device = d_.devices() == 1 ? first_device() : (copy * d_.pipeline + stage) * d_.tensor + rank;
        const rig::RigDevice& device = rig_.devices[static_cast<std::size_t>(share.device)];
        const Bytes visible = device_capacity(engine_, backend_, device);
        share.capacity = free_share || static_share ? visible : visible * settings_.gpu_memory_utilization;
        share.memory.weights = Bytes(weights);
        if (device.host == 0) p.host.weights += Bytes(lent);
        share.memory.compute = Bytes(peak);
        share.memory.state = Bytes(of.state);
        double left = share.capacity.value() - share.memory.total().value();
        if (free_share) left *= settings_.gpu_memory_utilization;
        if (static_share) left = std::min(left, visible.value() * settings_.gpu_memory_utilization - weights - share.memory.state.value());
        share.memory.kv = Bytes(std::max(0.0, left));  // made whole blocks of below
        share.fraction = 1.0 / (d_.tensor * (a_.has_experts() && !d_.whole_copies ? d_.data : 1));   // of experts, which copies of attention share
        share.holds_output = stage == d_.pipeline - 1;
        share.first_layer = of.first_layer;
        share.layer_count = of.layer_count;
        p.devices.push_back(share);
      }
  }

  PageRules page_rules() const {
    PageRules rules;
    rules.block_tokens = engine_.block_tokens;
    rules.batched_tokens = settings_.max_batched_tokens;
    rules.windows_free = engine_.window_saves_memory;
    const auto exact = split_words(catalog::text_of(engine_, "states_in_f32", ""));
    rules.state_element = std::find(exact.begin(), exact.end(), a_.family) != exact.end() ? 4 : 2;
    rules.share_of_states = 1.0 / d_.tensor;
    rules.states_of_sequence = 1 + drafted(settings_.speculation);
    return rules;
  }

  // One pool for layers of all kinds: every device has as many blocks as the one with the least room.
  void share_pool(Placement& p) {
    const PageRules rules = page_rules();
    const PageGroups pages = group_pages(a_, rules, [&](const model::Layer& l) { return cache_bytes_per_token(l, cache_element_) * cache_share(l, d_.tensor); },
                                         [&](const model::Layer& l) { return entry_bytes_per_token(l, cache_element_) * cache_share(l, d_.tensor); });
    std::vector<double> of_stage;
    for (int stage = 0; stage < d_.pipeline; ++stage)
      of_stage.push_back(pages.page_bytes * static_cast<double>(pages.pages_of_block([&](std::size_t l) { return stage_of(static_cast<int>(l)) == stage; })));
    const auto block_bytes = [&](const DeviceShare& share) { return of_stage[static_cast<std::size_t>(&stage_of(share) - stages_.data())]; };
    std::int64_t blocks = INT64_MAX;
    for (const DeviceShare& share : p.devices)
      if (const double bytes = block_bytes(share); bytes > 0) blocks = std::min(blocks, static_cast<std::int64_t>(share.memory.kv.value() / bytes));
    p.kv_blocks = blocks == INT64_MAX ? 0 : blocks;
    for (DeviceShare& share : p.devices) share.memory.kv = Bytes(block_bytes(share) * static_cast<double>(p.kv_blocks));
    const std::int64_t wanted = std::max<std::int64_t>(1, settings_.context);
    const std::int64_t each = pages.blocks_of_sequence(wanted, rules);
    p.kv_tokens = each <= p.kv_blocks ? static_cast<std::int64_t>(static_cast<double>(p.kv_blocks) / static_cast<double>(each) * static_cast<double>(wanted))
                                      : pages.longest_sequence(p.kv_blocks, wanted, rules);
  }

  void share_blocks(Placement& p) {
    if (shares_pool_) return share_pool(p);
    std::int64_t blocks = INT64_MAX;
    for (const DeviceShare& share : p.devices) {
      const double per_block = stage_of(share).token_bytes * engine_.block_tokens;
      if (per_block > 0) blocks = std::min(blocks, static_cast<std::int64_t>(share.memory.kv.value() / per_block));
    }
    if (blocks == INT64_MAX) blocks = 0;
    p.kv_blocks = blocks;
    p.kv_tokens = blocks * engine_.block_tokens;
    for (DeviceShare& share : p.devices) share.memory.kv = Bytes(stage_of(share).token_bytes * static_cast<double>(p.kv_tokens));
    longest_ = stretch(p);
    if (longest_ > 1) p.kv_tokens = static_cast<std::int64_t>(static_cast<double>(p.kv_tokens) * longest_);
  }

  // How many times longer a sequence can be than the pool, because windows forget: the device that keeps most of it sets the limit.
  double stretch(const Placement& p) const {
    double least = 0;
    for (const DeviceShare& share : p.devices) {
      const double lasting = stage_of(share).lasting_token_bytes, all = stage_of(share).token_bytes;
      if (lasting > 0) least = least > 0 ? std::min(least, all / lasting) : all / lasting;
    }
    return std::max(1.0, least);
  }

  void host_experts(Placement& p) const {
    if (gpu_experts_ < 0) return;
    for (std::size_t i = 0; i < a_.tensors.size(); ++i) {
      const model::Tensor& t = a_.tensors[i];
      if (t.role != Role::expert_ffn) continue;
      p.host.weights += t.bytes * (1 - expert_share(t));
      if (expert_share(t) < 0.5) p.tensor_device[i] = kHost;
    }
  }

  // Weights alone are too much already: what is missing is that, and the cache of the longest request.
  void add_cache(Placement& p, double needed) const {
    const Bytes cache(needed * stages_.front().token_bytes), weights = *std::max_element(p.missing.begin(), p.missing.end() - 1);   // the host's is the last
    if (weights <= Bytes{}) return;
    for (std::size_t i = 0; i < p.devices.size(); ++i)
      if (p.missing[i] > Bytes{}) p.missing[i] += cache;
    p.caveats.push_back({"no-room-for-cache",
                         "Of what a device is short of, " + format_number(weights.value() / kGiB, 2) + " GiB are weights and activations, " + format_number(cache.value() / kGiB, 2) +
                             " GiB the cache of one request of " + std::to_string(static_cast<std::int64_t>(needed)) + " tokens.",
                         catalog::source_of(engine_)});
  }

  void report_short_cache(Placement& p, double needed) const {
    p.fits = false;
    const double bytes = (needed - static_cast<double>(p.kv_tokens)) * stages_.front().token_bytes;
    for (std::size_t i = 0; i < p.devices.size(); ++i) p.missing[i] = std::max(p.missing[i], Bytes(bytes));
    const std::string holds = "The cache holds " + std::to_string(p.kv_tokens), longest = std::to_string(static_cast<std::int64_t>(needed));
    p.caveats.push_back({"cache-shorter-than-context",
                         rule("starts_with_short_cache") > 0
                             ? holds + " tokens; the engine starts, but serves no request of " + longest + " tokens. Lower the context or raise the memory share."
                             : holds + " tokens; the engine refuses to start with a longest request of " + longest + ". Lower the context or raise the memory share.",
                         catalog::source_of(engine_)});
  }

  const catalog::Engine& engine_;
  const std::string& backend_;
  const model::Architecture& a_;
  const rig::Rig& rig_;
  Settings settings_;
  Degrees d_;
  double cache_element_, longest_ = 1;
  int layers_;   // of the model itself: further ones draft
  int gpu_experts_ = -1;
  bool shares_pool_ = false;
  std::vector<Stage> stages_;
};

// Where another model drafts, as a placement of its own: cut as the model is, on the devices of the first copy that hold the head.
Placement drafting_beside(const Placement& p, const model::Architecture& drafter, const Degrees& degrees) {
  Placement draft;
  draft.engine = p.engine;
  draft.backend = p.backend;
  draft.settings = p.settings;
  draft.settings.speculation = {};
  draft.settings.data_degree = draft.settings.pipeline_degree = draft.settings.replicas = 1;
  draft.mode = degrees.tensor > 1 ? Mode::tensor : Mode::single;
  for (const DeviceShare& share : p.devices)
    if (share.holds_output && static_cast<int>(draft.devices.size()) < degrees.tensor) draft.devices.push_back(share);
  draft.tensor_device.assign(drafter.tensors.size(), draft.devices.front().device);
  draft.kv_device.assign(drafter.layers.size(), draft.devices.front().device);
  draft.fits = true;
  return draft;
}

// Of an engine that reads every prompt in one pass and keeps memory for the longest: for one that fills the context, or for as much as fits
// beside it.
template <class LayOut>
Placement with_longest_prompts(Placement usual, LayOut laid) {
  constexpr std::int64_t kStep = 1024, kMost = 4194304;   // of maxPrefillTokens and maxInputTokenLen
  const auto with = [&](std::int64_t tokens) {
    Settings settings = usual.settings;
    settings.max_batched_tokens = static_cast<int>(tokens);
    return laid(settings);
  };
  std::int64_t good = usual.settings.max_batched_tokens, bad = std::min(kMost, usual.settings.context - 1);
  if (bad <= good) return usual;
  if (Placement whole = with(bad); whole.fits) return whole;
  while (bad - good > kStep) {
    const std::int64_t middle = (good + bad) / 2 / kStep * kStep;
    if (middle <= good) break;
    Placement tried = with(middle);
    if (tried.fits) usual = std::move(tried), good = middle;
    else bad = middle;
  }
  return usual;
}

}  // namespace

Result<Placement> lay_out_paged(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                                const model::Architecture& architecture, const rig::Rig& rig, const Settings& settings, const model::Architecture* drafter) {
  RC_ASSIGN(degrees, degrees_of(catalog, engine, architecture, rig, settings));
  RC_ASSIGN(cache, catalog.quant(settings.key_quant));
  const double cache_element = static_cast<double>(cache.block_bytes) / static_cast<double>(cache.block_elements);
  std::optional<model::Architecture> drafting;
  if (drafts_by_own_layers(architecture, settings)) drafting = with_draft_layers(architecture);
  else if (drafter) drafting = with_drafter(architecture, *drafter);
  const auto laid = [&](const Settings& asked) {
    Placement p = Paged(engine, backend, drafting ? *drafting : architecture, rig, asked, degrees, cache_element, architecture.layers.size()).run();
    if (!drafting) return p;
    p.kv_device.resize(architecture.layers.size());
    p.tensor_device.resize(architecture.tensors.size());
    if (!p.lent.empty()) p.lent.resize(architecture.tensors.size());
    if (drafter) p.drafting = std::make_shared<const Placement>(drafting_beside(p, *drafter, degrees));
    else p.draft_layers = drafting->layers.size() - architecture.layers.size();
    return p;
  };
  Placement usual = laid(settings);
  const bool whole_prompts = catalog::number_of(engine, "whole_prompts", backend, 0) > 0 && settings.max_batched_tokens <= 0;
  return whole_prompts && usual.fits ? with_longest_prompts(std::move(usual), laid) : std::move(usual);
}

}  // namespace rigcast::placement::detail
