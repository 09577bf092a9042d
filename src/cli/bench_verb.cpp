#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

#include "base/text.hpp"
#include "cli/bench_fields.hpp"
#include "cli/bench_log.hpp"
#include "cli/bench_run.hpp"
#include "cli/verb.hpp"
#include "cli/verify_speed.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

std::atomic<bool> stop{false};   // set by Ctrl-C: the case in hand ends, what was measured is kept
void on_interrupt(int signal) {
  if (stop.exchange(true)) std::signal(signal, SIG_DFL), std::raise(signal);   // asked twice: a driver hangs, and what is done is kept already
}

Result<void> read_count(const Arguments& arguments, const std::string& option, const char* what, std::int64_t least, std::int64_t most, std::int64_t& out) {
  const auto text = arguments.one(option);
  if (!text) return {};
  const auto count = parse_int(*text);
  if (!count || *count < least || *count > most) return fail(ErrorKind::input, "'" + *text + "' is not " + what, Where{option}, option.substr(2));
  out = *count;
  return {};
}

Result<BenchRequest> read_request(const Arguments& arguments) {
  BenchRequest request;
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

Result<Outcome> run_verify(const Arguments& arguments, const World& world, const BenchRequest& request) {
  VerifySpeedRequest verification{.model = *arguments.one("--verify"), .endpoint = arguments.one_or("--endpoint", ""), .engine = arguments.one_or("--engine", "llama.cpp"),
                             .prompt = request.prompt, .depth = request.depth, .keep = !arguments.has("--no-log")};
  RC_ASSIGN(answer, verify_speed(verification, world));
  return Outcome{report::fields(answer)};
}

Result<Outcome> run_bench(const Arguments& arguments, const World& world) {
  RC_ASSIGN(request, read_request(arguments));
  if (arguments.has("--verify")) return run_verify(arguments, world, request);
  for (const char* option : {"--endpoint", "--engine"})
    if (arguments.has(option)) return fail(ErrorKind::input, std::string(option) + " is about a prediction to verify: say --verify MODEL, too", Where{option}, option + 2);
  RC_TRY(check_share(arguments.one_or("--share", "")));
  const Keep keep = keep_in({arguments.one_or("--share", ""), arguments.has("--no-log") ? std::filesystem::path() : own_log(world)});
  std::signal(SIGINT, on_interrupt);
  auto measured = run_bench(request, world, {keep, [](double, const std::string& what) { say_progress(what); }, stop});
  std::signal(SIGINT, SIG_DFL);
  end_progress();
  RC_ASSIGN(answer, std::move(measured));
  const bool any = std::any_of(answer.measurements.begin(), answer.measurements.end(), [](const bench::Measurement& m) { return m.ok() && !m.device.in_software; }) ||
                   std::any_of(answer.models.begin(), answer.models.end(), [](const bench::ModelMeasurement& m) { return m.decode.median > 0 || m.prefill.median > 0; });
  if (any && !answer.unkept && !arguments.has("--no-log")) answer.log = own_log(world).string();
  if (any && !answer.unkept) answer.shared = arguments.one_or("--share", "");
  Outcome outcome{fields(answer)};
  outcome.code = exit_code(answer);
  return outcome;
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
          run_bench};
}

}  // namespace rigcast::cli
