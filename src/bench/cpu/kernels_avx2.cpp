// AVX2 with FMA and F16C: every x86 processor since 2013 (Intel) and 2015 (AMD). Integer products go through maddubs, unsigned weights
// times signed activations into 16 bits, which the small weights of these formats never overflow.

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "bench/cpu/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

namespace rigcast::bench {
namespace {

using Reg = __m256i;
using RegF = __m256;

bool usable() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

Reg load(const void* from) { return _mm256_loadu_si256(static_cast<const Reg*>(from)); }
__m128i load_half(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
float half_at(const std::byte* from) {
  std::uint16_t bits;
  std::memcpy(&bits, from, 2);
  return _cvtsh_ss(bits);
}
float total(RegF x) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}
std::int32_t total_int(Reg x) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

std::uint64_t read(const std::byte* from, std::size_t bytes) {
  const std::size_t part = bytes / 256 * 64;
  Reg sum[4];
  for (Reg& lane : sum) lane = _mm256_setzero_si256();
  for (std::size_t i = 0; i < part; i += 64)
    for (std::size_t stream = 0; stream < 4; ++stream) {
      const std::byte* const at = from + stream * part + i;
      _mm_prefetch(reinterpret_cast<const char*>(at + 1024), _MM_HINT_T0);   // past the page border at which the hardware stops
      sum[stream] = _mm256_add_epi64(_mm256_add_epi64(sum[stream], load(at)), load(at + 32));
    }
  for (std::size_t i = 4 * part; i + 32 <= bytes; i += 32) sum[0] = _mm256_add_epi64(sum[0], load(from + i));
  const Reg all = _mm256_add_epi64(_mm256_add_epi64(sum[0], sum[1]), _mm256_add_epi64(sum[2], sum[3]));
  std::uint64_t words[4];
  _mm256_storeu_si256(reinterpret_cast<Reg*>(words), all);
  return words[0] + words[1] + words[2] + words[3];
}

void copy(std::byte* to, const std::byte* from, std::size_t bytes) {
  for (std::size_t i = 0; i + 32 <= bytes; i += 32) _mm256_stream_si256(reinterpret_cast<Reg*>(to + i), load(from + i));
  _mm_sfence();
}

void triad(float* a, const float* b, const float* c, float s, std::size_t count) {
  const RegF factor = _mm256_set1_ps(s);
  for (std::size_t i = 0; i + 8 <= count; i += 8) _mm256_stream_ps(a + i, _mm256_fmadd_ps(factor, _mm256_loadu_ps(c + i), _mm256_loadu_ps(b + i)));
  _mm_sfence();
}

constexpr std::int64_t kAhead = 1024;
void prefetch(const std::byte* at, int bytes) {
  for (int line = 0; line < bytes; line += 64) _mm_prefetch(reinterpret_cast<const char*>(at + kAhead + line), _MM_HINT_T0);
}

// Sums of products of 32 unsigned and signed bytes, in eight lanes.
Reg dot(Reg weights, Reg values) { return _mm256_madd_epi16(_mm256_maddubs_epi16(weights, values), _mm256_set1_epi16(1)); }

// ---- blocks of 32 with one scale: what is multiplied, and by how much it was shifted to be unsigned
template <FormatId id>
struct Block;
template <>
struct Block<FormatId::q4_0> {
  static constexpr int bytes = 18, shift = 8;
  static float scale(const std::byte* at) { return half_at(at); }
  static Reg weights(const std::byte* at) {
    const __m128i packed = load_half(at + 2);
    return _mm256_and_si256(_mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1), _mm256_set1_epi8(15));
  }
  static Reg product(Reg w, Reg v) { return dot(w, v); }
};
template <>
struct Block<FormatId::mxfp4> {
  static constexpr int bytes = 17, shift = 12;
  static float scale(const std::byte* at) { return std::bit_cast<float>((static_cast<std::uint32_t>(at[0]) - 1) << 23); }   // halved, as the integers are doubled
  static Reg weights(const std::byte* at) {
    const __m128i packed = load_half(at + 1);
    const Reg nibbles = _mm256_and_si256(_mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1), _mm256_set1_epi8(15));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)), nibbles);
  }
  static Reg product(Reg w, Reg v) { return dot(w, v); }
};
template <>
struct Block<FormatId::q8_0> {
  static constexpr int bytes = 34, shift = 0;
  static float scale(const std::byte* at) { return half_at(at); }
  static Reg weights(const std::byte* at) { return load(at + 2); }
  static Reg product(Reg w, Reg v) { return dot(_mm256_abs_epi8(w), _mm256_sign_epi8(v, w)); }
};

