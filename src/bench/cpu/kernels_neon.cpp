// 64-bit Arm with the dot-product extension (Armv8.2: Neoverse, Kunpeng 920, Apple, Cortex-A76 and later).

#if defined(__aarch64__)

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include <bit>
#include <cstring>

#include "bench/cpu/kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

#include "bench/cpu/kernel_loops.hpp"

namespace rigcast::bench {
namespace {

bool usable() {
#if defined(__linux__)
  constexpr unsigned long kDotProduct = 1ul << 20;   // HWCAP_ASIMDDP
  return (getauxval(AT_HWCAP) & kDotProduct) != 0;
#else
  return true;   // every Apple processor of this kind
#endif
}

const std::uint8_t* u8(const std::byte* at) { return reinterpret_cast<const std::uint8_t*>(at); }
const std::int8_t* s8(const std::byte* at) { return reinterpret_cast<const std::int8_t*>(at); }
float half_at(const std::byte* at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, 2);
  return half_to_float(bits);
}

std::uint64_t read(const std::byte* from, std::size_t bytes) {
  const std::size_t part = bytes / 256 * 64;
  uint64x2_t sum[4][4] = {};
  for (std::size_t i = 0; i < part; i += 64)
    for (std::size_t stream = 0; stream < 4; ++stream)
      for (std::size_t k = 0; k < 4; ++k) sum[stream][k] = vaddq_u64(sum[stream][k], vreinterpretq_u64_u8(vld1q_u8(u8(from + stream * part + i + 16 * k))));
  uint64x2_t all = vdupq_n_u64(0);
  for (const auto& stream : sum) for (const uint64x2_t& lane : stream) all = vaddq_u64(all, lane);
  for (std::size_t i = 4 * part; i + 16 <= bytes; i += 16) all = vaddq_u64(all, vreinterpretq_u64_u8(vld1q_u8(u8(from + i))));
  return vgetq_lane_u64(all, 0) + vgetq_lane_u64(all, 1);
}

void copy(std::byte* to, const std::byte* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

void triad(float* a, const float* b, const float* c, float s, std::size_t count) {
  for (std::size_t i = 0; i + 4 <= count; i += 4) vst1q_f32(a + i, vfmaq_n_f32(vld1q_f32(b + i), vld1q_f32(c + i), s));
}

struct Neon {
  using Floats = float32x4_t;
  static constexpr int kWidth = 4, kRows = 4, kTokens = 5;
  static Floats zero() { return vdupq_n_f32(0); }
  static Floats load(const float* from) { return vld1q_f32(from); }
  static Floats half(const std::uint16_t* from) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))); }
  static void store(float* to, Floats x) { vst1q_f32(to, x); }
  static Floats fma(Floats a, Floats b, Floats sum) { return vfmaq_f32(sum, a, b); }
  static Floats scaled(Floats a, float factor, Floats sum) { return vfmaq_n_f32(sum, a, factor); }
  static Floats times(Floats a, float factor) { return vmulq_n_f32(a, factor); }
  static Floats add(Floats a, Floats b) { return vaddq_f32(a, b); }
  static float total(Floats x) { return vaddvq_f32(x); }
  static void ahead(const std::byte*, int) {}   // the hardware's prefetchers cross pages
  template <FormatId id>
  static Floats widen(const std::byte* at) {
    if constexpr (id == FormatId::f32) return load(reinterpret_cast<const float*>(at));
    else if constexpr (id == FormatId::f16) return half(reinterpret_cast<const std::uint16_t*>(at));
    else return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(reinterpret_cast<const std::uint16_t*>(at)), 16));
  }
};

int32x4_t dot32(int8x16x2_t w, const std::int8_t* v) { return vdotq_s32(vdotq_s32(vdupq_n_s32(0), w.val[0], vld1q_s8(v)), w.val[1], vld1q_s8(v + 16)); }

// ---- blocks of 32 with one scale, as 2 x 16 signed bytes
struct SignedBlock {
  static constexpr int shift = 0;
  static float32x4_t product(int8x16x2_t w, const std::int8_t* v) { return vcvtq_f32_s32(dot32(w, v)); }
};
template <FormatId id>
struct Block;
template <>
struct Block<FormatId::q4_0> : SignedBlock {
  static constexpr int bytes = 18;
  static float scale(const std::byte* at) { return half_at(at); }
  static int8x16x2_t weights(const std::byte* at) {
    const uint8x16_t packed = vld1q_u8(u8(at + 2));
    return {vsubq_s8(vreinterpretq_s8_u8(vandq_u8(packed, vdupq_n_u8(15))), vdupq_n_s8(8)), vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(packed, 4)), vdupq_n_s8(8))};
  }
};
template <>
struct Block<FormatId::mxfp4> : SignedBlock {
  static constexpr int bytes = 17;
  static float scale(const std::byte* at) { return std::bit_cast<float>((static_cast<std::uint32_t>(at[0]) - 1) << 23); }
  static int8x16x2_t weights(const std::byte* at) {
    static constexpr std::int8_t values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    const int8x16_t table = vld1q_s8(values);
    const uint8x16_t packed = vld1q_u8(u8(at + 1));
    return {vqtbl1q_s8(table, vandq_u8(packed, vdupq_n_u8(15))), vqtbl1q_s8(table, vshrq_n_u8(packed, 4))};
  }
};
template <>
struct Block<FormatId::q8_0> : SignedBlock {
  static constexpr int bytes = 34;
  static float scale(const std::byte* at) { return half_at(at); }
  static int8x16x2_t weights(const std::byte* at) { return {vld1q_s8(s8(at + 2)), vld1q_s8(s8(at + 18))}; }
};

