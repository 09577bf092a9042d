#include "cost/cost.hpp"

#include <cmath>
#include <set>
#include <limits>

#include <gtest/gtest.h>

#include "cost/measured.hpp"
#include "cost/norm.hpp"
#include "cost/paths.hpp"
#include "cost/power.hpp"
#include "cost/roof.hpp"
#include "cost/terms.hpp"

namespace rigcast::cost {
namespace {

// One matrix of 140 GB in F16, one layer, one device of 4.8 TB/s.
struct Case {
  model::Architecture model;
  rig::Rig rig;
  placement::Placement place;
  Case() {
    model.hidden = 4096;
    model.layers.resize(1);
    model.layers[0].feed_forward.kind = model::FeedForwardKind::dense;
    model::Tensor t;
    t.name = "blk.0.ffn_up.weight";
    t.role = model::Role::dense_ffn;
    t.layer = 0;
    t.shape = {4096, 17089844, 1, 1};  // 70e9 elements
    t.quant = "f16";
    t.bytes = Bytes(140e9);
    model.tensors = {t};
    rig::RigDevice d;
    d.device.key = "test";
    d.device.architecture = "hopper";
    d.device.bandwidth = catalog::Fact<Bandwidth>{Bandwidth(4.8e12), {}, {}};
    d.device.rates["fp16"] = {FlopRate(989e12), {}, {}};
    rig.devices = {d};
    rig.hosts.resize(1);
    place.engine = "llama.cpp";
    place.backend = "cuda";
    place.tensor_device = {0};
    place.kv_device = {0};
    place.devices.resize(1);
  }
  // The same on two cores that read 80 GB/s, and no device.
  rig::Host& on_processor() {
    rig.devices.clear();
    place.devices.clear();
    place.mode = placement::Mode::cpu;
    rig.hosts.front().cores = 2;
    rig.hosts.front().bandwidth = Bandwidth(80e9);
    return rig.hosts.front();
  }
};

double stage_seconds(const Load& load, const std::vector<StageWork>& work, StageKind kind) {
  double sum = 0;
  for (const StageWork& w : work)
    if (load.stages[static_cast<std::size_t>(w.stage)].kind == kind) sum += seconds(load, w);
  return sum;
}

TEST(Norm, IsAMaximumWithARoundedCorner) {
  EXPECT_NEAR(norm(3, 3), 3 * std::pow(2, 0.25), 1e-12);
  EXPECT_NEAR(norm(1, 10), 10.00025, 1e-5);   // 10 (1 + 1e-4)^(1/4)
  const double whole = norm(2, 3), step = 1e-6;
  EXPECT_NEAR(norm_slope(2, whole), (norm(2 + step, 3) - whole) / step, 1e-5);
  EXPECT_NEAR(norm_share(2, 3), norm_slope(2, whole) * 2 / whole, 1e-12);
  EXPECT_NEAR(norm(2, norm_rest(whole, 2, 0)), whole, 1e-12);
  EXPECT_NEAR(norm_rest(2, 3, 1 / 16.0), 1, 1e-12);
}

TEST(Cost, WeightsAtFullBandwidth) {
  Case c;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  // 140 GB / 4.8 TB/s = 29.167 ms; 16 padded rows of 140 Gflop at 989 Tflop/s are 2.3 ms: (29.167^4 + 2.26^4)^(1/4) = 29.167.
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3, 1e-5);
}

// Python starts the kernels of eager PyTorch while the device works on earlier ones: a step takes as long as the slower side.
TEST(Cost, PythonRunsAheadOfTheDevice) {
  Case c;
  c.place.engine = "transformers";
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  ASSERT_TRUE(load->runs_ahead);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  // The device: 29.167 ms of weights. The host: 0.35 of a layer's 50 us and 0.5 ms a step, 0.5175 ms: (29.167^4 + 0.5175^4)^(1/4) = 29.167 ms.
  EXPECT_NEAR(seconds(*load, work), 29.167e-3, 1e-5);
  Calibration slow;
  slow.effects["weights"] = {std::log(0.5), 0.1, 1};             // half the bandwidth: 58.334 ms
  slow.effects["host_step"] = {std::log(0.5 / 58.317), 0.1, 1};  // 58.317 ms a step, 58.334 with the kernels: both sides alike
  resolve(*load, slow);
  EXPECT_NEAR(seconds(*load, work), 58.334e-3 * std::pow(2, 0.25), 1e-5);
  double sum = 0;
  for (const double part : parts(*load, work)) sum += part;
  EXPECT_NEAR(sum, seconds(*load, work), 1e-12);
  c.place.engine = "llama.cpp";   // kernels wait for each other: one after the other
  auto sequential = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(sequential);
  resolve(*sequential, slow);
  work.clear();
  add_decode(*sequential, 0, 1, 1, work);
  EXPECT_NEAR(seconds(*sequential, work), 2 * 58.334e-3, 1e-4);
}

// x / (1 + x^12)^(1/12), whatever the effects add up to.
TEST(Cost, NoEfficiencyPassesTheRoof) {
  const double none = std::numeric_limits<double>::infinity();
  EXPECT_DOUBLE_EQ(under_roof(0.3, none).log, 0.3);
  EXPECT_DOUBLE_EQ(under_roof(0.3, none).slope, 1);
  EXPECT_NEAR(std::exp(under_roof(std::log(0.8), 0).log), 0.8 / std::pow(1 + std::pow(0.8, 12), 1.0 / 12), 1e-12);
  EXPECT_NEAR(std::exp(under_roof(0, 0).log), std::pow(2, -1.0 / 12), 1e-12);
  EXPECT_NEAR(std::exp(under_roof(40, std::log(2.0)).log), 2, 1e-12);
  const double h = 1e-6;
  for (const double sum : {-1.0, -0.1, 0.0, 0.1, 1.0}) EXPECT_NEAR((under_roof(sum + h, 0).log - under_roof(sum - h, 0).log) / (2 * h), under_roof(sum, 0).slope, 1e-8) << sum;
  Case c;
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration eager;
  eager.effects["weights"] = {std::log(1.5), 0.1, 1};   // more than the data sheet's 4.8 TB/s
  resolve(*load, eager);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_GE(stage_seconds(*load, work, StageKind::weights), 29.166e-3);
}

// A prompt of 8,192 tokens under a window of 4,096: the first half sees 2,048 in the mean, the second 4,096: 3,072, not min(4,096, 4,096).
TEST(Cost, WindowsCloseOverAPrompt) {
  Case c;
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 8, .kv_heads = 2, .key_dim = 128, .value_dim = 128};
  const auto attention = [&](int window, double prompt, double depth) {
    c.model.layers[0].attention.kind = window > 0 ? model::AttentionKind::sliding : model::AttentionKind::full;
    c.model.layers[0].attention.window = window;
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    std::vector<StageWork> work;
    add_prefill(*load, prompt, depth, 1, work);
    double flop = 0;
    for (const StageWork& w : work)
      if (load->stages[static_cast<std::size_t>(w.stage)].kind == StageKind::kv) flop += w.flop;
    return flop / (2.0 * 8 * (128 + 128) * prompt);   // earlier tokens in the mean
  };
  EXPECT_NEAR(attention(0, 8192, 1000), 1000 + 4096, 1);
  EXPECT_NEAR(attention(4096, 8192, 0), 3072, 1);
  EXPECT_NEAR(attention(4096, 8192, 10000), 4096, 1);
  EXPECT_NEAR(attention(4096, 1024, 0), 512, 1);
}

