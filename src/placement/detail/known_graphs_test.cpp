// What a layout is told from memory is what it would find itself, whichever layout was laid out before: another recipe of the model, other
// devices, another model.

#include "placement/detail/known_graphs.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "facts.hpp"
#include "model/read.hpp"
#include "placement/detail/llama_layout.hpp"

namespace rigcast::placement::detail {
namespace {

using rigcast::test::facts;

constexpr std::size_t kStep = 9;   // every ninth model of the catalogue

Settings with(std::int64_t context, int gpu_layers, int cpu_moe_layers, bool kv_offload, std::optional<bool> flash) {
  Settings s;
  s.context = context;
  s.gpu_layers = gpu_layers;
  s.cpu_moe_layers = cpu_moe_layers;
  s.kv_offload = kv_offload;
  s.flash_attention = flash;
  return s;
}

struct Backend { const char* name; BackendRules rules; };

// Devices that take everything, and such that send small state or whole matrices to the host.
std::vector<Backend> backends() {
  BackendRules scans, small;
  scans.state_scans = {{2, 128}};
  scans.reorder_window = 21;
  small.max_tensor_bytes = 64 << 20;
  return {{"takes all", {}}, {"few scans", scans}, {"small tensors", small}};
}

LlamaLayout laid_out(const model::Architecture& architecture, const Settings& settings, int devices, const BackendRules& rules, KnownGraphs* known) {
  const WeightKinds weights(architecture);
  LlamaInput input;
  input.weights = &weights;
  input.settings = &settings;
  LlamaRules all;
  all.compute = rules;
  all.repacked = {"q4_k"};
  input.rules = &all;
  input.devices = devices;
  input.free_bytes.assign(static_cast<std::size_t>(devices), 24.0 * kGiB);
  input.known = known;
  return lay_out_llama(input);
}

TEST(KnownGraphs, TellWhatWouldBeFound) {
  KnownGraphs known;
  // Shorter and longer contexts than the first: 256 MiB of cache is more than small tensors are, and 768 cells less than most windows.
  const std::vector<Settings> settings = {with(4096, -1, 0, true, {}), with(4200, -1, 0, true, {}), with(4096, 15, 0, true, {}), with(4096, -1, 999, true, {}),
                                          with(4096, -1, 0, false, false), with(768, -1, 0, true, {}), with(131072, -1, 0, true, {}), with(65536, 15, 0, true, false)};
  int compared = 0;
  const auto models = facts().entries(catalog::Kind::model);
  for (std::size_t k = 0; k < models.size(); k += kStep)
    for (const char* quant : {":q4_k_m", ":q5_k_m", ":q8_0"}) {
      const auto architecture = model::read_model(facts(), models[k].key + quant);
      if (!architecture) continue;
      for (const Backend& backend : backends())
        for (const int devices : {0, 1, 3})
          for (std::size_t s = 0; s < settings.size(); ++s) {
            const LlamaLayout remembered = laid_out(*architecture, settings[s], devices, backend.rules, &known);
            const LlamaLayout found = laid_out(*architecture, settings[s], devices, backend.rules, nullptr);
            for (std::size_t b = 0; b < found.buffers.size(); ++b)
              EXPECT_EQ(remembered.buffers[b].compute, found.buffers[b].compute)
                  << architecture->key << quant << ", " << backend.name << ", " << devices << " devices, settings " << s << ", memory " << b;
            ++compared;
          }
    }
  EXPECT_GT(compared, 1000);
}

// Another recipe on the same devices needs the same graph; weights that are sent to a device from the host need one of their own.
TEST(KnownGraphs, ServeEveryRecipe) {
  KnownGraphs known;
  const auto four = model::read_model(facts(), "qwen3-8b:q4_k_m"), eight = model::read_model(facts(), "qwen3-8b:q8_0");
  ASSERT_TRUE(four && eight);
  const Settings all = with(4096, -1, 0, true, {});
  const GraphKey key{.graph = 1, .host_bytes = 2};
  const auto find = [&](const GraphKey& of) { return known.find(of, [] { return std::vector<std::int64_t>{}; }); };
  EXPECT_FALSE(find(key));
  known.keep(key, {.bytes = {7}, .splits = 1});
  EXPECT_TRUE(find({.graph = 1, .host_bytes = 3}));
  known.keep({.graph = 4, .host_bytes = 2}, {.bytes = {7}, .splits = 1, .moves_host_weights = true});
  EXPECT_TRUE(find({.graph = 4, .host_bytes = 2}));
  EXPECT_FALSE(find({.graph = 4, .host_bytes = 3}));
  known.keep({.graph = 5, .host_bytes = 2}, {.bytes = {7}, .splits = 1, .moves_device_weights = true});
  EXPECT_FALSE(find({.graph = 5, .host_bytes = 2}));
  EXPECT_EQ(laid_out(*four, all, 1, {}, &known).buffers[0].compute, laid_out(*eight, all, 1, {}, &known).buffers[0].compute);
}

GraphKey key_of(const model::Architecture& architecture, const Settings& settings) {
  const LlamaLayout layout = laid_out(architecture, settings, 1, {}, nullptr);
  const WeightKinds weights(architecture);
  GraphRequest request;
  request.architecture = &architecture;
  request.tensor_place = layout.tensor_place;
  request.caches = layout.caches;
  request.layer_place.assign(layout.layer_device.begin(), layout.layer_device.end() - 1);
  request.host = 1;
  const std::vector<LayerSignature> layers = layer_signatures(weights, request, INT64_MAX);
  request.layers = representative_layers(layers);
  return graph_key(weights, request, layers, Machine{1}, {}, {});
}

// Of 36 equal layers 17 or 13 lie on the host. The graph keeps the first four and last three of each run, and of those between them as many as
// four does not divide: (17 - 7) % 4 = (13 - 7) % 4 = 2 on the host, and (18 - 7) % 4 = (22 - 7) % 4 = 3 on the device before the last layer,
// which stands alone. With 18 on the host it is 3 and 2.
TEST(KnownGraphs, ServeRunsOfEqualLayersOfOtherLengths) {
  const auto model = model::read_model(facts(), "qwen3-8b:q8_0");
  ASSERT_TRUE(model);
  ASSERT_EQ(model->layers.size(), 36u);
  const auto on_host = [&](int layers) { return key_of(*model, with(4096, 37 - layers, 0, true, {})); };
  EXPECT_EQ(on_host(17).graph, on_host(13).graph);
  EXPECT_NE(on_host(17).graph, on_host(18).graph);
}

// Gemma 3n's last layers read caches of earlier ones, which are told by their numbers.
TEST(KnownGraphs, TellLayersApartThatReadOthers) {
  const auto shares = model::read_model(facts(), "gemma-3n-e4b:q8_0"), plain = model::read_model(facts(), "qwen3-8b:q8_0");
  ASSERT_TRUE(shares && plain);
  EXPECT_TRUE(WeightKinds(*shares).layers_are_told_apart());
  EXPECT_FALSE(WeightKinds(*plain).layers_are_told_apart());
}

}  // namespace
}  // namespace rigcast::placement::detail
