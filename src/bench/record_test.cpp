#include "bench/record.hpp"

#include <gtest/gtest.h>

#include "bench/probe.hpp"

namespace rigcast::bench {
namespace {

Record example() {
  return {.date = "2026-11-20", .device = "cpu", .backend = "cpu", .name = "Some Processor", .driver = "linux 6.1", .path = "avx2", .what = "read:1GiB", .units = 8,
          .bytes = 1073741824, .flop = 0, .median = 0.025, .p10 = 0.0249, .p90 = 0.0252, .error = 0, .samples = 20, .disturbed = 1};
}

TEST(Record, ReadsBackAsWritten) {
  std::vector<std::string> unread;
  const auto back = parse_records(record_header() + to_line(example()), unread);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_TRUE(unread.empty());
  EXPECT_EQ(to_line(back[0]), to_line(example()));
}

TEST(Record, ADamagedLineLosesNothingElse) {
  std::vector<std::string> unread;
  const auto back = parse_records(to_line(example()) + "2026-11-20,cpu,cp\n,,,\n" + to_line(example()), unread);
  EXPECT_EQ(back.size(), 2u);
  EXPECT_EQ(unread, (std::vector<std::string>{"line 2 is not a measurement", "line 3 is not a measurement"}));
}

TEST(Record, BandwidthIsTheNewestQuietOneOfThisProcessor) {
  Record quiet = example(), busy = example(), other = example();
  busy.median = 0.1, busy.disturbed = 19;   // most samples were disturbed
  other.name = "Another";
  EXPECT_EQ(read_bandwidth({quiet, busy, other}, "Some Processor").value(), 1073741824 / 0.025);
  EXPECT_EQ(read_bandwidth({busy}, "Some Processor").value(), 0);
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
