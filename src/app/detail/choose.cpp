#include "app/detail/choose.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "app/loads.hpp"
#include "base/text.hpp"
#include "model/names.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

constexpr double kMostStreams = 256;

// What a layout makes the devices do.
struct Told { placement::Settings settings; std::shared_ptr<const cost::Load> load; };

// The resolved Loads of one model on one rig. REQUIRES: all of them live as long.
class Loads {
 public:
  // `remembered`: the request names this very model and rig, so that what was found may serve whoever asks the same again.
  Loads(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const PlanRequest& request, bool remembered)
      : knowledge_(knowledge), model_(model), rig_(rig), conditions_(cost::conditions_of(request.question)) {
    const auto may_change = [](const std::string& spec) { return model::may_name_a_file(spec) || equal_ignoring_case(trim(spec), "here"); };
    if (!remembered || !knowledge.loads || may_change(request.model) || may_change(request.rig)) return;
    where_ = request.model + '\n' + model.architecture.quant + '\n' + request.rig + '\n' + request.placement.engine + '\n' + request.question.engine_date;
  }

  Result<std::shared_ptr<const cost::Load>> of(const placement::Placement& placement) const {
    if (!where_.empty())
      if (auto known = knowledge_.loads->find(where_, placement)) return known;
    RC_ASSIGN(load, cost::load_of(model_.work, rig_, placement, conditions_));
    cost::resolve(load, knowledge_.calibration);
    auto shared = std::make_shared<const cost::Load>(std::move(load));
    if (!where_.empty()) knowledge_.loads->keep(where_, placement, shared);
    return shared;
  }

 private:
  const Knowledge& knowledge_;
  const KnownModel& model_;
  const rig::Rig& rig_;
  const cost::Conditions conditions_;
  std::string where_;
};

std::int64_t running(const catalog::Engine& engine, const placement::Placement& placement, const cost::Question& question) {
  return placement::running_streams(engine, placement, question.sequences, question.depth + question.prompt);
}

// Speeds of one placement by the one estimator. Where nobody can say how fast a device is, a placement still counts as one that runs.
placement::Speeds speeds_of(const Loads& loads, const catalog::Engine& engine, const placement::Placement& placement, const PlanRequest& request, std::int64_t wished,
                            std::deque<Told>& told) {
  auto found = loads.of(placement);
  if (!found) return {};
  const cost::Load& load = *told.emplace_back(Told{placement.settings, std::move(*found)}).load;
  const cost::Question& question = request.question;
  const std::int64_t streams = question.sequences, held = stream_depth(engine, placement, streams);
  placement::Speeds speeds;
  speeds.decode = speeds.throughput = speeds.empty = cost::decode_speed(load, question.depth, running(engine, placement, question));
  speeds.prefill = cost::prefill_speed(load, question.prompt, question.depth);
  speeds.full = cost::decode_speed(load, held, streams);
  const bool shares = engine.kv_rule == catalog::KvRule::paged && wished > 0 && held != wished;
  speeds.alike = shares ? cost::decode_speed(load, wished, placement::running_streams(engine, placement, streams, wished)) : speeds.full;
  if (question.depth > 0) speeds.empty = cost::decode_speed(load, 0, placement::running_streams(engine, placement, streams, question.prompt));
  if (placement.mode == placement::Mode::cpu && !shares)
    speeds.unwaiting = placement::decode_over_context({cost::unwaiting_decode_speed(load, 0, streams), 0, 0, cost::unwaiting_decode_speed(load, held, streams)});
  if (request.objective == placement::Objective::throughput && placement.kv_tokens > 0) {
    const double tokens = static_cast<double>(std::max<std::int64_t>(256, question.depth + question.prompt));
    const auto many = static_cast<std::int64_t>(std::clamp(static_cast<double>(placement::cache_tokens(placement)) / tokens, 1.0, kMostStreams));
    speeds.throughput = cost::decode_speed(load, question.depth, many);
  }
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

// As the search finds best. REQUIRES: what is prepared for the request.
Result<Chosen> by_search(const Knowledge& knowledge, const Loads& loads, const placement::Prepared& prepared, const KnownModel& model, const rig::Rig& rig,
                         const PlanRequest& request, bool best_only) {
  const model::Architecture& architecture = model.architecture;
  std::deque<Told> told;
  const auto cost = [&](const placement::Placement& placement) -> Result<placement::Speeds> {
    return speeds_of(loads, prepared.engine, placement, request, prepared.settings.context, told);
  };
  if (best_only && placement::exceeds_all_memories(prepared, architecture, rig)) return Chosen{};
  placement::Layouts layouts(knowledge.catalog, prepared.engine, prepared.backend, model.view, rig);
  const auto lay_out = [&](const placement::Settings& settings, placement::Count count) { return layouts.of(settings, count); };
  placement::Goal goal;
  goal.best_only = best_only;
  goal.objective = request.objective;
  goal.minimum_speed = request.minimum_speed;
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
    if (best_only && prepared.engine.kv_rule == catalog::KvRule::slots)
      if (const auto whole = lay_out(prepared.settings, placement::Count::until_short); !whole || !whole->fits) return Chosen{};
    RC_ASSIGN(nearest, placement::place_whole(knowledge.catalog, prepared, model.view, rig, layouts));
    return Chosen{.placement = std::move(nearest), .rejected = std::move(found.rejected)};
  }
  Chosen chosen{.placement = std::move(found.ranked.front().placement), .rejected = std::move(found.rejected)};
  const auto winner = std::find_if(told.begin(), told.end(), [&](const Told& each) { return each.settings == chosen.placement.settings; });
  if (winner != told.end()) chosen.load = std::move(winner->load);
  if (best_only) return chosen;
  tell_speed(knowledge, loads, prepared.engine, rig, request.question, chosen);
  chosen.placement.flags = prepared.notes;
  placement::tell_short(prepared, chosen.placement);
  placement::add_caveats(*prepared.rules, knowledge.catalog, prepared.engine, model.view, rig, chosen.placement);
  for (std::size_t i = 1; i < found.ranked.size(); ++i) {
    const placement::Candidate& other = found.ranked[i];
    placement::Placement told_all = other.placement;   // its line says what the user's flags and the rules want on it
    told_all.flags = prepared.notes;
    placement::add_caveats(*prepared.rules, knowledge.catalog, prepared.engine, model.view, rig, told_all);
    const auto launch = placement::launch_line(prepared.engine, architecture, rig, told_all);
    chosen.alternatives.push_back({other.kind, other.decode, other.prefill, other.full, other.placement.host.total(), launch.line});
  }
  return chosen;
}

}  // namespace

Result<Chosen> choose(const Knowledge& knowledge, const KnownModel& model, const rig::Rig& rig, const PlanRequest& as_asked, bool best_only) {
  RC_ASSIGN(prepared, placement::prepare(knowledge.catalog, model.view, rig, as_asked.placement));
  PlanRequest request = as_asked;
  request.question.sequences = prepared.at_once;
  const Loads loads(knowledge, model, rig, request, !best_only);
  RC_ASSIGN(chosen, prepared.searched ? by_search(knowledge, loads, prepared, model, rig, request, best_only) : by_flags(knowledge, loads, prepared.engine, model, rig, request));
  chosen.admitted = prepared.at_once;
  chosen.at_once = chosen.placement.fits ? running(prepared.engine, chosen.placement, request.question) : prepared.at_once;
  chosen.searched = prepared.searched;
  chosen.named_context = prepared.named_context;
  return std::move(chosen);
}

}  // namespace rigcast::app
