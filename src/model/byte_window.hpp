#pragma once
// A file read forwards through one bounded window: headers are read, weights are never touched, and a 400 GB file costs what its
// header costs. Every step checks against the size of the file before it moves, so a lying count ends in an Error with the byte
// where it stands, not in an allocation.

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.hpp"

namespace rigcast::model {

static_assert(std::endian::native == std::endian::little, "GGUF and safetensors headers are little-endian, and are copied as they lie");

class ByteWindow {
 public:
  // The longest run of bytes take() hands out.
  static constexpr std::uint64_t kWindow = 256 * 1024;
  // Reading further than this is an Error: the largest real header, a vocabulary of 260,000 tokens and its merges, is near 20 MiB.
  static constexpr std::uint64_t kLongestHeader = std::uint64_t{1} << 30;

  static Result<ByteWindow> open(const std::filesystem::path& file);
  // Over bytes in memory that stand for a file of `size` bytes (size >= bytes.size(): the rest is weights nobody reads).
  // `bytes` must outlive the window.
  static ByteWindow over(std::string_view bytes, std::uint64_t size, std::string name);

  const std::string& name() const { return name_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t offset() const { return start_ + at_; }
  std::uint64_t left() const { return size_ - offset(); }

  // The next `count` bytes, valid until the next call. REQUIRES count <= kWindow.
  Result<std::string_view> take(std::uint64_t count, std::string_view what);
  // The same for any count up to kLongestHeader, as a copy.
  Result<std::string> read(std::uint64_t count, std::string_view what);
  Result<void> skip(std::uint64_t count, std::string_view what);
  // `count` strings of a 64-bit length and that many bytes each: a vocabulary, walked and forgotten.
  Result<void> skip_strings(std::uint64_t count, std::string_view what);

  template <class T>
  Result<T> number(std::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    RC_ASSIGN(bytes, take(sizeof(T), what));
    T value{};
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  // input: "byte 24: <message>" in this file.
  tl::unexpected<Error> fail_here(std::string message) const { return fail_at(offset(), std::move(message)); }
  tl::unexpected<Error> fail_at(std::uint64_t offset, std::string message) const;

 private:
  Result<void> refill(std::uint64_t count, std::string_view what);
  tl::unexpected<Error> fail_short(std::uint64_t count, std::string_view what) const;

  std::string name_;
  std::uint64_t size_ = 0;
  std::ifstream file_;               // not open where the bytes are in memory
  std::vector<char> buffer_;         // the window of a file
  std::string_view bytes_;           // what is readable now: the buffer's filled part, or all of memory
  std::uint64_t start_ = 0;          // offset in the file of bytes_[0]
  std::uint64_t at_ = 0;             // cursor within bytes_; may lie beyond its end after a skip
};

}  // namespace rigcast::model
