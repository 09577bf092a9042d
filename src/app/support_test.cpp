#include "app/support.hpp"

#include <gtest/gtest.h>

#include "app/detail/test_knowledge.hpp"
#include "app/detail/test_plan.hpp"
#include "app/roofline.hpp"
#include "app/show.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace rigcast::app {
namespace {

using test::knowledge;

const EngineSupport& engine_of(const SupportAnswer& answer, const std::string& key) {
  const auto found = std::find_if(answer.engines.begin(), answer.engines.end(), [&](const EngineSupport& each) { return each.key == key; });
  EXPECT_NE(found, answer.engines.end()) << key;
  return *found;
}

const FormatSupport& format_of(const EngineSupport& engine, const std::string& name) {
  const auto& formats = engine.backends.at(0).formats;
  const auto found = std::find_if(formats.begin(), formats.end(), [&](const FormatSupport& each) { return each.name == name; });
  EXPECT_NE(found, formats.end()) << name;
  return *found;
}

// 59 GiB in four bits, as they were trained: a card of 12 runs them with experts on the host, as plan says, and so does the engine that keeps all there.
TEST(Support, WhatWasTrainedInFourBitsMayLieOnTheHost) {
  const auto answer = support(knowledge(), {"rtx-3060-12gb", "gpt-oss-120b"});
  ASSERT_TRUE(answer) << to_text(answer.error());
  for (const char* engine : {"llama.cpp", "ik_llama.cpp", "ollama", "ktransformers"}) {
    const auto row = std::find_if(answer->models.begin(), answer->models.end(), [&](const ModelSupport& each) { return each.key == engine; });
    ASSERT_NE(row, answer->models.end()) << engine;
    EXPECT_TRUE(row->runs) << engine << ": " << row->why;
    PlanRequest request = test::asked("gpt-oss-120b", "rtx-3060-12gb", engine);
    const auto planned = plan(knowledge(), request);
    ASSERT_TRUE(planned && planned->speed) << engine;
    EXPECT_TRUE(planned->placement.fits) << engine;
    EXPECT_DOUBLE_EQ(row->decode.p50, planned->speed->decode.value.p50) << engine;
  }
}

// Volta: tensor cores for FP16 alone, out of CUDA 13 and of vLLM after 0.30.
TEST(Support, OfAV100) {
  const auto answer = support(knowledge(), {"v100-sxm2-16gb", ""});
  ASSERT_TRUE(answer) << to_text(answer.error());
  const EngineSupport& vllm = engine_of(*answer, "vllm");
  EXPECT_EQ(vllm.until, "CUDA 12.9, vLLM 0.30");
  EXPECT_EQ(format_of(vllm, "BF16").support, Support::fallback);
  EXPECT_EQ(format_of(vllm, "BF16").runs_as, "fp16");
  EXPECT_EQ(format_of(vllm, "AWQ").support, Support::refused);
  EXPECT_EQ(format_of(vllm, "GPTQ").support, Support::native);
  EXPECT_EQ(format_of(vllm, "EXL3").support, Support::unread);
  EXPECT_TRUE(engine_of(*answer, "sglang").backends.empty());
  EXPECT_FALSE(engine_of(*answer, "sglang").why.empty());
  EXPECT_TRUE(engine_of(*answer, "mlx").why.empty()) << "no backend is not a refusal";
}

// FP8 begins with Ada: 4090 native, 3090 widened to FP16 at the FP16 rate.
TEST(Support, Fp8FallsBackOnAmpere) {
  const auto ada = support(knowledge(), {"rtx-4090", "vllm"}), ampere = support(knowledge(), {"rtx-3090", "vllm"});
  ASSERT_TRUE(ada && ampere);
  EXPECT_EQ(format_of(ada->engines.at(0), "FP8").support, Support::native);
  const FormatSupport& fp8 = format_of(ampere->engines.at(0), "FP8");
  EXPECT_EQ(fp8.support, Support::fallback);
  EXPECT_EQ(fp8.rate, ampere->device.rates.at("fp16").value);
  EXPECT_LT(fp8.rate, format_of(ada->engines.at(0), "FP8").rate);
}

TEST(Support, EveryRuleNamedIsTold) {
  const auto answer = support(knowledge(), {"atlas-300i-duo-96gb", ""});
  ASSERT_TRUE(answer) << to_text(answer.error());
  const auto told = [&](const std::string& key) {
    return std::any_of(answer->rules.begin(), answer->rules.end(), [&](const catalog::Rule& rule) { return rule.key == key && !rule.source.text.empty(); });
  };
  for (const EngineSupport& engine : answer->engines) {
    for (const std::string& key : engine.rules) EXPECT_TRUE(told(key)) << key;
    for (const BackendSupport& backend : engine.backends)
      for (const FormatSupport& format : backend.formats)
        for (const std::string& key : format.rules) EXPECT_TRUE(told(key)) << key;
  }
}

// 32.8e9 parameters: 61 GiB in BF16, 17 to 22 GiB in what a card of 24 GiB can hold.
TEST(Support, AModelInTheLargestQuantThatFits) {
  const auto answer = support(knowledge(), {"rtx-3090", "qwen3-32b"});
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->models.size(), knowledge().catalog.entries(catalog::Kind::engine).size());
  for (const ModelSupport& model : answer->models) {
    if (!model.runs) { EXPECT_TRUE(!model.why.empty() || model.missing > Bytes{}) << model.key; continue; }
    EXPECT_LT(model.weights, answer->device.memory.value) << model.key;
    EXPECT_FALSE(model.launch.empty()) << model.key;
  }
  EXPECT_TRUE(answer->models.front().runs);
  EXPECT_FALSE(answer->models.back().runs);
}

