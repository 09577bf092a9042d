#include "model/read.hpp"
#include "model/names.hpp"
#include "model/recipe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "facts.hpp"
#include "gguf_writer.hpp"
#include "safetensors_writer.hpp"
#include "scratch.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;
using test::GgufWriter;
namespace ggml = test::ggml;

using rigcast::test::facts;

// A folder of its own for each test, removed afterwards.
class ReadModel : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = test::scratch_folder() / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string error(const std::string& spec) const {
    const auto result = read_model(facts(), spec);
    return result ? std::string{} : to_text(result.error());
  }

  fs::path folder_;
};

TEST_F(ReadModel, WhatMayNameAFileIsKnownBeforeItIsRead) {
  for (const char* name : {"qwen3-32b:q4_k_m", "2x3090; host=epyc-7532:8xddr4-3200:512g", "no-such-file.gguf"}) EXPECT_FALSE(may_name_a_file(name)) << name;
  for (const char* name : {"./a.gguf", "dir/config.json:fp8", "C:\\a.gguf", " my-rig.toml ", "."}) EXPECT_TRUE(may_name_a_file(name)) << name;
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  fs::create_directory("plain");
  for (const char* name : {"plain", "plain:q4_k_m", " plain"}) EXPECT_TRUE(may_name_a_file(name)) << name;
  fs::current_path(before);
}

// Llama 3.1 405B in F16 is a hole of 812 GB; only its header is on disk and only that is read.
TEST_F(ReadModel, AnEnormousSparseFile) {
  const auto writer = test::dense_model({.layers = 126, .hidden = 16384, .heads = 128, .kv_heads = 8, .head_dim = 128, .ffn = 53248, .vocab = 128256}, ggml::f16);
  writer.write(path("big.gguf"));
  const auto model = read_model(facts(), path("big.gguf"));
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->layers.size(), 126u);
  EXPECT_EQ(model->key, "big");
  EXPECT_NEAR(model->weight_bytes().value(), 2.0 * 405.85e9, 2e8);
}

// Three parts: metadata and embedding in the first, one layer in each of the others.
void write_split(const fs::path& folder, int count_written, int number_in_second) {
  const test::DenseShape shape{.layers = 2};
  const auto name = [&](int part) { return folder / ("m-0000" + std::to_string(part) + "-of-00003.gguf"); };
  for (int part = 1; part <= count_written; ++part) {
    GgufWriter out = part == 1 ? test::begin_model(shape) : GgufWriter("llama");
    out.u16("split.no", static_cast<std::uint16_t>(part == 2 ? number_in_second : part - 1)).u16("split.count", 3).i32("split.tensors.count", 3 + 2 * 9);
    if (part == 1) test::add_outside(out, shape, ggml::q8_0);
    if (part > 1) {
      test::add_attention(out, shape, part - 2, ggml::q8_0);
      test::add_feed_forward(out, shape, part - 2, ggml::q8_0);
    }
    out.write(name(part));
  }
}

TEST_F(ReadModel, SplitFileByAnyOfItsParts) {
  write_split(folder_, 3, 1);
  for (const std::string part : {"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"}) {
    const auto model = read_model(facts(), path(part));
    ASSERT_TRUE(model) << to_text(model.error());
    EXPECT_EQ(model->key, "m");
    EXPECT_EQ(model->layers.size(), 2u);
    EXPECT_EQ(model->tensors.size(), 3u + 2u * 9u);
    EXPECT_EQ(model->tensors.back().layer, 1);
  }
}

TEST_F(ReadModel, SplitFileWithAPartMissing) {
  write_split(folder_, 2, 1);
  EXPECT_EQ(error(path("m-00002-of-00003.gguf")), path("m-00001-of-00003.gguf") + ": lacks 1 of its 3 parts: m-00003-of-00003.gguf");
}

TEST_F(ReadModel, SplitFileOfAnotherModel) {
  write_split(folder_, 3, 2);
  EXPECT_EQ(error(path("m-00001-of-00003.gguf")), path("m-00002-of-00003.gguf") + ": says it is part 3, its name says 2");
}

TEST_F(ReadModel, SplitFileRenamed) {
  write_split(folder_, 3, 1);
  fs::rename(path("m-00001-of-00003.gguf"), path("m.gguf"));
  EXPECT_EQ(error(path("m.gguf")), path("m.gguf") + ": is one of 3 parts but is not named like one (model-00001-of-00003.gguf)");
}

