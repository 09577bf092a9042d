#pragma once
// The header against which the readers' budgets are stated: 2,000 tensors, a vocabulary of 151,936 tokens and as many merges (as
// Qwen's), a chat template. 7 MB of header before a hole of 46 GB.

#include <string>
#include <vector>

#include "gguf_writer.hpp"

namespace rigcast::test {

inline GgufWriter large_gguf() {
  constexpr int kTokens = 151936;
  // 222 layers of nine tensors and two outside them.
  const DenseShape shape{.family = "qwen3", .layers = 222, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 12288, .vocab = kTokens, .tied = true};
  GgufWriter out = begin_model(shape);
  std::vector<std::string> tokens, merges;
  for (int i = 0; i < kTokens; ++i) {
    tokens.push_back("token" + std::to_string(i));
    merges.push_back("left" + std::to_string(i) + " right" + std::to_string(i));
  }
  out.text("tokenizer.ggml.model", "gpt2").texts("tokenizer.ggml.tokens", tokens).i32s("tokenizer.ggml.token_type", std::vector<std::int32_t>(kTokens, 1));
  out.texts("tokenizer.ggml.merges", merges).text("tokenizer.chat_template", std::string(9000, 'x'));
  add_outside(out, shape, ggml::q8_0);
  for (int layer = 0; layer < shape.layers; ++layer) {
    add_attention(out, shape, layer, ggml::q8_0);
    add_feed_forward(out, shape, layer, ggml::q8_0);
  }
  return out;
}

}  // namespace rigcast::test
