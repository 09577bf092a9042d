// Writes the seeds of the GGUF and safetensors targets: one small header for each kind of structure.
//   make_seeds tests/fuzz/seeds

#include <filesystem>
#include <string>

#include "gguf_writer.hpp"
#include "safetensors_writer.hpp"

namespace {

using namespace rigcast::test;
namespace fs = std::filesystem;

constexpr DenseShape kSmall{.layers = 1, .hidden = 32, .heads = 2, .kv_heads = 1, .head_dim = 32, .ffn = 32, .vocab = 8};

DenseShape small(const std::string& family, int layers = 1) {
  DenseShape shape = kSmall;
  shape.family = family;
  shape.layers = layers;
  return shape;
}

void add_recurrence(GgufWriter& out, int layer) {
  const std::string block = "blk." + std::to_string(layer) + ".";
  out.tensor(block + "attn_norm.weight", {32}, ggml::f32).tensor(block + "ssm_in.weight", {32, 64}, ggml::q8_0).tensor(block + "ssm_conv1d.weight", {4, 32}, ggml::f32);
  out.tensor(block + "ssm_a", {1, 2}, ggml::f32).tensor(block + "ssm_out.weight", {32, 32}, ggml::q8_0);
}

GgufWriter& set_ssm(GgufWriter& out) {
  return out.set("ssm.conv_kernel", 4).set("ssm.inner_size", 32).set("ssm.state_size", 16).set("ssm.time_step_rank", 2).set("ssm.group_count", 1);
}

GgufWriter mixture() {
  const DenseShape shape = small("qwen3moe", 2);
  GgufWriter out = begin_model(shape);
  out.set("expert_count", 4).set("expert_used_count", 2).set("expert_feed_forward_length", 32).set("nextn_predict_layers", 1);
  add_outside(out, shape, ggml::q8_0);
  for (int layer = 0; layer < 2; ++layer) {
    add_attention(out, shape, layer, ggml::q8_0);
    add_experts(out, shape, layer, 4, 32, ggml::q8_0);
  }
  out.tensor("blk.1.nextn.eh_proj.weight", {64, 32}, ggml::q8_0).tensor("blk.0.ffn_down_shexp.weight", {32, 32}, ggml::q8_0);
  return out;
}

GgufWriter latent_attention() {
  GgufWriter out("deepseek2");
  out.set("block_count", 1).set("embedding_length", 32).set("attention.head_count", 2).set("attention.head_count_kv", 1).set("feed_forward_length", 32);
  out.set("attention.key_length", 48).set("attention.value_length", 32).set("attention.key_length_mla", 24).set("attention.value_length_mla", 16);
  out.set("attention.kv_lora_rank", 32).set("rope.dimension_count", 16).set("attention.indexer.head_count", 2).set("attention.indexer.key_length", 32).set("attention.indexer.top_k", 64);
  add_outside(out, kSmall, ggml::q8_0);
  out.tensor("blk.0.attn_kv_a_mqa.weight", {32, 48}, ggml::q8_0).tensor("blk.0.attn_k_b.weight", {32, 32, 2}, ggml::q8_0).tensor("blk.0.indexer.proj.weight", {32, 2}, ggml::f32);
  add_feed_forward(out, kSmall, 0, ggml::q8_0);
  return out;
}

GgufWriter hybrid(const std::string& family, bool by_interval) {
  const DenseShape shape = small(family, 2);
  GgufWriter out(family);
  out.set("block_count", 2).set("embedding_length", 32).set("attention.head_count", 2).set("attention.key_length", 32).set("attention.value_length", 32);
  if (by_interval) out.set("attention.head_count_kv", 1).set("full_attention_interval", 2).set("feed_forward_length", 32);
  else out.set_all("attention.head_count_kv", {0, 1}).set_all("feed_forward_length", {0, 0});
  set_ssm(out);
  add_outside(out, shape, ggml::q8_0);
  add_recurrence(out, 0);
  add_attention(out, shape, 1, ggml::q8_0);
  if (by_interval) add_feed_forward(out, shape, 1, ggml::q8_0);
  return out;
}

GgufWriter sliding() {
  GgufWriter out = dense_model(small("gemma4", 3));
  out.set("attention.sliding_window", 512).set("attention.shared_kv_layers", 1).set("attention.key_length_swa", 32).set("attention.value_length_swa", 32);
  out.booleans("gemma4.attention.sliding_window_pattern", {true, false, true}).f32("gemma4.attn_logit_softcapping", 50);
  return out;
}

GgufWriter with_vocabulary() {
  GgufWriter out = dense_model(small("llama"));
  out.texts("tokenizer.ggml.tokens", {"<s>", "a", "", "bc"}).f32s("tokenizer.ggml.scores", {0, 1, 2, 3}).i32s("tokenizer.ggml.token_type", {1, 1, 2, 3});
  out.text("tokenizer.chat_template", std::string(64, 'x')).u64("u64", 1).i64("i64", -1).f64("f64", 0.5).u16("u16", 7).alignment(64);
  return out;
}

GgufWriter projector() {
  GgufWriter out("clip");
  out.text("general.type", "mmproj").text("clip.projector_type", "mlp").u32("clip.vision.embedding_length", 32);
  return out.tensor("v.blk.0.attn_q.weight", {32, 32}, ggml::f16).tensor("mm.0.weight", {32, 32}, ggml::f16);
}

GgufWriter rwkv() {
  GgufWriter out("rwkv7");
  out.set("block_count", 1).set("embedding_length", 32).set("wkv.head_size", 16).set("attention.head_count", 0);
  out.tensor("token_embd.weight", {32, 8}, ggml::f16).tensor("output.weight", {32, 8}, ggml::f16);
  return out.tensor("blk.0.time_mix_key.weight", {32, 32}, ggml::f16).tensor("blk.0.channel_mix_value.weight", {64, 32}, ggml::f16);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const fs::path gguf = fs::path(arguments[1]) / "gguf", safetensors = fs::path(arguments[1]) / "safetensors";
  fs::create_directories(gguf);
  fs::create_directories(safetensors);
  const auto put = [&](const std::string& name, const GgufWriter& writer) { GgufWriter::write_bytes(gguf / name, writer.header()); };
  put("dense", dense_model(small("llama")));
  put("mixture", mixture());
  put("latent", latent_attention());
  put("interval", hybrid("qwen3next", true));
  put("by_kv_heads", hybrid("nemotron_h", false));
  put("sliding", sliding());
  put("vocabulary", with_vocabulary());
  put("projector", projector());
  put("rwkv", rwkv());
  SafetensorsWriter plain;
  plain.tensor("model.embed_tokens.weight", {2, 4}).tensor("model.layers.0.self_attn.q_proj.qweight", {4, 4}, "I32", 32).tensor("a.scales", {4}, "F16", 16);
  GgufWriter::write_bytes(safetensors / "plain", plain.header());
  SafetensorsWriter whole;
  whole.tensor("model.embed_tokens.weight", {4, 4}).tensor("model.layers.0.self_attn.q_proj.weight", {4, 4}).tensor("model.layers.1.mlp.experts.0.up_proj.weight", {2, 4});
  whole.tensor("model.visual.proj.weight", {2, 8}).tensor("mtp.fc.weight", {2, 2}).tensor("model.layers.0.input_layernorm.weight", {4});
  GgufWriter::write_bytes(safetensors / "whole", whole.header());
  SafetensorsWriter floats;
  GgufWriter::write_bytes(safetensors / "floats", floats.tensor("w", {4, 8}, "F32", 32).header());
  GgufWriter::write_bytes(safetensors / "metadata", SafetensorsWriter::with_length(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F8_E4M3","shape":[128],"data_offsets":[0,128]}})"));
  GgufWriter::write_bytes(safetensors / "index", R"({"metadata":{"total_size":16},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");
  return 0;
}
