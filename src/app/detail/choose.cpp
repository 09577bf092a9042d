#include "app/detail/choose.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "app/detail/requests.hpp"
#include "app/loads.hpp"
#include "base/text.hpp"
#include "cost/spread.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

// What a layout makes the devices do.
struct Told { placement::Settings settings; std::shared_ptr<const cost::Load> load; };

// The resolved Loads of one model on one rig: where words name them, what was found serves whoever asks the same again. REQUIRES: all of them
// live as long.
class Loads {
 public:
  Loads(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const PlanRequest& request)
      : knowledge_(knowledge), model_(model), rig_(rig), conditions_(cost::conditions_of(request.question)) {
    conditions_.acceptances = &knowledge.calibration.acceptances;
    if (request.drafter) conditions_.drafter = &request.drafter->work;
    if (knowledge.loads) where_ = words_of(request, request.placement.engine, model, rig);
  }

  Result<std::shared_ptr<const cost::Load>> of(const placement::Placement& placement) const {
    if (!where_.empty())
      if (auto known = knowledge_.loads->find(where_, placement)) return known;
    RC_ASSIGN(load, cost::load_of(model_.work, rig_, placement, conditions_));
    cost::resolve(load, knowledge_.calibration);
    if (!where_.empty()) cost::forget_effects(load, knowledge_.calibration);
    auto shared = std::make_shared<const cost::Load>(std::move(load));
    if (!where_.empty()) knowledge_.loads->keep(where_, placement, shared);
    return shared;
  }

  // `layouts` of what is prepared.
  Result<placement::Placement> layout(placement::Layouts& layouts, const placement::Prepared& prepared, const placement::Settings& settings, placement::Count count) const {
    if (where_.empty()) return layouts.of(settings, count);
    placement::Settings rounded = settings;
    if (prepared.engine->kv_rule == catalog::KvRule::slots && settings.context > 0) {   // to whole cells: all that a layout knows of a context
      const std::int64_t padding = std::max(1, prepared.engine->context_padding);
      rounded.context = (settings.context + padding - 1) / padding * padding;
    }
    const std::string where = where_ + '\n' + prepared.backend;
    if (const auto known = knowledge_.loads->layouts.find(where, rounded, count)) return *known;
    auto laid = layouts.of(settings, count);
    if (laid) knowledge_.loads->layouts.keep(where, rounded, count, *laid);
    return laid;
  }

 private:
  const Knowledge& knowledge_;
  const KnownModel& model_;
  const rig::Rig& rig_;
  cost::Conditions conditions_;
  std::string where_;
};

std::int64_t running(const catalog::Engine& engine, const placement::Placement& placement, const cost::Question& question) {
  return placement::running_streams(engine, placement, question.sequences, question.depth + question.prompt);
}

// Speeds of one placement by the one estimator. Where nobody can say how fast a device is, a placement still counts as one that runs.
placement::Speeds speeds_of(const Loads& loads, const placement::Prepared& prepared, const placement::Placement& placement, const PlanRequest& request,
                            std::deque<Told>& told) {
  const catalog::Engine& engine = *prepared.engine;
  const std::int64_t wished = prepared.settings.context;
  auto found = loads.of(placement);
  if (!found) return {};
  const cost::Load& load = *told.emplace_back(Told{placement.settings, std::move(*found)}).load;
  const cost::Question& question = request.question;
  const std::int64_t streams = question.sequences, held = stream_depth(engine, placement, streams);
  placement::Speeds speeds;
  const std::int64_t at_once = running(engine, placement, question);
  speeds.decode = speeds.empty = cost::decode_speed(load, question.depth, at_once);
  speeds.each = speeds.decode / static_cast<double>(std::max<std::int64_t>(1, at_once));
  speeds.prefill = cost::prefill_speed(load, question.prompt, question.depth);
  speeds.full = cost::decode_speed(load, held, streams);
  const bool shares = engine.kv_rule == catalog::KvRule::paged && wished > 0 && held != wished;
  speeds.alike = shares ? cost::decode_speed(load, wished, placement::running_streams(engine, placement, streams, wished)) : speeds.full;
  if (question.depth > 0) speeds.empty = cost::decode_speed(load, 0, placement::running_streams(engine, placement, streams, question.prompt));
  if (placement.mode == placement::Mode::cpu && !shares)
    speeds.unwaiting = placement::decode_over_context({cost::unwaiting_decode_speed(load, 0, streams), 0, cost::unwaiting_decode_speed(load, held, streams)});
  if (question.depth > 0) speeds.prefill_empty = cost::prefill_speed(load, question.prompt, 0);
  if (const std::int64_t last = (shares ? wished : held) - question.prompt; last > 0) speeds.prefill_full = cost::prefill_speed(load, question.prompt, last);
  return speeds;
}

