// Configs of mixtures: shared experts, leading dense layers, indexers. Sources as in config_families.cpp.

#include <algorithm>

#include "model/detail/config_shapes.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail::config {

using nlohmann::json;

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

namespace {
Indexer indexer_of(ConfigReader& c, const Indexer& usual) {
  return {c.integer({"index_n_heads"}, usual.heads), c.integer({"index_head_dim"}, usual.dim), c.integer({"index_topk"}, usual.top_k), 0};
}
}  // namespace

void deepseek(ConfigReader& c, Shape& s) {
  const std::vector<int> frequency = c.integers({"moe_layer_freq"});
  if (frequency.empty()) s.experts.every = std::max(c.integer({"moe_layer_freq"}, 1), 1);
  s.indexer = indexer_of(c, {});
  c.ignore({"n_group", "topk_group", "index_topk_pattern", "indexer_types", "index_topk_freq", "index_share_for_mtp_iteration", "indexer_rope_interleave"});
  s.next_token_layers = 0;  // conversions of this family leave the next-token layer out
  if (c.has("topk_method") && c.text({"topk_method"}) != "noaux_tc") s.features.router_correction = false;
  c.ignore({"lm_head", "use_mla"});
  if (s.mla.kv_rank > 0 || s.family != "deepseek2") return;
  s.family = "deepseek2-ocr";   // plain attention (DeepSeek OCR, the smallest VL 2)
  s.features = find_family(s.family)->features;
  s.value_dim = s.head_dim;
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

// DeepSeek V4.1: few layers make the entries and their keys, more choose among them, all read; two layers look up n-grams.
void deepseek_v41(ConfigReader& c, Shape& s) {
  deepseek_v4(c, s);
  s.compressed.sources = c.integers({"kv_source_layer_ids"});
  s.compressed.choosers = c.integers({"index_source_layer_ids"});
  for (const char* key : {"kv_source_layer_ids", "index_source_layer_ids", "engram_layer_ids", "engram_num_embeddings", "engram_head_dim", "engram_n_heads", "engram_max_ngram_size"})
    if (!c.has(key)) return c.fault(ErrorKind::input, key, "is missing");
  Engrams& e = s.engrams;
  e.layers = c.integers({"engram_layer_ids"});
  e.row = c.integer({"engram_head_dim"});
  e.rows_a_token = c.product("engram_n_heads", c.integer({"engram_n_heads"}), std::max(1, c.integer({"engram_max_ngram_size"})) - 1);
  if (const json* rows = c.raw("engram_num_embeddings"); rows != nullptr && rows->is_array())
    for (const json& each : *rows)
      if (each.is_number_integer() && each.get<double>() >= 1 && each.get<double>() <= 1e11) e.rows.push_back(each.get<std::int64_t>());
  if (e.rows.size() != e.layers.size()) return c.fault(ErrorKind::input, "engram_num_embeddings", "must hold a whole number above 0 for each layer of engram_layer_ids");
  s.notes.push_back("The tables of n-grams, of which a token reads a few rows, are counted as weights of the devices; engines may leave them in host memory or on disk.");
  s.notes.push_back("Prompts need the second half of the layers for their last tokens alone; engines that make use of it read prompts up to twice as fast as is told here.");
  c.ignore({"candidate_source_layer_id", "candidate_topk_blocks", "candidate_block_size", "engram_vocab_size", "engram_pad_token_id", "engram_compressed_vocab_size", "dspark_block_size", "dspark_noise_token_id",
            "dspark_target_layer_ids", "dspark_markov_rank", "dspark_n_routed_experts", "dspark_num_experts_per_tok"});
}

void glm_dsa(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  s.indexer = indexer_of(c, {.heads = 32, .dim = 128, .top_k = 2048});
}

namespace {
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
}  // namespace

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

}  // namespace rigcast::model::detail::config
