#include "placement/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "catalog/engine.hpp"
#include "gguf_writer.hpp"
#include "model/config.hpp"
#include "model/shape.hpp"
#include "placement/detail/page_groups.hpp"
#include "placement/detail/slots.hpp"
#include "placement/detail/test_case.hpp"

namespace rigcast::placement {
namespace {

using namespace test_case;

// Logged by vLLM 0.19 on an RTX 4090: 2,588 blocks of 16 tokens, max_num_seqs 256, max_num_batched_tokens 2048.
TEST(Paged, VllmBlocksOfALoggedRun) {
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), ask("--max-model-len 32768 --max-num-seqs 256 --max-num-batched-tokens 2048", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_NEAR(static_cast<double>(placement->kv_blocks), 2588, 2588 * 0.03);
  EXPECT_EQ(placement->kv_tokens, placement->kv_blocks * 16);
  EXPECT_TRUE(placement->fits);
}

// Parameters of the first layers, N GiB for each device, lie in the host's memory and leave that much more for blocks.
TEST(Paged, WeightsThatLieInTheHostsMemory) {
  const model::Architecture model = llama_8b(test::ggml::f16);
  const auto laid = [&](const char* flags, int cards = 1, double host_gib = 128) {
    const auto placement = place(facts(), model, rig_of("rtx-4090", cards, host_gib), ask(flags, "vllm"));
    EXPECT_TRUE(placement) << error_of(placement);
    return *placement;
  };
  const Placement all = laid("--max-model-len 32768"), lent = laid("--max-model-len 32768 --cpu-offload-gb 4");
  ASSERT_TRUE(all.fits && lent.fits);
  EXPECT_TRUE(all.lent.empty());
  EXPECT_EQ(lent.devices[0].memory.weights, all.devices[0].memory.weights - Bytes(4 * kGiB));
  EXPECT_EQ(lent.host.weights, Bytes(4 * kGiB));
  EXPECT_NEAR((lent.devices[0].memory.kv - all.devices[0].memory.kv).value(), 4 * kGiB, 16 * 131072.0);   // to a block
  double bytes = 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    bytes += lent.lent[i] * model.tensors[i].bytes.value();
    if (model.tensors[i].layer == 0) { EXPECT_EQ(lent.lent[i], 1); }
    if (model.tensors[i].layer < 0 || model.tensors[i].layer > 20) { EXPECT_EQ(lent.lent[i], 0) << model.tensors[i].name; }
  }
  EXPECT_NEAR(bytes, 4 * kGiB, 1);
  EXPECT_FALSE(all_on_devices(model, lent));
  EXPECT_EQ(laid("--max-model-len 32768 --cpu-offload-gb 4 -tp 2", 2).host.weights, Bytes(8 * kGiB));
  EXPECT_FALSE(laid("--max-model-len 32768 --cpu-offload-gb 4", 1, 2).fits) << "what the host has no room for";
  EXPECT_NE(error_of(place(facts(), model, rig_of("rtx-4090", 1), ask("--cpu-offload-gb some", "vllm"))).find("takes GiB of weights for each device"), std::string::npos);
}

// SGLang's --dp copies whole models, each on --tp devices of its own; with --enable-dp-attention it divides those of --tp, and experts are
// shared by all. 128 experts of 3 x 768 x 2048 in 48 layers, two bytes each, are 54 GiB: a copy on two devices holds half of them on each.
TEST(Paged, CopiesOfAMixture) {
  const model::Architecture model = qwen3_moe(test::ggml::f16);
  const auto laid = [&](const char* flags, const char* engine) { return place(facts(), model, rig_of("h100-sxm-80gb", 4), ask(flags, engine)); };
  const auto wholes = laid("--tp 2 --dp 2", "sglang"), shared = laid("--tp 4 --dp 4 --enable-dp-attention", "sglang"), vllm = laid("-tp 1 -dp 4 -ep", "vllm"), cut = laid("-tp 1 -dp 4", "vllm");
  ASSERT_TRUE(wholes && shared && vllm && cut) << error_of(wholes) << error_of(shared);
  const double experts = 48.0 * 128 * 3 * 768 * 2048 * 2;
  EXPECT_EQ(whole_copies(model, wholes->settings), 2);
  EXPECT_EQ(whole_copies(model, shared->settings), 1);
  EXPECT_EQ(shared->settings.tensor_degree, 1);
  EXPECT_EQ(shared->settings.data_degree, 4);
  EXPECT_EQ(shared->devices[0].memory.weights, vllm->devices[0].memory.weights);
  EXPECT_EQ(cut->mode, Mode::tensor);
  EXPECT_EQ(cut->devices[0].memory.weights, vllm->devices[0].memory.weights) << "cut or spread whole, a quarter of the experts";
  EXPECT_GT(wholes->devices[0].memory.weights.value(), experts / 2);
  EXPECT_LT(vllm->devices[0].memory.weights.value(), experts / 2);
  EXPECT_NE(error_of(laid("--tp 4 --dp 3 --enable-dp-attention", "sglang")).find("--tp 6"), std::string::npos);
}

// Thirteen layers of Zamba 2 run with the tensors of layers 6 and 12: both halves of a pipeline hold these two, and the embedding that is the head, too.
TEST(Paged, SharedBlocksLieOnEveryStage) {
  std::ifstream in(RIGCAST_SOURCE_DIR "/tests/configs/zamba2-7b.json");
  const auto model = model::architecture_from_config(facts(), std::string(std::istreambuf_iterator<char>(in), {}), "config.json");
  ASSERT_TRUE(model) << to_text(model.error());
  const auto placement = place(facts(), *model, rig_of("h100-sxm-80gb", 2), ask("-pp 2", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  Bytes twice{}, held{};
  for (const model::Tensor& tensor : model->tensors)
    if (tensor.layer == 6 || tensor.layer == 12 || tensor.role == model::Role::token_embedding) twice += tensor.bytes;
  for (const DeviceShare& device : placement->devices) held += device.memory.weights;
  EXPECT_EQ(held, model->weight_bytes() + twice);
  // Lent, too: more than any stage has is all of its layers, with the two blocks on both; the embedding that is the head stays.
  const auto lent = place(facts(), *model, rig_of("h100-sxm-80gb", 2, 128), ask("-pp 2 --cpu-offload-gb 40", "vllm"));
  ASSERT_TRUE(lent) << error_of(lent);
  Bytes layers{};
  for (const model::Tensor& tensor : model->tensors) {
    if (tensor.layer < 0 || tensor.layer >= static_cast<int>(model->layers.size())) continue;
    layers += tensor.bytes;
    if (tensor.layer == 6 || tensor.layer == 12) layers += tensor.bytes;
  }
  EXPECT_NEAR(lent->host.weights.value(), layers.value(), 16);
}

// A log of vLLM 0.19 (https://github.com/vllm-project/vllm/issues/40691, 2026-04-23): Qwen3.5-27B with --max-model-len 32768 printed a cache of
// 290,864 tokens and room for 33.04 requests. 48 of its layers keep a state of 48 heads x 128 x 128 x 4 bytes and 3 x 10,240 convolution inputs
// of 2 bytes, 3,207,168 bytes in all; 16 layers keep 2 x 4 heads x 256 x 2 = 4,096 bytes of every token: ceil(3,207,168 / (16 x 4,096)) = 49
// blocks of 16, 784 tokens, are a page. 64 layers make one group of 16 that attend and three of 16 that recall, so a request of 32,768 tokens
// takes ceil(32,768 / 784) + 3 = 45 blocks; 1,487 blocks are 33.04 requests, and 1,487 / 4 groups x 784 are the 290,864 tokens.
TEST(Paged, StatesLieInPagesOfAttention) {
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
TEST(Paged, WindowsKeepTheirOwnBlocks) {
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
TEST(Paged, NearlyEqualKindsArePadded) {
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
TEST(Paged, VllmBlocksOfAMixedModel) {
  const auto model = model::architecture_from_catalogue(facts(), "gpt-oss-20b");
  ASSERT_TRUE(model);
  const auto placement = place(facts(), *model, rig_of("h100-sxm-80gb", 1), ask("--max-model-len 131072 --max-num-batched-tokens 8192", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  const double block = 12.0 * 16 * 2 * 8 * 64 * 2;
  EXPECT_EQ(placement->devices.front().memory.kv.value(), block * static_cast<double>(placement->kv_blocks));
  const double requests = static_cast<double>(placement->kv_blocks) / (8192 + 521);   // ceil((127 + 8,192) / 16) + 1 = 521 in the windowed group
  EXPECT_NEAR(static_cast<double>(placement->kv_tokens), requests * 131072, 1);
}

// Windows forget: of 8 layers that see 128 tokens and 8 that see everything, a pool of N tokens holds a sequence of 2 N. Cut in the middle with the
// windows in front, the second device has nothing that forgets, and N is all.
TEST(Paged, TheDeviceThatForgetsLeastLimitsASequence) {
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

TEST(Paged, VllmRefusesARequestLongerThanItsCache) {
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 1), ask("--max-model-len 131072", "vllm"));
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_FALSE(placement->fits);
  ASSERT_EQ(placement->caveats.size(), 1u);
  EXPECT_EQ(placement->caveats[0].id, "cache-shorter-than-context");
}

TEST(Paged, ATensorDegreeMustDivideTheHeads) {
  const auto placement = place(facts(), llama_8b(test::ggml::f16), rig_of("rtx-4090", 3), ask("-tp 3", "vllm"));
  EXPECT_EQ(error_of(placement), "--flags: a tensor degree of 3 does not divide 32 attention heads (nearest: 2)");
}

// GLM-4.5-Air has 96 heads and 8 key-value heads: 3 divides the first and cuts the second; 16 copies each of the 8 twice. DeepSeek R1 has one
// latent vector for all of its 128 heads, which every device holds. MiniMax M2 is published in FP8 blocks of 128 x 128 with experts 1,536 wide:
// 1,536 / 8 = 192 is no multiple of 128, 1,536 / 4 = 384 is; spread whole, its experts are not cut.
TEST(Paged, TensorDegreesCutNeitherKeyValueHeadsNorBlocks) {
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

// Qwen3-30B-A3B has experts of width 768: cut in 8 they are 96 = 3 x 32, in 16 they are 48, which no group of 32 divides. Spread whole they may be in
// groups of any size.
TEST(Paged, ExpertsInGroupsAreCutDownToTheLeastGroup) {
  const auto laid = [&](const char* format, int cards, const char* flags) {
    return error_of(place(facts(), *model::architecture_from_catalogue(facts(), "qwen3-30b-a3b", format), rig_of("h100-sxm-80gb", cards), ask(flags, "vllm")));
  };
  EXPECT_EQ(laid("gptq", 8, "-tp 8"), "no error");
  const std::string said = laid("gptq", 16, "-tp 16");
  EXPECT_NE(said.find("cuts experts of width 768 into parts that groups of 32 weights do not divide"), std::string::npos) << said;
  EXPECT_NE(said.find("nearest: 8"), std::string::npos) << said;
  EXPECT_EQ(laid("gptq", 16, "-tp 16 --enable-expert-parallel"), "no error");
  EXPECT_EQ(laid("bf16", 16, "-tp 16"), "no error");
  // GLM-4.5-Air: 1408 / 8 = 176 = 5.5 x 32, though its shared expert is as wide.
  const auto air = *model::architecture_from_catalogue(facts(), "glm-4.5-air", "awq");
  EXPECT_NE(error_of(place(facts(), air, rig_of("h100-sxm-80gb", 8), ask("-tp 8", "vllm"))).find("nearest: 4"), std::string::npos);
}

// Nobody named a context: the blocks left beside 14.96 GiB of weights on 24 GiB decide, in steps of 256 tokens, with a word on it; named, it must fit.
TEST(Paged, AContextNobodyNamedShrinksToWhatTheCacheHolds) {
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

// 1,000 streams of 4,096 tokens in a cache of about 42,000: vLLM is told to take them all (--max-num-seqs), ten run at a time.
TEST(Paged, StreamsThatTheCacheDoesNotHoldWait) {
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
TEST(Paged, AContextReachesAsFarAsIsAsked) {
  Request request = ask("");
  request.reach = 100000;
  const auto placement = place(facts(), llama_8b(test::ggml::q4_k), rig_of("rtx-3090", 1), request);
  ASSERT_TRUE(placement) << error_of(placement);
  EXPECT_EQ(placement->settings.context, 100096);
}

// DeepSeek R1 in Q4_K_M on one 4090: its project tells of 14 GB beside 382 GB of host memory. 58 layers hold 256 experts of 3 x 7,168 x 2,048
// weights; at about 4.8 bits one of each layer takes 1.43 GiB, and of 8, 4, 2 ... on the card 4 are the first that fit.
TEST(Paged, FewerExpertsOnTheCardWhereTheUsualDoNotFit) {
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
  EXPECT_NE(line.find("--kt-weight-path deepseek-r1-Q4_K_M --kt-num-gpu-experts 4 --kt-gpu-prefill-token-threshold 400 --kt-cpuinfer 64 --kt-threadpool-count 2 --kt-method LLAMAFILE"), std::string::npos) << line;
}

}  // namespace
}  // namespace rigcast::placement
