#pragma once
// How a checkpoint stores its weights: dtype and quantization_config -> recipe.

#include <string>

#include "base/result.hpp"
#include "model/detail/config_reader.hpp"

namespace rigcast::model::detail {

// "BF16", "FP8_BLOCK", "awq_int4_g128(attention+dense)" ...: text apply_quant understands. `root` is the whole file, `text_part` the
// object the shape was read from; `layers` their number (a part excluded in most layers counts as excluded).
Result<std::string> checkpoint_recipe(ConfigReader& root, ConfigReader& text_part, int layers);

}  // namespace rigcast::model::detail
