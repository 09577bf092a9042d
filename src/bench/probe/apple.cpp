// Macs, from system_profiler's text.

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {

// Sections are indented "Key: value" lines. Hardware: "Chip: Apple M3 Max", "Memory: 64 GB" (binary), "Total Number of Cores: 16 (12
// performance and 4 efficiency)". Displays: "Chipset Model", "Total Number of Cores: 40" (the GPU's), "VRAM (Total): 8 GB". An Intel
// Mac says "Processor Name" and has cards with memory of their own.
ToolReport parse_system_profiler(std::string_view text, FoundHost& host) {
  ToolReport report;
  bool displays = false;
  host.os = "macos";
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = trim(line.substr(0, colon)), value = trim(line.substr(colon + 1));
    const auto words = split_words(value);
    const long long count = words.empty() ? 0 : parse_int(words[0]).value_or(0);
    if (!raw.empty() && raw.front() != ' ') displays = key.starts_with("Graphics");
    if (!displays) {
      if (key == "Chip" || key == "Processor Name") {
        host.processor.name = std::string(value);
        host.processor.vendor = key == "Chip" ? "apple" : "intel";
        if (key == "Chip") host.processor.instruction_sets = {"neon", "dotprod", "f16c"};
      } else if (key == "Memory" && count > 0) {
        host.memory = Bytes(static_cast<double>(count) * kGiB);
      } else if (key == "Total Number of Cores" && count > 0) {
        host.processor.cores = host.processor.threads = host.processor.fast_cores = static_cast<int>(count);
        if (words.size() > 2 && words[1].starts_with('('))
          if (const auto fast = parse_int(words[1].substr(1))) host.processor.fast_cores = static_cast<int>(*fast);
      }
    } else if (key == "Chipset Model") {
      FoundDevice device{.name = std::string(value), .found_by = "system_profiler"};
      if (value.starts_with("Apple")) device.vendor = "apple", device.unified = true, device.memory = host.memory, device.runtimes = {"metal"};
      report.devices.push_back(std::move(device));
    } else if (!report.devices.empty()) {
      FoundDevice& device = report.devices.back();
      if (key == "Total Number of Cores" && count > 0) device.cores = static_cast<int>(count);
      if (key == "VRAM (Total)" && count > 0 && words.size() > 1)
        device.memory = Bytes(static_cast<double>(count) * (words[1] == "GB" ? kGiB : kMiB));
      if (key == "Vendor" && device.vendor.empty()) device.vendor = value.starts_with("AMD") ? "amd" : value.starts_with("Intel") ? "intel" : "";
      if (key == "Metal Support" && device.runtimes.empty()) device.runtimes = {"metal"};
      if (key == "Resolution") device.display = true;
    }
  }
  return report;
}

}  // namespace rigcast::bench
