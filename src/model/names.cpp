#include "model/names.hpp"

#include <array>
#include <utility>

#include "base/text.hpp"
#include "model/recipe.hpp"

namespace rigcast::model {
namespace {

// Longer names before those they begin with.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kChineseNames = {{{"通义千问", "qwen"}, {"千问", "qwen"}, {"深度求索", "deepseek"}, {"智谱", "glm"},
                                                                                        {"混元", "hunyuan"}, {"书生", "internlm"}, {"文心", "ernie"}, {"盘古", "pangu"},
                                                                                        {"星辰", "telechat"}}};

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() > end.size() && equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

// Without the owner before it and the kind of file behind it, in the names of the catalogue.
std::string plain_name(std::string_view name) {
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos && slash > 0 && name.front() != '.' && name.front() != '~') name.remove_prefix(slash + 1);
  if (ends_with_ignoring_case(name, "gguf") && std::string_view("-_ ").find(name[name.size() - 5]) != std::string_view::npos) name.remove_suffix(5);
  std::string out(trim(name));
  for (const auto& [chinese, latin] : kChineseNames) out = replace_all(std::move(out), chinese, latin);
  return out;
}

}  // namespace

ModelSpec split_spec(std::string_view spec) {
  const std::size_t colon = spec.rfind(':');
  if (colon == std::string_view::npos || spec.substr(colon).find_first_of("/\\") != std::string_view::npos) return {std::string(spec), {}};
  return {std::string(spec.substr(0, colon)), std::string(spec.substr(colon + 1))};
}

std::optional<ModelSpec> catalogue_spec(const catalog::Catalog& catalog, std::string_view spec) {
  const auto known = [&](std::string_view name) { return catalog.has(catalog::Kind::model, name); };
  if (known(spec)) return ModelSpec{std::string(spec), {}};
  const ModelSpec named = split_spec(spec);
  const std::string tagged = named.quant.empty() ? named.name : named.name + '-' + named.quant;
  if (!named.quant.empty() && known(tagged)) return ModelSpec{tagged, {}};
  if (known(named.name)) return named;
  for (const auto& [written, quant] : {std::pair{tagged, std::string()}, {named.name, named.quant}}) {
    const std::string name = plain_name(written);
    if (known(name)) return ModelSpec{name, quant};
    if (!quant.empty()) continue;
    for (std::size_t cut = name.find_first_of("-_ "); cut != std::string::npos; cut = name.find_first_of("-_ ", cut + 1))
      if (known(name.substr(0, cut)) && is_recipe(catalog, name.substr(cut + 1))) return ModelSpec{name.substr(0, cut), name.substr(cut + 1)};
  }
  return std::nullopt;
}

}  // namespace rigcast::model
