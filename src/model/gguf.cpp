#include "model/gguf.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/text.hpp"

namespace rigcast::model {
namespace {

constexpr std::uint64_t kKeyBytes = 65535;      // longest key the format allows
constexpr std::uint64_t kTensorNameBytes = 63;  // GGML_MAX_NAME less its end mark
constexpr std::int64_t kMostElements = std::int64_t{1} << 53;
constexpr std::uint64_t kLargestAlignment = 1 << 20;
constexpr std::uint64_t kMostTensors = 1 << 20, kMostValues = 1 << 16;  // a hundred times what the largest real files hold

constexpr std::array<int, kGgufTypes> type_bytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
static_assert(static_cast<int>(GgufType::f64) == kGgufTypes - 1);

// A string of the header, at most `longest` bytes.
Result<std::string> read_text(ByteWindow& window, std::uint64_t longest, std::string_view what) {
  RC_ASSIGN(length, window.number<std::uint64_t>(what));
  if (length > longest)
    return window.fail_here(std::string(what) + " of " + std::to_string(length) + " bytes; at most " + std::to_string(longest) + " are allowed");
  RC_ASSIGN(bytes, window.take(length, what));
  return std::string(bytes);
}

Result<GgufType> read_type(ByteWindow& window, const std::string& key) {
  const std::uint64_t at = window.offset();
  RC_ASSIGN(number, window.number<std::uint32_t>("the type of '" + key + "'"));
  if (number >= kGgufTypes) return window.fail_at(at, "'" + key + "' has value type " + std::to_string(number) + "; types are 0 to 12");
  return static_cast<GgufType>(number);
}

template <class T>
Result<void> append(ByteWindow& window, GgufValue& value, const std::string& key) {
  RC_ASSIGN(number, window.number<T>("the value of '" + key + "'"));
  if constexpr (std::is_floating_point_v<T>) value.reals.push_back(static_cast<double>(number));
  else if (std::in_range<std::int64_t>(number)) value.integers.push_back(static_cast<std::int64_t>(number));
  return {};
}

Result<void> read_number(ByteWindow& window, GgufValue& value, const std::string& key) {
  switch (value.type) {
    case GgufType::u8: return append<std::uint8_t>(window, value, key);
    case GgufType::i8: return append<std::int8_t>(window, value, key);
    case GgufType::u16: return append<std::uint16_t>(window, value, key);
    case GgufType::i16: return append<std::int16_t>(window, value, key);
    case GgufType::u32: return append<std::uint32_t>(window, value, key);
    case GgufType::i32: return append<std::int32_t>(window, value, key);
    case GgufType::f32: return append<float>(window, value, key);
    case GgufType::boolean: {
      RC_TRY(append<std::uint8_t>(window, value, key));
      if (value.integers.back() > 1) return window.fail_at(window.offset() - 1, "'" + key + "' is a boolean of neither 0 nor 1");
      return {};
    }
    case GgufType::u64: return append<std::uint64_t>(window, value, key);
    case GgufType::i64: return append<std::int64_t>(window, value, key);
    case GgufType::f64: return append<double>(window, value, key);
    case GgufType::text:
    case GgufType::array: break;
  }
  return {};
}

Result<void> read_scalar_text(ByteWindow& window, GgufValue& value, const std::string& key) {
  const std::string what = "the text of '" + key + "'";
  RC_ASSIGN(length, window.number<std::uint64_t>(what));
  if (length > GgufValue::kKept) return window.skip(length, what);
  RC_ASSIGN(bytes, window.take(length, what));
  value.text = bytes;
  return {};
}

Result<void> read_array(ByteWindow& window, GgufValue& value, const std::string& key) {
  value.is_array = true;
  RC_ASSIGN(element, read_type(window, key));
  value.type = element;
  if (element == GgufType::array) return window.fail_here("'" + key + "' is an array of arrays, which GGUF readers do not accept");
  const std::uint64_t at = window.offset();
  const std::string what = "the array '" + key + "'";
  RC_ASSIGN(count, window.number<std::uint64_t>(what));
  value.count = count;
  if (element == GgufType::text) return window.skip_strings(count, what);
  const auto width = static_cast<std::uint64_t>(type_bytes[static_cast<std::size_t>(element)]);
  if (count > window.left() / width)
    return window.fail_at(at, "'" + key + "' claims " + std::to_string(count) + " elements; the file is not that long");
  if (count > GgufValue::kKept) return window.skip(count * width, what);
  for (std::uint64_t i = 0; i < count; ++i) RC_TRY(read_number(window, value, key));
  return {};
}

Result<void> read_key_value(ByteWindow& window, Gguf& gguf) {
  const std::uint64_t at = window.offset();
  RC_ASSIGN(key, read_text(window, kKeyBytes, "a key"));
  if (key.empty()) return window.fail_at(at, "an empty key");
  RC_ASSIGN(type, read_type(window, key));
  GgufValue value;
  value.type = type;
  value.offset = window.offset();
  if (type == GgufType::text) RC_TRY(read_scalar_text(window, value, key));
  else if (type == GgufType::array) RC_TRY(read_array(window, value, key));
  else RC_TRY(read_number(window, value, key));
  if (!gguf.values.emplace(key, std::move(value)).second) return window.fail_at(at, "the key '" + key + "' occurs twice");
  return {};
}

Result<void> read_shape(ByteWindow& window, GgufTensor& tensor) {
  const std::string what = "the shape of tensor '" + tensor.name + "'";
  const std::uint64_t at = window.offset();
  RC_ASSIGN(dimensions, window.number<std::uint32_t>(what));
  if (dimensions > 4) return window.fail_at(at, "tensor '" + tensor.name + "' has " + std::to_string(dimensions) + " dimensions; at most 4 exist");
  std::int64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    RC_ASSIGN(length, window.number<std::int64_t>(what));
    if (length < 1) return window.fail_at(at, "tensor '" + tensor.name + "' has a dimension of " + std::to_string(length));
    if (length > kMostElements / elements) return window.fail_at(at, "tensor '" + tensor.name + "' has more than 2^53 elements");
    elements *= length;
    tensor.shape[i] = length;
  }
  return {};
}

Result<void> read_format(ByteWindow& window, GgufTensor& tensor, const QuantOfGgmlType& quant_of) {
  const std::uint64_t at = window.offset();
  RC_ASSIGN(number, window.number<std::uint32_t>("the number format of tensor '" + tensor.name + "'"));
  tensor.quant = number > 0xFFFF ? nullptr : quant_of(static_cast<int>(number));
  if (tensor.quant == nullptr) {
    Error error = window.fail_at(at, "tensor '" + tensor.name + "' has ggml type " + std::to_string(number) + ", a number format nobody has described").value();
    error.kind = ErrorKind::unsupported;
    return tl::unexpected<Error>(std::move(error));
  }
  const catalog::Quant& quant = *tensor.quant;
  if (tensor.shape[0] % quant.block_elements != 0)
    return window.fail_at(at, "tensor '" + tensor.name + "' has rows of " + std::to_string(tensor.shape[0]) + " elements, which blocks of " +
                                  std::to_string(quant.block_elements) + " (" + quant.name + ") do not divide");
  const std::int64_t row = quant.row_bytes + tensor.shape[0] / quant.block_elements * quant.block_bytes;
  const std::int64_t rows = tensor.elements() / tensor.shape[0];
  if (row > kMostElements / rows) return window.fail_at(at, "tensor '" + tensor.name + "' has more than 2^53 bytes");
  tensor.bytes = static_cast<std::uint64_t>(row * rows);
  return {};
}

Result<GgufTensor> read_tensor(ByteWindow& window, const QuantOfGgmlType& quant_of) {
  GgufTensor tensor;
  const std::uint64_t at = window.offset();
  RC_ASSIGN(name, read_text(window, kTensorNameBytes, "a tensor name"));
  if (name.empty()) return window.fail_at(at, "a tensor without a name");
  tensor.name = std::move(name);
  RC_TRY(read_shape(window, tensor));
  RC_TRY(read_format(window, tensor, quant_of));
  RC_ASSIGN(offset, window.number<std::uint64_t>("the offset of tensor '" + tensor.name + "'"));
  tensor.offset = offset;
  return tensor;
}

Result<std::uint64_t> alignment_of(const ByteWindow& window, const Gguf& gguf) {
  const GgufValue* value = gguf.find("general.alignment");
  if (value == nullptr) return std::uint64_t{32};
  if (value->is_array || value->type != GgufType::u32) return window.fail_at(value->offset, "general.alignment is not a 32-bit number");
  const auto alignment = static_cast<std::uint64_t>(value->integers.front());
  if (!std::has_single_bit(alignment) || alignment > kLargestAlignment)
    return window.fail_at(value->offset, "general.alignment is " + std::to_string(alignment) + ", not a power of two up to 2^20");
  return alignment;
}

std::uint64_t padded(std::uint64_t value, std::uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

// Tensors lie one after another, each padded; readers of the format insist on it, so no two overlap and the end is known.
Result<void> settle_offsets(const ByteWindow& window, Gguf& gguf, std::uint64_t alignment) {
  const GgufPart& part = gguf.parts.front();
  std::uint64_t expected = 0;
  for (GgufTensor& tensor : gguf.tensors) {
    if (tensor.offset % alignment != 0)
      return window.fail_here("tensor '" + tensor.name + "' begins at byte " + std::to_string(tensor.offset) + " of the data, not a multiple of " + std::to_string(alignment));
    if (tensor.offset != expected)
      return window.fail_here("tensor '" + tensor.name + "' begins at byte " + std::to_string(tensor.offset) + " of the data where the one before ends at " + std::to_string(expected));
    if (part.data_offset > part.size || tensor.offset > part.size - part.data_offset || tensor.bytes > part.size - part.data_offset - tensor.offset)
      return window.fail_at(part.size, "the file ends before the data of tensor '" + tensor.name + "' (bytes " + std::to_string(part.data_offset + tensor.offset) + " to " +
                                           std::to_string(part.data_offset + tensor.offset + tensor.bytes) + "): incomplete download?");
    expected = padded(tensor.offset + tensor.bytes, alignment);
    tensor.offset += part.data_offset;
  }
  return {};
}

Result<int> read_version(ByteWindow& window) {
  RC_ASSIGN(magic, window.take(4, "the magic 'GGUF'"));
  if (magic != "GGUF") return window.fail_at(0, "does not begin with 'GGUF': not a GGUF file");
  RC_ASSIGN(version, window.number<std::uint32_t>("the version"));
  const auto unsupported = [&](const std::string& message) {
    Error error = window.fail_at(4, message).value();
    error.kind = ErrorKind::unsupported;
    return tl::unexpected<Error>(std::move(error));
  };
  if (version != 0 && (version & 0xFFFF) == 0) return unsupported("a big-endian GGUF file; only little-endian ones are read");
  if (version == 1) return unsupported("GGUF version 1 (August 2023), which llama.cpp no longer loads; convert the model again");
  if (version < 2 || version > 3) return unsupported("GGUF version " + std::to_string(version) + "; versions 2 and 3 are known");
  return static_cast<int>(version);
}

Result<void> check_unique_names(const ByteWindow& window, const std::vector<GgufTensor>& tensors) {
  std::vector<std::string_view> names;
  for (const GgufTensor& tensor : tensors) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return window.fail_here("tensor '" + std::string(*twice) + "' occurs twice");
  return {};
}

}  // namespace

const GgufValue* Gguf::find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

Result<Gguf> read_gguf_part(ByteWindow window, const QuantOfGgmlType& quant_of) {
  Gguf gguf;
  RC_ASSIGN(version, read_version(window));
  gguf.parts.push_back({window.name(), version, 0, window.size()});
  const std::uint64_t counts_at = window.offset();
  RC_ASSIGN(tensors, window.number<std::uint64_t>("the tensor count"));
  RC_ASSIGN(values, window.number<std::uint64_t>("the key-value count"));
  // The shortest tensor info is 25 bytes (a name of one letter, no dimension), the shortest key-value 14.
  if (tensors <= kMostTensors && values <= kMostValues && (tensors > window.left() / 25 || values > window.left() / 14))
    return window.fail_at(window.offset() + window.left(), "the file ends within its header of " + std::to_string(values) + " key-values and " + std::to_string(tensors) + " tensors: incomplete download or damaged header");
  if (tensors > std::min(kMostTensors, window.left() / 25)) return window.fail_at(counts_at, "claims " + std::to_string(tensors) + " tensors, which cannot be");
  if (values > std::min(kMostValues, window.left() / 14)) return window.fail_at(counts_at + 8, "claims " + std::to_string(values) + " key-values, which cannot be");

  for (std::uint64_t i = 0; i < values; ++i) RC_TRY(read_key_value(window, gguf));
  RC_ASSIGN(alignment, alignment_of(window, gguf));
  for (std::uint64_t i = 0; i < tensors; ++i) {
    RC_ASSIGN(tensor, read_tensor(window, quant_of));
    gguf.tensors.push_back(std::move(tensor));
  }
  gguf.parts.front().data_offset = padded(window.offset(), alignment);
  RC_TRY(check_unique_names(window, gguf.tensors));
  RC_TRY(settle_offsets(window, gguf, alignment));
  return gguf;
}

}  // namespace rigcast::model
