#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <set>

#include "app/evaluate.hpp"
#include "base/text.hpp"
#include "bench/probe.hpp"
#include "bench/record.hpp"
#include "cli/bench_fields.hpp"
#include "cli/bench_log.hpp"
#include "cli/here.hpp"
#include "cli/verify_speed.hpp"
#include "report/answers.hpp"
#include "cli/verb.hpp"

namespace rigcast::cli {
namespace {

std::atomic<bool> stop{false};   // set by Ctrl-C: the case in hand ends, what was measured is kept
void on_interrupt(int signal) {
  if (stop.exchange(true)) std::signal(signal, SIG_DFL), std::raise(signal);   // asked twice: a driver hangs, and what is done is kept already
}

constexpr double kQuickSeconds = 18;   // of the 20 that are promised; the rest is filling memory
constexpr double kLongestCase = 3;     // s, with filling its memory, where others take most of the processor

struct Request {
  std::vector<bench::Case> cases;   // empty: the standard ones
  std::vector<std::string> models;  // specs; not empty: their Steps instead of kernels
  std::int64_t prompt = 128, depth = 0;
  std::string device;               // empty: all
  bench::Options options;
  bool quick = false;
};

Result<void> read_count(const Arguments& arguments, const std::string& option, const char* what, std::int64_t least, std::int64_t most, std::int64_t& out) {
  const auto text = arguments.one(option);
  if (!text) return {};
  const auto count = parse_int(*text);
  if (!count || *count < least || *count > most) return fail(ErrorKind::input, "'" + *text + "' is not " + what, Where{option}, option.substr(2));
  out = *count;
  return {};
}

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
  request.models = arguments.all("--model");
  std::int64_t threads = 0;
  RC_TRY(read_count(arguments, "--threads", "a number of threads", 1, 4096, threads));
  RC_TRY(read_count(arguments, "--prompt", "a number of tokens", 2, 1 << 16, request.prompt));
  RC_TRY(read_count(arguments, "--depth", "a number of tokens", 0, 1 << 20, request.depth));
  request.options.threads = static_cast<int>(threads);
  return request;
}

void say_progress(const std::string& what) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%s", what.c_str());
  std::fflush(stderr);
}
void end_progress() { if (isatty(STDERR_FILENO) != 0) std::fputs("\r\033[K", stderr); }

// Every measurement is kept as soon as it is there: a driver that takes the program down with it loses nothing else.
using Keep = std::function<Result<void>(const std::vector<calibration::Observation>&)>;

// A file that cannot be written is named once; measuring goes on.
void keep_or_tell(const Keep& keep, const std::vector<calibration::Observation>& rows, BenchAnswer& answer) {
  if (const auto kept = keep(rows); !kept && !answer.unkept) answer.unkept = true, answer.unreachable.push_back(to_text(kept.error()));
}

// One token and one prompt of each model's very shape.
void measure_models(bench::Device& device, const Request& request, const std::vector<model::Architecture>& models, const Keep& keep, BenchAnswer& answer) {
  const bench::Effort effort{.seconds = request.quick ? 2.0 : 6.0, .least = 3, .most = 30, .sample_seconds = 0.01};
  for (const model::Architecture& architecture : models) {
    bench::ModelMeasurement m;
    for (const bool decode : {true, false}) {
      if (stop.load()) break;
      bench::Measurement& out = decode ? m.decode : m.prefill;
      auto c = bench::model_case(architecture, decode ? 1 : request.prompt, request.depth);
      if (!c) { m.token.model = architecture.key, out.failure = c.error().message; continue; }
      (decode ? m.token : m.prompt) = *c;
      say_progress((decode ? "one token of " : "one prompt of ") + architecture.key);
      out = bench::measure(device, *c, effort, stop);
      out.rerun = "rigcast bench --model " + architecture.key + ":" + to_lower(architecture.quant) + " --prompt " + std::to_string(request.prompt) +
                  (request.depth > 0 ? " --depth " + std::to_string(request.depth) : "");
    }
    keep_or_tell(keep, observations_of(m, bench::probe_date()), answer);
    answer.models.push_back(std::move(m));
  }
}

