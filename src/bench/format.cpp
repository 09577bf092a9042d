#include "bench/format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.hpp"

namespace rigcast::bench {
namespace {

constexpr std::int64_t kTileBlocks = 8209;        // a prime: repeats never line up with rows
constexpr std::int64_t kTileElements = 1048583;   // for formats without blocks; a prime too

std::uint64_t mix(std::uint64_t x) {   // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

float unit(std::uint64_t bits) { return static_cast<float>(static_cast<double>(bits >> 40) / 8388608.0 - 1.0 + 0x1p-25); }

void put_half(std::byte* at, float value) {
  const std::uint16_t bits = float_to_half(value);
  std::memcpy(at, &bits, 2);
}
float get_half(const std::byte* at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, 2);
  return half_to_float(bits);
}

// E2M1 values doubled, as the integers that kernels multiply with.
constexpr std::array<int, 16> kE2m1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// The 6-bit scale and minimum of sub-block j of a q4_k block: the first four in the low bits of twelve bytes, the last four split.
struct ScaleMin { int scale, min; };
ScaleMin scale_min(const std::uint8_t* packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, (packed[j + 4] >> 4) | (packed[j] >> 6) << 4};
}

void make_block(const Format& format, std::int64_t number, std::byte* block) {
  const auto seed = static_cast<std::uint64_t>(number) * 977 + static_cast<std::uint64_t>(format.id) * 0x10000000000u;
  const float value = unit(mix(seed));
  for (int i = 0; i < format.bytes; ++i) block[i] = static_cast<std::byte>(mix(seed + 1 + static_cast<std::uint64_t>(i)) >> 24 & 255);
  const float scale = 0.01f + 0.005f * value;
  switch (format.id) {
    case FormatId::f32: std::memcpy(block, &value, 4); break;
    case FormatId::f16: put_half(block, value); break;
    case FormatId::bf16: { const std::uint16_t bits = float_to_bf16(value); std::memcpy(block, &bits, 2); break; }
    case FormatId::i8: if (block[0] == std::byte{0x80}) block[0] = std::byte{0x81}; break;
    case FormatId::q8_0:
      put_half(block, scale);
      for (int i = 2; i < 34; ++i) if (block[i] == std::byte{0x80}) block[i] = std::byte{0x81};   // quantisers never write -128
      break;
    case FormatId::q4_0: put_half(block, scale); break;
    case FormatId::mxfp4: block[0] = static_cast<std::byte>(116 + (static_cast<int>(block[0]) & 7)); break;   // scales 2^-11 .. 2^-4
    case FormatId::q4_k: put_half(block, scale / 32), put_half(block + 2, scale / 32); break;
    case FormatId::q6_k: put_half(block + 208, scale / 32); break;
  }
}

}  // namespace

const Format* find_format(std::string_view name) {
  for (const Format& format : formats)
    if (format.name == name) return &format;
  return nullptr;
}

const Format& format_of(FormatId id) { return formats[static_cast<std::size_t>(id)]; }

float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, mantissa = bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * static_cast<float>(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const float magnitude = std::fabs(value);
  if (!(magnitude < 65520.0f)) return static_cast<std::uint16_t>(sign | (magnitude == magnitude ? 0x7c00u : 0x7e00u));
  if (magnitude < 0x1p-14f) return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24f)));
  const std::uint32_t shifted = (bits & 0x7fffffffu) - (112u << 23);
  return static_cast<std::uint16_t>(sign | (shifted + 0x0fffu + (shifted >> 13 & 1u)) >> 13);
}

