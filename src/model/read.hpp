#pragma once
// From what the user names to an Architecture.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"
#include "model/names.hpp"
#include "model/shape.hpp"

namespace rigcast::model {

// Models of one catalogue whose tensors have been listed, each once for all its formats. May be used by several threads.
class KnownBases {
 public:
  std::shared_ptr<const Result<Base>> find(const catalog::Catalog& catalog, std::string_view name);   // name: as it stands in the catalogue
  void clear();

 private:
  static constexpr std::size_t kMost = 64;   // all are forgotten when there are more
  std::mutex mutex_;                         // guards what follows
  std::map<std::string, std::shared_ptr<const Result<Base>>, std::less<>> by_name_;
};

// `spec` is a path to a .gguf (single, or the first of -00001-of-0000N), a safetensors folder or file, a config.json, or a catalogue
// key or alias; each but GGUF takes an optional ":quant" ("qwen3-8b:q4_k_m", "llama-3.3-70b:awq", "dir/config.json:fp8").
// Without one, a shape takes its native format. Reads headers only, never weights.
// Errors: not_found with nearest names; input with file and byte offset for damaged files; unsupported for structure nobody taught us.
// `bases`: of the same catalogue, to look in and to add to; nullptr: nothing is remembered.
Result<Architecture> read_model(const catalog::Catalog& catalog, std::string_view spec, KnownBases* bases = nullptr);

// As read_model, for many specs of few models. Names are taken as they stand.
class ModelReader {
 public:
  // `shared`: bases that others read, too, and that stay; nullptr: its own.
  explicit ModelReader(const catalog::Catalog& catalog, std::shared_ptr<KnownBases> shared = nullptr)
      : catalog_(catalog), shared_(shared != nullptr), bases_(shared ? std::move(shared) : std::make_shared<KnownBases>()) {}
  Result<Architecture> read(std::string_view spec);
  Result<Architecture> read_known(const ModelSpec& known);   // a name of the catalogue, whatever file is called so
  void forget() { if (!shared_) bases_->clear(); }

 private:
  const catalog::Catalog& catalog_;
  bool shared_;
  std::shared_ptr<KnownBases> bases_;
};

}  // namespace rigcast::model
