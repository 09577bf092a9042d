#include "calibration/detail/releases.hpp"

#include <gtest/gtest.h>

#include "calibration/configure.hpp"
#include "calibration/detail/known_names.hpp"
#include "facts.hpp"

namespace rigcast::calibration {
namespace {

using detail::KnownNames;
using detail::Releases;

using rigcast::test::facts;

TEST(Releases, AVersionIsTheLatestUntilTheNextOne) {
  const Releases releases = *Releases::read(facts());
  EXPECT_EQ(releases.latest_until("vLLM", "0.8.5"), "2025-05");              // 0.9.0
  EXPECT_EQ(releases.latest_until("vLLM", "v0.11.0"), "2025-11");            // 0.11.1
  EXPECT_EQ(releases.latest_until("vLLM", "0.4"), "2024-05");                // 0.4.2
  EXPECT_EQ(releases.latest_until("vLLM (vllm-musa)", "0.4.2"), "2024-06");  // a port is no newer than what it is a port of
  EXPECT_EQ(releases.latest_until("SGLang", "0.5.6.post2"), "2026-01");
  EXPECT_EQ(releases.latest_until("TensorRT-LLM", "1.0.0rc3"), "2025-10");
  EXPECT_EQ(releases.latest_until("llama.cpp", "b7423 (2aa45ef)"), "2026-01");   // the first build of January was 7600
  EXPECT_EQ(releases.latest_until("llama.cpp", "7941"), "2026-03");
}

TEST(Releases, TheTableIsChecked) {
  EXPECT_TRUE(Releases::parse(*facts().file("calibration/releases.csv")));
  for (const char* row : {"vllm,0.8.5", "vllm,soon,2025-05", "vllm,0.8.5,soon"}) {
    const auto refused = Releases::parse(std::string("engine,version,month\nvllm,0.8.4,2025-04\n") + row);
    ASSERT_FALSE(refused) << row;
    EXPECT_EQ(to_text(refused.error()), "data/calibration/releases.csv:3:1: expected an engine, a version and the month in which it came out");
  }
}

TEST(Releases, WhatIsNoReleaseTellsNothing) {
  const Releases releases = *Releases::read(facts());
  EXPECT_EQ(releases.latest_until("vLLM", "0.8.3.dev166"), "");
  EXPECT_EQ(releases.latest_until("vLLM (gfx906 fork)", "0.10.2"), "");
  EXPECT_EQ(releases.latest_until("vLLM", "26.01"), "");                      // an image of NVIDIA's
  EXPECT_EQ(releases.latest_until("vLLM", ""), "");
  EXPECT_EQ(releases.latest_until("llama.cpp", "2016bf2"), "");               // a commit, not build 2016
  EXPECT_EQ(releases.latest_until("llama.cpp", "5aba536"), "");
  EXPECT_EQ(releases.latest_until("llama.cpp", "2026-09"), "");               // a date, not build 2026 of January 2024
  EXPECT_EQ(releases.latest_until("TensorRT-Edge-LLM", "0.7.0"), "");         // another program
  EXPECT_EQ(releases.latest_until("TensorRT-LLM", "Dynamo 0.8.1.post1"), "");
  EXPECT_EQ(releases.latest_until("MLX", "0.31.3"), "");
}

// Whatever was published of an old version later; a version that came out after the row's date is a slip of one of them.
TEST(Releases, TheEarlierOfVersionAndDateCounts) {
  KnownNames names(facts());
  Observation o;
  o.engine = "vLLM";
  o.engine_version = "0.8.5";
  o.date = "2026-05-14";
  EXPECT_EQ(names.built(o), "2025-05");
  o.date = "2025-04-30";
  EXPECT_EQ(names.built(o), "2025-04");
  o.date = "2026";
  EXPECT_EQ(names.built(o), "2025-05");
  o.date.clear();
  EXPECT_EQ(names.built(o), "2025-05");
  o.engine_version = "nightly";
  o.date = "2026-05-14";
  EXPECT_EQ(names.built(o), "2026-05");
}

// Rows of two versions measured on one day are two layouts: chunks of 2,048 tokens before 2025, of 8,192 on an H100 after.
TEST(Releases, RowsAreOfTheirVersionsRules) {
  Configurator configurator(facts());
  const auto chunk = [&](const char* version) {
    Observation o;
    o.device = "h100-sxm-80gb";
    o.engine = "vLLM";
    o.engine_version = version;
    o.backend = "CUDA";
    o.model = "qwen3-8b";
    o.quant = "BF16";
    o.phase = "prefill";
    o.prompt = 16384;
    o.concurrency = 1;
    o.date = "2026-05";
    o.metric_name = "ttft_ms";
    o.metric = Metric::ttft_ms;
    o.value = 900;
    const auto p = configurator.prepare(o);
    EXPECT_TRUE(p) << to_text(p.error());
    return p->load->ubatch;
  };
  EXPECT_EQ(chunk("0.6.3"), 2048);
  EXPECT_EQ(chunk("0.8.5"), 8192);
}

}  // namespace
}  // namespace rigcast::calibration
