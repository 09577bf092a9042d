#include "server/origin.hpp"

#include <gtest/gtest.h>

namespace rigcast::server {
namespace {

Request asked(std::string host, Pairs more = {}) {
  Request request;
  request.method = "POST";
  request.headers = {{"host", std::move(host)}};
  request.headers.insert(request.headers.end(), more.begin(), more.end());
  return request;
}

TEST(HostName, IsTheNameWithoutPortAndBrackets) {
  EXPECT_EQ(host_name("127.0.0.1:7433"), "127.0.0.1");
  EXPECT_EQ(host_name("[::1]:7433"), "::1");
  EXPECT_EQ(host_name("LocalHost"), "localhost");
}

TEST(HostName, RefusesWhatIsNoAuthority) {
  for (const char* text : {"", ":80", "[::1", "a:b", "a:123456", "x@y", "a/b", "::1"}) EXPECT_EQ(host_name(text), std::nullopt) << text;
}

TEST(Origin, LoopbackNamesAreServed) {
  for (const char* host : {"127.0.0.1:7433", "localhost:7433", "[::1]:7433", "rigcast.localhost", "127.9.9.9"})
    EXPECT_EQ(why_refused({}, asked(host)), std::nullopt) << host;
}

TEST(Origin, ANameThatResolvesHereIsNotServed) {
  EXPECT_TRUE(why_refused({}, asked("evil.example:7433")));
  EXPECT_TRUE(why_refused({}, asked("127.0.0.1.evil.example")));
  EXPECT_TRUE(why_refused({}, asked("192.168.1.5:7433")));
  EXPECT_TRUE(why_refused({}, asked("")));
}

TEST(Origin, AfterListenAddressesAndOwnNamesAreServed) {
  const OriginRule rule{false, {"bench-box"}};
  EXPECT_FALSE(why_refused(rule, asked("192.168.1.5:7433")));
  EXPECT_FALSE(why_refused(rule, asked("Bench-Box:7433")));
  EXPECT_TRUE(why_refused(rule, asked("evil.example")));
}

TEST(Origin, OtherSitesAreRefused) {
  EXPECT_FALSE(why_refused({}, asked("localhost:7433", {{"origin", "http://localhost:7433"}})));
  EXPECT_TRUE(why_refused({}, asked("localhost:7433", {{"origin", "http://localhost:8000"}})));
  EXPECT_TRUE(why_refused({}, asked("localhost:7433", {{"origin", "https://evil.example"}})));
  EXPECT_TRUE(why_refused({}, asked("localhost:7433", {{"origin", "null"}})));
  EXPECT_TRUE(why_refused({}, asked("localhost:7433", {{"sec-fetch-site", "cross-site"}})));
}

TEST(Origin, ALinkFromAnotherSiteMayOpenThePage) {
  Request request = asked("localhost:7433", {{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}});
  EXPECT_TRUE(why_refused({}, request));
  request.method = "GET";
  EXPECT_FALSE(why_refused({}, request));
}

TEST(Origin, ANameThatOnlyBeginsLikeThisMachineIsAnother) {
  for (const char* here : {"localhost", "127.0.0.1", "127.8.9.1", "::1"}) EXPECT_TRUE(is_loopback(here)) << here;
  for (const char* other : {"127.example.org", "127.", "0.0.0.0", "10.127.0.1"}) EXPECT_FALSE(is_loopback(other)) << other;
}

}  // namespace
}  // namespace rigcast::server
