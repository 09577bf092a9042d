#include "placement/detail/draft_models.hpp"

#include <algorithm>

#include "model/gguf_tensors.hpp"
#include "model/tensors.hpp"
#include "placement/detail/capacity.hpp"

namespace rigcast::placement::detail {

using model::Role;

bool drafts_by_own_layers(const model::Architecture& architecture, const Settings& settings) {
  return settings.speculation.drafter == Drafter::own_layers && lists_draft_layers(architecture);
}

bool drafts_by_another(const Settings& settings) { return settings.speculation.drafter == Drafter::model || settings.speculation.drafter == Drafter::block; }

model::Architecture draft_model(const model::Architecture& architecture) {
  model::Architecture draft = with_draft_layers(architecture);
  const int trunk = static_cast<int>(architecture.layers.size());
  if (draft.layers.size() == architecture.layers.size()) return draft;
  draft.layers = {draft.layers.back()};
  draft.blocks.clear();
  std::erase_if(draft.tensors, [&](const model::Tensor& tensor) { return tensor.layer >= 0 && tensor.layer != trunk && tensor.name.starts_with("blk."); });
  std::erase_if(draft.tensors, [&](const model::Tensor& tensor) { return tensor.name.find(".nextn.") != std::string::npos; });
  const std::string block = "blk." + std::to_string(trunk) + ".";
  for (model::Tensor& tensor : draft.tensors) {
    if (tensor.name.starts_with(block)) tensor.name = "blk.0." + tensor.name.substr(block.size()), tensor.layer = 0;
    else if (tensor.layer >= trunk) tensor.layer = 1;
  }
  return draft;
}

model::Architecture with_draft_layers(model::Architecture architecture) {
  const int trunk = static_cast<int>(architecture.layers.size());
  const auto last = std::find_if(architecture.layers.rbegin(), architecture.layers.rend(), [](const model::Layer& layer) { return layer.attention.kind != model::AttentionKind::none; });
  if (last == architecture.layers.rend()) return architecture;
  const model::Layer attends = *last;
  for (const model::Tensor& tensor : architecture.tensors)
    if (tensor.role == Role::next_token && tensor.layer >= static_cast<int>(architecture.layers.size()))
      architecture.layers.resize(static_cast<std::size_t>(tensor.layer) + 1, attends);
  for (model::Tensor& tensor : architecture.tensors) {
    if (tensor.role != Role::next_token || tensor.layer < trunk) continue;
    const model::TensorName name = model::parse_tensor_name(tensor.name);
    const Role role = model::role_in(name, model::role_of(name), architecture.layers);
    const bool shared = tensor.name.ends_with("embed_tokens.weight") || tensor.name.ends_with("shared_head_head.weight");
    if (shared) tensor.bytes = Bytes{};
    tensor.role = role == Role::next_token ? Role::other : role;   // what joins it to the trunk lies whole on every device
  }
  return architecture;
}

model::Architecture with_drafter(model::Architecture architecture, const model::Architecture& drafter) {
  const int trunk = static_cast<int>(architecture.layers.size());
  architecture.layers.insert(architecture.layers.end(), drafter.layers.begin(), drafter.layers.end());
  for (model::Tensor tensor : drafter.tensors) {
    if (tensor.role == Role::vision || tensor.role == Role::next_token) continue;
    tensor.layer = trunk + std::max(0, tensor.layer);
    architecture.tensors.push_back(std::move(tensor));
  }
  return architecture;
}

Error of_drafter(std::string_view drafter, Error error) {
  error.message = "what drafts (" + std::string(drafter) + ") cannot be laid out: " + error.message;
  error.where = Where{"--flags"};
  error.field = "speculation";
  error.nearest.clear();   // it is of the drafter, and was not asked for by that name
  return error;
}

void add_draft_memory(const rig::Rig& rig, const Placement& draft, bool weights, Placement& placement) {
  const auto add = [&](Memory& to, const Memory& of) {
    to.kv += of.kv, to.state += of.state, to.compute += of.compute;
    if (weights) to.weights += of.weights;
  };
  add(placement.host, draft.host);
  for (const DeviceShare& share : draft.devices) {
    const auto same = std::find_if(placement.devices.begin(), placement.devices.end(), [&](const DeviceShare& each) { return each.device == share.device; });
    if (same != placement.devices.end()) add(same->memory, share.memory);
    else if (weights) placement.devices.push_back(share), placement.devices.back().layer_count = 0, placement.devices.back().holds_output = false;
  }
  check_fit(rig, placement);
}

}  // namespace rigcast::placement::detail

namespace rigcast::placement {

bool lists_draft_layers(const model::Architecture& architecture) {
  return std::any_of(architecture.tensors.begin(), architecture.tensors.end(), [&](const model::Tensor& tensor) {
    return tensor.role == model::Role::next_token && tensor.layer >= static_cast<int>(architecture.layers.size());
  });
}

}  // namespace rigcast::placement
