// NVLink, xGMI, HCCS and the like between devices of one host, peer-to-peer over PCIe, networks between hosts.

#include <algorithm>

#include "base/text.hpp"
#include "rig/assemble.hpp"

namespace rigcast::rig {
namespace {

// How the user wants devices joined: 0 nobody said, -1 not at all, else how many in a group (kAll: all).
constexpr int kAll = 1 << 30;
struct Wish {
  int group = 0;
  bool is_nvlink = false;   // said "nvlink", so nothing else will do
  Where where;
};

Result<Wish> read_wish(const Part& part) {
  Wish wish;
  for (const Option& option : part.options) {
    const std::string& name = option.name;
    if (name == "no-nvlink" || name == "no-fabric") wish = {-1, false, option.where};
    if (name == "nvlink-pairs" || name == "fabric-pairs") wish = {2, name.front() == 'n', option.where};
    if (name != "nvlink" && name != "fabric" && name != "bridge") continue;
    wish = {kAll, name == "nvlink", option.where};
    if (option.value.empty()) continue;
    const auto group = parse_int(option.value);
    if (!group || *group < 2 || *group > 4096) return fail(ErrorKind::input, name + ": '" + option.value + "' is not how many devices a bridge joins", option.where, name);
    wish.group = static_cast<int>(*group);
  }
  return wish;
}

Result<catalog::LinkType> fabric_type(const catalog::Catalog& catalog, const catalog::Device& device) {
  RC_ASSIGN(type, catalog.link(device.link.name));
  type.bandwidth = *device.link.nvlink;
  type.bandwidth.value *= type.usable_share;
  return type;
}

Result<void> check_possible(const std::vector<Card>& cards, const Wish& wish) {
  if (wish.group <= 0) return {};
  for (const Card& card : cards) {
    const catalog::DeviceLink& link = card.device.link;
    const bool fits = link.nvlink && (!wish.is_nvlink || link.name.starts_with("NVLink"));
    if (fits || card.device.unified) continue;
    const std::string has = link.nvlink ? " (it has " + link.name + ": say fabric)" : "";
    return fail(ErrorKind::infeasible, card.device.name + " has no " + (wish.is_nvlink ? "NVLink" : "link to its peers") + has, wish.where, "nvlink");
  }
  const std::size_t wanted = std::min<std::size_t>(cards.size(), static_cast<std::size_t>(wish.group));
  if (cards.size() < 2) return fail(ErrorKind::infeasible, "one card alone has no peer to be joined to", wish.where, "nvlink");
  for (const Card& card : cards) {
    const auto peers = static_cast<std::size_t>(card.device.link.nvlink_peers);
    if (wanted > peers)
      return fail(ErrorKind::infeasible, card.device.link.name + " joins at most " + std::to_string(peers) + " of " + card.device.name + ", not " + std::to_string(wanted),
                  wish.where, "nvlink", peers == 2 ? "nvlink-pairs" : "nvlink=" + std::to_string(peers));
  }
  return {};
}

bool same_fabric(const Card& a, const Card& b) {
  return a.device.link.nvlink && b.device.link.nvlink && a.device.link.name == b.device.link.name;
}

// The slower of two unlike cards sets the pace between them.
Result<void> join(const catalog::Catalog& catalog, const Card& a, const Card& b, Rig& rig) {
  const Card& slower = a.device.link.nvlink->value < b.device.link.nvlink->value ? a : b;
  RC_ASSIGN(type, fabric_type(catalog, slower.device));
  for (int i = 0; i < a.device.chips; ++i)
    for (int j = 0; j < b.device.chips; ++j) rig.links.push_back({a.first_device + i, b.first_device + j, type, true});
  return {};
}

// Whether this card of this rig may read its neighbours: options and the way it is attached decide before the driver's rule does.
bool has_peer_access(const Card& card, Os os) {
  if (find_option(card.options, "p2p")) return true;
  if (find_option(card.options, "no-p2p") || os == Os::windows) return false;
  for (const char* flag : {"usb4", "tb3", "tb4", "tb5", "egpu", "link"})
    if (find_option(card.options, flag)) return false;
  return reads_peers_over_pcie(card.device);
}

bool are_joined(const Rig& rig, int a, int b) {
  return std::any_of(rig.links.begin(), rig.links.end(), [&](const Link& link) { return (link.a == a && link.b == b) || (link.a == b && link.b == a); });
}

const catalog::LinkType* host_joint(const Rig& rig, int device) {
  const auto at = std::find_if(rig.links.begin(), rig.links.end(), [&](const Link& link) { return link.a == device && link.b < 0; });
  return at == rig.links.end() ? nullptr : &at->type;
}

void join_over_pcie(const std::vector<Card>& cards, Os os, Rig& rig) {
  for (std::size_t i = 0; i < cards.size(); ++i)
    for (std::size_t j = i + 1; j < cards.size(); ++j) {
      if (!has_peer_access(cards[i], os) || !has_peer_access(cards[j], os) || cards[i].device.vendor != cards[j].device.vendor) continue;
      for (int a = cards[i].first_device; a < cards[i].first_device + cards[i].device.chips; ++a)
        for (int b = cards[j].first_device; b < cards[j].first_device + cards[j].device.chips; ++b) {
          const catalog::LinkType* first = host_joint(rig, a);
          const catalog::LinkType* second = host_joint(rig, b);
          if (!first || !second || are_joined(rig, a, b)) continue;
          const catalog::LinkType slower = first->bandwidth.value < second->bandwidth.value ? *first : *second;
          rig.links.push_back({a, b, slower, true});
        }
    }
}

}  // namespace

bool reads_peers_over_pcie(const catalog::Device& device) {
  if (device.unified || !device.link.host_link.empty()) return false;
  if (device.vendor == "nvidia") return device.name.find("GeForce") == std::string::npos && device.name.find("CMP") == std::string::npos;
  if (device.vendor == "amd") return device.name.find("RX") == std::string::npos;
  return false;
}

Result<void> join_peers(const catalog::Catalog& catalog, const std::vector<Card>& cards, const Part& part, int host, Rig& rig) {
  RC_ASSIGN(wish, read_wish(part));
  RC_TRY(check_possible(cards, wish));
  for (std::size_t i = 0; i < cards.size(); ++i)
    for (std::size_t j = i + 1; j < cards.size(); ++j) {
      const bool on_board = wish.group == 0 && cards[i].device.link.built_in && cards[j].device.link.built_in;
      const auto group = static_cast<std::size_t>(on_board ? cards[i].device.link.nvlink_peers : std::max(wish.group, 0));
      if (group == 0 || i / group != j / group || !same_fabric(cards[i], cards[j])) continue;
      RC_TRY(join(catalog, cards[i], cards[j], rig));
    }
  if (wish.group > 1 && wish.group != kAll && cards.size() % static_cast<std::size_t>(wish.group) != 0)
    rig.notes.push_back("the last " + std::to_string(cards.size() % static_cast<std::size_t>(wish.group)) + " of " + std::to_string(cards.size()) + " cards have no full group of " +
                        std::to_string(wish.group) + " to be joined in");
  join_over_pcie(cards, rig.hosts[static_cast<std::size_t>(host)].os, rig);
  return {};
}

Result<void> join_hosts(const catalog::Catalog& catalog, const Option* net, Rig& rig) {
  if (rig.hosts.size() < 2) {
    if (net) return fail(ErrorKind::input, "net= joins several hosts and there is one: separate hosts by '|' or say nodes=2", net->where, "net");
    return {};
  }
  std::string name = net ? net->value : "10gbe";
  if (!net) {
    const auto all = [&](auto&& predicate) { return !rig.devices.empty() && std::all_of(rig.devices.begin(), rig.devices.end(), predicate); };
    if (all([](const RigDevice& d) { return d.device.vendor == "apple"; })) name = "thunderbolt-bridge";
    else if (all([](const RigDevice& d) { return d.device.key == "dgx-spark-gb10"; })) name = "connectx-7-spark";
    else if (all([](const RigDevice& d) { return d.device.link.built_in; })) name = "infiniband-ndr";
  }
  auto type = catalog.link(name);
  if (!type) {
    Error error = type.error();
    if (net) error.where = net->where;
    return tl::unexpected<Error>(std::move(error));
  }
  if (!type->between_hosts) return fail(ErrorKind::infeasible, type->name + " does not join hosts", net ? net->where : Where{}, "net", "10gbe");
  if (!net) rig.notes.push_back("hosts are joined by " + type->name + " (assumed); say net=25gbe");
  for (int a = 0; a < static_cast<int>(rig.hosts.size()); ++a)
    for (int b = a + 1; b < static_cast<int>(rig.hosts.size()); ++b) rig.links.push_back({-1 - a, -1 - b, *type, false});
  return {};
}

}  // namespace rigcast::rig
