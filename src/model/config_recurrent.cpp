// Configs with recurrent layers. Sources as in config_families.cpp.

#include <algorithm>
#include <cmath>

#include "model/detail/config_shapes.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail::config {

using nlohmann::json;

namespace {
void mamba2_keys(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::mamba2;
  r.heads = c.integer({"mamba_n_heads", "mamba_num_heads"});
  r.head_dim = c.integer({"mamba_d_head", "mamba_head_dim"});
  r.state = c.integer({"mamba_d_state", "ssm_state_size"});
  r.groups = std::max(c.integer({"mamba_n_groups", "n_groups", "mamba_num_groups"}, 1), 1);
  r.conv = c.integer({"mamba_d_conv", "conv_kernel", "mamba_conv_kernel"}, 4);
  if (r.head_dim == 0 && r.heads > 0) r.head_dim = c.product("mamba_expand", c.integer({"mamba_expand", "expand"}, 2), s.hidden) / r.heads;
  c.ignore({"mamba_expand", "expand", "mamba_d_ssm", "mamba_chunk_size", "mamba_hidden_act", "time_step_rank"});
}
}  // namespace

void granite_hybrid(ConfigReader& c, Shape& s) {
  mamba2_keys(c, s);
  const int shared = c.integer({"shared_intermediate_size"});
  experts_as_wide_as_ffn(c, s);
  if (s.experts.count > 0) s.experts.shared = shared > 0 ? 1 : 0, s.experts.shared_width = shared;
  else s.ffn = shared > 0 ? shared : s.ffn;
  if (s.pattern.find('R') == std::string::npos) s.recurrent = {};
}

void falcon_h1(ConfigReader& c, Shape& s) {
  mamba2_keys(c, s);
  s.pattern = "H";
  s.recurrent.norm = c.flag({"mamba_rms_norm"});
  c.ignore({"mamba_use_mlp", "attn_layer_indices", "mamba_norm_before_gate"});
}

void nemotron_h(ConfigReader& c, Shape& s) {
  mamba2_keys(c, s);
  std::string pattern = c.text({"hybrid_override_pattern"});
  const std::vector<std::string> blocks = c.texts({"layers_block_type"});
  for (const std::string& each : blocks)
    pattern += each == "mamba" || each == "linear_attention" ? 'M' : each == "attention" || each == "full_attention" ? '*' : each == "moe" ? 'E' : '-';
  std::replace(pattern.begin(), pattern.end(), '*', 'A');
  std::replace(pattern.begin(), pattern.end(), '-', 'D');
  s.pattern = pattern;
  if (s.layers == 0) s.layers = static_cast<int>(pattern.size());
  s.experts.shared_width = c.integer({"moe_shared_expert_intermediate_size"});
  s.experts.latent = c.integer({"moe_latent_size"});
  if (pattern.find('E') == std::string::npos) {
    s.experts = {};
  } else {
    s.family = "nemotron_h_moe";
    s.features = find_family(s.family)->features;
  }
  s.next_token_layers = 0;
  c.ignore({"mtp_hybrid_override_pattern", "mtp_layers_block_type", "mamba_num_groups", "attention_head_dim", "num_query_groups"});
}

namespace {
// Kimi K3: Kimi Linear with experts in a narrower space, gates of full rank, and streams kept for later layers.
void kimi_k3(ConfigReader& c, Shape& s) {
  s.family = "kimi-k3";
  s.features = find_family(s.family)->features;
  s.experts.latent = c.integer({"routed_expert_hidden_size"});
  s.experts.shared_width = c.product("num_shared_experts", s.experts.shared, s.experts.width);
  s.bank_interval = c.integer({"attn_res_block_size"});
  if (!c.flag({"mla_use_nope"}, true)) c.fault(ErrorKind::unsupported, "mla_use_nope", "is off: no rule knows this model's attention with positions");
  c.ignore({"activation_situ_beta", "activation_situ_linear_beta"});
}
}  // namespace

