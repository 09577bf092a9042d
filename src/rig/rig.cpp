#include "rig/rig.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/text.hpp"
#include "base/units.hpp"
#include "rig/assemble.hpp"

namespace rigcast::rig {
namespace {

// Chips that are sockets of one board, joined by its fabric (MI300A): as many as it joins.
bool shares_board(const catalog::Device& chip, const std::vector<Card>& board) {
  return chip.link.built_in && board.front().device.key == chip.key && board.size() < static_cast<std::size_t>(chip.link.nvlink_peers);
}

// A chip with its own host memory is a machine: two of them are two hosts, unless a board holds several, and other cards plug into the first.
std::vector<std::vector<Card>> into_machines(std::vector<Card> cards) {
  std::vector<std::vector<Card>> machines(1);
  std::vector<Card> others;
  for (Card& card : cards) {
    if (!card.device.unified) {
      others.push_back(std::move(card));
      continue;
    }
    if (!machines.back().empty() && !shares_board(card.device, machines.back())) machines.emplace_back();
    machines.back().push_back(std::move(card));
  }
  std::move(others.begin(), others.end(), std::back_inserter(machines.front()));
  return machines;
}

// Where nobody says which of several sizes: the largest, but of those whose largest is an estimate of what their platform takes two modules of 16 GiB.
Bytes usual_size(const catalog::Device& chip) {
  const Bytes most = chip.memory.value, two_modules(32 * kGiB);
  return chip.memory.basis == catalog::Basis::estimated && chip.kind == catalog::DeviceKind::apu ? std::min(most, two_modules) : most;
}

Result<Host> host_for(const catalog::Catalog& catalog, const std::vector<Card>& cards, const Part& part, Rig& rig) {
  const Option* said = find_option(part.options, "host");
  const auto chip = std::find_if(cards.begin(), cards.end(), [](const Card& card) { return card.device.unified; });
  Host host;
  if (chip != cards.end() && !said) {
    host = host_of_chip(catalog, chip->device, chip->memory.value_or(usual_size(chip->device)));
    const auto sockets = static_cast<int>(unified_chips(cards));   // each has its memory
    host.sockets *= sockets, host.cores *= sockets, host.channels *= sockets;
    host.memory = host.memory * sockets, host.bandwidth = host.bandwidth * sockets;
    if (!chip->memory && chip->device.memory_sizes.size() > 1)
      rig.notes.push_back(chip->device.name + " is sold with several sizes: " + print_gib(host.memory) + " are assumed; say " + chip->device.key + "-" +
                          format_shortest(chip->device.memory_sizes.front().value() / kGiB) + "g");
  } else if (said) {
    RC_ASSIGN(read, read_host(catalog, *said, rig.notes));
    host = std::move(read);
  } else {
    std::vector<catalog::Device> devices;
    for (const Card& card : cards) devices.push_back(card.device);
    RC_ASSIGN(assumed, assume_host(catalog, devices, rig.notes));
    host = std::move(assumed);
  }
  if (const Option* os = find_option(part.options, "os")) {
    RC_ASSIGN(read, read_os(*os));
    const bool apple = chip != cards.end() && chip->device.vendor == "apple";
    if (read == Os::macos && !apple && !cards.empty())
      return fail(ErrorKind::infeasible, "macOS does not run on " + (cards.front().device.name), os->where, "os", "linux");
    host.os = read;
  }
  host.reserved = std::min(host_reserve(host.os), host.memory * 0.5);
  if (const Option* reserved = find_option(part.options, "host-reserved")) {
    RC_ASSIGN(bytes, read_memory(*reserved));
    if (bytes >= host.memory) return fail(ErrorKind::infeasible, "host-reserved: leaves nothing of " + print_gib(host.memory), reserved->where, "host-reserved");
    host.reserved = bytes;
  }
  return host;
}

Result<void> add_part(const catalog::Catalog& catalog, const Part& part, Rig& rig) {
  RC_ASSIGN(all, resolve_cards(catalog, part));
  if (all.empty() && !find_option(part.options, "host"))
    return fail(ErrorKind::input, "no device and no host: \"2x3090\" or \"host=epyc-7532:8xddr4-3200:512g\"", part.options.empty() ? Where{"rig", 1, 1} : part.options.front().where, "rig");
  for (std::vector<Card>& cards : into_machines(std::move(all))) {
    RC_ASSIGN(host, host_for(catalog, cards, part, rig));
    std::size_t devices = 0;
    for (const Card& card : cards) devices += static_cast<std::size_t>(card.device.chips);
    if (devices > kMostOnHost)
      return fail(ErrorKind::infeasible, "more than " + std::to_string(kMostOnHost) + " devices on one host: separate hosts by '|'", cards.back().where, "rig");
    if (rig.hosts.size() >= kMostOnHost) return fail(ErrorKind::infeasible, "more than " + std::to_string(kMostOnHost) + " hosts", cards.empty() ? Where{"rig", 1, 1} : cards.back().where, "rig");
    const int number = static_cast<int>(rig.hosts.size());
    rig.hosts.push_back(std::move(host));
    RC_TRY(add_devices(cards, number, rig));
    RC_TRY(join_host(catalog, cards, number, rig));
    RC_TRY(join_peers(catalog, cards, part, number, rig));
  }
  return {};
}

bool all_alike(const std::vector<RigDevice>& devices) {
  return std::all_of(devices.begin(), devices.end(), [&](const RigDevice& one) {
    return one.device.key == devices.front().device.key && one.memory == devices.front().memory && one.power_limit == devices.front().power_limit;
  });
}

Result<void> check_size(const Rig& rig) {
  const std::size_t most = rig.devices.size() > kMostUnlike && !all_alike(rig.devices) ? kMostUnlike : kMostDevices;
  if (rig.devices.size() <= most) return {};
  return fail(ErrorKind::infeasible, "more than " + std::to_string(most) + (most == kMostUnlike ? " devices that are not all alike" : " devices"), Where{"rig", 1, 1}, "rig");
}

Result<int> read_nodes(const Spec& spec) {
  const Option* option = find_option(spec.options, "nodes");
  if (!option) return 1;
  const auto nodes = parse_int(option->value);
  if (!nodes || *nodes < 1 || *nodes > 1024) return fail(ErrorKind::input, "nodes: '" + option->value + "' is not a number of hosts", option->where, "nodes");
  return static_cast<int>(*nodes);
}

Result<Spec> read_any(std::string_view text) {
  if (equal_ignoring_case(trim(text), "here"))
    return fail(ErrorKind::unsupported, "'here' is this machine, which has to be probed: name the devices instead (\"2x3090\")", Where{"rig", 1, 1}, "rig");
  if (!trim(text).ends_with(".toml")) return read_spec(text);
  const std::string path(trim(text));
  std::ifstream in(path, std::ios::binary);
  std::error_code ignored;
  if (!in && !std::filesystem::exists(path, ignored)) return fail(ErrorKind::not_found, "no such file", Where{path}, "rig");
  if (!in) return fail(ErrorKind::input, "cannot be opened for reading", Where{path}, "rig");
  const std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return read_rig_file(content, path);
}

}  // namespace

Result<Rig> parse_rig(const catalog::Catalog& catalog, std::string_view text) {
  RC_ASSIGN(spec, read_any(text));
  RC_ASSIGN(nodes, read_nodes(spec));
  Rig rig;
  rig.spec = std::string(trim(text));
  for (int node = 0; node < nodes; ++node)
    for (const Part& part : spec.parts) {
      RC_TRY(add_part(catalog, part, rig));
      RC_TRY(check_size(rig));
    }
  RC_TRY(join_hosts(catalog, find_option(spec.options, "net"), rig));
  // What holds for every node is said once.
  std::vector<std::string> once;
  for (std::string& note : rig.notes)
    if (std::find(once.begin(), once.end(), note) == once.end()) once.push_back(std::move(note));
  rig.notes = std::move(once);
  return rig;
}

}  // namespace rigcast::rig
