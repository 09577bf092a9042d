#pragma once
// The tensors of a Shape under their GGUF names.
//
// Order is that of files llama-quantize writes: tensors of no layer first, then layer by layer, by name within each. The quantiser
// counts tensors in this order, so its layer-dependent choices depend on it.

#include <vector>

#include "model/shape.hpp"

namespace rigcast::model {

// Every tensor with role, layer and exact shape; quant and bytes are empty.
std::vector<Tensor> list_tensors(const Shape& shape, const std::vector<Layer>& layers);

// Sets the role of every tensor of one model: by name, and by its neighbours where a name has two uses (attn_qkv of a linear-attention
// layer is recurrent; every tensor of a next-token layer is next_token). REQUIRES layer to be set.
void assign_roles(std::vector<Tensor>& tensors);

// Puts `tensors` into writing order.
void sort_in_writing_order(std::vector<Tensor>& tensors);

}  // namespace rigcast::model
