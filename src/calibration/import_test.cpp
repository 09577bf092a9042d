#include <gtest/gtest.h>

#include "calibration/import.hpp"

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

}  // namespace
}  // namespace rigcast::calibration