// `seconds`: what a quick look may take in all.
void measure_device(bench::Device& device, const Request& request, double seconds, const Keep& keep, BenchAnswer& answer) {
  const auto cases = request.cases.empty() ? bench::standard_cases(device, request.quick) : request.cases;
  bench::Effort effort = request.quick ? bench::kQuick : bench::Effort{};
  if (request.quick) effort.seconds = std::min(effort.seconds, seconds / 3 / static_cast<double>(std::max<std::size_t>(1, cases.size())));
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < cases.size() && !stop.load(); ++i) {
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto left_out = [&](const char* why) { answer.unreachable.push_back(device.info().id + why + std::to_string(cases.size() - i)); };
    if (device.lost()) {
      left_out(": the device is lost; kernels left out: ");
      break;
    }
    if (request.quick && request.cases.empty() && spent > seconds - std::min(kLongestCase, seconds / 6)) {
      left_out(": there was no time for all kernels; left out: ");
      break;
    }
    say_progress(device.info().id + ", " + std::to_string(i + 1) + " of " + std::to_string(cases.size()) + ": " + bench::spell(cases[i]));
    answer.measurements.push_back(bench::measure(device, cases[i], effort, stop));
    const bench::Measurement& m = answer.measurements.back();
    if (m.ok() && !m.device.in_software) keep_or_tell(keep, {observation_of(bench::to_record(m, bench::probe_date()))}, answer);
  }
}

// Every backend is asked; one that cannot is named and the rest goes on.
Result<BenchAnswer> measure_all(const Request& request, const World& world, const Keep& keep) {
  BenchAnswer answer;
  std::vector<model::Architecture> models;
  if (!request.models.empty()) {
    RC_ASSIGN(knowledge, load_knowledge(world));
    for (const std::string& spec : request.models) {
      RC_ASSIGN(architecture, app::find_model(knowledge, spec));
      models.push_back(std::move(architecture));
    }
  }
  if (const std::string asked(split(request.device, ':').front()); !asked.empty()) {
    std::vector<std::string> names;
    for (const bench::Backend& backend : bench::backends()) names.emplace_back(backend.name);
    if (std::find(names.begin(), names.end(), asked) == names.end())
      return fail(ErrorKind::not_found, "no backend '" + asked + "'; there are " + join(names, ", "), Where{"--device"}, "device", nearest_name(asked, names));
  }
  std::vector<std::string> ids;
  std::set<std::string> cards;   // by PCI address: one that several interfaces reach is measured through the best of them
  std::vector<std::vector<std::unique_ptr<bench::Device>>> opened;   // all stay open: some kernels use several devices
  std::vector<bench::Device*> chosen;
  for (const bench::Backend& backend : bench::backends()) {
    if (!request.device.empty() && split(request.device, ':').front() != backend.name) continue;
    auto devices = backend.open(bench::this_machine(), request.options);
    if (!devices) {
      // Most machines lack most drivers: only who asks for one needs to know why it is not there.
      if (!request.device.empty()) answer.unreachable.push_back(std::string(backend.name) + ": " + devices.error().message);
      continue;
    }
    for (auto& device : *devices) {
      ids.push_back(device->info().id);
      const bool asked = request.device == device->info().id || request.device == backend.name;
      if (!asked && (!request.device.empty() || device->info().in_software)) continue;
      if (const std::string& card = device->info().pci_address; !asked && !card.empty() && !cards.insert(card).second) continue;
      if (models.empty() || device->info().backend == "cpu" || asked) chosen.push_back(device.get());
    }
    opened.push_back(std::move(*devices));
  }
  for (bench::Device* device : chosen) {
    if (stop.load()) break;
    if (models.empty()) measure_device(*device, request, kQuickSeconds / static_cast<double>(chosen.size()), keep, answer);
    else measure_models(*device, request, models, keep, answer);
  }
  end_progress();
  if (ids.empty() && !answer.unreachable.empty()) return fail(ErrorKind::not_found, answer.unreachable.front(), Where{"--device"}, "device");
  if (answer.measurements.empty() && answer.models.empty() && !stop.load())
    return fail(ErrorKind::not_found, "no device '" + request.device + "' here; there are " + join(ids, ", "), Where{"--device"}, "device", nearest_name(request.device, ids));
  answer.stopped = stop.load();
  return answer;
}

