#include <csignal>
#include <cstdio>

#include "base/text.hpp"
#include "bench/probe.hpp"
#include "cli/here.hpp"
#include "cli/probe_fields.hpp"
#include "cli/verb.hpp"
#include "report/json.hpp"
#include "server/page.hpp"
#include "server/server.hpp"

namespace rigcast::cli {
namespace {

server::Server* running = nullptr;   // for the signal handler, which has no other way to it

void on_signal(int) {
  if (running != nullptr) running->stop();
}

// What is in this machine, as 'rigcast probe --json' says it.
server::LongVerb probe_work(const World& world) {
  return {"probe", [world](const std::string&, server::Progress& progress) -> Result<std::string> {
            progress.tell(-1, "looking at this machine");
            RC_ASSIGN(knowledge, load_knowledge(world));
            const bench::Findings findings = bench::probe(bench::this_machine(), bench::Depth::full);
            return report::render_json(fields(findings, bench::to_rig(knowledge.catalog, findings)), report::Language());
          }};
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

Result<Outcome> run(const Arguments& arguments, const World& world) {
  RC_ASSIGN(options, read_options(arguments));
  options.long_verbs = {probe_work(world)};
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(server, server::Server::open(std::move(knowledge), options));
  std::printf("%s\n", server.url().c_str());
  std::fflush(stdout);
  if (!server.for_this_machine_only())
    std::fprintf(stderr, "rigcast: warning: everybody who reaches %s can ask this server; it has no passwords and no encryption\n", options.address.c_str());
  if (!server::has_page()) std::fprintf(stderr, "rigcast: this build has no page; the JSON API works\n");
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
          run};
}

}  // namespace rigcast::cli
