#include "placement/search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "placement/detail/searcher.hpp"
#include "placement/detail/shortest.hpp"
#include "placement/detail/slots.hpp"

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

bool are_alike(std::span<const rig::RigDevice> devices) {
  return std::all_of(devices.begin(), devices.end(), [&](const rig::RigDevice& each) { return detail::same_device(each, devices.front()); });
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

namespace detail {
namespace {

bool same_way(const Placement& a, const Placement& b) {
  const auto work = [](const Placement& p) {
    const Settings& s = p.settings;
    return std::tie(p.mode, p.tensor_device, p.kv_device, s.context, s.ubatch, s.tensor_degree, s.pipeline_degree, s.expert_degree, s.data_degree, s.whole_copies, s.replicas, s.gpu_experts);
  };
  return work(a) == work(b);
}

// Equal for equal settings, and of those that one search tries seldom for others: comparing these numbers spares comparing the settings.
std::uint64_t key_of(const Settings& s) {
  std::uint64_t key = static_cast<std::uint64_t>(s.context);
  for (const int number : {s.ubatch, s.gpu_layers, static_cast<int>(s.mode), s.tensor_degree, s.pipeline_degree, s.expert_degree, s.data_degree, s.cpu_moe_layers, s.gpu_experts, s.threads})
    key = key * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(number);
  return key;
}

// Keeps the rejection nearest to being possible: a shortage before a refusal, a smaller shortage before a larger.
void note(std::optional<Rejected>& nearest, Rejected rejected) {
  const bool has_shortage = rejected.missing > Bytes{};
  if (!nearest || (has_shortage && (nearest->missing <= Bytes{} || rejected.missing < nearest->missing))) nearest = std::move(rejected);
}

}  // namespace

Searcher::Searcher(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Goal& goal, const Settings& base,
                   LayOut lay_out, Cost cost)
    : engine_(engine), architecture_(architecture), rig_(rig), goal_(goal), base_(base), lay_out_(lay_out), cost_(cost) {
  base_.context = goal.context;
  bytes_ = layer_bytes(architecture, static_cast<double>(goal.context), goal.cache_element, base.speculation.drafter == Drafter::own_layers);
  devices_ = std::span(rig.devices).first(static_cast<std::size_t>(usable_devices(engine, rig)));
  overhead_.assign(devices_.size(), 0);
}

Found Searcher::run() {
  if (base_.mode == Mode::cpu) {}   // the processor alone is asked for, or there is nothing else
  else if (engine_.kv_rule == catalog::KvRule::slots) slots();
  else degrees();
  if ((splits("cpu") || rig_.devices.empty()) && processor_may_win()) on_processor();
  const auto guessed = [&](const Candidate& each) { return on_guessed_processor(rig_, each.placement); };
  if (put_off_ && std::all_of(found_.ranked.begin(), found_.ranked.end(), guessed)) whole_tensors();
  rank();
  drop_repeated();
  tell_fewer_devices();
  return std::move(found_);
}

// Where contexts may shrink, speed is worth up to half of the longest one, and all that is beyond what most talks come to: who wants it says so.
bool Searcher::much_shorter(const Placement& placement, std::int64_t longest) const {
  return placement::much_shorter(placement.settings.context, longest, context_parts(engine_, placement.settings));
}

// Best first; last what nobody vouches for, what leaves much of the context out, and what leans on a guess.
void Searcher::rank() {
  std::int64_t longest = 0;
  for (const Candidate& each : found_.ranked) longest = std::max(longest, each.placement.settings.context);
  struct Ranked { std::tuple<bool, bool, bool> tier; std::size_t at; };
  std::vector<Ranked> order;
  for (std::size_t i = 0; i < found_.ranked.size(); ++i) {
    const Placement& placement = found_.ranked[i].placement;
    order.push_back({{experimental(placement.mode) || on_guessed_processor(rig_, placement), much_shorter(placement, longest), leans_on_guess(placement)}, i});
  }
  std::stable_sort(order.begin(), order.end(), [&](const Ranked& a, const Ranked& b) {
    return a.tier != b.tier ? a.tier < b.tier : found_.ranked[a.at].score > found_.ranked[b.at].score;
  });
  std::vector<Candidate> ranked;
  for (const Ranked& each : order) ranked.push_back(std::move(found_.ranked[each.at]));
  found_.ranked = std::move(ranked);
}

// Layers on a host that nobody named, where memory does not ask for it. What the longest context is may ask for it.
bool Searcher::leans_on_guess(const Placement& placement) const {
  const bool guessed = !rig_.devices.empty() && !rig_.hosts.empty() && rig_.hosts.front().unnamed;
  return guessed && goal_.objective != Objective::context && !all_on_devices(architecture_, placement);
}

// Kinds that came to the same placement are one way: the better one, under its name.
void Searcher::drop_repeated() {
  std::vector<Candidate> kept;
  for (Candidate& each : found_.ranked)
    if (std::none_of(kept.begin(), kept.end(), [&](const Candidate& other) { return same_way(each.placement, other.placement); })) kept.push_back(std::move(each));
  found_.ranked = std::move(kept);
}

bool Searcher::tells_fewer_devices() const { return engine_.kv_rule == catalog::KvRule::paged && goal_.objective == Objective::decode && !goal_.best_only; }

// More devices read a long cache sooner, and wait for each other as often: short answers may be written faster by fewer of them.
void Searcher::tell_fewer_devices() {
  constexpr double kWorthSaying = 1.02;   // times as fast
  if (!soonest_ || found_.ranked.empty()) return;
  const Candidate& best = found_.ranked.front();
  const Placement &fewer = soonest_->placement, &taken = best.placement;
  const bool told = std::any_of(found_.ranked.begin(), found_.ranked.end(), [&](const Candidate& each) { return same_way(each.placement, fewer); });
  if (told || soonest_->decode <= kWorthSaying * best.decode || fewer.devices.size() >= taken.devices.size() || fewer.settings.context < taken.settings.context) return;
  soonest_->kind = "fewer devices";
  found_.ranked.insert(found_.ranked.begin() + 1, *std::exchange(soonest_, std::nullopt));
}

// What the engine's own authors do not vouch for is shown, but wins only where nothing else fits.
bool Searcher::experimental(Mode mode) const {
  return lists(catalog::text_of(engine_, "experimental_splits", ""), to_string(mode));
}

bool Searcher::splits(std::string_view name) const { return std::find(engine_.splits.begin(), engine_.splits.end(), name) != engine_.splits.end(); }

// Kinds meet in the same settings, and a range is laid out once to see that it fits and once to be considered.
const Result<Placement>& Searcher::laid_out(const Settings& settings, Count count) {
  const std::uint64_t key = key_of(settings);
  for (std::size_t i = 0; i < laid_out_keys_.size(); ++i) {
    if (laid_out_keys_[i] != key || laid_out_[i].first != settings) continue;
    auto& known = laid_out_[i].second;
    if (count == Count::all && known && !known->counted) known = lay_out_(settings, count);
    return known;
  }
  ++found_.laid_out;
  laid_out_keys_.push_back(key);
  return laid_out_.emplace_back(settings, lay_out_(settings, count)).second;
}

// Lays out and costs one choice; keeps the better of it and the best so far.
void Searcher::consider(Trial& trial, const Settings& settings) {
  for (const Settings& variant : variants(settings)) {
    if (done()) return;
    if (goal_.floor > 0 && variant.gpu_layers < 0 && !reaches_floor(variant)) continue;   // of what leaves the devices nothing but all its variants tells
    const Result<Placement>* placement = &laid_out(variant, trial.count);
    if (*placement && (*placement)->fits && goal_.longest) placement = &longest(**placement);
    if (*placement && !(*placement)->fits)
      if (const auto shorter = shortened(**placement, goal_.shortest))
        if (const auto& again = laid_out(*shorter, trial.count); again && again->fits) placement = &again;
    if (*placement && !(*placement)->fits && goal_.shortest > 0)
      if (const auto& shortest = laid_out(at_shortest(variant, goal_.shortest), trial.count)) placement = &shortest;
    consider_one(trial, *placement);
  }
}

// The same with the longest context it holds.
const Result<Placement>& Searcher::longest(const Placement& placement) {
  Settings settings = placement.settings;
  settings.context = largest_context(architecture_, settings, lay_out_, context_parts(engine_, settings));
  return laid_out(settings.context > placement.settings.context ? settings : placement.settings, Count::all);
}

void Searcher::consider_one(Trial& trial, const Result<Placement>& placement) {
  auto& best = trial.best;
  const auto reject = [&](std::string why) { note(trial.nearest, {trial.kind, std::move(why), {}}); };
  if (!placement) return reject(placement.error().message);
  if (!placement->fits) return note(trial.nearest, {trial.kind, "memory is short", short_by(*placement), placement->settings});
  const auto speeds = cost_(*placement);
  if (!speeds) return reject(speeds.error().message);
  const double each = speeds->each > 0 ? speeds->each : speeds->decode;
  if (each < goal_.minimum_speed) return reject("slower than asked: " + format_significant(each, 3) + (each < speeds->decode ? " token/s a stream" : " token/s"));
  Candidate candidate = candidate_of(trial.kind, *placement, *speeds);
  candidate.score = score(candidate, *speeds);
  const bool replaces = !best || much_shorter(best->placement, candidate.placement.settings.context) ||
                        (candidate.score > best->score && !much_shorter(candidate.placement, best->placement.settings.context));
  if (tells_fewer_devices() && (!soonest_ || candidate.decode > soonest_->decode)) soonest_ = candidate;
  if (replaces) best = std::move(candidate);
}

Candidate Searcher::candidate_of(const std::string& kind, const Placement& placement, const Speeds& speeds) const {
  Candidate candidate{kind, placement, 0, speeds.decode, speeds.prefill, speeds.alike > 0 ? speeds.alike : speeds.full, speeds.unwaiting};
  candidate.over_context = decode_over_context(speeds);
  candidate.reading = reading_over_context(speeds, goal_.prompt);
  candidate.answer = answer_speed(candidate.over_context, candidate.reading, goal_.streams);
  return candidate;
}

// Whether it would be fast enough to be of interest if it fitted. What is not is remembered for the bounds.
bool Searcher::reaches_floor(const Settings& settings) {
  const auto placement = lay_out_(settings, Count::weights_and_cache);
  if (!placement) return true;   // refused: nothing more to lay out
  const auto speeds = cost_(*placement);
  if (!speeds) return true;
  Candidate candidate = candidate_of("", *placement, *speeds);
  if (candidate.over_context <= 0 || candidate.over_context >= goal_.floor) return true;
  if (!below_ || candidate.over_context > below_->over_context) below_ = std::move(candidate);
  return false;
}

// Settings worth trying around one split: larger batches of prompt tokens where prompts matter.
std::vector<Settings> Searcher::variants(const Settings& settings) const {
  std::vector<Settings> result = {settings};
  if (goal_.objective == Objective::prefill && engine_.kv_rule == catalog::KvRule::slots && !goal_.fixed_batch)
    for (const int ubatch : {1024, 2048, 4096}) {
      if (goal_.prompt > 0 && ubatch >= 2 * goal_.prompt) break;   // no pass of that size would be full
      Settings larger = settings;
      larger.ubatch = ubatch;
      larger.batch = std::max(settings.batch, ubatch);
      result.push_back(larger);
    }
  return result;
}

double Searcher::score(const Candidate& candidate, const Speeds& speeds) {
  constexpr double kAlike = 0.005;   // prompts read as fast but for so much: a tie
  const Placement& placement = candidate.placement;
  switch (goal_.objective) {
    case Objective::decode: return candidate.answer;
    case Objective::prefill: return (speeds.prefill > 0 ? std::exp(kAlike * std::round(std::log(speeds.prefill) / kAlike)) : 0) + candidate.answer * kTieBreak;
    case Objective::throughput: return goal_.as_asked ? candidate.decode + candidate.over_context * kTieBreak : candidate.over_context;
    case Objective::context: break;
  }
  const double tokens = placement.kv_tokens > 0 && engine_.kv_rule == catalog::KvRule::paged
                            ? static_cast<double>(std::min<std::int64_t>(placement.kv_tokens, architecture_.max_context))
                            : static_cast<double>(goal_.longest ? placement.settings.context : largest_context(architecture_, placement.settings, lay_out_, context_parts(engine_, placement.settings)));
  return tokens + candidate.answer * kTieBreak;
}

void Searcher::keep(Trial trial) {
  if (trial.best) found_.ranked.push_back(std::move(*trial.best));
  else if (trial.nearest) found_.rejected.push_back(std::move(*trial.nearest));
}

}  // namespace detail

bool weighs_as_asked(Objective objective, const catalog::Engine& engine, bool named_context) {
  return objective == Objective::throughput && !named_context && engine.kv_rule == catalog::KvRule::paged;
}

bool much_shorter(std::int64_t context, std::int64_t longest, std::int64_t parts) {
  constexpr std::int64_t kAmple = 32768;   // tokens of one stream
  return context < std::min(longest / 2, kAmple * parts);
}

bool on_guessed_processor(const rig::Rig& rig, const Placement& placement) {
  return placement.mode == Mode::cpu && !rig.devices.empty() && !rig.hosts.empty() && rig.hosts.front().unnamed;
}

double decode_over_context(const Speeds& speeds) {
  const double filled = speeds.alike > 0 ? speeds.alike : speeds.full;
  const double empty = speeds.empty > 0 ? speeds.empty : speeds.decode;
  return empty > 0 && filled > 0 ? 2 / (1 / empty + 1 / filled) : 0;
}

double reading_over_context(const Speeds& speeds, std::int64_t prompt) {
  const double empty = speeds.prefill_empty > 0 ? speeds.prefill_empty : speeds.prefill, full = speeds.prefill_full > 0 ? speeds.prefill_full : speeds.prefill;
  return empty > 0 && full > 0 ? static_cast<double>(prompt) / 2 * (1 / empty + 1 / full) : 0;
}

double answer_tokens(std::int64_t streams) {
  constexpr double kAnswer = 512;
  return kAnswer * static_cast<double>(std::max<std::int64_t>(1, streams));
}

double answer_speed(double writing, double reading, std::int64_t streams) {
  const double tokens = answer_tokens(streams);
  return writing > 0 ? tokens / (reading + tokens / writing) : 0;
}

Found search(const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig, const Goal& goal,
             const Settings& base, LayOut lay_out, Cost cost) {
  return detail::Searcher(engine, architecture, rig, goal, base, lay_out, cost).run();
}

// The longest context that is held, to within a few per cent, from one that is taken to be.
template <class Holds>
std::int64_t longest_held(std::int64_t shortest, std::int64_t too_long, Holds holds) {
  constexpr std::int64_t kStep = 1024, kNear = 32;
  std::int64_t low = shortest, high = too_long;
  while (high - low > std::max(kStep, low / kNear)) {
    // By ratio where they are far apart: of ten million tokens most machines hold a hundredth.
    const double middle = high > 4 * low ? std::sqrt(static_cast<double>(low) * static_cast<double>(high)) : static_cast<double>(low + high) / 2;
    const std::int64_t tried = std::clamp(static_cast<std::int64_t>(middle) / kStep * kStep, low + 1, high - 1);
    if (holds(tried)) low = tried;
    else high = tried;
  }
  return low;
}

constexpr double kMargin = 256 * kMiB;   // a hundredth of the usual card

Found search(const Prepared& prepared, const model::Architecture& architecture, const rig::Rig& rig, Goal goal, LayOut lay_out, Cost cost) {
  const auto with = [&](std::int64_t context) {
    goal.context = context;
    return search(*prepared.engine, architecture, rig, goal, prepared.settings, lay_out, cost);
  };
  const bool paged = prepared.engine->kv_rule == catalog::KvRule::paged;
  goal.shortest = detail::shrinks_to(prepared);
  goal.cache_element = prepared.cache_element;
  goal.margin = kMargin;
  goal.fixed_batch = prepared.named_batch;
  goal.streams = prepared.at_once;
  goal.as_asked = weighs_as_asked(goal.objective, *prepared.engine, prepared.named_context);
  goal.beyond_memory = !goal.best_only && exceeds_all_memories(prepared, architecture, rig);   // whoever wants the best alone has asked before
  goal.fixed_offload = prepared.named_offload;
  if (goal.objective == Objective::context && prepared.named_context) goal.objective = Objective::decode;   // all that fits holds it
  if (goal.objective == Objective::context && !paged) {
    Found whole = with(context_parts(*prepared.engine, prepared.settings) * architecture.max_context);
    if (!whole.ranked.empty() && !on_guessed_processor(rig, whole.ranked.front().placement)) return whole;
    // Ways are chosen for a context: what leaves most room for a short one is not what holds the longest.
    const auto holds = [&](std::int64_t context) {
      Goal room = goal;
      room.objective = Objective::decode;
      room.any = true;
      room.context = context;
      const Found found = search(*prepared.engine, architecture, rig, room, prepared.settings, lay_out, cost);
      return !found.ranked.empty() && !on_guessed_processor(rig, found.ranked.front().placement);
    };
    goal.longest = true;
    return with(longest_held(prepared.settings.context, context_parts(*prepared.engine, prepared.settings) * architecture.max_context, holds));
  }
  Found found = with(prepared.settings.context);
  for (const std::int64_t context : shorter_slots(prepared)) {
    if (!found.ranked.empty() && (rig.devices.empty() || all_on_devices(architecture, found.ranked.front().placement))) break;
    Found shorter = with(context);
    if (!shorter.ranked.empty() && (found.ranked.empty() || all_on_devices(architecture, shorter.ranked.front().placement))) found = std::move(shorter);
  }
  // What else is not possible is said of the context that is proposed, not of the longer one that nobody named.
  if (paged && !goal.any && !found.ranked.empty() && !found.rejected.empty() && found.ranked.front().placement.settings.context < prepared.settings.context) {
    goal.shortest = 0;   // this context is to be had as it is: what has no room for it is not to be told of a shorter one
    Found again = with(found.ranked.front().placement.settings.context);
    std::erase_if(again.rejected, [&](const Rejected& each) { return std::none_of(found.rejected.begin(), found.rejected.end(), [&](const Rejected& old) { return old.kind == each.kind; }); });
    found.rejected = std::move(again.rejected);
  }
  return found;
}

}  // namespace rigcast::placement
