#include "cost/paths.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "base/text.hpp"
#include "cost/processors.hpp"

namespace rigcast::cost {
namespace {

double rate_of(const catalog::Device& device, std::string_view format) {
  const auto found = device.rates.find(std::string(format));
  return found == device.rates.end() ? 0 : found->second.value.value();
}

double first_rate(const catalog::Device& device, std::initializer_list<const char*> formats) {
  for (const char* format : formats)
    if (const double rate = rate_of(device, format); rate > 0) return rate;
  return 0;
}

bool has_prefix(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

double half_rate(const catalog::Device& device) {
  const double half = first_rate(device, {"fp16", "bf16"});
  const double single = first_rate(device, {"fp32"});
  // Apple publishes no rate of M5's matrix units, only 3 to 4 times M4's prompts.
  if (half <= 0 && device.architecture == "m5") return 3.6 * single;
  if (half > 0.5 * single) return half;
  // Some data sheets print 8-bit rates alone: matrix units run half precision at half of them.
  if (half == 0 && rate_of(device, "fp8") > 2 * single) return 0.5 * rate_of(device, "fp8");
  return single > 0 ? single : first_rate(device, {"tf32", "fp8", "int8"}) * 0.5;
}

std::string format_class(std::string_view quant) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 34> classes{{
      {"iq4_nl", "iq4"}, {"iq4_xs", "iq4"}, {"iq4_k", "ik4"}, {"iq5_k", "ik4"}, {"iq6_k", "ik4"}, {"iq2_k", "ik3"}, {"iq3_k", "ik3"},
      {"iq1_kt", "ik3"}, {"iq2_kt", "ik3"}, {"iq3_kt", "ik3"}, {"iq4_kt", "ik3"}, {"iq", "iq3"}, {"tq", "iq3"}, {"q1_0", "q1"},
      {"q2_0", "q1"}, {"q4_", "q4_0"}, {"q5_", "q4_0"}, {"q6_0", "q4_0"}, {"q8", "q8_0"}, {"awq", "int4"}, {"gptq_int8", "int8"},
      {"gptq", "int4"}, {"int4", "int4"}, {"int8", "int8"}, {"fp8", "fp8"}, {"mxfp8", "fp8"}, {"mlx", "mlx"}, {"exl", "exl"},
      {"nf4", "bnb"}, {"bnb_int8", "bnb_int8"}, {"bnb", "bnb"}, {"hqq", "int4"}, {"bf16", "bf16"}, {"f16", "f16"}}};
  for (const std::string_view exact : {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k"})
    if (has_prefix(quant, exact)) return std::string(exact);
  for (const auto& [prefix, name] : classes)
    if (has_prefix(quant, prefix)) return std::string(name);
  return std::string(quant);
}

bool is_float_format(std::string_view format_class) { return format_class == "f16" || format_class == "bf16" || format_class == "f32"; }

double cache_bytes(std::string_view quant) {
  static constexpr std::array<std::pair<std::string_view, double>, 12> sizes{{
      {"f32", 4}, {"q8_0", 1.0625}, {"q5_1", 0.75}, {"q5_0", 0.6875}, {"q4_1", 0.625}, {"q4_0", 0.5625}, {"iq4_nl", 0.5625},
      {"fp8", 1}, {"int8", 1}, {"int4", 0.5}, {"nvfp4", 0.5625}, {"turboquant", 0.5}}};
  for (const auto& [prefix, bytes] : sizes)
    if (has_prefix(quant, prefix)) return bytes;
  return 2;
}

// Cooperative matrices under Vulkan: NVIDIA's since December 2024; Turing and later have the units.
static bool cooperative_matrices(const catalog::Device& device, const Setting& setting) {
  static constexpr std::array<std::string_view, 4> without{"kepler", "maxwell", "pascal", "volta"};
  return setting.backend == "vulkan" && !setting.plain_matrices && device.vendor == "nvidia" && setting.year > -0.55 &&
         std::find(without.begin(), without.end(), device.architecture) == without.end();
}

// Matrix units behind the maker's library (cuBLAS, aclnn), which uses nothing else.
static bool multiplies_by_library(const Setting& setting) { return setting.backend == "cuda" || setting.backend == "cann"; }

// Kernels of ggml that multiply quantised weights by 8-bit integers, where the device has units for it.
static bool has_integer_kernels(const Setting& setting) { return setting.group == "ggml" && (setting.backend == "cuda" || setting.backend == "musa"); }
static bool has_integer_units(const catalog::Device& device) { return device.architecture != "volta"; }   // it has no integer tensor units

static std::string meant_arithmetic(const Setting& setting, std::string_view format) {
  if (format == "f16") return "fp16";
  if (format == "bf16") return "bf16";
  if (setting.group == "ggml") return {};
  if (format == "fp8" || format == "int8") return std::string(format);
  return format == "nvfp4" ? "fp4" : std::string();
}

Arithmetic arithmetic_of(const catalog::Device& device, const Setting& setting, std::string_view format) {
  Arithmetic out{meant_arithmetic(setting, format), {}};
  const auto has = [&](std::string_view rate) { return device.rates.contains(std::string(rate)); };
  if (!out.meant.empty() && has(out.meant)) out.runs_as = out.meant;
  else if (out.meant.empty() && has_integer_kernels(setting) && has_integer_units(device) && has("int8")) out.runs_as = "int8";
  else out.runs_as = has("fp16") ? "fp16" : has("bf16") ? "bf16" : has("fp32") ? "fp32" : "";
  return out;
}

double half_rate(const catalog::Device& device, const Setting& setting) {
  const double half = half_rate(device), single = first_rate(device, {"fp32"});
  return setting.plain_matrices && single > 0 ? std::min(half, 2 * single) : half;
}

double matrix_rate(const catalog::Device& device, const Setting& setting, std::string_view format) {
  const double half = half_rate(device, setting), single = first_rate(device, {"fp32"});
  const bool float_format = is_float_format(format);
  if (has_integer_kernels(setting)) {
    // Quantised weights meet 8-bit integer units (MMQ); halves go through cuBLAS, which accumulates F16 in F16.
    if (format == "f16") return std::max(half, rate_of(device, "fp16_acc16"));
    if (format == "bf16" && rate_of(device, "bf16") == 0 && single > 0) return single;   // no such units: converted for cuBLAS in single precision
    if (float_format) return half;
    if (!has_integer_units(device)) return 0.5 * half;  // dequantised, then half precision
    // Before June 2024 integer tensor units were not used: large batches were dequantised for cuBLAS.
    if (setting.year < -1.05 && half > 1.5 * single && device.architecture != "pascal") return 0.7 * std::max(half, rate_of(device, "fp16_acc16"));
    // Between integer products stand scales in single precision: neither roof alone tells A100 and H100 from GeForce.
    // Since December 2025 (PR 17906) Blackwell multiplies MXFP4 as it is stored.
    const double integer = format == "mxfp4" && setting.year >= 0.45 ? std::max(rate_of(device, "fp4"), rate_of(device, "int8")) : rate_of(device, "int8");
    return integer > 0 && single > 0 ? std::sqrt(integer * single) : std::max(integer, half);
  }
  if (setting.group == "serving") {
    if (format == "fp8") return std::max(rate_of(device, "fp8"), half);
    if (format == "nvfp4" || format == "mxfp4") return std::max({rate_of(device, "fp4"), rate_of(device, "fp8"), half});
    if (format == "int8") return std::max(rate_of(device, "int8"), half);
    return half;
  }
  if (multiplies_by_library(setting) || single <= 0 || cooperative_matrices(device, setting)) return half;
  if (setting.backend == "vulkan" && format == "bf16") return single;  // drivers without BF16 matrices multiply in single precision
  return std::sqrt(half * single);  // kernels that reach neither the matrix units' peak nor only the vector units'
}

double matrix_roof(const catalog::Device& device, std::string_view format) {
  double roof = half_rate(device);
  for (const char* rate : {"fp16_acc16", "tf32", "fp32"}) roof = std::max(roof, rate_of(device, rate));
  if (!is_float_format(format))
    for (const char* rate : {"int8", "fp8", "fp4"}) roof = std::max(roof, rate_of(device, rate));
  return roof;
}

double vector_rate(const catalog::Device& device) {
  const double single = first_rate(device, {"fp32"});
  return device.architecture == "turing" || device.architecture == "volta" ? 2 * single : single;
}

double attention_rate(const catalog::Device& device, const Setting& setting) {
  const double single = first_rate(device, {"fp32"});
  if (multiplies_by_library(setting) || setting.group == "serving" || single <= 0 || cooperative_matrices(device, setting)) return half_rate(device);
  return single;
}

double reads_per_weight(const Setting& setting, std::string_view format) {
  // SYCL had no BF16 matrix-vector kernel: weights were read, written as F32 and read again, 2 + 4 + 4 bytes instead of 2. On the B70 a model of 17 GB
  // wrote 5.4 token/s in May 2026 (b9039), one of 8 GB 52 in June (5aba536).
  return setting.group == "ggml" && setting.backend == "sycl" && format == "bf16" && setting.built < 2026.4 ? 5 : 1;
}

void add_factor(Path& path, std::string_view quantity, std::string_view what, std::string_view value, double exponent) {
  add_joint_factor(path, quantity, what, {value}, exponent);
}

void add_joint_factor(Path& path, std::string_view quantity, std::string_view what, std::initializer_list<std::string_view> value, double exponent) {
  if (exponent == 0) return;
  if (what.empty()) return path.factors.add({quantity}, exponent);
  const std::string_view* part = value.begin();
  switch (value.size()) {
    case 1: return part[0].empty() ? path.factors.add({quantity, "|", what}, exponent) : path.factors.add({quantity, "|", what, "=", part[0]}, exponent);
    case 2: return path.factors.add({quantity, "|", what, "=", part[0], ":", part[1]}, exponent);
    default: return path.factors.add({quantity, "|", what, "=", part[0], ":", part[1], ":", part[2]}, exponent);
  }
}

namespace {

// What kernels reach, as against what a program around them spends on starting them.
bool is_of_kernels(std::string_view quantity) {
  static constexpr std::array<std::string_view, 14> kinds{"weights", "vector", "gemm", "kv", "attention", "scores", "state", "scan", "stream",
                                                          "host_weights", "host_gemm", "host_decode", "host_kv", "host_attention"};
  return std::find(kinds.begin(), kinds.end(), quantity) != kinds.end();
}

}  // namespace

Path engine_path(std::string_view quantity, double peak, const Setting& setting) {
  constexpr std::size_t kUsual = 16;
  const std::string& engine = is_of_kernels(quantity) ? setting.kernels : setting.engine;
  Path path{.peak = peak, .factors = {}, .efficiency = 1};
  path.factors.reserve(kUsual);
  add_factor(path, quantity, "", "");
  add_joint_factor(path, quantity, "group", {setting.group, setting.backend});
  add_joint_factor(path, quantity, "engine", {engine, setting.backend});
  if (engine != setting.engine) add_joint_factor(path, quantity, "program", {setting.engine, setting.backend});
  add_factor(path, quantity, "year:engine", engine, setting.year);
  add_joint_factor(path, quantity, "year:backend", {setting.group, setting.backend}, setting.year);
  return path;
}

Path device_path(std::string_view quantity, double peak, const rig::RigDevice& device, const Setting& setting) {
  Path path = engine_path(quantity, peak, setting);
  const catalog::Device& d = device.device;
  add_joint_factor(path, quantity, "vendor", {d.vendor, setting.backend});
  add_factor(path, quantity, "family", d.architecture);
  add_joint_factor(path, quantity, "family+backend", {d.architecture, setting.backend});
  if (!setting.driver.empty()) add_factor(path, quantity, "driver", setting.driver);
  const bool reads = quantity == "weights" || quantity == "kv" || quantity == "state";
  add_factor(path, quantity, "chip", reads ? d.chip_and_memory : d.chip);
  return path;
}

Path host_path(std::string_view quantity, double peak, const rig::Host& host, const Setting& setting) {
  constexpr std::size_t kUsual = 12;
  Path path{.peak = peak, .factors = {}, .efficiency = 1};
  path.factors.reserve(kUsual);
  add_factor(path, quantity, "", "");
  add_factor(path, quantity, "engine", is_of_kernels(quantity) ? setting.kernels : setting.engine);
  if (quantity == "host_gemm" || quantity == "host_decode" || quantity == "host_attention") add_factor(path, quantity, "instructions", instruction_class(host));
  add_factor(path, quantity, "processor", host.processor ? host.processor->key : std::string("unknown"));
  return path;
}

}  // namespace rigcast::cost