template <int tokens>
void q4_k_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    float sum[tokens] = {};
    for (std::int64_t i = 0; i < slice.columns; i += 256, at += 144) {
      const ScalesAndMinima all = unpack_q4_k(at);
      int32x4_t whole[tokens] = {};
      for (int g = 0; g < 4; ++g) {
        const uint8x16_t a = vld1q_u8(u8(at + 16 + 32 * g)), b = vld1q_u8(u8(at + 32 + 32 * g));
        const int8x16x2_t low = {vreinterpretq_s8_u8(vandq_u8(a, vdupq_n_u8(15))), vreinterpretq_s8_u8(vandq_u8(b, vdupq_n_u8(15)))};
        const int8x16x2_t high = {vreinterpretq_s8_u8(vshrq_n_u8(a, 4)), vreinterpretq_s8_u8(vshrq_n_u8(b, 4))};
        for (int t = 0; t < tokens; ++t) {
          const std::int8_t* const v = x.q.get() + (first + t) * x.padded + i + 64 * g;
          whole[t] = vmlaq_n_s32(whole[t], dot32(low, v), all.scales[2 * g]);
          whole[t] = vmlaq_n_s32(whole[t], dot32(high, v + 32), all.scales[2 * g + 1]);
        }
      }
      for (int t = 0; t < tokens; ++t) {
        const auto small = static_cast<std::size_t>(((first + t) * x.padded + i) / 32);
        sum[t] += half_at(at) * x.scale[small] * static_cast<float>(vaddvq_s32(whole[t])) - half_at(at + 2) * share_of_minima(all, x, small);
      }
    }
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + r] = sum[t];
  }
}

template <int tokens>
void q6_k_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    const std::byte* at = slice.weights + r * slice.row_bytes;
    float sum[tokens] = {};
    for (std::int64_t i = 0; i < slice.columns; i += 256, at += 210) {
      const std::int8_t* const scales = s8(at + 192);
      std::int32_t whole[tokens] = {};
      for (int part = 0; part < 16; ++part) {   // 16 elements each: one scale
        const int half = part / 8, quarter = part % 8 / 2, offset = 16 * (part % 2);
        const uint8x16_t packed = vld1q_u8(u8(at + 64 * half + 32 * (quarter % 2) + offset));
        const uint8x16_t bits = vandq_u8(vshlq_u8(vld1q_u8(u8(at + 128 + 32 * half + offset)), vdupq_n_s8(static_cast<std::int8_t>(-2 * quarter))), vdupq_n_u8(3));
        const uint8x16_t nibbles = quarter < 2 ? vandq_u8(packed, vdupq_n_u8(15)) : vshrq_n_u8(packed, 4);
        const int8x16_t w = vsubq_s8(vreinterpretq_s8_u8(vorrq_u8(nibbles, vshlq_n_u8(bits, 4))), vdupq_n_s8(32));
        for (int t = 0; t < tokens; ++t)
          whole[t] += scales[part] * vaddvq_s32(vdotq_s32(vdupq_n_s32(0), w, vld1q_s8(x.q.get() + (first + t) * x.padded + i + 16 * part)));
      }
      for (int t = 0; t < tokens; ++t) sum[t] += half_at(at + 208) * x.scale[static_cast<std::size_t>(((first + t) * x.padded + i) / 32)] * static_cast<float>(whole[t]);
    }
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + r] = sum[t];
  }
}

template <int tokens>
void i8_rows(const Slice& slice, std::int64_t first) {
  const Activations& x = *slice.x;
  for (std::int64_t r = 0; r < slice.rows; ++r) {
    int32x4_t sum[tokens] = {};
    for (std::int64_t i = 0; i < slice.columns; i += 16) {
      const int8x16_t w = vld1q_s8(s8(slice.weights + r * slice.row_bytes + i));
      for (int t = 0; t < tokens; ++t) sum[t] = vdotq_s32(sum[t], w, vld1q_s8(x.q.get() + (first + t) * x.padded + i));
    }
    for (int t = 0; t < tokens; ++t) slice.out[(first + t) * slice.out_stride + r] = static_cast<float>(vaddvq_s32(sum[t]));
  }
}

}  // namespace

const CpuKernels neon_kernels = {
    .name = "neon-dotprod",
    .usable = usable,
    .read = read,
    .copy = copy,
    .triad = triad,
    .arrange = arrange_plain,
    .matvec = {plain_matmul<Neon, FormatId::f32>, plain_matmul<Neon, FormatId::f16>, plain_matmul<Neon, FormatId::bf16>, one_token<i8_rows<1>>,
               one_token<block_rows<Neon, Block<FormatId::q8_0>, 1>>, one_token<block_rows<Neon, Block<FormatId::q4_0>, 1>>, one_token<block_rows<Neon, Block<FormatId::mxfp4>, 1>>,
               one_token<q4_k_rows<1>>, one_token<q6_k_rows<1>>},
    .matmul = {plain_matmul<Neon, FormatId::f32>, plain_matmul<Neon, FormatId::f16>, plain_matmul<Neon, FormatId::bf16>, over_tokens<i8_rows<4>, i8_rows<1>, 4>,
               over_tokens<block_rows<Neon, Block<FormatId::q8_0>, 4>, block_rows<Neon, Block<FormatId::q8_0>, 1>, 4>, over_tokens<block_rows<Neon, Block<FormatId::q4_0>, 4>, block_rows<Neon, Block<FormatId::q4_0>, 1>, 4>,
               over_tokens<block_rows<Neon, Block<FormatId::mxfp4>, 4>, block_rows<Neon, Block<FormatId::mxfp4>, 1>, 4>, over_tokens<q4_k_rows<4>, q4_k_rows<1>, 4>,
               over_tokens<q6_k_rows<4>, q6_k_rows<1>, 4>},
    .attention = attention<Neon>,
};

}  // namespace rigcast::bench

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
