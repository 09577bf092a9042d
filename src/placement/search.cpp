#include "placement/search.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <numeric>
#include <set>
#include <span>
#include <tuple>

#include "base/text.hpp"
#include "placement/split.hpp"

namespace rigcast::placement {

const char* to_string(Objective objective) {
  switch (objective) {
    case Objective::decode: return "decode";
    case Objective::prefill: return "prefill";
    case Objective::context: return "context";
    case Objective::throughput: return "throughput";
  }
  return "";
}

Result<Objective> parse_objective(std::string_view text) {
  const std::array<std::string, 4> names = {"decode", "prefill", "context", "throughput"};
  for (const Objective objective : {Objective::decode, Objective::prefill, Objective::context, Objective::throughput})
    if (equal_ignoring_case(text, to_string(objective))) return objective;
  return fail(ErrorKind::input, "unknown objective '" + std::string(text) + "'", Where{"--for"}, "objective", nearest_name(text, names));
}

std::int64_t largest_context(const model::Architecture& architecture, const Settings& settings, LayOut lay_out, std::int64_t parts) {
  const std::int64_t step = 256 * parts;
  const auto fits = [&](std::int64_t context) {
    Settings tried = settings;
    tried.context = context;
    const auto placement = lay_out(tried, Count::until_short);
    return placement && placement->fits;
  };
  std::int64_t low = 0, high = std::max<std::int64_t>(architecture.max_context, 256) / 256;  // in steps: low fits, high + 1 does not
  while (low < high) {
    const std::int64_t middle = (low + high + 1) / 2;
    if (fits(middle * step)) low = middle;
    else high = middle - 1;
  }
  return low * step;
}

namespace {

// What one layer holds and reads, with experts apart so that they can be moved to the host.
struct LayerBytes { double base = 0, experts = 0, experts_read = 0, cache = 0, idle = 0; };   // idle: held, but not read by plain decoding

double cache_bytes(const model::Attention& attention, double context, double bytes_per_element) {
  using model::AttentionKind;
  if (attention.kv_layer >= 0) return 0;
  switch (attention.kind) {
    case AttentionKind::none: return 0;
    case AttentionKind::mla:
      if (attention.window > 0) context = std::min(context, attention.window + 512.0);
      return context * (attention.latent_dim + attention.rope_dim) * bytes_per_element;
    case AttentionKind::compressed: {
      const double entries = attention.compress > 0 ? context / attention.compress * (attention.key_dim + attention.indexer_dim) : 0;
      return (std::min(context, attention.window + 512.0) * attention.key_dim + entries) * bytes_per_element;
    }
    case AttentionKind::sliding: context = std::min(context, attention.window + 512.0); break;
    case AttentionKind::full:
    case AttentionKind::chunked: break;
  }
  return context * attention.kv_heads * (attention.key_dim + attention.value_dim) * bytes_per_element;
}

std::vector<LayerBytes> layer_bytes(const model::Architecture& architecture, double context, double cache_element) {
  const std::size_t count = architecture.layers.size();
  std::vector<LayerBytes> bytes(count + 1);  // the last one is the output head
  for (const model::Tensor& tensor : architecture.tensors) {
    if (tensor.role == model::Role::vision) continue;
    const bool head = tensor.layer >= static_cast<int>(count) || (architecture.tied_embeddings && tensor.role == model::Role::token_embedding);
    if (tensor.layer < 0 && !head) continue;  // input: stays on the host
    LayerBytes& layer = bytes[head ? count : static_cast<std::size_t>(tensor.layer)];
    if (tensor.role == model::Role::next_token) {
      layer.idle += tensor.bytes.value();
    } else if (tensor.role == model::Role::expert_ffn && !head) {
      const model::FeedForward& ffn = architecture.layers[static_cast<std::size_t>(tensor.layer)].feed_forward;
      layer.experts += tensor.bytes.value();
      layer.experts_read += tensor.bytes.value() * ffn.experts_used / std::max(1, ffn.experts);
    } else {
      layer.base += tensor.bytes.value();
    }
  }
  for (std::size_t l = 0; l < count; ++l) bytes[l].cache = cache_bytes(architecture.layers[l].attention, context, cache_element);
  return bytes;
}

class Searcher {
 public:
  Searcher(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Goal& goal, const Settings& base,
           LayOut lay_out, Cost cost)
      : engine_(engine), architecture_(architecture), rig_(rig), goal_(goal), base_(base), lay_out_(lay_out), cost_(cost) {
    base_.context = goal.context;
    bytes_ = layer_bytes(architecture, static_cast<double>(goal.context), goal.cache_element);
    devices_ = std::span(rig.devices).first(static_cast<std::size_t>(usable_devices(engine, rig)));
    overhead_.assign(devices_.size(), 0);
  }

