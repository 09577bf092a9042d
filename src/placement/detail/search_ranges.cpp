// llama.cpp and its kin: ranges of layers, and what may stay on the host.

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "placement/detail/activation.hpp"
#include "placement/detail/searcher.hpp"

namespace rigcast::placement::detail {

namespace {

// Tokens whose keys and values a layer keeps: behind a window, of a usual batch as well.
double kept_tokens(const model::Attention& attention, double context) {
  constexpr double kBatch = 512;
  const bool slides = attention.window > 0 && attention.kind != model::AttentionKind::full && attention.kind != model::AttentionKind::chunked;
  return slides ? std::min(context, attention.window + kBatch) : context;
}

}  // namespace

bool same_device(const rig::RigDevice& a, const rig::RigDevice& b) { return a.device.key == b.device.key && a.memory == b.memory && a.reserved == b.reserved; }

std::vector<LayerBytes> layer_bytes(const model::Architecture& architecture, double context, double cache_element, bool drafts) {
  const std::size_t count = architecture.layers.size();
  std::vector<LayerBytes> bytes(count + 1);  // the last one is the output head
  for (const model::Tensor& tensor : architecture.tensors) {
    if (tensor.role == model::Role::vision) continue;
    const bool head = tensor.layer >= static_cast<int>(count) || (architecture.tied_embeddings && tensor.role == model::Role::token_embedding);
    if (tensor.layer < 0 && !head) continue;  // input: stays on the host
    LayerBytes& layer = bytes[head ? count : static_cast<std::size_t>(tensor.layer)];
    if (tensor.role == model::Role::next_token) {
      layer.idle += drafts ? tensor.bytes.value() : 0;
    } else if (tensor.role == model::Role::expert_ffn && !head) {
      const model::FeedForward& ffn = architecture.layers[static_cast<std::size_t>(tensor.layer)].feed_forward;
      layer.experts += tensor.bytes.value();
      layer.experts_read += tensor.bytes.value() * ffn.experts_used / std::max(1, ffn.experts);
    } else {
      layer.base += tensor.bytes.value();
    }
  }
  for (std::size_t l = 0; l < count; ++l) {
    const model::Layer& layer = architecture.layers[l];
    bytes[l].cache = cache_bytes_per_token(layer, cache_element) * kept_tokens(layer.attention, context) + entry_bytes_per_token(layer, cache_element) * context;
  }
  return bytes;
}

void Searcher::slots() {
  one_device();
  const bool several = devices_.size() > 1;
  if (several && splits("layer") && !below_) layer_split();   // with a floor devices are alike: no more of them in turn are faster than one
  if (several && splits("tensor")) {
    put_off_ = goal_.best_only && !goal_.any && experimental(Mode::tensor);   // it ranks behind whatever else fits
    if (!put_off_) whole_tensors();
  }
  if (devices_.empty()) return;
  if (architecture_.has_experts() && splits("cpu-experts") && may_move(Moves::experts)) ranges("experts on host", base_, Moves::experts);
  if (splits("cpu-layers") && may_move(Moves::layers)) ranges("layers on host", base_, Moves::layers);
  if (splits("cpu-cache") && cache_may_move()) {
    Settings cache_on_host = base_;
    cache_on_host.kv_offload = false;
    ranges("cache on host", cache_on_host, Moves::nothing);
  }
  if (found_.ranked.empty() && architecture_.has_experts() && splits("cpu-experts") && splits("cpu-layers") && may_move(Moves::layers) && may_move(Moves::experts)) layers_and_experts_on_host();
}

// Every device a share of each tensor (llama.cpp).
void Searcher::whole_tensors() {
  Settings settings = base_;
  settings.mode = Mode::tensor;
  settings.tensor_degree = static_cast<int>(devices_.size());
  settings.split.clear();
  Trial trial = trial_of(experimental(Mode::tensor) ? "tensor (experimental)" : "tensor");
  consider(trial, settings);
  keep(std::move(trial));
}

// Where neither whole layers nor experts alone leave the host enough memory, both together may: the three mixtures that leave it most.
void Searcher::layers_and_experts_on_host() {
  if (goal_.beyond_memory) return;   // no mixture fits: it only says which memory holds what
  constexpr std::size_t kTried = 3;
  struct Mixture { double host = 0; int layers = 0, experts = 0; };   // bytes on the host, and of how many first layers all and the experts lie there
  std::vector<Mixture> mixtures;
  margin_ = 0;
  int most = kAllLayers;
  const std::vector<DeviceLoad> devices = device_loads(overhead_);
  for (int layers = 1; layers + 1 < layer_total(); ++layers) {
    const auto experts = fewest(base_, Moves::experts, devices, layers, most);
    if (!experts) continue;
    most = *experts;   // one layer more on the host leaves the devices less: no more experts need to move
    Mixture mixture{0, layers, *experts};
    for (std::size_t l = 0; l + 1 < bytes_.size(); ++l) {
      const bool here = static_cast<int>(l) < layers;
      mixture.host += (here ? bytes_[l].base : 0) + (here || static_cast<int>(l) < *experts ? bytes_[l].experts : 0);
    }
    mixtures.push_back(mixture);
  }
  std::stable_sort(mixtures.begin(), mixtures.end(), [](const Mixture& a, const Mixture& b) { return a.host < b.host; });
  Trial trial{"layers and experts on host", Count::until_short};
  for (std::size_t i = 0; i < std::min(kTried, mixtures.size()); ++i)
    if (const auto settings = fewest_moved(base_, Moves::experts, overhead_, mixtures[i].layers, mixtures[i].experts)) consider(trial, *settings);
  if (trial.best) keep(std::move(trial));
}

void Searcher::one_device() {
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

void Searcher::ranges(const char* kind, const Settings& base, Moves moves) {
  if (done()) return;
  const bool alone = found_.ranked.empty();   // nothing fits on the devices
  Trial trial = range_trial(kind, fitting_range(base, moves));
  if (moves == Moves::experts || (moves == Moves::layers && alone)) fastest_device_alone(trial, base, moves);
  if (alone && moves != Moves::experts) leave_flash_attention(trial, base, [&](const Settings& plain) { return fitting_range(plain, moves); });
  read_prompts_otherwise(trial, base, moves);
  keep(std::move(trial));
}

// Weights on the host cross the link for every pass of a prompt: a strong processor had better keep them (no offloading of operations), and
// larger passes need fewer crossings. Both change what the devices need beside their layers. Steps of many streams cross it, too.
void Searcher::read_prompts_otherwise(Trial& trial, Settings base, Moves moves) {
  if (!trial.best || goal_.any || moves == Moves::nothing || base.offload_batch <= 0 || !base.op_offload) return;
  const Candidate usual = *trial.best;
  // Where reading takes so little of an answer, no way of reading makes that worth a flag.
  if (goal_.objective != Objective::prefill && goal_.streams < base.offload_batch && usual.reading * usual.answer * kWorthAFlag < (kWorthAFlag - 1) * answer_tokens(goal_.streams)) return;
  if (usual.placement.settings.flash_attention == false) base.flash_attention = false;
  const auto can_say = [&](const char* what) { return !catalog::text_of(engine_, "flag", what).empty(); };
  const std::vector<double> overhead = overhead_;
  const auto try_with = [&](const Settings& settings) {
    overhead_known_ = false;
    if (const auto range = fitting_range(settings, moves)) consider(trial, *range);
    overhead_ = overhead;
    overhead_known_ = true;
  };
  where_worth_a_flag(trial, [&] {
    if (!goal_.fixed_offload && can_say("op_offload")) {
      Settings kept = base;
      kept.op_offload = false;
      try_with(kept);
    }
    if (goal_.fixed_batch || !can_say("ubatch")) return;
    for (const int ubatch : {1024, 2048, 4096}) {
      if (ubatch <= base.ubatch || ubatch >= 2 * goal_.prompt) continue;   // no pass of that size would be full
      Settings larger = base;
      larger.ubatch = ubatch;
      larger.batch = std::max(base.batch, ubatch);
      try_with(larger);
    }
  });
}

// A slower card beside it may cost more time than what it saves the host.
void Searcher::fastest_device_alone(Trial& trial, const Settings& base, Moves moves) {
  if (are_alike(devices_)) return;
  const auto bandwidth = [](const rig::RigDevice& d) { return d.device.bandwidth ? d.device.bandwidth->value : Bandwidth{}; };
  only_ = std::max_element(devices_.begin(), devices_.end(), [&](const auto& a, const auto& b) { return bandwidth(a) < bandwidth(b); })->index;
  if (const auto settings = fitting_range(base, moves)) consider(trial, *settings);
  only_ = kAnyDevice;
}

// Where one device alone is the fastest range, several are what the engine does by itself: shares by free memory.
void Searcher::layer_split() {
  if (done()) return;
  auto settings = fitting_range(base_, Moves::nothing);
  if (settings && settings->mode == Mode::single) settings = base_;
  Trial trial = range_trial("layer split", settings);
  if (goal_.objective == Objective::prefill) share_by_arithmetic(trial);
  keep(std::move(trial));
}

// Whoever reads a token's weights fastest is not always who multiplies a whole prompt fastest.
void Searcher::share_by_arithmetic(Trial& trial) {
  if (are_alike(devices_)) return;
  by_arithmetic_ = true;
  if (const auto settings = fitting_range(base_, Moves::nothing)) consider(trial, *settings);
  by_arithmetic_ = false;
}

// Bytes of weights a second: read for one token, or multiplied with the whole prompt, two operations for each parameter and token.
double Searcher::layer_rate(const rig::RigDevice& device) const {
  const double bandwidth = device.device.bandwidth ? device.device.bandwidth->value.value() : 1e9;
  double operations = 0;
  for (const char* format : {"fp16", "fp32"})   // the faster of the two: some chips have next to no half precision
    if (const auto rate = device.device.rates.find(format); rate != device.device.rates.end()) operations = std::max(operations, rate->second.value.value());
  if (!by_arithmetic_ || operations <= 0) return bandwidth;
  const double of_parameter = architecture_.weight_bytes().value() / architecture_.parameters();
  return std::min(bandwidth, operations * of_parameter / (2.0 * static_cast<double>(std::max<std::int64_t>(1, goal_.prompt))));
}

Searcher::Trial Searcher::range_trial(const char* kind, const std::optional<Settings>& settings) {
  Trial trial = trial_of(kind);
  if (settings) consider(trial, *settings);
  else trial.nearest = last_rejection_;
  if (trial.nearest) trial.nearest->kind = kind;
  return trial;
}

// Ranges by dynamic programming, corrected by the exact layout until it fits or only the host is short.
// With a margin first, so that a desktop or a driver update does not push the choice out of memory; without, where only that fits. The margin is
// beside all that the engine needs: or else a longer context could come to leave less free, and more weights on the device.
std::optional<Settings> Searcher::fitting_range(const Settings& base, Moves moves) {
  margin_ = goal_.margin;
  if (auto settings = range_within(base, moves, Count::until_short)) return from_the_first(std::move(*settings));
  margin_ = 0;
  auto settings = range_within(base, moves, goal_.best_only ? Count::until_short : Count::all);
  return settings ? std::optional(from_the_first(std::move(*settings))) : std::nullopt;
}

// Which of equal devices a range leaves out says nothing (what the first ones were short of in an earlier round): the last ones are left.
Settings Searcher::from_the_first(Settings settings) {
  Settings moved = settings;
  for (std::size_t first = 0; first < moved.split.size();) {
    std::size_t end = first + 1;
    while (end < moved.split.size() && same_place(devices_[first], devices_[end])) ++end;
    const auto at = [&](std::size_t i) { return moved.split.begin() + static_cast<std::ptrdiff_t>(i); };
    std::stable_partition(at(first), at(end), [](double share) { return share > 0; });
    first = end;
  }
  if (moved == settings) return settings;
  moved.main_device = static_cast<int>(std::find_if(moved.split.begin(), moved.split.end(), [](double share) { return share > 0; }) - moved.split.begin());
  const auto& laid = laid_out(moved, Count::until_short);
  return laid && laid->fits ? moved : settings;
}

// Equal devices in one host, on links of one type to its memory.
bool Searcher::same_place(const rig::RigDevice& a, const rig::RigDevice& b) const {
  const auto way = [&](const rig::RigDevice& device) {
    const auto link = std::find_if(rig_.links.begin(), rig_.links.end(), [&](const rig::Link& each) { return each.a == device.index && each.b < 0; });
    return link == rig_.links.end() ? std::string() : link->type->key;
  };
  return same_device(a, b) && a.host == b.host && way(a) == way(b);
}

// Without an exact count a range is given up as soon as the host is short without its compute buffers: every further round leaves it as
// much or more. The first layout is counted in any case, for what it tells of the overhead.
std::optional<Settings> Searcher::range_within(const Settings& base, Moves moves, Count count) {
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
    if (placement->fits && (overhead_known_ || margin_ <= 0)) return choice;
    if (!placement->counted) {
      last_rejection_ = Rejected{"", "host memory is short", placement->missing.back(), *choice};
      if (placement->missing.back() > Bytes{}) return std::nullopt;
      (void)laid_out(*choice, Count::all);   // which device is short, and of how much
    }
    if (!overhead_known_) lost = overhead_ = overhead_of(*placement);
    else if (placement->fits) return choice;
    else if (!take_back(*placement, *choice, lost)) return std::nullopt;
    overhead_known_ = true;
  }
  return std::nullopt;
}

// With as few layers moved as the devices demand, the best of their ranges.
std::optional<Settings> Searcher::fewest_moved(const Settings& base, Moves moves, const std::vector<double>& lost, int host_layers, int most) const {
  const std::vector<DeviceLoad> devices = device_loads(lost);
  const auto moved = fewest(base, moves, devices, host_layers, most);
  const auto counts = moved ? best_split(left_with(base, moves, *moved, host_layers), devices) : std::nullopt;
  if (!counts) return std::nullopt;
  const auto used = [](int n) { return n > 0; };
  Settings settings = base;
  settings.mode = std::count_if(counts->begin(), counts->end(), used) > 1 ? Mode::layer : Mode::single;
  settings.cpu_moe_layers = moves == Moves::experts ? *moved : 0;
  settings.gpu_layers = layer_total() - (moves == Moves::layers ? *moved : host_layers);
  settings.split.assign(counts->begin(), counts->end());
  settings.main_device = static_cast<int>(std::find_if(counts->begin(), counts->end(), used) - counts->begin());
  return settings;
}

// What the devices are left with.
std::vector<LayerLoad> Searcher::left_with(const Settings& base, Moves moves, int moved, int host_layers) const {
  return loads(base, moves == Moves::experts ? moved : 0, moves == Moves::layers ? moved : host_layers);
}

// Feasibility is monotone in how many layers are moved, so bisection finds the fewest. `most`: as many are known to do.
std::optional<int> Searcher::fewest(const Settings& base, Moves moves, const std::vector<DeviceLoad>& devices, int host_layers, int most) const {
  const auto does = [&](int moved) { return can_split(left_with(base, moves, moved, host_layers), devices); };
  int low = moves == Moves::nothing ? 0 : 1 + host_layers, high = moves == Moves::nothing ? 0 : std::clamp(most, low, layer_total() - 1);
  while (low < high) {
    const int middle = (low + high) / 2;
    if (does(middle)) high = middle;
    else low = middle + 1;
  }
  return does(low) ? std::optional(low) : std::nullopt;
}

// What a device needs beyond its layers, and what of it the engine cannot see; devices that were not used are taken as the worst one.
std::vector<double> Searcher::overhead_of(const Placement& placement) const {
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

// Bytes of layers on each device as the split sees them.
std::vector<double> Searcher::held_by(const Settings& choice) const {
  std::vector<double> held(devices_.size(), 0);
  const std::vector<LayerLoad> layers = loads(choice, choice.cpu_moe_layers, layer_total() - choice.gpu_layers);
  std::size_t next = 0;
  for (std::size_t d = 0; d < held.size() && d < choice.split.size(); ++d)
    for (int taken = 0; taken < static_cast<int>(choice.split[d]) && next < layers.size(); ++taken) held[d] += layers[next++].held;
  return held;
}

// Lowers the capacities by what is missing, and so far that the same choice cannot come again: whoever held H and was short of M holds
// H - M at most. False when the host is what is short. A device that was not tried holds no more than an equal one that was: or else the
// same layers would be tried on it next, and on the one after.
bool Searcher::take_back(const Placement& placement, const Settings& choice, std::vector<double>& lost) {
  const std::vector<double> held = held_by(choice);
  bool device_short = false;
  Bytes least{};
  for (std::size_t i = 0; i < placement.devices.size() && i < placement.missing.size(); ++i) {
    const Bytes missing = placement.missing[i];
    if (missing <= Bytes{}) continue;
    device_short = true;
    least += missing;
    const std::size_t d = static_cast<std::size_t>(placement.devices[i].device);
    const double room = (devices_[d].memory - devices_[d].reserved).value() - margin_;
    lost[d] = std::max(lost[d], room - held[d]) + missing.value() + kMiB;
  }
  for (const rig::RigDevice& untried : devices_) {
    const auto is_tried = [&](const DeviceShare& share) { return share.device == untried.index; };
    if (std::any_of(placement.devices.begin(), placement.devices.end(), is_tried)) continue;
    double& own = lost[static_cast<std::size_t>(untried.index)];
    for (const DeviceShare& share : placement.devices)
      if (same_device(devices_[static_cast<std::size_t>(share.device)], untried)) own = std::max(own, lost[static_cast<std::size_t>(share.device)]);
  }
  if (!device_short && !placement.missing.empty()) least = placement.missing.back();
  last_rejection_ = Rejected{"", device_short ? "device memory is short" : "host memory is short", least, choice};
  return device_short;
}

std::vector<LayerLoad> Searcher::loads(const Settings& base, int expert_layers, int host_layers) const {
  std::vector<LayerLoad> result;
  result.reserve(bytes_.size());
  for (std::size_t l = static_cast<std::size_t>(host_layers); l < bytes_.size(); ++l) {
    const LayerBytes& layer = bytes_[l];
    const bool experts_here = l >= static_cast<std::size_t>(expert_layers);
    const double cache = base.kv_offload ? layer.cache : 0;
    result.push_back({layer.base + layer.idle + cache + (experts_here ? layer.experts : 0), layer.base + cache + (experts_here ? layer.experts_read : 0)});
  }
  return result;
}

std::vector<DeviceLoad> Searcher::device_loads(const std::vector<double>& lost) const {
  constexpr double hop_seconds = 50e-6;  // one more device: a synchronisation and a copy of the activations per token
  std::vector<DeviceLoad> result;
  for (const rig::RigDevice& device : devices_) {
    const bool taken = only_ == kAnyDevice || only_ == device.index;
    const double capacity = taken ? (device.memory - device.reserved).value() - margin_ - lost[static_cast<std::size_t>(device.index)] : 0;
    result.push_back({std::max(0.0, capacity), layer_rate(device), hop_seconds});
  }
  return result;
}

Rejected Searcher::shortage(const Settings& base) const {
  double held = 0, capacity = 0;
  for (const LayerLoad& layer : loads(base, 0, 0)) held += layer.held;
  for (const DeviceLoad& device : device_loads(overhead_)) capacity += device.capacity;
  return Rejected{"", "device memory is short", Bytes(std::max(0.0, held - capacity))};
}

}  // namespace rigcast::placement::detail
