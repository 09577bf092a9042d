#include "placement/placement.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "gguf_writer.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "model/shape.hpp"
#include "placement/detail/page_groups.hpp"
#include "placement/detail/slots.hpp"
#include "scratch.hpp"

namespace rigcast::placement {
namespace {

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = *catalog::Catalog::load();
  return loaded;
}

model::Architecture read_back(const test::GgufWriter& out, const std::string& name) {
  const auto file = test::scratch_folder() / (name + ".gguf");
  out.write(file);
  const auto gguf = model::read_gguf(file, [](int t) { return facts().quant_of_ggml_type(t); });
  EXPECT_TRUE(gguf) << (gguf ? "" : to_text(gguf.error()));
  const auto architecture = model::architecture_of_gguf(*gguf);
  EXPECT_TRUE(architecture) << (architecture ? "" : to_text(architecture.error()));
  return *architecture;
}

const test::DenseShape kLlama8b{.family = "llama", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 14336, .vocab = 128256,
                                .context = 131072};

model::Architecture llama_8b(test::GgmlType type) { return read_back(test::dense_model(kLlama8b, type), "llama8b"); }

// Qwen3-30B-A3B: 48 layers of 128 experts, 8 used.
model::Architecture qwen3_moe(test::GgmlType type) {
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

rig::Rig rig_of(const std::string& device, int count, double host_gib = 128) {
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

Request ask(const std::string& flags, const std::string& engine = "llama.cpp", const std::string& backend = "") {
  Request request;
  request.engine = engine;
  request.backend = backend;
  request.flags = flags;
  return request;
}

std::string error_of(const auto& result) { return result ? "no error" : to_text(result.error()); }

// Lists of words in an engine's file are longer-lived than what reads them: all of "1-16 2-128 2-256".
// What an engine's kernels do not run on a chip is refused with its source, not timed.
TEST(Rules, KernelsThatAChipLacksAreRefused) {
  const auto runs = [&](const char* engine, const char* device, const char* model, const char* quant) {
    Request request = ask("");
    request.engine = engine;
    return place(facts(), *model::architecture_from_catalogue(facts(), model, quant), rig_of(device, 1), request).has_value();
  };
  EXPECT_FALSE(runs("vllm", "v100-sxm2-32gb", "gpt-oss-20b", "")) << "MXFP4 needs 8.0";
  EXPECT_TRUE(runs("vllm", "rtx-3090", "gpt-oss-20b", ""));
  EXPECT_FALSE(runs("exllamav3", "rtx-2080-ti", "llama-3.1-8b", "exl3-4.0bpw"));
  EXPECT_TRUE(runs("exllamav3", "rtx-3090", "llama-3.1-8b", "exl3-4.0bpw"));
  EXPECT_FALSE(runs("exllamav2", "tesla-p40", "llama-3.1-8b", "exl2-4.0bpw")) << "half precision at 1/64";
  EXPECT_TRUE(runs("exllamav2", "tesla-p100-pcie-16gb", "llama-3.1-8b", "exl2-4.0bpw"));
}

TEST(Rules, StateScansAreReadWhole) {
  const auto rig = rig_of("rtx-3090", 1);
  const auto rules = detail::llama_rules(*catalog::read_engine(facts(), "llama.cpp"), "cuda", rig, Settings{});
  std::vector<std::pair<int, std::int64_t>> scans;
  for (const auto& scan : rules.compute.state_scans) scans.emplace_back(scan.generation, scan.state);
  EXPECT_EQ(scans, (std::vector<std::pair<int, std::int64_t>>{{1, 16}, {2, 128}, {2, 256}}));
}

// Room is found wherever place() finds it, by either effort, and nowhere else.
TEST(FindRoom, AgreesWithPlace) {
  const model::Architecture dense = llama_8b(test::ggml::q8_0), experts = qwen3_moe(test::ggml::q8_0);
  for (const model::Architecture* architecture : {&dense, &experts})
    for (const char* device : {"rtx-3060-12gb", "rtx-3090"})
      for (const int count : {1, 2, 4})
        for (const double host : {2.0, 8.0, 32.0})
          for (const std::int64_t context : {4096, 131072}) {
            Request request;
            request.context = context;
            const rig::Rig rig = rig_of(device, count, host);
            const auto placed = place(facts(), *architecture, rig, request);
            ASSERT_TRUE(placed);
            const auto best = find_room(facts(), *architecture, rig, request), any = find_room(facts(), *architecture, rig, request, true);
            EXPECT_EQ(best.has_value(), placed->fits);
            EXPECT_EQ(any.has_value(), placed->fits);
            if (best) { EXPECT_EQ(best->settings, placed->settings); }
            if (any) { EXPECT_TRUE(any->fits); }
          }
}

TEST(Placement, EveryEngineReadsAndPlacesOrSaysWhyNot) {
  const auto model = llama_8b(test::ggml::f16);
  for (const catalog::Entry& entry : facts().entries(catalog::Kind::engine)) {
    const auto engine = catalog::read_engine(facts(), entry.key);
    ASSERT_TRUE(engine) << error_of(engine);
    EXPECT_FALSE(engine->sources.empty()) << entry.key;
    const auto placement = place(facts(), model, rig_of("rtx-4090", 1), ask("", entry.key));
    const bool needs_others = entry.key == "mindie" || entry.key == "mlx" || entry.key == "ktransformers";   // a chip, a system, a mixture of experts
    EXPECT_EQ(placement.has_value(), !needs_others) << entry.key << ": " << error_of(placement);
    if (placement) {
      EXPECT_GT(placement->devices.front().memory.weights, Bytes(12 * kGiB)) << entry.key;
    }
  }
}

// Logged by vLLM 0.19 on an RTX 4090: 2,588 blocks of 16 tokens, max_num_seqs 256, max_num_batched_tokens 2048.
TEST(Placement, VllmBlocksOfALoggedRun) {
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), ask("--max-model-len 32768 --max-num-seqs 256 --max-num-batched-tokens 2048", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_NEAR(static_cast<double>(placement->kv_blocks), 2588, 2588 * 0.03);
  EXPECT_EQ(placement->kv_tokens, placement->kv_blocks * 16);
  EXPECT_TRUE(placement->fits);
}

// A log of vLLM 0.19 (https://github.com/vllm-project/vllm/issues/40691, 2026-04-23): Qwen3.5-27B with --max-model-len 32768 printed a cache of
// 290,864 tokens and room for 33.04 requests. 48 of its layers keep a state of 48 heads x 128 x 128 x 4 bytes and 3 x 10,240 convolution inputs
// of 2 bytes, 3,207,168 bytes in all; 16 layers keep 2 x 4 heads x 256 x 2 = 4,096 bytes of every token: ceil(3,207,168 / (16 x 4,096)) = 49
// blocks of 16, 784 tokens, are a page. 64 layers make one group of 16 that attend and three of 16 that recall, so a request of 32,768 tokens
// takes ceil(32,768 / 784) + 3 = 45 blocks; 1,487 blocks are 33.04 requests, and 1,487 / 4 groups x 784 are the 290,864 tokens.
TEST(PageGroups, StatesLieInPagesOfAttention) {
  const auto model = model::architecture_from_catalogue(facts(), "qwen3.5-27b");
  ASSERT_TRUE(model);
  detail::PageRules rules;
  rules.state_element = 4;
  rules.batched_tokens = 16384;
  const auto bytes = [](const model::Layer& layer) { return layer.attention.kind == model::AttentionKind::none ? 0.0 : 4096.0; };
  const detail::PageGroups pages = detail::group_pages(*model, rules, bytes);
  ASSERT_EQ(pages.groups.size(), 4u);
  EXPECT_EQ(pages.page_bytes, 784 * 4096);
  EXPECT_EQ(pages.pages_of_block([](std::size_t) { return true; }), 16);
  EXPECT_EQ(pages.blocks_of_sequence(32768, rules), 45);
  EXPECT_NEAR(1487.0 / 45, 33.04, 0.005);
  EXPECT_EQ(1487 / 4 * 784, 290864);
}

// gpt-oss: 18 layers see everything, 18 the last 128 tokens: two groups. 131,072 tokens take 8,192 blocks of 16 in the first; in the second
// the window and one step, ceil((127 + 2,048) / 16) + 1 = 137. Gemma 3 27B: 10 of 62 layers see everything, so that the 52 others make six
// groups of ten, the last ones not full; 8,192 tokens: 512 blocks + 6 x (ceil((1,023 + 2,048) / 16) + 1 = 193).
TEST(PageGroups, WindowsKeepTheirOwnBlocks) {
  const auto bytes = [](const model::Layer&) { return 2048.0; };
  const auto oss = model::architecture_from_catalogue(facts(), "gpt-oss-120b"), gemma = model::architecture_from_catalogue(facts(), "gemma-3-27b");
  ASSERT_TRUE(oss && gemma);
  const detail::PageRules rules;
  const detail::PageGroups two = detail::group_pages(*oss, rules, bytes), seven = detail::group_pages(*gemma, rules, bytes);
  ASSERT_EQ(two.groups.size(), 2u);
  EXPECT_EQ(two.pages_of_block([](std::size_t) { return true; }), 18);
  EXPECT_EQ(two.blocks_of_sequence(131072, rules), 8192 + 137);
  EXPECT_EQ(two.longest_sequence(8192 + 137, 1 << 20, rules), 131072);
  ASSERT_EQ(seven.groups.size(), 7u);
  EXPECT_EQ(seven.pages_of_block([](std::size_t) { return true; }), 10);
  EXPECT_EQ(seven.blocks_of_sequence(8192, rules), 512 + 6 * 193);
}

// Layers as frequent as others within a half are padded, not split: 12 and 13 of two kinds (gpt-oss-20b with a drafter) make two groups of 13.
TEST(PageGroups, NearlyEqualKindsArePadded) {
  model::Architecture model;
  for (int l = 0; l < 25; ++l) {
    model::Layer layer;
    layer.attention.kind = l % 2 == 0 ? model::AttentionKind::full : model::AttentionKind::sliding;
    layer.attention.window = l % 2 == 0 ? 0 : 128;
    model.layers.push_back(layer);
  }
  const detail::PageGroups pages = detail::group_pages(model, {}, [](const model::Layer&) { return 2048.0; });
  ASSERT_EQ(pages.groups.size(), 2u);
  EXPECT_EQ(pages.pages_of_block([](std::size_t) { return true; }), 13);
}

// The same by way of flags: every block of gpt-oss-20b is 12 pages of 16 x 2 x 8 heads x 64 x 2 bytes.
TEST(Placement, VllmBlocksOfAMixedModel) {
  const auto model = model::architecture_from_catalogue(facts(), "gpt-oss-20b");
  ASSERT_TRUE(model);
  const auto placement = place(facts(), *model, rig_of("h100-sxm-80gb", 1), ask("--max-model-len 131072 --max-num-batched-tokens 8192", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  const double block = 12.0 * 16 * 2 * 8 * 64 * 2;
  EXPECT_EQ(placement->devices.front().memory.kv.value(), block * static_cast<double>(placement->kv_blocks));
  const double requests = static_cast<double>(placement->kv_blocks) / (8192 + 521);   // ceil((127 + 8,192) / 16) + 1 = 521 in the windowed group
  EXPECT_NEAR(static_cast<double>(placement->kv_tokens), requests * 131072, 1);
}

// llama.cpp's own pattern of --cpu-moe ends before ".weight": 24 layers of 32 experts have biases of 3 x 2,880 numbers of four bytes.
TEST(Placement, BiasesOfExpertsGoWithThem) {
  const auto model = model::architecture_from_catalogue(facts(), "gpt-oss-20b", "bf16");
  ASSERT_TRUE(model);
  const auto placement = place(facts(), *model, rig_of("rtx-3090", 1), ask("-c 4096 -ngl 99 --n-cpu-moe 12"));
  ASSERT_TRUE(placement) << error_of(placement);
  double here = 0, there = 0;
  for (std::size_t i = 0; i < model->tensors.size(); ++i)
    if (model->tensors[i].name.ends_with("_exps.bias")) (placement->tensor_device[i] == kHost ? there : here) += model->tensors[i].bytes.value();
  EXPECT_EQ(here, 12.0 * 32 * 3 * 2880 * 4);
  EXPECT_EQ(there, here);
}

// Windows forget: of 8 layers that see 128 tokens and 8 that see everything, a pool of N tokens holds a sequence of 2 N. Cut in the middle with the
// windows in front, the second device has nothing that forgets, and N is all.
TEST(Placement, TheDeviceThatForgetsLeastLimitsASequence) {
  const auto tokens = [](bool mixed) {
    auto model = llama_8b(test::ggml::f16);
    for (std::size_t l = 0; l < model.layers.size(); ++l)
      if (mixed ? l % 2 == 0 : l < model.layers.size() / 2) {
        model.layers[l].attention.kind = model::AttentionKind::sliding;
        model.layers[l].attention.window = 128;
      }
    auto engine = *catalog::read_engine(facts(), "sglang");
    engine.window_saves_memory = true;
    engine.numbers["hybrid_groups"] = 0;   // every layer has a pool of its own size
    Settings settings = initial_settings(engine, rig_of("rtx-4090", 2));
    settings.mode = Mode::pipeline;
    settings.pipeline_degree = 2;
    settings.context = 8192;
    const auto placement = lay_out(facts(), engine, "cuda", model, rig_of("rtx-4090", 2), settings);
    EXPECT_TRUE(placement) << error_of(placement);
    return static_cast<double>(placement->kv_tokens) / static_cast<double>(placement->kv_blocks * engine.block_tokens);
  };
  EXPECT_NEAR(tokens(true), 2, 0.01);
  EXPECT_NEAR(tokens(false), 1, 0.01);
}

TEST(Placement, VllmRefusesARequestLongerThanItsCache) {
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), ask("--max-model-len 131072", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_FALSE(placement->fits);
  ASSERT_EQ(placement->caveats.size(), 1u);
  EXPECT_EQ(placement->caveats[0].id, "cache-shorter-than-context");
}

TEST(Placement, ATensorDegreeMustDivideTheHeads) {
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 3), ask("-tp 3", "vllm"));
  EXPECT_EQ(error_of(placement), "--flags: a tensor degree of 3 does not divide 32 attention heads (nearest: 2)");
}

// GLM-4.5-Air has 96 heads and 8 key-value heads: 3 divides the first and cuts the second; 16 copies each of the 8 twice. DeepSeek R1 has one
// latent vector for all of its 128 heads, which every device holds. MiniMax M2 is published in FP8 blocks of 128 x 128 with experts 1,536 wide:
// 1,536 / 8 = 192 is no multiple of 128, 1,536 / 4 = 384 is; spread whole, its experts are not cut.
TEST(Placement, TensorDegreesCutNeitherKeyValueHeadsNorBlocks) {
  const auto told = [&](const char* key, int devices, const std::string& flags, const char* engine = "vllm") {
    const auto model = model::architecture_from_catalogue(facts(), key);
    return error_of(place(facts(), *model, rig_of("h200-sxm-141gb", devices), ask(flags, engine)));
  };
  const std::string heads = "--flags: a tensor degree of 3 neither divides 8 key-value heads nor is a multiple of them (nearest: 2)";
  EXPECT_EQ(told("glm-4.5-air", 3, "-tp 3"), heads);
  EXPECT_EQ(told("glm-4.5-air", 3, "--tp 3", "sglang"), heads);
  EXPECT_EQ(told("glm-4.5-air", 16, "-tp 16"), "no error");
  EXPECT_EQ(told("deepseek-r1", 8, "-tp 8"), "no error");
  EXPECT_EQ(told("minimax-m2", 8, "-tp 8"), "--flags: a tensor degree of 8 cuts a width of 1536 inside its blocks of 128 (nearest: 4)");
  EXPECT_EQ(told("minimax-m2", 8, "-tp 4"), "no error");
  const auto by_name = model::architecture_from_catalogue(facts(), "minimax-m2", "fp8");   // what it is published in, however it is called
  EXPECT_FALSE(place(facts(), *by_name, rig_of("h200-sxm-141gb", 8), ask("-tp 8", "vllm")));
  EXPECT_EQ(told("minimax-m2", 8, "-tp 8 -ep"), "no error");
}

// Nobody named a context: the blocks left beside 14.96 GiB of weights on 24 GiB decide, in steps of 256 tokens, with a word on it; named, it must fit.
TEST(Placement, AContextNobodyNamedShrinksToWhatTheCacheHolds) {
  for (const char* name : {"vllm", "sglang", "tensorrt-llm"}) {
    const auto open = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), ask("", name));
    ASSERT_TRUE(open) << error_of(open);
    EXPECT_TRUE(open->fits) << name;
    EXPECT_LE(open->settings.context, open->kv_tokens) << name;
    EXPECT_GT(open->settings.context, open->kv_tokens - 512) << name;
    EXPECT_EQ(open->settings.context % 256, 0) << name;
    EXPECT_TRUE(std::any_of(open->caveats.begin(), open->caveats.end(), [](const auto& caveat) { return caveat.id == "context-shortened"; })) << name;
    Request named = ask("", name);
    named.context = 131072;
    const auto asked = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), named);
    ASSERT_TRUE(asked) << error_of(asked);
    EXPECT_FALSE(asked->fits) << name;
  }
}

