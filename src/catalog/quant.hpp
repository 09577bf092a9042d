#pragma once
// A Quant is a weight, activation or KV number format with its exact block bytes.

#include <cstdint>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "catalog/fact.hpp"

namespace rigcast::catalog {

struct Quant {
  std::string key;                   // "q4_k", "f16", "fp8_e4m3", "mxfp4", "awq_int4_g128"
  std::string name;                  // "Q4_K"
  std::vector<std::string> aliases;
  std::string group;                 // who reads it: "float", "integer", "ggml-legacy", "ggml-k", "ggml-i", "ggml-ternary", "ggml-ik" and
                                     // "ggml-repacked" (ik_llama.cpp), "fp8", "fp4", "int4-group", "int8", "bitsandbytes", "mlx", "exl", "hqq"
  std::int64_t block_elements = 1;
  std::int64_t block_bytes = 0;      // scales, minima and zero points included
  int block_rows = 1;                // rows a block spans: such blocks are square and must stay whole where a matrix is cut
  std::int64_t row_bytes = 0;        // once per row, before its blocks: a scale of the whole row
  std::string layout;                // what a block holds, in words
  int ggml_type = -1;                // number in a GGUF file; -1: not a ggml type
  Source source;
};

// Bytes of one row of `elements` consecutive elements, a last partial block counted whole; row_bytes not included.
Bytes quant_bytes(const Quant& quant, std::int64_t elements);
double bits_per_weight(const Quant& quant);

}  // namespace rigcast::catalog
