#include <array>
#include <cmath>

#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"

namespace rigcast::cost {
namespace {

using test::Case;
using test::stage_bytes;
using test::stage_seconds;

// vLLM before 0.6 captured its graphs for 8,192 tokens: a longer context started every kernel from Python, ahead of the device.
TEST(Serving, EarlyServersLeftTheirGraphsAtLongContexts) {
  Case c;
  c.place.engine = "vllm";
  c.model.tensors[0].shape = {4096, 2, 1, 1};   // what the device does is nothing beside what the host does
  c.model.tensors[0].bytes = Bytes(16384);
  const auto at = [&](double year, double depth) {
    Conditions conditions;
    conditions.engine_year = year;
    auto load = load_of(c.model, c.rig, c.place, conditions);
    Calibration calibration;
    calibration.effects["launch|eager"] = {std::log(1e-3), 0.1, 1};   // 0.35 of a layer's 50 us become 17.5 ms
    resolve(*load, calibration);
    std::vector<StageWork> work;
    add_decode(*load, depth, 1, 1, work);
    return std::pair(seconds(*load, work), runs_ahead(*load, work));
  };
  const double host = 0.5e-3;   // between two steps
  EXPECT_NEAR(at(2024.5, 8192).first, at(2026.5, 8192).first, 1e-9);
  EXPECT_FALSE(at(2024.5, 8192).second);
  EXPECT_TRUE(at(2024.5, 8193).second);
  EXPECT_NEAR(at(2024.5, 8193).first, 17.5e-3 + host, 0.2e-3);
  EXPECT_NEAR(at(2026.5, 8193).first, at(2026.5, 8192).first, 1e-9);
}

TEST(Serving, ServersReadPromptsByTheirTokenBudget) {
  Case c;
  const auto bytes_read = [&] {
    const auto load = load_of(c.model, c.rig, c.place);
    std::vector<StageWork> work;
    add_prefill(*load, 4096, 0, 1, work);
    return stage_bytes(*load, work, StageKind::weights);
  };
  EXPECT_NEAR(bytes_read(), 8 * 140e9, 1e6);   // 4,096 tokens by 512
  c.place.engine = "vllm";
  c.place.settings.max_batched_tokens = 2048;
  EXPECT_NEAR(bytes_read(), 2 * 140e9, 1e6);   // by 2,048
}

TEST(Serving, TensorParallelHalvesWeights) {
  Case c;
  c.on_two_devices();
  c.place.mode = placement::Mode::tensor;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 2, 1e-5);
  EXPECT_GT(stage_seconds(*load, work, StageKind::all_reduce), 0);
}

// Four devices as two ranges of layers that two devices share each: every layer is read by its two, half by each, and the sums of all layers go
// between two devices; one handover lies between the ranges, and two in prompts are under way at once.
TEST(Serving, RangesThatDevicesShareReadAPartEach) {
  Case c;
  c.on_two_devices();
  for (int i = 2; i < 4; ++i) {
    c.rig.devices.push_back(c.rig.devices[0]);
    c.place.devices.push_back(c.place.devices[0]);
    c.place.devices.back().device = i;
  }
  for (placement::DeviceShare& share : c.place.devices) share.fraction = 0.5;
  c.place.engine = "vllm";
  c.place.mode = placement::Mode::pipeline;
  c.place.settings.tensor_degree = c.place.settings.pipeline_degree = 2;
  Conditions conditions;
  conditions.engine_year = 2026;
  const auto load = load_of(c.model, c.rig, c.place, conditions);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 2, 1e-5);   // 140 GB by two at 4.8 TB/s each
  EXPECT_EQ(load->pipeline_devices, 2);
  double sums = 0, hops = 0;
  for (const Stage& stage : load->stages) {
    if (stage.kind == StageKind::all_reduce) sums += stage.step_amount;
    if (stage.kind == StageKind::hop) hops += stage.step_amount;
  }
  c.place.mode = placement::Mode::tensor;
  c.place.settings.pipeline_degree = 1;
  c.place.devices.resize(2);
  const auto pair = load_of(c.model, c.rig, c.place, conditions);
  double of_pair = 0;
  for (const Stage& stage : pair->stages)
    if (stage.kind == StageKind::all_reduce) of_pair += stage.step_amount;
  EXPECT_DOUBLE_EQ(sums, of_pair);
  EXPECT_GT(sums, 0);
  EXPECT_DOUBLE_EQ(hops, 2);
}

