#include "placement/detail/graph_demand.hpp"

#include <algorithm>

namespace rigcast::placement::detail {

int GraphDemand::take(int memory, std::int64_t bytes, int weight) {
  const auto piece = static_cast<std::int32_t>(pieces_.size());
  pieces_.push_back({memory, known({bytes}), weight});
  steps_.push_back(piece);
  return piece;
}

void GraphDemand::give_back(int piece) { steps_.push_back(-1 - piece); }

std::int32_t GraphDemand::known(const Size& size) {
  auto found = std::find(sizes_.begin(), sizes_.end(), size);
  if (found == sizes_.end()) found = sizes_.insert(found, size);
  return static_cast<std::int32_t>(found - sizes_.begin());
}

std::vector<std::int64_t> GraphDemand::peaks(std::int64_t steps, std::span<const std::int64_t> weights) const {
  std::vector<BestFitAllocator> memories = memories_;
  std::vector<std::int64_t> bytes;
  for (const Size& size : sizes_) bytes.push_back(size.bytes + steps * size.growth);
  std::vector<BufferAddress> addresses(pieces_.size());
  for (const std::int32_t step : steps_) {
    const auto number = static_cast<std::size_t>(step >= 0 ? step : -1 - step);
    const Piece& piece = pieces_[number];
    BestFitAllocator& memory = memories[static_cast<std::size_t>(piece.memory)];
    const bool of_weight = piece.weight != kNoWeight && !weights.empty();
    const std::int64_t size = of_weight ? weights[static_cast<std::size_t>(piece.weight)] : bytes[static_cast<std::size_t>(piece.size)];
    if (step >= 0) addresses[number] = memory.allocate(size);
    else memory.release(addresses[number], size);
  }
  std::vector<std::int64_t> peaks;
  for (const BestFitAllocator& memory : memories) peaks.push_back(memory.peak());
  return peaks;
}

std::optional<GraphDemand> GraphDemand::growing_to(const GraphDemand& other, std::int64_t steps) const {
  if (steps == 0 || steps_ != other.steps_ || pieces_.size() != other.pieces_.size()) return std::nullopt;
  GraphDemand growing;
  growing.memories_ = memories_;
  growing.steps_ = steps_;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const auto [memory, size, weight] = pieces_[i];
    const std::int64_t bytes = size_of(i).bytes, more = weight != kNoWeight ? 0 : other.size_of(i).bytes - bytes;
    if (memory != other.pieces_[i].memory || weight != other.pieces_[i].weight || more % steps != 0) return std::nullopt;
    growing.pieces_.push_back({memory, growing.known({bytes, more / steps}), weight});
  }
  return growing;
}

}  // namespace rigcast::placement::detail
