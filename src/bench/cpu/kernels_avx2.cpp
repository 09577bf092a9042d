// AVX2 with FMA and F16C: every x86 processor since 2013 (Intel) and 2015 (AMD). Integer products go through maddubs, unsigned weights
// times signed activations into 16 bits, which the small weights of these formats never overflow. Here are memory, arranging, formats without
// scales and blocks of 32; kernels_avx2_k.cpp has the rest.

#if defined(__x86_64__)

#include <algorithm>
#include <bit>
#include <cstring>

#include "bench/detail/avx2.hpp"

namespace rigcast::bench {
namespace {

bool usable() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
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
// The words at which eight blocks begin, those of even blocks in the lower four lanes: of each load only the lane that is wanted is kept.
// Gathers and inserts of single words take longer than the products.
constexpr int block_of_lane(int lane) { return lane % 4 * 2 + lane / 4; }
template <int bytes, int lane = 1>
Reg heads(const std::byte* at, Reg before) {
  if constexpr (lane == 8) return before;
  else return heads<bytes, lane + 1>(at, _mm256_blend_epi32(before, load(at + block_of_lane(lane) * bytes - 4 * lane), 1 << lane));
}
template <int bytes>
Reg heads(const std::byte* at) { return heads<bytes>(at, load(at)); }

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
  static constexpr float factor = kHalves;   // that scales() lacks
  static RegF scales(const std::byte* at) { return small_halves(_mm256_slli_epi32(heads<bytes>(at), 16)); }
  static Reg spelled(Reg nibbles) { return nibbles; }
  static Reg weights(const std::byte* at) { return nibbles(at + 2); }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(w, load(v))); }
};
template <>
struct Block<FormatId::mxfp4> {
  static constexpr int bytes = 17, shift = 12;
  static float scale(const std::byte* at) { return std::bit_cast<float>((static_cast<std::uint32_t>(at[0]) - 1) << 23); }   // halved, as the integers are doubled
  static constexpr float factor = 0.5f;
  // An exponent of 0 (padding behind the last row) becomes 0.
  static RegF scales(const std::byte* at) { return _mm256_castsi256_ps(_mm256_and_si256(_mm256_slli_epi32(heads<bytes>(at), 23), _mm256_set1_epi32(0x7f800000))); }
  static Reg spelled(Reg nibbles) { return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0)), nibbles); }
  static Reg weights(const std::byte* at) { return spelled(nibbles(at + 1)); }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(w, load(v))); }
};
template <>
struct Block<FormatId::q8_0> {
  static constexpr int bytes = 34, shift = 0;
  static float scale(const std::byte* at) { return half_at(at); }
  static constexpr float factor = kHalves;   // that scales() lacks
  static RegF scales(const std::byte* at) { return small_halves(_mm256_slli_epi32(heads<bytes>(at), 16)); }
  static Reg weights(const std::byte* at) { return load(at + 2); }
  static RegF product(Reg w, const std::int8_t* v) { return _mm256_cvtepi32_ps(dot(_mm256_abs_epi8(w), _mm256_sign_epi8(load(v), w))); }
};

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

// q8_0 against one vector.
template <int rows>
void q8_0_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  using Q8 = Block<FormatId::q8_0>;
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 256)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 8 * Q8::bytes);
      alignas(32) float scale[8];
      _mm256_store_ps(scale, _mm256_mul_ps(Q8::scales(at[r]), _mm256_loadu_ps(x.scale.get() + i / 32)));
      RegF odd = _mm256_setzero_ps();   // beside sum[r]: one addition need not wait for the one before
      for (int pair = 0; pair < 4; ++pair) {
        const std::byte* const two = at[r] + 2 * pair * Q8::bytes;
        const std::int8_t* const v = x.q.get() + i + 64 * pair;
        sum[r] = _mm256_fmadd_ps(Q8::product(Q8::weights(two), v), _mm256_broadcast_ss(scale + pair), sum[r]);
        odd = _mm256_fmadd_ps(Q8::product(Q8::weights(two + Q8::bytes), v + 32), _mm256_broadcast_ss(scale + 4 + pair), odd);
      }
      sum[r] = _mm256_add_ps(sum[r], odd);
      at[r] += 8 * Q8::bytes;
    }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = total(sum[r]);
}

// Nibbles against one vector, two blocks at once: a half of each register belongs to one, and so do halves of the scales (heads) and of the
// activations (interleave_pairs). Products of both nibbles of a byte are added while they have 16 bits: four of at most 24 x 127.
template <class Block, int pair>
RegF nibble_pair(const std::byte* at, const std::int8_t* v, RegF scale, RegF sum) {
  constexpr int head = Block::bytes - 16, first = 2 * pair * Block::bytes + head;
  const Reg low = _mm256_set1_epi8(15);
  const Reg packed = halves_of(at + first, at + first + Block::bytes);
  const Reg left = Block::spelled(_mm256_and_si256(packed, low)), right = Block::spelled(_mm256_and_si256(_mm256_srli_epi16(packed, 4), low));
  const Reg products = _mm256_add_epi16(_mm256_maddubs_epi16(left, load(v + 64 * pair)), _mm256_maddubs_epi16(right, load(v + 64 * pair + 32)));
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_madd_epi16(products, _mm256_set1_epi16(1))), _mm256_shuffle_ps(scale, scale, 0x55 * pair), sum);
}
template <class Block, int rows>
void nibble_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  const Activations& x = *slice.x;
  const std::byte* at[rows];
  RegF sum[rows], shifted[rows];
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r] = shifted[r] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 256) {
    const RegF scales = _mm256_loadu_ps(x.scale.get() + i / 32), sums = _mm256_loadu_ps(x.sum.get() + i / 32);
    const std::int8_t* const v = x.q.get() + i;
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 8 * Block::bytes);
      const RegF d = Block::scales(at[r]), scale = _mm256_mul_ps(d, scales);
      shifted[r] = _mm256_fmadd_ps(d, sums, shifted[r]);
      sum[r] = nibble_pair<Block, 0>(at[r], v, scale, sum[r]);
      sum[r] = nibble_pair<Block, 1>(at[r], v, scale, sum[r]);
      sum[r] = nibble_pair<Block, 2>(at[r], v, scale, sum[r]);
      sum[r] = nibble_pair<Block, 3>(at[r], v, scale, sum[r]);
      at[r] += 8 * Block::bytes;
    }
  }
  for (int r = 0; r < rows; ++r) slice.out[row + r * apart] = total(sum[r]) - static_cast<float>(Block::shift) * total(shifted[r]);
}
template <FormatId id>
void nibble_matvec(const Slice& slice) { stream_rows<nibble_streams<Block<id>, kStreams>, nibble_streams<Block<id>, 1>>(slice); }

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

