#pragma once
// What the tests of this room place: small files as llama.cpp writes them, machines of one kind of card, and questions by flags.

#include <string>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "facts.hpp"
#include "gguf_writer.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "placement/placement.hpp"
#include "scratch.hpp"

namespace rigcast::placement::test_case {

using rigcast::test::facts;

inline model::Architecture read_back(const test::GgufWriter& out, const std::string& name) {
  const auto file = test::scratch_folder() / (name + ".gguf");
  out.write(file);
  const auto gguf = model::read_gguf(file, [](int t) { return facts().quant_of_ggml_type(t); });
  EXPECT_TRUE(gguf) << (gguf ? "" : to_text(gguf.error()));
  const auto architecture = model::architecture_of_gguf(*gguf);
  EXPECT_TRUE(architecture) << (architecture ? "" : to_text(architecture.error()));
  return *architecture;
}

inline const test::DenseShape kLlama8b{.family = "llama", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 14336, .vocab = 128256,
                                .context = 131072};

inline model::Architecture llama_8b(test::GgmlType type) { return read_back(test::dense_model(kLlama8b, type), "llama8b"); }

// Qwen3-30B-A3B: 48 layers of 128 experts, 8 used.
inline model::Architecture qwen3_moe(test::GgmlType type) {
  const test::DenseShape shape{.family = "qwen3moe", .layers = 48, .hidden = 2048, .heads = 32, .kv_heads = 4, .head_dim = 128, .ffn = 6144, .vocab = 151936};
  test::GgufWriter out = test::begin_model(shape);
  out.set("expert_count", 128).set("expert_used_count", 8).set("expert_feed_forward_length", 768);
  test::add_outside(out, shape, type);
  for (int l = 0; l < shape.layers; ++l) {
    test::add_attention(out, shape, l, type);
    test::add_experts(out, shape, l, 128, 768, type);
  }
  return read_back(out, "qwen3moe");
}

inline rig::Rig rig_of(const std::string& device, int count, double host_gib = 128) {
  rig::Rig rig;
  rig::Host host;
  host.memory = Bytes(host_gib * kGiB);
  rig.hosts.push_back(host);
  for (int i = 0; i < count; ++i) {
    rig::RigDevice d;
    d.device = *facts().device(device);
    d.index = d.card = i;
    d.memory = d.device.memory.value;
    rig.devices.push_back(d);
  }
  return rig;
}

inline Request ask(const std::string& flags, const std::string& engine = "llama.cpp", const std::string& backend = "") {
  Request request;
  request.engine = engine;
  request.backend = backend;
  request.flags = flags;
  return request;
}

inline std::string error_of(const auto& result) { return result ? "no error" : to_text(result.error()); }

}  // namespace rigcast::placement::test_case