TEST_F(ReadModel, QuantOfAGguf) {
  test::dense_model({}).write(path("m.gguf"));
  EXPECT_EQ(error(path("m.gguf") + ":q4_k_m"),
            path("m.gguf") + ": a GGUF file is already in its format; ':q4_k_m' cannot change it (name the model by its catalogue key for another format)");
}

// Matrices of 16 bits become blocks of 34 bytes for each 32 elements; norms of F32 stay.
TEST_F(ReadModel, RecipeForAFileOf16Bits) {
  test::dense_model({}, ggml::f16).write(path("m.gguf"));
  const auto as_is = read_model(facts(), path("m.gguf")), smaller = read_model(facts(), path("m.gguf") + ":q8_0");
  ASSERT_TRUE(as_is && smaller) << error(path("m.gguf") + ":q8_0");
  Bytes norms{};
  for (const Tensor& tensor : as_is->tensors)
    if (tensor.quant == "f32") norms += tensor.bytes;
  EXPECT_DOUBLE_EQ((smaller->weight_bytes() - norms).value(), (as_is->weight_bytes() - norms).value() * 34 / 64);
  EXPECT_TRUE(smaller->file.empty()) << "nothing of that name is on disk";
  EXPECT_EQ(error(path("m.gguf") + ":q4_k_n"), "no recipe or format 'q4_k_n' (nearest: " + path("m.gguf") + ":q4_k_m)");
}

// Gemma 3n's projections between streams are never quantised: converted in F32, they stay in F32 (llama-quantize of build 11669).
TEST_F(ReadModel, RecipeLeavesAloneWhatTheFileKeeps) {
  test::dense_model({}, ggml::f16).tensor("altup_proj.weight", {256, 256, 3}, ggml::f32).write(path("m.gguf"));
  const auto model = read_model(facts(), path("m.gguf") + ":q4_0");
  ASSERT_TRUE(model) << error(path("m.gguf") + ":q4_0");
  const auto kept = std::find_if(model->tensors.begin(), model->tensors.end(), [](const Tensor& t) { return t.name == "altup_proj.weight"; });
  ASSERT_NE(kept, model->tensors.end());
  EXPECT_EQ(kept->quant, "f32");
  EXPECT_EQ(kept->bytes, Bytes(256.0 * 256 * 3 * 4));
}

TEST_F(ReadModel, NamesThatAreNot) {
  EXPECT_EQ(error(""), "no model is named");
  EXPECT_EQ(error(path("absent.gguf")), path("absent.gguf") + ": no such file or folder");
  EXPECT_EQ(error("absent.gguf"), "absent.gguf: no such file or folder");
  EXPECT_NE(error("qwen3-8").find("nearest: qwen3-8b"), std::string::npos) << error("qwen3-8");
  EXPECT_EQ(error("Qwen3-32B-Q4_K_M.gguf"), "Qwen3-32B-Q4_K_M.gguf: no such file or folder (nearest: qwen3-32b:q4_k_m)") << "what its name tells";
  EXPECT_EQ(error("4090"), "'4090' is a device, no model: it stands behind --on");
  EXPECT_EQ(error("qwen3-8b:q4km"), "no recipe or format 'q4km' (nearest: qwen3-8b:q4_k_m)") << "all but its signs";
  for (const char* alone : {"q4_k_m", "q4km", ":q4_k_m"})
    EXPECT_NE(error(alone).find("is a format: a model stands before it (nearest: qwen3-32b:q4_k_m)"), std::string::npos) << error(alone);
  EXPECT_EQ(error("fp8"), "'fp8' is a format: a model stands before it (nearest: qwen3-32b:fp8)");
}

constexpr std::string_view kLlamaConfig = R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 256,
  "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "intermediate_size": 512, "vocab_size": 1000, "max_position_embeddings": 4096,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16"})";

