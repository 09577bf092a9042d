// Configs against tests/truth/llama-families.txt: the config.json of the shape that a header there was made for describes the very tensors that
// llama.cpp made of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "base/text.hpp"
#include "model/config.hpp"

namespace rigcast::model {
namespace {

using Shapes = std::map<std::string, std::array<std::int64_t, 4>>;

// "tensor ffn_up.weight q4_k 2048x8192 0-3,7": one in each of those blocks, or outside them.
void add(Shapes& shapes, const std::vector<std::string_view>& words) {
  std::array<std::int64_t, 4> shape{1, 1, 1, 1};
  std::size_t at = 0;
  for (const std::string_view length : split(words.at(3), 'x')) shape.at(at++) = *parse_int(length);
  if (words.size() == 4) shapes[std::string(words[1])] = shape;
  if (words.size() == 4) return;
  for (const std::string_view range : split(words[4], ',')) {
    const auto ends = split(range, '-');
    for (std::int64_t block = *parse_int(ends.front()); block <= *parse_int(ends.back()); ++block) shapes["blk." + std::to_string(block) + "." + std::string(words[1])] = shape;
  }
}

// The first header of each family.
const std::map<std::string, Shapes>& headers() {
  static const std::map<std::string, Shapes> read = [] {
    std::map<std::string, Shapes> families;
    std::ifstream in(std::filesystem::path(RIGCAST_SOURCE_DIR) / "tests/truth/llama-families.txt");
    std::string family;
    for (std::string line; std::getline(in, line);) {
      const auto words = split_words(line);
      if (!words.empty() && words[0] == "model") family = families.count(std::string(words[1])) == 0 ? std::string(words[1]) : std::string();
      if (!words.empty() && words[0] == "tensor" && !family.empty()) add(families[family], words);
    }
    return families;
  }();
  return read;
}

// `optional`: tensors that llama.cpp takes where they are there, as the header has them, and checkpoints of this family lack.
struct Told { const char* family; const char* optional; const char* config; };
void PrintTo(const Told& told, std::ostream* out) { *out << told.family; }

constexpr Told kTold[] = {
    {"arctic", "", R"({"hidden_size":384,"num_hidden_layers":16,"vocab_size":32064,"max_position_embeddings":40960,"intermediate_size":1536,"num_attention_heads":4,"num_key_value_heads":2,"model_type":"arctic","num_local_experts":128,"num_experts_per_tok":2,"use_residual":true,"parallel_attn_mlp_res":true,"moe_layer_frequency":1,"tie_word_embeddings":true})"},
    {"bitnet", "", R"({"hidden_size":3072,"num_hidden_layers":16,"vocab_size":151936,"max_position_embeddings":40960,"intermediate_size":9216,"num_attention_heads":24,"num_key_value_heads":4,"model_type":"bitnet"})"},
    {"codeshell", "", R"({"model_type":"codeshell","n_embd":1536,"n_layer":12,"n_head":16,"num_query_groups":4,"n_inner":5632,"n_positions":32768,"vocab_size":100352,"tie_word_embeddings":false})"},
    {"cohere2moe", "", R"({"hidden_size":3584,"num_hidden_layers":24,"vocab_size":152064,"max_position_embeddings":40960,"intermediate_size":1536,"num_attention_heads":15,"num_key_value_heads":3,"head_dim":120,"model_type":"cohere2_moe","prefix_dense_intermediate_size":14336,"num_experts":8,"num_experts_per_tok":2,"num_shared_experts":2,"first_k_dense_replace":3,"layer_types":["sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention"],"sliding_window":1024})"},
    {"gptneox", "", R"({"hidden_size":1536,"num_hidden_layers":8,"vocab_size":65024,"max_position_embeddings":32768,"intermediate_size":4096,"num_attention_heads":16,"model_type":"gpt_neox"})"},
    {"granite_swa", "attn_output.bias", R"({"hidden_size":4096,"num_hidden_layers":2,"vocab_size":50257,"max_position_embeddings":40960,"intermediate_size":12288,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":112,"model_type":"granite_swa","layer_types":["sliding_attention","sliding_attention"],"sliding_window":1000})"},
    {"hunyuan_vl", "", R"({"hidden_size":2048,"num_hidden_layers":32,"vocab_size":151936,"max_position_embeddings":32768,"intermediate_size":8960,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":256,"model_type":"hunyuan_vl"})"},
    {"jais", "", R"({"model_type":"jais","n_embd":1536,"n_layer":8,"n_head":16,"n_inner":11008,"n_positions":32768,"vocab_size":151936,"activation_function":"swiglu","position_embedding_type":"alibi","tie_word_embeddings":false})"},
    {"jais2", "", R"({"hidden_size":2560,"num_hidden_layers":32,"vocab_size":32064,"max_position_embeddings":40960,"intermediate_size":14336,"num_attention_heads":32,"num_key_value_heads":8,"model_type":"jais2","attention_bias":true,"mlp_bias":true,"tie_word_embeddings":true})"},
    {"kimi-k3", "", R"({"hidden_size":5120,"num_hidden_layers":28,"vocab_size":200064,"max_position_embeddings":131072,"intermediate_size":10240,"num_attention_heads":32,"num_key_value_heads":32,"model_type":"kimi_k3","hidden_act":"situ","attn_res_block_size":4,"num_experts":60,"num_experts_per_token":8,"num_shared_experts":2,"moe_intermediate_size":2048,"first_k_dense_replace":0,"moe_layer_freq":1,"mla_use_nope":true,"q_lora_rank":1536,"kv_lora_rank":256,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"linear_attn_config":{"full_attn_layers":[4,8,12,16,20,24,28],"num_heads":32,"head_dim":128,"short_conv_kernel_size":4,"gate_lower_bound":-5.0}})"},
    {"maincoder", "", R"({"hidden_size":2560,"num_hidden_layers":6,"vocab_size":50257,"max_position_embeddings":40960,"intermediate_size":6912,"num_attention_heads":24,"num_key_value_heads":8,"head_dim":112,"model_type":"maincoder","tie_word_embeddings":false})"},
    {"mamba", "", R"({"model_type":"mamba","hidden_size":1536,"num_hidden_layers":4,"vocab_size":65024,"intermediate_size":3072,"state_size":16,"conv_kernel":4,"time_step_rank":96,"tie_word_embeddings":false})"},
    {"mamba2", "", R"({"model_type":"mamba2","hidden_size":2048,"num_hidden_layers":24,"vocab_size":128256,"state_size":64,"conv_kernel":4,"num_heads":64,"head_dim":64,"n_groups":1,"tie_word_embeddings":false})"},
    {"mellum", "", R"({"hidden_size":4096,"num_hidden_layers":2,"vocab_size":50257,"max_position_embeddings":32768,"intermediate_size":512,"num_attention_heads":56,"num_key_value_heads":8,"head_dim":64,"model_type":"mellum","num_experts":128,"num_experts_per_tok":2,"moe_intermediate_size":512,"sliding_window":1024,"mlp_layer_types":["sparse","sparse"],"layer_types":["sliding_attention","full_attention"]})"},
    {"minicpm3", "", R"({"hidden_size":512,"num_hidden_layers":16,"vocab_size":262144,"max_position_embeddings":131072,"intermediate_size":3072,"num_attention_heads":8,"num_key_value_heads":8,"model_type":"minicpm3","q_lora_rank":768,"kv_lora_rank":512,"qk_nope_head_dim":192,"qk_rope_head_dim":32,"v_head_dim":224,"tie_word_embeddings":false})"},
    {"muse-glimmer", "", R"({"hidden_size":1024,"num_hidden_layers":32,"vocab_size":152064,"max_position_embeddings":32768,"intermediate_size":2720,"num_attention_heads":10,"num_key_value_heads":5,"head_dim":128,"model_type":"muse_glimmer_text","layer_types":["sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention"],"sliding_window":4096})"},
    {"nanbeige", "", R"({"hidden_size":5120,"num_hidden_layers":3,"vocab_size":50257,"max_position_embeddings":131072,"intermediate_size":6912,"num_attention_heads":32,"num_key_value_heads":8,"head_dim":96,"model_type":"nanbeige","num_loops":3})"},
    {"openelm", "", R"({"model_type":"openelm","model_dim":256,"num_transformer_layers":28,"head_dim":128,"vocab_size":50257,"max_context_length":131072,"ffn_dim_divisor":256,"num_query_heads":[4,4,4,4,4,4,4,4,4,4,4,4,4,4,4,6,6,6,6,6,6,6,6,6,6,6,6,6],"num_kv_heads":[2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2],"ffn_multipliers":[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0],"share_input_output_layers":true})"},
    {"orion", "", R"({"hidden_size":1280,"num_hidden_layers":12,"vocab_size":151936,"max_position_embeddings":32768,"intermediate_size":5632,"num_attention_heads":20,"num_key_value_heads":20,"model_type":"orion"})"},
    {"paddleocr", "", R"({"hidden_size":2304,"num_hidden_layers":6,"vocab_size":49152,"max_position_embeddings":32768,"intermediate_size":14336,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":128,"model_type":"paddleocr_vl"})"},
    {"pangu-embedded", "", R"({"hidden_size":2304,"num_hidden_layers":28,"vocab_size":128256,"max_position_embeddings":131072,"intermediate_size":14336,"num_attention_heads":25,"num_key_value_heads":5,"head_dim":80,"model_type":"PanguEmbedded","bias":true,"tie_word_embeddings":true})"},
    {"plamo", "attn_q.bias attn_k.bias attn_v.bias", R"({"hidden_size":2304,"num_hidden_layers":8,"vocab_size":128256,"max_position_embeddings":4096,"intermediate_size":4608,"num_attention_heads":24,"num_key_value_heads":24,"model_type":"plamo","n_shared_head":1})"},
    {"plamo3", "", R"({"hidden_size":2560,"num_hidden_layers":12,"vocab_size":262144,"max_position_embeddings":40960,"intermediate_size":10240,"num_attention_heads":10,"num_key_value_heads":2,"head_dim":128,"model_type":"plamo3","sliding_window":512,"sliding_window_pattern":8,"tie_word_embeddings":false})"},
    {"refact", "ffn_gate.bias ffn_up.bias ffn_down.bias rope_freqs.weight attn_k.weight attn_v.weight ffn_gate.weight ffn_up.weight ffn_down.weight", R"({"model_type":"gpt_refact","n_embd":4608,"n_layer":2,"n_head":48,"multi_query":false,"vocab_size":262144,"n_positions":4096,"tie_word_embeddings":false})"},
    {"rwkv6", "time_mix_lerp_w.weight time_mix_lerp_k.weight time_mix_lerp_v.weight time_mix_lerp_r.weight time_mix_lerp_g.weight", R"({"model_type":"rwkv6","hidden_size":2560,"num_hidden_layers":4,"intermediate_size":11008,"head_size":64,"vocab_size":65024})"},
    {"rwkv7", "", R"({"model_type":"rwkv7","hidden_size":4096,"num_hidden_layers":8,"intermediate_size":5632,"head_dim":64,"vocab_size":32064,"decay_low_rank_dim":64,"a_low_rank_dim":64,"v_low_rank_dim":64,"gate_low_rank_dim":64})"},
    {"smallthinker", "attn_q.bias attn_k.bias attn_v.bias", R"({"hidden_size":5120,"num_hidden_layers":32,"vocab_size":32064,"max_position_embeddings":131072,"intermediate_size":15360,"num_attention_heads":12,"num_key_value_heads":3,"head_dim":128,"model_type":"smallthinker","moe_num_primary_experts":60,"moe_num_active_primary_experts":6,"moe_ffn_hidden_size":2048,"sliding_window_layout":[0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1,0,1,1,1],"sliding_window_size":4096,"tie_word_embeddings":false})"},
    {"starcoder", "", R"({"model_type":"gpt_bigcode","n_embd":2048,"n_layer":4,"n_head":16,"n_inner":14336,"n_positions":32768,"vocab_size":100277,"multi_query":false,"num_key_value_heads":4,"tie_word_embeddings":false})"},
};

