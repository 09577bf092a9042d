#include "model/read.hpp"

#include <optional>
#include <string>
#include <system_error>

#include "base/text.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;

// "dir/config.json:fp8" -> {"dir/config.json", "fp8"}; a colon before a path separator belongs to the path (C:\models).
struct Named {
  std::string_view name;
  std::string_view quant;
};

Named split_quant(std::string_view spec) {
  const std::size_t colon = spec.rfind(':');
  if (colon == std::string_view::npos || spec.substr(colon).find_first_of("/\\") != std::string_view::npos) return {spec, {}};
  return {spec.substr(0, colon), spec.substr(colon + 1)};
}

bool exists(std::string_view path) {
  std::error_code ignored;
  return !path.empty() && fs::exists(fs::path(path), ignored);
}

bool has_extension(std::string_view name, std::string_view extension) {
  return name.size() > extension.size() && equal_ignoring_case(name.substr(name.size() - extension.size()), extension);
}

// Whether the user meant a file, though it is not there.
bool looks_like_path(std::string_view name) {
  return name.find_first_of("/\\") != std::string_view::npos || has_extension(name, ".gguf") || has_extension(name, ".safetensors") || has_extension(name, ".json");
}

Result<Architecture> read_gguf_model(const catalog::Catalog& catalog, const Named& named) {
  if (!named.quant.empty())
    return fail(ErrorKind::input, "a GGUF file is already in its format; ':" + std::string(named.quant) + "' cannot change it (name the model by its catalogue key for another format)",
                Where{std::string(named.name)});
  RC_ASSIGN(gguf, read_gguf(fs::path(named.name), [&](int type) { return catalog.quant_of_ggml_type(type); }));
  return architecture_of_gguf(gguf);
}

Result<Architecture> read_path(const catalog::Catalog& catalog, const Named& named) {
  if (has_extension(named.name, ".gguf")) return read_gguf_model(catalog, named);
  return fail(ErrorKind::unsupported, "is neither a .gguf file, a .safetensors file, a folder of them, nor a config.json", Where{std::string(named.name)});
}

}  // namespace

Result<Architecture> read_model(const catalog::Catalog& catalog, std::string_view spec) {
  if (trim(spec).empty()) return fail(ErrorKind::input, "no model is named");
  if (exists(spec)) return read_path(catalog, {spec, {}});
  const Named named = split_quant(spec);
  if (exists(named.name)) return read_path(catalog, named);
  if (looks_like_path(named.name)) return fail(ErrorKind::not_found, "no such file or folder", Where{std::string(named.name)});
  return architecture_from_catalogue(catalog, named.name, named.quant);
}

}  // namespace rigcast::model
