#include "catalog/names.hpp"

#include <array>

#include "base/text.hpp"

namespace rigcast::catalog {
namespace {

const std::string kCoreMark = "~";  // keeps cores apart from names in the index

constexpr std::array kMakers = {
    "nvidia", "geforce", "tesla", "quadro", "rtx", "gtx", "英伟达",
    "amd", "radeonpro", "radeon", "instinct", "rx",
    "intel", "intelr", "arcpro", "arc", "英特尔",
    "apple", "macstudio", "macbookpro", "macbookair", "macmini", "imac", "macpro", "苹果",
    "huawei", "ascend", "华为", "昇腾",
    "moorethreads", "mtt", "摩尔线程", "hygon", "海光", "dcu", "metax", "沐曦", "曦云", "iluvatar", "天数智芯", "天数", "kunlun", "昆仑芯", "cambricon", "寒武纪",
    "aws", "google", "groq", "qualcomm", "tenstorrent"};

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
