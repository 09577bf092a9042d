// All on the processor: with flash attention or without, on all cores or fewer.

#include <algorithm>

#include "placement/detail/searcher.hpp"

namespace rigcast::placement::detail {

void Searcher::on_processor() {
  Settings settings = base_;
  settings.mode = Mode::cpu;
  settings.gpu_layers = 0;
  settings.split.clear();
  Trial trial = trial_of("processor");
  consider(trial, settings);
  leave_flash_attention(trial, settings, [](const Settings& plain) { return std::optional(plain); });
  choose_threads(trial);
  keep(std::move(trial));
}

// Lets `others` be considered; what is hardly better than the engine's own choice is not worth a flag.
void Searcher::where_worth_a_flag(Trial& trial, FunctionRef<void()> others) {
  const Candidate usual = *trial.best;
  others();
  if (!worth_a_flag(*trial.best, usual)) trial.best = usual;
}

// Better by more than a little at what is wanted, or as good and better by so much at what breaks ties.
bool Searcher::worth_a_flag(const Candidate& other, const Candidate& usual) const {
  constexpr double kAsGood = 0.995;
  return other.score >= kWorthAFlag * usual.score || (other.score >= kAsGood * usual.score && other.answer >= kWorthAFlag * usual.answer);
}

// Kernels of processors for flash attention are younger than their matrix products; only those read a quantised cache. `ranged`: where layers
// lie with these settings, for without flash attention devices hold other ranges.
void Searcher::leave_flash_attention(Trial& trial, Settings settings, FunctionRef<std::optional<Settings>(const Settings&)> ranged) {
  if (!trial.best || settings.flash_attention || settings.key_quant != "f16" || settings.value_quant != "f16") return;
  if (catalog::text_of(engine_, "flag", "flash").empty() || timed_host()) return;   // nobody can say so, or the kernels with it were timed here
  const std::vector<int>& caches = trial.best->placement.kv_device;
  if (std::find(caches.begin(), caches.end(), kHost) == caches.end()) return;
  settings.flash_attention = false;
  where_worth_a_flag(trial, [&] {
    if (const auto plain = ranged(settings)) consider(trial, *plain);
  });
}

// Every core waits for all others between two products: where a token has little to do, fewer of them write it faster. Prompts keep all.
// Memory knows of neither. Whoever timed this very host did so with the engine's own choice.
void Searcher::choose_threads(Trial& trial) {
  if (!trial.best || rig_.hosts.empty() || base_.threads > 0) return;
  const rig::Host& host = rig_.hosts.front();
  if (host.cores <= 8 || timed_host() || catalog::text_of(engine_, "flag", "threads").empty()) return;
  const Candidate& usual = *trial.best;
  if (usual.unwaiting > 0 && answer_speed(usual.unwaiting, usual.reading, goal_.streams) < kWorthAFlag * usual.answer) return;   // no number of threads exceeds it
  Placement fewer = trial.best->placement;
  fewer.settings.batch_threads = host.cores;
  where_worth_a_flag(trial, [&] {
    for (const double share : {0.75, 0.5, 0.375, 0.25, 0.1875, 0.125}) {
      fewer.settings.threads = std::max(4, static_cast<int>(host.cores * share));
      consider_one(trial, fewer);
    }
  });
}

}  // namespace rigcast::placement::detail