// Two layers of 2 x 256 norms, (256 + 2 x 128 + 256) x 256 attention, 3 x 256 x 512 feed-forward; embedding, head, output norm.
test::SafetensorsWriter llama_files() {
  test::SafetensorsWriter out;
  out.tensor("model.embed_tokens.weight", {1000, 256}).tensor("lm_head.weight", {1000, 256}).tensor("model.norm.weight", {256});
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    out.tensor(at + "input_layernorm.weight", {256}).tensor(at + "post_attention_layernorm.weight", {256});
    out.tensor(at + "self_attn.q_proj.weight", {256, 256}).tensor(at + "self_attn.k_proj.weight", {128, 256});
    out.tensor(at + "self_attn.v_proj.weight", {128, 256}).tensor(at + "self_attn.o_proj.weight", {256, 256});
    for (const char* part : {"gate", "up"}) out.tensor(at + "mlp." + part + "_proj.weight", {512, 256});
    out.tensor(at + "mlp.down_proj.weight", {256, 512});
  }
  return out;
}
constexpr double kLlamaBytes = 2.0 * (2 * 1000 * 256 + 256 + 2 * (2 * 256 + (256 + 128 + 128 + 256) * 256 + 3 * 256 * 512));

TEST_F(ReadModel, CheckpointFolder) {
  GgufWriter::write_bytes(path("config.json"), kLlamaConfig);
  llama_files().write(path("model.safetensors"));
  for (const std::string& spec : {folder_.string(), path("model.safetensors")}) {
    const auto model = read_model(facts(), spec);
    ASSERT_TRUE(model) << to_text(model.error());
    EXPECT_EQ(model->origin, Origin::safetensors);
    EXPECT_EQ(model->weight_bytes().value(), kLlamaBytes);
    EXPECT_EQ(model->layers.size(), 2u);
  }
}

// With a format behind it the folder is only a shape: the files are in another one.
TEST_F(ReadModel, CheckpointFolderInAnotherFormat) {
  GgufWriter::write_bytes(path("config.json"), kLlamaConfig);
  llama_files().write(path("model.safetensors"));
  for (const std::string& spec : {folder_.string() + ":q8_0", path("config.json") + ":q8_0", path("model.safetensors") + ":q8_0"}) {
    const auto model = read_model(facts(), spec);
    ASSERT_TRUE(model) << to_text(model.error());
    EXPECT_EQ(model->origin, Origin::config);
    EXPECT_EQ(model->quant, "Q8_0");
    EXPECT_LT(model->weight_bytes().value(), 0.6 * kLlamaBytes);
  }
}

TEST_F(ReadModel, ConfigAlone) {
  GgufWriter::write_bytes(path("config.json"), kLlamaConfig);
  for (const std::string& spec : {folder_.string(), path("config.json")}) {
    const auto model = read_model(facts(), spec);
    ASSERT_TRUE(model) << to_text(model.error());
    EXPECT_EQ(model->origin, Origin::config);
    EXPECT_EQ(model->layers.size(), 2u);
  }
}

TEST_F(ReadModel, FoldersThatAreNoModel) {
  EXPECT_EQ(error(folder_.string()), folder_.string() + ": holds no config.json");
  test::dense_model({}).write(path("b.gguf"));
  test::dense_model({}).write(path("a.gguf"));
  EXPECT_EQ(error(folder_.string()), folder_.string() + ": holds no config.json; name one of its files: a.gguf, b.gguf");
  llama_files().write(path("model.safetensors"));
  EXPECT_EQ(error(path("model.safetensors")),
            path("model.safetensors") + ": has no config.json beside it: a safetensors file says what weighs how much, not how it works");
}

TEST_F(ReadModel, CatalogueKeyWithQuant) {
  const auto model = read_model(facts(), "qwen3-8b:q4_k_m");
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->layers.size(), 36u);
  EXPECT_EQ(model->quant, "Q4_K_M");
}

