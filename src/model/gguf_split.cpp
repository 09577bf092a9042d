// A split GGUF: model-00001-of-00003.gguf and its sisters. The first part holds the metadata, every part its own tensors.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/text.hpp"
#include "model/gguf.hpp"

namespace rigcast::model {
namespace {

// "dir/model-00002-of-00007.gguf" -> {"dir/model", 2, 7}.
struct SplitName { std::string prefix; int number = 0; int count = 0; };

constexpr std::size_t kTail = std::string_view("-00001-of-00002.gguf").size();

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }); }

std::optional<SplitName> parse_split_name(const std::string& path) {
  if (path.size() <= kTail) return std::nullopt;
  const std::string_view tail = std::string_view(path).substr(path.size() - kTail);
  const std::string_view number = tail.substr(1, 5), count = tail.substr(10, 5);
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf" || !all_digits(number) || !all_digits(count)) return std::nullopt;
  const auto parsed_number = parse_int(number), parsed_count = parse_int(count);
  if (!parsed_number || !parsed_count || *parsed_number < 1 || *parsed_number > *parsed_count) return std::nullopt;
  return SplitName{path.substr(0, path.size() - kTail), static_cast<int>(*parsed_number), static_cast<int>(*parsed_count)};
}

std::string five_digits(int number) {
  const std::string digits = std::to_string(number);
  return std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits;
}

std::string part_file(const SplitName& name, int number) { return name.prefix + "-" + five_digits(number) + "-of-" + five_digits(name.count) + ".gguf"; }

// An integer key of the split, or the value where it is absent.
std::int64_t split_value(const Gguf& gguf, std::string_view key, std::int64_t otherwise) {
  const GgufValue* value = gguf.find(key);
  return value == nullptr || value->is_array || value->integers.empty() ? otherwise : value->integers.front();
}

Result<void> check_part(const Gguf& part, const SplitName& name, int number) {
  const Where where{part.file()};
  const std::int64_t count = split_value(part, "split.count", 1), index = split_value(part, "split.no", 0);
  if (count != name.count)
    return fail(ErrorKind::input, "says it is one of " + std::to_string(count) + " parts, its name says " + std::to_string(name.count), where);
  if (index != number - 1)
    return fail(ErrorKind::input, "says it is part " + std::to_string(index + 1) + ", its name says " + std::to_string(number), where);
  return {};
}

Result<void> check_whole(const Gguf& gguf, std::int64_t promised) {
  std::vector<std::string_view> names;
  for (const GgufTensor& tensor : gguf.tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return fail(ErrorKind::input, "tensor '" + std::string(*twice) + "' occurs in two parts", Where{gguf.file()});
  if (promised >= 0 && promised != std::ssize(gguf.tensors))
    return fail(ErrorKind::input, "promises " + std::to_string(promised) + " tensors; its parts hold " + std::to_string(gguf.tensors.size()), Where{gguf.file()});
  return {};
}

// All parts must exist before the first is read, so that the Error names every one that is missing.
Result<void> check_present(const SplitName& name) {
  std::string missing;
  int absent = 0;
  for (int number = 1; number <= name.count; ++number) {
    const std::string file = part_file(name, number);
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) continue;
    if (++absent <= 3) missing += (missing.empty() ? "" : ", ") + std::filesystem::path(file).filename().string();
  }
  if (absent == 0) return {};
  const std::string more = absent > 3 ? " and " + std::to_string(absent - 3) + " more" : "";
  return fail(ErrorKind::input, "lacks " + std::to_string(absent) + " of its " + std::to_string(name.count) + " parts: " + missing + more, Where{part_file(name, 1)});
}

Result<Gguf> read_file(const std::filesystem::path& file, const QuantOfGgmlType& quant_of) {
  RC_ASSIGN(window, ByteWindow::open(file));
  return read_gguf_part(std::move(window), quant_of);
}

Result<Gguf> read_split(const SplitName& name, const QuantOfGgmlType& quant_of) {
  RC_TRY(check_present(name));
  RC_ASSIGN(whole, read_file(part_file(name, 1), quant_of));
  RC_TRY(check_part(whole, name, 1));
  const std::int64_t promised = split_value(whole, "split.tensors.count", -1);
  for (int number = 2; number <= name.count; ++number) {
    RC_ASSIGN(part, read_file(part_file(name, number), quant_of));
    RC_TRY(check_part(part, name, number));
    whole.parts.push_back(part.parts.front());
    for (GgufTensor& tensor : part.tensors) {
      tensor.part = number - 1;
      whole.tensors.push_back(std::move(tensor));
    }
  }
  RC_TRY(check_whole(whole, promised));
  std::erase_if(whole.values, [](const auto& entry) { return entry.first.starts_with("split."); });
  return whole;
}

}  // namespace

Result<Gguf> read_gguf(const std::filesystem::path& file, const QuantOfGgmlType& quant_of) {
  if (const auto name = parse_split_name(file.string())) return read_split(*name, quant_of);
  RC_ASSIGN(gguf, read_file(file, quant_of));
  const std::int64_t count = split_value(gguf, "split.count", 1);
  if (count > 1)
    return fail(ErrorKind::input, "is one of " + std::to_string(count) + " parts but is not named like one (model-00001-of-" + five_digits(static_cast<int>(std::min<std::int64_t>(count, 99999))) + ".gguf)", Where{file.string()});
  return gguf;
}

}  // namespace rigcast::model