void kimi_linear(ConfigReader& c, Shape& s) {
  if (s.family == "kimi-k3" || c.has("attn_res_block_size") || c.has("routed_expert_hidden_size")) kimi_k3(c, s);
  s.recurrent.kind = RecurrentKind::kimi_delta;
  if (const json* linear = c.object("linear_attn_config")) {
    ConfigReader l(*linear, c.file());
    s.recurrent.heads = s.recurrent.key_heads = l.integer({"num_heads"});
    s.recurrent.head_dim = s.recurrent.key_dim = l.integer({"head_dim"});
    if (s.family != "kimi-k3") s.recurrent.gate_rank = s.recurrent.head_dim;
    s.recurrent.bounded_decay = l.number({"gate_lower_bound"}, 0) < 0;
    s.recurrent.conv = l.integer({"short_conv_kernel_size"}, 4);
    s.pattern.assign(static_cast<std::size_t>(s.layers), 'R');
    for (const int layer : l.integers({"full_attn_layers"}))  // counted from 1
      if (layer >= 1 && layer <= s.layers) s.pattern[static_cast<std::size_t>(layer) - 1] = 'F';
  }
  s.experts.every = std::max(c.integer({"moe_layer_freq"}, 1), 1);
  s.next_token_layers = 0;
  c.ignore({"mla_use_nope", "num_expert_group", "model_max_length", "moe_renormalize", "moe_router_activation_func", "use_grouped_topk"});
}

// Ling and Ring 2.5 and 3: latent attention at the end of each group of layers and behind the last whole one; in the others lightning attention
// (2.5) or Kimi's delta rule with gates of full rank (3).
void bailing_hybrid(ConfigReader& c, Shape& s) {
  const bool delta = c.has("short_conv_kernel_size") || c.has("no_kda_lora");
  s.family = delta ? "bailingmoe3" : "bailingmoe25";
  s.features = find_family(s.family)->features;
  deepseek(c, s);
  const int group = std::max(1, c.integer({"layer_group_size"}, 1)), whole = s.layers / group * group;
  s.pattern.clear();
  for (int i = 0; i < s.layers; ++i) s.pattern += (i + 1) % group == 0 || i >= whole ? 'F' : 'R';
  RecurrentShape& r = s.recurrent;
  if (delta) {
    r.kind = RecurrentKind::kimi_delta;
    r.heads = r.key_heads = s.heads;
    r.head_dim = r.key_dim = c.integer({"head_dim"}, 128);
    r.conv = c.integer({"short_conv_kernel_size"}, 4);
    r.bounded_decay = c.flag({"kda_safe_gate"}) && c.number({"kda_lower_bound"}, 0) < 0;
    if (!c.flag({"no_kda_lora"}, true)) c.fault(ErrorKind::unsupported, "no_kda_lora", "is off: no rule knows this model with gates of low rank");
    if (c.text({"gated_attention_proj_granularity_type"}, "head_wise") != "head_wise")
      c.fault(ErrorKind::unsupported, "gated_attention_proj_granularity_type", "is '" + c.text({"gated_attention_proj_granularity_type"}) + "', which no rule knows");
  } else {
    r.kind = RecurrentKind::lightning;
    r.heads = c.integer({"num_kv_heads_for_linear_attn"}, s.heads);
    r.head_dim = r.heads > 0 ? s.hidden / r.heads : 0;
    if (!c.flag({"use_qk_norm"}, true)) s.features.qk_norm = QkNorm::none;
  }
  s.next_token_layers = 0;
  c.ignore({"moe_router_enable_expert_bias", "group_norm_size", "head_dim", "linear_silu", "use_linear_silu", "linear_backend"});
}

