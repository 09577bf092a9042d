#include "placement/detail/weight_kinds.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/read.hpp"

namespace rigcast::placement::detail {
namespace {

std::string without_number(const std::string& name) { return name.starts_with("blk.") ? name.substr(name.find('.', 4)) : name; }

TEST(WeightKinds, DifferInNothingButTheirLayer) {
  const auto facts = *catalog::Catalog::load();
  for (const char* spec : {"llama-3.1-8b:q4_k_m", "qwen3-30b-a3b:q5_k_m", "deepseek-v3:q4_k_m", "jamba2-mini:q4_k_m", "gemma-3-27b:q8_0"}) {
    const auto architecture = model::read_model(facts, spec);
    ASSERT_TRUE(architecture) << spec;
    const WeightKinds weights(*architecture);
    EXPECT_LT(weights.kinds().size(), 80u) << spec << ": of " << architecture->tensors.size();
    EXPECT_EQ(weights.bytes(), architecture->weight_bytes()) << spec;
    ASSERT_EQ(weights.tensors().size(), architecture->tensors.size());
    for (std::size_t t = 0; t < architecture->tensors.size(); ++t) {
      const model::Tensor& tensor = architecture->tensors[t];
      const model::Tensor& first = *weights.of(t).first;
      EXPECT_EQ(weights.tensors()[t].layer, tensor.layer);
      EXPECT_EQ(without_number(first.name), without_number(tensor.name)) << spec;
      EXPECT_EQ(first.quant, tensor.quant) << tensor.name;
      EXPECT_EQ(first.bytes, tensor.bytes) << tensor.name;
      EXPECT_EQ(first.shape, tensor.shape) << tensor.name;
      EXPECT_EQ(first.role, tensor.role) << tensor.name;
    }
  }
}

// Q4_K_M keeps more bits of attn_v and ffn_down in an eighth of 36 layers at either end and in every third between: layers 0 to 3, 6, 9, ...,
// 30, and 31 to 35 are of one kind and the others of another.
TEST(WeightKinds, RunsOfTheSameKindsAreAlike) {
  const auto facts = *catalog::Catalog::load();
  const auto architecture = model::read_model(facts, "qwen3-8b:q4_k_m");
  ASSERT_TRUE(architecture);
  const WeightKinds weights(*architecture);
  std::size_t end = 0;
  std::vector<std::size_t> alike;   // of the layers
  for (const WeightKinds::Run& run : weights.runs()) {
    EXPECT_EQ(run.begin, end);
    end = run.end;
    for (std::size_t t = run.begin; t < run.end; ++t) EXPECT_EQ(architecture->tensors[t].layer, run.layer);
    if (weights.is_layer(run.layer)) alike.push_back(run.alike);
  }
  EXPECT_EQ(end, architecture->tensors.size());
  ASSERT_EQ(alike.size(), 36u);
  for (std::size_t i = 0; i < 36; ++i) EXPECT_EQ(alike[i] == alike[0], i < 4 || i >= 31 || (i - 4) % 3 == 2) << i;
}

// The engine's own pattern: \.ffn_(up|down|gate|gate_up)_(ch|)exps
TEST(WeightKinds, KnowWhatCpuMoeMoves) {
  const auto facts = *catalog::Catalog::load();
  const auto architecture = model::read_model(facts, "qwen3-30b-a3b:q4_k_m");
  ASSERT_TRUE(architecture);
  const WeightKinds weights(*architecture);
  for (std::size_t t = 0; t < architecture->tensors.size(); ++t)
    EXPECT_EQ(weights.of(t).moved_by_cpu_moe, architecture->tensors[t].name.find("_exps") != std::string::npos) << architecture->tensors[t].name;
}

}  // namespace
}  // namespace rigcast::placement::detail
