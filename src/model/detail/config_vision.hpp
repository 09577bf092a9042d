#pragma once
// The tower for pictures or sound that a config.json describes beside its language model.

#include "model/detail/config_reader.hpp"

namespace rigcast::model::detail {

// Elements of the weights that `vision` describes, and of what joins them to a language model of this width; `model`: the object around it.
// 0: no rule knows such a tower.
double tower_elements(ConfigReader& vision, ConfigReader& model, int hidden);

// The same of what `audio` describes, where a model hears and sees nothing.
double ears_elements(ConfigReader& audio, ConfigReader& model, int hidden);

}  // namespace rigcast::model::detail
