// How long the readers of models take. Budgets: run.py.

#include <benchmark/benchmark.h>

#include <filesystem>
#include <string>

#include "catalog/catalog.hpp"
#include "large_gguf.hpp"
#include "model/gguf.hpp"
#include "model/gguf_architecture.hpp"
#include "model/read.hpp"
#include "model/safetensors.hpp"
#include "safetensors_writer.hpp"

namespace {

using namespace rigcast;
namespace fs = std::filesystem;

const catalog::Catalog& facts() {
  static const catalog::Catalog loaded = catalog::Catalog::load().value();
  return loaded;
}

fs::path scratch(const char* name) { return fs::temp_directory_path() / (std::string("rigcast-speed-") + name); }

// From the file to the Architecture, as read_model does it.
void gguf_2000_tensors(benchmark::State& state) {
  const fs::path file = scratch("large.gguf");
  test::large_gguf().write(file);
  for (auto _ : state) {
    const auto model = model::read_model(facts(), file.string());
    if (!model || model->tensors.size() != 2000) state.SkipWithError("not read");
    benchmark::DoNotOptimize(model);
  }
  fs::remove(file);
}
BENCHMARK(gguf_2000_tensors)->Unit(benchmark::kMillisecond);

// One shard of a mixture: 1,000 tensors of experts stored one by one.
void safetensors_1000_tensors(benchmark::State& state) {
  const fs::path file = scratch("shard.safetensors");
  test::SafetensorsWriter writer;
  for (int i = 0; i < 1000; ++i) writer.tensor("model.layers.7.mlp.experts." + std::to_string(i) + ".gate_proj.weight", {2048, 7168}, "F8_E4M3", 8);
  writer.write(file);
  for (auto _ : state) {
    const auto files = model::read_safetensors(file);
    if (!files || files->tensors.size() != 1000) state.SkipWithError("not read");
    benchmark::DoNotOptimize(files);
  }
  fs::remove(file);
}
BENCHMARK(safetensors_1000_tensors)->Unit(benchmark::kMillisecond);

// A shape of the catalogue with a recipe applied to each of its 1,000 tensors.
void catalogue_model(benchmark::State& state) {
  facts();
  for (auto _ : state) {
    const auto model = model::read_model(facts(), "qwen3-235b-a22b:q4_k_m");
    if (!model) state.SkipWithError("not read");
    benchmark::DoNotOptimize(model);
  }
}
BENCHMARK(catalogue_model)->Unit(benchmark::kMillisecond);

void catalogue_load(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(catalog::Catalog::load());
}
BENCHMARK(catalogue_load)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
