#include <array>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/text.hpp"
#include "model/detail/config_quant.hpp"

namespace rigcast::model::detail {
namespace {

using nlohmann::json;

// Which part of a recipe's reach a module name or pattern speaks of. The first that matches decides.
struct PartRule { std::string_view word; std::string_view part; };
constexpr std::array kParts = {
    PartRule{"lm_head", ""}, PartRule{"embed", ""}, PartRule{"vision", ""}, PartRule{"visual", ""}, PartRule{"mm_", ""}, PartRule{"norm", ""},
    PartRule{"mlp.gate$", ""}, PartRule{"mlp\\.gate$", ""}, PartRule{"router", ""}, PartRule{"shared_expert_gate", ""},
    PartRule{"block_sparse_moe.gate", ""},
    PartRule{"shared_expert", "shared"}, PartRule{"linear_attn", "recurrent"}, PartRule{"mamba", "recurrent"}, PartRule{"mixer", "recurrent"},
    PartRule{"attn", "attention"}, PartRule{"attention", "attention"}, PartRule{"expert", "experts"}, PartRule{"mlp", "dense"},
    PartRule{"feed_forward", "dense"},
};

std::string_view part_of(std::string_view name) {
  if (name.size() > 8 && (name.substr(name.size() - 8) == "mlp.gate" || name.substr(name.size() - 9) == "mlp.gate*")) return {};
  for (const PartRule& rule : kParts)
    if (contains(name, rule.word)) return rule.part;
  return {};
}

// The layer a module name speaks of, if it names one.
std::optional<int> layer_in(std::string_view name) {
  const std::size_t at = name.find("layers.");
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = name.substr(at + 7);
  std::size_t digits = 0;
  while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
  const auto number = parse_int(rest.substr(0, digits));
  return number ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

constexpr std::array<std::string_view, 5> kAllParts = {"attention", "recurrent", "dense", "experts", "shared"};

// "(dense+experts)" where the ignored modules leave something out, else "".
std::string reach_without(const std::vector<std::string>& ignored, int layers) {
  std::map<std::string_view, std::set<int>> by_layer;
  std::set<std::string_view> out;
  for (const std::string& name : ignored) {
    const std::string_view part = part_of(name);
    if (part.empty()) continue;
    if (const auto layer = layer_in(name)) by_layer[part].insert(*layer);
    else out.insert(part);
  }
  for (const auto& [part, which] : by_layer)
    if (static_cast<int>(which.size()) * 2 >= layers) out.insert(part);
  if (out.empty()) return {};
  std::vector<std::string> left;
  for (const std::string_view part : kAllParts)
    if (out.find(part) == out.end()) left.emplace_back(part);
  return left.empty() ? std::string() : "(" + join(left, "+") + ")";
}

std::string group_suffix(int group, std::string_view channel) { return group > 0 ? "_g" + std::to_string(group) : std::string(channel); }

tl::unexpected<Error> unsupported(const ConfigReader& config, const std::string& what) {
  return fail(ErrorKind::unsupported, "no rule says what the weights of " + what + " weigh", Where{config.file()}, "quantization_config");
}

// compressed-tensors: the weights of the first group; all groups of one checkpoint share a format in practice.
Result<std::string> compressed_tensors(ConfigReader& config) {
  const json* groups = config.object("config_groups");
  if (!groups || groups->empty()) return unsupported(config, "compressed-tensors without groups");
  const json& first = *groups->begin();
  const json* weights = first.is_object() && first.contains("weights") && first["weights"].is_object() ? &first["weights"] : nullptr;
  if (!weights) return unsupported(config, "compressed-tensors without weights");
  ConfigReader w(*weights, config.file());
  std::string format = config.text({"format"});
  if (first.contains("format") && first["format"].is_string()) format = first["format"].get<std::string>();
  const int bits = w.integer({"num_bits"}), group = w.integer({"group_size"});
  const std::string type = w.text({"type"}), strategy = w.text({"strategy"});
  if (contains(format, "nvfp4")) return std::string("nvfp4");
  if (contains(format, "mxfp4")) return std::string("mxfp4");
  if (type == "float" && bits == 8)
    return std::string(strategy == "block" ? "fp8_e4m3_block128" : strategy == "tensor" ? "fp8_e4m3" : group == 32 ? "mxfp8" : "fp8_e4m3_channel");
  if (type == "float" && bits == 4) return std::string(group == 32 ? "mxfp4" : "nvfp4");
  if (type == "int" && bits == 8) return std::string(group == 128 ? "int8_g128" : "int8_channel");
  if (type == "int" && bits == 4) return "int4" + group_suffix(group, "_channel");
  return unsupported(config, "compressed-tensors with " + std::to_string(bits) + " bits of " + type);
}

Result<std::string> modelopt(ConfigReader& config) {
  std::string algorithm = to_lower(config.text({"quant_algo"}));
  if (const json* inner = config.object("quantization")) {
    ConfigReader reader(*inner, config.file());
    algorithm = to_lower(reader.text({"quant_algo"}));
  }
  if (contains(algorithm, "nvfp4") || contains(algorithm, "fp4")) return std::string("nvfp4");
  if (contains(algorithm, "mxfp8")) return std::string("mxfp8");
  if (contains(algorithm, "fp8")) return std::string("fp8_e4m3");
  if (contains(algorithm, "w4a16") || contains(algorithm, "int4")) return std::string("awq_int4_g128");
  return unsupported(config, "modelopt '" + algorithm + "'");
}

Result<std::string> bitsandbytes(ConfigReader& config) {
  if (config.flag({"load_in_8bit", "_load_in_8bit"})) return std::string("bnb_int8");
  if (!config.flag({"load_in_4bit", "_load_in_4bit"})) return unsupported(config, "bitsandbytes without load_in_4bit or load_in_8bit");
  if (config.text({"bnb_4bit_quant_type"}, "fp4") == "fp4") return std::string("bnb_fp4");
  return std::string(config.flag({"bnb_4bit_use_double_quant"}) ? "nf4_double" : "nf4");
}

Result<std::string> fp8(ConfigReader& config) {
  return std::string(config.is_list("weight_block_size") ? "fp8_e4m3_block128" : "fp8_e4m3");
}

Result<std::string> quark(ConfigReader& config) {
  const json* global = config.object("global_quant_config");
  const json* weight = global && global->contains("weight") && (*global)["weight"].is_object() ? &(*global)["weight"] : nullptr;
  if (!weight) return unsupported(config, "quark without global_quant_config.weight");
  ConfigReader w(*weight, config.file());
  const std::string dtype = w.text({"dtype"});
  if (contains(dtype, "fp8")) return std::string(w.text({"qscheme"}) == "per_channel" ? "fp8_e4m3_channel" : "fp8_e4m3");
  if (contains(dtype, "fp4")) return std::string("mxfp4");
  return unsupported(config, "quark '" + dtype + "'");
}

Result<std::string> format_of(ConfigReader& config) {
  const std::string method = to_lower(config.text({"quant_method"}));
  const int bits = config.integer({"bits", "w_bit"}, 4), group = config.integer({"group_size", "q_group_size"});
  if (method == "fp8") return fp8(config);
  if (method == "fbgemm_fp8") return std::string("fp8_e4m3_channel");
  if (method == "awq") return "awq_int" + std::to_string(bits) + group_suffix(group, "_g128");
  if (method == "gptq" || method == "gptq_marlin" || method == "auto-round" || method == "intel/auto-round")
    return "gptq_int" + std::to_string(bits) + group_suffix(group, "_channel");
  if (method == "compressed-tensors") return compressed_tensors(config);
  if (method == "mxfp4") return std::string("mxfp4");
  if (method == "bitsandbytes") return bitsandbytes(config);
  if (contains(method, "modelopt") || config.has("quant_algo")) return modelopt(config);
  if (method == "quark") return quark(config);
  if (method == "hqq") return "hqq_" + std::to_string(bits) + "bit_g64";
  if (method == "exl2" || method == "exl3") return method + "-" + format_significant(config.number({"bits"}, 4), 4) + "bpw";
  return unsupported(config, "quant_method '" + method + "'");
}

std::vector<std::string> ignored_modules(ConfigReader& config) {
  std::vector<std::string> out = config.texts({"modules_to_not_convert"});
  for (const auto& more : {config.texts({"ignore"}), config.texts({"ignored_layers"}), config.texts({"exclude_modules"}), config.texts({"exclude"})})
    out.insert(out.end(), more.begin(), more.end());
  return out;
}

std::string dtype_recipe(std::string dtype) {
  dtype = to_lower(dtype);
  if (contains(dtype, "float16") && !contains(dtype, "bfloat16")) return "F16";
  return contains(dtype, "float32") ? "F32" : "BF16";
}

}  // namespace

Result<std::string> checkpoint_recipe(ConfigReader& root, ConfigReader& text_part, int layers) {
  const std::string dtype = text_part.text({"dtype", "torch_dtype"}, root.text({"dtype", "torch_dtype"}, "bfloat16"));
  if (const json* mlx = root.object("quantization"); mlx && mlx->contains("bits")) {
    ConfigReader reader(*mlx, root.file());
    const std::string mode = reader.text({"mode"}, "affine");
    if (mode != "affine") return mode + "(attention+recurrent+dense+experts+shared+embedding+head)";
    return "MLX-" + std::to_string(reader.integer({"bits"}, 4)) + "BIT-G" + std::to_string(reader.integer({"group_size"}, 64));
  }
  const json* quantized = root.object("quantization_config");
  if (!quantized) quantized = text_part.object("quantization_config");
  root.ignore({"quantization_config", "quantization"});
  if (!quantized) return dtype_recipe(dtype);
  ConfigReader config(*quantized, root.file());
  if ((text_part.text({"expert_dtype"}) == "fp4" || config.text({"expert_dtype"}) == "fp4") && to_lower(config.text({"quant_method"})) == "fp8") return std::string("FP8_BLOCK_MXFP4_EXPERTS");
  RC_ASSIGN(format, format_of(config));
  RC_TRY(config.result());
  const bool exl = starts_with_ignoring_case(format, "exl");
  return exl ? format : format + reach_without(ignored_modules(config), layers);
}

}  // namespace rigcast::model::detail
