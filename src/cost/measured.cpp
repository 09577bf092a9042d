#include "cost/measured.hpp"

#include "cost/norm.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost {
namespace {

bool counts(const rig::KernelRate& k, const rig::Host& host, int threads) { return k.threads == used_cores(host, threads); }

// ik_llama.cpp has kernels of its own.
bool is_timed_engine(const Setting& setting) { return setting.group == "ggml" && setting.engine != "ik_llama.cpp"; }

MeasuredKernels find(const rig::Host& host, int threads, const Setting& setting, std::string_view one, std::string_view many, std::string_view format,
                     double sharing = 0) {
  MeasuredKernels found;
  if (!is_timed_engine(setting)) return found;
  const auto nearer = [&](const rig::KernelRate& k, const rig::KernelRate* than) {
    if (!than || sharing <= 0 || k.sharing <= 0 || than->sharing <= 0) return !than;
    return std::fabs(std::log(k.sharing / sharing)) < std::fabs(std::log(than->sharing / sharing));
  };
  for (const rig::KernelRate& k : host.kernels) {
    if (k.format != format || !counts(k, host, threads)) continue;
    if (k.kernel == one && k.tokens == 1 && nearer(k, found.one)) found.one = &k;
    if (k.kernel == many && k.tokens > 1 && nearer(k, found.many)) found.many = &k;
  }
  return found;
}

}  // namespace

MeasuredKernels measured_weights(const rig::Host& host, int threads, const Setting& setting, std::string_view format, const Chosen& experts) {
  if (experts.used > 0)
    if (const MeasuredKernels found = find(host, threads, setting, "experts", "experts", format, experts.used / experts.of)) return found;
  return find(host, threads, setting, "matvec", "matmul", format);
}

MeasuredKernels measured_attention(const rig::Host& host, int threads, const Setting& setting, std::string_view key_quant, std::string_view value_quant, double heads_per_kv) {
  return key_quant == value_quant ? find(host, threads, setting, "attention", "attention", key_quant, heads_per_kv) : MeasuredKernels{};
}

std::optional<Seconds> measured_seconds(const rig::Host& host, int threads, const Setting& setting, const SmallOperations& of) {
  const rig::KernelRate* layer = nullptr;
  double any = 0;   // starting a product of a format that was not timed: waiting is the same
  for (const rig::KernelRate& k : host.kernels) {
    if (!counts(k, host, threads) || k.tokens != 1) continue;
    if (k.kernel == "layer") layer = &k;
    if (k.kernel == "matvec") any = std::max(any, k.start);
  }
  if (!is_timed_engine(setting) || !layer) return std::nullopt;
  constexpr double kFloat = 4;
  double seconds = of.operations * layer->start + (layer->bytes > 0 ? of.numbers * kFloat / layer->bytes : 0);
  const auto started = [&](const std::string& format) {
    const rig::KernelRate* const product = find(host, threads, setting, "matvec", "", format).one;
    return product && product->start > 0 ? product->start : any;
  };
  for (const auto& [format, count] : of.products) seconds += count * started(format);
  for (const auto& [format, count] : of.expert_products)
    if (!find(host, threads, setting, "experts", "experts", format)) seconds += count * started(format);
  return Seconds(seconds);
}

double reading_rate(const MeasuredKernels& kernels, double expert) {
  const double reading = expert / kernels.one->bytes, busy = expert > 0 ? reading / (kernels.one->start + reading) : 1;   // the rest of the time it starts
  // The norm of bytes / rate and flop / many is the time of one token: for one token's bytes and flop of a second, one.
  constexpr double kLeast = 0.1;   // of time^4: many at once can be slower than one by itself, whose time is then the arithmetic's
  return busy * kernels.one->bytes / norm_rest(1, busy * kernels.one->flop / kernels.many->flop, kLeast);
}

}  // namespace rigcast::cost