template <FormatId id, int tokens>
void block_rows(const Slice& slice, std::int64_t first) {
  using B = Block<id>;
  constexpr int lanes = tokens == 1 ? 4 : 1;
  const Activations& x = *slice.x;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    RegF sum[tokens][lanes];
    float shifted[tokens] = {};
    for (auto& token : sum) for (auto& lane : token) lane = _mm256_setzero_ps();
    for (std::int64_t i = 0, b = 0; i < slice.columns; i += 32, ++b, at += B::bytes) {
      if (b % 4 == 0) prefetch(at, 4 * B::bytes);
      const Reg w = B::weights(at);
      const float d = B::scale(at);
      for (int t = 0; t < tokens; ++t) {
        const std::int64_t position = (first + t) * x.padded + i;
        const auto small = static_cast<std::size_t>(position / 32);
        RegF& lane = sum[t][b % lanes];
        lane = _mm256_fmadd_ps(_mm256_cvtepi32_ps(B::product(w, load(x.q.get() + position))), _mm256_set1_ps(d * x.scale[small]), lane);
        if constexpr (B::shift > 0) shifted[t] += d * x.sum[small];
      }
    }
    for (int t = 0; t < tokens; ++t) {
      for (int lane = 1; lane < lanes; ++lane) sum[t][0] = _mm256_add_ps(sum[t][0], sum[t][lane]);
      slice.out[(first + t) * slice.out_stride + r] = total(sum[t][0]) - static_cast<float>(B::shift) * shifted[t];
    }
  }
}

template <int tokens>
void q4_k_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  const Reg low = _mm256_set1_epi8(15);
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    RegF sum[tokens];
    float minimum[tokens] = {};
    for (RegF& lane : sum) lane = _mm256_setzero_ps();
    for (std::int64_t i = 0; i < slice.columns; i += 256, at += 144) {
      prefetch(at, 144);
      std::uint32_t word[3];
      std::memcpy(word, at + 4, 12);
      std::uint8_t scales[8], minima[8];
      const std::uint32_t parts[4] = {word[0] & 0x3f3f3f3fu, (word[2] & 0x0f0f0f0fu) | (word[0] >> 6 & 0x03030303u) << 4, word[1] & 0x3f3f3f3fu,
                                      (word[2] >> 4 & 0x0f0f0f0fu) | (word[1] >> 6 & 0x03030303u) << 4};
      std::memcpy(scales, parts, 8), std::memcpy(minima, parts + 2, 8);
      const float d = half_at(at), d_min = half_at(at + 2);
      Reg whole[tokens];
      for (Reg& lane : whole) lane = _mm256_setzero_si256();
      for (int g = 0; g < 4; ++g) {
        const Reg packed = load(at + 16 + 32 * g);
        const Reg part[2] = {_mm256_and_si256(packed, low), _mm256_and_si256(_mm256_srli_epi16(packed, 4), low)};
        for (int p = 0; p < 2; ++p) {
          const Reg scale = _mm256_set1_epi16(scales[2 * g + p]);
          for (int t = 0; t < tokens; ++t)
            whole[t] = _mm256_add_epi32(whole[t], _mm256_madd_epi16(_mm256_maddubs_epi16(part[p], load(x.q.get() + (first + t) * x.padded + i + 64 * g + 32 * p)), scale));
        }
      }
      for (int t = 0; t < tokens; ++t) {
        const auto small = static_cast<std::size_t>(((first + t) * x.padded + i) / 32);
        sum[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole[t]), _mm256_set1_ps(d * x.scale[small]), sum[t]);
        float less = 0;
        for (std::size_t j = 0; j < 8; ++j) less += static_cast<float>(minima[j]) * x.sum[small + j];
        minimum[t] += d_min * less;
      }
    }
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + r] = total(sum[t]) - minimum[t];
  }
}

