#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "facts.hpp"
#include "model/family.hpp"
#include "model/recipe.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

using rigcast::test::facts;

Architecture model(std::string_view name, std::string_view quant = {}) {
  auto built = architecture_from_catalogue(facts(), name, quant);
  EXPECT_TRUE(built.has_value()) << name << ": " << (built ? "" : to_text(built.error()));
  return built.value_or(Architecture{});
}

const Tensor& tensor(const Architecture& a, std::string_view name) {
  for (const Tensor& each : a.tensors)
    if (each.name == name) return each;
  ADD_FAILURE() << "no tensor " << name;
  static const Tensor none;
  return none;
}

// 32 layers of (4096*4096 q + 2*4096*1024 k, v + 4096*4096 o + 3*4096*14336 + 2*4096 norms), 2*128256*4096 embedding and head,
// 4096 output norm: 32*218112000 + 1050673152 + 4096 = 8030261248, the number on the model card.
TEST(Shape, LlamaThreeCounts) { EXPECT_EQ(model("llama-3-8b").parameters(), 8030261248.0); }

TEST(Shape, EveryModelOfTheCatalogueHasThePublishedParameters) {
  for (const catalog::Entry& entry : facts().entries(catalog::Kind::model)) {
    const auto document = facts().document(catalog::Kind::model, entry.key);
    ASSERT_TRUE(document.has_value()) << entry.key;
    const auto shape = read_shape(facts(), *document);
    ASSERT_TRUE(shape.has_value()) << to_text(shape.error());
    if (shape->published.parameters == 0) continue;
    const double counted = model(entry.key).parameters();
    // MiMo 7B and Falcon 180B publish a total with parts that do not take part in plain decoding (said in their notes). Three cards name whole billions.
    const bool rounded = entry.key == "helium-1-2b" || entry.key == "mellum2-12b-a2.5b" || entry.key == "cwm-32b";
    const double allowed = rounded ? 0.02 : entry.key == "mimo-7b" ? 0.03 : entry.key == "falcon-180b" || entry.key == "nemotron-h-56b" ? 0.006 : 0.005;
    EXPECT_NEAR(counted / shape->published.parameters, 1, allowed) << entry.key;
  }
}

// ... of which these are the sums by hand, as of their configs in config_published_test.cpp.
TEST(Shape, ModelsWhoseCardsNameWholeBillions) {
  EXPECT_EQ(model("helium-1-2b").parameters(), 28 * (2 * 2048. * 2048 + 2 * 2048 * 1024 + 3 * 2048 * 8192 + 2 * 2048) + 2 * 64000. * 2048 + 2048);
  EXPECT_EQ(model("cwm-32b").parameters(), 64 * (2 * 6144. * 6144 + 2 * 6144 * 1024 + 3 * 6144 * 21504 + 2 * 6144) + 2 * 128256. * 6144 + 6144);
  EXPECT_EQ(model("mellum2-12b-a2.5b").parameters(), 28 * (2 * 2304. * 4096 + 2 * 2304 * 512 + 2 * 128 + 64 * (2304 + 3 * 2304. * 896) + 2 * 2304) + 2 * 98304. * 2304 + 2304);
}

// A mixture's active parameters: Qwen3-30B-A3B touches 8 of 128 experts: 30.53e9 - 48*(120/128)*128*3*2048*768 = 3.35e9.
TEST(Shape, ActiveParametersCountTheExpertsUsed) {
  const Architecture a = model("qwen3-30b-a3b");
  const double experts = 48.0 * 128 * 3 * 2048 * 768;
  EXPECT_DOUBLE_EQ(a.active_parameters(), a.parameters() - experts * 120 / 128);
  EXPECT_TRUE(a.has_experts());
}

// Qwen 3.8 Flash Next: the tensors of its FP8 checkpoint (CheckpointsAreAsLargeAsPublished) hold 125,743,653,900 weights beside 51.2 B of n-grams, of which a token reads 16 rows;
// published: 6 B active, without two tables of 248320 x 2560.
TEST(Shape, ActiveParametersLeaveOutTablesOfNGrams) {
  const Architecture a = model("qwen3.8-flash-next");
  EXPECT_NEAR(a.parameters() - 160. * 320001536, 125743653900, 200);
  EXPECT_NEAR(a.active_parameters() - 2 * 248320. * 2560, 6e9, 0.1e9);
}

