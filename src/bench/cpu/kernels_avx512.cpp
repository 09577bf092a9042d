// AVX-512 with VNNI. Integer products go through dpbusd, whose first operand is unsigned: weights are shifted to be non-negative and
// the shift is taken back by starting each accumulator at -shift x (sum of the four activations of its lane), prepared by arrange(). Here
// are memory, arranging and the formats with scales; kernels_avx512_plain.cpp and kernels_avx512_attention.cpp have the rest.

#if defined(__x86_64__)

#include <algorithm>
#include <cstring>

#include "bench/detail/avx512.hpp"

namespace rigcast::bench {
namespace {

bool usable() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}

// ---- memory. Eight streams per thread keep more pages and prefetchers busy than one, and read 6 % more than four; asking ahead crosses the
// page borders at which the hardware's prefetchers stop.
std::uint64_t read(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kCount = 8, kReadAhead = 1024;
  const std::size_t part = bytes / (64 * kCount) * 64;
  Reg sum[kCount] = {};
  for (std::size_t i = 0; i < part; i += 64)
    for (std::size_t stream = 0; stream < kCount; ++stream) {
      const std::byte* const at = from + stream * part + i;
      _mm_prefetch(reinterpret_cast<const char*>(at + kReadAhead), _MM_HINT_T0);
      sum[stream] = _mm512_add_epi64(sum[stream], load(at));
    }
  for (std::size_t i = kCount * part; i + 64 <= bytes; i += 64) sum[0] = _mm512_add_epi64(sum[0], load(from + i));
  for (std::size_t stream = 1; stream < kCount; ++stream) sum[0] = _mm512_add_epi64(sum[0], sum[stream]);
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(sum[0]));
}

// Stores past the caches: nothing of `to` is read first, so the bytes moved are the two that are counted.
void copy(std::byte* to, const std::byte* from, std::size_t bytes) {
  for (std::size_t i = 0; i + 64 <= bytes; i += 64) _mm512_stream_si512(reinterpret_cast<Reg*>(to + i), load(from + i));
  _mm_sfence();
}

void triad(float* a, const float* b, const float* c, float s, std::size_t count) {
  const RegF factor = _mm512_set1_ps(s);
  for (std::size_t i = 0; i + 16 <= count; i += 16)
    _mm512_stream_ps(a + i, _mm512_fmadd_ps(factor, _mm512_loadu_ps(c + i), _mm512_loadu_ps(b + i)));
  _mm_sfence();
}

// ---- arranging activations
// Two blocks of 32 (a, b) in the order their nibbles unpack to: a[0:16] b[0:16] a[16:32] b[16:32].
void interleave_pairs(std::int8_t* q) {
  std::int8_t pair[64];
  std::memcpy(pair, q, 64);
  std::memcpy(q + 16, pair + 32, 16);
  std::memcpy(q + 32, pair + 16, 16);
}

// What weights' scales lack where four rows are done at once: halves are read 2^112 times too small (small_halves), mxfp4's integers are doubled.
constexpr float kHalves = 0x1p112f;
constexpr float nibble_factor(FormatId id) { return id == FormatId::q4_0 ? kHalves : 0.5f; }

int shift_of(FormatId id) {
  switch (id) {
    case FormatId::q4_0: return 8;
    case FormatId::mxfp4: return 12;
    case FormatId::q6_k: return 32;
    case FormatId::q8_0:
    case FormatId::i8: return 128;
    default: return 0;
  }
}

// Rounds one group of 32 or 256 floats to 8 bits, `inverse` being 1 / scale, and gives the sum of each 32 times the scale.
void round_group(const float* from, std::int64_t count, float inverse, float scale, std::int8_t* q, float* scales, float* sums, std::int16_t* counts) {
  for (std::int64_t i = 0; i < count; i += 32) {
    const Reg low = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(from + i), _mm512_set1_ps(inverse)));
    const Reg high = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(from + i + 16), _mm512_set1_ps(inverse)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i), _mm512_cvtsepi32_epi8(low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q + i + 16), _mm512_cvtsepi32_epi8(high));
    scales[i / 32] = scale;
    counts[i / 32] = static_cast<std::int16_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(low, high)));
    sums[i / 32] = scale * static_cast<float>(counts[i / 32]);
  }
}

