#pragma once
// What one token needs of ggml's graphs beside the products with weights: how many operations, and how many numbers they write.

#include <map>
#include <string>

#include "model/architecture.hpp"

namespace rigcast::cost {

// Every operation ends with all threads waiting for the last of them, and most are too small to be shared out.
struct SmallOperations {
  double operations = 0;                      // norms, their scales, rotations, stores, attention, gates, additions, choices of experts
  double numbers = 0;                         // that they write
  std::map<std::string, double> products;     // matrices multiplied with, by format_class
  std::map<std::string, double> expert_products;   // the same of experts: one product takes all that were chosen
};

// Of all layers. A plain layer of stream h, feed-forward f, queries q and keys k (as numbers) has 12 operations, which write
// 6 h + 2 q + 3 k + f, and 7 products: norm and scale (2 h), rotations (q + k), stores (2 k), attention (q), addition (h), norm and
// scale (2 h), gate (f), addition (h). Norms and biases are counted by tensor, products too; an expert layer chooses (softmax, sort, gather,
// sum, clamp, division: 6), weighs, and adds up what the chosen give (llm_graph_context::build_moe_ffn).
SmallOperations small_operations(const model::Architecture& architecture);

}  // namespace rigcast::cost
