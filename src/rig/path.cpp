// The best path between two memories of a Rig: a joint of their own, else through the hosts.

#include <algorithm>

#include "rig/rig.hpp"

namespace rigcast::rig {
namespace {

Path direct(const Rig& rig, int a, int b) {
  Path best;
  for (const Link& link : rig.links) {
    if (!((link.a == a && link.b == b) || (link.a == b && link.b == a))) continue;
    if (link.type->bandwidth.value <= best.bandwidth) continue;
    best = {link.type->bandwidth.value, link.type->latency.value, !link.peer_to_peer && a >= 0 && b >= 0, link.type->name};
  }
  for (const Mesh& mesh : rig.meshes)
    if (a != b && mesh.holds(a) && mesh.holds(b) && mesh.type->bandwidth.value > best.bandwidth)
      best = {mesh.type->bandwidth.value, mesh.type->latency.value, false, mesh.type->name};
  return best;
}

// Two legs, one after the other: the slower decides the bandwidth.
Path chain(const Path& first, const Path& second) {
  if (first.bandwidth.value() <= 0 || second.bandwidth.value() <= 0) return {};
  return {std::min(first.bandwidth, second.bandwidth), first.latency + second.latency, true,
          first.name == second.name ? first.name : first.name + " + " + second.name};
}

int host_of(const Rig& rig, int end) { return end < 0 ? end : -1 - rig.devices[static_cast<std::size_t>(end)].host; }

}  // namespace

Path path_between(const Rig& rig, int a, int b) {
  if (const Path own = direct(rig, a, b); own.bandwidth.value() > 0) return own;
  const int ha = host_of(rig, a), hb = host_of(rig, b);
  Path path = a == ha ? Path{} : direct(rig, a, ha);
  if (ha != hb) {
    const Path between = direct(rig, ha, hb);
    path = a == ha ? between : chain(path, between);
  }
  if (b == hb) return path;
  const Path last = direct(rig, hb, b);
  return a == ha && ha == hb ? last : chain(path, last);
}

}  // namespace rigcast::rig
