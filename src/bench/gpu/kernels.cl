// The kernels of OpenCL, CUDA and HIP: one source, whose few differences stand in the lines below. Weights are read as 32 elements at a
// time (a "unit"), whatever the format; activations stay 32-bit floats. A matrix is `rows` rows of `units` units.

#if defined(__OPENCL_VERSION__)
#define KERNEL __kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
#define GLOBAL __global
#define LOCAL __local
#define INLINE static inline
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD ((int)get_local_id(0))
#define BLOCK_X ((int)get_group_id(0))
#define BLOCK_Y ((int)get_group_id(1))
#define BLOCKS_X ((int)get_num_groups(0))
#define HALF(bits) vload_half(0, (const __private half*)&(bits))
typedef uchar u8;
typedef char s8;
typedef ushort u16;
typedef uint u32;
typedef long s64;
#define UNROLL                // its compilers decide for themselves
#else
#define KERNEL extern "C" __attribute__((global)) void
#define GLOBAL
#define LOCAL __attribute__((shared))
#define INLINE static inline __attribute__((device))
typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef long long s64;
struct alignas(16) uint4 { u32 x, y, z, w; };
#define BARRIER __syncthreads()
#define THREAD ((int)__nvvm_read_ptx_sreg_tid_x())
#define BLOCK_X ((int)__nvvm_read_ptx_sreg_ctaid_x())
#define BLOCK_Y ((int)__nvvm_read_ptx_sreg_ctaid_y())
#define BLOCKS_X ((int)__nvvm_read_ptx_sreg_nctaid_x())
#define UNROLL _Pragma("unroll")
INLINE float HALF(u16 bits) { float value; asm("{ .reg .b16 h; mov.b16 h, %1; cvt.f32.f16 %0, h; }" : "=f"(value) : "h"(bits)); return value; }
INLINE float exp(float x) { float y; asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x * 1.44269504f)); return y; }
INLINE float rsqrt(float x) { float y; asm("rsqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
#endif

#define GROUP 64            // threads of a group
#define TILE 64             // rows and tokens of a group's part of a matrix product

INLINE float bits_to_float(u32 bits) { union { u32 u; float f; } both; both.u = bits; return both.f; }
INLINE u16 u16_at(GLOBAL const u8* p) { return *(GLOBAL const u16*)p; }

// ---- 32 elements of each format, as floats

INLINE void decode_f32(GLOBAL const u8* w, s64 unit, float* v) {
  UNROLL for (int i = 0; i < 32; ++i) v[i] = ((GLOBAL const float*)w)[unit * 32 + i];
}
INLINE void decode_f16(GLOBAL const u8* w, s64 unit, float* v) {
  UNROLL for (int i = 0; i < 32; ++i) { u16 h = ((GLOBAL const u16*)w)[unit * 32 + i]; v[i] = HALF(h); }
}
INLINE void decode_bf16(GLOBAL const u8* w, s64 unit, float* v) {
  UNROLL for (int i = 0; i < 32; ++i) v[i] = bits_to_float((u32)((GLOBAL const u16*)w)[unit * 32 + i] << 16);
}
INLINE void decode_q8_0(GLOBAL const u8* w, s64 unit, float* v) {
  GLOBAL const u8* b = w + unit * 34;
  u16 h = u16_at(b);
  const float d = HALF(h);
  UNROLL for (int i = 0; i < 16; ++i) {
    const u16 pair = u16_at(b + 2 + 2 * i);
    v[2 * i] = d * (float)(s8)(pair & 255), v[2 * i + 1] = d * (float)(s8)(pair >> 8);
  }
}
INLINE void decode_q4_0(GLOBAL const u8* w, s64 unit, float* v) {
  GLOBAL const u8* b = w + unit * 18;
  u16 h = u16_at(b);
  const float d = HALF(h);
  UNROLL for (int i = 0; i < 8; ++i) {
    const u32 four = u16_at(b + 2 + 2 * i);
    v[2 * i] = d * (float)((int)(four & 15) - 8), v[2 * i + 1] = d * (float)((int)(four >> 8 & 15) - 8);
    v[2 * i + 16] = d * (float)((int)(four >> 4 & 15) - 8), v[2 * i + 17] = d * (float)((int)(four >> 12) - 8);
  }
}
// E2M1: sign, two bits of exponent, one of mantissa; doubled, so that the smallest is one.
INLINE float e2m1(u32 q) {
  const u32 e = q >> 1 & 3, m = q & 1;
  const float size = e == 0 ? (float)m : (float)((2 + m) << (e - 1));
  return q & 8 ? -size : size;
}
INLINE void decode_mxfp4(GLOBAL const u8* w, s64 unit, float* v) {
  GLOBAL const u8* b = w + unit * 17;
  const float d = b[0] < 2 ? bits_to_float(0x00200000u << b[0]) : bits_to_float((u32)(b[0] - 1) << 23);   // half of 2^(b - 127)
  UNROLL for (int i = 0; i < 16; ++i) v[i] = d * e2m1(b[1 + i] & 15), v[i + 16] = d * e2m1(b[1 + i] >> 4);
}
INLINE void decode_q4_k(GLOBAL const u8* w, s64 unit, float* v) {
  GLOBAL const u8* b = w + unit / 8 * 144;
  const int j = (int)(unit % 8);
  u16 hd = u16_at(b), hm = u16_at(b + 2);
  GLOBAL const u8* s = b + 4;
  const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
  const int least = j < 4 ? s[j + 4] & 63 : (s[j + 4] >> 4) | (s[j] >> 6) << 4;
  const float d = HALF(hd) * (float)scale, m = HALF(hm) * (float)least;
  GLOBAL const u32* q = (GLOBAL const u32*)(b + 16 + j / 2 * 32);
  const int shift = j % 2 * 4;
  UNROLL for (int i = 0; i < 8; ++i) {
    const u32 eight = q[i] >> shift;
    UNROLL for (int k = 0; k < 4; ++k) v[4 * i + k] = d * (float)(eight >> 8 * k & 15) - m;
  }
}
INLINE void decode_q6_k(GLOBAL const u8* w, s64 unit, float* v) {
  GLOBAL const u8* b = w + unit / 8 * 210;
  const int half_of = (int)(unit % 8) / 4, quarter = (int)(unit % 4);
  u16 h = u16_at(b + 208);
  const float d = HALF(h);
  GLOBAL const u8 *low = b + half_of * 64 + quarter % 2 * 32, *high = b + 128 + half_of * 32;
  UNROLL for (int i = 0; i < 32; ++i) {
    const int l = quarter < 2 ? low[i] & 15 : low[i] >> 4;
    const int q = (l | (high[i] >> 2 * quarter & 3) << 4) - 32;
    v[i] = d * (float)((int)(s8)b[192 + half_of * 8 + quarter * 2 + i / 16] * q);
  }
}

// ---- memory

// out[group] = sum of the group's words, modulo 2^32.
KERNEL sum_words(GLOBAL const uint4* from, GLOBAL u32* out, s64 count) {
  LOCAL u32 part[GROUP];
  u32 sum = 0;
  for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) {
    const uint4 four = from[i];
    sum += four.x + four.y + four.z + four.w;
  }
  part[THREAD] = sum;
  BARRIER;
  if (THREAD == 0) {
    for (int i = 1; i < GROUP; ++i) sum += part[i];
    out[BLOCK_X] = sum;
  }
}
KERNEL copy_words(GLOBAL const uint4* from, GLOBAL uint4* to, s64 count) {
  for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) to[i] = from[i];
}
KERNEL triad(GLOBAL const float* b, GLOBAL const float* c, GLOBAL float* a, s64 count) {
  for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) a[i] = b[i] + 0.5f * c[i];
}
KERNEL nothing(GLOBAL u32* out, s64 count) {
  if (count < 0) out[0] = 1;
}

