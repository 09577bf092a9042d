#pragma once
// The Loop moves bytes: one thread waits for all sockets at once, some workers answer complete requests, first come, first served. A client
// that is slow, silent or gone costs a little memory until its time is up, and never a worker.

#include <functional>
#include <memory>
#include <string>

#include "base/quantity.hpp"
#include "base/result.hpp"
#include "server/http.hpp"

namespace rigcast::server {

struct LoopOptions {
  std::string address = "127.0.0.1";
  int port = 0;                        // 0: any free one
  int workers = 4;                     // for requests that compute: more of them than processors would only make each other late
  int waiters = 0;                     // for requests that mostly wait, where `waits` says so; 0: the workers take all
  std::function<bool(const Request&)> waits;
  int connections = 512;               // beyond this the one that has been idle longest goes
  std::size_t buffered = 64 * 1024 * 1024;  // bytes of unfinished requests and answers, all connections together
  Seconds request_time{10};            // from the first byte of a request to its last
  Seconds answer_time{20};             // for the client to take the answer
  Seconds idle_time{30};               // between requests
  Seconds last_time{2};                // after stop(): for all clients to take the last answers
  Caps caps;
};

class Loop {
 public:
  using Handler = std::function<Response(const Request&)>;
  // What is said of a request that was not read to its end: why, and what of it is known.
  using Refuser = std::function<Response(const Refusal&, const Request&)>;

  // Listens at once. system: the port is taken or the address is not this machine's.
  static Result<Loop> open(const LoopOptions& options);
  ~Loop();
  Loop(Loop&&) noexcept;
  Loop& operator=(Loop&&) noexcept;

  int port() const;
  // Answers until stop(). `handler` is called from several threads at once; what it throws becomes a 500. `ending` is called once, after
  // stop() and before the handlers at work are waited for: it tells those that wait for something to return.
  void run(const Handler& handler, const std::function<void()>& ending = {}, const Refuser& refuser = {});
  // From any thread or a signal handler. Requests that `handler` has are still answered; their clients have `last_time` to take the answers.
  void stop();

 private:
  struct State;
  explicit Loop(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rigcast::server
