// Sources: configuration_*.py of Hugging Face transformers (5.x, 2026-11) and the config.json files of the models themselves.

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "model/detail/config_families.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail {
namespace {

using nlohmann::json;

// --- attention of several kinds

void windows_off_unless_asked(ConfigReader& c, Shape& s) {  // Qwen 2 and 3 name a window they do not use
  if (!c.flag({"use_sliding_window"})) s.window = 0, s.pattern.clear();
}

void every_sixth_full(ConfigReader& c, Shape& s) {
  const int period = c.integer({"sliding_window_pattern", "_sliding_window_pattern"}, 6);
  if (s.pattern.empty() && s.window > 0 && period > 0) s.pattern = std::string(static_cast<std::size_t>(period) - 1, 'S') + "F";
}

void every_fourth_full(ConfigReader& c, Shape& s) {
  const std::string letters = c.text({"sliding_window_pattern"});  // EXAONE 4: "LLLG"
  const int period = letters.empty() ? c.integer({"sliding_window_pattern", "global_attn_every_n_layers"}, 4) : static_cast<int>(std::min<std::size_t>(letters.size(), 64));
  if (s.pattern.empty() && s.window > 0 && period > 0) s.pattern = std::string(static_cast<std::size_t>(period) - 1, 'S') + "F";
}

// Configs of Gemma 3 leave out what is the default of its class.
void gemma3(ConfigReader& c, Shape& s) {
  if (s.vocab == 0) s.vocab = 262208;
  if (s.max_context == 0) s.max_context = 131072;
  if (s.heads == 0) {
    s.heads = 8;
    s.kv_heads = c.integer({"num_key_value_heads"}, 4);
  }
  s.head_dim = c.integer({"head_dim"}, 256);
  s.value_dim = s.head_dim;
  every_sixth_full(c, s);
}

void cohere2(ConfigReader& c, Shape& s) {
  c.ignore({"use_embedding_sharing", "use_gated_activation", "use_parallel_block", "use_parallel_embedding"});
  every_fourth_full(c, s);
}

void alternating(ConfigReader&, Shape& s) {
  if (s.pattern.empty() && s.window > 0) s.pattern = "SF";
}

void no_window(ConfigReader&, Shape& s) { s.window = 0, s.pattern.clear(); }

void llama4(ConfigReader& c, Shape& s) {
  s.window = c.integer({"attention_chunk_size"}, 8192);
  if (s.pattern.empty()) s.pattern = "CCCF";
  std::replace(s.pattern.begin(), s.pattern.end(), 'S', 'C');
  s.experts.width = c.integer({"intermediate_size"});
  s.ffn = c.integer({"intermediate_size_mlp"}, s.experts.width);
  s.experts.every = c.integer({"interleave_moe_layer_step"}, 1);
  s.experts.shared = 1;
  s.experts.shared_width = s.experts.width;
  c.ignore({"moe_layers"});
}

void gemma4(ConfigReader& c, Shape& s) {
  every_sixth_full(c, s);
  s.full.head_dim = c.integer({"global_head_dim"}, s.head_dim);
  s.full.kv_heads = c.integer({"num_global_key_value_heads"}, s.kv_heads);
  s.full.value_is_key = c.flag({"attention_k_eq_v"});
  s.per_layer_embedding = c.integer({"hidden_size_per_layer_input"});
  s.shared_cache_layers = c.integer({"num_kv_shared_layers"});
  if (c.flag({"use_double_wide_mlp"})) s.double_ffn_layers = s.shared_cache_layers;
  if (!c.flag({"enable_moe_block"})) s.experts = {};
  if (s.experts.count > 0) s.experts.shared = 1, s.experts.shared_width = s.ffn;
  c.ignore({"vocab_size_per_layer_input"});
}

void gemma3n(ConfigReader& c, Shape& s) {
  if (s.pattern.empty()) s.pattern = "SSSSF";
  s.per_layer_embedding = c.integer({"hidden_size_per_layer_input"}, 256);
  s.shared_cache_layers = c.integer({"num_kv_shared_layers"}, 15);
  const std::vector<int> widths = c.integers({"intermediate_size"});
  if (!widths.empty()) s.ffn = widths.front();
  c.ignore({"altup_num_inputs", "altup_active_idx", "laurel_rank", "vocab_size_per_layer_input", "activation_sparsity_pattern"});
}

void mimo2(ConfigReader& c, Shape& s) {
  const std::vector<int> kinds = c.integers({"hybrid_layer_pattern"});
  s.pattern.clear();
  for (const int slides : kinds) s.pattern += slides != 0 ? 'S' : 'F';
  s.window = c.integer({"sliding_window_size", "sliding_window"}, s.window);
  s.sliding = {c.integer({"swa_num_attention_heads"}), c.integer({"swa_num_key_value_heads"}), c.integer({"swa_head_dim"}), c.integer({"swa_v_head_dim"}), false};
  c.ignore({"attention_chunk_size", "add_full_attention_sink_bias", "add_swa_attention_sink_bias", "attention_value_scale", "hybrid_block_size"});
}

void heads_by_kind(ConfigReader& c, Shape& s) {  // Laguna, Step: other head counts in sliding layers
  const std::vector<int> heads = c.integers({"num_attention_heads_per_layer"});
  for (std::size_t i = 0; i < heads.size() && i < s.pattern.size(); ++i)
    (s.pattern[i] == 'S' ? s.sliding : s.full).heads = heads[i];
  if (const json* other = c.object("attention_other_setting")) {
    ConfigReader o(*other, c.file());
    s.sliding.heads = o.integer({"num_attention_heads"});
    s.sliding.kv_heads = o.integer({"num_attention_groups"});
  }
  c.ignore({"gating", "gating_types", "moe_layers_enum", "need_fp32_gate", "use_head_wise_attn_gate", "attn_output_gate", "zero_centered"});
}

void laguna(ConfigReader& c, Shape& s) {
  heads_by_kind(c, s);
  s.experts.first_dense = static_cast<int>(c.integers({"mlp_only_layers"}).size());
  const std::vector<std::string> kinds = c.texts({"mlp_layer_types"});
  if (!kinds.empty()) s.experts.first_dense = static_cast<int>(std::count(kinds.begin(), kinds.end(), "dense"));
  s.experts.shared_width = c.integer({"shared_expert_intermediate_size"});
  s.experts.shared = s.experts.shared_width > 0 ? 1 : 0;
}

void step(ConfigReader& c, Shape& s) {
  heads_by_kind(c, s);
  s.kv_heads = c.integer({"num_attention_groups"}, s.kv_heads);
  s.experts.shared_width = c.integer({"share_expert_dim", "share_expert_dims"}, s.experts.shared_width);
  s.experts.shared = s.experts.shared_width > 0 ? 1 : 0;
  s.features.head_gate = c.flag({"use_head_wise_attn_gate"}, true);
  const std::string listed = c.text({"moe_layers_enum"});
  if (!listed.empty())
    if (const auto first = parse_int(split(listed, ',').front())) s.experts.first_dense = static_cast<int>(*first);
}

// --- mixtures

void shared_expert_of_qwen(ConfigReader& c, Shape& s) {
  s.experts.shared_width = c.integer({"shared_expert_intermediate_size"}, s.experts.shared_width);
  s.experts.shared = s.experts.shared_width > 0 ? 1 : 0;
  s.experts.every = c.integer({"decoder_sparse_step"}, 1);
  c.ignore({"mlp_only_layers"});
  windows_off_unless_asked(c, s);
}

void qwen3_moe(ConfigReader& c, Shape& s) {
  s.experts.every = c.integer({"decoder_sparse_step"}, 1);
  c.ignore({"mlp_only_layers"});
  windows_off_unless_asked(c, s);
}

void gated_delta(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::gated_delta;
  r.key_heads = c.integer({"linear_num_key_heads"}, 16);
  r.heads = c.integer({"linear_num_value_heads"}, 32);
  r.key_dim = c.integer({"linear_key_head_dim"}, 128);
  r.head_dim = c.integer({"linear_value_head_dim"}, 128);
  r.conv = c.integer({"linear_conv_kernel_dim"}, 4);
  const int period = std::max(c.integer({"full_attention_interval"}, 4), 1);
  if (s.pattern.empty()) s.pattern = std::string(static_cast<std::size_t>(period) - 1, 'R') + "F";
  s.experts.shared_width = c.integer({"shared_expert_intermediate_size"}, s.experts.shared_width);
  s.experts.shared = s.experts.shared_width > 0 ? 1 : 0;
  s.next_token_layers = c.integer({"mtp_num_hidden_layers"});
  c.ignore({"decoder_sparse_step", "mlp_only_layers", "attn_output_gate", "output_gate_type", "mamba_ssm_dtype"});
}

void qwen1(ConfigReader& c, Shape& s) {
  s.ffn = c.integer({"intermediate_size"}) / 2;
  c.ignore({"kv_channels", "use_logn_attn", "use_dynamic_ntk", "softmax_in_fp32"});
}

Indexer indexer_of(ConfigReader& c, const Indexer& usual) {
  return {c.integer({"index_n_heads"}, usual.heads), c.integer({"index_head_dim"}, usual.dim), c.integer({"index_topk"}, usual.top_k), 0};
}

void deepseek(ConfigReader& c, Shape& s) {
  const std::vector<int> frequency = c.integers({"moe_layer_freq"});
  if (frequency.empty()) s.experts.every = std::max(c.integer({"moe_layer_freq"}, 1), 1);
  s.indexer = indexer_of(c, {});
  c.ignore({"n_group", "topk_group", "index_topk_pattern", "indexer_types", "index_topk_freq", "index_share_for_mtp_iteration", "indexer_rope_interleave"});
  s.next_token_layers = 0;  // conversions of this family leave the next-token layer out
}

void deepseek_v32(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  s.indexer = indexer_of(c, {.heads = 64, .dim = 128, .top_k = 2048});
}

void deepseek_v4(ConfigReader& c, Shape& s) {
  s.indexer = indexer_of(c, {.heads = 64, .dim = 128, .top_k = 512});
  s.compressed = {.ratios = c.integers({"compress_ratios"}), .q_rank = c.integer({"q_lora_rank"}), .output_groups = c.integer({"o_groups"}), .output_rank = c.integer({"o_lora_rank"})};
  if (s.compressed.ratios.empty()) c.fault(ErrorKind::input, "compress_ratios", "is missing: nothing says how each layer compresses");
  if (s.compressed.ratios.size() > static_cast<std::size_t>(std::max(s.layers, 0))) s.compressed.ratios.resize(static_cast<std::size_t>(s.layers));  // and of next-token layers
  s.pattern.clear();
  s.value_dim = s.head_dim;
  s.kv_heads = 1;
  s.ffn = 0;
  s.rope_dim = c.integer({"qk_rope_head_dim"});
  s.streams = c.integer({"hc_mult"});
  s.mixing_rounds = c.integer({"hc_sinkhorn_iters"});
  s.experts.hashed = c.integer({"num_hash_layers"});
  s.next_token_layers = 0;  // conversions of this family leave the next-token layer out
  c.ignore({"compress_rope_theta", "n_group", "topk_group", "expert_dtype", "layer_types"});
}

void glm_dsa(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  s.indexer = indexer_of(c, {.heads = 32, .dim = 128, .top_k = 2048});
}

// Which layers have an indexer of their own.
void indexer_owners(ConfigReader& c, Shape& s) {
  const std::vector<std::string> kinds = c.texts({"indexer_types"});
  for (const std::string& kind : kinds) {
    if (kind != "full" && kind != "shared") return c.fault(ErrorKind::unsupported, "indexer_types", "has '" + kind + "', which no rule knows");
    s.indexer.owners.push_back(kind == "full" ? 1 : 0);
  }
  if (kinds.size() > static_cast<std::size_t>(std::max(s.layers, 0))) s.indexer.owners.resize(static_cast<std::size_t>(s.layers));  // and of next-token layers
  if (kinds.size() < static_cast<std::size_t>(std::max(s.layers, 0)))
    c.fault(ErrorKind::input, "indexer_types", kinds.empty() ? "is missing: nothing says which layers have an indexer" : "has " + std::to_string(kinds.size()) + " entries for " + std::to_string(s.layers) + " layers");
  if (!s.indexer.owners.empty() && s.indexer.owners.front() == 0) c.fault(ErrorKind::input, "indexer_types", "begins with 'shared', and nothing comes before it");
  for (const char* key : {"index_n_heads", "index_head_dim", "index_topk"})
    if (!c.has(key)) c.fault(ErrorKind::input, key, "is missing");
}

// Leading layers with a dense feed-forward part, where each layer's kind is listed.
void dense_then_sparse(ConfigReader& c, Shape& s) {
  const std::vector<std::string> kinds = c.texts({"mlp_layer_types"});
  if (kinds.empty()) return;
  const auto sparse = std::find_if(kinds.begin(), kinds.end(), [](const std::string& kind) { return kind != "dense"; });
  if (std::any_of(sparse, kinds.end(), [](const std::string& kind) { return kind != "sparse"; }))
    return c.fault(ErrorKind::unsupported, "mlp_layer_types", "has kinds other than 'dense' and then 'sparse'");
  const int dense = static_cast<int>(sparse - kinds.begin());
  if (c.has("first_k_dense_replace") && s.experts.first_dense != dense) return c.fault(ErrorKind::input, "mlp_layer_types", "begins with " + std::to_string(dense) + " dense layers, first_k_dense_replace says " + std::to_string(s.experts.first_dense));
  s.experts.first_dense = dense;
}

// Hy 4: DeepSeek V3.2's attention with a gate and sinks, indexers that several layers share, streams that are not mixed with each other.
void hy_v4(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  s.pattern.clear();
  indexer_owners(c, s);
  dense_then_sparse(c, s);
  s.streams = c.integer({"hc_mult"});
  if (s.streams < 2) c.fault(ErrorKind::input, "hc_mult", "is missing: nothing says how many streams there are");
  if (c.text({"gating_type"}, "elementwise") != "elementwise") c.fault(ErrorKind::unsupported, "gating_type", "is '" + c.text({"gating_type"}) + "', which no rule knows");
  c.ignore({"enable_lm_head_fp32", "hc_magnitude", "learnable_sink_init", "enable_moe_fp32_combine", "mtp_loss_factor"});
}

// GLM 5.3 Flash: Kimi's delta rule in most layers, in the others latent attention without positions whose indexer scores pools of tokens.
void glm5_next(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  if (const json* linear = c.object("linear_attn_config")) {
    ConfigReader l(*linear, c.file());
    s.recurrent.kind = RecurrentKind::kimi_delta;
    s.recurrent.heads = s.recurrent.key_heads = l.integer({"num_heads"});
    s.recurrent.head_dim = s.recurrent.key_dim = s.recurrent.gate_rank = l.integer({"head_dim"});
    s.recurrent.conv = l.integer({"short_conv_kernel_size"}, 4);
  }
  if (s.pattern.empty()) c.fault(ErrorKind::input, "layer_types", "is missing: nothing says which layers attend");
  if (!c.flag({"mla_use_nope"}) || s.mla.rope_dim != 0) c.fault(ErrorKind::unsupported, "mla_use_nope", "is off: no rule knows this model's attention with positions");
  if (!c.flag({"mhc"}, true)) c.fault(ErrorKind::unsupported, "mhc", "is off: no rule knows this model with one stream");
  indexer_owners(c, s);
  dense_then_sparse(c, s);
  s.indexer.pool = c.integer({"index_kpool"});
  if (s.indexer.pool < 2) c.fault(ErrorKind::input, "index_kpool", "is missing: nothing says how many tokens are pooled");
  s.streams = c.integer({"hc_mult"});
  s.mixing_rounds = c.integer({"hc_sinkhorn_iters"});
  if (s.streams < 2 || s.mixing_rounds < 1) c.fault(ErrorKind::input, "hc_mult", "and hc_sinkhorn_iters must say how many streams there are and how they are mixed");
  c.ignore({"index_kpool_always_select_tail"});
}

void glm4_moe(ConfigReader& c, Shape& s) {
  s.features.qk_norm = c.flag({"use_qk_norm"}) ? QkNorm::head : QkNorm::none;
  s.features.next_token_embeddings = s.next_token_layers > 0;
  s.features.qkv_bias = c.flag({"attention_bias"}, true);
}

void ernie_moe(ConfigReader& c, Shape& s) {
  const std::vector<int> starts = c.integers({"moe_layer_start_index"});
  s.experts.first_dense = starts.empty() ? c.integer({"moe_layer_start_index"}, 1) : starts.front();
  s.experts.every = std::max(c.integer({"moe_layer_interval"}, 1), 1);
  c.ignore({"moe_layer_end_index", "moe_capacity", "moe_gate"});
}

void hunyuan_moe(ConfigReader& c, Shape& s) {
  const auto first_of = [&](std::initializer_list<std::string_view> names, int usual) {
    const std::vector<int> list = c.integers(names);
    return list.empty() ? c.integer(names, usual) : list.front();
  };
  s.experts.used = first_of({"moe_topk"}, s.experts.used);
  s.experts.width = first_of({"moe_intermediate_size"}, s.ffn);
  s.experts.shared = first_of({"num_shared_expert"}, 1);
  s.experts.shared_width = c.product("num_shared_expert", s.ffn, s.experts.shared);
  c.ignore({"cla_share_factor", "use_cla", "moe_layer_num_skipped", "use_mixed_mlp_moe", "num_media_embeds", "org_vocab_size", "moe_drop_tokens", "moe_random_routing_dropped_token"});
}

void experts_as_wide_as_ffn(ConfigReader&, Shape& s) {
  if (s.experts.count > 0 && s.experts.width == 0) s.experts.width = s.ffn;
}

void dbrx(ConfigReader& c, Shape& s) {
  if (const json* attention = c.object("attn_config")) {
    ConfigReader a(*attention, c.file());
    s.kv_heads = a.integer({"kv_n_heads"}, s.kv_heads);
  }
  if (const json* ffn = c.object("ffn_config")) {
    ConfigReader f(*ffn, c.file());
    s.ffn = f.integer({"ffn_hidden_size"});
    s.experts.count = f.integer({"moe_num_experts"});
    s.experts.used = f.integer({"moe_top_k"});
    s.experts.width = s.ffn;
  }
}

void minimax_m3(ConfigReader& c, Shape& s) {
  if (const json* sparse = c.object("sparse_attention_config")) {
    ConfigReader r(*sparse, c.file());
    s.indexer = {r.integer({"sparse_num_index_heads"}), r.integer({"sparse_index_dim"}),
                 c.product("sparse_topk_blocks", r.integer({"sparse_topk_blocks"}), std::max(r.integer({"sparse_block_size"}, 128), 1)), 0};
    const std::vector<int> on = r.integers({"sparse_attention_freq"});
    while (s.indexer.first_layer < static_cast<int>(on.size()) && on[static_cast<std::size_t>(s.indexer.first_layer)] == 0) ++s.indexer.first_layer;
  }
  s.ffn = c.integer({"dense_intermediate_size"}, s.ffn);
  s.experts.width = c.integer({"moe_intermediate_size", "intermediate_size"}, s.experts.width);
  s.experts.shared_width = c.integer({"shared_intermediate_size"}, s.experts.shared_width);
  const std::vector<int> moe = c.integers({"moe_layer_freq"});
  while (s.experts.first_dense < static_cast<int>(moe.size()) && moe[static_cast<std::size_t>(s.experts.first_dense)] == 0) ++s.experts.first_dense;
  c.ignore({"num_mtp_modules", "mtp_transformer_layers", "use_mtp", "qk_norm_type", "attn_type_list", "attention_output_gate", "layer_types"});
}

void minimax_m2(ConfigReader& c, Shape& s) {
  s.experts.width = c.integer({"intermediate_size"});
  s.ffn = 0;
  c.ignore({"num_mtp_modules", "mtp_transformer_layers", "use_mtp", "qk_norm_type", "attn_type_list", "shared_intermediate_size",
            "attn_window_size", "layernorm_full_attention_beta", "layernorm_linear_attention_beta"});
}

void minimax_01(ConfigReader& c, Shape& s) {
  experts_as_wide_as_ffn(c, s);
  const std::vector<int> full = c.integers({"attn_type_list"});
  if (!full.empty()) {
    s.pattern.clear();
    for (const int attends : full) s.pattern += attends != 0 ? 'F' : 'R';
  }
  s.recurrent.kind = RecurrentKind::lightning;
  s.recurrent.heads = s.heads;
  s.recurrent.head_dim = s.head_dim;
  c.ignore({"shared_intermediate_size", "postnorm", "block_size", "full_attn_alpha_factor", "linear_attn_alpha_factor", "mlp_alpha_factor", "mlp_beta_factor"});
}

// --- recurrent

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
  c.ignore({"mtp_hybrid_override_pattern", "mtp_layers_block_type", "mamba_num_groups", "attention_head_dim"});
}

