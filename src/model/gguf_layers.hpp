#pragma once
// The layers of a GGUF: attention, recurrence and feed-forward of each block. Private to the GGUF reader.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "model/architecture.hpp"
#include "model/gguf.hpp"
#include "model/gguf_families.hpp"
#include "model/gguf_metadata.hpp"

namespace rigcast::model {

// Finds the weights of a block by stem.
class TensorIndex {
 public:
  explicit TensorIndex(const std::vector<GgufTensor>& tensors);  // `tensors` must outlive this
  // nullptr: the block has no such weight.
  const GgufTensor* find(int block, std::string_view stem) const;

 private:
  std::unordered_map<std::string_view, const GgufTensor*> by_name_;
};

struct LayerInput {
  const GgufMetadata& metadata;
  const TensorIndex& tensors;
  const GgufFamily& family;
  int blocks = 0;    // all blocks of the file
  int layers = 0;    // without next-token blocks
  int hidden = 0;
};

// Which block each layer runs, where layers run several times; empty: each its own.
Result<std::vector<int>> repeated_blocks(const LayerInput& input);

// One layer for each block. `notes` receives a sentence for everything inferred rather than read.
Result<std::vector<Layer>> layers_of_gguf(const LayerInput& input, std::vector<std::string>& notes);

}  // namespace rigcast::model
