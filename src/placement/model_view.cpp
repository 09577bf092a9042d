#include "placement/model_view.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "placement/detail/weight_kinds.hpp"

namespace rigcast::placement {
namespace {

std::string dominant_quant_of(const model::Architecture& architecture) {
  std::vector<std::pair<std::string_view, double>> bytes;   // a handful, the one of the tensor before in front
  for (const model::Tensor& tensor : architecture.tensors) {
    auto known = std::find_if(bytes.begin(), bytes.end(), [&](const auto& each) { return each.first == tensor.quant; });
    if (known == bytes.end()) known = bytes.insert(known, {tensor.quant, 0});
    known->second += tensor.bytes.value();
    std::iter_swap(bytes.begin(), known);
  }
  const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second != b.second ? a.second < b.second : a.first > b.first; });
  return std::string(most == bytes.end() ? std::string_view() : most->first);
}

std::vector<std::string> matrix_quants_of(const model::Architecture& architecture) {
  std::vector<std::string> quants;   // a handful
  for (const model::Tensor& tensor : architecture.tensors)
    if (tensor.role != model::Role::vision && tensor.shape[1] > 1 && std::find(quants.begin(), quants.end(), tensor.quant) == quants.end()) quants.push_back(tensor.quant);
  return quants;
}

}  // namespace

struct ModelView::Found {
  std::once_flag sorted, weighed, listed;
  std::optional<detail::WeightKinds> weights;
  std::string dominant_quant;
  std::vector<std::string> matrix_quants;
};

ModelView::ModelView(const model::Architecture& architecture) : architecture_(&architecture), found_(std::make_shared<Found>()) {}

const detail::WeightKinds& ModelView::weights() const {
  std::call_once(found_->sorted, [&] { found_->weights.emplace(*architecture_); });
  return *found_->weights;
}

const std::string& ModelView::dominant_quant() const {
  std::call_once(found_->weighed, [&] { found_->dominant_quant = dominant_quant_of(*architecture_); });
  return found_->dominant_quant;
}

const std::vector<std::string>& ModelView::matrix_quants() const {
  std::call_once(found_->listed, [&] { found_->matrix_quants = matrix_quants_of(*architecture_); });
  return found_->matrix_quants;
}

}  // namespace rigcast::placement
