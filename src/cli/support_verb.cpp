#include "app/support.hpp"
#include "cli/here.hpp"
#include "cli/verb.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

Result<Outcome> run_support(const Arguments& arguments, const World& world) {
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::support(knowledge, {arguments.one_or("CARD", ""), arguments.one_or("ENGINE|MODEL", "")}));
  const bool none_runs = !answer.models.empty() && !answer.models.front().runs;
  return Outcome{report::fields(answer), {}, none_runs ? ExitCode::does_not_fit : ExitCode::fits};
}

}  // namespace

Verb support_verb() {
  return {"support",
          "which engines run on a card, until which version, and what each does with each number format; with a model, which run it"_say,
          {{"CARD", "key or alias of a device"_say, Completes::device}, {"ENGINE|MODEL", "one engine in full, or a model"_say, Completes::engine, {}, false}},
          {},
          {"rigcast support v100-sxm2-16gb", "rigcast support mi50-32g llama.cpp", "rigcast support 3090 qwen3-32b"},
          run_support};
}

}  // namespace rigcast::cli
