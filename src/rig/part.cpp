// A part of a Rig's devices, numbered anew, with the links between them.

#include <set>
#include <utility>

#include "rig/rig.hpp"

namespace rigcast::rig {

Rig only(const Rig& rig, FunctionRef<bool(const RigDevice&)> taken) {
  constexpr int kLeftOut = -1;   // devices count from 0
  Rig part = rig;
  part.devices.clear();
  part.links.clear();
  std::vector<int> number(rig.devices.size(), kLeftOut);
  for (std::size_t d = 0; d < rig.devices.size(); ++d) {
    if (!taken(rig.devices[d])) {
      part.idle.push_back(rig.devices[d].device.name);
      continue;
    }
    number[d] = static_cast<int>(part.devices.size());
    part.devices.push_back(rig.devices[d]);
    part.devices.back().index = number[d];
  }
  const auto is_there = [&](int end) { return end < 0 || number[static_cast<std::size_t>(end)] != kLeftOut; };
  const auto renumbered = [&](int end) { return end < 0 ? end : number[static_cast<std::size_t>(end)]; };
  for (Link link : rig.links) {
    if (!is_there(link.a) || !is_there(link.b)) continue;
    link.a = renumbered(link.a);
    link.b = renumbered(link.b);
    part.links.push_back(link);
  }
  return part;
}

std::int64_t cards_of(const Rig& rig) {
  std::set<std::pair<int, int>> cards;
  for (const RigDevice& device : rig.devices) cards.insert({device.host, device.card});
  return static_cast<std::int64_t>(cards.size());
}

}  // namespace rigcast::rig
