#include "model/safetensors_architecture.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "facts.hpp"
#include "model/shape.hpp"
#include "safetensors_writer.hpp"

namespace rigcast::model {
namespace {

using test::SafetensorsWriter;

using rigcast::test::facts;

Architecture structure(std::string_view name, std::string_view quant) { return architecture_from_catalogue(facts(), name, quant).value(); }

Safetensors files_of(const SafetensorsWriter& writer) { return read_safetensors_part(ByteWindow::over(writer.header(), writer.file_size(), "m.safetensors")).value(); }

std::uint64_t bytes_of(const Safetensors& files) {
  return std::accumulate(files.tensors.begin(), files.tensors.end(), std::uint64_t{0}, [](std::uint64_t sum, const SafetensorsTensor& tensor) { return sum + tensor.bytes; });
}

const Tensor& tensor_of(const Architecture& model, std::string_view name) {
  for (const Tensor& each : model.tensors)
    if (each.name == name) return each;
  ADD_FAILURE() << "no tensor " << name;
  static const Tensor none;
  return none;
}

// Writes one linear layer the way a format stores it.
using Linear = void (*)(SafetensorsWriter& out, const std::string& name, std::int64_t in, std::int64_t rows);

void plain(SafetensorsWriter& out, const std::string& name, std::int64_t in, std::int64_t rows) { out.tensor(name + ".weight", {rows, in}); }
void awq(SafetensorsWriter& out, const std::string& name, std::int64_t in, std::int64_t rows) {
  out.tensor(name + ".qweight", {in, rows / 8}, "I32", 32).tensor(name + ".qzeros", {in / 128, rows / 8}, "I32", 32).tensor(name + ".scales", {in / 128, rows}, "F16", 16);
}
void fp8(SafetensorsWriter& out, const std::string& name, std::int64_t in, std::int64_t rows) {
  out.tensor(name + ".weight", {rows, in}, "F8_E4M3", 8).tensor(name + ".weight_scale_inv", {(rows + 127) / 128, (in + 127) / 128}, "F32", 32);
}

// Llama 3.2 1B: 16 layers, 2048 hidden, 32 heads and 8 KV heads of 64, 8192 feed-forward, 128256 tokens, tied head.
SafetensorsWriter llama(Linear linear) {
  SafetensorsWriter out;
  out.tensor("model.embed_tokens.weight", {128256, 2048}).tensor("model.norm.weight", {2048});
  for (int layer = 0; layer < 16; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    out.tensor(at + "input_layernorm.weight", {2048}).tensor(at + "post_attention_layernorm.weight", {2048});
    linear(out, at + "self_attn.q_proj", 2048, 2048);
    linear(out, at + "self_attn.k_proj", 2048, 512);
    linear(out, at + "self_attn.v_proj", 2048, 512);
    linear(out, at + "self_attn.o_proj", 2048, 2048);
    linear(out, at + "mlp.gate_proj", 2048, 8192);
    linear(out, at + "mlp.up_proj", 2048, 8192);
    linear(out, at + "mlp.down_proj", 8192, 2048);
  }
  return out;
}

TEST(CheckpointNames, SayLayerAndRole) {
  const auto check = [](std::string_view name, int layer, Role role) {
    const auto part = part_of_checkpoint(name);
    ASSERT_TRUE(part) << name;
    EXPECT_EQ(part->layer, layer) << name;
    EXPECT_EQ(part->role, role) << name;
  };
  check("model.embed_tokens.weight", kInputLayer, Role::token_embedding);
  check("lm_head.weight", kInputLayer, Role::output_head);
  check("model.norm.weight", kInputLayer, Role::norm);
  check("model.layers.3.self_attn.q_proj.weight", 3, Role::attention);
  check("model.layers.3.self_attn.q_proj.bias", 3, Role::norm);
  check("model.layers.3.self_attn.q_norm.weight", 3, Role::norm);
  check("model.layers.3.self_attn.kv_a_proj_with_mqa.weight_scale_inv", 3, Role::attention);
  check("model.layers.3.self_attn.sinks", 3, Role::norm);
  check("model.layers.3.mlp.gate_proj.qweight", 3, Role::dense_ffn);
  check("model.layers.3.mlp.gate.weight", 3, Role::router);
  check("model.layers.3.mlp.gate.e_score_correction_bias", 3, Role::norm);
  check("model.layers.3.mlp.experts.17.down_proj.weight", 3, Role::expert_ffn);
  check("model.layers.3.mlp.experts.gate_up_proj_blocks", 3, Role::expert_ffn);
  check("model.layers.3.mlp.experts.gate_up_proj_bias", 3, Role::expert_ffn);
  check("model.layers.3.mlp.shared_experts.up_proj.weight", 3, Role::shared_expert_ffn);
  check("model.layers.3.mlp.shared_expert_gate.weight", 3, Role::router);
  check("model.layers.3.mlp.router.weight", 3, Role::router);
  check("model.layers.3.block_sparse_moe.experts.1.w2.weight", 3, Role::expert_ffn);
  check("model.layers.3.linear_attn.in_proj_qkvz.weight", 3, Role::recurrent);
  check("model.layers.3.mamba.A_log", 3, Role::recurrent);
  check("backbone.layers.3.mixer.q_proj.weight", 3, Role::attention);
  check("backbone.layers.3.mixer.in_proj.weight", 3, Role::recurrent);
  check("backbone.layers.3.mixer.up_proj.weight", 3, Role::dense_ffn);
  check("backbone.layers.3.mixer.experts.7.up_proj.weight", 3, Role::expert_ffn);
  check("transformer.h.5.self_attention.query_key_value.weight", 5, Role::attention);
  check("transformer.h.5.mlp.dense_h_to_4h.weight", 5, Role::dense_ffn);
  check("transformer.encoder.layers.5.self_attention.dense.weight", 5, Role::attention);
  check("transformer.blocks.5.norm_attn_norm.attn.Wqkv.weight", 5, Role::attention);
  check("transformer.blocks.5.norm_attn_norm.norm_1.weight", 5, Role::norm);
  check("transformer.blocks.5.ffn.experts.mlp.w1", 5, Role::expert_ffn);
  check("transformer.blocks.5.ffn.router.layer.weight", 5, Role::router);
  check("model.language_model.layers.2.mlp.up_proj.weight", 2, Role::dense_ffn);
  check("model.visual.blocks.0.attn.qkv.weight", kInputLayer, Role::vision);
  check("vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", kInputLayer, Role::vision);
  check("mtp.layers.0.self_attn.q_proj.weight", kInputLayer, Role::next_token);
  EXPECT_FALSE(part_of_checkpoint("model.layers.3.flux_capacitor.weight"));
  EXPECT_FALSE(part_of_checkpoint("surprise"));
}

TEST(SafetensorsArchitecture, PlainFilesToTheByte) {
  const Safetensors files = files_of(llama(plain));
  const auto model = architecture_of_safetensors(files, structure("llama-3.2-1b", "BF16"));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->origin, Origin::safetensors);
  EXPECT_EQ(model->weight_bytes().value(), static_cast<double>(bytes_of(files)));
  EXPECT_EQ(model->weight_bytes().value(), 2 * 1235814400.0);  // the parameters of the model card, two bytes each
  EXPECT_EQ(tensor_of(*model, "blk.3.ffn_down.weight").bytes.value(), 2.0 * 2048 * 8192);
  EXPECT_EQ(tensor_of(*model, "blk.3.attn_norm.weight").quant, "bf16");
  EXPECT_EQ(tensor_of(*model, "blk.3.attn_norm.weight").bytes.value(), 2.0 * 2048);
  EXPECT_TRUE(model->tied_embeddings);
}

TEST(SafetensorsArchitecture, PackedFourBits) {
  const Safetensors files = files_of(llama(awq));
  const auto model = architecture_of_safetensors(files, structure("llama-3.2-1b", "AWQ"));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->weight_bytes().value(), static_cast<double>(bytes_of(files)));
  EXPECT_EQ(tensor_of(*model, "blk.3.ffn_down.weight").quant, "awq_int4_g128");
  // 4 bits, a 16-bit scale and a 4-bit zero for each 128: 4.15625 bits.
  EXPECT_EQ(tensor_of(*model, "blk.3.ffn_down.weight").bytes.value(), 2048.0 * 8192 * 4.15625 / 8);
}