// A flag that says nothing of devices leaves them to the search: 15 GiB of weights on two cards of 10 GiB take both, whatever the cache is stored in.
TEST(Placement, FlagsLeaveTheRestToTheSearch) {
  const rig::Rig rig = rig_of("rtx-3080-10gb", 2);
  const auto searched = place(facts(), llama_8b(test::ggml::f16), rig, ask("--kv-cache-dtype fp8 --max-num-seqs 16", "vllm"));
  ASSERT_TRUE(searched) << error_of(searched);
  EXPECT_EQ(searched->devices.size(), 2u);
  EXPECT_EQ(searched->settings.key_quant, "fp8_e4m3");
  const auto told = place(facts(), llama_8b(test::ggml::f16), rig, ask("-tp 1", "vllm"));
  ASSERT_TRUE(told) << error_of(told);
  EXPECT_EQ(told->devices.size(), 1u);
}

// Four streams of 8,192 tokens in llama.cpp: -c 32768 among four slots, 4 GiB of cache (1 GiB each, as below); 257 are one more than it decodes.
TEST(Placement, SlotsHoldAContextForEveryStream) {
  Request request = ask("");
  request.context = 8192;
  request.streams = 4;
  const auto placement = place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), request);
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->devices[0].memory.kv, Bytes(4 * kGiB));
  const Launch launch = launch_line(*catalog::read_engine(facts(), "llama.cpp"), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), *placement);
  EXPECT_NE(launch.line.find("-c 32768 "), std::string::npos) << launch.line;
  EXPECT_NE(launch.line.find("-np 4"), std::string::npos) << launch.line;
  request.streams = 257;
  EXPECT_EQ(error_of(place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), request)), "--sequences: llama.cpp decodes at most 256 streams together (nearest: 256)");
}

