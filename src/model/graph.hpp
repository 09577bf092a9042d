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
  int tensor = -1;               // index into Architecture::tensors, -1 without weights or with several
  std::string quant;             // format of its weights, or empty
  double rows = 1;               // activation rows the kernel sees (tokens; for experts: tokens per touched expert)
  Flop work{};
  Bytes weights_read{};          // experts: only those touched, in expectation
  Bytes activations{};           // read and written, at 16 bits an element
  Bytes kv_read{}, kv_written{}; // recurrent: the state
  int launches = 1;              // kernels an unfused engine starts for it
};

struct Graph {
  Step step;
  std::vector<Op> ops;           // in order of execution
};

// How KV is stored, for the bytes attention reads. Recurrent state is F32.
struct KvFormat {
  double key_bytes_per_element = 2.0, value_bytes_per_element = 2.0;
};

// Experts touched in expectation by `tokens` independent uniform choices of `used` out of `experts`: E (1 - (1 - k/E)^n).
double experts_touched(int experts, int used, double tokens);

// Token pairs attention looks at when `new_tokens` follow `context` others: each new token sees itself and what came before, at most
// `limit` of them (0: no limit). Without limit: n c + n (n + 1) / 2.
double attended_pairs(std::int64_t new_tokens, std::int64_t context, std::int64_t limit);

Graph expand(const Architecture& architecture, const Step& step, const KvFormat& kv = {});

// An Op before the Step is known: for costing many Steps of one model. expand() is op_at() over work_of().
struct Work {
  OpKind kind = OpKind::matmul;
  Role role = Role::other;
  int layer = 0, tensor = -1;
  std::string quant;
  double elements = 0, bytes = 0;    // of the weights; gather: of one row
  int experts = 0, used = 0;         // expert_matmul
  double inputs = 0, outputs = 0;    // activation elements read and written for each row
  Attention attention = {};          // attention
  Recurrent recurrent = {};          // recurrent
  int launches = 1;
  int count = 1;                     // equal Ops of so many layers
  bool head = false;                 // sees Step::outputs rows only
};

// Every Op of one pass, in order of execution.
std::vector<Work> work_of(const Architecture& architecture);

// The same with equal Ops of different layers merged (layer and tensor of the first kept, count summed): some 20 instead of 1000.
// Sums over Ops are the same; order and layers are lost.
std::vector<Work> merged(std::vector<Work> work);

// All quantities are for `count` Ops together; rows are those of one.
Op op_at(const Work& work, const Step& step, const KvFormat& kv = {});

}  // namespace rigcast::model
