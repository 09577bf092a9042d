#include "model/gguf_tensors.hpp"
#include "model/tensors.hpp"

namespace rigcast::model {
namespace {

Role in_layer(Role role, int block, const std::vector<Layer>& layers) {
  if (block >= static_cast<int>(layers.size())) return Role::next_token;
  const Layer& layer = layers[static_cast<std::size_t>(block)];
  // Linear attention keeps its projections under attention's names.
  const bool only_recalls = layer.attention.kind == AttentionKind::none && layer.recurrent.kind != RecurrentKind::none;
  return role == Role::attention && only_recalls ? Role::recurrent : role;
}

}  // namespace

Role role_in(const TensorName& name, const std::optional<TensorRole>& known, const std::vector<Layer>& layers) {
  const Role role = known ? known->role : Role::other;
  return name.block < 0 ? role : in_layer(role, name.block, layers);
}

void assign_roles(std::vector<Tensor>& tensors, const std::vector<Layer>& layers) {
  for (Tensor& tensor : tensors) {
    const TensorName name = parse_tensor_name(tensor.name);
    tensor.role = role_in(name, role_of(name), layers);
  }
}

}  // namespace rigcast::model