void round_all(const Format& format, const float* from, std::int64_t columns, std::int8_t* q, float* scales, float* sums, std::int16_t* counts) {
  const std::int64_t group = format.activation == Activation::q8_256 ? 256 : 32;
  const bool whole = format.activation == Activation::int8;
  for (std::int64_t first = 0; first < columns; first += group) {
    const std::int64_t count = std::min(group, columns - first);
    RegF largest = _mm512_setzero_ps();
    for (std::int64_t i = 0; i < count; i += 16) largest = _mm512_max_ps(largest, _mm512_abs_ps(_mm512_loadu_ps(from + first + i)));
    const float scale = whole ? 1.0f : _mm512_reduce_max_ps(largest) / 127.0f;
    round_group(from + first, count, whole ? 127.0f : scale > 0 ? 1.0f / scale : 0.0f, scale, q + first, scales + first / 32, sums + first / 32, counts + first / 32);
  }
}

// The starting accumulators stand behind the integers of each token: padded int8, then padded / 4 int32.
void arrange(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out) {
  if (format.activation == Activation::exact || columns % 32 != 0) arrange_plain(format, values, columns, out);
  if (out.values && format.id == FormatId::bf16) {   // even elements of each 32 first, then odd: how bf16 pairs split
    for (std::int64_t i = 0; i < out.padded * out.tokens; i += 32) {
      float* const at = out.values.get() + i;
      float group[32];
      std::memcpy(group, at, sizeof group);
      for (int k = 0; k < 16; ++k) at[k] = group[2 * k], at[16 + k] = group[2 * k + 1];
    }
  }
  if (format.activation == Activation::exact) return;
  if (columns % 32 == 0) {
    if (!out.q || !out.counts || out.columns != columns || out.tokens * columns != static_cast<std::int64_t>(values.size())) {
      out.columns = columns, out.padded = (columns + 511) / 512 * 512, out.tokens = static_cast<std::int64_t>(values.size()) / columns;
      const auto total = static_cast<std::size_t>(out.padded * out.tokens);
      out.q = make_aligned<std::int8_t>(2 * total);
      out.scale = make_aligned<float>(total / 32), out.sum = make_aligned<float>(total / 32), out.wide = make_aligned<float>(total / 4);
      out.counts = make_aligned<std::int16_t>(total / 32);
    }
    for (std::int64_t t = 0; t < out.tokens; ++t) {
      const std::int64_t group = t * out.padded / 32;
      round_all(format, values.data() + t * columns, columns, out.q.get() + 2 * t * out.padded, out.scale.get() + group, out.sum.get() + group, out.counts.get() + group);
    }
  } else {   // whole numbers only: other rounded formats come in blocks
    Aligned<std::int8_t> both = make_aligned<std::int8_t>(static_cast<std::size_t>(2 * out.padded * out.tokens));
    for (std::int64_t t = 0; t < out.tokens; ++t) std::memcpy(both.get() + 2 * t * out.padded, out.q.get() + t * out.padded, static_cast<std::size_t>(out.padded));
    out.q = std::move(both);
  }
  const bool nibbles = format.id == FormatId::q4_0 || format.id == FormatId::mxfp4;
  const std::int64_t padded = out.padded;
  if (nibbles && out.tokens == 1) {   // four rows at once: every block's scale and sum four times
    const float factor = nibble_factor(format.id);
    for (std::int64_t i = 0; i < padded / 32; ++i) {
      _mm_storeu_ps(out.wide.get() + 4 * i, _mm_set1_ps(factor * out.scale[static_cast<std::size_t>(i)]));
      _mm_storeu_ps(out.wide.get() + padded / 8 + 4 * i, _mm_set1_ps(factor * out.sum[static_cast<std::size_t>(i)]));
    }
    return;
  }
  if (format.id == FormatId::q8_0 && out.tokens == 1)   // two blocks at once: the scale of each eight times
    for (std::int64_t i = 0; i < padded / 64; ++i) {
      _mm256_storeu_ps(out.wide.get() + 16 * i, _mm256_set1_ps(out.scale[static_cast<std::size_t>(2 * i)]));
      _mm256_storeu_ps(out.wide.get() + 16 * i + 8, _mm256_set1_ps(out.scale[static_cast<std::size_t>(2 * i + 1)]));
    }
  const Reg shift = _mm512_set1_epi8(static_cast<char>(shift_of(format.id)));   // 128 as an unsigned byte
  for (std::int64_t t = 0; t < out.tokens; ++t) {
    std::int8_t* const q = out.q.get() + 2 * padded * t;
    for (std::int64_t i = 0; nibbles && i < padded; i += 64) interleave_pairs(q + i);
    for (std::int64_t i = 0; i < padded; i += 64)
      _mm512_storeu_si512(q + padded + i, _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_dpbusd_epi32(_mm512_setzero_si512(), shift, load(q + i))));
  }
}

