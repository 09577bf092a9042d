// The kernels in plain C++: they work everywhere and are the fallback of every set for what it does not have.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bench/cpu/kernels.hpp"

namespace rigcast::bench {
namespace {

std::uint64_t read(const std::byte* from, std::size_t bytes) {
  std::uint64_t sum[4] = {};
  for (std::size_t i = 0; i + 32 <= bytes; i += 32)
    for (int lane = 0; lane < 4; ++lane) {
      std::uint64_t word;
      std::memcpy(&word, from + i + 8 * lane, 8);
      sum[lane] += word;
    }
  return sum[0] + sum[1] + sum[2] + sum[3];
}

void copy(std::byte* to, const std::byte* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

void triad(float* a, const float* b, const float* c, float s, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) a[i] = b[i] + s * c[i];
}

template <FormatId id>
void matmul(const Slice& slice) {
  const Format& format = format_of(id);
  const Activations& x = *slice.x;
  float block[256];
  const std::int64_t blocks = slice.columns / format.block;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    for (std::int64_t t = 0; t < x.tokens; ++t) slice.out[t * slice.out_stride + r] = 0;
    for (std::int64_t b = 0; b < blocks; ++b) {
      decode_block(format, slice.weights + r * slice.row_bytes + b * format.bytes, block);
      for (std::int64_t t = 0; t < x.tokens; ++t) {
        float sum = 0;
        for (int i = 0; i < format.block; ++i) {
          const std::int64_t at = t * x.padded + b * format.block + i;
          const float value = x.values ? x.values[static_cast<std::size_t>(at)]
                                       : static_cast<float>(x.q[static_cast<std::size_t>(at)]) * x.scale[static_cast<std::size_t>(at / 32)];
          sum += block[i] * value;
        }
        slice.out[t * slice.out_stride + r] += sum;
      }
    }
  }
}

void attention(const float* q, int heads, int dim, const std::uint16_t* keys, const std::uint16_t* values, std::int64_t depth, float scale, float* out,
               float* maximum, float* sum) {
  for (int h = 0; h < heads; ++h) {
    float* const o = out + h * dim;
    std::fill(o, o + dim, 0.0f);
    maximum[h] = -INFINITY, sum[h] = 0;
    for (std::int64_t t = 0; t < depth; ++t) {
      float score = 0;
      for (int i = 0; i < dim; ++i) score += q[h * dim + i] * half_to_float(keys[t * dim + i]);
      score *= scale;
      if (score > maximum[h]) {
        const float shrink = std::exp(maximum[h] - score);
        for (int i = 0; i < dim; ++i) o[i] *= shrink;
        sum[h] *= shrink, maximum[h] = score;
      }
      const float weight = std::exp(score - maximum[h]);
      sum[h] += weight;
      for (int i = 0; i < dim; ++i) o[i] += weight * half_to_float(values[t * dim + i]);
    }
  }
}

}  // namespace

void arrange_plain(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out) {
  constexpr std::int64_t kPad = 512;   // whole registers of whole blocks of every format
  out.columns = columns, out.padded = (columns + kPad - 1) / kPad * kPad;
  out.tokens = static_cast<std::int64_t>(values.size()) / columns;
  out.q.reset(), out.counts.reset(), out.values.reset();   // of another format: by these sets see what there is
  const auto total = static_cast<std::size_t>(out.padded * out.tokens);
  const bool exact = format.activation == Activation::exact;
  if (exact) {
    out.values = make_aligned<float>(total);
    out.halves = make_aligned<std::uint16_t>(total);
  } else {
    out.q = make_aligned<std::int8_t>(total);
    out.scale = make_aligned<float>(total / 32);
    out.sum = make_aligned<float>(total / 32);
  }
  const std::int64_t group = format.activation == Activation::q8_256 ? 256 : 32;
  for (std::int64_t t = 0; t < out.tokens; ++t) {
    const float* const from = values.data() + t * columns;
    const std::int64_t base = t * out.padded;
    for (std::int64_t i = 0; exact && i < columns; ++i) {
      out.values[static_cast<std::size_t>(base + i)] = from[i];
      out.halves[static_cast<std::size_t>(base + i)] = float_to_bf16(from[i]);
    }
    for (std::int64_t first = 0; !exact && first < columns; first += group) {
      const std::int64_t last = std::min(first + group, columns);
      float largest = 0;
      for (std::int64_t i = first; i < last; ++i) largest = std::max(largest, std::fabs(from[i]));
      const bool whole = format.activation == Activation::int8;
      const float scale = whole ? 1.0f : largest / 127.0f, inverse = whole ? 127.0f : scale > 0 ? 1.0f / scale : 0.0f;
      for (std::int64_t i = first; i < last; ++i) {
        const auto q = static_cast<std::int8_t>(std::nearbyint(from[i] * inverse));
        out.q[static_cast<std::size_t>(base + i)] = q;
        const auto small = static_cast<std::size_t>((base + i) / 32);
        out.scale[small] = scale;
        out.sum[small] += scale * static_cast<float>(q);
      }
    }
  }
}

const CpuKernels scalar_kernels = {
    .name = "scalar",
    .usable = [] { return true; },
    .read = read,
    .copy = copy,
    .triad = triad,
    .arrange = arrange_plain,
    .matvec = {matmul<FormatId::f32>, matmul<FormatId::f16>, matmul<FormatId::bf16>, matmul<FormatId::i8>, matmul<FormatId::q8_0>, matmul<FormatId::q4_0>,
               matmul<FormatId::mxfp4>, matmul<FormatId::q4_k>, matmul<FormatId::q6_k>},
    .matmul = {matmul<FormatId::f32>, matmul<FormatId::f16>, matmul<FormatId::bf16>, matmul<FormatId::i8>, matmul<FormatId::q8_0>, matmul<FormatId::q4_0>,
               matmul<FormatId::mxfp4>, matmul<FormatId::q4_k>, matmul<FormatId::q6_k>},
    .attention = attention,
};

namespace {
#if defined(__x86_64__)
constexpr const CpuKernels* kSets[] = {&amx_kernels, &avx512_kernels, &avx2_kernels, &scalar_kernels};
#elif defined(__aarch64__)
constexpr const CpuKernels* kSets[] = {&neon_kernels, &scalar_kernels};
#else
constexpr const CpuKernels* kSets[] = {&scalar_kernels};
#endif
}  // namespace

std::span<const CpuKernels* const> cpu_kernels() { return kSets; }

}  // namespace rigcast::bench
