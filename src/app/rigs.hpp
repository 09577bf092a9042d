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

// Of one Catalog. May be used by several threads.
class KnownRigs {
 public:
  // As rig::parse_rig. Files are read anew every time: they may have changed. Errors are not remembered.
  Result<std::shared_ptr<const rig::Rig>> find(const catalog::Catalog& catalog, std::string_view spec);

 private:
  static constexpr std::size_t kMost = 256, kMostDevices = 16384;   // all are forgotten when there are more
  std::mutex mutex_;                          // guards what follows
  std::map<std::string, std::shared_ptr<const rig::Rig>, std::less<>> by_spec_;
  std::size_t devices_ = 0;                   // of them all
};

}  // namespace rigcast::app