TEST(Shape, GemmaThreeSlidesFiveOfSix) {
  const Architecture a = model("gemma-3-27b");
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const Attention& attention = a.layers[i].attention;
    EXPECT_EQ(attention.kind, i % 6 == 5 ? AttentionKind::full : AttentionKind::sliding) << i;
    EXPECT_EQ(attention.window, i % 6 == 5 ? 0 : 1024);
  }
}

TEST(Shape, DeepSeekKeepsOneLatentATokenAndLayer) {
  const Architecture a = model("deepseek-v3");
  EXPECT_EQ(a.layers[0].attention.kind, AttentionKind::mla);
  EXPECT_EQ(a.layers[0].attention.latent_dim + a.layers[0].attention.rope_dim, 576);
  EXPECT_EQ(a.layers[2].feed_forward.kind, FeedForwardKind::dense);
  EXPECT_EQ(a.layers[3].feed_forward.kind, FeedForwardKind::moe);
  EXPECT_EQ(tensor(a, "blk.60.attn_k_b.weight").shape, (std::array<std::int64_t, 4>{128, 512, 128, 1}));
  EXPECT_EQ(tensor(a, "blk.60.attn_v_b.weight").shape, (std::array<std::int64_t, 4>{512, 128, 128, 1}));
}

TEST(Shape, HybridLayersRememberOrAttend) {
  const Architecture a = model("qwen3.5-27b");
  EXPECT_EQ(a.layers[2].recurrent.kind, RecurrentKind::gated_delta);
  EXPECT_EQ(a.layers[2].recurrent.state_elements, 48 * 128 * 128);
  EXPECT_EQ(a.layers[2].recurrent.conv_elements, 3 * (2 * 16 * 128 + 48 * 128));
  EXPECT_EQ(a.layers[3].attention.kind, AttentionKind::full);
  EXPECT_EQ(tensor(a, "blk.2.attn_qkv.weight").role, Role::recurrent);
  EXPECT_EQ(tensor(a, "blk.3.attn_q.weight").role, Role::attention);
  EXPECT_EQ(tensor(a, "blk.3.attn_q.weight").shape[1], 24 * 256 * 2);  // queries and their gate
}

// Bytes of a quantised file from the public listing ddh0/UnquantizedEmbeddingTesting: 4,920,733,984 with a header of 7.8 MB.
TEST(Recipe, LlamaThreeAsQ4KMIsWithinAPercentOfThePublishedFile) {
  const Architecture a = model("llama-3-8b", "Q4_K_M");
  EXPECT_EQ(a.weight_bytes().value(), 4912898048.0);
  EXPECT_EQ(tensor(a, "blk.0.attn_v.weight").quant, "q6_k");   // first eighth
  EXPECT_EQ(tensor(a, "blk.4.ffn_down.weight").quant, "q4_k");  // (4 - 4) % 3 == 0
  EXPECT_EQ(tensor(a, "blk.6.ffn_down.weight").quant, "q6_k");  // (6 - 4) % 3 == 2
  EXPECT_EQ(tensor(a, "output.weight").quant, "q6_k");
  EXPECT_EQ(tensor(a, "token_embd.weight").quant, "q4_k");
  EXPECT_EQ(tensor(a, "blk.0.attn_norm.weight").quant, "f32");
}

TEST(Recipe, RowsThatDoNotDivideFallBack) {
  // gpt-oss rows are 2880 = 11.25 * 256: Q4_K becomes Q5_0, Q6_K becomes Q8_0. Its experts stay in the MXFP4 they were trained in.
  const Architecture a = model("gpt-oss-20b", "Q4_K_M");
  EXPECT_EQ(tensor(a, "blk.12.attn_q.weight").quant, "q5_0");
  EXPECT_EQ(tensor(a, "output.weight").quant, "q8_0");
  EXPECT_EQ(tensor(a, "blk.0.ffn_down_exps.weight").quant, "mxfp4");
}

