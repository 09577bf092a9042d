#include "cost/engines.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"

namespace rigcast::cost {
namespace {

constexpr double kMiddle = 2025.5;   // years are counted from here

// Ollama and LM Studio are programs around llama.cpp: its kernels, started by others.
std::string_view kernels_of(std::string_view engine) { return engine == "ollama" || engine == "lm-studio" ? "llama.cpp" : engine; }

template <std::size_t n>
bool is_any(std::string_view name, const std::array<std::string_view, n>& names) { return std::find(names.begin(), names.end(), name) != names.end(); }

bool is_ik(const Setting& setting) { return setting.engine == "ik_llama.cpp"; }   // forked in 2024, and gone its own ways since

}  // namespace

std::string engine_group(std::string_view engine) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 18> groups{{
      {"llama.cpp", "ggml"}, {"ik_llama.cpp", "ggml"}, {"ollama", "ggml"}, {"lm-studio", "ggml"}, {"ktransformers", "ggml"},
      {"vllm", "serving"}, {"sglang", "serving"}, {"tensorrt-llm", "serving"}, {"lmdeploy", "serving"}, {"mindie", "serving"},
      {"vllm-ascend", "serving"}, {"chitu", "serving"}, {"deepspeed-mii", "serving"}, {"mlx", "mlx"}, {"exllamav2", "exllama"}, {"exllamav3", "exllama"}, {"transformers", "eager"},
      {"ds4", "mlx"}}};
  for (const auto& [name, group] : groups)
    if (name == engine) return std::string(group);
  return std::string(engine);
}

Setting setting_of(std::string_view engine, std::string_view backend, const Conditions& conditions) {
  const double built = conditions.engine_year;
  const bool vulkan = backend == "vulkan";
  return {.engine = std::string(engine),
          .kernels = std::string(kernels_of(engine)),
          .group = engine_group(engine),
          .backend = std::string(backend),
          .built = built,
          .year = built - kMiddle,
          .slow_host = conditions.slow_host,
          .repacked = conditions.repacked,
          .plain_matrices = vulkan && conditions.plain_matrices,
          .driver = vulkan ? conditions.driver : std::string(),
          .source = conditions.source};
}

bool has_vector_kernels(const Setting& setting) {
  static constexpr std::array<std::string_view, 3> groups{"ggml", "mlx", "exllama"};
  return is_any(setting.group, groups);
}

bool devices_read_rows(const Setting& setting, std::string_view format) {
  return !setting.repacked || (format.starts_with("ik") && setting.year >= -0.15);   // ik_llama.cpp's own formats since May 2025: its pull request 461
}

bool launches_are_graphs(const catalog::Device& device, const Setting& setting) {
  static constexpr std::array<std::string_view, 3> never{"kepler", "maxwell", "pascal"};
  if (setting.backend != "cuda" || setting.kernels != "llama.cpp" || is_any(device.architecture, never)) return false;
  const bool early = device.architecture == "volta" || device.architecture == "turing";
  return setting.year >= (early ? 1.05 : -1.1);   // llama.cpp: Ampere and later since May 2024, Volta and Turing since July 2026
}

double captured_until(const Setting& setting) {
  // vLLM's max_seq_len_to_capture: on an A100 Qwen2 0.5B falls from 256 to 109 token/s between 6k and 14k under 0.4.2 (May 2024), and
  // Qwen2.5 0.5B no longer under 0.6.3 (305 and 290, October 2024).
  return setting.engine == "vllm" && (setting.backend == "cuda" || setting.backend == "rocm") && setting.built < 2024.6 ? 8192 : 0;
}

bool captures_nothing_yet(const Setting& setting) { return setting.backend == "musa" && setting.built < 2026.54; }   // vllm-musa: July 2026

bool captures_pieces(const Setting& setting) {
  // vllm-ascend's issue 5739, and still so in its pull request 9174 of May 2026; logs of the end of July (issue 13346) ask for whole graphs.
  static constexpr std::array<std::string_view, 2> ports{"vllm", "vllm-ascend"};
  return setting.backend == "cann" && is_any(setting.engine, ports) && setting.built < 2026.5;
}

bool captures_graphs(const Setting& setting) { return setting.group == "serving" && setting.backend != "xpu"; }

bool fuses_routing(const Setting& setting) {
  // llama.cpp's pull requests 15252 and 16641 for Vulkan, 16130 and 16715 for CUDA (whose sources are ROCm's and MUSA's): August to October 2025.
  // ik_llama.cpp's 789: September 2025.
  static constexpr std::array<std::string_view, 4> fused{"cuda", "rocm", "musa", "vulkan"};
  if (setting.group != "ggml") return true;
  return is_any(setting.backend, fused) && setting.built >= (is_ik(setting) ? 2025.73 : 2025.8);
}

