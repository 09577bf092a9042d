#pragma once
// From the headers of a checkpoint to an Architecture: config.json tells structure, the files tell bytes.

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "model/architecture.hpp"
#include "model/safetensors.hpp"

namespace rigcast::model {

// `structure` is what config.json describes, in the format it announces; the result has the bytes of `files`.
//
// Checkpoints name and cut matrices otherwise than GGUF (fused or not, experts one by one, scales beside packed weights), so bytes are
// matched by layer and role: the sum of each is exact, and within it tensors keep the proportions of the structure.
// Towers for pictures and sound, and next-token blocks that config.json leaves out, are added tensor by tensor.
// input: a part of a layer that only one of the two knows. unsupported: a tensor no rule knows; packed weights that config.json does
// not announce.
Result<Architecture> architecture_of_safetensors(const Safetensors& files, Architecture structure);

// What a tensor of a checkpoint does and where, by its name alone.
struct CheckpointPart {
  int layer = kInputLayer;           // -1: outside the layers
  Role role = Role::other;
};
// Nothing: no rule knows the name.
std::optional<CheckpointPart> part_of_checkpoint(std::string_view name);

}  // namespace rigcast::model
