// Every set of processor kernels that this machine can run against the reference: small, so that an emulator runs it (tests/arm/run.sh).

#include <cmath>
#include <cstdio>
#include <string>

#include "bench/cpu/kernels.hpp"

namespace {

using namespace rigcast::bench;

constexpr std::int64_t kColumns = 512;

int wrong_products(const CpuKernels& set, const Format& format, int tokens, int rows) {
  const auto kernel = (tokens == 1 ? set.matvec : set.matmul)[static_cast<std::size_t>(format.id)];
  if (kernel == nullptr) return 0;
  const Tile tile = make_tile(format);
  const std::int64_t row_bytes = kColumns / format.block * format.bytes;
  const auto bytes = static_cast<std::size_t>(rows * row_bytes);
  std::vector<std::byte> weights(bytes + 4096);   // kernels may read ahead
  fill(tile, 0, std::span(weights).first(bytes));
  const std::vector<float> x = activations(1, tokens * kColumns);
  Activations arranged;
  arranged.tokens = tokens;
  set.arrange(format, x, kColumns, arranged);
  std::vector<float> out(static_cast<std::size_t>(tokens * rows));
  kernel({weights.data(), row_bytes, kColumns, rows, &arranged, out.data(), rows});
  int wrong = 0;
  for (int t = 0; t < tokens; ++t) {
    const auto seen = rounded(std::span(x).subspan(static_cast<std::size_t>(t * kColumns), kColumns), format.activation);
    for (int r = 0; r < rows; ++r) {
      const Product expected = reference_row(tile, 0, r, seen);
      wrong += std::fabs(out[static_cast<std::size_t>(t * rows + r)] - expected.value) > 1e-4 * expected.magnitude + 1e-5 ? 1 : 0;
    }
  }
  return wrong;
}

int wrong_attention(const CpuKernels& set) {
  constexpr int heads = 5, dim = 64;
  constexpr std::int64_t depth = 77;
  const auto halves = [](std::uint64_t seed) {
    std::vector<std::uint16_t> out;
    for (const float value : activations(seed, depth * dim)) out.push_back(float_to_half(value));
    return out;
  };
  const std::vector<float> q = activations(9, heads * dim);
  const auto keys = halves(10), values = halves(11);
  float out[2][heads * dim], maximum[2][heads], sum[2][heads];
  int which = 0;
  for (const CpuKernels* each : {&set, &scalar_kernels}) {
    each->attention(q.data(), heads, dim, keys.data(), values.data(), depth, 0.125f, out[which], maximum[which], sum[which]);
    ++which;
  }
  int wrong = 0;
  for (int i = 0; i < heads * dim; ++i) wrong += std::fabs(out[0][i] / sum[0][i / dim] - out[1][i] / sum[1][i / dim]) > 1e-4f ? 1 : 0;
  return wrong;
}

}  // namespace

int main() {
  int all = 0;
  for (const CpuKernels* set : cpu_kernels()) {
    if (!set->usable()) continue;
    const std::string name(set->name);
    for (const Format& format : formats)
      for (const int tokens : {1, 2, 7})
        for (const int rows : {1, 5, 13})
          if (const int wrong = wrong_products(*set, format, tokens, rows); wrong > 0) {
            std::printf("%s, %s: %d of %d products of %d tokens are wrong\n", name.c_str(), std::string(format.name).c_str(), wrong, tokens * rows, tokens);
            all += wrong;
          }
    const int wrong = wrong_attention(*set);
    std::printf("%s: attention %s\n", name.c_str(), wrong > 0 ? "is wrong" : "ok");
    all += wrong;
  }
  return all > 0 ? 1 : 0;
}