// One of four devices on another host: whichever end it stands at, one of two ranges has its sum over the network, and one handover crosses it.
TEST(Serving, RangesOverHostsSumOverTheNetwork) {
  const auto step = [](std::array<int, 4> hosts, int tensor) {
    Case c;
    c.rig.hosts.resize(2);
    c.place.devices.clear();
    for (int i = 0; i < 4; ++i) {
      if (i > 0) c.rig.devices.push_back(c.rig.devices[0]);
      c.rig.devices.back().host = hosts[static_cast<std::size_t>(i)];
      placement::DeviceShare share;
      share.device = i;
      share.fraction = 1.0 / tensor;
      c.place.devices.push_back(share);
    }
    c.place.engine = "vllm";
    c.place.mode = placement::Mode::pipeline;
    c.place.settings.tensor_degree = tensor;
    c.place.settings.pipeline_degree = 4 / tensor;
    Load load = *load_of(c.model, c.rig, c.place);
    std::vector<StageWork> work;
    add_decode(load, 0, 1, 1, work);
    return seconds(load, work);
  };
  EXPECT_DOUBLE_EQ(step({0, 1, 1, 1}, 2), step({0, 0, 0, 1}, 2));
  EXPECT_GT(step({0, 0, 0, 1}, 2), step({0, 0, 1, 1}, 2));   // whole ranges on a host: only the handover crosses
  EXPECT_LT(step({0, 0, 1, 1}, 2), step({0, 0, 1, 1}, 1));   // and two that share a range read half of it each
}

// A prompt that is read along with decoding finds the weights already read: 140 GB once, not twice, and the arithmetic of both.
TEST(Serving, MixedStepsReadWeightsOnce) {
  Case c;
  c.place.engine = "vllm";
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  load->ubatch = 64;
  const auto weights = [](const Load& l) {
    std::vector<StageWork> work;
    add_loaded_step(l, 0, 32, 64, 1, work);   // one prompt of 64 tokens every step
    double bytes = 0, flop = 0;
    for (const StageWork& w : work)
      if (l.stages[static_cast<std::size_t>(w.stage)].kind == StageKind::weights) { bytes += w.bytes; flop += w.flop; }
    return std::pair(bytes, flop);
  };
  EXPECT_NEAR(weights(*load).first, 140e9, 1e6);
  EXPECT_NEAR(weights(*load).second, 140e9 * (32 + 64 * (1 + 16.0 / 64)), 1e9);   // 2 flop x 70e9; prompts pay half-empty tiles
  load->mixes = false;   // a step for the prompt alone reads them again
  EXPECT_NEAR(weights(*load).first, 280e9, 1e6);
}

// Two copies of attention on two devices: each reads the cache of half of the requests, and nothing of it is split.
TEST(Serving, AttentionByDataSharesRequests) {
  Case c;
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 32, .kv_heads = 8, .key_dim = 128, .value_dim = 128};
  c.on_two_devices();
  c.place.engine = "vllm";
  c.place.mode = placement::Mode::tensor;
  const auto cache = [&](int copies) {
    c.place.settings.data_degree = copies;
    const auto load = load_of(c.model, c.rig, c.place);
    std::vector<StageWork> work;
    add_decode(*load, 1000, 16, 1, work);
    return stage_bytes(*load, work, StageKind::kv);
  };
  EXPECT_DOUBLE_EQ(cache(1), 16 * 1000 * (8 * 256 * 2) / 2.0);   // half of the heads of all requests
  EXPECT_DOUBLE_EQ(cache(2), 8 * 1000 * (8 * 256 * 2));          // all heads of half of the requests
}