  Found run() {
    if (base_.mode == Mode::cpu) {}   // the processor alone is asked for, or there is nothing else
    else if (engine_.kv_rule == catalog::KvRule::slots) slots();
    else degrees();
    if (splits("cpu") || rig_.devices.empty()) on_processor();
    std::int64_t longest = 0;
    for (const Candidate& each : found_.ranked) longest = std::max(longest, each.placement.settings.context);
    std::stable_sort(found_.ranked.begin(), found_.ranked.end(), [&](const Candidate& a, const Candidate& b) {
      const auto rank = [&](const Candidate& c) { return std::pair(experimental(c.placement.mode), much_shorter(c.placement, longest)); };
      return rank(a) != rank(b) ? rank(a) < rank(b) : a.score > b.score;
    });
    drop_repeated();
    return std::move(found_);
  }

 private:
  // Kinds that came to the same placement are one way: the better one, under its name.
  void drop_repeated() {
    std::vector<Candidate> kept;
    for (Candidate& each : found_.ranked)
      if (std::none_of(kept.begin(), kept.end(), [&](const Candidate& other) { return same_way(each.placement, other.placement); })) kept.push_back(std::move(each));
    found_.ranked = std::move(kept);
  }
  static bool same_way(const Placement& a, const Placement& b) {
    const auto work = [](const Placement& p) {
      const Settings& s = p.settings;
      return std::tie(p.mode, p.tensor_device, p.kv_device, s.context, s.ubatch, s.tensor_degree, s.pipeline_degree, s.expert_degree, s.data_degree, s.gpu_experts);
    };
    return work(a) == work(b);
  }

  // Where contexts may shrink, speed is worth up to half of the longest one.
  static bool much_shorter(const Placement& placement, std::int64_t longest) { return placement.settings.context < longest / 2; }

  // What the engine's own authors do not vouch for is shown, but wins only where nothing else fits.
  bool experimental(Mode mode) const {
    const auto named = split_words(catalog::text_of(engine_, "experimental_splits", ""));
    return std::find(named.begin(), named.end(), to_string(mode)) != named.end();
  }
  // One kind under trial: the best way found so far, and where there is none what came nearest.
  struct Trial {
    std::string kind;
    Count count;                       // of what does not fit
    std::optional<Candidate> best = {};
    std::optional<Rejected> nearest = {};
  };
  Trial trial_of(std::string kind) const { return {std::move(kind), goal_.reasons ? Count::all : Count::until_short}; }

  bool done() const { return goal_.any && !found_.ranked.empty(); }
  bool splits(std::string_view name) const { return std::find(engine_.splits.begin(), engine_.splits.end(), name) != engine_.splits.end(); }
  int layer_total() const { return static_cast<int>(architecture_.layers.size()) + 1; }

