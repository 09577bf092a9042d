#pragma once
// What a graph takes of its memories and gives back, in that order. Which operation runs where, and what is alive at the same time, does not go by
// how long the cache is, only the sizes do: whoever has the demand of a graph need not build it again for another context.

#include <cstdint>
#include <optional>
#include <vector>

#include "placement/detail/best_fit_allocator.hpp"
#include "placement/detail/tensor_graph.hpp"

namespace rigcast::placement::detail {

// Cells from one length of the cache to the next that sizes are told of: the elements of any block divide it.
inline constexpr std::int64_t kCellStep = 256;

class GraphDemand {
 public:
  struct Size {
    std::int64_t bytes = 0, growth = 0;   // with the cache the graph was built for, and more with every kCellStep cells beyond
    bool operator==(const Size&) const = default;
  };

  void add_memory(std::int64_t alignment, std::int64_t chunk_bytes) { memories_.emplace_back(alignment, chunk_bytes); }
  int take(int memory, const Size& size);   // the number of the piece
  void give_back(int piece);

  // What each memory comes to where the cache is so many kCellStep longer.
  std::vector<std::int64_t> peaks(std::int64_t steps) const;

 private:
  struct Piece { std::int32_t memory, size; };   // size: in sizes_
  std::vector<BestFitAllocator> memories_;       // with nothing in them
  std::vector<Size> sizes_;                      // a few dozen
  std::vector<Piece> pieces_;
  std::vector<std::int32_t> steps_;              // n: piece n is taken; -1 - n: it is given back
};

// Lengths of a cache, both included.
struct CellRange {
  std::int64_t least = 0, most = INT64_MAX;
  bool holds(std::int64_t cells) const { return cells >= least && cells <= most; }
};

// Notes how `graph`, whose cache has `cells`, grows with it: `longer` is the same graph with kCellStep more. The lengths between which each tensor stays on
// its side of `max_tensor_bytes`; nothing where the two are not the same but for sizes.
std::optional<CellRange> tell_growth(TensorGraph& graph, const TensorGraph& longer, std::int64_t cells, std::int64_t max_tensor_bytes);

}  // namespace rigcast::placement::detail
