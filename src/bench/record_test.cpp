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

// Samples from 20 to 60 ms around a median of 25 are no measurement: (60 - 20) / 25 is 1.6, more than half.
TEST(Record, SamplesThatDisagreeCountForNothing) {
  Record wild = example(), engine = example();
  wild.p10 = 0.02, wild.p90 = 0.06;
  EXPECT_EQ(read_bandwidth({wild}, "Some Processor").value(), 0);
  wild.best = 0.001;
  EXPECT_EQ(read_bandwidth({example(), wild}, "Some Processor").value(), 1073741824 / 0.024);
  engine.backend = "ggml", engine.what = "matvec:q8_0:1024x4096", engine.p90 = 0.2;
  EXPECT_TRUE(engine_rates({engine}, "Some Processor").empty());
}

// matvec:q8_0:1024x4096: 4.46 MB of weights (34 bytes for 32) and 20 KB of vectors; 8.39 Mflop.
TEST(Record, EngineRatesAreTheBestMedianOfTheNewestDay) {
  Record old = example(), slow = example(), fast = example(), own = example(), prompt = example();
  for (Record* r : {&old, &slow, &fast, &prompt}) r->backend = "ggml", r->what = "matvec:q8_0:1024x4096";
  own.what = "matvec:q8_0:1024x4096";   // our own kernel, not the engine's
  prompt.what = "matmul:q8_0:1024x4096x128";
  old.date = "2026-11-19", old.median = 0.01;
  slow.median = 0.1;
  const auto rates = engine_rates({old, slow, fast, own, prompt}, "Some Processor");
  ASSERT_EQ(rates.size(), 2u);
  EXPECT_EQ(rates[0].kernel, "matvec");
  EXPECT_EQ(rates[0].threads, 8);
  EXPECT_EQ(rates[0].bytes, (1024.0 * 4096 / 32 * 34 + 4 * 4096 + 4 * 1024) / 0.025);
  EXPECT_EQ(rates[1].tokens, 128);
  EXPECT_EQ(rates[1].flop, 2.0 * 1024 * 4096 * 128 / 0.025);
  EXPECT_TRUE(engine_rates({fast}, "Another").empty());
}

Record of_engine(const char* what, double median) {
  Record r = example();
  r.backend = "ggml", r.what = what, r.median = r.p10 = r.p90 = median;
  return r;
}

// Small operations of a layer write 4 (6 x 1024 + 128 (2 x 16 + 3 x 8) + 3072) = 65,536 bytes and 4 (6 x 4096 + 128 (2 x 32 + 3 x 8) + 12288)
// = 192,512; at 1 us an operation, of which there are 12, and 10 GB/s they take 18.5536 and 31.2512 us.
TEST(Record, TwoWidthsOfALayerTellWhatAnOperationCosts) {
  const Record narrow = of_engine("layer:f32:3072x1024:16/8x128", 18.5536e-6), wide = of_engine("layer:f32:12288x4096:32/8x128", 31.2512e-6);
  const auto both = engine_rates({wide, narrow}, "Some Processor");
  ASSERT_EQ(both.size(), 1u);
  EXPECT_NEAR(both[0].start, 1e-6, 1e-15);
  EXPECT_NEAR(both[0].bytes, 10e9, 1);
  const auto one = engine_rates({narrow}, "Some Processor");   // all of it is the operations'
  EXPECT_NEAR(one[0].start, 18.5536e-6 / 12, 1e-15);
  EXPECT_EQ(one[0].bytes, 0);
}

// f16: 1024 x 1024 x 2 + 8 x 1024 = 2,105,344 bytes and 14336 x 4096 x 2 + 4 x 18432 = 117,514,240; 3 us and 20 GB/s.
TEST(Record, TwoSizesOfAProductTellWhatStartingItCosts) {
  const auto at = [](double bytes, double start) { return start + bytes / 20e9; };
  const auto rates = engine_rates({of_engine("matvec:f16:1024x1024", at(2105344, 3e-6)), of_engine("matvec:f16:14336x4096", at(117514240, 3e-6))}, "Some Processor");
  ASSERT_EQ(rates.size(), 1u);
  EXPECT_NEAR(rates[0].start, 3e-6, 1e-12);
  EXPECT_NEAR(rates[0].bytes, 20e9, 1e3);
  EXPECT_NEAR(rates[0].flop, 2.0 * 14336 * 4096 / (117514240 / 20e9), 1e4);
  // A small one that the caches made faster than the large one's rate says nothing of starting.
  const auto cached = engine_rates({of_engine("matvec:f16:1024x1024", 10e-6), of_engine("matvec:f16:14336x4096", at(117514240, 0))}, "Some Processor");
  EXPECT_EQ(cached[0].start, 0);
  EXPECT_NEAR(cached[0].bytes, 20e9, 1e3);
}

// q8_0: 8 experts of 768 x 2048 are 8 (1,671,168 + 3,072) + 8,192 = 13,402,112 bytes, 2 of 14336 x 4096 are 2 (62,390,272 + 57,344) + 16,384 =
// 124,911,616; 20 us for each expert and 20 GB/s.
TEST(Record, TwoSizesOfExpertsTellWhatStartingOneCosts) {
  const Record small = of_engine("experts:q8_0:768x2048:8/128", 8 * 20e-6 + 13402112 / 20e9), large = of_engine("experts:q8_0:14336x4096:2/8", 2 * 20e-6 + 124911616 / 20e9);
  const auto rates = engine_rates({small, large}, "Some Processor");
  ASSERT_EQ(rates.size(), 1u);
  EXPECT_NEAR(rates[0].start, 20e-6, 1e-12);
  EXPECT_NEAR(rates[0].bytes, 20e9, 1e3);
  EXPECT_NEAR(rates[0].flop, 2.0 * 2 * 14336 * 4096 / (124911616 / 20e9), 1e4);
  EXPECT_EQ(rates[0].sharing, 0);
  const auto old = engine_rates({small}, "Some Processor");   // logs from before the second size: all of it is reading
  ASSERT_EQ(old.size(), 1u);
  EXPECT_EQ(old[0].start, 0);
  EXPECT_EQ(old[0].bytes, 13402112 / small.median);
}

// Of many tokens an expert of 128 sees every sixteenth, one of 8 every fourth: kernels apart.
TEST(Record, ExpertsOfManyTokensAreKeptByHowManyTokensShareThem) {
  const auto rates = engine_rates({of_engine("experts:q8_0:768x2048:8/128x128", 10e-3), of_engine("experts:q8_0:14336x4096:2/8x128", 80e-3)}, "Some Processor");
  ASSERT_EQ(rates.size(), 2u);
  EXPECT_EQ(rates[0].sharing, 8.0 / 128);
  EXPECT_EQ(rates[1].sharing, 2.0 / 8);
  EXPECT_EQ(rates[1].flop, 2.0 * 128 * 2 * 14336 * 4096 / 80e-3);
}

TEST(Record, AttentionIsKeptByHowManyHeadsShareACache) {
  const auto rates = engine_rates({of_engine("attention:f16:32/8x128@4096", 6e-3), of_engine("attention:f16:16/8x128@4096", 4e-3), of_engine("attention:f16:64/16x128@4096", 6e-3)},
                                  "Some Processor");
  ASSERT_EQ(rates.size(), 2u);
  EXPECT_EQ(rates[0].sharing, 4);   // the better of the first and the last
  EXPECT_EQ(rates[0].flop, 4.0 * 64 * 128 * 4096 / 6e-3);
  EXPECT_EQ(rates[1].sharing, 2);
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
