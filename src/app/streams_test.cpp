// Questions of those who size a server: what each of many streams sees, and how many may be promised a speed.
#include "app/plan.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "app/detail/test_plan.hpp"

namespace rigcast::app {
namespace {

using test::answer_of;
using test::asked;
using test::caveat;

PlanRequest serving(double least, std::int64_t streams = 1) {
  PlanRequest request = asked("qwen3-32b:fp8", "8xh20", "vllm", streams);
  request.objective = placement::Objective::throughput;
  request.minimum_speed = least;
  return request;
}

double of_each(const PlanAnswer& answer) { return answer.speed->decode.value.p50 / static_cast<double>(answer.at_once); }

// A least speed is that of each stream. All 1,024 that vLLM runs here come to some 14 to 21 token/s each, 64 to more than twice as many (32 GiB of weights
// over 8 cards of 4 TB/s are read in 1 ms).
TEST(Streams, ALeastSpeedIsThatOfEach) {
  const PlanAnswer all = answer_of(serving(0));
  ASSERT_EQ(all.at_once, 1024);
  const double least = 1.5 * of_each(all);
  const PlanAnswer many = answer_of(serving(least, 1024)), few = answer_of(serving(least, 64));
  EXPECT_TRUE(many.too_slow) << of_each(many);
  EXPECT_FALSE(few.too_slow) << of_each(few);
}

// Where nobody names how many streams there are: as many as keep it, and one in twenty more would not.
TEST(Streams, ThroughputWithALeastSpeedFindsHowManyKeepIt) {
  const double all = of_each(answer_of(serving(0)));
  for (const double least : {1.5 * all, 2.5 * all}) {
    const PlanAnswer answer = answer_of(serving(least));
    EXPECT_FALSE(answer.too_slow);
    EXPECT_GE(of_each(answer), least);
    EXPECT_GT(answer.at_once, 1);
    EXPECT_LT(answer.at_once, 1024);
    EXPECT_NE(caveat(answer, "most-streams").find("More than " + std::to_string(answer.at_once) + " streams"), std::string::npos) << caveat(answer, "most-streams");
    EXPECT_TRUE(answer_of(serving(least, answer.at_once + answer.at_once / 20 + 1)).too_slow) << answer.at_once;
    EXPECT_EQ(caveat(answer, "most-streams").find("--max-num-seqs " + std::to_string(answer.at_once) + " lets") != std::string::npos, answer.placement.settings.data_degree == 1)
        << "of copies each engine counts in its own way: " << caveat(answer, "most-streams");
  }
  EXPECT_GT(answer_of(serving(1.5 * all)).at_once, answer_of(serving(2.5 * all)).at_once);
}

TEST(Streams, ASpeedThatNotEvenOneReaches) {
  const PlanAnswer answer = answer_of(serving(5000));
  EXPECT_TRUE(answer.too_slow);
  EXPECT_EQ(answer.at_once, 1);
  EXPECT_EQ(caveat(answer, "most-streams"), "");
}

// What one stream alone is written with (told where nothing reaches what is asked for) no two are: their steps have more to read.
TEST(Streams, ASpeedThatOneAloneKeeps) {
  const PlanAnswer answer = answer_of(serving(0.9999 * of_each(answer_of(serving(5000)))));
  EXPECT_FALSE(answer.too_slow);
  EXPECT_EQ(answer.at_once, 1);
  EXPECT_NE(caveat(answer, "most-streams").find("Two streams at a time would already each be written slower"), std::string::npos) << caveat(answer, "most-streams");
}

// llama.cpp runs one stream where nobody says more: whoever asks it for throughput is told of an engine of many, with the number.
TEST(Streams, ThroughputOfAnEngineOfOneNamesOneOfMany) {
  PlanRequest request = asked("qwen3-32b", "8xh20", "llama.cpp");
  request.objective = placement::Objective::throughput;
  const PlanAnswer answer = answer_of(request);
  const auto remedy = std::find_if(answer.remedies.begin(), answer.remedies.end(), [](const Remedy& each) { return each.streams > 0; });
  ASSERT_NE(remedy, answer.remedies.end());
  EXPECT_EQ(remedy->streams, 1024);
  EXPECT_GT(remedy->decode, 20 * answer.speed->decode.value.p50);
  PlanRequest then = answer.request;
  then.model = remedy->model;
  then.placement.engine = remedy->engine;
  const PlanAnswer told = answer_of(then);
  EXPECT_EQ(told.at_once, remedy->streams);
  EXPECT_NEAR(told.speed->decode.value.p50, remedy->decode, 0.01 * remedy->decode);
  // With a least speed of each: as many as keep it, as the plan that is named says itself.
  request.minimum_speed = 1.5 * remedy->decode / 1024;
  const PlanAnswer least = answer_of(request);
  const auto keeping = std::find_if(least.remedies.begin(), least.remedies.end(), [](const Remedy& each) { return each.streams > 0; });
  ASSERT_NE(keeping, least.remedies.end());
  EXPECT_LT(keeping->streams, 1024);
  EXPECT_GE(keeping->decode, request.minimum_speed * static_cast<double>(keeping->streams));
  then = least.request;
  then.model = keeping->model;
  then.placement.engine = keeping->engine;
  EXPECT_EQ(answer_of(then).at_once, keeping->streams);
  request.minimum_speed = 0;
  request.question.sequences = 4;
  const PlanAnswer named = answer_of(request);
  EXPECT_TRUE(std::all_of(named.remedies.begin(), named.remedies.end(), [](const Remedy& each) { return each.streams == 0; })) << "who names them is not told of others";
}

// Streams of a server share its cache. What one of them may reach says little of what all hold: without a context that somebody named, the way that writes
// most as asked is taken, copies of the model on pairs of cards, and not the one that has room for most whole contexts.
TEST(Streams, ThroughputIsWeighedAsAskedWhereNobodyNamedAContext) {
  PlanRequest request = asked("qwen3-32b:bf16", "8xl20", "vllm", 256);
  request.objective = placement::Objective::throughput;
  const PlanAnswer open = answer_of(request);
  for (const char* flags : {"--tensor-parallel-size 8", "--data-parallel-size 4 --tensor-parallel-size 2", "--data-parallel-size 2 --tensor-parallel-size 4"}) {
    PlanRequest pinned = request;
    pinned.placement.flags = flags;
    EXPECT_GE(1.001 * open.speed->decode.value.p50, answer_of(pinned).speed->decode.value.p50) << flags;
  }
  EXPECT_GT(open.placement.settings.data_degree, 1);
}

// As many as the engine runs are nobody's number, and not repeated as one in the commands that follow.
TEST(Streams, WhatNobodyNamedStaysOpen) {
  EXPECT_TRUE(answer_of(serving(0)).request.open_streams);
  EXPECT_FALSE(answer_of(serving(0, 64)).request.open_streams);
  EXPECT_FALSE(answer_of(asked("qwen3-32b:fp8", "8xh20", "vllm")).request.open_streams);
}

}  // namespace
}  // namespace rigcast::app
