#include "app/detail/remedies.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace rigcast::app {
namespace {

constexpr std::int64_t kShortestContext = 4096;
// From large to small: the usual recipes of files one can download.
constexpr std::array<std::string_view, 8> kQuants = {"q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs", "q3_k_m", "q2_k", "iq2_xxs"};

std::string without_quant(const std::string& model) {
  const std::size_t colon = model.rfind(':');
  return colon == std::string::npos || model.find('/', colon) != std::string::npos ? model : model.substr(0, colon);
}

// The Placement of the request with another model or context; empty where it does not fit or the engine refuses.
std::optional<placement::Placement> fits(const Knowledge& knowledge, const model::Architecture& architecture, const rig::Rig& rig,
                                         placement::Request request, std::int64_t context) {
  request.context = context;
  auto placed = placement::place(knowledge.catalog, architecture, rig, request);
  if (!placed || !placed->fits) return std::nullopt;
  return std::move(*placed);
}

}  // namespace

std::vector<Remedy> find_remedies(const Knowledge& knowledge, const PlanRequest& request, const placement::Placement& failed) {
  std::vector<Remedy> remedies;
  if (!request.placement.flags.empty()) return remedies;
  const auto architecture = find_model(knowledge, request.model);
  const auto rig = read_rig(knowledge, request.rig);
  if (!architecture || !rig) return remedies;
  for (std::int64_t context = failed.settings.context / 2; context >= kShortestContext; context /= 2) {
    if (!fits(knowledge, *architecture, *rig, request.placement, context)) continue;
    remedies.push_back({Remedy::Kind::context, std::to_string(context), architecture->weight_bytes()});
    break;
  }
  if (architecture->origin == model::Origin::gguf) return remedies;
  for (const std::string_view quant : kQuants) {
    const auto smaller = find_model(knowledge, without_quant(request.model) + ':' + std::string(quant));
    if (!smaller || smaller->weight_bytes() >= architecture->weight_bytes()) continue;
    if (!fits(knowledge, *smaller, *rig, request.placement, failed.settings.context)) continue;
    remedies.push_back({Remedy::Kind::quant, std::string(quant), smaller->weight_bytes()});
    break;
  }
  return remedies;
}

}  // namespace rigcast::app
