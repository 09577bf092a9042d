#pragma once
// The tensors of a Shape under their GGUF names.
//
// Order is that of files llama-quantize writes: tensors of no layer first, then layer by layer, by name within each. The quantiser
// counts tensors in this order, so its layer-dependent choices depend on it.

#include <vector>

#include "model/gguf_tensors.hpp"
#include "model/shape.hpp"

namespace rigcast::model {

// Every tensor with role, layer and exact shape; quant and bytes are empty.
std::vector<Tensor> list_tensors(const Shape& shape, const std::vector<Layer>& layers);

// The role of a tensor whose name means `known`: by name, and by what its layer does where a name has two uses (attn_qkv of a layer that
// does not attend is recurrent; every block beyond `layers` predicts later tokens).
Role role_in(const TensorName& name, const std::optional<TensorRole>& known, const std::vector<Layer>& layers);
// Sets it for every tensor.
void assign_roles(std::vector<Tensor>& tensors, const std::vector<Layer>& layers);

// Puts `tensors` into writing order.
void sort_in_writing_order(std::vector<Tensor>& tensors);

}  // namespace rigcast::model
