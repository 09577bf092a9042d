#include "cli/bench_log.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace rigcast::cli {
namespace {

bench::Record example() {
  return {.date = "2026-11-20", .device = "cpu", .backend = "cpu", .name = "Some Processor, 8 cores", .driver = "linux 6.1", .path = "avx2", .what = "read:1GiB",
          .units = 8, .bytes = 1073741824, .flop = 0, .median = 0.025, .p10 = 0.0249, .p90 = 0.0252, .best = 0.0248, .error = 0, .samples = 20, .disturbed = 1};
}

TEST(BenchLog, ARecordReadsBackAsWritten) {
  const std::string text = calibration::to_csv({observation_of(example())});
  const auto rows = calibration::parse_csv(text, "log");
  ASSERT_TRUE(rows);
  const auto back = record_of(rows->at(0));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->what, "read:1GiB");
  EXPECT_EQ(back->name, "Some Processor, 8 cores");
  EXPECT_EQ(back->best, 0.0248);
  EXPECT_EQ(back->units, 8);
  EXPECT_EQ(calibration::to_csv({observation_of(*back)}), text);
}

TEST(BenchLog, OtherRowsAreNoKernels) {
  calibration::Observation o;
  o.phase = "decode", o.metric_name = "tokens_per_second", o.value = 20;
  EXPECT_FALSE(record_of(o));
}

TEST(BenchLog, ATornLineLosesNothingElse) {
  const auto file = std::filesystem::path(testing::TempDir()) / "bench_log_test.csv";
  const std::string text = calibration::to_csv({observation_of(example())});
  std::ofstream(file) << text << "o-1,Some \"Pro\n" << text.substr(text.find('\n') + 1);
  EXPECT_EQ(kernel_records(file).size(), 2u);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace rigcast::cli
