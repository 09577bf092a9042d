#pragma once
// What the tests of the GGUF reader share.

#include <array>
#include <string>
#include <string_view>

#include "gguf_writer.hpp"
#include "model/gguf.hpp"

namespace rigcast::model {

// The formats gguf_writer.hpp writes, under their catalogue keys.
inline const catalog::Quant* test_quant(int number) {
  const auto make = [](const char* key, const char* name, test::GgmlType type) {
    catalog::Quant quant;
    quant.key = key;
    quant.name = name;
    quant.block_elements = type.block_elements;
    quant.block_bytes = type.block_bytes;
    quant.ggml_type = type.number;
    return quant;
  };
  static const std::array quants = {make("f32", "F32", test::ggml::f32),     make("f16", "F16", test::ggml::f16),    make("bf16", "BF16", test::ggml::bf16),
                                    make("i32", "I32", test::ggml::i32),     make("q4_0", "Q4_0", test::ggml::q4_0), make("q5_0", "Q5_0", test::ggml::q5_0),
                                    make("q8_0", "Q8_0", test::ggml::q8_0),  make("mxfp4", "MXFP4", test::ggml::mxfp4), make("q2_k", "Q2_K", test::ggml::q2_k),
                                    make("q3_k", "Q3_K", test::ggml::q3_k),  make("q4_k", "Q4_K", test::ggml::q4_k), make("q5_k", "Q5_K", test::ggml::q5_k),
                                    make("q6_k", "Q6_K", test::ggml::q6_k)};
  for (const catalog::Quant& quant : quants)
    if (quant.ggml_type == number) return &quant;
  return nullptr;
}

inline Result<Gguf> read_header(std::string_view header, std::uint64_t size) { return read_gguf_part(ByteWindow::over(header, size, "m.gguf"), test_quant); }

inline Result<Gguf> read_written(const test::GgufWriter& writer) { return read_header(writer.header(), writer.file_size()); }

// The error of a header, as a user reads it; "" where there is none.
inline std::string error_of(std::string_view header, std::uint64_t size) {
  const auto result = read_header(header, size);
  return result ? std::string{} : to_text(result.error());
}

}  // namespace rigcast::model