// 1,000 streams of 4,096 tokens in a cache of about 42,000: vLLM is told to take them all (--max-num-seqs), ten run at a time.
TEST(Placement, StreamsThatTheCacheDoesNotHoldWait) {
  Request request = ask("", "vllm");
  request.streams = 1000;
  request.reach = 4096;
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), request);
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->settings.sequences, 1000);
  const auto caveat = std::find_if(placement->caveats.begin(), placement->caveats.end(), [](const auto& each) { return each.id == "streams-wait"; });
  ASSERT_NE(caveat, placement->caveats.end());
  EXPECT_NE(caveat->text.find("about " + std::to_string(placement->kv_tokens / 4096) + " run at a time"), std::string::npos) << caveat->text;
}

// What is read must fit a context nobody named: 100,000 tokens, rounded up to 256.
TEST(Placement, AContextReachesAsFarAsIsAsked) {
  Request request = ask("");
  request.reach = 100000;
  const auto placement = place(facts(), llama_8b(test::ggml::q4_k), rig_of("rtx-3090", 1), request);
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->settings.context, 100096);
}

// DeepSeek R1 in Q4_K_M on one 4090: its project tells of 14 GB beside 382 GB of host memory. 58 layers hold 256 experts of 3 x 7,168 x 2,048
// weights; at about 4.8 bits one of each layer takes 1.43 GiB, and of 8, 4, 2 ... on the card 4 are the first that fit.
TEST(Placement, FewerExpertsOnTheCardWhereTheUsualDoNotFit) {
  const auto model = model::architecture_from_catalogue(facts(), "deepseek-r1", "q4_k_m");
  ASSERT_TRUE(model);
  rig::Rig rig = rig_of("rtx-4090", 1);
  rig.hosts.front().memory = Bytes(512 * kGiB);
  rig.hosts.front().cores = 64;
  rig.hosts.front().sockets = 2;
  Request request = ask("", "ktransformers");
  request.context = 8192;
  const auto placement = place(facts(), *model, rig, request);
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_TRUE(placement->fits);
  EXPECT_EQ(placement->settings.gpu_experts, 4);
  const std::string line = launch_line(*catalog::read_engine(facts(), "ktransformers"), *model, rig, *placement).line;
  EXPECT_NE(line.find("--model-path deepseek-r1 "), std::string::npos) << line;
  EXPECT_NE(line.find("--kt-weight-path deepseek-r1-Q4_K_M --kt-num-gpu-experts 4 --kt-cpuinfer 64 --kt-threadpool-count 2 --kt-method LLAMAFILE"), std::string::npos) << line;
}

