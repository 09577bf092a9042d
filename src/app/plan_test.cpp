#include "app/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace rigcast::app {
namespace {

const Knowledge& knowledge() {
  static const Knowledge loaded = *load_knowledge({});
  return loaded;
}

double weights_of(const std::string& model, const std::string& engine, const std::string& rig) {
  PlanRequest request;
  request.model = model;
  request.rig = rig;
  request.placement.engine = engine;
  const auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? answer->architecture.weight_bytes().value() : 0;
}

// The published GGUF of gpt-oss-20b has 12,101,070,356 bytes, 8 MB of them vocabulary: experts in MXFP4, all else in Q8_0. The checkpoint that
// vLLM reads has BF16 there: 13.8 GB.
TEST(Plan, Mxfp4MeansWhatTheFilesOfTheEngineHold) {
  for (const char* name : {"gpt-oss-20b", "gpt-oss-20b:mxfp4"}) {
    EXPECT_NEAR(weights_of(name, "llama.cpp", "rtx-3090"), 12.10e9, 0.005 * 12.10e9) << name;
    EXPECT_NEAR(weights_of(name, "ollama", "rtx-3090"), 12.10e9, 0.005 * 12.10e9) << name;
    EXPECT_NEAR(weights_of(name, "vllm", "rtx-3090"), 13.76e9, 0.01 * 13.76e9) << name;
  }
}

// Qwen3 8B was made for 40,960 tokens: asked for 60,000, every engine says so; asked for what it holds, none does.
// Cards that vLLM knows through a plugin of their maker: a plan, with a speed where the bandwidth is known, and a word on the plugin.
TEST(Plan, AcceleratorsRunThroughTheirPlugins) {
  for (const char* card : {"metax-c500", "hygon-bw1000", "mlu370-x8", "mtt-s4000", "iluvatar-bi-v150", "kunlun-p800", "enflame-s60", "gaudi-2", "tpu-v5p"}) {
    PlanRequest request;
    request.model = "qwen3-8b:bf16";
    request.rig = card;
    request.placement.engine = "vllm";
    const auto answer = plan(knowledge(), request);
    ASSERT_TRUE(answer) << card << ": " << to_text(answer.error());
    EXPECT_TRUE(answer->placement.fits) << card;
    EXPECT_EQ(answer->speed.has_value(), answer->rig.devices.front().device.bandwidth.has_value()) << card;   // some publish none
    const auto& caveats = answer->placement.caveats;
    EXPECT_TRUE(std::any_of(caveats.begin(), caveats.end(), [](const auto& caveat) { return caveat.id.starts_with("vllm-plugin-"); })) << card;
  }
}

// L20s read each other's memory over PCIe, GeForce cards do not; a 2080 Ti of 22 GB has no more memory than its window.
TEST(Plan, CaveatsSpeakOfTheCardsTheyAreTrueOf) {
  const auto told = [&](const char* rig, const char* id) {
    PlanRequest request;
    request.model = "qwen3-32b:awq";
    request.rig = rig;
    request.placement.engine = "vllm";
    const auto answer = plan(knowledge(), request);
    EXPECT_TRUE(answer) << rig << (answer ? "" : to_text(answer.error()));
    const auto& caveats = answer->placement.caveats;
    return std::any_of(caveats.begin(), caveats.end(), [&](const auto& caveat) { return caveat.id == id; });
  };
  EXPECT_TRUE(told("2x4090", "geforce-no-p2p"));
  EXPECT_FALSE(told("2xl20", "geforce-no-p2p"));
  EXPECT_TRUE(told("2x4090-48g", "p2p-hack-needs-bar"));
  EXPECT_FALSE(told("2x2080ti-22g", "p2p-hack-needs-bar"));
}

// Llama 3.3 70B in AWQ on two L20 misses the model's 131,072 tokens by a few MiB when cut by heads, and not by layers: a slightly shorter context at
// nearly twice the speed is the better answer where nobody named one. Cut experts and spread experts are the same bytes: one way, not two.
TEST(Plan, ASlightlyShorterContextIsWorthAFasterLayout) {
  PlanRequest request;
  request.model = "llama-3.3-70b:awq";
  request.rig = "2xl20";
  request.placement.engine = "vllm";
  auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->placement.mode, placement::Mode::tensor);
  EXPECT_GT(answer->placement.settings.context, 131072 / 2);
  request.placement.context = 131072;
  answer = plan(knowledge(), request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->placement.mode, placement::Mode::pipeline);
  request.model = "qwen3-30b-a3b:bf16";
  request.rig = "2xh100-sxm-80gb";
  request.placement.context = 8192;
  answer = plan(knowledge(), request);
  ASSERT_TRUE(answer);
  for (const Alternative& other : answer->alternatives) EXPECT_NE(other.kind, "expert");
}

