#include "placement/placement.hpp"

#include <gtest/gtest.h>

#include "catalog/engine.hpp"
#include "gguf_writer.hpp"
#include "placement/detail/page_groups.hpp"
#include "placement/detail/test_case.hpp"

namespace rigcast::placement {
namespace {

using namespace test_case;

struct Refusal { const char* flags; const char* message; };

TEST(Flags, AreRefusedWithThePlaceAndTheNearest) {
  const auto model = llama_8b(test::ggml::q8_0);
  for (const Refusal& r : {Refusal{"-c 4096 --n-gpu-layer 10", "--flags:1:9: '--n-gpu-layer' is not a flag of llama.cpp (nearest: --n-gpu-layers)"},
                           Refusal{"-c", "--flags:1:1: -c needs a value"},
                           Refusal{"-c many", "--flags:1:4: -c takes a whole number of at least 0, not 'many'"},
                           Refusal{"-np 500", "--flags:1:5: -np takes a whole number from -1 to 256, not '500' (nearest: 256)"},
                           Refusal{"-np -2", "--flags:1:5: -np takes a whole number of at least -1, not '-2'"},
                           Refusal{"-ctk q9_0", "--flags:1:6: -ctk takes a cache format, not 'q9_0' (nearest: q8_0)"},
                           Refusal{"-ts 1,2,3", "--flags:1:5: -ts names 3 devices, the rig has 1"},
                           Refusal{"-ot 'exps", "--flags:1:5: quote ' is not closed"},
                           Refusal{"-ot exps=CUDA3", "--flags:1:5: -ot names device 3, the rig has 1"},
                           Refusal{"-ot exps=CUBA0", "--flags:1:5: -ot names no memory: 'CUBA0' (CPU, CUDA0, Vulkan1 ...) (nearest: CUDA0)"},
                           Refusal{"-ot exps=elsewhere", "--flags:1:5: -ot names no memory: 'elsewhere' (CPU, CUDA0, Vulkan1 ...)"},
                           Refusal{"-ot '(a)\\1=CPU'", "--flags:1:5: -ot has a pattern that refers back to a group: '(a)\\1'"},
                           Refusal{"-ot '(=CPU'", "--flags:1:5: -ot has a pattern that is no regular expression: '('"},
                           Refusal{"-fa off -ctv q8_0", "--flags: a quantised V cache (-ctv q8_0) needs flash attention, which is turned off (-fa off) (nearest: -fa on)"}}) {
    EXPECT_EQ(error_of(place(facts(), model, rig_of("rtx-3090", 1), ask(r.flags))), r.message) << r.flags;
  }
}

// What std::regex would look for until the sun is cold.
TEST(Flags, PatternsOfAnyKindAreLookedForInTime) {
  const auto placement = place(facts(), llama_8b(test::ggml::q4_k), rig_of("rtx-3090", 1), ask("-c 4096 -ngl 99 -ot '(.*)*(.*)*(.*)*!=CPU'"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_TRUE(all_on_devices(llama_8b(test::ggml::q4_k), *placement)) << "no name ends in '!'";
}

TEST(Flags, MemoriesHaveTheNamesOfTheEnginesBuffers) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const rig::Rig rig = *rig::parse_rig(facts(), "2x3090; host=epyc-7532:64g | 4090; host=ryzen-9-7950x:64g; net=10gbe");
  for (const auto& [name, device] : {std::pair{"CPU", kHost}, {"CPU_REPACK", kHost}, {"CUDA_Host", kHost}, {"SYCL_Host", kHost}, {"CUDA0", 0}, {"CUDA1", 1}, {"ROCm1", 1},
                                     {"Metal", 0}, {"MTL0", 0}, {"RPC0", 2}, {"RPC0[10.0.0.2:50052]", 2}}) {
    const auto parsed = parse_flags(engine, llama_8b(test::ggml::q8_0), rig, std::string("-ot exps=") + name);
    ASSERT_TRUE(parsed) << name << ": " << error_of(parsed);
    EXPECT_EQ(parsed->settings.overrides.front().device, device) << name;
  }
  const auto placement = place(facts(), llama_8b(test::ggml::q8_0), rig, ask("-c 4096 -ngl 99 -ot ffn_up=RPC0"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_NE(launch_line(engine, llama_8b(test::ggml::q8_0), rig, *placement).line.find("-ot ffn_up=RPC0"), std::string::npos);
}

TEST(Flags, EachIsExplained) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto parsed = parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), "-c 8192 -ngl=20 -fa -ub 1024 --temp 0.7");
  ASSERT_TRUE(parsed) << error_of(parsed);
  EXPECT_EQ(parsed->settings.context, 8192);
  EXPECT_EQ(parsed->settings.gpu_layers, 20);
  EXPECT_EQ(parsed->settings.flash_attention, true);
  ASSERT_EQ(parsed->notes.size(), 5u);
  EXPECT_EQ(parsed->notes[3].flag, "-ub 1024");
  EXPECT_TRUE(parsed->notes[3].words.empty()) << "the line says it";
  EXPECT_EQ(parsed->notes[4].text, "changes neither memory nor speed as counted here");
  EXPECT_EQ(parsed->notes[4].words, (std::vector<std::string>{"--temp", "0.7"}));
  const auto verbose = parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), "-v -c 8192");   // -v takes nothing
  ASSERT_TRUE(verbose) << error_of(verbose);
  EXPECT_EQ(verbose->settings.context, 8192);
}