void lfm2(ConfigReader& c, Shape& s) {
  s.recurrent.kind = RecurrentKind::short_conv;
  s.recurrent.conv = c.integer({"conv_L_cache"}, 3);
  const std::vector<int> attends = c.integers({"full_attn_idxs"});
  if (!attends.empty()) {
    s.pattern.assign(static_cast<std::size_t>(s.layers), 'R');
    for (const int i : attends)
      if (i < s.layers) s.pattern[static_cast<std::size_t>(i)] = 'F';
  }
  if (c.flag({"block_auto_adjust_ff_dim"})) {
    const int multiple = std::max(c.integer({"block_multiple_of"}, 256), 1);
    const double width = 2.0 * c.integer({"block_ff_dim", "intermediate_size"}) / 3 * c.number({"block_ffn_dim_multiplier"}, 1);
    s.ffn = c.product("block_ffn_dim_multiplier", multiple, std::ceil(width / multiple));
  }
  s.experts.first_dense = c.integer({"num_dense_layers"}, s.experts.first_dense);
  c.ignore({"conv_dim", "conv_dim_out", "block_dim", "block_mlp_init_scale", "block_norm_eps", "block_out_init_scale", "block_use_swiglu",
            "block_use_xavier_init", "conv_use_xavier_init", "num_dense_layers", "use_expert_bias", "num_heads"});
}

// OLMo Hybrid: the delta rule in three of four layers, OLMo 3's attention in the others.
void olmo_hybrid(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::gated_delta;
  r.key_heads = c.integer({"linear_num_key_heads"}, s.heads);
  r.heads = c.integer({"linear_num_value_heads"}, s.heads);
  r.key_dim = c.integer({"linear_key_head_dim"}, r.key_heads > 0 ? 3 * s.hidden / 4 / r.key_heads : 0);
  r.head_dim = c.integer({"linear_value_head_dim"}, 2 * r.key_dim);
  r.conv = c.integer({"linear_conv_kernel_dim"}, 4);
  if (s.pattern.empty()) s.pattern = "RRRF";
  c.ignore({"linear_use_gate"});
}

// PLaMo 2: Mamba by heads in all layers but the later half of each so many.
void plamo2(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  s.head_dim = s.value_dim = c.integer({"hidden_size_per_head"}, s.head_dim);
  r.kind = RecurrentKind::mamba1;
  r.heads = c.integer({"mamba_num_heads"});
  r.head_dim = s.head_dim;
  r.state = c.integer({"mamba_d_state"}, 64);
  r.conv = c.integer({"mamba_d_conv"}, 4);
  r.dt_rank = std::max(64, s.hidden / 16);
  if (r.heads == 0) c.fault(ErrorKind::input, "mamba_num_heads", "is missing");
  const int step = c.integer({"mamba_step"}, 2);
  if (!c.flag({"mamba_enabled"}, true) || step < 2) return c.fault(ErrorKind::unsupported, "mamba_enabled", "is off: no rule knows this model without Mamba");
  s.pattern.clear();
  for (int i = 0; i < s.layers; ++i) s.pattern += s.layers <= step / 2 ? (i == s.layers - 1 ? 'F' : 'R') : i % step == step / 2 ? 'F' : 'R';
  if (c.integer({"n_expert"}) > 1) c.fault(ErrorKind::unsupported, "n_expert", "is above 1: no rule knows this model with experts");
  s.window = 0;   // its config names one, and its layers see everything unless asked
  c.ignore({"attention_window_size", "full_attention_idx", "mamba_chunk_size", "use_mamba_kernels", "eval_attention_n_bit", "eval_mlp_n_bit", "group_size", "linear_type", "fp8_accum_dtype"});
}

