#pragma once
// What the processor's Prepared cases share: its threads, its memory, and how a stretch is timed.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/quantity.hpp"
#include "base/result.hpp"
#include "bench/backend.hpp"
#include "bench/cpu/kernels.hpp"
#include "bench/cpu/pool.hpp"

namespace rigcast::bench {

// Memory as engines get it: ordinary pages, placed by whoever touches them first.
class Memory {
 public:
  static Result<Memory> get(std::size_t bytes);   // zeros; Error (system): out of memory
  Memory() = default;
  Memory(Memory&& other) noexcept : at_(std::exchange(other.at_, nullptr)), bytes_(other.bytes_) {}
  Memory& operator=(Memory&& other) noexcept { std::swap(at_, other.at_), std::swap(bytes_, other.bytes_); return *this; }
  ~Memory();
  std::byte* get() const { return at_; }

 private:
  std::byte* at_ = nullptr;
  std::size_t bytes_ = 0;
};

struct Machine {
  const CpuKernels* kernels = nullptr;
  Pool pool;
  Bytes cold{}, available{};
  explicit Machine(std::vector<int> cpus) : pool(std::move(cpus)) {}
};

// Thread `i` of `n` gets [first, last) of `count`, in multiples of `grain`.
struct Range { std::int64_t first, last; };
inline Range share(std::int64_t count, int i, int n, std::int64_t grain) {
  const std::int64_t grains = (count + grain - 1) / grain;
  return {std::min(count, grains * i / n * grain), std::min(count, grains * (i + 1) / n * grain)};
}

inline constexpr double kLong = 1e6;   // bytes: shorter runs would mostly time the clocks

// Times `body` run `runs` times; disturbed when a thread had to give 3 % of its time to others.
template <class Body>
Sample timed(Machine& machine, int runs, bool account, const Body& body) {
  using Clock = std::chrono::steady_clock;
  machine.pool.account(account);
  const auto start = Clock::now();
  for (int r = 0; r < runs; ++r) body(r);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  machine.pool.account(false);
  return {.seconds = seconds, .runs = runs, .disturbed = machine.pool.taken_away() > 0.03};
}

// A matrix in memory, its rows one after the other.
struct Matrix {
  const Format* format = nullptr;
  std::int64_t rows = 0, columns = 0;
  const std::byte* at = nullptr;
  std::int64_t row_bytes() const { return columns / format->block * format->bytes; }
};

// out[token][row] = matrix x the vectors of `x`, by all threads. Streams stay with the thread that filled them; matrix products are
// shared out in chunks taken on demand, since cores differ in speed.
void multiply(Machine& machine, const Matrix& matrix, const Activations& x, float* out);

// One token's attention: `keys` and `values` hold kv_heads x depth x head_dim halves each; every key-value head's cache is cut into
// parts, so that all threads have work, and the parts are joined by their maxima and sums. `partial` is room to work in.
void attend(Machine& machine, const Shape& shape, const float* q, const std::uint16_t* keys, const std::uint16_t* values, std::vector<float>& partial, float* out);

}  // namespace rigcast::bench