// std::stoi reads "8k" as 8; only vLLM's own parser knows such numbers, k as a thousand and K as 1024.
// What drafts is told by a word of its name that begins there, whatever folder it lies in.
TEST(Flags, WordsOfWhatDraftsBeginAWord) {
  EXPECT_EQ(drafter_called("PARD-Llama-3.2-1B"), Drafter::block);
  EXPECT_EQ(drafter_called("qwen3-8b-eagle3"), Drafter::head);
  EXPECT_EQ(drafter_called("leopard-1b"), std::nullopt);
  const auto placement = place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), ask("-md /home/eagle/qwen3-0.6b.gguf"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->settings.speculation.drafter, Drafter::model);
}

TEST(Flags, EnginesReadDigits) {
  const auto error = [](const char* engine, const char* flags) { return error_of(parse_flags(*catalog::read_engine(facts(), engine), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), flags)); };
  EXPECT_EQ(error("llama.cpp", "-c 8k"), "--flags:1:4: -c takes a whole number: the engine does not read '8k' as 8192 (nearest: 8192)");
  EXPECT_EQ(error("llama.cpp", "-fa maybe"), "--flags:1:5: -fa takes on, off or auto, not 'maybe'");
  const auto context = [](const char* flags) { return parse_flags(*catalog::read_engine(facts(), "vllm"), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), flags)->settings.context; };
  EXPECT_EQ(context("--max-model-len 8K"), 8192);
  EXPECT_EQ(context("--max-model-len 25.6k"), 25600);
  EXPECT_EQ(context("--max-model-len 4096"), 4096);
  for (const char* longest : {"--max-model-len auto", "--max-model-len -1", "--max-model-len=AUTO"}) EXPECT_EQ(context(longest), 0) << longest << ": as if nobody named it";
}

// Flags that say where nothing goes leave the search free: 18.4 GiB on a card of 8 go there in part, whatever else is said.
TEST(Flags, WhatPlacesNothingLeavesTheSearchFree) {
  const auto llama = *catalog::read_engine(facts(), "llama.cpp");
  const model::Architecture model = llama_8b(test::ggml::q8_0);
  const rig::Rig rig = *rig::parse_rig(facts(), "2x3090");
  const auto places = [&](const char* flags) { return parse_flags(llama, model, rig, flags)->places; };
  for (const char* flags : {"-t 8", "-fa on", "-np 1", "-ngl auto", "-ngl -1", "--fit on", "-c 8192", "-ub 1024", "-ctk q8_0 -ctv q8_0", "--no-mmap"}) EXPECT_FALSE(places(flags)) << flags;
  for (const char* flags : {"-ngl 20", "-ngl all", "-ts 1,1", "-sm layer", "-sm none", "-mg 1", "-dev CUDA0", "-dev none", "-ot exps=CPU", "-ncmoe 4", "-cmoe", "--no-kv-offload", "--fit off"})
    EXPECT_TRUE(places(flags)) << flags;
}