// ---- scales
// Sixteen half-precision scales `stride` bytes apart.
RegF gather_halves(const std::byte* from, int stride) {
  const Reg index = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), _mm512_set1_epi32(stride));
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_i32gather_epi32(index, from, 1)));
}
// Sixteen exponent bytes (E8M0) as floats, halved since the integers are doubled.
RegF gather_exponents(const std::byte* from, int stride) {
  const Reg index = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), _mm512_set1_epi32(stride));
  // Padding behind the last row is zero: an exponent of zero must not become an infinity.
  const Reg exponent = _mm512_max_epi32(_mm512_and_si512(_mm512_i32gather_epi32(index, from, 1), _mm512_set1_epi32(255)), _mm512_set1_epi32(1));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_sub_epi32(exponent, _mm512_set1_epi32(1)), 23));
}

// Lanes of pair k: blocks 2k and 2k+1 in the order of the integers.
template <bool pairs>
RegF spread(RegF scales, int k) {
  const Reg even = _mm512_set1_epi32(2 * k);
  const Reg odd = pairs ? _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1) : _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  return _mm512_permutexvar_ps(_mm512_add_epi32(even, odd), scales);
}

// ---- unpacking two blocks of 32 into 64 unsigned bytes
template <FormatId id>
Reg unpack_pair(const std::byte* at) {
  if constexpr (id == FormatId::q8_0) {
    const Reg both = _mm512_inserti64x4(_mm512_castsi256_si512(load_half(at + 2)), load_half(at + 36), 1);
    return _mm512_xor_si512(both, _mm512_set1_epi8(static_cast<char>(0x80)));
  } else {
    constexpr int first = id == FormatId::q4_0 ? 2 : 1, second = id == FormatId::q4_0 ? 20 : 18;
    const __m256i packed = _mm256_inserti128_si256(_mm256_castsi128_si256(load_quarter(at + first)), load_quarter(at + second), 1);
    const Reg nibbles = _mm512_and_si512(_mm512_inserti64x4(_mm512_castsi256_si512(packed), _mm256_srli_epi16(packed, 4), 1), _mm512_set1_epi8(15));
    if constexpr (id == FormatId::q4_0) return nibbles;
    // E2M1 doubled, plus twelve.
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)), nibbles);
  }
}

// Blocks of 32 with one scale each.
template <FormatId id, int rows, int tokens>
void block_tile(const Slice& slice, std::int64_t row, std::int64_t apart, std::int64_t first) {
  constexpr int bytes = id == FormatId::q8_0 ? 34 : id == FormatId::q4_0 ? 18 : 17;
  constexpr bool pairs = id != FormatId::q8_0;
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows][tokens];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, zero(sum[r]);
  for (std::int64_t i = 0; i < slice.columns; i += 512) {
    for (int r = 0; r < rows; ++r) {
      if constexpr (tokens == 1) prefetch(at[r], 16 * bytes);
      RegF weight_scale;
      if constexpr (id == FormatId::mxfp4) weight_scale = gather_exponents(at[r], bytes);
      else weight_scale = gather_halves(at[r], bytes);
      RegF scale[tokens];
      for (int t = 0; t < tokens; ++t) scale[t] = _mm512_mul_ps(weight_scale, _mm512_loadu_ps(x.scale.get() + ((first + t) * x.padded + i) / 32));
      for (int k = 0; k < 8; ++k) {
        const Reg weights = unpack_pair<id>(at[r] + 2 * bytes * k);
        for (int t = 0; t < tokens; ++t) {
          const Reg product = _mm512_dpbusd_epi32(load(starts(x, first + t) + (i + 64 * k) / 4), weights, load(integers(x, first + t) + i + 64 * k));
          sum[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), spread<pairs>(scale[t], k), sum[r][t]);
        }
      }
      at[r] += 16 * bytes;
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + row + r * apart] = _mm512_reduce_add_ps(sum[r][t]);
}