// RecurrentGemma: Griffin's recurrence in two of three layers, windows in the third. The config's width counts gate and up together.
void recurrent_gemma(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  const int width = c.integer({"lru_width"}, s.hidden);
  if (s.heads < 1 || width % s.heads != 0) return c.fault(ErrorKind::input, "lru_width", "is " + std::to_string(width) + ", which " + std::to_string(s.heads) + " heads do not share");
  r.kind = RecurrentKind::mamba1;
  r.heads = s.heads;
  r.head_dim = width / s.heads;
  r.state = 1;
  r.conv = c.integer({"conv1d_width"}, 4);
  s.ffn /= 2;
  s.window = c.integer({"attention_window_size"}, 2048);
  const std::vector<std::string> kinds = c.texts({"block_types", "_block_types"});
  s.pattern.clear();
  for (const std::string& kind : kinds) s.pattern += kind == "attention" ? 'S' : 'R';
  if (s.pattern.empty()) s.pattern = "RRS";
  s.features.qkv_bias = c.flag({"attention_bias"});
  if (s.max_context == 0) s.max_context = 8192;
  c.ignore({"w_init_variance_scale", "final_w_init_variance_scale", "block_types"});
}

RecurrentShape& mamba1_keys(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::mamba1;
  r.heads = 1;
  r.head_dim = c.product("mamba_expand", c.integer({"mamba_expand"}, 2), s.hidden);
  r.state = c.integer({"mamba_d_state"}, 16);
  r.conv = c.integer({"mamba_d_conv"}, 4);
  return r;
}

void jamba(ConfigReader& c, Shape& s) {
  RecurrentShape& r = mamba1_keys(c, s);
  r.dt_rank = c.integer({"mamba_dt_rank"}, (s.hidden + 15) / 16);
  const int period = std::max(c.integer({"attn_layer_period"}, 8), 1), offset = c.integer({"attn_layer_offset"}, 4);
  s.pattern.assign(static_cast<std::size_t>(period), 'R');
  if (offset < period) s.pattern[static_cast<std::size_t>(offset)] = 'F';
  s.experts.every = std::max(c.integer({"expert_layer_period"}, 2), 1);
  if (s.experts.count <= 1) s.experts = {};
  experts_as_wide_as_ffn(c, s);
  c.ignore({"expert_layer_offset", "num_logits_to_keep", "use_mamba_kernels", "calc_logits_for_entire_prompt"});
}

// Bamba: Granite 4's layers under older names.
void bamba(ConfigReader& c, Shape& s) {
  mamba2_keys(c, s);
  const std::vector<int> attends = c.integers({"attn_layer_indices"});
  s.pattern.assign(static_cast<std::size_t>(std::max(s.layers, 0)), 'R');
  for (const int i : attends)
    if (i < s.layers) s.pattern[static_cast<std::size_t>(i)] = 'F';
  c.ignore({"attn_rotary_emb", "num_logits_to_keep"});
}

// Mamba and Falcon Mamba; norms of what depends on the input have no weights there.
void mamba(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::mamba1;
  r.heads = 1;
  r.head_dim = c.integer({"intermediate_size"}, c.product("expand", c.integer({"expand"}, 2), s.hidden));
  r.state = c.integer({"state_size"}, 16);
  r.conv = c.integer({"conv_kernel"}, 4);
  r.dt_rank = c.text({"time_step_rank"}) == "auto" || !c.has("time_step_rank") ? (s.hidden + 15) / 16 : c.integer({"time_step_rank"});
  s.ffn = 0;
  s.pattern = "M";
  c.ignore({"expand", "time_step_rank", "layer_norm_epsilon", "mixer_rms_eps", "use_associative_scan", "use_falcon_mambapy", "use_mambapy"});
}

// Phi 4 mini flash (SambaY): Mamba and windows in turns in the first half; behind it a last Mamba and a layer that sees everything, and then gates
// by what that Mamba gave and queries of what that layer keeps.
void phi4flash(ConfigReader& c, Shape& s) {
  if (c.integer({"mb_per_layer"}, 2) != 2) return c.fault(ErrorKind::unsupported, "mb_per_layer", "is not 2, which no rule knows");
  if (s.layers < 6 || s.layers % 4 != 0) return c.fault(ErrorKind::input, "num_hidden_layers", "is " + std::to_string(s.layers) + ", of which this model cannot make two halves");
  RecurrentShape& r = mamba1_keys(c, s);
  r.dt_rank = c.raw("mamba_dt_rank") != nullptr && c.raw("mamba_dt_rank")->is_number() ? c.integer({"mamba_dt_rank"}) : (s.hidden + 15) / 16;
  const std::vector<int> windows = c.is_list("sliding_window") ? c.integers({"sliding_window"}) : std::vector<int>();
  for (const int window : windows) s.window = std::max(s.window, window);
  const int half = s.layers / 2;
  s.pattern.clear();
  for (int i = 0; i < s.layers; ++i) s.pattern += i % 2 == 0 ? (i <= half ? 'R' : 'G') : i < half ? 'S' : 'F';
  s.shared_cache_layers = half - 2;
  s.features.head_bias = c.flag({"lm_head_bias"});
  c.ignore({"sliding_window", "layer_types", "embd_pdrop", "resid_pdrop"});
}