// 4 heads share a cache head: appending copies the cache (2), every head gets a copy of it (1 read, 4 written), which is read (4): 11 passes.
TEST(Cost, EagerAttentionCopiesTheCacheForEveryHead) {
  Case c;
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 8, .kv_heads = 2, .key_dim = 128, .value_dim = 128};
  const auto cache_bytes_of = [&](const char* engine) {
    c.place.engine = engine;
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    for (const Stage& stage : load->stages)
      if (stage.kind == StageKind::kv) return stage.token_bytes;
    return 0.0;
  };
  EXPECT_EQ(cache_bytes_of("llama.cpp"), 2 * 256 * 2);
  EXPECT_EQ(cache_bytes_of("transformers"), 11 * 2 * 256 * 2);
}

// llama.cpp's kernels of many rows unpack a tile of weights, then multiply it; up to eight rows a vector kernel shares the unpacking.
TEST(Cost, QuantisedRowsOfABatch) {
  Case c;
  c.model.tensors[0].quant = "q4_k";
  c.model.tensors[0].bytes = Bytes(39.4e9);
  c.rig.devices[0].device.rates["fp32"] = {FlopRate(67e12), {}, {}};
  c.rig.devices[0].device.rates["int8"] = {FlopRate(1979e12), {}, {}};
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  const auto weights = [&](double sequences) {
    std::vector<StageWork> work;
    add_decode(*load, 0, sequences, 1, work);
    return stage_seconds(*load, work, StageKind::weights);
  };
  const double read = 39.4e9 / 4.8e12, row = 140e9 / 67e12, integer = std::sqrt(1979e12 * 67e12);
  EXPECT_NEAR(weights(1), std::pow(std::pow(read, 4) + std::pow(row, 4), 0.25), 1e-6);
  EXPECT_NEAR(weights(8), std::pow(std::pow(read, 4) + std::pow(row * (0.7 + 0.3 * 8), 4), 0.25), 1e-6);
  EXPECT_NEAR(weights(32), read + 140e9 * (32 + 16) / integer, 1e-6);   // 32 rows and half a tile of 32 on top, after the reading
  std::vector<StageWork> prompt;
  add_prefill(*load, 32, 0, 1, prompt);
  EXPECT_NEAR(stage_seconds(*load, prompt, StageKind::weights), weights(32), 1e-6);   // a prompt of 32 tokens is the same work
}

