// How right the numbers are, the fit behind them, and the user's own measurements.

#include <memory>
#include <utility>

#include "app/evaluate.hpp"
#include "base/text.hpp"
#include "cli/bench_log.hpp"
#include "cli/here.hpp"
#include "cli/questions.hpp"
#include "cli/verb.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

std::vector<std::filesystem::path> paths(const Arguments& arguments) {
  std::vector<std::filesystem::path> files;
  for (const std::string& file : arguments.all("FILE")) files.emplace_back(file);
  return files;
}

Result<Outcome> run_evaluate(const Arguments& arguments, const World& world) {
  RC_ASSIGN(knowledge, load_knowledge(world));
  app::EvaluateRequest request;
  request.files = paths(arguments);
  for (const std::string& groups : arguments.all("--by"))
    for (const std::string_view group : split(groups, ',')) request.by.emplace_back(trim(group));
  request.hold_out = arguments.one_or("--cross-validate", "");
  RC_ASSIGN(evaluated, app::evaluate(knowledge, request));
  const auto answer = std::make_shared<const app::EvaluateAnswer>(std::move(evaluated));
  Outcome outcome{arguments.has("--json") ? report::fields(answer) : report::fields(*answer)};
  if (wants_file(arguments)) outcome.page = report::page_fields(*answer);
  return outcome;
}

Result<Outcome> run_calibrate(const Arguments& arguments, const World& world) {
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::calibrate(knowledge, paths(arguments), arguments.one_or("--write", "")));
  return Outcome{report::fields(answer)};
}

Result<Outcome> run_observe(const Arguments& arguments, const World& world) {
  std::string log = arguments.one_or("--log", "");
  if (log.empty()) log = (world.overlays.empty() ? own_log(world) : world.overlays.back() / "observations.csv").string();   // made where it is not there
  const std::filesystem::path folder = std::filesystem::path(arguments.one_or("--log", "")).parent_path();
  if (std::error_code error; !folder.empty() && !std::filesystem::is_directory(folder, error)) return fail(ErrorKind::input, "there is no folder " + folder.string(), Where{"--log"}, "log");
  if (log.empty()) return fail(ErrorKind::input, "there is no user directory to keep the log in; say --log FILE", Where{"--log"}, "log");
  const calibration::ImportDefaults defaults{arguments.one_or("--device", ""), arguments.one_or("--engine", ""), arguments.one_or("--backend", ""),
                                             arguments.one_or("--model", ""),  arguments.one_or("--quant", ""),  arguments.one_or("--date", ""),
                                             arguments.one_or("--source", "")};
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::observe_import(knowledge, arguments.one_or("FILE", ""), log, defaults));
  return Outcome{report::fields(answer)};
}

}  // namespace

Verb evaluate_verb() {
  return {"evaluate",
          "how far the estimates fall from measurements"_say,
          {{"FILE", "Observations or benchmark exports; none: the program's own"_say, Completes::file, {}, false, true}},
          with_file_options({{"--by", "", "GROUP", report::fill("scores by {0}"_say, {join(calibration::group_names(), ", ")}),
            Completes::nothing, {}, true},
           {"--cross-validate", "", "WHAT", "predict by a fit that has not seen the row's device, model or source"_say, Completes::choice, {"device", "model", "source"}}}),
          {"rigcast evaluate", "rigcast evaluate rows.jsonl --by engine --json", "rigcast evaluate --html accuracy.html", "rigcast evaluate --cross-validate device"},
          run_evaluate};
}

Verb calibrate_verb() {
  return {"calibrate",
          "fit the estimates to the Observations"_say,
          {{"FILE", "Observations beside the program's own"_say, Completes::file, {}, false, true}},
          {{"--write", "", "FOLDER", "write effects.csv, spreads.csv, widths.csv and shares.csv there"_say, Completes::file}},
          {"rigcast calibrate --write data/calibration", "rigcast calibrate my-rows.csv --write ~/.config/rigcast/calibration"},
          run_calibrate};
}

Verb observe_verb() {
  return {"observe",
          "keep own measurements: llama-bench, vllm bench serve, aiperf, guidellm ..."_say,
          {{"ACTION", "what to do"_say, Completes::choice, {"import"}}, {"FILE", "what the benchmark printed or saved"_say, Completes::file}},
          {{"--device", "", "DEVICE", "where it ran, if the file does not say"_say, Completes::device},
           {"--engine", "", "ENGINE", "engine, if the file does not say"_say, Completes::engine},
           {"--backend", "", "NAME", "backend, if the file does not say"_say},
           {"--model", "", "MODEL", "model, if the file does not say"_say, Completes::model},
           {"--quant", "", "QUANT", "format, if the file does not say"_say},
           {"--date", "", "DATE", "when it was measured"_say},
           {"--source", "", "TEXT", "who measured it"_say},
           {"--log", "", "FILE", "the log to append to; default: observations.csv in the user's directory"_say, Completes::file}},
          {"rigcast observe import bench.md --device rtx-3090", "rigcast observe import result.json --device 4xh20 --log rows.csv"},
          run_observe};
}

}  // namespace rigcast::cli
