#pragma once
// What the files of the AVX2 set share. From here on all is compiled for the set: other headers go before it, and set_end.hpp ends it.

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>   // what kernel_loops.hpp needs, too

#include "bench/cpu/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

#include "bench/cpu/kernel_loops.hpp"

namespace rigcast::bench {
namespace avx2 {

// kernels_avx2_k.cpp: blocks of 256 with scales of their own for parts of them.
void q4_k_matvec(const Slice& slice);
void q4_k_matmul(const Slice& slice);
void q6_k_matvec(const Slice& slice);
void q6_k_matmul(const Slice& slice);

}  // namespace avx2

namespace {

using Reg = __m256i;
using RegF = __m256;

inline Reg load(const void* from) { return _mm256_loadu_si256(static_cast<const Reg*>(from)); }
inline __m128i load_half(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
inline float half_at(const std::byte* from) {
  std::uint16_t bits;
  std::memcpy(&bits, from, 2);
  return _cvtsh_ss(bits);
}
inline float total(RegF x) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

constexpr std::int64_t kAhead = 1024;
inline void prefetch(const std::byte* at, int bytes) {
  for (int line = 0; line < bytes; line += 64) _mm_prefetch(reinterpret_cast<const char*>(at + kAhead + line), _MM_HINT_T0);
}

// Sixteen bytes each of two places.
inline Reg halves_of(const std::byte* a, const std::byte* b) { return _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(a)), load_half(b), 1); }

// The half in the upper 16 bits of each lane as a float: its exponent stays as it is, which makes it 2^112 times too small.
constexpr float kHalves = 0x1p112f;
inline RegF small_halves(Reg upper) { return _mm256_castsi256_ps(_mm256_and_si256(_mm256_srai_epi32(upper, 3), _mm256_set1_epi32(static_cast<int>(0x8fffe000u)))); }

// One vector takes kStreams rows far from each other: so many streams reach twice the bandwidth of one. Every row does 256 columns in turn;
// what lies past the last column meets activations of zero.
constexpr int kStreams = 4;
using Streams = void (*)(const Slice&, std::int64_t row, std::int64_t apart);
template <Streams wide, Streams single>
void stream_rows(const Slice& slice) {
  const std::int64_t apart = slice.rows / kStreams;
  for (std::int64_t r = 0; r < apart; ++r) wide(slice, r, apart);
  for (std::int64_t r = kStreams * apart; r < slice.rows; ++r) single(slice, r, 0);
}

}  // namespace
}  // namespace rigcast::bench