// Pascal prints half precision at a 64th of single: nothing runs so, and no kernel of Vulkan is the faster for it.
TEST(Cost, HalfPrecisionSlowerThanSingleIsLeftAlone) {
  catalog::Device card;
  card.rates["fp32"] = {FlopRate(11.8e12), {}, {}};
  card.rates["fp16"] = {FlopRate(0.18e12), {}, {}};
  EXPECT_EQ(half_rate(card), 11.8e12);
  Case c;
  c.place.backend = "vulkan";
  c.rig.devices[0].device.rates = card.rates;
  c.model.tensors[0].quant = "q4_k";
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  int found = 0;
  for (const Path& path : load->paths)
    for (const Factor& factor : path.factors) {
      if (factor.effect != "gemm|matrix_units:backend=vulkan") continue;
      ++found;
      EXPECT_NEAR(factor.exponent, std::log(0.5), 1e-12);
    }
  EXPECT_GE(found, 1);
}

// 64 experts of which 2 are chosen, 39.4 GB on the host beside a matrix on the device; PCIe of 25 GB/s, host memory of 80 GB/s.
TEST(Cost, HostWeightsGoToTheDeviceFromTheEnginesBatchOn) {
  Case c;
  model::Tensor experts = c.model.tensors[0];
  experts.name = "blk.0.ffn_up_exps.weight";
  experts.role = model::Role::expert_ffn;
  experts.shape = {4096, 4096, 64, 1};
  experts.quant = "q4_k";
  experts.bytes = Bytes(39.4e9);
  c.model.tensors.push_back(experts);
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  c.place.tensor_device = {0, placement::kHost};
  catalog::LinkType pcie;
  pcie.name = "PCIe 4.0 x16";
  pcie.bandwidth.value = Bandwidth(25e9);
  c.rig.links.push_back({0, -1, pcie, false});
  c.rig.hosts[0].bandwidth = Bandwidth(80e9);
  c.place.settings.ubatch = 4096;
  const auto sent = [&](double prompt) {
    const auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    std::vector<StageWork> work;
    add_prefill(*load, prompt, 0, 1, work);
    for (const StageWork& w : work)
      if (const Stage& s = load->stages[static_cast<std::size_t>(w.stage)]; s.kind == StageKind::experts)
        return w.memory == s.stream ? load->paths[static_cast<std::size_t>(w.memory)].peak : 0;
    return -1.0;
  };
  EXPECT_EQ(sent(4096), 0);                        // an engine without such a rule multiplies them where they are
  c.place.settings.offload_batch = 32;
  EXPECT_EQ(sent(31), 0);
  EXPECT_EQ(sent(32), 25e9);                       // 40 GB/s of a mapped file would be more than the link carries
  c.rig.hosts[0].bandwidth = Bandwidth(30e9);
  EXPECT_EQ(sent(32), 15e9);                       // two crossings of the host's memory
  c.place.settings.mmap = false;
  EXPECT_EQ(sent(32), 25e9);
  c.place.settings.offload_by_expert = true;       // 32 tokens for each of 64 experts, 2 of which a token takes: 1,024
  EXPECT_EQ(sent(1023), 0);
  EXPECT_EQ(sent(1024), 25e9);
  c.place.settings.op_offload = false;
  EXPECT_EQ(sent(4096), 0);
}

TEST(Totals, OfOneTokenAndOfAPrompt) {
  Case c;
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 8, .kv_heads = 2, .key_dim = 128, .value_dim = 128};
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  // 140 GB of weights and 2 flop for each of 70e9; 1,000 earlier tokens of 2 x 256 x 2 B, and 2 x 8 x 256 flop for each.
  const Totals one = decode_totals(*load, 1000);
  EXPECT_NEAR(one.traffic.value(), 140e9 + 1000 * 1024, 1);
  EXPECT_NEAR(one.work.value(), 140e9 + 1000 * 4096, 140e9 * 1e-3);
  // 1,024 tokens in two ubatches: weights twice, arithmetic for each token; 1,024 entries written, 512 read by each ubatch in the mean.
  const Totals prompt = prefill_totals(*load, 1024, 0);
  EXPECT_NEAR(prompt.traffic.value(), 2 * 140e9 + (1024 + 2 * 512) * 1024, 1);
  EXPECT_NEAR(prompt.work.value(), 1024 * (140e9 + 512 * 4096), 1024 * 140e9 * 1e-3);
}

