#include "bench/record.hpp"

#include <gtest/gtest.h>

#include "bench/probe.hpp"

namespace rigcast::bench {
namespace {

Record example() {
  return {.date = "2026-11-20", .device = "cpu", .backend = "cpu", .name = "Some Processor", .driver = "linux 6.1", .path = "avx2", .what = "read:1GiB", .units = 8,
          .bytes = 1073741824, .flop = 0, .median = 0.025, .p10 = 0.0249, .p90 = 0.0252, .best = 0.024, .error = 0, .samples = 20, .disturbed = 1, .held_by = {}};
}

TEST(Record, BandwidthIsTheBestOfTheNewestDayOnThisProcessor) {
  Record old = example(), slow = example(), fast = example(), other = example();
  old.date = "2026-11-19", old.best = 0.01;
  slow.best = 0.1;
  other.name = "Another", other.best = 0.001;
  EXPECT_EQ(read_bandwidth({old, slow, fast, other}, "Some Processor").value(), 1073741824 / 0.024);
  EXPECT_EQ(read_bandwidth({old}, "Some Processor").value(), 1073741824 / 0.01);
  EXPECT_EQ(read_bandwidth({other}, "Some Processor").value(), 0);
}

// matvec:q8_0:1024x4096: 4.46 MB of weights (34 bytes for 32) and 20 KB of vectors; 8.39 Mflop.
TEST(Record, EngineRatesAreTheBestOfTheNewestDay) {
  Record old = example(), slow = example(), fast = example(), own = example(), prompt = example();
  for (Record* r : {&old, &slow, &fast, &prompt}) r->backend = "ggml", r->what = "matvec:q8_0:1024x4096";
  own.what = "matvec:q8_0:1024x4096";   // our own kernel, not the engine's
  prompt.what = "matmul:q8_0:1024x4096x128";
  old.date = "2026-11-19", old.best = 0.01;
  slow.best = 0.1;
  const auto rates = engine_rates({old, slow, fast, own, prompt}, "Some Processor");
  ASSERT_EQ(rates.size(), 2u);
  EXPECT_EQ(rates[0].kernel, "matvec");
  EXPECT_EQ(rates[0].threads, 8);
  EXPECT_EQ(rates[0].bytes, (1024.0 * 4096 / 32 * 34 + 4 * 4096 + 4 * 1024) / 0.024);
  EXPECT_EQ(rates[1].tokens, 128);
  EXPECT_EQ(rates[1].flop, 2.0 * 1024 * 4096 * 128 / 0.024);
  EXPECT_TRUE(engine_rates({fast}, "Another").empty());
}

TEST(Record, MeasuredBandwidthBecomesTheHosts) {
  Here here;
  here.rig.hosts.push_back({});
  use_measured(here, Bandwidth(44e9));
  EXPECT_EQ(here.rig.hosts[0].bandwidth.value(), 44e9 / 0.88);
  EXPECT_EQ(here.notes[0], "memory bandwidth: bench read 44 GB/s here, taken as 50 GB/s at most");
}

}  // namespace
}  // namespace rigcast::bench