// For one vector: scales by even and odd blocks, as heads() has those of the weights, with what these lack; nibbles' values as they unpack,
// two blocks at once: a[0:16] b[0:16] a[16:32] b[16:32].
template <class Block>
void arrange_streams(std::int64_t padded, bool nibbles, Activations& out) {
  for (std::int64_t i = 0; i < padded / 32; i += 8)
    for (float* const of : {out.scale.get() + i, out.sum.get() + i}) {
      float natural[8];
      std::memcpy(natural, of, sizeof natural);
      for (int lane = 0; lane < 8; ++lane) of[lane] = Block::factor * natural[block_of_lane(lane)];
    }
  for (std::int64_t i = 0; nibbles && i < padded; i += 64) {
    std::int8_t* const q = out.q.get() + i;
    const Reg a = load(q), b = load(q + 32);
    _mm256_storeu_si256(reinterpret_cast<Reg*>(q), _mm256_permute2x128_si256(a, b, 0x20));
    _mm256_storeu_si256(reinterpret_cast<Reg*>(q + 32), _mm256_permute2x128_si256(a, b, 0x31));
  }
}

void arrange(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out) {
  if (format.activation == Activation::exact || format.activation == Activation::int8) return arrange_plain(format, values, columns, out);
  if (!out.q || !out.counts || out.columns != columns || out.tokens * columns != static_cast<std::int64_t>(values.size())) {
    out.columns = columns, out.padded = (columns + 511) / 512 * 512, out.tokens = static_cast<std::int64_t>(values.size()) / columns;
    const auto total = static_cast<std::size_t>(out.padded * out.tokens);
    out.q = make_aligned<std::int8_t>(total), out.counts = make_aligned<std::int16_t>(total / 16);
    out.scale = make_aligned<float>(total / 32), out.sum = make_aligned<float>(total / 32);
  }
  for (std::int64_t t = 0; t < out.tokens; ++t) {
    const std::int64_t at = t * out.padded;
    round_blocks(format, values.data() + t * columns, columns, out.q.get() + at, out.scale.get() + at / 32, out.sum.get() + at / 32, out.counts.get() + at / 16);
  }
  if (out.tokens > 1) return;
  const std::int64_t whole = (columns + 255) / 256 * 256;   // what kernels do in turn; its end holds what was moved there the last time
  std::fill(out.q.get() + columns, out.q.get() + whole, std::int8_t{});
  for (float* const of : {out.scale.get(), out.sum.get()}) std::fill(of + columns / 32, of + whole / 32, 0.0f);
  if (format.id == FormatId::q4_k)   // minima are for 32 at once
    for (std::int64_t i = 0; i < out.padded / 32; ++i) out.counts[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(out.counts[static_cast<std::size_t>(2 * i)] + out.counts[static_cast<std::size_t>(2 * i + 1)]);
  if (format.id == FormatId::q8_0) arrange_streams<Block<FormatId::q8_0>>(out.padded, false, out);
  if (format.id == FormatId::q4_0) arrange_streams<Block<FormatId::q4_0>>(out.padded, true, out);
  if (format.id == FormatId::mxfp4) arrange_streams<Block<FormatId::mxfp4>>(out.padded, true, out);
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
               stream_rows<q8_0_streams<kStreams>, q8_0_streams<1>>, nibble_matvec<FormatId::q4_0>, nibble_matvec<FormatId::mxfp4>, avx2::q4_k_matvec, avx2::q6_k_matvec},
    .matmul = {plain_matmul<Avx2, FormatId::f32>, plain_matmul<Avx2, FormatId::f16>, plain_matmul<Avx2, FormatId::bf16>, over_tokens<i8_rows<4>, i8_rows<1>, 4>,
               over_tokens<block_rows<Avx2, Block<FormatId::q8_0>, 4>, block_rows<Avx2, Block<FormatId::q8_0>, 1>, 4>, over_tokens<block_rows<Avx2, Block<FormatId::q4_0>, 4>, block_rows<Avx2, Block<FormatId::q4_0>, 1>, 4>,
               over_tokens<block_rows<Avx2, Block<FormatId::mxfp4>, 4>, block_rows<Avx2, Block<FormatId::mxfp4>, 1>, 4>, avx2::q4_k_matmul,
               avx2::q6_k_matmul},
    .attention = attention<Avx2>,
};

}  // namespace rigcast::bench

#include "bench/detail/set_end.hpp"

#endif