// The half-precision scales of two blocks, each in eight lanes. Gathers of sixteen at once are slow on Zen.
template <int bytes>
RegF pair_of_halves(const std::byte* at) {
  std::int16_t low, high;
  std::memcpy(&low, at, 2), std::memcpy(&high, at + bytes, 2);
  return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi16(low)), _mm_set1_epi16(high), 1));
}

// q8_0 against one vector.
template <int rows>
void q8_0_rows(const Slice& slice, std::int64_t row, std::int64_t apart, std::int64_t) {
  constexpr int bytes = 34;
  const Activations& x = *slice.x;
  const std::int8_t* const q = integers(x, 0);
  const std::int32_t* const start = starts(x, 0);
  const float* const scales = x.wide.get();
  const std::byte* at[rows];
  RegF sum[rows][2];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, zero(sum[r]);
  for (std::int64_t i = 0; i < slice.columns; i += 128)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 2 * 64);   // of 136 bytes: the lines between come with the next
      for (int k = 0; k < 2; ++k) {
        const std::int64_t j = i + 64 * k;
        const Reg product = _mm512_dpbusd_epi32(load(start + j / 4), unpack_pair<FormatId::q8_0>(at[r] + 2 * bytes * k), load(q + j));
        const RegF scale = _mm512_mul_ps(pair_of_halves<bytes>(at[r] + 2 * bytes * k), _mm512_loadu_ps(scales + j / 4));
        sum[r][k] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), scale, sum[r][k]);
      }
      at[r] += 4 * bytes;
    }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = _mm512_reduce_add_ps(_mm512_add_ps(sum[r][0], sum[r][1]));
}

// Sixteen bytes of each of four rows, from the same place in them.
Reg four_rows(const std::byte* at, std::int64_t apart) {
  Reg all = _mm512_castsi128_si512(load_quarter(at));
  all = _mm512_inserti32x4(all, load_quarter(at + apart), 1);
  all = _mm512_inserti32x4(all, load_quarter(at + 2 * apart), 2);
  return _mm512_inserti32x4(all, load_quarter(at + 3 * apart), 3);
}

// The words that hold the scales of four blocks of each of four rows, rows in turn. Two permutations of words that are loaded anyway:
// gathers of sixteen take as long as all the products.
Reg four_by_four(const std::byte* at, std::int64_t apart, Reg words) {
  const Reg upper = _mm512_permutex2var_epi32(load(at), words, load(at + apart));
  return _mm512_mask_mov_epi32(upper, 0xcccc, _mm512_permutex2var_epi32(load(at + 2 * apart), words, load(at + 3 * apart)));
}

// The half in the upper 16 bits of each lane as a float that is 2^112 times too small: its exponent stays as it is.
RegF small_halves(Reg upper) { return _mm512_castsi512_ps(_mm512_and_si512(_mm512_srai_epi32(upper, 3), _mm512_set1_epi32(static_cast<int>(0x8fffe000u)))); }

// Scales of q4_0 (18 bytes a block) as small_halves; of mxfp4 (17 bytes a block) the exponents E8M0, of which 0 becomes 0.
template <FormatId id>
RegF nibble_scales(const std::byte* at, std::int64_t apart) {
  if constexpr (id == FormatId::q4_0) {
    const Reg found = four_by_four(at, apart, _mm512_setr_epi32(0, 16, 0, 16, 4, 20, 4, 20, 9, 25, 9, 25, 13, 29, 13, 29));
    return small_halves(_mm512_sllv_epi32(found, _mm512_setr_epi32(16, 16, 16, 16, 0, 0, 0, 0, 16, 16, 16, 16, 0, 0, 0, 0)));
  } else {
    const Reg found = four_by_four(at, apart, _mm512_setr_epi32(0, 16, 0, 16, 4, 20, 4, 20, 8, 24, 8, 24, 12, 28, 12, 28));
    const Reg turned = _mm512_rolv_epi32(found, _mm512_setr_epi32(23, 23, 23, 23, 15, 15, 15, 15, 7, 7, 7, 7, 31, 31, 31, 31));
    return _mm512_castsi512_ps(_mm512_and_si512(turned, _mm512_set1_epi32(0x7f800000)));
  }
}
Reg four_times(const std::int8_t* sixteen) { return _mm512_broadcast_i32x4(load_quarter(sixteen)); }