  // llama.cpp and its kin: ranges of layers, and what may stay on the host.
  void slots() {
    one_device();
    const bool several = devices_.size() > 1;
    if (several && splits("layer")) layer_split();
    if (several && splits("tensor")) whole(experimental(Mode::tensor) ? "tensor (experimental)" : "tensor", Mode::tensor);
    if (devices_.empty()) return;
    if (architecture_.has_experts() && splits("cpu-experts")) experts_on_host();
    if (splits("cpu-layers")) layers_on_host();
    cache_on_host();
    if (found_.ranked.empty() && architecture_.has_experts() && splits("cpu-experts") && splits("cpu-layers")) layers_and_experts_on_host();
  }

  // Where neither whole layers nor experts alone leave the host enough memory, both together may: the three mixtures that leave it most.
  void layers_and_experts_on_host() {
    constexpr std::size_t kTried = 3;
    struct Mixture { double host = 0; Settings settings; };
    std::vector<Mixture> mixtures;
    margin_ = 0;
    for (int layers = 1; layers + 1 < layer_total(); ++layers) {
      const auto settings = fewest_moved(base_, Moves::experts, overhead_, layers);
      if (!settings) continue;
      Mixture mixture{0, *settings};
      for (std::size_t l = 0; l + 1 < bytes_.size(); ++l) {
        const bool here = static_cast<int>(l) < layers;
        mixture.host += (here ? bytes_[l].base : 0) + (here || static_cast<int>(l) < settings->cpu_moe_layers ? bytes_[l].experts : 0);
      }
      mixtures.push_back(std::move(mixture));
    }
    std::stable_sort(mixtures.begin(), mixtures.end(), [](const Mixture& a, const Mixture& b) { return a.host < b.host; });
    Trial trial{"layers and experts on host", Count::until_short};
    for (std::size_t i = 0; i < std::min(kTried, mixtures.size()); ++i) consider(trial, mixtures[i].settings);
    if (trial.best) keep(std::move(trial));
  }

  static bool same_device(const rig::RigDevice& a, const rig::RigDevice& b) { return a.device.key == b.device.key && a.memory == b.memory && a.reserved == b.reserved; }

  void one_device() {
    std::set<std::string> seen;
    Trial trial = trial_of("one device");
    for (const rig::RigDevice& device : devices_) {
      if (!seen.insert(device.device.key + "/" + format_shortest(device.memory.value())).second) continue;
      Settings settings = base_;
      settings.mode = Mode::single;
      settings.main_device = device.index;
      settings.split.assign(devices_.size(), 0);
      settings.split[static_cast<std::size_t>(device.index)] = 1;
      consider(trial, settings);
    }
    keep(std::move(trial));
  }

  void whole(const char* kind, Mode mode) {
    Settings settings = base_;
    settings.mode = mode;
    settings.tensor_degree = static_cast<int>(devices_.size());
    settings.split.clear();
    Trial trial = trial_of(kind);
    consider(trial, settings);
    keep(std::move(trial));
  }

  void cache_on_host() {
    Settings settings = base_;
    settings.kv_offload = false;
    ranges("cache on host", settings, Moves::nothing);
  }

  void experts_on_host() { ranges("experts on host", base_, Moves::experts); }
  void layers_on_host() { ranges("layers on host", base_, Moves::layers); }

  // What may leave the devices for the host, first layers first; as little as the memory demands.
  enum class Moves { nothing, experts, layers };

  void ranges(const char* kind, const Settings& base, Moves moves) {
    if (!done()) try_range(kind, fitting_range(base, moves));
  }

  // Where one device alone is the fastest range, several are what the engine does by itself: shares by free memory.
  void layer_split() {
    if (done()) return;
    auto settings = fitting_range(base_, Moves::nothing);
    if (settings && settings->mode == Mode::single) settings = base_;
    try_range("layer split", settings);
  }

  void try_range(const char* kind, const std::optional<Settings>& settings) {
    Trial trial = trial_of(kind);
    if (settings) consider(trial, *settings);
    else trial.nearest = last_rejection_;
    if (trial.nearest) trial.nearest->kind = kind;
    keep(std::move(trial));
  }

