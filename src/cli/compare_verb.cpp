#include <algorithm>

#include "app/compare.hpp"
#include "cli/here.hpp"
#include "cli/questions.hpp"
#include "cli/verb.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

Result<Outcome> run_compare(const Arguments& arguments, const World& world) {
  RC_ASSIGN(question, read_question(arguments));
  app::CompareRequest request{arguments.all("MODEL"), arguments.all("--on"), arguments.all("--engine"), question.placement, question.question, question.objective,
                              question.minimum_speed, !arguments.has("--no-own")};
  if (request.rigs.empty()) return fail(ErrorKind::input, "--on RIG is missing: which machine? for example --on 2x3090", Where{}, "rig");
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::compare(knowledge, request));
  const bool any = std::any_of(answer.rows.begin(), answer.rows.end(), [](const app::Compared& row) { return row.answer && row.answer->placement.fits && !row.answer->too_slow; });
  Outcome outcome{report::fields(answer), {}, any ? ExitCode::fits : ExitCode::does_not_fit};
  if (wants_file(arguments)) outcome.page = report::page_fields(answer);
  return outcome;
}

}  // namespace

Verb compare_verb() {
  return {"compare",
          "the same question for several models, machines or engines, side by side"_say,
          {{"MODEL", "one or more models, as for plan"_say, Completes::model, {}, true, true}},
          with_file_options(question_options(true)),
          {"rigcast compare qwen3-32b:q4_k_m --on 2x3090 --on 4090-48g --on 4xmi50-32g",
           "rigcast compare qwen3-32b:q4_k_m qwen3-32b:q8_0 --on 2x3090", "rigcast compare qwen3-32b:awq --on 2x3090 -e vllm -e sglang"},
          run_compare};
}

}  // namespace rigcast::cli
