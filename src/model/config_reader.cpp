#include "model/detail/config_reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"

namespace rigcast::model::detail {
namespace {

// Words that make a key one about structure.
constexpr std::array kStructural = {"layer", "head", "expert", "moe", "attn", "attention", "window", "mamba", "ssm", "conv", "state", "rank",
                                    "_dim", "_size", "pattern", "block", "kv_", "_kv", "indexer", "index_", "mlp", "ffn", "embd", "embed",
                                    "recurrent", "compress", "mixer", "num_", "_freq", "altup", "laurel", "latent", "d_model"};

// Keys that sound structural and change neither a tensor, the cache nor the work: norms' constants, initialisation, routing scores,
// rope, training, caching, vision.
constexpr std::array kHarmless = {
    "initializer", "dropout", "_eps", "epsilon", "_token", "token_id", "scale", "scaling", "theta", "softcap", "loss", "coef", "rope",
    "rotary", "max_position", "seq_len", "seq_length", "cache_implementation", "use_cache", "vision", "image", "audio", "video", "mm_",
    "gradient", "pretraining", "labels", "return_dict", "chunk_size", "batch", "implementation", "activation", "hidden_act", "act_fn",
    "norm_topk", "topk_method", "topk_group", "n_group", "scoring_func", "score_function", "router_", "jitter", "router", "pooler", "_norm",
    "norm_", "output_hidden_states", "output_attentions", "init_", "beam", "num_labels", "swiglu", "clamp", "limit", "bias_update",
    "query_pre_attn", "temperature", "alibi", "logit", "speculator", "eagle", "_mup", "mup_", "multiplier", "time_step", "ssm_multipliers",
    "ep_size", "num_return", "prune", "cross_attention", "is_encoder", "is_decoder", "chunk_size_feed_forward", "tie_encoder", "no_repeat",
    "max_window_layers", "apply_residual", "parallel_residual", "residual", "hidden_dropout", "rescale", "sparsity", "spatial", "tokens_per",
    "projector", "patch", "moe_apply", "moe_router", "moe_norm", "use_grouped", "moe_layer_capacity", "capacity", "moe_dropout",
    "moe_gate", "moe_use", "moe_multimodal", "auto_map", "pad_", "unpadded", "attn_implementation", "use_flash", "flash", "memory_efficient",
    "nope", "no_rope", "attn_scale", "attention_factor", "floor_scale", "mamba_proj_bias", "mamba_conv_bias", "use_bias", "conv_bias",
    "use_conv_bias", "use_mamba_kernels", "mamba_ssm_dtype", "num_logits", "hc_eps", "sinkhorn", "deterministic", "num_experts_offset",
    "expert_dtype", "expert_layer", "seq_aux", "aux", "use_qk_l2", "bos", "eos", "z_loss", "tensor_parallel", "fused", "keep_query_states",
    "for_nextn", "sequence_parallel", "classifier", "problem_type", "pdrop", "_fp32", "attention_softmax", "softmax", "kv_channels", "layer_norm", "use_kernel",
};

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<const char*, N>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const char* part) { return contains(text, part); });
}

// Values that switch something off.
bool is_off(const nlohmann::json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) || (value.is_number() && value.get<double>() <= 0) ||
         (value.is_array() && value.empty()) || (value.is_object() && value.empty()) || value.is_string();
}

// Above it no size of a model lies (the longest context is 10,485,760); sums and small multiples of two such numbers fit an int.
constexpr double kLargest = 16777216.0;

}  // namespace

const nlohmann::json* ConfigReader::find(std::initializer_list<std::string_view> names, std::string_view& found) {
  const nlohmann::json* first = nullptr;
  for (const std::string_view name : names) {
    asked_.emplace(name);
    const auto at = object_->find(std::string(name));
    if (first || at == object_->end() || at->is_null()) continue;
    first = &*at;
    found = name;
  }
  return first;
}