  // Ranges by dynamic programming, corrected by the exact layout until it fits or only the host is short.
  // With a margin first, so that a desktop or a driver update does not push the choice out of memory; without, where only that fits.
  std::optional<Settings> fitting_range(const Settings& base, Moves moves) {
    margin_ = kMargin;
    if (auto settings = range_within(base, moves, Count::until_short)) return settings;
    margin_ = 0;
    return range_within(base, moves, goal_.reasons ? Count::all : Count::until_short);
  }

  // Without an exact count a range is given up as soon as the host is short without its compute buffers: every further round leaves it as
  // much or more. The first layout is counted in any case, for what it tells of the overhead.
  std::optional<Settings> range_within(const Settings& base, Moves moves, Count count) {
    std::vector<double> lost = overhead_;
    for (int round = 0; round < 8; ++round) {
      const auto choice = fewest_moved(base, moves, lost);
      if (!choice) {
        if (round == 0 || overhead_known_) last_rejection_ = shortage(base);
        return std::nullopt;
      }
      const auto& placement = laid_out(*choice, overhead_known_ ? count : Count::all);
      if (!placement) {
        last_rejection_ = Rejected{"", placement.error().message, {}};
        return std::nullopt;
      }
      if (placement->fits) return choice;
      if (!placement->counted) {
        last_rejection_ = Rejected{"", "host memory is short", placement->missing.back()};
        if (placement->missing.back() > Bytes{}) return std::nullopt;
        (void)laid_out(*choice, Count::all);   // which device is short, and of how much
      }
      if (!overhead_known_) lost = overhead_ = overhead_of(*placement);
      else if (!take_back(*placement, lost)) return std::nullopt;
      overhead_known_ = true;
    }
    return std::nullopt;
  }

  // Feasibility is monotone in how many layers are moved, so bisection finds the fewest.
  std::optional<Settings> fewest_moved(const Settings& base, Moves moves, const std::vector<double>& lost, int host_layers = 0) const {
    const auto split_with = [&](int moved) {
      return best_split(loads(base, moves == Moves::experts ? moved : 0, moves == Moves::layers ? moved : host_layers), device_loads(lost));
    };
    int low = moves == Moves::nothing ? 0 : 1 + host_layers, high = moves == Moves::nothing ? 0 : layer_total() - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (split_with(middle)) high = middle;
      else low = middle + 1;
    }
    const auto counts = split_with(low);
    if (!counts) return std::nullopt;
    const auto used = [](int n) { return n > 0; };
    Settings settings = base;
    settings.mode = std::count_if(counts->begin(), counts->end(), used) > 1 ? Mode::layer : Mode::single;
    settings.cpu_moe_layers = moves == Moves::experts ? low : 0;
    settings.gpu_layers = layer_total() - (moves == Moves::layers ? low : host_layers);
    settings.split.assign(counts->begin(), counts->end());
    settings.main_device = static_cast<int>(std::find_if(counts->begin(), counts->end(), used) - counts->begin());
    return settings;
  }

  // What a device needs beyond its layers, and what of it the engine cannot see; devices that were not used are taken as the worst one.
  std::vector<double> overhead_of(const Placement& placement) const {
    std::vector<double> overhead(devices_.size(), -1);
    double worst = 0;
    for (const DeviceShare& share : placement.devices) {
      const rig::RigDevice& device = devices_[static_cast<std::size_t>(share.device)];
      const double unseen = (device.memory - device.reserved - share.capacity).value();
      overhead[static_cast<std::size_t>(share.device)] = (share.memory.compute + share.memory.footprint).value() + std::max(0.0, unseen);
      worst = std::max(worst, overhead[static_cast<std::size_t>(share.device)]);
    }
    for (double& value : overhead) value = value < 0 ? worst : value;
    return overhead;
  }

