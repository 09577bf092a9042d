// Configs of language models with layers or experts of their own for pictures, or that listen while they write. Sources as in config_families.cpp.

#include <algorithm>

#include "base/text.hpp"
#include "model/detail/config_shapes.hpp"

namespace rigcast::model::detail::config {

namespace {
int second_of(ConfigReader& c, std::string_view name) {
  const std::vector<int> list = c.integers({name});
  return list.size() > 1 ? list[1] : 0;
}
int first_of(ConfigReader& c, std::string_view name, int usual) {
  const std::vector<int> list = c.integers({name});
  return list.empty() ? usual : list.front();
}
}  // namespace

// ERNIE 4.5 VL: experts for text, and smaller ones for pictures beside them.
void ernie_vl(ConfigReader& c, Shape& s) {
  Experts& e = s.experts;
  e.count = first_of(c, "moe_num_experts", e.count);
  e.width = first_of(c, "moe_intermediate_size", e.width);
  e.seeing = second_of(c, "moe_num_experts");
  e.seeing_width = second_of(c, "moe_intermediate_size");
  if (e.seeing > 0 && e.seeing_width == 0) return c.fault(ErrorKind::input, "moe_intermediate_size", "must say how wide experts for text and for pictures are");
  e.used = c.integer({"moe_k", "num_experts_per_tok"}, e.used);
  e.shared = c.integer({"moe_num_shared_experts"}, e.shared);
  e.shared_width = c.product("moe_num_shared_experts", e.shared, e.width);
  ernie_moe(c, s);
  c.ignore({"pixel_hidden_size", "rope_3d", "freq_allocation", "moe_group_experts", "spatial_conv_size", "temporal_conv_size", "moe_num_attn_moe_head", "moe_dense_experts_token_type_id"});
}

// Llama 3.2 Vision: some layers attend to the picture and to nothing else; its keys and values are computed once a picture.
void mllama(ConfigReader& c, Shape& s) {
  const std::vector<int> layers = c.integers({"cross_attention_layers"});
  if (layers.empty()) return c.fault(ErrorKind::input, "cross_attention_layers", "is missing: nothing says which layers attend to pictures");
  s.pattern.assign(static_cast<std::size_t>(std::max(s.layers, 0)), 'F');
  for (const int layer : layers) {
    if (layer >= s.layers) return c.fault(ErrorKind::input, "cross_attention_layers", "names layer " + std::to_string(layer) + " of " + std::to_string(s.layers));
    s.pattern[static_cast<std::size_t>(layer)] = 'X';
  }
  s.features.rope_factors = false;   // computed where it runs, not kept
  s.extra_embeddings = 8;   // the picture's token
  s.notes.push_back("Pictures are attended to in layers of their own, whose keys and values are kept once a picture and are not counted here; without a picture these layers are passed over.");
}

// CogVLM: pictures go through matrices of their own in every layer.
void cogvlm(ConfigReader& c, Shape& s) {
  s.kv_heads = c.integer({"num_multi_query_heads"}, s.heads);
  s.features.seeing_twins = true;
  c.ignore({"template_version"});
}

// Voxtral Realtime: Ministral's layers behind a window; how far the text is behind the sound is told to each through a narrow gate.
void voxtral_realtime(ConfigReader&, Shape& s) { s.norm_gates = {.rank = 32, .dense = true}; }

}  // namespace rigcast::model::detail::config
