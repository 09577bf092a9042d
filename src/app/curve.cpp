#include "app/curve.hpp"

#include <algorithm>
#include <optional>

#include "app/detail/choose.hpp"
#include "app/detail/requests.hpp"
#include "app/own.hpp"
#include "catalog/engine.hpp"

namespace rigcast::app {
namespace {

constexpr std::int64_t kShortest = 512, kLongest = std::int64_t{1} << 20;

std::vector<std::int64_t> contexts_of(const model::Architecture& architecture) {
  const std::int64_t longest = architecture.max_context > 0 ? std::min(architecture.max_context, kLongest) : kLongest / 8;
  std::vector<std::int64_t> contexts;
  for (std::int64_t context = kShortest; context < longest; context *= 2) contexts.push_back(context);
  contexts.push_back(longest);
  return contexts;
}

CurvePoint point_of(std::int64_t context, const placement::Placement& placement) {
  CurvePoint point;
  point.context = context;
  point.fits = placement.fits;
  point.host = placement.host;
  point.host_capacity = placement.host_capacity;
  for (const placement::DeviceShare& share : placement.devices) {
    point.memory.weights += share.memory.weights;
    point.memory.kv += share.memory.kv;
    point.memory.state += share.memory.state;
    point.memory.compute += share.memory.compute;
    point.memory.footprint += share.memory.footprint;
    point.capacity += share.capacity;
  }
  return point;
}

}  // namespace

Result<CurveAnswer> curve(const Knowledge& knowledge, const PlanRequest& request) {
  RC_ASSIGN(asked, read_asked(knowledge, request));
  const auto& [resolved, architecture, rig, engine, assumed_quant] = asked;
  CurveAnswer answer{request, {}};
  std::optional<std::pair<std::size_t, cost::OwnEffects>> own_of;
  for (const std::int64_t context : contexts_of(architecture)) {
    PlanRequest here = with_room(request);   // what a plan would say at this context
    here.placement.context = context;
    RC_ASSIGN(chosen, choose(knowledge, architecture, rig, here));
    const placement::Placement& placement = chosen.placement;
    CurvePoint point = point_of(context, placement);
    if (placement.fits) {
      cost::Question read = request.question, write = request.question;
      read.sequences = write.sequences = chosen.at_once;
      read.prompt = context, read.depth = 0;
      write.depth = context;
      auto reading = cost::estimate(architecture, rig, placement, read, knowledge.calibration);
      auto writing = cost::estimate(architecture, rig, placement, write, knowledge.calibration);
      if (reading && writing) {
        if (request.own) {
          if (!own_of || own_of->first != placement.devices.size())   // the same machine until it takes other devices
            own_of = {placement.devices.size(), own_for(knowledge, architecture, rig, placement).effects};
          const cost::OwnEffects& own = own_of->second;
          reading = cost::with_own(std::move(*reading), own);
          writing = cost::with_own(std::move(*writing), own);
        }
        point.decode = writing->decode;
        point.prefill = reading->prefill;
        point.ttft = reading->ttft;
      }
    }
    answer.points.push_back(std::move(point));
  }
  return answer;
}

}  // namespace rigcast::app
