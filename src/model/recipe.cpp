#include "model/recipe.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/detail/formats.hpp"

namespace rigcast::model {
namespace {

using catalog::Quant;
using detail::apply_ftype;
using detail::Formats;
using detail::half_of;
using detail::scale_to;
using detail::set_format;

// Which matrices a recipe of the other engines quantises.
struct Reach {
  bool attention = true, recurrent = true, dense = true, experts = true, shared = true;
  bool embedding = false, head = false, router = false, tables = false;
};

bool reaches(const Reach& reach, const Tensor& tensor) {
  if (tensor.shape[1] == 1 || tensor.name.find("conv") != std::string::npos) return false;
  switch (tensor.role) {
    case Role::attention: return reach.attention;
    case Role::recurrent: return reach.recurrent;
    case Role::dense_ffn: return reach.dense;
    case Role::expert_ffn: return reach.experts;
    case Role::shared_expert_ffn: return reach.shared;
    case Role::token_embedding: return reach.embedding;
    case Role::output_head: return reach.head;
    case Role::router: return reach.router;
    case Role::per_layer_embedding: return reach.tables;
    default: return false;
  }
}

// A recipe of the other engines: one format for the matrices it reaches, 16 bits for the rest.
struct Plain {
  std::string_view name;     // folded
  std::string_view quant;
  Reach reach = {};
  std::string_view head = {};  // format of the head where it has one of its own
};

constexpr Reach kLinear{};
constexpr Reach kExpertsOnly{.attention = false, .recurrent = false, .dense = false, .shared = false};
constexpr Reach kEverything{.embedding = true, .head = true, .router = true};
constexpr Reach kLinearAndHead{.head = true};
constexpr Reach kFeedForward{.attention = false, .recurrent = false};

// Sources: quantization_config of published checkpoints (DeepSeek-V3, Qwen3-FP8, gpt-oss, nvidia/*-NVFP4, RedHatAI/*, mlx-community/*),
// read 2026-11. modules_to_not_convert and ignore lists of single checkpoints are read from their own config.json.
constexpr std::array kPlain = {
    Plain{"fp8", "fp8_e4m3_channel", kLinear},          Plain{"fp8-dynamic", "fp8_e4m3_channel", kLinear},
    Plain{"fp8-block", "fp8_e4m3_block128", kLinear},    Plain{"fp8-tensor", "fp8_e4m3", kLinear},
    Plain{"w8a8", "int8_channel", kLinear},              Plain{"int8", "int8_channel", kLinear},
    Plain{"w8a16", "int8_channel", kLinear},             Plain{"w4a8", "int4_channel", kLinear},
    Plain{"awq", "awq_int4_g128", kLinear},              Plain{"gptq", "gptq_int4_g128", kLinear},
    Plain{"gptq-int4", "gptq_int4_g128", kLinear},       Plain{"gptq-int8", "gptq_int8_g128", kLinear},
    Plain{"awq-int4", "awq_int4_g128", kLinear},         Plain{"w4a16", "int4_g128", kLinear},
    Plain{"int4", "int4_g128", kLinear},                 Plain{"int4-experts-g32", "int4_g32", kExpertsOnly},
    Plain{"nvfp4", "nvfp4", kLinear},                    Plain{"nvfp4-ffn", "nvfp4", kFeedForward},
    Plain{"nvfp4-experts", "nvfp4", kExpertsOnly},
    Plain{"mxfp4", "mxfp4", kExpertsOnly},               Plain{"mxfp4-all", "mxfp4", kLinear},
    Plain{"mxfp8", "mxfp8", kLinear},                    Plain{"mxfp6", "mxfp6", kLinear},
    Plain{"nf4", "nf4", kLinear},                        Plain{"bnb-4bit", "nf4_double", kLinear},
    Plain{"bnb-8bit", "bnb_int8", kLinear},              Plain{"hqq", "hqq_4bit_g64", kLinear},
};

Result<void> apply_reach(Formats& formats, Architecture& a, std::string_view quant, const Reach& reach, std::string_view head = {}) {
  const std::string half = half_of(a);
  for (Tensor& tensor : a.tensors) {
    const bool in = reaches(reach, tensor);
    std::string_view key = in ? quant : tensor.shape[1] > 1 || tensor.role == Role::norm ? std::string_view(half) : "f32";
    if (in && tensor.role == Role::output_head && !head.empty()) key = head;
    if (tensor.role == Role::norm || tensor.role == Role::other) key = half;
    RC_TRY(set_format(formats, tensor, key));
  }
  return {};
}

// The ftype whose mean is nearest to so many bits a weight: its kernels will run.
Result<void> apply_mean(Formats& formats, Architecture& a, double bits, const std::string& what) {
  if (bits < 1 || bits > 32) return fail(ErrorKind::input, "'" + what + "': bits for each weight must lie between 1 and 32");
  constexpr std::array kLadder = {std::pair{"IQ1_S", 1.9},  std::pair{"IQ2_XS", 2.5}, std::pair{"Q2_K", 3.2}, std::pair{"Q3_K_M", 4.0},
                                  std::pair{"Q4_K_M", 4.9}, std::pair{"Q5_K_M", 5.7}, std::pair{"Q6_K", 6.6}, std::pair{"Q8_0", 8.5}};
  const auto nearest = std::min_element(kLadder.begin(), kLadder.end(), [&](const auto& x, const auto& y) {
    return std::abs(x.second - bits) < std::abs(y.second - bits);
  });
  if (bits > 12) return apply_ftype(formats, a, *detail::find_ftype(bits > 24 ? "F32" : "BF16"), false);
  RC_TRY(apply_ftype(formats, a, *detail::find_ftype(nearest->first), false));
  RC_TRY(scale_to(a, Bytes(a.elements() * bits / 8), what));
  a.notes.push_back(what + ": formats as in " + nearest->first + ", bytes scaled to the mean asked for");
  return {};
}

std::optional<double> number_before(std::string_view text, std::string_view unit) {
  if (text.size() <= unit.size() || text.substr(text.size() - unit.size()) != unit) return std::nullopt;
  return parse_double(trim(text.substr(0, text.size() - unit.size())));
}

// "4.5bpw" and "23.4 GiB"; nullopt: neither.
std::optional<Result<void>> apply_size(Formats& formats, Architecture& a, std::string_view text) {
  const std::string lower = to_lower(text);
  if (const auto bits = number_before(lower, "bpw")) return apply_mean(formats, a, *bits, std::string(text));
  const bool sized = lower.size() > 2 && lower.back() == 'b' && lower.front() >= '0' && lower.front() <= '9';
  if (!sized) return std::nullopt;
  const auto bytes = parse_bytes(text);
  if (!bytes) return std::nullopt;
  return apply_mean(formats, a, bytes->value() * 8 / a.elements(), std::string(text));
}

// A head of its own for a model that ties it to the embedding, and back.
void copy_head(Architecture& a) {
  const auto table = std::find_if(a.tensors.begin(), a.tensors.end(), [](const Tensor& t) { return t.name == "token_embd.weight"; });
  if (!a.tied_embeddings || table == a.tensors.end()) return;
  Tensor head = *table;
  head.name = "output.weight", head.role = Role::output_head, head.layer = static_cast<int>(a.layers.size());
  a.tensors.push_back(std::move(head));
  a.tied_embeddings = false, a.copied_head = true;
}
void drop_copied_head(Architecture& a) {
  if (!a.copied_head) return;
  std::erase_if(a.tensors, [](const Tensor& t) { return t.role == Role::output_head; });
  a.tied_embeddings = true, a.copied_head = false;
}

// EXL2 and EXL3 reach their mean with matrices of different whole bits; the head has six, the embedding stays in 16 on the host. Models that tie
// the two have both in their files: the head is made from the embedding (exllamav3/architecture/gemma3.py and llama.py: alt_key, 2026-11).
std::optional<Result<void>> apply_exl(Formats& formats, Architecture& a, std::string_view folded) {
  const bool two = folded.substr(0, 4) == "exl2", three = folded.substr(0, 4) == "exl3";
  if (!two && !three) return std::nullopt;
  std::string_view rest = folded.substr(4);
  while (!rest.empty() && (rest.front() == '-' || rest.front() == '_')) rest.remove_prefix(1);
  const auto bits = rest.empty() ? std::optional(4.0) : number_before(rest, "bpw").has_value() ? number_before(rest, "bpw") : parse_double(rest);
  if (!bits || *bits < 1 || *bits > 8) return std::nullopt;
  const int whole = static_cast<int>(std::lround(*bits)) == 7 && two ? 8 : std::max(two ? 2 : 1, static_cast<int>(std::lround(*bits)));
  const std::string name = std::string(folded.substr(0, 4)) + "_";
  const std::string head = name + "6";
  copy_head(a);
  if (auto done = apply_reach(formats, a, name + std::to_string(whole), kLinearAndHead, head); !done) return done;
  for (Tensor& t : a.tensors)
    if (reaches(kLinear, t)) t.bytes = Bytes(std::round(static_cast<double>(t.elements()) * *bits / 8));
  return Result<void>{};
}

// "mlx-4bit", "mlx-4bit-g32", "4bit": embeddings and head too. DWQ chooses scales by distillation, in the same format; four bits where nothing is said.
std::optional<Result<void>> apply_mlx(Formats& formats, Architecture& a, std::string_view folded) {
  if (folded == "mlx-dwq") folded = "mlx-4bit";
  if (folded.substr(0, 4) == "mlx-") folded.remove_prefix(4);
  if (folded.ends_with("-dwq")) folded.remove_suffix(4);
  const std::size_t bit = folded.find("bit");
  if (bit != 1 || folded[0] < '2' || folded[0] > '8') return std::nullopt;
  std::string_view group = folded.substr(4);
  if (!group.empty() && group.front() == '-') group.remove_prefix(1);
  const std::string key = "mlx_" + std::string(folded.substr(0, 1)) + "bit_" + (group.empty() ? "g64" : std::string(group));
  if (!formats.find(key)) return std::nullopt;
  return apply_reach(formats, a, key, kEverything);
}

// A recipe of llama.cpp with embeddings and head in eight bits, as bartowski's and Unsloth's files of these names are made
// (https://huggingface.co/bartowski/Qwen_Qwen3-32B-GGUF: "uses Q8_0 for embed and output weights").
constexpr std::array kLargeEnds = {std::pair{"Q2_K_L", "Q2_K"},   std::pair{"Q3_K_XL", "Q3_K_L"}, std::pair{"Q4_K_L", "Q4_K_M"},
                                   std::pair{"Q5_K_L", "Q5_K_M"}, std::pair{"Q6_K_L", "Q6_K"}};

Result<bool> apply_ends(Formats& formats, Architecture& a, const char* recipe, std::string_view format, bool imatrix) {
  const std::string name = a.quant;
  RC_TRY(apply_ftype(formats, a, *detail::find_ftype(recipe), imatrix));
  const auto at_an_end = [&](Role role) { return role == Role::token_embedding || role == Role::output_head || (role == Role::per_layer_embedding && format == "q4_0"); };
  for (Tensor& tensor : a.tensors)
    if (tensor.shape[1] > 1 && at_an_end(tensor.role)) RC_TRY(set_format(formats, tensor, format));
  a.quant = name;
  return true;
}

Result<bool> apply_large_ends(Formats& formats, Architecture& a, std::string_view ftype) {
  for (const auto& [name, recipe] : kLargeEnds)
    if (ftype == name) return apply_ends(formats, a, recipe, "q8_0", true);
  // Trained for Q4_0, published with the embedding in 16 bits (https://huggingface.co/google/gemma-3-27b-it-qat-q4_0-gguf: 17.2 GB); of Gemma 4
  // in Q4_0, too (6.24 GiB of 12B, 13.26 of 26B-A4B: printed by llama-bench, 2026-09).
  if (ftype == "Q4_0_QAT" || ftype == "QAT_Q4_0") return apply_ends(formats, a, "Q4_0", a.family == "gemma4" ? "q4_0" : "f16", false);
  return false;
}

// What people mean by whole bits alone: the recipe most files of so many are made with.
constexpr std::array kWholeBits = {std::pair{"q2", "Q2_K"},   std::pair{"q3", "Q3_K_M"}, std::pair{"q4", "Q4_K_M"},
                                   std::pair{"q5", "Q5_K_M"}, std::pair{"q6", "Q6_K"},   std::pair{"q8", "Q8_0"}};

std::string without_signs(std::string_view name) { return replace_all(fold_name(name), "-", ""); }

Result<void> unknown(const catalog::Catalog& catalog, std::string_view text) {
  std::string near = meant_recipe(catalog, text);
  if (near.empty()) near = nearest_name(text, recipe_names(catalog));
  return tl::unexpected<Error>(Error{ErrorKind::not_found, "no recipe or format '" + std::string(text) + "'", {}, "quant", std::move(near)});
}

// The names by which checkpoints and catalogue rows say how they were published.
Result<bool> apply_native(Formats& formats, Architecture& a, std::string_view folded) {
  if (folded == "mxfp4-moe-bf16") {
    RC_TRY(apply_reach(formats, a, "mxfp4", kExpertsOnly));
    return true;
  }
  if (folded == "fp8-block-mxfp4-experts") {  // DeepSeek V4: what joins tokens, an indexer's keys and weights in 16 bits, what mixes streams in 32
    RC_TRY(apply_reach(formats, a, "fp8_e4m3_block128", kLinear));
    for (Tensor& tensor : a.tensors) {
      const auto has = [&](std::string_view part) { return tensor.name.find(part) != std::string::npos; };
      if (tensor.role == Role::expert_ffn) RC_TRY(set_format(formats, tensor, "mxfp4"));
      else if (tensor.role == Role::per_layer_embedding) RC_TRY(set_format(formats, tensor, "mxfp8"));   // V4.1: n-grams, a scale for each 32
      else if (has("compressor") || has("indexer.proj") || has("indexer.attn_k")) RC_TRY(set_format(formats, tensor, half_of(a)));
      else if (has("hc_")) RC_TRY(set_format(formats, tensor, "f32"));
    }
    return true;
  }
  return false;
}

// "nvfp4(dense+experts)": a format and the parts it reaches; "nvfp4(experts),fp8_e4m3(tables)": and another with others.
struct PartName { std::string_view name; bool Reach::*part; };
constexpr std::array kPartNames = {
    PartName{"attention", &Reach::attention}, PartName{"recurrent", &Reach::recurrent}, PartName{"dense", &Reach::dense},
    PartName{"experts", &Reach::experts},     PartName{"shared", &Reach::shared},       PartName{"embedding", &Reach::embedding},
    PartName{"head", &Reach::head},           PartName{"router", &Reach::router},
    PartName{"tables", &Reach::tables},   // of n-grams
};

Result<Reach> read_parts(std::string_view text) {
  Reach reach{.attention = false, .recurrent = false, .dense = false, .experts = false, .shared = false};
  for (const std::string_view word : split(text, '+')) {
    const auto* part = std::find_if(kPartNames.begin(), kPartNames.end(), [&](const PartName& each) { return equal_ignoring_case(each.name, trim(word)); });
    if (part == kPartNames.end()) {
      std::vector<std::string> names;
      for (const PartName& each : kPartNames) names.emplace_back(each.name);
      return tl::unexpected<Error>(Error{ErrorKind::input, "'" + std::string(word) + "' is no part of a model", {}, "quant", nearest_name(word, names)});
    }
    reach.*(part->part) = true;
  }
  return reach;
}

Result<bool> apply_parts(Formats& formats, Architecture& a, std::string_view text) {
  bool first = true;
  for (std::string_view piece : split(text, ',')) {
    piece = trim(piece);
    const std::size_t open = piece.find('(');
    if (open == std::string_view::npos || piece.back() != ')') return false;
    const std::string_view format = trim(piece.substr(0, open));
    RC_ASSIGN(reach, read_parts(piece.substr(open + 1, piece.size() - open - 2)));
    if (std::exchange(first, false)) {
      RC_TRY(apply_reach(formats, a, format, reach));   // all else as it was trained
      continue;
    }
    for (Tensor& tensor : a.tensors)
      if (reaches(reach, tensor)) RC_TRY(set_format(formats, tensor, format));
  }
  return true;
}

Result<bool> apply_plain(Formats& formats, Architecture& a, std::string_view folded) {
  for (const Plain& plain : kPlain) {
    if (plain.name != folded) continue;
    // Formats of mixtures' experts are those of every matrix where there are none (AMD's Llama and Qwen in MXFP4).
    const bool experts_alone = plain.reach.experts && !plain.reach.dense;
    RC_TRY(apply_reach(formats, a, plain.quant, experts_alone && !a.has_experts() ? kLinear : plain.reach, plain.head));
    return true;
  }
  return false;
}

}  // namespace

Bytes tensor_bytes(const Quant& quant, const std::array<std::int64_t, 4>& shape) {
  const std::int64_t rows = shape[1] * shape[2] * shape[3];
  const Bytes meta(static_cast<double>(rows * quant.row_bytes));
  if (quant.ggml_type < 0) return catalog::quant_bytes(quant, shape[0] * rows) + meta;
  return catalog::quant_bytes(quant, shape[0]) * static_cast<double>(rows) + meta;
}

std::vector<std::string> recipe_names(const catalog::Catalog& catalog) {
  std::vector<std::string> names;
  for (const detail::Ftype& each : detail::ftypes()) names.emplace_back(each.name);
  for (std::string& each : detail::approximate_names(catalog)) names.push_back(std::move(each));
  for (const auto& [name, recipe] : kLargeEnds) names.emplace_back(name);
  for (const Plain& each : kPlain) names.push_back(to_upper(each.name));
  for (const char* each : {"MLX-8BIT", "MLX-6BIT", "MLX-5BIT", "MLX-4BIT", "MLX-3BIT", "MLX-2BIT", "EXL3-4.0BPW", "EXL2-4.0BPW"})
    names.emplace_back(each);
  return names;
}

std::string meant_recipe(const catalog::Catalog& catalog, std::string_view text) {
  const auto bits = std::find_if(kWholeBits.begin(), kWholeBits.end(), [&](const auto& each) { return equal_ignoring_case(trim(text), each.first); });
  if (bits != kWholeBits.end()) return bits->second;
  const std::string plain = without_signs(trim(text));
  for (std::string& name : recipe_names(catalog))
    if (!plain.empty() && without_signs(name) == plain) return std::move(name);
  return {};
}

std::string shown_format(std::string_view quant) {
  constexpr std::array kShown = {std::pair{"fp8-block", "FP8"}, std::pair{"fp8-tensor", "FP8"}, std::pair{"fp8-block-mxfp4-experts", "FP8 + MXFP4"}, std::pair{"mxfp4-moe-bf16", "MXFP4"},
                                 std::pair{"int4-experts-g32", "INT4"}};
  const std::string folded = fold_name(quant);
  for (const auto& [recipe, shown] : kShown)
    if (folded == recipe) return shown;
  if (quant.find('(') == std::string_view::npos) return std::string(quant);
  std::vector<std::string> kinds;
  for (const std::string_view piece : split(quant, ',')) {
    const std::string format = to_upper(trim(piece.substr(0, piece.find('('))));
    if (std::string kind = format.substr(0, format.find('_')); std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(std::move(kind));
  }
  return join(kinds, " + ");
}

bool same_format(std::string_view one, std::string_view other) {
  constexpr std::array kLonger = {std::pair{"gptq-int4", "gptq"}, std::pair{"awq-int4", "awq"}, std::pair{"int8", "w8a8"}, std::pair{"fp8-dynamic", "fp8"}};
  const auto plain = [&](std::string_view name) {
    std::string folded = fold_name(name);
    for (const auto& [longer, usual] : kLonger)
      if (folded == longer) return std::string(usual);
    return folded;
  };
  return plain(one) == plain(other);
}

std::string_view gguf_recipe(std::string_view quant) {
  const std::string folded = fold_name(quant);
  return folded == "mxfp4" || folded == "mxfp4-moe-bf16" ? std::string_view("MXFP4_MOE") : quant;
}

namespace {

// False: nothing is called so.
Result<bool> apply_if_known(const catalog::Catalog& catalog, Architecture& a, std::string_view text) {
  const auto applied = [](Result<void> done) -> Result<bool> {
    if (!done) return tl::unexpected<Error>(std::move(done.error()));
    return true;
  };
  Formats formats(catalog);
  std::string_view name = trim(text);
  const bool imatrix = starts_with_ignoring_case(name, "i1-");
  if (imatrix) name.remove_prefix(3);
  const std::string ftype = to_upper(replace_all(std::string(name), "-", "_")), folded = fold_name(name);
  a.quant = to_upper(name);
  drop_copied_head(a);
  if (const detail::Ftype* known = detail::find_ftype(ftype)) return applied(apply_ftype(formats, a, *known, imatrix));
  RC_ASSIGN(large, apply_large_ends(formats, a, ftype));
  if (large) return true;
  const bool dynamic = starts_with_ignoring_case(name, "ud-");
  RC_ASSIGN(approximate, detail::apply_approximate(formats, a, dynamic ? "UD-" + ftype.substr(3) : ftype.ends_with("_XL") ? "UD-" + ftype : ftype));   // people leave the UD out
  if (approximate) return true;
  RC_ASSIGN(native, apply_native(formats, a, folded));
  if (native) return true;
  RC_ASSIGN(parts, apply_parts(formats, a, name));
  if (parts) return true;
  RC_ASSIGN(plain, apply_plain(formats, a, folded));
  if (plain) return true;
  if (auto done = apply_size(formats, a, name)) return applied(std::move(*done));
  if (auto done = apply_exl(formats, a, folded)) return applied(std::move(*done));
  if (auto done = apply_mlx(formats, a, folded)) return applied(std::move(*done));
  if (const auto quant = catalog.quant(name)) return applied(apply_reach(formats, a, quant->key, kLinear));
  return false;
}

}  // namespace

Result<void> apply_quant(const catalog::Catalog& catalog, Architecture& a, std::string_view text) {
  RC_ASSIGN(known, apply_if_known(catalog, a, text));
  if (known) return {};
  return unknown(catalog, text);
}

bool is_recipe(const catalog::Catalog& catalog, std::string_view text) {
  constexpr std::int64_t kSide = std::int64_t{1} << 15;   // 2^30 weights
  Architecture one;
  Tensor tensor;
  tensor.name = "blk.0.ffn_up.weight", tensor.role = Role::dense_ffn, tensor.layer = 0, tensor.shape = {kSide, kSide, 1, 1};
  one.layers.resize(1);
  one.tensors.push_back(std::move(tensor));
  return !trim(text).empty() && apply_if_known(catalog, one, text).value_or(false);
}

}  // namespace rigcast::model
