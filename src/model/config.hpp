#pragma once
// A Hugging Face config.json -> Shape.
//
// Multimodal files are read for their text part. What a file does not say takes the default of its model_type. A model_type nobody
// taught us, and a key whose name speaks of structure and that no rule reads, fail closed and are named.

#include <string_view>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"
#include "model/shape.hpp"

namespace rigcast::model {

// Shape::native is the recipe of the checkpoint: its dtype, or what its quantization_config (or MLX's "quantization") says.
// Errors: input with line and column for text that is no JSON object or a number out of range; unsupported as above.
Result<Shape> read_config(std::string_view text, const std::string& file);

// The Architecture in `quant`, or as the checkpoint has it where that is empty.
Result<Architecture> architecture_from_config(const catalog::Catalog& catalog, std::string_view text, const std::string& file,
                                              std::string_view quant = {});

}  // namespace rigcast::model
