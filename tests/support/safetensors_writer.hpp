#pragma once
// Writes .safetensors files that are all header, tensor data left as a hole in a sparse file.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gguf_writer.hpp"

namespace rigcast::test {

class SafetensorsWriter {
 public:
  // `shape` row-major; `bits` of one element of `dtype`.
  SafetensorsWriter& tensor(std::string_view name, const std::vector<std::int64_t>& shape, std::string_view dtype = "BF16", int bits = 16) {
    std::int64_t elements = 1;
    std::string lengths;
    for (const std::int64_t length : shape) {
      elements *= length;
      lengths += (lengths.empty() ? "" : ",") + std::to_string(length);
    }
    const std::uint64_t end = data_bytes_ + static_cast<std::uint64_t>((elements * bits + 7) / 8);
    json_ += json_.empty() ? "{" : ",";
    json_ += "\"" + std::string(name) + "\":{\"dtype\":\"" + std::string(dtype) + "\",\"shape\":[" + lengths + "],\"data_offsets\":[" + std::to_string(data_bytes_) + "," +
             std::to_string(end) + "]}";
    data_bytes_ = end;
    return *this;
  }
  std::string header() const { return with_length(json_.empty() ? "{}" : json_ + "}"); }
  std::uint64_t file_size() const { return header().size() + data_bytes_; }
  void write(const std::filesystem::path& file) const {
    GgufWriter::write_bytes(file, header());
    std::filesystem::resize_file(file, file_size());
  }
  // Any JSON behind its length.
  static std::string with_length(std::string_view json) {
    std::string out;
    GgufWriter::put(out, static_cast<std::uint64_t>(json.size()));
    return out + std::string(json);
  }

 private:
  std::string json_;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace rigcast::test