TEST(Plan, ADepthBeyondTheNamedContextIsRefused) {
  PlanRequest request;
  request.model = "qwen3-8b:q4_k_m";
  request.rig = "4090";
  request.placement.context = 8192;
  request.question.depth = 100000;
  const auto answer = plan(knowledge(), request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(to_text(answer.error()), "--context: a context of 8192 does not hold the 100000 tokens asked about (nearest: 100000)");
}

// vLLM on two 3090: no cache there holds 1,048,576 tokens of a 32B model, whatever the model's own context.
TEST(Plan, ADepthBeyondTheCacheDoesNotFit) {
  PlanRequest request;
  request.model = "qwen3-32b:awq";
  request.rig = "2x3090";
  request.placement.engine = "vllm";
  request.question.depth = 1 << 20;
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_FALSE(answer->placement.fits);
  for (const Remedy& remedy : answer->remedies) EXPECT_NE(remedy.kind, Remedy::Kind::context);
}

// On a 310P llama.cpp computes 16 bits only: no engine there reads Q4_K_M, MindIE runs with weights of its own.
TEST(Plan, WhereTheFormatIsRefusedAnEngineOfTheCardIsNamed) {
  PlanRequest request;
  request.model = "qwen3-8b:q4_k_m";
  request.rig = "atlas-300i-duo-96gb";
  const auto answer = plan(knowledge(), request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().nearest, "--engine mindie qwen3-8b:f16");
}

TEST(Plan, AnEngineThatRunsOnTheCardIsNamed) {
  PlanRequest request;
  request.model = "qwen3-8b:q4_k_m";
  request.rig = "metax-c500";
  const auto answer = plan(knowledge(), request);   // llama.cpp
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().nearest, "--engine vllm qwen3-8b:f16");   // its plugin there reads no GGUF
}

TEST(Plan, ContextsBeyondTheModelAreToldWithTheLongestThatIsNot) {
  const auto warned = [&](const char* engine, std::int64_t context) {
    PlanRequest request;
    request.model = "qwen3-8b";
    request.rig = "2x4090";
    request.placement.engine = engine;
    request.placement.context = context;
    const auto answer = plan(knowledge(), request);
    EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
    for (const auto& caveat : answer->placement.caveats)
      if (caveat.id == "context-beyond-model") return caveat.text.find("40960") != std::string::npos;
    return false;
  };
  for (const char* engine : {"llama.cpp", "vllm"}) {
    EXPECT_TRUE(warned(engine, 60000)) << engine;
    EXPECT_FALSE(warned(engine, 40960)) << engine;
  }
}

PlanRequest asking(std::string model, std::string rig) {
  PlanRequest request;
  request.model = std::move(model), request.rig = std::move(rig);
  return request;
}

PlanAnswer answer_of(const PlanRequest& request) {
  auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? std::move(*answer) : PlanAnswer{};
}

// Nobody runs the BF16 of a checkpoint with llama.cpp, and its FP8 cannot be read: the usual file is meant, and said to be assumed.
TEST(Plan, WithoutAFormatTheEnginesUsualOneIsAssumed) {
  const auto quant = [](const char* model, const char* rig, const char* engine) {
    PlanRequest request = asking(model, rig);
    request.placement.engine = engine;
    const PlanAnswer answer = answer_of(request);
    return answer.architecture.quant + (answer.assumed_quant ? " assumed" : "");
  };
  EXPECT_EQ(quant("qwen3-32b", "rtx-3090", "llama.cpp"), "Q4_K_M assumed");
  EXPECT_EQ(quant("qwen3-32b", "rtx-3090", "ollama"), "Q4_K_M assumed");
  EXPECT_EQ(quant("qwen3-32b:bf16", "2xa100-sxm-80gb", "llama.cpp"), "BF16");
  EXPECT_EQ(quant("qwen3-32b", "2xa100-sxm-80gb", "vllm"), "BF16") << "servers run a checkpoint as published";
  EXPECT_EQ(quant("gpt-oss-20b", "rtx-3090", "llama.cpp"), "MXFP4_MOE") << "published in a small format that the engine reads";
  EXPECT_EQ(quant("deepseek-r1", "rtx-3090", "llama.cpp"), "Q4_K_M assumed") << "fits nowhere: the usual one tells by how much";
  EXPECT_EQ(quant("qwen3-235b-a22b", "3090; host=2xddr5-5600:96g", "llama.cpp"), "Q3_K_M assumed") << "the largest below the usual one that fits";
}

TEST(Plan, FormatsAnEngineDoesNotReadNameAUsualOneOfTheirSize) {
  for (const auto& [format, nearest] : {std::pair{"awq", "q4_k_m"}, {"int4", "q4_k_m"}, {"fp8", "q8_0"}}) {
    const auto answer = plan(knowledge(), asking(std::string("qwen3-8b:") + format, "rtx-3090"));
    ASSERT_FALSE(answer) << format;
    EXPECT_EQ(answer.error().nearest, nearest) << format;
  }
  PlanRequest mixed = asking("qwen3-30b-a3b:q4_k_m", "m4-max-40-64g");   // a recipe of several formats: by the name it was asked for
  mixed.placement.engine = "mlx";
  EXPECT_NE(to_text(plan(knowledge(), mixed).error()).find("MLX does not read Q4_K_M weights"), std::string::npos);
}

