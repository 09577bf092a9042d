#pragma once
// The Graph of one Step: every Op with its work and its traffic, before anything is known of hardware.

#include <cstdint>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "model/architecture.hpp"

namespace rigcast::model {

// What one forward pass processes. Decode: new_tokens = 1; prefill of one ubatch: new_tokens = 512 ...
struct Step {
  std::int64_t new_tokens = 1;   // per sequence
  std::int64_t context = 0;      // tokens already in the cache, per sequence
  std::int64_t sequences = 1;
  std::int64_t outputs = 1;      // rows the output head computes, per sequence
};

enum class OpKind {
  gather,       // embedding rows
  matmul,       // weights x activations
  expert_matmul,
  attention,    // scores and weighted values over the cache
  recurrent,    // scan, delta rule, convolution
  elementwise,  // norms, rope, activations, residuals: small, many
};

struct Op {
  OpKind kind = OpKind::matmul;
  Role role = Role::other;
  int layer = 0;                 // -1 input, 0.., layers = output
  int tensor = -1;               // index into Architecture::tensors, -1 without weights
  std::string quant;             // format of its weights, or empty
  double rows = 1;               // activation rows the kernel sees (tokens; for experts: tokens per touched expert)
  Flop work{};
  Bytes weights_read{};          // experts: only those touched, in expectation
  Bytes activations{};           // read and written
  Bytes kv_read{}, kv_written{};
  int launches = 1;              // kernels an unfused engine starts for it
};

struct Graph {
  Step step;
  std::vector<Op> ops;           // in order of execution
};

// How KV is stored, for the bytes attention reads.
struct KvFormat {
  double key_bytes_per_element = 2.0, value_bytes_per_element = 2.0;
};

// Experts touched in expectation by `tokens` independent uniform choices of `used` out of `experts`: E (1 - (1 - k/E)^n).
double experts_touched(int experts, int used, double tokens);

Graph expand(const Architecture& architecture, const Step& step, const KvFormat& kv = {});

}  // namespace rigcast::model
