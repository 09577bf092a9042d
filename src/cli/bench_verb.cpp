#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>

#include "base/text.hpp"
#include "bench/probe.hpp"
#include "bench/record.hpp"
#include "cli/bench_fields.hpp"
#include "cli/here.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {
namespace {

std::atomic<bool> stop{false};   // set by Ctrl-C: the case in hand ends, what was measured is kept
void on_interrupt(int) { stop.store(true); }

constexpr double kQuickSeconds = 18;   // of the 20 that are promised; the rest is filling memory

struct Request {
  std::vector<bench::Case> cases;   // empty: the standard ones
  std::string device;               // empty: all
  bench::Options options;
  bool quick = false;
};

Result<Request> read_request(const Arguments& arguments) {
  Request request;
  request.quick = arguments.has("--quick");
  request.device = arguments.one_or("--device", "");
  for (const std::string& text : arguments.all("--kernel")) {
    auto c = bench::parse_case(text);
    if (!c) {
      Error error = c.error();
      error.where.file = "--kernel", error.field = "kernel";
      return tl::unexpected<Error>(std::move(error));
    }
    request.cases.push_back(std::move(*c));
  }
  if (const auto text = arguments.one("--threads")) {
    const auto threads = parse_int(*text);
    if (!threads || *threads < 1 || *threads > 4096) return fail(ErrorKind::input, "'" + *text + "' is not a number of threads", Where{"--threads"}, "threads");
    request.options.threads = static_cast<int>(*threads);
  }
  return request;
}

void say_progress(const bench::Case& c, std::size_t done, std::size_t all) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%zu of %zu: %s", done + 1, all, bench::spell(c).c_str());
  std::fflush(stderr);
}

void measure_device(bench::Device& device, const Request& request, BenchAnswer& answer) {
  const auto cases = request.cases.empty() ? bench::standard_cases(device, request.quick) : request.cases;
  bench::Effort effort = request.quick ? bench::kQuick : bench::Effort{};
  if (request.quick) effort.seconds = std::min(effort.seconds, kQuickSeconds / 3 / static_cast<double>(std::max<std::size_t>(1, cases.size())));
  for (std::size_t i = 0; i < cases.size() && !stop.load(); ++i) {
    say_progress(cases[i], i, cases.size());
    answer.measurements.push_back(bench::measure(device, cases[i], effort, stop));
  }
  if (isatty(STDERR_FILENO) != 0) std::fputs("\r\033[K", stderr);
}

// Every backend is asked; one that cannot is named and the rest goes on.
Result<BenchAnswer> measure_all(const Request& request) {
  BenchAnswer answer;
  std::vector<std::string> ids;
  for (const bench::Backend& backend : bench::backends()) {
    auto devices = backend.open(bench::this_machine(), request.options);
    if (!devices) {
      answer.unreachable.push_back(std::string(backend.name) + ": " + devices.error().message);
      continue;
    }
    for (auto& device : *devices) {
      ids.push_back(device->info().id);
      const bool asked = request.device == device->info().id || request.device == backend.name;
      if (asked || (request.device.empty() && !device->info().in_software)) measure_device(*device, request, answer);
    }
  }
  if (answer.measurements.empty() && !stop.load())
    return fail(ErrorKind::not_found, "no device '" + request.device + "' here; there are " + join(ids, ", "), Where{"--device"}, "device", nearest_name(request.device, ids));
  answer.stopped = stop.load();
  return answer;
}

Result<Outcome> run(const Arguments& arguments, const World& world) {
  RC_ASSIGN(request, read_request(arguments));
  std::signal(SIGINT, on_interrupt);
  RC_ASSIGN(answer, measure_all(request));
  std::signal(SIGINT, SIG_DFL);
  std::vector<bench::Record> records;
  for (const bench::Measurement& m : answer.measurements)
    if (m.ok() && !m.device.in_software) records.push_back(bench::to_record(m, bench::probe_date()));
  if (const auto share = arguments.one("--share")) RC_TRY(bench::append(*share, records));
  if (!arguments.has("--no-log") && !records.empty() && !bench_log(world).empty()) {
    answer.log = bench_log(world).string();
    RC_TRY(bench::append(answer.log, records));
  }
  return Outcome{fields(answer)};
}

}  // namespace

Verb bench_verb() {
  return {"bench",
          "measure this machine: memory, matrix kernels in the formats engines use, attention, links; each checked before it is timed"_say,
          {},
          {{"--quick", "", "", "the kernels that say most, in at most 20 s"_say},
           {"--device", "", "ID", "only this device or backend: cpu"_say},
           {"--kernel", "-k", "CASE", "only this case: read:1GiB, matvec:q4_0:14336x4096, attention:f16:32/8x128@4096"_say, Completes::nothing, {}, true},
           {"--threads", "-t", "COUNT", "threads of the processor (one per core)"_say},
           {"--share", "", "FILE", "also write the results, without anything private, to a file to contribute"_say, Completes::file},
           {"--no-log", "", "", "do not keep the results for later plans"_say}},
          {"rigcast bench --quick", "rigcast bench --kernel matvec:q4_0:14336x4096", "rigcast bench --share my-card.csv"},
          run};
}

}  // namespace rigcast::cli
