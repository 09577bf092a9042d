#include "bench/endpoint.hpp"

#include <gtest/gtest.h>

namespace rigcast::bench {
namespace {

using Words = std::vector<std::string>;

TEST(Endpoint, TakesTheServersOwnClockWhereItHasOne) {
  const auto run = [](const Words&) -> Result<std::string> {
    return std::string(R"({"usage":{"prompt_tokens":512,"completion_tokens":32},"timings":{"prompt_per_second":800.5,"predicted_per_second":41.25}})") + "\n1.5";
  };
  const auto speed = time_endpoint(run, "http://localhost:8080/", 512, 32);
  ASSERT_TRUE(speed);
  EXPECT_TRUE(speed->server_timed);
  EXPECT_EQ(speed->prefill, 800.5);
  EXPECT_EQ(speed->decode, 41.25);
}

TEST(Endpoint, ElseTheDifferenceOfTwoRequests) {
  // 500 tokens and the first one take 0.5 s; 32 more take 2.0 s in all: 1000 token/s in, 32 tokens in 1.5 s out.
  const auto run = [](const Words& words) -> Result<std::string> {
    const bool one = words[7].find("\"max_tokens\":1,") != std::string::npos;
    return std::string(one ? R"({"usage":{"prompt_tokens":500,"completion_tokens":1}})" : R"({"usage":{"prompt_tokens":500,"completion_tokens":33}})") + (one ? "\n0.5" : "\n2.0");
  };
  const auto speed = time_endpoint(run, "http://localhost:8000", 500, 33);
  ASSERT_TRUE(speed) << speed.error().message;
  EXPECT_FALSE(speed->server_timed);
  EXPECT_EQ(speed->prefill, 1000);
  EXPECT_NEAR(speed->decode, 32 / 1.5, 1e-12);
}

TEST(Endpoint, SaysWhatIsWrong) {
  const auto refuse = [](const Words&) -> Result<std::string> { return std::string("{\"error\":{\"message\":\"no such model\"}}\n0.1"); };
  EXPECT_NE(time_endpoint(refuse, "http://h", 8, 8).error().message.find("no such model"), std::string::npos);
  const auto page = [](const Words&) -> Result<std::string> { return std::string("<html>\n0.1"); };
  EXPECT_NE(time_endpoint(page, "http://h", 8, 8).error().message.find("does not answer like a completions endpoint"), std::string::npos);
}

}  // namespace
}  // namespace rigcast::bench
