#include <csignal>
#include <cstdio>

#include "base/text.hpp"
#include "cli/here.hpp"
#include "cli/long_work.hpp"
#include "cli/verb.hpp"
#include "server/page.hpp"
#include "server/server.hpp"

namespace rigcast::cli {
namespace {

server::Server* running = nullptr;   // for the signal handler, which has no other way to it

void on_signal(int) {
  if (running != nullptr) running->stop();
}

Result<server::ServerOptions> read_options(const Arguments& arguments) {
  server::ServerOptions options;
  options.version = RIGCAST_VERSION;
  if (const auto address = arguments.one("--listen")) options.address = *address;
  if (const auto text = arguments.one("--port")) {
    const auto port = parse_int(*text);
    if (!port || *port < 0 || *port > 65535) return fail(ErrorKind::input, "a port is a number from 0 to 65535", Where{"--port"}, "port", "7433");
    options.port = static_cast<int>(*port);
    options.port_or_any = false;
  }
  return options;
}

void warn(const World& world, const Phrase& phrase) { std::fprintf(stderr, "rigcast: %s\n", world.language.say(phrase).c_str()); }

Result<Outcome> run_web(const Arguments& arguments, const World& world) {
  RC_ASSIGN(options, read_options(arguments));
  options.long_verbs = long_work(world);
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(server, server::Server::open(std::move(knowledge), options));
  std::printf("%s\n", server.url().c_str());
  std::fflush(stdout);
  if (!server.for_this_machine_only())
    warn(world, report::fill("warning: everybody who reaches {0} can ask this server; it has no passwords and no encryption"_say, {options.address}));
  if (!server::has_page()) warn(world, "this build has no page; the JSON API works"_say);
  running = &server;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  server.run();
  running = nullptr;
  return Outcome{};
}

}  // namespace

Verb web_verb() {
  return {"web",
          "the same answers as a page in the browser, and as a JSON API"_say,
          {},
          {{"--port", "", "PORT", "port to listen on (7433, or a free one if that is taken)"_say},
           {"--listen", "", "ADDRESS", "let other machines ask, too (127.0.0.1: only this one)"_say}},
          {"rigcast web", "rigcast web --port 8080"},
          run_web};
}

}  // namespace rigcast::cli
