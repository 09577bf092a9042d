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
          if (!consider_experts(trial, settings)) break;   // so are longer pipelines of as many devices a stage
        }
    if (mode == Mode::expert && trial.best && cut_alike(*trial.best)) continue;
    keep(std::move(trial));
  }
  copies();
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