template <int tokens>
void q6_k_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  const Reg low = _mm256_set1_epi8(15), two = _mm256_set1_epi8(3), shift = _mm256_set1_epi8(32);
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    RegF sum[tokens];
    for (RegF& lane : sum) lane = _mm256_setzero_ps();
    for (std::int64_t i = 0; i < slice.columns; i += 256, at += 210) {
      prefetch(at, 210);
      const auto* const scales = reinterpret_cast<const std::int8_t*>(at + 192);
      Reg whole[tokens];
      for (Reg& lane : whole) lane = _mm256_setzero_si256();
      for (int part = 0; part < 8; ++part) {   // 32 elements each: quarter part % 4 of half part / 4
        const int half = part / 4, quarter = part % 4;
        const Reg packed = load(at + 64 * half + 32 * (quarter % 2));
        const Reg bits = _mm256_and_si256(_mm256_srl_epi16(load(at + 128 + 32 * half), _mm_cvtsi32_si128(2 * quarter)), two);
        const Reg nibbles = _mm256_and_si256(quarter < 2 ? packed : _mm256_srli_epi16(packed, 4), low);
        const Reg w = _mm256_or_si256(nibbles, _mm256_slli_epi16(bits, 4));
        const Reg scale = _mm256_set_m128i(_mm_set1_epi16(scales[2 * part + 1]), _mm_set1_epi16(scales[2 * part]));
        for (int t = 0; t < tokens; ++t) {
          const Reg v = load(x.q.get() + (first + t) * x.padded + i + 32 * part);
          whole[t] = _mm256_add_epi32(whole[t], _mm256_madd_epi16(_mm256_sub_epi16(_mm256_maddubs_epi16(w, v), _mm256_maddubs_epi16(shift, v)), scale));
        }
      }
      for (int t = 0; t < tokens; ++t) {
        const auto small = static_cast<std::size_t>(((first + t) * x.padded + i) / 32);
        sum[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole[t]), _mm256_set1_ps(half_at(at + 208) * x.scale[small]), sum[t]);
      }
    }
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + r] = total(sum[t]);
  }
}

// ---- formats without scales
template <FormatId id>
RegF widen(const std::byte* at) {
  if constexpr (id == FormatId::f32) return _mm256_loadu_ps(reinterpret_cast<const float*>(at));
  else if constexpr (id == FormatId::f16) return _mm256_cvtph_ps(load_half(at));
  else return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_half(at)), 16));
}

template <FormatId id, int rows, int tokens>
void plain_tile(const Slice& slice, std::int64_t row, std::int64_t first) {
  constexpr int bytes = id == FormatId::f32 ? 4 : 2;
  constexpr int lanes = rows * tokens == 1 ? 4 : 1;
  const Activations& x = *slice.x;
  RegF sum[rows][tokens][lanes];
  for (auto& line : sum) for (auto& cell : line) for (auto& lane : cell) lane = _mm256_setzero_ps();
  const std::byte* const from = slice.weights + row * slice.row_bytes;
  for (std::int64_t i = 0; i < slice.columns; i += 8 * lanes) {
    if constexpr (lanes > 1) prefetch(from + i * bytes, 8 * lanes * bytes);
    for (int lane = 0; lane < lanes; ++lane) {
      RegF w[rows];
      for (int r = 0; r < rows; ++r) w[r] = widen<id>(from + r * slice.row_bytes + (i + 8 * lane) * bytes);
      for (int t = 0; t < tokens; ++t) {
        const RegF v = _mm256_loadu_ps(x.values.get() + (first + t) * x.padded + i + 8 * lane);
        for (int r = 0; r < rows; ++r) sum[r][t][lane] = _mm256_fmadd_ps(w[r], v, sum[r][t][lane]);
      }
    }
  }
  for (int t = 0; t < tokens; ++t)
    for (int r = 0; r < rows; ++r) {
      for (int lane = 1; lane < lanes; ++lane) sum[r][t][0] = _mm256_add_ps(sum[r][t][0], sum[r][t][lane]);
      slice.out[(first + t) * slice.out_stride + row + r] = total(sum[r][t][0]);
    }
}

template <FormatId id>
void plain_matmul(const Slice& slice) {
  constexpr int kRows = 3, kTokens = 4;   // twelve sums, three weights and a value fill the sixteen registers
  std::int64_t t = 0;
  for (; t + kTokens <= slice.x->tokens; t += kTokens) {
    std::int64_t r = 0;
    for (; r + kRows <= slice.rows; r += kRows) plain_tile<id, kRows, kTokens>(slice, r, t);
    for (; r < slice.rows; ++r) plain_tile<id, 1, kTokens>(slice, r, t);
  }
  for (; t < slice.x->tokens; ++t)
    for (std::int64_t r = 0; r < slice.rows; ++r) plain_tile<id, 1, 1>(slice, r, t);
}

