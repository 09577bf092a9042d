#pragma once
// From what the user names to an Architecture.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"
#include "model/shape.hpp"

namespace rigcast::model {

// `spec` is a path to a .gguf (single, or the first of -00001-of-0000N), a safetensors folder or file, a config.json, or a catalogue
// key or alias; each but GGUF takes an optional ":quant" ("qwen3-8b:q4_k_m", "llama-3.3-70b:awq", "dir/config.json:fp8").
// Without one, a shape takes its native format. Reads headers only, never weights.
// Errors: not_found with nearest names; input with file and byte offset for damaged files; unsupported for structure nobody taught us.
Result<Architecture> read_model(const catalog::Catalog& catalog, std::string_view spec);

// The same for many specs of few models: a catalogue model's tensors are listed once for all its formats. Names are taken as they stand.
class ModelReader {
 public:
  explicit ModelReader(const catalog::Catalog& catalog) : catalog_(catalog) {}
  Result<Architecture> read(std::string_view spec);   // as read_model
  void forget() { bases_.clear(); }

 private:
  const catalog::Catalog& catalog_;
  std::map<std::string, Result<Base>, std::less<>> bases_;   // by name
};

}  // namespace rigcast::model