TEST(Power, OfDevicesHostsAndPackages) {
  Case c;
  c.rig.devices[0].device.power = catalog::Fact<Watts>{Watts(400), {}, {}};
  c.rig.hosts[0].processor.emplace();
  c.rig.hosts[0].processor->power = catalog::Fact<Watts>{Watts(280), {}, {}};
  c.rig.hosts[0].sockets = 2;
  const auto watts = [&] {
    auto load = load_of(c.model, c.rig, c.place);
    EXPECT_TRUE(load);
    Calibration instant;   // no launches, no host work: the device is busy all the time
    instant.effects["launch"] = instant.effects["host_step"] = {20, 0.1, 1};
    resolve(*load, instant);
    std::vector<StageWork> work;
    add_decode(*load, 0, 1, 1, work);
    return decode_power(c.rig, c.place, *load, work);
  };
  // 0.75 x 400 of the card; 20 of the board and a quarter of 2 x 280 of the idle processors.
  ASSERT_TRUE(watts());
  EXPECT_NEAR(watts()->value(), 300 + 20 + 140, 0.5);
  // A second host with a device that takes part: its board and idle processor, and the other card, idle while the first works.
  Case alone = c;
  c.rig.hosts.push_back(c.rig.hosts[0]);
  c.rig.devices.push_back(c.rig.devices[0]);
  c.rig.devices[1].index = c.rig.devices[1].card = 1;
  c.rig.devices[1].host = 1;
  EXPECT_NEAR(watts()->value(), 300 + 20 + 140, 0.5) << "not used";
  c.place.devices.push_back(c.place.devices[0]);
  c.place.devices[1].device = 1;
  EXPECT_NEAR(watts()->value(), 300 + 2 * (20 + 140) + 0.08 * 400, 15);
  c = alone;
  c.rig.devices[0].device.unified = true;   // one package: its figure holds the processor
  EXPECT_NEAR(watts()->value(), 300 + 8, 0.5);
  c.rig.devices[0].device.power.reset();
  EXPECT_FALSE(watts());                    // nobody knows: nothing is said
}

// Half of what decoding draws: of a step of 50 us of reading and 50 us of starting kernels the card waits 1/2, and draws 1/2 + 1/4 of it.
TEST(Cost, WaitingCardsDrawHalf) {
  Case c;
  c.rig.devices[0].device.power = catalog::Fact<Watts>{Watts(400), {}, {}};
  c.rig.devices[0].device.idle = catalog::Fact<Watts>{Watts(100), {}, {}};
  c.rig.devices[0].device.unified = true;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  int reading = -1, starting = -1;
  for (std::size_t i = 0; i < load->stages.size(); ++i) {
    if (load->stages[i].kind == StageKind::weights) reading = static_cast<int>(i);
    if (load->stages[i].kind == StageKind::launch) starting = static_cast<int>(i);
  }
  ASSERT_TRUE(reading >= 0 && starting >= 0);
  const auto work = [&](int stage) {
    const int path = load->stages[static_cast<std::size_t>(stage)].memory;
    const Path& p = load->paths[static_cast<std::size_t>(path)];
    return StageWork{.stage = stage, .memory = path, .compute = -1, .bytes = 50e-6 * p.peak * p.efficiency, .flop = 0};
  };
  // 100 idle, 0.75 x (0.75 x 400 - 100) more, and 8 W of board.
  EXPECT_NEAR(decode_power(c.rig, c.place, *load, {work(reading), work(starting)})->value(), 100 + 0.75 * 200 + 8, 0.1);
}

TEST(Cost, EffectsMultiplyEfficiency) {
  Case c;
  auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration calibration;
  calibration.effects["weights"] = {std::log(0.8), 0.1, 1};
  calibration.effects["weights|chip=test"] = {std::log(0.5), 0.1, 1};
  resolve(*load, calibration);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 0.4, 1e-4);  // 0.8 x 0.5
}

