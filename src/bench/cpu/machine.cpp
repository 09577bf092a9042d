#include "bench/cpu/machine.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cmath>

#include "base/units.hpp"

namespace rigcast::bench {

Result<Memory> Memory::get(std::size_t bytes) {
  constexpr std::size_t kBehind = 8192;   // kernels read whole registers and prefetch past the end
  Memory memory;
  memory.bytes_ = bytes + kBehind;
  void* const at = mmap(nullptr, memory.bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(static_cast<double>(bytes))) + " wanted");
  memory.at_ = static_cast<std::byte*>(at);
  return memory;
}

Memory::~Memory() { if (at_) munmap(at_, bytes_); }

void multiply(Machine& machine, const Matrix& matrix, const Activations& x, float* out) {
  const auto id = static_cast<std::size_t>(matrix.format->id);
  auto* kernel = x.tokens > 1 ? machine.kernels->matmul[id] : machine.kernels->matvec[id];
  if (!kernel) kernel = scalar_kernels.matmul[id];
  const int threads = machine.pool.threads();
  const std::int64_t grain = machine.kernels->matmul_rows, chunk = std::max<std::int64_t>(1, (matrix.rows / (threads * 8) + grain - 1) / grain) * grain;
  std::atomic<std::int64_t> taken{0};
  machine.pool.run([&](int thread) {
    const auto work = [&](Range rows) {
      if (rows.first >= rows.last) return;
      kernel({.weights = matrix.at + rows.first * matrix.row_bytes(), .row_bytes = matrix.row_bytes(), .columns = matrix.columns, .rows = rows.last - rows.first, .x = &x,
              .out = out + rows.first, .out_stride = matrix.rows});
    };
    if (x.tokens == 1) return work(share(matrix.rows, thread, threads, 1));
    for (std::int64_t first; (first = taken.fetch_add(chunk)) < matrix.rows;) work({first, std::min(first + chunk, matrix.rows)});
  });
}

void attend(Machine& machine, const Shape& s, const float* q, const std::uint16_t* keys, const std::uint16_t* values, std::vector<float>& partial, float* out) {
  const int threads = machine.pool.threads(), group = s.heads / s.kv_heads;
  const int parts = std::max(1, std::min<int>((4 * threads + s.kv_heads - 1) / s.kv_heads, static_cast<int>(s.depth / 64 + 1)));
  const auto dim = static_cast<std::size_t>(s.head_dim), g = static_cast<std::size_t>(group);
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
  partial.resize(static_cast<std::size_t>(s.kv_heads * parts) * g * (dim + 2));
  std::atomic<int> taken{0};
  machine.pool.run([&](int) {
    for (int job; (job = taken.fetch_add(1)) < s.kv_heads * parts;) {
      const int kv = job / parts;
      const Range range = share(s.depth, job % parts, parts, 32);
      float* const mine = partial.data() + static_cast<std::size_t>(job) * g * (dim + 2);
      const std::int64_t first = (kv * s.depth + range.first) * s.head_dim;
      machine.kernels->attention(q + static_cast<std::size_t>(kv) * g * dim, group, s.head_dim, keys + first, values + first, range.last - range.first, scale, mine, mine + g * dim,
                                 mine + g * (dim + 1));
    }
  });
  for (std::size_t head = 0; head < static_cast<std::size_t>(s.heads); ++head) {
    const std::size_t inside = head % g;
    const auto part_at = [&](int part) { return partial.data() + (head / g * static_cast<std::size_t>(parts) + static_cast<std::size_t>(part)) * g * (dim + 2); };
    float top = -INFINITY, sum = 0;
    for (int part = 0; part < parts; ++part) top = std::max(top, part_at(part)[g * dim + inside]);
    float* const to = out + head * dim;
    std::fill(to, to + dim, 0.0f);
    for (int part = 0; part < parts; ++part) {
      const float* const from = part_at(part);
      const float weight = std::exp(from[g * dim + inside] - top);
      sum += weight * from[g * (dim + 1) + inside];
      for (std::size_t i = 0; i < dim; ++i) to[i] += weight * from[inside * dim + i];
    }
    for (std::size_t i = 0; i < dim; ++i) to[i] /= sum;
  }
}

}  // namespace rigcast::bench