  // Lowers the capacities by what is missing; false when the host is what is short. A device that was not tried holds no more than an equal
  // one that was: or else the same layers would be tried on it next, and on the one after.
  bool take_back(const Placement& placement, std::vector<double>& lost) {
    bool device_short = false;
    Bytes least{};
    for (std::size_t i = 0; i < placement.devices.size() && i < placement.missing.size(); ++i) {
      const Bytes missing = placement.missing[i];
      if (missing <= Bytes{}) continue;
      device_short = true;
      least += missing;
      lost[static_cast<std::size_t>(placement.devices[i].device)] += missing.value() + kMiB;
    }
    for (const rig::RigDevice& untried : devices_) {
      const auto is_tried = [&](const DeviceShare& share) { return share.device == untried.index; };
      if (std::any_of(placement.devices.begin(), placement.devices.end(), is_tried)) continue;
      double& own = lost[static_cast<std::size_t>(untried.index)];
      for (const DeviceShare& share : placement.devices)
        if (same_device(devices_[static_cast<std::size_t>(share.device)], untried)) own = std::max(own, lost[static_cast<std::size_t>(share.device)]);
    }
    if (!device_short && !placement.missing.empty()) least = placement.missing.back();
    last_rejection_ = Rejected{"", device_short ? "device memory is short" : "host memory is short", least};
    return device_short;
  }

  std::vector<LayerLoad> loads(const Settings& base, int expert_layers, int host_layers) const {
    std::vector<LayerLoad> result;
    for (std::size_t l = static_cast<std::size_t>(host_layers); l < bytes_.size(); ++l) {
      const LayerBytes& layer = bytes_[l];
      const bool experts_here = l >= static_cast<std::size_t>(expert_layers);
      const double cache = base.kv_offload ? layer.cache : 0;
      result.push_back({layer.base + layer.idle + cache + (experts_here ? layer.experts : 0), layer.base + cache + (experts_here ? layer.experts_read : 0)});
    }
    return result;
  }

  std::vector<DeviceLoad> device_loads(const std::vector<double>& lost) const {
    constexpr double hop_seconds = 50e-6;  // one more device: a synchronisation and a copy of the activations per token
    std::vector<DeviceLoad> result;
    for (const rig::RigDevice& device : devices_) {
      const double bandwidth = device.device.bandwidth ? device.device.bandwidth->value.value() : 1e9;
      const double capacity = (device.memory - device.reserved).value() - margin_ - lost[static_cast<std::size_t>(device.index)];
      result.push_back({std::max(0.0, capacity), bandwidth, hop_seconds});
    }
    return result;
  }

  Rejected shortage(const Settings& base) const {
    double held = 0, capacity = 0;
    for (const LayerLoad& layer : loads(base, 0, 0)) held += layer.held;
    for (const DeviceLoad& device : device_loads(overhead_)) capacity += device.capacity;
    return Rejected{"", "device memory is short", Bytes(std::max(0.0, held - capacity))};
  }

  // vLLM and its kin: every product of tensor and pipeline degrees that the devices allow.
  void degrees() {
    const int devices = static_cast<int>(rig_.devices.size());
    for (const Mode mode : {Mode::single, Mode::tensor, Mode::pipeline, Mode::expert}) {
      Trial trial = trial_of(mode == Mode::single ? "one device" : to_string(mode));
      for (int tensor = 1; tensor <= devices; ++tensor)
        for (int pipeline = 1; tensor * pipeline <= devices; ++pipeline)
          if (mode_of(tensor, pipeline) == mode || (mode == Mode::expert && tensor > 1 && pipeline == 1 && architecture_.has_experts())) {
            if (!splits(to_string(mode)) && mode != Mode::single) continue;
            Settings settings = base_;
            settings.mode = mode;
            settings.tensor_degree = tensor;
            settings.pipeline_degree = pipeline;
            settings.expert_degree = mode == Mode::expert ? tensor : 1;
            consider_experts(trial, settings);
          }
      if (mode == Mode::expert && trial.best && cut_alike(*trial.best)) continue;
      keep(std::move(trial));
    }
    copies();
  }