// An H100 and an H200 differ in memory alone: what is known of one's arithmetic is known of the other's, what of its reading is not.
TEST(Cost, BoardsOfOneChipShareWhatIsKnownOfIt) {
  Case c;
  c.rig.devices[0].device.rates["fp32"] = {FlopRate(66.9e12), {}, {}};
  const auto effects_of_chip = [&] {
    const auto load = load_of(c.model, c.rig, c.place);
    std::set<std::string> names;
    for (const Path& path : load->paths)
      for (const Factor& factor : path.factors)
        if (factor.effect.find("|chip=") != std::string::npos) names.insert(factor.effect);
    return names;
  };
  const std::set<std::string> slower = effects_of_chip();
  EXPECT_TRUE(slower.contains("weights|chip=hopper:66.9:4800"));
  EXPECT_TRUE(slower.contains("gemm|chip=hopper:66.9"));
  c.rig.devices[0].device.key = "other";
  EXPECT_EQ(effects_of_chip(), slower);
  c.rig.devices[0].device.bandwidth->value = Bandwidth(3.35e12);
  const std::set<std::string> faster = effects_of_chip();
  EXPECT_TRUE(faster.contains("weights|chip=hopper:66.9:3350"));
  EXPECT_TRUE(faster.contains("gemm|chip=hopper:66.9"));
}

// vLLM before 0.8 captured its graphs for 8,192 tokens: a longer context started every kernel from Python, ahead of the device.
TEST(Cost, EarlyServersLeftTheirGraphsAtLongContexts) {
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

TEST(Cost, ServersReadPromptsByTheirTokenBudget) {
  Case c;
  const auto bytes_read = [&] {
    const auto load = load_of(c.model, c.rig, c.place);
    std::vector<StageWork> work;
    add_prefill(*load, 4096, 0, 1, work);
    double bytes = 0;
    for (const StageWork& w : work)
      if (load->stages[static_cast<std::size_t>(w.stage)].kind == StageKind::weights) bytes += w.bytes;
    return bytes;
  };
  EXPECT_NEAR(bytes_read(), 8 * 140e9, 1e6);   // 4,096 tokens by 512
  c.place.engine = "vllm";
  c.place.settings.max_batched_tokens = 2048;
  EXPECT_NEAR(bytes_read(), 2 * 140e9, 1e6);   // by 2,048
}

TEST(Cost, TensorParallelHalvesWeights) {
  Case c;
  c.rig.devices.push_back(c.rig.devices[0]);
  c.place.mode = placement::Mode::tensor;
  c.place.devices.resize(2);
  c.place.devices[1].device = 1;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(stage_seconds(*load, work, StageKind::weights), 29.167e-3 / 2, 1e-5);
  EXPECT_GT(stage_seconds(*load, work, StageKind::all_reduce), 0);
}

// A prompt that is read along with decoding finds the weights already read: 140 GB once, not twice, and the arithmetic of both.
TEST(Cost, MixedStepsReadWeightsOnce) {
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
TEST(Cost, AttentionByDataSharesRequests) {
  Case c;
  c.model.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 2};
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 32, .kv_heads = 8, .key_dim = 128, .value_dim = 128};
  c.rig.devices.push_back(c.rig.devices[0]);
  c.place.engine = "vllm";
  c.place.mode = placement::Mode::tensor;
  c.place.devices.resize(2);
  c.place.devices[1].device = 1;
  const auto cache = [&](int copies) {
    c.place.settings.data_degree = copies;
    const auto load = load_of(c.model, c.rig, c.place);
    std::vector<StageWork> work;
    add_decode(*load, 1000, 16, 1, work);
    double bytes = 0;
    for (const StageWork& w : work)
      if (load->stages[static_cast<std::size_t>(w.stage)].kind == StageKind::kv) bytes += w.bytes;
    return bytes;
  };
  EXPECT_DOUBLE_EQ(cache(1), 16 * 1000 * (8 * 256 * 2) / 2.0);   // half of the heads of all requests
  EXPECT_DOUBLE_EQ(cache(2), 8 * 1000 * (8 * 256 * 2));          // all heads of half of the requests
}

