#include "app/curve.hpp"

#include <algorithm>
#include <map>

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
  const model::Architecture& architecture = asked.model->architecture;
  const catalog::Engine& engine = asked.engine;
  CurveAnswer answer{request, {}};
  std::map<OwnMachine, cost::OwnEffects> own_of;
  for (const std::int64_t context : contexts_of(architecture)) {
    PlanRequest here = asked.request;   // what a plan would say at this context
    here.placement.context = context;
    RC_ASSIGN(chosen, choose(knowledge, *asked.model, asked.rig, here));
    const placement::Placement& placement = chosen.placement;
    const rig::Rig& rig = chosen.part ? *chosen.part : asked.rig;
    CurvePoint point = point_of(context, placement);
    if (chosen.load) {
      cost::Question read = here.question, write = here.question;
      read.sequences = write.sequences = placement::running_streams(engine, placement, chosen.admitted, context);
      read.prompt = context, read.depth = 0;
      write.depth = context;
      cost::Speed reading = cost::estimate_load(*chosen.load, rig, placement, read, knowledge.calibration);
      cost::Speed writing = cost::estimate_load(*chosen.load, rig, placement, write, knowledge.calibration);
      if (request.own) {
        const auto [own, fresh] = own_of.try_emplace(own_machine(knowledge, rig, placement, *chosen.load));
        if (fresh) own->second = own_for(knowledge, architecture, rig, placement, *chosen.load).effects;
        reading = cost::with_own(std::move(reading), own->second);
        writing = cost::with_own(std::move(writing), own->second);
      }
      point.decode = writing.decode;
      point.prefill = reading.prefill;
      point.ttft = reading.ttft;
    }
    answer.points.push_back(std::move(point));
  }
  return answer;
}

}  // namespace rigcast::app
