#include <cmath>

#include <gtest/gtest.h>

#include "calibration/configure.hpp"
#include "calibration/detail/misses.hpp"
#include "calibration/evaluate.hpp"
#include "calibration/fit.hpp"
#include "facts.hpp"

namespace rigcast::calibration {
namespace {

using rigcast::test::facts;

Observation decode_row(const char* device, double value) {
  Observation o;
  o.id = std::string(device) + "-" + std::to_string(value);
  o.device = device;
  o.engine = "llama.cpp";
  o.backend = "CUDA";
  o.model = "llama-2-7b";
  o.quant = "Q4_0";
  o.phase = "decode";
  o.metric_name = "tokens_per_second";
  o.metric = Metric::tokens_per_second;
  o.value = value;
  o.depth = 0;
  o.repository = "someone/somewhere";
  o.date = "2025-06-15";
  return o;
}

TEST(Observation, CellsOfACsvMayBeQuoted) {
  const auto rows = parse_csv("id,note,title,value\nx,\"a, \"\"b\"\", c\",d\"e,f\"g,1.5\n# a comment\r\ny,,,2\n", "rows.csv");
  ASSERT_TRUE(rows) << to_text(rows.error());
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].note, "a, \"b\", c");
  EXPECT_EQ((*rows)[0].title, "de,fg");   // a quote may open within a cell, too
  EXPECT_EQ((*rows)[0].value, 1.5);
  EXPECT_EQ((*rows)[1].id, "y");
  const auto open = parse_csv("id,note\nx,\"a\n", "rows.csv");
  ASSERT_FALSE(open);
  EXPECT_EQ(to_text(open.error()), "rows.csv:2:1: a quote is not closed");
}

// Rows are predicted run by run of one model, on several threads: each must come out in its place, as if it had been asked alone.
TEST(Evaluate, ManyRowsAreWhatEachIsAlone) {
  cost::Calibration calibration;
  calibration.effects["weights"].mean = -0.3;
  std::vector<Observation> rows;
  for (int i = 0; i < 1300; ++i) {
    rows.push_back(decode_row(i % 3 ? "rtx-3090" : "rtx-4090", 50 + i % 7));
    rows.back().id = std::to_string(i);
    rows.back().model = i % 5 == 0 ? "qwen3-8b" : i % 5 == 1 ? "no-such-model" : "llama-2-7b";
    rows.back().depth = 100 * (i % 11);
  }
  const Evaluation all = evaluate(facts(), calibration, rows);
  ASSERT_EQ(all.rows.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(all.rows[i].id, rows[i].id);
  for (std::size_t i = 0; i < rows.size(); i += 13) {
    const Evaluation alone = evaluate(facts(), calibration, {rows[i]});
    const Prediction &a = all.rows[i], &b = alone.rows[0];
    ASSERT_EQ(a.predicted.has_value(), b.predicted.has_value()) << i;
    EXPECT_EQ(a.reason, b.reason);
    if (!a.predicted) continue;
    EXPECT_EQ(a.predicted->p50, b.predicted->p50) << i;
    EXPECT_EQ(a.predicted->p10, b.predicted->p10) << i;
    EXPECT_EQ(a.peers, b.peers) << i;
    EXPECT_EQ(*a.groups, *b.groups) << i;
  }
}

TEST(Observation, RowsOfTheSharedFormat) {
  const auto o = parse_row(R"({"id":"x","device":"NVIDIA GeForce RTX 3090","device_count":2,"flags":{"ub":1024,"spec":"mtp"},
    "source":{"url":"https://e.org/a","repo":"a/b","date":"2025-02"},"metric":"itl_ms","value":11.5,"prompt_tokens":"512","phase":"decode"})");
  ASSERT_TRUE(o);
  EXPECT_EQ(o->devices, 2);
  EXPECT_EQ(o->flags.at("ub"), "1024");
  EXPECT_EQ(o->metric, Metric::tpot_ms);
  EXPECT_EQ(o->prompt, 512);
  EXPECT_EQ(o->depth, -1);   // not stated
  EXPECT_TRUE(is_speculative(*o));
  for (const auto& [count, devices] : {std::pair("-1e300", 1), {"1e300", 1000000}, {"0", 1}, {"2", 2}})   // counts no int holds
    EXPECT_EQ(parse_row(std::string("{\"device_count\":") + count + "}")->devices, devices) << count;
  EXPECT_FALSE(parse_row("{\"id\":"));
  EXPECT_FALSE(parse_row("[1]"));
}

