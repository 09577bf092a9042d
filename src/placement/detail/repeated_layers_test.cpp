// The graph of representative layers needs what the whole graph needs, to the byte, on every memory.

#include "placement/detail/repeated_layers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "facts.hpp"
#include "model/read.hpp"
#include "placement/detail/llama_layout.hpp"

namespace rigcast::placement::detail {
namespace {

using rigcast::test::facts;

constexpr std::size_t kEveryModel = 12;  // every twelfth model of the catalogue; all of them (1) agree too, in 15 s

// Models whose layers repeat in patterns: windows and whole contexts, states and caches. Of those with 13 layers on a device one found an
// allocator that had not come round after four layers.
constexpr std::array<const char*, 4> kPatterned{"gemma-3-27b", "gpt-oss-20b", "qwen3.5-35b-a3b", "qwen3-next-80b-a3b"};

struct Case { const char* name; int devices; Settings settings; };

Settings with(int ubatch, int gpu_layers, int cpu_moe_layers, bool kv_offload, std::optional<bool> flash) {
  Settings s;
  s.context = 16384;
  s.ubatch = ubatch;
  s.gpu_layers = gpu_layers;
  s.cpu_moe_layers = cpu_moe_layers;
  s.kv_offload = kv_offload;
  s.flash_attention = flash;
  return s;
}

std::vector<Case> cases() {
  return {{"one device", 1, with(512, -1, 0, true, {})},          {"two devices", 2, with(512, -1, 0, true, {})},
          {"five devices, no flash attention", 5, with(256, -1, 0, true, false)}, {"half on the host", 1, with(512, 15, 0, true, {})},
          {"experts on the host", 2, with(1024, -1, 999, true, {})}, {"cache on the host", 1, with(512, -1, 0, false, {})},
          {"processor", 0, with(512, 0, 0, true, {})},            {"most on the host, no flash attention", 1, with(512, 13, 0, true, false)}};
}

LlamaLayout laid_out(const model::Architecture& architecture, const Case& one, int window, bool every_layer) {
  const WeightKinds weights(architecture);
  LlamaInput input;
  input.weights = &weights;
  input.settings = &one.settings;
  LlamaRules rules;
  rules.compute.reorder_window = window;
  rules.repacked = {"q4_0"};
  input.rules = &rules;
  input.devices = one.devices;
  input.free_bytes.assign(static_cast<std::size_t>(one.devices), 24.0 * kGiB);
  input.every_layer = every_layer;
  return lay_out_llama(input);
}

TEST(RepeatedLayers, NeedWhatAllLayersNeed) {
  int compared = 0;
  const auto entries = facts().entries(catalog::Kind::model);
  std::vector<std::string> models(kPatterned.begin(), kPatterned.end());
  for (std::size_t k = 0; k < entries.size(); k += kEveryModel) models.push_back(entries[k].key);
  for (const std::string& model : models) {
    for (const char* quant : {":q4_k_m", ":q4_0", ":q8_0"}) {
      const auto architecture = model::read_model(facts(), model + quant);
      if (!architecture) continue;
      for (const Case& one : cases())
        for (const int window : {0, 20}) {
          const LlamaLayout few = laid_out(*architecture, one, window, false), all = laid_out(*architecture, one, window, true);
          for (std::size_t b = 0; b < all.buffers.size(); ++b)
            EXPECT_EQ(few.buffers[b].compute, all.buffers[b].compute) << architecture->key << quant << ", " << one.name << ", memory " << b << ", window " << window;
          ++compared;
        }
    }
  }
  EXPECT_GT(compared, 500);
}

}  // namespace
}  // namespace rigcast::placement::detail
