#include "app/roofline.hpp"

#include <algorithm>
#include <array>

#include "app/plan.hpp"
#include "cost/terms.hpp"

namespace rigcast::app {
namespace {

// One small and one large dense model and two mixtures of experts: enough to see where each kind stands.
constexpr std::array kModels = {"qwen3-8b:q4_k_m", "qwen3-32b:q4_k_m", "qwen3-30b-a3b:q4_k_m", "gpt-oss-120b"};
constexpr std::int64_t kPrompt = 512, kContext = 2048;

RooflinePoint point(const char* model, RooflinePoint::Phase phase, const cost::Totals& totals, double tokens_per_second, double tokens) {
  return {model, phase, totals.work / Flop(1) / (totals.traffic / Bytes(1)), FlopRate(totals.work.value() / tokens * tokens_per_second)};
}

}  // namespace

Result<RooflineAnswer> roofline(const Knowledge& knowledge, const std::string& name) {
  RC_ASSIGN(device, rig::device_named(knowledge.catalog, name));
  RooflineAnswer answer{device.key, device.bandwidth ? device.bandwidth->value : Bandwidth{}, {}, {}};
  for (const auto& [format, rate] : device.rates)
    if (format.find('_') == std::string::npos && format != "int4") answer.roofs.push_back({format, rate.value});
  std::stable_sort(answer.roofs.begin(), answer.roofs.end(), [](const Roof& a, const Roof& b) { return a.rate > b.rate; });
  if (answer.bandwidth <= Bandwidth{}) return answer;
  for (const char* model : kModels) {
    const auto planned = plan(knowledge, {model, device.key, {}, {kPrompt, kContext, 1}});
    if (!planned || !planned->speed) continue;
    RC_ASSIGN(load, cost::load_of(*planned->architecture, planned->rig, planned->placement));
    const cost::Speed& speed = *planned->speed;
    answer.points.push_back(point(model, RooflinePoint::Phase::decode, cost::decode_totals(load, kContext), speed.decode.value.p50, 1));
    answer.points.push_back(point(model, RooflinePoint::Phase::prefill, cost::prefill_totals(load, kPrompt, kContext), speed.prefill.value.p50, kPrompt));
  }
  return answer;
}

}  // namespace rigcast::app