template <int tokens>
void i8_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* const from = slice.weights + r * slice.row_bytes;
    Reg sum[tokens];
    for (Reg& lane : sum) lane = _mm256_setzero_si256();
    for (std::int64_t i = 0; i < slice.columns; i += 32) {
      const Reg w = load(from + i), size = _mm256_abs_epi8(w);
      for (int t = 0; t < tokens; ++t) sum[t] = _mm256_add_epi32(sum[t], dot(size, _mm256_sign_epi8(load(x.q.get() + (first + t) * x.padded + i), w)));
    }
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + r] = static_cast<float>(total_int(sum[t]));
  }
}

template <void (*wide)(const Slice&, std::int64_t), void (*narrow)(const Slice&, std::int64_t), int width>
void over_tokens(const Slice& slice) {
  std::int64_t t = 0;
  for (; t + width <= slice.x->tokens; t += width) wide(slice, t);
  for (; t < slice.x->tokens; ++t) narrow(slice, t);
}
template <void (*rows)(const Slice&, std::int64_t)>
void one_token(const Slice& slice) { rows(slice, 0); }

void attention(const float* q, int heads, int dim, const std::uint16_t* keys, const std::uint16_t* values, std::int64_t depth, float scale, float* out,
               float* maximum, float* sum) {
  if (dim % 8 != 0) return scalar_kernels.attention(q, heads, dim, keys, values, depth, scale, out, maximum, sum);
  for (int h = 0; h < heads; ++h) maximum[h] = -INFINITY, sum[h] = 0;
  std::fill(out, out + heads * dim, 0.0f);
  for (std::int64_t t = 0; t < depth; ++t) {
    const std::uint16_t *const key = keys + t * dim, *const value = values + t * dim;
    for (int h = 0; h < heads; ++h) {
      RegF dots = _mm256_setzero_ps();
      for (int i = 0; i < dim; i += 8) dots = _mm256_fmadd_ps(_mm256_cvtph_ps(load_half(key + i)), _mm256_loadu_ps(q + h * dim + i), dots);
      const float score = scale * total(dots);
      float shrink = 1, weight = 1;
      if (score > maximum[h]) shrink = maximum[h] == -INFINITY ? 0.0f : std::exp(maximum[h] - score), maximum[h] = score;
      else weight = std::exp(score - maximum[h]);
      sum[h] = sum[h] * shrink + weight;
      for (int i = 0; i < dim; i += 8) {
        const RegF old = _mm256_mul_ps(_mm256_loadu_ps(out + h * dim + i), _mm256_set1_ps(shrink));
        _mm256_storeu_ps(out + h * dim + i, _mm256_fmadd_ps(_mm256_set1_ps(weight), _mm256_cvtph_ps(load_half(value + i)), old));
      }
    }
  }
}

}  // namespace

const CpuKernels avx2_kernels = {
    .name = "avx2",
    .usable = usable,
    .read = read,
    .copy = copy,
    .triad = triad,
    .arrange = arrange_plain,
    .matvec = {plain_matmul<FormatId::f32>, plain_matmul<FormatId::f16>, plain_matmul<FormatId::bf16>, one_token<i8_rows<1>>,
               one_token<block_rows<FormatId::q8_0, 1>>, one_token<block_rows<FormatId::q4_0, 1>>, one_token<block_rows<FormatId::mxfp4, 1>>,
               one_token<q4_k_rows<1>>, one_token<q6_k_rows<1>>},
    .matmul = {plain_matmul<FormatId::f32>, plain_matmul<FormatId::f16>, plain_matmul<FormatId::bf16>, over_tokens<i8_rows<4>, i8_rows<1>, 4>,
               over_tokens<block_rows<FormatId::q8_0, 4>, block_rows<FormatId::q8_0, 1>, 4>, over_tokens<block_rows<FormatId::q4_0, 4>, block_rows<FormatId::q4_0, 1>, 4>,
               over_tokens<block_rows<FormatId::mxfp4, 4>, block_rows<FormatId::mxfp4, 1>, 4>, over_tokens<q4_k_rows<4>, q4_k_rows<1>, 4>,
               over_tokens<q6_k_rows<4>, q6_k_rows<1>, 4>},
    .attention = attention,
};

}  // namespace rigcast::bench

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
