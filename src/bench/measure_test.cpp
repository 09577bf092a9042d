#include "bench/measure.hpp"

#include <gtest/gtest.h>

#include <pthread.h>

#include "base/text.hpp"
#include "bench/cpu/cpu_device.hpp"
#include "bench/cpu/engine_library.hpp"
#include "bench/cpu/kernels.hpp"
#include "bench/cpu/pool.hpp"
#include "bench/format.hpp"
#include "catalog/catalog.hpp"
#include "model/read.hpp"

namespace rigcast::bench {
namespace {

TEST(Kernel, WorkFollowsTheFormulas) {
  // q4_0: 18 bytes for 32 weights; 14336 x 4096 weights, one vector in and one out in 32-bit floats.
  const Work matvec = work_of(*parse_case("matvec:q4_0:14336x4096"));
  EXPECT_EQ(matvec.bytes.value(), 14336.0 * 4096 / 32 * 18 + 4 * 4096 + 4 * 14336);
  EXPECT_EQ(matvec.flop.value(), 2.0 * 14336 * 4096);
  // 8 key-value heads of 128 elements at depth 4096, keys and values in 16 bits; 32 query heads.
  const Work attention = work_of(*parse_case("attention:f16:32/8x128@4096"));
  EXPECT_EQ(attention.bytes.value(), 2.0 * 8 * 128 * 4096 * 2);
  EXPECT_EQ(attention.flop.value(), 4.0 * 32 * 128 * 4096);
  EXPECT_EQ(work_of(*parse_case("layer:f32:3072x1024:16/8x128")).bytes.value(), 65536);   // 4 (6 x 1024 + 2 x 16 x 128 + 3 x 8 x 128 + 3072)
  EXPECT_EQ(work_of(*parse_case("triad:1GiB")).bytes.value(), 3 * kGiB);
  // 8 of 128 experts of 768 x 2048 in q4_k (144 bytes for 256).
  EXPECT_EQ(work_of(*parse_case("experts:q4_k:768x2048:8/128")).bytes.value(), 8 * (768.0 * 2048 / 256 * 144 + 4 * 768) + 4 * 2048);
  EXPECT_EQ(memory_of(*parse_case("experts:q4_k:768x2048:8/128")).value(), 128 * (768.0 * 2048 / 256 * 144 + 4 * 768) + 4 * 2048);
  // 12 tokens choose 8 each, 96 of 128 at most; each token brings a vector and takes eight.
  EXPECT_EQ(work_of(*parse_case("experts:q4_k:768x2048:8/128x12")).bytes.value(), 96 * (768.0 * 2048 / 256 * 144) + 12 * 4 * (8 * 768.0 + 2048));
  EXPECT_EQ(work_of(*parse_case("attention:f16:32/8x128@4096x12")).flop.value(), 12 * attention.flop.value());
}

TEST(Kernel, CasesReadBackAsWritten) {
  for (const char* text : {"read:1GiB", "copy:64MiB", "launch", "matvec:q8_0:4096x14336", "matmul:bf16:4096x4096x512", "attention:f16:64/8x128@32768", "experts:q4_k:768x2048:8/128",
                           "attention:f16:32/8x128@4096x128", "experts:q4_k:768x2048:8/128x16", "layer:f32:12288x4096:32/8x128"}) {
    const auto c = parse_case(text);
    ASSERT_TRUE(c) << text;
    EXPECT_EQ(spell(*c), text);
  }
}

TEST(Kernel, BadCasesAreNamed) {
  const auto message = [](const char* text) { return parse_case(text).error().message; };
  EXPECT_EQ(message("matvek:q4_0:1x32"), "no kernel 'matvek' (nearest: matvec); there are read, copy, triad, matvec, matmul, gemm, attention, experts, layer, launch, copy-in, copy-out, copy-both, copy-peer, copy-peer-both, all-reduce");
  EXPECT_EQ(message("matvec:q5_9:1x32"), "'matvec:q5_9:1x32' names no format; there are f32, f16, bf16, i8, q8_0, q4_0, mxfp4, q4_k, q6_k");
  EXPECT_EQ(message("matvec:q4_k:16x100"), "'matvec:q4_k:16x100': 100 columns do not divide into q4_k blocks of 256");
  for (const char* text : {"", ":", "read", "read:0", "read:x", "matvec:q4_0:", "matvec:q4_0:-1x32", "matmul:f16:1x2", "attention:f16:32/7x128@1", "experts:q4_0:32x32:9/8", "experts:q4_0:32x32:1/8x0", "experts:q4_0:32x32:1/8xx",
                           "attention:f16:8/2x64@9x", "launch:1", "layer:f32:12x4", "layer:f32:12x4:3/2x8", "layer:f32:12x4:2/2x7"})
    EXPECT_FALSE(parse_case(text)) << text;
}

TEST(Format, BlocksAreThoseOfTheCatalogue) {
  const auto catalog = *catalog::Catalog::load();
  for (const Format& format : formats) {
    if (format.id == FormatId::i8) continue;   // no ggml type
    const auto quant = catalog.quant(format.name);
    ASSERT_TRUE(quant) << format.name;
    EXPECT_EQ(quant->block_elements, format.block) << format.name;
    EXPECT_EQ(quant->block_bytes, format.bytes) << format.name;
  }
}

TEST(Format, HalvesRoundTrip) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    if (value == value) { EXPECT_EQ(float_to_half(value), bits); }
  }
  EXPECT_EQ(float_to_half(1.0f), 0x3c00);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);            // rounds up to infinity
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);      // half way to the next: to even
  EXPECT_EQ(float_to_bf16(1.00390625f), 0x3f80);          // 1 + 2^-8, half way: to even
}

