// Matrix products on the tensor cores of NVIDIA's chips: kernels.cl's formats, decoded into 16-bit floats beside the multipliers, as
// engines do. Compiled for sm_70 (16-bit floats) and sm_80 (also bf16 and 8-bit integers) by tools/make_ptx.sh.
// A group of 256 threads computes 128 rows x 128 tokens, a warp 32 x 64 of them in tiles of 16 x 16 x 16. While one slice of 32 columns is
// multiplied the next is on its way: weights by the first 128 threads, activations by the others.
#define TENSOR
#include "kernels.cl"

#define WIDE 128                // rows and tokens of a group
#define SLICE 32                // columns at once
#define PITCH (SLICE + 8)       // of a row in shared memory, so that rows fall on different banks

#if defined(EMULATED)
#define CAPABILITY 800
#else
#define CAPABILITY __CUDA_ARCH__
INLINE u16 to_half(float x) { union { u16 u; __fp16 h; } both; both.h = (__fp16)x; return both.u; }
#if CAPABILITY >= 800
INLINE u16 to_brain(float x) { u16 y; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y; }
#endif
#endif

#define TENSOR_MATMUL(FORMAT, NARROW, WORDS, LOAD_A, LOAD_B, MULTIPLY)                                                                       \
  KERNEL tensor_matmul_##FORMAT(GLOBAL const u8* w, GLOBAL const float* x, GLOBAL float* y, s64 rows, s64 units, s64 tokens) {               \
    LOCAL __attribute__((aligned(32))) u16 shared[2][2][WIDE][PITCH]; /* stage; tokens, then rows */                                         \
    const int thread = THREAD, warp = thread / 32, lane = thread % 32, wt = warp % 2 * 64, wr = warp / 2 * 32;                               \
    const s64 row0 = (s64)BLOCK_X * WIDE, token0 = (s64)BLOCK_Y * WIDE;                                                                      \
    const bool weights = thread < WIDE;                                                                                                      \
    const s64 mine = weights ? row0 + thread : token0 + thread - WIDE;                                                                       \
    const bool there = mine < (weights ? rows : tokens);                                                                                     \
    float sum[4][2][8];                                                                                                                      \
    UNROLL for (int t = 0; t < 4; ++t) UNROLL for (int r = 0; r < 2; ++r) UNROLL for (int i = 0; i < 8; ++i) sum[t][r][i] = 0;               \
    float v[32];                                                                                                                             \
    for (s64 u = -1; u < units; ++u) {                                                                                                       \
      if (u + 1 < units) {                                                                                                                   \
        UNROLL for (int i = 0; i < 32; ++i) v[i] = 0;                                                                                        \
        if (there && weights) decode_##FORMAT(w, mine * units + u + 1, v);                                                                   \
        else if (there) decode_f32((GLOBAL const u8*)x, mine * units + u + 1, v);                                                            \
      }                                                                                                                                      \
      if (u >= 0) UNROLL for (int k = 0; k < SLICE; k += 16) {                                                                               \
        int a[4][WORDS], b[2][WORDS];                                                                                                        \
        UNROLL for (int t = 0; t < 4; ++t) LOAD_A(a[t], (const int*)&shared[u % 2][0][wt + 16 * t][k], PITCH, 0);                            \
        UNROLL for (int r = 0; r < 2; ++r) LOAD_B(b[r], (const int*)&shared[u % 2][1][wr + 16 * r][k], PITCH, 1);                            \
        UNROLL for (int t = 0; t < 4; ++t) UNROLL for (int r = 0; r < 2; ++r) MULTIPLY(sum[t][r], a[t], b[r], sum[t][r], 1, 0);              \
      }                                                                                                                                      \
      if (u + 1 < units) UNROLL for (int i = 0; i < 32; i += 2)                                                                              \
        *(u32*)&shared[(u + 1) % 2][weights ? 1 : 0][thread % WIDE][i] = (u32)NARROW(v[i]) | (u32)NARROW(v[i + 1]) << 16;                    \
      BARRIER;                                                                                                                               \
    }                                                                                                                                        \
    float* const tile = (float*)&shared[0][0][0][0] + warp * 256; /* one tile of each warp on its way out */                                 \
    UNROLL for (int t = 0; t < 4; ++t) UNROLL for (int r = 0; r < 2; ++r) {                                                                  \
      __hmma_m16n16k16_st_c_f32(tile, sum[t][r], 16, 0);                                                                                     \
      __nvvm_bar_warp_sync(0xffffffffu);                                                                                                     \
      for (int i = lane; i < 256; i += 32) {                                                                                                 \
        const s64 token = token0 + wt + 16 * t + i / 16, row = row0 + wr + 16 * r + i % 16;                                                  \
        if (token < tokens && row < rows) y[token * rows + row] = tile[i];                                                                   \
      }                                                                                                                                      \
      __nvvm_bar_warp_sync(0xffffffffu);                                                                                                     \
    }                                                                                                                                        \
  }