class ConfigTruth : public testing::TestWithParam<Told> {};

TEST_P(ConfigTruth, DescribesTheTensorsOfTheFile) {
  static const catalog::Catalog facts = catalog::Catalog::load().value();
  const Told& told = GetParam();
  const auto a = architecture_from_config(facts, told.config, "config.json", "f16");
  ASSERT_TRUE(a.has_value()) << to_text(a.error());
  EXPECT_EQ(a->family, told.family);
  Shapes ours, theirs = headers().at(told.family);
  for (const Tensor& tensor : a->tensors) ours[tensor.name] = tensor.shape;
  const auto words = split_words(told.optional);
  const auto is_optional = [&](const std::string& name) { return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return name == word || name.ends_with("." + std::string(word)); }); };
  std::erase_if(theirs, [&](const auto& each) { return is_optional(each.first); });
  std::erase_if(ours, [&](const auto& each) { return is_optional(each.first); });
  for (const auto& [name, shape] : theirs) {
    ASSERT_TRUE(ours.contains(name)) << name;
    EXPECT_EQ(ours.at(name), shape) << name;
  }
  for (const auto& [name, shape] : ours) EXPECT_TRUE(theirs.contains(name)) << name;
}

INSTANTIATE_TEST_SUITE_P(All, ConfigTruth, testing::ValuesIn(kTold));

}  // namespace
}  // namespace rigcast::model
