// AVX-512: attention in one pass over the cache, blocks of tokens at a time.

#if defined(__x86_64__)

#include <algorithm>
#include <cmath>

#include "bench/detail/avx512.hpp"

namespace rigcast::bench {
namespace {

// exp for x <= 0 to 2e-7: 2^n times a polynomial of the rest.
RegF exp_of(RegF x) {
  const RegF t = _mm512_mul_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.0f)), _mm512_set1_ps(1.44269504f));
  const RegF whole = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const RegF f = _mm512_mul_ps(_mm512_sub_ps(t, whole), _mm512_set1_ps(0.693147181f));
  RegF p = _mm512_set1_ps(1.0f / 720);
  for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(c));
  return _mm512_scalef_ps(p, whole);
}

}  // namespace

void avx512::attention(const float* q, int heads, int dim, const std::uint16_t* keys, const std::uint16_t* values, std::int64_t depth, float scale, float* out,
               float* maximum, float* sum) {
  constexpr int kBlock = 32;
  if (dim % 16 != 0 || heads > 64) return scalar_kernels.attention(q, heads, dim, keys, values, depth, scale, out, maximum, sum);
  float score[64][kBlock];
  for (int h = 0; h < heads; ++h) maximum[h] = -INFINITY, sum[h] = 0;
  std::fill(out, out + heads * dim, 0.0f);
  for (std::int64_t first = 0; first < depth; first += kBlock) {
    const int count = static_cast<int>(std::min<std::int64_t>(kBlock, depth - first));
    for (int t = 0; t < kBlock; ++t) {
      const std::uint16_t* const key = keys + (first + std::min(t, count - 1)) * dim;
      for (int h = 0; h < heads; ++h) {
        RegF dot = _mm512_setzero_ps();
        for (int i = 0; i < dim; i += 16) dot = _mm512_fmadd_ps(_mm512_cvtph_ps(load_half(key + i)), _mm512_loadu_ps(q + h * dim + i), dot);
        score[h][t] = t < count ? scale * _mm512_reduce_add_ps(dot) : -INFINITY;
      }
    }
    for (int h = 0; h < heads; ++h) {
      const RegF low = _mm512_loadu_ps(score[h]), high = _mm512_loadu_ps(score[h] + 16);
      const float top = std::max(maximum[h], _mm512_reduce_max_ps(_mm512_max_ps(low, high)));
      const RegF a = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(low, _mm512_set1_ps(-INFINITY), _CMP_GT_OQ), exp_of(_mm512_sub_ps(low, _mm512_set1_ps(top))));
      const RegF b = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(high, _mm512_set1_ps(-INFINITY), _CMP_GT_OQ), exp_of(_mm512_sub_ps(high, _mm512_set1_ps(top))));
      _mm512_storeu_ps(score[h], a), _mm512_storeu_ps(score[h] + 16, b);
      const float shrink = maximum[h] == -INFINITY ? 0.0f : std::exp(maximum[h] - top);
      maximum[h] = top, sum[h] = sum[h] * shrink + _mm512_reduce_add_ps(_mm512_add_ps(a, b));
      for (int i = 0; shrink != 1.0f && i < dim; i += 16) _mm512_storeu_ps(out + h * dim + i, _mm512_mul_ps(_mm512_loadu_ps(out + h * dim + i), _mm512_set1_ps(shrink)));
    }
    for (int i = 0; i < dim; i += 16)
      for (int h = 0; h < heads; ++h) {
        RegF o = _mm512_loadu_ps(out + h * dim + i);
        for (int t = 0; t < count; ++t) o = _mm512_fmadd_ps(_mm512_set1_ps(score[h][t]), _mm512_cvtph_ps(load_half(values + (first + t) * dim + i)), o);
        _mm512_storeu_ps(out + h * dim + i, o);
      }
  }
}

}  // namespace rigcast::bench

#include "bench/detail/set_end.hpp"

#endif
