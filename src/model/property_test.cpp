// What must hold for every shape, checked on shapes nobody has made.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "facts.hpp"
#include "model/family.hpp"
#include "model/recipe.hpp"
#include "model/shape.hpp"

namespace rigcast::model {
namespace {

using rigcast::test::facts;

int between(int low, int high) { return *rc::gen::inRange(low, high + 1); }

// A dense or mixture model of a random plain family. Rows are multiples of 32, as every real one's are.
Shape any_shape() {
  Shape s;
  s.key = s.name = "any";
  s.family = *rc::gen::element<std::string>("llama", "qwen2", "qwen3", "qwen3moe", "gemma3", "glm4", "olmo2", "dots1", "starcoder2", "phi3");
  s.features = find_family(s.family)->features;
  s.native = "BF16";
  s.layers = between(1, 24);
  s.hidden = 32 * between(1, 96);
  s.vocab = between(1, 4000);
  s.ffn = 32 * between(1, 200);
  s.max_context = 4096;
  s.tied_embeddings = *rc::gen::arbitrary<bool>();
  s.kv_heads = between(1, 8);
  s.heads = s.kv_heads * between(1, 8);
  s.head_dim = s.value_dim = *rc::gen::element(32, 64, 96, 128, 256);
  if (*rc::gen::arbitrary<bool>()) s.window = between(1, 2048), s.pattern = *rc::gen::element<std::string>("S", "SF", "SSSSSF");
  if (*rc::gen::arbitrary<bool>()) {
    s.experts.count = between(2, 64);
    s.experts.used = between(1, s.experts.count);
    s.experts.width = 32 * between(1, 48);
    s.experts.first_dense = between(0, s.layers);
    s.experts.shared_width = 32 * between(0, 16);
  }
  return s;
}

Architecture any_architecture() { return build_architecture(facts(), any_shape()).value(); }

double bytes_as(Architecture a, std::string_view quant) {
  RC_ASSERT(apply_quant(facts(), a, quant).has_value());
  double sum = 0;
  for (const Tensor& tensor : a.tensors) sum += tensor.bytes.value();
  RC_ASSERT(sum == a.weight_bytes().value());
  return sum;
}

RC_GTEST_PROP(AnyShape, MoreBitsAreNeverSmaller, ()) {
  const Shape shape = any_shape();
  const Architecture a = build_architecture(facts(), shape).value();
  // llama-quantize raises attn_output of a model of 8 experts (Mixtral's number) to Q5_K in Q3_K_M but not in Q3_K_L, which may then be smaller.
  const auto largest_q3 = shape.experts.count == 8 ? std::vector<const char*>{"Q3_K_S", "Q3_K_M"} : std::vector<const char*>{"Q3_K_S", "Q3_K_M", "Q3_K_L"};
  // Q4_K_S raises attn_v of the first four layers to Q5_K, Q4_K_M that of every third to Q6_K: of fewer than eight layers that may be less.
  const auto small_to_medium = shape.layers < 8 ? std::vector<const char*>{"Q4_K_M", "Q5_K_M", "Q6_K"} : std::vector<const char*>{"Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K"};
  for (const std::vector<const char*>& ladder : {std::vector<const char*>{"Q3_K_S", "Q4_K_S", "Q5_K_S", "Q6_K", "Q8_0", "F16", "F32"},
                                                 small_to_medium, largest_q3, {"Q4_0", "Q5_0", "Q8_0"},
                                                 {"awq", "fp8-tensor", "bf16"}}) {
    double smaller = 0;
    for (const char* quant : ladder) {
      const double bytes = bytes_as(a, quant);
      RC_ASSERT(bytes >= smaller);
      smaller = bytes;
    }
  }
}

RC_GTEST_PROP(AnyShape, EveryRowFitsTheBlocksOfItsFormat, ()) {
  Architecture a = any_architecture();
  const std::string recipe = *rc::gen::elementOf(recipe_names(facts()));
  RC_ASSERT(apply_quant(facts(), a, recipe).has_value());
  for (const Tensor& tensor : a.tensors) {
    const auto quant = facts().quant(tensor.quant);
    RC_ASSERT(quant.has_value());
    if (quant->ggml_type >= 0 && quant->group != "fp4") RC_ASSERT(tensor.shape[0] % quant->block_elements == 0);
    RC_ASSERT(tensor.bytes.value() > 0);
  }
}

RC_GTEST_PROP(AnyShape, ParametersAreElementsAndActiveOnesNoMore, ()) {
  const Architecture a = any_architecture();
  double elements = 0;
  for (const Tensor& tensor : a.tensors) elements += static_cast<double>(tensor.elements());
  RC_ASSERT(a.parameters() == elements);
  RC_ASSERT(a.active_parameters() <= a.parameters());
  RC_ASSERT(a.has_experts() || a.active_parameters() == a.parameters());
}

}  // namespace
}  // namespace rigcast::model