// Two copies of a dense model on two devices: a step is one copy's, for half of the sequences, and no sum goes between the devices.
TEST(Serving, WholeCopiesShareTheSequences) {
  Case c;
  c.on_two_devices();
  c.place.engine = "vllm";
  c.place.settings.data_degree = 2;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  EXPECT_EQ(load->copies, 2);
  EXPECT_FALSE(load->shares_tensors);
  EXPECT_EQ(sequences_of_copy(*load, 16), 8);
  EXPECT_EQ(sequences_of_copy(*load, 3), 2);
  EXPECT_EQ(sequences_of_copy(*load, 1), 1);
  for (const Stage& stage : load->stages) EXPECT_TRUE(stage.kind != StageKind::hop && stage.kind != StageKind::all_reduce) << stage.where;
}

// Sparse attention over a latent cache of 512 + 64 elements: of 10,000 earlier tokens 2,048 are read, 1,152 bytes each in 16 bits, and the key of
// each of them, 128 elements in FP8 and a scale of 4 bytes. All 32 heads score them: 2 x 32 x 128 operations.
TEST(Cost, SparseAttentionScoresAllEarlierTokens) {
  Case c;
  c.place.engine = "vllm";
  model::Attention& a = c.model.layers[0].attention;
  a = {.kind = model::AttentionKind::mla, .heads = 64, .kv_heads = 1, .key_dim = 192, .value_dim = 128, .latent_dim = 512, .rope_dim = 64,
       .indexer_heads = 32, .indexer_dim = 128, .indexer_top_k = 2048};
  const auto read = [&] {
    const Load load = *load_of(c.model, c.rig, c.place);
    std::vector<StageWork> work;
    add_decode(load, 10000, 1, 1, work);
    return stage_bytes(load, work, StageKind::kv);
  };
  EXPECT_NEAR(read(), 2048 * 1152.0 + 10000 * 132.0, 1e-6);
  a.indexer_heads = 0;   // what an earlier layer picked
  EXPECT_NEAR(read(), 2048 * 1152.0, 1e-6);
  a.indexer_heads = 32;
  const Load load = *load_of(c.model, c.rig, c.place);
  double scored = 0;
  for (const Stage& stage : load.stages)
    if (stage.kind == StageKind::kv && stage.window == 0) scored += stage.token_flop;
  EXPECT_NEAR(scored, 2 * 32 * 128.0, 1e-9);
}

// ggml's graphs mask what was not picked: all 10,000 tokens are read, and scored by a kernel of one row's own pace. Since September 2026 CUDA gathers
// the 2,048 that were, on cards from Turing on and from a cache in 16 bits.
TEST(Cost, GgmlMasksWhatSparseAttentionLeavesOut) {
  Case c;
  model::Attention& a = c.model.layers[0].attention;
  a = {.kind = model::AttentionKind::mla, .heads = 64, .kv_heads = 1, .key_dim = 192, .value_dim = 128, .latent_dim = 512, .rope_dim = 64,
       .indexer_heads = 32, .indexer_dim = 128, .indexer_top_k = 2048};
  c.place.settings.flash_attention = true;
  double scored = 0;
  const auto read = [&](double year, const char* capability) {
    c.rig.devices[0].device.capability = capability;
    Conditions conditions;
    conditions.engine_year = year;
    const Load load = *load_of(c.model, c.rig, c.place, conditions);
    std::vector<StageWork> work;
    add_decode(load, 10000, 1, 1, work);
    scored = 0;
    for (const StageWork& w : work)
      if (load.stages[static_cast<std::size_t>(w.stage)].scores) scored += w.flop;
    return stage_bytes(load, work, StageKind::kv);
  };
  EXPECT_NEAR(read(2026.5, "9.0"), 10000 * (1152 + 256.0), 1e-6);   // 576 and 128 elements of 16 bits
  EXPECT_NEAR(scored, 10000 * 2 * 32 * 128.0, 1e-3);
  EXPECT_NEAR(read(2026.8, "9.0"), 2048 * 1152.0 + 10000 * 256.0, 1e-6);
  EXPECT_NEAR(scored, 10000 * 2 * 32 * 128.0, 1e-3);
  EXPECT_NEAR(read(2026.8, "7.0"), 10000 * (1152 + 256.0), 1e-6);
  c.place.settings.key_quant = c.place.settings.value_quant = "q8_0";   // 34 bytes for 32
  EXPECT_NEAR(read(2026.8, "9.0"), 10000 * (576 + 128) * 34 / 32.0, 1e-6);
}

