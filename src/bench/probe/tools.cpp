// Devices told by their vendors' own tools: npu-smi (Huawei), mthreads-gmi (Moore Threads), hy-smi (Hygon), mx-smi (MetaX).
// The tools print tables for people; each parser looks only at what every version seen so far prints alike.

#include <algorithm>
#include <array>
#include <map>

#include "base/text.hpp"
#include "bench/detail/probes.hpp"

namespace rigcast::bench {
namespace {

// The cells of "| a | b | c |"; empty for rules and titles.
std::vector<std::string_view> cells(std::string_view line) {
  line = trim(line);
  if (line.size() < 2 || line.front() != '|' || line.back() != '|') return {};
  std::vector<std::string_view> out;
  for (const std::string_view cell : split(line.substr(1, line.size() - 2), '|')) out.push_back(trim(cell));
  return out;
}

bool is_address(std::string_view text) {   // "0000:41:00.0", "00000000:04:00.0"
  return text.size() >= 12 && text.find(':') != std::string_view::npos && text.rfind('.') == text.size() - 2;
}

std::string address_of(std::string_view text) {
  return to_lower(text.size() == 16 ? text.substr(4) : text);
}

// The number at the start: "89.9", "600.0W", "67.0C", "16368". Nothing for "-" or "NA".
std::optional<double> leading_number(std::string_view text) {
  text = trim(text);
  return parse_double(text.substr(0, text.find_first_not_of("0123456789.")));
}

// "2922 / 32768", "41697/ 65536", "60982/65536 MiB" -> used, total in MiB; the last pair of the cell.
std::optional<std::pair<double, double>> last_pair(std::string_view cell) {
  const std::size_t slash = cell.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto left = split_words(cell.substr(0, slash));
  const auto used = left.empty() ? std::nullopt : leading_number(left.back());
  const auto total = leading_number(cell.substr(slash + 1));
  if (!used || !total) return std::nullopt;
  return std::pair(*used, *total);
}

std::string after(std::string_view text, std::string_view label) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos) return {};
  const auto words = split_words(text.substr(at + label.size(), 80));
  return words.empty() ? std::string() : std::string(words.front());
}

}  // namespace

// Two lines a chip: "| 5 910B4 | OK | power temp huge / pages |" and "| 0 | address | AICore% used / total [HBM used / total] |". A card
// of two chips repeats the pair under one card number ("0 310P3 / 0 ..", "0 310P3 / 1 ..").
ToolReport parse_npu_smi(std::string_view text) {
  ToolReport report;
  if (const std::string version = after(text, "Version:"); !version.empty()) report.runtimes.push_back({"Ascend driver", version});
  std::string_view number, name;
  std::optional<double> watts, temperature;
  for (const std::string_view line : split(text, '\n')) {
    if (line.find("Process id") != std::string_view::npos) break;
    const auto row = cells(line);
    if (row.size() != 3) continue;
    const auto head = split_words(row[0]), values = split_words(row[2]);
    if (head.empty() || !parse_int(head[0]) || values.empty()) continue;
    if (is_address(row[1])) {
      const auto memory = last_pair(row[2]);
      if (name.empty() || !memory) continue;
      FoundDevice device{.name = std::string(name), .vendor = "huawei", .found_by = "npu-smi", .pci_address = address_of(row[1])};
      device.capability = name.starts_with("Ascend") ? std::string(name.substr(6)) : std::string(name);
      device.memory = Bytes(memory->second * kMiB), device.used = Bytes(memory->first * kMiB);
      device.temperature = temperature;
      device.card = static_cast<int>(parse_int(number).value_or(-1));
      device.runtimes = {"cann"};
      report.devices.push_back(std::move(device));
    } else if (head.size() >= 2) {
      number = head[0], name = head[1];
      temperature = values.size() > 1 ? leading_number(values[1]) : std::nullopt;
    }
  }
  return report;
}

