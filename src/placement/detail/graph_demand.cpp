#include "placement/detail/graph_demand.hpp"

#include <algorithm>

namespace rigcast::placement::detail {

int GraphDemand::take(int memory, const Size& size) {
  auto known = std::find(sizes_.begin(), sizes_.end(), size);
  if (known == sizes_.end()) known = sizes_.insert(known, size);
  const auto piece = static_cast<std::int32_t>(pieces_.size());
  pieces_.push_back({memory, static_cast<std::int32_t>(known - sizes_.begin())});
  steps_.push_back(piece);
  return piece;
}

void GraphDemand::give_back(int piece) { steps_.push_back(-1 - piece); }

std::vector<std::int64_t> GraphDemand::peaks(std::int64_t steps) const {
  std::vector<BestFitAllocator> memories = memories_;
  std::vector<std::int64_t> bytes;
  for (const Size& size : sizes_) bytes.push_back(size.bytes + steps * size.growth);
  std::vector<BufferAddress> addresses(pieces_.size());
  for (const std::int32_t step : steps_) {
    const auto number = static_cast<std::size_t>(step >= 0 ? step : -1 - step);
    const Piece& piece = pieces_[number];
    BestFitAllocator& memory = memories[static_cast<std::size_t>(piece.memory)];
    const std::int64_t size = bytes[static_cast<std::size_t>(piece.size)];
    if (step >= 0) addresses[number] = memory.allocate(size);
    else memory.release(addresses[number], size);
  }
  std::vector<std::int64_t> peaks;
  for (const BestFitAllocator& memory : memories) peaks.push_back(memory.peak());
  return peaks;
}

std::optional<CellRange> tell_growth(TensorGraph& graph, const TensorGraph& longer, std::int64_t cells, std::int64_t max_tensor_bytes) {
  if (graph.tensors.size() != longer.tensors.size() || graph.operations != longer.operations || graph.leaves != longer.leaves) return std::nullopt;
  CellRange range;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    GraphTensor& tensor = graph.tensors[i];
    const GraphTensor& then = longer.tensors[i];
    if (tensor.op != then.op || tensor.type != then.type || tensor.source != then.source || tensor.bytes > then.bytes) return std::nullopt;
    tensor.growth = then.bytes - tensor.bytes;
    if (tensor.growth == 0) continue;
    const std::int64_t room = max_tensor_bytes - tensor.bytes;
    if (room >= 0) range.most = std::min(range.most, cells + room / tensor.growth * kCellStep);
    else range.least = std::max(range.least, cells - (-room - 1) / tensor.growth * kCellStep);
  }
  return range;
}

}  // namespace rigcast::placement::detail
