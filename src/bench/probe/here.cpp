// From Findings to a Rig: names to Devices, links to link types, and stubs for what nobody knows.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/probe.hpp"
#include "rig/host_spec.hpp"

namespace rigcast::bench {
namespace {

using catalog::Catalog;

// One row of data/probe/devices.csv.
struct NameRow { std::string_view vendor, match, revision, units, memory_gb, key; };

std::vector<NameRow> name_rows(std::string_view table) {
  std::vector<NameRow> rows;
  for (const std::string_view line : split(table, '\n')) {
    const auto cells = split(line, ',');
    if (line.starts_with('#') || cells.size() < 7 || cells[0] == "vendor") continue;
    rows.push_back({cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]});
  }
  return rows;
}

// The key of the best row for this device: every filled cell must agree, and of several rows the one with the nearest memory wins.
std::string key_of(const std::vector<NameRow>& rows, const FoundDevice& device, int units) {
  const std::size_t colon = device.pci_id.find(':');
  const std::string_view number = colon == std::string::npos ? std::string_view() : std::string_view(device.pci_id).substr(colon + 1);
  std::string best;
  double least = std::numeric_limits<double>::infinity();
  for (const NameRow& row : rows) {
    const bool named = row.match == device.name || (!number.empty() && row.match == number);
    if (row.vendor != device.vendor || !named) continue;
    if (!row.revision.empty() && row.match == number && row.revision != device.pci_revision) continue;
    if (!row.units.empty() && parse_int(row.units) != units) continue;
    const auto gigabytes = parse_double(row.memory_gb);
    const double distance = gigabytes && device.memory.value() > 0 ? std::abs(std::log(device.memory.value() / (*gigabytes * kGiga))) : 0.5;
    if (distance < least) least = distance, best = row.key;
  }
  return best;
}

// Names to try, most exact first: as printed, without the vendor, without decorations of drivers.
std::vector<std::string> spellings(const FoundDevice& device) {
  std::vector<std::string> names;
  if (device.name.empty()) return names;
  names.push_back(device.name);
  if (device.vendor == "huawei" && !device.name.starts_with("Ascend")) names.push_back("Ascend " + device.name);
  std::string bare = device.name;
  for (const char* prefix : {"NVIDIA ", "AMD ", "Intel(R) ", "Tesla "})
    if (starts_with_ignoring_case(bare, prefix)) names.push_back(bare = bare.substr(std::string_view(prefix).size()));
  if (const std::size_t bracket = bare.find(" ("); bracket != std::string::npos) names.push_back(bare.substr(0, bracket));
  return names;
}

struct Match { std::optional<catalog::Device> device; std::string note; };

Match find_device(const Catalog& catalog, const std::vector<NameRow>& rows, const FoundDevice& found, int units) {
  std::string ambiguous;
  if (const std::string key = key_of(rows, found, units); !key.empty())
    if (auto device = catalog.device(key, {}, Catalog::Advice::none)) return {std::move(*device), {}};
  const auto hint = found.memory.value() > 0 ? std::optional(found.memory) : std::nullopt;
  for (const std::string& name : spellings(found)) {
    auto device = catalog.device(name, hint, Catalog::Advice::none);
    if (device) return {std::move(*device), {}};
    if (device.error().kind == ErrorKind::input) ambiguous = device.error().message;
  }
  return {std::nullopt, ambiguous};
}

Stub make_stub(const FoundDevice& found, const std::string& date) {
  Stub stub;
  std::string id = found.pci_id.empty() ? fold_name(found.name) : replace_all(found.pci_id, ":", "-");
  stub.key = "unknown-" + id;
  stub.file_name = "devices/" + stub.key + ".toml";
  const std::string name = found.name.empty() ? "Unknown device " + found.pci_id : found.name;
  stub.text = "# Found by " + found.found_by + ". Complete the lines marked TODO and place this file into the overlay folder's devices/ (rigcast --data DIR).\n"
              "[[device]]\nkey = \"" + stub.key + "\"\nname = \"" + name + "\"\nvendor = \"" + found.vendor + "\"\n";
  if (!found.name.empty()) stub.text += "aliases = [\"" + found.name + "\"]\n";
  stub.text += "kind = \"gpu\"                      # TODO gpu, accelerator, npu, soc, apu\narchitecture = \"unknown\"          # TODO\n";
  if (!found.capability.empty()) stub.text += "capability = \"" + found.capability + "\"\n";
  stub.text += "source = \"printed by " + found.found_by + " on this machine\"  # TODO where the numbers come from\ndate = \"" + date + "\"\n";
  stub.text += "basis = \"measured\"\nconfidence = \"low\"\n\n[device.memory]\ntype = \"unknown\"                  # TODO\n";
  stub.text += "size = \"" + format_significant(found.memory.value() / kGiB, 4) + " GiB\"\n# bandwidth = \"0 GB/s\"          # TODO, or let `rigcast bench` measure it\n";
  if (found.link.device_lanes > 0 && found.link.device_generation > 0)
    stub.text += "\n[device.link]\npcie_generation = " + std::to_string(found.link.device_generation) + "\npcie_lanes = " + std::to_string(found.link.device_lanes) + "\n";
  if (found.default_power_limit) stub.text += "\n[device.power]\nlimit = \"" + print_watts(*found.default_power_limit) + "\"\n";
  return stub;
}

// A Device good enough to place models on: memory is known, speed is not.
catalog::Device bare_device(const FoundDevice& found, const Stub& stub) {
  catalog::Device device;
  device.key = stub.key;
  device.name = found.name.empty() ? found.pci_id : found.name;
  device.vendor = found.vendor;
  device.capability = found.capability;
  device.memory = {found.memory, catalog::Basis::measured, {"printed by " + found.found_by, ""}};
  device.link.pcie_generation = found.link.device_generation;
  device.link.pcie_lanes = found.link.device_lanes;
  device.runs = found.runtimes;
  if (found.default_power_limit) device.power = catalog::Fact<Watts>{*found.default_power_limit, catalog::Basis::measured, device.memory.source};
  device.confidence = "low";
  return device;
}

// "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz" -> "Intel Xeon Gold 6230"; "AMD EPYC 7532 32-Core Processor" -> "AMD EPYC 7532";
// "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S" -> "AMD RYZEN AI MAX+ 395".
std::string plain_processor(std::string name) {
  for (const char* mark : {"(R)", "(r)", "(TM)", "(tm)", "Processor", "CPU"}) name = replace_all(name, mark, "");
  for (const char* tail : {" @ ", " w/ ", " with "})
    if (const std::size_t at = name.find(tail); at != std::string::npos) name.resize(at);
  std::string plain;
  for (const std::string_view word : split_words(name))
    if (word.find("-Core") == std::string_view::npos) plain += (plain.empty() ? "" : " ") + std::string(word);
  return plain;
}

// A processor nobody listed, as far as it tells about itself: its instructions decide which kernels run.
catalog::Processor unlisted(const FoundProcessor& found) {
  catalog::Processor processor;
  processor.key = "unlisted";
  processor.name = found.name.empty() ? "this processor" : found.name;
  processor.vendor = found.vendor;
  processor.cores = found.cores / std::max(1, found.sockets);
  processor.instruction_sets = found.instruction_sets;
  return processor;
}

// "RTX 3090: 1.2 of 24.0 GiB are in use now and do not count": what a user can free is told. Nothing of what is not worth a word.
void note_used(const std::string& of, Bytes used, Bytes memory, std::vector<std::string>& notes) {
  constexpr double kWorthAWord = 0.01;
  if (used > memory * kWorthAWord) notes.push_back(of + ": " + print_gib(used) + " of " + print_gib(memory) + " are in use now and do not count");
}

// What others use now, and no less than a system and its programs keep in any machine.
void reserve(const FoundHost& found, rig::Host& host, std::vector<std::string>& notes) {
  const Bytes used = found.available > Bytes{} ? std::max(Bytes{}, found.memory - found.available) : Bytes{};
  host.reserved = std::max(used, std::min(rig::host_reserve(host.os), host.memory * 0.5));
  if (used == host.reserved) note_used("host memory", used, host.memory, notes);
}

rig::Host make_host(const Catalog& catalog, const FoundHost& found, std::vector<std::string>& notes) {
  rig::Host host;
  host.name = found.processor.name.empty() ? "this processor" : found.processor.name;
  host.sockets = found.processor.sockets;
  host.cores = found.processor.cores;
  host.memory = found.memory;
  host.os = found.os == "macos" ? rig::Os::macos : found.os == "windows" ? rig::Os::windows : rig::Os::linux_os;
  reserve(found, host, notes);
  const std::string plain = plain_processor(found.processor.name);
  for (const std::string& name : {found.processor.name, plain, plain.substr(plain.find(' ') + 1)}) {
    if (name.empty() || host.processor) continue;
    if (auto processor = catalog.processor(name)) host.processor = std::move(*processor);
  }
  if (!found.modules.empty()) {
    host.memory_type = found.modules.front().type;
    host.memory_mt_s = found.modules.front().mt_s;
    for (const MemoryModule& module : found.modules) host.memory_mt_s = std::min(host.memory_mt_s, module.mt_s);   // the slowest sets the pace
    host.channels = found.channels;
    if (host.channels == 0) {
      const int most = host.processor ? host.processor->channels * host.sockets : 2;
      host.channels = std::min(static_cast<int>(found.modules.size()), std::max(1, most));
      notes.push_back("the board's slot names do not tell memory channels; " + std::to_string(host.channels) + " are assumed");
    }
    constexpr double kChannelBytes = 8;   // 64 data lines
    host.bandwidth = Bandwidth(host.channels * kChannelBytes * host.memory_mt_s * kMega);
  }
  if (!host.processor) host.processor = unlisted(found.processor);
  return host;
}

// The link type "pcie4x16", built from the rate where the catalogue lacks that width.
catalog::LinkType link_type(const Catalog& catalog, int generation, int lanes) {
  const std::string key = "pcie" + std::to_string(generation) + "x" + std::to_string(lanes);
  if (auto type = catalog.link(key)) return std::move(*type);
  // One lane, one way, after encoding: 0.25, 0.5, 0.985, 1.97, 3.94, 7.56 GB/s; packets leave about 85 % of it.
  constexpr std::array per_lane = {0.25, 0.5, 0.985, 1.969, 3.938, 7.563};
  catalog::LinkType type;
  type.key = type.name = key;
  const auto row = static_cast<std::size_t>(std::clamp(generation, 1, 6) - 1);
  type.bandwidth = {Bandwidth(per_lane[row] * lanes * 0.85 * kGiga), catalog::Basis::derived, {"PCI Express base specification", ""}};
  type.latency = {Seconds(10e-6), catalog::Basis::estimated, {"a small copy through a driver", ""}};
  return type;
}

// Width is what it is now; speed is what every joint could do, since idle devices lower it.
void add_host_link(const Catalog& catalog, const FoundDevice& found, int index, rig::Rig& rig) {
  if (found.link.lanes <= 0) return;
  const int generation = std::max(found.link.generation, found.link.max_generation);
  rig.links.push_back({.a = index, .b = -1, .type = link_type(catalog, generation, found.link.lanes), .peer_to_peer = false});
}

void add_peer_links(const Findings& findings, const std::vector<int>& rig_index, rig::Rig& rig) {
  for (const FoundPeerLink& peer : findings.peers) {
    const int a = rig_index[static_cast<std::size_t>(peer.a)], b = rig_index[static_cast<std::size_t>(peer.b)];
    if (a < 0 || b < 0) continue;
    const auto& link = rig.devices[static_cast<std::size_t>(a)].device.link;
    if (!link.nvlink) continue;
    catalog::LinkType type;
    type.key = fold_name(peer.name) + std::to_string(peer.version);
    type.name = link.name.empty() ? peer.name : link.name;
    type.bandwidth = *link.nvlink;
    type.latency = {Seconds(5e-6), catalog::Basis::estimated, {"one message between devices, driver included", ""}};
    rig.links.push_back({.a = a, .b = b, .type = type, .peer_to_peer = peer.peer_to_peer});
  }
}

// "CUDA 12.9" -> {"CUDA", 12.9 as 12009}; versions compare by major and minor.
struct Version { std::string name; long long number = 0; };
Version parse_version(std::string_view text) {
  const auto words = split_words(text);
  if (words.size() < 2) return {};
  const auto parts = split(words.back(), '.');
  const long long major = parse_int(parts[0]).value_or(0), minor = parts.size() > 1 ? parse_int(parts[1]).value_or(0) : 0;
  return {to_lower(words.front()), major * 1000 + minor};
}

// What the installed driver or runtime rules out, by the first and last versions the catalogue states for the Device.
void note_versions(const Findings& findings, const catalog::Device& device, std::vector<std::string>& notes) {
  for (const Runtime& runtime : findings.runtimes) {
    const Version installed = parse_version(split_words(runtime.name).front() == std::string_view("CUDA") ? "CUDA " + runtime.version : runtime.name + " " + runtime.version);
    const Version first = parse_version(device.first_version), last = parse_version(device.last_version);
    if (installed.number == 0) continue;
    if (first.name == installed.name && installed.number < first.number)
      notes.push_back(device.name + " needs at least " + device.first_version + "; installed is " + runtime.version);
    if (last.name == installed.name && installed.number > last.number)
      notes.push_back(device.name + ": " + device.last_version + " was the last to support it; programs built for " + runtime.version + " will not run on it");
  }
}

// The devices that programs see of a card: itself, or its MIG instances. An instance "3g.40gb" has three of seven parts of the arithmetic, and
// as many eighths of the bandwidth as of the memory.
std::vector<rig::RigDevice> slices_of(const FoundDevice& found, const rig::RigDevice& whole) {
  if (!found.sliced) return {whole};
  std::vector<rig::RigDevice> parts;
  for (const CardSlice& slice : found.slices) {
    rig::RigDevice& part = parts.emplace_back(whole);
    const std::size_t at = slice.name.find("MIG ");
    const auto arithmetic = at == std::string::npos ? std::nullopt : parse_int(slice.name.substr(at + 4, slice.name.find('g', at + 4) - at - 4));
    const double compute = static_cast<double>(std::clamp<long long>(arithmetic.value_or(7), 1, 7)) / 7;
    const double memory = std::clamp(std::round(8 * slice.memory.value() / std::max(1.0, whole.memory.value())), 1.0, 8.0) / 8;
    part.device.name = slice.name.empty() ? whole.device.name + " (MIG)" : slice.name;
    part.device.memory.value = part.memory = slice.memory;
    part.device.usable_memory.reset();
    part.reserved = slice.used;
    if (part.device.bandwidth) part.device.bandwidth->value = part.device.bandwidth->value * memory;
    if (part.device.measured_bandwidth) part.device.measured_bandwidth->value = part.device.measured_bandwidth->value * memory;
    for (auto* rates : {&part.device.rates, &part.device.measured_rates})
      for (auto& [format, rate] : *rates) rate.value = rate.value * compute;
    part.device.link.nvlink.reset();
  }
  return parts;
}

}  // namespace

