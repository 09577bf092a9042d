#pragma once
// Names as people vary them, by rule and never by guess: with or without the maker before the model, with the memory size behind.

#include <optional>
#include <string>
#include <string_view>

#include "base/quantity.hpp"

namespace rigcast::catalog {

// A folded name without the makers' and series' words at its front and without separators: "nvidia-geforce-rtx-3090" -> "~3090",
// "radeon-rx-7900-xtx" -> "~7900xtx"; the mark keeps cores apart from names in the index. Two ways of writing one model have the same core; words are never dropped to nothing.
std::string core_name(std::string_view folded);

// A folded name that ends in a memory size: "mi50-32g", "rtx-4090-48-gb" -> the rest and 32 or 48 GiB.
struct SizedName {
  std::string name;
  std::optional<Bytes> size;  // empty: there is none, name is the whole
};
SizedName split_size(std::string_view folded);

}  // namespace rigcast::catalog