// A line names files in the format that was planned, and what the card's arithmetic makes necessary; flags are read back by their own tables.
TEST(Placement, LinesNameTheFormatAndWhatTheCardNeeds) {
  const auto line = [&](const char* key, const char* quant, const char* card, const char* engine, int count = 1) {
    const auto model = model::architecture_from_catalogue(facts(), key, quant);
    const rig::Rig rig = rig_of(card, count);
    const auto placement = place(facts(), *model, rig, ask("", engine));
    EXPECT_TRUE(placement) << error_of(placement);
    const Launch launch = launch_line(*catalog::read_engine(facts(), engine), *model, rig, *placement);
    for (const FlagNote& flag : launch.flags) EXPECT_FALSE(flag.text.empty()) << flag.flag;
    return launch.line + "\n" + launch.file_text;
  };
  EXPECT_TRUE(line("llama-3.3-70b", "fp8", "h100-sxm-80gb", "vllm", 2).starts_with("vllm serve llama-3.3-70b-FP8 "));
  EXPECT_TRUE(line("qwen3-8b", "", "rtx-4090", "vllm").starts_with("vllm serve qwen3-8b "));
  EXPECT_NE(line("deepseek-r1", "w8a8", "ascend-910b3", "mindie", 16).find("\"modelWeightPath\": \"deepseek-r1-W8A8\""), std::string::npos);
  EXPECT_NE(line("qwen3-8b", "", "v100-sxm2-32gb", "vllm").find(" --dtype half"), std::string::npos);
  EXPECT_NE(line("qwen3-8b", "awq", "mi50-32gb", "vllm").find(" --dtype float16"), std::string::npos);
  EXPECT_NE(line("qwen3-8b", "w8a8", "atlas-300i-duo-96gb", "vllm").find(" --dtype float16 --quantization ascend"), std::string::npos);
  EXPECT_TRUE(line("qwen3-8b", "q4_k_m", "rtx-4090", "lm-studio").starts_with("lms load qwen3-8b-Q4_K_M.gguf --gpu max --context-length 4096\n"));
  EXPECT_TRUE(line("qwen3-8b", "exl3_4", "rtx-4090", "exllamav3").starts_with("python3 main.py --model-dir models --model-name qwen3-8b-EXL3_4 "));
}