// Every file size the catalogue knows: within 1 % of what the recipe gives (headers are up to 8 MB of it), or with a note that says why
// not and within 11 %.
TEST(Recipe, PublishedFilesHaveTheSizeTheRecipeGives) {
  int checked = 0, exact = 0;
  for (const catalog::Entry& entry : facts().entries(catalog::Kind::model)) {
    const Shape shape = read_shape(facts(), *facts().document(catalog::Kind::model, entry.key)).value();
    for (const PublishedFile& file : shape.published.files) {
      Architecture a = model(entry.key, file.quant);
      std::erase_if(a.tensors, [](const Tensor& tensor) { return tensor.role == Role::vision; });   // files of GGUF leave towers out
      const double ratio = a.weight_bytes() / file.bytes;
      EXPECT_NEAR(ratio, 1, file.note.empty() ? 0.01 : 0.11) << entry.key << " " << file.quant << " (" << file.note << ")";
      ++checked;
      exact += file.note.empty() ? 1 : 0;
    }
  }
  EXPECT_GE(checked, 111);
  EXPECT_GE(exact, 88);
}

// Sizes printed for files of ik_llama.cpp's formats: DeepSeek-V3-0324-IQ2_K_R4 242.67 GB, IQ4_K_R4 414.66 GB, gemma-3-27b IQ4_KS 15.139 GB.
TEST(Recipe, MixesOfIkLlamaCppComeWithinTwoPercent) {
  EXPECT_NEAR(model("deepseek-v3", "IQ2_K_R4").weight_bytes().value() / 242.67e9, 1, 0.02);
  EXPECT_NEAR(model("deepseek-v3", "IQ4_K_R4").weight_bytes().value() / 414.66e9, 1, 0.02);
  EXPECT_NEAR(model("gemma-3-27b", "IQ4_KS").weight_bytes().value() / 15138685976.0, 1, 0.02);
}

// Unsloth's dynamic files: of models whose file somebody printed, that size (20.81 and 20.61 GiB: llama-bench of Qwen3.6-35B-A3B-UD-Q4_K_XL and
// -UD-Q4_K_M, sources in recipes/unsloth-files.toml), else the base's times the usual ratio (of mixtures 0.955 of Q4_K_M).
TEST(Recipe, DynamicFilesAreAsLargeAsPublished) {
  constexpr double kGiB = 1024.0 * 1024 * 1024;
  const Architecture a = model("qwen3.6-35b-a3b", "UD-Q4_K_XL");
  EXPECT_NEAR(a.weight_bytes().value() / kGiB, 20.81, 0.001);
  EXPECT_EQ(tensor(a, "blk.3.attn_q.weight").quant, "q4_k");   // kernels are those of the base
  EXPECT_NEAR(model("qwen3.6-35b-a3b", "q4_k_xl").weight_bytes().value() / kGiB, 20.81, 0.001);   // people leave the UD out
  EXPECT_NEAR(model("qwen3.6-35b-a3b", "UD-Q4_K_M").weight_bytes().value() / kGiB, 20.61, 0.01);
  EXPECT_NEAR(model("qwen3-235b-a22b-2507", "UD-Q4_K_XL").weight_bytes() / model("qwen3-235b-a22b-2507", "Q4_K_M").weight_bytes(), 0.955, 1e-4);
}

// Bonsai was trained for one and two bits: every matrix is in the format, embedding and head too (sizes of its files: see the catalogue).
TEST(Recipe, FilesOfOneAndTwoBitsAreInTheFormatThroughout) {
  for (const char* name : {"token_embd.weight", "output.weight", "blk.0.ffn_down.weight"}) {
    EXPECT_EQ(tensor(model("bonsai-8b", "Q1_0"), name).quant, "q1_0") << name;
    EXPECT_EQ(tensor(model("bonsai-8b", "Q2_0"), name).quant, "q2_0") << name;
  }
}

