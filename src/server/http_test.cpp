#include "server/http.hpp"

#include <gtest/gtest.h>

namespace rigcast::server {
namespace {

RequestReader fed(std::string_view bytes, std::size_t piece = 1000000, Caps caps = {}) {
  RequestReader reader(caps);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t took = reader.take(bytes.substr(at, piece));
    if (took == 0) break;
    at += took;
  }
  return reader;
}

int status_of(std::string_view bytes, Caps caps = {}) {
  const RequestReader reader = fed(bytes, 1000000, caps);
  return reader.refusal() ? reader.refusal()->status : reader.complete() ? 200 : 0;
}

constexpr std::string_view kPost = "POST /api/show/a%2Fb%20c?kind=device&x=1+2 HTTP/1.1\r\nHost: localhost:7433\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello";

TEST(RequestReader, ReadsAPost) {
  RequestReader reader = fed(kPost);
  ASSERT_TRUE(reader.complete());
  const Request request = reader.release();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, (std::vector<std::string>{"api", "show", "a/b c"}));
  EXPECT_EQ(request.parameter("kind"), "device");
  EXPECT_EQ(request.parameter("x"), "1 2");
  EXPECT_EQ(request.header("x-a"), "b");
  EXPECT_EQ(request.body, "hello");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(reader.begun());
}

TEST(RequestReader, ReadsTheSameByteByByte) {
  RequestReader reader = fed(kPost, 1);
  ASSERT_TRUE(reader.complete());
  EXPECT_EQ(reader.release().body, "hello");
}

TEST(RequestReader, LeavesWhatFollows) {
  RequestReader reader{Caps{}};
  const std::string two = std::string(kPost) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(reader.take(two), kPost.size());
  EXPECT_EQ(reader.take("more"), 0u);
  (void)reader.release();
  EXPECT_EQ(reader.take(std::string_view(two).substr(kPost.size())), two.size() - kPost.size());
  EXPECT_TRUE(reader.complete());
  EXPECT_TRUE(reader.release().path.empty());
}

TEST(RequestReader, RefusesMalformedHeadsByName) {
  const struct { const char* what; const char* bytes; int status; } cases[] = {
      {"two words", "GET /\r\nHost: a\r\n\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no path", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"version 2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"not http", "\x16\x03\x01 / TLS\r\n\r\n", 400},
      {"no such method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"folded header", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400},
      {"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400},
      {"control character", "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400},
      {"broken escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"cut escape", "GET /a?b=%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
      {"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400},
      {"length in words", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", 400},
      {"length beyond 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"too long", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n", 413},
      {"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
      {"chunked and length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 411},
      {"compressed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
  };
  for (const auto& one : cases) EXPECT_EQ(status_of(one.bytes), one.status) << one.what;
}

TEST(RequestReader, RefusesEndlessHeads) {
  EXPECT_EQ(status_of("GET /" + std::string(20000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 200; ++i) many += "a: b\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
}

TEST(RequestReader, WaitsForTheRest) {
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"), 0);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: a\r\n"), 0);
}

TEST(RequestReader, AsksForTheBodyOnce) {
  RequestReader reader = fed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(reader.take_continue());
  EXPECT_FALSE(reader.take_continue());
}

TEST(RequestReader, OldClientsAreNotKept) {
  RequestReader reader = fed("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(reader.complete());
  EXPECT_FALSE(reader.release().keep_alive);
}

TEST(ToBytes, TellsTheLengthWithoutTheBody) {
  const Response response{200, "text/plain", "abc", {{"ETag", "\"1\""}}};
  EXPECT_EQ(to_bytes(response, true, false), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\nETag: \"1\"\r\n\r\n");
  EXPECT_TRUE(to_bytes(response, false, true).ends_with("Connection: close\r\nETag: \"1\"\r\n\r\nabc"));
}

}  // namespace
}  // namespace rigcast::server
