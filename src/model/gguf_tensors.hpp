#pragma once
// What each tensor of a GGUF does, by its name. A name outside the known set is structure nobody taught us: no role.

#include <optional>
#include <string_view>

#include "model/architecture.hpp"

namespace rigcast::model {

// "blk.3.ffn_down_exps.weight" -> block 3, stem "ffn_down_exps"; "output_norm.weight" -> no block, stem "output_norm".
struct TensorName {
  int block = -1;              // -1: belongs to no block
  std::string_view stem;       // without block, and without ".weight", ".bias", ".scale", ".input_scale"
  std::string_view suffix;     // "weight", "bias", "scale", "input_scale" or ""
};

// Views into `name`. A block number beyond 2^20 counts as no block.
TensorName parse_tensor_name(std::string_view name);

// Where a tensor lives.
enum class Place {
  input,        // before the first layer: on the host in llama.cpp
  block,        // with its block
  first_block,  // outside the blocks, yet llama.cpp keeps it with the first one
  output,       // with the output norm and head
};

struct TensorRole {
  Role role;
  Place place;
};

// Nothing: structure nobody has described.
std::optional<TensorRole> role_of(const TensorName& name);
// Tensor::layer of a model of `layers` layers.
int layer_of(const TensorName& name, Place place, int layers);

}  // namespace rigcast::model
