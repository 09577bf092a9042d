#include "placement/detail/weight_kinds.hpp"

#include <gtest/gtest.h>

#include <string>

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
