#pragma once
// Sensors tell the state of a device while it works: its clocks, temperature and power, and what holds its clock down.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/backend.hpp"
#include "bench/world.hpp"

namespace rigcast::bench {

// Reads the present state of the card at this PCI address: through NVML, else from the driver's files. Empty where nothing tells.
std::function<Conditions()> sensors_of(const World& world, const std::string& pci_address);

// Reads a device's state again and again on a thread of its own until it ends.
class Sampling {
 public:
  Sampling(Device& device, double seconds_between);
  Sampling(const Sampling&) = delete;
  Sampling& operator=(const Sampling&) = delete;
  ~Sampling();
  // Ends it: medians of what was read, the highest temperature, and every reason that held the clock down at any time.
  Conditions end();

 private:
  void stop();
  std::atomic<bool> ended_{false};
  std::vector<Conditions> read_;
  std::thread thread_;
};

Conditions summary(const std::vector<Conditions>& samples);

}  // namespace rigcast::bench
