#pragma once
// A Safetensors is what the headers of a checkpoint's .safetensors files say: names, dtypes, shapes and bytes, without any weight.
// Format: https://huggingface.co/docs/safetensors: 8 bytes of header length, a JSON object, then the data without holes.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/byte_window.hpp"

namespace rigcast::model {

struct SafetensorsTensor {
  std::string name;                    // as the framework that wrote it calls it: "model.layers.0.self_attn.q_proj.weight"
  std::string dtype;                   // "BF16", "F8_E4M3", "I32" ...
  std::vector<std::int64_t> shape;     // row-major: the last dimension is contiguous; product <= 2^53
  std::uint64_t bytes = 0;
};

struct Safetensors {
  std::vector<std::string> files;      // in order of name
  std::vector<SafetensorsTensor> tensors;  // in order of name; names are unique
};

// Bits of one element, 0 for a dtype nobody knows.
int dtype_bits(std::string_view dtype);

// The header of one file. input: with file and byte, for anything that contradicts itself or the size of the file.
// unsupported: a dtype nobody knows.
Result<Safetensors> read_safetensors_part(ByteWindow window);

// Tensor name -> name of the file that holds it: model.safetensors.index.json. input: no JSON, or JSON that is no such index.
Result<std::map<std::string, std::string>> read_index(ByteWindow window);

// A .safetensors file; or a folder: the files of its model.safetensors.index.json, which must all be there and hold what it promises,
// or without one every .safetensors file in it.
Result<Safetensors> read_safetensors(const std::filesystem::path& path);

}  // namespace rigcast::model
