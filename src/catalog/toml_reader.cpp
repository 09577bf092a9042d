#include "catalog/toml_reader.hpp"

#include <cmath>

#include "base/text.hpp"

namespace rigcast::catalog {
namespace {

const toml::table kEmptyTable;

Where place(const std::string& file, const toml::source_region& at) {
  return {file, static_cast<int>(at.begin.line), static_cast<int>(at.begin.column)};
}

std::optional<Basis> parse_basis(std::string_view text) {
  for (const Basis basis : {Basis::measured, Basis::vendor, Basis::derived, Basis::estimated})
    if (text == to_string(basis)) return basis;
  return std::nullopt;
}

}  // namespace

void Faults::add(std::string message, const toml::source_region& at, std::string nearest, std::string field) {
  if (!first_) first_ = Error{ErrorKind::input, std::move(message), place(file_, at), std::move(field), std::move(nearest)};
}

Result<void> Faults::result() const {
  if (first_) return tl::unexpected<Error>(*first_);
  return {};
}

TableReader::TableReader(const toml::table& table, Faults& faults, const Provenance& inherited, std::string path)
    : table_(&table), faults_(&faults), provenance_(inherited), path_(std::move(path)) {
  if (const std::string basis = text("basis"); !basis.empty()) {
    provenance_.basis = parse_basis(basis);
    if (!provenance_.basis) fault("basis", "'" + basis + "' is not a basis (measured, vendor, derived, estimated)");
  }
  // A source of one's own is a new statement: the date of the inherited one does not carry over to it.
  const std::string source = text("source"), date = text("date");
  if (!source.empty()) provenance_.source.text = source;
  if (!date.empty()) provenance_.source.date = date;
}

bool TableReader::has(std::string_view key) const { return table_->contains(key); }

const toml::node* TableReader::find(std::string_view key) {
  asked_.emplace(key);
  return table_->get(key);
}

std::string TableReader::name(std::string_view key) const { return path_.empty() ? std::string(key) : path_ + "." + std::string(key); }

void TableReader::fault(std::string_view key, std::string message, std::string nearest) {
  const toml::node* node = table_->get(key);
  faults_->add(name(key) + ": " + std::move(message), node ? node->source() : table_->source(), std::move(nearest), name(key));
}

std::string TableReader::text(std::string_view key, std::string_view fallback) {
  const toml::node* node = find(key);
  if (!node) return std::string(fallback);
  if (!node->is_string()) {
    fault(key, "must be a text in quotes");
    return std::string(fallback);
  }
  return node->as_string()->get();
}

std::string TableReader::required_text(std::string_view key) {
  if (!has(key)) fault(key, "is missing");
  return text(key);
}

bool TableReader::flag(std::string_view key, bool fallback) {
  const toml::node* node = find(key);
  if (!node) return fallback;
  if (!node->is_boolean()) fault(key, "must be true or false");
  return node->value_or(fallback);
}

double TableReader::number(std::string_view key, double fallback) {
  const toml::node* node = find(key);
  if (!node) return fallback;
  const auto value = node->value<double>();
  if (!node->is_number() || !value || !std::isfinite(*value) || *value < 0) {
    fault(key, "must be a number that is not negative");
    return fallback;
  }
  return *value;
}

int TableReader::integer(std::string_view key, int fallback, int lowest) {
  const toml::node* node = find(key);
  if (!node) return fallback;
  const auto* whole = node->as_integer();   // not value<int64_t>(), which converts real numbers of any size
  if (!whole || whole->get() < lowest || whole->get() > 2'000'000'000) {
    fault(key, "must be a whole number of at least " + std::to_string(lowest));
    return fallback;
  }
  return static_cast<int>(whole->get());
}

std::vector<std::string> TableReader::texts(std::string_view key) {
  std::vector<std::string> out;
  const toml::node* node = find(key);
  if (!node) return out;
  const toml::array* array = node->as_array();
  if (!array) {
    fault(key, "must be a list of texts");
    return out;
  }
  for (const toml::node& item : *array) {
    if (const auto* value = item.as_string()) out.push_back(value->get());
    else faults_->add(name(key) + ": must be a list of texts", item.source(), {}, name(key));
  }
  return out;
}

std::vector<Source> TableReader::sources(std::string_view key) {
  std::vector<Source> out;
  for (std::string& text : texts(key)) out.push_back({std::move(text), provenance_.source.date});
  return out;
}

std::map<std::string, double> TableReader::numbers(std::string_view key) {
  std::map<std::string, double> out;
  TableReader inner = table(key);
  for (const std::string& each : inner.keys()) out[each] = inner.number(each);
  return out;
}

std::map<std::string, std::string> TableReader::text_map(std::string_view key) {
  std::map<std::string, std::string> out;
  TableReader inner = table(key);
  for (const std::string& each : inner.keys()) out[each] = inner.text(each);
  return out;
}

template <class Q>
std::optional<Fact<Q>> TableReader::fact(std::string_view key, Result<Q> (*parse)(std::string_view)) {
  const toml::node* node = find(key);
  if (!node) return std::nullopt;
  std::string value;
  Provenance from = provenance_;
  if (const toml::table* inner = node->as_table()) {
    TableReader reader(*inner, *faults_, provenance_, name(key));
    value = reader.required_text("value");
    from = reader.provenance();
    reader.refuse_unknown();
  } else if (const auto* text = node->as_string()) {
    value = text->get();
  } else {
    fault(key, "a number needs its unit, as a text: \"24 GiB\", \"936 GB/s\", \"71 Tflop/s\", \"350 W\"");
    return std::nullopt;
  }
  const Result<Q> parsed = parse(value);
  if (!parsed) {
    fault(key, parsed.error().message);
    return std::nullopt;
  }
  if (!from.basis) fault(key, "has no basis (measured, vendor, derived or estimated), nor has its table");
  if (from.source.text.empty()) fault(key, "has no source, nor has its table");
  if (from.source.date.empty()) fault(key, "has no date, nor has its table");
  return Fact<Q>{*parsed, from.basis.value_or(Basis::estimated), from.source};
}

std::optional<Fact<Bytes>> TableReader::size(std::string_view key) { return fact<Bytes>(key, parse_bytes); }
std::optional<Fact<Bandwidth>> TableReader::bandwidth(std::string_view key) { return fact<Bandwidth>(key, parse_bandwidth); }
std::optional<Fact<FlopRate>> TableReader::flop_rate(std::string_view key) { return fact<FlopRate>(key, parse_flop_rate); }
std::optional<Fact<Watts>> TableReader::watts(std::string_view key) { return fact<Watts>(key, parse_watts); }
std::optional<Fact<Seconds>> TableReader::seconds(std::string_view key) { return fact<Seconds>(key, parse_seconds); }

TableReader TableReader::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node && !node->is_table()) fault(key, "must be a table");
  return TableReader(node && node->is_table() ? *node->as_table() : kEmptyTable, *faults_, provenance_, name(key));
}

