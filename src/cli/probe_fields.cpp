#include "cli/probe_fields.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace rigcast::cli {
namespace {

using namespace report;
using bench::Findings;
using bench::FoundDevice;
using bench::FoundHost;
using bench::Here;

Value watts(const std::optional<Watts>& power) { return power ? Value(Number{power->value(), Unit::watts}) : Value(std::monostate{}); }
Sentences sentences(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

void add_text(Fields& fields, const char* id, Phrase label, const std::string& text) {
  if (!text.empty()) fields.push_back({id, std::move(label), Phrase(text)});
}

std::string pcie(int generation, int lanes) {
  return generation > 0 && lanes > 0 ? std::to_string(generation) + ".0 x" + std::to_string(lanes) : std::string();
}

Fields processor_fields(const FoundHost& host) {
  const bench::FoundProcessor& processor = host.processor;
  Fields fields;
  add_text(fields, "name", "name"_say, processor.name);
  fields.push_back({"sockets", "sockets"_say, std::int64_t{processor.sockets}});
  fields.push_back({"cores", "cores"_say, std::int64_t{processor.cores}});
  if (processor.fast_cores != processor.cores) fields.push_back({"fast_cores", "of them fast"_say, std::int64_t{processor.fast_cores}});
  fields.push_back({"threads", "threads"_say, std::int64_t{processor.threads}});
  if (processor.numa.size() > 1) fields.push_back({"numa_nodes", "NUMA nodes"_say, static_cast<std::int64_t>(processor.numa.size())});
  if (!processor.caches.empty()) fields.push_back({"last_cache_bytes", "last-level cache"_say, known(processor.caches.rbegin()->second.value(), Unit::bytes)});
  add_text(fields, "instruction_sets", "instruction sets"_say, join(processor.instruction_sets, ", "));
  if (processor.virtual_machine) fields.push_back({"virtual_machine", "virtual machine"_say, true});
  return fields;
}

Fields memory_fields(const Findings& findings, const Here& here) {
  const FoundHost& host = findings.host;
  Fields fields{{"total_bytes", "total"_say, known(host.memory.value(), Unit::bytes)}, {"available_bytes", "free now"_say, known(host.available.value(), Unit::bytes)}};
  if (!host.modules.empty()) {
    const bench::MemoryModule& first = host.modules.front();
    const std::string each = std::to_string(host.modules.size()) + " x " + format_significant(first.size.value() / kGiB, 3) + " GiB " + first.type + "-" + format_number(first.mt_s, 0);
    fields.push_back({"modules", "modules"_say, Phrase(each)});
    add_text(fields, "modules_source", "told by"_say, host.modules_source);
    if (first.rated_mt_s > first.mt_s) fields.push_back({"rated_mt_s", "modules could do, MT/s"_say, Number{first.rated_mt_s, Unit::none}});
  }
  const auto& rig_host = here.rig.hosts.front();
  if (rig_host.channels > 0) fields.push_back({"channels", "channels in use"_say, std::int64_t{rig_host.channels}});
  fields.push_back({"bandwidth_bytes_s", "bandwidth at most"_say, known(rig_host.bandwidth.value(), Unit::bandwidth)});
  return fields;
}

Rows device_rows(const Findings& findings, const Here& here) {
  Rows rows;
  for (std::size_t i = 0; i < findings.devices.size(); ++i) {
    const FoundDevice& found = findings.devices[i];
    const auto in_rig = std::find(here.found.begin(), here.found.end(), static_cast<int>(i));
    const bool used = in_rig != here.found.end();
    const std::string key = used ? here.rig.devices[static_cast<std::size_t>(in_rig - here.found.begin())].device.key : std::string();
    const std::string name = found.name.empty() ? found.vendor + " " + found.pci_id : found.name;
    Fields row{{"name", "device"_say, Phrase(name)}, {"key", "in the catalogue"_say, Phrase(used ? key : "-")},
               {"memory_bytes", "memory"_say, known(found.memory.value(), Unit::bytes)}, {"used_bytes", "taken"_say, known(found.used.value(), Unit::bytes)},
               {"pcie_now", "PCIe now"_say, Phrase(pcie(found.link.generation, found.link.lanes))},
               {"pcie_at_most", "at most"_say, Phrase(pcie(found.link.max_generation, found.link.max_lanes))},
               {"power_limit_w", "power limit"_say, watts(found.power_limit)}};
    row.push_back(machine("vendor", Phrase(found.vendor)));
    row.push_back(machine("capability", Phrase(found.capability)));
    row.push_back(machine("pci_address", Phrase(found.pci_address)));
    row.push_back(machine("pci_id", Phrase(found.pci_id)));
    row.push_back(machine("found_by", Phrase(found.found_by)));
    row.push_back(machine("default_power_limit_w", watts(found.default_power_limit)));
    row.push_back(machine("temperature_c", found.temperature ? Value(Number{*found.temperature, Unit::none}) : Value(std::monostate{})));
    row.push_back(machine("other_processes", std::int64_t{found.others}));
    row.push_back(machine("display", found.display));
    row.push_back(machine("runtimes", Sentences(found.runtimes.begin(), found.runtimes.end())));
    rows.push_back(std::move(row));
  }
  return rows;
}

Rows peer_rows(const Findings& findings) {
  Rows rows;
  for (const bench::FoundPeerLink& peer : findings.peers)
    rows.push_back({{"a", "between"_say, std::int64_t{peer.a}}, {"b", "and"_say, std::int64_t{peer.b}}, {"name", "link"_say, Phrase(peer.name)}, {"links", "lanes"_say, std::int64_t{peer.links}}});
  return rows;
}

Rows runtime_rows(const Findings& findings) {
  Rows rows;
  for (const bench::Runtime& runtime : findings.runtimes)
    rows.push_back({{"name", "driver or runtime"_say, Phrase(runtime.name)}, {"version", "version"_say, Phrase(runtime.version.empty() ? "-" : runtime.version)}});
  return rows;
}

Rows stub_rows(const Here& here) {
  Rows rows;
  for (const bench::Stub& stub : here.stubs)
    rows.push_back({machine("key", Phrase(stub.key)), machine("file_name", Phrase(stub.file_name)), machine("text", Phrase(stub.text)),
                    people(Show::sentence, fill("{0} is unknown; 'rigcast probe --stubs DIR' writes {1} for you to complete"_say, {stub.key, stub.file_name}))});
  return rows;
}

}  // namespace

report::Report fields(const Findings& findings, const Here& here) {
  Report report;
  report.sections.push_back({{}, {people(Show::headline, "This machine"_say), machine("os", Phrase(findings.host.os)), machine("os_version", Phrase(findings.host.os_version)), machine("date", Phrase(findings.date))}});
  report.sections.push_back({"Processor"_say, {{"processor", {}, processor_fields(findings.host), Show::group}}});
  report.sections.push_back({"Memory"_say, {{"memory", {}, memory_fields(findings, here), Show::group}}});
  Fields devices{list_field("devices", device_rows(findings, here), Show::table)};
  if (findings.devices.empty()) devices.push_back(people(Show::sentence, "No graphics card or accelerator was found."_say));
  devices.push_back(list_field("peers", peer_rows(findings), Show::table));
  devices.push_back(list_field("stubs", stub_rows(here), Show::bullets));
  report.sections.push_back({"Devices"_say, std::move(devices)});
  if (!findings.runtimes.empty()) report.sections.push_back({"Software"_say, {list_field("runtimes", runtime_rows(findings), Show::table)}});
  Fields notes{list_field("warnings", sentences(findings.warnings), Show::warnings), list_field("notes", sentences(here.notes), Show::bullets),
               list_field("unread", sentences(findings.unread), Show::bullets)};
  const bool any = !findings.warnings.empty() || !here.notes.empty() || !findings.unread.empty();
  report.sections.push_back({any ? "Worth knowing"_say : Phrase(), std::move(notes)});
  report.sections.push_back({{}, {people(Show::sentence, "Every verb takes this machine as --on here; 'rigcast bench' measures it."_say)}});
  return report;
}

}  // namespace rigcast::cli
