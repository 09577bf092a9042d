#pragma once
// JSON read in one pass over its text, for rows: what stands in a text or a number is told where it stands, and nothing is copied that need not be.
// Only plain documents are read so. Whatever is not (numbers out of range, keys said twice, deep nesting, broken text) is for the JSON library.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rigcast::calibration::detail {

class FlatJson {
 public:
  enum class Kind : std::uint8_t { null, boolean, number, text, array, object };
  struct Value {
    Kind kind = Kind::null;
    bool truth = false;
    double number = 0;
    std::string_view text;             // of a text, without its escapes
    std::string_view written;          // as it stands
    std::uint32_t first = 0, count = 0;   // of an object: of members(), sorted by key; of an array: of items()
  };
  struct Member { std::string_view key; Value value; };

  // An object; nullopt: not one that is read so. The text must live as long.
  static std::optional<FlatJson> read(std::string_view text);

  const Value& root() const { return root_; }
  const Member* begin(const Value& object) const { return members_.data() + object.first; }
  const Member* end(const Value& object) const { return begin(object) + object.count; }
  const Value* find(const Value& object, std::string_view key) const;   // nullptr: not there
  const Value* items(const Value& array) const { return items_.data() + array.first; }

 private:
  class Reader;
  Value root_;
  std::vector<Member> members_;
  std::vector<Value> items_;
  std::deque<std::string> unescaped_;   // a deque: views of its texts stay
};

}  // namespace rigcast::calibration::detail
