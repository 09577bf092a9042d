#pragma once
// What layouts make the devices do, remembered: the same layout comes back with every context that leaves the weights where they are.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/layouts.hpp"
#include "base/recent.hpp"
#include "cost/load.hpp"
#include "placement/placement.hpp"

namespace rigcast::app {

// Of one Catalog and one Calibration. May be used by several threads.
class KnownLoads {
 public:
  KnownLayouts layouts;
  // `where`: model, rig, engine and the conditions as words; of the placement everything counts but how much memory it takes and what its
  // cache holds.
  std::shared_ptr<const cost::Load> find(const std::string& where, const placement::Placement& placement);
  void keep(const std::string& where, const placement::Placement& placement, std::shared_ptr<const cost::Load> load);

 private:
  struct Share {
    int device = 0;
    double fraction = 1;
    bool operator==(const Share&) const = default;
  };
  // What a Load follows from.
  struct Way {
    std::string backend;
    placement::Mode mode = placement::Mode::single;
    placement::Settings settings;   // whatever the context
    std::vector<int> tensor_device, kv_device;
    std::vector<double> lent;
    bool unread_cache = false, host_attention = false, widened_cache = false;
    std::vector<Share> devices;
    bool operator==(const Way&) const = default;
  };
  struct Known { Way way; std::shared_ptr<const cost::Load> load; };
  static Way way_of(const placement::Placement& placement);

  static constexpr std::size_t kMost = 6144;       // Loads remembered, some 10 kB each
  std::mutex mutex_;                               // guards what follows
  Recent<std::vector<Known>> known_{kMost};        // by where
  std::size_t count_ = 0;
};

}  // namespace rigcast::app