TEST(Plan, EngineDatesLieBetweenTheFirstAndTheNewestBuildKnown) {
  const auto error = [](const char* date) {
    PlanRequest request = asking("qwen3-8b:q4_k_m", "rtx-3090");
    request.question.engine_date = date;
    const auto answer = plan(knowledge(), request);
    return answer ? std::string() : to_text(answer.error());
  };
  for (const char* good : {"2023-01", "2025", "2025-04", "2025-04-30"}) EXPECT_EQ(error(good), "") << good;
  for (const char* bad : {"2030-01", "2025-13", "2025-abc", "2022-12", "April"}) EXPECT_TRUE(error(bad).starts_with("--engine-date: '" + std::string(bad) + "' is not a month from 2023-01 to 20")) << error(bad);
}

// An empty cache on the host costs nothing, a full one nearly everything: what holds more of it on the cards wins.
TEST(Plan, ChoosesForAContextThatFills) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "2x3090");
  request.placement.context = 131072;
  const PlanAnswer answer = answer_of(request);
  const auto on_host = std::find_if(answer.alternatives.begin(), answer.alternatives.end(), [](const Alternative& other) { return other.kind == "cache on host"; });
  ASSERT_NE(on_host, answer.alternatives.end());
  EXPECT_GT(on_host->decode, answer.speed->decode.value.p50);
  ASSERT_TRUE(answer.decode_whole);
  EXPECT_LT(on_host->full, 0.5 * answer.decode_whole->value.p50);
}

// Where one card is the fastest way, layers over both are shown as what they are; nothing is listed twice.
TEST(Plan, ListsNoWayTwice) {
  const PlanAnswer answer = answer_of(asking("qwq-32b:q4_k_m", "7900xtx+4060ti-16g"));
  EXPECT_EQ(answer.placement.devices.size(), 1u);
  const auto split = std::find_if(answer.alternatives.begin(), answer.alternatives.end(), [](const Alternative& other) { return other.kind == "layer split"; });
  ASSERT_NE(split, answer.alternatives.end());
  EXPECT_LT(split->decode, 0.9 * answer.speed->decode.value.p50);
  for (const char* rig : {"7900xtx+4060ti-16g", "2x3090", "12xv100-sxm2-16gb"}) {
    const PlanAnswer ways = answer_of(asking("glm-4.5-air:q4_k_m", rig));
    for (std::size_t i = 0; i < ways.alternatives.size(); ++i) {
      EXPECT_NE(ways.alternatives[i].launch, ways.launch.line) << rig;
      for (std::size_t j = 0; j < i; ++j) EXPECT_NE(ways.alternatives[i].launch, ways.alternatives[j].launch) << rig;
    }
  }
}

// An equal card more never makes the answer worse: at the least it stays idle.
TEST(Plan, AnEqualCardMoreIsNeverWorse) {
  for (const auto& [model, card, most] : {std::tuple("glm-4.5-air:q4_k_m", "v100-sxm2-16gb", 16), {"qwen3-32b:q4_k_m", "b580", 6}, {"llama-3.3-70b:q4_k_m", "3090", 8}}) {
    double before = 0;
    for (int cards = 1; cards <= most; ++cards) {
      const double now = decode_over_context(answer_of(asking(model, std::to_string(cards) + "x" + card + "; host=2xepyc-7532:8xddr4-3200:512g")));
      EXPECT_GE(now, 0.995 * before) << model << " on " << cards << 'x' << card;
      before = now;
    }
  }
}

PlanRequest asked(const char* model, const char* rig, const char* engine, std::int64_t streams = 1, std::int64_t context = 0, const char* flags = "") {
  PlanRequest request;
  request.model = model;
  request.rig = rig;
  request.placement.engine = engine;
  request.placement.context = context;
  request.placement.flags = flags;
  request.question.sequences = streams;
  return request;
}

// What is impossible beside a context that nobody named is said of the context that is proposed: 37.0 GiB of weights, 2.7 GiB of cache and
// 1.4 GiB of activations on 21.3 GiB are 19.8 GiB too much; the model's own 131,072 tokens would miss 40 GiB more.
TEST(Plan, WaysAreComparedAtOneContext) {
  const PlanAnswer answer = answer_of(asked("llama-3.3-70b:awq", "2x3090 nvlink", "vllm"));
  ASSERT_LT(answer.placement.settings.context, 16384);
  const auto one = std::find_if(answer.rejected.begin(), answer.rejected.end(), [](const auto& each) { return each.kind == "one device"; });
  ASSERT_NE(one, answer.rejected.end());
  EXPECT_NEAR(one->missing.value() / kGiB, 19.8, 0.5);
}

// RWKV keeps states and nothing that grows: no block of a cache is missing.
TEST(Plan, AModelWithoutACacheNeedsNoBlocks) {
  for (const char* rig : {"h200", "8xh200"}) EXPECT_TRUE(answer_of(asked("rwkv7-2.9b", rig, "vllm")).placement.fits) << rig;
}

// What is suggested beside a refusal is taken: MXFP4 stays in gpt-oss whatever 16-bit format is named, and not in eight bits.
TEST(Plan, SuggestsWhatTheEngineTakes) {
  for (const char* engine : {"llama.cpp", "vllm"}) {
    const auto refused = plan(knowledge(), asked("gpt-oss-20b", "910b3", engine));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.find("FP8"), std::string::npos) << refused.error().message;
    const auto words = split_words(refused.error().nearest);   // --engine E MODEL
    ASSERT_EQ(words.size(), 3u) << refused.error().nearest;
    EXPECT_TRUE(answer_of(asked(std::string(words[2]).c_str(), "910b3", std::string(words[1]).c_str())).placement.fits) << refused.error().nearest;
  }
}

