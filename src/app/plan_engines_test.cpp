#include "app/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "app/detail/test_plan.hpp"
#include "base/text.hpp"

namespace rigcast::app {
namespace {

using test::answer_of;
using test::asked;
using test::asking;
using test::knowledge;

double weights_of(const std::string& model, const std::string& engine, const std::string& rig) {
  PlanRequest request;
  request.model = model;
  request.rig = rig;
  request.placement.engine = engine;
  const auto answer = plan(knowledge(), request);
  EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
  return answer ? answer->architecture->weight_bytes().value() : 0;
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

// On a 310P llama.cpp computes 16 bits only, as its refusal says: no engine there reads Q4_K_M, and F16 has room.
TEST(Plan, WhereTheFormatIsRefusedAnEngineOfTheCardIsNamed) {
  PlanRequest request;
  request.model = "qwen3-8b:q4_k_m";
  request.rig = "atlas-300i-duo-96gb";
  const auto answer = plan(knowledge(), request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().nearest, "qwen3-8b:f16");
}

TEST(Plan, AnEngineThatRunsOnTheCardIsNamed) {
  PlanRequest request;
  request.model = "qwen3-8b:q4_k_m";
  request.rig = "metax-c500";
  const auto answer = plan(knowledge(), request);   // llama.cpp
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().nearest, "--engine vllm qwen3-8b:gptq");   // its plugin there reads no GGUF; about as large
}

// Nobody runs the BF16 of a checkpoint with llama.cpp, and its FP8 cannot be read: the usual file is meant, and said to be assumed.
TEST(Plan, WithoutAFormatTheEnginesUsualOneIsAssumed) {
  const auto quant = [](const char* model, const char* rig, const char* engine) {
    PlanRequest request = asking(model, rig);
    request.placement.engine = engine;
    const PlanAnswer answer = answer_of(request);
    return answer.architecture->quant + (answer.assumed_quant ? " assumed" : "");
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
  for (const auto& [format, nearest] : {std::pair{"awq", "qwen3-8b:q4_k_m"}, {"int4", "qwen3-8b:q4_k_m"}, {"fp8", "qwen3-8b:q8_0"}}) {
    const auto answer = plan(knowledge(), asking(std::string("qwen3-8b:") + format, "rtx-3090"));
    ASSERT_FALSE(answer) << format;
    EXPECT_EQ(answer.error().nearest, nearest) << format;
  }
  PlanRequest mixed = asking("qwen3-30b-a3b:q4_k_m", "m4-max-40-64g");   // a recipe of several formats: by the name it was asked for
  mixed.placement.engine = "mlx";
  EXPECT_NE(to_text(plan(knowledge(), mixed).error()).find("MLX does not read Q4_K_M weights"), std::string::npos);
}

// The format proposed for one that an engine does not read runs on the very card: the CANN backend takes 16 bits alone on a 310P, and of the 910B's
// formats Q4_0 is the nearest to GPTQ. EXL3 is ExLlamaV3's, which has no backend for an MI50.
TEST(Plan, FormatsProposedRunOnTheCard) {
  const auto nearest = [](const char* model, const char* rig, const char* engine) {
    const auto answer = plan(knowledge(), asked(model, rig, engine));
    return answer ? std::string("no error") : answer.error().nearest;
  };
  EXPECT_EQ(nearest("mistral-small-24b:gptq", "atlas-300i-duo-96gb", "llama.cpp"), "mistral-small-24b:f16");
  EXPECT_EQ(nearest("qwen3-8b:gptq", "910b3", "llama.cpp"), "qwen3-8b:q4_0");
  EXPECT_EQ(nearest("qwen3-8b:exl3-4.0bpw", "rtx-3090", "llama.cpp"), "exllamav3");
  const std::string elsewhere = nearest("qwen3-8b:exl3-4.0bpw", "mi50-32gb", "llama.cpp");
  EXPECT_TRUE(elsewhere.starts_with("qwen3-8b:")) << elsewhere;
  EXPECT_TRUE(plan(knowledge(), asked(elsewhere.c_str(), "mi50-32gb", "llama.cpp"))) << elsewhere;
}

// The two ExLlamas have a format each, and neither reads the other's.
TEST(Plan, ExLlamasReadTheirOwnFormats) {
  const auto error = [](const char* model, const char* engine) {
    const auto answer = plan(knowledge(), asked(model, "rtx-3090", engine));
    return answer ? std::string() : answer.error().message;
  };
  EXPECT_NE(error("qwen3-8b:exl3-4.0bpw", "exllamav2").find("EXL3 is another format"), std::string::npos);
  EXPECT_NE(error("qwen3-8b:exl2-4.0bpw", "exllamav3").find("EXL2 is ExLlamaV2's format"), std::string::npos);
  EXPECT_EQ(error("qwen3-8b:exl2-4.0bpw", "exllamav2"), "");
  EXPECT_EQ(error("qwen3-8b:exl3-4.0bpw", "exllamav3"), "");
  EXPECT_EQ(error("qwen3-8b:gptq", "exllamav2"), "");
}

// DeepSeek's sparse attention has kernels from Hopper on (vllm#38006, sglang#35420); the dense latents of V3.1 run on an A100.
TEST(Plan, SparseLatentsNeedTheirKernels) {
  const auto error = [](const char* model, const char* rig, const char* engine) {
    const auto answer = plan(knowledge(), asked(model, rig, engine));
    return answer ? std::string() : answer.error().message;
  };
  for (const char* engine : {"vllm", "sglang"}) {
    EXPECT_NE(error("deepseek-v3.2", "16xa100-sxm-80gb", engine).find("sparse attention"), std::string::npos) << engine;
    EXPECT_EQ(error("deepseek-v3.2", "8xh20-141gb", engine), "") << engine;
    EXPECT_EQ(error("deepseek-v3.1", "16xa100-sxm-80gb", engine), "") << engine;
  }
  for (const char* engine : {"ktransformers", "tensorrt-llm"}) EXPECT_NE(error("deepseek-v3.2", "16xa100-sxm-80gb", engine).find("sparse attention"), std::string::npos) << engine;
  EXPECT_NE(error("glm-5", "8xl40s", "vllm").find("sparse attention"), std::string::npos);
  EXPECT_NE(error("deepseek-v4.1-flash", "16xa100-sxm-80gb", "ktransformers").find("Ampere and older"), std::string::npos);
  EXPECT_EQ(error("glm-5:q2_k", "8xl40s", "llama.cpp"), "");
}

// llama.cpp has code for V4 and reads its files in formats of their own: that is proposed, and not the engine as which a model comes first, which would
// run it on the processor beside eight idle cards. Of V4.1 nobody else has code: nothing is proposed.
TEST(Plan, ARefusalProposesWhatUsersWouldTake) {
  for (const char* engine : {"vllm", "sglang", "tensorrt-llm", "ktransformers"}) {
    const auto flash = plan(knowledge(), asked("deepseek-v4-flash", "8xa100-sxm-80gb", engine)), next = plan(knowledge(), asked("deepseek-v4.1-flash", "8xa100-sxm-80gb", engine));
    ASSERT_FALSE(flash || next) << engine;
    EXPECT_TRUE(flash.error().nearest.starts_with("--engine llama.cpp")) << engine << ": " << flash.error().nearest;
    EXPECT_EQ(next.error().nearest, "") << engine;
  }
}

// Four of eight cards without NVLink wait less for each other than all eight: where the answer takes them all, for a full context, it says what fewer do.
TEST(Plan, MoreCardsAreNoSlowerUnsaid) {
  for (const char* engine : {"vllm", "sglang", "exllamav3"}) {
    const PlanAnswer four = answer_of(asked("gpt-oss-120b", "4x3090", engine)), eight = answer_of(asked("gpt-oss-120b", "8x3090", engine));
    ASSERT_TRUE(four.speed && eight.speed) << engine;
    double fastest = eight.speed->decode.value.p50;
    for (const Alternative& other : eight.alternatives) fastest = std::max(fastest, other.decode);
    EXPECT_GE(fastest, 0.98 * four.speed->decode.value.p50) << engine;
  }
}

// 18 GiB lie on a card of 24 GiB wherever it stands, and not in halves of which one is on a card of 12 GiB.
TEST(Plan, OneOfUnlikeCardsAloneWhereverItStands) {
  const PlanAnswer first = answer_of(asked("qwen3-32b:awq", "3090+3060-12g", "vllm")), second = answer_of(asked("qwen3-32b:awq", "3060-12g+3090", "vllm"));
  ASSERT_TRUE(first.placement.fits && second.placement.fits);
  ASSERT_EQ(second.placement.devices.size(), 1u);
  EXPECT_EQ(second.placement.devices.front().device, 1);
  EXPECT_NEAR(second.speed->decode.value.p50, first.speed->decode.value.p50, 0.1);
  ASSERT_EQ(second.launch.unsaid.size(), 1u);
  EXPECT_NE(second.launch.unsaid.front().find("device 1 (GeForce RTX 3090;"), std::string::npos) << second.launch.unsaid.front();
}

// Python starts a kernel as slowly for any maker's device: a model of 0.6 B is read in under a millisecond by all of these, and waits for that.
TEST(Plan, PythonIsAsSlowForAnyDevice) {
  const double cuda = answer_of(asked("qwen3-0.6b:bf16", "h100-sxm", "transformers")).speed->decode.value.p50;
  for (const char* rig : {"mi300x", "910b3"}) EXPECT_NEAR(answer_of(asked("qwen3-0.6b:bf16", rig, "transformers")).speed->decode.value.p50, cuda, 0.3 * cuda) << rig;
}

// An engine that is named as faster is told in a format that the card takes: Ascend has no FP8, which is the first that vLLM's users run elsewhere.
TEST(Plan, AnEngineFarAheadIsToldInAFormatOfTheCard) {
  const PlanAnswer answer = answer_of(asked("qwen3-32b", "8x910b3", "llama.cpp"));
  const auto remedy = std::find_if(answer.remedies.begin(), answer.remedies.end(), [](const Remedy& each) { return each.kind == Remedy::Kind::engine; });
  ASSERT_NE(remedy, answer.remedies.end());
  EXPECT_EQ(remedy->model, "qwen3-32b:w8a8");
  EXPECT_GE(remedy->decode, 1.5 * answer.speed->decode.value.p50);
}

// CUDA numbers the cards of its own host: a faster one elsewhere changes nothing.
TEST(Plan, CardsOfOtherHostsAreNumberedThere) {
  const auto warned = [](const char* rig) {
    const PlanAnswer answer = answer_of(asked("llama-3.3-70b:q4_k_m", rig, "llama.cpp"));
    return std::any_of(answer.placement.caveats.begin(), answer.placement.caveats.end(), [](const auto& each) { return each.text.find("CUDA numbers unlike cards by speed") != std::string::npos; });
  };
  EXPECT_TRUE(warned("2x3090+4090"));
  EXPECT_FALSE(warned("2x3090; host=epyc-7532:256g | 4090; host=ryzen-9-7950x:64g; net=10gbe"));
}

// A format that is assumed is not the one that is proposed beside it.
TEST(Plan, AnotherFormatIsAnotherOne) {
  const PlanAnswer answer = answer_of(asked("deepseek-v3.1", "8x910b3; nodes=2", "mindie"));
  ASSERT_TRUE(answer.assumed_quant);
  for (const std::string& note : answer.notes) EXPECT_EQ(note.find("deepseek-v3.1:" + to_lower(answer.architecture->quant) + ")"), std::string::npos) << note;
}

// GGUF files of gpt-oss keep its experts in MXFP4 and the rest in Q8_0: an engine of GGUF that is named as faster is told as reading those.
TEST(Plan, AnEngineOfGgufIsToldAsItsFilesAre) {
  const PlanAnswer answer = answer_of(asked("gpt-oss-20b", "2xl20", "transformers"));
  const auto remedy = std::find_if(answer.remedies.begin(), answer.remedies.end(), [](const Remedy& each) { return each.kind == Remedy::Kind::engine; });
  ASSERT_NE(remedy, answer.remedies.end());
  EXPECT_EQ(remedy->quant, "MXFP4_MOE");
  PlanRequest then = answer.request;
  then.model = remedy->model;
  then.placement.engine = remedy->engine;
  EXPECT_NEAR(answer_of(then).speed->decode.value.p50, remedy->decode, 0.01 * remedy->decode);
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

// What is suggested beside a refusal is taken: MXFP4 stays in gpt-oss whatever 16-bit format is named, and not in eight bits.
TEST(Plan, SuggestsWhatTheEngineTakes) {
  for (const char* engine : {"llama.cpp", "vllm"}) {
    const auto refused = plan(knowledge(), asked("gpt-oss-20b", "910b3", engine));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.find("FP8"), std::string::npos) << refused.error().message;
    const auto words = split_words(refused.error().nearest);   // [--engine E] MODEL
    ASSERT_TRUE(words.size() == 1 || words.size() == 3) << refused.error().nearest;
    const std::string other = words.size() == 3 ? std::string(words[1]) : std::string(engine);
    EXPECT_TRUE(answer_of(asked(std::string(words.back()).c_str(), "910b3", other.c_str())).placement.fits) << refused.error().nearest;
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

TEST(Plan, TransformersLaysLayersOverSeveralCards) {
  PlanRequest request = asking("qwen3-32b", "4x3090");
  request.placement.engine = "transformers";
  EXPECT_EQ(answer_of(request).placement.mode, placement::Mode::layer);
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

// Mixtures for many streams: vLLM copies attention around experts that all cards share, SGLang copies whole models as well.
TEST(Plan, CopiesOfMixtures) {
  const auto ways = [](const char* engine) {
    PlanRequest request = asked("qwen3-30b-a3b", "4xh100-sxm-80gb", engine, 64);
    request.objective = placement::Objective::throughput;
    const PlanAnswer answer = *plan(knowledge(), request);
    std::vector<std::string> lines = {answer.launch.line};
    for (const Alternative& other : answer.alternatives) lines.push_back(other.launch);
    return lines;
  };
  const auto has = [](const std::vector<std::string>& lines, std::initializer_list<const char*> words) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return std::all_of(words.begin(), words.end(), [&](const char* word) { return line.find(word) != std::string::npos; }); });
  };
  const auto vllm = ways("vllm"), sglang = ways("sglang");
  EXPECT_TRUE(has(vllm, {"--data-parallel-size 4", "--enable-expert-parallel"}) || has(vllm, {"--tensor-parallel-size 2", "--data-parallel-size 2", "--enable-expert-parallel"}));
  EXPECT_TRUE(has(sglang, {"--dp ", "--enable-dp-attention"})) << "attention alone";
  EXPECT_TRUE(std::any_of(sglang.begin(), sglang.end(), [](const std::string& line) { return line.find("--dp ") != std::string::npos && line.find("--enable-dp-attention") == std::string::npos; })) << "whole models";
}

// 32.8e9 parameters: 61 GiB in BF16, which neither a card of 24 GiB nor 0.8 of 64 GiB holds; 16-bit weights of 8 B are read as published.
TEST(Plan, UsualFormatsOfEngines) {
  const auto quant = [](const char* model, const char* rig, const char* engine) {
    const auto answer = plan(knowledge(), asked(model, rig, engine));
    EXPECT_TRUE(answer) << (answer ? "" : to_text(answer.error()));
    return answer ? to_lower(answer->architecture->quant) : "";
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

TEST(Plan, LmStudioIsToldHowManyRunAtATime) {
  const auto answer = plan(knowledge(), asked("qwen3-8b", "3090", "lm-studio", 4));
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_NE(answer->launch.line.find("--context-length 4096 --parallel 4"), std::string::npos) << answer->launch.line;
}

// A 3090 runs CUDA whatever is named before it; a card that refuses a format alone refuses it beside others.
TEST(Plan, CardsOfMakersWithoutACommonBackendRunTheirOwn) {
  const PlanAnswer first = answer_of(asked("qwen3-8b:q4_k_m", "rtx-3090+mtt-s80", "llama.cpp")), last = answer_of(asked("qwen3-8b:q4_k_m", "mtt-s80+rtx-3090", "llama.cpp"));
  ASSERT_TRUE(first.speed && last.speed);
  EXPECT_NEAR(first.speed->decode.value.p50, last.speed->decode.value.p50, 0.05 * first.speed->decode.value.p50);
  EXPECT_FALSE(plan(knowledge(), asked("qwen3-8b:q4_k_m", "rtx-3090+ascend-910b3", "llama.cpp")));
}

// Two tensor ranks in each of four copies of attention hold an eighth of the experts each, as eight copies of one rank do: reading them takes as long.
TEST(PlanEngines, CopiesOfAttentionShareTheExperts) {
  const auto decode = [](const char* flags) { return answer_of(asked("deepseek-v3.1", "8xh200 nvlink", "vllm", 64, 4096, flags)).speed->decode.value.p50; };
  const double eight = decode("-dp 8 --enable-expert-parallel"), four = decode("-tp 2 -dp 4 --enable-expert-parallel");
  EXPECT_GT(four, 0.7 * eight);
  EXPECT_LT(four, 1.3 * eight);
}

// Seen from a card without FP8: what the maker publishes in it has a repository in 16 bits, too.
TEST(PlanEngines, SixteenBitsThatArePublishedStandForFp8) {
  const auto answer = answer_of(asked("ministral-3-14b", "v100-sxm2-32gb", "vllm"));
  EXPECT_TRUE(answer.assumed_quant);
  EXPECT_NE(answer.launch.line.find("Ministral-3-14B-Instruct-2512-BF16"), std::string::npos) << answer.launch.line;
}

// 665 GiB of weights on 8 x 96 leave SGLang 8,704 of 202,752 tokens; in FP8, which the maker publishes, all of them have room. Who names 16 bits, or has room for them, keeps them.
TEST(PlanEngines, SixteenBitsThatLeaveNoContextAreNotTaken) {
  const auto cramped = answer_of(asked("glm-4.6", "8xh20-96gb", "sglang"));
  EXPECT_EQ(cramped.architecture->quant, "FP8");
  EXPECT_EQ(cramped.placement.settings.context, 202752);
  EXPECT_TRUE(std::any_of(cramped.notes.begin(), cramped.notes.end(), [](const std::string& note) { return note.find("FP8 is assumed, for BF16 leaves room for only ") != std::string::npos; }));
  EXPECT_EQ(answer_of(asked("glm-4.6:bf16", "8xh20-96gb", "sglang")).architecture->quant, "BF16");
  EXPECT_EQ(answer_of(asked("glm-4.6", "8xh20-141gb", "sglang")).architecture->quant, "BF16");
  EXPECT_EQ(answer_of(asked("glm-4.6", "8xh20-96gb", "sglang", 1, 4096)).architecture->quant, "BF16") << "as much as was asked for";
}

// Nobody is known to publish Granite 4.0 H Small in FP8. SGLang makes it of 16 bits that it has loaded whole: 60 GiB, which 2 x 48 hold and 48 do not; TensorRT-LLM
// reads what ModelOpt has made before.
TEST(PlanEngines, Fp8IsMadeOfSixteenBitsWhereTheyHaveRoom) {
  const auto two = answer_of(asked("granite-4.0-h-small:fp8", "2x4090-48gb", "sglang")), one = answer_of(asked("granite-4.0-h-small:fp8", "4090-48gb", "sglang"));
  EXPECT_NE(two.launch.line.find("--model-path ibm-granite/granite-4.0-h-small "), std::string::npos) << two.launch.line;
  EXPECT_NE(two.launch.line.find(" --quantization fp8"), std::string::npos) << two.launch.line;
  EXPECT_EQ(one.launch.line.find("--quantization"), std::string::npos) << one.launch.line;
  const auto made = answer_of(asked("granite-4.0-h-small:fp8", "2x4090-48gb", "tensorrt-llm"));
  EXPECT_NE(join(made.launch.unsaid, "|").find("NVIDIA ModelOpt can make them."), std::string::npos) << join(made.launch.unsaid, "|");
}

// Ascend before the 950 has no FP4: W8A8 stands for what DeepSeek published in it, as somebody publishes that, and the engine that is usual there is taken. Nobody publishes gpt-oss
// in other than its four bits: those are refused.
TEST(PlanEngines, WhereFewBitsAreRefusedMoreOfThemStand) {
  const auto answer = answer_of(asked("deepseek-v4-flash", "16x910b3", ""));
  EXPECT_EQ(answer.engine.key, "vllm");
  EXPECT_EQ(answer.architecture->quant, "W8A8");
  EXPECT_NE(answer.launch.line.find(" Eco-Tech/DeepSeek-V4-Flash-w8a8-mtp "), std::string::npos) << answer.launch.line;
  EXPECT_FALSE(plan(knowledge(), asked("gpt-oss-20b", "910b3", "vllm")));
  const auto refused = plan(knowledge(), asked("gpt-oss-20b", "v100-sxm2-32g", "vllm"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().nearest, "--engine llama.cpp");
}

// DeepSeek V4 Flash is published with experts in MXFP4, which GGUF keeps: Q4_K_M would be larger and made of them. Where there is no room for it, the usual ones stand.
TEST(PlanEngines, ExpertsStayAsTheyWerePublished) {
  EXPECT_EQ(answer_of(asked("deepseek-v4-flash", "2xrtx-pro-6000", "llama.cpp")).architecture->quant, "MXFP4_MOE");
  EXPECT_EQ(answer_of(asked("deepseek-v4-flash:q4_k_m", "2xrtx-pro-6000", "llama.cpp")).architecture->quant, "Q4_K_M");
  EXPECT_EQ(answer_of(asked("kimi-k2.5", "8xh200", "llama.cpp")).architecture->quant, "Q4_K_M") << "GGUF has no such INT4";
}

}  // namespace
}  // namespace rigcast::app