// The same model in the formats of the other engines: linear layers quantised, embedding, head and norms in 16 bits.
// Llama 3 8B: 6979321856 weights in linear layers; AWQ g128 takes 133 bytes for 256 of them; the rest 1050939392 * 2 bytes.
TEST(Recipe, OtherEnginesLeaveEmbeddingsAndHead) {
  const Architecture a = model("llama-3-8b", "AWQ");
  EXPECT_EQ(tensor(a, "output.weight").quant, "bf16");
  EXPECT_EQ(tensor(a, "token_embd.weight").quant, "bf16");
  EXPECT_EQ(tensor(a, "blk.0.ffn_down.weight").quant, "awq_int4_g128");
  EXPECT_EQ(a.weight_bytes().value(), 6979321856.0 * 133 / 256 + 1050939392.0 * 2);
}

// What NVIDIA published as NVFP4 of Gemma 4 31B leaves attention in 16 bits: 60 layers x 3 matrices of 5376 x 21504 in 4.5 bits. Other
// recipes of it, and NVFP4 of other models, reach what they always do.
TEST(Recipe, ACheckpointReachesWhatItsMakerQuantised) {
  const Architecture a = model("gemma-4-31b", "nvfp4");
  EXPECT_EQ(a.quant, "NVFP4");
  EXPECT_EQ(tensor(a, "blk.0.ffn_up.weight").quant, "nvfp4");
  EXPECT_EQ(tensor(a, "blk.0.attn_q.weight").quant, "bf16");
  double quantised = 0;
  for (const Tensor& t : a.tensors) quantised += t.quant == "nvfp4" ? t.bytes.value() : 0;
  EXPECT_NEAR(quantised / (60 * 3 * 5376.0 * 21504 * 4.5 / 8), 1, 1e-3);
  EXPECT_EQ(tensor(model("gemma-4-31b", "fp8"), "blk.0.attn_q.weight").quant, "fp8_e4m3_channel");
  EXPECT_EQ(tensor(model("qwen3-8b", "nvfp4"), "blk.0.attn_q.weight").quant, "nvfp4");
}

TEST(Recipe, MlxQuantisesTheEmbeddingToo) {
  const Architecture a = model("llama-3-8b", "mlx-4bit");
  EXPECT_EQ(tensor(a, "token_embd.weight").quant, "mlx_4bit_g64");
  EXPECT_EQ(tensor(a, "token_embd.weight").bytes.value(), 128256.0 * 4096 * 36 / 64);
}

TEST(Recipe, ExlReachesItsMean) {
  const Architecture a = model("llama-3-8b", "exl3-4.5bpw");
  double bits = 0, weights = 0;
  for (const Tensor& each : a.tensors)
    if (each.role == Role::attention || each.role == Role::dense_ffn) bits += each.bytes.value() * 8, weights += static_cast<double>(each.elements());
  EXPECT_NEAR(bits / weights, 4.5, 1e-6);
  EXPECT_EQ(tensor(a, "output.weight").quant, "exl3_6");
}

TEST(Recipe, ExlGivesTiedModelsAHeadOfTheirOwn) {
  Architecture a = model("gemma-3-12b", "exl3-4.0bpw");
  const Architecture published = model("gemma-3-12b");
  EXPECT_FALSE(a.tied_embeddings);
  EXPECT_EQ(tensor(a, "token_embd.weight").bytes.value(), 262208.0 * 3840 * 2);
  EXPECT_NEAR(tensor(a, "output.weight").bytes.value() / (262208.0 * 3840 * 6 / 8), 1, 1e-3) << "and its scales";
  EXPECT_EQ(a.parameters(), published.parameters()) << "the head is the embedding once more";
  ASSERT_TRUE(apply_quant(facts(), a, "Q4_K_M"));
  EXPECT_TRUE(a.tied_embeddings);
  EXPECT_EQ(a.tensors.size(), model("gemma-3-12b", "Q4_K_M").tensors.size());
}