// Two servers of 8 chips with 64 GB each: DeepSeek R1 in W8A8 takes both, a service on each with its own 8 chips and one rank table.
TEST(Placement, MindiesFileIsJsonWhateverTheModelsPathHolds) {
  const rig::Rig rig = rig_of("ascend-910b3", 16);
  auto model = model::architecture_from_catalogue(facts(), "deepseek-r1", "w8a8");
  model->checkpoint = "/models/my \"best\"\n\\one";
  const auto placement = place(facts(), *model, rig, ask("", "mindie"));
  ASSERT_TRUE(placement) << error_of(placement);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  EXPECT_NE(launch.file_text.find(R"("modelWeightPath": "/models/my \"best\"\u000a\\one",)"), std::string::npos) << launch.file_text;
}

TEST(Placement, MindieOverTwoServers) {
  rig::Rig rig = rig_of("ascend-910b3", 16);
  rig.hosts.push_back(rig.hosts.front());
  for (int d = 8; d < 16; ++d) rig.devices[static_cast<std::size_t>(d)].host = 1;
  const auto model = model::architecture_from_catalogue(facts(), "deepseek-r1", "w8a8");
  const auto placement = place(facts(), *model, rig, ask("", "mindie"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_TRUE(placement->fits);
  const Launch launch = launch_line(*catalog::read_engine(facts(), "mindie"), *model, rig, *placement);
  EXPECT_NE(launch.line.find("RANKTABLEFILE="), std::string::npos) << launch.line;
  EXPECT_NE(launch.file_text.find("\"worldSize\": 8"), std::string::npos) << launch.file_text;
  EXPECT_NE(launch.file_text.find("\"multiNodesInferEnabled\": true"), std::string::npos) << launch.file_text;
  rig::Rig duo = rig_of("atlas-300i-duo-96gb", 2);
  duo.hosts.push_back(duo.hosts.front());
  duo.devices[1].host = 1;
  EXPECT_EQ(error_of(place(facts(), *model, duo, ask("", "mindie"))), "--on: MindIE cannot share a model between hosts (nearest: --engine vllm)");
}

// 16 MiB of cache per 1,024 tokens and layer pair: 32 layers x 8 heads x 128 x (2 + 2) bytes x 8,192 tokens = 1 GiB.
TEST(Placement, CacheByHand) {
  const auto f16 = place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), ask("-c 8192 -ngl 99 -fa on"));
  ASSERT_TRUE(f16) << error_of(f16);
  EXPECT_EQ(f16->devices[0].memory.kv, Bytes(kGiB));
  // q8_0 stores 32 elements in 34 bytes.
  const auto q8 = place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), ask("-c 8192 -ngl 99 -fa on -ctk q8_0 -ctv q8_0"));
  EXPECT_EQ(q8->devices[0].memory.kv, Bytes(kGiB * 34 / 64));
}

TEST(Placement, DefaultsMoveExpertsThenLayersToTheHost) {
  const auto moe = place(facts(), qwen3_moe(test::ggml::q8_0), rig_of("rtx-3090", 1), ask(""));  // 30 GiB on 24
  ASSERT_TRUE(moe) << error_of(moe);
  EXPECT_TRUE(moe->fits);
  EXPECT_GT(moe->settings.cpu_moe_layers, 0);
  EXPECT_EQ(moe->settings.gpu_layers, 49);  // all 48 and the head
  auto fewer = moe->settings;
  --fewer.cpu_moe_layers;
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto tighter = lay_out(facts(), engine, moe->backend, qwen3_moe(test::ggml::q8_0), rig_of("rtx-3090", 1), fewer);
  ASSERT_TRUE(tighter) << error_of(tighter);
  const DeviceShare& share = tighter->devices.front();
  EXPECT_LT((share.capacity - share.memory.total()).value(), 512 * kMiB) << "not the fewest that leave the search's margin";
  const auto dense = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-3060", 1), ask(""));  // 15 GiB on 12
  ASSERT_TRUE(dense) << error_of(dense);
  EXPECT_TRUE(dense->fits);
  EXPECT_GT(dense->settings.gpu_layers, 0);
  EXPECT_LT(dense->settings.gpu_layers, 33);
}

TEST(Placement, ALineLaidOutAgainGivesTheSameMemory) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto model = qwen3_moe(test::ggml::q4_k);
  const rig::Rig rig = rig_of("rtx-3090", 2);
  for (const char* flags : {"-c 16384 -ngl 99 -ts 3,1", "-c 4096 -ngl 30 -fa off", "-c 32768 --n-cpu-moe 20 -ctk q8_0 -ctv q8_0 -ub 1024", "-c 4096 -sm none -mg 1",
                            "-c 4096 -sm tensor -ts 3,1",
                            "-c 4096 -ot 'blk\\.[0-9]\\.ffn=CPU' -np 4", "-c 4096 --no-kv-offload --no-op-offload --no-mmap --swa-full"}) {
    const auto first = place(facts(), model, rig, ask(flags));
    ASSERT_TRUE(first) << flags << ": " << error_of(first);
    const Launch launch = launch_line(engine, model, rig, *first);
    const std::string words = launch.line.substr(launch.line.find(" -c ") + 1);
    const auto again = place(facts(), model, rig, ask(words));
    ASSERT_TRUE(again) << launch.line << ": " << error_of(again);
    EXPECT_EQ(again->host.total(), first->host.total()) << launch.line;
    ASSERT_EQ(again->devices.size(), first->devices.size()) << launch.line;
    for (std::size_t d = 0; d < first->devices.size(); ++d) EXPECT_EQ(again->devices[d].memory.total(), first->devices[d].memory.total()) << launch.line;
    for (const FlagNote& flag : launch.flags) EXPECT_FALSE(flag.text.empty()) << flag.flag;
  }
}

// The server keeps one row of logits for each slot where llama-completion keeps one for each prompt token: 512 x 128256 x 4 bytes.
TEST(Placement, LogitsThatTheServerDoesNotKeep) {
  const auto model = llama_8b(test::ggml::q4_k);
  const rig::Rig rig = rig_of("rtx-3090", 1);
  const auto server = place(facts(), model, rig, ask("-c 4096 -ngl 99")), completion = place(facts(), model, rig, ask("llama-completion -c 4096 -ngl 99"));
  ASSERT_TRUE(server && completion) << error_of(server) << error_of(completion);
  EXPECT_GT((completion->devices[0].memory.compute - server->devices[0].memory.compute).value(), 100.0 * kMiB);
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  EXPECT_EQ(launch_line(engine, model, rig, *server).line.substr(0, 13), "llama-server ");
  EXPECT_EQ(launch_line(engine, model, rig, *completion).line.substr(0, 17), "llama-completion ");
}

