// Configs of dense families that say in their own words what others say in common ones. Sources as in config_families.cpp.

#include <algorithm>
#include <array>
#include <cmath>

#include "model/detail/config_shapes.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail::config {

using nlohmann::json;

void four_times(ConfigReader&, Shape& s) {
  if (s.ffn == 0) s.ffn = 4 * s.hidden;
}

// GPT-BigCode, Refact, Falcon: all heads share one of keys and values.
void shared_keys(ConfigReader& c, Shape& s) {
  if (c.flag({"multi_query"}, true)) s.kv_heads = 1;
  four_times(c, s);
}

void refact(ConfigReader& c, Shape& s) {
  shared_keys(c, s);
  s.ffn = (8 * s.hidden / 3 + 255) / 256 * 256;   // as in Llama
  c.ignore({"n_inner"});
}

void codeshell(ConfigReader& c, Shape& s) {
  if (c.flag({"group_query_attention"}, true)) s.kv_heads = c.integer({"num_query_groups"}, s.kv_heads);
  four_times(c, s);
}

void mpt(ConfigReader& c, Shape& s) {
  s.ffn = c.product("expansion_ratio", c.integer({"expansion_ratio"}, 4), s.hidden);
  bool positions = c.flag({"learned_pos_emb"}, true);
  if (const json* attention = c.object("attn_config")) {
    ConfigReader a(*attention, c.file());
    s.kv_heads = a.text({"attn_type"}) == "multiquery_attention" ? 1 : a.integer({"kv_n_heads"}, s.kv_heads);
    if (a.flag({"qk_ln"}) || a.flag({"qk_gn"})) c.fault(ErrorKind::unsupported, "attn_config", "normalises queries and keys, which no rule knows");
    positions = positions && !a.flag({"alibi"}) && !a.flag({"rope"});
  }
  const bool biases = !c.flag({"no_bias"});
  Features& f = s.features;
  f.qkv_bias = f.attention_output_bias = f.ffn_bias = f.norm_bias = biases;
  f.learned_positions = positions;
  c.ignore({"ffn_config", "use_pad_tok_in_ffn", "embedding_fraction"});
}

