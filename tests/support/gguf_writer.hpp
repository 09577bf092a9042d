#pragma once
// Writes GGUF files that are all header: any shape in a few lines, tensor data left as a hole in a sparse file (a "400 GB" model
// takes 100 KB of disk). For tests of everything that reads a model:
//
//   GgufWriter model = dense_model({.family = "qwen3", .layers = 36, .hidden = 4096, .heads = 32, .kv_heads = 8, .head_dim = 128,
//                                   .ffn = 12288, .vocab = 151936}, ggml::q4_k);
//   model.write(folder / "model.gguf");
//
// Anything malformed can be made too: header() is a string to cut, patch or append to.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rigcast::test {

// Number formats by their number in the file, with block sizes: written a second time on purpose, so that the catalogue is checked.
struct GgmlType { int number = 0; std::int64_t block_elements = 1, block_bytes = 4; };
namespace ggml {
inline constexpr GgmlType f32{0, 1, 4}, f16{1, 1, 2}, bf16{30, 1, 2}, i32{26, 1, 4};
inline constexpr GgmlType q4_0{2, 32, 18}, q5_0{6, 32, 22}, q8_0{8, 32, 34}, mxfp4{39, 32, 17};
inline constexpr GgmlType q2_k{10, 256, 84}, q3_k{11, 256, 110}, q4_k{12, 256, 144}, q5_k{13, 256, 176}, q6_k{14, 256, 210};
}  // namespace ggml

class GgufWriter {
 public:
  explicit GgufWriter(std::string family) : family_(std::move(family)) { text("general.architecture", family_); }

  // Whole keys.
  GgufWriter& text(std::string_view key, std::string_view value) { begin_value(key, 8); put_text(values_, value); return *this; }
  GgufWriter& u16(std::string_view key, std::uint16_t value) { begin_value(key, 2); put(values_, value); return *this; }
  GgufWriter& u32(std::string_view key, std::uint32_t value) { begin_value(key, 4); put(values_, value); return *this; }
  GgufWriter& i32(std::string_view key, std::int32_t value) { begin_value(key, 5); put(values_, value); return *this; }
  GgufWriter& f32(std::string_view key, float value) { begin_value(key, 6); put(values_, value); return *this; }
  GgufWriter& boolean(std::string_view key, bool value) { begin_value(key, 7); put(values_, static_cast<std::uint8_t>(value)); return *this; }
  GgufWriter& u64(std::string_view key, std::uint64_t value) { begin_value(key, 10); put(values_, value); return *this; }
  GgufWriter& i64(std::string_view key, std::int64_t value) { begin_value(key, 11); put(values_, value); return *this; }
  GgufWriter& f64(std::string_view key, double value) { begin_value(key, 12); put(values_, value); return *this; }
  GgufWriter& u32s(std::string_view key, const std::vector<std::uint32_t>& values) { return array(key, 4, values); }
  GgufWriter& i32s(std::string_view key, const std::vector<std::int32_t>& values) { return array(key, 5, values); }
  GgufWriter& f32s(std::string_view key, const std::vector<float>& values) { return array(key, 6, values); }
  GgufWriter& booleans(std::string_view key, const std::vector<bool>& values) {
    return array(key, 7, std::vector<std::uint8_t>(values.begin(), values.end()));
  }
  GgufWriter& texts(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, 8, values.size());
    for (const std::string& value : values) put_text(values_, value);
    return *this;
  }
  // Keys of the family: set("attention.head_count", 32) writes "qwen3.attention.head_count".
  GgufWriter& set(std::string_view key, std::uint32_t value) { return u32(family_ + "." + std::string(key), value); }
  GgufWriter& set_all(std::string_view key, const std::vector<std::uint32_t>& values) { return u32s(family_ + "." + std::string(key), values); }
  // Bytes of a value and its type as they are, for values that no honest writer makes.
  GgufWriter& raw(std::string_view key, std::uint32_t type, std::string_view bytes) { begin_value(key, type); values_ += bytes; return *this; }

  // `shape` in GGUF order: contiguous dimension first.
  GgufWriter& tensor(std::string_view name, const std::vector<std::int64_t>& shape, GgmlType type) {
    tensors_.push_back({std::string(name), shape, type});
    return *this;
  }
  GgufWriter& alignment(std::uint32_t value) { alignment_ = value; return u32("general.alignment", value); }

  std::string header() const {
    std::string out = "GGUF";
    put(out, std::uint32_t{3});
    put(out, static_cast<std::uint64_t>(tensors_.size()));
    put(out, value_count_);
    out += values_;
    std::uint64_t offset = 0;
    for (const Info& info : tensors_) {
      put_text(out, info.name);
      put(out, static_cast<std::uint32_t>(info.shape.size()));
      for (const std::int64_t length : info.shape) put(out, length);
      put(out, static_cast<std::uint32_t>(info.type.number));
      put(out, offset);
      offset = pad(offset + info.bytes());
    }
    return out;
  }
  std::uint64_t data_offset() const { return pad(header().size()); }
  std::uint64_t file_size() const {
    std::uint64_t bytes = 0;
    for (const Info& info : tensors_) bytes = pad(bytes + info.bytes());
    return data_offset() + bytes;
  }

  void write(const std::filesystem::path& file) const {
    write_bytes(file, header());
    std::filesystem::resize_file(file, file_size());
  }
  static void write_bytes(const std::filesystem::path& file, std::string_view bytes) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
  }

  template <class T>
  static void put(std::string& out, T value) {
    static_assert(std::is_arithmetic_v<T>);
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
  }
  static void put_text(std::string& out, std::string_view value) {
    put(out, static_cast<std::uint64_t>(value.size()));
    out += value;
  }

 private:
  void begin_value(std::string_view key, std::uint32_t type) {
    put_text(values_, key);
    put(values_, type);
    ++value_count_;
  }
  void begin_array(std::string_view key, std::uint32_t type, std::size_t count) {
    begin_value(key, 9);
    put(values_, type);
    put(values_, static_cast<std::uint64_t>(count));
  }
  template <class T>
  GgufWriter& array(std::string_view key, std::uint32_t type, const std::vector<T>& values) {
    begin_array(key, type, values.size());
    for (const T value : values) put(values_, value);
    return *this;
  }
  std::uint64_t pad(std::uint64_t value) const { return (value + alignment_ - 1) / alignment_ * alignment_; }

  struct Info {
    std::string name;
    std::vector<std::int64_t> shape;
    GgmlType type;
    std::uint64_t bytes() const {
      std::int64_t elements = 1;
      for (const std::int64_t length : shape) elements *= length;
      return static_cast<std::uint64_t>(elements / type.block_elements * type.block_bytes);
    }
  };

  std::string family_;
  std::string values_;
  std::vector<Info> tensors_;
  std::uint64_t value_count_ = 0;
  std::uint64_t alignment_ = 32;
};

