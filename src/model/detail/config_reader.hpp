#pragma once
// Typed access to one JSON object of a config.json: remembers what was asked, keeps the first fault, never throws.

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.hpp"

namespace rigcast::model::detail {

class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& object, std::string file) : object_(&object), file_(std::move(file)) {}

  // The first of `names` that is there and not null decides. Integers lie in 0..2^24; -1 and other negatives count as absent.
  int integer(std::initializer_list<std::string_view> names, int fallback = 0);
  double number(std::initializer_list<std::string_view> names, double fallback = 0);
  // a * b, or a fault that names `name` where it is no size.
  int product(std::string_view name, double a, double b);
  bool flag(std::initializer_list<std::string_view> names, bool fallback = false);
  std::string text(std::initializer_list<std::string_view> names, std::string_view fallback = {});
  std::vector<int> integers(std::initializer_list<std::string_view> names);
  std::vector<std::string> texts(std::initializer_list<std::string_view> names);
  bool has(std::string_view name) const;     // there and not null
  bool names(std::string_view name) const;   // there, if only as null
  bool is_list(std::string_view name) const;
  // nullptr: not there, or no object.
  const nlohmann::json* object(std::string_view name);
  const nlohmann::json* raw(std::string_view name);
  void ignore(std::initializer_list<std::string_view> names);

  void fault(ErrorKind kind, std::string_view key, std::string message);
  Result<void> result() const;
  // A key nobody asked for whose name speaks of structure.
  std::optional<std::string> unknown_structure() const;
  const std::string& file() const { return file_; }

 private:
  const nlohmann::json* find(std::initializer_list<std::string_view> names, std::string_view& found);

  const nlohmann::json* object_;
  std::string file_;
  std::set<std::string, std::less<>> asked_;
  std::optional<Error> first_;
};

}  // namespace rigcast::model::detail