// Metal gathers for prompts alone where heads are plain: a step reads all 10,000 tokens, and a prompt attends to 2,048 at most.
TEST(Cost, MetalMasksPlainHeadsInDecodingAlone) {
  Case c;
  model::Attention& a = c.model.layers[0].attention;
  a = {.kind = model::AttentionKind::full, .heads = 24, .kv_heads = 2, .key_dim = 256, .value_dim = 256, .indexer_heads = 4, .indexer_dim = 128, .indexer_top_k = 2048};
  c.place.settings.flash_attention = true;
  c.place.backend = "metal";
  Conditions conditions;
  conditions.engine_year = 2026.8;
  const Load load = *load_of(c.model, c.rig, c.place, conditions);
  std::vector<StageWork> work;
  add_decode(load, 10000, 1, 1, work);
  EXPECT_NEAR(stage_bytes(load, work, StageKind::kv), 10000 * (2 * 512 * 2 + 256.0), 1e-6);
  double behind_all = 0, behind_picked = 0;
  for (const Stage& stage : load.stages)
    if (stage.kind == StageKind::kv && !stage.scores) (stage.window == 0 ? behind_all : behind_picked) += stage.token_flop;
  EXPECT_EQ(behind_all, 0);
  EXPECT_NEAR(behind_picked, 2.0 * 24 * 512, 1e-9);
}

// DeepSeek V4: 10,000 tokens make 2,500 entries of 512 elements, which ggml copies behind a window of 128 in every step (read and written) before it reads
// them, or since September 2026 those that were picked, and as many keys of 128 elements to score. vLLM reads the window, the 512 entries that were picked, and the keys, which it keeps in 16 bits here.
TEST(Cost, EntriesOfCompressedAttentionAreMaskedOrPicked) {
  Case c;
  model::Attention& a = c.model.layers[0].attention;
  a = {.kind = model::AttentionKind::compressed, .heads = 64, .kv_heads = 1, .key_dim = 512, .value_dim = 512, .window = 128, .compress = 4,
       .indexer_heads = 64, .indexer_dim = 128, .indexer_top_k = 512};
  c.place.settings.flash_attention = true;
  c.rig.devices[0].device.capability = "9.0";
  const auto read = [&](const char* engine, double year) {
    c.place.engine = engine;
    Conditions conditions;
    conditions.engine_year = year;
    const Load load = *load_of(c.model, c.rig, c.place, conditions);
    std::vector<StageWork> work;
    add_decode(load, 10000, 1, 1, work);
    return stage_bytes(load, work, StageKind::kv);
  };
  EXPECT_NEAR(read("llama.cpp", 2026.5), 128 * 1024 + 2500 * (3 * 1024 + 256.0), 1e-6);
  EXPECT_NEAR(read("llama.cpp", 2026.8), (128 + 512) * 1024 + 2500 * (2 * 1024 + 256.0), 1e-6);   // gathered from the copy
  EXPECT_NEAR(read("vllm", 2026.8), (128 + 512) * 1024 + 2500 * 256.0, 1e-6);
}

// Without graphs Triton's launcher starts the kernels of experts, and those of delta rules, which are more; dense layers have neither.
TEST(Serving, ExpertsWithoutGraphsHaveAnEffectOfTheirOwn) {
  const auto starts = [](const Case& c, std::string_view effect) {
    const Load load = *load_of(c.model, c.rig, c.place);
    for (const Stage& stage : load.stages)
      if (stage.kind == StageKind::launch)
        for (const Factor& factor : load.paths[static_cast<std::size_t>(stage.memory)].factors)
          if (factor.effect == effect) return true;
    return false;
  };
  Case c;
  c.place.engine = "vllm";
  c.place.settings.eager = true;
  EXPECT_FALSE(starts(c, "launch|eager_experts"));
  EXPECT_TRUE(starts(c, "launch|eager_year"));
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 128, .experts_used = 8};
  EXPECT_TRUE(starts(c, "launch|eager_experts"));
  c.model.layers[0].recurrent.kind = model::RecurrentKind::gated_delta;
  EXPECT_FALSE(starts(c, "launch|eager_experts"));
  c.place.settings.eager = false;
  EXPECT_FALSE(starts(c, "launch|eager_year"));
}

}  // namespace
}  // namespace rigcast::cost
