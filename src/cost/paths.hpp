#pragma once
// Which peak an amount of work meets on a device, a host or a link, and the names of the effects that say how much of it is reached.

#include <initializer_list>
#include <string>
#include <string_view>

#include "cost/engines.hpp"

namespace rigcast::cost {

// Formats that share kernels: "q4_k", "iq4", "f16", "fp8", "int4" ... of a Quant key.
std::string format_class(std::string_view quant);

// Formats whose weights are multiplied as they are stored.
bool is_float_format(std::string_view format_class);

// Bytes of one element of a cache type: "f16" 2, "q8_0" 1.0625, "fp8" 1.
double cache_bytes(std::string_view quant);

// Half-precision rate that a program can use: some chips (Pascal) list one that is slower than single precision.
double half_rate(const catalog::Device& device);
// ... and that these kernels use: a driver may offer no matrix units, and plain arithmetic packs two halves at most.
double half_rate(const catalog::Device& device, const Setting& setting);
// Dense rate of the number format that the engine's kernel for this device really computes in when it multiplies weights of `format`
// (falling back where the hardware has no such unit: FP8 on Ampere runs as FP16, a V100 has no BF16).
double matrix_rate(const catalog::Device& device, const Setting& setting, std::string_view format);
// The number format in which weights of a format class are meant to be multiplied (empty: they are widened by design, as ggml widens all but
// halves), and the one this device multiplies them in with what units it has (empty: none of its rates is known).
struct Arithmetic { std::string meant, runs_as; };
Arithmetic arithmetic_of(const catalog::Device& device, const Setting& setting, std::string_view format);
// The fastest units of the data sheet that can multiply weights of `format`: single and half precision, and integers and narrow floats where
// weights are quantised; 0 where it prints none.
double matrix_roof(const catalog::Device& device, std::string_view format);
// Plain arithmetic of single weights: the single-precision rate, twice where integers have pipes of their own beside it.
double vector_rate(const catalog::Device& device);
// The same for scores and weighted values of attention.
double attention_rate(const catalog::Device& device, const Setting& setting);
// How often the bytes of a weight cross the memory bus in decoding: more than once where a kernel converts it first.
double reads_per_weight(const Setting& setting, std::string_view format);
// Paths on a device. `quantity` is the first part of the effect names: "weights", "gemm", "kv", "attention", "state", ...
Path device_path(std::string_view quantity, double peak, const rig::RigDevice& device, const Setting& setting);
Path host_path(std::string_view quantity, double peak, const rig::Host& host, const Setting& setting);
Path engine_path(std::string_view quantity, double peak, const Setting& setting);
void add_factor(Path& path, std::string_view quantity, std::string_view what, std::string_view value, double exponent = 1);
// The same of a value of one to three parts, "first:second".
void add_joint_factor(Path& path, std::string_view quantity, std::string_view what, std::initializer_list<std::string_view> value, double exponent = 1);

}  // namespace rigcast::cost
