#pragma once
// A Report is an answer as a list of fields, each once, in the order people read them. Text, JSON, Markdown and HTML all walk this one
// list: `id` is the JSON key, `label` what people see, `show` how they see it. A field without an id is for people only, one with
// Show::machine for programs only.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catalog/fact.hpp"
#include "cost/estimate.hpp"
#include "report/phrase.hpp"

namespace rigcast::report {

enum class Unit {
  none,
  rough,   // three digits, the unit is said elsewhere
  count,   // large numbers of things: "32.8 B"
  bytes, tokens, token_rate, seconds, watts, joules_per_token, bandwidth, flop_rate, percent, millimetres, megahertz
};

struct Number { double value = 0; Unit unit = Unit::none; };
struct Range { cost::Interval value; Unit unit = Unit::none; };

// A Number or a text with where it comes from.
struct Sourced { Number number; std::string text; catalog::Basis basis = catalog::Basis::vendor; catalog::Source source; };


struct Field;
struct ListedField;
// A list that is written down in braces takes its fields over, with all that is nested in them: those of a vector would be copied, level by level.
class Fields : public std::vector<Field> {
 public:
  Fields() = default;
  Fields(std::initializer_list<ListedField> fields);
};
using Rows = std::vector<Fields>;          // an array of objects
using Sentences = std::vector<Phrase>;     // an array of texts

// An array of objects for programs, each made when it is written and not before: of a hundred thousand rows each takes kilobytes.
struct MadeRows {
  std::size_t count = 0;
  std::function<Fields(std::size_t)> row;   // may be asked by several threads at once
};

// A std::string is an id or a name that no Language touches; a Phrase may be said in another one.
using Value = std::variant<std::monostate, bool, std::int64_t, Number, Range, std::string, Phrase, Sourced, Sentences, Fields, Rows, MadeRows>;

// Nothing where a quantity that is above zero is not known.
inline Value known(double value, Unit unit) { return value > 0 ? Value(Number{value, unit}) : Value(std::monostate{}); }

// How people see a field.
enum class Show {
  machine,    // not at all
  headline,   // the first line: what was asked
  good, bad,  // the verdict, in green or red
  row,        // label and value on one line; neighbours align
  sentence,   // wrapped text
  code,       // to be copied: never wrapped inside a word, continued with a backslash
  powershell, // the same for Windows, continued with a backtick
  bullets,    // Sentences or Rows: one item each (Rows: their sentences run together)
  warnings,   // as bullets, marked as worth minding
  steps,      // numbered
  table,      // Rows: the labels of the first row head the columns
  bars,       // Rows: one bar each; its parts are the fields shown as segment, its whole the one shown as capacity
  segment, capacity,
  bands,      // Rows: a count, then Ranges: each Range a line with a band over the count, and all of it a table
  ranges,     // Rows: a name, then Ranges: drawn side by side where there are charts; text has them in a table already
  scatter,    // Rows: two Numbers, x and y: drawn where there are charts
  source,     // where the line came from: a number in brackets, spelt out at the end
  group,      // Fields: its own fields in this place
};

struct Field {
  std::string id;
  Phrase label;
  Value value;
  Show show = Show::row;
};

// One that is taken out of its braces.
struct ListedField {
  mutable Field field;
  ListedField(Field one) : field(std::move(one)) {}   // implicit, as a Field in braces is
  ListedField(std::string id, Phrase label, Value value, Show show = Show::row) : field{std::move(id), std::move(label), std::move(value), show} {}
};

inline Fields::Fields(std::initializer_list<ListedField> fields) {
  reserve(fields.size());
  for (const ListedField& each : fields) push_back(std::move(each.field));
}

struct Section {
  Phrase title;   // empty: none is printed
  Fields fields;
};

struct Report {
  std::vector<Section> sections;
};

// Shorthands for the lists of fields.
inline Field machine(std::string id, Value value) { return {std::move(id), {}, std::move(value), Show::machine}; }
inline Field machine(std::string id, const char* text) { return machine(std::move(id), Value(std::string(text))); }
inline Field people(Show show, Value value) { return {{}, {}, std::move(value), show}; }
// A list that people see as `show` where it holds anything, and not at all where it is empty.
template <class List>
Field list_field(std::string id, List list, Show show) {
  if (list.empty()) show = Show::machine;
  return {std::move(id), {}, std::move(list), show};
}

}  // namespace rigcast::report