Here to_rig(const Catalog& catalog, const Findings& findings) {
  Here here;
  here.rig.spec = "here";
  here.rig.hosts.push_back(make_host(catalog, findings.host, here.notes));
  const std::string_view table = catalog.file("probe/devices.csv").value_or("");
  const auto rows = name_rows(table);
  // An integrated GPU's own part is small; what it may take of the host is larger.
  const bool discrete = std::any_of(findings.devices.begin(), findings.devices.end(),
                                    [](const FoundDevice& d) { return !d.unified && d.memory.value() > d.shared.value() / 8 && d.memory.value() > 0; });
  std::vector<int> rig_index(findings.devices.size(), -1);
  std::map<std::pair<std::string, int>, int> cards;
  for (std::size_t i = 0; i < findings.devices.size(); ++i) {
    const FoundDevice& found = findings.devices[i];
    const std::string label = found.name.empty() ? found.vendor + " " + found.pci_id : found.name;
    const int chips = static_cast<int>(std::count_if(findings.devices.begin(), findings.devices.end(), [&](const FoundDevice& other) {
      return other.vendor == found.vendor && found.card >= 0 && other.card == found.card;
    }));
    Match match = find_device(catalog, rows, found, found.cores > 0 ? found.cores : std::max(1, chips));
    const bool unified = found.unified || (match.device && match.device->unified);
    if (unified && discrete) {
      here.notes.push_back(label + " uses the host's memory and is left out beside cards of their own memory");
      continue;
    }
    if (!match.device && (unified || found.memory.value() == 0)) {
      here.notes.push_back(label + " is left out: " + (unified ? "integrated graphics the catalogue does not know" : "its memory cannot be read without its driver"));
      continue;
    }
    if (!match.note.empty()) here.notes.push_back(match.note);
    rig::RigDevice device;
    if (match.device) {
      device.device = std::move(*match.device);
      note_versions(findings, device.device, here.notes);
    } else {
      here.stubs.push_back(make_stub(found, findings.date));
      device.device = bare_device(found, here.stubs.back());
    }
    const auto card = cards.emplace(std::pair(found.vendor, found.card >= 0 ? found.card : -1 - static_cast<int>(i)), static_cast<int>(cards.size()));
    device.card = card.first->second;
    device.memory = unified && found.shared.value() > found.memory.value() ? found.shared + found.memory : found.memory;
    if (device.memory.value() == 0) device.memory = device.device.memory.value;
    device.reserved = found.used;
    note_used(label, found.used, device.memory, here.notes);
    if (found.power_limit && found.default_power_limit && found.power_limit->value() < found.default_power_limit->value() * 0.98)
      device.power_limit = found.power_limit;
    rig_index[i] = static_cast<int>(here.rig.devices.size());
    if (found.sliced) here.notes.push_back(label + " is divided by MIG; a program sees one instance of it, and instances do not reach each other's memory");
    for (rig::RigDevice& part : slices_of(found, device)) {
      part.index = static_cast<int>(here.rig.devices.size());
      here.found.push_back(static_cast<int>(i));
      here.rig.devices.push_back(std::move(part));
      add_host_link(catalog, found, here.rig.devices.back().index, here.rig);
    }
    if (rig_index[i] == static_cast<int>(here.rig.devices.size())) rig_index[i] = -1;   // no instance, no device
  }
  add_peer_links(findings, rig_index, here.rig);
  here.rig.notes = here.notes;
  return here;
}

void use_measured(Here& here, Bandwidth read) {
  if (read.value() <= 0 || here.rig.hosts.empty()) return;
  rig::Host& host = here.rig.hosts.front();
  const std::string before = host.bandwidth.value() > 0 ? " (on paper " + print_bandwidth(host.bandwidth) + ")" : "";
  host.measured_bandwidth = catalog::Fact<Bandwidth>{read, catalog::Basis::measured, {"rigcast bench on this machine", ""}};
  host.bandwidth = Bandwidth(read.value() / kReadShare);
  here.notes.push_back("memory bandwidth: bench read " + print_bandwidth(read) + " here, taken as " + print_bandwidth(host.bandwidth) + " at most" + before);
  here.rig.notes = here.notes;
}

void use_measured(Here& here, std::vector<rig::KernelRate> kernels) {
  if (kernels.empty() || here.rig.hosts.empty()) return;
  here.notes.push_back("processor: " + std::to_string(kernels.size()) + " kernels of the installed llama.cpp were timed here");
  here.rig.notes = here.notes;
  here.rig.hosts.front().kernels = std::move(kernels);
}

}  // namespace rigcast::bench
