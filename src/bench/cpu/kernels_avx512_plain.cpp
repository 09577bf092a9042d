// AVX-512: formats without scales.

#if defined(__x86_64__)

#include "bench/detail/avx512.hpp"

namespace rigcast::bench {
namespace {

// Tiles of rows x tokens, so that each loaded register serves several products.
template <FormatId id>
struct Plain;
template <>
struct Plain<FormatId::f32> {
  using Lanes = RegF;
  static constexpr int step = 16, bytes = 4;
  static RegF weights(const std::byte* at) { return _mm512_loadu_ps(at); }
  static RegF values(const Activations& x, std::int64_t token, std::int64_t i) { return _mm512_loadu_ps(x.values.get() + token * x.padded + i); }
  static RegF add(RegF sum, RegF w, RegF v) { return _mm512_fmadd_ps(w, v, sum); }
  static float total(RegF sum) { return _mm512_reduce_add_ps(sum); }
};
template <>
struct Plain<FormatId::f16> : Plain<FormatId::f32> {
  static constexpr int step = 16, bytes = 2;
  static RegF weights(const std::byte* at) { return _mm512_cvtph_ps(load_half(at)); }
};
template <>
struct Plain<FormatId::bf16> {
  using Lanes = RegF;
  static constexpr int step = 32, bytes = 2;
  static RegF weights(const std::byte* at) { return _mm512_castsi512_ps(load(at)); }
  static RegF values(const Activations& x, std::int64_t token, std::int64_t i) { return _mm512_castsi512_ps(load(x.halves.get() + token * x.padded + i)); }
  static RegF add(RegF sum, RegF w, RegF v) { return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)v); }
  static float total(RegF sum) { return _mm512_reduce_add_ps(sum); }
};
template <>
struct Plain<FormatId::i8> {
  using Lanes = Reg;
  static constexpr int step = 64, bytes = 1;
  static Reg weights(const std::byte* at) { return _mm512_xor_si512(load(at), _mm512_set1_epi8(static_cast<char>(0x80))); }
  static Reg values(const Activations& x, std::int64_t token, std::int64_t i) { return load(integers(x, token) + i); }
  static Reg add(Reg sum, Reg w, Reg v) { return _mm512_dpbusd_epi32(sum, w, v); }
  static float total(Reg sum) { return static_cast<float>(_mm512_reduce_add_epi32(sum)); }
};

// What the unsigned shift of whole-number weights adds to every row: taken back once per token.
float shift_total(const Activations& x, std::int64_t token) {
  if (!x.q) return 0;
  Reg sum = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < x.padded / 4; i += 16) sum = _mm512_add_epi32(sum, load(starts(x, token) + i));
  return static_cast<float>(_mm512_reduce_add_epi32(sum));
}

template <FormatId id, int rows, int tokens>
void plain_tile(const Slice& slice, std::int64_t row, std::int64_t first) {
  using P = Plain<id>;
  const Activations& x = *slice.x;
  using Lanes = typename P::Lanes;
  Lanes sum[rows][tokens];
  for (auto& line : sum) for (auto& cell : line) cell = Lanes{};
  const std::byte* const from = slice.weights + row * slice.row_bytes;
  for (std::int64_t i = 0; i < slice.columns; i += P::step) {
    Lanes w[rows];
    for (int r = 0; r < rows; ++r) w[r] = P::weights(from + r * slice.row_bytes + i * P::bytes);
    for (int t = 0; t < tokens; ++t) {
      const Lanes v = P::values(x, first + t, i);
      for (int r = 0; r < rows; ++r) sum[r][t] = P::add(sum[r][t], w[r], v);
    }
  }
  for (int t = 0; t < tokens; ++t)
    for (int r = 0; r < rows; ++r) slice.out[(first + t) * slice.out_stride + row + r] = P::total(sum[r][t]) + (id == FormatId::i8 ? shift_total(x, first + t) : 0);
}

