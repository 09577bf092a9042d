// Rows in whatever spelling are the row they mean.

#include <cmath>

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "calibration/configure.hpp"
#include "calibration/evaluate.hpp"
#include "calibration/import.hpp"
#include "facts.hpp"

namespace rigcast::calibration {
namespace {

using rigcast::test::facts;

Observation row(const char* device, const char* model, const char* quant = "Q4_K_M") {
  Observation o;
  o.id = "a", o.device = device, o.engine = "llama.cpp", o.model = model, o.quant = quant, o.phase = "decode", o.depth = 0, o.value = 10, o.concurrency = 1;
  o.metric_name = "tokens_per_second", o.metric = Metric::tokens_per_second, o.date = "2025-06-15";
  return o;
}

Result<Prepared> prepare(const Observation& o) {
  Configurator configurator(facts());
  return configurator.prepare(o);
}

// Weights and experts on the host, as a share of all that are read for a token.
double on_host(const Prepared& p) {
  double host = 0, all = 0;
  for (const auto& stage : p.load->stages) {
    if (stage.kind != cost::StageKind::experts && stage.kind != cost::StageKind::weights) continue;
    all += stage.weight_bytes;
    if (stage.device == placement::kHost) host += stage.weight_bytes;
  }
  return host / all;
}

// llama.cpp puts -ot and --n-cpu-moe into one list: the experts of 24 of 48 layers stay on the host whatever else is placed.
TEST(Spelling, ExpertsAreCountedBesideOverrides) {
  const auto share = [](std::map<std::string, std::string, std::less<>> flags) {
    Observation o = row("rtx-3090", "qwen3-30b-a3b");
    o.flags = std::move(flags);
    const auto p = prepare(o);
    EXPECT_TRUE(p) << (p ? "" : to_text(p.error()));
    return p ? on_host(*p) : -1;
  };
  const double counted = share({{"n_cpu_moe", "24"}});
  EXPECT_NEAR(counted, 0.5, 0.1);
  EXPECT_NEAR(share({{"ot", "token_embd=CPU"}, {"n_cpu_moe", "24"}}), counted, 1e-9);
  EXPECT_LT(share({{"ot", "token_embd=CPU"}}), 0.1);
}

TEST(Spelling, FlagsHaveOneNameEach) {
  const auto flags = [](const char* json) { return parse_row(std::string("{\"device\":\"3090\",\"flags\":") + json + "}")->flags; };
  using Flags = std::map<std::string, std::string, std::less<>>;
  const Flags wanted = {{"ngl", "20"}, {"n_cpu_moe", "10"}, {"fa", "1"}, {"ub", "1024"}, {"ctk", "q8_0"}};
  EXPECT_EQ(flags(R"({"-ngl":20,"ncmoe":10,"flash_attn":true,"--ubatch-size":1024,"type_k":"q8_0"})"), wanted);
  EXPECT_EQ(flags(R"({"n-gpu-layers":"20","--n-cpu-moe":"10","FA":"1","n_ubatch":"1024","cache_type_k":"q8_0"})"), wanted);
  EXPECT_EQ(flags(R"("-ngl 20 -ncmoe 10 -fa 1 -ub 1024 -ctk q8_0")"), wanted);
  EXPECT_EQ(flags(R"(["-ngl","20","--n-cpu-moe","10","-fa","-ub",1024,"-ctk","q8_0"])"), wanted);
  EXPECT_EQ(flags(R"("ngl=20;ncmoe=10;fa=1;ub=1024;ctk=q8_0")"), wanted);
  EXPECT_EQ(flags(R"({"ngl":20,"gpu_layers":99})").at("ngl"), "20");   // the usual name is right
  EXPECT_EQ(flags(R"({"power_limit":150,"--chunked-prefill-size":8192})"), (Flags{{"power_limit_w", "150"}, {"max_num_batched_tokens", "8192"}}));
  EXPECT_EQ(flags(R"({"campaign":"x","expert_parallel":true})"), (Flags{{"campaign", "x"}, {"expert_parallel", "1"}}));
}

TEST(Spelling, DegreesSayHowManyDevicesThereAre) {
  struct Case { const char* json; const char* mode; int devices; };
  for (const Case& c : {Case{R"("parallel":"TP4")", "tensor", 4}, {R"("parallel":"tp=2, pp=2")", "tensor", 4}, {R"("parallel":"4-way tensor parallel")", "tensor", 4},
                        {R"("parallel":{"mode":"pipeline_parallel","degree":2})", "pipeline", 2}, {R"("flags":{"--tensor-parallel-size":8})", "tensor", 8},
                        {R"("flags":{"tp":1,"dp_size":2})", "data", 2}, {R"("parallel":"layer split","device_count":3)", "layer", 3},
                        {R"("flags":"-sm layer -ts 3,1")", "", 2}, {R"("parallel":{"mode":"tensor","degree":24},"device_count":12)", "tensor", 12}, {R"("parallel":"single")", "single", 1}}) {
    const auto o = parse_row(std::string("{\"device\":\"h100\",") + c.json + "}");
    EXPECT_EQ(o->mode, c.mode) << c.json;
    EXPECT_EQ(o->devices, c.devices) << c.json;
  }
}

TEST(Spelling, ThePhaseIsInferredWhereTheMetricLeavesNoOther) {
  const auto phase = [](const char* json) { return parse_row(std::string("{\"device\":\"h100\",") + json + "}")->phase; };
  EXPECT_EQ(phase(R"("metric":"tpot_ms")"), "decode");
  EXPECT_EQ(phase(R"("metric":"tpot_ms","concurrency":8)"), "serve");
  EXPECT_EQ(phase(R"("metric":"ttft_ms","prompt_tokens":512)"), "prefill");
  EXPECT_EQ(phase(R"("metric":"output_tokens_per_second")"), "serve");
  EXPECT_EQ(phase(R"("metric":"tokens_per_second","generated_tokens":128)"), "decode");
  EXPECT_EQ(phase(R"("metric":"tokens_per_second","prompt_tokens":512)"), "prefill");
  EXPECT_EQ(phase(R"("metric":"tokens_per_second","prompt_tokens":512,"generated_tokens":128)"), "");   // either
  EXPECT_EQ(phase(R"("metric":"tg128")"), "decode");
  EXPECT_EQ(phase(R"("metric":"tok/s","phase":"Prompt processing")"), "prefill");
  Observation o = row("3090", "qwen3-8b");
  o.phase.clear();
  EXPECT_EQ(prepare(o).error().message, "no phase is stated, and the metric tells none: decode, prefill or serve");
  o.phase = "image";
  EXPECT_NE(prepare(o).error().message.find("another estimator's"), std::string::npos);
}

TEST(Spelling, DevicesInEverySpellingOfARig) {
  struct Case { const char* device; const char* key; int count; };
  for (const Case& c : {Case{"8xH100", "h100-sxm-80gb", 8}, {"2x RTX 3090", "rtx-3090", 2}, {"RTX 3090 x4", "rtx-3090", 4}, {"2 x NVIDIA GeForce RTX 3090", "rtx-3090", 2},
                        {"双3090", "rtx-3090", 2}, {"NVIDIA GeForce RTX 3090 (2x)", "rtx-3090", 2}, {"Dual RTX 3090", "rtx-3090", 2}, {"DGX H100", "h100-sxm-80gb", 8},
                        {"RTX 3090, RTX 3090", "rtx-3090", 2}, {"A100", "a100-sxm-80gb", 1}, {"2x A100", "a100-sxm-80gb", 2}, {"3090@200w", "rtx-3090", 1}, {"Huawei Ascend 910C (Atlas A3) x4", "ascend-910c", 4},
                        {"NVIDIA GeForce RTX 4090", "rtx-4090", 1}}) {
    const auto p = prepare(row(c.device, "qwen3-8b"));
    ASSERT_TRUE(p) << c.device << ": " << to_text(p.error());
    EXPECT_EQ(p->device, c.key) << c.device;
    EXPECT_EQ(p->devices, c.count) << c.device;
  }
  Observation stated = row("8xH100", "qwen3-8b");
  stated.devices = 16;   // two such servers
  EXPECT_EQ(prepare(stated)->devices, 16);
  // Cards of two kinds share the layers by their memory.
  const auto unlike = prepare(row("RTX 3090 + RTX 4090", "qwen3-32b"));
  ASSERT_TRUE(unlike) << to_text(unlike.error());
  EXPECT_EQ(unlike->devices, 2);
}

TEST(Spelling, ModelsAreThoseThatPlansKnow) {
  struct Case { const char* model; const char* key; };
  for (const Case& c : {Case{"gpt-oss:120b", "gpt-oss-120b"}, {"openai/gpt-oss-120b", "gpt-oss-120b"}, {"unsloth/gpt-oss-120b-GGUF", "gpt-oss-120b"}, {"zai-org/GLM-4.6", "glm-4.6"},
                        {"microsoft/phi-4", "phi-4"}, {"Qwen/Qwen3-30B-A3B", "qwen3-30b-a3b"}, {"qwen3:30b-a3b", "qwen3-30b-a3b"}, {"qwen3 8B Q4_K - Medium", "qwen3-8b"},
                        {"qwen3 8B Q4_K - Medium [Qwen3-8B-Q4_K_M.gguf]", "qwen3-8b"}, {"/models/Qwen3-32B-UD-Q4_K_XL-00001-of-00002.gguf", "qwen3-32b"},
                        {"C:\\models\\Qwen3-8B-Q8_0.gguf", "qwen3-8b"}, {"llama-2-7b.Q4_0", "llama-2-7b"}, {"Qwen3 235B A22B (qwen3-235b-a22b)", "qwen3-235b-a22b"},
                        {"QuantTrio/Qwen3-32B-AWQ-4bit", "qwen3-32b"}}) {
    const auto p = prepare(row("8xb300", c.model, ""));
    ASSERT_TRUE(p) << c.model << ": " << to_text(p.error());
    EXPECT_EQ(p->model, c.key) << c.model;
    EXPECT_FALSE(p->surrogate) << c.model;
  }
  EXPECT_TRUE(prepare(row("8xb300", "gpt-oss:120b", ""))->experts);
  EXPECT_EQ(prepare(row("8xb300", "Qwen3-8B-Q8_0.gguf", ""))->format, "q8_0");   // in the format that the name tells
  EXPECT_EQ(prepare(row("8xb300", "Qwen3-8B-Q8_0.gguf", "Q4_K_M"))->format, "q4_k");   // where none is stated
}

TEST(Spelling, FormatsAsSourcesPrintThem) {
  for (const auto& [printed, recipe] : {std::pair{"Q4_K - Medium", "Q4_K_M"}, {"q4km", "Q4_K_M"}, {"Q5-K-S", "Q5_K_S"}, {"Q4_K_M GGUF", "Q4_K_M"}, {"torch.bfloat16", "BF16"}, {"float16", "F16"},
                                        {"AWQ 4-bit (Marlin)", "AWQ"}, {"GPTQ 8-bit", "GPTQ-INT8"}, {"FP8 E4M3", "FP8"}, {"MLX 4-bit", "MLX-4BIT"}, {"EXL2 4.5 bpw", "EXL2-4.5BPW"}}) {
    const auto spelled = prepare(row("h100", "qwen3-8b", printed)), usual = prepare(row("h100", "qwen3-8b", recipe));
    ASSERT_TRUE(spelled && usual) << printed;
    EXPECT_EQ(spelled->format, usual->format) << printed;
    EXPECT_EQ(spelled->file_bytes, usual->file_bytes) << printed;
  }
}

// Qwen3 32B has 64 layers and a head: of -ngl 49 the first 16 layers run from the host, a quarter of the layers' bytes.
TEST(Spelling, LayersThatAreNotOffloadedRunFromTheHost) {
  Observation o = row("rtx-5070-ti", "qwen3-32b", "Q8_0");   // every layer alike
  const auto share = [&](const char* layers) {
    o.flags["ngl"] = layers;
    return on_host(*prepare(o));
  };
  const double some = share("49");
  EXPECT_NEAR(some, 0.25, 0.02);
  EXPECT_NEAR(share("33") / some, 2, 1e-3);
  EXPECT_GT(share("48"), some);
  EXPECT_DOUBLE_EQ(share("99"), 0);
  EXPECT_DOUBLE_EQ(share("0"), 1);
}

TEST(Spelling, PatternsPutTheirTensorsOnTheHost) {
  Observation o = row("rtx-3090", "qwen3-30b-a3b", "Q8_0");
  const auto share = [&](const char* pattern) {
    o.flags["ot"] = pattern;
    return on_host(*prepare(o));
  };
  const double all = share("exps=CPU");
  EXPECT_GT(all, 0.9);
  EXPECT_NEAR(share("blk\\.([0-9]|1[0-9]|2[0-3])\\.ffn_.*_exps\\.=CPU") / all, 0.5, 1e-6);   // 24 of 48 layers
  EXPECT_NEAR(share("down/gate/up_exps=CPU"), all, 1e-9);   // no pattern of any tensor, but clear
}

TEST(Spelling, ShapesMadeFromASizeAreNoNeighbours) {
  cost::Calibration calibration;
  calibration.spreads["decode"] = {-0.2, 0.2};
  const Evaluation e = evaluate(facts(), calibration, {row("3090", "qwen3-8b"), row("3090", "nobody-knows-8b")});
  ASSERT_TRUE(e.rows[0].predicted && e.rows[1].predicted);
  EXPECT_EQ(e.rows[1].grade, cost::Grade::extrapolated);
  const auto width = [](const Prediction& p) { return std::log(p.predicted->p90 / p.predicted->p10); };
  EXPECT_GT(width(e.rows[1]), 1.5 * width(e.rows[0]));
}

constexpr const char* kShared =
    "id,source,device,device_raw,device_count,memory_gb,host,engine,engine_version,backend,model_raw,model_key,quant,model_bytes,params,parallel,flags,phase,prompt_tokens,generated_tokens,"
    "context_depth,concurrency,metric,value,stddev,note,extra\n";

TEST(ReadCsv, RowsOfTheSharedFormatAsCsv) {
  const auto in = import_text(std::string(kShared) +
                                  "a,\"{\"\"url\"\":\"\"https://e.org\"\",\"\"date\"\":\"\"2025-02\"\"}\",2x RTX 3090,,,24.0,,llama.cpp,,CUDA,,qwen3-8b,Q4_K_M,,,"
                                  "\"{\"\"mode\"\":\"\"layer\"\",\"\"degree\"\":2}\",\"{\"\"ngl\"\":99,\"\"fa\"\":true}\",decode,,128.0,0,1,tokens_per_second,\"1,500\",,\"two\nlines\",?\n"
                                  "b,,3090,,1,\n"
                                  "c,,3090,,1,,,llama.cpp,,CUDA,,qwen3-8b,Q4_K_M,,,,,decode,,128,0,1,tokens_per_second,fast,,,\n"
                                  "d,,3090,,1,,,llama.cpp,,CUDA,,qwen3-8b,Q4_K_M,,,TP2,-ngl 20,decode,,None,0,1,tokens_per_second,70,,,\n",
                              "x.csv");
  ASSERT_TRUE(in) << to_text(in.error());
  ASSERT_EQ(in->rows.size(), 2u);
  EXPECT_EQ(in->rows[0].value, 1500);
  EXPECT_EQ(in->rows[0].date, "2025-02");
  EXPECT_EQ(in->rows[0].mode, "layer");
  EXPECT_EQ(in->rows[0].flags.at("ngl"), "99");
  EXPECT_EQ(in->rows[1].devices, 2);
  EXPECT_EQ(in->rows[1].flags.at("ngl"), "20");
  EXPECT_EQ(in->ignored, std::vector<std::string>{"extra"});
  ASSERT_EQ(in->unread.size(), 2u);
  EXPECT_EQ(to_text(in->unread[0]), "x.csv:4:1: 6 cells where the header has 27");
  EXPECT_EQ(to_text(in->unread[1]), "x.csv:5:1: 'fast' cannot be a value");
}

TEST(ReadCsv, TabsSemicolonsAndFlagsAsColumns) {
  for (const char* mark : {"\t", ";"}) {
    std::string text = "device,model,phase,metric,value,n_gpu_layers\n3090,qwen3-8b,decode,tokens_per_second,70,20\n";
    const auto in = import_text(replace_all(text, ",", mark), "x.csv");
    ASSERT_TRUE(in) << to_text(in.error());
    ASSERT_EQ(in->rows.size(), 1u);
    EXPECT_EQ(in->rows[0].flags.at("ngl"), "20");
  }
}

}  // namespace
}  // namespace rigcast::calibration