TEST(Observation, CsvRoundTrip) {
  Observation o = decode_row("rtx-3090", 134.5);
  o.note = "a \"quoted\" note, with a comma";
  o.flags = {{"ub", "512"}, {"fa", "1"}, {"ot", "a=CPU;b=CPU"}, {"path", "C:\\models;old\\"}, {"a=b;c", ""}};
  const auto back = parse_csv(to_csv({o}), "x.csv");
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ((*back)[0].note, o.note);
  EXPECT_EQ((*back)[0].flags, o.flags);
  EXPECT_EQ((*back)[0].value, 134.5);
  EXPECT_EQ((*back)[0].prompt, -1);
}

TEST(Observation, CsvErrorsNameTheLine) {
  const auto column = parse_csv("id,weather\n", "x.csv");
  ASSERT_FALSE(column);
  EXPECT_EQ(column.error().where.line, 1);
  const auto cell = parse_csv("id,value\na,fast\n", "x.csv");
  ASSERT_FALSE(cell);
  EXPECT_EQ(cell.error().where.line, 2);
  EXPECT_FALSE(parse_csv("id,value\n\"a,1\n", "x.csv"));
}

TEST(Configurator, UnderstandsDecodeAndRefusesWhatQueueingDecides) {
  Configurator configurator(facts());
  const auto p = configurator.prepare(decode_row("NVIDIA GeForce RTX 3090", 150));
  ASSERT_TRUE(p) << to_text(p.error());
  EXPECT_EQ(p->device, "rtx-3090");
  EXPECT_EQ(p->family, "ampere");
  EXPECT_EQ(p->phase, "decode");
  EXPECT_NEAR(p->measured_seconds, 1 / 150.0, 1e-12);
  EXPECT_NEAR(p->active_bytes / 1e9, 3.75, 0.15);   // 3.82 GB file less the 74 MB embedding
  Observation load = decode_row("rtx-3090", 900);
  load.phase = "serve";
  EXPECT_FALSE(configurator.prepare(load));
  Observation nobody = decode_row("RTX 9999", 1);
  EXPECT_FALSE(configurator.prepare(nobody));
}

TEST(Configurator, UnknownModelsBecomePlainStacksOfTheirSize) {
  Configurator configurator(facts());
  Observation o = decode_row("rtx-3090", 100);
  o.model = "nobody-knows-13b";
  const auto p = configurator.prepare(o);
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->surrogate);
  EXPECT_NEAR(p->file_bytes / 1e9, 13 * 4.55 / 8, 0.8);
}

Observation serving_row(const char* device, int devices, double concurrency, double value) {
  Observation o = decode_row(device, value);
  o.engine = "vLLM";
  o.model = "llama-3.1-70b";
  o.quant = "FP8";
  o.phase = "serve";
  o.mode = "tensor";
  o.devices = o.degree = devices;
  o.prompt = 1024;
  o.generated = 1024;
  o.depth = -1;
  o.concurrency = concurrency;
  o.metric_name = "tpot_ms";
  o.metric = Metric::tpot_ms;
  return o;
}

double peak_of(const Prepared& p, cost::StageKind kind) {
  for (const auto& stage : p.load->stages)
    if (stage.kind == kind) return p.load->paths[static_cast<std::size_t>(stage.memory)].peak;
  return 0;
}

TEST(Configurator, ModulesSitOnTheirFabric) {
  Configurator configurator(facts());
  const auto p = configurator.prepare(serving_row("h100-sxm-80gb", 4, 16, 13));
  ASSERT_TRUE(p) << to_text(p.error());
  EXPECT_EQ(p->phase, "serve");
  EXPECT_DOUBLE_EQ(peak_of(*p, cost::StageKind::all_reduce_bytes), 450e9);   // NVLink 4 one way, not PCIe
}

// Two machines whose memory is their device's own are two hosts: what crosses between them crosses a network of 23 GB/s.
TEST(Configurator, UnifiedChipsAreHostsOfTheirOwn) {
  Configurator configurator(facts());
  const auto p = configurator.prepare(serving_row("dgx-spark-gb10", 2, 16, 130));
  ASSERT_TRUE(p) << to_text(p.error());
  EXPECT_DOUBLE_EQ(peak_of(*p, cost::StageKind::all_reduce_bytes), 23e9);
  EXPECT_EQ(peak_of(*p, cost::StageKind::all_reduce), 0);   // no sum within a host
  EXPECT_GT(peak_of(*p, cost::StageKind::hop), 0);
}

