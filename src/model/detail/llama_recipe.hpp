#pragma once
// llama.cpp's choice of a format for every tensor (llama-quant.cpp: llama_tensor_get_type, as of 2026-11).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/architecture.hpp"

namespace rigcast::model::detail {

// One of llama-quantize's file types.
struct Ftype {
  std::string_view name;    // "Q4_K_M"
  std::string_view base;    // Quant key of most tensors: "q4_k"
  bool needs_imatrix = false;
};

const std::vector<Ftype>& ftypes();
const Ftype* find_ftype(std::string_view name);  // exact, upper case

// The Quant key of every tensor, in the order of architecture.tensors (REQUIRES writing order).
// `half` is the 16-bit format of the file quantised from: "f16" or "bf16"; the answers may be views of it.
std::vector<std::string_view> llama_formats(const Architecture& architecture, const Ftype& ftype, bool imatrix, std::string_view half);

// True where llama-quantize would change the tensor's format at all.
bool llama_quantizes(const Tensor& tensor, std::string_view family = {});
// The format of a tensor in the full-precision GGUF that convert_hf_to_gguf writes.
std::string_view llama_source_format(const Tensor& tensor, std::string_view half);

}  // namespace rigcast::model::detail
