#pragma once
// The rigs a process has been asked about, each read once: of a card and its host little is short.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "rig/rig.hpp"

namespace rigcast::app {

// What a rig takes to keep, in devices: a link between two of them takes a sixteenth of one, and hundreds of cards have one for each pair.
inline std::size_t room_of(const rig::Rig& rig) { return rig.devices.size() + rig.links.size() / 16; }

// Whether the same words may mean another rig the next time: they name a file or the machine at hand.
bool may_change(std::string_view spec);

// Of one Catalog. May be used by several threads.
class KnownRigs {
 public:
  // As rig::parse_rig. Files are read anew every time: they may have changed. Errors are not remembered.
  Result<std::shared_ptr<const rig::Rig>> find(const catalog::Catalog& catalog, std::string_view spec);

 private:
  static constexpr std::size_t kMost = 256, kMostRoom = 32768;   // all are forgotten when there are more
  std::mutex mutex_;                          // guards what follows
  std::map<std::string, std::shared_ptr<const rig::Rig>, std::less<>> by_spec_;
  std::size_t room_ = 0;                      // of them all
};

}  // namespace rigcast::app
