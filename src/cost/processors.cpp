#include "cost/processors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

namespace rigcast::cost {
namespace {

// Flop a cycle and core of kernels that multiply 4- to 8-bit weights from the caches. `dot` follows from counting the instructions of a row's
// product (loads, unpacking, multiply-add, scales: about 8 weights a cycle with AVX2); the others from what keeping rows in registers and
// interleaving them saved where both were timed (llama.cpp PRs 12332, 14373, 18860, 19356, 19707, 22250; ik_llama.cpp PRs 120, 182).
// `integers` and `floats` are what the units can do at most: two vectors a cycle, each of 8-bit products and their sums or of single-precision
// multiply-adds; AMX's tiles 2,048 and, of BF16, 1,024.
struct Lanes { std::string_view instructions; double dot, tiled, interleaved, matrix_unit, integers, floats; };
constexpr std::array<Lanes, 11> kLanes{{{"amx", 16, 28, 45, 130, 2048, 1024}, {"avx512", 16, 28, 45, 45, 256, 128}, {"avx2", 13, 21, 30, 30, 128, 32},
                                        {"avx", 6, 9, 9, 9, 64, 16}, {"sse", 0.8, 0.8, 0.8, 0.8, 64, 8}, {"i8mm", 10, 13, 35, 35, 128, 64},
                                        {"dotprod", 6.5, 10, 15, 15, 64, 32}, {"neon", 3, 5, 5, 5, 32, 16}, {"vsx", 4, 14, 14, 14, 256, 128},
                                        {"lasx", 8, 8, 8, 8, 128, 32}, {"scalar", 0.25, 0.25, 0.25, 0.25, 4, 4}}};
constexpr double kWideCores = 2;    // Apple's cores and Neoverse V start four vector instructions a cycle where Cortex and Neoverse N start two
constexpr double kUnknownTurbo = 1.9;   // 5.7 GHz for the 3 assumed of a processor that nobody named
constexpr double kIkTiles = 1.25;   // ik_llama.cpp unpacks weights once for eight columns

bool has_wide_cores(const rig::Host& host) {
  return host.processor && (host.processor->vendor == "apple" || host.processor->architecture.starts_with("neoverse-v"));
}

Lanes lanes_of(const rig::Host& host) {
  const std::string name = instruction_class(host);
  Lanes lanes = *std::find_if(kLanes.begin(), kLanes.end() - 1, [&](const Lanes& l) { return l.instructions == name; });
  if (has_wide_cores(host))
    for (double* rate : {&lanes.dot, &lanes.tiled, &lanes.interleaved, &lanes.matrix_unit, &lanes.integers, &lanes.floats}) *rate *= kWideCores;
  return lanes;
}

bool has_set(const rig::Host& host, std::string_view prefix) {
  if (!host.processor) return false;
  const auto& sets = host.processor->instruction_sets;
  return std::any_of(sets.begin(), sets.end(), [&](const std::string& set) { return set.starts_with(prefix); });
}

bool is_any(std::string_view text, std::initializer_list<std::string_view> names) { return std::find(names.begin(), names.end(), text) != names.end(); }

// Unpacking weights of a format, relative to 4- and 8-bit integers: look-ups in tables of values are the slowest.
double unpacking(std::string_view format) {
  if (is_any(format, {"iq1", "iq2", "iq3", "q1"})) return 0.45;
  if (is_any(format, {"q3_k", "q2_k", "iq4", "ik3", "ik4", "mxfp4", "nvfp4"})) return 0.85;
  return 1;
}

// Floats are multiplied as single precision after converting: half as many in a register as integers of 8 bits need instructions for.
double float_lanes(const rig::Host& host, std::string_view format, double lanes) {
  if (format == "bf16" && (has_set(host, "bf16") || has_set(host, "avx512-bf16"))) return 1.4 * lanes;
  return format == "f32" ? 0.5 * lanes : 0.75 * lanes;
}

double gigahertz(const rig::Host& host) {
  if (!host.processor || host.processor->boost_ghz <= 0) return 3.0;
  return host.processor->base_ghz > 0 ? 0.5 * (host.processor->base_ghz + host.processor->boost_ghz) : 0.85 * host.processor->boost_ghz;
}

double cycles(const rig::Host& host, int threads) { return used_cores(host, threads) * gigahertz(host) * 1e9; }

// Formats that llama.cpp stores interleaved when it loads them, and since when (years from 2025.5).
bool interleaves(const rig::Host& host, const Setting& setting, std::string_view format) {
  const std::string set = instruction_class(host);
  const bool x86 = is_any(set, {"amx", "avx512", "avx2"}), arm = is_any(set, {"i8mm", "dotprod"});
  if (!x86 && !arm) return false;
  if (format == "q4_0") return setting.year >= -0.6;
  if (format == "q4_k") return setting.year >= (x86 ? -0.3 : 0.4);
  if (format == "q2_k") return setting.year >= 0.1 && x86;
  if (format == "q5_k" || format == "q6_k") return setting.year >= (x86 ? 0.9 : 0.55);
  return format == "mxfp4" && setting.year >= 0.6;
}

// ktransformers uses AMX since 0.3 (April 2025), for weights converted to whole numbers of 4 or 8 bits and for BF16; FP8, FP4 and INT4 as
// published meet AVX-512 (doc/en/kt-kernel/Native-Precision-Tutorial.md).
bool ktransformers_tiles(const Setting& setting, std::string_view format) {
  return setting.built >= 2025.28 && !is_any(format, {"fp8", "int4", "mxfp4", "nvfp4"});
}

}  // namespace

const char* to_string(HostKernel kernel) {
  switch (kernel) {
    case HostKernel::dot: return "dot";
    case HostKernel::tiled: return "tiled";
    case HostKernel::interleaved: return "interleaved";
    case HostKernel::matrix_unit: return "matrix_unit";
  }
  return "";
}

std::string instruction_class(const rig::Host& host) {
  if (!host.processor) return "avx2";
  if (has_set(host, "avx512") && !has_set(host, "vnni")) return "avx2";   // without integer dot products kernels are those of AVX2
  for (const char* name : {"amx", "avx512", "avx2", "avx", "sse", "i8mm", "dotprod", "neon", "vsx", "lasx"})
    if (has_set(host, name)) return name;
  return host.processor->instruction_sets.empty() ? "avx2" : "scalar";
}

int used_cores(const rig::Host& host, int threads) {
  const int cores = host.cores > 0 ? host.cores : host.processor && host.processor->cores > 0 ? host.processor->cores * std::max(1, host.sockets) : 8;
  return threads > 0 ? std::min(cores, threads) : cores;
}

HostKernel prompt_kernel(const rig::Host& host, const Setting& setting, std::string_view format, bool experts) {
  if (setting.repacked) return HostKernel::interleaved;
  if (setting.engine == "ik_llama.cpp")   // since June 2025 prompts repack on the fly
    return setting.year >= -0.1 && !is_float_format(format) ? HostKernel::interleaved : HostKernel::tiled;
  if (setting.engine == "ktransformers") return has_set(host, "amx") && ktransformers_tiles(setting, format) ? HostKernel::matrix_unit : HostKernel::interleaved;
  if (setting.engine == "sglang") return has_set(host, "amx") ? HostKernel::matrix_unit : HostKernel::tiled;   // its CPU kernels since July 2025
  if (experts) return HostKernel::dot;   // of an expert's rows each is multiplied by itself
  if (has_set(host, "amx") && setting.year >= -0.7 && is_any(format, {"q4_0", "q8_0", "q4_k", "q5_k", "q6_k", "iq4"})) return HostKernel::matrix_unit;
  if (interleaves(host, setting, format)) return HostKernel::interleaved;
  return setting.year >= -1.2 && (is_float_format(format) || format == "q8_0" || format == "q4_0") ? HostKernel::tiled : HostKernel::dot;   // since April 2024
}

double prompt_rate(const rig::Host& host, int threads, const Setting& setting, std::string_view format, bool experts) {
  const Lanes lanes = lanes_of(host);
  const HostKernel kernel = prompt_kernel(host, setting, format, experts);
  double reached = 0;
  switch (kernel) {
    case HostKernel::dot: reached = lanes.dot * unpacking(format); break;
    case HostKernel::tiled: reached = lanes.tiled * (setting.engine == "ik_llama.cpp" ? kIkTiles : 1); break;
    case HostKernel::interleaved: reached = lanes.interleaved; break;
    case HostKernel::matrix_unit: reached = lanes.matrix_unit; break;
  }
  if (is_float_format(format)) reached = float_lanes(host, format, reached);
  return cycles(host, threads) * reached;
}

double decode_rate(const rig::Host& host, int threads, const Setting& setting, std::string_view format) {
  const Lanes lanes = lanes_of(host);
  if (is_float_format(format)) return cycles(host, threads) * float_lanes(host, format, lanes.dot);
  // Interleaved rows share what is loaded of the activations: Q4_0 on one core of a Graviton3 does 18 flop a cycle (llama.cpp, December 2025).
  const bool rows = is_any(instruction_class(host), {"i8mm", "dotprod"}) && (setting.repacked || (setting.kernels == "llama.cpp" && interleaves(host, setting, format)));
  return cycles(host, threads) * lanes.dot * (rows ? std::max(1.0, lanes.tiled / lanes.dot) : unpacking(format));
}

double processor_roof(const rig::Host& host, int threads, std::string_view format) {
  const Lanes lanes = lanes_of(host);
  const double fastest = host.processor && host.processor->boost_ghz > 0 ? host.processor->boost_ghz * 1e9 * used_cores(host, threads) : kUnknownTurbo * cycles(host, threads);
  return fastest * (is_float_format(format) ? lanes.floats : lanes.integers);
}

std::string attention_kernel(const Setting& setting, bool flash) { return std::string(flash ? "flash:" : "plain:") + setting.kernels; }

double host_attention_rate(const rig::Host& host, int threads, const Setting& setting, bool flash, bool decode) {
  const Lanes lanes = lanes_of(host);
  double reached = lanes.tiled;                                    // tiles of queries and keys
  if (setting.engine != "ik_llama.cpp") {
    // Without flash attention: matrix products of halves. With it one query after the other until January 2026, then small tiles; decoding
    // divides a cache among the cores since (llama.cpp PRs 19012, 19209, 19422).
    const bool young = setting.year >= 0.6;
    reached = !flash ? 0.35 * lanes.tiled : decode ? (young ? 0.15 : 0.1) * lanes.dot : young ? 0.35 * lanes.dot : 0.2 * lanes.dot;
  }
  return cycles(host, threads) * reached;
}

bool fabric_bound(const rig::Host& host) {
  return host.processor && host.processor->core_bandwidth && host.bandwidth >= 0.999 * host.processor->core_bandwidth->value * std::max(1, host.sockets);
}

double layer_seconds(const rig::Host& host, int threads) { return 15e-6 + 60e-6 * std::pow(used_cores(host, threads) / 32.0, 1.5); }

Bandwidth reachable_bandwidth(const rig::Host& host, int threads) {
  if (threads <= 0 || host.bandwidth.value() <= 0) return host.bandwidth;
  // Lines of 64 bytes in flight over the time one takes: up to 60 GB/s a core beside its memory controller, 15 to 30 across a server's mesh.
  const bool server = host.channels / std::max(1, host.sockets) > 2 && !host.memory_type.starts_with("lpddr");
  const double core = server ? 30e9 : 64e9;
  return std::min(host.bandwidth, Bandwidth(core * used_cores(host, threads)));
}

}  // namespace rigcast::cost
