#include <map>

#include "model/gguf_tensors.hpp"
#include "model/tensors.hpp"

namespace rigcast::model {

void assign_roles(std::vector<Tensor>& tensors) {
  struct Seen { bool next_token = false, recurrent = false, keys = false, split_convolution = false; };
  std::map<int, Seen> layers;
  for (Tensor& tensor : tensors) {
    const TensorName name = parse_tensor_name(tensor.name);
    const auto known = role_of(name);
    tensor.role = known ? known->role : Role::other;
    Seen& seen = layers[name.block];
    seen.next_token |= tensor.role == Role::next_token;
    seen.recurrent |= tensor.role == Role::recurrent;
    seen.keys |= name.stem == "attn_k";
    seen.split_convolution |= name.stem == "ssm_conv1d_k";
  }
  for (Tensor& tensor : tensors) {
    const int block = parse_tensor_name(tensor.name).block;
    if (block < 0) continue;
    const Seen& seen = layers[block];
    if (seen.next_token) tensor.role = Role::next_token;
    // Linear attention keeps its projections under attention's names; a layer that attends besides (Falcon-H1) has keys of its own.
    else if (seen.recurrent && tensor.role == Role::attention && (!seen.keys || seen.split_convolution)) tensor.role = Role::recurrent;
  }
}

}  // namespace rigcast::model
