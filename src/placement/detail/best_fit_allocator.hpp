#pragma once
// A best-fit allocator over growing chunks that only keeps count: where would this tensor go, and how large did each chunk get?

#include <cstdint>
#include <vector>

namespace rigcast::placement::detail {

struct BufferAddress { int chunk = 0; std::int64_t offset = 0; };

class BestFitAllocator {
 public:
  BestFitAllocator(std::int64_t alignment, std::int64_t chunk_bytes) : alignment_(alignment), chunk_bytes_(chunk_bytes) {}

  BufferAddress allocate(std::int64_t bytes);
  void release(BufferAddress address, std::int64_t bytes);
  std::int64_t peak() const;  // of all chunks together

 private:
  struct Free { std::int64_t offset, bytes; };
  struct Chunk { std::vector<Free> free; std::int64_t peak = 0; };
  std::int64_t aligned(std::int64_t bytes) const { return (bytes + alignment_ - 1) / alignment_ * alignment_; }

  std::int64_t alignment_, chunk_bytes_;
  std::vector<Chunk> chunks_;
};

}  // namespace rigcast::placement::detail
