#pragma once
// Loops over rows, tokens and cache that sets of registers share; a set gives its primitives as `Isa`:
//   Floats, kWidth (floats of a register), zero, load, half (from f16), store, fma(a, b, sum), times(a, factor), add, total,
//   widen<FormatId>(bytes) of a format without scales, ahead(at, bytes) which asks memory for what comes after,
//   kRows x kTokens: the tile of sums that its registers hold.
// Include it inside the file's target region: what is defined here must be compiled for the set.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bench/cpu/kernels.hpp"

namespace rigcast::bench {
namespace {

// ---- blocks of 32 with one scale. `Block`: bytes, shift (added to the weights to make them unsigned), scale(at), weights(at), and
// product(weights, 32 activations) as Floats whose total is the sum of products.
template <class Isa, class Block, int tokens>
void block_rows(const Slice& slice, std::int64_t first) {
  using Floats = typename Isa::Floats;
  constexpr int lanes = tokens == 1 ? 4 : 1;
  const Activations& x = *slice.x;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    Floats sum[tokens][lanes];
    float shifted[tokens] = {};
    for (auto& token : sum) for (Floats& lane : token) lane = Isa::zero();
    for (std::int64_t i = 0, b = 0; i < slice.columns; i += 32, ++b, at += Block::bytes) {
      if (b % 4 == 0) Isa::ahead(at, 4 * Block::bytes);
      const auto w = Block::weights(at);
      const float d = Block::scale(at);
      for (int t = 0; t < tokens; ++t) {
        const std::int64_t position = (first + t) * x.padded + i;
        const auto small = static_cast<std::size_t>(position / 32);
        Floats& lane = sum[t][b % lanes];
        lane = Isa::scaled(Block::product(w, x.q.get() + position), d * x.scale[small], lane);
        if constexpr (Block::shift > 0) shifted[t] += d * x.sum[small];
      }
    }
    for (int t = 0; t < tokens; ++t) {
      for (int lane = 1; lane < lanes; ++lane) sum[t][0] = Isa::add(sum[t][0], sum[t][lane]);
      slice.out[(first + t) * slice.out_stride + r] = Isa::total(sum[t][0]) - static_cast<float>(Block::shift) * shifted[t];
    }
  }
}

// ---- q4_k: what the minima take away for eight groups of 32 activations, the first of which is `group`.
inline float share_of_minima(const ScalesAndMinima& all, const Activations& x, std::size_t group) {
  float sum = 0;
  for (std::size_t j = 0; j < 8; ++j) sum += static_cast<float>(all.minima[j]) * x.sum[group + j];
  return sum;
}

// ---- formats without scales
template <class Isa, FormatId id, int rows, int tokens>
void plain_tile(const Slice& slice, std::int64_t row, std::int64_t first) {
  using Floats = typename Isa::Floats;
  constexpr int bytes = id == FormatId::f32 ? 4 : 2;
  constexpr int lanes = rows * tokens == 1 ? 4 : 1;
  constexpr int step = Isa::kWidth * lanes;
  const Activations& x = *slice.x;
  Floats sum[rows][tokens][lanes];
  for (auto& line : sum) for (auto& cell : line) for (Floats& lane : cell) lane = Isa::zero();
  const std::byte* const from = slice.weights + row * slice.row_bytes;
  for (std::int64_t i = 0; i < slice.columns; i += step) {
    if constexpr (lanes > 1) Isa::ahead(from + i * bytes, step * bytes);
    for (int lane = 0; lane < lanes; ++lane) {
      Floats w[rows];
      for (int r = 0; r < rows; ++r) w[r] = Isa::template widen<id>(from + r * slice.row_bytes + (i + Isa::kWidth * lane) * bytes);
      for (int t = 0; t < tokens; ++t) {
        const Floats v = Isa::load(x.values.get() + (first + t) * x.padded + i + Isa::kWidth * lane);
        for (int r = 0; r < rows; ++r) sum[r][t][lane] = Isa::fma(w[r], v, sum[r][t][lane]);
      }
    }
  }
  for (int t = 0; t < tokens; ++t)
    for (int r = 0; r < rows; ++r) {
      for (int lane = 1; lane < lanes; ++lane) sum[r][t][0] = Isa::add(sum[r][t][0], sum[r][t][lane]);
      slice.out[(first + t) * slice.out_stride + row + r] = Isa::total(sum[r][t][0]);
    }
}

template <class Isa, FormatId id>
void plain_matmul(const Slice& slice) {
  std::int64_t t = 0;
  for (; t + Isa::kTokens <= slice.x->tokens; t += Isa::kTokens) {
    std::int64_t r = 0;
    for (; r + Isa::kRows <= slice.rows; r += Isa::kRows) plain_tile<Isa, id, Isa::kRows, Isa::kTokens>(slice, r, t);
    for (; r < slice.rows; ++r) plain_tile<Isa, id, 1, Isa::kTokens>(slice, r, t);
  }
  for (; t < slice.x->tokens; ++t)
    for (std::int64_t r = 0; r < slice.rows; ++r) plain_tile<Isa, id, 1, 1>(slice, r, t);
}

// ---- kernels of rows for several tokens at once, and for one
using Rows = void (*)(const Slice&, std::int64_t first);
template <Rows wide, Rows narrow, int width>
void over_tokens(const Slice& slice) {
  std::int64_t t = 0;
  for (; t + width <= slice.x->tokens; t += width) wide(slice, t);
  for (; t < slice.x->tokens; ++t) narrow(slice, t);
}
template <Rows rows>
void one_token(const Slice& slice) { rows(slice, 0); }

// ---- attention in one pass over the cache, as CpuKernels says: the running maximum shrinks what was summed before it.
template <class Isa>
void attention(const float* q, int heads, int dim, const std::uint16_t* keys, const std::uint16_t* values, std::int64_t depth, float scale, float* out,
               float* maximum, float* sum) {
  if (dim % Isa::kWidth != 0) return scalar_kernels.attention(q, heads, dim, keys, values, depth, scale, out, maximum, sum);
  for (int h = 0; h < heads; ++h) maximum[h] = -INFINITY, sum[h] = 0;
  std::fill(out, out + heads * dim, 0.0f);
  for (std::int64_t t = 0; t < depth; ++t) {
    const std::uint16_t *const key = keys + t * dim, *const value = values + t * dim;
    for (int h = 0; h < heads; ++h) {
      auto dots = Isa::zero();
      for (int i = 0; i < dim; i += Isa::kWidth) dots = Isa::fma(Isa::half(key + i), Isa::load(q + h * dim + i), dots);
      const float score = scale * Isa::total(dots);
      float shrink = 1, weight = 1;
      if (score > maximum[h]) shrink = maximum[h] == -INFINITY ? 0.0f : std::exp(maximum[h] - score), maximum[h] = score;
      else weight = std::exp(score - maximum[h]);
      sum[h] = sum[h] * shrink + weight;
      float* const o = out + h * dim;
      for (int i = 0; i < dim; i += Isa::kWidth) Isa::store(o + i, Isa::scaled(Isa::half(value + i), weight, Isa::times(Isa::load(o + i), shrink)));
    }
  }
}

}  // namespace
}  // namespace rigcast::bench