// Devices are called by their backend: another's name would silently mean another device.
// Every engine says in its own words what drafts tokens, and how many: as its documentation and people's launch lines have it.
TEST(Flags, SayWhatDrafts) {
  struct Line { const char* engine; const char* flags; Speculation wanted; };
  for (const Line& line : {
           Line{"vllm", R"(--speculative-config '{"method":"mtp","num_speculative_tokens":2}')", {Drafter::own_layers, 2}},
           {"vllm", R"(--speculative-config '{"method": "qwen3_next_mtp", "num_speculative_tokens": 2}')", {Drafter::own_layers, 2}},
           {"vllm", R"(--speculative_config '{"model":"yuhuili/EAGLE3-LLaMA3.1-Instruct-8B","num_speculative_tokens":4}')", {Drafter::head, 4}},
           {"vllm", R"(--speculative-config '{"model":"Qwen/Qwen3-0.6B","num_speculative_tokens":5,"draft_tensor_parallel_size":1}')", {Drafter::model, 5}},
           {"vllm", R"(--speculative-config '{"method":"ngram","num_speculative_tokens":5,"prompt_lookup_max":4}')", {Drafter::lookup, 5}},
           {"vllm", "--speculative-config.num_speculative_tokens 3 --speculative-config.method mtp", {Drafter::own_layers, 3}},
           {"vllm", "--speculative-model Qwen/Qwen3-0.6B --num-speculative-tokens 5", {Drafter::model, 5}},
           {"vllm", "--speculative-model [ngram] --num-speculative-tokens 5", {Drafter::lookup, 5}},
           {"vllm", "--speculative-config.parallel_drafting true --speculative-config.method draft_model --speculative-config.num_speculative_tokens 8", {Drafter::block, 8}},
           {"sglang", "--speculative-algorithm DFLASH --speculative-num-draft-tokens 16", {Drafter::block, 0, 15}},
           {"sglang", "--speculative-algorithm EAGLE --speculative-num-steps 3 --speculative-eagle-topk 1 --speculative-num-draft-tokens 4", {Drafter::own_layers, 3, 3}},
           {"sglang", "--speculative-draft-model-path lmsys/sglang-EAGLE-LLaMA3-Instruct-8B --speculative-algorithm EAGLE --speculative-num-steps 5 --speculative-num-draft-tokens 64", {Drafter::head, 5, 63}},
           {"sglang", "--speculative-algo NEXTN --speculative-draft SGLang/DeepSeek-V3-NextN", {Drafter::own_layers}},
           {"llama.cpp", "-c 4096 --spec-type draft-mtp --spec-draft-n-max 2", {Drafter::own_layers, 2}},
           {"llama.cpp", "-c 4096 --spec-type ngram-mod,draft-mtp", {Drafter::own_layers}},
           {"llama.cpp", "-c 4096 -md qwen3-0.6b.gguf --draft-max 16", {Drafter::model, 16}},
           {"ik_llama.cpp", "-c 4096 -mtp --draft-max 3", {Drafter::own_layers, 3}},
           {"mindie", R"(plugin_params '{"plugin_type":"mtp","num_speculative_tokens":1}')", {Drafter::own_layers, 1}},
           {"mlx", "--draft-model Qwen3-0.6B-4bit --num-draft-tokens 4", {Drafter::model, 4}},
       }) {
    const auto engine = *catalog::read_engine(facts(), line.engine);
    const auto parsed = parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), line.flags);
    ASSERT_TRUE(parsed) << line.flags << ": " << error_of(parsed);
    EXPECT_EQ(parsed->settings.speculation, line.wanted) << line.flags;
  }
  const auto refusal = [&](const char* engine, const char* flags) { return error_of(parse_flags(*catalog::read_engine(facts(), engine), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), flags)); };
  EXPECT_EQ(refusal("vllm", "--speculative-config mtp"), "--flags:1:22: --speculative-config takes a JSON object, not 'mtp' (nearest: {\"method\":\"mtp\",\"num_speculative_tokens\":3})");
  EXPECT_EQ(refusal("vllm", R"(--speculative-config '{"method":"eagle4"}')").find("--flags:1:22: --speculative-config does not know 'eagle4': it takes mtp, eagle, eagle3"), 0U);
  EXPECT_EQ(refusal("llama.cpp", "--spec-type draft-mpt").find("--flags:1:13: --spec-type does not know 'draft-mpt'"), 0U);
  EXPECT_EQ(refusal("sglang", "--speculative-num-steps 0"), "--flags:1:25: --speculative-num-steps takes a whole number of at least 1, not '0'");
}

