#include <cmath>

#include <gtest/gtest.h>

#include "cost/detail/test_case.hpp"
#include "cost/norm.hpp"
#include "cost/paths.hpp"

namespace rigcast::cost {
namespace {

using test::Case;
using test::stage_bytes;
using test::stage_seconds;

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

// Ouro, Zamba 2: four layers run with the tensors of one, which a token reads four times: 560 GB.
TEST(Cost, LayersThatRunAgainReadTheirWeightsAgain) {
  Case c;
  c.model.layers.resize(4, c.model.layers.front());
  c.model.blocks = {0, 0, 0, 0};
  c.place.kv_device = {0, 0, 0, 0};
  const auto load = load_of(c.model, c.rig, c.place);
  ASSERT_TRUE(load);
  std::vector<StageWork> work;
  add_decode(*load, 0, 1, 1, work);
  EXPECT_NEAR(test::stage_bytes(*load, work, StageKind::weights), 560e9, 1);
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

// Without cooperative matrices a Vulkan driver leaves plain arithmetic: two halves at once, and what that costs beyond is an effect of its own.
TEST(Cost, VulkanWithoutMatrixUnits) {
  catalog::Device card;
  card.vendor = "amd";
  card.rates["fp32"] = {FlopRate(49e12), {}, {}};
  card.rates["fp16"] = {FlopRate(195e12), {}, {}};
  const auto half = [&](const char* backend, bool plain) { return half_rate(card, setting_of("llama.cpp", backend, {.source = {}, .plain_matrices = plain, .driver = {}})); };
  EXPECT_EQ(half("vulkan", false), 195e12);
  EXPECT_EQ(half("vulkan", true), 2 * 49e12);
  EXPECT_EQ(half("rocm", true), 195e12);   // its kernels do not ask Vulkan's driver
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

}  // namespace
}  // namespace rigcast::cost