// Effects are named by backend: a row and a plan of one engine must mean the same by it, however the source spells it.
TEST(Configurator, BackendsAreNamedAsPlansNameThem) {
  Configurator configurator(facts());
  const auto backend = [&](const char* device, const char* engine, const char* printed) {
    Observation o = decode_row(device, 5);
    o.engine = engine, o.backend = printed;
    const auto p = configurator.prepare(o);
    EXPECT_TRUE(p) << (p ? "" : to_text(p.error()));
    return p ? p->backend : "";
  };
  EXPECT_EQ(backend("arc-pro-b60", "vLLM", "XPU"), "xpu");
  EXPECT_EQ(backend("arc-pro-b60", "vLLM", "SYCL"), "xpu");
  EXPECT_EQ(backend("arc-pro-b60", "llama.cpp", "XPU"), "sycl");
  EXPECT_EQ(backend("apple-m2-max", "MLX", "MLX"), "metal");
  EXPECT_EQ(backend("rtx-3090", "llama.cpp", "CUDA 12.8"), "cuda");
}

// Two channels of DDR4-2133 carry 2 x 8 x 2133e6 = 34.1 GB/s, whatever the processor could take.
TEST(Configurator, PrintedMemoryGoesBeforeWhatTheProcessorTakes) {
  Configurator configurator(facts());
  Observation o = decode_row("ryzen-9-5950x", 5);
  o.backend = "CPU";
  const auto bandwidth = [&](const char* memory) {
    o.host_memory = memory;
    const auto p = configurator.prepare(o);
    EXPECT_TRUE(p) << (p ? "" : to_text(p.error()));
    return p ? p->bandwidth : 0;
  };
  EXPECT_DOUBLE_EQ(bandwidth("64 GB DDR4-2133, 2 channels"), 2 * 8 * 2133e6);
  EXPECT_DOUBLE_EQ(bandwidth("DDR4-3000"), 2 * 8 * 3000e6);
  EXPECT_DOUBLE_EQ(bandwidth("64 GB"), 2 * 8 * 3200e6);   // what the processor takes
}

// --n-cpu-moe 24 of 48 layers: half of the experts' bytes on the host, half on the card.
TEST(Configurator, SoManyLayersOfExpertsStayOnTheHost) {
  Configurator configurator(facts());
  Observation o = decode_row("rtx-3090", 50);
  o.model = "qwen3-30b-a3b";
  o.quant = "Q8_0";   // every layer alike
  const auto share = [&](const char* layers) {
    o.flags["n_cpu_moe"] = layers;
    const auto p = configurator.prepare(o);
    double host = 0, all = 0;
    for (const auto& stage : p->load->stages) {
      if (stage.kind != cost::StageKind::experts) continue;
      all += stage.weight_bytes;
      if (stage.device == placement::kHost) host += stage.weight_bytes;
    }
    return host / all;
  };
  EXPECT_DOUBLE_EQ(share("24"), 0.5);
  EXPECT_DOUBLE_EQ(share("99"), 1);
}

TEST(Configurator, DisaggregatedRowsAreTheirDecodingMachines) {
  Configurator configurator(facts());
  Observation o = serving_row("gb200", 20, 32, 10);
  o.mode.clear();
  o.flags = {{"disaggregated", "1"}, {"decode_tp", "4"}, {"decode_dp", "1"}, {"decode_workers", "4"}};
  const auto p = configurator.prepare(o);
  ASSERT_TRUE(p) << to_text(p.error());
  EXPECT_EQ(p->replicas, 4);
  EXPECT_EQ(p->sequences, 8);   // 32 requests over four machines of four devices
  for (const auto& work : p->work) EXPECT_EQ(work.also, -1);   // their prompts are read elsewhere
}

TEST(Configurator, MedianLatencyBetweenTokensSeesNoRarePrompts) {
  Configurator configurator(facts());
  Observation o = serving_row("h100-sxm-80gb", 4, 16, 13);
  const auto mean = configurator.prepare(o);
  o.metric_name = "itl_ms";
  o.note = "p50";
  const auto median = configurator.prepare(o);
  ASSERT_TRUE(mean && median);
  EXPECT_GT(cost::seconds(*mean->load, mean->work), 1.02 * cost::seconds(*median->load, median->work));
}

