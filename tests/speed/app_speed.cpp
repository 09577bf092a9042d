// What a question that nobody asked before costs a program that has answered others: the server's share of a plan. Budgets: run.py.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "app/knowledge.hpp"
#include "app/plan.hpp"
#include "report/answers.hpp"
#include "report/json.hpp"
#include "report/language.hpp"

namespace {

using namespace rigcast;

// What a server holds: loaded once, for all questions.
const app::Knowledge& knowledge() {
  static const app::Knowledge loaded = app::load_knowledge({}).value();
  return loaded;
}

// One model and rig at contexts that never repeat, answered as JSON.
void fresh_plan(benchmark::State& state, const char* model, const char* rig) {
  const report::Language english;
  app::PlanRequest request;
  request.model = model;
  request.rig = rig;
  static std::int64_t context = 4096;
  for (auto _ : state) {
    request.placement.context = ++context;
    const auto answer = app::plan(knowledge(), request);
    benchmark::DoNotOptimize(report::render_json(report::fields(answer.value()), english));
  }
}
BENCHMARK_CAPTURE(fresh_plan, one_card, "qwen3-8b:q4_k_m", "3090")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fresh_plan, two_cards, "qwen3-32b:q4_k_m", "2x3090")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fresh_plan, experts_on_host, "qwen3-30b-a3b:q4_k_m", "3060-12gb; host=epyc-7532:8xddr4-3200:512g")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fresh_plan, does_not_fit, "qwen3-32b:q8_0", "3090; host=ryzen-5950x:2xddr4-3200:16g")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fresh_plan, eight_cards, "qwen3-235b-a22b:q4_k_m", "8x3090")->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
