#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "base/text.hpp"
#include "catalog/names.hpp"
#include "catalog/pack.hpp"
#include "catalog/pack_layout.hpp"
#include "catalog/read.hpp"
#include "catalog/rule.hpp"
#include "catalog/toml_reader.hpp"

namespace rigcast::catalog {
namespace {

// One entry found in a file: what the index says of it.
struct Found {
  Kind kind = Kind::device;
  std::string key, name;
  std::vector<std::string> names;   // folded: key, name, aliases, and the core of each
  std::vector<std::string> as_written;  // folded: key, name, aliases
  std::size_t file = 0;
  std::size_t line = 0, head = 0, begin = 0, end = 0;
  int ggml_type = -1;
};

std::optional<Kind> kind_of(std::string_view path) {
  constexpr std::pair<std::string_view, Kind> folders[] = {{"devices/", Kind::device}, {"hosts/", Kind::processor}, {"links/", Kind::link},
                                                           {"quants/", Kind::quant},   {"models/", Kind::model},    {"engines/", Kind::engine},
                                                           {"rules/", Kind::rule}};
  if (!path.ends_with(".toml")) return std::nullopt;
  for (const auto& [folder, kind] : folders)
    if (path.starts_with(folder)) return kind;
  return std::nullopt;
}

std::string text_of(const toml::table& table, std::string_view key) { return table[key].value_or(std::string()); }

Found describe(const toml::table& table, Kind kind) {
  Found found;
  found.kind = kind;
  found.key = text_of(table, "key");
  found.name = table["name"].value_or(found.key);
  std::set<std::string> names = {fold_name(found.key), fold_name(found.name), fold_name(text_of(table, "repo"))};
  if (const toml::array* aliases = table["aliases"].as_array())
    for (const toml::node& alias : *aliases) names.insert(fold_name(alias.value_or(std::string())));
  names.erase("");
  found.as_written.assign(names.begin(), names.end());
  for (const std::string& full : found.as_written) names.insert(core_name(full));
  if (kind == Kind::model)   // "Qwen/Qwen3-32B" is also asked for without its owner
    for (const std::string& full : found.as_written)
      if (const std::size_t slash = full.rfind('/'); slash != std::string::npos && slash + 1 < full.size()) names.insert(full.substr(slash + 1));
  found.names.assign(names.begin(), names.end());
  found.ggml_type = kind == Kind::quant ? static_cast<int>(table["ggml_type"].value_or(std::int64_t{-1})) : -1;
  found.line = table.source().begin.line;
  return found;
}

std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts = {0, 0};  // lines count from 1
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts.push_back(i + 1);
  return starts;
}

// Entries are tables with a `key`: the document itself, a table of it, or the elements of [[lists]]. Those written under [[headers]]
// can be cut out of the file: from their header to the next one of the document's level.
std::vector<Found> find_entries(const toml::table& document, std::string_view text, Kind kind) {
  std::vector<Found> out;
  std::vector<std::size_t> headers;
  bool can_cut = true;
  if (document.contains("key")) out.push_back(describe(document, kind));
  for (const auto& [key, node] : document) {
    if (const toml::table* single = node.as_table()) {
      if (single->contains("key")) out.push_back(describe(*single, kind)), can_cut = false;
      headers.push_back(single->source().begin.line);
    } else if (const toml::array* array = node.as_array()) {
      for (const toml::node& item : *array) {
        const toml::table* table = item.as_table();
        if (!table) continue;
        can_cut = can_cut && !table->is_inline();
        headers.push_back(table->source().begin.line);
        if (table->contains("key")) out.push_back(describe(*table, kind));
      }
    }
  }
  std::sort(out.begin(), out.end(), [](const Found& a, const Found& b) { return a.line < b.line; });
  std::sort(headers.begin(), headers.end());
  can_cut = can_cut && !document.contains("key");
  const std::vector<std::size_t> starts = line_starts(text);
  for (Found& found : out) {
    found.end = text.size();
    if (!can_cut) continue;
    found.head = starts[out.front().line];
    found.begin = starts[found.line];
    const auto next = std::upper_bound(headers.begin(), headers.end(), found.line);
    if (next != headers.end()) found.end = starts[*next];
  }
  return out;
}

// The whole file through its typed reader, for the checks; entries themselves are read again when they are asked for.
Result<void> check_file(Kind kind, const DataFile& file, const std::string& shown, std::vector<Device>& devices) {
  switch (kind) {
    case Kind::device: {
      auto read = read_devices(file.text, shown);
      if (!read) return tl::unexpected<Error>(read.error());
      std::move(read->begin(), read->end(), std::back_inserter(devices));
      return {};
    }
    case Kind::processor: RC_TRY(read_processors(file.text, shown)); return {};
    case Kind::link: RC_TRY(read_links(file.text, shown)); return {};
    case Kind::quant: RC_TRY(read_quants(file.text, shown)); return {};
    case Kind::rule: return {};  // read for the pack
    case Kind::model:
    case Kind::engine: return {};  // checked by the rooms that own them
  }
  return {};
}

Result<void> check_unique(const std::vector<Found>& entries, const std::vector<DataFile>& files, const std::string& prefix) {
  std::map<std::pair<Kind, std::string>, const Found*> keys;
  for (const Found& found : entries) {
    const auto [other, fresh] = keys.emplace(std::pair(found.kind, fold_name(found.key)), &found);
    const std::string file = prefix + files[found.file].path;
    if (!fresh)
      return fail(ErrorKind::input, "key '" + found.key + "' is already at " + prefix + files[other->second->file].path + ":" +
                                        std::to_string(other->second->line),
                  Where{file, static_cast<int>(found.line), 1}, "key");
    if (fold_name(found.key).empty()) return fail(ErrorKind::input, "entry without key", Where{file, static_cast<int>(found.line), 1}, "key");
  }
  // An alias that is another entry's key would be shadowed by it.
  for (const Found& found : entries)
    for (const std::string& name : found.as_written) {
      const auto other = keys.find({found.kind, name});
      if (other != keys.end() && other->second != &found)
        return fail(ErrorKind::input, "'" + found.key + "' has the alias '" + name + "', which is the key of another entry",
                    Where{prefix + files[found.file].path, static_cast<int>(found.line), 1}, "aliases");
    }
  return {};
}

// Number formats have no memory size to tell them apart: every name and every ggml type is one format.
Result<void> check_quants(const std::vector<Found>& entries, const std::vector<DataFile>& files, const std::string& prefix) {
  std::map<std::string, const Found*> owners;
  for (const Found& found : entries) {
    if (found.kind != Kind::quant) continue;
    std::vector<std::string> names = found.as_written;
    if (found.ggml_type >= 0) names.push_back("ggml type " + std::to_string(found.ggml_type));
    for (const std::string& name : names) {
      const auto [other, fresh] = owners.emplace(name, &found);
      if (!fresh && other->second != &found)
        return fail(ErrorKind::input, found.key + " and " + other->second->key + " are both called '" + name + "'",
                    Where{prefix + files[found.file].path, static_cast<int>(found.line), 1}, "aliases");
    }
  }
  return {};
}

// A modified card computes exactly as the card it was made from, unless it says under [device.tolerated] why a rate differs.
Result<void> check_bases(const std::vector<Device>& devices) {
  for (const Device& device : devices) {
    if (device.base_device.empty()) continue;
    const auto base = std::find_if(devices.begin(), devices.end(), [&](const Device& d) { return d.key == device.base_device; });
    const Where where{device.file, device.line, 1};
    if (base == devices.end()) return fail(ErrorKind::input, device.key + ": base_device '" + device.base_device + "' does not exist", where, "base_device");
    for (const auto& [format, rate] : device.rates) {
      if (device.tolerated.contains("rates." + format)) continue;
      const auto same = base->rates.find(format);
      if (same == base->rates.end() || same->second.value != rate.value)
        return fail(ErrorKind::input, device.key + ": rates." + format + " differs from its base_device " + base->key, where, "rates");
    }
  }
  return {};
}

class Writer {
 public:
  void word(std::size_t value) {
    RcWord narrow = static_cast<RcWord>(value);
    table_.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
  }
  void text(std::string_view value) {
    fixups_.push_back(table_.size());
    word(texts_.size());
    word(value.size());
    texts_ += value;
  }
  std::string finish() && {
    for (const std::size_t at : fixups_) {
      RcWord offset = 0;
      std::memcpy(&offset, table_.data() + at, sizeof offset);
      offset += static_cast<RcWord>(table_.size());
      std::memcpy(table_.data() + at, &offset, sizeof offset);
    }
    return std::move(table_) + texts_;
  }
  void raw(std::string_view value) { table_ += value; }