// 80 layers x 8 heads x 256 x 2 B x 1,536 tokens = 503 MB a request; 80 GB hold 11 GB of cache beside 70 GB of weights at most.
TEST(Configurator, RunsPacedByArrivalsAreTheSimulators) {
  Configurator configurator(facts());
  Observation o = serving_row("h100-sxm-80gb", 4, 31, 13);
  o.flags = {{"num_prompts", "1000"}, {"peak_concurrent", "31"}};   // at most 31 at once, at some fixed rate: nobody says how many in the mean
  EXPECT_FALSE(configurator.prepare(o));
  o.flags["peak_concurrent"] = "512";                               // another figure than the one stated: the client's limit is stated
  EXPECT_TRUE(configurator.prepare(o));
}

TEST(Configurator, ShortRunsEndAmongFewRequests) {
  Configurator configurator(facts());
  Observation o = serving_row("h100-sxm-80gb", 4, 100, 2000);
  o.metric_name = "output_tokens_per_second";
  o.metric = Metric::output_tokens_per_second;
  o.flags = {{"num_prompts", "150"}};   // equal requests: a wave of 100 and one of 50, 150 / 200 of the places
  const auto equal = configurator.prepare(o);
  ASSERT_TRUE(equal) << to_text(equal.error());
  EXPECT_DOUBLE_EQ(equal->units, 0.75 * 100);
  // Chats of unlike lengths: the longest is three means, its steps take 0.6 of the full ones: 150 / (150 + (3 x 0.6 - 1) 100).
  o.flags = {{"num_prompts", "150"}, {"total_output_tokens", "153601"}};
  const auto unlike = configurator.prepare(o);
  ASSERT_TRUE(unlike) << to_text(unlike.error());
  EXPECT_NEAR(unlike->units, 100 * 150 / 230.0, 1e-9);
}

TEST(Configurator, WithoutGraphsEveryKernelIsStarted) {
  Configurator configurator(facts());
  Observation o = serving_row("h100-sxm-80gb", 4, 16, 13);
  const auto has_eager = [](const Prepared& p) {
    for (const cost::Path& path : p.load->paths)
      for (const cost::Factor& factor : path.factors)
        if (factor.effect == "launch|eager") return true;
    return false;
  };
  EXPECT_FALSE(has_eager(*configurator.prepare(o)));
  o.flags = {{"enforce_eager", "1"}};
  EXPECT_TRUE(has_eager(*configurator.prepare(o)));
}

// A draft more is right less often, and a step of more rows takes longer: what a row says of its drafts tells how long a token takes.
TEST(Configurator, DraftsAreAsTheRowSays) {
  Configurator configurator(facts());
  const auto seconds_of = [&](std::map<std::string, std::string, std::less<>> flags) {
    Observation o = serving_row("h100-sxm-80gb", 1, 1, 20);
    o.phase = "decode";
    o.metric = Metric::tokens_per_second;
    o.metric_name = "tokens_per_second";
    for (auto& [name, value] : flags) o.flags[name] = value;
    const auto p = configurator.prepare(o);
    EXPECT_TRUE(p) << to_text(p.error());
    EXPECT_EQ(p->speculative, !flags.empty());
    return cost::seconds(*p->load, p->work);
  };
  const double plain = seconds_of({});
  EXPECT_NEAR(seconds_of({{"spec", "mtp"}}), seconds_of({{"spec", "mtp n=3"}}), 1e-12);
  EXPECT_NEAR(seconds_of({{"spec", "mtp"}, {"n", "2"}, {"acceptance", "0.8"}}), seconds_of({{"spec", "mtp k=2"}, {"accept_length", "2.6"}}), 1e-12);   // 1 + 2 x 0.8
  EXPECT_LT(seconds_of({{"spec", "mtp"}, {"accept_length", "3"}}), 0.5 * plain);   // bound by memory: a third, and the drafting
  EXPECT_LT(seconds_of({{"spec_decode", "ngram"}, {"accept_length", "3"}}), seconds_of({{"spec_decode", "dflash"}, {"accept_length", "3"}}));   // looked up in the text
  EXPECT_LT(seconds_of({{"spec_decode", "dflash"}, {"accept_length", "3"}}), seconds_of({{"spec", "mtp"}, {"accept_length", "3"}}));            // in one pass, not three
  // Five drafts in blocks take the pass that one draft of MTP takes; as a chain they take five.
  EXPECT_NEAR(seconds_of({{"spec", "dspark"}, {"n", "5"}, {"accept_length", "3"}}), seconds_of({{"spec", "draft-dflash"}, {"n", "5"}, {"accept_length", "3"}}), 1e-12);
  EXPECT_LT(seconds_of({{"spec", "dspark"}, {"n", "5"}, {"accept_length", "3"}}), seconds_of({{"spec", "draft-mtp"}, {"n", "5"}, {"accept_length", "3"}}));
  EXPECT_GT(seconds_of({{"spec", "eagle"}, {"draft_tokens", "64"}, {"spec_steps", "5"}, {"accept_length", "3"}}), seconds_of({{"spec", "eagle"}, {"n", "5"}, {"accept_length", "3"}}));
}