// Two copies of a dense model on two devices: a step is one copy's, for half of the sequences, and no sum goes between the devices.
TEST(Cost, WholeCopiesShareTheSequences) {
  Case c;
  c.rig.devices.push_back(c.rig.devices[0]);
  c.place.engine = "vllm";
  c.place.devices.resize(2);
  c.place.devices[1].device = 1;
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

// A prompt of 512 tokens needs one row of logits: the head costs what it costs in decoding, the rest 512 times its arithmetic.
TEST(Cost, PromptsNeedLogitsOfTheirLastTokenOnly) {
  Case c;
  model::Tensor head = c.model.tensors[0];
  head.name = "output.weight";
  head.role = model::Role::output_head;
  head.layer = 1;
  c.model.tensors.push_back(head);
  c.place.tensor_device = {0, 0};
  const auto flop = [&](double year) {
    Conditions conditions;
    conditions.engine_year = year;
    const auto load = load_of(c.model, c.rig, c.place, conditions);
    std::vector<StageWork> work;
    add_prefill(*load, 512, 0, 1, work);
    double sum = 0;
    for (const StageWork& w : work)
      if (load->stages[static_cast<std::size_t>(w.stage)].kind == StageKind::weights) sum += w.flop;
    return sum;
  };
  const double rows = 512 * (1 + 16.0 / 512);   // half a tile is padding
  EXPECT_NEAR(flop(2026), 140e9 * (rows + 1), 1e9);   // 2 flop x 70e9 each
  c.place.engine = "mlx";
  EXPECT_NEAR(flop(2026), 140e9 * (rows + 1), 1e9);
  EXPECT_NEAR(flop(2025), 140e9 * 2 * rows, 1e9);     // MLX began in August 2025
}

// Two norms belong to a plain layer of 16 kernels; two more of queries and keys make 18, a bias half of one.
TEST(Cost, SmallVectorsStartKernelsOfTheirOwn) {
  Case c;
  const auto kernels = [&] {
    const auto load = load_of(c.model, c.rig, c.place);
    for (const Stage& stage : load->stages)
      if (stage.kind == StageKind::launch) return stage.step_amount;
    return 0.0;
  };
  c.model.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 32, .kv_heads = 8, .key_dim = 128, .value_dim = 128};
  const auto norm = [&](const char* name) {
    model::Tensor t;
    t.name = name;
    t.role = model::Role::norm;
    t.layer = 0;
    t.shape = {128, 1, 1, 1};
    c.model.tensors.push_back(t);
    c.place.tensor_device.push_back(0);
  };
  norm("blk.0.attn_norm.weight");
  norm("blk.0.ffn_norm.weight");
  EXPECT_DOUBLE_EQ(kernels(), 16);
  norm("blk.0.attn_q_norm.weight");
  norm("blk.0.attn_k_norm.weight");
  EXPECT_DOUBLE_EQ(kernels(), 18);
  norm("blk.0.attn_q.bias");
  EXPECT_DOUBLE_EQ(kernels(), 18.5);
}

// The units a chip has decide what weights are multiplied in, and its rate follows: half precision at half speed where ggml has no integer units.
TEST(Paths, ArithmeticIsWhatTheRateIsOf) {
  const auto loaded = catalog::Catalog::load();
  ASSERT_TRUE(loaded);
  const auto runs_as = [&](const char* device, const char* engine, const char* format) {
    return arithmetic_of(*loaded->device(device), setting_of(engine, "cuda"), format).runs_as;
  };
  EXPECT_EQ(runs_as("rtx-3090", "llama.cpp", "q4_k"), "int8");
  EXPECT_EQ(runs_as("v100-sxm2-16gb", "llama.cpp", "q4_k"), "fp16");
  EXPECT_EQ(runs_as("v100-sxm2-16gb", "llama.cpp", "bf16"), "fp16");
  EXPECT_EQ(runs_as("rtx-3090", "vllm", "fp8"), "fp16");
  EXPECT_EQ(runs_as("h100-sxm-80g", "vllm", "fp8"), "fp8");
  EXPECT_EQ(arithmetic_of(*loaded->device("rtx-3090"), setting_of("vllm", "cuda"), "fp8").meant, "fp8");
  const auto v100 = loaded->device("v100-sxm2-16gb");
  EXPECT_DOUBLE_EQ(matrix_rate(*v100, setting_of("llama.cpp", "cuda"), "q4_k"), 0.5 * v100->rates.at("fp16").value.value());
  EXPECT_EQ(setting_of("ollama", "cuda").group, "ggml");
  EXPECT_DOUBLE_EQ(setting_of("ollama", "cuda").year, Conditions{}.engine_year - 2025.5);   // as plans: not the middle of the years
}

// An engine of June 2025 is a month's fraction older than 2025.5: 2025 + 5.5 / 12 = 2025.458. Effects of "year" count from 2025.5.
TEST(Cost, EnginesAreAsOfTheirDate) {
  Question question;
  EXPECT_EQ(conditions_of(question).engine_year, Conditions{}.engine_year);
  question.engine_date = "2025-06";
  EXPECT_NEAR(conditions_of(question).engine_year, 2025.458, 1e-3);
  Case c;
  auto load = load_of(c.model, c.rig, c.place, conditions_of(question));
  ASSERT_TRUE(load);
  double years = 0;
  for (const Path& path : load->paths)
    for (const Factor& factor : path.factors) years = factor.effect == "weights|year:engine=llama.cpp" ? factor.exponent : years;
  EXPECT_NEAR(years, -0.042, 1e-3);
}