  // Whole copies of the model, each for its share of the streams: nothing waits for anything but its own devices.
  void copies() {
    const int devices = static_cast<int>(rig_.devices.size());
    const std::int64_t most = goal_.objective == Objective::throughput ? devices : goal_.streams;
    if (most < 2 || base_.data_degree > 1 || architecture_.has_experts() || !splits("data") || catalog::text_of(engine_, "flag", "data").empty()) return;
    Trial trial = trial_of("copies");
    for (int tensor = 1; 2 * tensor <= devices; ++tensor) {
      Settings settings = base_;
      settings.mode = mode_of(tensor, 1);
      settings.tensor_degree = tensor;
      settings.data_degree = static_cast<int>(std::min<std::int64_t>(devices / tensor, most));
      consider(trial, settings);
    }
    keep(std::move(trial));
  }

  // Experts spread whole hold and read on every device what experts cut into as many parts do: another way only where they cannot be cut.
  bool cut_alike(const Candidate& spread) const {
    return std::any_of(found_.ranked.begin(), found_.ranked.end(), [&](const Candidate& c) {
      return c.placement.mode == Mode::tensor && c.placement.settings.tensor_degree == spread.placement.settings.tensor_degree;
    });
  }

  // As many experts on the devices as the engine puts there by itself, else half as many and so on: the processor computes the others.
  void consider_experts(Trial& trial, Settings settings) {
    const int usual = static_cast<int>(catalog::number_of(engine_, "default_gpu_experts", "", 0));
    if (usual <= 0 || settings.gpu_experts >= 0 || !architecture_.has_experts()) return consider(trial, settings);
    for (int experts = usual; !trial.best; experts /= 2) {
      settings.gpu_experts = experts;
      consider(trial, settings);
      if (experts == 0) break;
    }
  }

  static Mode mode_of(int tensor, int pipeline) {
    if (pipeline > 1) return Mode::pipeline;
    return tensor > 1 ? Mode::tensor : Mode::single;
  }

  void on_processor() {
    Settings settings = base_;
    settings.mode = Mode::cpu;
    settings.gpu_layers = 0;
    settings.split.clear();
    Trial trial = trial_of("processor");
    consider(trial, settings);
    leave_flash_attention(trial, settings);
    choose_threads(trial);
    keep(std::move(trial));
  }

  bool timed_host() const { return !rig_.hosts.empty() && !rig_.hosts.front().kernels.empty(); }

  // Lets `others` be considered; what is hardly better than the engine's own choice is not worth a flag.
  void where_worth_a_flag(Trial& trial, FunctionRef<void()> others) {
    constexpr double kWorthAFlag = 1.05;
    const Candidate usual = *trial.best;
    others();
    if (trial.best->score < kWorthAFlag * usual.score) trial.best = usual;
  }

  // Kernels of processors for flash attention are younger than their matrix products; only those read a quantised cache.
  void leave_flash_attention(Trial& trial, Settings settings) {
    if (!trial.best || settings.flash_attention || settings.key_quant != "f16" || settings.value_quant != "f16") return;
    if (catalog::text_of(engine_, "flag", "flash").empty() || timed_host()) return;   // nobody can say so, or the kernels with it were timed here
    settings.flash_attention = false;
    where_worth_a_flag(trial, [&] { consider(trial, settings); });
  }

  // Every core waits for all others between two products: where a token has little to do, fewer of them write it faster. Prompts keep all.
  // Memory knows of neither. Whoever timed this very host did so with the engine's own choice.
  void choose_threads(Trial& trial) {
    if (!trial.best || rig_.hosts.empty() || base_.threads > 0) return;
    const rig::Host& host = rig_.hosts.front();
    if (host.cores <= 8 || timed_host() || catalog::text_of(engine_, "flag", "threads").empty()) return;
    Placement fewer = trial.best->placement;
    fewer.settings.batch_threads = host.cores;
    where_worth_a_flag(trial, [&] {
      for (const double share : {0.75, 0.5, 0.375, 0.25, 0.1875, 0.125}) {
        fewer.settings.threads = std::max(4, static_cast<int>(host.cores * share));
        consider_one(trial, fewer);
      }
    });
  }

