#include "base/text.hpp"
#include "catalog/read.hpp"
#include "catalog/toml_reader.hpp"

namespace rigcast::catalog {
namespace {

Quant read_one(TableReader& table, TableReader& defaults) {
  Quant quant;
  quant.key = table.required_text("key");
  quant.name = table.required_text("name");
  quant.aliases = table.texts("aliases");
  quant.group = table.text("group", defaults.text("group"));
  quant.block_elements = table.integer("block_elements", 1, 1);
  quant.block_bytes = table.integer("block_bytes", 0, 1);
  quant.block_rows = table.integer("block_rows", 1, 1);
  quant.row_bytes = table.integer("row_bytes", 0, 0);
  quant.layout = table.text("layout");
  quant.ggml_type = table.integer("ggml_type", -1, 0);
  quant.source = table.provenance().source;
  if (!table.has("block_bytes")) table.fault("block_bytes", "is missing");
  if (quant.block_rows > 1 && quant.block_elements != std::int64_t{quant.block_rows} * quant.block_rows) table.fault("block_rows", "squared is not block_elements");
  if (quant.ggml_type > 1000) table.fault("ggml_type", "is above 1000");
  if (quant.group.empty()) table.fault("group", "is missing");
  if (quant.source.text.empty()) table.fault("source", "is missing");
  if (quant.source.date.empty()) table.fault("date", "is missing");
  const double bits = bits_per_weight(quant);
  if (bits < 0.5 || bits > 64) table.fault("block_bytes", "makes " + format_significant(bits, 3) + " bits an element");
  table.refuse_unknown();
  return quant;
}

}  // namespace

Result<std::vector<Quant>> read_quants(std::string_view text, const std::string& file) {
  RC_ASSIGN(document, parse_toml(text, file));
  Faults faults(file);
  TableReader root(document, faults);
  TableReader defaults = root.table("defaults");
  defaults.allow("group");
  defaults.refuse_unknown();
  std::vector<Quant> out;
  for (TableReader& table : root.tables("quant", defaults.provenance())) out.push_back(read_one(table, defaults));
  root.refuse_unknown();
  RC_TRY(faults.result());
  return out;
}

}  // namespace rigcast::catalog