 private:
  using RcWord = std::uint32_t;
  std::string table_, texts_;
  std::vector<std::size_t> fixups_;
};

std::string lay_out(const std::vector<DataFile>& files, const std::vector<Found>& entries) {
  std::vector<std::tuple<Kind, std::string_view, std::size_t>> names;
  std::vector<std::size_t> ggml;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (const std::string& name : entries[i].names) names.emplace_back(entries[i].kind, name, i);
    if (const int type = entries[i].ggml_type; type >= 0) {
      if (ggml.size() <= static_cast<std::size_t>(type)) ggml.resize(static_cast<std::size_t>(type) + 1);
      ggml[static_cast<std::size_t>(type)] = i + 1;
    }
  }
  std::sort(names.begin(), names.end());
  Writer out;
  out.raw(kPackMagic);
  for (const std::size_t count : {files.size(), entries.size(), names.size(), ggml.size()}) out.word(count);
  for (const DataFile& file : files) {
    out.text(file.path);
    out.text(file.text);
  }
  for (const Found& found : entries) {
    out.word(static_cast<std::size_t>(found.kind));
    out.text(found.key);
    out.text(found.name);
    for (const std::size_t value : {found.file, found.line, found.head, found.begin, found.end}) out.word(value);
  }
  for (const auto& [kind, name, entry] : names) {
    out.word(static_cast<std::size_t>(kind));
    out.text(name);
    out.word(entry);
  }
  for (const std::size_t entry : ggml) out.word(entry);
  return std::move(out).finish();
}

}  // namespace

