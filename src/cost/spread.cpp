#include "cost/spread.hpp"

namespace rigcast::cost {
namespace {

bool seen(const Calibration& calibration, std::string_view effect) {
  const Effect* found = calibration.effects.find(effect);
  return found && found->observations > 0;
}

// The first effect of this kind that Observations are behind; empty: none.
std::string_view first_seen(const Load& load, const Calibration& calibration, std::string_view what) {
  for (const Path& path : load.paths)
    for (const Factor& factor : path.factors) {
      const std::size_t bar = factor.effect.find('|');
      if (factor.effect.ends_with("=unknown")) continue;   // what is known of hosts nobody named says nothing of this one
      if (bar != std::string::npos && factor.effect.compare(bar + 1, what.size(), what) == 0 && seen(calibration, factor.effect)) return factor.effect;
    }
  return {};
}

bool any_seen(const Load& load, const Calibration& calibration, std::string_view what) { return !first_seen(load, calibration, what).empty(); }

// Whatever is asked of the effects that have been seen.
constexpr std::string_view kEngine = "engine=", kChip = "chip=", kProcessor = "processor=", kFamily = "family=", kInstructions = "instructions=", kUnderBackend = "family+backend=";

}  // namespace

std::string_view layout_of(const Load& load) {
  if (load.offloaded) return "offload";
  for (const Stage& stage : load.stages)
    if (stage.kind == StageKind::all_reduce || stage.kind == StageKind::hop) return "several";
  return load.backend == "cpu" ? "cpu" : "one";
}

Grade grade_of(const Load& load, const Calibration& calibration) {
  if (load.measured && load.backend == "cpu") return Grade::near;
  const bool engine = any_seen(load, calibration, kEngine);
  if (engine && (any_seen(load, calibration, kChip) || any_seen(load, calibration, kProcessor))) return Grade::near;
  if (any_seen(load, calibration, kFamily) || any_seen(load, calibration, kInstructions)) return Grade::family;
  return Grade::extrapolated;
}

bool timed_under_backend(const Load& load, const Calibration& calibration) { return any_seen(load, calibration, kUnderBackend); }

void forget_effects(Load& load, const Calibration& calibration) {
  Factors kept;
  for (const std::string_view what : {kEngine, kChip, kProcessor, kFamily, kInstructions, kUnderBackend})
    if (const std::string_view effect = first_seen(load, calibration, what); !effect.empty()) kept.add({effect});
  for (Path& path : load.paths) path.factors = {};
  if (!load.paths.empty()) load.paths.front().factors = std::move(kept);
}

std::vector<std::string> spread_keys(const Load& load, std::string_view phase, Grade grade) {
  const std::string first(phase), by_grade = first + "|" + (grade == Grade::measured ? "near" : to_string(grade));
  const std::string layout(layout_of(load));
  const std::string place = by_grade + "|" + layout;
  return {place + "|" + load.engine + ":" + load.backend, place + "|" + load.engine, place, by_grade, first};
}

std::array<std::string, 3> width_keys(const Load& load, std::string_view phase) {
  const std::string of = std::string(phase) + "|";
  return {of + "family=" + load.family, of + "format=" + load.format, of + "backend=" + load.backend};
}

Spread spread_of(const Load& load, std::string_view phase, Grade grade, const Calibration& calibration) {
  Spread spread;
  for (const std::string& key : spread_keys(load, phase, grade))
    if (const auto found = calibration.spreads.find(key); found != calibration.spreads.end()) {
      spread = found->second;
      break;
    }
  for (const std::string& key : width_keys(load, phase))
    if (const auto found = calibration.widths.find(key); found != calibration.widths.end()) {
      spread.low *= found->second.factor;
      spread.high *= found->second.factor;
    }
  return spread;
}

}  // namespace rigcast::cost
