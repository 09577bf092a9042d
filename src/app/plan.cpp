#include "app/plan.hpp"

#include "app/detail/choose.hpp"
#include "app/detail/remedies.hpp"
#include "app/detail/requests.hpp"
#include "base/text.hpp"
#include "catalog/engine.hpp"

namespace rigcast::app {
namespace {

// Names what an error is about where the room below could not know it: the option that held the text.
template <class T>
Result<T> from_option(Result<T> result, const char* option, const char* field) {
  if (result) return result;
  Error error = result.error();
  if (error.where.file.empty()) error.where.file = option;
  if (error.field.empty()) error.field = field;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

Result<model::Architecture> requested_model(const Knowledge& knowledge, const PlanRequest& request) {
  return from_option(find_model(knowledge, request.model), "MODEL", "model");
}

Result<rig::Rig> requested_rig(const Knowledge& knowledge, const PlanRequest& request) {
  return from_option(read_rig(knowledge, request.rig), "--on", "rig");
}

Result<PlanAnswer> plan(const Knowledge& knowledge, const PlanRequest& request) {
  RC_ASSIGN(architecture, requested_model(knowledge, request));
  RC_ASSIGN(rig, requested_rig(knowledge, request));
  RC_ASSIGN(engine, from_option(catalog::read_engine(knowledge.catalog, request.placement.engine), "--engine", "engine"));
  RC_ASSIGN(chosen, choose(knowledge, architecture, rig, request));
  placement::Placement& placement = chosen.placement;
  PlanAnswer answer;
  answer.request = request;
  answer.alternatives = std::move(chosen.alternatives);
  answer.rejected = std::move(chosen.rejected);
  answer.launch = placement::launch_line(engine, architecture, rig, placement);
  if (placement.fits) {
    auto speed = cost::estimate(architecture, rig, placement, request.question, knowledge.calibration);
    if (speed) answer.speed = std::move(*speed);
    else answer.no_speed = std::move(speed.error());
  } else {
    answer.remedies = find_remedies(knowledge, request, placement);
  }
  answer.architecture = std::move(architecture);
  answer.rig = std::move(rig);
  answer.placement = std::move(placement);
  return answer;
}

}  // namespace rigcast::app
