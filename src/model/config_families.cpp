// Sources: configuration_*.py of Hugging Face transformers (5.x, 2026-11) and the config.json files of the models themselves.

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "model/detail/config_shapes.hpp"
#include "model/family.hpp"

namespace rigcast::model::detail {
namespace {

using namespace config;
using nlohmann::json;

void falcon(ConfigReader& c, Shape& s) {
  const bool decoder = c.flag({"new_decoder_architecture"});
  if (!decoder) s.kv_heads = c.flag({"multi_query"}, true) ? 1 : s.heads;
  s.features.second_attention_norm = decoder;
  s.head_dim = s.hidden / std::max(s.heads, 1);
  if (s.ffn == 0) s.ffn = 4 * s.hidden;
  if (s.max_context == 0) s.max_context = 2048;
  c.ignore({"parallel_attn", "num_ln_in_parallel_attn"});
}

void phi3(ConfigReader& c, Shape& s) {
  c.ignore({"embd_pdrop", "resid_pdrop", "original_max_position_embeddings", "partial_rotary_factor", "full_attn_mod", "interpolate_factor", "embd_layer", "img_processor"});
  no_window(c, s);
}

void stablelm(ConfigReader& c, Shape& s) { s.features.qkv_bias = c.flag({"use_qkv_bias"}); }

void cohere(ConfigReader& c, Shape& s) {
  if (c.flag({"use_qk_norm"})) s.features.qk_norm = QkNorm::per_head;
  s.max_context = c.integer({"model_max_length"}, static_cast<int>(s.max_context));   // what it was trained on, not the class's default beside it
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

// Chameleon: norms of queries and keys by head, with biases; the larger one has its norms behind each part, which adds none.
void chameleon(ConfigReader& c, Shape& s) {
  s.features.qk_norm_bias = true;
  c.ignore({"model_parallel_size", "swin_norm", "qk_layernorm"});
}

// GPT-Neo: layers see everything or a window, by turns that are written as [[["global", "local"], 12]], or layer by layer.
void gpt_neo(ConfigReader& c, Shape& s) {
  s.heads = s.kv_heads = c.integer({"num_heads"}, 16);
  s.head_dim = s.value_dim = s.heads > 0 ? s.hidden / s.heads : 0;
  four_times(c, s);
  std::vector<std::string> turns = c.texts({"attention_layers"});
  const json* types = c.raw("attention_types");
  if (turns.empty() && types && types->is_array() && types->size() == 1 && types->front().is_array() && !types->front().empty() && types->front().front().is_array())
    for (const json& each : types->front().front()) turns.push_back(each.is_string() ? each.get<std::string>() : std::string());
  for (const std::string& turn : turns) {
    if (turn != "global" && turn != "local") return c.fault(ErrorKind::unsupported, "attention_types", "has '" + turn + "', which no rule knows");
    s.pattern += turn == "local" ? 'S' : 'F';
  }
  if (turns.empty()) return c.fault(ErrorKind::input, "attention_types", "is missing: nothing says which layers see a window");
  c.ignore({"attention_layers", "attention_types"});
}

void persimmon(ConfigReader& c, Shape& s) {
  if (!c.flag({"qk_layernorm"}, true)) s.features.qk_norm = QkNorm::none;
}

void pangu(ConfigReader& c, Shape& s) { s.features.qkv_bias = s.features.attention_output_bias = c.flag({"bias", "attention_bias"}, true); }

void opt(ConfigReader& c, Shape& s) {
  four_times(c, s);
  if (c.integer({"word_embed_proj_dim"}, s.hidden) != s.hidden) c.fault(ErrorKind::unsupported, "word_embed_proj_dim", "is not hidden_size: no rule knows this model with narrower embeddings");
  if (!c.flag({"do_layer_norm_before"}, true)) c.fault(ErrorKind::unsupported, "do_layer_norm_before", "is off, which no rule knows");
}

void phimoe(ConfigReader& c, Shape& s) {
  experts_as_wide_as_ffn(c, s);
  s.features.head_bias = c.flag({"lm_head_bias"}, true);
  no_window(c, s);
}

void cwm(ConfigReader& c, Shape& s) {
  first_of_four_full(c, s);
  s.features.rope_factors = false;   // computed where it runs, not kept
}

void hyperclovax(ConfigReader& c, Shape& s) { s.features.post_attention_norm = s.features.post_ffn_norm = c.flag({"use_post_norm"}, true); }

void paddleocr(ConfigReader& c, Shape&) { c.ignore({"compression_ratio"}); }   // of images

void qk_norm_if_asked(ConfigReader& c, Shape& s) {
  s.features.qk_norm = c.flag({"use_qk_norm", "qk_norm"}, s.features.qk_norm != QkNorm::none) ? QkNorm::head : QkNorm::none;
}

void afmoe(ConfigReader& c, Shape& s) {
  every_fourth_full(c, s);
  s.experts.first_dense = c.integer({"num_dense_layers"});
}

// In order of name.
constexpr std::array kTypes = {
    ModelType{"Keye", "qwen3", false, windows_off_unless_asked},
    ModelType{"KeyeVL1_5", "qwen3", false, windows_off_unless_asked},
    ModelType{"PanguEmbedded", "pangu-embedded", false, pangu},
    ModelType{"PanguUltraMoE", "pangu-ultra-moe", false, pangu_ultra},
    ModelType{"afmoe", "afmoe", false, afmoe},
    ModelType{"apertus", "apertus"},
    ModelType{"aquila", "llama"},
    ModelType{"arcee", "arcee"},
    ModelType{"arctic", "arctic", false, arctic},
    ModelType{"aria_text", "aria", false, aria},
    ModelType{"axk1", "deepseek2", false, axk1},
    ModelType{"axk2", "axk2", false, axk2},
    ModelType{"baichuan", "baichuan"},
    ModelType{"bailing_hybrid", "bailingmoe3", false, bailing_hybrid},
    ModelType{"bailing_moe", "bailingmoe"},
    ModelType{"bailing_moe_v2", "bailingmoe2", false, qk_norm_if_asked},
    ModelType{"bamba", "granitehybrid", false, bamba},
    ModelType{"bert", "bert", false, bert},
    ModelType{"bitnet", "bitnet", true},
    ModelType{"bloom", "bloom", true, four_times},
    ModelType{"camembert", "bert", false, bert},
    ModelType{"chameleon", "chameleon", false, chameleon},
    ModelType{"chatglm", "chatglm", false, chatglm},
    ModelType{"codegen", "codegen", false, four_times},
    ModelType{"codeshell", "codeshell", true, codeshell},
    ModelType{"cogvlm", "cogvlm", false, cogvlm},
    ModelType{"cohere", "command-r", true, cohere},
    ModelType{"cohere2", "cohere2", true, cohere2},
    ModelType{"cohere2_moe", "cohere2moe", true, cohere2_moe},
    ModelType{"cwm", "cwm", false, cwm},
    ModelType{"dbrx", "dbrx", false, dbrx},
    ModelType{"deberta-v2", "bert", false, deberta},
    ModelType{"deci", "deci", false, deci_lm},
    ModelType{"deepseek", "deepseek"},
    ModelType{"deepseek_v2", "deepseek2", false, deepseek},
    ModelType{"deepseek_v3", "deepseek2", false, deepseek},
    ModelType{"deepseek_v32", "deepseek32", false, deepseek_v32},
    ModelType{"deepseek_v4", "deepseek4", false, deepseek_v4},
    ModelType{"deepseek_v41", "deepseek41", false, deepseek_v41},
    ModelType{"deepseek_v41_text", "deepseek41", false, deepseek_v41},
    ModelType{"distilbert", "bert", false, distilbert},
    ModelType{"dots1", "dots1", false, no_window},
    ModelType{"dots3_note", "dots3note", false, dots3_note},
    ModelType{"dots_ocr", "qwen2", false, windows_off_unless_asked},
    ModelType{"emu3_text_model", "llama"},
    ModelType{"ernie4_5", "ernie4_5", true},
    ModelType{"ernie4_5_moe", "ernie4_5-moe", true, ernie_moe},
    ModelType{"ernie4_5_moe_vl", "ernie4_5-vl", true, ernie_vl},
    ModelType{"ernie4_5_vl", "ernie4_5-vl", true, ernie_vl},
    ModelType{"ernie4_5_vl_moe_text", "ernie4_5-vl", true, ernie_vl},
    ModelType{"eurobert", "eurobert", false, encoder},
    ModelType{"exaone", "exaone"},
    ModelType{"exaone4", "exaone4", false, every_fourth_full},
    ModelType{"exaone4_5_text", "exaone4", false, every_fourth_full},
    ModelType{"exaone_moe", "exaone-moe", false, exaone_moe},
    ModelType{"falcon", "falcon", true, falcon},
    ModelType{"falcon_h1", "falcon-h1", false, falcon_h1},
    ModelType{"falcon_mamba", "mamba", false, mamba},
    ModelType{"flex_olmo", "flexolmo", false, experts_as_wide_as_ffn},
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
    ModelType{"glm4v", "glm4"},
    ModelType{"glm4v_moe_text", "glm4moe", false, glm4_moe},
    ModelType{"glm4v_text", "glm4"},
    ModelType{"glm5_next", "glm5-next", false, glm5_next},
    ModelType{"glm5_next_text", "glm5-next", false, glm5_next},
    ModelType{"glm_moe_dsa", "glm-dsa", false, glm_dsa},
    ModelType{"glm_ocr_text", "glm4"},
    ModelType{"gpt2", "gpt2", true, four_times},
    ModelType{"gpt_bigcode", "starcoder", true, shared_keys},
    ModelType{"gpt_neo", "gpt-neo", true, gpt_neo},
    ModelType{"gpt_neox", "gptneox", false, four_times},
    ModelType{"gpt_oss", "gpt-oss", false, alternating},
    ModelType{"gpt_refact", "refact", false, refact},
    ModelType{"gptj", "gptj", false, four_times},
    ModelType{"granite", "granite", true},
    ModelType{"granite4_vision_text", "granite", true},
    ModelType{"granite_swa", "granite_swa", true, granite_swa},
    ModelType{"granitemoe", "granitemoe", true, experts_as_wide_as_ffn},
    ModelType{"granitemoe_swa", "granite_swa", false, granite_moe_swa},
    ModelType{"granitemoehybrid", "granitehybrid", true, granite_hybrid},
    ModelType{"granitemoeshared", "granitemoe", true, experts_as_wide_as_ffn},
    ModelType{"grok", "grok", false, grok},
    ModelType{"grove_moe", "grovemoe", false, grovemoe},
    ModelType{"grovemoe", "grovemoe", false, grovemoe},
    ModelType{"helium", "helium"},
    ModelType{"hunyuan", "hunyuan-moe", true, hunyuan_moe},
    ModelType{"hunyuan_v1_dense", "hunyuan-dense", true},
    ModelType{"hunyuan_v1_moe", "hunyuan-moe", true, hunyuan_moe},
    ModelType{"hunyuan_vl", "hunyuan_vl", true},
    ModelType{"hunyuan_vl_text", "hunyuan_vl", true},
    ModelType{"hy_v3", "hy_v3", false, hy_v3},
    ModelType{"hy_v4", "hy_v4", false, hy_v4},
    ModelType{"hyperclovax", "hyperclovax", false, hyperclovax},
    ModelType{"inkling_mm_model", "inkling", false, inkling},
    ModelType{"inkling_model", "inkling", false, inkling},
    ModelType{"inkling_text", "inkling", false, inkling},
    ModelType{"internlm", "llama"},
    ModelType{"internlm2", "internlm2"},
    ModelType{"internlm3", "llama"},
    ModelType{"iquestcoder", "llama"},
    ModelType{"jais", "jais", true, jais},
    ModelType{"jais2", "jais2"},
    ModelType{"jamba", "jamba", false, jamba},
    ModelType{"k2_horizon", "k2-horizon", false, k2_horizon},
    ModelType{"kimi_k2", "deepseek2", false, deepseek},
    ModelType{"kimi_k25", "deepseek2", false, deepseek},
    ModelType{"kimi_k3", "kimi-k3", false, kimi_linear},
    ModelType{"kimi_k3_text", "kimi-k3", false, kimi_linear},
    ModelType{"kimi_linear", "kimi-linear", false, kimi_linear},
    ModelType{"laguna", "laguna", false, laguna},
    ModelType{"lfm2", "lfm2", true, lfm2},
    ModelType{"lfm2_moe", "lfm2moe", true, lfm2},
    ModelType{"llama", "llama"},
    ModelType{"llama4", "llama4", false, llama4},
    ModelType{"llama4_text", "llama4", false, llama4},
    ModelType{"longcat_flash", "longcat-flash", false, longcat_flash},
    ModelType{"longcat_flash_ngram", "longcat-flash", false, longcat_flash},
    ModelType{"maincoder", "maincoder", true},
    ModelType{"mamba", "mamba", true, mamba},
    ModelType{"mamba2", "mamba2", false, mamba2},
    ModelType{"mellum", "mellum", false, mellum},
    ModelType{"mimo", "qwen2", false, windows_off_unless_asked},
    ModelType{"mimo_v2", "mimo2", false, mimo2},
    ModelType{"mimo_v2_flash", "mimo2", false, mimo2},
    ModelType{"minicpm", "minicpm", true},
    ModelType{"minicpm3", "minicpm3", true, expanded_latents},
    ModelType{"minicpmo", "qwen2", false, minicpm_v},
    ModelType{"minicpmv", "qwen2", false, minicpm_v},
    ModelType{"minimax", "minimax-01", false, minimax_01},
    ModelType{"minimax_m1", "minimax-01", false, minimax_01},
    ModelType{"minimax_m2", "minimax-m2", false, minimax_m2},
    ModelType{"minimax_m3", "minimax-m3", false, minimax_m3},
    ModelType{"minimax_m3_text", "minimax-m3", false, minimax_m3},
    ModelType{"minimax_m3_vl", "minimax-m3", false, minimax_m3},
    ModelType{"minimax_m3_vl_text", "minimax-m3", false, minimax_m3},
    ModelType{"minimax_text_01", "minimax-01", false, minimax_01},
    ModelType{"ministral", "mistral3"},
    ModelType{"ministral3", "mistral3"},
    ModelType{"mistral", "llama"},
    ModelType{"mistral4", "mistral4", false, mistral4},
    ModelType{"mixtral", "llama", false, experts_as_wide_as_ffn},
    ModelType{"mllama_text_model", "mllama", false, mllama},
    ModelType{"modernbert", "modern-bert", false, modern_bert},
    ModelType{"mpnet", "bert", false, mpnet},
    ModelType{"mpt", "mpt", true, mpt},
    ModelType{"muse_glimmer_text", "muse-glimmer", false, muse_glimmer},
    ModelType{"nanbeige", "nanbeige", false, loops},
    ModelType{"nanochat", "nanochat"},
    ModelType{"nemotron", "nemotron"},
    ModelType{"nemotron-nas", "deci", false, deci},
    ModelType{"nemotron_h", "nemotron_h", false, nemotron_h},
    ModelType{"new", "nomic-bert", false, gte},
    ModelType{"nomic_bert", "nomic-bert", false, nomic_bert},
    ModelType{"olmo", "olmo", false, olmo},
    ModelType{"olmo2", "olmo2"},
    ModelType{"olmo3", "olmo2", false, every_fourth_full},
    ModelType{"olmo_hybrid", "olmo-hybrid", false, olmo_hybrid},
    ModelType{"olmoe", "olmoe", false, experts_as_wide_as_ffn},
    ModelType{"openelm", "openelm", true, openelm},
    ModelType{"opt", "opt", true, opt},
    ModelType{"orion", "orion"},
    ModelType{"ouro", "ouro", false, loops},
    ModelType{"paddleocr_vl", "paddleocr", false, paddleocr},
    ModelType{"paddleocr_vl_text", "paddleocr", false, paddleocr},
    ModelType{"pangu_ultra_moe", "pangu-ultra-moe", false, pangu_ultra},
    ModelType{"persimmon", "persimmon", false, persimmon},
    ModelType{"phi", "phi2"},
    ModelType{"phi3", "phi3", false, phi3},
    ModelType{"phi3_v", "phi3", false, phi3},
    ModelType{"phi4_multimodal", "phi3", true, phi3},
    ModelType{"phi4flash", "phi4flash", true, phi4flash},
    ModelType{"phi4mm", "phi3", true, phi3},
    ModelType{"phimoe", "phimoe", false, phimoe},
    ModelType{"plamo", "plamo", false, plamo},
    ModelType{"plamo2", "plamo2", true, plamo2},
    ModelType{"plamo3", "plamo3", true, plamo3},
    ModelType{"plm", "plm", true, expanded_latents},
    ModelType{"qwen", "qwen", false, qwen1},
    ModelType{"qwen2", "qwen2", false, windows_off_unless_asked},
    ModelType{"qwen2_5_omni_text", "qwen2vl", false, windows_off_unless_asked},
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
    ModelType{"qwen3_asr", "qwen3", false, windows_off_unless_asked},
    ModelType{"qwen3_moe", "qwen3moe", false, qwen3_moe},
    ModelType{"qwen3_next", "qwen3next", false, gated_delta},
    ModelType{"qwen3_omni_moe_text", "qwen3vlmoe", false, qwen3_moe},
    ModelType{"qwen3_vl", "qwen3vl"},
    ModelType{"qwen3_vl_moe", "qwen3vlmoe", false, qwen3_moe},
    ModelType{"qwen3_vl_moe_text", "qwen3vlmoe", false, qwen3_moe},
    ModelType{"qwen3_vl_text", "qwen3vl"},
    ModelType{"qwen4_exp", "qwen4exp", false, qwen4_exp},
    ModelType{"qwen4_exp_text", "qwen4exp", false, qwen4_exp},
    ModelType{"recurrent_gemma", "recurrent-gemma", true, recurrent_gemma},
    ModelType{"roberta", "bert", false, bert},
    ModelType{"rwkv6", "rwkv6", false, rwkv6},
    ModelType{"rwkv6qwen2", "rwkv6qwen2", false, rwkv6qwen2},
    ModelType{"rwkv7", "rwkv7", false, rwkv7},
    ModelType{"rwkv_hybrid", "arwkv7", false, rwkv_hybrid},
    ModelType{"sarvam_mla", "deepseek2", false, sarvam_mla},
    ModelType{"sarvam_moe", "bailingmoe2", false, qk_norm_if_asked},
    ModelType{"seed_oss", "seed_oss"},
    ModelType{"smallthinker", "smallthinker", false, smallthinker},
    ModelType{"smollm3", "smollm3", true, windows_off_unless_asked},
    ModelType{"solar_open", "glm4moe", false, solar_open},
    ModelType{"stablelm", "stablelm", false, stablelm},
    ModelType{"starcoder2", "starcoder2", true, starcoder2},
    ModelType{"step3_text", "step3", false, step3},
    ModelType{"step3p5", "step35", false, step},
    ModelType{"step3p7", "step35", false, step},
    ModelType{"telechat", "telechat2", true, four_times},
    ModelType{"telechat3", "llama"},
    ModelType{"vaultgemma", "gemma", true, alternating},
    ModelType{"voxtral_realtime_text", "voxtral-realtime", true, voxtral_realtime},
    ModelType{"xlm-roberta", "bert", false, bert},
    ModelType{"xverse", "xverse"},
    ModelType{"yi", "llama"},
    ModelType{"youtu", "deepseek2", true, deepseek},
    ModelType{"youtu_llm", "deepseek2", true, deepseek},
    ModelType{"youtu_vl", "deepseek2", true, deepseek},
    ModelType{"zamba2", "zamba2", true, zamba2},
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
