#include <array>
#include <cstdio>

#include "catalog/check.hpp"
#include "catalog/read.hpp"
#include "catalog/toml_reader.hpp"

namespace rigcast::catalog {
namespace {

DeviceKind read_kind(TableReader& table, TableReader& defaults) {
  static const std::vector<std::string> names = {"gpu", "accelerator", "npu", "soc", "apu"};
  TableReader& from = table.has("kind") ? table : defaults;
  if (!from.has("kind")) table.fault("kind", "is missing (gpu, accelerator, npu, soc, apu)");
  return static_cast<DeviceKind>(from.choice("kind", names, 0));
}

void read_memory(TableReader memory, Device& device) {
  device.memory_type = memory.text("type");
  const auto size = memory.size("size");
  if (!size) memory.fault("size", "is missing: how much memory one chip has, \"24 GiB\"");
  device.memory = size.value_or(Fact<Bytes>{});
  device.usable_memory = memory.size("usable");
  device.bandwidth = memory.bandwidth("bandwidth");
  device.measured_bandwidth = memory.bandwidth("measured_bandwidth");
  for (const std::string& text : memory.texts("sizes")) {
    const auto bytes = parse_bytes(text);
    if (bytes) device.memory_sizes.push_back(*bytes);
    else memory.fault("sizes", bytes.error().message);
  }
  device.bus_bits = memory.integer("bus_bits");
  device.data_rate_gbps = memory.number("data_rate_gbps");
  device.unified = memory.flag("unified");
  device.ecc = memory.flag("ecc");
  // A card of several chips says both figures, so that a sum cannot pass for one chip.
  const auto card = memory.size("card");
  if (device.chips > 1 && !card) memory.fault("card", "is missing: a card of several chips says the memory of the whole card too");
  if (card && card->value != card_memory(device))
    memory.fault("card", "is not " + std::to_string(device.chips) + " x size: size, bandwidth and rates are those of ONE chip");
  memory.refuse_unknown();
}

std::map<std::string, Fact<FlopRate>> read_rates(TableReader& rates, const std::string& note_key, std::string* note) {
  std::map<std::string, Fact<FlopRate>> out;
  for (const std::string& format : rates.keys()) {
    if (format == note_key) {
      *note = rates.text(note_key);
      continue;
    }
    if (!is_rate_name(format)) {
      rates.fault(format, "is not a number format with a rate", nearest_rate_name(format));
      continue;
    }
    const auto rate = rates.flop_rate(format);
    if (!rate) continue;
    out[format] = *rate;
  }
  return out;
}

void read_link(TableReader link, Device& device) {
  device.link.pcie_generation = link.integer("pcie_generation");
  device.link.pcie_lanes = link.integer("pcie_lanes");
  device.link.nvlink = link.bandwidth("peer_bandwidth");
  device.link.nvlink_peers = link.integer("peers");
  device.link.name = link.text("name");
  device.link.built_in = link.flag("built_in");
  device.link.host_link = link.text("host_link");
  device.link.host_processor = link.text("host_processor");
  device.link.reads_peers = link.flag("reads_peers");
  link.refuse_unknown();
}

void read_form(TableReader form, Device& device) {
  device.form.length_mm = form.number("length_mm");
  device.form.height_mm = form.number("height_mm");
  device.form.slots = form.number("slots");
  device.form.cooler = form.text("cooler");
  device.form.connectors = form.texts("connectors");
  device.form.display = form.flag("display");
  form.refuse_unknown();
}

void read_power(TableReader power, Device& device) {
  device.power = power.watts("limit");
  device.idle = power.watts("idle");
  power.refuse_unknown();
}

std::vector<Disputed> read_disputed(TableReader& table) {
  std::vector<Disputed> out;
  for (TableReader& item : table.tables("disputed")) {
    Disputed disputed;
    disputed.field = item.required_text("field");
    disputed.value = item.required_text("value");
    disputed.source = item.provenance().source;
    disputed.note = item.text("note");
    item.refuse_unknown();
    out.push_back(std::move(disputed));
  }
  return out;
}

// Rates say what they count: floating formats in flop/s, integer formats in op/s, so that TOPS cannot pass for TFLOPS.
void check_rate_units(TableReader& rates) {
  for (const std::string& format : rates.keys()) {
    if (!is_rate_name(format)) continue;
    const std::string text = rates.value_text(format);
    const bool integer_unit = text.find("op/s") != std::string::npos && text.find("flop/s") == std::string::npos;
    const bool integer_format = format.rfind("int", 0) == 0;
    if (!text.empty() && integer_unit != integer_format)
      rates.fault(format, integer_format ? "integer rates are written in op/s (\"284 Top/s\"), never flop/s"
                                         : "floating-point rates are written in flop/s (\"71 Tflop/s\"): TOPS are not TFLOPS");
  }
}

Device read_one(TableReader& table, TableReader& defaults, const std::string& file) {
  Device device;
  device.file = file;
  device.line = table.line();
  device.key = table.required_text("key");
  device.name = table.required_text("name");
  device.aliases = table.texts("aliases");
  device.kind = read_kind(table, defaults);
  device.vendor = table.text("vendor", defaults.text("vendor"));
  device.architecture = table.text("architecture", defaults.text("architecture"));
  device.capability = table.text("capability", defaults.text("capability"));
  device.release = table.text("release");
  device.modified = table.flag("modified");
  device.soldered = table.flag("soldered");
  device.base_device = table.text("base_device");
  device.chips = table.integer("chips", 1, 1);
  device.inter_chip = table.bandwidth("inter_chip");
  device.sparse_quoted = table.flag("sparse_quoted");
  device.process_nm = table.integer("process_nm");
  device.cores = table.integer("cores");
  device.boost_mhz = table.number("boost_mhz");
  device.runs = table.has("runs") ? table.texts("runs") : defaults.texts("runs");
  device.first_version = table.text("first_version", defaults.text("first_version"));
  device.last_version = table.text("last_version", defaults.text("last_version"));
  device.software_notes = table.has("software_notes") ? table.texts("software_notes") : defaults.texts("software_notes");
  device.caveats = table.texts("caveats");
  device.confidence = table.text("confidence");
  device.sources = table.sources("sources");
  device.caches_mb = table.numbers("caches_mb");
  device.tolerated = table.text_map("tolerated");
  read_memory(table.table("memory"), device);
  TableReader rates = table.table("rates");
  check_rate_units(rates);
  device.rates = read_rates(rates, "note", &device.rates_note);
  TableReader measured = table.table("measured_rates");
  check_rate_units(measured);
  device.measured_rates = read_rates(measured, "", nullptr);
  read_link(table.table("link"), device);
  read_power(table.table("power"), device);
  read_form(table.table("form"), device);
  device.disputed = read_disputed(table);
  table.refuse_unknown();
  name_chip(device);
  return device;
}

}  // namespace

void name_chip(Device& device) {
  const auto in_units = [](double value, double unit) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), ":%.4g", value / unit);
    return std::string(text.data());
  };
  const auto single = device.rates.find("fp32");
  device.chip = single == device.rates.end() ? device.key : device.architecture + in_units(single->second.value.value(), 1e12);
  device.chip_and_memory = single == device.rates.end() || !device.bandwidth ? device.chip : device.chip + in_units(device.bandwidth->value.value(), 1e9);
}

Result<std::vector<Device>> read_devices(std::string_view text, const std::string& file) {
  RC_ASSIGN(document, parse_toml(text, file));
  Faults faults(file);
  TableReader root(document, faults);
  TableReader defaults = root.table("defaults");
  std::vector<Device> devices;
  for (const char* key : {"kind", "vendor", "architecture", "capability", "runs", "first_version", "last_version", "software_notes"}) defaults.allow(key);
  defaults.refuse_unknown();
  for (TableReader& table : root.tables("device", defaults.provenance())) {
    Device device = read_one(table, defaults, file);
    for (const DataFault& fault : check_device(device)) table.fault(fault.field, fault.message);
    devices.push_back(std::move(device));
  }
  root.refuse_unknown();
  RC_TRY(faults.result());
  return devices;
}

}  // namespace rigcast::catalog
