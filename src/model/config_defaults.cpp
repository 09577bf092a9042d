// What a part of a multimodal config leaves out because it is its class's default (transformers writes only what differs there; values of
// configuration_*.py, 2026-11). A config of one model alone is written in full, and nothing is filled in there.

#include <algorithm>
#include <array>

#include "model/detail/config_families.hpp"

namespace rigcast::model::detail {
namespace {

// In order of name.
constexpr std::array kDefaults = {
    ClassDefaults{.type = "cohere2", .layers = 40, .hidden = 8192, .heads = 64, .kv_heads = 64, .head_dim = 128, .ffn = 22528, .vocab = 256000, .context = 8192, .window = 4096},
    ClassDefaults{.type = "gemma", .layers = 28, .hidden = 3072, .heads = 16, .kv_heads = 16, .head_dim = 256, .ffn = 24576, .vocab = 256000, .context = 8192},
    ClassDefaults{.type = "gemma2", .layers = 26, .hidden = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .ffn = 9216, .vocab = 256000, .context = 8192, .window = 4096},
    ClassDefaults{.type = "gemma3_text", .layers = 26, .hidden = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .ffn = 9216, .vocab = 262208, .context = 131072, .window = 4096},
    ClassDefaults{.type = "gemma4_text", .layers = 30, .hidden = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .ffn = 9216, .vocab = 262144, .context = 131072, .window = 512},
    ClassDefaults{.type = "gemma4_unified_text", .layers = 30, .hidden = 2304, .heads = 8, .kv_heads = 4, .head_dim = 256, .ffn = 9216, .vocab = 262144, .context = 262144, .window = 1024},
    ClassDefaults{.type = "glm4v_moe_text", .layers = 46, .hidden = 4096, .heads = 96, .kv_heads = 8, .ffn = 10944, .vocab = 151424, .context = 65536},
    ClassDefaults{.type = "granite", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .ffn = 11008, .vocab = 32000, .context = 2048},
    ClassDefaults{.type = "llama", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .ffn = 11008, .vocab = 32000, .context = 2048},
    ClassDefaults{.type = "llama4_text", .layers = 48, .hidden = 5120, .heads = 40, .kv_heads = 8, .head_dim = 128, .ffn = 8192, .vocab = 202048, .context = 131072},
    ClassDefaults{.type = "mistral", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .ffn = 14336, .vocab = 32000, .context = 131072, .window = 4096},
    ClassDefaults{.type = "muse_glimmer_text", .layers = 52, .hidden = 6656, .heads = 32, .kv_heads = 2, .head_dim = 128, .ffn = 19968, .vocab = 202048, .context = 131072, .window = 2048},
    ClassDefaults{.type = "qwen2", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .ffn = 22016, .vocab = 151936, .context = 32768},
    ClassDefaults{.type = "qwen3", .layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .head_dim = 128, .ffn = 22016, .vocab = 151936, .context = 32768},
    ClassDefaults{.type = "qwen3_5_text", .layers = 32, .hidden = 4096, .heads = 16, .kv_heads = 4, .head_dim = 256, .ffn = 12288, .vocab = 248320, .context = 32768},
    ClassDefaults{.type = "voxtral_realtime_text", .layers = 26, .hidden = 3072, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 9216, .vocab = 131072, .context = 131072, .window = 8192},
};

constexpr bool by_type(const ClassDefaults& a, const ClassDefaults& b) { return a.type < b.type; }
static_assert(std::is_sorted(kDefaults.begin(), kDefaults.end(), by_type));

}  // namespace

const ClassDefaults& class_defaults(std::string_view type) {
  static constexpr ClassDefaults kNone;
  const auto* at = std::lower_bound(kDefaults.begin(), kDefaults.end(), ClassDefaults{.type = type}, by_type);
  return at != kDefaults.end() && at->type == type ? *at : kNone;
}

}  // namespace rigcast::model::detail