int ConfigReader::integer(std::initializer_list<std::string_view> names, int fallback) {
  const double value = number(names, fallback);
  if (value < 0) return fallback;
  return static_cast<int>(value);
}

double ConfigReader::number(std::initializer_list<std::string_view> names, double fallback) {
  std::string_view name;
  const nlohmann::json* value = find(names, name);
  if (!value || value->is_boolean()) return fallback;
  if (!value->is_number()) {
    fault(ErrorKind::input, name, "must be a number");
    return fallback;
  }
  const double number = value->get<double>();
  if (std::isfinite(number) && std::abs(number) <= kLargest) return number;
  fault(ErrorKind::input, name, "is out of range");
  return fallback;
}

int ConfigReader::product(std::string_view name, double a, double b) {
  if (const double value = a * b; value >= 0 && value <= kLargest) return static_cast<int>(value);
  fault(ErrorKind::input, name, "is out of range");
  return 0;
}

bool ConfigReader::flag(std::initializer_list<std::string_view> names, bool fallback) {
  std::string_view name;
  const nlohmann::json* value = find(names, name);
  if (!value) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_number()) return value->get<double>() != 0;
  return fallback;
}

std::string ConfigReader::text(std::initializer_list<std::string_view> names, std::string_view fallback) {
  std::string_view name;
  const nlohmann::json* value = find(names, name);
  return value && value->is_string() ? value->get<std::string>() : std::string(fallback);
}

std::vector<int> ConfigReader::integers(std::initializer_list<std::string_view> names) {
  std::string_view name;
  const nlohmann::json* value = find(names, name);
  std::vector<int> out;
  if (!value || !value->is_array()) return out;
  for (const nlohmann::json& each : *value) {
    const double number = each.is_number() ? each.get<double>() : each.is_boolean() ? (each.get<bool>() ? 1.0 : 0.0) : -1.0;
    if (!each.is_null() && (number < 0 || number > kLargest)) {
      fault(ErrorKind::input, name, "must be a list of whole numbers");
      return {};
    }
    out.push_back(each.is_null() ? 0 : static_cast<int>(number));
  }
  return out;
}

std::vector<std::string> ConfigReader::texts(std::initializer_list<std::string_view> names) {
  std::string_view name;
  const nlohmann::json* value = find(names, name);
  std::vector<std::string> out;
  if (!value || !value->is_array()) return out;
  for (const nlohmann::json& each : *value)
    if (each.is_string()) out.push_back(each.get<std::string>());
  return out;
}

bool ConfigReader::has(std::string_view name) const {
  const auto at = object_->find(std::string(name));
  return at != object_->end() && !at->is_null();
}

bool ConfigReader::names(std::string_view name) const { return object_->contains(std::string(name)); }

bool ConfigReader::is_list(std::string_view name) const {
  const auto at = object_->find(std::string(name));
  return at != object_->end() && at->is_array();
}

const nlohmann::json* ConfigReader::object(std::string_view name) {
  const nlohmann::json* value = raw(name);
  return value && value->is_object() ? value : nullptr;
}

const nlohmann::json* ConfigReader::raw(std::string_view name) {
  std::string_view found;
  return find({name}, found);
}

void ConfigReader::ignore(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) asked_.emplace(name);
}

void ConfigReader::fault(ErrorKind kind, std::string_view key, std::string message) {
  if (first_) return;
  first_ = Error{kind, "'" + std::string(key) + "' " + std::move(message), Where{file_}, std::string(key), {}};
}

Result<void> ConfigReader::result() const {
  if (first_) return tl::unexpected<Error>(*first_);
  return {};
}

std::optional<std::string> ConfigReader::unknown_structure() const {
  for (const auto& [key, value] : object_->items()) {
    if (asked_.find(key) != asked_.end() || is_off(value)) continue;
    if (contains_any(key, kStructural) && !contains_any(key, kHarmless)) return key;
  }
  return std::nullopt;
}

}  // namespace rigcast::model::detail