// Build 11669 knows -lm and no --no-mmap any more.
TEST(Placement, WeightsThatAreNotMapped) {
  const auto model = llama_8b(test::ggml::q4_k);
  const rig::Rig rig = rig_of("rtx-3090", 1);
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  for (const char* flags : {"-c 4096 --no-mmap", "-c 4096 -lm none", "-c 4096 --load-mode dio"}) {
    const auto placement = place(facts(), model, rig, ask(flags));
    ASSERT_TRUE(placement) << error_of(placement);
    EXPECT_NE(launch_line(engine, model, rig, *placement).line.find("-lm none"), std::string::npos) << flags;
  }
  EXPECT_EQ(error_of(place(facts(), model, rig, ask("-c 4096 -lm nmap"))),
            "--flags:1:13: -lm takes auto, none, mmap, mlock, mmap+mlock or dio, not 'nmap' (nearest: mmap)");
}

// llama.cpp cuts what has rows and copies what has none: a quarter of 7.45 GiB of Q8_0 matrices beside 33 x 2 norms of 16 KiB.
TEST(Placement, SharesOfDevicesThatActAsOne) {
  const auto placement = place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 2), ask("-c 8192 -ngl 99 -sm tensor -ts 3,1"));
  ASSERT_TRUE(placement) << error_of(placement);
  ASSERT_EQ(placement->devices.size(), 2u);
  const Memory& large = placement->devices[0].memory;
  const Memory& small = placement->devices[1].memory;
  const double norms = 65.0 * 4096 * 4;  // two of each layer and the last
  EXPECT_NEAR((large.weights.value() - norms) / (small.weights.value() - norms), 3, 1e-9);
  EXPECT_EQ(large.kv, Bytes(0.75 * kGiB));
  EXPECT_EQ(small.kv, Bytes(0.25 * kGiB));
  EXPECT_EQ(large.compute, small.compute) << "each reserves the buffer of the whole graph";
  EXPECT_EQ(error_of(place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 2), ask("-c 8192 -sm tensor -fa off"))),
            "--flags: -sm tensor needs flash attention (nearest: -fa on)");
}

// Two hosts of one 24 GiB card each: 34 GiB need both, one host's memory is all the engine's process has, and the line names the other's server.
TEST(Placement, DevicesOfSeveralHosts) {
  rig::Rig rig = rig_of("rtx-3090", 2);
  rig.hosts.push_back(rig.hosts.front());
  rig.devices[1].host = 1;
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto model = qwen3_moe(test::ggml::q8_0);
  const auto placement = place(facts(), model, rig, ask("-c 4096 -ngl 99 -ts 1,1"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->host_capacity, rig.hosts.front().memory);
  const Launch launch = launch_line(engine, model, rig, *placement);
  EXPECT_NE(launch.line.find("--rpc HOST2:50052 -dev CUDA0,RPC0"), std::string::npos) << launch.line;
  EXPECT_NE(launch.file_text.find("ggml-rpc-server"), std::string::npos);
  const auto again = place(facts(), model, rig, ask(launch.line.substr(launch.line.find(" -c ") + 1)));
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ(again->devices[1].memory.total(), placement->devices[1].memory.total());
  EXPECT_EQ(error_of(place(facts(), model, rig, ask("", "ollama"))), "--on: Ollama cannot share a model between hosts (nearest: --engine llama.cpp)");
}

struct Refusal { const char* flags; const char* message; };

TEST(Flags, AreRefusedWithThePlaceAndTheNearest) {
  const auto model = llama_8b(test::ggml::q8_0);
  for (const Refusal& r : {Refusal{"-c 4096 --n-gpu-layer 10", "--flags:1:9: '--n-gpu-layer' is not a flag of llama.cpp (nearest: --n-gpu-layers)"},
                           Refusal{"-c", "--flags:1:1: -c needs a value"},
                           Refusal{"-c many", "--flags:1:4: -c takes a whole number of at least 0, not 'many'"},
                           Refusal{"-ctk q9_0", "--flags:1:6: -ctk takes a cache format, not 'q9_0' (nearest: q8_0)"},
                           Refusal{"-ts 1,2,3", "--flags:1:5: -ts names 3 devices, the rig has 1"},
                           Refusal{"-ot 'exps", "--flags:1:5: quote ' is not closed"},
                           Refusal{"-ot exps=CUDA3", "--flags:1:5: -ot names device 3, the rig has 1"},
                           Refusal{"-ot exps=CUBA0", "--flags:1:5: -ot names no memory: 'CUBA0' (CPU, CUDA0, Vulkan1 ...) (nearest: CUDA0)"},
                           Refusal{"-ot exps=elsewhere", "--flags:1:5: -ot names no memory: 'elsewhere' (CPU, CUDA0, Vulkan1 ...)"},
                           Refusal{"-ot '(a)\\1=CPU'", "--flags:1:5: -ot has a pattern that refers back to a group: '(a)\\1'"},
                           Refusal{"-ot '(=CPU'", "--flags:1:5: -ot has a pattern that is no regular expression: '('"},
                           Refusal{"-fa off -ctv q8_0", "--flags: a quantised V cache (-ctv q8_0) needs flash attention (-fa on)"}}) {
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

// 126 layers and the head are 127: -ngl 99 would leave 28 of them on the host.
TEST(Launch, AllLayersOfADeepModelAreSaid) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  auto model = *model::architecture_from_catalogue(facts(), "llama-3.1-405b", "q4_k_m");
  const rig::Rig rig = rig_of("h200-sxm-141gb", 8);
  const auto placement = place(facts(), model, rig, ask("-c 4096 -ngl all"));
  ASSERT_TRUE(placement) << error_of(placement);
  model.file = "model.gguf";
  const Launch launch = launch_line(engine, model, rig, *placement);
  EXPECT_NE(launch.line.find("-ngl 127 "), std::string::npos) << launch.line;
  EXPECT_NE(join(launch.bench, " ").find("-ngl 127 "), std::string::npos);
  const auto parsed = parse_flags(engine, model, rig, launch.line.substr(launch.line.find(" -c ") + 1));
  ASSERT_TRUE(parsed) << error_of(parsed);
  EXPECT_EQ(parsed->settings.gpu_layers, placement->settings.gpu_layers);
  EXPECT_EQ(parse_flags(engine, model, rig, "-ngl 99")->settings.gpu_layers, 99) << "28 layers stay on the host";
  EXPECT_EQ(parse_flags(engine, llama_8b(test::ggml::q8_0), rig, "-ngl 99")->settings.gpu_layers, -1);
}

// 8 GiB of Q8_0 weights and their cache beside 32 GiB of memory: unless others keep 28 of them.
TEST(Placement, WhatOthersKeepOfTheHostIsNotOurs) {
  rig::Rig rig = rig_of("rtx-3090", 0, 32);
  const auto fits = [&] {
    const auto placement = place(facts(), llama_8b(test::ggml::q8_0), rig, ask("-c 4096"));
    EXPECT_TRUE(placement) << error_of(placement);
    EXPECT_EQ(placement->host_capacity, rig.hosts.front().memory - rig.hosts.front().reserved);
    return placement->fits;
  };
  EXPECT_TRUE(fits());
  rig.hosts.front().reserved = Bytes(28 * kGiB);
  EXPECT_FALSE(fits());
}

// A chip whose memory is the host's: the reserve is taken off once, of what both need together.
TEST(Placement, AReserveOfUnifiedMemoryCountsOnce) {
  const auto fits = [&](const char* spec) {
    const auto placement = place(facts(), llama_8b(test::ggml::q8_0), *rig::parse_rig(facts(), spec), ask("-c 4096"));
    EXPECT_TRUE(placement) << error_of(placement);
    return placement->fits;
  };
  EXPECT_TRUE(fits("apple-m3-ultra-96g; host-reserved=80g")) << "8.0 GiB of weights, 0.5 of cache and the buffers are less than 16";
  EXPECT_FALSE(fits("apple-m3-ultra-96g; host-reserved=90g"));
}

// One cache for all slots is one context, whatever their number.
TEST(Placement, ASharedCacheIsToldAsOne) {
  auto prepared = prepare(facts(), llama_8b(test::ggml::q4_k), rig_of("rtx-3090", 1), ask("-np 64 -kvu"));
  ASSERT_TRUE(prepared) << error_of(prepared);
  prepared->shortest = 512;
  Placement placement;
  placement.fits = true;
  placement.settings = prepared->settings;
  placement.settings.context = prepared->settings.context / 2;
  tell_short(*prepared, placement);
  ASSERT_EQ(placement.caveats.size(), 1u);
  EXPECT_EQ(placement.caveats[0].text, "Nobody named a context: the cache that all slots share has room for 2048 tokens instead of 4096, so that the devices hold all of it.");
}

TEST(Flags, EachIsExplained) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto parsed = parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), "-c 8192 -ngl=20 -fa -ub 1024 --temp 0.7");
  ASSERT_TRUE(parsed) << error_of(parsed);
  EXPECT_EQ(parsed->settings.context, 8192);
  EXPECT_EQ(parsed->settings.gpu_layers, 20);
  EXPECT_EQ(parsed->settings.flash_attention, true);
  ASSERT_EQ(parsed->notes.size(), 4u);  // the temperature changes neither memory nor speed
  EXPECT_EQ(parsed->notes[3].flag, "-ub 1024");
  const auto verbose = parse_flags(engine, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), "-v -c 8192");   // -v takes nothing
  ASSERT_TRUE(verbose) << error_of(verbose);
  EXPECT_EQ(verbose->settings.context, 8192);
}