// Tokens that a step keeps come together: from one batch to the next it takes as many times as long as a token does.
TEST(Configurator, LatencyBetweenTokensIsThatOfSteps) {
  Configurator configurator(facts());
  const auto measured = [&](const char* metric, std::map<std::string, std::string, std::less<>> flags, int streams) {
    Observation o = serving_row("h100-sxm-80gb", 1, streams, 20);
    o.metric = Metric::tpot_ms;
    o.metric_name = metric;
    o.flags = std::move(flags);
    const auto p = configurator.prepare(o);
    EXPECT_TRUE(p) << to_text(p.error());
    return p->measured_seconds;
  };
  for (const int streams : {1, 16}) {
    EXPECT_NEAR(measured("itl_ms", {{"spec", "mtp"}, {"accept_length", "2.5"}}, streams), measured("tpot_ms", {{"spec", "mtp"}, {"accept_length", "2.5"}}, streams) / 2.5, 1e-12);
    EXPECT_NEAR(measured("itl_ms", {}, streams), measured("tpot_ms", {}, streams), 1e-12);
  }
}

// Mesa's driver for Intel became twice as fast with 26.2 of August 2026; Windows has another, and AMD's own was given up.
TEST(Configurator, OldVulkanDriversHaveEffectsOfTheirOwn) {
  Configurator configurator(facts());
  const auto driver = [&](const char* device, const char* os, const char* date, const char* named, const char* backend = "vulkan") {
    Observation o;
    o.device = device;
    o.os = os;
    o.date = date;
    o.engine = "llama.cpp";
    o.backend = backend;
    o.model = "qwen3-8b";
    o.quant = "Q4_K_M";
    o.phase = "decode";
    o.metric_name = "tokens_per_second";
    o.metric = Metric::tokens_per_second;
    o.value = 30;
    o.flags = {{"vulkan_driver", named}};
    const auto p = configurator.prepare(o);
    EXPECT_TRUE(p) << to_text(p.error());
    const std::string_view begin = "weights|driver=";
    for (const cost::Path& path : p->load->paths)
      for (const cost::Factor& factor : path.factors)
        if (factor.effect.starts_with(begin)) return std::string(factor.effect.substr(begin.size()));
    return std::string();
  };
  EXPECT_EQ(driver("arc-pro-b70", "Ubuntu, Mesa 26.0.8", "2026-09", ""), "old_anv");
  EXPECT_EQ(driver("arc-pro-b70", "Ubuntu, Mesa 26.2.2", "2026-05", ""), "");   // what is said counts, not the date
  EXPECT_EQ(driver("arc-pro-b70", "Fedora 43", "2026-05", ""), "old_anv");
  EXPECT_EQ(driver("arc-pro-b70", "Fedora 44", "2026-10", ""), "");
  EXPECT_EQ(driver("arc-pro-b70", "Windows 11", "2026-05", ""), "");
  EXPECT_EQ(driver("arc-pro-b70", "Fedora 43", "2026-05", "", "sycl"), "");
  EXPECT_EQ(driver("ryzen-ai-max-395", "Fedora 43", "2026-05", "amdvlk"), "amdvlk");
  EXPECT_EQ(driver("ryzen-ai-max-395", "Fedora 43", "2026-05", "radv"), "");
}

TEST(Configurator, NoMoreRequestsRunThanTheCacheHolds) {
  Configurator configurator(facts());
  const auto p = configurator.prepare(serving_row("h100-sxm-80gb", 1, 512, 400));
  ASSERT_TRUE(p);
  EXPECT_LT(p->sequences, 23);
}