bool loops_over_experts(const Setting& setting) {
  // llama.cpp until the end of April 2025 (its pull request 13199; Metal's 13388 in May): 2 x RTX 3090 read prompts of Qwen3 30B-A3B at 795 token/s.
  return setting.kernels == "llama.cpp" && setting.built < 2025.34;
}

double unfused_delta_kernels(const Setting& setting) {
  // llama.cpp: a step of Qwen3 Next's 36 such and 12 other layers was a graph of 6,242 nodes (its pull request 19504), was rewritten in February 2026
  // (19660), and became one operation of 23 by March (19504, 20091 and 20455). Ollama followed with its version 0.30 in May (ollama's 16149).
  if (setting.kernels != "llama.cpp") return 0;
  const double later = setting.engine == "ollama" ? 0.2 : 0;
  return setting.built < 2026.13 + later ? 90 : setting.built < 2026.22 + later ? 22 : 0;
}

bool starts_from_python(const Setting& setting) {
  static constexpr std::array<std::string_view, 3> compiled{"hpu", "neuron", "tpu"};
  return setting.group == "eager" && !is_any(setting.backend, compiled);
}

bool mixes_prompts(std::string_view engine) { return engine != "sglang"; }  // its enable_mixed_chunk is off unless asked for

bool pipelines_prompts(const Setting& setting, placement::Mode mode) {
  // vLLM's engine of 2025 and its kin schedule the next chunk of a prompt while the last is still under way.
  if (mode == placement::Mode::pipeline) return setting.group == "serving" && setting.built >= 2025.3;
  // llama.cpp since March 2024 where its backend has events (ROCm's and MUSA's sources are CUDA's); Vulkan's says so by June 2026 (its issue 24148).
  static constexpr std::array<std::string_view, 4> events{"cuda", "rocm", "musa", "vulkan"};
  return mode == placement::Mode::layer && setting.kernels == "llama.cpp" && is_any(setting.backend, events) && setting.built >= (setting.backend == "vulkan" ? 2026.4 : 2024.2);
}

int passes_in_flight(const Setting& setting, int devices) {
  constexpr int kSchedulerCopies = 4;   // llama.cpp's GGML_SCHED_MAX_COPIES (input_copies of its data): inputs of so many passes are kept (its pull requests 6017 and 20395)
  return setting.kernels == "llama.cpp" ? std::min(devices, kSchedulerCopies) : devices;
}

bool sends_host_weights(const Setting& setting) { return setting.engine != "ktransformers" || setting.built >= 2025.85; }   // kt-kernel's layerwise prefill: November 2025

bool logits_of_last_token(const Setting& setting) {
  const double since = setting.engine == "mlx" ? 2025.6 : setting.group == "eager" ? 2024.9 : 0;   // MLX: August 2025, Transformers: December 2024
  return setting.built >= since;
}

bool windows_save_work(const Setting& setting) {
  if (is_ik(setting) || setting.group == "eager") return false;
  return setting.group != "ggml" || setting.built >= 2025.38;   // llama.cpp: windowed cache since May 2025
}

Unpicked unpicked(const catalog::Device& device, const Setting& setting, model::AttentionKind kind, bool flash, bool small_cache) {
  if (setting.group != "ggml") return Unpicked::left_out;
  // Its graphs scatter zeros into a mask of -inf at what was picked. Since September 2026 llama.cpp says how many are finite, and kernels gather those:
  // CUDA's of matrix units from Turing on, which read no quantised cache (its pull requests 27970, 28887; issue 28454), and Metal's (28098), which
  // for plain heads does so in prompts alone (28349). Vulkan and the processor do not listen.
  constexpr double kSince = 2026.70;
  if (setting.kernels != "llama.cpp" || setting.built < kSince || !flash) return Unpicked::masked;
  if (setting.backend == "metal") return kind == model::AttentionKind::mla || kind == model::AttentionKind::compressed ? Unpicked::left_out : Unpicked::masked_in_decoding;
  const bool gathers = setting.backend == "cuda" && parse_double(device.capability).value_or(0) >= 7.5 && !small_cache;
  return gathers ? Unpicked::left_out : Unpicked::masked;
}

bool flash_by_default(const Setting& setting) { return setting.group != "ggml" || setting.built > 2025.6; }

bool attends_by_matrix_units(const catalog::Device& device, const Setting& setting) {
  // llama.cpp on ROCm: RDNA 4 since January 2026 (its pull request 18481), RDNA 3 and 3.5 since May 2026 (22880); before, scores and values were
  // computed by plain arithmetic in tiles.
  if (setting.kernels != "llama.cpp" || setting.backend != "rocm") return true;
  if (device.architecture == "rdna4") return setting.built >= 2026.05;
  return (device.architecture != "rdna3" && device.architecture != "rdna3.5") || setting.built >= 2026.37;
}

bool reads_latent_prompts(const Setting& setting) { return setting.group == "ggml" && !is_ik(setting) && setting.built >= 2025.3; }   // April 2025

}  // namespace rigcast::cost