TEST(Format, DecodesKnownBlocks) {
  std::byte block[256] = {};
  float values[256];
  block[1] = std::byte{0x3c};                             // d = 1.0 (0x3c00)
  block[2] = std::byte{0xf0};                             // element 0 is 0 - 8, element 16 is 15 - 8
  decode_block(format_of(FormatId::q4_0), block, values);
  EXPECT_EQ(values[0], -8.0f);
  EXPECT_EQ(values[16], 7.0f);
  block[0] = std::byte{127}, block[1] = std::byte{0x72};  // E8M0 127 is 2^0: low nibble 2 is 1.0, high nibble 7 is 6.0
  decode_block(format_of(FormatId::mxfp4), block, values);
  EXPECT_EQ(values[0], 1.0f);
  EXPECT_EQ(values[16], 6.0f);
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(quantile({10, 20, 30}, 0.1), 12.0);   // 0.1 x 2 = 0.2 of the way from 10 to 20
  EXPECT_EQ(quantile({}, 0.5), 0.0);
}

// Every kernel of every instruction set this processor has agrees with the reference, at shapes with and without remainders.
TEST(Cpu, EverySetAgreesWithTheReference) {
  std::atomic<bool> stop{true};   // one sample is enough
  for (const CpuKernels* set : cpu_kernels()) {
    if (!set->usable()) continue;
    auto device = *open_cpu_set(this_machine(), {.threads = 2, .pin = false, .cold = Bytes(1 << 20)}, set->name);
    std::vector<std::string> cases = {"read:1MiB", "copy:1MiB", "triad:1MiB", "launch", "attention:f16:8/2x64@100", "attention:f16:4/4x128@33"};
    for (const char* wide : {"matmul:i8:40x8192x100", "matmul:bf16:40x8192x100"}) cases.emplace_back(wide);   // more vectors than a cache holds
    for (const Format& format : formats) {
      const std::string name(format.name);
      for (const char* shape : {"67x768", "64x512"}) {
        cases.push_back("matvec:" + name + ":" + shape);
        for (const char* tokens : {"x13", "x45"}) cases.push_back("matmul:" + name + ":" + shape + tokens);
      }
      cases.push_back("experts:" + name + ":32x256:2/8");
    }
    for (const std::string& text : cases) {
      const Measurement m = measure(*device, *parse_case(text), {.seconds = 0, .least = 1, .most = 1, .sample_seconds = 0}, stop);
      EXPECT_TRUE(m.ok()) << set->name << " " << text << ": " << m.failure;
    }
  }
}

