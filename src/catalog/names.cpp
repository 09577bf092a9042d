#include "catalog/names.hpp"

#include <array>

#include "base/text.hpp"

namespace rigcast::catalog {
namespace {

const std::string kCoreMark = "~";  // keeps cores apart from names in the index

constexpr std::array kMakers = {"nvidia", "geforce", "tesla", "quadro", "rtx",    "gtx",          "amd",    "radeon",   "instinct",    "rx",
                                "intel",  "intelr",  "arc",   "huawei", "apple",  "moorethreads", "google", "qualcomm", "tenstorrent", "hygon", "metax",
                                "macstudio", "macbookpro", "macbookair", "macmini", "imac", "macpro"};

}  // namespace

std::string core_name(std::string_view folded) {
  const std::string joined = replace_all(std::string(folded), "-", "");
  std::string_view rest = joined;
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view maker : kMakers)
      if (rest.size() > maker.size() && rest.starts_with(maker)) {
        rest.remove_prefix(maker.size());
        again = true;
      }
  }
  return kCoreMark + std::string(rest);
}

SizedName split_size(std::string_view folded) {
  std::string_view rest = folded;
  for (const std::string_view unit : {"gib", "gb", "g"})
    if (rest.ends_with(unit)) {
      rest.remove_suffix(unit.size());
      break;
    }
  if (rest.size() == folded.size()) return {std::string(folded), std::nullopt};
  if (rest.ends_with('-')) rest.remove_suffix(1);
  std::size_t digits = 0;
  while (digits < rest.size() && rest[rest.size() - 1 - digits] >= '0' && rest[rest.size() - 1 - digits] <= '9') ++digits;
  const std::string_view name = rest.substr(0, rest.size() - digits);
  const auto size = parse_int(rest.substr(name.size()));
  if (!size || *size < 1 || *size > 100000 || name.size() < 2 || !name.ends_with('-')) return {std::string(folded), std::nullopt};
  return {std::string(name.substr(0, name.size() - 1)), Bytes(static_cast<double>(*size) * kGiB)};
}

}  // namespace rigcast::catalog