// ---- matrices

// y[used][row] = matrix (first + used * step) % matrices, times x; one group a row.
#define MATVEC(FORMAT)                                                                                                            \
  KERNEL matvec_##FORMAT(GLOBAL const u8* w, GLOBAL const float* x, GLOBAL float* y, s64 rows, s64 units, s64 first, s64 step, s64 matrices) { \
    LOCAL float part[GROUP];                                                                                                                   \
    const s64 matrix = (first + BLOCK_Y * step) % matrices, row = BLOCK_X;                                                                     \
    float sum = 0;                                                                                                                             \
    for (s64 u = THREAD; u < units; u += GROUP) {                                                                                              \
      float v[32];                                                                                                                             \
      decode_##FORMAT(w, (matrix * rows + row) * units + u, v);                                                                                \
      UNROLL for (int i = 0; i < 32; ++i) sum += v[i] * x[u * 32 + i];                                                                           \
    }                                                                                                                                          \
    part[THREAD] = sum;                                                                                                                        \
    BARRIER;                                                                                                                                   \
    for (int half_of = GROUP / 2; half_of > 0; half_of /= 2) {                                                                                 \
      if (THREAD < half_of) part[THREAD] += part[THREAD + half_of];                                                                            \
      BARRIER;                                                                                                                                 \
    }                                                                                                                                          \
    if (THREAD == 0) y[BLOCK_Y * rows + row] = part[0];                                                                                        \
  }

