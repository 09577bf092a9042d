#include "rig/rewrite.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "rig/assemble.hpp"

namespace rigcast::rig {
namespace {

bool in_words(std::string_view spec) {
  const std::string_view text = trim(spec);
  return !text.empty() && !text.ends_with(".toml") && !equal_ignoring_case(text, "here");
}

// `text` without the value of an option that was read from it, and with another there; nothing where the words were not joined by single spaces.
std::optional<std::string> with_value(std::string_view text, const Option& option, std::string_view value) {
  const std::size_t begin = static_cast<std::size_t>(std::max(1, option.where.column)) - 1, at = text.find_first_not_of(" =", std::min(begin, text.size()));
  if (at == std::string_view::npos || text.substr(at, option.value.size()) != option.value) return std::nullopt;
  return std::string(text.substr(0, at)) + std::string(value) + std::string(text.substr(at + option.value.size()));
}

std::string in_gib(Bytes memory) { return format_shortest(memory.value() / kGiB) + "g"; }

// The one part of a spec in words.
std::optional<Spec> read_one_part(std::string_view text) {
  if (!in_words(text)) return std::nullopt;
  auto spec = read_spec(text);
  return spec && spec->parts.size() == 1 ? std::optional(std::move(*spec)) : std::nullopt;
}

// Bridges join pairs: of more cards than the two of "nvlink" those that have a second one.
std::string in_pairs(std::string_view options, int cards) {
  std::vector<std::string> words;
  for (const std::string_view word : split(options, ' ')) words.push_back(std::string(word) + (word == "nvlink" && cards > 2 ? "-pairs" : ""));
  return join(words, " ");
}

}  // namespace

std::optional<std::string> with_cards(const Rig& rig, int cards) {
  const std::string_view spec = rig.spec, all = trim(spec.substr(0, spec.find(';')));
  const std::size_t end = std::min(all.find_first_of("+ "), all.size()), rest = spec.find(';');
  const std::string_view first = all.substr(0, end);
  const std::size_t times = first.find('x'), digits = first.find_first_not_of("0123456789");
  const bool counts = times != std::string_view::npos && times > 0 && digits == times;
  const std::string_view name = counts ? first.substr(times + 1) : first;
  const int more = cards - static_cast<int>(cards_of(rig)), now = counts ? static_cast<int>(parse_int(first.substr(0, times)).value_or(0)) : 1;
  if (!in_words(spec) || name.empty() || spec.find('|') != std::string_view::npos || rig.hosts.size() > 1 || now + more < 1) return std::nullopt;
  const bool bridged = !rig.devices.empty() && rig.devices.front().device.link.nvlink_peers == 2;
  const std::string others = bridged ? in_pairs(all.substr(end), cards) : std::string(all.substr(end));
  return std::to_string(now + more) + 'x' + std::string(name) + others + std::string(rest == std::string_view::npos ? std::string_view() : spec.substr(rest));
}

std::optional<std::string> with_host(std::string_view text, std::string_view host) {
  const auto spec = read_one_part(text);
  if (!spec) return std::nullopt;
  if (const Option* said = find_option(spec->parts.front().options, "host")) return with_value(text, *said, host);
  return std::string(trim(text)) + "; host=" + std::string(host);
}

std::string host_words(const Host& host, Bytes memory) {
  const std::string banks = std::to_string(host.channels) + 'x' + host.memory_type + '-' + format_shortest(host.memory_mt_s);
  const bool usual = !host.processor || host.processor->key.starts_with("host-");
  const std::string sockets = host.sockets > 1 ? std::to_string(host.sockets) + 'x' : std::string();
  return (usual ? banks : sockets + host.processor->key + ':' + banks) + ':' + in_gib(memory);
}

std::optional<std::string> with_memory(const Rig& rig, Bytes memory) {
  const auto spec = read_one_part(rig.spec);
  if (!spec || rig.hosts.size() != 1) return std::nullopt;
  const Option* said = find_option(spec->parts.front().options, "host");
  if (!said) return with_host(rig.spec, host_words(rig.hosts.front(), memory));
  std::string host;
  for (const std::string_view piece : split(said->value, ':'))
    if (!is_memory_size(trim(piece))) host += (host.empty() ? "" : ":") + std::string(trim(piece));
  return with_value(rig.spec, *said, host + ':' + in_gib(memory));
}

std::optional<std::string> with_nodes(const Rig& rig, int nodes) {
  const auto spec = read_one_part(rig.spec);
  if (!spec) return std::nullopt;
  if (const Option* said = find_option(spec->options, "nodes")) return with_value(rig.spec, *said, std::to_string(nodes));
  return std::string(trim(rig.spec)) + "; nodes=" + std::to_string(nodes);
}

}  // namespace rigcast::rig
