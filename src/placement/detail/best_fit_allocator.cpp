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

// Pieces of no bytes leave holes of none. Such a hole joins only what begins or ends right where it lies, and keeps what comes to be free on either side of
// it apart: so a graph that carries along the states of no sequence takes more memory.
void BestFitAllocator::release(BufferAddress address, std::int64_t bytes) {
  bytes = aligned(bytes);
  auto& free = chunks_[static_cast<std::size_t>(address.chunk)].free;
  const auto end = [](const Free& hole) { return hole.offset + hole.bytes; };
  const auto beside = std::find_if(free.begin(), free.end(), [&](const Free& hole) { return end(hole) == address.offset || hole.offset == address.offset + bytes; });
  if (beside == free.end()) {
    free.insert(std::find_if(free.begin(), free.end(), [&](const Free& hole) { return hole.offset >= address.offset; }), {address.offset, bytes});
    return;
  }
  const bool before = end(*beside) == address.offset;
  *beside = {before ? beside->offset : address.offset, beside->bytes + bytes};
  const auto second = before ? beside + 1 : beside;   // of two holes that may touch now
  if (second == free.begin() || second == free.end() || end(*(second - 1)) != second->offset) return;
  (second - 1)->bytes += second->bytes;
  free.erase(second);
}

std::int64_t BestFitAllocator::peak() const {
  std::int64_t sum = 0;
  for (const Chunk& chunk : chunks_) sum += chunk.peak;
  return sum;
}

}  // namespace rigcast::placement::detail
