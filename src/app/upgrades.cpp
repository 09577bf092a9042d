#include "app/detail/upgrades.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>

#include "app/detail/requests.hpp"
#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "cost/cost.hpp"
#include "model/names.hpp"

namespace rigcast::app {
namespace {

constexpr int kMostCards = 8;          // in one host

// The least size from `needed` on that the host's channels can be filled to, one or two sticks of one size on each; 0 where there is none.
// Sticks that are sold: of DDR4 to 32 GB for desktops and to 128 registered, of DDR5 to 64 and to 128; what is soldered takes none.
Bytes sold_memory(const rig::Host& host, Bytes needed) {
  struct Sticks { std::string_view type; std::vector<int> desktop, server; };
  static const std::vector<Sticks> kSold = {{"ddr3", {4, 8}, {8, 16, 32}}, {"ddr4", {8, 16, 32}, {16, 32, 64, 128}}, {"ddr5", {16, 24, 32, 48, 64}, {16, 32, 48, 64, 96, 128}}};
  const auto sold = std::find_if(kSold.begin(), kSold.end(), [&](const Sticks& each) { return equal_ignoring_case(each.type, host.memory_type); });
  if (sold == kSold.end() || host.channels <= 0) return {};
  constexpr int kDesktopChannels = 2;
  Bytes least{};
  for (const int stick : host.channels <= kDesktopChannels * host.sockets ? sold->desktop : sold->server)
    for (const int a_channel : {1, 2}) {
      const Bytes size(static_cast<double>(stick) * a_channel * host.channels * kGiB);
      if (size >= needed && (least <= Bytes{} || size < least)) least = size;
    }
  return least;
}

// The joints between cards of a rig of nothing but such: a board's fabric, peers over PCIe. Bridges are bought apart.
std::vector<rig::Link> usual_peers(const Knowledge& knowledge, const rig::RigDevice& device, int cards) {
  const auto alike = find_rig(knowledge, std::to_string(cards) + 'x' + device.device.key);
  std::vector<rig::Link> links;
  if (alike)
    std::copy_if((*alike)->links.begin(), (*alike)->links.end(), std::back_inserter(links), [](const rig::Link& link) { return link.a >= 0 && link.b >= 0; });
  return links;
}

// `more` further cards like the first, in the first host, joined to it as the first is and to each other as such cards are.
rig::Rig with_cards(const Knowledge& knowledge, const rig::Rig& rig, int more) {
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
    for (const rig::Mesh& mesh : rig.meshes)
      if (mesh.first < chips) larger.meshes.push_back({first + mesh.first, mesh.count, mesh.type});
  }
  const bool all_alike = std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& one) { return one.device.key == rig.devices.front().device.key; });
  if (!all_alike) return larger;
  for (const rig::Link& link : usual_peers(knowledge, rig.devices.front(), static_cast<int>(larger.devices.size()) / std::max(1, chips)))
    if (std::max(link.a, link.b) >= owned && larger.devices[static_cast<std::size_t>(link.a)].card != larger.devices[static_cast<std::size_t>(link.b)].card)
      larger.links.push_back(link);
  return larger;
}

// "2x3090; host=..." with other numbers, and what that is; nothing where the spec is not one group of equal cards on one host.
struct Named { std::string spec; std::shared_ptr<const rig::Rig> rig; };
std::optional<Named> named_with(const Knowledge& knowledge, const rig::Rig& rig, int cards) {
  const std::string head(trim(std::string_view(rig.spec).substr(0, rig.spec.find(';'))));
  const std::size_t times = head.find('x'), digits = head.find_first_not_of("0123456789");
  const std::string name = times != std::string::npos && times > 0 && digits == times ? head.substr(times + 1) : head;
  if (rig.spec.find_first_of("|") != std::string::npos || name.find_first_of("+ ") != std::string::npos || name == "here" || name.empty()) return std::nullopt;
  const std::size_t rest = rig.spec.find(';');
  std::string spec = std::to_string(cards) + 'x' + name + (rest == std::string::npos ? "" : rig.spec.substr(rest));
  auto read = find_rig(knowledge, spec);   // "3090x2" holds a count of its own
  if (!read || (*read)->devices.back().card + 1 != cards) return std::nullopt;
  return Named{std::move(spec), std::move(*read)};
}

// What the question comes to on another rig, and of which model: its format where that is another than now.
struct Elsewhere { Outcome outcome; std::string model, quant; };

std::optional<Elsewhere> same_model_on(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, const rig::Rig& rig) {
  auto outcome = outcome_of(knowledge, now.request, now.engine, model, rig);
  return outcome ? std::optional(Elsewhere{std::move(*outcome), now.request.model, {}}) : std::nullopt;
}