TEST(Cost, UnknownBandwidthIsRefused) {
  Case c;
  c.rig.devices[0].device.bandwidth.reset();
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_FALSE(load);
  EXPECT_EQ(load.error().kind, ErrorKind::unsupported);
}

TEST(Cost, SpreadTakesTheMostParticularGroup) {
  Case c;
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  Calibration calibration;
  calibration.spreads["decode"] = {-1, 1, 100};
  calibration.spreads["decode|extrapolated"] = {-0.5, 0.25, 40};
  const auto speed = estimate_load(*load, c.rig, c.place, {}, calibration);
  EXPECT_EQ(speed.decode.grade, Grade::extrapolated);
  EXPECT_NEAR(speed.decode.value.p10 / speed.decode.value.p50, std::exp(-0.5), 1e-12);
  EXPECT_NEAR(speed.decode.value.p90 / speed.decode.value.p50, std::exp(0.25), 1e-12);
}

TEST(Effects, AreFoundInWhateverOrderTheyCame) {
  Effects effects;
  double number = 0;
  for (const char* name : {"weights", "launches", "weights|family=volta", "links"}) effects[name].observations = ++number;
  std::vector<std::string> names;
  for (const auto& [name, effect] : effects) names.emplace_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"launches", "links", "weights", "weights|family=volta"}));
  EXPECT_EQ(effects.find("weights")->observations, 1);
  EXPECT_EQ(effects.find("links")->observations, 4);
  effects["weights"].mean = -0.3;   // there already
  EXPECT_EQ(effects.size(), 4u);
  for (int indexed = 0; indexed < 2; ++indexed) {
    EXPECT_EQ(effects.find("weights")->mean, -0.3);
    for (const char* name : {"", "lin", "weights|", "weights|family=volta2", "z"}) EXPECT_EQ(effects.find(name), nullptr) << name;
    effects.index();
  }
  effects["a"].mean = 1;            // moves the others
  EXPECT_EQ(effects.find("weights")->mean, -0.3);
  EXPECT_EQ(effects.find("a")->mean, 1);
  EXPECT_EQ(Effects().find("weights"), nullptr);
}

TEST(Cost, CalibrationErrorsNameTheLine) {
  const auto bad = parse_calibration("effect,mean,sd,observations\nweights,x,0,0\n", "");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().where.line, 2);
}

// Kernels of the engine timed on the host itself stand for the processor, whatever the Calibration says of others.
TEST(Cost, KernelsTimedOnTheHostAreTakenAsTheyAre) {
  Case c;
  rig::Host& host = c.on_processor();
  // f16: one token read 28 GB/s, 28 Gflop/s; many at once 100 Gflop/s.
  host.kernels = {{"matvec", "f16", 1, 2, 28e9, 28e9}, {"matmul", "f16", 128, 2, 0, 100e9}};
  Calibration calibration;
  calibration.effects["host_weights"] = {.mean = -2, .sd = 0.1, .observations = 9};
  calibration.effects["host_gemm"] = {.mean = 1, .sd = 0.1, .observations = 9};
  const auto step = [&](const char* engine, bool decode) {
    c.place.engine = engine;
    Load load = *load_of(c.model, c.rig, c.place);
    resolve(load, calibration);
    std::vector<StageWork> work;
    if (decode) add_decode(load, 0, 1, 1, work);
    else add_prefill(load, 128, 0, 1, work);
    return stage_seconds(load, work, StageKind::weights);
  };
  EXPECT_NEAR(step("llama.cpp", true), 140 / 28.0, 1e-6);                     // reading_rate() leaves exactly that
  // 140e9 flop a token x 128 at 100 Gflop/s are 179.2 s; reading 140 GB at 80 GB/s, 1.75 s, does not show.
  EXPECT_NEAR(step("llama.cpp", false), 179.2, 1e-3);
  // Else the Calibration decides: 140 GB at 80 GB/s x exp(-2) take 12.93 s, and a little arithmetic beside them.
  EXPECT_GE(step("ik_llama.cpp", true), 12.93) << "its kernels are others";
  host.cores = 4;
  EXPECT_GE(step("llama.cpp", true), 12.93) << "timed with other threads";
}

