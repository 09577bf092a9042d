#include "server/server.hpp"

#include <algorithm>
#include <thread>

#include <unistd.h>

#include "base/text.hpp"
#include "server/loop.hpp"
#include "server/origin.hpp"

namespace rigcast::server {
namespace {

std::string machine_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? to_lower(name) : std::string{};
}

LoopOptions loop_options(const ServerOptions& options, int port) {
  LoopOptions loop;
  loop.address = options.address;
  loop.port = port;
  // Askers that wait for a job's news hold a thread each; the others must still be answered.
  loop.workers = static_cast<int>(std::max(2u, std::thread::hardware_concurrency()));
  loop.waiters = Jobs::kMostWaiting + 1;   // one more than may wait: it turns the others away
  loop.waits = [](const Request& request) { return request.path.size() == 3 && request.path[0] == "api" && request.path[1] == "jobs" && request.parameter("wait"); };
  return loop;
}

}  // namespace

struct Server::State {
  std::string address;
  Loop loop;
  Service service;

  State(std::string a, Loop l, Service s) : address(std::move(a)), loop(std::move(l)), service(std::move(s)) {}
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;
Server::Server(Server&&) noexcept = default;

Result<Server> Server::open(app::Knowledge knowledge, const ServerOptions& options) {
  auto opened = Loop::open(loop_options(options, options.port));
  if (!opened && options.port_or_any) opened = Loop::open(loop_options(options, 0));
  if (!opened) return tl::unexpected<Error>(std::move(opened.error()));
  ServiceOptions service;
  service.version = options.version;
  service.paths = is_loopback(to_lower(options.address));
  service.origin.loopback_only = service.paths;
  if (!service.paths) service.origin.own_names = {machine_name(), to_lower(options.address)};
  service.long_verbs = options.long_verbs;
  return Server(std::make_unique<State>(options.address, std::move(*opened), Service(std::move(knowledge), std::move(service))));
}

std::string Server::url() const {
  const bool six = state_->address.find(':') != std::string::npos;
  return "http://" + (six ? '[' + state_->address + ']' : state_->address) + ':' + std::to_string(state_->loop.port()) + '/';
}

bool Server::for_this_machine_only() const { return is_loopback(to_lower(state_->address)); }

void Server::run() {
  state_->loop.run([this](const Request& request) { return state_->service.answer(request); }, [this] { state_->service.stop(); },
                   [this](const Refusal& refusal, const Request& partial) { return state_->service.refuse(refusal, partial); });
}

void Server::stop() { state_->loop.stop(); }

}  // namespace rigcast::server