// A format that nobody named goes by the room there; else the model is the same.
std::optional<Elsewhere> outcome_on(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, const rig::Rig& rig) {
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  if (now.architecture.origin != model::Origin::catalogue || (named && !named->quant.empty())) return same_model_on(knowledge, now, model, rig);
  PlanRequest request = now.request;
  request.rig = rig.spec;
  // A format that nobody named stays where it fits: speeds of two formats say nothing of the cards.
  if (named && now.assumed_quant && now.placement.fits) request.model = named->name + ':' + to_lower(now.architecture.quant);
  const auto asked = read_asked(knowledge, request);
  if (!asked) return std::nullopt;
  auto outcome = outcome_of(knowledge, asked->request, asked->engine, *asked->model, asked->rig);
  if (!outcome) return std::nullopt;
  return Elsewhere{std::move(*outcome), asked->request.model, asked->model->architecture.quant == now.architecture.quant ? std::string() : asked->model->architecture.quant};
}

void tell_speed(const Outcome& then, Upgrade& upgrade) {
  upgrade.decode = then.decode;
  upgrade.prefill = then.prefill;
}

int cards_of(const rig::Rig& rig) {
  int cards = 0;
  for (const rig::RigDevice& device : rig.devices) cards = std::max(cards, device.card + 1);
  return cards;
}

// Whether people build it: tensor parallel engines take powers of two.
bool is_built(int cards, bool powers_of_two) { return cards <= kMostCards && (!powers_of_two || (cards & (cards - 1)) == 0); }

Upgrade cards_upgrade(const rig::Rig& rig, int more, std::string spec) {
  Upgrade upgrade;
  upgrade.kind = Upgrade::Kind::card;
  upgrade.cards = more;
  upgrade.device = rig.devices.front().device.name;
  upgrade.rig = std::move(spec);
  return upgrade;
}

}  // namespace

namespace {

// The fewest further cards of the first kind with which it fits; where it does already, one more that makes it faster.
std::optional<Upgrade> more_cards(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  const rig::Rig& rig = now.rig;
  const bool on_host = now.placement.mode != placement::Mode::cpu && !placement::all_on_devices(now.architecture, now.placement);
  const int most = now.placement.fits ? (on_host ? 1 : 0) : kMostCards, owned = cards_of(rig);
  const bool powers_of_two = now.engine.kv_rule == catalog::KvRule::paged;
  for (int more = 1; more <= most; ++more) {
    if (!is_built(owned + more, powers_of_two)) continue;
    // By the words to ask it with where they can be written, for these assume a host of their own.
    auto named = named_with(knowledge, rig, owned + more);
    const auto then = named ? outcome_on(knowledge, now, model, *named->rig) : same_model_on(knowledge, now, model, with_cards(knowledge, rig, more));
    if (!then) continue;
    if (now.placement.fits && then->outcome.over_context <= decode_over_context(now)) return std::nullopt;
    Upgrade upgrade = cards_upgrade(rig, more, named ? std::move(named->spec) : std::string());
    upgrade.model = then->model;
    upgrade.quant = then->quant;
    tell_speed(then->outcome, upgrade);
    if (now.speed && now.placement.fits && upgrade.decode <= now.speed->decode.value.p50) return std::nullopt;
    return upgrade;
  }
  return std::nullopt;
}

// The least host memory with which it fits.
std::optional<Upgrade> more_memory(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  const rig::Host& host = now.rig.hosts.front();
  if (now.placement.fits || host.memory <= Bytes{}) return std::nullopt;
  rig::Rig roomy = now.rig;
  roomy.hosts.front().memory = Bytes(1e15);
  const auto then = outcome_of(knowledge, now.request, now.engine, model, roomy);
  if (!then || then->placement.host.total() <= host.available()) return std::nullopt;
  Upgrade upgrade;
  upgrade.kind = Upgrade::Kind::memory;
  upgrade.memory = sold_memory(host, then->placement.host.total() + host.reserved);
  if (upgrade.memory <= host.memory) return std::nullopt;
  upgrade.model = now.request.model;
  tell_speed(*then, upgrade);
  return upgrade;
}

}  // namespace

std::vector<Upgrade> find_upgrades(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  std::vector<Upgrade> upgrades;
  const rig::Rig& rig = now.rig;
  if (rig.devices.empty() || rig.hosts.size() != 1 || rig.devices.front().device.unified) return upgrades;
  if (!now.searched) return upgrades;
  if (now.placement.backend != "cpu")
    if (auto cards = more_cards(knowledge, now, model)) upgrades.push_back(std::move(*cards));
  if (auto memory = more_memory(knowledge, now, model)) upgrades.push_back(std::move(*memory));
  return upgrades;
}

}  // namespace rigcast::app
