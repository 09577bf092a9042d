#include "cost/cost.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "cost/power.hpp"
#include "cost/spread.hpp"
#include "cost/terms.hpp"

namespace rigcast::cost {
namespace {

const char* name_of(const Stage& stage, bool prefill) {
  switch (stage.kind) {
    case StageKind::weights: return "weights";
    case StageKind::experts: return "experts";
    case StageKind::kv: return stage.scores ? "scores" : prefill ? "attention" : "kv";
    case StageKind::state: return "state";
    case StageKind::launch: return "launch";
    case StageKind::gap: return "gaps";
    case StageKind::small: return "small_operations";
    case StageKind::host: return "host";
    case StageKind::sequence: return "sequences";
    case StageKind::all_reduce: return "link_latency";
    case StageKind::all_reduce_bytes: return "link";
    case StageKind::hop: return "hop";
    case StageKind::sync: return "sync";
    case StageKind::sent_cache: return "sent_cache";
  }
  return "";
}

const char* unit_of(StageKind kind) {
  switch (kind) {
    case StageKind::launch: case StageKind::gap: return "kernels";
    case StageKind::small: return "operations";
    case StageKind::host: return "steps";
    case StageKind::sequence: return "sequences";
    case StageKind::all_reduce: case StageKind::hop: case StageKind::sync: return "messages";
    default: return "B";
  }
}

// Work that is done in turn, as its reading and its arithmetic.
std::vector<StageWork> in_pieces(const std::vector<StageWork>& work) {
  std::vector<StageWork> pieces;
  for (const StageWork& w : work) {
    if (!w.in_turn || w.memory < 0 || w.compute < 0) { pieces.push_back(w); continue; }
    pieces.insert(pieces.end(), 2, w);
    pieces.end()[-2].compute = pieces.end()[-1].memory = -1;
  }
  return pieces;
}

// Where host weights that are sent to a device are multiplied.
std::string first_device(const Load& load) {
  const auto found = std::find_if(load.stages.begin(), load.stages.end(), [](const Stage& s) { return s.device == 0; });
  return found == load.stages.end() ? std::string() : found->where;
}

// Of one pass: of a prompt, or of a step, whatever it keeps of its drafts.
std::vector<Term> derivation_of(const Load& load, const std::vector<StageWork>& whole, bool prefill) {
  const double of_step = prefill ? 1 : load.drafts.kept;
  Term drafting{.name = "drafting", .where = "", .amount = prefill ? 1 : load.drafts.passes, .amount_unit = "passes"};
  const std::vector<StageWork> work = in_pieces(whole);
  std::vector<Term> terms;
  const std::vector<double> times = parts(load, work);
  for (std::size_t i = 0; i < work.size(); ++i) {
    const StageWork& w = work[i];
    if (w.drafts) {
      drafting.time += Seconds(times[i] * of_step);
      continue;
    }
    const Stage& stage = load.stages[static_cast<std::size_t>(w.stage)];
    StageWork memory = w, compute = w;
    memory.compute = compute.memory = -1;
    const bool by_compute = w.compute >= 0 && (w.memory < 0 || seconds(load, compute) > seconds(load, memory));
    const Path& path = load.paths[static_cast<std::size_t>(by_compute ? w.compute : w.memory)];
    Term term;
    const bool sent = w.memory >= 0 && w.memory == stage.stream, there = w.memory < 0 && w.compute >= 0 && w.compute == stage.stream_compute;
    term.name = !sent ? name_of(stage, prefill) : stage.kind == StageKind::kv ? "sent_cache" : "sent_weights";
    term.where = there ? first_device(load) : stage.where;
    if (!sent && !there && (stage.kind == StageKind::weights || stage.kind == StageKind::experts))
      if (stage.device == placement::kHost && load.offloaded) term.name += "_host";
    term.amount = (by_compute ? w.flop : w.bytes) * of_step;
    term.amount_unit = by_compute ? "flop" : unit_of(stage.kind);
    term.rate = path.roof > 0 ? path.roof : path.peak;   // of the data sheet
    term.efficiency = path.efficiency * path.peak / term.rate;
    if (w.also >= 0) term.efficiency *= load.paths[static_cast<std::size_t>(w.also)].efficiency;
    term.time = Seconds(times[i] * of_step);
    term.bound_by_compute = by_compute;
    terms.push_back(std::move(term));
  }
  if (drafting.time > Seconds{}) terms.push_back(std::move(drafting));
  return terms;
}

Estimate rate(double amount, double time, const Spread& spread, double least, const char* unit) {
  Estimate e;
  e.value = rate_within(amount, time, spread, least);
  e.unit = unit;
  return e;
}

Estimate duration(double time, const Spread& spread, double least) {
  Estimate e;
  e.value = time_within(time, spread, least);
  e.unit = "s";
  return e;
}

}  // namespace

Interval time_within(double time, const Spread& spread, double least) {
  return {std::max(time * std::exp(-spread.high), std::min(least, time)), time, time * std::exp(-spread.low)};
}

Interval rate_within(double amount, double time, const Spread& spread, double least) {
  const Interval t = time_within(time, spread, least);
  return {amount / t.p90, amount / t.p50, amount / t.p10};
}

const char* to_string(Grade grade) {
  switch (grade) {
    case Grade::measured: return "measured";
    case Grade::near: return "near";
    case Grade::family: return "family";
    case Grade::extrapolated: return "extrapolated";
  }
  return "";
}

namespace {

std::vector<StageWork> decode_work(const Load& load, std::int64_t depth, std::int64_t sequences) {
  std::vector<StageWork> work;
  work.reserve(load.stages.size());
  add_decode(load, static_cast<double>(depth), sequences_of_copy(load, static_cast<double>(sequences)), 1, work);
  return work;
}

std::vector<StageWork> prefill_work(const Load& load, std::int64_t prompt, std::int64_t depth) {
  std::vector<StageWork> work;
  work.reserve(load.stages.size());
  add_prefill(load, static_cast<double>(std::max<std::int64_t>(1, prompt)), static_cast<double>(depth), 1, work);
  return work;
}

}  // namespace

double decode_speed(const Load& load, std::int64_t depth, std::int64_t sequences) {
  return static_cast<double>(sequences) / seconds(load, decode_work(load, depth, sequences));
}

double prefill_speed(const Load& load, std::int64_t prompt, std::int64_t depth) {
  return static_cast<double>(std::max<std::int64_t>(1, prompt)) / seconds(load, prefill_work(load, prompt, depth));
}

double unwaiting_decode_speed(const Load& load, std::int64_t depth, std::int64_t sequences) {
  std::vector<StageWork> work = decode_work(load, depth, sequences);
  std::erase_if(work, [&](const StageWork& w) { return load.stages[static_cast<std::size_t>(w.stage)].kind == StageKind::launch; });
  return static_cast<double>(sequences) / seconds(load, work);
}

Speed estimate_load(const Load& load, const rig::Rig& rig, const placement::Placement& placement, const Question& question,
                    const Calibration& calibration) {
  const Grade grade = grade_of(load, calibration);
  const double n = static_cast<double>(question.sequences);
  const std::vector<StageWork> decode = decode_work(load, question.depth, question.sequences), prefill = prefill_work(load, question.prompt, question.depth);
  const double step = seconds(load, decode), prompt = seconds(load, prefill);
  const bool drafts = load.drafts.tokens > 0;
  const Spread decode_spread = spread_of(load, drafts ? "speculative" : "decode", grade, calibration);
  const Spread prefill_spread = spread_of(load, "prefill", grade, calibration);

  Speed speed;
  const double least = least_seconds(load, decode) * load.drafts.kept / load.drafts.most;   // where every draft is right
  speed.decode = rate(n, step, decode_spread, least, "token/s");
  speed.prefill = rate(static_cast<double>(std::max<std::int64_t>(1, question.prompt)), prompt, prefill_spread, least_seconds(load, prefill), "token/s");
  speed.ttft = duration(prompt, prefill_spread, least_seconds(load, prefill));   // the prompt's last logits are the first token's
  speed.decode.derivation = derivation_of(load, decode, false);
  speed.prefill.derivation = derivation_of(load, prefill, true);
  speed.ttft.derivation = speed.prefill.derivation;
  for (Estimate* e : {&speed.decode, &speed.prefill, &speed.ttft}) e->grade = grade;
  if (const auto drawn = decode_drawn(rig, placement, load, decode)) {
    constexpr double kLeast = 0.75, kMost = 1.2, kMostEnergy = 1.3;   // no measured spread yet: the range of decode shares seen on cards
    const double devices = drawn->devices.value(), hosts = drawn->hosts.value(), watts = devices + hosts, energy = watts * step / n;
    const double most = std::min(kMost * devices, std::max(devices, drawn->most_devices.value())) + kMost * hosts;   // a card obeys its limit
    speed.power = Estimate{{kLeast * watts, watts, most}, "W", grade, {}, {}};
    speed.energy = Estimate{{kLeast * energy, energy, kMostEnergy / kMost * most / watts * energy}, "J/token", grade, {}, {}};
  }
  return speed;
}

Conditions conditions_of(const Question& question) {
  Conditions conditions;
  conditions.engine_year = parse_year(question.engine_date).value_or(conditions.engine_year);
  conditions.acceptance = question.acceptance;
  return conditions;
}

Result<Speed> estimate(const model::Architecture& architecture, const rig::Rig& rig, const placement::Placement& placement,
                       const Question& question, const Calibration& calibration) {
  Conditions conditions = conditions_of(question);
  conditions.acceptances = &calibration.acceptances;
  RC_ASSIGN(load, load_of(architecture, rig, placement, conditions));
  resolve(load, calibration);
  return estimate_load(load, rig, placement, question, calibration);
}

}  // namespace rigcast::cost
