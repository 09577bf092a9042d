// vLLM and its kin: every product of tensor and pipeline degrees that the devices allow, and whole copies side by side.

#include <algorithm>

#include "placement/detail/searcher.hpp"

namespace rigcast::placement::detail {

namespace {

Mode mode_of(int tensor, int pipeline) {
  if (pipeline > 1) return Mode::pipeline;
  return tensor > 1 ? Mode::tensor : Mode::single;
}

}  // namespace

// vLLM and its kin: every product of tensor and pipeline degrees that the devices allow.
void Searcher::degrees() {
  const int devices = static_cast<int>(rig_.devices.size());
  if (devices > 1 && splits("layer")) {   // layers one device after the other (Transformers, ExLlama)
    Settings settings = base_;
    settings.mode = Mode::layer;
    Trial trial = trial_of("layer split");
    consider(trial, settings);
    keep(std::move(trial));
  }
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
          if (mode == Mode::single) each_device_alone(trial, settings);
          else if (!consider_experts(trial, settings)) break;   // so are longer pipelines of as many devices a stage
        }
    if (mode == Mode::expert && trial.best && cut_alike(*trial.best)) continue;
    keep(std::move(trial));
  }
  copies();
  groups_of_hosts();
}

// One of each kind: the others are hidden from the engine.
void Searcher::each_device_alone(Trial& trial, Settings settings) {
  for (const rig::RigDevice& device : rig_.devices) {
    const auto first = std::find_if(rig_.devices.begin(), rig_.devices.end(), [&](const rig::RigDevice& each) { return same_device(each, device); });
    if (first->index != device.index) continue;
    settings.main_device = device.index;
    consider_experts(trial, settings);
  }
}

// Whole copies of the model, each for its share of the streams: nothing waits for anything but its own devices. Of a mixture also copies of
// attention and its cache alone, around experts that are spread whole over all devices.
void Searcher::copies() {
  const int devices = static_cast<int>(rig_.devices.size());
  const std::int64_t most = goal_.objective == Objective::throughput ? devices : goal_.streams;
  if (most < 2 || base_.data_degree > 1 || !splits("data") || catalog::text_of(engine_, "flag", "data").empty()) return;
  const auto can = [&](const char* rule) { return catalog::number_of(engine_, rule, "", 0) > 0; };
  const auto try_copies = [&](const char* kind, bool attention) {
    Trial trial = trial_of(kind);
    for (int tensor = 1; 2 * tensor <= devices; ++tensor) {
      Settings settings = base_;
      settings.mode = attention ? Mode::expert : mode_of(tensor, 1);
      settings.tensor_degree = tensor;
      settings.data_degree = static_cast<int>(std::min<std::int64_t>(devices / tensor, most));
      settings.expert_degree = attention ? tensor * settings.data_degree : 1;
      settings.whole_copies = architecture_.has_experts() && !attention;
      consider(trial, settings);
    }
    keep(std::move(trial));
  };
  if (!architecture_.has_experts() || can("copies_mixtures")) try_copies("copies", false);
  if (architecture_.has_experts() && splits("expert") && can("copies_attention")) try_copies("copies of attention", true);
}

// Engines side by side, each on as many hosts as one needs, with its share of the streams; hosts that are left over, or that would only be waited
// for, stay idle. So more hosts never give less.
void Searcher::groups_of_hosts() {
  constexpr int kMostTogether = 16;   // hosts of one engine that are tried one by one
  const int devices = static_cast<int>(rig_.devices.size()), hosts = static_cast<int>(rig_.hosts.size());
  if (hosts < 2 || devices % hosts != 0 || base_.data_degree > 1 || goal_.any || !engine_.texts.contains("start")) return;
  const int each = devices / hosts;
  for (int d = 0; d < devices; ++d)
    if (rig_.devices[static_cast<std::size_t>(d)].host != d / each || !same_device(rig_.devices[static_cast<std::size_t>(d)], rig_.devices.front())) return;
  const std::int64_t most = goal_.objective == Objective::throughput ? hosts : goal_.streams;
  const bool copies_attention = architecture_.has_experts() && splits("expert") && splits("data") && catalog::number_of(engine_, "copies_attention", "", 0) > 0;
  Trial trial = trial_of("groups of hosts");
  for (int group = 1; group < std::min(hosts, kMostTogether + 1); ++group) {
    const int all = group * each;
    Settings settings = base_;
    settings.replicas = static_cast<int>(std::min<std::int64_t>(hosts / group, most));
    const auto try_degrees = [&](Mode mode, int tensor, int pipeline, int data) {
      if (mode != Mode::single && !splits(to_string(mode))) return;
      Settings tried = settings;
      tried.mode = mode;
      tried.tensor_degree = tensor;
      tried.pipeline_degree = pipeline;
      tried.data_degree = data;
      tried.expert_degree = mode == Mode::expert ? tensor * data : 1;
      consider_experts(trial, tried);
    };
    try_degrees(mode_of(all, 1), all, 1, 1);
    if (group > 1) try_degrees(Mode::pipeline, each, group, 1);
    if (architecture_.has_experts() && all > 1) try_degrees(Mode::expert, all, 1, 1);
    if (copies_attention && goal_.streams > settings.replicas)
      for (int tensor = 1; 2 * tensor <= all && tensor <= each; tensor *= 2)
        if (each % tensor == 0) try_degrees(Mode::expert, tensor, 1, all / tensor);
  }
  if (trial.best) keep(std::move(trial));
}

// Experts spread whole hold and read on every device what experts cut into as many parts do: another way only where they cannot be cut.
bool Searcher::cut_alike(const Candidate& spread) const {
  return std::any_of(found_.ranked.begin(), found_.ranked.end(), [&](const Candidate& c) {
    return c.placement.mode == Mode::tensor && c.placement.settings.tensor_degree == spread.placement.settings.tensor_degree;
  });
}

// As many experts on the devices as the engine puts there by itself, else half as many and so on: the processor computes the others.
// False where the engine refuses these degrees, whatever the memory.
bool Searcher::consider_experts(Trial& trial, Settings settings) {
  const int usual = static_cast<int>(catalog::number_of(engine_, "default_gpu_experts", "", 0));
  const auto allowed = [&] { return done() || laid_out(settings, trial.count).has_value(); };
  if (usual <= 0 || settings.gpu_experts >= 0 || !architecture_.has_experts()) {
    consider(trial, settings);
    return allowed();
  }
  for (int experts = usual; !trial.best; experts /= 2) {
    settings.gpu_experts = experts;
    consider(trial, settings);
    if (!allowed()) return false;
    if (experts == 0) break;
  }
  return true;
}

}  // namespace rigcast::placement::detail
