#include "base/text.hpp"
#include "catalog/check.hpp"
#include "catalog/read.hpp"
#include "catalog/toml_reader.hpp"

namespace rigcast::catalog {
namespace {

Processor read_processor(TableReader& table, TableReader& defaults, const std::string& file) {
  const auto number = [&](const char* key) { return table.has(key) ? table.number(key) : defaults.number(key); };
  const auto integer = [&](const char* key, int fallback) { return table.has(key) ? table.integer(key) : defaults.integer(key, fallback); };
  Processor processor;
  processor.file = file;
  processor.line = table.line();
  processor.key = table.required_text("key");
  processor.name = table.required_text("name");
  processor.aliases = table.texts("aliases");
  processor.vendor = table.text("vendor", defaults.text("vendor"));
  processor.architecture = table.text("architecture", defaults.text("architecture"));
  processor.cores = integer("cores", 0);
  processor.base_ghz = number("base_ghz");
  processor.boost_ghz = number("boost_ghz");
  processor.instruction_sets = table.has("instruction_sets") ? table.texts("instruction_sets") : defaults.texts("instruction_sets");
  processor.channels = integer("channels", 0);
  processor.channel_bits = integer("channel_bits", 64);
  processor.memory_type = table.text("memory_type", defaults.text("memory_type"));
  processor.memory_mt_s = number("memory_mt_s");
  if (const auto most = table.size("most_memory")) processor.most_memory = most->value;
  processor.max_sockets = integer("max_sockets", 1);
  processor.pcie_generation = integer("pcie_generation", 0);
  processor.pcie_lanes = integer("pcie_lanes", 0);
  processor.measured_bandwidth = table.bandwidth("measured_bandwidth");
  processor.core_bandwidth = table.bandwidth("core_bandwidth");
  processor.power = table.watts("power");
  processor.soc_device = table.text("soc_device");
  processor.caveats = table.texts("caveats");
  processor.confidence = table.text("confidence", defaults.text("confidence", "high"));
  processor.sources = table.sources("sources");
  if (processor.sources.empty()) processor.sources.push_back(table.provenance().source);
  if (processor.sources.front().text.empty()) table.fault("source", "is missing: where do these figures come from?");
  if (processor.sources.front().date.empty()) table.fault("date", "is missing: when was the source read?");
  table.refuse_unknown();
  return processor;
}

// "usb4" and the like are written out; PCIe and the networks too: a line a link, nothing computed.
LinkType read_link(TableReader& table, TableReader& defaults, const std::string& file) {
  LinkType link;
  link.file = file;
  link.line = table.line();
  link.key = table.required_text("key");
  link.name = table.required_text("name");
  link.aliases = table.texts("aliases");
  const auto bandwidth = table.bandwidth("bandwidth");
  const auto latency = table.seconds("latency");
  if (!bandwidth) table.fault("bandwidth", "is missing");
  if (!latency) table.fault("latency", "is missing");
  link.bandwidth = bandwidth.value_or(Fact<Bandwidth>{});
  link.latency = latency.value_or(Fact<Seconds>{});
  link.between_hosts = table.has("between_hosts") ? table.flag("between_hosts") : defaults.flag("between_hosts");
  link.usable_share = table.number("usable_share", 1);
  if (link.usable_share <= 0 || link.usable_share > 1) table.fault("usable_share", "must be above 0 and at most 1");
  link.caveats = table.texts("caveats");
  if (bandwidth && bandwidth->value.value() > 2e12) table.fault("bandwidth", "is above 2 TB/s one way: is the unit right?");
  if (latency && latency->value.value() > 0.1) table.fault("latency", "is above 0.1 s: is the unit right?");
  if (fold_name(link.key) != link.key) table.fault("key", "keys are lower case words joined by '-'");
  table.refuse_unknown();
  return link;
}

}  // namespace

Result<std::vector<Processor>> read_processors(std::string_view text, const std::string& file) {
  RC_ASSIGN(document, parse_toml(text, file));
  Faults faults(file);
  TableReader root(document, faults);
  TableReader defaults = root.table("defaults");
  for (const char* key : {"vendor", "architecture", "cores", "base_ghz", "boost_ghz", "instruction_sets", "channels", "channel_bits", "memory_type", "memory_mt_s",
                          "max_sockets", "pcie_generation", "pcie_lanes", "confidence"})
    defaults.allow(key);
  defaults.refuse_unknown();
  std::vector<Processor> out;
  for (TableReader& table : root.tables("processor", defaults.provenance())) {
    Processor processor = read_processor(table, defaults, file);
    for (const DataFault& fault : check_processor(processor)) table.fault(fault.field, fault.message);
    out.push_back(std::move(processor));
  }
  root.refuse_unknown();
  RC_TRY(faults.result());
  return out;
}

Result<std::vector<LinkType>> read_links(std::string_view text, const std::string& file) {
  RC_ASSIGN(document, parse_toml(text, file));
  Faults faults(file);
  TableReader root(document, faults);
  TableReader defaults = root.table("defaults");
  defaults.allow("between_hosts");
  defaults.refuse_unknown();
  std::vector<LinkType> out;
  for (TableReader& table : root.tables("link", defaults.provenance())) out.push_back(read_link(table, defaults, file));
  root.refuse_unknown();
  RC_TRY(faults.result());
  return out;
}

}  // namespace rigcast::catalog