TEST(Priors, MostParticularPatternWins) {
  const auto priors = Priors::read("effect,mean,sd,why\nweights,-0.3,0.3,\n*|family=*,0,0.2,\n*|year:*,0,0.06,\n*|*,0,0.25,\ntimes|gemm,0,2,\nsource,0,0.15,\n");
  ASSERT_TRUE(priors);
  EXPECT_EQ(priors->of("weights").mean, -0.3);
  EXPECT_EQ(priors->of("weights|family=ada").sd, 0.2);
  EXPECT_EQ(priors->of("gemm|family=ada").sd, 0.4);
  EXPECT_EQ(priors->of("weights|year:engine=vllm").sd, 0.06);
  EXPECT_EQ(priors->of("weights|experts").sd, 0.25);
  EXPECT_EQ(priors->of("source|a/b").sd, 0.15);
  EXPECT_FALSE(Priors::read("effect,mean,sd\nweights,x,1\n"));
}

// Twenty cards of one family measured at 60 % of what the prior says: the fit must move there, and an unmeasured card must inherit it.
TEST(Fit, FamiliesInherit) {
  const auto priors = Priors::read("effect,mean,sd,why\nweights,-0.3,0.3,\n*|family=*,0,0.3,\n*|chip=*,0,0.1,\n*|*,0,0.02,\nsource,0,0.05,\n");
  ASSERT_TRUE(priors);
  std::vector<Observation> rows;
  Configurator configurator(facts(), true);
  std::vector<Prepared> prepared;
  for (const char* device : {"rtx-3060-12gb", "rtx-3070", "rtx-3080-10gb", "rtx-3090", "rtx-3090-ti", "rtx-a6000", "rtx-a5000", "rtx-a4000"}) {
    auto p = configurator.prepare(decode_row(device, 100));
    ASSERT_TRUE(p);
    cost::Load load = *p->load;
    cost::Calibration base;
    base.effects["weights"].mean = -0.3 + std::log(0.6);
    cost::resolve(load, base);
    p->measured_seconds = cost::seconds(load, p->work);
    p->source = device;
    prepared.push_back(*p);
  }
  std::vector<char> use(prepared.size(), 1);
  use.back() = 0;  // the A4000 is never seen
  const FitProblem problem(prepared, std::vector<double>(prepared.size(), 4.0), *priors);
  const auto calibration = problem.fit(use, {});
  const auto residuals = problem.residuals(calibration);
  EXPECT_LT(std::abs(residuals.back()), 0.12);   // without the family it would be log(1 / 0.6) = 0.51
  EXPECT_EQ(calibration.effects.find("weights|chip=ampere:19.2:448"), nullptr);
  ASSERT_NE(calibration.effects.find("weights"), nullptr);
  EXPECT_LT(calibration.effects.find("weights")->sd, 0.3);
}

// 100 rows of one source at +1 and one row each of 15 others at 0: the big source counts as 10 of 25, not as 100 of 115.
TEST(Misses, NoSourceDecidesAlone) {
  std::vector<detail::Miss> misses(100, {1.0, "big"});
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o"};
  for (const std::string& name : names) misses.push_back({0.0, name});
  const auto spread = detail::spread_of_misses(misses);
  ASSERT_TRUE(spread);
  EXPECT_EQ(spread->low, -0.02);            // 15/25 of the weight lies at 0: the 10 % quantile is there, and no interval is empty
  EXPECT_NEAR(spread->high, 1.0, 1e-9);
  EXPECT_FALSE(detail::spread_of_misses(std::vector<detail::Miss>(100, {1.0, "alone"})));       // one source is an anecdote
  EXPECT_FALSE(detail::spread_of_misses(std::vector<detail::Miss>(misses.end() - 15, misses.end())));  // so are fifteen rows
}

// Twelve sources of two rows each reach 0.5 (16 rows: with the middles of equal weights the 80 % quantile lies among the 8 rows of 2.0), so
// log(side) = log 2; twelve sources beside six usual ones: 12 / 18 of it. One that scatters less is believed less: beside twenty.
TEST(Misses, ATraitIsAsWideAsItsMissesBesideUsualSources) {
  std::vector<detail::Miss> sides;
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
  for (std::size_t i = 0; i < names.size(); ++i)
    for (int k = 0; k < 2; ++k) sides.push_back({std::log(i < 8 ? 0.5 : 2.0), names[i]});
  const auto width = detail::width_of_misses(sides);
  ASSERT_TRUE(width);
  EXPECT_NEAR(width->factor, std::pow(2.0, 12.0 / 18), 1e-9);
  EXPECT_EQ(width->rows, 24);
  for (detail::Miss& side : sides) side.value = std::log(0.5);
  EXPECT_NEAR(detail::width_of_misses(sides)->factor, std::pow(0.5, 12.0 / 32), 1e-9);
  EXPECT_FALSE(detail::width_of_misses(std::vector<detail::Miss>(9, {1.0, "few"})));
}

