#pragma once
// The processor kernels of one instruction set, and the list of instruction sets in order of preference.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bench/format.hpp"

namespace rigcast::bench {

struct FreeAligned { void operator()(void* p) const { std::free(p); } };
template <class T>
using Aligned = std::unique_ptr<T[], FreeAligned>;
template <class T>
Aligned<T> make_aligned(std::size_t count) {   // zeroed, on a cache line, with room behind for whole-register reads
  const std::size_t bytes = (count * sizeof(T) + 4095) / 4096 * 4096 + 4096;
  void* memory = std::aligned_alloc(4096, bytes);
  if (memory) __builtin_memset(memory, 0, bytes);
  return Aligned<T>(static_cast<T*>(memory));
}

// One or several activation vectors as a kernel reads them: `values` for exact formats; integers `q` with one scale per 32 (or 256)
// and, per 32, the sum of the integers times that scale. Each vector starts `stride` after the one before; padded with zeros.
struct Activations {
  std::int64_t columns = 0, padded = 0, tokens = 0;
  Aligned<float> values;
  Aligned<std::uint16_t> halves;     // bf16 bits
  Aligned<std::int8_t> q;
  Aligned<float> scale;              // per 32 elements, also where the rounding is per 256
  Aligned<float> sum;                // per 32 elements: scale x sum of q
  Aligned<std::int16_t> counts;      // sums of q, of as many elements each as a set wants
  Aligned<float> wide;               // sets may keep scale and sum once more in an order of their own
  Aligned<std::byte> tiles;          // where a set has matrix units: the values in their order
};

// What a kernel works on: `rows` rows of `row_bytes`, results to out[row] of each token (out_stride apart).
struct Slice {
  const std::byte* weights;
  std::int64_t row_bytes, columns, rows;
  const Activations* x;
  float* out;
  std::int64_t out_stride;
};

struct CpuKernels {
  std::string_view name;                                    // "avx512-vnni, amx", "avx512-vnni", "avx2", "neon-dotprod", "scalar"
  bool (*usable)();
  std::uint64_t (*read)(const std::byte* from, std::size_t bytes);            // sum of 64-bit words; bytes % 64 == 0
  void (*copy)(std::byte* to, const std::byte* from, std::size_t bytes);
  void (*triad)(float* a, const float* b, const float* c, float s, std::size_t count);
  // x arranged as this set's kernels of `format` want it.
  void (*arrange)(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out);
  std::array<void (*)(const Slice&), kFormatCount> matvec;   // one token; nullptr: the scalar one serves
  std::array<void (*)(const Slice&), kFormatCount> matmul;   // all tokens of x
  std::int64_t matmul_rows = 4;                              // that a matrix product takes at once: threads' shares are multiples of it
  // One group of `heads` query heads on one key-value head, tokens [0, depth): keys and values are f16, depth x dim, contiguous.
  // Leaves weighted values (not yet divided), running maximum and sum per head, so that parts of the depth can be joined.
  void (*attention)(const float* q, int heads, int dim, const std::uint16_t* keys, const std::uint16_t* values, std::int64_t depth, float scale, float* out,
                    float* maximum, float* sum);
};

extern const CpuKernels scalar_kernels;
#if defined(__x86_64__)
extern const CpuKernels avx2_kernels, avx512_kernels, amx_kernels;
#elif defined(__aarch64__)
extern const CpuKernels neon_kernels;
#endif

// Best first; the last always works.
std::span<const CpuKernels* const> cpu_kernels();

// Shared by all sets: natural order, rounding as the format's Activation says.
void arrange_plain(const Format& format, std::span<const float> values, std::int64_t columns, Activations& out);

// What a q4_k block packs into twelve bytes: six bits each for eight scales and eight minima.
struct ScalesAndMinima { std::uint8_t scales[8], minima[8]; };
inline ScalesAndMinima unpack_q4_k(const std::byte* block) {
  std::uint32_t word[3];
  std::memcpy(word, block + 4, 12);
  const std::uint32_t parts[4] = {word[0] & 0x3f3f3f3fu, (word[2] & 0x0f0f0f0fu) | (word[0] >> 6 & 0x03030303u) << 4, word[1] & 0x3f3f3f3fu,
                                  (word[2] >> 4 & 0x0f0f0f0fu) | (word[1] >> 6 & 0x03030303u) << 4};
  ScalesAndMinima all;
  std::memcpy(all.scales, parts, 8), std::memcpy(all.minima, parts + 2, 8);
  return all;
}

}  // namespace rigcast::bench