TEST(Recipe, PartsOfAModelMayBeNamed) {
  const Architecture a = model("deepseek-r1", "nvfp4(dense+experts)");
  EXPECT_EQ(tensor(a, "blk.5.ffn_up_exps.weight").quant, "nvfp4");
  EXPECT_EQ(tensor(a, "blk.5.attn_q_a.weight").quant, "bf16");
  const Architecture two = model("qwen3.8-flash-next", "nvfp4(experts), fp8_e4m3(tables)");
  EXPECT_EQ(tensor(two, "blk.5.ffn_up_exps.weight").quant, "nvfp4");
  EXPECT_EQ(tensor(two, "blk.3.attn_q.weight").quant, "bf16") << "the second format leaves the rest as it was";
  Architecture wrong = two;
  EXPECT_FALSE(apply_quant(facts(), wrong, "nvfp4(experts), fp8_e4m3(table)"));
}

// Their safetensors, byte by byte (indices and headers of all shards, as added up in 2026-08): Qwen3.8 Flash Next's 185,502,232,570 bytes in FP8 are 897,862,112 of its tower,
// 2,698,026,496 of its next-token layer and experts and n-grams in FP8; GLM-5.3 Flash's 328,326,771,576 are 1,127,254,016 and 7,493,399,168, its recurrent layers in BF16.
// DeepSeek V4.1 Flash's 510,286,023,000 are 970,536,960 and 7,932,874,632, V4 Flash's 166.879 GB with 10.86 of its drafts.
TEST(Recipe, CheckpointsAreAsLargeAsPublished) {
  const auto weights = [](const Architecture& a) {
    double sum = 0;
    for (const Tensor& each : a.tensors) sum += each.role == Role::vision ? 0 : each.bytes.value();
    return sum;
  };
  EXPECT_NEAR(weights(model("qwen3.8-flash-next", "FP8")) / (185502232570. - 897862112 - 2698026496), 1, 0.001);
  // 125.9 GiB in NVFP4 (jschmied/qwen38-flash-next-gb10), its next-token layer in sixteen bits: twice what that of the FP8 files takes.
  EXPECT_NEAR(weights(model("qwen3.8-flash-next", "NVFP4")) / (125.9 * kGiB - 897862112 - 2 * 2698026496.), 1, 0.0015);
  EXPECT_NEAR(weights(model("glm-5.3-flash")) / (328326771576. - 1127254016 - 7493399168), 1, 0.001);
  EXPECT_NEAR(weights(model("deepseek-v4.1-flash")) / (510286023000. - 970536960 - 7932874632), 1, 0.0001);
  EXPECT_NEAR(weights(model("deepseek-v4-flash")) / 156.019e9, 1, 0.0005);
  EXPECT_EQ(tensor(model("deepseek-v4.1-flash"), "blk.5.ffn_up_exps.weight").bytes.value() * 3, 384. * 18800640);
}

// llama-quant.cpp (build 11669): MXFP4_MOE takes every tensor of three dimensions, of Ling 3 experts alone.
TEST(Recipe, LatentsOfLingStayInEightBits) {
  const Architecture ling = model("ling-3.0-flash", "MXFP4_MOE");
  for (const Tensor& each : ling.tensors) EXPECT_TRUE(each.name.find("attn_k_b") == std::string::npos || each.quant == "q8_0") << each.name << " is in " << each.quant;
  EXPECT_EQ(tensor(model("deepseek-v3", "MXFP4_MOE"), "blk.5.attn_k_b.weight").quant, "mxfp4");
}

TEST(Recipe, UnknownNamesTheNearest) {
  Architecture a = model("llama-3-8b");
  const auto done = apply_quant(facts(), a, "Q4_K_X");
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::not_found);
  EXPECT_THAT(done.error().nearest, testing::StartsWith("Q4_K_"));
}

TEST(Recipe, AMeanOrASizeIsReached) {
  const Architecture mean = model("llama-3-8b", "4.5bpw");
  EXPECT_NEAR(mean.weight_bytes().value() * 8 / mean.elements(), 4.5, 1e-6);
  const Architecture size = model("llama-3-8b", "6.5GiB");
  EXPECT_NEAR(size.weight_bytes().value(), 6.5 * kGiB, 1000);
}

}  // namespace
}  // namespace rigcast::model
