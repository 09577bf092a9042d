#include "server/loop.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rigcast::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLarge = 8u << 20;   // more than the kernel keeps for one connection

int connected_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

std::string answer_to(int socket, const std::string& request) {
  EXPECT_EQ(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[1 << 16];
  for (ssize_t got = 0; (got = ::recv(socket, buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, static_cast<std::size_t>(got));
  ::close(socket);
  return answer;
}

// A handler that waits as one who follows a job does: until what it waits for is told to end.
struct Waiting {
  std::promise<void> entered, told;
  Response operator()(const Request&) {
    entered.set_value();
    told.get_future().wait_for(20s);
    return {200, "text/plain", std::string(kLarge, 'x'), {}};
  }
};

TEST(Loop, WhoWaitsIsToldThatItEndsAndIsStillAnsweredWhole) {
  auto loop = Loop::open({.waiters = 0, .waits = {}, .caps = {}});
  ASSERT_TRUE(loop);
  Waiting waiting;
  std::thread running([&] { loop->run([&](const Request& request) { return waiting(request); }, [&] { waiting.told.set_value(); }); });
  auto answer = std::async(std::launch::async, [port = loop->port()] { return answer_to(connected_to(port), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); });
  waiting.entered.get_future().wait();
  const auto start = std::chrono::steady_clock::now();
  loop->stop();
  running.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);   // not the 20 s that the handler would wait
  const std::string whole = answer.get();
  EXPECT_NE(whole.find("Connection: close"), std::string::npos);
  ASSERT_NE(whole.find("\r\n\r\n"), std::string::npos);
  EXPECT_EQ(whole.size() - whole.find("\r\n\r\n") - 4, kLarge);
}

TEST(Loop, AClientThatTakesNothingKeepsNobodyFromEnding) {
  auto loop = Loop::open({.waiters = 0, .waits = {}, .last_time = Seconds(0.2), .caps = {}});
  ASSERT_TRUE(loop);
  Waiting waiting;
  std::thread running([&] { loop->run([&](const Request& request) { return waiting(request); }, [&] { waiting.told.set_value(); }); });
  const int silent = connected_to(loop->port());
  const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_EQ(::send(silent, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  waiting.entered.get_future().wait();
  const auto start = std::chrono::steady_clock::now();
  loop->stop();
  running.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  ::close(silent);
}

}  // namespace
}  // namespace rigcast::server
