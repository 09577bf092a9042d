#pragma once
// Reads one TOML table strictly: every key must be known, every number of the world has a unit and a source, and an error says
// file:line:column and the nearest key. Getters never fail; the first fault is kept in the Faults all readers of a file share.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "base/result.hpp"
#include "base/units.hpp"
#include "catalog/fact.hpp"

namespace rigcast::catalog {

// The first fault found in a file.
class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}
  void add(std::string message, const toml::source_region& at, std::string nearest = {}, std::string field = {});
  const std::string& file() const { return file_; }
  Result<void> result() const;

 private:
  std::string file_;
  std::optional<Error> first_;
};

// Where the numbers of a table come from unless they say otherwise.
struct Provenance {
  std::optional<Basis> basis;
  Source source;
};

class TableReader {
 public:
  // Takes `basis`, `source` and `date` of the table itself; what it lacks comes from `inherited`.
  TableReader(const toml::table& table, Faults& faults, const Provenance& inherited = {}, std::string path = {});

  bool has(std::string_view key) const;
  int line() const { return static_cast<int>(table_->source().begin.line); }
  const Provenance& provenance() const { return provenance_; }

  std::string text(std::string_view key, std::string_view fallback = {});
  std::string required_text(std::string_view key);
  bool flag(std::string_view key, bool fallback = false);
  double number(std::string_view key, double fallback = 0);
  int integer(std::string_view key, int fallback = 0, int lowest = 0);
  std::vector<std::string> texts(std::string_view key);
  std::vector<Source> sources(std::string_view key);  // strings take the table's date
  std::map<std::string, double> numbers(std::string_view key);
  std::map<std::string, std::string> text_map(std::string_view key);

  // "936 GB/s", or { value = "936 GB/s", basis = "measured", source = "...", date = "..." }.
  std::optional<Fact<Bytes>> size(std::string_view key);
  std::optional<Fact<Bandwidth>> bandwidth(std::string_view key);
  std::optional<Fact<FlopRate>> flop_rate(std::string_view key);
  std::optional<Fact<Watts>> watts(std::string_view key);
  std::optional<Fact<Seconds>> seconds(std::string_view key);

  // Sub-tables; the reader of an absent one finds nothing. Each must be finished by its own refuse_unknown().
  TableReader table(std::string_view key);
  std::vector<TableReader> tables(std::string_view key) { return tables(key, provenance_); }
  std::vector<TableReader> tables(std::string_view key, const Provenance& inherited);
  // What stands behind a number, unparsed: "24 GiB" also where it is { value = "24 GiB", ... }.
  std::string value_text(std::string_view key) const;
  std::vector<std::string> keys() const;

  // A choice among `names`; the fault names the nearest.
  std::size_t choice(std::string_view key, const std::vector<std::string>& names, std::size_t fallback);

  void fault(std::string_view key, std::string message, std::string nearest = {});
  void allow(std::string_view key) { asked_.emplace(key); }
  void refuse_unknown();  // call last: any key nobody asked for is a fault

 private:
  const toml::node* find(std::string_view key);
  template <class Q>
  std::optional<Fact<Q>> fact(std::string_view key, Result<Q> (*parse)(std::string_view));
  std::string name(std::string_view key) const;

  const toml::table* table_;
  Faults* faults_;
  Provenance provenance_;
  std::string path_;
  std::set<std::string, std::less<>> asked_;
};

// Parses a document; syntax errors become an Error with the place.
Result<toml::table> parse_toml(std::string_view text, const std::string& file);

}  // namespace rigcast::catalog
