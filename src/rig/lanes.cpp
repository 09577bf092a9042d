// PCIe: which card gets how many lanes of which generation, and the joints that follow.

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "rig/assemble.hpp"

namespace rigcast::rig {
namespace {

struct Wiring {
  int generation = 0, lanes = 0;
  bool said = false;                 // by the user
  std::optional<catalog::LinkType> tunnel;  // USB4, Thunderbolt, OCuLink, NVLink-C2C instead of lanes
};

constexpr int kDesktopLanes = 28;    // processors with no more wire one x16 slot, or two x8 from it

Error standing_at(Error error, const Where& where) {
  error.where = where;
  return error;
}

// "4x8", "4.0x8", "gen4x8": generation and lanes.
Result<Wiring> read_pcie(const Option& option) {
  std::string text = to_lower(option.value);
  for (const char* noise : {"pcie", "gen", ".0", " "}) text = replace_all(text, noise, "");
  const auto parts = split(text, 'x');
  const std::int64_t generation = parse_int(parts.front()).value_or(0), lanes = parts.size() == 2 ? parse_int(parts.back()).value_or(0) : 0;
  constexpr std::array<std::int64_t, 5> widths = {1, 2, 4, 8, 16};
  if (generation < 1 || generation > 6 || std::find(widths.begin(), widths.end(), lanes) == widths.end())
    return fail(ErrorKind::input, "pcie: '" + option.value + "' is not GENERATIONxLANES (3x16, 4x4, 5x8)", option.where, "pcie");
  Wiring wiring;
  wiring.generation = static_cast<int>(generation);
  wiring.lanes = static_cast<int>(lanes);
  wiring.said = true;
  return wiring;
}

Result<std::optional<catalog::LinkType>> read_tunnel(const catalog::Catalog& catalog, const Card& card) {
  std::string name = card.device.link.host_link;
  Where where = card.where;
  if (const Option* option = find_option(card.options, "link")) name = option->value, where = option->where;
  for (const std::string_view flag : kTunnels)
    if (const Option* option = find_option(card.options, flag)) name = flag, where = option->where;
  if (name.empty()) return std::optional<catalog::LinkType>{};
  auto link = catalog.link(name);
  if (!link) return tl::unexpected<Error>(standing_at(link.error(), where));
  if (link->between_hosts) return fail(ErrorKind::infeasible, link->name + " joins hosts, not a device to its host: use net=", where, "link");
  return std::optional<catalog::LinkType>(std::move(*link));
}

// What the slots of a board give `count` cards when nobody says: a desktop splits its x16, a server gives x16 while they last.
int usual_lanes(const Host& host, int nth, int count) {
  const int lanes = host.processor ? host.processor->pcie_lanes * host.sockets : 0;
  if (lanes == 0) return 16;
  if (lanes <= kDesktopLanes) {
    if (count == 1) return std::min(16, lanes);
    if (count == 2) return 8;
    return count <= 4 ? 4 : nth < 4 ? 4 : 1;
  }
  for (const int width : {16, 8, 4})
    if (count * width <= lanes) return width;
  return nth * 4 < lanes ? 4 : 1;
}

Result<Wiring> wire(const catalog::Catalog& catalog, const Card& card, const Host& host, int nth, int count, std::vector<std::string>& notes) {
  Wiring wiring;
  RC_ASSIGN(tunnel, read_tunnel(catalog, card));
  wiring.tunnel = std::move(tunnel);
  if (wiring.tunnel && find_option(card.options, "egpu"))   // says where it is, and not how it is attached
    notes.push_back(card.device.name + " outside the case: " + wiring.tunnel->name + " is assumed; say usb4, tb3, tb5 or oculink");
  const catalog::DeviceLink& link = card.device.link;
  const int own_generation = link.pcie_generation > 0 ? link.pcie_generation : 4, own_lanes = link.pcie_lanes > 0 ? link.pcie_lanes : 16;
  const int host_generation = host.processor && host.processor->pcie_generation > 0 ? host.processor->pcie_generation : own_generation;
  if (const Option* option = find_option(card.options, "pcie")) {
    RC_ASSIGN(said, read_pcie(*option));
    wiring = said;
    if (said.generation > own_generation) notes.push_back(card.device.name + " is a PCIe " + std::to_string(own_generation) + ".0 card: the slot runs at that");
    if (said.lanes > own_lanes) notes.push_back(card.device.name + " has " + std::to_string(own_lanes) + " lanes: the slot's others stay idle");
    if (said.generation > host_generation && !host.assumed)
      notes.push_back(host.name + " has PCIe " + std::to_string(host_generation) + ".0: the slot runs at that");
  } else {
    wiring.generation = own_generation;
    wiring.lanes = usual_lanes(host, nth, count);
  }
  if (find_option(card.options, "chipset")) {
    wiring.lanes = std::min(wiring.lanes, 4);
    wiring.generation = std::min(wiring.generation, 4);
  }
  if (find_option(card.options, "riser") && !find_option(card.options, "pcie"))
    notes.push_back(card.device.name + " on a riser: long cables often force PCIe 3.0; say pcie=3x16 if yours does");
  wiring.generation = std::min({wiring.generation, own_generation, host.assumed && wiring.said ? own_generation : host_generation});
  wiring.lanes = std::min(wiring.lanes, own_lanes);
  return wiring;
}

Result<catalog::LinkType> pcie(const catalog::Catalog& catalog, int generation, int lanes) {
  return catalog.link("pcie" + std::to_string(generation) + "x" + std::to_string(lanes));
}

Result<void> join_chips(const catalog::Catalog& catalog, const Card& card, Rig& rig) {
  if (card.device.chips < 2 || !card.device.inter_chip) return {};
  RC_ASSIGN(on_card, catalog.link("on-card"));
  on_card.bandwidth = *card.device.inter_chip;
  rig.meshes.push_back({card.first_device, card.device.chips, std::move(on_card)});
  return {};
}

}  // namespace

Result<void> join_host(const catalog::Catalog& catalog, const std::vector<Card>& cards, int host, Rig& rig) {
  const Host where = rig.hosts[static_cast<std::size_t>(host)];
  const auto count = static_cast<int>(std::count_if(cards.begin(), cards.end(), [](const Card& card) { return !card.device.unified; }));
  int nth = 0, used = 0;
  bool narrowed = false;
  std::vector<std::string> notes;
  for (const Card& card : cards) {
    if (card.device.unified) {
      // The device's memory is the host's: a copy costs one pass over it, not a link.
      catalog::LinkType same;
      same.key = same.name = "unified memory";
      same.bandwidth = card.device.bandwidth.value_or(catalog::Fact<Bandwidth>{where.bandwidth, catalog::Basis::derived, {}});
      same.latency = {Seconds(1e-6), catalog::Basis::estimated, {"no copy over a link", ""}};
      rig.links.push_back({card.first_device, -1 - host, same, false});
      continue;
    }
    RC_ASSIGN(wiring, wire(catalog, card, where, nth++, count, notes));
    // Without a switch on the card its chips share the slot's lanes (B60 Dual: x8 and x8).
    const bool split_slot = card.device.chips > 1 && !card.device.inter_chip;
    const int lanes = split_slot ? std::max(1, wiring.lanes / card.device.chips) : wiring.lanes;
    RC_ASSIGN(slot, pcie(catalog, wiring.generation, lanes));
    const SharedLinkType type(wiring.tunnel.value_or(slot));
    if (!wiring.tunnel && !find_option(card.options, "chipset")) used += wiring.lanes;
    narrowed = narrowed || (!wiring.said && !wiring.tunnel && wiring.lanes < std::max(1, card.device.link.pcie_lanes));
    for (int chip = 0; chip < card.device.chips; ++chip) rig.links.push_back({card.first_device + chip, -1 - host, type, false});
    RC_TRY(join_chips(catalog, card, rig));
  }
  const int lanes = where.processor ? where.processor->pcie_lanes * where.sockets : 0;
  if (narrowed)
    notes.push_back(std::to_string(count) + " cards on " + std::to_string(lanes) + " PCIe lanes: fewer lanes a card are assumed; say pcie=4x8 where you know better");
  if (lanes > 0 && used > lanes)
    notes.push_back("the cards want " + std::to_string(used) + " PCIe lanes and " + where.name + " has " + std::to_string(lanes) + ": a switch or the chipset must share them");
  for (const std::string& note : notes)
    if (std::find(rig.notes.begin(), rig.notes.end(), note) == rig.notes.end()) rig.notes.push_back(note);
  return {};
}

}  // namespace rigcast::rig
