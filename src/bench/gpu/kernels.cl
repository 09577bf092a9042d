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
#define EXP exp
#define RSQRT rsqrt
typedef uchar u8;
typedef char s8;
typedef ushort u16;
typedef uint u32;
typedef long s64;
typedef uint4 u32x4;
typedef uint2 u32x2;
typedef float4 f32x4;
#define UNROLL                // its compilers decide for themselves
#define UNROLL4
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
struct alignas(16) u32x4 { u32 x, y, z, w; };
struct alignas(8) u32x2 { u32 x, y; };
struct alignas(16) f32x4 { float x, y, z, w; };
#define UNROLL _Pragma("unroll")
#define UNROLL4 _Pragma("unroll 4")
#if defined(EMULATED)   // the test's stand-in for a driver says how: see tests/support/fake_cuda.cpp
#undef KERNEL
#undef LOCAL
#undef INLINE
#undef UNROLL
#undef UNROLL4
#define KERNEL extern "C" void
#define LOCAL static
#define INLINE static inline
#define UNROLL
#define UNROLL4
#elif defined(__HIP__) || defined(__HIPCC_RTC__)
#define BARRIER (__builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup"), __builtin_amdgcn_s_barrier(), __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup"))
#define THREAD ((int)__builtin_amdgcn_workitem_id_x())
#define BLOCK_X ((int)__builtin_amdgcn_workgroup_id_x())
#define BLOCK_Y ((int)__builtin_amdgcn_workgroup_id_y())
#define BLOCKS_X ((int)(__builtin_amdgcn_grid_size_x() / GROUP))
INLINE float HALF(u16 bits) { union { u16 u; _Float16 h; } both; both.u = bits; return (float)both.h; }
INLINE float EXP(float x) { return __builtin_exp2f(x * 1.44269504f); }
INLINE float RSQRT(float x) { return __builtin_amdgcn_rsqf(x); }
#else
#define BARRIER __syncthreads()
#define THREAD ((int)__nvvm_read_ptx_sreg_tid_x())
#define BLOCK_X ((int)__nvvm_read_ptx_sreg_ctaid_x())
#define BLOCK_Y ((int)__nvvm_read_ptx_sreg_ctaid_y())
#define BLOCKS_X ((int)__nvvm_read_ptx_sreg_nctaid_x())
INLINE float HALF(u16 bits) { union { u16 u; __fp16 h; } both; both.u = bits; return (float)both.h; }
INLINE float EXP(float x) { float y; asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x * 1.44269504f)); return y; }
INLINE float RSQRT(float x) { float y; asm("rsqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
#endif
#endif

#define GROUP 64            // threads of a group
#define TILE 64             // rows and tokens of a group's part of a matrix product

INLINE float bits_to_float(u32 bits) { union { u32 u; float f; } both; both.u = bits; return both.f; }
INLINE u16 u16_at(GLOBAL const u8* p) { return *(GLOBAL const u16*)p; }
INLINE u32 pair_at(GLOBAL const u8* p) { return (u32)u16_at(p) | (u32)u16_at(p + 2) << 16; }   // four bytes at an even address

// sum + the four products of the signed bytes of a and b: one instruction where the chip has it.
INLINE int dot4(u32 a, u32 b, int sum) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 610
  int result;
  asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
#elif defined(__gfx906__) || defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx942__) || defined(__gfx950__) || \
    defined(__gfx1011__) || defined(__gfx1012__) || defined(__gfx1030__) || defined(__gfx1031__) || defined(__gfx1032__) || defined(__gfx1033__) || \
    defined(__gfx1034__) || defined(__gfx1035__) || defined(__gfx1036__)
  return __builtin_amdgcn_sdot4((int)a, (int)b, sum, false);
#elif defined(__gfx1100__) || defined(__gfx1101__) || defined(__gfx1102__) || defined(__gfx1103__) || defined(__gfx1150__) || defined(__gfx1151__) || \
    defined(__gfx1152__) || defined(__gfx1200__) || defined(__gfx1201__)
  return __builtin_amdgcn_sudot4(true, (int)a, true, (int)b, sum, false);
#else
  UNROLL for (int i = 0; i < 32; i += 8) sum += (int)(s8)(a >> i & 255) * (int)(s8)(b >> i & 255);
  return sum;
#endif
}

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

#ifndef TENSOR   // tensor.cl wants no more than the formats
// ---- memory

// out[group] = sum of the group's words, modulo 2^32.
KERNEL sum_words(GLOBAL const u32x4* from, GLOBAL u32* out, s64 count) {
  LOCAL u32 part[GROUP];
  u32 sum = 0;
  UNROLL4 for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) {
    const u32x4 four = from[i];
    sum += four.x + four.y + four.z + four.w;
  }
  part[THREAD] = sum;
  BARRIER;
  if (THREAD == 0) {
    for (int i = 1; i < GROUP; ++i) sum += part[i];
    out[BLOCK_X] = sum;
  }
}
KERNEL copy_words(GLOBAL const u32x4* from, GLOBAL u32x4* to, s64 count) {
  UNROLL4 for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) to[i] = from[i];
}
KERNEL triad(GLOBAL const float* b, GLOBAL const float* c, GLOBAL float* a, s64 count) {
  UNROLL4 for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) a[i] = b[i] + 0.5f * c[i];
}
// count numbers of a, from number `to` on, += those of b, from number `from` on: a step of the sum over devices.
KERNEL add(GLOBAL float* a, GLOBAL const float* b, s64 to, s64 from, s64 count) {
  UNROLL4 for (s64 i = (s64)BLOCK_X * GROUP + THREAD; i < count; i += (s64)BLOCKS_X * GROUP) a[to + i] += b[from + i];
}
KERNEL nothing(GLOBAL u32* out, s64 count) {
  if (count < 0) out[0] = 1;
}

