#pragma once
// The tower for pictures that a config.json describes beside its language model.

#include <string_view>

#include "model/detail/config_reader.hpp"

namespace rigcast::model::detail {

// Elements of its weights and of what joins it to a language model of this width; 0: no rule knows such a tower.
double tower_elements(ConfigReader& vision, std::string_view model_type, int hidden);

}  // namespace rigcast::model::detail