TEST(SafetensorsArchitecture, EightBitFloats) {
  const Safetensors files = files_of(llama(fp8));
  const auto model = architecture_of_safetensors(files, structure("llama-3.2-1b", "FP8_BLOCK"));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->weight_bytes().value(), static_cast<double>(bytes_of(files)));
  EXPECT_EQ(tensor_of(*model, "blk.3.attn_q.weight").quant, "fp8_e4m3_block128");
}

// The config says nothing of a format, the files hold half-precision floats: the files decide.
TEST(SafetensorsArchitecture, DtypeOfTheFilesDecides) {
  const auto model = architecture_of_safetensors(files_of(llama(plain)), structure("llama-3.2-1b", "F32"));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(tensor_of(*model, "blk.3.attn_q.weight").quant, "bf16");
}

TEST(SafetensorsArchitecture, PackingNobodyAnnounced) {
  const auto model = architecture_of_safetensors(files_of(llama(awq)), structure("llama-3.2-1b", "BF16"));
  ASSERT_FALSE(model);
  EXPECT_EQ(to_text(model.error()),
            "m.safetensors: cannot say, because attention of layer 0 is stored as I32 in a packing that config.json does not announce (it would take 0.26 times the bytes)");
}

TEST(SafetensorsArchitecture, TowersAndNextTokenBlocksAreAdded) {
  SafetensorsWriter writer = llama(plain);
  writer.tensor("model.visual.patch_embed.proj.weight", {1152, 3, 2, 16, 16}).tensor("model.layers.16.eh_proj.weight", {2048, 4096}).tensor("mtp.fc.weight", {8, 4});
  const auto model = architecture_of_safetensors(files_of(writer), structure("llama-3.2-1b", "BF16"));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(tensor_of(*model, "model.visual.patch_embed.proj.weight").role, Role::vision);
  EXPECT_EQ(tensor_of(*model, "model.visual.patch_embed.proj.weight").elements(), 1152 * 3 * 2 * 16 * 16);
  EXPECT_EQ(tensor_of(*model, "model.layers.16.eh_proj.weight").role, Role::next_token);
  EXPECT_EQ(tensor_of(*model, "model.layers.16.eh_proj.weight").layer, 16);
  EXPECT_EQ(model->parameters(), 1235814400.0);
}

