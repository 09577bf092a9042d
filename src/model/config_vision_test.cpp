#include "model/config.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "catalog/catalog.hpp"

namespace rigcast::model {
namespace {

// A model whose text part is this wide, the tower it names, and how many weights that has with what joins the two.
struct Seen { const char* name; const char* type; const char* outer; int hidden; const char* vision; double elements; };
void PrintTo(const Seen& seen, std::ostream* out) { *out << seen.name; }

double tower_of(const Seen& seen) {
  const std::string text = std::string(R"({"model_type":")") + seen.type + "\"," + seen.outer + R"("text_config":{"model_type":"qwen2","hidden_size":)" + std::to_string(seen.hidden) +
                           R"(,"intermediate_size":4096,"num_hidden_layers":2,"num_attention_heads":)" + std::to_string(seen.hidden / 64) +
                           R"(,"num_key_value_heads":2,"vocab_size":4096,"max_position_embeddings":32768},"torch_dtype":"bfloat16","vision_config":)" + seen.vision + "}";
  const auto shape = read_config(text, "model/config.json");
  EXPECT_TRUE(shape) << (shape ? "" : to_text(shape.error()));
  return shape ? shape->tower : -1;
}

#define RC_SIGLIP_27 R"("hidden_size":1152,"intermediate_size":4304,"num_hidden_layers":27,"patch_size":14)"
#define RC_QWEN3_27 R"("hidden_size":1152,"intermediate_size":4304,"depth":27,"patch_size":16,"num_position_embeddings":2304)"
#define RC_PIXTRAL R"({"model_type":"pixtral","hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14,"image_size":1540,"num_channels":3})"

// Where a model's safetensors print how many weights it has, the tower is that less its text part; where its tensors are listed, their sum.
constexpr Seen kSeen[] = {
    {"Qwen2-VL-7B", "qwen2_vl", "", 3584, R"({"depth":32,"embed_dim":1280,"mlp_ratio":4,"hidden_size":3584,"in_chans":3,"patch_size":14,"spatial_merge_size":2,"temporal_patch_size":2})", 8291375616. - 7615616512},
    {"Qwen2.5-VL-7B", "qwen2_5_vl", "", 3584, R"({"hidden_size":1280,"intermediate_size":3420,"depth":32,"in_chans":3,"patch_size":14,"out_hidden_size":3584})", 8292166656. - 7615616512},
    {"Qwen3-VL-8B", "qwen3_vl", "", 4096, "{" RC_QWEN3_27 R"(,"out_hidden_size":4096,"deepstack_visual_indexes":[8,16,24]})", 8767123696. - 8190735360},
    {"Qwen3.5-4B", "qwen3_5", "", 2560, R"({"hidden_size":1024,"intermediate_size":4096,"depth":24,"patch_size":16,"out_hidden_size":2560,"num_position_embeddings":2304,"deepstack_visual_indexes":[]})", 333514240},
    {"Gemma-3-4B", "gemma3", "", 2560, "{" RC_SIGLIP_27 R"(,"image_size":896})", 4300079472. - 3880263168},
    {"PaliGemma-2-3B", "paligemma", "", 2304, "{" RC_SIGLIP_27 R"(,"projection_dim":2304})", 3032242416. - 2617143552},
    {"MiniCPM-V-2.6", "minicpmv", R"("version":2.6,"query_num":64,)", 3584, "{" RC_SIGLIP_27 R"(,"image_size":980})", 8099175152. - 7612763648},
    {"LLaVA-1.5-7B", "llava", "", 4096, R"({"model_type":"clip_vision_model","hidden_size":1024,"image_size":336,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14})", 7063427072. - 6738939904},
    {"Pixtral-12B", "llava", "", 5120, R"({"model_type":"pixtral","patch_size":16,"image_size":1024})", 434957312},
    {"Mistral-Small-3.1-24B", "mistral3", R"("multimodal_projector_bias":false,)", 5120, RC_PIXTRAL, 24011361280. - 23572403200},
    {"Ministral-3-3B", "mistral3", "", 3072, RC_PIXTRAL, 420083712},
    // Patches 827,904, positions and class 813,824, 34 blocks of 23,807,872, norms 5,632, adapter 39,845,888, projector 20,971,520.
    {"Llama-4-Scout", "llama4", "", 5120, R"({"model_type":"llama4_vision_model","hidden_size":1408,"image_size":336,"intermediate_size":5632,"num_hidden_layers":34,"patch_size":14,"pixel_shuffle_ratio":0.5,"projector_input_dim":4096,"projector_output_dim":4096,"vision_output_dim":4096})", 871932416},
    {"InternVL3-8B", "internvl", "", 3584, R"({"model_type":"internvl_vision","hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"attention_bias":true,"use_qk_norm":false,"norm_type":"layer_norm","image_size":[448,448],"patch_size":[14,14]})", 7944373760. - 7612820992},
    // 24 blocks of 28,314,624, patches 1,807,872, positions 884,736, norms 3,072, the merger's convolution 25,169,920, its matrices 151,257,088 and norm 8,192.
    {"GLM-4.5V", "glm4v_moe", "", 4096, R"({"depth":24,"hidden_size":1536,"intermediate_size":10944,"out_hidden_size":4096,"image_size":336,"patch_size":14,"spatial_merge_size":2,"temporal_patch_size":2})", 858681856},
    // 27 blocks of 15,239,504, norms 2,304, patches 678,528, positions 4,718,592, projector 54,277,888.
    {"Kimi-K2.5", "kimi_k25", "", 7168, R"({"vt_hidden_size":1152,"vt_intermediate_size":4304,"vt_num_hidden_layers":27,"patch_size":14,"init_pos_emb_height":64,"init_pos_emb_width":64,"mm_hidden_size":1152})", 471143920},
    // 27 blocks of 14,682,112, norm 1,024, patches 602,112, positions 4,194,304, projector 46,144,512.
    {"Kimi-K3", "kimi_k3", "", 7168, R"({"vt_hidden_size":1024,"vt_intermediate_size":4096,"vt_num_hidden_layers":27,"qkv_hidden_size":1536,"patch_size":14,"init_pos_emb_height":64,"init_pos_emb_width":64})", 447358976},
    // Patches 1,505,280, 32 blocks of 19,677,440, norm 2,560, projector 7,870,464 and 37,754,880, merger 151,001,088 and 37,754,880.
    {"MiniMax-M3", "minimax_m3_vl", R"("projector_hidden_size":6144,)", 6144, R"({"model_type":"clip_vision_model","hidden_size":1280,"num_hidden_layers":32,"intermediate_size":5120,"patch_size":14,"image_size":2016})", 865567232},
    // 27 blocks of 20,187,792, patches 884,736, positions 23,592,960, scale and bias 2,304, projector 6,193,152.
    {"Gemma-4-31B", "gemma4", R"("audio_config":null,)", 5376, R"({"hidden_size":1152,"intermediate_size":4304,"num_hidden_layers":27,"num_attention_heads":16,"num_key_value_heads":16,"head_dim":72,"patch_size":16,"position_embedding_size":10240,"standardize":true})", 575743536},
    // Eyes 150,991,872 of blocks, 16,318,464 of patches and positions, 1,179,648 that join; ears 304,824,608 and 2,359,296.
    {"Gemma-4-E2B", "gemma4", R"("audio_config":{"model_type":"gemma4_audio","subsampling_conv_channels":[128,32]},)", 1536, R"({"model_type":"gemma4_vision"})", 475728160},
    {"Gemma-4-12B", "gemma4_unified", "", 3840, R"({"model_type":"gemma4_unified_vision","patch_size":16,"pooling_kernel_size":3,"mm_embed_dim":3840,"mm_posemb_size":1120})", 49922304},
    {"dots.ocr", "dots_ocr", "", 1536, R"({"embed_dim":1536,"hidden_size":1536,"intermediate_size":4224,"num_hidden_layers":42,"patch_size":14})", 3039179264. - 1777088000},
    // Patches 903,168, positions 4,153,344, norm 3,072, 47 blocks of 36,988,160, convolutions 212,345,856, projector 25,165,824.
    {"Step-3.7-Flash", "step3p7", "", 4096, R"({"width":1536,"layers":47,"heads":16,"num_channels":3,"image_size":728,"patch_size":14,"mlp_ratio":5.833333333333333})", 1981014784},
    {"Llama-3.2-11B-Vision", "mllama", "", 4096, R"({"model_type":"mllama_vision_model","hidden_size":1280,"image_size":560,"intermediate_size":5120,"max_num_tiles":4,"num_global_layers":8,"num_hidden_layers":32,"patch_size":14,"vision_output_dim":7680,"supported_aspect_ratios":[[1,1],[1,2],[1,3],[1,4],[2,1],[2,2],[3,1],[4,1]]})", 10670220835. - 9775192080},
    // Patches 752,640, 32 blocks of 19,677,440, norm 2,560, joined 26,219,520 twice, 10,240, 52,433,920, 26,219,520, 10,240, 13,109,760 and 2,560.
    {"ERNIE-4.5-VL-28B-A3B", "ernie4_5_moe_vl", R"("spatial_conv_size":2,"temporal_conv_size":2,)", 2560, R"({"depth":32,"embed_dim":1280,"hidden_size":1280,"in_channels":3,"mlp_ratio":4,"patch_size":14,"spatial_merge_size":2})", 774658560},
    {"half a tower", "qwen2_5_vl", "", 3584, R"({"hidden_size":1280})", 0},
    {"a tower that no rule knows", "llava_onevision", "", 3584, R"({"hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14})", 0},
};

class ConfigVision : public testing::TestWithParam<Seen> {};

TEST_P(ConfigVision, HasAsManyWeightsAsPublished) { EXPECT_EQ(tower_of(GetParam()), GetParam().elements); }

INSTANTIATE_TEST_SUITE_P(All, ConfigVision, testing::ValuesIn(kSeen));

}  // namespace
}  // namespace rigcast::model