// Wherever an engine refuses, the engine named beside it runs the model.
TEST(Plan, SuggestsNoEngineThatRefusesInTurn) {
  for (const char* engine : {"llama.cpp", "ollama", "vllm", "sglang", "ktransformers", "exllamav2", "exllamav3", "tensorrt-llm", "transformers", "mindie", "mlx"})
    for (const char* rig : {"v100-sxm2-16gb", "atlas-300i-duo-96gb", "mi50-32gb", "p40", "2080ti", "m4-max-64g", "3090 | 3090; net=10gbe"})
      for (const char* model : {"mistral-small-24b", "qwen3-30b-a3b", "gpt-oss-20b"}) {
        const auto refused = plan(knowledge(), asked(model, rig, engine));
        if (refused || !refused.error().nearest.starts_with("--engine ")) continue;
        const auto words = split_words(refused.error().nearest);
        const auto then = plan(knowledge(), asked(words.size() > 2 ? std::string(words[2]).c_str() : model, rig, std::string(words[1]).c_str()));
        EXPECT_TRUE(then) << engine << ' ' << rig << ' ' << model << ": " << refused.error().nearest << ": " << (then ? "" : to_text(then.error()));
      }
}

// What was given up where the split was short of 10 and 54 MiB: layers and experts go to the host until it fits.
TEST(Plan, ARangeThatIsShortOfLittleMovesOneMore) {
  PlanRequest request = asking("gemma-3-27b:q8_0", "4090");
  request.question.sequences = 4;
  request.placement.context = 65536;
  EXPECT_EQ(answer_of(request).placement.mode, placement::Mode::single);
  request = asking("gpt-oss-120b", "2x3090");
  request.placement.engine = "ik_llama.cpp";
  request.question.sequences = 4;
  request.placement.context = 32768;
  const PlanAnswer experts = answer_of(request);
  EXPECT_TRUE(experts.placement.fits);
  EXPECT_GT(experts.placement.settings.cpu_moe_layers, 0);
}

// Layers on the host read their caches there: the card with most of the layers is faster than the processor alone, and both without flash attention.
TEST(Plan, LayersOnTheHostMayLeaveFlashAttention) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "4060ti-16g");
  request.placement.context = 32768;
  const PlanAnswer answer = answer_of(request);
  EXPECT_EQ(answer.placement.mode, placement::Mode::single);
  EXPECT_EQ(answer.placement.settings.flash_attention, std::optional(false));
}

TEST(Plan, TransformersLaysLayersOverSeveralCards) {
  PlanRequest request = asking("qwen3-32b", "4x3090");
  request.placement.engine = "transformers";
  EXPECT_EQ(answer_of(request).placement.mode, placement::Mode::layer);
}

// "-f '-c N'" is "-c N", and flags that place nothing change no placement.
TEST(Plan, FlagsThatPlaceNothingChangeNoPlacement) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "4060-laptop");
  const PlanAnswer plain = answer_of(request);
  ASSERT_TRUE(plain.placement.fits);
  for (const char* flags : {"-np 1", "-ngl auto", "--fit on", "-c 4096"}) {
    request.placement.flags = flags;
    EXPECT_EQ(answer_of(request).launch.line, plain.launch.line) << flags;
  }
  request.placement.flags = "-fa on";   // layers on the host write faster without it: whoever asks for it gets it, in the same places
  EXPECT_EQ(answer_of(request).placement.settings.gpu_layers, plain.placement.settings.gpu_layers);
  EXPECT_NE(answer_of(request).launch.line.find("-fa on"), std::string::npos);
  EXPECT_NE(plain.launch.line.find("-fa off"), std::string::npos);
  request.placement.flags = "-c 16384";
  const PlanAnswer flagged = answer_of(request);
  request.placement.flags.clear();
  request.placement.context = 16384;
  EXPECT_EQ(answer_of(request).launch.line, flagged.launch.line);
}

// A depth is what speed is told of: it decides nothing, and the full context stays full.
TEST(Plan, ADepthOnlyChoosesWhatIsTold) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "3090");
  request.placement.context = 40960;
  const PlanAnswer without = answer_of(request);
  for (const std::int64_t depth : {1, 5000, 40960}) {
    request.question.depth = depth;
    const PlanAnswer with = answer_of(request);
    EXPECT_EQ(with.launch.line, without.launch.line) << depth;
    ASSERT_TRUE(with.decode_whole);
    EXPECT_DOUBLE_EQ(with.decode_whole->value.p50, without.decode_whole->value.p50) << depth;
    EXPECT_DOUBLE_EQ(with.decode_empty, without.speed->decode.value.p50) << depth;
    ASSERT_EQ(with.alternatives.size(), without.alternatives.size());
    for (std::size_t i = 0; i < with.alternatives.size(); ++i) EXPECT_DOUBLE_EQ(with.alternatives[i].full, without.alternatives[i].full) << depth;
  }
}