// Four rows of nibble blocks against one vector: each quarter of a register belongs to one row, so that one product serves four.
template <FormatId id>
void nibble_rows(const Slice& slice, std::int64_t row, std::int64_t apart) {
  constexpr int bytes = id == FormatId::q4_0 ? 18 : 17, head = bytes - 16, shift = id == FormatId::q4_0 ? 8 : 12;
  const Activations& x = *slice.x;
  const std::int64_t distance = apart * slice.row_bytes;
  const std::byte* at = slice.weights + row * slice.row_bytes;
  const std::int8_t* const q = integers(x, 0);
  const float *const scales = x.wide.get(), *const sums = scales + x.padded / 8;
  const Reg quarters = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), low = _mm512_set1_epi8(15);
  const Reg table = _mm512_broadcast_i32x4(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0));
  RegF sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, shifted = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 128, at += 4 * bytes) {   // four blocks
    if (i % 256 == 0)
      for (int r = 0; r < 4; ++r) prefetch(at + r * distance, 8 * bytes);
    const RegF d = nibble_scales<id>(at, distance);
    shifted = _mm512_fmadd_ps(d, _mm512_loadu_ps(sums + i / 8), shifted);
    const RegF scale = _mm512_mul_ps(d, _mm512_loadu_ps(scales + i / 8));
    for (int b = 0; b < 4; ++b) {
      const Reg packed = four_rows(at + b * bytes + head, distance);
      Reg first = _mm512_and_si512(packed, low), second = _mm512_and_si512(_mm512_srli_epi16(packed, 4), low);
      if constexpr (id == FormatId::mxfp4) first = _mm512_shuffle_epi8(table, first), second = _mm512_shuffle_epi8(table, second);
      const std::int8_t* const v = q + i + 32 * b;
      const Reg product = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), first, four_times(v)), second, four_times(v + 16));
      const RegF spread_scale = _mm512_permutexvar_ps(_mm512_add_epi32(quarters, _mm512_set1_epi32(4 * b)), scale);
      sum[b % 2] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), spread_scale, sum[b % 2]);
    }
  }
  // Lanes of `shifted` belong to rows in turn, those of `sum` by quarters.
  float of_row[16], shift_of_row[16];
  _mm512_storeu_ps(of_row, _mm512_add_ps(sum[0], sum[1]));
  _mm512_storeu_ps(shift_of_row, shifted);
  for (int r = 0; r < 4; ++r) {
    float total = 0, less = 0;
    for (int lane = 0; lane < 4; ++lane) total += of_row[4 * r + lane], less += shift_of_row[4 * lane + r];
    slice.out[row + r * apart] = total - static_cast<float>(shift) * less;
  }
}

// ---- q4_k against one vector, four rows at once as above: the sixteen bytes before the nibbles fill a quarter, too.
Reg four_words(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return _mm512_broadcast_i32x4(_mm_setr_epi32(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c), static_cast<int>(d)));
}
// unpack_q4_k of four rows: eight scales and eight minima a quarter.
Reg four_scales_and_minima(Reg headers) {
  const Reg upper = _mm512_and_si512(_mm512_srli_epi32(_mm512_shuffle_epi32(headers, _MM_PERM_CCBB), 2), four_words(0, 0x30303030, 0, 0x30303030));
  const Reg lower = _mm512_srlv_epi32(_mm512_shuffle_epi32(headers, _MM_PERM_DCDB), four_words(0, 0, 0, 4));
  return _mm512_or_si512(_mm512_and_si512(lower, four_words(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f)), upper);
}

