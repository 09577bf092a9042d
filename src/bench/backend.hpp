#pragma once
// A Backend opens the devices it can reach; a Device prepares Cases; a Prepared case runs, is checked and says what it cost.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bench/kernel.hpp"
#include "bench/model_case.hpp"
#include "bench/world.hpp"

namespace rigcast::bench {

// What is known of an opened device, for the record beside every measurement.
struct DeviceInfo {
  std::string id;                 // "cpu", "cuda:0", "vulkan:1": how --device names it
  std::string backend;            // "cpu", "cuda", "opencl", "vulkan", "ggml" (an engine's own library on the processor)
  std::string name;               // as the driver prints it
  std::string driver;             // "CUDA 12.4 / 550.54.14", "Mesa 22.3.6 llvmpipe"
  std::string path;               // which kernels run: "avx512-vnni", "sm_90 mma", "subgroups of 8"
  std::string pci_address;        // joins it to what a probe found; empty unknown
  Bytes memory{};
  Bytes cache{};                  // the last level that could hold a whole matrix
  int units = 0;                  // threads, multiprocessors, compute units
  bool in_software = false;       // the processor pretending (lavapipe, PoCL): correct, never a figure to record
};

// State while measuring, where the device tells; empty where it does not.
struct Conditions {
  std::optional<double> clock_mhz, memory_clock_mhz, temperature, power;   // C, W
  std::vector<std::string> held_by;   // what kept the clock down: "power limit", "temperature"
};

// One timed stretch: `runs` executions back to back took `seconds`. Disturbed: the system gave the processor to somebody else meanwhile.
struct Sample { double seconds = 0; int runs = 1; bool disturbed = false; };

class Prepared {
 public:
  virtual ~Prepared() = default;
  // Executes the case `runs` times, waits, and times it with the device's own clock where it has one.
  virtual Result<Sample> run(int runs) = 0;
  // Largest difference between what the last run left behind and the reference, relative to the sum of magnitudes; 0 for exact.
  virtual Result<double> error() = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  virtual bool can(KernelKind kind, std::string_view format) const = 0;
  // Allocates and fills. Errors (system): out of memory with the bytes wanted, the driver's own words.
  virtual Result<std::unique_ptr<Prepared>> prepare(const Case& c) = 0;
  // One Step of a model, with made-up weights. Error (unsupported) where this device cannot yet.
  virtual Result<std::unique_ptr<Prepared>> prepare_model(const ModelCase&) { return fail(ErrorKind::unsupported, "models run on the processor only so far"); }
  // Its state now. May be called from another thread while a case runs.
  virtual Conditions conditions() { return {}; }
  // True after an error that the device does not recover from: it left the bus, its driver gave up.
  virtual bool lost() const { return false; }
};

struct Options {
  int threads = 0;       // processor: 0 all cores
  bool pin = true;       // processor: one thread stays on one core
  Bytes cold{};          // weights are spread over at least this much memory, so that caches do not help; 0: four times the last cache
};

struct Backend {
  std::string_view name;
  // The devices of this backend, or why there are none: "libcuda.so.1 is not installed".
  Result<std::vector<std::unique_ptr<Device>>> (*open)(const World& world, const Options& options);
};

// In order of preference: cuda, hip, vulkan, opencl, cpu, ggml.
std::span<const Backend> backends();

}  // namespace rigcast::bench
