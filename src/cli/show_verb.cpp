#include "app/show.hpp"
#include "cli/here.hpp"
#include "cli/verb.hpp"
#include "report/answers.hpp"

namespace rigcast::cli {
namespace {

Result<Outcome> run_show(const Arguments& arguments, const World& world) {
  RC_ASSIGN(knowledge, load_knowledge(world));
  RC_ASSIGN(answer, app::show(knowledge, {arguments.one_or("NAME", ""), {}}));
  return Outcome{report::fields(answer)};
}

}  // namespace

Verb show_verb() {
  return {"show",
          "all facts about one device, processor, model, engine, quant or link, each with its source"_say,
          {{"NAME", "key or alias of anything"_say, Completes::device}},
          {},
          {"rigcast show 4090-48g", "rigcast show \"NVIDIA GeForce RTX 3090\"", "rigcast show qwen3-235b-a22b", "rigcast show q4_k"},
          run_show};
}

}  // namespace rigcast::cli
