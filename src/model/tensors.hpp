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

// Sets the role of every tensor: by name, and by what its layer does where a name has two uses (attn_qkv of a layer that does not
// attend is recurrent; every block beyond `layers` predicts later tokens). REQUIRES Tensor::layer to be set.
void assign_roles(std::vector<Tensor>& tensors, const std::vector<Layer>& layers);

// Puts `tensors` into writing order.
void sort_in_writing_order(std::vector<Tensor>& tensors);

}  // namespace rigcast::model