// Into the user's log, where plans for `here` find them, and into the file to share.
Keep keeper(const Arguments& arguments, const World& world) {
  return [share = arguments.one("--share"), log = arguments.has("--no-log") ? std::filesystem::path() : own_log(world)](const std::vector<calibration::Observation>& rows) -> Result<void> {
    if (rows.empty()) return {};
    if (share) RC_TRY(app::observe(rows, *share));
    if (!log.empty()) RC_TRY(app::observe(rows, log));
    return {};
  };
}

Result<Outcome> run_verify(const Arguments& arguments, const World& world, const Request& request) {
  VerifySpeedRequest verification{.model = *arguments.one("--verify"), .endpoint = arguments.one_or("--endpoint", ""), .engine = arguments.one_or("--engine", "llama.cpp"),
                             .prompt = request.prompt, .depth = request.depth, .keep = !arguments.has("--no-log")};
  RC_ASSIGN(answer, verify_speed(verification, world));
  return Outcome{report::fields(answer)};
}

Result<Outcome> run(const Arguments& arguments, const World& world) {
  RC_ASSIGN(request, read_request(arguments));
  if (arguments.has("--verify")) return run_verify(arguments, world, request);
  std::signal(SIGINT, on_interrupt);
  RC_ASSIGN(answer, measure_all(request, world, keeper(arguments, world)));
  std::signal(SIGINT, SIG_DFL);
  const bool any = std::any_of(answer.measurements.begin(), answer.measurements.end(), [](const bench::Measurement& m) { return m.ok() && !m.device.in_software; }) ||
                   std::any_of(answer.models.begin(), answer.models.end(), [](const bench::ModelMeasurement& m) { return m.decode.median > 0 || m.prefill.median > 0; });
  if (any && !answer.unkept && !arguments.has("--no-log")) answer.log = own_log(world).string();
  if (any && !answer.unkept) answer.shared = arguments.one_or("--share", "");
  return Outcome{fields(answer)};
}

}  // namespace

Verb bench_verb() {
  return {"bench",
          "measure this machine: memory, matrix kernels in the formats engines use, attention, links; each checked before it is timed"_say,
          {},
          {{"--quick", "", "", "the kernels that say most, in at most 20 s"_say},
           {"--device", "", "ID", "only this device or backend: cuda, hip, vulkan, opencl, cpu or ggml, cuda:0 ..."_say},
           {"--kernel", "-k", "CASE", "only this case: read:1GiB, matvec:q4_0:14336x4096, attention:f16:32/8x128@4096"_say, Completes::nothing, {}, true},
           {"--model", "-m", "MODEL", "one token and one prompt of this model's very shape with made-up weights, instead of kernels"_say, Completes::model, {}, true},
           {"--prompt", "-p", "TOKENS", "length of that prompt (128)"_say},
           {"--depth", "-d", "TOKENS", "tokens already in the cache (0)"_say},
           {"--verify", "", "MODEL", "time the installed llama-bench on this model, hold the prediction against it and say which term was wrong"_say, Completes::model},
           {"--endpoint", "", "URL", "with --verify: time the server that answers there instead (llama-server, vLLM)"_say},
           {"--engine", "", "ENGINE", "with --endpoint: what that server is (llama.cpp)"_say, Completes::engine},
           {"--threads", "-t", "COUNT", "threads of the processor (one per core)"_say},
           {"--share", "", "FILE", "also write the results, without anything private, to a file to contribute"_say, Completes::file},
           {"--no-log", "", "", "do not keep the results for later plans"_say}},
          {"rigcast bench --quick", "rigcast bench --model qwen3-8b:q4_k_m", "rigcast bench --kernel matvec:q4_0:14336x4096", "rigcast bench --verify ./model.gguf", "rigcast bench --share my-card.csv"},
          run};
}

}  // namespace rigcast::cli