const ModelSupport& row_of(const SupportAnswer& answer, const std::string& engine) {
  return *std::find_if(answer.models.begin(), answer.models.end(), [&](const ModelSupport& model) { return model.key == engine; });
}

// As plans assume: 4.8 GB of Q4_K_M rather than 16 GB of BF16 on a card that holds both.
TEST(Support, TheUsualFormatFirst) {
  const auto answer = support(knowledge(), {"v100-32g", "qwen3-8b"});
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(to_lower(row_of(*answer, "llama.cpp").quant), "q4_k_m");
  EXPECT_EQ(to_lower(row_of(*answer, "vllm").quant), "f16");
}

// Transformers' kernels for INT8 are not Ascend's; llama.cpp computes 16 bits on both chips of a 300I Duo.
TEST(Support, NoFormatThatTheChipCannotRun) {
  const auto duo = support(knowledge(), {"atlas-300i-duo-96gb", "qwen3-32b"});
  ASSERT_TRUE(duo) << to_text(duo.error());
  EXPECT_EQ(duo->models.front().key, "mindie");
  EXPECT_TRUE(row_of(*duo, "llama.cpp").runs);
  const auto volta = support(knowledge(), {"v100-16g", "qwen3-14b"});
  ASSERT_TRUE(volta) << to_text(volta.error());
  EXPECT_EQ(row_of(*volta, "transformers").model.find("fp8"), std::string::npos) << row_of(*volta, "transformers").model;
}

// On cards of servers those that serve stand first, and what models are compared with behind whatever is nearly as fast.
TEST(Support, TheUsualEngineFirst) {
  for (const char* card : {"910b3", "mi300x", "h20-96gb"}) {
    const auto answer = support(knowledge(), {card, "qwen3-8b"});
    ASSERT_TRUE(answer) << to_text(answer.error());
    const auto engine = knowledge().catalog.engine(answer->models.front().key);
    ASSERT_TRUE(engine);
    EXPECT_EQ((*engine)->kv_rule, catalog::KvRule::paged) << card << ": " << (*engine)->key;
  }
  const auto home = support(knowledge(), {"rx-7900-xtx", "qwen3-8b"});
  ASSERT_TRUE(home) << to_text(home.error());
  EXPECT_EQ(home->models.front().key, "llama.cpp");
}

