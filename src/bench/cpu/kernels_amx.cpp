// AMX: matrix products of whole numbers and bf16 by tiles of 16 rows of 64 bytes; all else is AVX-512's. Weights are read as they lie, a tile's
// rows a matrix row apart (copying them into tiles first took longer); activations are laid out by arrange() as the second factor wants
// them, once for all threads.

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "bench/cpu/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-int8,amx-bf16"))), apply_to = function)
#else
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"   // both in the compiler's own headers (GCC bug 105593)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-int8,amx-bf16")
#endif

namespace rigcast::bench {
namespace {

using Reg = __m512i;

constexpr int kSide = 16, kLine = 64, kTileBytes = kSide * kLine;   // rows of a tile, their bytes
constexpr int kTogether = 2 * kSide;                                // rows, and vectors, of the four sums that are held at once

// The system hands out the tiles' state, eight KiB a thread, to processes that ask.
bool usable() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25, kWanted = kBf16 | kTile | kInt8;
  if (!avx512_kernels.usable() || !__builtin_cpu_supports("avx512bf16") || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kWanted) != kWanted) return false;
  constexpr long kAskForState = 0x1023, kTileData = 18;   // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
}

constexpr int bytes_of(FormatId id) { return id == FormatId::i8 ? 1 : 2; }

// Sixteen rows of sixteen words become columns.
void transpose(Reg (&x)[kSide]) {
  Reg t[kSide];
  for (int i = 0; i < kSide; i += 2) t[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]), t[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  for (int i = 0; i < kSide; i += 4) {
    x[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]), x[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]), x[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // Quarter L of x[4 i + j] is column 4 L + j of rows 4 i to 4 i + 3.
  for (int j = 0; j < 4; ++j) {
    const Reg a = _mm512_shuffle_i32x4(x[j], x[4 + j], 0x88), b = _mm512_shuffle_i32x4(x[j], x[4 + j], 0xdd);
    const Reg c = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0x88), d = _mm512_shuffle_i32x4(x[8 + j], x[12 + j], 0xdd);
    t[j] = _mm512_shuffle_i32x4(a, c, 0x88), t[8 + j] = _mm512_shuffle_i32x4(a, c, 0xdd);
    t[4 + j] = _mm512_shuffle_i32x4(b, d, 0x88), t[12 + j] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
  std::copy(t, t + kSide, x);
}

// ---- activations: for each 32 vectors, two tiles after two tiles along the columns; a line of a tile holds four bytes of each vector.
__m512 load_some(const float* from, std::int64_t count) {
  const auto mask = static_cast<__mmask16>((1u << std::clamp<std::int64_t>(count, 0, 16)) - 1);
  return _mm512_maskz_loadu_ps(mask, from);
}

// The next 64 bytes of a vector: 64 whole numbers or 32 of 16 bits, of which `left` are there.
template <FormatId id>
Reg line_of(const float* from, std::int64_t left) {
  if constexpr (id == FormatId::bf16) return (Reg)_mm512_cvtne2ps_pbh(load_some(from + 16, left - 16), load_some(from, left));
  Reg line = _mm512_setzero_si512();
  const auto quarter = [&](int i) { return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(load_some(from + 16 * i, left - 16 * i), _mm512_set1_ps(127.0f)))); };
  line = _mm512_inserti32x4(line, quarter(0), 0), line = _mm512_inserti32x4(line, quarter(1), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(line, quarter(2), 2), quarter(3), 3);
}

template <FormatId id>
void arrange_tiles(std::span<const float> values, std::int64_t columns, Activations& out) {
  constexpr std::int64_t step = kLine / bytes_of(id);
  const std::int64_t tiles = (columns + step - 1) / step, tokens = static_cast<std::int64_t>(values.size()) / columns;
  const std::int64_t room = (tokens + kTogether - 1) / kTogether * kTogether / kSide * tiles * kTileBytes;
  if (!out.tiles || out.columns != columns || out.tokens != tokens) out.tiles = make_aligned<std::byte>(static_cast<std::size_t>(room));   // vectors that are not there stay zero
  out.columns = columns, out.tokens = tokens, out.padded = tiles * step;
  for (std::int64_t t = 0; t < tokens; t += kSide)
    for (std::int64_t c = 0; c < tiles; ++c) {
      Reg lines[kSide];
      for (int i = 0; i < kSide; ++i) lines[i] = t + i < tokens ? line_of<id>(values.data() + (t + i) * columns + c * step, columns - c * step) : _mm512_setzero_si512();
      transpose(lines);
      std::byte* const tile = out.tiles.get() + (t / kTogether * tiles + c) * 2 * kTileBytes + t % kTogether / kSide * kTileBytes;
      for (int i = 0; i < kSide; ++i) _mm512_store_si512(tile + i * kLine, lines[i]);
    }
}

void arrange(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out) {
  const bool many = static_cast<std::int64_t>(values.size()) > columns;
  if (many && format.id == FormatId::i8) return arrange_tiles<FormatId::i8>(values, columns, out);
  if (many && format.id == FormatId::bf16) return arrange_tiles<FormatId::bf16>(values, columns, out);
  avx512_kernels.arrange(format, values, columns, out);
}