  // Kinds meet in the same settings, and a range is laid out once to see that it fits and once to be considered.
  const Result<Placement>& laid_out(const Settings& settings, Count count) {
    const auto known = std::find_if(laid_out_.begin(), laid_out_.end(), [&](const auto& each) { return each.first == settings; });
    if (known == laid_out_.end()) {
      ++found_.laid_out;
      return laid_out_.emplace_back(settings, lay_out_(settings, count)).second;
    }
    if (count == Count::all && known->second && !known->second->counted) known->second = lay_out_(settings, count);
    return known->second;
  }

  // Lays out and costs one choice; keeps the better of it and the best so far.
  void consider(Trial& trial, const Settings& settings) {
    for (const Settings& variant : variants(settings)) {
      if (done()) return;
      const Result<Placement>* placement = &laid_out(variant, trial.count);
      if (*placement && (*placement)->fits && goal_.longest) placement = &longest(**placement);
      if (*placement && !(*placement)->fits)
        if (const auto shorter = shortened(**placement, goal_.shortest))
          if (const auto& again = laid_out(*shorter, trial.count); again && again->fits) placement = &again;
      consider_one(trial, *placement);
    }
  }

  // The same with the longest context it holds.
  const Result<Placement>& longest(const Placement& placement) {
    Settings settings = placement.settings;
    settings.context = largest_context(architecture_, settings, lay_out_, context_parts(engine_, settings));
    return laid_out(settings.context > placement.settings.context ? settings : placement.settings, Count::all);
  }

  void consider_one(Trial& trial, const Result<Placement>& placement) {
    auto& best = trial.best;
    const auto reject = [&](std::string why, Bytes missing = {}) { note(trial.nearest, {trial.kind, std::move(why), missing}); };
    if (!placement) return reject(placement.error().message);
    if (!placement->fits) return reject("memory is short", short_by(*placement));
    const auto speeds = cost_(*placement);
    if (!speeds) return reject(speeds.error().message);
    if (speeds->decode < goal_.minimum_speed) return reject("slower than asked: " + format_significant(speeds->decode, 3) + " token/s");
    Candidate candidate{trial.kind, *placement, score(*placement, *speeds), speeds->decode, speeds->prefill, speeds->alike > 0 ? speeds->alike : speeds->full};
    const bool replaces = !best || much_shorter(best->placement, candidate.placement.settings.context) ||
                          (candidate.score > best->score && !much_shorter(candidate.placement, best->placement.settings.context));
    if (replaces) best = std::move(candidate);
  }

  // Settings worth trying around one split: larger batches of prompt tokens where prompts matter.
  std::vector<Settings> variants(const Settings& settings) const {
    std::vector<Settings> result = {settings};
    if (goal_.objective == Objective::prefill && engine_.kv_rule == catalog::KvRule::slots && !goal_.fixed_batch)
      for (const int ubatch : {1024, 2048, 4096}) {
        Settings larger = settings;
        larger.ubatch = ubatch;
        larger.batch = std::max(settings.batch, ubatch);
        result.push_back(larger);
      }
    return result;
  }

  double score(const Placement& placement, const Speeds& speeds) {
    switch (goal_.objective) {
      case Objective::decode: return decode_over_context(speeds);
      case Objective::prefill: return speeds.prefill;
      case Objective::throughput: return speeds.throughput;
      case Objective::context: break;
    }
    const double tokens = placement.kv_tokens > 0 && engine_.kv_rule == catalog::KvRule::paged
                              ? static_cast<double>(std::min<std::int64_t>(placement.kv_tokens, architecture_.max_context))
                              : static_cast<double>(goal_.longest ? placement.settings.context : largest_context(architecture_, placement.settings, lay_out_, context_parts(engine_, placement.settings)));
    return tokens + decode_over_context(speeds) * 1e-6;
  }