TEST(Flags, DevicesAreNamedAfterTheirBackend) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto read = [&](const char* flags, const char* backend) { return parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 2), flags, backend); };
  const auto wrong = read("-dev Vulkan1", "cuda");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().nearest, "CUDA1");
  EXPECT_EQ(read("-ot exps=CUDA0", "vulkan").error().nearest, "Vulkan0");
  EXPECT_EQ(read("-dev CUDA0,Vulkan1", "cuda").error().nearest, "CUDA1");
  EXPECT_EQ(read("-dev CUDA1", "cuda")->settings.main_device, 1);
  EXPECT_EQ(read("-dev cuda0,CUDA1", "cuda")->settings.mode, Mode::layer);
  EXPECT_TRUE(read("-ot exps=CPU", "cuda"));
}

// As people paste them: with the program, its environment and whatever changes nothing that is counted.
TEST(Flags, OfRealLaunchLinesAreRead) {
  struct Line { const char* engine; const char* flags; std::int64_t context; };
  for (const Line& line : {
           Line{"vllm", "VLLM_USE_V1=1 vllm serve Qwen/Qwen3-8B --max-model-len 8192 -O3 --compilation-config.cudagraph_mode=FULL --enable-lora --max-loras 4 --hf-overrides {} --generation-config vllm", 8192},
           Line{"vllm", "--max-model-len 4096 --served-model-name vllm", 4096},   // a value that is called as the program is
           Line{"vllm", "python -m vllm.entrypoints.openai.api_server --model m --max-model-len 4096 --tokenizer-mode mistral --config-format mistral --load-format mistral", 4096},
           Line{"sglang", "python3 -m sglang.launch_server --model-path m --context-length 8192 --speculative-algorithm EAGLE --speculative-num-steps 3 --moe-a2a-backend deepep --enable-metrics", 8192},
           Line{"ik_llama.cpp", "./build/bin/llama-server -m x.gguf -mla 3 -fa -amb 512 -fmoe -rtr -ger -muge -khad -c 8192 --no-mmap", 8192},
           Line{"llama.cpp", "./llama-server -m x.gguf -c 8192 --models-max 1 -ngl 99", 8192},
           Line{"exllamav3", "python3 main.py --model-name x --max-seq-len 8192 --cache-mode 8,8 --gpu-split-auto true", 8192},
           Line{"mlx", "mlx.launch --hostfile hosts.json mlx_lm.server --model x --max-kv-size 8192 --pipeline", 8192},
           Line{"sglang", "numactl --cpunodebind=0 --membind 0 python3 -m sglang.launch_server --model-path m --context-length 8192", 8192},
           Line{"mlx", "mlx_lm.server --model x --max-kv-size 8192 --draft-model y --prompt-cache-size 4", 8192},
           Line{"ollama", "OLLAMA_CONTEXT_LENGTH=8192 OLLAMA_NEW_ENGINE=1 ollama serve", 8192},
           // Over several lines, as shells, cmd and PowerShell continue them, and as a container's file lists them.
           Line{"llama.cpp", "llama-server -m x.gguf \\\n  -c 8192 \\\n  -ngl 99", 8192},
           Line{"llama.cpp", "llama-server.exe -m C:\\models\\x.gguf ^\r\n  -c 8192 ^\r\n  -ngl 99", 8192},
           Line{"llama.cpp", "llama-server -m x.gguf `\n  -c 8192", 8192},
           Line{"llama.cpp", "llama-server -m x.gguf \\ -c 8192 \\", 8192},
           Line{"llama.cpp", "-m x.gguf\n-c 8192\n-ngl 99\n", 8192},
           // Among commands that say nothing of it.
           Line{"llama.cpp", "cd /opt/llama && ./llama-server -c 8192 2>&1 | tee -c 4096 server.log", 8192},
           Line{"vllm", "ray start --head --port=6379 && vllm serve m --max-model-len 8192 --distributed-executor-backend ray", 8192},
           Line{"lm-studio", "lms import -y x.gguf && lms load x.gguf --gpu max --context-length 8192", 8192},
           Line{"ollama", "OLLAMA_CONTEXT_LENGTH=8192 ollama serve\nollama create m -f Modelfile && ollama run m", 8192},
           Line{"ollama", "$env:OLLAMA_CONTEXT_LENGTH='8192'; $env:OLLAMA_FLASH_ATTENTION='1'; ollama serve\nollama create m -f Modelfile; ollama run m", 8192},
           Line{"ollama", "export OLLAMA_CONTEXT_LENGTH=8192\nexport HTTP_PROXY=x\nollama serve > server.log 2>&1 &", 8192},
           Line{"ollama", "OLLAMA_CONTEXT_LENGTH=8192 OLLAMA_FLASH_ATTENTION=1 ollama run qwen3:30b", 8192},
           // Inside a container: its own options say nothing of the engine, what stands behind the image does.
           Line{"vllm", "docker run --gpus all -p 8000:8000 --ipc=host -v ~/.cache:/root/.cache vllm/vllm-openai:latest --model m --max-model-len 8192", 8192},
           Line{"sglang", "sudo docker run --rm -it --shm-size 32g -e HF_TOKEN=x lmsysorg/sglang:latest python3 -m sglang.launch_server --model-path m --context-length 8192", 8192},
           Line{"ollama", "docker run -d --gpus=all -e OLLAMA_CONTEXT_LENGTH=8192 -v ollama:/root/.ollama -p 11434:11434 --name ollama ollama/ollama", 8192},
           Line{"llama.cpp", "docker run --gpus all ghcr.io/ggml-org/llama.cpp:server-cuda -m /models/x.gguf -c 8192 -ngl 99", 8192},
           Line{"transformers", "transformers serve m", 0},
           Line{"llama.cpp", "-c 8192 -ngl 99 -ot blk\\.(1|2)\\.ffn_up=CPU", 8192}}) {
    const auto parsed = parse_flags(*catalog::read_engine(facts(), line.engine), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), line.flags);
    ASSERT_TRUE(parsed) << line.flags << ": " << error_of(parsed);
    EXPECT_EQ(parsed->settings.context, line.context) << line.flags;
  }
  const auto error = [](const char* engine, const char* flags) { return error_of(parse_flags(*catalog::read_engine(facts(), engine), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 2), flags)); };
  EXPECT_EQ(error("llama.cpp", "CUDA_VISIBLE_DEVICES=1 llama-server -c 8192"),
            "--flags:1:1: CUDA_VISIBLE_DEVICES=1 says which devices are seen: leave it out, and name those with --on");
  EXPECT_EQ(error("vllm", "CUDA_VISIBLE_DEVICES=1 vllm serve m --max-model-len 8192"),
            "--flags:1:1: CUDA_VISIBLE_DEVICES=1 says which devices are seen: leave it out, and name those with --on");
  EXPECT_EQ(error("llama.cpp", "-c 8192 -fmoe"), "--flags:1:9: '-fmoe' is not a flag of llama.cpp (nearest: --engine ik_llama.cpp)") << "only of the fork";
  EXPECT_EQ(error("ik_llama.cpp", "-mla 0"), "--flags:1:6: -mla 0 keeps keys and values of every head, which is not counted here (nearest: -mla 3)");
}

