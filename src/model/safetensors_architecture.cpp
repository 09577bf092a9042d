#include "model/safetensors_architecture.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace rigcast::model {
namespace {

// Bytes of one role of one layer, by dtype; the output norm and head have the layer after the last.
using Key = std::pair<int, Role>;
struct Share {
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t> by_dtype;
  const std::string* example = nullptr;  // a tensor's name, for errors
};
using Shares = std::map<Key, Share>;

const char* in_words(Role role) {
  switch (role) {
    case Role::token_embedding: return "the token embedding";
    case Role::per_layer_embedding: return "the embeddings of its layers";
    case Role::output_head: return "the output head";
    case Role::attention: return "attention";
    case Role::recurrent: return "recurrence";
    case Role::dense_ffn: return "the feed-forward part";
    case Role::expert_ffn: return "experts";
    case Role::shared_expert_ffn: return "shared experts";
    case Role::router: return "the router";
    case Role::norm: return "norms and biases";
    case Role::other: return "tables";
    case Role::vision: return "towers";
    case Role::next_token: return "next-token blocks";
  }
  return "";
}

std::string place_in_words(const Key& key, int layers) {
  return std::string(in_words(key.second)) + (key.first >= 0 && key.first < layers ? " of layer " + std::to_string(key.first) : "");
}

// Catalogue keys of the formats that a dtype is by itself.
std::optional<std::string> plain_format(std::string_view dtype) {
  static const std::map<std::string_view, std::string> formats = {{"BF16", "bf16"}, {"F16", "f16"}, {"F32", "f32"}, {"F64", "f64"}, {"F8_E4M3", "fp8_e4m3"}, {"F8_E5M2", "fp8_e5m2"}};
  const auto found = formats.find(dtype);
  return found == formats.end() ? std::nullopt : std::optional(found->second);
}

const std::string& most_of(const Share& share) {
  return std::max_element(share.by_dtype.begin(), share.by_dtype.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
}

// A tensor of the checkpoint as it is, for parts that the structure does not describe.
Tensor as_it_is(const SafetensorsTensor& from, Role role, int layer) {
  Tensor tensor;
  tensor.name = from.name;
  tensor.role = role;
  tensor.layer = layer;
  // Row-major to GGUF's order; more than four dimensions (video patches) are folded into the last.
  std::size_t at = 0;
  for (auto length = from.shape.rbegin(); length != from.shape.rend(); ++length, at = std::min<std::size_t>(at + 1, 3)) tensor.shape[at] *= *length;
  tensor.quant = plain_format(from.dtype).value_or(to_lower(from.dtype));
  tensor.bytes = Bytes(static_cast<double>(from.bytes));
  return tensor;
}

// The share a tensor belongs to. Names do not tell the projections of linear attention from those of attention, nor the output norm
// from norms at the input; the structure does.
Key key_of(const CheckpointPart& part, const Architecture& structure) {
  const int layers = static_cast<int>(structure.layers.size());
  if (part.layer < 0) {
    const bool at_input = part.role == Role::token_embedding || part.role == Role::per_layer_embedding || part.role == Role::other;
    if (part.role == Role::dense_ffn) return {0, part.role};
    return {at_input ? kInputLayer : layers, part.role};
  }
  if (part.layer >= layers) return {part.layer, Role::next_token};
  const Layer& layer = structure.layers[static_cast<std::size_t>(part.layer)];
  const bool only_recalls = layer.recurrent.kind != RecurrentKind::none && layer.attention.kind == AttentionKind::none;
  return {part.layer, part.role == Role::attention && only_recalls ? Role::recurrent : part.role};
}

// Gives the tensors of one share their bytes in proportion to what the structure expects, the rounding to the last.
void spread(std::vector<Tensor*>& tensors, std::uint64_t bytes) {
  double expected = 0;
  for (const Tensor* tensor : tensors) expected += tensor->bytes.value();
  double left = static_cast<double>(bytes);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const double part = i + 1 == tensors.size() ? left : std::min(left, std::round(tensors[i]->bytes.value() / expected * static_cast<double>(bytes)));
    tensors[i]->bytes = Bytes(part);
    left -= part;
  }
}

// The format of a share: the one config.json announces where bytes bear it out, else the dtype itself where it is a format.
Result<void> settle_format(std::vector<Tensor*>& tensors, const Share& share, const std::string& place, const std::string& file) {
  double expected = 0;
  for (const Tensor* tensor : tensors) expected += tensor->bytes.value();
  const double ratio = static_cast<double>(share.bytes) / expected;
  const std::string& dtype = most_of(share);
  const auto plain = plain_format(dtype);
  const bool announced = ratio > 0.8 && ratio < 1.25 && (!plain || *plain == "fp8_e4m3" || *plain == tensors.front()->quant);
  if (announced) return {};
  if (!plain)
    return fail(ErrorKind::unsupported, "cannot say, because " + place + " is stored as " + dtype + " in a packing that config.json does not announce (it would take " +
                                            format_significant(ratio, 2) + " times the bytes)", Where{file});
  for (Tensor* tensor : tensors) tensor->quant = *plain;
  return {};
}

bool is_small(Role role) { return role == Role::norm || role == Role::other; }

Result<Shares> sum_shares(const Safetensors& files, Architecture& structure, std::vector<Tensor>& extra) {
  Shares shares;
  for (const SafetensorsTensor& tensor : files.tensors) {
    if (tensor.bytes == 0) continue;
    const auto part = part_of_checkpoint(tensor.name);
    if (!part) return fail(ErrorKind::unsupported, "cannot say, because tensor '" + tensor.name + "' is structure nobody has described", Where{files.files.front()});
    const int layers = static_cast<int>(structure.layers.size());
    const Key key = key_of(*part, structure);
    if (part->role == Role::vision || key.second == Role::next_token) {
      extra.push_back(as_it_is(tensor, key.second, part->role == Role::vision ? kInputLayer : std::max(key.first, layers)));
      continue;
    }
    Share& share = shares[key];
    share.bytes += tensor.bytes;
    share.by_dtype[tensor.dtype] += tensor.bytes;
    share.example = &tensor.name;
  }
  return shares;
}

// The head of a model that ties it to its embedding is not stored, or is stored and not used.
void settle_head(Architecture& structure, Shares& shares) {
  const Key head{static_cast<int>(structure.layers.size()), Role::output_head};
  const bool stored = shares.count(head) > 0;
  if (structure.tied_embeddings && stored) {
    shares.erase(head);
    structure.notes.push_back("The files hold an output head, which config.json ties to the token embedding: it is not counted.");
  }
  if (!structure.tied_embeddings && !stored) {
    structure.tied_embeddings = true;
    std::erase_if(structure.tensors, [](const Tensor& tensor) { return tensor.role == Role::output_head; });
    structure.notes.push_back("The files hold no output head: the token embedding serves as one.");
  }
}

}  // namespace