// std::stoi reads "8k" as 8; only vLLM's own parser knows such numbers, k as a thousand and K as 1024.
TEST(Flags, EnginesReadDigits) {
  const auto error = [](const char* engine, const char* flags) { return error_of(parse_flags(*catalog::read_engine(facts(), engine), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), flags)); };
  EXPECT_EQ(error("llama.cpp", "-c 8k"), "--flags:1:4: -c takes a whole number: the engine does not read '8k' as 8192 (nearest: 8192)");
  EXPECT_EQ(error("llama.cpp", "-fa maybe"), "--flags:1:5: -fa takes on, off or auto, not 'maybe'");
  const auto context = [](const char* flags) { return parse_flags(*catalog::read_engine(facts(), "vllm"), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), flags)->settings.context; };
  EXPECT_EQ(context("--max-model-len 8K"), 8192);
  EXPECT_EQ(context("--max-model-len 25.6k"), 25600);
  EXPECT_EQ(context("--max-model-len 4096"), 4096);
}

TEST(Backend, IsTheBestTheDevicesShare) {
  const auto engine = *catalog::read_engine(facts(), "llama.cpp");
  const auto vllm = *catalog::read_engine(facts(), "vllm");
  EXPECT_EQ(*choose_backend(engine, rig_of("rtx-3090", 2), ""), "cuda");
  EXPECT_EQ(*choose_backend(engine, rig_of("rtx-3090", 0), ""), "cpu");
  EXPECT_EQ(error_of(choose_backend(engine, rig_of("rtx-3090", 1), "vulcan")), "--backend: llama.cpp has no backend 'vulcan' (nearest: vulkan)");
  rig::Rig mixed = rig_of("rx-7900-xtx", 1);
  mixed.devices.push_back(rig_of("rtx-4060-ti-16gb", 1).devices[0]);
  mixed.devices[1].index = mixed.devices[1].card = 1;
  EXPECT_EQ(*choose_backend(engine, mixed, ""), "vulkan");
  EXPECT_FALSE(choose_backend(vllm, mixed, ""));
}

// Metal calls its devices MTL0, MTL1 (GGML_METAL_NAME); ik_llama.cpp calls the split of every matrix a graph.
TEST(Launch, DevicesAndSplitsHaveTheEnginesNames) {
  const auto model = llama_8b(test::ggml::q8_0);
  const auto llama = *catalog::read_engine(facts(), "llama.cpp"), ik = *catalog::read_engine(facts(), "ik_llama.cpp");
  const rig::Rig macs = *rig::parse_rig(facts(), "m3-ultra-96g | m4-max-64g; net=10gbe");
  const auto placement = place(facts(), model, macs, ask("-c 4096 -ngl 99 -ot ffn_up=MTL0"));
  ASSERT_TRUE(placement) << error_of(placement);
  const std::string line = launch_line(llama, model, macs, *placement).line;
  EXPECT_NE(line.find("-dev MTL0,RPC0"), std::string::npos) << line;
  EXPECT_NE(line.find("-ot ffn_up=MTL0"), std::string::npos) << line;
  const rig::Rig cards = rig_of("rtx-3090", 2);
  Request request = ask("-c 4096 -sm graph -ngl 99");
  request.engine = "ik_llama.cpp";
  const auto graph = place(facts(), model, cards, request);
  ASSERT_TRUE(graph) << error_of(graph);
  EXPECT_NE(launch_line(ik, model, cards, *graph).line.find("-sm graph"), std::string::npos);
}

