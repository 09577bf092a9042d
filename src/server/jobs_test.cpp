#include "server/jobs.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace rigcast::server {
namespace {

JobStatus ended(const Jobs& jobs, const std::string& id) {
  auto status = jobs.status(id, 0, Seconds(0));
  for (int tries = 0; status && status->state == JobState::running && tries < 100; ++tries) status = jobs.status(id, status->sequence, Seconds(0.1));
  EXPECT_TRUE(status);
  return status ? *status : JobStatus{};
}

TEST(Jobs, AFaultOfTheWorkEndsTheJobAndNothingElse) {
  Jobs jobs;
  const auto started = jobs.start("evaluate", [](Progress&) -> Result<std::string> { throw std::runtime_error("no memory"); });
  ASSERT_TRUE(started);
  const JobStatus status = ended(jobs, started->id);
  EXPECT_EQ(status.state, JobState::failed);
  ASSERT_TRUE(status.error);
  EXPECT_EQ(status.error->message, "something went wrong inside: no memory");
}

TEST(Jobs, WhatKeepsAnotherFromStartingIsSaid) {
  Jobs jobs;
  const auto wait = [](Progress& progress) -> Result<std::string> {
    while (!progress.stopped()) std::this_thread::yield();
    return std::string("{}");
  };
  for (int i = 0; i < Jobs::kMostRunning; ++i) ASSERT_TRUE(jobs.start("evaluate", wait));
  const auto crowded = jobs.start("evaluate", wait);
  ASSERT_FALSE(crowded);
  EXPECT_EQ(crowded.error().message, std::to_string(Jobs::kMostRunning) + " jobs are running; wait for one or stop it");
  jobs.stop();
  const auto late = jobs.start("evaluate", wait);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "the server is stopping");
}

TEST(Jobs, WhatMeasuresTimeRunsAloneAndIsStoppedInTheMiddle) {
  Jobs jobs;
  const auto wait = [](Progress& progress) -> Result<std::string> {
    while (!progress.stop().load()) std::this_thread::yield();
    return std::string("\"kept\"");
  };
  const auto brief = [](Progress&) -> Result<std::string> { return std::string("{}"); };
  const auto measuring = jobs.start("bench", wait, Manner::alone);
  ASSERT_TRUE(measuring);
  for (const Manner manner : {Manner::alone, Manner::polite}) {
    const auto beside = jobs.start("evaluate", wait, manner);
    ASSERT_FALSE(beside);
    EXPECT_EQ(beside.error().kind, ErrorKind::infeasible);
    EXPECT_EQ(beside.error().message, "what measures time runs alone, and 'bench' is running; wait for it or stop it");
  }
  EXPECT_TRUE(jobs.start("measured", brief, Manner::brief));
  ASSERT_TRUE(jobs.cancel(measuring->id));
  const JobStatus stopped = ended(jobs, measuring->id);
  EXPECT_EQ(stopped.state, JobState::cancelled);
  EXPECT_EQ(stopped.answer, "\"kept\"");
  const auto polite = jobs.start("evaluate", wait, Manner::polite);
  ASSERT_TRUE(polite);
  EXPECT_TRUE(jobs.start("evaluate", wait, Manner::polite));
  EXPECT_FALSE(jobs.start("bench", wait, Manner::alone));
}

}  // namespace
}  // namespace rigcast::server
