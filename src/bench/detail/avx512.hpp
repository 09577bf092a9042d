#pragma once
// What the files of the AVX-512 set share. From here on all is compiled for the set: other headers go before it, and set_end.hpp ends it.

#include <immintrin.h>

#include "bench/cpu/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,f16c,fma"))), apply_to = function)
#else
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"   // both in the compiler's own headers (GCC bug 105593)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,f16c,fma")
#endif

namespace rigcast::bench {
namespace avx512 {

// kernels_avx512_plain.cpp: f32, f16, bf16 and i8, which have no scales.
template <FormatId id>
void plain_matvec(const Slice& slice);
template <FormatId id>
void plain_matmul(const Slice& slice);

// kernels_avx512_attention.cpp: CpuKernels::attention.
void attention(const float* q, int heads, int dim, const std::uint16_t* keys, const std::uint16_t* values, std::int64_t depth, float scale, float* out, float* maximum,
               float* sum);

}  // namespace avx512

namespace {

using Reg = __m512i;
using RegF = __m512;

inline Reg load(const void* from) { return _mm512_loadu_si512(from); }
inline __m256i load_half(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
inline __m128i load_quarter(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

constexpr std::int64_t kAhead = 2048;   // bytes prefetched ahead

inline void prefetch(const std::byte* at, int bytes) {
  for (int line = 0; line < bytes; line += 64) _mm_prefetch(reinterpret_cast<const char*>(at + kAhead + line), _MM_HINT_T0);
}

// Of Activations as arrange() leaves them, integers and the sums that accumulators start from stand one behind the other.
inline const std::int8_t* integers(const Activations& x, std::int64_t token) { return x.q.get() + 2 * x.padded * token; }
inline const std::int32_t* starts(const Activations& x, std::int64_t token) { return reinterpret_cast<const std::int32_t*>(integers(x, token) + x.padded); }

// A tile is `rows` rows `apart` from each other times `tokens` vectors. One vector takes four rows far from each other: four streams
// reach a fourth more bandwidth than one, and the loaded activations serve all four.
constexpr int kStreams = 4, kTokens = 8;

template <int count>
void zero(RegF (&sum)[count]) {
  for (RegF& one : sum) one = _mm512_setzero_ps();
}

using Tile = void (*)(const Slice&, std::int64_t row, std::int64_t apart, std::int64_t token);

// One vector, kStreams rows at a time.
template <Tile wide, Tile single>
void stream_rows(const Slice& slice) {
  const std::int64_t apart = slice.rows / kStreams;
  for (std::int64_t r = 0; r < apart; ++r) wide(slice, r, apart, 0);
  for (std::int64_t r = kStreams * apart; r < slice.rows; ++r) single(slice, r, 0, 0);
}
// Many vectors, kTokens at a time.
template <Tile wide, Tile single>
void over_tokens(const Slice& slice) {
  std::int64_t t = 0;
  for (; t + kTokens <= slice.x->tokens; t += kTokens)
    for (std::int64_t r = 0; r < slice.rows; ++r) wide(slice, r, 0, t);
  for (; t < slice.x->tokens; ++t)
    for (std::int64_t r = 0; r < slice.rows; ++r) single(slice, r, 0, t);
}

}  // namespace
}  // namespace rigcast::bench
