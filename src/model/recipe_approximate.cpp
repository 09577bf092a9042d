#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "base/units.hpp"
#include "catalog/toml_reader.hpp"
#include "model/detail/formats.hpp"

namespace rigcast::model::detail {
namespace {

using catalog::Faults;
using catalog::TableReader;

constexpr const char* kScaledFile = "recipes/unsloth.toml";
constexpr const char* kKnownFile = "recipes/unsloth-files.toml";
constexpr const char* kMixesFile = "recipes/ik.toml";

// One row of recipes/unsloth.toml.
struct Scaled {
  std::string name, base;
  double dense = 1, experts = 1, delta = 1, delta_experts = 1, spread = 0;
};

Result<std::vector<Scaled>> read_scaled(const catalog::Catalog& catalog) {
  RC_ASSIGN(text, catalog.file(kScaledFile));
  RC_ASSIGN(document, catalog::parse_toml(text, kScaledFile));
  Faults faults(kScaledFile);
  TableReader root(document, faults);
  std::vector<Scaled> rows;
  for (TableReader& row : root.tables("recipe")) {
    TableReader ratio = row.table("ratio");
    rows.push_back({row.required_text("name"), row.required_text("base"), ratio.number("dense", 1), ratio.number("experts", 1),
                    ratio.number("delta", 1), ratio.number("delta_experts", 1), row.number("spread")});
    ratio.refuse_unknown();
    row.numbers("files");
    row.refuse_unknown();
  }
  RC_TRY(faults.result());
  return rows;
}

double ratio_for(const Scaled& row, const Architecture& a) {
  bool delta = false;
  for (const Layer& layer : a.layers) delta |= layer.recurrent.kind == RecurrentKind::gated_delta;
  if (a.has_experts()) return delta ? row.delta_experts : row.experts;
  return delta ? row.delta : row.dense;
}

// How large the model's file of this name is, where it was published and somebody printed it.
Result<std::optional<Bytes>> known_size(const catalog::Catalog& catalog, std::string_view model, std::string_view name) {
  RC_ASSIGN(text, catalog.file(kKnownFile));
  if (model.empty() || text.find('"' + std::string(model) + '"') == std::string_view::npos) return std::nullopt;   // most models: not worth parsing the file
  RC_ASSIGN(document, catalog::parse_toml(text, kKnownFile));
  Faults faults(kKnownFile);
  TableReader root(document, faults);
  std::optional<Bytes> size;
  for (TableReader& row : root.tables("file")) {
    const std::string of = row.required_text("model"), called = row.required_text("name"), printed = row.required_text("size");
    const auto bytes = parse_bytes(printed);
    if (!bytes) row.fault("size", "'" + printed + "' is no size");
    else if (of == model && called == name) size = *bytes;
    (void)row.provenance();
    row.refuse_unknown();
  }
  RC_TRY(faults.result());
  return size;
}

// A file whose size is known: the recipe it comes nearest to, with so many bytes.
Result<bool> apply_known(Formats& formats, Architecture& a, std::string_view name) {
  RC_ASSIGN(size, known_size(formats.catalog(), a.key, name));
  if (!size) return false;
  RC_ASSIGN(rows, read_scaled(formats.catalog()));
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Scaled& each) { return each.name == name; });
  const Ftype* base = find_ftype(row != rows.end() ? std::string_view(row->base) : name.substr(3));
  if (!base) return fail(ErrorKind::input, "no recipe is like '" + std::string(name) + "'", Where{kKnownFile});
  RC_TRY(apply_ftype(formats, a, *base, true));
  RC_TRY(scale_to(a, *size, std::string(name)));
  a.quant = std::string(name);
  a.notes.push_back(a.quant + " is as large as published; which of its tensors have which format is taken from " + std::string(base->name));
  return true;
}

Result<bool> apply_scaled(Formats& formats, Architecture& a, std::string_view name) {
  RC_ASSIGN(text, formats.catalog().file(kScaledFile));
  if (text.find('"' + std::string(name) + '"') == std::string_view::npos) return false;  // most names: not worth parsing the file
  RC_ASSIGN(rows, read_scaled(formats.catalog()));
  for (const Scaled& row : rows) {
    if (row.name != name) continue;
    const Ftype* base = find_ftype(row.base);
    if (!base) return fail(ErrorKind::input, "recipe '" + row.name + "' has the unknown base '" + row.base + "'", Where{kScaledFile});
    RC_TRY(apply_ftype(formats, a, *base, true));
    const Bytes before = a.weight_bytes();
    RC_TRY(scale_to(a, before * ratio_for(row, a), row.name));
    a.quant = row.name;
    a.notes.push_back(row.name + " differs from model to model: taken as " + row.base + " scaled to the size such files usually have, good to " +
                      format_significant(100 * row.spread, 2) + " %");
    return true;
  }
  return false;
}