Result<std::string> build_pack(const std::vector<DataFile>& unsorted, const std::string& prefix, bool whole) {
  std::vector<DataFile> files = unsorted;
  std::sort(files.begin(), files.end(), [](const DataFile& a, const DataFile& b) { return a.path < b.path; });
  std::vector<Found> entries;
  std::vector<Device> devices;
  std::vector<DataFile> read;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    bytes += files[i].text.size();
    if (bytes > (std::size_t{1} << 31)) return fail(ErrorKind::input, "data files of more than 2 GiB", Where{prefix + files[i].path});
    const auto kind = kind_of(files[i].path);
    if (!kind) continue;
    const std::string shown = prefix + files[i].path;
    RC_TRY(check_file(*kind, files[i], shown, devices));
    if (*kind == Kind::rule) {
      RC_ASSIGN(rules, read_rules(files[i].text, shown));
      for (Rule& rule : rules) rule.file = files[i].path;
      read.push_back({std::string(kReadRules) + files[i].path, rules_to_bytes(rules)});
    }
    RC_ASSIGN(document, parse_toml(files[i].text, shown));
    for (Found& found : find_entries(document, files[i].text, *kind)) {
      found.file = i;
      entries.push_back(std::move(found));
    }
  }
  RC_TRY(check_unique(entries, files, prefix));
  RC_TRY(check_quants(entries, files, prefix));
  if (whole) RC_TRY(check_bases(devices));
  std::move(read.begin(), read.end(), std::back_inserter(files));
  return lay_out(files, entries);
}

}  // namespace rigcast::catalog