// How fast the chosen layout is, with all there is to say of it.
void tell_speed(const Knowledge& knowledge, const Loads& loads, const catalog::Engine& engine, const rig::Rig& rig, cost::Question question, Chosen& chosen) {
  if (!chosen.placement.fits) return;
  question.sequences = running(engine, chosen.placement, question);
  if (!chosen.load) {   // no search has asked for it
    auto load = loads.of(chosen.placement);
    if (!load) {
      chosen.no_speed = std::move(load.error());
      return;
    }
    chosen.load = std::move(*load);
  }
  chosen.speed = cost::estimate_load(*chosen.load, rig, chosen.placement, question, knowledge.calibration);
}

}  // namespace

std::int64_t stream_depth(const catalog::Engine& engine, const placement::Placement& placement, std::int64_t streams) {
  const placement::Settings& settings = placement.settings;
  if (engine.kv_rule == catalog::KvRule::slots) return settings.context / placement::context_parts(engine, settings);
  return placement.kv_tokens > 0 ? std::min(settings.context, placement::cache_tokens(placement) / std::max<std::int64_t>(1, streams)) : settings.context;
}

namespace {

// As the flags say.
Result<Chosen> by_flags(const Knowledge& knowledge, const Loads& loads, const catalog::Engine& engine, const KnownModel& model, const rig::Rig& rig, const PlanRequest& request) {
  RC_ASSIGN(placement, placement::place(knowledge.catalog, model.view, rig, request.placement));
  Chosen chosen{.placement = std::move(placement)};
  tell_speed(knowledge, loads, engine, rig, request.question, chosen);
  return chosen;
}

// Of what does not fit, the way that lacks least in all; none that only the bold would take.
const placement::Settings* nearest_way(const catalog::Engine& engine, const std::vector<placement::Rejected>& rejected) {
  const placement::Rejected* least = nullptr;
  for (const placement::Rejected& each : rejected) {
    if (!each.settings || each.missing <= Bytes{} || (each.settings->mode == placement::Mode::tensor && engine.kv_rule == catalog::KvRule::slots)) continue;
    if (!least || each.missing < least->missing) least = &each;
  }
  return least ? &*least->settings : nullptr;
}

// Whether a search for what is no slower than something is the cheaper one: bounds are drawn for slots on devices that are alike, where an answer counts.
bool tells_of_floor(const placement::Prepared& prepared, const rig::Rig& rig, const PlanRequest& request) {
  return prepared.engine->kv_rule == catalog::KvRule::slots && request.objective == placement::Objective::decode && prepared.shortest == 0 && !rig.devices.empty() &&
         placement::are_alike(rig.devices);
}

// As the search finds best. REQUIRES: what is prepared for the request.
Result<Chosen> by_search(const Knowledge& knowledge, const Loads& loads, const placement::Prepared& prepared, const KnownModel& model, const rig::Rig& rig,
                         const PlanRequest& request, bool best_only, double floor) {
  const model::Architecture& architecture = model.architecture;
  std::deque<Told> told;
  const auto cost = [&](const placement::Placement& placement) -> Result<placement::Speeds> {
    return speeds_of(loads, prepared, placement, request, told);
  };
  if (best_only && placement::exceeds_all_memories(prepared, architecture, rig)) return Chosen{};
  placement::Layouts layouts(knowledge.catalog, *prepared.engine, prepared.backend, model.view, rig, prepared.drafter);
  const auto lay_out = [&](const placement::Settings& settings, placement::Count count) { return loads.layout(layouts, prepared, settings, count); };
  placement::Goal goal;
  goal.best_only = best_only;
  goal.objective = request.objective;
  goal.prompt = request.question.prompt;
  goal.minimum_speed = request.minimum_speed;
  if (floor > 0 && tells_of_floor(prepared, rig, request)) {
    constexpr double kRounding = 0.999;
    goal.floor = kRounding * floor;
    if (placement::search(prepared, architecture, rig, goal, lay_out, cost).ranked.empty()) return Chosen{};
    goal.floor = 0;   // the best way may be another one that is slower
  }
  placement::Found found = placement::search(prepared, architecture, rig, goal, lay_out, cost);
  const auto guessed = [&](const placement::Found& one) { return placement::on_guessed_processor(rig, one.ranked.front().placement); };
  if (goal.minimum_speed > 0 && (found.ranked.empty() || guessed(found))) {   // what is only slower than asked: the fastest
    goal.minimum_speed = 0;
    placement::Found slower = placement::search(prepared, architecture, rig, goal, lay_out, cost);
    if (found.ranked.empty() || !guessed(slower)) {
      if (slower.ranked.size() > 1) slower.ranked.resize(1);   // the others are rejected
      std::move(found.ranked.begin(), found.ranked.end(), std::back_inserter(slower.ranked));   // the processor may be fast enough
      slower.rejected = std::move(found.rejected);
      found = std::move(slower);
    }
  }
  if (found.ranked.empty()) {
    // Engines that divide layers by a rule of their own may hold what no split of ours does.
    if (best_only && prepared.engine->kv_rule == catalog::KvRule::slots)
      if (const auto whole = lay_out(prepared.settings, placement::Count::until_short); !whole || !whole->fits) return Chosen{};
    const placement::Settings* least = nearest_way(*prepared.engine, found.rejected);
    RC_ASSIGN(nearest, least ? placement::place_nearest(knowledge.catalog, prepared, model.view, rig, layouts, *least)
                             : placement::place_whole(knowledge.catalog, prepared, model.view, rig, layouts));
    return Chosen{.placement = std::move(nearest), .rejected = std::move(found.rejected)};
  }
  std::erase_if(found.rejected, [&](const placement::Rejected& each) { return each.kind == found.ranked.front().kind; });   // at the context or speed that was asked for before
  Chosen chosen{.placement = std::move(found.ranked.front().placement), .score = found.ranked.front().score, .rejected = std::move(found.rejected)};
  const auto winner = std::find_if(told.begin(), told.end(), [&](const Told& each) { return each.settings == chosen.placement.settings; });
  if (winner != told.end()) chosen.load = std::move(winner->load);
  if (best_only) return chosen;
  tell_speed(knowledge, loads, *prepared.engine, rig, request.question, chosen);
  chosen.placement.flags = prepared.notes;
  placement::tell_short(prepared, chosen.placement);
  placement::add_caveats(*prepared.rules, knowledge.catalog, *prepared.engine, model.view, rig, chosen.placement);
  for (std::size_t i = 1; i < found.ranked.size(); ++i) {
    placement::Candidate& other = found.ranked[i];
    other.placement.flags = prepared.notes;   // its line says what the user's flags and the rules want on it
    other.placement.demanded = placement::demanded(*prepared.rules, knowledge.catalog, *prepared.engine, model.view, rig, other.placement);
    const auto launch = placement::launch_line(*prepared.engine, architecture, rig, other.placement);
    chosen.alternatives.push_back({other.kind, other.decode, other.prefill, other.full, other.placement.host.total(), launch.line, other.placement.backend});
  }
  return chosen;
}

// Between one memory and itself there is nothing to move: ways that differ in it alone are no choice.
void drop_moves_within_memory(const rig::Rig& rig, Chosen& chosen) {
  if (rig.devices.empty() || !std::all_of(rig.devices.begin(), rig.devices.end(), [](const rig::RigDevice& each) { return each.device.unified; })) return;
  const auto moves = [](const auto& each) { return each.kind.ends_with(" on host"); };
  std::erase_if(chosen.alternatives, moves);
  std::erase_if(chosen.rejected, moves);
}

// On these devices, all of which are used or left by the backend that is named or common to them.
Result<Chosen> choose_on(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const PlanRequest& as_asked, bool best_only, double floor) {
  PlanRequest request = as_asked;
  request.placement.advise = as_asked.placement.advise && !best_only;
  RC_ASSIGN(prepared, placement::prepare(knowledge.catalog, model.view, rig, request.placement));
  request.question.sequences = prepared.at_once;
  const Loads loads(knowledge, model, rig, request);
  RC_ASSIGN(chosen, prepared.searched ? by_search(knowledge, loads, prepared, model, rig, request, best_only, floor) : by_flags(knowledge, loads, *prepared.engine, model, rig, request));
  chosen.admitted = prepared.at_once;
  chosen.at_once = chosen.placement.fits ? running(*prepared.engine, chosen.placement, request.question) : prepared.at_once;
  chosen.searched = prepared.searched;
  chosen.named_context = prepared.named_context;
  if (!best_only) drop_moves_within_memory(rig, chosen);
  return std::move(chosen);
}

// A maker's own backend is measured far more often than one for everybody's devices: over the very same devices estimates do not tell them apart
// until they are a tenth apart.
double credit_of(const std::string& backend, const rig::Rig& rig, const Chosen& all) {
  constexpr double kApart = 1.1;
  const auto runs = [&](const placement::DeviceShare& each) {
    const auto& backends = rig.devices[static_cast<std::size_t>(each.device)].device.runs;
    return std::find(backends.begin(), backends.end(), backend) != backends.end();
  };
  return !all.part && std::all_of(all.placement.devices.begin(), all.placement.devices.end(), runs) ? kApart : 1;
}

// Devices of a host that nobody named win nothing with what they leave to it.
bool is_better(const Chosen& part, double credit, const rig::Rig& rig, const Chosen& all, const model::Architecture& architecture) {
  if (!part.placement.fits || !all.placement.fits) return part.placement.fits;
  const bool guessed = !rig.hosts.empty() && rig.hosts.front().unnamed;
  const auto leans = [&](const Chosen& each) { return guessed && !placement::all_on_devices(architecture, each.placement); };
  return leans(part) != leans(all) ? leans(all) : credit * part.score > all.score;
}

// The way that lost, beside the others of the one that won.
Alternative alternative_of(const catalog::Engine& engine, const KnownModel& model, const rig::Rig& rig, const PlanRequest& request, const Chosen& chosen, const Knowledge& knowledge) {
  const placement::Placement& placement = chosen.placement;
  Alternative other{placement.backend, chosen.speed->decode.value.p50, chosen.speed->prefill.value.p50, 0, placement.host.total(),
                    placement::launch_line(engine, model.architecture, rig, placement).line, placement.backend};
  cost::Question full = request.question;
  full.depth = stream_depth(engine, placement, full.sequences);
  other.full = cost::estimate_load(*chosen.load, rig, placement, full, knowledge.calibration).decode.value.p50;
  return other;
}

// Best first by what is printed of them, what nobody vouches for last.
void sort_others(std::vector<Alternative>& others, placement::Objective objective) {
  const auto place = [&](const Alternative& each) {
    const double speed = objective == placement::Objective::prefill ? each.prefill : placement::decode_over_context({each.decode, 0, each.full});
    return std::pair(each.kind.find("experimental") != std::string::npos || each.kind == "processor", -speed);
  };
  std::stable_sort(others.begin(), others.end(), [&](const Alternative& a, const Alternative& b) { return place(a) < place(b); });
}

void tell_idle(const rig::Rig& rig, placement::Placement& placement) {
  if (placement.mode == placement::Mode::cpu) return;
  const auto tell = [&](const char* id, std::string text) { placement.caveats.push_back({id, std::move(text), placement.engine}); };
  if (!rig.idle.empty()) tell("idle-devices", "Idle here: " + join(rig.idle, ", ") + ", which " + placement.backend + " does not run.");
  std::vector<int> hosts;
  for (const placement::DeviceShare& share : placement.devices) hosts.push_back(rig.devices[static_cast<std::size_t>(share.device)].host);
  std::sort(hosts.begin(), hosts.end());
  const std::size_t used = static_cast<std::size_t>(std::unique(hosts.begin(), hosts.end()) - hosts.begin());
  if (placement.fits && used > 0 && used < rig.hosts.size())
    tell("idle-hosts", "Idle hosts: " + std::to_string(rig.hosts.size() - used) + " of " + std::to_string(rig.hosts.size()) + ". With them it would be no faster.");
}

}  // namespace

