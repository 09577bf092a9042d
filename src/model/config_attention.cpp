// Configs whose layers attend in several ways: windows, heads and rotations by kind. Sources as in config_families.cpp.

#include <algorithm>

#include "base/text.hpp"
#include "model/detail/config_shapes.hpp"

namespace rigcast::model::detail::config {

using nlohmann::json;

void windows_off_unless_asked(ConfigReader& c, Shape& s) {  // Qwen 2 and 3 name a window they do not use
  if (!c.flag({"use_sliding_window"})) s.window = 0, s.pattern.clear();
}

namespace {
void every_sixth_full(ConfigReader& c, Shape& s) {
  const int period = c.integer({"sliding_window_pattern", "_sliding_window_pattern"}, 6);
  if (s.pattern.empty() && s.window > 0 && period > 0) s.pattern = std::string(static_cast<std::size_t>(period) - 1, 'S') + "F";
}
}  // namespace

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
  if (!c.flag({"use_bidirectional_attention"})) return;
  s.family = "gemma-embedding";   // tokens of a text see each other, and nothing is kept of them
  s.encoder_only = true;
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

namespace {
// The unified Gemma 4 has no embedding for each layer, and its class no key for one.
bool without_embeddings(ConfigReader& c) { return c.text({"model_type"}).starts_with("gemma4_unified"); }
}  // namespace

void gemma4(ConfigReader& c, Shape& s) {
  every_sixth_full(c, s);
  s.full.head_dim = c.integer({"global_head_dim"}, 512);
  s.full.value_is_key = c.flag({"attention_k_eq_v"});
  s.full.kv_heads = c.integer({"num_global_key_value_heads"}, s.kv_heads);
  if (!s.full.value_is_key) s.full.kv_heads = s.kv_heads;   // of others the class does not look at it
  s.per_layer_embedding = c.integer({"hidden_size_per_layer_input"}, without_embeddings(c) ? 0 : 256);
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

namespace {
void heads_by_kind(ConfigReader& c, Shape& s) {  // Laguna, Step: other head counts in sliding layers
  const std::vector<int> heads = c.integers({"num_attention_heads_per_layer"});
  for (std::size_t i = 0; i < heads.size() && i < s.pattern.size(); ++i)
    (s.pattern[i] == 'S' ? s.sliding : s.full).heads = heads[i];
  if (const json* other = c.object("attention_other_setting")) {
    ConfigReader o(*other, c.file());
    s.sliding.heads = o.integer({"num_attention_heads"});
    s.sliding.kv_heads = o.integer({"num_attention_groups"});
  }
  s.sliding.heads = c.integer({"num_sliding_attention_heads"}, s.sliding.heads);
  c.ignore({"gating", "gating_types", "moe_layers_enum", "need_fp32_gate", "use_head_wise_attn_gate", "attn_output_gate", "zero_centered"});
}
}  // namespace

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
  dense_then_sparse(c, s);
}

}  // namespace rigcast::model::detail::config
