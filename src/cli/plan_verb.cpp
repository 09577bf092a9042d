#include "app/curve.hpp"
#include "app/plan.hpp"
#include "cli/here.hpp"
#include "cli/questions.hpp"
#include "cli/verb.hpp"
#include "cli/verify.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

ExitCode code_of(const app::PlanAnswer& answer) { return answer.placement.fits && !answer.too_slow ? ExitCode::fits : ExitCode::does_not_fit; }

Result<Outcome> run_plan(const Arguments& arguments, const World& world) {
  RC_ASSIGN(request, read_plan_request(arguments));
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::plan(knowledge, request));
  Outcome outcome{report::fields(answer), {}, code_of(answer)};
  if (arguments.has("--verify")) {
    RC_ASSIGN(verified, verify(knowledge.catalog, answer));
    outcome.report.sections.push_back(report::verify_section(verified));
  }
  if (wants_file(arguments)) {
    RC_ASSIGN(curve, app::curve(knowledge, request));
    outcome.page = report::page_fields(answer, curve);
  }
  return outcome;
}

Result<Outcome> run_explain(const Arguments& arguments, const World& world) {
  RC_ASSIGN(request, read_plan_request(arguments));
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::plan(knowledge, request));
  return Outcome{report::explain_fields(answer), {}, code_of(answer)};
}

Positional model_positional() {
  return {"MODEL", "catalogue key (qwen3-32b:q4_k_m), .gguf file, safetensors folder or config.json; :QUANT chooses a format"_say, Completes::model};
}

}  // namespace

Verb plan_verb() {
  std::vector<Option> options = with_file_options(question_options(false));
  options.push_back({"--verify", "", "", "let the installed llama.cpp lay the same file out (no weights are read) and compare its memory with ours"_say});
  return {"plan",
          "does a model fit a machine, where does each byte go, how fast is it, what to type"_say,
          {model_positional()},
          std::move(options),
          {"rigcast plan qwen3-32b:q4_k_m --on 2x3090 -c 32k", "rigcast plan ./model.gguf --on 4090 --flags \"-ngl 40 -ctk q8_0\"",
           "rigcast plan llama-3.1-70b --on \"4xa100-sxm-80g\" --engine vllm"},
          run_plan};
}

Verb explain_verb() {
  return {"explain",
          "the same answer step by step: bytes, bandwidth, efficiency, evidence"_say,
          {model_positional()},
          question_options(false),
          {"rigcast explain qwen3-32b:q4_k_m --on 2x3090"},
          run_explain};
}

}  // namespace rigcast::cli