// A dense and a mixture layer of 256 wide, with two key-value heads.
ModelCase small_model(std::int64_t tokens, std::int64_t depth) {
  const Format *q4 = find_format("q4_k"), *q8 = find_format("q8_0");
  ModelLayer dense{.heads = 4, .kv_heads = 2, .head_dim = 64, .matrices = {{.format = q4, .rows = 512, .columns = 256}, {.format = q8, .rows = 256, .columns = 256, .after_attention = true}}};
  ModelLayer mixture = dense;
  mixture.matrices.push_back({.format = q8, .rows = 128, .columns = 256, .experts = 8, .used = 2, .after_attention = true});
  return {.model = "small", .quant = "Q4_K_M", .layers = {dense, mixture}, .head = {.format = q4, .rows = 1000, .columns = 256}, .tokens = tokens, .depth = depth};
}

TEST(Model, WorkCountsWhatAStepTouches) {
  const double layer = 512.0 * 144 + 256.0 * 8 * 34, experts = 128.0 * 8 * 34, head = 1000.0 * 144, cache = 4.0 * 2 * 64;
  // One token reads two of eight experts; three tokens six; the head is computed once.
  EXPECT_EQ(work_of(small_model(1, 99)).bytes.value(), 2 * layer + 2 * experts + head + 2 * 100 * cache);
  EXPECT_EQ(work_of(small_model(3, 0)).bytes.value(), 2 * layer + 6 * experts + head + 2 * 3 * cache);
}

// One set of arranged activations serves a whole model: what a narrow product of a rounded format left, a wide one behind an exact format, with
// which it shares only the width, must not take for its own.
TEST(Cpu, ActivationsOfOtherSizesAreNotTakenForTheirs) {
  const std::vector<float> values = activations(3, 8192);
  for (const CpuKernels* set : cpu_kernels()) {
    if (!set->usable()) continue;
    for (const FormatId id : {FormatId::q8_0, FormatId::q4_0, FormatId::mxfp4, FormatId::q4_k, FormatId::q6_k}) {
      const Format& format = format_of(id);
      const auto product = [&](Activations& x) {
        const Tile tile = make_tile(format);
        std::vector<std::byte> weights(static_cast<std::size_t>(8192 / format.block * format.bytes) + 8192);
        fill(tile, 0, std::span(weights).first(static_cast<std::size_t>(8192 / format.block * format.bytes)));
        float out = 0;
        auto* kernel = set->matvec[static_cast<std::size_t>(id)] ? set->matvec[static_cast<std::size_t>(id)] : scalar_kernels.matmul[static_cast<std::size_t>(id)];
        kernel({.weights = weights.data(), .row_bytes = 8192 / format.block * format.bytes, .columns = 8192, .rows = 1, .x = &x, .out = &out, .out_stride = 1});
        return out;
      };
      Activations fresh, used;
      set->arrange(format, std::span(values).first(256), 256, used);
      set->arrange(format_of(FormatId::f16), values, 8192, used);
      set->arrange(format, values, 8192, used);
      set->arrange(format, values, 8192, fresh);
      EXPECT_EQ(product(used), product(fresh)) << set->name << " " << format.name;
      set->arrange(format, values, 8192, used);   // once more into the same memory
      EXPECT_EQ(product(used), product(fresh)) << set->name << " " << format.name;
    }
  }
}

TEST(Model, RunsOnTheProcessorAndIsChecked) {
  std::atomic<bool> stop{true};
  auto device = *open_cpu_set(this_machine(), {.threads = 2, .pin = false}, "");
  for (const std::int64_t tokens : {1, 7}) {
    const Measurement m = measure(*device, small_model(tokens, 33), {.seconds = 0, .least = 1, .most = 1, .sample_seconds = 0}, stop);
    EXPECT_TRUE(m.ok()) << m.failure;
    EXPECT_GT(m.median, 0);
  }
}

TEST(Model, CasesComeFromTheCatalogue) {
  const auto catalog = *catalog::Catalog::load();
  const auto c = model_case(*model::read_model(catalog, "qwen3-8b:q4_k_m"), 1, 0);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->layers.size(), 36u);
  EXPECT_EQ(c->layers[0].matrices.size(), 7u);   // q, k, v, o, gate, up, down
  EXPECT_NEAR(work_of(*c).flop.value() / 2, 7.57e9, 0.03e9);   // 8.19 B less the embedding's 0.62 B
  EXPECT_FALSE(model_case(*model::read_model(catalog, "deepseek-v3:q4_k_m"), 1, 0));
}

