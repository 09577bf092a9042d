// How long the search for a placement takes, exact layouts included. Budgets: run.py.

#include <benchmark/benchmark.h>

#include <string>

#include "catalog/catalog.hpp"
#include "model/read.hpp"
#include "placement/placement.hpp"
#include "rig/rig.hpp"

namespace {

using namespace rigcast;

// Qwen3 235B-A22B in Q4_K_M, 94 layers of 128 experts, over eight cards: of one kind, where it fits; of five, where experts must move.
void search(benchmark::State& state, const char* spec) {
  const auto facts = catalog::Catalog::load().value();
  const auto model = model::read_model(facts, "qwen3-235b-a22b:q4_k_m").value();
  const auto rig = rig::parse_rig(facts, spec).value();
  placement::Request request;
  request.backend = "cuda";
  for (auto _ : state) benchmark::DoNotOptimize(placement::place(facts, model, rig, request));
}
BENCHMARK_CAPTURE(search, eight_equal_cards, "8x3090")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search, eight_unlike_cards, "2x3090+2x4090+2x4060ti-16g+3060-12gb+2080ti; host=epyc-7532:8xddr4-3200:512g")->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
