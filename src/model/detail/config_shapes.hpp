#pragma once
// What configs of single families say beyond the keys that all share: by kind of layer, called from the table in config_families.cpp.

#include "model/detail/config_families.hpp"

namespace rigcast::model::detail::config {

// --- attention of several kinds (config_attention.cpp)
void windows_off_unless_asked(ConfigReader& c, Shape& s);
void every_fourth_full(ConfigReader& c, Shape& s);
void gemma3(ConfigReader& c, Shape& s);
void cohere2(ConfigReader& c, Shape& s);
void alternating(ConfigReader&, Shape& s);
void no_window(ConfigReader&, Shape& s);
void llama4(ConfigReader& c, Shape& s);
void gemma4(ConfigReader& c, Shape& s);
void gemma3n(ConfigReader& c, Shape& s);
void mimo2(ConfigReader& c, Shape& s);
void laguna(ConfigReader& c, Shape& s);
void step(ConfigReader& c, Shape& s);

// --- dense families in their own words (config_dense.cpp)
void four_times(ConfigReader&, Shape& s);
void shared_keys(ConfigReader& c, Shape& s);
void refact(ConfigReader& c, Shape& s);
void codeshell(ConfigReader& c, Shape& s);
void mpt(ConfigReader& c, Shape& s);
void openelm(ConfigReader& c, Shape& s);
void jais(ConfigReader& c, Shape& s);
void expanded_latents(ConfigReader& c, Shape& s);
void minicpm_v(ConfigReader& c, Shape& s);
void first_of_four_full(ConfigReader&, Shape& s);
void muse_glimmer(ConfigReader& c, Shape& s);
void granite_swa(ConfigReader& c, Shape& s);
void plamo(ConfigReader& c, Shape& s);
void plamo3(ConfigReader& c, Shape& s);
void loops(ConfigReader& c, Shape& s);
void k2_horizon(ConfigReader& c, Shape& s);

// --- encoders (config_encoders.cpp)
void bert(ConfigReader& c, Shape& s);
void deberta(ConfigReader& c, Shape& s);
void distilbert(ConfigReader& c, Shape& s);
void encoder(ConfigReader& c, Shape& s);
void gte(ConfigReader& c, Shape& s);
void modern_bert(ConfigReader& c, Shape& s);
void mpnet(ConfigReader& c, Shape& s);
void nomic_bert(ConfigReader& c, Shape& s);

// --- text parts of what sees (config_seeing.cpp)
void ernie_vl(ConfigReader& c, Shape& s);
void mllama(ConfigReader& c, Shape& s);
void cogvlm(ConfigReader& c, Shape& s);
void voxtral_realtime(ConfigReader&, Shape& s);

// --- mixtures (config_mixtures.cpp)
void dense_then_sparse(ConfigReader& c, Shape& s);
void shared_expert_of_qwen(ConfigReader& c, Shape& s);
void qwen3_moe(ConfigReader& c, Shape& s);
void gated_delta(ConfigReader& c, Shape& s);
void qwen1(ConfigReader& c, Shape& s);
void deepseek(ConfigReader& c, Shape& s);
void deepseek_v32(ConfigReader& c, Shape& s);
void deepseek_v4(ConfigReader& c, Shape& s);
void deepseek_v41(ConfigReader& c, Shape& s);
void glm_dsa(ConfigReader& c, Shape& s);
void hy_v4(ConfigReader& c, Shape& s);
void glm5_next(ConfigReader& c, Shape& s);
void glm4_moe(ConfigReader& c, Shape& s);
void ernie_moe(ConfigReader& c, Shape& s);
void hunyuan_moe(ConfigReader& c, Shape& s);
void experts_as_wide_as_ffn(ConfigReader&, Shape& s);
void dbrx(ConfigReader& c, Shape& s);
void minimax_m3(ConfigReader& c, Shape& s);
void minimax_m2(ConfigReader& c, Shape& s);
void minimax_01(ConfigReader& c, Shape& s);

// --- mixtures of 2026 (config_sparse.cpp)
void aria(ConfigReader& c, Shape& s);
void grovemoe(ConfigReader& c, Shape& s);
void pangu_ultra(ConfigReader& c, Shape& s);
void dots3_note(ConfigReader& c, Shape& s);
void hy_v3(ConfigReader& c, Shape& s);
void mistral4(ConfigReader& c, Shape& s);
void qwen4_exp(ConfigReader& c, Shape& s);
void solar_open(ConfigReader& c, Shape& s);
void arctic(ConfigReader& c, Shape& s);
void axk1(ConfigReader& c, Shape& s);
void axk2(ConfigReader& c, Shape& s);
void sarvam_mla(ConfigReader& c, Shape& s);
void inkling(ConfigReader& c, Shape& s);
void grok(ConfigReader& c, Shape& s);
void granite_moe_swa(ConfigReader& c, Shape& s);
void cohere2_moe(ConfigReader& c, Shape& s);
void exaone_moe(ConfigReader& c, Shape& s);
void longcat_flash(ConfigReader& c, Shape& s);
void mellum(ConfigReader& c, Shape& s);
void smallthinker(ConfigReader& c, Shape& s);
void step3(ConfigReader& c, Shape& s);

// --- recurrent layers (config_recurrent.cpp)
void bailing_hybrid(ConfigReader& c, Shape& s);
void granite_hybrid(ConfigReader& c, Shape& s);
void falcon_h1(ConfigReader& c, Shape& s);
void nemotron_h(ConfigReader& c, Shape& s);
void kimi_linear(ConfigReader& c, Shape& s);
void lfm2(ConfigReader& c, Shape& s);
void olmo_hybrid(ConfigReader& c, Shape& s);
void plamo2(ConfigReader& c, Shape& s);
void recurrent_gemma(ConfigReader& c, Shape& s);
void jamba(ConfigReader& c, Shape& s);
void bamba(ConfigReader& c, Shape& s);
void mamba(ConfigReader& c, Shape& s);
void mamba2(ConfigReader& c, Shape& s);
void rwkv6(ConfigReader& c, Shape& s);
void zamba2(ConfigReader& c, Shape& s);
void phi4flash(ConfigReader& c, Shape& s);
void rwkv6qwen2(ConfigReader& c, Shape& s);
void rwkv7(ConfigReader& c, Shape& s);
void rwkv_hybrid(ConfigReader& c, Shape& s);

}  // namespace rigcast::model::detail::config
