#pragma once
// The key-values of a model's own family ("qwen3.block_count") with their types checked: a wrong type, a negative count or an array
// of the wrong length is an Error that names the key and the byte where its value stands.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/gguf.hpp"

namespace rigcast::model {

class GgufMetadata {
 public:
  // `gguf` must outlive this. `prefix` is general.architecture.
  GgufMetadata(const Gguf& gguf, std::string prefix) : gguf_(&gguf), prefix_(std::move(prefix)) {}

  // Largest count believed, unless said otherwise: a hundred times any real one, and products of three still fit 64 bits.
  static constexpr int kMost = 1 << 20;
  // Heads, and elements of one: their product fits an int.
  static constexpr int kMostHeads = 1 << 15;

  // Keys are given without the prefix: "block_count", "attention.head_count". Counts are 0..most.
  Result<std::optional<int>> count(std::string_view key, int most = kMost) const;
  Result<int> required_count(std::string_view key, int most = kMost) const;
  Result<int> count_or(std::string_view key, int otherwise, int most = kMost) const;
  Result<std::optional<double>> real(std::string_view key) const;
  // One value for every block, or an array of one per block (0 is added for next-token blocks that it leaves out, and what
  // `may_be_longer` arrays say of blocks the file has not is left out).
  Result<std::optional<std::vector<int>>> per_block(std::string_view key, int blocks, int layers, int most = kMost, bool may_be_longer = false) const;
  bool is_array(std::string_view key) const;
  // Any key, whole name; "" where absent or no text.
  std::string text(std::string_view whole_key) const;
  // Elements of an array, 0 where absent: "tokenizer.ggml.tokens".
  std::uint64_t array_size(std::string_view whole_key) const;

  const std::string& prefix() const { return prefix_; }
  const std::string& file() const { return gguf_->file(); }
  // unsupported: what nobody taught us; input: what contradicts itself.
  tl::unexpected<Error> cannot_say(std::string_view why) const;
  tl::unexpected<Error> contradiction(std::string message) const;

 private:
  const GgufValue* find(std::string_view key) const;
  Result<int> as_count(const GgufValue& value, std::size_t index, std::string_view key, int most) const;
  tl::unexpected<Error> fail_value(const GgufValue& value, std::string_view key, const std::string& message) const;

  const Gguf* gguf_;
  std::string prefix_;
};

}  // namespace rigcast::model