namespace {
// The nearest multiple of `divisor`, but not less than nine tenths of the value.
int near_multiple(double value, int divisor) {
  const int rounded = std::max(divisor, static_cast<int>(value + divisor / 2.0) / divisor * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}
}  // namespace

// OpenELM: heads and feed-forward widths grow with depth.
void openelm(ConfigReader& c, Shape& s) {
  s.layer_heads = c.integers({"num_query_heads"});
  s.layer_kv_heads = c.integers({"num_kv_heads"});
  const int divisor = std::max(1, c.integer({"ffn_dim_divisor"}, 256));
  const json* multipliers = c.raw("ffn_multipliers");
  for (const json& each : multipliers && multipliers->is_array() ? *multipliers : json::array()) {
    const double value = each.is_number() ? each.get<double>() * s.hidden : -1;
    if (!(value > 0 && value <= 1 << 24)) return c.fault(ErrorKind::input, "ffn_multipliers", "must be a list of numbers above 0");
    s.layer_ffn.push_back(near_multiple(value, divisor));
  }
  if (s.layer_heads.empty() || s.layer_kv_heads.empty() || s.layer_ffn.empty())
    return c.fault(ErrorKind::input, "num_query_heads", "num_kv_heads and ffn_multipliers must say how wide each layer is");
  s.heads = *std::max_element(s.layer_heads.begin(), s.layer_heads.end());
  s.kv_heads = *std::max_element(s.layer_kv_heads.begin(), s.layer_kv_heads.end());
  if (!c.flag({"normalize_qk_projections"}, true)) s.features.qk_norm = QkNorm::none;
  if (!c.flag({"ffn_with_glu"}, true)) s.features.gated = false;
  c.ignore({"num_gqa_groups", "qkv_multipliers"});
}

void jais(ConfigReader& c, Shape& s) {
  four_times(c, s);
  s.features.gated = c.text({"activation_function"}, "gelu") == "swiglu";
  s.features.learned_positions = c.text({"position_embedding_type"}, "learned") == "learned";
}

// MiniCPM 3 and PLM: DeepSeek's low-rank keys and values, kept in the cache as every head's own.
void expanded_latents(ConfigReader& c, Shape& s) {
  s.mla.expanded = true;
  s.value_dim = s.mla.value_dim = c.integer({"v_head_dim"}, s.heads > 0 ? s.hidden / s.heads : 0);
}

// MiniCPM-V and -o name only which release they are; their language model is another family's.
void minicpm_v(ConfigReader& c, Shape& s) {
  struct Release { std::string_view version, family; };
  constexpr std::array kReleases = {Release{"2.5", "llama"}, Release{"2.6", "qwen2"}, Release{"4.0", "llama"}, Release{"4.5", "qwen3"}};
  const json* version = c.raw("version");
  const std::string named = version == nullptr ? "" : version->is_string() ? version->get<std::string>() : version->dump();
  const auto* known = std::find_if(kReleases.begin(), kReleases.end(), [&](const Release& each) { return each.version == named || (each.version == "4.0" && named == "4"); });
  const bool scaled = named.empty() && (c.has("scale_emb") || c.has("dim_model_base"));   // releases 1 and 2, before there were versions: MiniCPM
  if (scaled) s.tied_embeddings = c.flag({"tie_word_embeddings"}, true);
  if (known == kReleases.end() && !scaled) return c.fault(ErrorKind::unsupported, "version", named.empty() ? "is missing: nothing says what language model this is" : "is " + named + ", which no rule knows");
  s.family = scaled ? "minicpm" : known->family;
  s.features = find_family(s.family)->features;
  if (s.family != "llama") s.window = 0, s.pattern.clear();
  c.ignore({"query_num", "slice_config", "audio_pool_step", "dim_model_base", "max_slice_nums"});
}

void first_of_four_full(ConfigReader&, Shape& s) {
  if (s.pattern.empty() && s.window > 0) s.pattern = "FSSS";
}

// Counted from the last layer, every fourth sees everything.
void muse_glimmer(ConfigReader& c, Shape& s) {
  c.ignore({"layer_rope_theta", "qk_scale_factor"});
  if (!s.pattern.empty() || s.window == 0) return;
  for (int i = 0; i < s.layers; ++i) s.pattern += (s.layers - 1 - i) % 4 == 0 ? 'F' : 'S';
}

void granite_swa(ConfigReader& c, Shape& s) {
  s.window = c.integer({"sliding_window"}, 128);
  s.features.attention_output_bias = c.flag({"attention_bias"});
  first_of_four_full(c, s);
  c.ignore({"layer_rope_theta"});
}

void plamo3(ConfigReader& c, Shape& s) {
  const int period = c.integer({"sliding_window_pattern"}, 8);
  if (s.pattern.empty() && s.window > 0 && period > 0) s.pattern = std::string(static_cast<std::size_t>(std::min(period, 64)) - 1, 'S') + "F";
  c.ignore({"interleaved_sliding_window"});
}

// All layers run several times.
void loops(ConfigReader& c, Shape& s) {
  s.loops = std::max(1, c.integer({"num_loops", "total_ut_steps"}, 1));
  s.loop_norm = !c.flag({"skip_loop_final_norm"});
  s.window = 0, s.pattern.clear();
  c.ignore({"early_exit_threshold", "early_exit_step", "layer_types"});
}

// The first PLaMo shares keys and values among eight heads, whatever its config says.
void plamo(ConfigReader& c, Shape& s) {
  s.kv_heads = c.integer({"n_shared_head"}, 8) > 0 ? s.heads / std::max(1, c.integer({"n_shared_head"}, 8)) : s.kv_heads;
  if (s.max_context == 0) s.max_context = 4096;
}

// K2 Horizon: Llama's layers; a gate, norms of queries and keys, mixtures and experts for values where its config asks for them.
void k2_horizon(ConfigReader& c, Shape& s) {
  s.features.output_gate = !c.text({"attention_gate_func"}).empty();
  if (c.flag({"query_key_norm"})) s.features.qk_norm = QkNorm::per_head;
  s.value_experts = {.count = c.integer({"mova_num_experts"}), .used = c.integer({"mova_num_experts_per_tok"})};
  if (s.value_experts.count > 0 && (s.value_experts.used < 1 || s.value_experts.used > s.value_experts.count)) c.fault(ErrorKind::input, "mova_num_experts_per_tok", "must be 1 to " + std::to_string(s.value_experts.count));
  s.features.router_correction = s.experts.count > 0 && c.flag({"moe_gate_bias"}, true);
  s.experts.shared_width = c.product("num_shared_experts", s.experts.shared, s.experts.width);
  if (c.integer({"decoder_sparse_step"}, 1) != 1) c.fault(ErrorKind::unsupported, "decoder_sparse_step", "is not 1, which no rule knows");
  for (const int layer : c.integers({"mlp_only_layers"}))
    if (layer != s.experts.first_dense++) return c.fault(ErrorKind::unsupported, "mlp_only_layers", "names layers behind the first mixture, which no rule knows");
  windows_off_unless_asked(c, s);
  c.ignore({"layernorm_num_groups", "rope_head_dim", "router_score_func"});
}

}  // namespace rigcast::model::detail::config
