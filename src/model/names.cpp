#include "model/names.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

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

constexpr std::array<std::string_view, 5> kSites = {"https://", "hf.co/", "huggingface.co/", "www.modelscope.cn/models/", "modelscope.cn/models/"};

// Words that say how a model was tuned and not what it is.
constexpr std::array<std::string_view, 5> kTuned = {"instruct", "chat", "it", "hf", "meta"};

bool is_tuned(std::string_view word) { return std::find(kTuned.begin(), kTuned.end(), to_lower(word)) != kTuned.end(); }

// "Meta-Llama-3.1-70B-Instruct-AWQ" -> "Llama-3.1-70B-AWQ".
std::string untuned(std::string_view name) {
  std::string out;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find_first_of("-_ ", begin), name.size());
    if (const std::string_view word = name.substr(begin, end - begin); !is_tuned(word)) {
      if (!out.empty()) out += name[begin - 1];
      out += word;
    }
    begin = end + 1;
  }
  return out;
}

// "72b", "1.5b"
bool is_size(std::string_view word) { return word.size() > 1 && word.back() == 'b' && parse_double(word.substr(0, word.size() - 1)).has_value(); }

}  // namespace

std::string in_latin(std::string name) {
  for (const auto& [chinese, latin] : kChineseNames) {
    if (const std::size_t at = name.find(chinese); at != std::string::npos) {   // "智谱 glm-4.5-air" says it twice
      const std::string rest(trim(std::string_view(name).substr(at + chinese.size())));
      if (to_lower(rest).starts_with(latin)) name = name.substr(0, at) + rest;
    }
    name = replace_all(std::move(name), chinese, latin);
  }
  return name;
}

namespace {

// Without the owner before it and the kind of file behind it, in the names of the catalogue.
std::string plain_name(std::string_view name) {
  for (const std::string_view site : kSites)
    if (name.starts_with(site)) name.remove_prefix(site.size());
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos && slash > 0 && name.front() != '.' && name.front() != '~') name.remove_prefix(slash + 1);
  if (ends_with_ignoring_case(name, "gguf") && std::string_view("-_ ").find(name[name.size() - 5]) != std::string_view::npos) name.remove_suffix(5);
  return in_latin(std::string(trim(name)));
}

// "Qwen_Qwen3-32B" -> "Qwen3-32B": who makes files for others may say before their names whose models they are. Empty: nobody is named so.
std::string without_maker(std::string_view name) {
  const std::size_t at = name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
  return at == std::string_view::npos || at == 0 || name[at] != '_' ? std::string() : std::string(name.substr(at + 1));
}

}  // namespace

ModelSpec split_spec(std::string_view spec) {
  const std::size_t colon = spec.rfind(':');
  if (colon == std::string_view::npos || spec.substr(colon).find_first_of("/\\") != std::string_view::npos) return {std::string(spec), {}};
  return {std::string(spec.substr(0, colon)), std::string(spec.substr(colon + 1))};
}

bool may_name_a_file(std::string_view spec) {
  const auto is_there = [](std::string_view name) {   // asked of every model and rig of a server's questions
    std::error_code ignored;
    const std::size_t colon = name.rfind(':');
    return std::filesystem::exists(name, ignored) || (colon != std::string_view::npos && std::filesystem::exists(name.substr(0, colon), ignored));
  };
  const std::string_view bare = trim(spec);
  if (bare.find_first_of("/\\") != std::string_view::npos || bare.ends_with(".toml")) return true;   // rigs: read whatever else stands there
  return is_there(spec) || (bare.size() < spec.size() && is_there(bare));
}

std::optional<ModelSpec> catalogue_spec(const catalog::Catalog& catalog, std::string_view spec) {
  const auto known = [&](std::string_view name) { return catalog.has(catalog::Kind::model, name); };
  if (known(spec)) return ModelSpec{std::string(spec), {}};
  const ModelSpec named = split_spec(spec);
  const std::string tagged = named.quant.empty() ? named.name : named.name + '-' + named.quant;
  if (!named.quant.empty() && known(tagged)) return ModelSpec{tagged, {}};
  if (known(named.name)) return named;
  const std::string whole = plain_name(tagged), part = plain_name(named.name);
  std::vector<std::pair<std::string, std::string>> readings = {{whole, {}}, {part, named.quant}, {untuned(whole), {}}, {untuned(part), named.quant}};
  for (const auto& [name, quant] : {std::pair{without_maker(whole), std::string()}, {without_maker(part), named.quant}})
    if (!name.empty()) readings.insert(readings.end(), {{name, quant}, {untuned(name), quant}});
  for (const auto& [name, quant] : readings) {
    if (known(name)) return ModelSpec{name, quant};
    if (!quant.empty()) continue;
    for (std::size_t cut = name.find_first_of("-_ "); cut != std::string::npos; cut = name.find_first_of("-_ ", cut + 1))
      if (known(name.substr(0, cut)) && is_recipe(catalog, name.substr(cut + 1))) return ModelSpec{name.substr(0, cut), name.substr(cut + 1)};
  }
  return std::nullopt;
}

std::string nearest_model(const catalog::Catalog& catalog, std::string_view spec) {
  const ModelSpec named = split_spec(spec);
  const std::string name = untuned(plain_name(named.quant.empty() || is_recipe(catalog, named.quant) ? named.name : named.name + '-' + named.quant));
  const std::string folded = fold_name(name);
  std::string wanted, size;
  for (const std::string_view word : split(folded, '-')) {
    if (is_size(word) && size.empty()) size = word;
    if (word.empty() || word == "qat" || is_recipe(catalog, word)) continue;
    wanted += (wanted.empty() ? "" : "-") + std::string(word);
  }
  std::string found = size.empty() ? std::string() : catalog.nearest(catalog::Kind::model, wanted, size);
  return found.empty() ? catalog.nearest(catalog::Kind::model, wanted) : found;
}

}  // namespace rigcast::model