std::string TableReader::value_text(std::string_view key) const {
  const toml::node* node = table_->get(key);
  if (node && node->is_table()) node = node->as_table()->get("value");
  return node ? node->value_or(std::string()) : std::string();
}

std::vector<TableReader> TableReader::tables(std::string_view key, const Provenance& inherited) {
  std::vector<TableReader> out;
  const toml::node* node = find(key);
  if (!node) return out;
  const toml::array* array = node->as_array();
  if (!array) {
    fault(key, "must be a list of tables ([[" + std::string(key) + "]])");
    return out;
  }
  for (const toml::node& item : *array) {
    if (const toml::table* inner = item.as_table()) out.emplace_back(*inner, *faults_, inherited, name(key));
    else faults_->add(name(key) + ": must be a list of tables", item.source(), {}, name(key));
  }
  return out;
}

std::vector<std::string> TableReader::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, node] : *table_)
    if (key != "basis" && key != "source" && key != "date") out.emplace_back(key.str());
  return out;
}

std::size_t TableReader::choice(std::string_view key, const std::vector<std::string>& names, std::size_t fallback) {
  const std::string value = text(key);
  if (value.empty()) return fallback;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == value) return i;
  fault(key, "'" + value + "' is none of " + join(names, ", "), nearest_name(value, names));
  return fallback;
}

void TableReader::refuse_unknown() {
  for (const auto& [key, node] : *table_) {
    if (asked_.contains(key.str())) continue;
    const std::vector<std::string> known(asked_.begin(), asked_.end());
    faults_->add("unknown key '" + name(key.str()) + "'", key.source(), nearest_name(key.str(), known), name(key.str()));
  }
}

Result<toml::table> parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, std::string_view(file));
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::input, std::string(error.description()), place(file, error.source()));
  }
}

}  // namespace rigcast::catalog
