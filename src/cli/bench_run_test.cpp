#include "cli/bench_run.hpp"

#include <gtest/gtest.h>

namespace rigcast::cli {
namespace {

BenchRequest of_processor() {
  BenchRequest request;
  for (const char* text : {"read:64KiB", "read:128KiB", "read:256KiB"}) request.cases.push_back(*bench::parse_case(text));
  request.device = "cpu";
  request.options.threads = 1;
  request.quick = true;
  return request;
}

TEST(BenchRun, WhoStopsItKeepsWhatWasMeasuredUntilThen) {
  std::atomic<bool> stop{false};
  std::vector<std::string> kept;
  std::vector<double> told;
  const auto answer = run_bench(of_processor(), {}, {[&](const auto& rows) -> Result<void> { for (const auto& row : rows) kept.push_back(row.flags.at("case")); return {}; },
                                                     [&](double done, const std::string&) { told.push_back(done); stop = told.size() > 1; }, stop});
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_TRUE(answer->stopped);
  ASSERT_EQ(answer->measurements.size(), 2u);   // of three: the case in hand ends
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(kept.front(), "read:64KiB");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0], 0);
  EXPECT_NEAR(told[1], 1 / 3.0, 1e-9);   // the only device, its second case of three
}

TEST(BenchRun, AFileThatCannotBeWrittenIsNamedOnceAndStopsNothing) {
  const std::atomic<bool> stop{false};
  const auto answer = run_bench(of_processor(), {}, {keep_in({"", "/dev/null/log.csv"}), [](double, const std::string&) {}, stop});
  ASSERT_TRUE(answer) << to_text(answer.error());
  EXPECT_EQ(answer->measurements.size(), 3u);
  EXPECT_TRUE(answer->unkept);
  EXPECT_EQ(answer->unreachable.size(), 1u);
}

}  // namespace
}  // namespace rigcast::cli