// llama.cpp counts -ts and -mg in the order of -dev.
TEST(Flags, DevicesInAnotherOrderAreRefused) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto read = [&](const char* flags) { return parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 2), flags); };
  EXPECT_TRUE(read("-dev CUDA0,CUDA1 -ts 3,5"));
  EXPECT_EQ(error_of(read("-dev CUDA1,CUDA0 -ts 3,5")),
            "--flags:1:6: -dev names the devices in another order than the rig has them: write the rig in that order, and leave the flag out");
}

TEST(Flags, OneIsSetInPlace) {
  const auto set = [](const char* engine, const char* flags, const char* flag, const char* value) { return with_flag(*catalog::read_engine(facts(), engine), flags, flag, value); };
  EXPECT_EQ(set("llama.cpp", "-ngl 99 --ctx-size 32768 -fa on", "-c", "16384"), "-ngl 99 --ctx-size 16384 -fa on") << "whichever of its names stands there";
  EXPECT_EQ(set("llama.cpp", "--ctx-size=32768", "-c", "16384"), "--ctx-size=16384");
  EXPECT_EQ(set("llama.cpp", "-ngl 99", "--n-cpu-moe", "4"), "-ngl 99 --n-cpu-moe 4");
  EXPECT_EQ(set("vllm", "", "--max-model-len", "4096"), "--max-model-len 4096");
  EXPECT_EQ(set("vllm", "-tp 2", "-ngl", "4"), "") << "no flag of it";
}

}  // namespace
}  // namespace rigcast::placement