Result<Chosen> choose(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const PlanRequest& request, bool best_only, double floor) {
  RC_ASSIGN(chosen, choose_on(knowledge, model, rig, request, best_only, floor));
  if (request.placement.backend.empty() && chosen.searched) {
    RC_ASSIGN(engine, knowledge.catalog.engine(request.placement.engine));
    std::vector<Alternative> lost;   // best of each backend that was not taken, and the other ways over all devices
    const auto lose = [&](const Chosen& one, const rig::Rig& on) {
      if (!best_only && one.speed && one.load) lost.push_back(alternative_of(*engine, model, on, request, one, knowledge));
    };
    for (const std::string& backend : placement::partial_backends(*engine, rig)) {
      PlanRequest there = request;
      there.placement.backend = backend;
      rig::Rig part = placement::part_that_runs(rig, backend);
      auto other = choose_on(knowledge, model, part, there, best_only, floor);
      if (!other) continue;
      if (!is_better(*other, credit_of(backend, rig, chosen), rig, chosen, model.architecture)) {
        lose(*other, part);
        continue;
      }
      lose(chosen, chosen.part ? *chosen.part : rig);
      if (!chosen.part) lost.insert(lost.end(), chosen.alternatives.begin(), chosen.alternatives.end());
      chosen = std::move(*other);
      chosen.part = std::move(part);
    }
    std::erase_if(lost, [&](const Alternative& one) { return std::any_of(chosen.alternatives.begin(), chosen.alternatives.end(), [&](const Alternative& own) { return own.kind == one.kind; }); });
    chosen.alternatives.insert(chosen.alternatives.begin(), lost.begin(), lost.end());
    if (!lost.empty()) sort_others(chosen.alternatives, request.objective);
  }
  if (!best_only) tell_idle(chosen.part ? *chosen.part : rig, chosen.placement);
  return std::move(chosen);
}

}  // namespace rigcast::app
