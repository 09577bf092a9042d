#pragma once
// Model specs as people write them: catalogue names, Ollama tags, ids of Hugging Face, a format behind either. By rule and never by guess:
// what comes out is a name that the catalogue has.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.hpp"

namespace rigcast::model {

struct ModelSpec {
  std::string name, quant;   // "qwen3-32b" and "q4_k_m"; quant empty: none is named
};

// At the last colon that belongs to no path: "dir/config.json:fp8"; "C:\models" has none.
ModelSpec split_spec(std::string_view spec);

// Whether the spec of a model or a rig, whole or before a format, may name a file: it is written like a path, or there is a file of that
// name. Files come before the catalogue, also those made since; they may change at any time, and who must not read them must not name them.
bool may_name_a_file(std::string_view spec);

// The catalogue's name and the format that `spec` means:
//   qwen3-32b, qwen3-32b:q4_k_m     a name, exactly, and a format
//   qwen3:32b, gemma3:27b-q4_k_m    Ollama: what stands behind the colon is part of the name
//   Qwen/Qwen3-32B-AWQ              Hugging Face: an owner before it, the format behind it; hf.co/... alike
//   bartowski/Qwen_Qwen3-32B-GGUF   who makes files for others says before the name whose model it is
//   Llama-3.3-70B-Instruct          tuned versions have the shape of their base
//   qwen3-32b-q4_k_m, Qwen3-32B-GGUF  files and their repositories
//   通义千问3-32b                    makers' Chinese names of their models
// Nothing: no model of the catalogue is called so.
std::optional<ModelSpec> catalogue_spec(const catalog::Catalog& catalog, std::string_view spec);

// A text with makers' Chinese names of their models as the catalogue spells them: "千问3" -> "qwen3".
std::string in_latin(std::string name);

// Other names of a model of the catalogue, as its row lists them.
std::vector<std::string> other_names(const catalog::Catalog& catalog, std::string_view key);

// The catalogue's key nearest to what `spec` calls a model, of the same size where it names one. Empty: none is near.
std::string nearest_model(const catalog::Catalog& catalog, std::string_view spec);

}  // namespace rigcast::model
