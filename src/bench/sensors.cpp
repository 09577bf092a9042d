#include "bench/sensors.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.hpp"
#include "bench/measure.hpp"

namespace rigcast::bench {
namespace {

using Path = std::filesystem::path;

// ---- NVML: declarations of its stable C interface
constexpr int kSmClock = 1, kMemoryClock = 2;
constexpr unsigned kGpuTemperature = 0;
struct Reason { unsigned long long bit; const char* name; };
constexpr std::array kReasons = {Reason{0x4, "power limit"}, Reason{0x8, "hardware slowdown"}, Reason{0x20, "temperature"}, Reason{0x40, "temperature"}, Reason{0x80, "power brake"}};

struct Nvml {
  Library library;
  void* device = nullptr;
  template <class Function>
  Function* find(const char* name) const { return library.find<Function>(name); }
};

std::optional<Nvml> open_nvml(const World& world, const std::string& address) {
  const auto library = Library::open(world, "libnvidia-ml.so.1");
  if (!library) return std::nullopt;
  Nvml nvml{*library};
  auto* start = nvml.find<int()>("nvmlInit_v2");
  auto* by_address = nvml.find<int(const char*, void**)>("nvmlDeviceGetHandleByPciBusId_v2");
  if (!start || !by_address || start() != 0 || by_address(address.c_str(), &nvml.device) != 0) return std::nullopt;
  return nvml;
}

Conditions read_nvml(const Nvml& nvml) {
  Conditions now;
  unsigned value = 0;
  const auto ask = [&](const char* name, auto... extra) {
    auto* function = nvml.find<int(void*, decltype(extra)..., unsigned*)>(name);
    return function && function(nvml.device, extra..., &value) == 0;
  };
  if (ask("nvmlDeviceGetClockInfo", kSmClock)) now.clock_mhz = value;
  if (ask("nvmlDeviceGetClockInfo", kMemoryClock)) now.memory_clock_mhz = value;
  if (ask("nvmlDeviceGetTemperature", kGpuTemperature)) now.temperature = value;
  if (ask("nvmlDeviceGetPowerUsage")) now.power = value * 1e-3;
  unsigned long long reasons = 0;
  for (const char* name : {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"})
    if (auto* function = nvml.find<int(void*, unsigned long long*)>(name); function && function(nvml.device, &reasons) == 0) break;
  for (const Reason& reason : kReasons)
    if ((reasons & reason.bit) && std::find(now.held_by.begin(), now.held_by.end(), reason.name) == now.held_by.end()) now.held_by.emplace_back(reason.name);
  return now;
}

// ---- the kernel's hwmon files: hertz, thousandths of a degree, microwatts
Conditions read_hwmon(const World& world, const Path& folder) {
  Conditions now;
  const auto number = [&](const char* file, double scale) {
    const auto value = read_int(world, folder / file);
    return value && *value > 0 ? std::optional(static_cast<double>(*value) * scale) : std::nullopt;
  };
  now.clock_mhz = number("freq1_input", 1e-6);
  now.memory_clock_mhz = number("freq2_input", 1e-6);
  now.temperature = number("temp1_input", 1e-3);
  now.power = number("power1_average", 1e-6);
  if (!now.power) now.power = number("power1_input", 1e-6);
  return now;
}

std::optional<double> median(const std::vector<Conditions>& samples, std::optional<double> Conditions::*field) {
  std::vector<double> values;
  for (const Conditions& sample : samples)
    if (sample.*field) values.push_back(*(sample.*field));
  return values.empty() ? std::nullopt : std::optional(quantile(std::move(values), 0.5));
}

}  // namespace

std::function<Conditions()> sensors_of(const World& world, const std::string& address) {
  if (address.empty()) return {};
  if (auto nvml = open_nvml(world, address)) return [nvml = *nvml] { return read_nvml(nvml); };
  const Path root = Path("sys/bus/pci/devices") / address / "hwmon";
  for (const std::string& name : list_folder(world, root))
    return [world, folder = root / name] { return read_hwmon(world, folder); };
  return {};
}

Conditions summary(const std::vector<Conditions>& samples) {
  Conditions all{.clock_mhz = median(samples, &Conditions::clock_mhz), .memory_clock_mhz = median(samples, &Conditions::memory_clock_mhz), .temperature = {},
                 .power = median(samples, &Conditions::power), .held_by = {}};
  for (const Conditions& sample : samples) {
    if (sample.temperature) all.temperature = std::max(all.temperature.value_or(*sample.temperature), *sample.temperature);
    for (const std::string& reason : sample.held_by)
      if (std::find(all.held_by.begin(), all.held_by.end(), reason) == all.held_by.end()) all.held_by.push_back(reason);
  }
  return all;
}

Sampling::Sampling(Device& device, double seconds_between) {
  thread_ = std::thread([this, &device, seconds_between] {
    // The first reading waits a moment: what it should see is the device at work.
    constexpr auto kSlice = std::chrono::milliseconds(2);
    const auto pause = std::chrono::duration<double>(seconds_between);
    auto next = std::chrono::steady_clock::now() + pause / 4;
    while (!ended_.load()) {
      std::this_thread::sleep_for(kSlice);
      if (std::chrono::steady_clock::now() < next) continue;
      read_.push_back(device.conditions());
      next = std::chrono::steady_clock::now() + pause;
    }
    if (read_.empty()) read_.push_back(device.conditions());
  });
}

Sampling::~Sampling() { stop(); }

void Sampling::stop() {
  ended_.store(true);
  if (thread_.joinable()) thread_.join();
}

Conditions Sampling::end() {
  stop();
  return summary(read_);
}

}  // namespace rigcast::bench
