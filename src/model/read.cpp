#include "model/read.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "model/byte_window.hpp"
#include "model/config.hpp"
#include "model/detail/llama_recipe.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"
#include "model/safetensors.hpp"
#include "model/safetensors_architecture.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;

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

// What llama-quantize would make of a file of 16 or 32 bits: a model that lies on no disk yet.
Result<Architecture> requantized(const catalog::Catalog& catalog, Architecture a, const ModelSpec& named) {
  if (!a.is_unquantized())
    return fail(ErrorKind::input, "a GGUF file is already in its format; ':" + named.quant + "' cannot change it (name the model by its catalogue key for another format)",
                Where{named.name});
  const auto is_half = [](const Tensor& t) { return t.quant == "f16"; };
  if (std::any_of(a.tensors.begin(), a.tensors.end(), is_half)) a.half = "f16";
  const std::vector<Tensor> as_converted = a.tensors;
  RC_TRY(apply_quant(catalog, a, named.quant));
  for (std::size_t i = 0; i < a.tensors.size(); ++i)   // what the quantiser leaves alone stays as this file has it
    if (!detail::llama_quantizes(as_converted[i], a.family)) a.tensors[i] = as_converted[i];
  a.notes.push_back("The file is not in this format yet: its tensors are counted as the recipe would make them.");
  a.key += "-" + a.quant;
  a.file.clear();
  a.origin = Origin::catalogue;
  return a;
}

Result<Architecture> read_gguf_model(const catalog::Catalog& catalog, const ModelSpec& named) {
  RC_ASSIGN(gguf, read_gguf(fs::path(named.name), [&](int type) { return catalog.quant_of_ggml_type(type); }));
  RC_ASSIGN(architecture, architecture_of_gguf(gguf));
  if (named.quant.empty()) return architecture;
  return requantized(catalog, std::move(architecture), named);
}

constexpr std::uint64_t kLongestConfig = 16 * 1024 * 1024;  // real ones are a few kB; some list every module by name

Result<Architecture> read_config_file(const catalog::Catalog& catalog, const fs::path& file, std::string_view quant) {
  RC_ASSIGN(window, ByteWindow::open(file));
  if (window.size() > kLongestConfig) return window.fail_at(0, "is longer than 16 MiB: no config.json is");
  RC_ASSIGN(text, window.read(window.size(), "the config"));
  return architecture_from_config(catalog, text, file.string(), quant);
}

