#include "bench/process.hpp"

#include <gtest/gtest.h>

#include <signal.h>

#include <chrono>
#include <thread>

#include "base/text.hpp"

namespace rigcast::bench {
namespace {

using Clock = std::chrono::steady_clock;

TEST(Process, OnlyStandardOutputOfAProgramThatEndedWellCounts) {
  EXPECT_EQ(run_program({"sh", "-c", "echo out; echo err >&2"}, 20).value_or(""), "out\n");
  const auto both = run({"sh", "-c", "echo out; echo err >&2"}, {.errors = true});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->text, "out\nerr\n");
  const auto failed = run_program({"sh", "-c", "exit 3"}, 20);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "sh ended with exit code 3");
  const auto slow = run_program({"sleep", "20"}, 0.1);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().message, "sleep did not answer within 0 s");
}

TEST(Process, WhatCannotBeStartedIsTheSystemsRefusal) {
  const auto absent = run({"no-such-program-here"}, {});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::system);
  EXPECT_EQ(absent.error().message, "no-such-program-here is not installed");
  EXPECT_EQ(find_program("no-such-program-here"), "");
  EXPECT_FALSE(find_program("sh").empty());
  EXPECT_FALSE(run({"/dev/null"}, {}));
}

// The program starts another and prints its number: once that is enough, both are gone.
TEST(Process, WithEnoughPrintedTheProgramAndWhatItStartedAreKilled) {
  const auto start = Clock::now();
  const auto printed = run({"sh", "-c", "sleep 20 & echo $! ; wait"}, {.seconds = 15, .own_group = true, .enough = [](std::string_view so_far) { return so_far.ends_with('\n'); }});
  ASSERT_TRUE(printed);
  EXPECT_TRUE(printed->in_time);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
  const auto started = parse_int(trim(printed->text));
  ASSERT_TRUE(started);
  // Its end is seen once whoever inherited it has been told; a zombie nobody fetches still answers to kill(), so only a run for 20 s fails.
  const auto state_of = [&] { return run_program({"sh", "-c", "cut -d' ' -f3 /proc/" + std::to_string(*started) + "/stat 2>/dev/null || true"}, 20).value_or(""); };
  std::string state = state_of();
  for (int tries = 0; tries < 100 && !(state.empty() || state.starts_with('Z')); ++tries, state = state_of()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(state.empty() || state.starts_with('Z')) << state;
}

}  // namespace
}  // namespace rigcast::bench