// Three lines a card: "0 MTT S80 |address |0% 2MiB(16384MiB)", " Physical |4x(16x) |49C YES", " | | N/A".
ToolReport parse_mthreads_gmi(std::string_view text) {
  ToolReport report;
  if (const std::string version = after(text, "Driver Version:"); !version.empty()) report.runtimes.push_back({"Moore Threads driver", version});
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("Processes")) break;
    const auto row = split(line, '|');
    if (row.size() != 3) continue;
    const auto head = split_words(row[0]), values = split_words(row[2]);
    if (head.size() >= 2 && parse_int(head[0]) && is_address(trim(row[1])) && values.size() >= 2) {
      FoundDevice device{.vendor = "moore-threads", .found_by = "mthreads-gmi", .pci_address = address_of(trim(row[1]))};
      for (std::size_t i = 1; i < head.size(); ++i) device.name += (i > 1 ? " " : "") + std::string(head[i]);
      const std::size_t bracket = values[1].find('(');
      if (bracket != std::string_view::npos) {
        device.used = Bytes(leading_number(values[1]).value_or(0) * kMiB);
        device.memory = Bytes(leading_number(values[1].substr(bracket + 1)).value_or(0) * kMiB);
      }
      device.runtimes = {"musa"};
      report.devices.push_back(std::move(device));
    } else if (!report.devices.empty() && trim(row[1]).find("x(") != std::string_view::npos) {
      PcieLink& link = report.devices.back().link;   // "4x(16x)": lanes now (at most)
      const std::string_view lanes = trim(row[1]);
      link.lanes = static_cast<int>(leading_number(lanes).value_or(0));
      link.max_lanes = link.device_lanes = static_cast<int>(leading_number(lanes.substr(lanes.find('(') + 1)).value_or(0));
      if (!values.empty()) report.devices.back().temperature = leading_number(values[0]);
    }
  }
  return report;
}

// Lines "HCU[0] : Card Series: K100_AI", "DCU[0] : vram Total Memory (MiB): 65520", "HCU[0] : PCI Bus: 0000:9F:00.0", and rows of the
// plain table "0 49.0C 118.0W auto 800.0W 0% 0% Normal" whose columns the title line names.
ToolReport parse_hy_smi(std::string_view text) {
  ToolReport report;
  std::map<long long, FoundDevice> devices;
  std::vector<std::string_view> columns;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t open = line.find('['), close = line.find(']'), colon = line.find(':');
    if (open != std::string_view::npos && close != std::string_view::npos && colon != std::string_view::npos && open < close && close < colon) {
      const auto number = parse_int(line.substr(open + 1, close - open - 1));
      const std::string_view rest = trim(line.substr(colon + 1));
      const std::size_t last = rest.find(':');
      if (!number || last == std::string_view::npos) continue;
      FoundDevice& device = devices[*number];
      const std::string key = to_lower(trim(rest.substr(0, last)));
      const std::string_view value = trim(rest.substr(last + 1));
      if (key == "card series") device.name = std::string(value);
      else if (key == "vram total memory (mib)") device.memory = Bytes(leading_number(value).value_or(0) * kMiB);
      else if (key == "vram total used memory (mib)") device.used = Bytes(leading_number(value).value_or(0) * kMiB);
      else if (key == "pci bus") device.pci_address = address_of(value);
      continue;
    }
    const auto words = split_words(line);
    if (words.size() > 3 && (words[0] == "DCU" || words[0] == "HCU")) columns = words;
    if (words.empty() || words.size() != columns.size() || !parse_int(words[0])) continue;
    FoundDevice& device = devices[*parse_int(words[0])];
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto value = leading_number(words[i]);
      if (!value) continue;
      if (columns[i] == "Temp") device.temperature = value;
      if (columns[i] == "PwrCap") device.power_limit = Watts(*value);
    }
  }
  if (const std::string version = after(text, "Driver Version:"); !version.empty()) report.runtimes.push_back({"Hygon driver", version});
  for (auto& [number, device] : devices) {
    device.vendor = "hygon", device.found_by = "hy-smi", device.runtimes = {"dtk"};
    report.devices.push_back(std::move(device));
  }
  return report;
}