// Stream 1024, 16 query and 8 key heads of 128, feed-forward 3072 (KernelKind::layer counts the same): 12 operations writing
// 6 x 1024 + 2 x 2048 + 3 x 1024 + 3072 = 16,384 numbers, 7 products.
model::Architecture plain_layer() {
  model::Architecture a;
  a.hidden = 1024;
  a.layers.resize(1);
  a.layers[0].attention = {.kind = model::AttentionKind::full, .heads = 16, .kv_heads = 8, .key_dim = 128, .value_dim = 128};
  a.layers[0].feed_forward = {.kind = model::FeedForwardKind::dense, .width = 3072};
  const auto add = [&](const char* name, model::Role role, std::int64_t columns, std::int64_t rows) {
    a.tensors.push_back({.name = name, .role = role, .layer = 0, .shape = {columns, rows, 1, 1}, .quant = rows > 1 ? "f16" : "f32", .bytes = Bytes(2.0 * static_cast<double>(columns * rows))});
  };
  for (const char* name : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) add(name, model::Role::norm, 1024, 1);
  for (const std::int64_t rows : {2048, 1024, 1024, 1024}) add("blk.0.attn.weight", model::Role::attention, 1024, rows);
  for (int i = 0; i < 3; ++i) add("blk.0.ffn.weight", model::Role::dense_ffn, 1024, 3072);
  return a;
}

TEST(Cost, SmallOperationsOfALayer) {
  model::Architecture a = plain_layer();
  EXPECT_EQ(small_operations(a).operations, 12);
  EXPECT_EQ(small_operations(a).numbers, 16384);
  EXPECT_EQ(small_operations(a).products.at("f16"), 7);
  // Norms of 16 query and 8 key heads, each with its scale.
  for (const char* name : {"blk.0.attn_q_norm.weight", "blk.0.attn_k_norm.weight"}) a.tensors.push_back({.name = name, .role = model::Role::norm, .layer = 0, .shape = {128, 1, 1, 1}, .quant = "f32"});
  EXPECT_EQ(small_operations(a).operations, 16);
  EXPECT_EQ(small_operations(a).numbers, 16384 + 2 * (2048 + 1024));
  // 8 of 64 experts of 768 in place of the gate (3072) and the addition (1024): 8 operations and one more for each chosen.
  a.layers[0].feed_forward = {.kind = model::FeedForwardKind::moe, .experts = 64, .experts_used = 8, .expert_width = 768};
  EXPECT_EQ(small_operations(a).operations, 16 - 2 + 16);
  EXPECT_EQ(small_operations(a).numbers, 16384 + 2 * 3072 - 3072 - 1024 + 128 + 8 * (768 + 2048));
}

// 12 operations at 1 us, 65,536 bytes at 10 GB/s, 7 products at 3 us: 39.55 us, whatever the Calibration says of kernels elsewhere.
TEST(Cost, SmallOperationsTimedOnTheHostAreTakenAsTheyAre) {
  Case c;
  c.model = plain_layer();
  rig::Host& host = c.on_processor();
  host.kernels = {{.kernel = "layer", .format = "f32", .threads = 2, .bytes = 10e9, .start = 1e-6}, {.kernel = "matvec", .format = "f16", .threads = 2, .bytes = 28e9, .flop = 28e9, .start = 3e-6}};
  Calibration calibration;
  calibration.effects["host_launch"] = {.mean = -2, .sd = 0.1, .observations = 9};
  const auto step = [&](StageKind kind) {
    Load load = *load_of(c.model, c.rig, c.place);
    resolve(load, calibration);
    std::vector<StageWork> work;
    add_decode(load, 0, 1, 1, work);
    return stage_seconds(load, work, kind);
  };
  EXPECT_NEAR(step(StageKind::small), 12e-6 + 6.5536e-6 + 21e-6, 1e-12);
  EXPECT_EQ(step(StageKind::launch), 0);
  host.kernels.erase(host.kernels.begin());   // products alone do not tell
  EXPECT_EQ(step(StageKind::small), 0);
  EXPECT_GT(step(StageKind::launch), 0);
}

// What query heads share of a cache they read once: the kernel that was timed with as many a cache as the model has.
TEST(Cost, AttentionIsThatOfAsManyHeadsACache) {
  rig::Host host;
  host.cores = 2;
  for (const double heads : {1.0, 4.0, 8.0})
    for (const std::int64_t tokens : {1, 128})
      if (tokens == 1 || heads == 4) host.kernels.push_back({.kernel = "attention", .format = "f16", .tokens = tokens, .threads = 2, .flop = heads * 1e9, .heads_per_kv = heads});
  const Setting llama{"llama.cpp", "ggml", "cpu", 1, false, false, ""};
  const auto rate = [&](double heads) { return measured_attention(host, 2, llama, "f16", "f16", heads).one->flop; };
  EXPECT_EQ(rate(1), 1e9);
  EXPECT_EQ(rate(4), 4e9);
  EXPECT_EQ(rate(16), 8e9);
  EXPECT_EQ(measured_attention(host, 2, llama, "f16", "f16", 16).many->flop, 4e9);
}

}  // namespace
}  // namespace rigcast::cost
