#include "app/compare.hpp"

#include <gtest/gtest.h>

#include "app/detail/test_knowledge.hpp"

namespace rigcast::app {
namespace {

using test::knowledge;

// Every row answers the question that a plan of it alone would: what is wanted, and how fast it must be.
TEST(Compare, AsksForTheObjectiveAndTheSpeedThatPlanAsksFor) {
  CompareRequest request;
  request.models = {"qwen3-8b:q4_k_m"};
  request.rigs = {"rtx-3090", "rtx-3060-12gb"};
  request.objective = placement::Objective::context;
  request.minimum_speed = 70;   // 936 GB/s reach it, 360 GB/s over 4.7 GB cannot: at most 77, with nothing but reading
  const auto answer = compare(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  ASSERT_EQ(answer->rows.size(), 2u);
  for (const Compared& row : answer->rows) {
    ASSERT_TRUE(row.answer) << to_text(row.answer.error());
    PlanRequest alone;
    alone.model = row.request.model;
    alone.rig = row.request.rig;
    alone.objective = request.objective;
    alone.minimum_speed = request.minimum_speed;
    const auto planned = plan(knowledge(), alone);
    ASSERT_TRUE(planned) << to_text(planned.error());
    EXPECT_EQ(row.answer->launch.line, planned->launch.line);
    EXPECT_EQ(row.answer->too_slow, planned->too_slow);
  }
  EXPECT_FALSE(answer->rows[0].answer->too_slow);
  EXPECT_TRUE(answer->rows[1].answer->too_slow);
  request.objective = placement::Objective::decode;
  request.minimum_speed = 0;
  EXPECT_NE(compare(knowledge(), request)->rows[0].answer->launch.line, answer->rows[0].answer->launch.line);   // a short context instead of the longest
}

// Of several streams what is written with empty caches is shown alone: the row that shows most is the fastest, whatever a full context comes to.
TEST(Compare, TheFastestIsTheOneThatShowsMost) {
  CompareRequest request;
  request.models = {"qwen3-8b:q4_k_m"};
  request.rigs = {"h100", "4090", "3090"};
  request.question.sequences = 8;
  const auto answer = compare(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  const auto shown = [&](std::size_t row) { return answer->rows[row].answer->speed->decode.value.p50; };
  for (std::size_t row = 0; row < 3; ++row) EXPECT_GE(shown(static_cast<std::size_t>(answer->fastest)), shown(row)) << request.rigs[row];
}

TEST(Compare, ARowThatIsAskedTwiceIsAnsweredTwice) {
  CompareRequest request;
  request.models = {"qwen3-8b:q4_k_m"};
  request.rigs = {"rtx-3090", "rtx-4090", " rtx-3090"};
  const auto answer = compare(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  ASSERT_EQ(answer->rows.size(), 3u);
  EXPECT_EQ(answer->rows[2].answer->speed->decode.value.p50, answer->rows[0].answer->speed->decode.value.p50);
  EXPECT_NE(answer->rows[1].answer->speed->decode.value.p50, answer->rows[0].answer->speed->decode.value.p50);
}

// Four cards and one: the hosts that are thought to be under them differ.
TEST(Compare, KnowsWhichHostNobodyNamed) {
  CompareRequest request;
  request.models = {"qwen3-32b:q4_k_m"};
  request.rigs = {"4xmi50-32g", "4090-48g", "4090-48g; host=8xddr4-3200:256g"};
  const auto answer = compare(knowledge(), request);
  ASSERT_TRUE(answer) << to_text(answer.error());
  const auto host = [&](std::size_t row) { return answer->rows[row].answer->rig.hosts.front(); };
  EXPECT_TRUE(host(0).unnamed);
  EXPECT_TRUE(host(1).unnamed);
  EXPECT_NE(host(0).memory, host(1).memory);
  EXPECT_FALSE(host(2).unnamed);
  EXPECT_TRUE(host(2).assumed);   // memory is named, the processor is not
}

}  // namespace
}  // namespace rigcast::app