void kimi_linear(ConfigReader& c, Shape& s) {
  s.recurrent.kind = RecurrentKind::kimi_delta;
  if (const json* linear = c.object("linear_attn_config")) {
    ConfigReader l(*linear, c.file());
    s.recurrent.heads = s.recurrent.key_heads = l.integer({"num_heads"});
    s.recurrent.head_dim = s.recurrent.key_dim = s.recurrent.gate_rank = l.integer({"head_dim"});
    s.recurrent.conv = l.integer({"short_conv_kernel_size"}, 4);
    s.pattern.assign(static_cast<std::size_t>(s.layers), 'R');
    for (const int layer : l.integers({"full_attn_layers"}))  // counted from 1
      if (layer >= 1 && layer <= s.layers) s.pattern[static_cast<std::size_t>(layer) - 1] = 'F';
  }
  s.experts.every = std::max(c.integer({"moe_layer_freq"}, 1), 1);
  s.next_token_layers = 0;
  c.ignore({"mla_use_nope", "num_expert_group", "model_max_length", "moe_renormalize", "moe_router_activation_func", "use_grouped_topk"});
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

void jamba(ConfigReader& c, Shape& s) {
  RecurrentShape& r = s.recurrent;
  r.kind = RecurrentKind::mamba1;
  r.heads = 1;
  r.head_dim = c.product("mamba_expand", c.integer({"mamba_expand"}, 2), s.hidden);
  r.state = c.integer({"mamba_d_state"}, 16);
  r.conv = c.integer({"mamba_d_conv"}, 4);
  r.dt_rank = c.integer({"mamba_dt_rank"}, (s.hidden + 15) / 16);
  const int period = std::max(c.integer({"attn_layer_period"}, 8), 1), offset = c.integer({"attn_layer_offset"}, 4);
  s.pattern.assign(static_cast<std::size_t>(period), 'R');
  if (offset < period) s.pattern[static_cast<std::size_t>(offset)] = 'F';
  s.experts.every = std::max(c.integer({"expert_layer_period"}, 2), 1);
  if (s.experts.count <= 1) s.experts = {};
  experts_as_wide_as_ffn(c, s);
  c.ignore({"expert_layer_offset", "num_logits_to_keep", "use_mamba_kernels", "calc_logits_for_entire_prompt"});
}

// --- the rest

void falcon(ConfigReader& c, Shape& s) {
  const bool decoder = c.flag({"new_decoder_architecture"});
  if (!decoder) s.kv_heads = c.flag({"multi_query"}, true) ? 1 : s.heads;
  s.features.second_attention_norm = decoder;
  s.head_dim = s.hidden / std::max(s.heads, 1);
  if (s.ffn == 0) s.ffn = 4 * s.hidden;
  c.ignore({"parallel_attn", "num_ln_in_parallel_attn"});
}

void four_times(ConfigReader&, Shape& s) {
  if (s.ffn == 0) s.ffn = 4 * s.hidden;
}

void phi3(ConfigReader& c, Shape& s) {
  c.ignore({"embd_pdrop", "resid_pdrop", "original_max_position_embeddings", "partial_rotary_factor", "full_attn_mod", "interpolate_factor"});
  no_window(c, s);
}

void stablelm(ConfigReader& c, Shape& s) { s.features.qkv_bias = c.flag({"use_qkv_bias"}); }

void cohere(ConfigReader& c, Shape& s) {
  if (c.flag({"use_qk_norm"})) s.features.qk_norm = QkNorm::per_head;
}

void chatglm(ConfigReader& c, Shape& s) {
  if (!c.flag({"multi_query_attention"})) s.kv_heads = s.heads;
  c.ignore({"kv_channels", "interleaved_qkv", "prefix_projection", "pre_seq_len"});
}

void olmo(ConfigReader& c, Shape& s) { c.number({"clip_qkv"}), four_times(c, s); }

void starcoder2(ConfigReader& c, Shape& s) {
  c.ignore({"embedding_dropout"});
  no_window(c, s);
}

void deci(ConfigReader& c, Shape& s) {
  const json* blocks = c.raw("block_configs");
  if (!blocks || !blocks->is_array()) return;
  for (const json& block : *blocks) {
    const json attention = block.is_object() ? block.value("attention", json::object()) : json::object();
    const json ffn = block.is_object() ? block.value("ffn", json::object()) : json::object();
    ConfigReader a(attention, c.file()), f(ffn, c.file());
    const int group = a.integer({"n_heads_in_group"});
    const bool attends = !a.flag({"no_op"}) && !a.flag({"replace_with_linear"}) && group > 0;
    s.layer_heads.push_back(attends ? s.heads : 0);
    s.layer_kv_heads.push_back(attends ? s.heads / group : 0);
    // The width is a multiplier of the hidden size, two thirds of it and rounded up to 256 as in Llama.
    const int rounded = c.product("ffn_mult", 256, std::ceil(std::floor(2 * f.number({"ffn_mult"}, 0) * s.hidden / 3) / 256));
    const int exact = f.integer({"intermediate_size"}, rounded);
    s.layer_ffn.push_back(f.flag({"no_op"}) || f.flag({"replace_with_linear"}) ? 0 : exact);
  }
}

void deci_lm(ConfigReader& c, Shape& s) { s.layer_kv_heads = c.integers({"num_key_value_heads_per_layer"}); }

void qk_norm_if_asked(ConfigReader& c, Shape& s) {
  s.features.qk_norm = c.flag({"use_qk_norm", "qk_norm"}, s.features.qk_norm != QkNorm::none) ? QkNorm::head : QkNorm::none;
}

void afmoe(ConfigReader& c, Shape& s) {
  every_fourth_full(c, s);
  s.experts.first_dense = c.integer({"num_dense_layers"});
}

// In order of name.
constexpr std::array kTypes = {
    ModelType{"afmoe", "afmoe", false, afmoe},
    ModelType{"apertus", "apertus"},
    ModelType{"arcee", "arcee"},
    ModelType{"baichuan", "baichuan"},
    ModelType{"bailing_moe", "bailingmoe"},
    ModelType{"bailing_moe_v2", "bailingmoe2", false, qk_norm_if_asked},
    ModelType{"bloom", "bloom", true, four_times},
    ModelType{"chatglm", "chatglm", false, chatglm},
    ModelType{"cohere", "command-r", true, cohere},
    ModelType{"cohere2", "cohere2", true, cohere2},
    ModelType{"dbrx", "dbrx", false, dbrx},
    ModelType{"deci", "deci", false, deci_lm},
    ModelType{"deepseek", "deepseek"},
    ModelType{"deepseek_v2", "deepseek2", false, deepseek},
    ModelType{"deepseek_v3", "deepseek2", false, deepseek},
    ModelType{"deepseek_v32", "deepseek32", false, deepseek_v32},
    ModelType{"deepseek_v4", "deepseek4", false, deepseek_v4},
    ModelType{"dots1", "dots1", false, no_window},
    ModelType{"ernie4_5", "ernie4_5", true},
    ModelType{"ernie4_5_moe", "ernie4_5-moe", true, ernie_moe},
    ModelType{"exaone", "exaone"},
    ModelType{"exaone4", "exaone4", false, every_fourth_full},
    ModelType{"falcon", "falcon", true, falcon},
    ModelType{"falcon_h1", "falcon-h1", false, falcon_h1},
    ModelType{"gemma", "gemma", true},
    ModelType{"gemma2", "gemma2", true, alternating},
    ModelType{"gemma3", "gemma3", true, gemma3},
    ModelType{"gemma3_text", "gemma3", true, gemma3},
    ModelType{"gemma3n", "gemma3n", true, gemma3n},
    ModelType{"gemma3n_text", "gemma3n", true, gemma3n},
    ModelType{"gemma4", "gemma4", true, gemma4},
    ModelType{"gemma4_text", "gemma4", true, gemma4},
    ModelType{"gemma4_unified", "gemma4", true, gemma4},
    ModelType{"gemma4_unified_text", "gemma4", true, gemma4},
    ModelType{"glm", "chatglm"},
    ModelType{"glm4", "glm4"},
    ModelType{"glm4_moe", "glm4moe", false, glm4_moe},
    ModelType{"glm4_moe_lite", "deepseek2", false, deepseek},
    ModelType{"glm4v_moe_text", "glm4moe", false, glm4_moe},
    ModelType{"glm5_next", "glm5-next", false, glm5_next},
    ModelType{"glm5_next_text", "glm5-next", false, glm5_next},
    ModelType{"glm_moe_dsa", "glm-dsa", false, glm_dsa},
    ModelType{"gpt2", "gpt2", true, four_times},
    ModelType{"gpt_oss", "gpt-oss", false, alternating},
    ModelType{"gptj", "gptj", false, four_times},
    ModelType{"granite", "granite", true},
    ModelType{"granitemoe", "granitemoe", true, experts_as_wide_as_ffn},
    ModelType{"granitemoehybrid", "granitehybrid", true, granite_hybrid},
    ModelType{"granitemoeshared", "granitemoe", true, experts_as_wide_as_ffn},
    ModelType{"hunyuan", "hunyuan-moe", true, hunyuan_moe},
    ModelType{"hunyuan_v1_dense", "hunyuan-dense", true},
    ModelType{"hunyuan_v1_moe", "hunyuan-moe", true, hunyuan_moe},
    ModelType{"hy_v4", "hy_v4", false, hy_v4},
    ModelType{"internlm", "llama"},
    ModelType{"internlm2", "internlm2"},
    ModelType{"internlm3", "llama"},
    ModelType{"jamba", "jamba", false, jamba},
    ModelType{"kimi_k2", "deepseek2", false, deepseek},
    ModelType{"kimi_k25", "deepseek2", false, deepseek},
    ModelType{"kimi_linear", "kimi-linear", false, kimi_linear},
    ModelType{"laguna", "laguna", false, laguna},
    ModelType{"lfm2", "lfm2", true, lfm2},
    ModelType{"lfm2_moe", "lfm2moe", true, lfm2},
    ModelType{"llama", "llama"},
    ModelType{"llama4", "llama4", false, llama4},
    ModelType{"llama4_text", "llama4", false, llama4},
    ModelType{"mimo", "qwen2", false, windows_off_unless_asked},
    ModelType{"mimo_v2_flash", "mimo2", false, mimo2},
    ModelType{"minimax", "minimax-01", false, minimax_01},
    ModelType{"minimax_m1", "minimax-01", false, minimax_01},
    ModelType{"minimax_m2", "minimax-m2", false, minimax_m2},
    ModelType{"minimax_m3", "minimax-m3", false, minimax_m3},
    ModelType{"minimax_m3_text", "minimax-m3", false, minimax_m3},
    ModelType{"minimax_text_01", "minimax-01", false, minimax_01},
    ModelType{"ministral", "mistral3"},
    ModelType{"ministral3", "mistral3"},
    ModelType{"mistral", "llama"},
    ModelType{"mixtral", "llama", false, experts_as_wide_as_ffn},
    ModelType{"nemotron", "nemotron"},
    ModelType{"nemotron-nas", "deci", false, deci},
    ModelType{"nemotron_h", "nemotron_h", false, nemotron_h},
    ModelType{"olmo", "olmo", false, olmo},
    ModelType{"olmo2", "olmo2"},
    ModelType{"olmo3", "olmo2", false, every_fourth_full},
    ModelType{"olmoe", "olmoe", false, experts_as_wide_as_ffn},
    ModelType{"opt", "opt", true, four_times},
    ModelType{"phi", "phi2"},
    ModelType{"phi3", "phi3", false, phi3},
    ModelType{"phimoe", "phimoe", false, experts_as_wide_as_ffn},
    ModelType{"qwen", "qwen", false, qwen1},
    ModelType{"qwen2", "qwen2", false, windows_off_unless_asked},
    ModelType{"qwen2_5_vl", "qwen2vl", false, windows_off_unless_asked},
    ModelType{"qwen2_5_vl_text", "qwen2vl", false, windows_off_unless_asked},
    ModelType{"qwen2_moe", "qwen2moe", false, shared_expert_of_qwen},
    ModelType{"qwen2_vl", "qwen2vl", false, windows_off_unless_asked},
    ModelType{"qwen2_vl_text", "qwen2vl", false, windows_off_unless_asked},
    ModelType{"qwen3", "qwen3", false, windows_off_unless_asked},
    ModelType{"qwen3_5", "qwen35", false, gated_delta},
    ModelType{"qwen3_5_moe", "qwen35moe", false, gated_delta},
    ModelType{"qwen3_5_moe_text", "qwen35moe", false, gated_delta},
    ModelType{"qwen3_5_text", "qwen35", false, gated_delta},
    ModelType{"qwen3_moe", "qwen3moe", false, qwen3_moe},
    ModelType{"qwen3_next", "qwen3next", false, gated_delta},
    ModelType{"qwen3_omni_moe_text", "qwen3vlmoe", false, qwen3_moe},
    ModelType{"qwen3_vl", "qwen3vl"},
    ModelType{"qwen3_vl_moe", "qwen3vlmoe", false, qwen3_moe},
    ModelType{"qwen3_vl_moe_text", "qwen3vlmoe", false, qwen3_moe},
    ModelType{"qwen3_vl_text", "qwen3vl"},
    ModelType{"seed_oss", "seed_oss"},
    ModelType{"smollm3", "smollm3", true, windows_off_unless_asked},
    ModelType{"stablelm", "stablelm", false, stablelm},
    ModelType{"starcoder2", "starcoder2", true, starcoder2},
    ModelType{"step3p5", "step35", false, step},
    ModelType{"step3p7", "step35", false, step},
    ModelType{"yi", "llama"},
};

constexpr bool by_name(const ModelType& a, const ModelType& b) { return a.name < b.name; }
static_assert(std::is_sorted(kTypes.begin(), kTypes.end(), by_name));

}  // namespace

const ModelType* find_model_type(std::string_view name) {
  const auto at = std::lower_bound(kTypes.begin(), kTypes.end(), ModelType{name, {}}, by_name);
  return at != kTypes.end() && at->name == name ? &*at : nullptr;
}

std::vector<std::string> model_type_names() {
  std::vector<std::string> names;
  for (const ModelType& each : kTypes) names.emplace_back(each.name);
  return names;
}

}  // namespace rigcast::model::detail
