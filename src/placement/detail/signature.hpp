#pragma once
// A hash of what was added, in that order, eight bytes at a time: every layout of a search asks for many.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace rigcast::placement::detail {

class Signature {
 public:
  void add(std::int64_t value) { mix(static_cast<std::uint64_t>(value)); }
  void add(std::string_view text) {
    mix(text.size());
    for (; text.size() > 8; text.remove_prefix(8)) mix(word(text.data(), 8));
    mix(word(text.data(), text.size()));
  }
  std::uint64_t value() const { return value_; }
  bool operator==(const Signature&) const = default;

 private:
  static std::uint64_t word(const char* text, std::size_t size) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, text, size);
    return bits;
  }
  void mix(std::uint64_t bits) {   // as MurmurHash64A mixes its words
    bits *= 0xc6a4a7935bd1e995ull;
    bits ^= bits >> 47;
    value_ = (value_ ^ bits * 0xc6a4a7935bd1e995ull) * 0xc6a4a7935bd1e995ull;
  }
  std::uint64_t value_ = 14695981039346656037ull;
};

}  // namespace rigcast::placement::detail
