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

// The names of up to three cards of the same maker and family that do have NVLink.
std::string relatives_with_nvlink(const catalog::Catalog& catalog, const catalog::Device& device) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> names;
  for (const catalog::Entry& entry : catalog.entries(catalog::Kind::device)) {
    const auto other = catalog.device(entry.key, {}, catalog::Catalog::Advice::none);
    if (other && other->vendor == device.vendor && other->architecture == device.architecture && other->link.name.starts_with("NVLink") && names.size() < kMost)
      names.push_back(other->name);
  }
  return join(names, ", ");
}

// Says what would be possible instead: the fabric it has, PCIe, or cards of its family that have NVLink.
tl::unexpected<Error> refuse(const catalog::Catalog& catalog, const catalog::Device& device, const Wish& wish) {
  const catalog::DeviceLink& link = device.link;
  const auto because = [&](const std::string& why, const std::string& instead) { return fail(ErrorKind::infeasible, device.name + why, wish.where, "nvlink", instead); };
  if (link.nvlink) return because(" has no NVLink (it has " + link.name + ": say fabric)", "fabric");
  const std::string pcie = link.pcie_lanes > 0 ? "pcie=" + std::to_string(link.pcie_generation) + "x" + std::to_string(link.pcie_lanes) : std::string();
  if (!wish.is_nvlink) return because(" has no link to its peers: its cards talk over PCIe", pcie);
  const std::string relatives = relatives_with_nvlink(catalog, device);
  return because(relatives.empty() ? " has no NVLink: its cards talk over PCIe" : " has no NVLink; of its family have it: " + relatives, pcie);
}

Result<void> check_possible(const catalog::Catalog& catalog, const std::vector<Card>& cards, const Wish& wish) {
  if (wish.group <= 0) return {};
  for (const Card& card : cards) {
    const catalog::DeviceLink& link = card.device.link;
    const bool fits = link.nvlink && (!wish.is_nvlink || link.name.starts_with("NVLink"));
    if (fits || card.device.unified) continue;
    return refuse(catalog, card.device, wish);
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
Result<void> join_cards(const catalog::Catalog& catalog, const Card& a, const Card& b, Rig& rig) {
  const Card& slower = a.device.link.nvlink->value < b.device.link.nvlink->value ? a : b;
  RC_ASSIGN(read, fabric_type(catalog, slower.device));
  const SharedLinkType type(std::move(read));
  for (int i = 0; i < a.device.chips; ++i)
    for (int j = 0; j < b.device.chips; ++j) rig.links.push_back({a.first_device + i, b.first_device + j, type, true});
  return {};
}

// Whether this card of this rig may read its neighbours: options and the way it is attached decide before the driver's rule does.
bool has_peer_access(const Card& card, Os os) {
  if (find_option(card.options, "p2p")) return true;
  if (find_option(card.options, "no-p2p") || os == Os::windows) return false;
  const auto said = [&](std::string_view name) { return find_option(card.options, name) != nullptr; };
  // OCuLink is the slot's own lanes over a cable: no bridge stands between
  const bool bridged = said("link") || std::any_of(kTunnels.begin(), kTunnels.end(), [&](std::string_view name) { return !name.starts_with("oculink") && said(name); });
  return !bridged && card.device.link.reads_peers;
}

// One device that may read its neighbours over the joint it has with its host.
struct Reader {
  int device = 0;
  std::size_t card = 0;
  const std::string* vendor = nullptr;
  SharedLinkType joint;
};

// Devices of one host by pairs, so that a thousand of them are asked about in one look each.
class Pairs {
 public:
  Pairs(int first, int count) : first_(first), count_(static_cast<std::size_t>(count)), joined_(count_ * count_) {}
  void add(int a, int b) { joined_[at(a, b)] = true; }
  bool has(int a, int b) const { return joined_[at(a, b)]; }

 private:
  std::size_t at(int a, int b) const { return static_cast<std::size_t>(std::min(a, b) - first_) * count_ + static_cast<std::size_t>(std::max(a, b) - first_); }
  int first_;
  std::size_t count_;
  std::vector<bool> joined_;
};

std::vector<Reader> readers_of(const std::vector<Card>& cards, Os os, const Rig& rig) {
  std::vector<const SharedLinkType*> joints(rig.devices.size(), nullptr);
  for (const Link& link : rig.links)
    if (link.a >= 0 && link.b < 0 && !joints[static_cast<std::size_t>(link.a)]) joints[static_cast<std::size_t>(link.a)] = &link.type;
  std::vector<Reader> readers;
  for (std::size_t c = 0; c < cards.size(); ++c) {
    if (!has_peer_access(cards[c], os)) continue;
    for (int d = cards[c].first_device; d < cards[c].first_device + cards[c].device.chips; ++d)
      if (const SharedLinkType* joint = joints[static_cast<std::size_t>(d)]) readers.push_back({d, c, &cards[c].device.vendor, *joint});
  }
  return readers;
}

// Devices of one maker that nothing else joins; the slower of two joints sets the pace.
void join_over_pcie(const std::vector<Card>& cards, Os os, Rig& rig) {
  if (cards.empty()) return;
  const int first = cards.front().first_device, end = static_cast<int>(rig.devices.size());
  Pairs joined(first, end - first);
  for (const Link& link : rig.links)
    if (link.a >= first && link.b >= first) joined.add(link.a, link.b);
  const std::vector<Reader> readers = readers_of(cards, os, rig);
  for (std::size_t i = 0; i < readers.size(); ++i)
    for (std::size_t j = i + 1; j < readers.size(); ++j) {
      const Reader &a = readers[i], &b = readers[j];
      if (a.card == b.card || *a.vendor != *b.vendor || joined.has(a.device, b.device)) continue;
      rig.links.push_back({a.device, b.device, a.joint->bandwidth.value < b.joint->bandwidth.value ? a.joint : b.joint, true});
    }
}

}  // namespace

Result<void> join_peers(const catalog::Catalog& catalog, const std::vector<Card>& cards, const Part& part, int host, Rig& rig) {
  RC_ASSIGN(wish, read_wish(part));
  RC_TRY(check_possible(catalog, cards, wish));
  for (std::size_t i = 0; i < cards.size(); ++i)
    for (std::size_t j = i + 1; j < cards.size(); ++j) {
      const bool on_board = wish.group == 0 && cards[i].device.link.built_in && cards[j].device.link.built_in;
      const auto group = static_cast<std::size_t>(on_board ? cards[i].device.link.nvlink_peers : std::max(wish.group, 0));
      if (group == 0 || i / group != j / group || !same_fabric(cards[i], cards[j])) continue;
      RC_TRY(join_cards(catalog, cards[i], cards[j], rig));
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
  const SharedLinkType network(std::move(*type));
  for (int a = 0; a < static_cast<int>(rig.hosts.size()); ++a)
    for (int b = a + 1; b < static_cast<int>(rig.hosts.size()); ++b) rig.links.push_back({-1 - a, -1 - b, network, false});
  return {};
}

}  // namespace rigcast::rig
