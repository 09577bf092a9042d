#include "cli/verb.hpp"

namespace rigcast::cli {

std::vector<Verb> all_verbs() {
  return {plan_verb(),  compare_verb(), explain_verb(),  show_verb(), support_verb(),   list_verb(),    probe_verb(),
          bench_verb(), web_verb(),     evaluate_verb(), calibrate_verb(), observe_verb(), completions_verb()};
}

}  // namespace rigcast::cli
