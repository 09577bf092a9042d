#include "placement/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.hpp"
#include "catalog/engine.hpp"
#include "gguf_writer.hpp"
#include "model/shape.hpp"
#include "placement/detail/page_groups.hpp"
#include "placement/detail/slots.hpp"
#include "placement/detail/test_case.hpp"

namespace rigcast::placement {
namespace {

using namespace test_case;

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

// What follows of CUDA's numbers is said where --on names a slower card first.
TEST(Rules, CudaNumbersTheFastestFirst) {
  const auto warned = [](const char* spec) {
    const auto placed = place(facts(), llama_8b(test::ggml::q8_0), *rig::parse_rig(facts(), spec), ask("-c 4096"));
    EXPECT_TRUE(placed);
    return std::any_of(placed->caveats.begin(), placed->caveats.end(), [](const auto& each) { return each.id == "cuda-numbers-by-speed"; });
  };
  EXPECT_TRUE(warned("3090+4090"));
  EXPECT_FALSE(warned("4090+3090"));
  EXPECT_FALSE(warned("2x3090"));
}

// ExLlama looks tokens up on the processor, and has a head of its own where a model ties the two.
TEST(Contiguous, ExLlamaKeepsTheEmbeddingOnTheHost) {
  Request request = ask("");
  request.engine = "exllamav3", request.context = 4096;
  for (const auto& [name, table, head] : {std::tuple{"llama-3.1-8b", 128256.0 * 4096 * 2, 128256.0 * 4096 * 6 / 8}, {"gemma-3-12b", 262208.0 * 3840 * 2, 262208.0 * 3840 * 6 / 8}}) {
    const auto architecture = model::architecture_from_catalogue(facts(), name, "exl3-4.0bpw");
    ASSERT_TRUE(architecture);
    const auto placed = place(facts(), *architecture, rig_of("rtx-3090", 1), request);
    ASSERT_TRUE(placed);
    EXPECT_EQ(placed->host.weights.value(), table) << name;
    EXPECT_NEAR(placed->devices.front().memory.weights.value(), (architecture->weight_bytes() - Bytes(table)).value(), 1) << name;
    const auto output = std::find_if(architecture->tensors.begin(), architecture->tensors.end(), [](const model::Tensor& t) { return t.role == model::Role::output_head; });
    ASSERT_NE(output, architecture->tensors.end());
    EXPECT_NEAR(output->bytes.value() / head, 1, 1e-3) << "and its scales";
  }
}

// Lists of words in an engine's file are longer-lived than what reads them: all of "1-16 2-128 2-256".
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

// CUDA's flash attention takes any two of its cache formats since 2026-09 (llama.cpp pull request 28079), widening those that stock builds have no
// kernel for; before, one format each. Metal's takes one format, Vulkan's any but BF16 with another. Where the user insists on it with others, the
// processor does attention; left alone, the engine does without.
TEST(Placement, UnlikeCacheFormats) {
  const auto model = llama_8b(test::ggml::q8_0);
  const auto by = [&](const std::string& device, const std::string& backend, const std::string& flags, const std::string& built = "") {
    Request request = ask("-c 8192 -ngl 99 " + flags);
    request.backend = backend;
    request.built = built;
    return place(facts(), model, rig_of(device, 1), request);
  };
  const auto told = [](const Placement& p, const char* id) { return std::count_if(p.caveats.begin(), p.caveats.end(), [&](const auto& c) { return c.id == id; }); };
  for (const char* fine : {"-fa on -ctk q8_0 -ctv q8_0", "-ctk q4_0 -ctv q4_0", "-fa on -ctk bf16 -ctv bf16", ""})
    for (const char* built : {"", "2026-08"}) {
      const auto placement = by("rtx-3090", "cuda", fine, built);
      ASSERT_TRUE(placement) << fine << ": " << error_of(placement);
      EXPECT_FALSE(placement->host_attention || placement->widened_cache) << fine;
      EXPECT_EQ(told(*placement, "attention-on-host") + told(*placement, "cache-widened"), 0) << fine;
    }
  for (const char* widened : {"-ctk q8_0 -ctv q5_1", "-fa on -ctk q4_0 -ctv q8_0", "-ctk q8_0", "-ctk q8_0 -ctv q4_0", "-fa on -ctk q5_1 -ctv q5_1"}) {
    const auto placement = by("rtx-3090", "cuda", widened);
    ASSERT_TRUE(placement) << widened << ": " << error_of(placement);
    EXPECT_TRUE(placement->widened_cache && placement->settings.flash_attention == true && !placement->host_attention) << widened;
    EXPECT_EQ(told(*placement, "cache-widened"), 1) << widened;
  }
  for (const char* fallen : {"-fa on -ctk q8_0 -ctv q5_1", "-fa on -ctk q4_0 -ctv q8_0", "-fa on -ctk q8_0 -ctv q4_0", "-fa on -ctk f16 -ctv q8_0", "-fa on -ctk q5_1 -ctv q5_1", "-fa on -ctk iq4_nl -ctv iq4_nl"}) {
    const auto placement = by("rtx-3090", "cuda", fallen, "2026-08");
    ASSERT_TRUE(placement) << fallen << ": " << error_of(placement);
    EXPECT_TRUE(placement->host_attention) << fallen;
    EXPECT_EQ(told(*placement, "attention-on-host"), 1) << fallen;
  }
  EXPECT_TRUE(by("rtx-3090", "cuda", "-fa on -ctk iq4_nl -ctv iq4_nl")->host_attention);
  EXPECT_FALSE(by("rtx-3090", "vulkan", "-fa on -ctk q8_0 -ctv q5_1")->host_attention);
  EXPECT_TRUE(by("rtx-3090", "vulkan", "-fa on -ctk q8_0 -ctv bf16")->host_attention);
  EXPECT_EQ(error_of(by("rtx-3090", "cuda", "-fa auto -ctk q4_0 -ctv q8_0", "2026-08")),
            "--flags: a quantised V cache (-ctv q8_0) needs flash attention, which is left off by itself (-fa auto): there is no kernel for keys in q4_0 and values in q8_0 on this backend; "
            "-fa on would run attention on the processor (nearest: -ctk q8_0 -ctv q8_0)");
  EXPECT_EQ(error_of(by("rtx-3090", "cuda", "-fa off -ctk q8_0 -ctv q8_0")), "--flags: a quantised V cache (-ctv q8_0) needs flash attention, which is turned off (-fa off) (nearest: -fa on)");
}

// Prompts are read in 16 bits: of 8,192 tokens one layer's keys and values are 8,192 x 8 heads x 128 x 2 x 2 bytes = 32 MiB beside a cache in q8_0. Without
// flash attention CUDA multiplies quantised keys where they lie: scores of 512 tokens x 8,192 x 32 heads in 32 bits are 512 MiB, in two copies at most.
TEST(Placement, QuantisedCachesOnCuda) {
  const auto model = llama_8b(test::ggml::q8_0);
  const auto compute = [&](const char* flags) { return place(facts(), model, rig_of("rtx-3090", 1), ask(std::string("-c 8192 -ngl 99 ") + flags))->devices[0].memory.compute; };
  EXPECT_NEAR((compute("-fa on -ctk q8_0 -ctv q8_0") - compute("-fa on")).value() / kMiB, 32, 1);
  EXPECT_NEAR((compute("-fa on -ctv q8_0") - compute("-fa on")).value() / kMiB, 16, 1);
  EXPECT_LT(compute("-fa off -ctk q8_0").value() / kMiB, 2 * 512 + 300);
  const auto two = place(facts(), model, rig_of("rtx-3090", 2), ask("-c 8192 -ngl 99 -fa off -ctk q8_0"));
  EXPECT_LT(two->devices[0].memory.compute.value() / kMiB, 2 * 512 + 500);
}

// CUDA's flash attention has kernels for heads of some widths: left alone, the engine does without where a layer has others; insisted on, the processor attends.
TEST(Placement, HeadsWithoutKernel) {
  const auto with = [](int heads, int kv_heads, int head_dim, const std::string& flags) {
    const test::DenseShape shape{.family = "llama", .layers = 4, .hidden = 2048, .heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .ffn = 4096, .vocab = 32000, .tied = false, .context = 8192};
    test::GgufWriter out = test::begin_model(shape);
    test::add_outside(out, shape, test::ggml::q8_0);
    for (int layer = 0; layer < shape.layers; ++layer) {
      test::add_attention(out, shape, layer, test::ggml::q8_0);
      test::add_feed_forward(out, shape, layer, test::ggml::q8_0);
    }
    Request request = ask("-c 8192 -ngl 99 " + flags);
    request.backend = "cuda";
    return place(facts(), read_back(out, "heads"), rig_of("rtx-3090", 1), request);
  };
  for (const int width : {40, 64, 72, 80, 96, 112, 128, 256}) EXPECT_EQ(with(8, 8, width, "")->settings.flash_attention, true) << width;
  EXPECT_EQ(with(8, 8, 160, "")->settings.flash_attention, false);
  EXPECT_EQ(with(8, 8, 512, "")->settings.flash_attention, false);   // needs two queries a key
  EXPECT_EQ(with(8, 4, 512, "")->settings.flash_attention, true);
  EXPECT_EQ(with(8, 1, 192, "")->settings.flash_attention, false);   // 192 goes with values of 128
  const auto insisted = with(8, 8, 160, "-fa on");
  EXPECT_TRUE(insisted->host_attention);
  EXPECT_EQ(std::count_if(insisted->caveats.begin(), insisted->caveats.end(), [](const auto& c) { return c.text.find("heads of these widths") != std::string::npos; }), 1);
}

// A layer's keys of 4 heads of 128 in 16 bits: 1 KiB a token, so that 128 Ki tokens are as much as Mesa's driver takes in one tensor (build 11669
// ends beyond with "pre-allocated tensor ... in a buffer that cannot run the operation"); a real card's takes 4 GiB less one byte.
TEST(Placement, CachesThatNoOperationMayTouch) {
  const test::DenseShape shape{.family = "llama", .layers = 2, .hidden = 1024, .heads = 8, .kv_heads = 4, .head_dim = 128, .ffn = 2048, .vocab = 32000, .tied = false, .context = 8388608};
  test::GgufWriter out = test::begin_model(shape);
  test::add_outside(out, shape, test::ggml::q8_0);
  for (int layer = 0; layer < shape.layers; ++layer) {
    test::add_attention(out, shape, layer, test::ggml::q8_0);
    test::add_feed_forward(out, shape, layer, test::ggml::q8_0);
  }
  const model::Architecture model = read_back(out, "large_cache");
  const auto on = [&](const char* card, const char* backend, const char* flags) {
    Request request = ask(flags);
    request.backend = backend;
    return place(facts(), model, rig_of(card, 1), request);
  };
  EXPECT_TRUE(on("llvmpipe", "vulkan", "-ngl 99 -fa on -np 1 -c 131072"));
  const auto refused = on("llvmpipe", "vulkan", "-ngl 99 -fa on -np 1 -c 131328");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::infeasible);
  EXPECT_TRUE(on("llvmpipe", "vulkan", "-ngl 99 -fa on -np 1 -c 131328 --no-kv-offload")) << "the host has no such limit";
  EXPECT_TRUE(on("rtx-3090", "vulkan", "-ngl 99 -fa on -np 1 -c 4194048"));
  EXPECT_FALSE(on("rtx-3090", "vulkan", "-ngl 99 -fa on -np 1 -c 4194304"));
  EXPECT_TRUE(on("rtx-3090", "cuda", "-ngl 99 -fa on -np 1 -c 4194304"));
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

// 538 GiB of weights in a memory of 512, of which the chip may use 384: what it lacks is lacking once, though the host's memory is the same.
TEST(Placement, WhatUnifiedMemoryLacksIsToldOnce) {
  const auto model = model::architecture_from_catalogue(facts(), "kimi-k2", "mlx-4bit");
  const auto placement = place(facts(), *model, *rig::parse_rig(facts(), "apple-m3-ultra-512g"), ask("", "mlx"));
  ASSERT_TRUE(placement) << error_of(placement);
  ASSERT_FALSE(placement->fits);
  const DeviceShare& share = placement->devices.front();
  EXPECT_EQ(short_by(*placement), share.memory.total() - share.capacity);
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

// A build for the processor knows no device: what the rig has and the flags name beside it does not count.
TEST(Place, TheBackendOfTheProcessorUsesNoDevice) {
  const model::Architecture model = llama_8b(test::ggml::q8_0);
  const rig::Rig rig = *rig::parse_rig(facts(), "2x3090");
  for (const char* engine : {"llama.cpp", "ollama", "ik_llama.cpp"})
    for (const char* flags : {"", "-ngl 99", "-ts 1,1"}) {
      const auto placed = place(facts(), model, rig, ask(flags, engine, "cpu"));
      ASSERT_TRUE(placed) << to_text(placed.error());
      EXPECT_EQ(placed->mode, Mode::cpu) << engine << flags;
      EXPECT_TRUE(placed->devices.empty()) << engine << flags;
      EXPECT_TRUE(placed->fits);
    }
  EXPECT_FALSE(place(facts(), model, rig, ask("", "vllm", "cpu"))) << "nobody has told how it lays a model out there";
}

// llama.cpp is built for 16 devices: of more the first 16 count, and it is said.
TEST(Place, UsesNoMoreDevicesThanTheEngineTakes) {
  const model::Architecture model = llama_8b(test::ggml::f16);
  const rig::Rig rig = *rig::parse_rig(facts(), "20xrtx-3060-12gb");
  for (const char* flags : {"", "-ngl 99"}) {
    const auto placed = place(facts(), model, rig, ask(flags, "llama.cpp", ""));
    ASSERT_TRUE(placed) << to_text(placed.error());
    EXPECT_LE(placed->settings.split.size(), 16u);
    for (const DeviceShare& share : placed->devices) EXPECT_LT(share.device, 16);
    EXPECT_TRUE(std::any_of(placed->caveats.begin(), placed->caveats.end(), [](const auto& caveat) { return caveat.id == "most-devices"; }));
  }
  EXPECT_FALSE(place(facts(), model, rig, ask("-ts 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "llama.cpp", "")));
  EXPECT_FALSE(place(facts(), model, rig, ask("-mg 16", "llama.cpp", "")));
}

}  // namespace
}  // namespace rigcast::placement