// "IQ4_K_R4" -> "IQ4_K", the suffix that says how many rows are interleaved.
std::string_view without_interleave(std::string_view name) {
  const std::size_t at = name.rfind("_R");
  const bool digits = at != std::string_view::npos && at + 2 < name.size() && parse_int(name.substr(at + 2)).has_value();
  return digits ? name.substr(0, at) : name;
}

// Larger neighbours of ik_llama.cpp's formats.
Result<std::string> larger_than(const catalog::Catalog& catalog, std::string_view key) {
  RC_ASSIGN(text, catalog.file(kMixesFile));
  RC_ASSIGN(document, catalog::parse_toml(text, kMixesFile));
  const auto* larger = document["larger"].as_table();
  return larger ? (*larger)[key].value_or(std::string()) : std::string();
}

struct Mix {
  std::string base, larger;
};

// A row that a format's block does not divide takes one with blocks of 32.
Result<void> set_fitting(Formats& formats, Tensor& tensor, const std::string& key) {
  RC_ASSIGN(quant, formats.find(key));
  return set_format(formats, tensor, tensor.shape[0] % quant->block_elements == 0 ? key : "q8_0");
}

Result<void> apply_mix_to_experts(Formats& formats, Architecture& a, const Mix& mix) {
  for (Tensor& tensor : a.tensors) {
    if (!llama_quantizes(tensor)) RC_TRY(set_format(formats, tensor, llama_source_format(tensor, half_of(a))));
    else if (tensor.role != Role::expert_ffn) RC_TRY(set_format(formats, tensor, "q8_0"));
    else RC_TRY(set_fitting(formats, tensor, tensor.name.find("ffn_down") != std::string::npos ? mix.larger : mix.base));
  }
  return {};
}

Result<void> apply_mix_to_dense(Formats& formats, Architecture& a, const Mix& mix) {
  const int first = static_cast<int>(a.layers.size()) / 8;
  for (Tensor& tensor : a.tensors) {
    const bool value = tensor.name.find("attn_v.") != std::string::npos || tensor.name.find("attn_qkv.") != std::string::npos;
    const bool early_down = tensor.name.find("ffn_down.") != std::string::npos && tensor.layer < first;
    if (!llama_quantizes(tensor)) RC_TRY(set_format(formats, tensor, llama_source_format(tensor, half_of(a))));
    else if (tensor.role == Role::output_head || (a.tied_embeddings && tensor.role == Role::token_embedding)) RC_TRY(set_fitting(formats, tensor, "q6_k"));
    else RC_TRY(set_fitting(formats, tensor, value || early_down ? mix.larger : mix.base));
  }
  return {};
}

Result<bool> apply_mix(Formats& formats, Architecture& a, std::string_view name) {
  const std::string_view plain = without_interleave(name);
  const Ftype* ftype = find_ftype(plain);
  if (!ftype) ftype = find_ftype(std::string(plain) + "_M");
  if (ftype && plain != name) {  // interleaving changes no byte
    RC_TRY(apply_ftype(formats, a, *ftype, true));
    a.quant = std::string(name);
    return true;
  }
  const std::string key = to_lower(plain);
  RC_ASSIGN(larger, larger_than(formats.catalog(), key));
  if (larger.empty()) return false;
  const Mix mix{key, larger};
  RC_TRY(a.has_experts() ? apply_mix_to_experts(formats, a, mix) : apply_mix_to_dense(formats, a, mix));
  a.quant = std::string(name);
  a.notes.push_back(std::string(name) + ": makers mix formats freely under such names; taken as " + key + " with " + larger +
                    (a.has_experts() ? " for the experts' down projections and q8_0 elsewhere" : " for values and the first down projections"));
  return true;
}

}  // namespace

Result<bool> apply_approximate(Formats& formats, Architecture& a, std::string_view name) {
  if (name.substr(0, 3) == "UD-") {
    RC_ASSIGN(known, apply_known(formats, a, name));
    if (known) return true;
  }
  RC_ASSIGN(scaled, apply_scaled(formats, a, name));
  if (scaled) return true;
  // A dynamic recipe without published sizes: its base, for want of better.
  if (name.substr(0, 3) == "UD_" || name.substr(0, 3) == "UD-") {
    if (const Ftype* base = find_ftype(name.substr(3))) {
      RC_TRY(apply_ftype(formats, a, *base, true));
      a.quant = std::string(name);
      a.notes.push_back(std::string(name) + ": no published sizes of this dynamic recipe; taken as " + std::string(base->name));
      return true;
    }
  }
  return apply_mix(formats, a, name);
}

std::vector<std::string> approximate_names(const catalog::Catalog& catalog) {
  std::vector<std::string> names;
  if (const auto rows = read_scaled(catalog))
    for (const Scaled& row : *rows) names.push_back(row.name);
  return names;
}

}  // namespace rigcast::model::detail
