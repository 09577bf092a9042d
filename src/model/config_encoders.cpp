// Configs of encoders: embedding models and rerankers, whose tokens all see each other and of which nothing is kept. Sources as in
// config_families.cpp, and modeling_*.py beside the checkpoints where a class is not in it.

#include <algorithm>

#include "base/text.hpp"
#include "model/detail/config_shapes.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail::config {

// BERT and RoBERTa, whose positions begin behind that of padding.
void bert(ConfigReader& c, Shape& s) {
  s.encoder_only = true;
  s.token_types = c.integer({"type_vocab_size"}, 2);
  if (c.text({"model_type"}) != "bert") s.max_context = std::max<std::int64_t>(0, s.max_context - c.integer({"pad_token_id"}, 1) - 1);
  if (c.text({"position_embedding_type"}, "absolute") != "absolute") c.fault(ErrorKind::unsupported, "position_embedding_type", "is '" + c.text({"position_embedding_type"}) + "', which no rule knows");
  if (c.flag({"is_decoder"})) c.fault(ErrorKind::unsupported, "is_decoder", "is on: no rule knows this model as a decoder");
}

void encoder(ConfigReader&, Shape& s) {
  s.encoder_only = true;
  s.window = 0, s.pattern.clear();
}

namespace {
// Only absolute positions are kept in a table.
void without_table_of_positions(ConfigReader& c, Shape& s) {
  s.encoder_only = true;
  s.token_types = c.integer({"type_vocab_size"});
  s.features.learned_positions = false;
}
}  // namespace

// DeBERTa 2 and 3: distances to each token have an embedding, which all layers share.
void deberta(ConfigReader& c, Shape& s) {
  without_table_of_positions(c, s);
  s.features.learned_positions = c.flag({"position_biased_input"}, true);
  if (!c.flag({"relative_attention"})) c.fault(ErrorKind::unsupported, "relative_attention", "is off, which no rule knows");
  if (!c.flag({"share_att_key"}, false)) c.fault(ErrorKind::unsupported, "share_att_key", "is off, which no rule knows");
  const int buckets = c.integer({"position_buckets"}, -1);
  s.relative_positions = 2 * (buckets > 0 ? buckets : static_cast<int>(std::min<std::int64_t>(s.max_context, 1 << 20)));
  c.ignore({"max_relative_positions", "conv_kernel_size", "conv_act", "norm_rel_ebd", "pos_att_type", "pooler_hidden_size"});
  if (c.integer({"conv_kernel_size"}) > 0) c.fault(ErrorKind::unsupported, "conv_kernel_size", "is above 0: no rule knows this model with a convolution");
}

// DistilBERT: BERT's layers under older names.
void distilbert(ConfigReader& c, Shape& s) {
  s.hidden = c.integer({"dim"}, 768);
  s.ffn = c.integer({"hidden_dim"}, 4 * s.hidden);
  s.head_dim = s.value_dim = s.heads > 0 ? s.hidden / s.heads : 0;
  s.encoder_only = true;
  c.ignore({"sinusoidal_pos_embds"});
}

// MPNet: a bias by distance for each head, one table for all layers; positions begin behind that of padding.
void mpnet(ConfigReader& c, Shape& s) {
  s.encoder_only = true;
  s.max_context = std::max<std::int64_t>(0, s.max_context - c.integer({"pad_token_id"}, 1) - 1);
  c.ignore({"relative_attention_num_buckets"});   // a table of that many numbers a head
}

// Nomic's BERT: rotated positions; in version 2 every so-manyth layer is a mixture.
void nomic_bert(ConfigReader& c, Shape& s) {
  without_table_of_positions(c, s);
  const bool rotated = c.number({"rotary_emb_fraction"}, 1) > 0;
  if (!rotated) c.fault(ErrorKind::unsupported, "rotary_emb_fraction", "is 0, which no rule knows");
  s.experts.count = c.integer({"num_experts"});
  const int every = c.integer({"moe_every_n_layers"});
  if (every > 0 && s.experts.count > 0) {
    s.family = "nomic-bert-moe";
    s.features = find_family(s.family)->features;
    s.experts = {.count = s.experts.count, .used = c.integer({"moe_top_k"}, 1), .width = s.ffn};
    s.experts.every = every;
  } else {
    s.experts = {};
  }
  if (s.ffn == 0) s.ffn = 4 * s.hidden;
  const std::string activation = c.text({"activation_function"}, "gelu");
  s.features.gated = activation == "swiglu" || activation == "geglu" || activation == "glu";
  s.features.qkv_bias = s.features.attention_output_bias = c.flag({"qkv_proj_bias"}, true);
  s.features.ffn_bias = c.flag({"mlp_fc1_bias"}, true);
  if (c.flag({"prenorm"})) c.fault(ErrorKind::unsupported, "prenorm", "is on, which no rule knows");
  c.ignore({"num_shared_experts", "moe_normalize_expert_weights", "moe_resid_pdrop", "expert_choice_router", "ffn_div", "pad_vocab_size_multiple", "add_pooling_layer", "mlp_fc2_bias", "max_trained_positions"});
}

// GTE's second generation: the same with a gate and biases.
void gte(ConfigReader& c, Shape& s) {
  without_table_of_positions(c, s);
  s.features.qkv_bias = s.features.attention_output_bias = s.features.down_bias = true;
  if (c.text({"position_embedding_type"}, "rope") != "rope") c.fault(ErrorKind::unsupported, "position_embedding_type", "is '" + c.text({"position_embedding_type"}) + "', which no rule knows");
  if (c.text({"layer_norm_type"}, "layer_norm") != "layer_norm") c.fault(ErrorKind::unsupported, "layer_norm_type", "is '" + c.text({"layer_norm_type"}) + "', which no rule knows");
  c.ignore({"pack_qkv", "unpad_inputs", "use_memory_efficient_attention", "logn_attention_scale", "logn_attention_clip1"});
}

// ModernBERT: every third layer sees everything, the others a window around each token.
void modern_bert(ConfigReader& c, Shape& s) {
  s.encoder_only = true;
  const int period = std::clamp(c.integer({"global_attn_every_n_layers"}, 3), 1, 64);
  s.window = c.integer({"local_attention"}, 128);
  if (s.pattern.empty()) s.pattern = "F" + std::string(static_cast<std::size_t>(period) - 1, 'S');
  for (const char* bias : {"attention_bias", "mlp_bias", "norm_bias"})
    if (c.flag({bias})) c.fault(ErrorKind::unsupported, bias, "is on, which no rule knows");
  c.ignore({"decoder_bias", "classifier_bias", "embedding_dropout", "mlp_dropout", "sparse_prediction", "repad_logits_with_grad", "reference_compile", "local_rope_theta", "global_rope_theta"});
}

}  // namespace rigcast::model::detail::config