TEST(SafetensorsArchitecture, UnknownTensor) {
  const auto model = architecture_of_safetensors(files_of(llama(plain).tensor("model.layers.0.flux_capacitor.weight", {4})), structure("llama-3.2-1b", "BF16"));
  ASSERT_FALSE(model);
  EXPECT_EQ(to_text(model.error()), "m.safetensors: cannot say, because tensor 'model.layers.0.flux_capacitor.weight' is structure nobody has described");
}

TEST(SafetensorsArchitecture, PartTheConfigDoesNotDescribe) {
  const auto model = architecture_of_safetensors(files_of(llama(plain).tensor("model.layers.2.mlp.experts.0.up_proj.weight", {4, 4})), structure("llama-3.2-1b", "BF16"));
  ASSERT_FALSE(model);
  EXPECT_EQ(to_text(model.error()), "m.safetensors: tensor 'model.layers.2.mlp.experts.0.up_proj.weight' belongs to experts of layer 2, which config.json does not describe");
}

TEST(SafetensorsArchitecture, PartTheFilesDoNotHold) {
  const auto model = architecture_of_safetensors(files_of(SafetensorsWriter().tensor("model.embed_tokens.weight", {128256, 2048})), structure("llama-3.2-1b", "BF16"));
  ASSERT_FALSE(model);
  EXPECT_EQ(to_text(model.error()), "m.safetensors: holds no tensor for attention of layer 0, which config.json describes");
}

}  // namespace
}  // namespace rigcast::model