// Zamba 2: Mamba 2 in every layer; before some of them one of a few blocks of attention, which they share in turn.
void zamba2(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::mamba2;
  r.heads = c.integer({"n_mamba_heads"}, 8);
  r.head_dim = c.integer({"mamba_headdim"}, r.heads > 0 ? c.product("mamba_expand", c.integer({"mamba_expand"}, 2), s.hidden) / r.heads : 0);
  r.state = c.integer({"mamba_d_state"}, 64);
  r.groups = std::max(1, c.integer({"mamba_ngroups"}, 1));
  r.conv = c.integer({"mamba_d_conv"}, 4);
  r.gate_rank = c.integer({"adapter_rank"}, 128);
  s.head_dim = s.value_dim = c.integer({"attention_head_dim"}, s.heads > 0 ? 2 * s.hidden / s.heads : 0);
  if (c.flag({"use_shared_attention_adapter"})) c.fault(ErrorKind::unsupported, "use_shared_attention_adapter", "is on, which no rule knows");
  if (!c.flag({"use_shared_mlp_adapter"}, true)) c.fault(ErrorKind::unsupported, "use_shared_mlp_adapter", "is off, which no rule knows");
  if (c.flag({"add_bias_linear"})) c.fault(ErrorKind::unsupported, "add_bias_linear", "is on, which no rule knows");
  std::vector<bool> hybrid(static_cast<std::size_t>(std::max(s.layers, 0)));
  const std::vector<std::string> kinds = c.texts({"layers_block_type"});
  for (std::size_t i = 0; i < kinds.size() && i < hybrid.size(); ++i) hybrid[i] = kinds[i] == "hybrid";
  for (const int layer : c.integers({"hybrid_layer_ids"}))
    if (layer < s.layers) hybrid[static_cast<std::size_t>(layer)] = true;
  const std::size_t shared = static_cast<std::size_t>(std::clamp(c.integer({"num_mem_blocks"}, 1), 1, 64));
  std::vector<int> owners;
  std::size_t run = 0;
  s.pattern.clear();
  for (const bool attends : hybrid) {
    const int at = static_cast<int>(s.pattern.size());
    if (attends) {
      if (owners.size() < shared) owners.push_back(at);
      s.blocks.push_back(owners[run++ % shared]);
      s.pattern += 'F';
    }
    s.blocks.push_back(static_cast<int>(s.pattern.size()));
    s.pattern += 'M';
  }
  if (run == 0) return c.fault(ErrorKind::input, "hybrid_layer_ids", "is missing: nothing says which layers attend");
  s.layers = static_cast<int>(s.pattern.size());
  s.window = 0;
  c.ignore({"attention_hidden_size", "mamba_expand", "use_mem_rope", "use_long_context", "chunk_size", "num_query_groups", "use_mem_eff_path", "layers_block_type"});
}

void mamba2(ConfigReader& c, Shape& s) {
  mamba2_keys(c, s);
  RecurrentShape& r = s.recurrent;
  r.heads = c.integer({"num_heads"}, 128);
  r.head_dim = c.integer({"head_dim"}, 64);
  r.state = c.integer({"state_size"}, 128);
  r.groups = std::max(1, c.integer({"n_groups"}, 8));
  s.ffn = 0;
  s.pattern = "M";
  c.ignore({"time_step_rank", "chunk_size"});
}

