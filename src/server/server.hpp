#pragma once
// The Server: the page and the JSON API on this machine.

#include <functional>
#include <memory>
#include <string>

#include "app/knowledge.hpp"
#include "base/result.hpp"
#include "server/service.hpp"

namespace rigcast::server {

inline constexpr int kUsualPort = 7433;

struct ServerOptions {
  std::string address = "127.0.0.1";   // anything else lets other machines ask
  int port = kUsualPort;
  bool port_or_any = true;             // take any free port where this one is taken
  std::string version;
  std::vector<LongVerb> long_verbs;
};

class Server {
 public:
  // system: the address is not this machine's, or the port is taken.
  static Result<Server> open(app::Knowledge knowledge, const ServerOptions& options);
  ~Server();
  Server(Server&&) noexcept;

  std::string url() const;             // "http://127.0.0.1:7433/"
  bool for_this_machine_only() const;  // only programs on this machine can reach it
  void run();                          // until stop()
  void stop();                         // from any thread or signal handler

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rigcast::server
