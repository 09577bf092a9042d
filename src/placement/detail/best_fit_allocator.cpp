#include "placement/detail/best_fit_allocator.hpp"

#include <algorithm>

namespace rigcast::placement::detail {

namespace {
constexpr std::size_t kMaxChunks = 16;
constexpr std::int64_t kEndless = INT64_MAX / 2;
}  // namespace

BufferAddress BestFitAllocator::allocate(std::int64_t bytes) {
  bytes = aligned(bytes);
  int chunk = -1;
  std::size_t block = 0;
  // The smallest hole that is large enough. Later chunks win over earlier ones, the open end of a chunk is kept for last.
  for (std::size_t c = 0; c < chunks_.size(); ++c) {
    std::int64_t smallest = INT64_MAX;
    for (std::size_t i = 0; i + 1 < chunks_[c].free.size(); ++i) {
      const std::int64_t size = chunks_[c].free[i].bytes;
      if (size >= bytes && size <= smallest) {
        chunk = static_cast<int>(c);
        block = i;
        smallest = size;
      }
    }
  }
  if (chunk < 0) {  // the open end that grows least, or wastes least
    std::int64_t best = INT64_MIN;
    for (std::size_t c = 0; c < chunks_.size(); ++c) {
      if (chunks_[c].free.empty()) continue;
      const Free& end = chunks_[c].free.back();
      const std::int64_t reuse = chunks_[c].peak - end.offset - bytes;
      if (end.bytes >= bytes && ((best < 0 && reuse > best) || (reuse >= 0 && reuse < best))) {
        chunk = static_cast<int>(c);
        block = chunks_[c].free.size() - 1;
        best = reuse;
      }
    }
  }
  if (chunk < 0) {
    const bool last = chunks_.size() + 1 >= kMaxChunks;
    chunks_.push_back({{{0, last ? kEndless : std::max(bytes, std::min(chunk_bytes_, kEndless))}}, 0});
    chunk = static_cast<int>(chunks_.size()) - 1;
  }
  Chunk& taken = chunks_[static_cast<std::size_t>(chunk)];
  Free& hole = taken.free[block];
  const std::int64_t offset = hole.offset;
  hole.offset += bytes;
  hole.bytes -= bytes;
  if (hole.bytes == 0) taken.free.erase(taken.free.begin() + static_cast<std::ptrdiff_t>(block));
  taken.peak = std::max(taken.peak, offset + bytes);
  return {chunk, offset};
}

void BestFitAllocator::release(BufferAddress address, std::int64_t bytes) {
  bytes = aligned(bytes);
  if (bytes == 0) return;
  auto& free = chunks_[static_cast<std::size_t>(address.chunk)].free;
  const auto next = std::lower_bound(free.begin(), free.end(), address.offset, [](const Free& f, std::int64_t at) { return f.offset < at; });
  const bool joins_previous = next != free.begin() && std::prev(next)->offset + std::prev(next)->bytes == address.offset;
  const bool joins_next = next != free.end() && address.offset + bytes == next->offset;
  if (joins_previous && joins_next) {
    std::prev(next)->bytes += bytes + next->bytes;
    free.erase(next);
  } else if (joins_previous) {
    std::prev(next)->bytes += bytes;
  } else if (joins_next) {
    next->offset = address.offset;
    next->bytes += bytes;
  } else {
    free.insert(next, {address.offset, bytes});
  }
}

std::int64_t BestFitAllocator::peak() const {
  std::int64_t sum = 0;
  for (const Chunk& chunk : chunks_) sum += chunk.peak;
  return sum;
}

}  // namespace rigcast::placement::detail