TEST(Plan, SaysHowFastItIsOnceTheContextIsFull) {
  PlanRequest request = asking("qwen3-32b:q4_k_m", "2x3090");
  request.placement.context = 131072;
  const PlanAnswer full = answer_of(request);
  ASSERT_TRUE(full.decode_whole);
  EXPECT_EQ(full.whole_depth, 131072);
  EXPECT_LT(full.decode_whole->value.p50, 0.7 * full.speed->decode.value.p50);
  request.placement.context = 512;
  const PlanAnswer same = answer_of(request);
  ASSERT_TRUE(same.decode_whole);
  EXPECT_TRUE(slows_when_full(full));
  EXPECT_FALSE(slows_when_full(same));
  request.placement.context = kWholeContext;
  const PlanAnswer whole = answer_of(request);
  EXPECT_EQ(whole.placement.settings.context, whole.architecture.max_context);
}

std::string caveat(const PlanAnswer& answer, const std::string& id) {
  for (const auto& each : answer.placement.caveats)
    if (each.id == id) return each.text;
  return {};
}

// By each engine's own backends: ExLlamaV3 and MLX have none for a processor, how vLLM lays a model out there is not known.
TEST(Plan, AProcessorAloneNeedsAnEngineThatRunsThere) {
  for (const char* engine : {"exllamav3", "mlx", "vllm", "sglang"}) {
    const auto answer = plan(knowledge(), asked("qwen3-0.6b", "host=ryzen-9-7950x:64g", engine));
    ASSERT_FALSE(answer) << engine;
    EXPECT_EQ(answer.error().nearest, "--engine llama.cpp") << engine;
  }
  const auto runs = plan(knowledge(), asked("qwen3-0.6b", "host=ryzen-9-7950x:64g", "transformers"));
  ASSERT_TRUE(runs) << to_text(runs.error());
  EXPECT_TRUE(runs->placement.fits);
}

// 64 layers x 8 heads x 128 x (2 + 2) bytes = 256 KiB a token: 32,768 tokens are 8 GiB for one stream, 64 GiB for eight.
TEST(Plan, EveryStreamHasACacheOfItsOwn) {
  const auto mlx = plan(knowledge(), asked("qwen3-32b", "m4-max-128g", "mlx", 8, 32768));
  ASSERT_TRUE(mlx) << to_text(mlx.error());
  EXPECT_NEAR(mlx->placement.devices.front().memory.kv.value(), 64 * kGiB, 1);
  EXPECT_EQ(mlx->placement.settings.context, 32768);
  const auto exl = plan(knowledge(), asked("qwen3-8b", "3090", "exl3", 4, 16384));   // 4 x 16,384
  ASSERT_TRUE(exl) << to_text(exl.error());
  EXPECT_NE(exl->launch.line.find("--max-seq-len 16384 --cache-size 65536"), std::string::npos) << exl->launch.line;
}

// -c 4096 for four slots: 1,024 each, whatever is asked beside it.
TEST(Plan, FlagsOverruleWhatIsAskedBesideThem) {
  const auto answer = plan(knowledge(), asked("qwen3-8b:q4_k_m", "3090", "llama.cpp", 4, 8192, "-c 4096"));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_NE(answer->launch.line.find("-c 4096 "), std::string::npos) << answer->launch.line;
  EXPECT_NE(answer->launch.line.find("-np 4"), std::string::npos) << answer->launch.line;
  EXPECT_FALSE(caveat(*answer, "flags-name-context").empty());
}

TEST(Plan, NoMoreStreamsRunThanTheFlagsAllow) {
  const auto slots = plan(knowledge(), asked("qwen3-8b:q4_k_m", "3090", "llama.cpp", 8, 0, "-np 4 -c 32768"));
  const auto four = plan(knowledge(), asked("qwen3-8b:q4_k_m", "3090", "llama.cpp", 4, 0, "-np 4 -c 32768"));
  ASSERT_TRUE(slots && four);
  EXPECT_EQ(slots->at_once, 4);
  EXPECT_EQ(slots->speed->decode.value.p50, four->speed->decode.value.p50);
  EXPECT_EQ(slots->whole_depth, 8192);   // 32,768 / 4
  EXPECT_EQ(caveat(*slots, "streams-wait"), "The flags let 4 of 8 streams run at a time, the others wait.");
  EXPECT_TRUE(caveat(*four, "streams-wait").empty());
  const auto paged = plan(knowledge(), asked("qwen3-32b:awq", "2x3090", "vllm", 16, 0, "--max-num-seqs 4 -tp 2"));
  ASSERT_TRUE(paged) << to_text(paged.error());
  EXPECT_EQ(paged->at_once, 4);
}

// The model's 40,960 tokens take 10 GiB beside 18.4 GiB of weights: more than 24 GiB hold, so that something must lie on the host.
TEST(Plan, WhoWantsContextGetsIt) {
  PlanRequest request = asked("qwen3-32b:q4_k_m", "3090", "llama.cpp");
  request.objective = placement::Objective::context;
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->placement.settings.context, 40960);
  EXPECT_NE(answer->launch.line.find("-c 40960"), std::string::npos) << answer->launch.line;
  request.placement.context = 8192;   // ... unless it is named
  const auto named = plan(knowledge(), request);
  ASSERT_TRUE(named) << to_text(named.error());
  EXPECT_EQ(named->placement.settings.context, 8192);
}

