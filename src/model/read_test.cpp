#include "model/read.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "gguf_writer.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;
using test::GgufWriter;
namespace ggml = test::ggml;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

// A folder of its own for each test, removed afterwards.
class ReadModel : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("rigcast-read-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
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

TEST_F(ReadModel, NamesThatAreNot) {
  EXPECT_EQ(error(""), "no model is named");
  EXPECT_EQ(error(path("absent.gguf")), path("absent.gguf") + ": no such file or folder");
  EXPECT_EQ(error("absent.gguf"), "absent.gguf: no such file or folder");
  EXPECT_NE(error("qwen3-8").find("nearest: qwen3-8b"), std::string::npos) << error("qwen3-8");
}

TEST_F(ReadModel, CatalogueKeyWithQuant) {
  const auto model = read_model(facts(), "qwen3-8b:q4_k_m");
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->layers.size(), 36u);
  EXPECT_EQ(model->quant, "Q4_K_M");
}

}  // namespace
}  // namespace rigcast::model
