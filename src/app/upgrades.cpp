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
#include "rig/rewrite.hpp"

namespace rigcast::app {
namespace {

constexpr int kMostCards = 8;          // in one host

// The sizes that the host's channels can be filled to, one or two sticks of one size on each, from small to large. Sticks that are sold: of
// DDR4 to 32 GB for desktops and to 128 registered, of DDR5 to 64 and to 128; what is soldered takes none.
std::vector<Bytes> sold_memory(std::string_view type, int channels, bool desktop) {
  struct Sticks { std::string_view type; std::vector<int> desktop, server; };
  static const std::vector<Sticks> kSold = {{"ddr3", {4, 8}, {8, 16, 32}}, {"ddr4", {8, 16, 32}, {16, 32, 64, 128}}, {"ddr5", {16, 24, 32, 48, 64}, {16, 32, 48, 64, 96, 128}}};
  const auto sold = std::find_if(kSold.begin(), kSold.end(), [&](const Sticks& each) { return equal_ignoring_case(each.type, type); });
  std::vector<Bytes> sizes;
  if (sold == kSold.end() || channels <= 0) return sizes;
  for (const int stick : desktop ? sold->desktop : sold->server)
    for (const int a_channel : {1, 2}) sizes.emplace_back(static_cast<double>(stick) * a_channel * channels * kGiB);
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
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
  larger.spec.clear();
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

// A rig in words, and what that is.
struct Named { std::string spec; std::shared_ptr<const rig::Rig> rig; };

std::optional<Named> named(const Knowledge& knowledge, std::optional<std::string> spec) {
  if (!spec) return std::nullopt;
  auto read = find_rig(knowledge, *spec);
  return read ? std::optional(Named{std::move(*spec), std::move(*read)}) : std::nullopt;
}

bool same_host(const rig::Host& a, const rig::Host& b) {
  const auto processor = [](const rig::Host& host) { return host.processor ? host.processor->key : host.name; };
  return processor(a) == processor(b) && a.sockets == b.sockets && a.channels == b.channels && a.memory == b.memory;
}

// The same machine with more cards: the host that was assumed for fewer is named where another would be assumed for so many, and from there on.
class MoreCards {
 public:
  MoreCards(const Knowledge& knowledge, const rig::Rig& rig) : knowledge_(knowledge), rig_(rig) {}
  std::optional<Named> with(int cards) {
    const rig::Host& host = rig_.hosts.front();
    const auto spec = rig::with_cards(rig_, cards);
    if (!spec) return std::nullopt;
    const auto counted = [&](std::optional<Named> larger) { return larger && larger->rig->devices.back().card + 1 == cards ? larger : std::nullopt; };   // "3090x2" holds a count of its own
    if (!keeps_host_) {
      auto larger = counted(named(knowledge_, spec));
      if (!larger || !host.unnamed || same_host(host, larger->rig->hosts.front())) return larger;
      keeps_host_ = true;
    }
    return counted(named(knowledge_, rig::with_host(*spec, rig::host_words(host, host.memory))));
  }

 private:
  const Knowledge& knowledge_;
  const rig::Rig& rig_;
  bool keeps_host_ = false;
};

// The model in the format that is planned now, whether somebody named it or it is assumed.
std::string in_format_of(const Knowledge& knowledge, const PlanAnswer& now) {
  const auto named = model::catalogue_spec(knowledge.catalog, now.request.model);
  return named && named->quant.empty() && now.assumed_quant ? named->name + ':' + to_lower(now.architecture->quant) : now.request.model;
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
  if (now.architecture->origin != model::Origin::catalogue || (named && !named->quant.empty())) return same_model_on(knowledge, now, model, rig);
  PlanRequest request = now.request;
  request.rig = rig.spec;
  // A format that nobody named stays where it fits: speeds of two formats say nothing of the cards.
  if (named && now.assumed_quant && now.placement.fits) request.model = in_format_of(knowledge, now);
  auto asked = read_asked(knowledge, request);
  if (!asked) return std::nullopt;
  if (named && now.assumed_quant && asked->model->architecture.weight_bytes() > now.architecture->weight_bytes()) {   // more room is no reason for a larger one
    request.model = in_format_of(knowledge, now);
    asked = read_asked(knowledge, request);
    if (!asked) return std::nullopt;
  }
  auto outcome = outcome_of(knowledge, asked->request, asked->engine, *asked->model, asked->rig);
  if (!outcome) return std::nullopt;
  return Elsewhere{std::move(*outcome), asked->request.model, asked->model->architecture.quant == now.architecture->quant ? std::string() : asked->model->architecture.quant};
}

void tell_speed(const Outcome& then, Upgrade& upgrade) {
  upgrade.decode = then.decode;
  upgrade.prefill = then.prefill;
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
  if (rig.devices.front().device.soldered) return std::nullopt;
  const bool on_host = now.placement.mode != placement::Mode::cpu && !placement::all_on_devices(*now.architecture, now.placement);
  const int most = now.placement.fits ? (on_host ? 1 : 0) : kMostCards, owned = static_cast<int>(rig::cards_of(rig));
  const bool powers_of_two = now.engine.kv_rule == catalog::KvRule::paged;
  MoreCards larger(knowledge, rig);
  for (int more = 1; more <= most; ++more) {
    if (!is_built(owned + more, powers_of_two)) continue;
    // By the words to ask it with where they can be written, for these assume a host of their own.
    auto named = larger.with(owned + more);
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

// What the nearest way lacks in all memories together; more than that need not be bought, much less does not do.
Bytes least_missing(const PlanAnswer& now) {
  Bytes least{};
  for (const placement::Rejected& each : now.rejected)
    if (each.missing > Bytes{} && (least <= Bytes{} || each.missing < least)) least = each.missing;
  return least;
}

// The first of the sizes, from small to large, with which it fits: what it comes to on `rig_with` so much. Sizes far below what is missing are
// not tried.
template <class RigWith>
std::optional<Upgrade> least_memory(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, const std::vector<Bytes>& sizes, RigWith rig_with) {
  constexpr double kSure = 0.8;   // of what is missing: ways are counted before their last layer is moved
  const Bytes memory = now.rig.hosts.front().memory, least = memory + kSure * least_missing(now);
  for (const Bytes size : sizes) {
    if (size <= memory || size < least) continue;
    const std::optional<Named> larger = rig_with(size);
    rig::Rig same = now.rig;
    same.hosts.front().memory = size;
    same.spec.clear();
    const auto then = outcome_of(knowledge, now.request, now.engine, model, larger ? *larger->rig : same);
    if (!then) continue;
    Upgrade upgrade;
    upgrade.kind = Upgrade::Kind::memory;
    upgrade.memory = size;
    upgrade.model = in_format_of(knowledge, now);
    if (larger) upgrade.rig = larger->spec;
    tell_speed(*then, upgrade);
    return upgrade;
  }
  return std::nullopt;
}

// The least host memory with which it fits.
std::optional<Upgrade> more_memory(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  constexpr int kDesktopChannels = 2;
  const rig::Host& host = now.rig.hosts.front();
  if (now.placement.fits || host.memory <= Bytes{}) return std::nullopt;
  const auto sizes = sold_memory(host.memory_type, host.channels, host.channels <= kDesktopChannels * host.sockets);
  return least_memory(knowledge, now, model, sizes, [&](Bytes size) { return named(knowledge, rig::with_memory(now.rig, size)); });
}

// The same devices in a host that takes more memory than this one can: eight channels of DDR4, which is what people buy for it.
std::optional<Upgrade> larger_host(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  constexpr const char* kType = "ddr4";
  constexpr int kChannels = 8;
  constexpr double kRate = 3200;
  const rig::Host& host = now.rig.hosts.front();
  if (now.placement.fits || host.memory <= Bytes{} || host.channels >= kChannels) return std::nullopt;
  rig::Host server;
  server.channels = kChannels, server.memory_type = kType, server.memory_mt_s = kRate;
  const auto spec = [&](Bytes size) { return named(knowledge, rig::with_host(now.rig.spec, rig::host_words(server, size))); };
  const auto sizes = sold_memory(kType, kChannels, false);
  const auto known = spec(sizes.front());
  if (!known) return std::nullopt;   // there are no words to ask with
  auto upgrade = least_memory(knowledge, now, model, sizes, spec);
  if (!upgrade) return std::nullopt;
  const rig::Host& then = known->rig->hosts.front();
  upgrade->kind = Upgrade::Kind::host;
  upgrade->device = then.processor ? then.processor->name : then.name;
  return upgrade;
}

// As many hosts again, where the engine shares a model between them.
std::optional<Upgrade> more_hosts(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  constexpr int kMostHosts = 8;
  const rig::Rig& rig = now.rig;
  const bool serves = now.engine.kv_rule == catalog::KvRule::paged && !catalog::text_of(now.engine, "across_hosts", rig.devices.front().device.architecture).empty();
  if (now.placement.fits || !serves) return std::nullopt;
  const int owned = static_cast<int>(rig.hosts.size());
  for (int hosts = 2 * owned; hosts <= kMostHosts; hosts *= 2) {
    auto larger = named(knowledge, rig::with_nodes(rig, hosts));
    if (!larger) return std::nullopt;
    PlanRequest request = now.request;
    request.model = in_format_of(knowledge, now);
    const auto then = outcome_of(knowledge, request, now.engine, model, *larger->rig);
    if (!then) continue;
    Upgrade upgrade;
    upgrade.kind = Upgrade::Kind::hosts;
    upgrade.hosts = hosts - owned;
    upgrade.rig = std::move(larger->spec);
    upgrade.model = std::move(request.model);
    tell_speed(*then, upgrade);
    return upgrade;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Upgrade> find_upgrades(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) {
  std::vector<Upgrade> upgrades;
  const rig::Rig& rig = now.rig;
  const auto add = [&](std::optional<Upgrade> upgrade) {
    if (upgrade) upgrades.push_back(std::move(*upgrade));
    return upgrade.has_value();
  };
  if (rig.devices.empty() || rig.hosts.empty() || rig.devices.front().device.unified || !now.searched) return upgrades;
  if (rig.hosts.size() == 1) {
    if (now.placement.backend != "cpu") add(more_cards(knowledge, now, model));
    if (!add(more_memory(knowledge, now, model))) add(larger_host(knowledge, now, model));
  }
  if (upgrades.empty()) add(more_hosts(knowledge, now, model));
  return upgrades;
}

}  // namespace rigcast::app
