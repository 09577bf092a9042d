#include "model/safetensors.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestJson = 100'000'000;  // the limit of the reference implementation
constexpr std::int64_t kMostElementsOfTensor = std::int64_t{1} << 53;
constexpr std::size_t kMostDimensions = 16;
constexpr std::size_t kMostTensors = 1 << 20;

struct Dtype { std::string_view name; int bits; };
constexpr auto dtypes = std::to_array<Dtype>({
    {"BF16", 16},     {"BOOL", 8},          {"C64", 64},      {"F16", 16},          {"F32", 32}, {"F4", 4},   {"F64", 64},
    {"F6_E2M3", 6},   {"F6_E3M2", 6},       {"F8_E4M3", 8},   {"F8_E4M3FNUZ", 8},   {"F8_E5M2", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E8M0", 8},
    {"I16", 16},      {"I32", 32},          {"I64", 64},      {"I8", 8},            {"U16", 16}, {"U32", 32}, {"U64", 64}, {"U8", 8},
});

// One tensor as its JSON object says it, before anything is checked.
struct Entry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Walks the header's JSON: an object of objects of known fields, nothing deeper than a list of numbers, so that neither depth nor
// size of a hostile header costs more than its bytes.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<Entry> entries;
  std::string problem;               // first thing that is wrong, empty while nothing is
  std::size_t problem_at = 0;        // byte of the JSON text, where the parser knows it

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a fraction"); }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (!list_) return refuse("a number");
    if (list_->size() == kMostDimensions) return refuse("a list of more than 16 numbers");
    list_->push_back(value);
    return true;
  }
  bool string(string_t& value) override {
    if (in_metadata_) return true;
    if (depth_ != 2 || field_ != "dtype") return refuse("a text");
    entries.back().dtype = value;
    entries.back().has_dtype = true;
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ >= 2 || in_metadata_ || list_) return refuse("an object");
    if (depth_ == 1) {
      in_metadata_ = name_ == "__metadata__";
      if (entries.size() == kMostTensors) { problem = "holds more than 2^20 tensors: no file does"; return false; }
      if (!in_metadata_) entries.push_back({name_, {}, {}, {}});
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    in_metadata_ = false;
    return true;
  }
  bool key(string_t& value) override {
    if (depth_ == 1) name_ = value;
    else field_ = value;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_ || list_) return refuse("a list");
    Entry& entry = entries.back();
    if (field_ == "shape") { list_ = &entry.shape; entry.has_shape = true; }
    else if (field_ == "data_offsets") { list_ = &entry.offsets; entry.has_offsets = true; }
    else return refuse("a list");
    list_->clear();
    return true;
  }
  bool end_array() override { list_ = nullptr; return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    problem = "is not valid JSON here";
    problem_at = position;
    return false;
  }

 private:
  bool refuse(std::string_view what) {
    problem = "tensor '" + name_ + "' has " + std::string(what) + " where dtype, shape and data_offsets belong";
    return false;
  }
  int depth_ = 0;
  bool in_metadata_ = false;
  std::string name_, field_;
  std::vector<std::uint64_t>* list_ = nullptr;   // of entries.back(); no entry is added while it is set
};

struct Extent { std::uint64_t begin = 0, end = 0; const SafetensorsTensor* tensor = nullptr; };