void q4_k_rows(const Slice& slice, std::int64_t row, std::int64_t apart) {
  const Activations& x = *slice.x;
  const std::int64_t distance = apart * slice.row_bytes;
  const std::byte* at = slice.weights + row * slice.row_bytes;
  const std::int8_t* const q = integers(x, 0);
  const Reg low = _mm512_set1_epi8(15), zero = _mm512_setzero_si512();
  RegF sum = _mm512_setzero_ps(), minimum = sum;
  for (std::int64_t i = 0; i < slice.columns; i += 256, at += 144) {
    for (int r = 0; r < 4; ++r) prefetch(at + r * distance, 144);
    const Reg headers = four_rows(at, distance), all = four_scales_and_minima(headers);
    Reg whole = zero;   // products times their scales: integers while a block lasts
    for (int k = 0; k < 4; ++k) {
      const Reg left = four_rows(at + 16 + 32 * k, distance), right = four_rows(at + 32 + 32 * k, distance);
      const std::int8_t* const v = q + i + 64 * k;
      const Reg even = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, _mm512_and_si512(left, low), four_times(v)), _mm512_and_si512(right, low), four_times(v + 16));
      const Reg odd = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(zero, _mm512_and_si512(_mm512_srli_epi16(left, 4), low), four_times(v + 32)),
                                          _mm512_and_si512(_mm512_srli_epi16(right, 4), low), four_times(v + 48));
      // A lane sums eight products of at most 15 x 127: 16 bits hold it, and a product of pairs whose other half is 0 scales it.
      const Reg lane = _mm512_set1_epi32(static_cast<int>(0x80808000u));   // byte 0 of a quarter, widened
      whole = _mm512_dpwssd_epi32(whole, even, _mm512_shuffle_epi8(all, _mm512_add_epi32(lane, _mm512_set1_epi32(2 * k))));
      whole = _mm512_dpwssd_epi32(whole, odd, _mm512_shuffle_epi8(all, _mm512_add_epi32(lane, _mm512_set1_epi32(2 * k + 1))));
    }
    const Reg less = _mm512_dpwssd_epi32(zero, _mm512_unpackhi_epi8(all, zero), four_times(reinterpret_cast<const std::int8_t*>(x.counts.get() + i / 32)));
    const Reg halves = _mm512_shuffle_epi32(headers, _MM_PERM_AAAA);
    const RegF scale = _mm512_set1_ps(x.scale[static_cast<std::size_t>(i / 32)] * kHalves);
    sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_mul_ps(small_halves(_mm512_slli_epi32(halves, 16)), scale), sum);
    minimum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(less), _mm512_mul_ps(small_halves(halves), scale), minimum);
  }
  float of_row[16];
  _mm512_storeu_ps(of_row, _mm512_sub_ps(sum, minimum));
  for (int r = 0; r < 4; ++r) slice.out[row + r * apart] = of_row[4 * r] + of_row[4 * r + 1] + of_row[4 * r + 2] + of_row[4 * r + 3];
}

template <int rows, int tokens>
void q4_k_tile(const Slice& slice, std::int64_t row, std::int64_t apart, std::int64_t first) {
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows][tokens];
  __m256 minimum[rows][tokens];
  for (int r = 0; r < rows; ++r) {
    at[r] = slice.weights + (row + r * apart) * slice.row_bytes, zero(sum[r]);
    for (__m256& one : minimum[r]) one = _mm256_setzero_ps();
  }
  for (std::int64_t i = 0; i < slice.columns; i += 256) {
    for (int r = 0; r < rows; ++r) {
      if constexpr (tokens == 1) prefetch(at[r], 144);
      std::uint32_t both;
      std::memcpy(&both, at[r], 4);
      const __m128 halves = _mm_cvtph_ps(_mm_cvtsi32_si128(static_cast<int>(both)));
      const ScalesAndMinima all = unpack_q4_k(at[r]);
      const __m128i unpacked = load_quarter(&all);   // scales in the low eight bytes, minima in the high eight
      const __m256 scales = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(unpacked)), _mm256_broadcastss_ps(halves));
      const __m256 minima = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(unpacked, 8))), _mm256_broadcastss_ps(_mm_movehdup_ps(halves)));
      RegF scale[tokens];
      for (int t = 0; t < tokens; ++t) {
        const std::int64_t small = ((first + t) * x.padded + i) / 32;
        minimum[r][t] = _mm256_fmadd_ps(minima, _mm256_loadu_ps(x.sum.get() + small), minimum[r][t]);
        scale[t] = _mm512_castps256_ps512(_mm256_mul_ps(scales, _mm256_loadu_ps(x.scale.get() + small)));
      }
      for (int k = 0; k < 4; ++k) {
        const __m256i packed = load_half(at[r] + 16 + 32 * k);
        const Reg weights = _mm512_and_si512(_mm512_inserti64x4(_mm512_castsi256_si512(packed), _mm256_srli_epi16(packed, 4), 1), _mm512_set1_epi8(15));
        for (int t = 0; t < tokens; ++t) {
          const Reg product = _mm512_dpbusd_epi32(_mm512_setzero_si512(), weights, load(integers(x, first + t) + i + 64 * k));
          sum[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), spread<false>(scale[t], k), sum[r][t]);
        }
      }
      at[r] += 144;
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int t = 0; t < tokens; ++t) {
      const RegF less = _mm512_insertf32x8(_mm512_setzero_ps(), minimum[r][t], 0);
      slice.out[(first + t) * slice.out_stride + row + r * apart] = _mm512_reduce_add_ps(_mm512_sub_ps(sum[r][t], less));
    }
}

