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
float greatest(RegF x) {
  __m128 most = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  most = _mm_max_ps(most, _mm_movehl_ps(most, most));
  return _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most)));
}
std::int32_t total_int(Reg x) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

// Eight streams, as with AVX-512.
std::uint64_t read(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kCount = 8;
  const std::size_t part = bytes / (64 * kCount) * 64;
  Reg sum[kCount] = {};
  for (std::size_t i = 0; i < part; i += 64)
    for (std::size_t stream = 0; stream < kCount; ++stream) {
      const std::byte* const at = from + stream * part + i;
      _mm_prefetch(reinterpret_cast<const char*>(at + 1024), _MM_HINT_T0);   // past the page border at which the hardware stops
      sum[stream] = _mm256_add_epi64(_mm256_add_epi64(sum[stream], load(at)), load(at + 32));
    }
  for (std::size_t i = kCount * part; i + 32 <= bytes; i += 32) sum[0] = _mm256_add_epi64(sum[0], load(from + i));
  for (std::size_t stream = 1; stream < kCount; ++stream) sum[0] = _mm256_add_epi64(sum[0], sum[stream]);
  std::uint64_t words[4];
  _mm256_storeu_si256(reinterpret_cast<Reg*>(words), sum[0]);
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

// ---- scales of eight blocks
// The words at which eight blocks begin, one a lane: of each load only the lane that is wanted is kept. Gathers and inserts of single words
// take longer than the products.
template <int bytes, int block = 1>
Reg heads(const std::byte* at, Reg before) {
  if constexpr (block == 8) return before;
  else return heads<bytes, block + 1>(at, _mm256_blend_epi32(before, load(at + block * (bytes - 4)), 1 << block));
}
template <int bytes>
Reg heads(const std::byte* at) { return heads<bytes>(at, load(at)); }

// The half in the lower 16 bits of each lane as a float: its exponent stays as it is, which makes it 2^112 times too small.
RegF floats_of_halves(Reg lower) {
  const Reg small = _mm256_and_si256(_mm256_srai_epi32(_mm256_slli_epi32(lower, 16), 3), _mm256_set1_epi32(static_cast<int>(0x8fffe000u)));
  return _mm256_mul_ps(_mm256_castsi256_ps(small), _mm256_set1_ps(0x1p112f));
}

// ---- blocks of 32 with one scale: what is multiplied, and by how much it was shifted to be unsigned
// Sixteen bytes as 32 nibbles.
Reg nibbles(const std::byte* at) {
  const Reg twice = _mm256_broadcastsi128_si256(load_half(at));
  return _mm256_and_si256(_mm256_srlv_epi32(twice, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)), _mm256_set1_epi8(15));
}
template <FormatId id>
struct Block;
template <>
struct Block<FormatId::q4_0> {
  static constexpr int bytes = 18, shift = 8;
  static float scale(const std::byte* at) { return half_at(at); }
  static RegF scales(const std::byte* at) { return floats_of_halves(heads<bytes>(at)); }
  static Reg weights(const std::byte* at) { return nibbles(at + 2); }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(w, load(v))); }
};
template <>
struct Block<FormatId::mxfp4> {
  static constexpr int bytes = 17, shift = 12;
  static float scale(const std::byte* at) { return std::bit_cast<float>((static_cast<std::uint32_t>(at[0]) - 1) << 23); }   // halved, as the integers are doubled
  static RegF scales(const std::byte* at) {   // an exponent of 0 (padding behind the last row) becomes 0
    const Reg exponents = _mm256_and_si256(_mm256_slli_epi32(heads<bytes>(at), 23), _mm256_set1_epi32(0x7f800000));
    return _mm256_mul_ps(_mm256_castsi256_ps(exponents), _mm256_set1_ps(0.5f));
  }
  static Reg weights(const std::byte* at) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)), nibbles(at + 1));
  }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(w, load(v))); }
};
template <>
struct Block<FormatId::q8_0> {
  static constexpr int bytes = 34, shift = 0;
  static float scale(const std::byte* at) { return half_at(at); }
  static RegF scales(const std::byte* at) { return floats_of_halves(heads<bytes>(at)); }
  static Reg weights(const std::byte* at) { return load(at + 2); }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(_mm256_abs_epi8(w), _mm256_sign_epi8(load(v), w))); }
};

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