// Ollama's own builds have no MUSA; the maker of the card publishes one that has.
TEST(Support, TheMakersOwnBuildOfOllama) {
  const auto s80 = support(knowledge(), {"mtt-s80", "ollama"});
  ASSERT_TRUE(s80) << to_text(s80.error());
  const auto rule = std::find_if(s80->rules.begin(), s80->rules.end(), [](const auto& each) { return each.key == "ollama-musa"; });
  ASSERT_NE(rule, s80->rules.end());
  EXPECT_NE(rule->text.find("mthreads/ollama"), std::string::npos);
}

TEST(Support, NamesTheNearest) {
  const auto device = support(knowledge(), {"rtx-309", ""});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().nearest, "rtx-3090");
  EXPECT_FALSE(support(knowledge(), {"rtx-3090", "no-such-thing"}));
  const auto neither = support(knowledge(), {"p40", "comfyui"});
  ASSERT_FALSE(neither);
  EXPECT_EQ(neither.error().message, "no engine or model is called 'comfyui'");
}

// Engines and formats need no memory; a model does, and may be told it.
TEST(Support, OfACardWhoseMemoryNobodyPublished) {
  const auto card = support(knowledge(), {"ascend-910d", ""});
  ASSERT_TRUE(card) << to_text(card.error());
  EXPECT_FALSE(card->engines.empty());
  EXPECT_FALSE(support(knowledge(), {"ascend-910d", "qwen3-8b"}));
  EXPECT_TRUE(support(knowledge(), {"ascend-910d@64g", "qwen3-8b"}));
}

TEST(Support, LmStudioHasNoRocmForOldChips) {
  const auto card = support(knowledge(), {"mi50-32g", "lm-studio"});
  ASSERT_TRUE(card) << to_text(card.error());
  ASSERT_EQ(card->engines.front().backends.size(), 1u);
  EXPECT_EQ(card->engines.front().backends.front().backend, "vulkan");
}

// vLLM writes half as fast as llama.cpp on an MI50: no engine of many stands in front there, and none is said to.
TEST(Support, WhatStandsInFrontIsSaid) {
  const auto old = support(knowledge(), {"mi50-32g", "qwen3.6-27b"}), server = support(knowledge(), {"h20-96gb", "qwen3-32b"});
  ASSERT_TRUE(old && server);
  EXPECT_EQ(old->models.front().key, "llama.cpp");
  EXPECT_FALSE(old->serves_first);
  EXPECT_TRUE(server->serves_first);
}

// 384 chips are asked about as one: each rule is told once, and every engine of the chip has its row.
TEST(Support, OfASupernode) {
  const auto one = support(knowledge(), {"ascend-910c", ""}), all = support(knowledge(), {"cloudmatrix-384", ""});
  ASSERT_TRUE(one && all);
  for (const EngineSupport& engine : all->engines) EXPECT_EQ(engine.backends.size(), engine_of(*one, engine.key).backends.size()) << engine.key;
  const auto model = support(knowledge(), {"cloudmatrix-384", "deepseek-v3.1"});
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_TRUE(row_of(*model, "vllm").runs) << row_of(*model, "vllm").why;
  EXPECT_FALSE(row_of(*model, "vllm").launch.empty());
}

// What people type behind --on they type here, too.
TEST(Support, NamesOfCardsAreThoseOfRigs) {
  for (const char* name : {"2x3090", "3090 x2", "3090; 24g"}) {
    const auto card = support(knowledge(), {name, ""});
    ASSERT_TRUE(card) << name << ": " << to_text(card.error());
    EXPECT_EQ(card->device.key, "rtx-3090") << name;
    const auto shown = show(knowledge(), {name, {}});
    ASSERT_TRUE(shown) << name << ": " << to_text(shown.error());
    ASSERT_TRUE(std::holds_alternative<catalog::Device>(shown->entries.front())) << name;
    EXPECT_EQ(std::get<catalog::Device>(shown->entries.front()).key, "rtx-3090") << name;
    const auto roofs = roofline(knowledge(), name);
    ASSERT_TRUE(roofs) << name << ": " << to_text(roofs.error());
    EXPECT_EQ(roofs->device, "rtx-3090") << name;
  }
  ASSERT_TRUE(show(knowledge(), {"ryzen 9 7950x", {}})) << "a processor is still one";
}

}  // namespace
}  // namespace rigcast::app
