#include "model/config.hpp"

#include <gtest/gtest.h>

#include "catalog/catalog.hpp"

namespace rigcast::model {
namespace {

double tower_of(const std::string& vision, const char* type = "qwen2_5_vl", const char* text_type = "qwen2") {
  const std::string text = std::string(R"({"model_type":")") + type + R"(","text_config":{"model_type":")" + text_type +
                           R"(","hidden_size":3584,"intermediate_size":18944,"num_hidden_layers":28,"num_attention_heads":28,"num_key_value_heads":4,"vocab_size":152064,"max_position_embeddings":32768},
                           "torch_dtype":"bfloat16","vision_config":)" + vision + "}";
  const auto shape = read_config(text, "model/config.json");
  EXPECT_TRUE(shape) << (shape ? "" : to_text(shape.error()));
  return shape ? shape->tower : -1;
}

// The published counts: Qwen2.5-VL's tower has 676,550,144 weights with its merger; 8,292,166,656 of the model less 7,615,616,512 of the text.
TEST(ConfigVision, TowersHaveAsManyWeightsAsPublished) {
  EXPECT_EQ(tower_of(R"({"hidden_size":1280,"intermediate_size":3420,"depth":32,"in_chans":3,"patch_size":14,"out_hidden_size":3584,"spatial_merge_size":2,"temporal_patch_size":2})"), 676550144);
  EXPECT_EQ(8292166656 - 7615616512, 676550144);
  // Qwen3-VL 8B: 27 x 15,239,504 of blocks, patches 1,770,624, positions 2,654,208, a merger of 40,119,040 less a norm and three of inner layers.
  EXPECT_NEAR(tower_of(R"({"hidden_size":1152,"intermediate_size":4304,"depth":27,"patch_size":16,"out_hidden_size":4096,"num_position_embeddings":2304,"deepstack_visual_indexes":[8,16,24]})", "qwen3_vl"), 576.4e6, 0.1e6);
  EXPECT_EQ(tower_of(R"({"hidden_size":1280})"), 0) << "half a tower is none";
  EXPECT_EQ(tower_of(R"({"hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14})", "mllama"), 0) << "no rule knows it";
}

}  // namespace
}  // namespace rigcast::model
