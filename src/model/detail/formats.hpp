#pragma once
// Shared by the recipes: formats looked up once, and what every recipe does to tensors.

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "catalog/catalog.hpp"
#include "model/architecture.hpp"
#include "model/detail/llama_recipe.hpp"

namespace rigcast::model::detail {

// Number formats by key, each asked of the catalogue once.
class Formats {
 public:
  explicit Formats(const catalog::Catalog& catalog) : catalog_(&catalog) {}
  Result<const catalog::Quant*> find(std::string_view key);
  const catalog::Catalog& catalog() const { return *catalog_; }

 private:
  const catalog::Catalog* catalog_;
  std::deque<std::pair<std::string, catalog::Quant>> known_;  // a handful; a deque: addresses stay
};

// Gives one tensor its format and bytes.
Result<void> set_format(Formats& formats, Tensor& tensor, std::string_view key);

// The 16-bit format of what a recipe leaves alone.
std::string half_of(const Architecture& architecture);

Result<void> apply_ftype(Formats& formats, Architecture& architecture, const Ftype& ftype, bool imatrix);

// Scales what the recipe quantised so that all tensors together have `total` bytes; formats stay (they name the kernels).
// Error infeasible: less than what no recipe quantises.
Result<void> scale_to(Architecture& architecture, Bytes total, const std::string& what);

// Recipes nobody can derive exactly, from data/recipes: Unsloth's dynamic ones, mixes in ik_llama.cpp's formats. False: not one of them.
Result<bool> apply_approximate(Formats& formats, Architecture& architecture, std::string_view name);
std::vector<std::string> approximate_names(const catalog::Catalog& catalog);

}  // namespace rigcast::model::detail
