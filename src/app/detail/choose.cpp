#include "app/detail/choose.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/text.hpp"
#include "cost/terms.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

constexpr double kMostStreams = 256;

// What the estimator said of a layout.
struct Told { placement::Settings settings; cost::Load load; cost::Speed speed; };

// Decode of so many streams with so many tokens each.
double decode_at(const cost::Load& load, std::int64_t depth, double streams) {
  std::vector<cost::StageWork> work;
  cost::add_decode(load, static_cast<double>(depth), cost::sequences_of_copy(load, streams), 1, work);
  return streams / cost::seconds(load, work);
}

// Speeds of one placement by the one estimator. Where nobody can say how fast a device is, a placement still counts as one that runs.
placement::Speeds speeds_of(const Knowledge& knowledge, const catalog::Engine& engine, const model::Architecture& architecture, const rig::Rig& rig,
                            const placement::Placement& placement, const PlanRequest& request, std::int64_t wished, std::deque<Told>& told) {
  auto found = cost::load_of(architecture, rig, placement, cost::conditions_of(request.question));
  if (!found) return {};
  cost::resolve(*found, knowledge.calibration);
  cost::Speed speed = cost::estimate_load(*found, rig, placement, request.question, knowledge.calibration);
  const auto& [settings, load, one] = told.emplace_back(Told{placement.settings, std::move(*found), std::move(speed)});
  const double decode = one.decode.value.p50;
  const std::int64_t streams = request.question.sequences, held = stream_depth(engine, placement, streams);
  placement::Speeds speeds{decode, one.prefill.value.p50, decode, decode_at(load, held, static_cast<double>(streams)), 0, decode};
  const bool shares = engine.kv_rule == catalog::KvRule::paged && wished > 0 && held != wished;
  const auto room = shares ? std::clamp<std::int64_t>(placement::cache_tokens(placement) / wished, 1, streams) : streams;
  speeds.alike = shares ? decode_at(load, wished, static_cast<double>(room)) : speeds.full;
  if (request.question.depth > 0) speeds.empty = decode_at(load, 0, static_cast<double>(streams));
  if (request.objective == placement::Objective::throughput && placement.kv_tokens > 0) {
    cost::Question many = request.question;
    const double tokens = static_cast<double>(std::max<std::int64_t>(256, request.question.depth + request.question.prompt));
    many.sequences = static_cast<std::int64_t>(std::clamp(static_cast<double>(placement::cache_tokens(placement)) / tokens, 1.0, kMostStreams));
    speeds.throughput = cost::estimate_load(load, rig, placement, many, knowledge.calibration).decode.value.p50;
  }
  return speeds;
}

// The speed of a layout that no search has asked for.
void tell_speed(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig, const cost::Question& question, Chosen& chosen) {
  if (chosen.load || !chosen.placement.fits) return;
  auto load = cost::load_of(architecture, rig, chosen.placement, cost::conditions_of(question));
  if (!load) {
    chosen.no_speed = std::move(load.error());
    return;
  }
  cost::resolve(*load, knowledge.calibration);
  chosen.speed = cost::estimate_load(*load, rig, chosen.placement, question, knowledge.calibration);
  chosen.load = std::move(*load);
}

}  // namespace

std::int64_t stream_depth(const catalog::Engine& engine, const placement::Placement& placement, std::int64_t streams) {
  const placement::Settings& settings = placement.settings;
  if (engine.kv_rule == catalog::KvRule::slots) return settings.context / placement::context_parts(engine, settings);
  return placement.kv_tokens > 0 ? std::min(settings.context, placement::cache_tokens(placement) / std::max<std::int64_t>(1, streams)) : settings.context;
}

Result<Chosen> choose(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig, const PlanRequest& as_asked) {
  RC_ASSIGN(prepared, placement::prepare(knowledge.catalog, architecture, rig, as_asked.placement));
  PlanRequest request = as_asked;
  request.question.sequences = prepared.at_once;
  if (!prepared.searched) {
    RC_ASSIGN(placement, placement::place(knowledge.catalog, architecture, rig, request.placement));
    Chosen chosen{.placement = std::move(placement), .at_once = prepared.at_once};
    tell_speed(knowledge, architecture, rig, request.question, chosen);
    return chosen;
  }
  const auto lay_out = [&](const placement::Settings& settings, placement::Count count) {
    return placement::lay_out(knowledge.catalog, prepared.engine, prepared.backend, architecture, rig, settings, count);
  };
  std::deque<Told> told;
  const auto cost = [&](const placement::Placement& placement) -> Result<placement::Speeds> {
    return speeds_of(knowledge, prepared.engine, architecture, rig, placement, request, prepared.settings.context, told);
  };
  placement::Goal goal;
  goal.objective = request.objective;
  goal.minimum_speed = request.minimum_speed;
  placement::Found found = placement::search(prepared, architecture, rig, goal, lay_out, cost);
  if (found.ranked.empty() && goal.minimum_speed > 0) {   // what is only slower than asked: the fastest
    goal.minimum_speed = 0;
    std::vector<placement::Rejected> rejected = std::move(found.rejected);
    found = placement::search(prepared, architecture, rig, goal, lay_out, cost);
    found.rejected = std::move(rejected);
    if (found.ranked.size() > 1) found.ranked.resize(1);   // the others are rejected
  }
  // What the engine has no word for is no way that failed.
  if (const auto& splits = prepared.engine.splits; std::find(splits.begin(), splits.end(), "cpu-cache") == splits.end())
    std::erase_if(found.rejected, [](const placement::Rejected& each) { return each.kind == "cache on host"; });
  if (found.ranked.empty()) {
    RC_ASSIGN(nearest, placement::place_whole(knowledge.catalog, prepared, architecture, rig));
    return Chosen{.placement = std::move(nearest), .at_once = prepared.at_once, .rejected = std::move(found.rejected)};
  }
  Chosen chosen{.placement = std::move(found.ranked.front().placement), .at_once = prepared.at_once, .rejected = std::move(found.rejected)};
  const auto winner = std::find_if(told.begin(), told.end(), [&](const Told& each) { return each.settings == chosen.placement.settings; });
  if (winner != told.end()) chosen.load = std::move(winner->load), chosen.speed = std::move(winner->speed);
  tell_speed(knowledge, architecture, rig, request.question, chosen);
  chosen.placement.flags = prepared.notes;
  placement::tell_short(prepared, chosen.placement);
  placement::add_caveats(*prepared.rules, knowledge.catalog, prepared.engine, architecture, rig, chosen.placement);
  for (std::size_t i = 1; i < found.ranked.size(); ++i) {
    const placement::Candidate& other = found.ranked[i];
    const auto launch = placement::launch_line(prepared.engine, architecture, rig, other.placement);
    chosen.alternatives.push_back({other.kind, other.decode, other.prefill, other.full, other.placement.host.total(), launch.line});
  }
  return chosen;
}

}  // namespace rigcast::app
