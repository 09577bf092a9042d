#include "app/plan.hpp"

#include <algorithm>
#include <iterator>

#include "app/detail/choose.hpp"
#include "app/detail/remedies.hpp"
#include "app/detail/requests.hpp"
#include "app/detail/upgrades.hpp"
#include "app/evidence.hpp"
#include "app/own.hpp"
#include "base/text.hpp"
#include "calibration/nearest.hpp"

namespace rigcast::app {
namespace {

// Shows the Observations nearest to what was asked beside the estimate.
cost::Speed with_evidence(const Knowledge& knowledge, cost::Speed speed, const model::Architecture& architecture, const rig::Rig& rig,
                          const placement::Placement& placement) {
  constexpr std::size_t kShown = 3;
  if (placement.devices.empty()) return speed;
  const rig::RigDevice& first = rig.devices[static_cast<std::size_t>(placement.devices.front().device)];
  const calibration::Near wanted{first.device.key, placement.engine, placement.backend, architecture.key, architecture.quant, "decode",
                                 static_cast<int>(placement.devices.size())};
  speed.decode.evidence = knowledge.nearest ? knowledge.nearest->find(knowledge.catalog, knowledge.calibration, wanted, kShown)
                                            : calibration::nearest(knowledge.catalog, knowledge.calibration, wanted, kShown);
  const bool same = std::any_of(speed.decode.evidence.begin(), speed.decode.evidence.end(), [&](const cost::Evidence& e) {
    return e.model == wanted.model && fold_name(e.engine) == fold_name(wanted.engine) && equal_ignoring_case(e.backend, wanted.backend) && e.devices == wanted.devices &&
           equal_ignoring_case(e.quant, architecture.quant);
  });
  if (same && speed.decode.grade == cost::Grade::near) speed.decode.grade = cost::Grade::measured;
  return speed;
}

// The user's own Observations first: nothing is nearer.
cost::OwnEffects add_own(cost::Speed& speed, calibration::Own own) {
  if (!own.effects.any()) return own.effects;
  speed = cost::with_own(std::move(speed), own.effects);
  if (own.same_model) speed.decode.grade = cost::Grade::measured;
  else if (!own.evidence.empty() && speed.decode.grade > cost::Grade::near) speed.decode.grade = cost::Grade::near;
  auto& evidence = speed.decode.evidence;
  evidence.insert(evidence.begin(), std::make_move_iterator(own.evidence.begin()), std::make_move_iterator(own.evidence.end()));
  return own.effects;
}

// The same devices at work in another way: moved alike, so that they can be compared. The processor alone is another machine.
void move_alternatives(PlanAnswer& answer) {
  for (Alternative& other : answer.alternatives) {
    if (other.kind == "processor") continue;
    other.decode *= answer.own.decode.applied;
    other.full *= answer.own.decode.applied;
    other.prefill *= answer.own.prefill.applied;
  }
}

// The same with so many tokens before: with as many as the cache holds, what a long talk comes to.
cost::Estimate decode_at(const Knowledge& knowledge, const PlanAnswer& answer, const cost::Load& load, std::int64_t depth) {
  cost::Question question = answer.request.question;
  question.sequences = placement::running_streams(answer.engine, answer.placement, answer.admitted, std::max(depth, question.prompt));
  question.depth = depth;
  cost::Speed speed = cost::estimate_load(load, answer.rig, answer.placement, question, knowledge.calibration);
  if (answer.own.any()) speed = cost::with_own(std::move(speed), answer.own);
  return std::move(speed.decode);
}

// What the flags' drafts come to, and the same without.
std::optional<Drafting> drafting_of(const PlanAnswer& answer, const cost::Load& load, const cost::UsualAcceptances& usual) {
  const placement::Drafter drafter = answer.placement.settings.speculation.drafter;
  if (drafter == placement::Drafter::none) return std::nullopt;
  cost::Load plain = load;
  plain.drafts = {};
  const bool known = answer.placement.drafting != nullptr;
  std::string named = answer.request.drafter_name;
  if (known) named = answer.request.drafter->architecture.key + ' ' + answer.request.drafter->architecture.quant;
  cost::UsualAcceptance source;
  if (const auto found = usual.find(drafter); found != usual.end() && answer.request.question.acceptance <= 0) source = found->second;
  return Drafting{drafter, load.drafts, cost::decode_speed(plain, answer.request.question.depth, answer.at_once) * answer.own.decode.applied, source.date, source.sources, std::move(named),
                  known || answer.placement.draft_layers > 0 || drafter == placement::Drafter::lookup};
}

// Whoever asks for layers that nobody lists may find that there are none.
void tell_unlisted_drafts(PlanAnswer& answer) {
  if (answer.placement.settings.speculation.drafter != placement::Drafter::own_layers || placement::lists_draft_layers(*answer.architecture)) return;
  answer.placement.caveats.push_back({"no-draft-layers", "No layer that predicts further tokens (MTP) is listed for this model: where its files hold none, " + answer.engine.name + " does not start with these flags.", ""});
}

// What is said of drafts where nothing drafts.
void tell_idle_drafts(PlanAnswer& answer) {
  const placement::Speculation& said = answer.placement.settings.speculation;
  if (said.drafter == placement::Drafter::none && (said.tokens > 0 || said.verified > 0 || answer.request.question.acceptance > 0))
    answer.placement.caveats.push_back({"no-drafts", "Nothing drafts tokens by these flags: what they or --acceptance say of drafts changes nothing.", ""});
}

// Decoding over a context that fills up to `whole`; 0: one whose end nobody knows.
double over_context(double empty, double whole) { return placement::decode_over_context({empty, 0, whole > 0 ? whole : empty}); }

tl::unexpected<Error> too_short(std::int64_t context, std::int64_t tokens, const char* where, std::int64_t enough) {
  return fail(ErrorKind::input, "a context of " + std::to_string(context) + " does not hold the " + std::to_string(tokens) + " tokens asked about", Where{where}, "context",
              std::to_string(enough));
}

// Flags may name a context that what is asked about does not fit in.
Result<void> check_reach(const PlanRequest& request, const catalog::Engine& engine, const placement::Settings& settings) {
  const std::int64_t longest = std::max(request.question.depth, request.question.prompt), each = settings.context / placement::context_parts(engine, settings);
  if (!trim(request.placement.flags).empty() && longest > each) return too_short(each, longest, "--flags", longest);
  return {};
}

}  // namespace

bool slows_when_full(const PlanAnswer& answer) {
  constexpr double kSame = 0.75;
  return answer.speed && answer.decode_whole && answer.decode_whole->value.p50 <= kSame * answer.speed->decode.value.p50;
}

bool counts_drafts(const PlanAnswer& answer) { return answer.drafting && answer.drafting->drafts.tokens > 0; }

double decode_over_context(const PlanAnswer& answer) {
  if (!answer.placement.fits || !answer.speed) return 0;
  if (placement::weighs_as_asked(answer.request.objective, answer.engine, answer.named_context)) return answer.speed->decode.value.p50;
  return over_context(answer.decode_empty, answer.decode_whole ? answer.decode_whole->value.p50 : 0);
}

Result<PlanAnswer> answer_of(const Knowledge& knowledge, Asked asked) {
  const PlanRequest& request = asked.request;
  const std::int64_t longest = std::max(request.question.depth, request.question.prompt);
  if (request.placement.context > 0 && longest > request.placement.context) return too_short(request.placement.context, longest, "--context", longest);
  RC_ASSIGN(chosen, choose(knowledge, *asked.model, asked.rig, request));
  RC_TRY(check_reach(request, asked.engine, chosen.placement.settings));
  PlanAnswer answer;
  answer.assumed_quant = asked.assumed_quant;
  answer.request = std::move(asked.request);
  answer.architecture = std::shared_ptr<const model::Architecture>(asked.model, &asked.model->architecture);
  answer.notes = answer.architecture->notes;
  answer.notes.insert(answer.notes.end(), std::make_move_iterator(asked.notes.begin()), std::make_move_iterator(asked.notes.end()));
  answer.rig = std::move(asked.rig);
  answer.engine = std::move(asked.engine);
  if (chosen.part) answer.rig = std::move(*chosen.part);
  answer.placement = std::move(chosen.placement);
  answer.admitted = chosen.admitted;
  answer.at_once = chosen.at_once;
  answer.searched = chosen.searched;
  answer.named_context = chosen.named_context;
  answer.alternatives = std::move(chosen.alternatives);
  answer.rejected = std::move(chosen.rejected);
  answer.launch = placement::launch_line(answer.engine, *answer.architecture, answer.rig, answer.placement);
  if (!answer.placement.fits) return answer;
  answer.no_speed = std::move(chosen.no_speed);
  if (chosen.load && chosen.speed) {
    answer.speed = with_evidence(knowledge, std::move(*chosen.speed), *answer.architecture, answer.rig, answer.placement);
    if (answer.request.own) answer.own = add_own(*answer.speed, own_for(knowledge, *answer.architecture, answer.rig, answer.placement, *chosen.load));
    move_alternatives(answer);
    answer.drafting = drafting_of(answer, *chosen.load, knowledge.calibration.acceptances);
    tell_unlisted_drafts(answer);
    tell_idle_drafts(answer);
    answer.too_slow = answer.speed->decode.value.p50 < answer.request.minimum_speed * static_cast<double>(std::max<std::int64_t>(1, answer.at_once));
    answer.whole_depth = stream_depth(answer.engine, answer.placement, 1);
    answer.whole_streams = placement::running_streams(answer.engine, answer.placement, answer.admitted, answer.whole_depth);
    const auto at = [&](std::int64_t depth) { return decode_at(knowledge, answer, *chosen.load, depth); };
    answer.decode_empty = answer.request.question.depth > 0 ? at(0).value.p50 : answer.speed->decode.value.p50;
    if (answer.whole_depth > 0) answer.decode_whole = at(answer.whole_depth);
  }
  return answer;
}

std::optional<Outcome> outcome_of(const Knowledge& knowledge, const PlanRequest& request, const catalog::Engine& engine, const KnownModel& model, const rig::Rig& whole, double floor) {
  if (request.own && knowledge.own) floor = 0;   // what the user's own Observations move it by is not known before
  auto chosen = choose(knowledge, model, whole, request, true, floor);
  if (!chosen || !chosen->placement.fits || !check_reach(request, engine, chosen->placement.settings)) return std::nullopt;
  const rig::Rig& rig = chosen->part ? *chosen->part : whole;
  Outcome outcome{std::move(chosen->placement)};
  if (!chosen->load) return outcome;
  cost::OwnEffects own;
  if (request.own) own = own_for(knowledge, model.architecture, rig, outcome.placement, *chosen->load).effects;
  const double moved = own.decode.applied;
  const auto decode_of = [&](std::int64_t depth, std::int64_t streams) { return cost::decode_speed(*chosen->load, depth, streams) * moved; };
  const auto decode_at = [&](std::int64_t depth) {
    return decode_of(depth, placement::running_streams(engine, outcome.placement, chosen->admitted, std::max(depth, request.question.prompt)));
  };
  outcome.streams = std::max<std::int64_t>(1, chosen->at_once);
  outcome.decode = decode_of(request.question.depth, chosen->at_once);
  outcome.prefill = cost::prefill_speed(*chosen->load, request.question.prompt, request.question.depth) * own.prefill.applied;
  const std::int64_t full = stream_depth(engine, outcome.placement, 1);
  const bool as_asked = placement::weighs_as_asked(request.objective, engine, chosen->named_context);
  outcome.over_context = as_asked ? outcome.decode : over_context(decode_at(0), full > 0 ? decode_at(full) : 0);
  outcome.load = std::move(chosen->load);
  return outcome;
}

// Each step of a longer batch takes longer, so half of what is left open is settled by each look.
void take_most_streams(const Knowledge& knowledge, const PlanRequest& as_asked, Asked& asked) {
  if (!names_no_streams(as_asked) || asked.request.question.sequences <= 1 || as_asked.minimum_speed <= 0) return;
  const auto with = [&](std::int64_t streams) {
    PlanRequest request = asked.request;
    request.question.sequences = streams;
    return with_room(std::move(request));
  };
  struct Tried { std::int64_t streams = 0; double decode = 0; };   // that run and reach it; none where it is too slow
  const auto tried = [&](std::int64_t streams) -> Tried {
    const auto then = outcome_of(knowledge, with(streams), asked.engine, *asked.model, asked.rig);
    return then && then->decode >= as_asked.minimum_speed * static_cast<double>(then->streams) ? Tried{then->streams, then->decode} : Tried{};
  };
  // Of all at once a small cache may run only a few, which are fast; what holds more of them is then another layout, for fewer streams.
  const std::int64_t all = asked.request.question.sequences;
  const Tried together = tried(all);
  if (together.streams == all) return;
  std::int64_t good = 1, bad = all;   // one stream alone is what is told where none reaches it
  double fastest = 0;
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    const Tried some = tried(middle);
    if (some.streams == middle) good = middle, fastest = some.decode;
    else bad = middle;
  }
  if (together.decode >= fastest && together.streams > 0) return;
  asked.request = with(good);
  asked.most_streams = good;
}

