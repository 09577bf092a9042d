// AVX2: q4_k and q6_k, blocks of 256 whose parts have scales of their own.

#if defined(__x86_64__)

#include "bench/detail/avx2.hpp"

namespace rigcast::bench {
namespace {

// ---- q4_k against one vector, two rows at once where they are short of a register: what stands before the nibbles, and the sums at the end.
Reg twice(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return _mm256_broadcastsi128_si256(_mm_setr_epi32(static_cast<int>(a), static_cast<int>(b), static_cast<int>(c), static_cast<int>(d)));
}
// unpack_q4_k of two rows: eight scales and eight minima a half.
Reg two_scales_and_minima(Reg headers) {
  const Reg upper = _mm256_and_si256(_mm256_srli_epi32(_mm256_shuffle_epi32(headers, 0xa5), 2), twice(0, 0x30303030, 0, 0x30303030));
  const Reg lower = _mm256_srlv_epi32(_mm256_shuffle_epi32(headers, 0xed), twice(0, 0, 0, 4));
  return _mm256_or_si256(_mm256_and_si256(lower, twice(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f)), upper);
}
// Products of a block with its scales, which stand in the first eight bytes of both halves of `scales`.
Reg q4_k_products(const std::byte* at, const std::int8_t* v, Reg scales) {
  const Reg low = _mm256_set1_epi8(15);
  Reg whole[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int g = 0; g < 4; ++g) {
    const Reg packed = load(at + 32 * g);
    const Reg part[2] = {_mm256_and_si256(packed, low), _mm256_and_si256(_mm256_srli_epi16(packed, 4), low)};
    for (int p = 0; p < 2; ++p) {
      const Reg scale = _mm256_shuffle_epi8(scales, _mm256_set1_epi16(static_cast<std::int16_t>(0x8000 + 2 * g + p)));   // one byte, widened
      whole[p] = _mm256_add_epi32(whole[p], _mm256_madd_epi16(_mm256_maddubs_epi16(part[p], load(v + 64 * g + 32 * p)), scale));
    }
  }
  return _mm256_add_epi32(whole[0], whole[1]);
}

template <int pairs>
void q4_k_streams(const Slice& slice, std::int64_t row, std::int64_t apart) {
  const Activations& x = *slice.x;
  const std::byte* at[2 * pairs];
  RegF sum[pairs], minimum[pairs];   // a half a row
  for (int r = 0; r < 2 * pairs; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes, sum[r / 2] = minimum[r / 2] = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < slice.columns; i += 256) {
    const RegF scale = _mm256_set1_ps(x.scale[static_cast<std::size_t>(i / 32)] * kHalves);
    const Reg counts = _mm256_broadcastsi128_si256(load_half(x.counts.get() + i / 32));
    const std::int8_t* const v = x.q.get() + i;
    for (int pair = 0; pair < pairs; ++pair) {
      const std::byte *&a = at[2 * pair], *&b = at[2 * pair + 1];
      prefetch(a, 144), prefetch(b, 144);
      const Reg headers = halves_of(a, b), all = two_scales_and_minima(headers), halves = _mm256_shuffle_epi32(headers, 0);
      const Reg of_a = q4_k_products(a + 16, v, _mm256_permute4x64_epi64(all, 0x44)), of_b = q4_k_products(b + 16, v, _mm256_permute4x64_epi64(all, 0xee));
      const Reg whole = _mm256_add_epi32(_mm256_permute2x128_si256(of_a, of_b, 0x20), _mm256_permute2x128_si256(of_a, of_b, 0x31));
      const Reg less = _mm256_madd_epi16(_mm256_unpackhi_epi8(all, _mm256_setzero_si256()), counts);
      sum[pair] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), _mm256_mul_ps(small_halves(_mm256_slli_epi32(halves, 16)), scale), sum[pair]);
      minimum[pair] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(less), _mm256_mul_ps(small_halves(halves), scale), minimum[pair]);
      a += 144, b += 144;
    }
  }
  for (int pair = 0; pair < pairs; ++pair) {
    float of_row[8];
    _mm256_storeu_ps(of_row, _mm256_sub_ps(sum[pair], minimum[pair]));
    for (int half = 0; half < 2; ++half) slice.out[row + (2 * pair + half) * apart] = of_row[4 * half] + of_row[4 * half + 1] + of_row[4 * half + 2] + of_row[4 * half + 3];
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

}  // namespace

void avx2::q4_k_matvec(const Slice& slice) { stream_rows<q4_k_streams<kStreams / 2>, q4_k_streams<1>>(slice); }
void avx2::q4_k_matmul(const Slice& slice) { over_tokens<q4_k_rows<4>, q4_k_rows<1>, 4>(slice); }
void avx2::q6_k_matvec(const Slice& slice) { stream_rows<q6_k_streams<kStreams>, q6_k_streams<1>>(slice); }
void avx2::q6_k_matmul(const Slice& slice) { over_tokens<q6_k_rows<4>, q6_k_rows<1>, 4>(slice); }

}  // namespace rigcast::bench

#include "bench/detail/set_end.hpp"

#endif
