#pragma once
// Kernels of the engine that were timed on the very host (rig::Host::kernels) in place of what processors.hpp thinks of them.

#include <optional>

#include "cost/load.hpp"
#include "cost/paths.hpp"
#include "cost/small_operations.hpp"

namespace rigcast::cost {

// Rates of one kind of work, decoding one token and many at once; null: not timed with these threads, or for another engine.
struct MeasuredKernels {
  const rig::KernelRate *one = nullptr, *many = nullptr;
  explicit operator bool() const { return one && many; }
};

// The experts of a mixture: how many of them a token chooses, and the bytes of one matrix; none: a matrix that every token takes.
struct Chosen { double used = 0, of = 0, bytes = 0; };

// Timed with as like a choice among experts as can be where many tokens share them.
MeasuredKernels measured_weights(const rig::Host& host, int threads, const Setting& setting, std::string_view format, const Chosen& experts);
// Timed with as many query heads a cache as can be: what they share of it they read once.
MeasuredKernels measured_attention(const rig::Host& host, int threads, const Setting& setting, std::string_view key_quant, std::string_view value_quant, double heads_per_kv);

// Time of one token's small operations and of starting its products (the products themselves are weights, and so is all of experts that were
// timed); empty: not timed.
std::optional<Seconds> measured_seconds(const rig::Host& host, int threads, const Setting& setting, const SmallOperations& of);

// The rate of reading that, rounded together with arithmetic at `many` as a Stage's time is, gives what one token took. Of experts, matrices of
// `expert` bytes: each of them starts anew.
double reading_rate(const MeasuredKernels& kernels, double expert = 0);

}  // namespace rigcast::cost
