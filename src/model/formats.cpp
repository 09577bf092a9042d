#include "model/detail/formats.hpp"

#include <cmath>

#include "model/recipe.hpp"

namespace rigcast::model::detail {

Result<const catalog::Quant*> Formats::find(std::string_view key) {
  for (const auto& [known, quant] : known_)
    if (known == key) return &quant;
  RC_ASSIGN(quant, catalog_->quant(key));
  return &known_.emplace_back(std::string(key), std::move(quant)).second;
}

Result<void> set_format(Formats& formats, Tensor& tensor, std::string_view key) {
  RC_ASSIGN(quant, formats.find(key));
  tensor.quant = quant->key;
  tensor.bytes = tensor_bytes(*quant, tensor.shape);
  return {};
}

std::string half_of(const Architecture& a) { return a.half.empty() ? "bf16" : a.half; }

Result<void> apply_ftype(Formats& formats, Architecture& a, const Ftype& ftype, bool imatrix) {
  const std::string half = half_of(a);
  const std::vector<std::string_view> keys = llama_formats(a, ftype, imatrix, half);
  for (std::size_t i = 0; i < a.tensors.size(); ++i) RC_TRY(set_format(formats, a.tensors[i], keys[i]));
  a.quant = std::string(ftype.name);
  return {};
}

Result<void> scale_to(Architecture& a, Bytes total, const std::string& what) {
  Bytes fixed{}, scaled{};
  const auto scales = [](const Tensor& t) { return t.shape[1] > 1 && t.quant != "f32" && t.quant != "f16" && t.quant != "bf16"; };
  for (const Tensor& tensor : a.tensors) (scales(tensor) ? scaled : fixed) += tensor.bytes;
  if (scaled.value() <= 0 || total <= fixed) return fail(ErrorKind::infeasible, "'" + what + "' is less than what no recipe quantises");
  const double factor = (total - fixed) / scaled;
  for (Tensor& tensor : a.tensors)
    if (scales(tensor)) tensor.bytes = Bytes(std::round(tensor.bytes.value() * factor));
  return {};
}

}  // namespace rigcast::model::detail
