#pragma once
// The number formats that kernels are measured in: their blocks, how test weights are made, and what they mean.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace rigcast::bench {

enum class FormatId { f32, f16, bf16, i8, q8_0, q4_0, mxfp4, q4_k, q6_k };
inline constexpr int kFormatCount = 9;

// Which rounding a kernel puts on the activations before it multiplies, as the engines do.
enum class Activation {
  exact,     // 32-bit floats
  bf16,      // rounded to nearest even
  int8,      // whole numbers -127 .. 127 (127 times the value)
  q8_32,     // 8-bit integers, one scale for 32 (llama.cpp with q4_0, q8_0, mxfp4)
  q8_256,    // 8-bit integers, one scale for 256 (llama.cpp with the k-formats)
};

struct Format {
  FormatId id;
  std::string_view name;   // key of catalog::Quant, "i8" excepted
  int block;               // elements
  int bytes;               // of a block
  Activation activation;   // what processors and CUDA round to
};

inline constexpr std::array<Format, kFormatCount> formats = {{
    {FormatId::f32, "f32", 1, 4, Activation::exact},
    {FormatId::f16, "f16", 1, 2, Activation::exact},
    {FormatId::bf16, "bf16", 1, 2, Activation::exact},
    {FormatId::i8, "i8", 1, 1, Activation::int8},
    {FormatId::q8_0, "q8_0", 32, 34, Activation::q8_32},
    {FormatId::q4_0, "q4_0", 32, 18, Activation::q8_32},
    {FormatId::mxfp4, "mxfp4", 32, 17, Activation::q8_32},
    {FormatId::q4_k, "q4_k", 256, 144, Activation::q8_256},
    {FormatId::q6_k, "q6_k", 256, 210, Activation::q8_256},
}};
static_assert(static_cast<int>(formats.back().id) == kFormatCount - 1, "one row per format, in order");

const Format* find_format(std::string_view name);   // nullptr: none of that name
const Format& format_of(FormatId id);

float half_to_float(std::uint16_t bits);
std::uint16_t float_to_half(float value);           // round to nearest even
float bf16_to_float(std::uint16_t bits);
std::uint16_t float_to_bf16(float value);

// Test data. Weights repeat a tile of a prime number of blocks, so that a matrix of any size is cheap to fill and any of its rows is
// known without keeping it: block b of a matrix is block (b % tile blocks) of the tile.
struct Tile {
  const Format* format = nullptr;
  std::vector<std::byte> bytes;
  std::int64_t blocks() const { return static_cast<std::int64_t>(bytes.size()) / format->bytes; }
};
Tile make_tile(const Format& format);
void fill(const Tile& tile, std::int64_t first_block, std::span<std::byte> out);   // out.size() % format.bytes == 0

// The values of one block.
void decode_block(const Format& format, const std::byte* block, float* values);

// Activation number i of stream `seed`, uniform in (-1, 1).
float activation(std::uint64_t seed, std::int64_t i);
std::vector<float> activations(std::uint64_t seed, std::int64_t count);
// The activations as a kernel with this rounding sees them.
std::vector<float> rounded(std::span<const float> values, Activation how);

// Row `row` of a matrix made of `tile` starting at block `base`, times `x` (already rounded), in double; `magnitude`: sum of |products|.
struct Product { double value = 0, magnitude = 0; };
Product reference_row(const Tile& tile, std::int64_t base, std::int64_t row, std::span<const float> x);

}  // namespace rigcast::bench
