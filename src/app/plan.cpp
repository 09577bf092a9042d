#include "app/plan.hpp"

#include <algorithm>

#include "app/detail/choose.hpp"
#include "app/detail/remedies.hpp"
#include "app/detail/requests.hpp"
#include "app/detail/upgrades.hpp"
#include "app/evidence.hpp"
#include "app/own.hpp"
#include "base/text.hpp"
#include "calibration/nearest.hpp"
#include "catalog/engine.hpp"
#include "cost/paths.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"
#include "placement/rules.hpp"

namespace rigcast::app {
namespace {

// Names what an error is about where the room below could not know it: the option that held the text. A rig spec calls itself "rig".
template <class T>
Result<T> from_option(Result<T> result, const char* option, const char* field) {
  if (result) return result;
  Error error = result.error();
  if (error.where.file.empty() || error.where.file == "rig") error.where.file = option;
  if (error.field.empty()) error.field = field;
  return tl::unexpected<Error>(std::move(error));
}

// Shows the Observations nearest to what was asked beside the estimate.
cost::Speed with_evidence(const Knowledge& knowledge, cost::Speed speed, const model::Architecture& architecture, const rig::Rig& rig,
                          const placement::Placement& placement) {
  constexpr std::size_t kShown = 3;
  if (placement.devices.empty()) return speed;
  const rig::RigDevice& first = rig.devices[static_cast<std::size_t>(placement.devices.front().device)];
  const calibration::Near wanted{first.device.key, placement.engine, placement.backend, architecture.key, "decode",
                                 static_cast<int>(placement.devices.size())};
  speed.decode.evidence = knowledge.nearest ? knowledge.nearest->find(knowledge.catalog, knowledge.calibration, wanted, kShown)
                                            : calibration::nearest(knowledge.catalog, knowledge.calibration, wanted, kShown);
  const bool same = std::any_of(speed.decode.evidence.begin(), speed.decode.evidence.end(), [&](const cost::Evidence& e) {
    return e.model == wanted.model && fold_name(e.engine) == fold_name(wanted.engine) && equal_ignoring_case(e.quant, architecture.quant);
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

}  // namespace

PlanRequest with_room(PlanRequest request) {
  request.placement.streams = std::max<std::int64_t>(1, request.question.sequences);
  request.placement.reach = request.question.depth + request.question.prompt;
  return request;
}

namespace {

// Speeds are known of builds from the first that ran these models to the newest whose rules are in data/engines.
Result<void> check_engine_date(const Knowledge& knowledge, const std::string& date) {
  constexpr const char* kFirst = "2023-01";
  if (date.empty()) return {};
  std::string newest = kFirst;
  for (const catalog::Entry& entry : knowledge.catalog.entries(catalog::Kind::engine)) {
    RC_ASSIGN(engine, knowledge.catalog.engine(entry.key));
    for (const catalog::Source& source : engine->sources) newest = std::max(newest, source.date);
  }
  const auto year = parse_year(date);
  if (year && *year >= *parse_year(kFirst) && *year <= parse_year(newest).value_or(0)) return {};
  return fail(ErrorKind::input, "'" + date + "' is not a month from " + kFirst + " to " + newest, Where{"--engine-date"}, "engine_date", year && *year < *parse_year(kFirst) ? kFirst : newest);
}

// The same with a cache that is full: what a long talk comes to.
std::optional<cost::Estimate> decode_when_full(const Knowledge& knowledge, const PlanAnswer& answer, const model::Architecture& architecture, const rig::Rig& rig,
                                               const placement::Placement& placement) {
  cost::Question full = answer.request.question;
  full.sequences = answer.at_once;
  if (full.depth > 0 || answer.whole_depth <= 0) return std::nullopt;
  full.depth = answer.whole_depth;
  auto speed = cost::estimate(architecture, rig, placement, full, knowledge.calibration);
  if (!speed) return std::nullopt;
  if (answer.own.any()) speed = cost::with_own(std::move(*speed), answer.own);
  return std::move(speed->decode);
}

// Whether a model that was published so runs so: in a small format that the engine reads.
bool runs_as_published(const Knowledge& knowledge, const catalog::Engine& engine, const model::Architecture& architecture) {
  return !architecture.is_unquantized() && placement::check_formats(knowledge.catalog, engine, architecture);
}

bool has_room(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig, const placement::Request& request) {
  if (trim(request.flags).empty()) return placement::find_room(knowledge.catalog, architecture, rig, request, true).has_value();
  const auto placed = placement::place(knowledge.catalog, architecture, rig, request);
  return placed && placed->fits;
}

// The engine's usual recipe and the smaller ones behind it.
std::vector<std::string> usual_and_smaller(const catalog::Engine& engine) {
  const auto usual = std::find(engine.usual_quants.begin(), engine.usual_quants.end(), engine.usual_quant);
  return {usual, engine.usual_quants.end()};
}

Result<void> take_usual_quant(const Knowledge& knowledge, Asked& asked) {
  const PlanRequest& request = asked.request;
  const catalog::Engine& engine = asked.engine;
  if (engine.usual_quant.empty() || asked.architecture.origin != model::Origin::catalogue) return {};
  const auto named = model::catalogue_spec(knowledge.catalog, request.model);
  if (!named || !named->quant.empty() || runs_as_published(knowledge, engine, asked.architecture)) return {};
  if (asked.architecture.is_unquantized() && placement::check_formats(knowledge.catalog, engine, asked.architecture) &&
      !placement::prepare(knowledge.catalog, asked.architecture, asked.rig, request.placement))
    return {};   // refused in any format: to be told of the model as it was published
  const bool published_first = catalog::number_of(engine, "published_first", "", 0) > 0;
  if (published_first && placement::check_formats(knowledge.catalog, engine, asked.architecture) && has_room(knowledge, asked.architecture, asked.rig, request.placement)) return {};
  const std::string published = asked.architecture.quant;
  asked.assumed_quant = true;
  RC_ASSIGN(usual, find_model(knowledge, named->name + ':' + engine.usual_quant));
  const std::string usual_name = usual.quant;
  asked.architecture = std::move(usual);
  for (const std::string& quant : usual_and_smaller(engine)) {
    RC_ASSIGN(model, find_model(knowledge, named->name + ':' + quant));
    if (!has_room(knowledge, model, asked.rig, request.placement)) continue;
    asked.architecture = std::move(model);
    break;
  }
  const std::string& taken = asked.architecture.quant;
  const std::string why = taken == usual_name ? " is assumed, as usual with " + engine.name + ". Name another to choose ("
                                              : " is assumed, for " + usual_name + ", the usual one with " + engine.name + ", does not fit. Name another to choose (";
  asked.architecture.notes.push_back("No format is named and the model is published in " + published + ": " + taken + why + asked.architecture.key + ':' +
                                     engine.usual_quants.front() + ").");
  return {};
}

}  // namespace

bool slows_when_full(const PlanAnswer& answer) {
  constexpr double kSame = 0.75;
  return answer.speed && answer.decode_whole && answer.decode_whole->value.p50 <= kSame * answer.speed->decode.value.p50;
}

double decode_over_context(const PlanAnswer& answer) {
  if (!answer.placement.fits || !answer.speed) return 0;
  const double empty = answer.speed->decode.value.p50;
  return placement::decode_over_context({empty, 0, 0, answer.decode_whole ? answer.decode_whole->value.p50 : empty});
}

Result<Asked> read_asked(const Knowledge& knowledge, const PlanRequest& request) {
  RC_ASSIGN(architecture, from_option(find_model(knowledge, request.model), "MODEL", "model"));
  RC_ASSIGN(rig, from_option(read_rig(knowledge, request.rig), "--on", "rig"));
  RC_ASSIGN(engine, from_option(catalog::read_engine(knowledge.catalog, request.placement.engine), "--engine", "engine"));
  RC_TRY(check_engine_date(knowledge, request.question.engine_date));
  Asked asked{with_room(request), std::move(architecture), std::move(rig), std::move(engine)};
  if (request.placement.context == kWholeContext) asked.request.placement.context = asked.architecture.max_context;
  RC_TRY(take_usual_quant(knowledge, asked));
  const std::string_view recipe = model::gguf_recipe(asked.architecture.quant);
  if (asked.architecture.origin != model::Origin::gguf && recipe != asked.architecture.quant && cost::engine_group(asked.engine.key) == "ggml")
    RC_TRY(model::apply_quant(knowledge.catalog, asked.architecture, recipe));
  return asked;
}

Result<PlanAnswer> plan(const Knowledge& knowledge, const PlanRequest& as_asked) {
  RC_ASSIGN(asked, read_asked(knowledge, as_asked));
  auto& [request, architecture, rig, engine, assumed_quant] = asked;
  if (const std::int64_t longest = std::max(request.question.depth, request.question.prompt); request.placement.context > 0 && longest > request.placement.context)
    return fail(ErrorKind::input, "a context of " + std::to_string(request.placement.context) + " does not hold the " + std::to_string(longest) + " tokens asked about",
                Where{"--context"}, "context", std::to_string(request.placement.reach));
  RC_ASSIGN(chosen, choose(knowledge, architecture, rig, request));
  placement::Placement& placement = chosen.placement;
  PlanAnswer answer;
  answer.request = request;
  answer.assumed_quant = assumed_quant;
  answer.at_once = chosen.at_once;
  cost::Question question = request.question;
  question.sequences = chosen.at_once;
  answer.alternatives = std::move(chosen.alternatives);
  answer.rejected = std::move(chosen.rejected);
  answer.launch = placement::launch_line(engine, architecture, rig, placement);
  if (placement.fits) {
    auto speed = chosen.speed ? Result<cost::Speed>(std::move(*chosen.speed)) : cost::estimate(architecture, rig, placement, question, knowledge.calibration);
    if (speed) {
      answer.speed = with_evidence(knowledge, std::move(*speed), architecture, rig, placement);
      if (request.own) answer.own = add_own(*answer.speed, own_for(knowledge, architecture, rig, placement));
      move_alternatives(answer);
      answer.too_slow = answer.speed->decode.value.p50 < request.minimum_speed;
      answer.whole_depth = stream_depth(engine, placement, chosen.at_once);
      answer.decode_whole = decode_when_full(knowledge, answer, architecture, rig, placement);
    }
    else answer.no_speed = std::move(speed.error());
    answer.longest_context = longest_context(knowledge, request, engine, architecture, rig, placement);
  } else {
    answer.remedies = find_remedies(knowledge, request, engine, architecture, rig, placement);
  }
  answer.upgrades = find_upgrades(knowledge, request, architecture, rig, placement, answer.speed ? answer.speed->decode.value.p50 / answer.own.decode.applied : 0);
  answer.architecture = std::move(architecture);
  answer.rig = std::move(rig);
  answer.engine = std::move(engine);
  answer.placement = std::move(placement);
  return answer;
}

}  // namespace rigcast::app