#define TENSOR_HALF(FORMAT) TENSOR_MATMUL(FORMAT, to_half, 8, __hmma_m16n16k16_ld_a, __hmma_m16n16k16_ld_b, __hmma_m16n16k16_mma_f32f32)
TENSOR_HALF(f16)
TENSOR_HALF(q8_0)
TENSOR_HALF(q4_0)
TENSOR_HALF(mxfp4)
TENSOR_HALF(q4_k)
TENSOR_HALF(q6_k)

#if CAPABILITY >= 800
TENSOR_MATMUL(bf16, to_brain, 4, __mma_bf16_m16n16k16_ld_a, __mma_bf16_m16n16k16_ld_b, __mma_bf16_m16n16k16_mma_f32)

// Bytes times bytes: both sides are 8-bit integers already, one byte an element.
KERNEL tensor_matmul_i8(GLOBAL const u8* w, GLOBAL const u8* x, GLOBAL float* y, s64 rows, s64 units, s64 tokens) {
  LOCAL __attribute__((aligned(32))) u8 shared[2][2][2][WIDE][16];   // stage; tokens, then rows; half of the slice
  LOCAL __attribute__((aligned(32))) int tiles[8][256];
  const int thread = THREAD, warp = thread / 32, lane = thread % 32, wt = warp % 2 * 64, wr = warp / 2 * 32;
  const s64 row0 = (s64)BLOCK_X * WIDE, token0 = (s64)BLOCK_Y * WIDE;
  const bool weights = thread < WIDE;
  const s64 mine = weights ? row0 + thread : token0 + thread - WIDE;
  const bool there = mine < (weights ? rows : tokens);
  GLOBAL const u32x4* from = (GLOBAL const u32x4*)((weights ? w : x) + mine * units * SLICE);
  int sum[4][2][8];
  UNROLL for (int t = 0; t < 4; ++t) UNROLL for (int r = 0; r < 2; ++r) UNROLL for (int i = 0; i < 8; ++i) sum[t][r][i] = 0;
  u32x4 v[2];
  for (s64 u = -1; u < units; ++u) {
    if (u + 1 < units) UNROLL for (int i = 0; i < 2; ++i) v[i] = there ? from[(u + 1) * 2 + i] : u32x4{0, 0, 0, 0};
    if (u >= 0) UNROLL for (int k = 0; k < 2; ++k) {
      int a[4][2], b[2][2];
      UNROLL for (int t = 0; t < 4; ++t) __imma_m16n16k16_ld_a_s8(a[t], (const int*)shared[u % 2][0][k][wt + 16 * t], 16, 0);
      UNROLL for (int r = 0; r < 2; ++r) __imma_m16n16k16_ld_b_s8(b[r], (const int*)shared[u % 2][1][k][wr + 16 * r], 16, 1);
      UNROLL for (int t = 0; t < 4; ++t) UNROLL for (int r = 0; r < 2; ++r) __imma_m16n16k16_mma_s8(sum[t][r], a[t], b[r], sum[t][r], 1, 0);
    }
    if (u + 1 < units) UNROLL for (int i = 0; i < 2; ++i) *(u32x4*)shared[(u + 1) % 2][weights ? 1 : 0][i][thread % WIDE] = v[i];
    BARRIER;
  }
  UNROLL for (int t = 0; t < 4; ++t) UNROLL for (int r = 0; r < 2; ++r) {
    __imma_m16n16k16_st_c_i32(tiles[warp], sum[t][r], 16, 0);
    __nvvm_bar_warp_sync(0xffffffffu);
    for (int i = lane; i < 256; i += 32) {
      const s64 token = token0 + wt + 16 * t + i / 16, row = row0 + wr + 16 * r + i % 16;
      if (token < tokens && row < rows) y[token * rows + row] = (float)tiles[warp][i];
    }
    __nvvm_bar_warp_sync(0xffffffffu);
  }
}
#endif
