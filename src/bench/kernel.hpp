#pragma once
// Kernels: what can be measured. One table says for each what it does, the bytes it must move and the arithmetic it must do; every
// backend measures the same Cases and is held to the same reference.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/quantity.hpp"
#include "base/result.hpp"

namespace rigcast::bench {

enum class KernelKind {
  read,         // sum over a buffer
  copy,         // b = a
  triad,        // a = b + s * c
  matvec,       // weights times one vector: what decoding a token does
  matmul,       // weights times many vectors: what reading a prompt does
  gemm,         // the same by the library of the device's maker
  attention,    // one new token against a cache of keys and values, query heads sharing key-value heads
  experts,      // matvec over a few experts picked among many
  layer,        // what an engine does between the products of a layer, for one token
  launch,       // nothing: the cost of starting a kernel (on a processor, of waking all threads)
  copy_in,      // host memory to device memory
  copy_out,     // device memory to host memory
  copy_both,    // both at once
  copy_peer,    // memory of one device to that of another
  copy_peer_both, // the same both ways at once
  all_reduce,   // every device ends with the sum of all
};
inline constexpr int kKernelCount = 16;

// The numbers a Case is run with; a kernel looks only at its own.
struct Shape {
  std::int64_t bytes = 0;                       // read, copy, triad (per array), transfers
  std::int64_t rows = 0, columns = 0;           // matvec, matmul, experts: of one matrix; columns are contiguous; layer: widths of feed-forward and stream
  std::int64_t tokens = 1;                      // matmul; attention and experts where the device can do several at once
  int heads = 0, kv_heads = 0, head_dim = 0;    // attention, layer
  std::int64_t depth = 0;                       // attention: tokens in the cache
  int experts = 0, used = 0;                    // experts
};

// One kernel in one number format at one shape.
struct Case {
  KernelKind kind = KernelKind::read;
  std::string format;                           // "q4_0", "f16", ...; empty where the kernel has none
  Shape shape;
};

// What a Case must move and compute at least; rates are quoted on it.
struct Work { Bytes bytes{}; Flop flop{}; };

struct Kernel {
  KernelKind kind;
  std::string_view name;
  std::string_view does;
  std::string_view bytes, flop;                 // the formulas of work(), for people
  double tolerance;                             // largest accepted difference to the reference, relative to the sum of magnitudes
  bool by_flop;                                 // its rate is quoted as operations rather than bytes per second
};

inline constexpr std::array<Kernel, kKernelCount> kernels = {{
    {KernelKind::read, "read", "sum of a buffer", "n", "0", 0, false},
    {KernelKind::copy, "copy", "b = a", "2 n", "0", 0, false},
    {KernelKind::triad, "triad", "a = b + s c, 32-bit floats", "3 n", "2 n / 4", 1e-6, false},
    {KernelKind::matvec, "matvec", "weights x one vector", "weights + 4 columns + 4 rows", "2 rows columns", 2e-3, false},
    {KernelKind::matmul, "matmul", "weights x tokens vectors", "weights + 4 tokens (columns + rows)", "2 rows columns tokens", 2e-3, true},
    {KernelKind::gemm, "gemm", "matmul by the maker's own library", "weights + tokens (2 columns + 4 rows)", "2 rows columns tokens", 2e-3, true},
    {KernelKind::attention, "attention", "one token against depth cached ones", "2 kv_heads head_dim depth x 2", "4 heads head_dim depth tokens", 5e-3, false},
    {KernelKind::experts, "experts", "weights of used experts out of many x one vector", "touched weights + tokens (4 used rows + 4 columns)", "2 used rows columns tokens", 2e-3, false},
    {KernelKind::layer, "layer", "small operations between the products of a layer", "4 (6 columns + 2 heads head_dim + 3 kv_heads head_dim + rows)", "0", 2e-3, false},
    {KernelKind::launch, "launch", "start nothing and wait", "0", "0", 0, false},
    {KernelKind::copy_in, "copy-in", "host to device", "n", "0", 0, false},
    {KernelKind::copy_out, "copy-out", "device to host", "n", "0", 0, false},
    {KernelKind::copy_both, "copy-both", "host to device and back at once", "2 n", "0", 0, false},
    {KernelKind::copy_peer, "copy-peer", "device to device", "n", "0", 0, false},
    {KernelKind::copy_peer_both, "copy-peer-both", "device to device and back at once", "2 n", "0", 0, false},
    {KernelKind::all_reduce, "all-reduce", "sum over devices", "n", "0", 1e-5, false},
}};
static_assert(kernels[kKernelCount - 1].kind == KernelKind::all_reduce, "one row per kind, in order");

// A `layer` starts so many operations, in this order: norm, its scale, rotations of queries and of keys, keys and values stored, attention
// to one token, addition to the stream, norm, its scale, the gate of the feed-forward, addition to the stream. Its bytes are what they write.
inline constexpr int kLayerOperations = 12;

const Kernel& kernel_of(KernelKind kind);
Work work_of(const Case& c);
// What it holds while it runs: of experts all, though a token touches few.
Bytes memory_of(const Case& c);

// The one spelling of a Case, read and written: "read:1GiB", "matvec:q4_0:14336x4096", "matmul:bf16:4096x4096x512" (rows x columns x
// tokens), "attention:f16:32/8x128@4096" (heads / kv heads x head dimension @ depth), "experts:q4_k:768x2048:8/128" (used / experts); both end
// in "x128" where so many tokens do it at once. "layer:f32:12288x4096:32/8x128" (feed-forward x stream : heads / kv heads x head dimension).
std::string spell(const Case& c);
// Error: input, with the nearest kernel or format.
Result<Case> parse_case(std::string_view text);

// Error (unsupported) for attention and experts of several tokens, which most devices have no kernel for.
Result<void> one_token_only(const Case& c);

}  // namespace rigcast::bench
