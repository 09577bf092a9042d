#include "app/detail/upgrades.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "cost/cost.hpp"

namespace rigcast::app {
namespace {

constexpr int kMostCards = 8;          // in one host
constexpr double kStick = 16 * kGiB;   // what memory is added in

// The joints between cards of a rig of nothing but such: a board's fabric, peers over PCIe. Bridges are bought apart.
std::vector<rig::Link> usual_peers(const catalog::Catalog& catalog, const rig::RigDevice& device, int cards) {
  const auto alike = rig::parse_rig(catalog, std::to_string(cards) + 'x' + device.device.key);
  std::vector<rig::Link> links;
  if (alike)
    std::copy_if(alike->links.begin(), alike->links.end(), std::back_inserter(links), [](const rig::Link& link) { return link.a >= 0 && link.b >= 0; });
  return links;
}

// `more` further cards like the first, in the first host, joined to it as the first is and to each other as such cards are.
rig::Rig with_cards(const catalog::Catalog& catalog, const rig::Rig& rig, int more) {
  rig::Rig larger = rig;
  std::vector<rig::RigDevice> first_card;
  for (const rig::RigDevice& device : rig.devices)
    if (device.card == rig.devices.front().card) first_card.push_back(device);
  const auto chips = static_cast<int>(first_card.size()), owned = static_cast<int>(rig.devices.size());
  for (int i = 0; i < more; ++i) {
    const int card = larger.devices.back().card + 1, first = static_cast<int>(larger.devices.size());
    for (rig::RigDevice chip : first_card) {
      chip.index = static_cast<int>(larger.devices.size());
      chip.card = card;
      larger.devices.push_back(chip);
    }
    // Its way to the host, and its chips to each other.
    for (const rig::Link& link : rig.links)
      if (link.a >= 0 && link.a < chips && link.b < chips) larger.links.push_back({first + link.a, link.b < 0 ? link.b : first + link.b, link.type, link.peer_to_peer});
  }
  const bool all_alike = std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& one) { return one.device.key == rig.devices.front().device.key; });
  if (!all_alike) return larger;
  for (const rig::Link& link : usual_peers(catalog, rig.devices.front(), static_cast<int>(larger.devices.size()) / std::max(1, chips)))
    if (std::max(link.a, link.b) >= owned && larger.devices[static_cast<std::size_t>(link.a)].card != larger.devices[static_cast<std::size_t>(link.b)].card)
      larger.links.push_back(link);
  return larger;
}

// "2x3090; host=..." with other numbers; empty where the spec is not one group of equal cards on one host.
std::string spec_with(const catalog::Catalog& catalog, const rig::Rig& rig, int cards) {
  const std::string head(trim(std::string_view(rig.spec).substr(0, rig.spec.find(';'))));
  const std::size_t times = head.find('x'), digits = head.find_first_not_of("0123456789");
  const std::string name = times != std::string::npos && times > 0 && digits == times ? head.substr(times + 1) : head;
  if (rig.spec.find_first_of("|") != std::string::npos || name.find_first_of("+ ") != std::string::npos || name == "here" || name.empty()) return {};
  const std::size_t rest = rig.spec.find(';');
  std::string spec = std::to_string(cards) + 'x' + name + (rest == std::string::npos ? "" : rig.spec.substr(rest));
  const auto read = rig::parse_rig(catalog, spec);   // "3090x2" holds a count of its own
  return read && read->devices.back().card + 1 == cards ? spec : std::string();
}

class Asker {
 public:
  Asker(const Knowledge& knowledge, const PlanRequest& request, const model::Architecture& architecture)
      : knowledge_(knowledge), request_(request), architecture_(architecture) {}

  std::optional<placement::Placement> fits(const rig::Rig& rig) const {
    return placement::find_room(knowledge_.catalog, architecture_, rig, request_.placement);
  }
  void speed(const rig::Rig& rig, const placement::Placement& placement, Upgrade& upgrade) const {
    const auto speed = cost::estimate(architecture_, rig, placement, request_.question, knowledge_.calibration);
    if (!speed) return;
    upgrade.decode = speed->decode.value.p50;
    upgrade.prefill = speed->prefill.value.p50;
  }

 private:
  const Knowledge& knowledge_;
  const PlanRequest& request_;
  const model::Architecture& architecture_;
};

int cards_of(const rig::Rig& rig) {
  int cards = 0;
  for (const rig::RigDevice& device : rig.devices) cards = std::max(cards, device.card + 1);
  return cards;
}

// Whether people build it: tensor parallel engines take powers of two.
bool is_built(int cards, bool powers_of_two) { return cards <= kMostCards && (!powers_of_two || (cards & (cards - 1)) == 0); }

Upgrade cards_upgrade(const catalog::Catalog& catalog, const rig::Rig& rig, int more) {
  Upgrade upgrade;
  upgrade.kind = Upgrade::Kind::card;
  upgrade.cards = more;
  upgrade.device = rig.devices.front().device.name;
  upgrade.rig = spec_with(catalog, rig, cards_of(rig) + more);
  return upgrade;
}

}  // namespace

std::vector<Upgrade> find_upgrades(const Knowledge& knowledge, const PlanRequest& request, const model::Architecture& architecture,
                                   const rig::Rig& rig, const placement::Placement& placement, double decode_now) {
  std::vector<Upgrade> upgrades;
  if (!trim(request.placement.flags).empty() || rig.devices.empty() || rig.hosts.size() != 1 || rig.devices.front().device.unified) return upgrades;
  const Asker ask(knowledge, request, architecture);
  const bool part_on_host = placement.settings.cpu_moe_layers > 0 || (placement.settings.gpu_layers >= 0 && placement.mode != placement::Mode::cpu &&
                                                                      placement.settings.gpu_layers <= static_cast<int>(architecture.layers.size()));
  const int most = placement.fits ? (part_on_host ? 1 : 0) : kMostCards, owned = cards_of(rig);
  const auto engine = catalog::read_engine(knowledge.catalog, placement.engine);
  const bool powers_of_two = engine && engine->kv_rule == catalog::KvRule::paged;
  for (int more = 1; more <= most; ++more) {
    if (!is_built(owned + more, powers_of_two)) continue;
    const rig::Rig larger = with_cards(knowledge.catalog, rig, more);
    const auto placed = ask.fits(larger);
    if (!placed) continue;
    Upgrade upgrade = cards_upgrade(knowledge.catalog, rig, more);
    ask.speed(larger, *placed, upgrade);
    if (placement.fits && upgrade.decode <= decode_now) break;
    upgrades.push_back(std::move(upgrade));
    break;
  }
  if (placement.fits || rig.hosts.front().memory <= Bytes{}) return upgrades;
  rig::Rig roomy = rig;
  roomy.hosts.front().memory = Bytes(1e15);
  const auto placed = ask.fits(roomy);
  if (!placed || placed->host.total() <= rig.hosts.front().memory) return upgrades;
  Upgrade upgrade;
  upgrade.kind = Upgrade::Kind::memory;
  upgrade.memory = Bytes(std::ceil((placed->host.total() + rig.hosts.front().reserved).value() / kStick) * kStick);
  ask.speed(roomy, *placed, upgrade);
  upgrades.push_back(std::move(upgrade));
  return upgrades;
}

}  // namespace rigcast::app