// One vector: rows far apart, as above. bf16 is widened to floats, even and odd elements apart.
template <FormatId id, int rows>
void plain_stream(const Slice& slice, std::int64_t row, std::int64_t apart, std::int64_t token) {
  constexpr int bytes = id == FormatId::f32 ? 4 : id == FormatId::i8 ? 1 : 2;
  constexpr int step = id == FormatId::i8 ? 64 : id == FormatId::bf16 ? 32 : 16;
  const Activations& x = *slice.x;
  const std::int64_t base = token * x.padded;
  const std::byte* at[rows];
  using Lanes = typename Plain<id>::Lanes;
  Lanes sum[rows][2] = {};   // two: one addition need not wait for the one before
  for (int r = 0; r < rows; ++r) at[r] = slice.weights + (row + r * apart) * slice.row_bytes;
  for (std::int64_t i = 0; i < slice.columns; i += 2 * step)
    for (int r = 0; r < rows; ++r) {
      prefetch(at[r], 2 * step * bytes);
      for (int k = 0; k < 2; ++k) {
        const std::byte* const from = at[r] + k * step * bytes;
        if constexpr (id == FormatId::bf16) {
          const Reg raw = load(from);
          const float* const v = x.values.get() + base + i + k * step;
          sum[r][k] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(raw, 16)), _mm512_loadu_ps(v), sum[r][k]);
          sum[r][k] = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(raw, _mm512_set1_epi32(static_cast<int>(0xffff0000u)))), _mm512_loadu_ps(v + 16), sum[r][k]);
        } else {
          using P = Plain<id>;
          sum[r][k] = P::add(sum[r][k], P::weights(from), P::values(x, token, i + k * step));
        }
      }
      at[r] += 2 * step * bytes;
    }
  const float correction = id == FormatId::i8 ? shift_total(x, token) : 0;
  for (int r = 0; r < rows; ++r) {
    float total;
    if constexpr (id == FormatId::i8) total = static_cast<float>(_mm512_reduce_add_epi32(_mm512_add_epi32(sum[r][0], sum[r][1])));
    else total = _mm512_reduce_add_ps(_mm512_add_ps(sum[r][0], sum[r][1]));
    slice.out[token * slice.out_stride + row + r * apart] = total + correction;
  }
}

}  // namespace

template <FormatId id>
void avx512::plain_matvec(const Slice& slice) { stream_rows<plain_stream<id, kStreams>, plain_stream<id, 1>>(slice); }

// Processors before Cooper Lake have no product of bf16 pairs.
template <FormatId id>
void avx512::plain_matmul(const Slice& slice) {
  constexpr int kRows = 4, kWidth = 6;
  const bool pairs = id != FormatId::bf16 || __builtin_cpu_supports("avx512bf16");
  std::int64_t t = 0;
  for (; pairs && t + kWidth <= slice.x->tokens; t += kWidth) {
    std::int64_t r = 0;
    for (; r + kRows <= slice.rows; r += kRows) plain_tile<id, kRows, kWidth>(slice, r, t);
    for (; r < slice.rows; ++r) plain_tile<id, 1, kWidth>(slice, r, t);
  }
  for (; t < slice.x->tokens; ++t)
    for (std::int64_t r = 0; r < slice.rows; ++r) pairs ? plain_tile<id, 1, 1>(slice, r, t) : plain_stream<id, 1>(slice, r, 0, t);
}

template void avx512::plain_matvec<FormatId::f32>(const Slice&);
template void avx512::plain_matvec<FormatId::f16>(const Slice&);
template void avx512::plain_matvec<FormatId::bf16>(const Slice&);
template void avx512::plain_matvec<FormatId::i8>(const Slice&);
template void avx512::plain_matmul<FormatId::f32>(const Slice&);
template void avx512::plain_matmul<FormatId::f16>(const Slice&);
template void avx512::plain_matmul<FormatId::bf16>(const Slice&);
template void avx512::plain_matmul<FormatId::i8>(const Slice&);

}  // namespace rigcast::bench

#include "bench/detail/set_end.hpp"

#endif