template <FormatId id, int rows>
void plain_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  constexpr int bytes = id == FormatId::f32 ? 4 : 2, lanes = 2, step = lanes * Avx2::kWidth;
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows][lanes];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r][0] = sum[r][1] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += step)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], step * bytes);
      for (int lane = 0; lane < lanes; ++lane) {
        const int ahead = lane * Avx2::kWidth;
        sum[r][lane] = _mm256_fmadd_ps(Avx2::widen<id>(at[r] + ahead * bytes), _mm256_loadu_ps(x.values.get() + i + ahead), sum[r][lane]);
      }
      at[r] += step * bytes;
    }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = total(_mm256_add_ps(sum[r][0], sum[r][1]));
}
template <FormatId id>
void plain_matvec(const Slice& slice) { stream_rows<plain_streams<id, kStreams>, plain_streams<id, 1>>(slice); }

template <class Block, int rows>
void block_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows], shifted[rows];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r] = shifted[r] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 256)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 8 * Block::bytes);
      const RegF d = Block::scales(at[r]);
      if constexpr (Block::shift > 0) shifted[r] = _mm256_fmadd_ps(d, _mm256_loadu_ps(x.sum.get() + i / 32), shifted[r]);
      alignas(32) float scale[8];
      _mm256_store_ps(scale, _mm256_mul_ps(d, _mm256_loadu_ps(x.scale.get() + i / 32)));
      RegF odd = _mm256_setzero_ps();   // beside sum[r]: one addition need not wait for the one before
      for (int b = 0; b < 8; b += 2) {
        const std::int8_t* const v = x.q.get() + i + 32 * b;
        sum[r] = _mm256_fmadd_ps(Block::product(Block::weights(at[r] + b * Block::bytes), v), _mm256_broadcast_ss(scale + b), sum[r]);
        odd = _mm256_fmadd_ps(Block::product(Block::weights(at[r] + (b + 1) * Block::bytes), v + 32), _mm256_broadcast_ss(scale + b + 1), odd);
      }
      sum[r] = _mm256_add_ps(sum[r], odd);
      at[r] += 8 * Block::bytes;
    }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = total(sum[r]) - static_cast<float>(Block::shift) * total(shifted[r]);
}
template <FormatId id>
void block_matvec(const Slice& slice) { stream_rows<block_streams<Block<id>, kStreams>, block_streams<Block<id>, 1>>(slice); }

template <int rows>
void q4_k_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  const Activations& x = *slice.x;
  const Reg low = _mm256_set1_epi8(15);
  const std::byte* at[rows];
  RegF sum[rows], minimum[rows];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r] = minimum[r] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 256)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 144);
      const ScalesAndMinima all = unpack_q4_k(at[r]);
      const Reg scales = _mm256_broadcastsi128_si256(_mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(all.scales))));
      const RegF minima = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(all.minima))));
      Reg whole[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
      for (int g = 0; g < 4; ++g) {
        const Reg packed = load(at[r] + 16 + 32 * g);
        const Reg part[2] = {_mm256_and_si256(packed, low), _mm256_and_si256(_mm256_srli_epi16(packed, 4), low)};
        for (int p = 0; p < 2; ++p) {
          const Reg products = _mm256_maddubs_epi16(part[p], load(x.q.get() + i + 64 * g + 32 * p));
          const Reg scale = _mm256_shuffle_epi8(scales, _mm256_set1_epi16(static_cast<std::int16_t>(0x0100 + 0x0202 * (2 * g + p))));
          whole[p] = _mm256_add_epi32(whole[p], _mm256_madd_epi16(products, scale));
        }
      }
      const auto small = static_cast<std::size_t>(i / 32);
      sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(whole[0], whole[1])), _mm256_set1_ps(half_at(at[r]) * x.scale[small]), sum[r]);
      minimum[r] = _mm256_fmadd_ps(_mm256_mul_ps(minima, _mm256_loadu_ps(x.sum.get() + small)), _mm256_set1_ps(half_at(at[r] + 2)), minimum[r]);
      at[r] += 144;
    }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = total(_mm256_sub_ps(sum[r], minimum[r]));
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

// 32 elements of a q6_k block, quarter part % 4 of half part / 4, as bytes 0 .. 63.
Reg q6_k_weights(const std::byte* at, int part) {
  const int half = part / 4, quarter = part % 4;
  const Reg packed = load(at + 64 * half + 32 * (quarter % 2)), bits = load(at + 128 + 32 * half);
  const Reg upper = quarter < 2 ? _mm256_slli_epi16(bits, 4 - 2 * quarter) : _mm256_srli_epi16(bits, 2 * quarter - 4);
  return _mm256_or_si256(_mm256_and_si256(quarter < 2 ? packed : _mm256_srli_epi16(packed, 4), _mm256_set1_epi8(15)), _mm256_and_si256(upper, _mm256_set1_epi8(0x30)));
}

