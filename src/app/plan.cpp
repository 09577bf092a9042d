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
#include "model/recipe.hpp"

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
    other.prefill *= answer.own.prefill.applied;
  }
}

}  // namespace

PlanRequest with_room(PlanRequest request) {
  request.placement.streams = std::max<std::int64_t>(1, request.question.sequences);
  request.placement.reach = request.question.depth + request.question.prompt;
  return request;
}

Result<model::Architecture> requested_model(const Knowledge& knowledge, const PlanRequest& request) {
  RC_ASSIGN(architecture, from_option(find_model(knowledge, request.model), "MODEL", "model"));
  const std::string_view recipe = model::gguf_recipe(architecture.quant);
  if (architecture.origin == model::Origin::gguf || recipe == architecture.quant) return architecture;
  const auto engine = catalog::read_engine(knowledge.catalog, request.placement.engine);
  if (engine && cost::engine_group(engine->key) == "ggml") RC_TRY(model::apply_quant(knowledge.catalog, architecture, recipe));
  return architecture;
}

Result<rig::Rig> requested_rig(const Knowledge& knowledge, const PlanRequest& request) {
  return from_option(read_rig(knowledge, request.rig), "--on", "rig");
}

Result<PlanAnswer> plan(const Knowledge& knowledge, const PlanRequest& asked) {
  const PlanRequest request = with_room(asked);
  RC_ASSIGN(architecture, requested_model(knowledge, request));
  RC_ASSIGN(rig, requested_rig(knowledge, request));
  RC_ASSIGN(engine, from_option(catalog::read_engine(knowledge.catalog, request.placement.engine), "--engine", "engine"));
  if (const std::int64_t longest = std::max(request.question.depth, request.question.prompt); request.placement.context > 0 && longest > request.placement.context)
    return fail(ErrorKind::input, "a context of " + std::to_string(request.placement.context) + " does not hold the " + std::to_string(longest) + " tokens asked about",
                Where{"--context"}, "context", std::to_string(request.placement.reach));
  RC_ASSIGN(chosen, choose(knowledge, architecture, rig, request));
  placement::Placement& placement = chosen.placement;
  PlanAnswer answer;
  answer.request = request;
  answer.alternatives = std::move(chosen.alternatives);
  answer.rejected = std::move(chosen.rejected);
  answer.launch = placement::launch_line(engine, architecture, rig, placement);
  if (placement.fits) {
    auto speed = cost::estimate(architecture, rig, placement, request.question, knowledge.calibration);
    if (speed) {
      answer.speed = with_evidence(knowledge, std::move(*speed), architecture, rig, placement);
      if (request.own) answer.own = add_own(*answer.speed, own_for(knowledge, architecture, rig, placement));
      move_alternatives(answer);
    }
    else answer.no_speed = std::move(speed.error());
    answer.longest_context = longest_context(knowledge, request, engine, architecture, rig, placement);
  } else {
    answer.remedies = find_remedies(knowledge, request, architecture, rig, placement);
  }
  answer.upgrades = find_upgrades(knowledge, request, architecture, rig, placement);
  answer.architecture = std::move(architecture);
  answer.rig = std::move(rig);
  answer.engine = std::move(engine);
  answer.placement = std::move(placement);
  return answer;
}

}  // namespace rigcast::app