float bf16_to_float(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

std::uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

Tile make_tile(const Format& format) {
  const std::int64_t blocks = format.block == 1 ? kTileElements : kTileBlocks;
  Tile tile{&format, std::vector<std::byte>(static_cast<std::size_t>(blocks * format.bytes))};
  for (std::int64_t b = 0; b < blocks; ++b) make_block(format, b, tile.bytes.data() + b * format.bytes);
  return tile;
}

void fill(const Tile& tile, std::int64_t first_block, std::span<std::byte> out) {
  RC_CHECK(out.size() % static_cast<std::size_t>(tile.format->bytes) == 0, "weights are whole blocks");
  std::size_t at = static_cast<std::size_t>(first_block % tile.blocks() * tile.format->bytes);
  while (!out.empty()) {
    const std::size_t piece = std::min(out.size(), tile.bytes.size() - at);
    std::memcpy(out.data(), tile.bytes.data() + at, piece);
    out = out.subspan(piece);
    at = 0;
  }
}

void decode_block(const Format& format, const std::byte* block, float* values) {
  const auto* raw = reinterpret_cast<const std::uint8_t*>(block);
  const auto* whole = reinterpret_cast<const std::int8_t*>(block);
  switch (format.id) {
    case FormatId::f32: std::memcpy(values, block, 4); return;
    case FormatId::f16: values[0] = get_half(block); return;
    case FormatId::bf16: { std::uint16_t bits; std::memcpy(&bits, block, 2); values[0] = bf16_to_float(bits); return; }
    case FormatId::i8: values[0] = whole[0]; return;
    case FormatId::q8_0:
      for (int i = 0; i < 32; ++i) values[i] = get_half(block) * static_cast<float>(whole[2 + i]);
      return;
    case FormatId::q4_0:
      for (int i = 0; i < 16; ++i) {
        values[i] = get_half(block) * static_cast<float>((raw[2 + i] & 15) - 8);
        values[i + 16] = get_half(block) * static_cast<float>((raw[2 + i] >> 4) - 8);
      }
      return;
    case FormatId::mxfp4:
      for (int i = 0; i < 16; ++i) {
        const float scale = std::ldexp(0.5f, raw[0] - 127);
        values[i] = scale * static_cast<float>(kE2m1[raw[1 + i] & 15]);
        values[i + 16] = scale * static_cast<float>(kE2m1[raw[1 + i] >> 4]);
      }
      return;
    case FormatId::q4_k:
      for (int j = 0; j < 8; ++j) {
        const ScaleMin sub = scale_min(raw + 4, j);
        for (int i = 0; i < 32; ++i) {
          const int packed = raw[16 + j / 2 * 32 + i];
          values[j * 32 + i] = get_half(block) * static_cast<float>(sub.scale * (j % 2 ? packed >> 4 : packed & 15)) - get_half(block + 2) * static_cast<float>(sub.min);
        }
      }
      return;
    case FormatId::q6_k:   // 128 low nibbles pairs, 64 bytes of high bits, 16 scales, d; two halves of 128 elements
      for (int e = 0; e < 256; ++e) {
        const int half = e / 128, in_half = e % 128, quarter = in_half / 32, i = in_half % 32;
        const int low = raw[half * 64 + quarter % 2 * 32 + i], high = raw[128 + half * 32 + i];
        const int q = ((quarter < 2 ? low & 15 : low >> 4) | (high >> (2 * quarter) & 3) << 4) - 32;
        values[e] = get_half(block + 208) * static_cast<float>(whole[192 + half * 8 + quarter * 2 + i / 16] * q);
      }
      return;
  }
}

float activation(std::uint64_t seed, std::int64_t i) { return unit(mix(seed * 0x100000001b3u + static_cast<std::uint64_t>(i) + 0x5eed)); }

std::vector<float> activations(std::uint64_t seed, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = activation(seed, i);
  return values;
}

std::vector<float> rounded(std::span<const float> values, Activation how) {
  std::vector<float> out(values.begin(), values.end());
  if (how == Activation::exact) return out;
  if (how == Activation::bf16) {
    for (float& value : out) value = bf16_to_float(float_to_bf16(value));
    return out;
  }
  if (how == Activation::int8) {
    for (float& value : out) value = std::nearbyint(value * 127.0f);
    return out;
  }
  const std::size_t block = how == Activation::q8_32 ? 32 : 256;
  for (std::size_t first = 0; first < out.size(); first += block) {
    const std::size_t last = std::min(first + block, out.size());
    float largest = 0;
    for (std::size_t i = first; i < last; ++i) largest = std::max(largest, std::fabs(out[i]));
    const float scale = largest / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0.0f;
    for (std::size_t i = first; i < last; ++i) out[i] = std::nearbyint(out[i] * inverse) * scale;
  }
  return out;
}

Product reference_row(const Tile& tile, std::int64_t base, std::int64_t row, std::span<const float> x) {
  const Format& format = *tile.format;
  const std::int64_t per_row = static_cast<std::int64_t>(x.size()) / format.block;
  std::array<float, 256> values;
  Product product;
  for (std::int64_t b = 0; b < per_row; ++b) {
    const std::int64_t number = (base + row * per_row + b) % tile.blocks();
    decode_block(format, tile.bytes.data() + number * format.bytes, values.data());
    for (int i = 0; i < format.block; ++i) {
      const double term = static_cast<double>(values[static_cast<std::size_t>(i)]) * x[static_cast<std::size_t>(b * format.block + i)];
      product.value += term, product.magnitude += std::fabs(term);
    }
  }
  return product;
}

}  // namespace rigcast::bench
