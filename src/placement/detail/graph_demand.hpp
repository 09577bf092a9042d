#pragma once
// What a graph takes of its memories and gives back, in that order. Which operation runs where, and what is alive at the same time, does not go by
// how long the cache is, only the sizes do: two lengths tell how they grow, and then no graph need be built for a third.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "placement/detail/best_fit_allocator.hpp"

namespace rigcast::placement::detail {

// Lengths of a cache that are told of are multiples of this apart: the elements of any block divide it.
inline constexpr std::int64_t kCellStep = 256;

class GraphDemand {
 public:
  static constexpr int kNoWeight = -1;

  void add_memory(std::int64_t alignment, std::int64_t chunk_bytes) { memories_.emplace_back(alignment, chunk_bytes); }
  int take(int memory, std::int64_t bytes, int weight = kNoWeight);   // the number of the piece; weight: of which it is a copy
  void give_back(int piece);

  // What each memory comes to where the cache is so many kCellStep longer; 0: as long as it is. Copies of weights take what `weights` says of each by
  // its number; where that is empty, what they took.
  std::vector<std::int64_t> peaks(std::int64_t steps = 0, std::span<const std::int64_t> weights = {}) const;

  // This, and how it grows, by the demand of the same graph with a cache that is `steps` longer or shorter; nothing where they differ in more than sizes.
  std::optional<GraphDemand> growing_to(const GraphDemand& other, std::int64_t steps) const;

 private:
  struct Size {
    std::int64_t bytes = 0, growth = 0;          // growth: with every kCellStep cells
    bool operator==(const Size&) const = default;
  };
  struct Piece { std::int32_t memory, size, weight; };   // size: in sizes_
  std::int32_t known(const Size& size);
  const Size& size_of(std::size_t piece) const { return sizes_[static_cast<std::size_t>(pieces_[piece].size)]; }

  std::vector<BestFitAllocator> memories_;       // with nothing in them
  std::vector<Size> sizes_;                      // a few dozen
  std::vector<Piece> pieces_;
  std::vector<std::int32_t> steps_;              // n: piece n is taken; -1 - n: it is given back
};

}  // namespace rigcast::placement::detail
