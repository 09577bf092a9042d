#pragma once
// What a model_type of Hugging Face means: the family, and what its config.json leaves to its defaults or says in its own way.

#include <string_view>
#include <vector>

#include "model/detail/config_reader.hpp"
#include "model/shape.hpp"

namespace rigcast::model::detail {

// Reads what only this model_type says; runs after the common keys.
using Quirk = void (*)(ConfigReader&, Shape&);

struct ModelType {
  std::string_view name;       // "qwen3_moe"
  std::string_view family;     // "qwen3moe"
  bool tied = false;           // where the file does not say
  Quirk quirk = nullptr;
};

const ModelType* find_model_type(std::string_view name);
std::vector<std::string> model_type_names();

// Sizes of a model_type's class; 0: that is said or it is unknown.
struct ClassDefaults {
  std::string_view type = {};
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0, vocab = 0, context = 0, window = 0;
};
const ClassDefaults& class_defaults(std::string_view type);

// layer_types and its relatives -> Shape::pattern; nothing where the file has none.
void read_pattern(ConfigReader& config, Shape& shape);

}  // namespace rigcast::model::detail