// Four cards as two ranges of layers that two share each: of every layer each of its two reads half, as a pair by itself does.
TEST(Layout, RangesBesideTensorParallel) {
  Configurator configurator(facts());
  const auto weights = [&](int devices, const char* ranges) {
    Observation o = decode_row("rtx-3090", 30);
    o.engine = "vLLM";
    o.mode = "tensor";
    o.devices = devices;
    o.degree = 2;
    if (*ranges) o.flags["pp"] = ranges;
    const auto p = configurator.prepare(o);
    if (!p) return std::pair(0.0, 0.0);
    double bytes = 0;
    for (const cost::Stage& stage : p->load->stages) bytes += stage.weight_bytes;
    return std::pair(bytes, p->stages);
  };
  const auto [pair, alone] = weights(2, "");
  const auto [four, ranges] = weights(4, "2");
  EXPECT_GT(pair, 0);
  EXPECT_DOUBLE_EQ(four, pair);
  EXPECT_EQ(alone, 1);
  EXPECT_EQ(ranges, 2);
  EXPECT_GT(weights(4, "").first, 0);
  EXPECT_DOUBLE_EQ(weights(4, "3").first, weights(4, "").first);   // no four are three alike: as if it were not said
}

// Rows whose host runs ahead of the device: the fit's own derivatives must find what made them.
TEST(Fit, ARowThatRunsAhead) {
  const auto priors = Priors::read("effect,mean,sd,why\n*|*,0,0.01,\nweights,0,0.5,\nlaunch,0,1,\nsource,0,0.01,\n");
  ASSERT_TRUE(priors);
  Configurator configurator(facts(), true);
  std::vector<Prepared> prepared;
  cost::Calibration truth;
  truth.effects["weights"].mean = -0.4;
  truth.effects["launch"].mean = -2.0;
  for (const char* model : {"qwen3-0.6b", "qwen3-1.7b", "qwen3-4b", "qwen3-8b", "llama-3.1-8b"}) {
    Observation o = decode_row("a100-sxm-80gb", 30);
    o.engine = "Transformers";
    o.model = o.model_printed = model;
    o.quant = "BF16";
    auto p = configurator.prepare(o);
    ASSERT_TRUE(p) << to_text(p.error());
    cost::Load load = *p->load;
    ASSERT_TRUE(load.runs_ahead);
    cost::resolve(load, truth);
    p->measured_seconds = cost::seconds(load, p->work);
    prepared.push_back(*p);
  }
  const FitProblem problem(prepared, std::vector<double>(prepared.size(), 100.0), *priors);
  const auto calibration = problem.fit(std::vector<char>(prepared.size(), 1), {});
  for (const double residual : problem.residuals(calibration)) EXPECT_NEAR(residual, 0, 0.02);
  EXPECT_NEAR(calibration.effects.find("launch")->mean, -2.0, 0.15);
}

TEST(Evaluate, NothingIsDroppedSilently) {
  Observation impossible = decode_row("rtx-3090", 5000), unknown = decode_row("GeForce 9", 5), good = decode_row("rtx-3090", 130);
  const auto calibration = cost::load_calibration(facts());
  ASSERT_TRUE(calibration) << to_text(calibration.error());
  const Evaluation e = evaluate(facts(), *calibration, {impossible, unknown, good});
  ASSERT_EQ(e.rows.size(), 3u);
  EXPECT_FALSE(e.rows[0].predicted);
  EXPECT_NE(e.rows[0].reason.find("roofline"), std::string::npos);
  EXPECT_FALSE(e.rows[1].predicted);
  ASSERT_TRUE(e.rows[2].predicted);
  EXPECT_LT(e.rows[2].predicted->p10, e.rows[2].predicted->p50);
  EXPECT_LT(std::abs(e.rows[2].error()), 0.35);
  const auto all = score(e, "");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].predicted, 1);
}

}  // namespace
}  // namespace rigcast::calibration
