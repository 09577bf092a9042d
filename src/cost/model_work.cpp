#include "cost/model_work.hpp"

#include <algorithm>
#include <utility>

#include "cost/paths.hpp"

namespace rigcast::cost {
namespace {

using model::Role;
using model::Tensor;

bool is_in_layer(const model::Architecture& model, const Tensor& tensor) { return tensor.layer >= 0 && static_cast<std::size_t>(tensor.layer) < model.layers.size(); }

// How often a token is multiplied with the tensors of each block: as often as layers run with them (Ouro, Nanbeige, Zamba 2).
std::vector<int> runs_of(const model::Architecture& model) {
  std::vector<int> runs(model.layers.size());
  for (std::size_t i = 0; i < model.layers.size(); ++i) ++runs[model.block_of(i)];
  return runs;
}

// Kernels that a tensor of a layer makes it start: norms of queries and keys, norms behind attention and feed-forward, biases (half of which
// engines add within the product before), projections of per-layer embeddings.
double kernels_of(const Tensor& tensor) {
  double kernels = 0;
  if (tensor.role == Role::norm && !tensor.name.ends_with("sinks.weight")) kernels += tensor.name.ends_with(".bias") ? 0.5 : 1;
  if (tensor.name.ends_with(".inp_gate.weight") || tensor.name.ends_with(".proj.weight")) kernels += 2;
  return kernels;
}

// The formats of a model are few, and most tensors are in that of the one before.
class Formats {
 public:
  explicit Formats(std::vector<std::string>& names) : names_(names) {}
  std::size_t of(std::string_view quant) {
    if (last_ < known_.size() && known_[last_].first == quant) return known_[last_].second;
    for (last_ = 0; last_ < known_.size(); ++last_)
      if (known_[last_].first == quant) return known_[last_].second;
    std::string name = format_class(quant);
    const auto place = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
    if (place == names_.size()) names_.push_back(std::move(name));
    return known_.emplace_back(quant, place).second;
  }

 private:
  std::vector<std::string>& names_;
  std::vector<std::pair<std::string_view, std::size_t>> known_;
  std::size_t last_ = 0;
};

}  // namespace

bool multiplied(Role role, bool tied) {
  switch (role) {
    case Role::attention: case Role::recurrent: case Role::dense_ffn: case Role::expert_ffn: case Role::shared_expert_ffn:
    case Role::router: case Role::output_head: return true;
    case Role::token_embedding: return tied;
    default: return false;
  }
}

ModelWork::ModelWork(const model::Architecture& architecture) : architecture_(architecture) {
  tensors_.reserve(architecture.tensors.size());
  Formats formats(formats_);
  const std::vector<int> runs = runs_of(architecture);
  std::vector<double> of_format;
  double kernels = 0;
  for (const Tensor& tensor : architecture.tensors) {
    const bool in_layer = is_in_layer(architecture, tensor);
    const double times = in_layer ? std::max(1, runs[static_cast<std::size_t>(tensor.layer)]) : 1;
    if (in_layer) kernels += times * kernels_of(tensor);
    Kind kind{.role = tensor.role, .matrix = tensor.shape[1] * tensor.shape[2] > 1, .format = formats.of(tensor.quant)};
    of_format.resize(formats_.size());
    of_format[kind.format] += tensor.bytes.value();
    if (const model::Stack stack = model::stack_of(architecture, tensor); in_layer && stack.count > 0) {
      kind.routed = true;
      kind.experts = stack.count;
      kind.experts_used = stack.used;
    }
    tensors_.push_back({times * tensor.bytes.value(), times * static_cast<double>(tensor.elements()), times * static_cast<double>(tensor.shape[2]), kind_of(kind)});
  }
  if (!formats_.empty()) main_format_ = formats_[static_cast<std::size_t>(std::max_element(of_format.begin(), of_format.end()) - of_format.begin())];
  small_kernels_ = std::max(0.0, kernels - 2.0 * static_cast<double>(architecture.layers.size()));
}

std::uint32_t ModelWork::kind_of(const Kind& kind) {
  const auto known = std::find(kinds_.begin(), kinds_.end(), kind);
  const auto number = static_cast<std::uint32_t>(known - kinds_.begin());
  if (known == kinds_.end()) kinds_.push_back(kind);
  return number;
}

}  // namespace rigcast::cost