struct DenseShape {
  std::string family = "llama";
  int layers = 2, hidden = 256, heads = 4, kv_heads = 2, head_dim = 64, ffn = 512, vocab = 1000;
  bool tied = false;
  int context = 32768;
};

// The key-values every family has.
inline GgufWriter begin_model(const DenseShape& shape) {
  GgufWriter out(shape.family);
  const auto unsigned_of = [](int value) { return static_cast<std::uint32_t>(value); };
  out.text("general.name", "test " + shape.family);
  out.set("block_count", unsigned_of(shape.layers)).set("context_length", unsigned_of(shape.context));
  out.set("embedding_length", unsigned_of(shape.hidden)).set("feed_forward_length", unsigned_of(shape.ffn));
  out.set("attention.head_count", unsigned_of(shape.heads)).set("attention.head_count_kv", unsigned_of(shape.kv_heads));
  out.set("attention.key_length", unsigned_of(shape.head_dim)).set("attention.value_length", unsigned_of(shape.head_dim));
  out.f32(shape.family + ".attention.layer_norm_rms_epsilon", 1e-6F);
  return out;
}

inline void add_attention(GgufWriter& out, const DenseShape& shape, int layer, GgmlType type) {
  const std::string block = "blk." + std::to_string(layer) + ".";
  const std::int64_t hidden = shape.hidden, queries = std::int64_t{shape.heads} * shape.head_dim, keys = std::int64_t{shape.kv_heads} * shape.head_dim;
  out.tensor(block + "attn_norm.weight", {hidden}, ggml::f32);
  out.tensor(block + "attn_q.weight", {hidden, queries}, type).tensor(block + "attn_k.weight", {hidden, keys}, type);
  out.tensor(block + "attn_v.weight", {hidden, keys}, type).tensor(block + "attn_output.weight", {queries, hidden}, type);
}

inline void add_feed_forward(GgufWriter& out, const DenseShape& shape, int layer, GgmlType type) {
  const std::string block = "blk." + std::to_string(layer) + ".";
  out.tensor(block + "ffn_norm.weight", {shape.hidden}, ggml::f32);
  out.tensor(block + "ffn_gate.weight", {shape.hidden, shape.ffn}, type).tensor(block + "ffn_up.weight", {shape.hidden, shape.ffn}, type);
  out.tensor(block + "ffn_down.weight", {shape.ffn, shape.hidden}, type);
}

inline void add_experts(GgufWriter& out, const DenseShape& shape, int layer, int experts, int width, GgmlType type) {
  const std::string block = "blk." + std::to_string(layer) + ".";
  out.tensor(block + "ffn_norm.weight", {shape.hidden}, ggml::f32).tensor(block + "ffn_gate_inp.weight", {shape.hidden, experts}, ggml::f32);
  out.tensor(block + "ffn_gate_exps.weight", {shape.hidden, width, experts}, type).tensor(block + "ffn_up_exps.weight", {shape.hidden, width, experts}, type);
  out.tensor(block + "ffn_down_exps.weight", {width, shape.hidden, experts}, type);
}

inline void add_outside(GgufWriter& out, const DenseShape& shape, GgmlType type) {
  out.tensor("token_embd.weight", {shape.hidden, shape.vocab}, type).tensor("output_norm.weight", {shape.hidden}, ggml::f32);
  if (!shape.tied) out.tensor("output.weight", {shape.hidden, shape.vocab}, type);
}

// A whole model of llama's structure, every matrix in one format.
inline GgufWriter dense_model(const DenseShape& shape, GgmlType type = ggml::q8_0) {
  GgufWriter out = begin_model(shape);
  add_outside(out, shape, type);
  for (int layer = 0; layer < shape.layers; ++layer) {
    add_attention(out, shape, layer, type);
    add_feed_forward(out, shape, layer, type);
  }
  return out;
}

}  // namespace rigcast::test
