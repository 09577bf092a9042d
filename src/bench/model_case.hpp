#pragma once
// A ModelCase is one Step of a very model's shape reduced to the Ops that take its time: every weight matrix in its own format and order,
// and attention over the cache between them. A device runs it with made-up weights, so nothing has to be downloaded.

#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/format.hpp"
#include "bench/kernel.hpp"
#include "model/architecture.hpp"

namespace rigcast::bench {

struct MatrixOp {
  const Format* format = nullptr;
  std::int64_t rows = 0, columns = 0;
  int experts = 0, used = 0;              // 0: one matrix for every token
  bool after_attention = false;
};

struct ModelLayer {
  int heads = 0, kv_heads = 0, head_dim = 0;   // 0 heads: no attention
  std::int64_t window = 0;                     // at most so many earlier tokens count; 0 all
  std::vector<MatrixOp> matrices;              // in the order in which a token meets them
};

struct ModelCase {
  std::string model, quant;                    // "qwen3-8b", "Q4_K_M"
  std::vector<ModelLayer> layers;
  MatrixOp head;
  std::int64_t tokens = 1, depth = 0;          // new tokens of the Step; earlier ones in the cache
};

// Errors: unsupported, naming the structure (recurrent layers, latent attention) or the format that has no kernel.
Result<ModelCase> model_case(const model::Architecture& architecture, std::int64_t tokens, std::int64_t depth);

// Weights read by one Step (experts: those used, at most all) plus the cache; two operations a weight and token, and attention's.
Work work_of(const ModelCase& c);

Bytes bytes_of(const MatrixOp& op);        // all experts
Bytes bytes_of(const ModelLayer& layer);   // weights

}  // namespace rigcast::bench
