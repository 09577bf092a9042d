#include <gtest/gtest.h>

#include "calibration/import.hpp"
#include "recorded.hpp"

namespace rigcast::calibration {
namespace {

TEST(Import, LlamaBenchMarkdown) {
  const auto in = import_text(
      "| model | size | params | backend | ngl | test | t/s |\n| --- | ---: | ---: | --- | --: | ---: | ---: |\n"
      "| llama 7B Q4_K - Medium | 3.80 GiB | 6.74 B | CUDA | 99 | pp512 @ d4096 | 2311.15 \xC2\xB1 12.3 |\n"
      "| llama 7B Q4_K - Medium | 3.80 GiB | 6.74 B | CUDA | 99 | tg128 | 105.40 \xC2\xB1 0.2 |\n| short |\n",
      "x.md", {.device = "rtx-3090", .engine = "", .backend = "", .model = "", .quant = "", .date = "", .source = ""});
  ASSERT_TRUE(in) << to_text(in.error());
  ASSERT_EQ(in->rows.size(), 2u);
  EXPECT_EQ(in->rows[0].phase, "prefill");
  EXPECT_EQ(in->rows[0].prompt, 512);
  EXPECT_EQ(in->rows[0].depth, 4096);
  EXPECT_EQ(in->rows[0].quant, "Q4_K_M");
  EXPECT_EQ(in->rows[0].device, "rtx-3090");
  EXPECT_NEAR(in->rows[0].model_bytes, 3.80 * 1073741824.0, 1);
  EXPECT_EQ(in->rows[1].value, 105.40);
  ASSERT_EQ(in->unread.size(), 1u);
  EXPECT_EQ(in->unread[0].where.line, 5);
}

TEST(Import, LlamaBenchJsonAndJsonLines) {
  const std::string row = R"({"build_commit":"abc","build_number":5921,"gpu_info":"NVIDIA GeForce RTX 3090, NVIDIA GeForce RTX 3090","backends":"CUDA","model_type":"llama 7B Q4_0","model_size":3825065984,"model_n_params":6738415616,"n_ubatch":512,"n_prompt":0,"n_gen":128,"n_depth":0,"avg_ts":130.5,"test_time":"2025-07-01T00:00:00Z"})";
  for (const std::string& text : {row + "\n" + row + "\n", "[\n" + row + ",\n" + row + "\n]"}) {
    const auto in = import_text(text, "x.json");
    ASSERT_TRUE(in) << to_text(in.error());
    ASSERT_EQ(in->rows.size(), 2u);
    EXPECT_EQ(in->rows[0].devices, 2);
    EXPECT_EQ(in->rows[0].device, "NVIDIA GeForce RTX 3090");
    EXPECT_EQ(in->rows[0].phase, "decode");
    EXPECT_EQ(in->rows[0].flags.at("ub"), "512");
  }
}

TEST(Import, UnlikeCardsAreNotSoManyOfTheFirst) {
  const std::string row = R"({"gpu_info":"NVIDIA GeForce RTX 3090, NVIDIA GeForce RTX 4090","backends":"CUDA","model_type":"llama 7B Q4_0","n_prompt":0,"n_gen":128,"avg_ts":130.5})";
  const auto in = import_text(row, "x.json");
  ASSERT_TRUE(in) << to_text(in.error());
  EXPECT_EQ(in->rows.at(0).device, "NVIDIA GeForce RTX 3090 + NVIDIA GeForce RTX 4090");
  EXPECT_EQ(in->rows.at(0).devices, 2);
}

TEST(Import, MemoryBehindADeviceTellsItsVersion) {
  const auto in = import_text(
      "  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes, VRAM: 48510 MiB\n| model | size | params | backend | ngl | test | t/s |\n| --- | ---: | ---: | --- | --: | ---: | ---: |\n"
      "| qwen3 8B Q4_K - Medium | 4.68 GiB | 8.19 B | CUDA | 99 | tg128 | 131.40 |\n", "x.md");
  ASSERT_TRUE(in) << to_text(in.error());
  EXPECT_NEAR(in->rows.at(0).memory_gb, 47.4, 0.1);
}

// SGLang's bench_serving sends as fast as it can unless told: Python writes that rate as Infinity, which is no JSON.
TEST(Import, NumbersThatPythonWritesAndJsonHasNot) {
  const std::string row = R"({"backend":"sglang","dataset_name":"random","request_rate":Infinity,"max_concurrency":8,"model_id":"NaN Infinity/Qwen3-8B","completed":100,"total_input_tokens":102400,)"
                          R"("total_output_tokens":12800,"request_throughput":1.2,"output_throughput":700,"mean_ttft_ms":80.5,"mean_tpot_ms":11.2,"mean_itl_ms":NaN})";
  const auto in = import_text(row + "\n", "x.jsonl");
  ASSERT_TRUE(in) << to_text(in.error());
  EXPECT_EQ(in->rows.size(), 3u);
  EXPECT_EQ(in->rows[0].engine, "sglang");
  EXPECT_EQ(in->rows[0].model_printed, "NaN Infinity/Qwen3-8B");   // texts stay
}

TEST(Import, WhatOllamaPrintsBehindAnAnswer) {
  const auto in = import_text("Hello!\n\ntotal duration:       4.1s\nprompt eval count:    26 token(s)\nprompt eval duration: 130ms\nprompt eval rate:     199.88 tokens/s\n"
                              "eval count:           298 token(s)\neval duration:        4.7s\neval rate:            63.28 tokens/s\n", "x.txt");
  ASSERT_TRUE(in) << to_text(in.error());
  ASSERT_EQ(in->rows.size(), 2u);
  EXPECT_EQ(in->rows[0].phase, "prefill");
  EXPECT_EQ(in->rows[0].prompt, 26);
  EXPECT_EQ(in->rows[1].value, 63.28);
  EXPECT_EQ(in->rows[1].depth, 26);
}

TEST(Import, ADamagedFirstLineLosesOnlyItself) {
  const auto in = import_text("oops}\n{\"id\":\"a\",\"device\":\"3090\"}\n[1]\n{\"id\":\"b\"}\n", "x.jsonl");
  ASSERT_TRUE(in) << to_text(in.error());
  EXPECT_EQ(in->rows.size(), 2u);   // refused where they are evaluated, each with its reason
  EXPECT_EQ(in->unread.size(), 2u);
}

TEST(Import, LlamaBenchCsv) {
  const auto in = import_text("build_commit,gpu_info,model_type,n_prompt,n_gen,avg_ts\n\"abc\",\"RTX 3090\",\"llama 7B Q4_0\",\"512\",\"0\",\"3000.5\"\n", "x.csv");
  ASSERT_TRUE(in);
  ASSERT_EQ(in->rows.size(), 1u);
  EXPECT_EQ(in->rows[0].phase, "prefill");
  EXPECT_EQ(in->rows[0].value, 3000.5);
}

TEST(Import, BatchedBenchAndServers) {
  const auto table = import_text("|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |\n|---|---|---|---|---|---|---|---|\n| 512 | 128 | 4 | 2560 | 0.5 | 4000 | 1.2 | 420.5 |\n", "x.txt");
  ASSERT_TRUE(table) << to_text(table.error());
  ASSERT_EQ(table->rows.size(), 1u);
  EXPECT_EQ(table->rows[0].concurrency, 4);
  EXPECT_EQ(table->rows[0].value, 420.5);
  const auto vllm = import_text(R"({"date":"20250701-1","backend":"vllm","model_id":"Qwen/Qwen3-8B","num_prompts":100,"completed":100,"max_concurrency":8,"total_input_tokens":102400,"total_output_tokens":12800,"request_throughput":1.2,"output_throughput":700,"mean_ttft_ms":80.5,"mean_tpot_ms":11.2})", "x.json");
  ASSERT_TRUE(vllm);
  ASSERT_EQ(vllm->rows.size(), 3u);
  EXPECT_EQ(vllm->rows[0].metric, Metric::tpot_ms);
  EXPECT_EQ(vllm->rows[0].prompt, 1024);
  EXPECT_EQ(vllm->rows[0].model, "qwen3-8b");
  const auto aiperf = import_text(R"({"input_config":{"loadgen":{"concurrency":16}},"time_to_first_token":{"avg":90,"unit":"ms"},"inter_token_latency":{"avg":12.5},"output_token_throughput":{"avg":1200}})", "x.json");
  ASSERT_TRUE(aiperf);
  EXPECT_EQ(aiperf->rows.size(), 3u);
  EXPECT_EQ(aiperf->rows[0].concurrency, 16);
  const auto guide = import_text(R"({"benchmarks":[{"metrics":{"request_concurrency":{"successful":{"mean":4}},"inter_token_latency_ms":{"successful":{"mean":9.5}}}}]})", "x.json");
  ASSERT_TRUE(guide);
  ASSERT_EQ(guide->rows.size(), 1u);
  EXPECT_EQ(guide->rows[0].value, 9.5);
}

// ---- files as the programs write them: tests/recorded/benchmarks
Imported recorded(const std::string& name) {
  const auto in = import_text(testing::read_recorded("benchmarks/" + name), name);
  EXPECT_TRUE(in) << name << ": " << (in ? std::string() : to_text(in.error()));
  return in ? *in : Imported{};
}

TEST(Recorded, LlamaBenchTellsItsCardsAndBuildAroundTheTable) {
  const Imported in = recorded("llama-bench.md");
  ASSERT_EQ(in.rows.size(), 3u);
  EXPECT_EQ(in.rows[0].device, "NVIDIA GeForce RTX 3090");
  EXPECT_EQ(in.rows[0].devices, 2);
  EXPECT_EQ(in.rows[0].mode, "layer");
  EXPECT_EQ(in.rows[0].engine_version, "b5921 (4d0d0dc9)");
  EXPECT_EQ(in.rows[2].depth, 8192);
  ASSERT_EQ(in.unread.size(), 1u);   // pp512+tg128 mixes two phases
  const Imported vulkan = recorded("llama-bench-vulkan.md");
  ASSERT_EQ(vulkan.rows.size(), 1u);
  EXPECT_EQ(vulkan.rows[0].device, "AMD Radeon RX 7900 XTX");
  EXPECT_EQ(vulkan.rows[0].devices, 1);
  EXPECT_EQ(vulkan.rows[0].quant, "Q4_K_M");
}

TEST(Recorded, LlamaBenchCsvAndJson) {
  const Imported csv = recorded("llama-bench.csv");
  ASSERT_EQ(csv.rows.size(), 2u);
  EXPECT_EQ(csv.rows[0].value, 11670.412);
  EXPECT_EQ(csv.rows[1].depth, 4096);
  EXPECT_EQ(csv.rows[1].phase, "decode");
  EXPECT_EQ(csv.rows[1].date, "2025-07-18");
  EXPECT_EQ(csv.rows[1].model_printed, "qwen3 8B Q4_K - Medium [Qwen3-8B-Q4_K_M.gguf]");
  const Imported json = recorded("llama-bench.json");
  ASSERT_EQ(json.rows.size(), 1u);
  EXPECT_EQ(json.rows[0].device, "Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz (CPU)");
  EXPECT_EQ(json.rows[0].model_printed.find("someone"), std::string::npos);   // the folder is the owner's own business
}

TEST(Recorded, LlamaBatchedBench) {
  for (const char* name : {"llama-batched-bench.txt", "llama-batched-bench.jsonl"}) {
    const Imported in = recorded(name);
    ASSERT_EQ(in.rows.size(), 3u) << name;   // decode and prefill of one sequence, decode of eight
    EXPECT_NEAR(in.rows[0].value, 127.74, 0.01);
    EXPECT_EQ(in.rows[1].phase, "prefill");
    EXPECT_EQ(in.rows[2].concurrency, 8);
    EXPECT_NEAR(in.rows[2].value, 636.02, 0.01);
    EXPECT_TRUE(in.unread.empty());
  }
}

TEST(Recorded, Servers) {
  const Imported vllm = recorded("vllm-bench-serve.json");
  ASSERT_EQ(vllm.rows.size(), 3u);
  EXPECT_EQ(vllm.rows[0].date, "2025-09-11");
  EXPECT_EQ(vllm.rows[0].model, "qwen3-32b-awq");
  EXPECT_EQ(vllm.rows[0].prompt, 1024);
  EXPECT_EQ(vllm.rows[0].generated, 256);
  EXPECT_EQ(vllm.rows[0].value, 27.31);
  const Imported printed = recorded("vllm-bench-serve.txt");
  ASSERT_EQ(printed.rows.size(), 3u);
  EXPECT_EQ(printed.rows[0].concurrency, 32);
  EXPECT_EQ(printed.rows[0].prompt, 2048);
  EXPECT_EQ(printed.rows[0].value, 70.14);
  EXPECT_EQ(printed.rows[2].metric, Metric::output_tokens_per_second);
  const Imported sglang = recorded("sglang-bench-serving.jsonl");
  ASSERT_EQ(sglang.rows.size(), 3u);
  EXPECT_EQ(sglang.rows[0].flags.at("request_rate"), "4");
  EXPECT_EQ(sglang.rows[0].concurrency, -1);
  const Imported aiperf = recorded("aiperf.json");
  ASSERT_EQ(aiperf.rows.size(), 3u);
  EXPECT_EQ(aiperf.format, "aiperf");
  EXPECT_EQ(aiperf.rows[0].model, "qwen3-8b");
  EXPECT_EQ(aiperf.rows[0].concurrency, 8);
  EXPECT_EQ(aiperf.rows[0].date, "2025-10-02");
  const Imported genai = recorded("genai-perf.json");
  ASSERT_EQ(genai.rows.size(), 3u);
  EXPECT_EQ(genai.format, "genai-perf");
  EXPECT_EQ(genai.rows[0].concurrency, 1);
  EXPECT_EQ(genai.rows[0].model, "llama-3.1-8b-instruct");
  const Imported guide = recorded("guidellm.json");
  ASSERT_EQ(guide.rows.size(), 3u);
  EXPECT_EQ(guide.rows[0].concurrency, 4);
  EXPECT_EQ(guide.rows[0].date, "2025-09-11");
  EXPECT_EQ(guide.rows[0].model, "llama-3.1-8b-instruct");
  ASSERT_EQ(guide.unread.size(), 1u);
  EXPECT_EQ(guide.unread[0].message, "a benchmark had no successful request");
  const Imported rows = recorded("rows.jsonl");
  ASSERT_EQ(rows.rows.size(), 1u);
  EXPECT_EQ(rows.rows[0].degree, 2);
  EXPECT_EQ(rows.rows[0].host_memory, "256 GB DDR4-3200");
}

// Any cut of any of these is read or refused, never more; and what a cut line-based file still holds is kept.
TEST(Recorded, AnyCutIsReadOrRefused) {
  for (const char* name : {"llama-bench.md", "llama-bench.csv", "llama-bench.json", "llama-batched-bench.txt", "llama-batched-bench.jsonl", "vllm-bench-serve.json",
                           "vllm-bench-serve.txt", "sglang-bench-serving.jsonl", "aiperf.json", "genai-perf.json", "guidellm.json", "rows.jsonl"}) {
    const std::string text = testing::read_recorded(std::string("benchmarks/") + name);
    for (std::size_t length = 0; length < text.size(); length += 3)
      if (const auto in = import_text(std::string_view(text).substr(0, length), name)) {
        for (const Observation& row : in->rows) EXPECT_GT(row.value, 0) << name << " cut at " << length;
      }
  }
  const std::string lines = testing::read_recorded("benchmarks/llama-batched-bench.jsonl");
  const auto cut = import_text(lines.substr(0, lines.size() - 40), "x.jsonl");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->rows.size(), 2u);
  EXPECT_EQ(cut->unread.size(), 1u);
}

TEST(Recorded, MarksAndLineEndsOfWindows) {
  std::string text = "\xEF\xBB\xBF";
  for (const char c : testing::read_recorded("benchmarks/llama-bench.md")) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto in = import_text(text, "x.md");
  ASSERT_TRUE(in) << to_text(in.error());
  EXPECT_EQ(in->rows.size(), 3u);
  EXPECT_EQ(in->rows[0].engine_version, "b5921 (4d0d0dc9)");
}

TEST(Import, BrokenLinesNeverLoseTheOthers) {
  const auto in = import_text("{\"device\":\"a\",\"metric\":\"tokens_per_second\",\"value\":1}\n{oops\n{\"device\":\"b\",\"metric\":\"tokens_per_second\",\"value\":2}\n", "log.jsonl");
  ASSERT_TRUE(in);
  EXPECT_EQ(in->rows.size(), 2u);
  ASSERT_EQ(in->unread.size(), 1u);
  EXPECT_EQ(in->unread[0].where.line, 2);
  EXPECT_FALSE(import_text("hello world", "x"));
  EXPECT_FALSE(import_text("", "x"));
  EXPECT_FALSE(import_text("{\"weather\": 3}{", "x"));
}

TEST(Import, DuplicatesAreFound) {
  const auto in = import_text("{\"device\":\"a\",\"metric\":\"tokens_per_second\",\"value\":1}\n{\"device\":\"a\",\"metric\":\"tokens_per_second\",\"value\":1}\n{\"device\":\"a\",\"metric\":\"tokens_per_second\",\"value\":2}\n", "log.jsonl");
  ASSERT_TRUE(in);
  EXPECT_EQ(without_duplicates({}, in->rows).size(), 2u);
  EXPECT_EQ(without_duplicates({in->rows[0]}, in->rows).size(), 1u);
}

// One run in the three formats of llama-bench: the table has neither file, date, card nor the flags left at what they are, and two digits.
TEST(Import, OneRunIsOneRowInWhateverFormat) {
  const std::string table = "| model | size | params | backend | ngl | test | t/s |\n| --- | ---: | ---: | --- | --: | ---: | ---: |\n"
                            "| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CUDA | 99 | pp512 | 3000.46 \u00b1 2.10 |\n\nbuild: abc (5921)\n";
  const std::string columns = "build_commit,build_number,backends,gpu_info,model_filename,model_type,model_size,model_n_params,n_gpu_layers,flash_attn,n_prompt,n_gen,n_depth,test_time,avg_ts\n";
  const auto csv = [&](const char* flash, const char* date, const char* value) {
    return columns + "\"abc\",\"5921\",\"CUDA\",\"RTX 3090\",\"m.gguf\",\"llama 7B Q4_0\",\"3825807360\",\"6738415616\",\"99\",\"" + flash + "\",\"512\",\"0\",\"0\",\"" + date + "\",\"" + value + "\"\n";
  };
  const std::string json = R"([{"build_commit": "abc", "build_number": 5921, "backends": "CUDA", "gpu_info": "RTX 3090", "model_filename": "m.gguf", "model_type": "llama 7B Q4_0",
    "model_size": 3825807360, "model_n_params": 6738415616, "n_gpu_layers": 99, "flash_attn": true, "n_prompt": 512, "n_gen": 0, "n_depth": 0, "test_time": "2026-11-02T10:00:00Z", "avg_ts": 3000.459812}])";
  const auto rows = [](const std::string& text) { return import_text(text, "run")->rows; };
  const auto first = rows(json);
  ASSERT_EQ(first.size(), 1u);
  const auto added = [&](const std::string& text) { return without_duplicates(first, rows(text)).size(); };
  EXPECT_EQ(added(csv("1", "2026-11-02T10:00:00Z", "3000.459812")), 0u);
  EXPECT_EQ(added(table), 0u);
  EXPECT_EQ(without_duplicates(rows(table), first).size(), 0u);
  EXPECT_EQ(added(csv("0", "2026-11-02T10:00:00Z", "3000.459812")), 1u) << "another flag";
  EXPECT_EQ(added(csv("1", "2026-11-03T10:00:00Z", "3000.459812")), 1u) << "another day";
  EXPECT_EQ(added(csv("1", "2026-11-02T10:00:00Z", "3000.461000")), 1u) << "another run of that day";
  std::string other = table;
  EXPECT_EQ(added(other.replace(other.find("5921"), 4, "5922")), 1u) << "another build";
  other = table;
  EXPECT_EQ(added(other.replace(other.find("3000.46"), 7, "3000.45")), 1u) << "another value";
}

}  // namespace
}  // namespace rigcast::calibration
