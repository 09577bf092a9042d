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

TEST(Record, MeasuredBandwidthBecomesTheHosts) {
  Here here;
  here.rig.hosts.push_back({});
  use_measured(here, Bandwidth(44e9));
  EXPECT_EQ(here.rig.hosts[0].bandwidth.value(), 44e9 / 0.88);
  EXPECT_EQ(here.notes[0], "memory bandwidth: bench read 44 GB/s here, taken as 50 GB/s at most");
}

}  // namespace
}  // namespace rigcast::bench