// What an installed engine is asked of experts: two sizes of each format, the second last, since who has no time misses least by it.
TEST(EngineLibrary, ExpertsAreTimedAtTwoSizes) {
  struct Engine : Device {
    DeviceInfo about;
    Engine() { about.backend = "ggml"; }
    const DeviceInfo& info() const override { return about; }
    bool can(KernelKind kind, std::string_view) const override { return kind == KernelKind::experts; }
    Result<std::unique_ptr<Prepared>> prepare(const Case&) override { return fail(ErrorKind::unsupported, "nothing"); }
  } engine;
  std::vector<std::string> quick;
  for (const Case& c : standard_cases(engine, true)) quick.push_back(spell(c));
  EXPECT_EQ(quick, (std::vector<std::string>{"experts:q4_k:768x2048:8/128", "experts:q4_k:768x2048:8/128x128", "experts:q4_0:768x2048:8/128", "experts:q4_0:768x2048:8/128x128",
                                             "experts:q8_0:768x2048:8/128", "experts:q8_0:768x2048:8/128x128", "experts:q6_k:768x2048:8/128", "experts:q6_k:768x2048:8/128x128",
                                             "experts:q4_k:14336x4096:2/8", "experts:q4_0:14336x4096:2/8", "experts:q8_0:14336x4096:2/8", "experts:q6_k:14336x4096:2/8"}));
  EXPECT_EQ(standard_cases(engine, false).size(), 16u);
}

TEST(Cpu, RefusesSeveralTokensWhereItHasNoKernelForThem) {
  std::atomic<bool> stop{true};
  auto device = *open_cpu_set(this_machine(), {.threads = 1}, "scalar");
  EXPECT_EQ(measure(*device, *parse_case("experts:q8_0:32x256:2/8x3"), kQuick, stop).failure, "this device has no such kernel for several tokens");
}

TEST(EngineLibrary, OneThatIsNotThereOrIsAnotherIsNamed) {
  World world = this_machine();
  world.library = [](std::string_view) { return std::string(); };
  EXPECT_EQ(open_engine_library(world, {}).error().message, "libggml.so is not installed");
  world.library = [](std::string_view) { return std::string("libm.so.6"); };
  EXPECT_EQ(open_engine_library(world, {}).error().message, "this libggml lacks functions that are used here");
}

// Where one is installed its kernels are held to the reference like our own.
TEST(EngineLibrary, AgreesWithTheReference) {
  auto devices = open_engine_library(this_machine(), {.threads = 2, .cold = Bytes(1 << 20)});
  if (!devices) GTEST_SKIP() << devices.error().message;
  std::atomic<bool> stop{true};
  for (const char* text : {"matvec:f16:64x512", "matvec:q4_k:64x512", "matmul:q8_0:64x512x13", "experts:q4_0:32x256:2/8x5", "attention:f16:8/2x64@256", "attention:f16:8/2x64@256x16", "layer:f32:512x256:8/2x64"}) {
    const Measurement m = measure(*devices->front(), *parse_case(text), {.seconds = 0, .least = 1, .most = 1, .sample_seconds = 0}, stop);
    EXPECT_TRUE(m.ok()) << text << ": " << m.failure;
  }
}

TEST(Cpu, RefusesMoreThanTheMachineHas) {
  std::atomic<bool> stop{false};
  auto device = *open_cpu_set(this_machine(), {.threads = 1}, "scalar");
  const Measurement m = measure(*device, *parse_case("read:9000GiB"), kQuick, stop);
  EXPECT_NE(m.failure.find("out of memory: 9,000.00 GiB wanted"), std::string::npos) << m.failure;
}

// What ran before a measurement on the caller's thread may run there again, on those processors and no others.
TEST(Pool, GivesTheCallersThreadBackWhereItWas) {
  cpu_set_t before{}, after{};
  ASSERT_EQ(pthread_getaffinity_np(pthread_self(), sizeof before, &before), 0);
  { Pool pool(choose_cpus(1)); }
  ASSERT_EQ(pthread_getaffinity_np(pthread_self(), sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace rigcast::bench