// 128 KiB a token: 64 x 4,096 tokens are 32 GiB, 64 x 2,048 are 16 GiB, which 24 GiB hold beside 4.3 GiB of weights.
TEST(Plan, SlotsShrinkBeforeLayersLeaveTheCard) {
  const auto answer = plan(knowledge(), asked("llama-3.1-8b:q4_k_m", "3090", "llama.cpp", 64));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(placement::all_on_devices(answer->architecture, answer->placement));
  EXPECT_EQ(answer->placement.settings.context, 64 * 2048);
  EXPECT_FALSE(caveat(*answer, "slots-shortened").empty());
  const auto few = plan(knowledge(), asked("llama-3.1-8b:q4_k_m", "3090", "llama.cpp", 4));
  ASSERT_TRUE(few) << to_text(few.error());
  EXPECT_EQ(few->placement.settings.context, 4 * 4096);
  EXPECT_TRUE(caveat(*few, "slots-shortened").empty());
}

// One card of these has been timed with this model, two together have not.
TEST(Plan, WhatOneDeviceDidIsNoMeasurementOfTwo) {
  PlanRequest request = asked("llama-2-7b:q4_0", "rx-7900-xtx", "llama.cpp");
  EXPECT_EQ(plan(knowledge(), request)->speed->decode.grade, cost::Grade::measured);
  request.rig = "2xrx-7900-xtx";
  request.placement.flags = "-sm layer -ts 1,1";
  const auto two = plan(knowledge(), request);
  ASSERT_TRUE(two) << to_text(two.error());
  EXPECT_EQ(two->placement.devices.size(), 2u);
  EXPECT_EQ(two->speed->decode.grade, cost::Grade::near);
}

// 936 GB/s over 4.7 GB of weights: under 200 token/s.
TEST(Plan, ASpeedThatNothingReaches) {
  PlanRequest request = asked("qwen3-8b:q4_k_m", "3090", "llama.cpp");
  request.minimum_speed = 500;
  const auto answer = plan(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(answer->placement.fits);
  EXPECT_TRUE(answer->too_slow);
  request.minimum_speed = 50;
  EXPECT_FALSE(plan(knowledge(), request)->too_slow);
}

// A card of 48 GB/s beside the processor that its host is thought to have: nobody named it, so that they win nothing, whatever
// is wanted, and are shown. Whoever names the host, or asks for the processor, gets it.
TEST(Plan, AHostThatNobodyNamedBeatsNoCard) {
  using placement::Objective;
  PlanRequest request = asked("qwen3-1.7b:q4_0", "gt-1030", "ollama");
  const auto processor = [](const PlanAnswer& answer) {
    const auto found = std::find_if(answer.alternatives.begin(), answer.alternatives.end(), [](const Alternative& other) { return other.kind == "processor"; });
    return found == answer.alternatives.end() ? 0.0 : found->decode;
  };
  for (const Objective objective : {Objective::decode, Objective::prefill, Objective::throughput, Objective::context}) {
    request.objective = objective;
    const auto answer = plan(knowledge(), request);
    ASSERT_TRUE(answer) << to_text(answer.error());
    EXPECT_NE(answer->placement.mode, placement::Mode::cpu) << to_string(objective);
    EXPECT_FALSE(answer->placement.devices.empty()) << to_string(objective);
    EXPECT_GT(processor(*answer), 0) << to_string(objective);
    EXPECT_TRUE(objective == Objective::context || placement::all_on_devices(answer->architecture, answer->placement)) << to_string(objective);
  }
  request.objective = Objective::decode;
  const auto guessed = plan(knowledge(), request);
  ASSERT_GT(processor(*guessed), guessed->speed->decode.value.p50);   // what the test is about
  request.minimum_speed = (processor(*guessed) + guessed->speed->decode.value.p50) / 2;   // only the processor writes so fast
  const auto slow = plan(knowledge(), request);
  EXPECT_FALSE(slow->placement.devices.empty());
  EXPECT_TRUE(slow->too_slow);
  EXPECT_GT(processor(*slow), 0);
  request.minimum_speed = 0;
  request.rig = "gt-1030; host=2xddr5-5600:64g";
  EXPECT_EQ(plan(knowledge(), request)->placement.mode, placement::Mode::cpu);
}

// 39 GiB do not fit on 24 GiB: layers lie on the host whoever named it. 370 GiB do not even where the card takes what it can.
TEST(Plan, AHostThatNobodyNamedHoldsWhatTheCardDoesNot) {
  const auto answer = plan(knowledge(), asked("llama-3.3-70b:q4_k_m", "m40-24g", "llama.cpp"));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(answer->placement.fits);
  EXPECT_FALSE(placement::all_on_devices(answer->architecture, answer->placement));
  EXPECT_FALSE(plan(knowledge(), asked("deepseek-r1:q4_k_m", "m40-24g", "llama.cpp"))->placement.fits);
  PlanRequest processor = asked("qwen3-14b:q4_k_m", "m40-24g", "llama.cpp");
  processor.placement.backend = "cpu";
  EXPECT_EQ(plan(knowledge(), processor)->placement.mode, placement::Mode::cpu);
}

// LM Studio's ROCm runtime leaves gfx906 out, its Vulkan runtime does not; MLX runs on Apple's chips alone.
TEST(Plan, LmStudioRunsWhatItsRuntimesDo) {
  EXPECT_EQ(plan(knowledge(), asked("qwen3-8b:q4_k_m", "mi50-32g", "lm-studio"))->placement.backend, "vulkan");
  EXPECT_EQ(plan(knowledge(), asked("qwen3-8b:q4_k_m", "7900xtx", "lm-studio"))->placement.backend, "rocm");
  PlanRequest named = asked("qwen3-8b:q4_k_m", "mi50-32g", "lm-studio");
  named.placement.backend = "rocm";
  EXPECT_FALSE(plan(knowledge(), named));
  const auto mac = plan(knowledge(), asked("qwen3-8b:mlx-4bit", "m4-max-40-64g", "lm-studio"));
  ASSERT_TRUE(mac) << to_text(mac.error());
  EXPECT_GT(mac->speed->decode.value.p50, 0);
  EXPECT_FALSE(plan(knowledge(), asked("qwen3-8b:mlx-4bit", "rtx-4090", "lm-studio")));
}

// 32.8e9 parameters: 61 GiB in BF16, which neither a card of 24 GiB nor 0.8 of 64 GiB holds; 16-bit weights of 8 B are read as published.
TEST(Plan, UsualFormatsOfEngines) {
  const auto quant = [](const char* model, const char* rig, const char* engine) {
    const auto answer = plan(knowledge(), asked(model, rig, engine));
    EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
    return answer ? to_lower(answer->architecture.quant) : "";
  };
  EXPECT_EQ(quant("qwen3-32b", "4090", "exllamav3"), "exl3-4.0bpw");
  EXPECT_EQ(quant("qwen3-32b", "4090", "exllamav2"), "exl2-4.0bpw");
  EXPECT_EQ(quant("qwen3-32b", "910b-64g", "mindie"), "w8a8");
  EXPECT_EQ(quant("qwen3-8b", "910b-64g", "mindie"), "bf16");
  EXPECT_EQ(quant("deepseek-r1", "4xatlas-800i-a2", "mindie"), "w8a8");   // published in FP8, which it does not read
}

TEST(Plan, EnginesRunTheFamiliesTheyHaveCodeFor) {
  for (const char* model : {"deepseek-v3", "gpt-oss-20b"}) {
    const auto answer = plan(knowledge(), asked(model, "8xh100-sxm-80gb", "exllamav2"));
    ASSERT_FALSE(answer) << model;
    EXPECT_NE(answer.error().message.find("has no code for models of family"), std::string::npos) << answer.error().message;
    EXPECT_EQ(answer.error().nearest.find("exllamav2"), std::string::npos);
  }
}

// 18 GiB of weights leave one card 21,248 tokens of FP8 cache, two together the model's 40,960: compared at the same depth the two win.
TEST(Plan, WaysAreComparedAtTheSameDepth) {
  const auto answer = plan(knowledge(), asked("qwen3-32b:awq", "2x3090", "vllm", 16, 0, "--kv-cache-dtype fp8 --max-num-seqs 4"));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->placement.mode, placement::Mode::tensor);
  EXPECT_EQ(answer->placement.settings.context, 40960);
}

