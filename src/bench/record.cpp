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

std::vector<rig::KernelRate> engine_rates(const std::vector<Record>& records, std::string_view processor) {
  const auto counts = [&](const Record& r) { return r.backend == "ggml" && r.name == processor && r.best > 0; };
  std::string_view day;
  for (const Record& r : records)
    if (counts(r) && r.date > day) day = r.date;
  std::vector<rig::KernelRate> rates;
  for (const Record& r : records) {
    const auto c = parse_case(r.what);
    if (!counts(r) || r.date != day || !c) continue;
    const Work work = work_of(*c);
    const rig::KernelRate rate{std::string(kernel_of(c->kind).name), c->format, c->shape.tokens, r.units, work.bytes.value() / r.best, work.flop.value() / r.best};
    const auto same = std::find_if(rates.begin(), rates.end(), [&](const rig::KernelRate& k) { return k.kernel == rate.kernel && k.format == rate.format && k.tokens == rate.tokens; });
    if (same == rates.end()) rates.push_back(rate);
    else if (rate.threads > same->threads || (rate.threads == same->threads && rate.flop > same->flop)) *same = rate;
  }
  return rates;
}

}  // namespace rigcast::bench
