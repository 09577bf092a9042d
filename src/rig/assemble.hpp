#pragma once
// The steps from the words of a spec to a Rig; each works on one host's devices.

#include "rig/host_spec.hpp"
#include "rig/rig.hpp"
#include "rig/spec.hpp"

namespace rigcast::rig {

// GiB of memory that four slots hold at most: more is a server's eight channels.
inline constexpr double kMostOnADesktop = 256;

// One card or chip as asked for, with what was said of it.
struct Card {
  catalog::Device device;
  std::optional<Bytes> memory;      // override: unified size, or a card of another memory
  std::vector<Option> options;      // the part's, then its own: the last word counts
  Where where;
  int first_device = 0;             // of its chips in Rig::devices
};

// Of cards, those that share their memory with the host.
std::size_t unified_chips(const std::vector<Card>& cards);

// The last option of this name; nullptr: not said.
const Option* find_option(const std::vector<Option>& options, std::string_view name);

// Looks devices up and applies counts.
Result<std::vector<Card>> resolve_cards(const catalog::Catalog& catalog, const Part& part);

// Devices of one host into the rig, with memory, reserves and power caps.
Result<void> add_devices(std::vector<Card>& cards, int host, Rig& rig);

// The joints between devices and their host: PCIe lanes wired, tunnels, chips of one card.
Result<void> join_host(const catalog::Catalog& catalog, const std::vector<Card>& cards, int host, Rig& rig);

// The joints between devices of one host: NVLink bridges, module boards, peer-to-peer over PCIe.
Result<void> join_peers(const catalog::Catalog& catalog, const std::vector<Card>& cards, const Part& part, int host, Rig& rig);

// The network between hosts.
Result<void> join_hosts(const catalog::Catalog& catalog, const Option* net, Rig& rig);

}  // namespace rigcast::rig
