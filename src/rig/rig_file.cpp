#include "base/text.hpp"
#include "catalog/toml_reader.hpp"
#include "rig/spec.hpp"

namespace rigcast::rig {
namespace {

using catalog::Faults;
using catalog::TableReader;

// A key of the file is an option of the spec; its text or number is the option's value, `true` the bare word, `false` its absence.
void read_options(const toml::table& table, const std::vector<std::string>& names, const std::string& file, TableReader& reader, std::vector<Option>& out) {
  for (const std::string& name : names) {
    reader.allow(name);
    const toml::node* node = table.get(name);
    if (!node) continue;
    const Where where{file, static_cast<int>(node->source().begin.line), static_cast<int>(node->source().begin.column)};
    if (node->is_boolean()) {
      if (node->value_or(false)) out.push_back({name, "", where});
    } else if (const auto whole = node->value<std::string>()) {
      out.push_back({name, *whole, where});
    } else if (const auto* number = node->as_integer()) {   // not value<int64_t>(), which converts real numbers of any size
      out.push_back({name, std::to_string(number->get()), where});
    } else if (const auto* real = node->as_floating_point()) {
      out.push_back({name, format_shortest(real->get()), where});
    } else {
      reader.fault(name, "must be a text, a number, true or false");
    }
  }
}

DeviceGroup read_device(const toml::table& table, TableReader& reader, const std::string& file) {
  DeviceGroup group;
  group.name = reader.required_text("name");
  group.count = reader.integer("count", 1, 1);
  if (group.count > kMostOfAKind) reader.fault("count", "is above " + std::to_string(kMostOfAKind));
  const toml::node* node = table.get("name");
  const toml::source_position place = node ? node->source().begin : table.source().begin;
  group.where = {file, static_cast<int>(place.line), static_cast<int>(place.column)};
  read_options(table, device_options(), file, reader, group.options);
  reader.refuse_unknown();
  return group;
}

}  // namespace

Result<Spec> read_rig_file(std::string_view text, const std::string& file) {
  RC_ASSIGN(document, catalog::parse_toml(text, file));
  Faults faults(file);
  TableReader root(document, faults);
  Spec spec;
  read_options(document, {"net", "nodes"}, file, root, spec.options);
  const toml::array* hosts = document["host"].as_array();
  std::size_t index = 0;
  for (TableReader& host : root.tables("host")) {
    const toml::table& table = *hosts->get(index++)->as_table();
    Part part;
    read_options(table, part_options(), file, host, part.options);
    const toml::array* devices = table["device"].as_array();
    std::size_t nth = 0;
    for (TableReader& device : host.tables("device")) part.groups.push_back(read_device(*devices->get(nth++)->as_table(), device, file));
    host.refuse_unknown();
    spec.parts.push_back(std::move(part));
  }
  root.refuse_unknown();
  RC_TRY(faults.result());
  if (spec.parts.empty()) return fail(ErrorKind::input, "a rig file needs at least one [[host]] with its [[host.device]]s", Where{file, 1, 1});
  return spec;
}

}  // namespace rigcast::rig
