#pragma once
// A Gguf is what the header of a GGUF file says: key-values and tensor infos, of one file or of all parts of a split one, without
// any weight. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/quant.hpp"
#include "model/byte_window.hpp"

namespace rigcast::model {

// Numbered as in the file.
enum class GgufType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };
inline constexpr int kGgufTypes = 13;

struct GgufValue {
  // Arrays longer than this and texts longer than this many bytes (vocabularies, chat templates) are skipped: type and count remain.
  static constexpr std::uint64_t kKept = 4096;

  GgufType type = GgufType::u32;       // of an array: the type of its elements
  bool is_array = false;
  std::uint64_t count = 1;             // elements of an array; 1 else
  std::uint64_t offset = 0;            // of the value in its file
  std::vector<std::int64_t> integers;  // integers and booleans; empty for other types, where skipped, or where beyond 2^63
  std::vector<double> reals;           // f32, f64
  std::string text;                    // scalar texts only
};

struct GgufTensor {
  std::string name;
  std::array<std::int64_t, 4> shape{1, 1, 1, 1};  // shape[0] contiguous, each >= 1, product <= 2^53
  const catalog::Quant* quant = nullptr;          // never null in a Gguf that was read
  std::uint64_t bytes = 0;                        // without padding
  std::uint64_t offset = 0;                       // of its first byte in its part
  int part = 0;                                   // index into Gguf::parts
  std::int64_t elements() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
};

struct GgufPart {
  std::string file;
  int version = 0;                     // 2 or 3
  std::uint64_t data_offset = 0;       // where tensor data begins
  std::uint64_t size = 0;              // of the file
};

struct Gguf {
  std::vector<GgufPart> parts;         // one, or all of a split file in order
  std::map<std::string, GgufValue, std::less<>> values;  // of the first part, without split.*
  std::vector<GgufTensor> tensors;     // in file order, part after part; names are unique
  const GgufValue* find(std::string_view key) const;
  const std::string& file() const { return parts.front().file; }
};

// The format a GGUF file numbers so, or nullptr: catalog::Catalog::quant_of_ggml_type. The pointers must outlive the Gguf.
using QuantOfGgmlType = std::function<const catalog::Quant*(int ggml_type)>;

// Reads the header of one file, whichever part of a split it is.
// input: with file and byte offset, for anything that contradicts itself or the size of the file.
// unsupported: big-endian files, version 1, versions after 3, number formats nobody knows.
Result<Gguf> read_gguf_part(ByteWindow window, const QuantOfGgmlType& quant_of);

// Reads `file`; where it is part of a split (model-00003-of-00007.gguf), all parts, which must lie beside it and agree.
Result<Gguf> read_gguf(const std::filesystem::path& file, const QuantOfGgmlType& quant_of);

}  // namespace rigcast::model
