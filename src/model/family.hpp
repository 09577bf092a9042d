#pragma once
// A family is a model structure by llama.cpp's architecture name, with the Features its members share.

#include <span>
#include <string_view>

#include "model/shape.hpp"

namespace rigcast::model {

struct Family {
  std::string_view name;             // "qwen3moe"
  Features features;
  int layers_of_70b = 0;             // llama.cpp's quantiser favours attn_v of models it types as 70B: this many layers (0: none do)
};

std::span<const Family> families();
const Family* find_family(std::string_view name);  // nullptr: nobody taught us

}  // namespace rigcast::model