// Spellings of one model: the catalogue's, Ollama's, those of Hugging Face and of files; what none of them means stays unknown.
TEST(ModelNames, AreFoundByRule) {
  const auto meant = [](const char* spec) {
    const auto found = catalogue_spec(facts(), spec);
    if (!found) return std::string("unknown");
    return facts().document(catalog::Kind::model, found->name)->key + (found->quant.empty() ? "" : ":" + found->quant);
  };
  EXPECT_EQ(meant("qwen3-32b"), "qwen3-32b");
  EXPECT_EQ(meant("qwen3-32b:q4_k_m"), "qwen3-32b:q4_k_m");
  EXPECT_EQ(meant("qwen3:32b"), "qwen3-32b");
  EXPECT_EQ(meant("qwen3:32b-q4_K_M"), "qwen3-32b:q4_K_M");
  EXPECT_EQ(meant("gemma3:27b"), "gemma-3-27b");
  EXPECT_EQ(meant("Qwen/Qwen3-32B-AWQ"), "qwen3-32b:AWQ");
  EXPECT_EQ(meant("unsloth/Qwen3-32B-GGUF:Q4_K_M"), "qwen3-32b:Q4_K_M");
  EXPECT_EQ(meant("Qwen3-32B-GGUF"), "qwen3-32b");
  EXPECT_EQ(meant("qwen3-32b-q4_k_m"), "qwen3-32b:q4_k_m");
  EXPECT_EQ(meant("\u901a\u4e49\u5343\u95ee3-32b"), "qwen3-32b");
  EXPECT_EQ(meant("\u5343\u95ee3 32b"), "qwen3-32b");
  EXPECT_EQ(meant("deepseek v3 0324"), "deepseek-v3");
  EXPECT_EQ(meant("\u667a\u8c31 glm-4.5-air"), "glm-4.5-air");
  EXPECT_EQ(meant("deepseek\u6ee1\u8840\u7248"), "deepseek-r1");
  EXPECT_EQ(meant("meta-llama/Meta-Llama-3.1-70B-Instruct"), "llama-3.1-70b");
  EXPECT_EQ(meant("hf.co/bartowski/Llama-3.3-70B-Instruct-GGUF:Q4_K_M"), "llama-3.3-70b:Q4_K_M");
  EXPECT_EQ(meant("https://huggingface.co/Qwen/Qwen3-32B-AWQ"), "qwen3-32b:AWQ");
  EXPECT_EQ(meant("bartowski/Qwen_Qwen3-32B-GGUF:Q5_K_M"), "qwen3-32b:Q5_K_M");
  EXPECT_EQ(meant("zai-org/GLM-5.2-FP8"), "glm-5.2:FP8");   // and not in the 16 bits of the repository beside it
  EXPECT_EQ(meant("Qwen_Qwen3-32B-Q4_K_M"), "qwen3-32b:Q4_K_M");
  EXPECT_EQ(meant("bartowski/google_gemma-3-27b-it-GGUF:Q4_K_M"), "gemma-3-27b:Q4_K_M");
  EXPECT_EQ(meant("bartowski/zai-org_GLM-4.5-Air-GGUF"), "glm-4.5-air");
  EXPECT_EQ(meant("bartowski/somebody_nothing-32B-GGUF"), "unknown");
  EXPECT_EQ(meant("deepseek-ai/DeepSeek-V3.2-Exp"), "deepseek-v3.2");
  EXPECT_EQ(meant("unsloth/DeepSeek-V3.2-Exp-GGUF:Q4_K_M"), "deepseek-v3.2:Q4_K_M");
  EXPECT_EQ(meant("llama3.3"), "llama-3.3-70b");
  EXPECT_EQ(meant("qwq"), "qwq-32b");
  EXPECT_EQ(meant("mistral"), "mistral-7b-v0.3");
  EXPECT_EQ(meant("qwen3-32b-nonsense"), "unknown");
  EXPECT_EQ(meant("nobody/nothing"), "unknown");
  EXPECT_EQ(facts().nearest(catalog::Kind::model, "r1"), "deepseek-r1");
}

// Releases of a model that hold longer contexts are models of their own, under each of their names.
TEST(ModelNames, ReleasesHaveContextsOfTheirOwn) {
  const auto context = [](const char* spec) {
    const auto model = read_model(facts(), spec);
    return model ? model->max_context : -1;
  };
  for (const char* name : {"Qwen3-30B-A3B-Instruct-2507:q4_k_m", "Qwen/Qwen3-30B-A3B-Thinking-2507-FP8", "unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF:q4_k_m", "qwen3-30b-a3b-2507",
                           "qwen3:30b-a3b-instruct-2507-q4_k_m", "qwen3:30b-instruct", "Qwen3-235B-A22B-Instruct-2507:fp8", "Qwen/Qwen3-235B-A22B-Thinking-2507", "Qwen3-4B-Thinking-2507",
                           "Kimi-K2-Thinking", "moonshotai/Kimi-K2-Instruct-0905", "qwen3-coder-30b-a3b"})
    EXPECT_EQ(context(name), 262144) << name;
  for (const char* name : {"qwen3-30b-a3b", "Qwen/Qwen3-30B-A3B-FP8", "qwen3:30b", "qwen3-235b-a22b:fp8", "qwen3-4b"}) EXPECT_EQ(context(name), 40960) << name;
  EXPECT_EQ(context("kimi-k2"), 131072);
  EXPECT_EQ(read_model(facts(), "Kimi-K2-Thinking")->name, "Kimi K2 Thinking");
  EXPECT_EQ(read_model(facts(), "mistral-small3.2")->key, "mistral-small-3.2-24b");
}