// The shift of 32 is taken back once a block, by the sums of sixteen activations each.
template <int rows>
void q6_k_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 256)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 210);
      const Reg words = _mm256_cvtepi8_epi16(load_half(at[r] + 192));
      const Reg scales[2] = {_mm256_permute4x64_epi64(words, 0x44), _mm256_permute4x64_epi64(words, 0xee)};   // of each half of the block, in both halves of a register
      Reg whole[2] = {_mm256_slli_epi32(_mm256_madd_epi16(words, load(x.counts.get() + i / 16)), 5), _mm256_setzero_si256()};
      whole[0] = _mm256_sub_epi32(_mm256_setzero_si256(), whole[0]);
      for (int part = 0; part < 8; ++part) {
        const Reg products = _mm256_maddubs_epi16(q6_k_weights(at[r], part), load(x.q.get() + i + 32 * part));
        const int first = 4 * (part % 4);   // byte of the scale of the lower half; that of the upper follows
        const Reg scale = _mm256_shuffle_epi8(scales[part / 4], _mm256_set_m128i(_mm_set1_epi16(static_cast<std::int16_t>(0x0302 + 0x0101 * first)), _mm_set1_epi16(static_cast<std::int16_t>(0x0100 + 0x0101 * first))));
        whole[part % 2] = _mm256_add_epi32(whole[part % 2], _mm256_madd_epi16(products, scale));
      }
      sum[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(whole[0], whole[1])), _mm256_set1_ps(half_at(at[r] + 208) * x.scale[static_cast<std::size_t>(i / 32)]), sum[r]);
      at[r] += 210;
    }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = total(sum[r]);
}

template <int tokens>
void q6_k_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  const Reg shift = _mm256_set1_epi8(32);
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    RegF sum[tokens];
    for (RegF& lane : sum) lane = _mm256_setzero_ps();
    for (std::int64_t i = 0; i < slice.columns; i += 256, at += 210) {
      prefetch(at, 210);
      const auto* const scales = reinterpret_cast<const std::int8_t*>(at + 192);
      Reg whole[tokens];
      for (Reg& lane : whole) lane = _mm256_setzero_si256();
      for (int part = 0; part < 8; ++part) {
        const Reg w = q6_k_weights(at, part);
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

// As arrange_plain, which rounds one number after the other.
void round_blocks(const Format& format, const float* from, std::int64_t columns, std::int8_t* q, float* scales, float* sums, std::int16_t* counts) {
  const std::int64_t group = format.activation == Activation::q8_256 ? 256 : 32;
  const RegF sign = _mm256_set1_ps(-0.0f);
  for (std::int64_t first = 0; first < columns; first += group) {
    RegF largest = _mm256_setzero_ps();
    for (std::int64_t i = first; i < first + group; i += 8) largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, _mm256_loadu_ps(from + i)));
    const float scale = greatest(largest) / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0.0f;
    for (std::int64_t i = first; i < first + group; i += 16) {
      const Reg low = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(from + i), _mm256_set1_ps(inverse)));
      const Reg high = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(from + i + 8), _mm256_set1_ps(inverse)));
      const Reg words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
      counts[i / 16] = static_cast<std::int16_t>(total_int(_mm256_add_epi32(low, high)));
    }
    for (std::int64_t i = first / 32; i < (first + group) / 32; ++i) scales[i] = scale, sums[i] = scale * static_cast<float>(counts[2 * i] + counts[2 * i + 1]);
  }
}

void arrange(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out) {
  if (format.activation == Activation::exact || format.activation == Activation::int8) return arrange_plain(format, values, columns, out);
  out.columns = columns, out.padded = (columns + 511) / 512 * 512, out.tokens = static_cast<std::int64_t>(values.size()) / columns;
  const auto total = static_cast<std::size_t>(out.padded * out.tokens);
  out.q = make_aligned<std::int8_t>(total), out.counts = make_aligned<std::int16_t>(total / 16);
  out.scale = make_aligned<float>(total / 32), out.sum = make_aligned<float>(total / 32);
  for (std::int64_t t = 0; t < out.tokens; ++t) {
    const std::int64_t at = t * out.padded;
    round_blocks(format, values.data() + t * columns, columns, out.q.get() + at, out.scale.get() + at / 32, out.sum.get() + at / 32, out.counts.get() + at / 16);
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
    .arrange = arrange,
    .matvec = {plain_matvec<FormatId::f32>, plain_matvec<FormatId::f16>, plain_matvec<FormatId::bf16>, one_token<i8_rows<1>>,
               block_matvec<FormatId::q8_0>, block_matvec<FormatId::q4_0>, block_matvec<FormatId::mxfp4>, stream_rows<q4_k_streams<kStreams>, q4_k_streams<1>>,
               stream_rows<q6_k_streams<kStreams>, q6_k_streams<1>>},
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
