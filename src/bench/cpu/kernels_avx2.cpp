// AVX2 with FMA and F16C: every x86 processor since 2013 (Intel) and 2015 (AMD). Integer products go through maddubs, unsigned weights
// times signed activations into 16 bits, which the small weights of these formats never overflow.

#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "bench/cpu/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

#include "bench/cpu/kernel_loops.hpp"

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

struct Avx2 {
  using Floats = RegF;
  static constexpr int kWidth = 8, kRows = 3, kTokens = 4;   // twelve sums, three weights and a value fill the sixteen registers
  static Floats zero() { return _mm256_setzero_ps(); }
  static Floats load(const float* from) { return _mm256_loadu_ps(from); }
  static Floats half(const std::uint16_t* from) { return _mm256_cvtph_ps(load_half(from)); }
  static void store(float* to, Floats x) { _mm256_storeu_ps(to, x); }
  static Floats fma(Floats a, Floats b, Floats sum) { return _mm256_fmadd_ps(a, b, sum); }
  static Floats scaled(Floats a, float factor, Floats sum) { return _mm256_fmadd_ps(a, _mm256_set1_ps(factor), sum); }
  static Floats times(Floats a, float factor) { return _mm256_mul_ps(a, _mm256_set1_ps(factor)); }
  static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  static float total(Floats x) { return bench::total(x); }
  static void ahead(const std::byte* at, int bytes) { prefetch(at, bytes); }
  template <FormatId id>
  static Floats widen(const std::byte* at) {
    if constexpr (id == FormatId::f32) return load(reinterpret_cast<const float*>(at));
    else if constexpr (id == FormatId::f16) return half(reinterpret_cast<const std::uint16_t*>(at));
    else return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_half(at)), 16));
  }
};

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
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(w, load(v))); }
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
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(w, load(v))); }
};
template <>
struct Block<FormatId::q8_0> {
  static constexpr int bytes = 34, shift = 0;
  static float scale(const std::byte* at) { return half_at(at); }
  static Reg weights(const std::byte* at) { return load(at + 2); }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(_mm256_abs_epi8(w), _mm256_sign_epi8(load(v), w))); }
};

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
      const ScalesAndMinima all = unpack_q4_k(at);
      const float d = half_at(at), d_min = half_at(at + 2);
      Reg whole[tokens];
      for (Reg& lane : whole) lane = _mm256_setzero_si256();
      for (int g = 0; g < 4; ++g) {
        const Reg packed = load(at + 16 + 32 * g);
        const Reg part[2] = {_mm256_and_si256(packed, low), _mm256_and_si256(_mm256_srli_epi16(packed, 4), low)};
        for (int p = 0; p < 2; ++p) {
          const Reg scale = _mm256_set1_epi16(all.scales[2 * g + p]);
          for (int t = 0; t < tokens; ++t)
            whole[t] = _mm256_add_epi32(whole[t], _mm256_madd_epi16(_mm256_maddubs_epi16(part[p], load(x.q.get() + (first + t) * x.padded + i + 64 * g + 32 * p)), scale));
        }
      }
      for (int t = 0; t < tokens; ++t) {
        const auto small = static_cast<std::size_t>(((first + t) * x.padded + i) / 32);
        sum[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole[t]), _mm256_set1_ps(d * x.scale[small]), sum[t]);
        minimum[t] += d_min * share_of_minima(all, x, small);
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

}  // namespace

const CpuKernels avx2_kernels = {
    .name = "avx2",
    .usable = usable,
    .read = read,
    .copy = copy,
    .triad = triad,
    .arrange = arrange_plain,
    .matvec = {plain_matmul<Avx2, FormatId::f32>, plain_matmul<Avx2, FormatId::f16>, plain_matmul<Avx2, FormatId::bf16>, one_token<i8_rows<1>>,
               one_token<block_rows<Avx2, Block<FormatId::q8_0>, 1>>, one_token<block_rows<Avx2, Block<FormatId::q4_0>, 1>>, one_token<block_rows<Avx2, Block<FormatId::mxfp4>, 1>>,
               one_token<q4_k_rows<1>>, one_token<q6_k_rows<1>>},
    .matmul = {plain_matmul<Avx2, FormatId::f32>, plain_matmul<Avx2, FormatId::f16>, plain_matmul<Avx2, FormatId::bf16>, over_tokens<i8_rows<4>, i8_rows<1>, 4>,
               over_tokens<block_rows<Avx2, Block<FormatId::q8_0>, 4>, block_rows<Avx2, Block<FormatId::q8_0>, 1>, 4>, over_tokens<block_rows<Avx2, Block<FormatId::q4_0>, 4>, block_rows<Avx2, Block<FormatId::q4_0>, 1>, 4>,
               over_tokens<block_rows<Avx2, Block<FormatId::mxfp4>, 4>, block_rows<Avx2, Block<FormatId::mxfp4>, 1>, 4>, over_tokens<q4_k_rows<4>, q4_k_rows<1>, 4>,
               over_tokens<q6_k_rows<4>, q6_k_rows<1>, 4>},
    .attention = attention<Avx2>,
};

}  // namespace rigcast::bench

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