// The files of a folder that end so, in order of name.
std::vector<std::string> files_ending(const fs::path& folder, std::string_view extension) {
  std::vector<std::string> names;
  std::error_code problem;
  for (auto entry = fs::directory_iterator(folder, problem); !problem && entry != fs::directory_iterator(); entry.increment(problem))
    if (has_extension(entry->path().filename().string(), extension)) names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// `files` is a .safetensors file or a folder of them, `config` says what they are.
Result<Architecture> read_checkpoint(const catalog::Catalog& catalog, const fs::path& files, const fs::path& config) {
  if (!exists(config.string()))
    return fail(ErrorKind::input, "has no config.json beside it: a safetensors file says what weighs how much, not how it works", Where{files.string()});
  RC_ASSIGN(structure, read_config_file(catalog, config, {}));
  RC_ASSIGN(headers, read_safetensors(files));
  return architecture_of_safetensors(headers, std::move(structure));
}

Result<Architecture> read_folder(const catalog::Catalog& catalog, const ModelSpec& named) {
  const fs::path folder(named.name), config = folder / "config.json";
  if (!exists(config.string())) {
    const std::vector<std::string> ggufs = files_ending(folder, ".gguf");
    if (ggufs.empty()) return fail(ErrorKind::not_found, "holds no config.json", Where{folder.string()});
    return fail(ErrorKind::input, "holds no config.json; name one of its files: " + join(ggufs, ", "), Where{folder.string()});
  }
  // Another format than that of the files is a question about the shape.
  if (!named.quant.empty() || files_ending(folder, ".safetensors").empty()) return read_config_file(catalog, config, named.quant);
  return read_checkpoint(catalog, folder, config);
}

Result<Architecture> read_path(const catalog::Catalog& catalog, const ModelSpec& named) {
  const fs::path path(named.name);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return read_folder(catalog, named);
  if (has_extension(named.name, ".gguf")) return read_gguf_model(catalog, named);
  if (has_extension(named.name, ".index.json")) return fail(ErrorKind::input, "is the index of a checkpoint; name its folder", Where{path.string()}, "", path.parent_path().string());
  if (has_extension(named.name, ".json")) return read_config_file(catalog, path, named.quant);
  if (has_extension(named.name, ".safetensors")) {
    const fs::path config = path.parent_path() / "config.json";
    return named.quant.empty() || !exists(config.string()) ? read_checkpoint(catalog, path, config) : read_config_file(catalog, config, named.quant);
  }
  return fail(ErrorKind::unsupported, "is neither a .gguf file, a .safetensors file, a folder of them, nor a config.json", Where{path.string()});
}

// A format that is no such, where a model stands before it: the nearest with that model, which can be typed as it stands.
Result<Architecture> of_model(const std::string& name, Result<Architecture> read) {
  if (read || read.error().field != "quant" || read.error().nearest.empty()) return read;
  read.error().nearest = name + ':' + to_lower(read.error().nearest);
  return read;
}

// What `spec` names among files; nothing where it is a name of the catalogue.
std::optional<Result<Architecture>> read_file(const catalog::Catalog& catalog, std::string_view spec, const ModelSpec& named) {
  if (trim(spec).empty()) return fail(ErrorKind::input, "no model is named");
  if (exists(spec)) return read_path(catalog, {std::string(spec), {}});
  if (exists(named.name)) return of_model(named.name, read_path(catalog, named));
  return std::nullopt;
}

// An id of Hugging Face looks like a path, too.
tl::unexpected<Error> no_such_file(const catalog::Catalog& catalog, const ModelSpec& named) {
  const bool elsewhere = named.name.find_first_of("/.~\\") == 0;
  // What a file is called tells which model it holds, and in which format.
  if (has_extension(named.name, ".gguf"))
    if (const auto known = catalogue_spec(catalog, fs::path(named.name).stem().string()))
      return fail(ErrorKind::not_found, "no such file or folder", Where{named.name}, "", nearest_model(catalog, known->name) + (known->quant.empty() ? "" : ":" + to_lower(known->quant)));
  return fail(ErrorKind::not_found, "no such file or folder", Where{named.name}, "", elsewhere ? std::string() : nearest_model(catalog, named.name));
}

// "q4_k_m", "q4km", ":fp8": what stands behind a model. Nothing: it is no format's name.
std::optional<Error> format_alone(const catalog::Catalog& catalog, std::string_view spec) {
  constexpr const char* kExample = "qwen3-32b";   // the model of the program's own examples
  const std::string format(trim(trim(spec).substr(trim(spec).starts_with(':') ? 1 : 0)));
  const std::string recipe = is_recipe(catalog, format) ? format : meant_recipe(catalog, format);
  if (recipe.empty()) return std::nullopt;
  return Error{ErrorKind::not_found, "'" + format + "' is a format: a model stands before it", Where{}, "model", std::string(kExample) + ':' + to_lower(recipe)};
}

// The catalogue's name of it. Errors: no such file or model.
Result<ModelSpec> named_in_catalogue(const catalog::Catalog& catalog, std::string_view spec, const ModelSpec& named) {
  if (auto found = catalogue_spec(catalog, spec)) return *std::move(found);
  if (looks_like_path(named.name)) return no_such_file(catalog, named);
  if (catalog.has(catalog::Kind::device, trim(spec))) return fail(ErrorKind::not_found, "'" + std::string(trim(spec)) + "' is a device, no model: it stands behind --on", Where{}, "model");
  if (auto format = format_alone(catalog, spec)) return tl::unexpected<Error>(std::move(*format));
  return fail(ErrorKind::not_found, "no model is called '" + std::string(trim(spec)) + "'", Where{}, "model", nearest_model(catalog, spec));
}

}  // namespace

Result<Architecture> read_model(const catalog::Catalog& catalog, std::string_view spec, KnownBases* bases) {
  const ModelSpec named = split_spec(spec);
  if (auto file = read_file(catalog, spec, named)) return std::move(*file);
  RC_ASSIGN(known, named_in_catalogue(catalog, spec, named));
  if (!bases) return of_model(known.name, architecture_from_catalogue(catalog, known.name, known.quant));
  const auto base = bases->find(catalog, known.name);
  if (!*base) return tl::unexpected<Error>(base->error());
  return of_model(known.name, in_format(catalog, **base, known.quant));
}

Result<Architecture> ModelReader::read(std::string_view spec) {
  const ModelSpec named = split_spec(spec);
  if (auto file = read_file(catalog_, spec, named)) return std::move(*file);
  if (looks_like_path(named.name)) return no_such_file(catalog_, named);
  return read_known(named);
}

Result<Architecture> ModelReader::read_known(const ModelSpec& named) {
  const auto base = bases_->find(catalog_, named.name);
  if (!*base) return tl::unexpected<Error>(base->error());
  return in_format(catalog_, **base, named.quant);
}

std::shared_ptr<const Result<Base>> KnownBases::find(const catalog::Catalog& catalog, std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_name_.find(name); known != by_name_.end()) return known->second;
  }
  auto base = std::make_shared<const Result<Base>>(base_from_catalogue(catalog, name));   // outside the lock: others need not wait for it
  const std::lock_guard lock(mutex_);
  if (by_name_.size() >= kMost) by_name_.clear();
  return by_name_.insert_or_assign(std::string(name), std::move(base)).first->second;
}

void KnownBases::clear() {
  const std::lock_guard lock(mutex_);
  by_name_.clear();
}

}  // namespace rigcast::model