// bartowski prints 27.26 GB for Qwen3 32B in Q6_K_L, Google 17.2 GB for Gemma 3 27B in Q4_0 as trained for it; DWQ changes no format.
TEST(Recipes, WithEmbeddingsOfTheirOwn) {
  const auto bytes = [](const char* spec) { return read_model(facts(), spec)->weight_bytes().value(); };
  EXPECT_NEAR(bytes("qwen3-32b:q6_k_l"), 27.26e9, 0.003 * 27.26e9);
  EXPECT_NEAR(bytes("gemma-3-27b:q4_0-qat"), 17.2e9, 0.005 * 17.2e9);
  EXPECT_EQ(bytes("qwen3-8b:mlx_dwq"), bytes("qwen3-8b:mlx-4bit"));
  EXPECT_EQ(bytes("qwen3-8b:mlx-8bit-dwq"), bytes("qwen3-8b:mlx-8bit"));
  EXPECT_EQ(bytes("qwen3-8b:q2_k_xl"), bytes("qwen3-8b:ud-q2_k_xl"));
  EXPECT_GT(bytes("qwen3-32b:q2_k_l"), bytes("qwen3-32b:q2_k"));
  EXPECT_GT(bytes("qwen3-32b:q4_k_l"), bytes("qwen3-32b:q4_k_m"));
  EXPECT_LT(bytes("qwen3-32b:q4_k_l"), bytes("qwen3-32b:q5_k_s"));
}

TEST(ModelNames, TheNearestIsOfTheSameSize) {
  EXPECT_EQ(nearest_model(facts(), "gemma3:27b-it-qat"), "gemma-3-27b");
  EXPECT_EQ(nearest_model(facts(), "qwen:72b"), "qwen2-72b");
  EXPECT_THAT(nearest_model(facts(), "codellama:70b"), testing::EndsWith("70b"));
  EXPECT_THAT(nearest_model(facts(), "Qwen/Qwen2.5-VL-72B-Instruct-AWQ"), testing::HasSubstr("72b"));
  EXPECT_EQ(nearest_model(facts(), "gemma3:270b"), "gemma-3-27b") << "no such size: of any";
  const auto absent = read_model(facts(), "nobody/Qwen3-33B");
  ASSERT_FALSE(absent);
  EXPECT_EQ(to_text(absent.error()), "nobody/Qwen3-33B: no such file or folder (nearest: qwen3-32b)");
}

TEST(ModelNames, WholeBitsSuggestTheUsualRecipe) {
  for (const auto& [bits, recipe] : {std::pair{"q4", "qwen3-32b:q4_k_m"}, {"q5", "qwen3-32b:q5_k_m"}, {"Q8", "qwen3-32b:q8_0"}}) {
    const auto model = read_model(facts(), std::string("qwen3-32b:") + bits);
    ASSERT_FALSE(model) << bits;
    EXPECT_EQ(model.error().nearest, recipe);
  }
}

// How experts are stored apart from the rest is the catalogue's word, not what people call the format.
TEST(Recipe, FormatsAreShownAsPeopleCallThem) {
  EXPECT_EQ(shown_format("FP8_BLOCK"), "FP8");
  EXPECT_EQ(shown_format("FP8_BLOCK_MXFP4_EXPERTS"), "FP8 + MXFP4");
  EXPECT_EQ(shown_format("MXFP4_MOE_BF16"), "MXFP4");
  EXPECT_EQ(shown_format("INT4_EXPERTS_G32"), "INT4");
  for (const char* own : {"Q4_K_M", "MXFP4_MOE", "UD-Q4_K_XL", "AWQ", "EXL3-4.0BPW"}) EXPECT_EQ(shown_format(own), own);
}

}  // namespace
}  // namespace rigcast::model
