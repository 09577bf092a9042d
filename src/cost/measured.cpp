#include "cost/measured.hpp"

#include "cost/norm.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost {
namespace {

MeasuredKernels find(const rig::Host& host, int threads, const Setting& setting, std::string_view one, std::string_view many, std::string_view format) {
  MeasuredKernels found;
  if (setting.group != "ggml" || setting.engine == "ik_llama.cpp") return found;   // which has kernels of its own
  for (const rig::KernelRate& k : host.kernels) {
    if (k.format != format || k.threads != used_cores(host, threads)) continue;
    if (k.kernel == one && k.tokens == 1) found.one = &k;
    if (k.kernel == many && k.tokens > 1) found.many = &k;
  }
  return found;
}

}  // namespace

MeasuredKernels measured_weights(const rig::Host& host, int threads, const Setting& setting, std::string_view format, bool experts) {
  if (experts)
    if (const MeasuredKernels found = find(host, threads, setting, "experts", "experts", format)) return found;
  return find(host, threads, setting, "matvec", "matmul", format);
}

MeasuredKernels measured_attention(const rig::Host& host, int threads, const Setting& setting, std::string_view key_quant, std::string_view value_quant) {
  return key_quant == value_quant ? find(host, threads, setting, "attention", "attention", key_quant) : MeasuredKernels{};
}

double reading_rate(const MeasuredKernels& kernels) {
  // The norm of bytes / rate and flop / many is the time of one token: for one token's bytes and flop of a second, one.
  constexpr double kLeast = 0.1;   // of time^4: many at once can be slower than one by itself, whose time is then the arithmetic's
  return kernels.one->bytes / norm_rest(1, kernels.one->flop / kernels.many->flop, kLeast);
}

}  // namespace rigcast::cost