// ---- products. Tiles 0 to 3 hold sums, 4 and 5 weights of two times sixteen rows, 6 and 7 activations of as many vectors.
struct alignas(kLine) TileShapes {
  std::uint8_t palette = 1, start = 0, unused[14] = {};
  std::uint16_t line[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == kLine);

// For `rows` rows of weights, 1 to 32.
void shape_tiles(int rows) {
  TileShapes shapes;
  const auto upper = static_cast<std::uint8_t>(std::min(rows, kSide)), lower = static_cast<std::uint8_t>(std::max(rows - kSide, 1));
  for (int i = 0; i < 8; ++i) shapes.line[i] = kLine, shapes.rows[i] = i >= 6 ? kSide : i == 4 || i < 2 ? upper : lower;
  __asm__ __volatile__("" : : "r"(&shapes) : "memory");   // the compiler's header says that eight bytes are read
  _tile_loadconfig(&shapes);
}

template <FormatId id>
void multiply_tiles(const std::byte* weights, std::int64_t row_bytes, const std::byte* values, std::int64_t tiles, bool both) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const std::byte* const lower = weights + kSide * row_bytes;
  for (std::int64_t c = 0; c < tiles; ++c) {
    _tile_loadd(4, weights + c * kLine, row_bytes);
    _tile_loadd(6, values + 2 * c * kTileBytes, kLine);
    _tile_loadd(7, values + (2 * c + 1) * kTileBytes, kLine);
    if constexpr (id == FormatId::i8) {
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(1, 4, 7);
    } else {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (!both) continue;
    _tile_loadd(5, lower + c * kLine, row_bytes);
    if constexpr (id == FormatId::i8) {
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(3, 5, 7);
    } else {
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
}

// The sums of `rows` (at most sixteen) rows and sixteen vectors, of which `tokens` are there, to where each vector's results lie.
template <FormatId id>
void store_sums(const std::byte* sums, int rows, std::int64_t tokens, float* out, std::int64_t stride) {
  Reg x[kSide];
  for (int i = 0; i < kSide; ++i) x[i] = _mm512_load_si512(sums + i * kLine);
  transpose(x);
  const auto mask = static_cast<__mmask16>((1u << rows) - 1);
  for (int t = 0; t < std::min<std::int64_t>(tokens, kSide); ++t)
    _mm512_mask_storeu_ps(out + t * stride, mask, id == FormatId::i8 ? _mm512_cvtepi32_ps(x[t]) : _mm512_castsi512_ps(x[t]));
}

// `rows` rows (at most 32) from `row` on, and vectors [first, last) of which the first begins a pair of tiles.
template <FormatId id>
void multiply_rows(const Slice& slice, std::int64_t row, int rows, std::int64_t first, std::int64_t last) {
  const Activations& x = *slice.x;
  const std::int64_t tiles = x.padded * bytes_of(id) / kLine;
  const bool both = rows > kSide;
  alignas(kLine) std::byte sums[4][kTileBytes];
  for (std::int64_t t = first; t < last; t += kTogether) {
    multiply_tiles<id>(slice.weights + row * slice.row_bytes, slice.row_bytes, x.tiles.get() + t * tiles * kLine, tiles, both);
    _tile_stored(0, sums[0], kLine);
    _tile_stored(1, sums[1], kLine);
    _tile_stored(2, sums[2], kLine);
    _tile_stored(3, sums[3], kLine);
    for (int i = 0; i < (both ? 4 : 2); ++i) {   // sums of rows i / 2 and vectors i % 2
      const int lower = i / 2 * kSide, right = i % 2 * kSide;
      store_sums<id>(sums[i], std::min(rows - lower, kSide), x.tokens - t - right, slice.out + (t + right) * slice.out_stride + row + lower, slice.out_stride);
    }
  }
}

// At least 32 and whole pairs of tiles, of `bytes` each, that fit into `room`.
std::int64_t held_in(std::int64_t room, std::int64_t bytes) { return std::max<std::int64_t>(1, room / bytes / kTogether) * kTogether; }

template <FormatId id>
void matmul(const Slice& slice) {
  // Every processor with tiles has a second cache of 2 MiB: rows stay in half of it while vectors come, a quarter of it at a time.
  constexpr std::int64_t kRowRoom = 1 << 20, kVectorRoom = 1 << 19;
  const std::int64_t tokens = slice.x->tokens, rows_held = held_in(kRowRoom, slice.row_bytes), vectors_held = held_in(kVectorRoom, slice.x->padded * bytes_of(id));
  int shaped = 0;
  for (std::int64_t row = 0; row < slice.rows; row += rows_held)
    for (std::int64_t first = 0; first < tokens; first += vectors_held)
      for (std::int64_t r = row; r < std::min(row + rows_held, slice.rows); r += kTogether) {
        const int rows = static_cast<int>(std::min<std::int64_t>(kTogether, slice.rows - r));
        if (rows != shaped) shape_tiles(shaped = rows);
        multiply_rows<id>(slice, r, rows, first, std::min(first + vectors_held, tokens));
      }
  _tile_release();
}

}  // namespace

}  // namespace rigcast::bench

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace rigcast::bench {

// Outside of the region above: this runs at the start, on every processor.
const CpuKernels amx_kernels = [] {
  CpuKernels all = avx512_kernels;
  all.name = "avx512-vnni, amx", all.usable = usable, all.arrange = arrange, all.matmul_rows = kTogether;
  all.matmul[static_cast<std::size_t>(FormatId::i8)] = matmul<FormatId::i8>;
  all.matmul[static_cast<std::size_t>(FormatId::bf16)] = matmul<FormatId::bf16>;
  return all;
}();

}  // namespace rigcast::bench

#endif