template <int rows, int tokens>
void q6_k_tile(const Slice& slice, std::int64_t row, std::int64_t apart, std::int64_t first) {
  const Activations& x = *slice.x;
  const Reg low = _mm512_set1_epi8(15), high = _mm512_set1_epi8(0x30);
  const std::byte* at[rows];
  RegF sum[rows][tokens];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, zero(sum[r]);
  for (std::int64_t i = 0; i < slice.columns; i += 256) {
    for (int r = 0; r < rows; ++r) {
      if constexpr (tokens == 1) prefetch(at[r], 210);
      std::uint16_t d;
      std::memcpy(&d, at[r] + 208, 2);
      const RegF scales = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_quarter(at[r] + 192))), _mm512_set1_ps(_cvtsh_ss(d)));
      RegF scale[tokens];
      for (int t = 0; t < tokens; ++t) scale[t] = _mm512_mul_ps(scales, _mm512_set1_ps(x.scale[static_cast<std::size_t>(((first + t) * x.padded + i) / 32)]));
      for (int half = 0; half < 2; ++half) {
        const Reg nibbles = load(at[r] + 64 * half);
        const __m256i bits = load_half(at[r] + 128 + 32 * half);
        const Reg two = _mm512_inserti64x4(_mm512_castsi256_si512(bits), _mm256_srli_epi16(bits, 2), 1);
        const Reg weights[2] = {_mm512_or_si512(_mm512_and_si512(nibbles, low), _mm512_and_si512(_mm512_slli_epi16(two, 4), high)),
                                _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low), _mm512_and_si512(two, high))};
        for (int part = 0; part < 2; ++part) {
          const std::int64_t k = i + 128 * half + 64 * part;
          const Reg index = _mm512_add_epi32(_mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3), _mm512_set1_epi32(8 * half + 4 * part));
          for (int t = 0; t < tokens; ++t) {
            const Reg product = _mm512_dpbusd_epi32(load(starts(x, first + t) + k / 4), weights[part], load(integers(x, first + t) + k));
            sum[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(product), _mm512_permutexvar_ps(index, scale[t]), sum[r][t]);
          }
        }
      }
      at[r] += 210;
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + row + r * apart] = _mm512_reduce_add_ps(sum[r][t]);
}

// The same of kernels that take exactly four rows; what is left is done four times.
template <void (*four)(const Slice&, std::int64_t row, std::int64_t apart)>
void stream_fours(const Slice& slice) {
  const std::int64_t apart = slice.rows / 4;
  for (std::int64_t r = 0; r < apart; ++r) four(slice, r, apart);
  for (std::int64_t r = 4 * apart; r < slice.rows; ++r) four(slice, r, 0);
}
template <FormatId id>
void block_matmul(const Slice& slice) { over_tokens<block_tile<id, 1, kTokens>, block_tile<id, 1, 1>>(slice); }

}  // namespace

const CpuKernels avx512_kernels = {
    .name = "avx512-vnni",
    .usable = usable,
    .read = read,
    .copy = copy,
    .triad = triad,
    .arrange = arrange,
    .matvec = {avx512::plain_matvec<FormatId::f32>, avx512::plain_matvec<FormatId::f16>, avx512::plain_matvec<FormatId::bf16>, avx512::plain_matvec<FormatId::i8>,
               stream_rows<q8_0_rows<kStreams>, q8_0_rows<1>>, stream_fours<nibble_rows<FormatId::q4_0>>, stream_fours<nibble_rows<FormatId::mxfp4>>, stream_fours<q4_k_rows>,
               stream_rows<q6_k_tile<kStreams, 1>, q6_k_tile<1, 1>>},
    .matmul = {avx512::plain_matmul<FormatId::f32>, avx512::plain_matmul<FormatId::f16>, avx512::plain_matmul<FormatId::bf16>, avx512::plain_matmul<FormatId::i8>, block_matmul<FormatId::q8_0>,
               block_matmul<FormatId::q4_0>, block_matmul<FormatId::mxfp4>, over_tokens<q4_k_tile<1, kTokens>, q4_k_tile<1, 1>>,
               over_tokens<q6_k_tile<1, kTokens>, q6_k_tile<1, 1>>},
    .attention = avx512::attention,
};

}  // namespace rigcast::bench

#include "bench/detail/set_end.hpp"

#endif