Result<SafetensorsTensor> checked(const ByteWindow& window, const Entry& entry, std::uint64_t data_size, Extent& extent) {
  const auto wrong = [&](const std::string& message) { return window.fail_at(8, "tensor '" + entry.name + "' " + message); };
  if (!entry.has_dtype || !entry.has_shape || !entry.has_offsets || entry.offsets.size() != 2) return wrong("lacks dtype, shape or two data_offsets");
  const int bits = dtype_bits(entry.dtype);
  if (bits == 0) {
    Error error = wrong("has dtype '" + entry.dtype + "', which nobody has described").value();
    error.kind = ErrorKind::unsupported;
    return tl::unexpected<Error>(std::move(error));
  }
  SafetensorsTensor tensor{entry.name, entry.dtype, {}, 0};
  std::int64_t elements = 1;
  for (const std::uint64_t length : entry.shape) {
    const auto limit = static_cast<std::uint64_t>(elements == 0 ? kMostElementsOfTensor : kMostElementsOfTensor / elements);
    if (length > limit) return wrong("has more than 2^53 elements");
    elements *= static_cast<std::int64_t>(length);
    tensor.shape.push_back(static_cast<std::int64_t>(length));
  }
  const auto [begin, end] = std::pair(entry.offsets[0], entry.offsets[1]);
  if (begin > end) return wrong("ends at byte " + std::to_string(end) + " before it begins at " + std::to_string(begin));
  if (end > data_size) return wrong("ends at byte " + std::to_string(end) + " of " + std::to_string(data_size) + " of data: incomplete download?");
  tensor.bytes = (static_cast<std::uint64_t>(elements) * static_cast<std::uint64_t>(bits) + 7) / 8;
  if (tensor.bytes != end - begin)
    return wrong("takes " + std::to_string(end - begin) + " bytes where its shape and dtype take " + std::to_string(tensor.bytes));
  extent = {begin, end, nullptr};
  return tensor;
}

// The data must be covered from its first byte to its last, each byte once.
Result<void> check_cover(const ByteWindow& window, std::vector<Extent>& extents, std::uint64_t data_size) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t reached = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != reached)
      return window.fail_at(8, "tensor '" + extent.tensor->name + "' begins at byte " + std::to_string(extent.begin) + " of the data where the one before ends at " + std::to_string(reached));
    reached = extent.end;
  }
  if (reached != data_size) return window.fail_at(8, "its tensors end at byte " + std::to_string(reached) + " of " + std::to_string(data_size) + " of data");
  return {};
}

bool by_name(const SafetensorsTensor& a, const SafetensorsTensor& b) { return a.name < b.name; }

Result<void> sort_unique(Safetensors& model, const std::string& file) {
  std::sort(model.tensors.begin(), model.tensors.end(), by_name);
  const auto twice = std::adjacent_find(model.tensors.begin(), model.tensors.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != model.tensors.end()) return fail(ErrorKind::input, "tensor '" + twice->name + "' occurs twice", Where{file});
  return {};
}

Result<std::vector<Entry>> read_entries(ByteWindow& window, const std::string& json) {
  HeaderHandler handler;
  const bool understood = nlohmann::json::sax_parse(json, &handler);
  if (!understood) return window.fail_at(8 + handler.problem_at, handler.problem.empty() ? "is not valid JSON" : handler.problem);
  return std::move(handler.entries);
}

}  // namespace

int dtype_bits(std::string_view dtype) {
  for (const Dtype& known : dtypes)
    if (known.name == dtype) return known.bits;
  return 0;
}

Result<Safetensors> read_safetensors_part(ByteWindow window) {
  RC_ASSIGN(length, window.number<std::uint64_t>("the header length"));
  if (length > kLongestJson) return window.fail_at(0, "claims a header of " + std::to_string(length) + " bytes; at most " + std::to_string(kLongestJson) + " are allowed");
  RC_ASSIGN(json, window.read(length, "the header"));
  if (json.empty() || json.front() != '{') return window.fail_at(8, "the header does not begin with '{': not a safetensors file");
  RC_ASSIGN(entries, read_entries(window, json));
  Safetensors model;
  model.files.push_back(window.name());
  const std::uint64_t data_size = window.left();
  std::vector<Extent> extents(entries.size());
  model.tensors.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    RC_ASSIGN(tensor, checked(window, entries[i], data_size, extents[i]));
    model.tensors.push_back(std::move(tensor));
    extents[i].tensor = &model.tensors.back();
  }
  RC_TRY(check_cover(window, extents, data_size));
  RC_TRY(sort_unique(model, window.name()));
  return model;
}

}  // namespace rigcast::model