Result<Architecture> architecture_of_safetensors(const Safetensors& files, Architecture structure) {
  const std::string& file = files.files.front();
  std::vector<Tensor> extra;
  RC_ASSIGN(shares, sum_shares(files, structure, extra));
  settle_head(structure, shares);
  // Next-token blocks come from the files as they are, if at all.
  std::erase_if(structure.tensors, [](const Tensor& tensor) { return tensor.role == Role::next_token || tensor.role == Role::vision; });

  const int layers = static_cast<int>(structure.layers.size());
  std::map<Key, std::vector<Tensor*>> expected;
  for (Tensor& tensor : structure.tensors) expected[{tensor.layer, tensor.role}].push_back(&tensor);
  for (auto& [key, tensors] : expected) {
    const auto found = shares.find(key);
    if (found != shares.end()) {
      if (!is_small(key.second)) RC_TRY(settle_format(tensors, found->second, place_in_words(key, layers), file));
      else if (const auto plain = plain_format(most_of(found->second))) for (Tensor* tensor : tensors) tensor->quant = *plain;
      spread(tensors, found->second.bytes);
      shares.erase(found);
    } else if (is_small(key.second)) {
      for (Tensor* tensor : tensors) tensor->bytes = Bytes(0);
    } else {
      return fail(ErrorKind::input, "holds no tensor for " + place_in_words(key, layers) + ", which config.json describes", Where{file});
    }
  }
  for (const auto& [key, share] : shares)
    if (!is_small(key.second))
      return fail(ErrorKind::input, "tensor '" + *share.example + "' belongs to " + place_in_words(key, layers) + ", which config.json does not describe", Where{file});
  // Tables that engines compute themselves are in the structure, not in the files.
  std::erase_if(structure.tensors, [](const Tensor& tensor) { return tensor.bytes == Bytes(0); });
  std::move(extra.begin(), extra.end(), std::back_inserter(structure.tensors));
  structure.origin = Origin::safetensors;
  structure.file = file;
  return structure;
}

}  // namespace rigcast::model