namespace {

// What take_most_streams() found, once it is known how fast they are.
void tell_most_streams(std::int64_t most, PlanAnswer& answer) {
  if (most < 1 || answer.too_slow) return;
  const std::string least = format_significant(answer.request.minimum_speed, 3), depth = format_grouped(answer.request.question.depth);
  std::string said = most == 1 ? "Two streams at a time would already each be written slower than the " : "More than " + format_grouped(most) + " streams at a time would each be written slower than the ";
  said += least + " token/s asked for, with " + depth + " tokens before (--depth says how many).";
  const std::string_view flag = catalog::text_of(answer.engine, "flag", "sequences");   // of copies each engine counts in its own way
  if (!flag.empty() && answer.placement.settings.data_degree <= 1 && answer.placement.settings.replicas <= 1) said += " " + std::string(flag) + " " + std::to_string(most) + " lets no more of them run.";
  answer.placement.caveats.push_back({"most-streams", std::move(said), ""});
}

}  // namespace

Result<PlanAnswer> plan(const Knowledge& knowledge, const PlanRequest& as_asked) {
  RC_ASSIGN(asked, read_asked(knowledge, as_asked));
  take_most_streams(knowledge, as_asked, asked);
  const std::int64_t most_streams = asked.most_streams;
  const std::shared_ptr<const KnownModel> model = asked.model;
  RC_ASSIGN(answer, answer_of(knowledge, std::move(asked)));
  tell_most_streams(most_streams, answer);
  if (answer.placement.fits) {
    answer.longest_context = longest_context(knowledge, answer.request, answer.engine, *model, answer.rig, answer.placement);
    answer.remedies = find_faster(knowledge, answer, *model);
  } else {
    answer.remedies = find_remedies(knowledge, answer, *model);
  }
  answer.upgrades = find_upgrades(knowledge, answer, *model);
  // Where nobody named the engine and any question like this one would come to the same, commands need not name it either.
  if (as_asked.placement.engine.empty() && answer.engine.key == placement::Request{}.engine && leaves_engine_open(knowledge, answer.rig)) answer.request.placement.engine.clear();
  return std::move(answer);
}

}  // namespace rigcast::app