// A mixture's token is little work for 96 cores, each of which waits for all others between products; who names threads keeps them.
TEST(Plan, ProcessorsOfManyCoresWriteWithFewer) {
  const char* server = "host=epyc-9654:12xddr5-4800:768g";
  const auto chosen = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", server, "llama.cpp"));
  const auto all = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", server, "llama.cpp", 1, 0, "-t 96"));
  ASSERT_TRUE(chosen && all);
  const placement::Settings& settings = chosen->placement.settings;
  EXPECT_GT(settings.threads, 0);
  EXPECT_LT(settings.threads, 96);
  EXPECT_EQ(settings.batch_threads, 96);
  EXPECT_FALSE(caveat(*chosen, "fewer-threads").empty());
  EXPECT_EQ(all->placement.settings.threads, 96);
  EXPECT_GT(chosen->speed->decode.value.p50, 1.05 * all->speed->decode.value.p50);
  EXPECT_NEAR(chosen->speed->prefill.value.p50, all->speed->prefill.value.p50, 0.01 * all->speed->prefill.value.p50);
  const auto window = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", server, "lm-studio"));   // whose line can say neither
  ASSERT_TRUE(window);
  EXPECT_TRUE(window->placement.settings.flash_attention.value_or(true));
  EXPECT_EQ(window->placement.settings.threads, 0);
  const auto desktop = plan(knowledge(), asked("qwen3-30b-a3b:q4_k_m", "host=core-i5-12400:2xddr4-3200:64g", "llama.cpp"));
  ASSERT_TRUE(desktop) << to_text(desktop.error());
  EXPECT_EQ(desktop->placement.settings.threads, 0);
}