// Two lines a card: "| 0 MetaX C500 | 0000:0e:00.0 | 0% |" and "| 36C 69W / 350W | 5680/65536 MiB | |".
ToolReport parse_mx_smi(std::string_view text) {
  ToolReport report;
  if (const std::string version = after(text, "Kernel Mode Driver Version:"); !version.empty()) report.runtimes.push_back({"MetaX driver", version});
  if (const std::string version = after(text, "MACA Version:"); !version.empty()) report.runtimes.push_back({"MACA", version});
  for (const std::string_view line : split(text, '\n')) {
    const auto row = cells(line);
    if (row.size() != 3) continue;
    const auto head = split_words(row[0]);
    if (head.size() >= 2 && parse_int(head[0]) && is_address(row[1])) {
      FoundDevice device{.vendor = "metax", .found_by = "mx-smi", .pci_address = address_of(row[1])};
      for (std::size_t i = 1; i < head.size(); ++i) device.name += (i > 1 ? " " : "") + std::string(head[i]);
      device.runtimes = {"maca"};
      report.devices.push_back(std::move(device));
    } else if (const auto memory = last_pair(row[1]); memory && !report.devices.empty() && !head.empty()) {
      FoundDevice& device = report.devices.back();
      device.used = Bytes(memory->first * kMiB), device.memory = Bytes(memory->second * kMiB);
      device.temperature = leading_number(head[0]);
      if (const std::size_t slash = row[0].find('/'); slash != std::string_view::npos)
        if (const auto limit = leading_number(row[0].substr(slash + 1))) device.power_limit = Watts(*limit);
    }
  }
  return report;
}

void read_tools(const World& world, Findings& findings) {
  struct Tool { std::string_view vendor; std::vector<std::vector<std::string>> commands; ToolReport (*parse)(std::string_view); };
  const std::array tools = {
      Tool{"huawei", {{"npu-smi", "info"}}, parse_npu_smi},
      Tool{"moore-threads", {{"mthreads-gmi"}}, parse_mthreads_gmi},
      Tool{"hygon", {{"hy-smi"}, {"hy-smi", "--showproductname", "--showmeminfo", "vram", "--showbus", "--showdriverversion"}}, parse_hy_smi},
      Tool{"metax", {{"mx-smi"}}, parse_mx_smi}};
  for (const Tool& tool : tools) {
    const bool present = std::any_of(findings.devices.begin(), findings.devices.end(), [&](const FoundDevice& d) { return d.vendor == tool.vendor; });
    if (!present || !world.run) continue;
    std::string text;
    for (const auto& command : tool.commands) {
      const auto output = world.run(command);
      if (output) text += *output + "\n";
      else findings.unread.push_back(output.error().message + "; devices of " + std::string(tool.vendor) + " are known by their PCI number only");
    }
    ToolReport report = tool.parse(text);
    if (report.devices.empty() && !text.empty()) findings.unread.push_back(tool.commands.front().front() + " printed no device that is understood");
    std::map<std::string, std::size_t> first;   // chips of one card may share its address: the second is a device of its own
    for (FoundDevice& device : report.devices) {
      const auto known = device.pci_address.empty() ? first.end() : first.find(device.pci_address);
      if (known == first.end()) {
        first[device.pci_address] = merge_device(findings, device);
        continue;
      }
      const FoundDevice& other = findings.devices[known->second];
      device.pci_id = other.pci_id, device.numa = other.numa;
      if (device.link.lanes == 0) device.link = other.link;
      findings.devices.push_back(std::move(device));
    }
    findings.runtimes.insert(findings.runtimes.end(), report.runtimes.begin(), report.runtimes.end());
  }
}

}  // namespace rigcast::bench
