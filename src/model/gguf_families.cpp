// Rows follow llama.cpp's src/models/*.cpp (load_arch_hparams), src/llama-hparams.cpp and the memory
// filters of src/llama-model.cpp (create_memory), as of 2026-11.

#include "model/gguf_families.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.hpp"

namespace rigcast::model {
namespace {

constexpr WindowRule slides(int period, int window = 0) { return {.kind = AttentionKind::sliding, .period = period, .window = window}; }
constexpr WindowRule slides_after_full(int period, int window = 0) { return {.kind = AttentionKind::sliding, .period = period, .full_first = true, .window = window}; }

constexpr WindowRule slides_all{.kind = AttentionKind::sliding};  // where the file names a window

constexpr WindowRule kListedWindows{.kind = AttentionKind::sliding, .listed = true};

constexpr std::string_view kEncoderDecoder = "it is an encoder-decoder model, whose two caches no engine rule here describes";
constexpr std::string_view kDenoises = "it is a diffusion language model, which writes by denoising whole passages, and no rule here describes that";
constexpr std::string_view kPicture = "it is an image or video model; use the image verb with its catalogue name";
constexpr std::string_view kTextEncoder = "it is the encoder half of T5, which serves image models; name the image model it belongs to";
constexpr std::string_view kSpeech = "it decodes speech tokens to sound and has no layers an engine rule here describes";
constexpr std::string_view kDecides = "it scores the options of a decision and writes no text, and no rule here describes that";
constexpr std::string_view kSpeaks = "it writes sound as continuous frames with a decoder of its own, and no rule here describes that";
constexpr std::string_view kDraft = "it is a draft model without embeddings of its own; name the model it drafts for";

// In order of name.
constexpr auto kGgufFamilies = std::to_array<GgufFamily>({
    {.name = "afmoe", .window = slides(4)},
    {.name = "apertus"},
    {.name = "arcee"},
    {.name = "arctic"},
    {.name = "arwkv7", .mixer = Mixer::recurrent, .recurrent = RecurrentKind::rwkv},
    {.name = "aura", .refusal = kPicture},
    {.name = "baichuan"},
    {.name = "bailingmoe"},
    {.name = "bailingmoe2"},
    {.name = "bailingmoe3", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::kimi_delta},
    {.name = "bert", .encoder_only = true},
    {.name = "bitnet"},
    {.name = "bloom"},
    {.name = "chameleon"},
    {.name = "chatglm"},
    {.name = "clef", .refusal = kDecides},
    {.name = "codeshell"},
    {.name = "cogvlm"},
    {.name = "cohere2", .window = slides(4)},
    {.name = "cohere2moe", .window = slides(4)},
    {.name = "command-r"},
    {.name = "cosmos", .refusal = kPicture},
    {.name = "dbrx"},
    {.name = "deci"},
    {.name = "deepseek"},
    {.name = "deepseek2"},
    {.name = "deepseek2-ocr"},
    {.name = "deepseek32"},
    {.name = "deepseek4", .window = slides_all, .compression = Compression::cache},
    {.name = "dflash", .refusal = kDraft},
    {.name = "dots1"},
    {.name = "dots3note", .window = kListedWindows},
    {.name = "dream", .refusal = kDenoises},
    {.name = "eagle3", .refusal = kDraft},
    {.name = "ernie4_5"},
    {.name = "ernie4_5-moe"},
    {.name = "eurobert", .encoder_only = true},
    {.name = "exaone"},
    {.name = "exaone-moe", .window = slides(4, 128)},
    {.name = "exaone4", .window = {.kind = AttentionKind::sliding, .period = 4, .window = 4096, .only_with_layers = 64}},
    {.name = "falcon"},
    {.name = "falcon-h1", .mixer = Mixer::both, .recurrent = RecurrentKind::mamba2},
    {.name = "flux", .refusal = kPicture},
    {.name = "gemma"},
    {.name = "gemma-embedding", .window = slides(6), .encoder_only = true},
    {.name = "gemma-embedding2", .window = slides(6), .encoder_only = true},
    {.name = "gemma2", .window = slides(2, 4096)},
    {.name = "gemma3", .window = slides(6)},
    {.name = "gemma3n", .window = slides(5), .cached_layers = 20},
    {.name = "gemma4", .window = kListedWindows},
    {.name = "gemma4-assistant", .refusal = kDraft},
    {.name = "glm-dsa"},
    {.name = "glm4"},
    {.name = "glm4moe"},
    {.name = "glm5-next", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::kimi_delta},
    {.name = "gpt-oss", .window = slides(2)},
    {.name = "gpt2"},
    {.name = "gptj"},
    {.name = "gptneox"},
    {.name = "granite"},
    {.name = "granite_swa", .window = kListedWindows},
    {.name = "granitehybrid", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::mamba2},
    {.name = "granitemoe"},
    {.name = "graniteswitch", .switches = true},
    {.name = "grok"},
    {.name = "grovemoe"},
    {.name = "hidream", .refusal = kPicture},
    {.name = "hrm_text", .repeats = true},
    {.name = "hunyuan-dense"},
    {.name = "hunyuan-moe"},
    {.name = "hunyuan_vl"},
    {.name = "hy_v3"},
    {.name = "hy_v4"},
    {.name = "hyvid", .refusal = kPicture},
    {.name = "internlm2"},
    {.name = "jais"},
    {.name = "jais2"},
    {.name = "jamba", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::mamba1},
    {.name = "jina-bert-v2", .encoder_only = true},
    {.name = "jina-bert-v3", .encoder_only = true},
    {.name = "k2-horizon"},
    {.name = "kimi-k3", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::kimi_delta},
    {.name = "kimi-linear", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::kimi_delta},
    {.name = "laguna", .window = slides(4)},
    {.name = "lfm2", .window = slides_all, .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::short_conv},
    {.name = "lfm2moe", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::short_conv},
    {.name = "llada", .refusal = kDenoises},
    {.name = "llada-moe", .refusal = kDenoises},
    {.name = "llama"},
    {.name = "llama-embed", .encoder_only = true},
    {.name = "llama4", .window = {.kind = AttentionKind::chunked, .period = 4, .window = 8192, .fixed_window = true}},
    {.name = "ltxv", .refusal = kPicture},
    {.name = "lumina2", .refusal = kPicture},
    {.name = "maincoder"},
    {.name = "maion-coder", .window = kListedWindows},
    {.name = "mamba", .mixer = Mixer::recurrent, .recurrent = RecurrentKind::mamba1},
    {.name = "mamba2", .mixer = Mixer::recurrent, .recurrent = RecurrentKind::mamba2},
    {.name = "maple", .window = kListedWindows},
    {.name = "mellum", .window = slides(4)},
    {.name = "mimo2", .window = kListedWindows},
    {.name = "minicpm"},
    {.name = "minicpm3"},
    {.name = "minimax-01", .mixer = Mixer::by_interval, .recurrent = RecurrentKind::lightning, .interval = 8},
    {.name = "minimax-m2"},
    {.name = "minimax-m3"},
    {.name = "mistral3"},
    {.name = "mistral4"},
    {.name = "modern-bert", .window = slides_after_full(3), .encoder_only = true},
    {.name = "mpt"},
    {.name = "muse-glimmer", .window = slides(4)},
    {.name = "nanbeige", .repeats = true},
    {.name = "nemotron"},
    {.name = "nemotron_h", .mixer = Mixer::by_kv_heads_ffn, .recurrent = RecurrentKind::mamba2},
    {.name = "nemotron_h_moe", .mixer = Mixer::by_kv_heads_ffn, .recurrent = RecurrentKind::mamba2},
    {.name = "neo-bert", .encoder_only = true},
    {.name = "nomic-bert", .encoder_only = true},
    {.name = "nomic-bert-moe", .encoder_only = true},
    {.name = "olmo"},
    {.name = "olmo2", .window = slides(4)},
    {.name = "olmoe"},
    {.name = "openelm"},
    {.name = "opt"},
    {.name = "orion"},
    {.name = "paddleocr"},
    {.name = "pangu-embedded"},
    {.name = "phi2"},
    {.name = "phi3"},
    {.name = "phimoe"},
    {.name = "plamo"},
    {.name = "plamo2", .mixer = Mixer::by_kv_heads, .recurrent = RecurrentKind::mamba1},
    {.name = "plamo3", .window = slides(8)},
    {.name = "plm"},
    {.name = "pockettts", .refusal = kSpeaks},
    {.name = "qwen", .ffn_halves = 2},
    {.name = "qwen2"},
    {.name = "qwen2moe"},
    {.name = "qwen2vl"},
    {.name = "qwen3"},
    {.name = "qwen35", .mixer = Mixer::by_interval, .recurrent = RecurrentKind::gated_delta, .interval = 4},
    {.name = "qwen35moe", .mixer = Mixer::by_interval, .recurrent = RecurrentKind::gated_delta, .interval = 4},
    {.name = "qwen3moe"},
    {.name = "qwen3next", .mixer = Mixer::by_interval, .recurrent = RecurrentKind::gated_delta, .interval = 4},
    {.name = "qwen3tts"},
    {.name = "qwen3vl"},
    {.name = "qwen3vlmoe"},
    {.name = "qwen4exp", .mixer = Mixer::by_interval, .recurrent = RecurrentKind::gated_delta, .interval = 4, .compression = Compression::indexer_keys},
    {.name = "qwen_image", .refusal = kPicture},
    {.name = "refact"},
    {.name = "rnd1", .refusal = kDenoises},
    {.name = "rwkv6", .mixer = Mixer::recurrent, .recurrent = RecurrentKind::rwkv},
    {.name = "rwkv6qwen2", .mixer = Mixer::recurrent, .recurrent = RecurrentKind::rwkv},
    {.name = "rwkv7", .mixer = Mixer::recurrent, .recurrent = RecurrentKind::rwkv},
    {.name = "sd1", .refusal = kPicture},
    {.name = "sd3", .refusal = kPicture},
    {.name = "sdxl", .refusal = kPicture},
    {.name = "seed_oss"},
    {.name = "smallthinker", .window = {.kind = AttentionKind::sliding, .period = 4, .full_first = true, .window = 4096, .fixed_window = true}},
    {.name = "smollm3"},
    {.name = "spark2_5", .window = kListedWindows},
    {.name = "stablelm"},
    {.name = "starcoder"},
    {.name = "starcoder2"},
    {.name = "step35", .window = kListedWindows},
    {.name = "t5", .refusal = kEncoderDecoder},
    {.name = "t5encoder", .refusal = kTextEncoder},
    {.name = "talkie"},
    {.name = "vllm-decision2", .refusal = kDecides},
    {.name = "wan", .refusal = kPicture},
    {.name = "wavtokenizer-dec", .refusal = kSpeech},
    {.name = "xverse"},
});

constexpr bool by_name(const GgufFamily& a, const GgufFamily& b) { return a.name < b.name; }
static_assert(std::is_sorted(kGgufFamilies.begin(), kGgufFamilies.end(), by_name));

}  // namespace

const GgufFamily* gguf_family(std::string_view name) {
  const auto found = std::lower_bound(kGgufFamilies.begin(), kGgufFamilies.end(), GgufFamily{.name = name}, by_name);
  return found != kGgufFamilies.end() && found->name == name ? &*found : nullptr;
}

std::string nearest_gguf_family(std::string_view name) {
  std::vector<std::string> names;
  for (const GgufFamily& family : kGgufFamilies) names.emplace_back(family.name);
  return nearest_name(name, names);
}

}  // namespace rigcast::model
