// Configs of mixtures that attend to chosen tokens, or that are another family's under other names. Sources: llama.cpp's conversion folder and
// configuration_*.py of Hugging Face transformers (2026-11).

#include <algorithm>

#include "base/text.hpp"
#include "model/detail/config_shapes.hpp"

namespace rigcast::model::detail::config {
namespace {

bool is_prime(std::int64_t n) {
  for (std::int64_t d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return n > 1;
}

// Every head of every n-gram has a table of its own, as long as the next prime from the base on; together they are padded.
std::int64_t ngram_rows(std::int64_t base, int heads, std::int64_t whole) {
  std::int64_t rows = 0, length = base - 1;
  for (int head = 0; head < heads; ++head) {
    do ++length;
    while (!is_prime(length));
    rows += length;
  }
  return (rows + whole - 1) / whole * whole;
}

constexpr std::int64_t kLongestTable = std::int64_t{1} << 27;   // rows of one head

std::int64_t required_count(ConfigReader& c, std::string_view key, std::int64_t most) {
  const nlohmann::json* value = c.raw(key);
  if (value != nullptr && value->is_number_integer())
    if (const auto count = value->get<std::int64_t>(); count >= 1 && count <= most) return count;
  c.fault(ErrorKind::input, key, value == nullptr ? "is missing" : "must be a whole number of 1 to " + std::to_string(most));
  return 0;
}

void read_ngrams(ConfigReader& c, Shape& s) {
  const std::vector<int> layers = c.integers({"ple_layer_ids"});   // counted from 1
  c.ignore({"ple_embed_dim", "ple_conv_kernel_size", "ngram_size", "heads_per_ngram", "ngram_vocab_size_base", "make_ngram_vocab_size_divisible_by", "split_ngram_parts"});
  if (layers.empty()) return;
  if (layers.size() > 1) return c.fault(ErrorKind::unsupported, "ple_layer_ids", "names several layers, and one table of n-grams is all that is described");
  NGrams& n = s.ngrams;
  n.layer = layers.front() - 1;
  n.size = static_cast<int>(required_count(c, "ngram_size", 4));
  n.kernel = c.integer({"ple_conv_kernel_size"}, 4);
  const int heads = static_cast<int>(required_count(c, "heads_per_ngram", 32)) * std::max(0, n.size - 1);
  const std::int64_t base = required_count(c, "ngram_vocab_size_base", kLongestTable), whole = required_count(c, "make_ngram_vocab_size_divisible_by", 1 << 20);
  const int width = c.integer({"ple_embed_dim"}, s.hidden);
  if (!c.result() || heads == 0) return;
  if (n.layer < 0 || n.layer >= s.layers) return c.fault(ErrorKind::input, "ple_layer_ids", "names a layer that is none of " + std::to_string(s.layers));
  if (width % heads != 0) return c.fault(ErrorKind::input, "ple_embed_dim", "is " + std::to_string(width) + ", which " + std::to_string(heads) + " rows of a token do not share");
  n.rows_a_token = heads;
  n.row = width / heads;
  n.rows = ngram_rows(base, heads, whole);
}

void require(ConfigReader& c, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (!c.has(key)) c.fault(ErrorKind::input, key, "is missing");
}

}  // namespace

// dots 3: DeepSeek V3.2's attention in some layers, in the others latents of another width behind a window; a gate for each head in both.
void dots3_note(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  require(c, {"layer_types", "swa_num_attention_heads", "swa_kv_lora_rank", "swa_qk_nope_head_dim", "swa_qk_rope_head_dim", "swa_v_head_dim", "sliding_window_size", "index_n_heads", "index_head_dim", "index_topk"});
  s.sliding = {.heads = c.integer({"swa_num_attention_heads"})};
  s.sliding_mla = {.q_rank = c.integer({"swa_q_lora_rank"}, s.mla.q_rank), .kv_rank = c.integer({"swa_kv_lora_rank"}), .nope_dim = c.integer({"swa_qk_nope_head_dim"}),
                   .rope_dim = c.integer({"swa_qk_rope_head_dim"}), .value_dim = c.integer({"swa_v_head_dim"})};
  s.window = c.integer({"sliding_window_size"});
  for (const char* key : {"attention_gate_type", "swa_attention_gate_type"})
    if (c.text({key}, "headwise") != "headwise") c.fault(ErrorKind::unsupported, key, "is '" + c.text({key}) + "', which no rule knows");
  if (!c.flag({"use_dsa"}, true)) c.fault(ErrorKind::unsupported, "use_dsa", "is off: no rule knows this model without an indexer");
  if (!c.flag({"k_rope_only_layernorm"}, true)) c.fault(ErrorKind::unsupported, "k_rope_only_layernorm", "is off, which no rule knows");
  c.ignore({"swa_num_key_value_heads", "swa_head_dim", "swa_rope_theta", "apply_mla_qkv_lora_rescale", "normalization", "final_norm"});
}

// Hy 3: a mixture with a shared expert behind a dense layer or more.
void hy_v3(ConfigReader& c, Shape& s) {
  s.experts.width = c.integer({"expert_hidden_dim", "moe_intermediate_size"}, s.experts.width);
  s.experts.shared_width = c.product("num_shared_experts", s.experts.shared, s.experts.width);
  if (!c.flag({"qk_norm", "use_qk_norm"}, true)) s.features.qk_norm = QkNorm::none;
  s.next_token_layers = 0;   // loaders leave the next-token layer out
  s.window = 0, s.pattern.clear();
}

// Mistral Small 4: DeepSeek's latents and mixture.
void mistral4(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  s.window = 0, s.pattern.clear();
}

// Qwen 3.8 Flash: Qwen 3.5's layers in parallel streams, an indexer over pools where they attend, and a table of n-grams.
void qwen4_exp(ConfigReader& c, Shape& s) {
  gated_delta(c, s);
  require(c, {"hc_count", "hc_lowrank", "indexer_n_heads", "indexer_head_dim", "indexer_budget", "indexer_compress_ratio"});
  s.streams = c.integer({"hc_count"});
  s.stream_rank = c.integer({"hc_lowrank"});
  s.indexer = {.heads = c.integer({"indexer_n_heads"}), .dim = c.integer({"indexer_head_dim"}), .top_k = c.integer({"indexer_budget"}), .pool = c.integer({"indexer_compress_ratio"})};
  if (s.streams < 2 || s.stream_rank < 1) c.fault(ErrorKind::input, "hc_count", "and hc_lowrank must say how many streams there are and how they are gated");
  if (s.indexer.pool < 2) c.fault(ErrorKind::input, "indexer_compress_ratio", "must say how many tokens are pooled");
  if (c.integer({"indexer_kv_heads"}, 1) != 1) c.fault(ErrorKind::unsupported, "indexer_kv_heads", "is not 1, which no rule knows");
  s.next_token_layers = 0;   // its draft block stands apart from the model
  s.ffn = 0;
  c.ignore({"mtp", "mtp_use_dedicated_embeddings"});
  read_ngrams(c, s);
}

// Solar Open: GLM 4.5's mixture without biases.
void solar_open(ConfigReader& c, Shape& s) {
  glm4_moe(c, s);
  s.features.qkv_bias = c.flag({"attention_bias"});
}

// Arctic: a dense part as wide as the stream beside the experts of each layer.
void arctic(ConfigReader& c, Shape& s) {
  experts_as_wide_as_ffn(c, s);
  s.experts.every = std::max(1, c.integer({"moe_layer_frequency"}, 1));
  s.features.expert_norm = c.flag({"parallel_attn_mlp_res"}, true);
  if (c.flag({"use_residual"}, true)) s.experts.shared = 1, s.experts.shared_width = s.hidden;
  else s.features.shared_expert_beside_dense = false;
  c.ignore({"moe_token_dropping", "enable_expert_tensor_parallelism"});
}

// Aria: shared experts beside those chosen in every layer, without a dense one before.
void aria(ConfigReader& c, Shape& s) {
  s.experts.used = c.integer({"moe_topk"}, s.experts.used);
  s.experts.width = c.integer({"moe_intermediate_size", "intermediate_size"}, s.experts.width);
  s.experts.shared_width = c.product("moe_num_shared_experts", s.experts.shared, s.experts.width);
  s.ffn = 0;
}

// GroveMoE: groups of experts share a smaller one, which every chosen expert of the group brings along.
void grovemoe(ConfigReader& c, Shape& s) {
  require(c, {"num_experts", "num_experts_per_tok", "moe_intermediate_size", "parallel_expert_intermediate_size"});
  const int group = c.integer({"num_experts_per_group", "experts_per_group"}, 2);
  if (group < 1 || s.experts.count % group != 0) return c.fault(ErrorKind::input, "num_experts_per_group", "is " + std::to_string(group) + ", which does not divide " + std::to_string(s.experts.count) + " experts");
  s.experts.groups = s.experts.count / group;
  s.experts.group_width = c.integer({"parallel_expert_intermediate_size"});
  s.ffn = 0;
  s.window = 0, s.pattern.clear();
  c.ignore({"expert_layer", "decoder_sparse_step", "mlp_only_layers", "parallel_expert_scale"});
}

// openPangu Ultra: DeepSeek V3's structure under its own names, with norms before and behind each part and no correction.
void pangu_ultra(ConfigReader& c, Shape& s) {
  if (s.mla.kv_rank == 0) {
    require(c, {"attention_kv_lora_dim", "attention_qk_dim", "attention_qk_rope_dim", "attention_v_dim"});
    s.mla = {.q_rank = c.integer({"attention_q_lora_dim"}), .kv_rank = c.integer({"attention_kv_lora_dim"}), .nope_dim = c.integer({"attention_qk_dim"}),
             .rope_dim = c.integer({"attention_qk_rope_dim"}), .value_dim = c.integer({"attention_v_dim"})};
  }
  s.experts.count = c.integer({"num_routed_experts", "n_routed_experts"}, s.experts.count);
  s.experts.used = c.integer({"num_experts_per_tok"}, s.experts.used);
  s.experts.width = c.integer({"moe_intermediate_size"}, s.experts.width);
  s.experts.shared = c.integer({"num_shared_experts", "n_shared_experts"}, s.experts.shared);
  s.experts.shared_width = c.product("num_shared_experts", s.experts.shared, s.experts.width);
  s.experts.first_dense = c.integer({"num_dense_layers", "first_k_dense_replace"}, s.experts.first_dense);
  s.features.post_attention_norm = s.features.post_ffn_norm = c.flag({"sandwich_norm"}, true);
  s.next_token_layers = 0;
  c.ignore({"num_mtp_layers"});
}

// A.X K1: DeepSeek V3 whose mixtures are normalised before they are added.
void axk1(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  s.features.post_ffn_norm = true;
}

// A.X K2: DeepSeek V3.2's attention with a gate of the heads' output, and norms gated through a narrow space but before dense parts.
void axk2(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  dense_then_sparse(c, s);
  s.pattern.clear();
  s.indexer = {.heads = c.integer({"index_n_heads"}, 16), .dim = c.integer({"index_head_dim"}, 128), .top_k = c.integer({"index_topk"}, 2048)};
  s.mla.gated = true;
  s.norm_gates = {.rank = c.integer({"gated_norm_rank"}, 16), .attention = true, .mixtures = true};
  if (s.mla.q_rank <= 0) c.fault(ErrorKind::input, "q_lora_rank", "is missing: queries and their gate come of it");
  if (!c.has("first_k_dense_replace") && !c.has("mlp_layer_types")) s.experts.first_dense = 1;
  c.ignore({"indexer_dense_warmup", "indexer_loss_coef", "output_indexer_scores"});
}

// Sarvam 105B: DeepSeek V3's structure, whose head_dim is the width of its cache.
void sarvam_mla(ConfigReader& c, Shape& s) {
  deepseek(c, s);
  c.ignore({"head_dim", "q_head_dim"});
}

// Inkling: attention with a bias by distance instead of positions, short convolutions behind keys, values and both parts, shared experts that the
// router scores, too. The config's intermediate_size is an expert's where dense_intermediate_size stands beside it.
void inkling(ConfigReader& c, Shape& s) {
  require(c, {"d_rel", "n_routed_experts", "num_experts_per_tok", "swa_num_key_value_heads"});
  s.sliding = {.heads = c.integer({"swa_num_attention_heads"}, s.heads), .kv_heads = c.integer({"swa_num_key_value_heads"}), .head_dim = c.integer({"swa_head_dim"}, s.head_dim)};
  s.window = c.integer({"sliding_window_size"}, 512);
  s.distances = {.rank = c.integer({"d_rel"}), .extent = c.integer({"rel_extent"}, 1024), .kernel = c.integer({"sconv_kernel_size", "conv_kernel_size"}, 4)};
  s.recurrent.kind = RecurrentKind::short_conv;
  if (s.pattern.empty()) {
    s.pattern.assign(static_cast<std::size_t>(std::max(s.layers, 0)), c.has("local_layer_ids") ? 'H' : 'L');
    for (const int layer : c.integers({"local_layer_ids"}))
      if (layer < s.layers) s.pattern[static_cast<std::size_t>(layer)] = 'L';
    for (int i = 5; i < s.layers && !c.has("local_layer_ids"); i += 6) s.pattern[static_cast<std::size_t>(i)] = 'H';
  }
  const bool apart = c.has("dense_intermediate_size");
  s.experts.width = c.integer({"moe_intermediate_size"}, apart ? c.integer({"intermediate_size"}) : 3072);
  s.experts.shared_width = c.product("n_shared_experts", s.experts.shared, s.experts.width);
  s.ffn = c.integer({"dense_intermediate_size"}, s.ffn);
  s.experts.first_dense = std::max(0, c.integer({"dense_mlp_idx"}));
  dense_then_sparse(c, s);
  s.features.scored_shared = c.flag({"shared_expert_sink"}, true);
  s.features.embedding_norm = c.flag({"use_embed_norm"}, true);
  s.features.router_correction = c.flag({"use_gate_bias"}, true);
  if (!c.flag({"use_sconv"}, true)) c.fault(ErrorKind::unsupported, "use_sconv", "is off: no rule knows this model without its convolutions");
  if (const int rows = c.integer({"unpadded_vocab_size"}, s.vocab); rows > 0 && rows < s.vocab) s.extra_embeddings = s.vocab - rows, s.vocab = rows;
  s.next_token_layers = 0;   // loaders leave the next-token layers out
  c.ignore({"v_head_dim", "swa_v_head_dim", "num_mtp_layers", "mtp_local_layer_ids", "mtp_hidden_states_first", "chain_hidden_post_norm", "local_layer_ids", "log_scaling_n_floor", "q_bias", "o_bias"});
}

// Grok: norms before and after each part; in Grok 2 a dense part beside the experts of each layer.
void grok(ConfigReader& c, Shape& s) {
  s.window = 0, s.pattern.clear();
  s.head_dim = s.value_dim = c.integer({"head_dim"}, 128);
  s.features.attention_softcap = c.number({"attn_logit_softcapping", "max_attn_value"}, 30);
  experts_as_wide_as_ffn(c, s);
  if (c.flag({"residual_moe"})) {
    s.features.shared_expert_beside_dense = true;
    s.experts.shared = 1;
    s.experts.shared_width = s.ffn;
  }
  c.ignore({"sliding_window_size", "global_attn_every_n", "attn_temperature_len", "attn_factor", "max_attn_value"});
}

// Granite SWASH with a mixture in every layer.
void granite_moe_swa(ConfigReader& c, Shape& s) {
  granite_swa(c, s);
  experts_as_wide_as_ffn(c, s);
  s.experts.shared_width = c.integer({"shared_intermediate_size"});
  s.experts.shared = s.experts.shared_width > 0 ? 1 : 0;
}

// Command A+: its layers' parts share one norm; leading dense layers may slide in another rhythm.
void cohere2_moe(ConfigReader& c, Shape& s) {
  s.experts.width = c.integer({"intermediate_size"});
  s.experts.shared_width = c.product("num_shared_experts", s.experts.shared, s.experts.width);
  dense_then_sparse(c, s);
  s.ffn = c.integer({"prefix_dense_intermediate_size"}, s.ffn);
  const int prefix = c.integer({"prefix_dense_sliding_window_pattern"}, 1), period = c.integer({"sliding_window_pattern"}, 4);
  if (c.text({"shared_expert_combination_strategy"}, "average") != "average" && c.text({"shared_expert_combination_strategy"}) != "sum")
    c.fault(ErrorKind::unsupported, "shared_expert_combination_strategy", "is '" + c.text({"shared_expert_combination_strategy"}) + "', which no rule knows");
  c.ignore({"use_embedding_sharing", "use_gated_activation", "use_parallel_block", "use_parallel_embedding"});
  if (!s.pattern.empty() || s.window == 0 || prefix < 1 || period < 1) return;
  for (int i = 0; i < s.layers; ++i) {
    const bool dense = i < s.experts.first_dense;
    s.pattern += (dense ? (i + 1) % prefix : (i - s.experts.first_dense + 1) % period) != 0 ? 'S' : 'F';
  }
}

// K-EXAONE: EXAONE 4's windows and norms of queries and keys, with norms before each part.
void exaone_moe(ConfigReader& c, Shape& s) {
  every_fourth_full(c, s);
  dense_then_sparse(c, s);
  if (s.experts.first_dense == 0) s.experts.first_dense = c.integer({"first_last_k_dense_replace"});
  s.experts.shared_width = c.product("num_shared_experts", s.experts.shared, s.experts.width);
  s.next_token_layers = 0;   // loaders leave the next-token layer out
  c.ignore({"n_group", "topk_group", "mtp_loss_factor", "is_moe_layer"});
}

namespace {
// LongCat Flash Lite: beside a token's own embedding those of the n-grams that end with it, each in several tables of odd length, narrower and projected.
void longcat_ngrams(ConfigReader& c, Shape& s) {
  const int ratio = c.integer({"ngram_vocab_size_ratio"}), tables = c.product("emb_split_num", c.integer({"emb_split_num"}), std::max(0, c.integer({"emb_neighbor_num"}) - 1));
  if (ratio == 0 && tables == 0) return;
  if (ratio < 1 || tables < 1 || s.hidden % tables != 0) return c.fault(ErrorKind::input, "ngram_vocab_size_ratio", "emb_neighbor_num and emb_split_num must say how the tables of n-grams share the embedding");
  s.engrams = {.layers = {kInputLayer}, .rows = {std::int64_t{tables} * ratio * s.vocab + std::int64_t{tables} * tables}, .row = s.hidden / tables, .rows_a_token = tables};
}
}  // namespace

// LongCat: each layer of the config attends twice and has two dense parts; the experts stand beside the second. Some of those to choose from
// do nothing, so that fewer than the chosen ones compute: their share on average.
void longcat_flash(ConfigReader& c, Shape& s) {
  require(c, {"num_layers", "ffn_hidden_size", "expert_ffn_hidden_size", "moe_topk"});
  s.layers = c.product("num_layers", 2, c.integer({"num_layers"}));
  s.ffn = c.integer({"ffn_hidden_size"});
  s.experts.width = c.integer({"expert_ffn_hidden_size"});
  s.experts.every = 2;
  s.experts.shared = 1;
  s.experts.shared_width = s.ffn;
  s.experts.idle = c.integer({"zero_expert_num"});
  const int chosen = c.integer({"moe_topk"}), all = std::max(1, s.experts.count + s.experts.idle);
  s.experts.used = static_cast<int>((std::int64_t{chosen} * s.experts.count + all / 2) / all);
  if (s.experts.idle > 0) {
    if (c.text({"zero_expert_type"}, "identity") != "identity") c.fault(ErrorKind::unsupported, "zero_expert_type", "is '" + c.text({"zero_expert_type"}) + "', which no rule knows");
    s.notes.push_back("Of the " + std::to_string(chosen) + " experts a token chooses, " + std::to_string(s.experts.used) + " compute on average: " + std::to_string(s.experts.idle) + " of " + std::to_string(all) + " do nothing.");
  }
  s.features.router_bias = c.flag({"router_bias"});
  s.next_token_layers = 0;
  longcat_ngrams(c, s);
  c.ignore({"num_hidden_layers", "attention_method", "mla_scale_q_lora", "mla_scale_kv_lora", "mtp_num_layers"});
}

// Mellum 2: Qwen 3's mixture with windows.
void mellum(ConfigReader& c, Shape& s) {
  dense_then_sparse(c, s);
  if (s.pattern.empty()) s.window = 0;
}

// SmallThinker: which layers slide is listed; every layer has experts.
void smallthinker(ConfigReader& c, Shape& s) {
  s.experts.count = c.integer({"moe_num_primary_experts"}, s.experts.count);
  s.experts.used = c.integer({"moe_num_active_primary_experts"}, s.experts.used);
  s.experts.width = c.integer({"moe_ffn_hidden_size"}, s.experts.width);
  s.window = c.integer({"sliding_window_size"});
  s.pattern.clear();
  for (const int slides : c.integers({"sliding_window_layout"})) s.pattern += slides != 0 ? 'S' : 'F';
  if (s.pattern.find('S') == std::string::npos) s.window = 0, s.pattern.clear();
  for (const int mixes : c.integers({"moe_layer_layout"}))
    if (mixes == 0) c.fault(ErrorKind::unsupported, "moe_layer_layout", "has layers without experts, which no rule knows");
  if (c.flag({"moe_enable_secondary_experts"})) c.fault(ErrorKind::unsupported, "moe_enable_secondary_experts", "is on, which no rule knows");
  c.ignore({"rope_layout", "moe_enable_early_router", "moe_primary_router_apply_softmax", "moe_num_secondary_experts", "moe_num_active_secondary_experts", "moe_secondary_ffn_hidden_size", "profile_sparsity"});
}

// Step 3: queries in two steps, one head of keys and values.
void step3(ConfigReader& c, Shape& s) {
  s.mla.q_rank = c.integer({"share_q_dim"});
  s.kv_heads = 1;
  s.head_dim = s.value_dim = c.integer({"head_dim"}, 256);
  s.experts.shared_width = c.integer({"share_expert_dim"});
  s.experts.shared = s.experts.shared_width > 0 ? 1 : 0;
  s.experts.first_dense = 1;
  const std::string enumerated = c.text({"moe_layers_enum"});
  const std::vector<std::string_view> listed = split(enumerated, ',');
  if (!trim(listed.front()).empty()) {
    s.experts.first_dense = static_cast<int>(parse_int(trim(listed.front())).value_or(0));
    std::int64_t next = s.experts.first_dense;
    for (const std::string_view each : listed)
      if (parse_int(trim(each)) != next++) return c.fault(ErrorKind::unsupported, "moe_layers_enum", "names layers that do not follow each other, which no rule knows");
    s.experts.last_dense = std::max(0, s.layers - static_cast<int>(std::min<std::int64_t>(next, s.layers)));
  }
  c.ignore({"num_attention_groups", "max_position_embedding"});
}

}  // namespace rigcast::model::detail::config