// lms load says how much of the layers lies on the devices, and nothing of which device: what it cannot say is told beside the line.
TEST(Launch, WhatALineCannotSayIsTold) {
  const auto lms = *catalog::read_engine(facts(), "lm-studio");
  const auto ollama = *catalog::read_engine(facts(), "ollama");
  for (const catalog::Engine& engine : {lms, ollama}) {
    Settings settings = initial_settings(engine, rig_of("rtx-3090", 1));
    settings.context = 4096;
    settings.kv_offload = false;
    EXPECT_FALSE(lay_out(facts(), engine, "cuda", llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), settings)) << engine.name << " has no switch for it";
  }
  const rig::Rig rig = rig_of("rtx-3090", 2);
  Request request = ask("");
  request.engine = "lm-studio";
  const auto one = place(facts(), llama_8b(test::ggml::q8_0), rig, request);
  ASSERT_TRUE(one) << error_of(one);
  ASSERT_EQ(one->mode, Mode::single);
  const Launch launch = launch_line(lms, llama_8b(test::ggml::q8_0), rig, *one);
  ASSERT_EQ(launch.unsaid.size(), 1u);
  EXPECT_EQ(launch.unsaid[0], "This line cannot say which device is used: choose device 0 (GeForce RTX 3090) in LM Studio's settings.");
  EXPECT_TRUE(launch_line(lms, llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), *place(facts(), llama_8b(test::ggml::q8_0), rig_of("rtx-3090", 1), request)).unsaid.empty());
  const auto moe = place(facts(), qwen3_moe(test::ggml::q8_0), rig_of("rtx-3090", 1), request);
  ASSERT_TRUE(moe) << error_of(moe);
  EXPECT_EQ(moe->settings.cpu_moe_layers, 0) << "its command line moves no experts";
}

// kt-kernel reads GGUF from a folder of files.
TEST(Launch, ExpertsAreReadFromAFolder) {
  const auto engine = *catalog::read_engine(facts(), "ktransformers");
  Request request = ask("");
  request.engine = "ktransformers";
  model::Architecture model = *model::architecture_from_catalogue(facts(), "qwen3-30b-a3b", "q4_k_m");
  const auto line = [&] {
    const auto placement = place(facts(), model, rig_of("rtx-3090", 1), request);
    return placement ? launch_line(engine, model, rig_of("rtx-3090", 1), *placement).line : to_text(placement.error());
  };
  EXPECT_NE(line().find("--kt-weight-path qwen3-30b-a3b-Q4_K_M "), std::string::npos) << line();
  model.file = "models/moe/file.gguf";
  EXPECT_NE(line().find("--kt-weight-path models/moe "), std::string::npos) << line();
}

// llama-bench times the placement that is predicted, in its own spelling of the flags.
TEST(Launch, TheBenchmarkLaysOutTheSamePlacement) {
  auto model = llama_8b(test::ggml::q8_0);
  model.file = "model.gguf";
  const rig::Rig rig = rig_of("rtx-3090", 2);
  const auto placement = place(facts(), model, rig, ask("-c 4096 -ngl 30 -ts 3,1 --n-cpu-moe 2 -ctk q8_0 -ctv q8_0 -ub 1024 --no-kv-offload"));
  ASSERT_TRUE(placement) << error_of(placement);
  const std::string words = join(launch_line(*catalog::read_engine(facts(), "llama.cpp"), model, rig, *placement).bench, " ");
  EXPECT_EQ(words, "llama-bench -m model.gguf -ngl 30 -sm layer -ts 3/1 -ncmoe 2 -nkvo 1 -fa 1 -ctk q8_0 -ctv q8_0 -ub 1024 -b 2048");
  model.file.clear();
  EXPECT_TRUE(launch_line(*catalog::read_engine(facts(), "llama.cpp"), model, rig, *placement).bench.empty()) << "there is no file to time";
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

Request asked(const char* engine, const char* backend, const char* flags) {
  Request request;
  request.engine = engine;
  request.backend = backend;
  request.flags = flags;
  return request;
}

// A build for the processor knows no device: what the rig has and the flags name beside it does not count.
TEST(Place, TheBackendOfTheProcessorUsesNoDevice) {
  const model::Architecture model = llama_8b(test::ggml::q8_0);
  const rig::Rig rig = *rig::parse_rig(facts(), "2x3090");
  for (const char* engine : {"llama.cpp", "ollama", "ik_llama.cpp"})
    for (const char* flags : {"", "-ngl 99", "-ts 1,1"}) {
      const auto placed = place(facts(), model, rig, asked(engine, "cpu", flags));
      ASSERT_TRUE(placed) << to_text(placed.error());
      EXPECT_EQ(placed->mode, Mode::cpu) << engine << flags;
      EXPECT_TRUE(placed->devices.empty()) << engine << flags;
      EXPECT_TRUE(placed->fits);
    }
  EXPECT_FALSE(place(facts(), model, rig, asked("vllm", "cpu", ""))) << "nobody has told how it lays a model out there";
}

// llama.cpp is built for 16 devices: of more the first 16 count, and it is said.
TEST(Place, UsesNoMoreDevicesThanTheEngineTakes) {
  const model::Architecture model = llama_8b(test::ggml::f16);
  const rig::Rig rig = *rig::parse_rig(facts(), "20xrtx-3060-12gb");
  for (const char* flags : {"", "-ngl 99"}) {
    const auto placed = place(facts(), model, rig, asked("llama.cpp", "", flags));
    ASSERT_TRUE(placed) << to_text(placed.error());
    EXPECT_LE(placed->settings.split.size(), 16u);
    for (const DeviceShare& share : placed->devices) EXPECT_LT(share.device, 16);
    EXPECT_TRUE(std::any_of(placed->caveats.begin(), placed->caveats.end(), [](const auto& caveat) { return caveat.id == "most-devices"; }));
  }
  EXPECT_FALSE(place(facts(), model, rig, asked("llama.cpp", "", "-ts 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1")));
  EXPECT_FALSE(place(facts(), model, rig, asked("llama.cpp", "", "-mg 16")));
}

}  // namespace
}  // namespace rigcast::placement
