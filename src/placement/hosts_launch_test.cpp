// Lines for machines of several hosts or of several devices, for other systems than Linux, and for builds of earlier months.
#include "placement/placement.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "model/shape.hpp"
#include "placement/detail/test_case.hpp"
#include "rig/rig.hpp"

namespace rigcast::placement {
namespace {

using namespace test_case;

struct Told { Placement placement; Launch launch; };

Told tell(const char* key, const char* quant, const std::string& spec, Request request) {
  const auto model = model::architecture_from_catalogue(facts(), key, quant);
  EXPECT_TRUE(model) << error_of(model);
  const auto rig = rig::parse_rig(facts(), spec);
  EXPECT_TRUE(rig) << error_of(rig);
  auto placement = place(facts(), *model, *rig, request);
  EXPECT_TRUE(placement) << spec << ": " << error_of(placement);
  if (!placement) return {};
  const auto engine = catalog::as_of(*catalog::read_engine(facts(), request.engine), request.built);
  return {*placement, launch_line(engine, *model, *rig, *placement)};
}

bool has(const Placement& placement, std::string_view id) {
  return std::any_of(placement.caveats.begin(), placement.caveats.end(), [&](const auto& c) { return c.id == id; });
}

// Without a degree the same flags would leave the choice open: one device of two is said, and read back as that.
TEST(Launch, OneDeviceOfSeveralIsSaid) {
  for (const auto& [engine, flag] : {std::pair{"vllm", "--tensor-parallel-size 1 "}, {"sglang", "--tp 1 "}, {"tensorrt-llm", "--tp_size 1 "}}) {
    const Told one = tell("qwen3-8b", "", "2x4090", ask(engine == std::string_view("vllm") ? "-tp 1" : engine == std::string_view("sglang") ? "--tp 1" : "--tp_size 1", engine));
    EXPECT_EQ(one.placement.devices.size(), 1u);
    const std::size_t at = one.launch.line.find(flag);
    ASSERT_NE(at, std::string::npos) << one.launch.line;
    EXPECT_EQ(tell("qwen3-8b", "", "2x4090", ask(one.launch.line.substr(at), engine)).placement.devices.size(), 1u);
    EXPECT_EQ(tell("qwen3-8b", "", "4090", ask("", engine)).launch.line.find(flag), std::string::npos) << "of one device nothing is left open";
  }
}

// Which node this is of how many stands once on a line, also on one that was read with it.
TEST(Launch, NodesAreSaidOnce) {
  const Told told = tell("qwen3-8b", "", "8xh20; nodes=2; net=infiniband-ndr", ask("--tp 8 --pp-size 2", "sglang"));
  EXPECT_NE(told.launch.line.find("--nnodes 2 --dist-init-addr HOST1:5000 --node-rank 0"), std::string::npos) << told.launch.line;
  EXPECT_EQ(tell("qwen3-8b", "", "8xh20; nodes=2; net=infiniband-ndr", ask(told.launch.line, "sglang")).launch.line, told.launch.line);
}

// Copies over two hosts are started by Ray from one command, which is told how many run on each: 8 cards there are 8 copies of degree 1.
TEST(Launch, CopiesOverHostsAreCountedByHost) {
  const Told told = tell("qwen3-8b", "", "8xh20; nodes=2; net=infiniband-ndr", ask("-dp 16", "vllm"));
  EXPECT_NE(told.launch.line.find("--data-parallel-size 16 "), std::string::npos) << told.launch.line;
  EXPECT_NE(told.launch.line.find("--data-parallel-backend ray --data-parallel-size-local 8"), std::string::npos) << told.launch.line;
  EXPECT_EQ(told.launch.line.find("--distributed-executor-backend"), std::string::npos) << told.launch.line;
  const Told cut = tell("qwen3-8b", "", "2xh20; nodes=2; net=infiniband-ndr", ask("-pp 2 -tp 2", "vllm"));
  EXPECT_NE(cut.launch.line.find("--distributed-executor-backend ray"), std::string::npos) << cut.launch.line;
}

// Each device on its own backend where there is no common one: named so, and charged what its runtime takes (64 and 500 MiB by the engine's data).
TEST(Launch, AMacBesideACardHasItsOwnBackend) {
  const Told told = tell("llama-3.3-70b", "q4_k_m", "m4-max-64g | 3090; net=10gbe", ask("-c 8192 -ngl 99"));
  EXPECT_NE(told.launch.line.find("-dev MTL0,RPC0"), std::string::npos) << told.launch.line;
  ASSERT_EQ(told.placement.devices.size(), 2u);
  EXPECT_EQ(told.placement.devices[0].memory.footprint, Bytes(64 * kMiB));
  EXPECT_EQ(told.placement.devices[1].memory.footprint, Bytes(500 * kMiB));
  EXPECT_TRUE(has(told.placement, "own-backend"));
  const Told other = tell("llama-3.3-70b", "q4_k_m", "3090 | m4-max-64g; net=10gbe", ask("-c 8192 -ngl 99"));
  EXPECT_NE(other.launch.line.find("-dev CUDA0,RPC0"), std::string::npos) << other.launch.line;
}

// Two Macs share what one does not hold, by layers: mlx.launch starts the server on both.
TEST(Launch, MlxSharesAModelBetweenMacs) {
  const Told told = tell("deepseek-v3", "mlx-4bit", "2xm3-ultra-512g", ask("--pipeline", "mlx"));
  EXPECT_TRUE(told.placement.fits);
  EXPECT_EQ(told.placement.devices.size(), 2u);
  EXPECT_TRUE(told.launch.line.starts_with("mlx.launch --hostfile hosts.json mlx_lm.server --model deepseek-v3-")) << told.launch.line;
  EXPECT_TRUE(told.launch.line.ends_with(" --pipeline")) << told.launch.line;
  EXPECT_NE(told.launch.file_text.find("--hosts HOST1,HOST2 "), std::string::npos) << told.launch.file_text;
  EXPECT_TRUE(has(told.placement, "mlx-over-macs"));
}

// PowerShell sets a variable in a command of its own and has no "&&" before its seventh version.
TEST(Launch, OllamaOnWindows) {
  const Told told = tell("qwen3-8b", "q4_k_m", "3090 windows", ask("", "ollama"));
  EXPECT_EQ(told.launch.line, "$env:OLLAMA_CONTEXT_LENGTH='4096'; $env:OLLAMA_FLASH_ATTENTION='1'; ollama serve\nollama create qwen3-8b -f Modelfile; ollama run qwen3-8b");
}

// -fa takes a value since 2025-09; --cpu-moe came in 2025-08, gpt-oss and MXFP4 with it, Qwen3 in 2025-04.
TEST(Launch, EarlierBuildsAreToldWhatTheyKnow) {
  const auto then = [](const char* built, const char* flags) {
    Request request = ask(flags);
    request.built = built;
    return request;
  };
  const Told april = tell("qwq-32b", "q4_0", "3090", then("2025-04", "-c 4096 -ngl 99"));
  EXPECT_NE(april.launch.line.find(" -fa -np 1"), std::string::npos) << april.launch.line;
  EXPECT_TRUE(april.launch.unsaid.empty());
  EXPECT_NE(tell("qwq-32b", "q4_0", "3090", then("2025-09", "-c 4096 -ngl 99")).launch.line.find(" -fa on -np 1"), std::string::npos);
  const Told moe = tell("mixtral-8x7b", "q4_k_m", "3090", then("2024-06", "-c 4096 -ngl 99 --cpu-moe"));
  ASSERT_EQ(moe.launch.unsaid.size(), 1u);
  EXPECT_EQ(moe.launch.unsaid[0], "Builds of 2024-06 do not know --cpu-moe, which came in 2025-08: what it says they cannot do, or not so.");
  EXPECT_TRUE(has(tell("gpt-oss-20b", "", "3090", then("2024-01", "-c 4096")).placement, "engine-older-than-model"));
  EXPECT_TRUE(has(tell("qwen3-8b", "q4_k_m", "3090", then("2025-03", "-c 4096")).placement, "engine-older-than-model"));
  EXPECT_FALSE(has(tell("qwen3-8b", "q4_k_m", "3090", then("2025-04", "-c 4096")).placement, "engine-older-than-model"));
  EXPECT_FALSE(has(tell("qwen3-8b", "q4_k_m", "3090", ask("-c 4096")).placement, "engine-older-than-model"));
}

// What is refused as weights are loaded: a method that is not the checkpoint's, and formats without kernels on the card.
TEST(Launch, FormatsThatAreNotTheCheckpoints) {
  const auto refused = [](const char* quant, const char* card, const char* flags, const char* engine = "vllm") {
    const auto model = model::architecture_from_catalogue(facts(), "qwen3-8b", quant);
    return error_of(place(facts(), *model, *rig::parse_rig(facts(), card), ask(flags, engine)));
  };
  EXPECT_EQ(refused("awq", "4090", "--quantization fp8"),
            "--flags: --quantization fp8 does not match the checkpoint's AWQ INT4, groups of 128: vLLM refuses it, and finds the right one by itself");
  EXPECT_EQ(refused("awq", "4090", "--quantization awq_marlin"), "no error");
  EXPECT_EQ(refused("", "4090", "--quantization fp8"), "no error");
  EXPECT_NE(refused("nvfp4", "v100-sxm2-32gb", "").find("FP4 weights need compute capability 7.5"), std::string::npos);
  EXPECT_NE(refused("fp8", "mi50-32g", "").find("gfx906 fork"), std::string::npos);
  EXPECT_EQ(refused("gptq", "mi50-32g", ""), "no error");
  EXPECT_NE(refused("gptq", "arc-pro-b60", "", "sglang").find("BF16"), std::string::npos);
}

// 676,550,144 weights of the tower in 16 bits lie beside the language model where engines serve it; GGUF has a file of its own for it.
TEST(Paged, TheTowerForPicturesIsLoaded) {
  const auto vl = model::architecture_from_catalogue(facts(), "qwen2.5-vl-7b"), text = model::architecture_from_catalogue(facts(), "qwen2.5-7b");
  const auto weights = [&](const model::Architecture& a, const char* engine) {
    return place(facts(), a, *rig::parse_rig(facts(), "4090"), ask("", engine))->devices[0].memory.weights.value();
  };
  EXPECT_EQ(weights(*vl, "vllm") - weights(*text, "vllm"), 2.0 * 676550144);
  EXPECT_TRUE(has(*place(facts(), *vl, *rig::parse_rig(facts(), "4090"), ask("", "vllm")), "tower-loaded"));
  EXPECT_EQ(vl->parameters(), text->parameters());
  const auto gguf = model::architecture_from_catalogue(facts(), "qwen2.5-vl-7b", "q4_k_m");
  EXPECT_TRUE(std::none_of(gguf->tensors.begin(), gguf->tensors.end(), [](const model::Tensor& t) { return t.role == model::Role::vision; }));
}

}  // namespace
}  // namespace rigcast::placement
