#include "bench/measure.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "bench/sensors.hpp"

namespace rigcast::bench {
namespace {

// Runs enough executions per sample that clock and start-up do not show.
Result<int> runs_per_sample(Prepared& prepared, double sample_seconds) {
  int runs = 1;
  while (runs < 1 << 20) {
    const auto sample = prepared.run(runs);
    if (!sample) return tl::unexpected(sample.error());
    if (sample->seconds >= 0.5 * sample_seconds) return std::max(1, static_cast<int>(std::lround(runs * sample_seconds / sample->seconds)));
    runs *= 4;
  }
  return runs;
}

Result<void> collect(Prepared& prepared, const Effort& effort, const std::atomic<bool>& stop, Measurement& out) {
  RC_ASSIGN(runs, runs_per_sample(prepared, effort.sample_seconds));
  std::vector<double> all;
  double spent = 0;
  // A disturbed machine gets three times the samples to find quiet ones.
  for (int taken = 0; taken < 3 * effort.most; ++taken) {
    const int quiet = static_cast<int>(out.seconds.size());
    if (quiet >= effort.least && (spent >= effort.seconds || quiet >= effort.most)) break;
    if (taken >= effort.least && spent >= 3 * effort.seconds) break;
    if (stop.load() && taken > 0) break;
    const auto sample = prepared.run(runs);
    if (!sample) return tl::unexpected(sample.error());
    spent += sample->seconds;
    all.push_back(sample->seconds / sample->runs);
    if (sample->disturbed) ++out.disturbed;
    else out.seconds.push_back(all.back());
  }
  out.best = all.empty() ? 0 : *std::min_element(all.begin(), all.end());
  if (static_cast<int>(out.seconds.size()) < std::min(3, effort.least)) out.seconds = all;   // never quiet: say so and use what there is
  return {};
}

// Runs once, compares, and only then times; what goes wrong becomes the Measurement's failure.
void check_and_time(Device& device, Result<std::unique_ptr<Prepared>> prepared, double tolerance, const Effort& effort, const std::atomic<bool>& stop, Measurement& out) {
  const auto give_up = [&](std::string why) { out.failure = std::move(why); };
  if (!prepared) return give_up(prepared.error().message);
  if (const auto first = (*prepared)->run(1); !first) return give_up(first.error().message);
  const auto error = (*prepared)->error();
  if (!error) return give_up(error.error().message);
  out.error = *error;
  if (!(out.error <= tolerance))
    return give_up("wrong result: differs from the reference by " + format_significant(out.error, 2) + " where " + format_significant(tolerance, 2) + " is accepted");
  constexpr double kBetweenReadings = 0.05;   // s: a reading takes well below a thousandth of that
  Sampling sampling(device, kBetweenReadings);
  const auto timed = collect(**prepared, effort, stop, out);
  out.conditions = sampling.end();
  if (!timed) {   // what was timed before it failed is not lost
    if (out.seconds.empty()) return give_up(timed.error().message);
    out.broke_off = timed.error().message;
    out.best = *std::min_element(out.seconds.begin(), out.seconds.end());
  }
  out.median = quantile(out.seconds, 0.5);
  out.p10 = quantile(out.seconds, 0.1);
  out.p90 = quantile(out.seconds, 0.9);
}

}  // namespace

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

Measurement measure(Device& device, const Case& c, const Effort& effort, const std::atomic<bool>& stop) {
  Measurement out;
  out.what = c, out.work = work_of(c), out.device = device.info();
  out.rerun = "rigcast bench --device " + out.device.id + " --kernel " + spell(c);
  if (!device.can(c.kind, c.format)) out.failure = "this device has no such kernel";
  else check_and_time(device, device.prepare(c), kernel_of(c.kind).tolerance, effort, stop, out);
  return out;
}

Measurement measure(Device& device, const ModelCase& c, const Effort& effort, const std::atomic<bool>& stop) {
  Measurement out;
  out.work = work_of(c), out.device = device.info();
  check_and_time(device, device.prepare_model(c), kernel_of(KernelKind::matmul).tolerance, effort, stop, out);
  return out;
}

namespace {

// What only an engine has: what a layer does between its products, at two widths; small products and experts, which tell beside large ones what
// starting one costs; attention by how many heads share a cache.
void add_engine_cases(const Device& device, bool quick, std::vector<Case>& cases) {
  const auto add = [&](KernelKind kind, std::string format, Shape shape) {
    if (device.can(kind, format)) cases.push_back({kind, std::move(format), shape});
  };
  add(KernelKind::layer, "f32", {.rows = 3072, .columns = 1024, .heads = 16, .kv_heads = 8, .head_dim = 128});
  add(KernelKind::layer, "f32", {.rows = 12288, .columns = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128});
  for (const char* format : {"q8_0", "q4_0", "q4_k", "q6_k", "f16"}) add(KernelKind::matvec, format, {.rows = 1024, .columns = 1024});
  for (const int heads : {16, 64, 8})
    if (!quick || heads == 16) add(KernelKind::attention, "f16", {.heads = heads, .kv_heads = 8, .head_dim = 128, .depth = 4096});
}

}  // namespace

std::vector<Case> standard_cases(const Device& device, bool quick) {
  const DeviceInfo& info = device.info();
  constexpr std::int64_t kMiBytes = 1 << 20, kPrompt = 128;
  const double room = std::min(info.memory.value() / 4, 4 * kGiB);
  const double wanted = std::clamp(4 * info.cache.value(), 512 * kMiB, std::max(64 * kMiB, room));
  const std::int64_t size = static_cast<std::int64_t>(wanted) / (64 * kMiBytes) * (64 * kMiBytes);
  const bool engine = info.backend == "ggml";   // whose experts and attention take several tokens, and differ by format
  std::vector<Case> cases;
  const auto add = [&](KernelKind kind, std::string format, Shape shape) {
    if (device.can(kind, format)) cases.push_back({kind, std::move(format), shape});
  };
  add(KernelKind::read, "", {.bytes = size});
  add(KernelKind::copy, "", {.bytes = size / 2});
  if (!quick) add(KernelKind::triad, "", {.bytes = size / 4 / 64 * 64});
  add(KernelKind::launch, "", {});
  for (const char* format : {"q8_0", "q4_0", "q4_k", "q6_k", "f16", "bf16", "mxfp4"}) {
    if (quick && (std::string_view(format) == "bf16" || std::string_view(format) == "mxfp4")) continue;
    add(KernelKind::matvec, format, {.rows = 14336, .columns = 4096});
  }
  for (const char* format : {"f16", "bf16", "i8", "q8_0", "q4_0", "q4_k", "q6_k", "f32"}) {
    const bool rare = std::string_view(format) == "i8" || std::string_view(format) == "f32" || std::string_view(format) == "bf16";
    if (quick && rare) continue;
    const bool processor = info.backend == "cpu" || engine || info.in_software;
    const Shape shape{.rows = processor ? 1024 : 4096, .columns = 4096, .tokens = processor ? kPrompt : 512};
    add(KernelKind::matmul, format, shape);
    if (!quick) add(KernelKind::gemm, format, shape);
  }
  for (const std::int64_t depth : {std::int64_t{4096}, std::int64_t{32768}})
    if (!quick || depth == 4096) add(KernelKind::attention, "f16", {.heads = 32, .kv_heads = 8, .head_dim = 128, .depth = depth});
  if (engine) add_engine_cases(device, quick, cases);
  if (engine) add(KernelKind::attention, "f16", {.tokens = kPrompt, .heads = 32, .kv_heads = 8, .head_dim = 128, .depth = 4096});
  const Shape many{.rows = 768, .columns = 2048, .experts = 128, .used = 8}, few{.rows = 14336, .columns = 4096, .experts = 8, .used = 2};
  const auto add_experts = [&](Shape shape, bool prompt) {
    for (const char* format : {"q4_k", "q4_0", "q8_0", "q6_k"})
      for (const std::int64_t tokens : {std::int64_t{1}, kPrompt}) {
        shape.tokens = tokens;
        if ((engine || std::string_view(format) == "q4_k") && (prompt || tokens == 1)) add(KernelKind::experts, format, shape);
      }
  };
  add_experts(many, engine);
  if (engine) add_experts(few, !quick);
  for (const KernelKind kind : {KernelKind::copy_in, KernelKind::copy_out, KernelKind::copy_both, KernelKind::copy_peer, KernelKind::copy_peer_both, KernelKind::all_reduce})
    if (!quick || kind == KernelKind::copy_in || kind == KernelKind::copy_out) add(kind, "", {.bytes = 256 * kMiBytes});
  return cases;
}

}  // namespace rigcast::bench