  static Bytes short_by(const Placement& placement) { return std::accumulate(placement.missing.begin(), placement.missing.end(), Bytes{}); }

  // Keeps the rejection nearest to being possible: a shortage before a refusal, a smaller shortage before a larger.
  static void note(std::optional<Rejected>& nearest, Rejected rejected) {
    const bool has_shortage = rejected.missing > Bytes{};
    if (!nearest || (has_shortage && (nearest->missing <= Bytes{} || rejected.missing < nearest->missing))) nearest = std::move(rejected);
  }

  void keep(Trial trial) {
    if (trial.best) found_.ranked.push_back(std::move(*trial.best));
    else if (trial.nearest) found_.rejected.push_back(std::move(*trial.nearest));
  }

  const catalog::Engine& engine_;
  const model::Architecture& architecture_;
  const rig::Rig& rig_;
  std::span<const rig::RigDevice> devices_;  // as many of the rig's as the engine takes
  const Goal& goal_;
  Settings base_;
  LayOut lay_out_;
  Cost cost_;
  std::vector<LayerBytes> bytes_;
  std::vector<double> overhead_;     // bytes per device that are not layers, learned from the first exact layout
  bool overhead_known_ = false;
  static constexpr double kMargin = 512 * kMiB;
  double margin_ = kMargin;          // bytes left free per device where the search may choose
  Rejected last_rejection_;
  std::deque<std::pair<Settings, Result<Placement>>> laid_out_;  // a deque: references stay
  Found found_;
};

}  // namespace

double decode_over_context(const Speeds& speeds) {
  const double filled = speeds.alike > 0 ? speeds.alike : speeds.full;
  const double empty = speeds.empty > 0 ? speeds.empty : speeds.decode;
  return empty > 0 && filled > 0 ? 2 / (1 / empty + 1 / filled) : 0;
}

Found search(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Goal& goal,
             const Settings& base, LayOut lay_out, Cost cost) {
  return Searcher(engine, architecture, rig, goal, base, lay_out, cost).run();
}

Found search(const Prepared& prepared, const model::Architecture& architecture, const rig::Rig& rig, Goal goal, LayOut lay_out, Cost cost) {
  const auto with = [&](std::int64_t context) {
    goal.context = context;
    return search(prepared.engine, architecture, rig, goal, prepared.settings, lay_out, cost);
  };
  const bool paged = prepared.engine.kv_rule == catalog::KvRule::paged;
  goal.shortest = paged ? prepared.shortest : 0;
  goal.cache_element = prepared.cache_element;
  goal.fixed_batch = prepared.named_batch;
  goal.streams = prepared.at_once;
  if (goal.objective == Objective::context && !prepared.named_context && !paged) {
    if (Found whole = with(context_parts(prepared.engine, prepared.settings) * architecture.max_context); !whole.ranked.empty()) return whole;
    goal.longest = true;
    return with(prepared.settings.context);
  }
  Found found = with(prepared.settings.context);
  for (const std::int64_t context : shorter_slots(prepared)) {
    if (!found.ranked.empty() && (rig.devices.empty() || all_on_devices(architecture, found.ranked.front().placement))) break;
    Found shorter = with(context);
    if (!shorter.ranked.empty() && (found.ranked.empty() || all_on_devices(architecture, shorter.ranked.front().placement))) found = std::move(shorter);
  }
  // What else is not possible is said of the context that is proposed, not of the longer one that nobody named.
  if (paged && !goal.any && !found.ranked.empty() && !found.rejected.empty() && found.ranked.front().placement.settings.context < prepared.settings.context) {
    Found again = with(found.ranked.front().placement.settings.context);
    std::erase_if(again.rejected, [&](const Rejected& each) { return std::none_of(found.rejected.begin(), found.rejected.end(), [&](const Rejected& old) { return old.kind == each.kind; }); });
    found.rejected = std::move(again.rejected);
  }
  return found;
}

}  // namespace rigcast::placement
