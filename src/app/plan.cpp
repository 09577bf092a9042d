#include "app/plan.hpp"

#include "app/detail/choose.hpp"
#include "app/detail/remedies.hpp"
#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "model/read.hpp"

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

Result<PlanAnswer> plan(const Knowledge& knowledge, const PlanRequest& request) {
  RC_ASSIGN(architecture, from_option(model::read_model(knowledge.catalog, request.model), "MODEL", "model"));
  RC_ASSIGN(rig, from_option(read_rig(knowledge, request.rig), "--on", "rig"));
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