// ---- matrices

// Sums of 16 products: piece `p` of a row that begins with unit `row`, times the activations. Neighbouring threads read neighbouring
// bytes. Floats multiply floats; a quantised row multiplies activations that were rounded to 8 bits (a scale for 32), as engines do:
// `x` holds four of them a word, then the scales.
INLINE float dot16_f32(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {
  GLOBAL const f32x4* a = (GLOBAL const f32x4*)(w + (row * 32 + p * 16) * 4);
  GLOBAL const f32x4* b = (GLOBAL const f32x4*)x + p * 4;
  float sum = 0;
  UNROLL for (int i = 0; i < 4; ++i) {
    const f32x4 m = a[i], n = b[i];
    sum += m.x * n.x + m.y * n.y + m.z * n.z + m.w * n.w;
  }
  return sum;
}
INLINE float low_half(u32 two) { u16 h = (u16)(two & 0xffff); return HALF(h); }
INLINE float high_half(u32 two) { u16 h = (u16)(two >> 16); return HALF(h); }
INLINE float low_brain(u32 two) { return bits_to_float(two << 16); }
INLINE float high_brain(u32 two) { return bits_to_float(two & 0xffff0000u); }
#define DOT16_SHORT(FORMAT, LOW, HIGH)                                                                       \
  INLINE float dot16_##FORMAT(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {         \
    GLOBAL const u32x4* a = (GLOBAL const u32x4*)(w + (row * 32 + p * 16) * 2);                             \
    GLOBAL const f32x4* b = (GLOBAL const f32x4*)x + p * 4;                                                 \
    float sum = 0;                                                                                          \
    UNROLL for (int i = 0; i < 2; ++i) {                                                                    \
      const u32x4 m = a[i];                                                                                 \
      const f32x4 n = b[2 * i], o = b[2 * i + 1];                                                           \
      sum += LOW(m.x) * n.x + HIGH(m.x) * n.y + LOW(m.y) * n.z + HIGH(m.y) * n.w;                           \
      sum += LOW(m.z) * o.x + HIGH(m.z) * o.y + LOW(m.w) * o.z + HIGH(m.w) * o.w;                           \
    }                                                                                                       \
    return sum;                                                                                             \
  }
DOT16_SHORT(f16, low_half, high_half)
DOT16_SHORT(bf16, low_brain, high_brain)

INLINE float scale_at(GLOBAL const u32* x, s64 units, s64 unit) { return bits_to_float(x[units * 8 + unit]); }