namespace {
// State of heads by head, a token before for each of so many parts.
void rwkv_state(Shape& s, int head, int shifts) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::rwkv;
  r.head_dim = r.key_dim = head;
  r.heads = head > 0 ? s.hidden / head : 0;
  r.shifts = shifts;
  s.pattern = "R";
  s.window = 0;
  if (s.max_context == 0) s.max_context = 1048576;   // no limit; what conversions write
}

int by_power(int hidden, double power, double factor) { return std::max(1, static_cast<int>(std::lround(std::pow(hidden, power) * factor / 32))) * 32; }
}  // namespace

void rwkv6(ConfigReader& c, Shape& s) {
  rwkv_state(s, c.integer({"head_size"}, 64), 2);
  if (s.ffn == 0) s.ffn = static_cast<int>(s.hidden * 3.5) / 32 * 32;
  s.recurrent.gate_rank = s.hidden == 4096 ? 64 : 32;
  s.recurrent.dt_rank = s.hidden == 4096 ? 128 : 64;
  c.ignore({"attention_hidden_size", "num_attention_heads", "head_size_divisor", "rescale_every"});
}

// A Qwen 2 whose attention was replaced: its feed-forward parts, its groups of heads and its biases stay.
void rwkv6qwen2(ConfigReader& c, Shape& s) {
  rwkv_state(s, s.heads > 0 ? s.hidden / s.heads : 0, 1);
  s.recurrent.key_heads = s.kv_heads;
  s.recurrent.gate_rank = c.integer({"lora_rank_tokenshift"}, s.hidden >= 4096 ? 64 : 32);
  s.recurrent.dt_rank = c.integer({"lora_rank_decay"}, s.hidden >= 4096 ? 128 : 64);
  c.ignore({"sliding_window", "use_sliding_window", "max_window_layers"});
}

void rwkv7(ConfigReader& c, Shape& s) {
  rwkv_state(s, c.integer({"head_dim", "head_size"}, 64), 2);
  if (s.ffn == 0) s.ffn = 4 * s.hidden;
  RecurrentShape& r = s.recurrent;
  r.dt_rank = c.integer({"decay_low_rank_dim", "lora_rank_decay"}, by_power(s.hidden, 0.5, 1.8));
  r.state = c.integer({"a_low_rank_dim", "lora_rank_iclr"}, by_power(s.hidden, 0.5, 1.8));
  r.groups = c.integer({"v_low_rank_dim", "lora_rank_value_residual_mix"}, by_power(s.hidden, 0.5, 1.3));
  r.gate_rank = c.integer({"gate_low_rank_dim", "lora_rank_gate"}, by_power(s.hidden, 0.8, 0.6));
  c.ignore({"attn", "attn_mode", "value_dim", "hidden_ratio", "num_heads", "attention_hidden_size", "norm_first", "fuse_norm"});
}

// ARWKV: RWKV 7's time mixing in a Qwen 2.
void rwkv_hybrid(ConfigReader& c, Shape& s) {
  rwkv_state(s, c.integer({"head_size"}, 64), 1);
  if (c.integer({"wkv_version"}, 7) != 7) c.fault(ErrorKind::unsupported, "wkv_version", "is not 7, which no rule knows");
  for (int layer = 0; const int held : c.integers({"wkv_layers"}))
    if (held != layer++) return c.fault(ErrorKind::unsupported, "wkv_layers", "leaves layers to attention, which no rule knows");
  RecurrentShape& r = s.recurrent;
  r.dt_rank = r.state = 64;
  r.groups = 32;
  r.gate_rank = c.flag({"wkv_has_gate"}) ? 128 : 0;
  c.ignore({"wkv_layers", "wkv_has_group_norm", "sliding_window", "use_sliding_window", "max_window_layers", "num_wkv_heads", "num_heads"});
}

}  // namespace rigcast::model::detail::config
