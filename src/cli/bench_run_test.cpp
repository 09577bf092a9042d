#include "cli/bench_run.hpp"

#include <gtest/gtest.h>

#include "cli/verify_speed.hpp"

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

TEST(BenchRun, WhoStopsItIsToldSoByTheExitCode) {
  BenchAnswer answer;
  EXPECT_EQ(static_cast<int>(exit_code(answer)), 0);
  answer.stopped = true;
  EXPECT_EQ(static_cast<int>(exit_code(answer)), 130);   // 128 + SIGINT
}

TEST(BenchRun, FoldersToShareInAreNotMade) {
  EXPECT_TRUE(check_share(""));
  EXPECT_TRUE(check_share("card.csv"));
  EXPECT_TRUE(check_share("/tmp/card.csv"));
  const auto refused = check_share("/nonexistent/card.csv");
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_text(refused.error()), "--share: there is no folder /nonexistent");
}

// The default lengths, 128 and 32 tokens, are planned in a context of 160: the question may not ask about the 512 that plans read.
TEST(VerifySpeed, TheQuestionFitsTheContextItIsAskedIn) {
  app::PlanRequest question = question_of({.model = "qwen3-8b:q4_k_m", .endpoint = {}});
  EXPECT_EQ(question.placement.context, 160);
  question.rig = "3090";
  const auto knowledge = app::load_knowledge({});
  ASSERT_TRUE(knowledge);
  const auto plan = app::plan(*knowledge, question);
  ASSERT_TRUE(plan) << to_text(plan.error());
  EXPECT_TRUE(plan->speed);
}

}  // namespace
}  // namespace rigcast::cli
