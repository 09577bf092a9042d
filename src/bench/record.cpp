#include "bench/record.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace rigcast::bench {

Record to_record(const Measurement& m, std::string date) {
  return {.date = std::move(date), .device = m.device.id, .backend = m.device.backend, .name = m.device.name, .driver = m.device.driver, .path = m.device.path,
          .what = spell(m.what), .units = m.device.units, .bytes = m.work.bytes.value(), .flop = m.work.flop.value(), .median = m.median, .p10 = m.p10,
          .p90 = m.p90, .best = m.best, .error = m.error, .samples = static_cast<int>(m.seconds.size()), .disturbed = m.disturbed,
          .clock_mhz = m.conditions.clock_mhz.value_or(0), .memory_clock_mhz = m.conditions.memory_clock_mhz.value_or(0),
          .temperature = m.conditions.temperature.value_or(0), .power = m.conditions.power.value_or(0), .held_by = join(m.conditions.held_by, ", ")};
}

Bandwidth read_bandwidth(const std::vector<Record>& records, std::string_view processor) {
  std::string_view day;   // of the newest bench: of several on one day the best counts
  Bandwidth best{};
  for (const Record& record : records) {
    if (record.backend != "cpu" || record.name != processor || !record.what.starts_with("read:") || record.best <= 0) continue;
    const Bandwidth rate(record.bytes / record.best);
    if (record.date > day) day = record.date, best = rate;
    else if (record.date == day) best = std::max(best, rate);
  }
  return best;
}

}  // namespace rigcast::bench