// Four copies of a dense model are four machines, each with a quarter of the streams; of cards without links of their own nothing serves many
// streams faster.
TEST(Plan, CopiesServeTheirShareOfTheStreams) {
  const auto copies = plan(knowledge(), asked("qwen3-8b:bf16", "4x4090", "vllm", 256, 2048, "--data-parallel-size 4"));
  const auto one = plan(knowledge(), asked("qwen3-8b:bf16", "4090", "vllm", 64, 2048));
  ASSERT_TRUE(copies && one);
  ASSERT_TRUE(copies->speed && one->speed);
  EXPECT_NEAR(copies->speed->decode.value.p50, 4 * one->speed->decode.value.p50, 1e-6 * one->speed->decode.value.p50);
  EXPECT_GT(copies->speed->power->value.p50, 3 * one->speed->power->value.p50);
  EXPECT_EQ(placement::cache_tokens(copies->placement), 4 * copies->placement.kv_tokens);
  const auto free = plan(knowledge(), asked("qwen3-8b:bf16", "4x4090", "vllm", 128, 2048));
  ASSERT_TRUE(free);
  EXPECT_GT(free->placement.settings.data_degree, 1);
  const auto two = plan(knowledge(), asked("qwen3-8b:fp8", "2x4090", "vllm", 128, 2048));   // two copies, each on one device, are not one device
  ASSERT_TRUE(two);
  EXPECT_EQ(two->placement.mode, placement::Mode::single);
  EXPECT_EQ(two->placement.settings.data_degree, 2);
  EXPECT_TRUE(std::any_of(two->alternatives.begin(), two->alternatives.end(), [](const Alternative& other) { return other.kind == "one device"; }));
  const auto alone = plan(knowledge(), asked("qwen3-8b:bf16", "4x4090", "vllm", 1, 2048));
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->placement.settings.data_degree, 1);
}

TEST(Plan, TellsHowManyStreamsOfTheContextFitTogether) {
  const auto answer = plan(knowledge(), asked("deepseek-r1", "8xh20-141g", "sglang", 64, 32768));
  ASSERT_TRUE(answer) << to_text(answer.error());
  const std::int64_t together = answer->placement.kv_tokens / 32768;
  ASSERT_LT(together, 64);
  EXPECT_NE(caveat(*answer, "streams-wait").find("of 64 streams of 32768 tokens about " + std::to_string(together) + " run"), std::string::npos);
}

// 33.28 GiB of weights and activations on a card of 31.36, and 40,960 tokens of 256 KiB: 1.92 + 10.00 GiB.
TEST(Plan, WeightsThatAreTooLargeServeNoRequestAtAll) {
  const auto answer = plan(knowledge(), asked("qwen3-32b:fp8", "5090", "sglang"));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_FALSE(answer->placement.fits);
  EXPECT_TRUE(caveat(*answer, "cache-shorter-than-context").empty());
  EXPECT_EQ(caveat(*answer, "no-room-for-cache"), "Of what a device is short of, 1.92 GiB are weights and activations, 10.00 GiB the cache of one request of 40960 tokens.");
  EXPECT_NEAR(answer->placement.missing.front().value() / kGiB, 11.92, 0.02);
}

// 128 KiB a token: 16 x 131,072 tokens are 256 GiB, more than card and host hold; the context that is named instead is that of one stream.
TEST(Plan, ARemedyNamesTheContextOfOneStream) {
  const auto answer = plan(knowledge(), asked("llama-3.1-8b:q4_k_m", "3090; host=ryzen-9-7950x:64g", "llama.cpp", 16, 131072));
  ASSERT_TRUE(answer) << to_text(answer.error());
  ASSERT_FALSE(answer->placement.fits);
  ASSERT_FALSE(answer->remedies.empty());
  ASSERT_EQ(answer->remedies.front().kind, Remedy::Kind::context);
  const auto again = plan(knowledge(), asked("llama-3.1-8b:q4_k_m", "3090; host=ryzen-9-7950x:64g", "llama.cpp", 16, parse_int(answer->remedies.front().value).value_or(0)));
  ASSERT_TRUE(again) << to_text(again.error());
  EXPECT_TRUE(again->placement.fits);
  EXPECT_LE(parse_int(answer->remedies.front().value).value_or(0), 131072 / 2);
}

TEST(Plan, LmStudioIsToldHowManyRunAtATime) {
  const auto answer = plan(knowledge(), asked("qwen3-8b", "3090", "lm-studio", 4));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_NE(answer->launch.line.find("--context-length 4096 --parallel 4"), std::string::npos) << answer->launch.line;
}

TEST(Plan, SeveralMacsShareAModelWithLlamaCpp) {
  const auto answer = plan(knowledge(), asked("qwen3-8b", "m4-max-128g | m4-max-128g", "mlx"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().nearest, "--engine llama.cpp");
}

TEST(Plan, TwoSocketsThatComputeAskForBothMemories) {
  const auto line = [](const char* rig) { return answer_of(asking("qwen3-30b-a3b:q4_k_m", rig)).launch.line; };
  EXPECT_TRUE(line("host=2xepyc-9654:24xddr5-4800:768g").ends_with(" --numa distribute"));
  EXPECT_TRUE(line("3060; host=2xepyc-9654:24xddr5-4800:768g").ends_with(" --numa distribute")) << "experts on the host";
  EXPECT_FALSE(line("host=epyc-9654:12xddr5-4800:384g").ends_with(" --numa distribute"));
  EXPECT_FALSE(line("4090; host=2xepyc-9654:24xddr5-4800:768g").ends_with(" --numa distribute")) << "all on the card";
}

}  // namespace
}  // namespace rigcast::app
