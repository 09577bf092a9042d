#include "bench/record.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace rigcast::bench {
namespace {

// Whether samples agree well enough to say anything of the machine: where p10 to p90 is more than half the median something else was timed.
bool steady(const Record& r) {
  constexpr double kMost = 0.5;
  return r.median <= 0 || (r.p90 - r.p10) / r.median <= kMost;
}

// One case of an engine, at its best.
struct Timed { Case what; int threads; Work work; double seconds; };

// KernelRate::sharing: a rate of experts for one token is one of all, since what starting an expert costs is told apart.
double sharing(const Case& c) {
  if (c.kind == KernelKind::attention) return static_cast<double>(c.shape.heads) / c.shape.kv_heads;
  return c.kind == KernelKind::experts && c.shape.tokens > 1 ? static_cast<double>(c.shape.used) / c.shape.experts : 0;
}

bool one_kernel(const Timed& a, const Timed& b) {
  return a.what.kind == b.what.kind && a.what.format == b.what.format && a.what.shape.tokens == b.what.shape.tokens && sharing(a.what) == sharing(b.what);
}

// What one execution starts: the operations of a layer, the experts a token chooses, one product.
double starts(const Case& c) { return c.kind == KernelKind::layer ? kLayerOperations : c.kind == KernelKind::experts ? c.shape.used : 1; }
double bytes_of_start(const Timed& t) { return t.work.bytes.value() / starts(t.what); }

// Of the newest day, each case with the most threads it was run with.
std::vector<Timed> timed_cases(const std::vector<Record>& records, std::string_view processor) {
  std::string_view day;
  const auto counts = [&](const Record& r) { return r.backend == "ggml" && r.name == processor && r.median > 0 && steady(r); };
  for (const Record& r : records)
    if (counts(r) && r.date > day) day = r.date;
  std::vector<Timed> all;
  for (const Record& r : records) {
    const auto c = parse_case(r.what);
    if (!counts(r) || r.date != day || !c) continue;
    const Timed now{*c, r.units, work_of(*c), r.median};
    const auto same = std::find_if(all.begin(), all.end(), [&](const Timed& t) { return spell(t.what) == spell(*c); });
    if (same == all.end()) all.push_back(now);
    else if (now.threads > same->threads || (now.threads == same->threads && now.seconds < same->seconds)) *same = now;
  }
  return all;
}

// Of `small` and `large`, sizes of one kernel: t = starts x start + bytes / rate for both.
rig::KernelRate solved(rig::KernelRate rate, const Timed& small, const Timed& large) {
  constexpr double kApart = 2;   // closer sizes tell little more than their noise
  const double few = starts(large.what), many = starts(small.what), small_bytes = small.work.bytes.value(), large_bytes = large.work.bytes.value();
  const double per_byte = (large.seconds * many - small.seconds * few) / (large_bytes * many - small_bytes * few);
  const double start = (small.seconds - small_bytes * per_byte) / many;
  const bool layer = large.what.kind == KernelKind::layer;
  if (bytes_of_start(large) < kApart * bytes_of_start(small) || per_byte <= 0 || start <= 0) {
    rate.bytes = layer ? 0 : large_bytes / large.seconds;   // small ones may come from the caches
    rate.flop = large.work.flop.value() / large.seconds;
    if (layer) rate.start = small.seconds / many;
    return rate;
  }
  rate.start = start;
  rate.bytes = 1 / per_byte;
  rate.flop = large.work.flop.value() / (large.seconds - few * start);
  return rate;
}

// Of sizes of one kernel, all by as many threads: the best of them, or what smallest and largest tell together.
rig::KernelRate rate_of(const std::vector<const Timed*>& sizes) {
  const auto rate = [](const Timed* t) { return (t->work.flop.value() > 0 ? t->work.flop.value() : t->work.bytes.value()) / t->seconds; };
  const Timed* const best = *std::max_element(sizes.begin(), sizes.end(), [&](const Timed* a, const Timed* b) { return rate(a) < rate(b); });
  const auto [small, large] = std::minmax_element(sizes.begin(), sizes.end(), [](const Timed* a, const Timed* b) { return bytes_of_start(*a) < bytes_of_start(*b); });
  const Case& c = best->what;
  const rig::KernelRate found{.kernel = std::string(kernel_of(c.kind).name), .format = c.format, .tokens = c.shape.tokens, .threads = best->threads,
                        .bytes = best->work.bytes.value() / best->seconds, .flop = best->work.flop.value() / best->seconds, .sharing = sharing(c)};
  const bool told_apart = c.kind == KernelKind::matvec || c.kind == KernelKind::layer || (c.kind == KernelKind::experts && c.shape.tokens == 1);
  return told_apart ? solved(found, **small, **large) : found;
}

}  // namespace

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
    if (record.backend != "cpu" || record.name != processor || !record.what.starts_with("read:") || record.best <= 0 || !steady(record)) continue;
    const Bandwidth rate(record.bytes / record.best);
    if (record.date > day) day = record.date, best = rate;
    else if (record.date == day) best = std::max(best, rate);
  }
  return best;
}

std::vector<rig::KernelRate> engine_rates(const std::vector<Record>& records, std::string_view processor) {
  const std::vector<Timed> cases = timed_cases(records, processor);
  std::vector<rig::KernelRate> rates;
  for (auto one = cases.begin(); one != cases.end(); ++one) {
    if (std::any_of(cases.begin(), one, [&](const Timed& earlier) { return one_kernel(earlier, *one); })) continue;
    std::vector<const Timed*> sizes;
    int threads = 0;
    for (const Timed& other : cases)
      if (one_kernel(*one, other)) sizes.push_back(&other), threads = std::max(threads, other.threads);
    std::erase_if(sizes, [&](const Timed* t) { return t->threads < threads; });
    rates.push_back(rate_of(sizes));
  }
  return rates;
}

}  // namespace rigcast::bench