// y[token][row]; a group computes TILE rows x TILE tokens, a thread 8 x 8 of them.
#define MATMUL(FORMAT)                                                                                                          \
  KERNEL matmul_##FORMAT(GLOBAL const u8* w, GLOBAL const float* x, GLOBAL float* y, s64 rows, s64 units, s64 tokens) {         \
    LOCAL float a[32][TILE + 1];                                                                                                \
    LOCAL float b[32][TILE + 1];                                                                                                \
    const s64 row0 = (s64)BLOCK_X * TILE, token0 = (s64)BLOCK_Y * TILE;                                                         \
    const int r0 = THREAD % 8, t0 = THREAD / 8;                                                                                 \
    float sum[8][8];                                                                                                            \
    UNROLL for (int r = 0; r < 8; ++r) UNROLL for (int t = 0; t < 8; ++t) sum[r][t] = 0;                                                      \
    for (s64 u = 0; u < units; ++u) {                                                                                           \
      float v[32];                                                                                                              \
      if (row0 + THREAD < rows) decode_##FORMAT(w, (row0 + THREAD) * units + u, v);                                             \
      else UNROLL for (int i = 0; i < 32; ++i) v[i] = 0;                                                                               \
      UNROLL for (int i = 0; i < 32; ++i) a[i][THREAD] = v[i];                                                                         \
      for (int i = 0; i < 32; ++i) b[i][THREAD] = token0 + THREAD < tokens ? x[(token0 + THREAD) * units * 32 + u * 32 + i] : 0; \
      BARRIER;                                                                                                                  \
      for (int i = 0; i < 32; ++i)                                                                                              \
        UNROLL for (int r = 0; r < 8; ++r)                                                                                      \
          UNROLL for (int t = 0; t < 8; ++t) sum[r][t] += a[i][r0 + 8 * r] * b[i][t0 + 8 * t];                                         \
      BARRIER;                                                                                                                  \
    }                                                                                                                           \
    UNROLL for (int r = 0; r < 8; ++r)                                                                                          \
      UNROLL for (int t = 0; t < 8; ++t)                                                                                        \
        if (row0 + r0 + 8 * r < rows && token0 + t0 + 8 * t < tokens) y[(token0 + t0 + 8 * t) * rows + row0 + r0 + 8 * r] = sum[r][t]; \
  }

#define FORMAT(NAME) MATVEC(NAME) MATMUL(NAME)
FORMAT(f32)
FORMAT(f16)
FORMAT(bf16)
FORMAT(q8_0)
FORMAT(q4_0)
FORMAT(mxfp4)
FORMAT(q4_k)
FORMAT(q6_k)

// ---- attention of one token: part `BLOCK_Y` of the depth for head `BLOCK_X`, then the parts joined
// cache: keys, then values, each kv_heads x depth x dim halves; partial: per head and part dim weighted values, maximum, sum. dim <= 256.
KERNEL attention_part(GLOBAL const u16* cache, GLOBAL const float* q, GLOBAL float* partial, s64 heads, s64 kv_heads, s64 dim, s64 depth, s64 parts, s64 layer) {
  LOCAL float scores[GROUP];
  const s64 head = BLOCK_X, part = BLOCK_Y, kv = head / (heads / kv_heads);
  const s64 first = depth * part / parts, last = depth * (part + 1) / parts;
  GLOBAL const u16* keys = cache + (layer * 2 * kv_heads + kv) * depth * dim;
  GLOBAL const u16* values = keys + kv_heads * depth * dim;
  float top = -1e30f, sum = 0, out[4] = {0, 0, 0, 0};
  for (s64 at = first; at < last; at += GROUP) {
    const s64 token = at + THREAD;
    float score = -1e30f;
    if (token < last) {
      score = 0;
      for (s64 i = 0; i < dim; ++i) { u16 h = keys[token * dim + i]; score += q[head * dim + i] * HALF(h); }
      score *= rsqrt((float)dim);
    }
    scores[THREAD] = score;
    BARRIER;
    const int here = (int)(last - at < GROUP ? last - at : GROUP);
    float best = top;
    for (int t = 0; t < here; ++t) best = best > scores[t] ? best : scores[t];
    const float shrink = exp(top - best);
    sum *= shrink;
    for (int k = 0; k < 4; ++k) out[k] *= shrink;
    top = best;
    for (int t = 0; t < here; ++t) {
      const float weight = exp(scores[t] - top);
      sum += weight;
      for (int k = 0; k < 4; ++k) {
        const s64 i = THREAD + k * GROUP;
        if (i < dim) { u16 h = values[(at + t) * dim + i]; out[k] += weight * HALF(h); }
      }
    }
    BARRIER;
  }
  GLOBAL float* to = partial + (head * parts + part) * (dim + 2);
  for (int k = 0; k < 4; ++k)
    if (THREAD + k * GROUP < dim) to[THREAD + k * GROUP] = out[k];
  if (THREAD == 0) to[dim] = top, to[dim + 1] = sum;
}
KERNEL attention_join(GLOBAL const float* partial, GLOBAL float* out, s64 dim, s64 parts) {
  GLOBAL const float* from = partial + (s64)BLOCK_X * parts * (dim + 2);
  float top = -1e30f, sum = 0;
  for (s64 p = 0; p < parts; ++p) top = top > from[p * (dim + 2) + dim] ? top : from[p * (dim + 2) + dim];
  for (s64 p = 0; p < parts; ++p) sum += exp(from[p * (dim + 2) + dim] - top) * from[p * (dim + 2) + dim + 1];
  for (s64 i = THREAD; i < dim; i += GROUP) {
    float value = 0;
    for (s64 p = 0; p < parts; ++p) value += exp(from[p * (dim + 2) + dim] - top) * from[p * (dim + 2) + i];
    out[(s64)BLOCK_X * dim + i] = value / sum;
  }
}