INLINE float dot16_q8_0(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {
  GLOBAL const u8* b = w + (row + p / 2) * 34;
  u16 h = u16_at(b);
  int sum = 0;
  UNROLL for (int i = 0; i < 4; ++i) sum = dot4(pair_at(b + 2 + 16 * (p % 2) + 4 * i), x[p * 4 + i], sum);
  return HALF(h) * scale_at(x, units, p / 2) * (float)sum;
}
// Nibbles 0 .. 15 stand for -8 .. 7: eight times the activations are taken off at the end.
INLINE float dot16_q4_0(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {
  GLOBAL const u8* b = w + (row + p / 2) * 18;
  u16 h = u16_at(b);
  int sum = 0;
  UNROLL for (int i = 0; i < 2; ++i) {
    const u32 eight = pair_at(b + 2 + 8 * (p % 2) + 4 * i), low = x[p / 2 * 8 + p % 2 * 2 + i], high = x[p / 2 * 8 + 4 + p % 2 * 2 + i];
    sum = dot4(eight & 0x0f0f0f0fu, low, sum), sum = dot4(eight >> 4 & 0x0f0f0f0fu, high, sum);
    sum = dot4(0xf8f8f8f8u, low, sum), sum = dot4(0xf8f8f8f8u, high, sum);
  }
  return HALF(h) * scale_at(x, units, p / 2) * (float)sum;
}
// Four E2M1 numbers, doubled, from the low halves of four bytes: two bits of exponent, one of mantissa, and a sign.
INLINE u32 e2m1_bytes(u32 q) {
#if defined(__CUDA_ARCH__)
  // A table of 16 bytes looked up four at a time; the numbers are moved together first (nibbles 0, 2, 4, 6 to 0 .. 3).
  u32 near, positive, negative, sign;
  near = (q | q >> 4) & 0x00ff00ffu;
  near = (near | near >> 8) & 0xffffu;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(positive) : "r"(0x03020100u), "r"(0x0c080604u), "r"(near & 0x7777u));
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(negative) : "r"(0xfdfeff00u), "r"(0xf4f8fafcu), "r"(near & 0x7777u));
  sign = (q >> 3 & 0x01010101u) * 255u;
  return (positive & ~sign) | (negative & sign);
#else
  u32 out = 0;
  UNROLL for (int i = 0; i < 32; i += 8) {
    const u32 four = q >> i & 15, e = four >> 1 & 3, m = four & 1;
    const u32 size = e == 0 ? m : (2 + m) << (e - 1);
    out |= ((four & 8 ? 0u - size : size) & 255u) << i;
  }
  return out;
#endif
}
INLINE float dot16_mxfp4(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {
  GLOBAL const u8* b = w + (row + p / 2) * 17;
  GLOBAL const u8* q = b + 1 + 8 * (p % 2);
  const float d = b[0] < 2 ? bits_to_float(0x00200000u << b[0]) : bits_to_float((u32)(b[0] - 1) << 23);   // half of 2^(b - 127)
  int sum = 0;
  UNROLL for (int i = 0; i < 2; ++i) {
    const u32 eight = (u32)q[4 * i] | (u32)q[4 * i + 1] << 8 | (u32)q[4 * i + 2] << 16 | (u32)q[4 * i + 3] << 24;
    sum = dot4(e2m1_bytes(eight & 0x0f0f0f0fu), x[p / 2 * 8 + p % 2 * 2 + i], sum);
    sum = dot4(e2m1_bytes(eight >> 4 & 0x0f0f0f0fu), x[p / 2 * 8 + 4 + p % 2 * 2 + i], sum);
  }
  return d * scale_at(x, units, p / 2) * (float)sum;
}
// The two 6-bit numbers of part j: what its 4-bit values are multiplied with, and what is taken off.
INLINE void q4_k_scales(GLOBAL const u8* s, int j, float* scale, float* least) {
  *scale = (float)(j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4);
  *least = (float)(j < 4 ? s[j + 4] & 63 : (s[j + 4] >> 4) | (s[j] >> 6) << 4);
}
INLINE float dot16_q4_k(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {
  GLOBAL const u8* b = w + (row / 8 + p / 16) * 144;
  const int t = (int)(p % 16), part = t / 4 * 2;   // two parts share 32 bytes: low and high halves
  const s64 unit = p / 16 * 8 + part, at = unit * 8 + t % 4 * 2;
  const u32x2 q = *(GLOBAL const u32x2*)(b + 16 + 8 * t);
  const u32 a0 = x[at], a1 = x[at + 1], b0 = x[at + 8], b1 = x[at + 9];
  u16 hd = u16_at(b), hm = u16_at(b + 2);
  float scale_a, scale_b, least_a, least_b;
  q4_k_scales(b + 4, part, &scale_a, &least_a), q4_k_scales(b + 4, part + 1, &scale_b, &least_b);
  const int sum_a = dot4(q.y & 0x0f0f0f0fu, a1, dot4(q.x & 0x0f0f0f0fu, a0, 0)), ones_a = dot4(0x01010101u, a1, dot4(0x01010101u, a0, 0));
  const int sum_b = dot4(q.y >> 4 & 0x0f0f0f0fu, b1, dot4(q.x >> 4 & 0x0f0f0f0fu, b0, 0)), ones_b = dot4(0x01010101u, b1, dot4(0x01010101u, b0, 0));
  const float xa = scale_at(x, units, unit), xb = scale_at(x, units, unit + 1);
  return HALF(hd) * (scale_a * xa * (float)sum_a + scale_b * xb * (float)sum_b) - HALF(hm) * (least_a * xa * (float)ones_a + least_b * xb * (float)ones_b);
}
// Four numbers each of four quarters: low halves in two words, their upper two bits in a third; 0 .. 63 stand for -32 .. 31.
INLINE float dot16_q6_k(GLOBAL const u8* w, s64 row, s64 p, GLOBAL const u32* x, s64 units) {
  GLOBAL const u8* b = w + (row / 8 + p / 16) * 210;
  const int t = (int)(p % 16), half_of = t / 8, l = t % 8 * 4;
  const s64 unit = p / 16 * 8 + half_of * 4;
  const u32 one = pair_at(b + half_of * 64 + l), two = pair_at(b + half_of * 64 + 32 + l), high = pair_at(b + 128 + half_of * 32 + l);
  GLOBAL const s8* scales = (GLOBAL const s8*)(b + 192 + half_of * 8 + l / 16);
  u32 q[4];
  q[0] = (one & 0x0f0f0f0fu) | (high << 4 & 0x30303030u), q[1] = (two & 0x0f0f0f0fu) | (high << 2 & 0x30303030u);
  q[2] = (one >> 4 & 0x0f0f0f0fu) | (high & 0x30303030u), q[3] = (two >> 4 & 0x0f0f0f0fu) | (high >> 2 & 0x30303030u);
  float sum = 0;
  UNROLL for (int k = 0; k < 4; ++k) {
    const u32 a = x[(unit + k) * 8 + l / 4];
    sum += (float)scales[2 * k] * scale_at(x, units, unit + k) * (float)dot4(q[k], a, dot4(0xe0e0e0e0u, a, 0));
  }
  u16 h = u16_at(b + 208);
  return HALF(h) * sum;
}

// y[used][row] = matrix (first + used * step) % matrices, times x; one group a row.
#define MATVEC(FORMAT)                                                                                                                         \
  KERNEL matvec_##FORMAT(GLOBAL const u8* w, GLOBAL const u32* x, GLOBAL float* y, s64 rows, s64 units, s64 first, s64 step, s64 matrices) {   \
    LOCAL float part[GROUP];                                                                                                                   \
    const s64 matrix = (first + BLOCK_Y * step) % matrices, row = (matrix * rows + BLOCK_X) * units;                                           \
    float sum = 0;                                                                                                                             \
    s64 p = THREAD;                                                                                                                            \
    for (; p + 3 * GROUP < units * 2; p += 4 * GROUP)   /* four pieces at once keep the memory busy */                                         \
      sum += dot16_##FORMAT(w, row, p, x, units) + dot16_##FORMAT(w, row, p + GROUP, x, units) +                                               \
             dot16_##FORMAT(w, row, p + 2 * GROUP, x, units) + dot16_##FORMAT(w, row, p + 3 * GROUP, x, units);                                \
    for (; p < units * 2; p += GROUP) sum += dot16_##FORMAT(w, row, p, x, units);                                                              \
    part[THREAD] = sum;                                                                                                                        \
    BARRIER;                                                                                                                                   \
    for (int half_of = GROUP / 2; half_of > 0; half_of /= 2) {                                                                                 \
      if (THREAD < half_of) part[THREAD] += part[THREAD + half_of];                                                                            \
      BARRIER;                                                                                                                                 \
    }                                                                                                                                          \
    if (THREAD == 0) y[BLOCK_Y * rows + BLOCK_X] = part[0];                                                                                    \
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

// ---- attention of one token: part `BLOCK_Y` of the depth for up to HEADS query heads that share keys and values (`BLOCK_X` counts them),
// so that the cache is read once for all of them; then the parts joined.
// cache: keys, then values, each kv_heads x depth x dim halves; partial: per head and part dim weighted values, maximum, sum. dim is a
// multiple of 8, at most 256.
#define HEADS 4
KERNEL attention_part(GLOBAL const u16* cache, GLOBAL const float* q, GLOBAL float* partial, s64 heads, s64 kv_heads, s64 dim, s64 depth, s64 parts, s64 layer) {
  LOCAL float scores[HEADS][GROUP];
  const s64 sharing = heads / kv_heads, passes = (sharing + HEADS - 1) / HEADS;
  const s64 kv = BLOCK_X / passes, head0 = kv * sharing + BLOCK_X % passes * HEADS, part = BLOCK_Y;
  const int used = (int)((kv + 1) * sharing - head0 < HEADS ? (kv + 1) * sharing - head0 : HEADS);
  const s64 first = depth * part / parts, last = depth * (part + 1) / parts;
  GLOBAL const u16* keys = cache + (layer * 2 * kv_heads + kv) * depth * dim;
  GLOBAL const u16* values = keys + kv_heads * depth * dim;
  float top[HEADS], sum[HEADS], out[HEADS][4];
  UNROLL for (int h = 0; h < HEADS; ++h) {
    top[h] = -1e30f, sum[h] = 0;
    UNROLL for (int k = 0; k < 4; ++k) out[h][k] = 0;
  }
  for (s64 at = first; at < last; at += GROUP) {
    const s64 token = at + THREAD;
    float score[HEADS] = {0, 0, 0, 0};
    if (token < last) {
      UNROLL4 for (s64 i = 0; i < dim; i += 8) {
        const u32x4 eight = *(GLOBAL const u32x4*)(keys + token * dim + i);
        const float k0 = low_half(eight.x), k1 = high_half(eight.x), k2 = low_half(eight.y), k3 = high_half(eight.y);
        const float k4 = low_half(eight.z), k5 = high_half(eight.z), k6 = low_half(eight.w), k7 = high_half(eight.w);
        UNROLL for (int h = 0; h < HEADS; ++h) {
          if (h >= used) continue;
          GLOBAL const f32x4* of = (GLOBAL const f32x4*)(q + (head0 + h) * dim + i);
          const f32x4 a = of[0], b = of[1];
          score[h] += a.x * k0 + a.y * k1 + a.z * k2 + a.w * k3 + b.x * k4 + b.y * k5 + b.z * k6 + b.w * k7;
        }
      }
    }
    UNROLL for (int h = 0; h < HEADS; ++h) scores[h][THREAD] = token < last ? score[h] * RSQRT((float)dim) : -1e30f;
    BARRIER;
    const int here = (int)(last - at < GROUP ? last - at : GROUP);
    UNROLL for (int h = 0; h < HEADS; ++h) {
      float best = top[h];
      for (int t = 0; t < here; ++t) best = best > scores[h][t] ? best : scores[h][t];
      const float shrink = EXP(top[h] - best);
      sum[h] *= shrink, top[h] = best;
      UNROLL for (int k = 0; k < 4; ++k) out[h][k] *= shrink;
    }
    BARRIER;
    UNROLL for (int h = 0; h < HEADS; ++h) scores[h][THREAD] = EXP(scores[h][THREAD] - top[h]);
    BARRIER;
    UNROLL4 for (int t = 0; t < here; ++t) {
      float v[4] = {0, 0, 0, 0};   // elements 2 THREAD, 2 THREAD + 1 and those 128 further on
      UNROLL for (int k = 0; k < 2; ++k)
        if (2 * THREAD + 128 * k < dim) {
          const u32 two = *(GLOBAL const u32*)(values + (at + t) * dim + 2 * THREAD + 128 * k);
          v[2 * k] = low_half(two), v[2 * k + 1] = high_half(two);
        }
      UNROLL for (int h = 0; h < HEADS; ++h) {
        const float weight = scores[h][t];
        sum[h] += weight;
        UNROLL for (int k = 0; k < 4; ++k) out[h][k] += weight * v[k];
      }
    }
    BARRIER;
  }
  UNROLL for (int h = 0; h < HEADS; ++h) {
    if (h >= used) continue;
    GLOBAL float* to = partial + ((head0 + h) * parts + part) * (dim + 2);
    UNROLL for (int k = 0; k < 4; ++k)
      if (2 * THREAD + 128 * (k / 2) + k % 2 < dim) to[2 * THREAD + 128 * (k / 2) + k % 2] = out[h][k];
    if (THREAD == 0) to[dim] = top[h], to[dim + 1] = sum[h];
  }
}
KERNEL attention_join(GLOBAL const float* partial, GLOBAL float* out, s64 dim, s64 parts) {
  GLOBAL const float* from = partial + (s64)BLOCK_X * parts * (dim + 2);
  float top = -1e30f, sum = 0;
  for (s64 p = 0; p < parts; ++p) top = top > from[p * (dim + 2) + dim] ? top : from[p * (dim + 2) + dim];
  for (s64 p = 0; p < parts; ++p) sum += EXP(from[p * (dim + 2) + dim] - top) * from[p * (dim + 2) + dim + 1];
  for (s64 i = THREAD; i < dim; i += GROUP) {
    float value = 0;
    for (s64 p = 0; p < parts; ++p) value += EXP(from[p * (dim + 2) + dim] - top) * from[p * (dim + 2) + i];
    out[(s64)BLOCK_X * dim + i] = value / sum;
  }
}
#endif
