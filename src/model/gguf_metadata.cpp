#include "model/gguf_metadata.hpp"

namespace rigcast::model {

const GgufValue* GgufMetadata::find(std::string_view key) const { return gguf_->find(prefix_ + "." + std::string(key)); }

tl::unexpected<Error> GgufMetadata::fail_value(const GgufValue& value, std::string_view key, const std::string& message) const {
  return fail(ErrorKind::input, "byte " + std::to_string(value.offset) + ": " + prefix_ + "." + std::string(key) + " " + message, Where{file()});
}

tl::unexpected<Error> GgufMetadata::cannot_say(std::string_view why) const {
  return fail(ErrorKind::unsupported, "cannot say, because " + std::string(why), Where{file()});
}

tl::unexpected<Error> GgufMetadata::contradiction(std::string message) const { return fail(ErrorKind::input, std::move(message), Where{file()}); }

Result<int> GgufMetadata::as_count(const GgufValue& value, std::size_t index, std::string_view key, int most) const {
  if (index >= value.integers.size()) return fail_value(value, key, "is not a whole number below 2^63");
  const std::int64_t number = value.integers[index];
  if (number < 0 || number > most) return fail_value(value, key, "is " + std::to_string(number) + "; 0 to " + std::to_string(most) + " are possible");
  return static_cast<int>(number);
}

Result<std::optional<int>> GgufMetadata::count(std::string_view key, int most) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<int>{};
  if (value->is_array) return fail_value(*value, key, "is an array where one number is expected");
  RC_ASSIGN(number, as_count(*value, 0, key, most));
  return std::optional<int>{number};
}

Result<int> GgufMetadata::required_count(std::string_view key, int most) const {
  RC_ASSIGN(number, count(key, most));
  if (!number) return fail(ErrorKind::input, "lacks the key " + prefix_ + "." + std::string(key), Where{file()});
  return *number;
}

Result<int> GgufMetadata::count_or(std::string_view key, int otherwise, int most) const {
  RC_ASSIGN(number, count(key, most));
  return number.value_or(otherwise);
}

Result<std::optional<double>> GgufMetadata::real(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<double>{};
  if (value->is_array || (value->reals.empty() && value->integers.empty())) return fail_value(*value, key, "is not a number");
  return std::optional<double>{value->reals.empty() ? static_cast<double>(value->integers.front()) : value->reals.front()};
}

Result<std::optional<std::vector<int>>> GgufMetadata::per_block(std::string_view key, int blocks, int layers, int most, bool may_be_longer) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::optional<std::vector<int>>{};
  const auto wanted = static_cast<std::size_t>(blocks);
  if (!value->is_array) {
    RC_ASSIGN(number, as_count(*value, 0, key, most));
    return std::optional<std::vector<int>>{std::vector<int>(wanted, number)};
  }
  if (value->count != wanted && value->count != static_cast<std::uint64_t>(layers) && !(may_be_longer && value->count > wanted))
    return fail_value(*value, key, "has " + std::to_string(value->count) + " elements for " + std::to_string(blocks) + " blocks");
  std::vector<int> numbers;
  for (std::size_t i = 0; i < value->count && i < wanted; ++i) {
    RC_ASSIGN(number, as_count(*value, i, key, most));
    numbers.push_back(number);
  }
  numbers.resize(wanted, 0);
  return std::optional<std::vector<int>>{std::move(numbers)};
}

bool GgufMetadata::is_array(std::string_view key) const {
  const GgufValue* value = find(key);
  return value != nullptr && value->is_array;
}

std::string GgufMetadata::text(std::string_view whole_key) const {
  const GgufValue* value = gguf_->find(whole_key);
  return value == nullptr || value->is_array ? std::string{} : value->text;
}

std::uint64_t GgufMetadata::array_size(std::string_view whole_key) const {
  const GgufValue* value = gguf_->find(whole_key);
  return value == nullptr || !value->is_array ? 0 : value->count;
}

}  // namespace rigcast::model
