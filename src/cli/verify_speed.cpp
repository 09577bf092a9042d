#include "cli/verify_speed.hpp"

#include <filesystem>

#include "app/evaluate.hpp"
#include "app/plan.hpp"
#include "base/text.hpp"
#include "bench/endpoint.hpp"
#include "bench/probe.hpp"
#include "bench/process.hpp"
#include "calibration/import.hpp"
#include "cli/bench_log.hpp"
#include "cli/here.hpp"

namespace rigcast::cli {
namespace {

using calibration::Observation;

constexpr double kPatience = 3600;   // s; a large model on a processor takes its time
constexpr int kRepetitions = 3;

Result<std::string> run_patiently(const std::vector<std::string>& words) { return bench::run_program(words, kPatience); }

// The very placement that was predicted, timed.
Result<std::vector<Observation>> by_llama_bench(const VerifySpeedRequest& request, std::vector<std::string> words) {
  if (words.empty())
    return fail(ErrorKind::input, "llama-bench needs the model's file: name a .gguf, or a running server with --endpoint URL", Where{"--verify"}, "verify");
  for (const auto& [flag, value] : {std::pair("-p", request.prompt), {"-n", request.generated}, {"-d", request.depth}, {"-r", std::int64_t{kRepetitions}}})
    words.insert(words.end(), {flag, std::to_string(value)});
  words.insert(words.end(), {"-o", "json"});
  RC_ASSIGN(text, run_patiently(words));
  RC_ASSIGN(imported, calibration::import_text(text, "llama-bench"));
  return std::move(imported.rows);
}

Result<std::vector<Observation>> by_endpoint(const VerifySpeedRequest& request) {
  RC_ASSIGN(speed, bench::time_endpoint(run_patiently, request.endpoint, static_cast<int>(request.prompt), static_cast<int>(request.generated)));
  Observation o;
  o.engine = request.engine, o.concurrency = 1, o.metric_name = "tokens_per_second", o.metric = calibration::Metric::tokens_per_second;
  Observation prefill = o, decode = o;
  prefill.phase = "prefill", prefill.prompt = speed.prompt_tokens, prefill.depth = 0, prefill.value = speed.prefill;
  decode.phase = "decode", decode.generated = speed.generated_tokens, decode.depth = speed.prompt_tokens, decode.value = speed.decode;
  return std::vector<Observation>{prefill, decode};
}

// What the engine cannot know: which machine of the catalogue this is, and which model.
void complete(Observation& o, const app::PlanAnswer& plan) {
  if (plan.placement.mode == placement::Mode::cpu || plan.rig.devices.empty()) {
    const std::string name = plan.rig.hosts.front().name;
    o.device = name + " (CPU)", o.device_printed = o.processor = name, o.backend = "CPU", o.devices = 1;
  } else {
    o.device = plan.rig.devices.front().device.key, o.backend = plan.placement.backend, o.devices = static_cast<int>(plan.placement.devices.size());
  }
  o.model = plan.architecture->key, o.quant = plan.architecture->quant;
  o.model_bytes = plan.architecture->weight_bytes().value(), o.parameters = plan.architecture->parameters();
  if (!plan.architecture->file.empty()) o.flags["file"] = std::filesystem::absolute(plan.architecture->file).string();
  if (o.date.empty()) o.date = bench::probe_date();
  o.source = "rigcast bench --verify";
  o.id = calibration::fingerprint(o);
}

}  // namespace

app::PlanRequest question_of(const VerifySpeedRequest& request) {
  app::PlanRequest question;
  question.model = request.model, question.rig = "here";
  question.placement.engine = request.engine;
  question.placement.context = request.depth + request.prompt + request.generated;
  question.question.prompt = request.prompt, question.question.depth = request.depth;
  return question;
}

Result<app::VerifySpeedAnswer> verify_speed(const VerifySpeedRequest& request, const World& world) {
  RC_ASSIGN(knowledge, load_knowledge(world));
  app::PlanRequest question = question_of(request);
  RC_ASSIGN(plan, app::plan(knowledge, question));   // before anything is run: a model that does not fit need not be tried
  if (!plan.speed) return tl::unexpected<Error>(plan.no_speed);
  auto measured = request.endpoint.empty() ? by_llama_bench(request, plan.launch.bench) : by_endpoint(request);
  if (!measured) return tl::unexpected<Error>(std::move(measured.error()));
  if (measured->empty()) return fail(ErrorKind::system, "the engine timed nothing", Where{"--verify"}, "verify");
  app::VerifySpeedAnswer answer{plan.architecture->name + " " + plan.architecture->quant, "here", measured->front().engine + " " + measured->front().engine_version, {}, {}};
  for (Observation& o : *measured) {
    complete(o, plan);
    question.question.prompt = o.phase == "prefill" ? static_cast<std::int64_t>(o.prompt) : request.prompt;
    question.question.depth = static_cast<std::int64_t>(o.depth > 0 ? o.depth : 0);
    RC_ASSIGN(predicted, app::plan(knowledge, question));
    if (predicted.speed) answer.rows.push_back(app::verify_speed(*predicted.speed, o));
  }
  if (request.keep && !own_log(world).empty()) {
    answer.log = own_log(world).string();
    RC_TRY(app::observe(*measured, answer.log));
  }
  return answer;
}

}  // namespace rigcast::cli
