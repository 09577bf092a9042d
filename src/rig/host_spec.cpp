#include "rig/host_spec.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"

namespace rigcast::rig {
namespace {

constexpr double kGuessedBytesPerChannel = 32 * kGiB;  // where a host is named without its memory

// A piece of the text behind "host=".
struct Piece {
  std::string text;
  Where where;
};

std::vector<Piece> pieces_of(const Option& option) {
  std::vector<Piece> out;
  Where where = option.where;
  for (const std::string_view text : split(option.value, ':')) {
    out.push_back({std::string(trim(text)), where});
    where.column += static_cast<int>(text.size()) + 1;
  }
  return out;
}

// "8xddr4-3200", "ddr5-5600"; empty: this is something else.
std::optional<MemoryConfig> read_config(std::string_view text) {
  const std::string lower = to_lower(text);
  std::string_view rest = lower;
  MemoryConfig config;
  if (const std::size_t times = rest.find('x'); times != std::string_view::npos && times > 0) {
    const auto channels = parse_int(rest.substr(0, times));
    if (channels && *channels >= 1 && *channels <= 128) {
      config.channels = static_cast<int>(*channels);
      rest.remove_prefix(times + 1);
    }
  }
  for (const std::string_view type : {"mrdimm", "lpddr5x", "lpddr4x", "lpddr5", "lpddr4", "ddr3", "ddr4", "ddr5"}) {
    if (!rest.starts_with(type)) continue;
    const std::string_view rate = rest.substr(type.size());
    const auto mt_s = rate.empty() ? std::optional<double>(0) : rate.front() == '-' ? parse_double(rate.substr(1)) : std::nullopt;
    if (!mt_s || *mt_s < 0 || *mt_s > 20000) return std::nullopt;
    config.type = std::string(type);
    config.mt_s = *mt_s;
    return config;
  }
  return std::nullopt;
}

// "2xepyc-7532" -> 2 and the name.
int take_sockets(std::string& name) {
  const std::size_t times = name.find_first_of("xX");
  const auto sockets = times == std::string::npos || times == 0 ? std::nullopt : parse_int(std::string_view(name).substr(0, times));
  if (!sockets || *sockets < 1 || *sockets > 16) return 1;
  name = std::string(trim(std::string_view(name).substr(times + 1)));
  return static_cast<int>(*sockets);
}

// "AMD Ryzen 7 8845HS w/ Radeon 780M Graphics": what systems print of a processor names its graphics, too. The name that the catalogue is asked for.
std::string_view without_graphics(const catalog::Catalog& catalog, std::string_view name) {
  for (const std::string_view graphics : {" w/ ", " with "})
    if (const std::size_t at = name.find(graphics); at != std::string_view::npos && !catalog.has(catalog::Kind::processor, name)) return name.substr(0, at);
  return name;
}

// Without the search for what else may be meant.
bool names_processor(const catalog::Catalog& catalog, std::string piece) {
  take_sockets(piece);
  return catalog.has(catalog::Kind::processor, without_graphics(catalog, piece));
}

// Takes the last word of a piece that names no processor, where it is memory; empty: it is none.
std::string take_memory_word(const catalog::Catalog& catalog, std::string& piece) {
  if (names_processor(catalog, piece)) return {};
  const std::size_t space = piece.find_last_of(' ');
  const std::string word = space == std::string::npos ? std::string() : piece.substr(space + 1);
  if (!read_config(word) && !is_memory_size(word)) return {};
  piece = std::string(trim(std::string_view(piece).substr(0, space)));
  return word;
}

// The same with memory that stands behind the processor's name without a colon as pieces of its own: "5950x 64g", "5950x 2xddr4-3600 64g". The last
// word of a processor's own name may look like a size ("Ryzen 7 5700G").
std::vector<Piece> named_pieces(const catalog::Catalog& catalog, const Option& option) {
  std::vector<Piece> out;
  for (Piece& piece : pieces_of(option)) {
    std::vector<Piece> memory;
    const std::string whole = piece.text;
    for (std::string word = take_memory_word(catalog, piece.text); !word.empty(); word = take_memory_word(catalog, piece.text)) {
      Where where = piece.where;
      where.column += static_cast<int>(whole.find(word, piece.text.size()));
      memory.insert(memory.begin(), {std::move(word), where});
    }
    if (!names_processor(catalog, piece.text) && !read_config(piece.text) && !is_memory_size(piece.text)) piece.text = whole, memory.clear();
    out.push_back(std::move(piece));
    std::move(memory.begin(), memory.end(), std::back_inserter(out));
  }
  return out;
}

void fill_from_processor(Host& host, const catalog::Processor& processor) {
  host.processor = processor;
  host.name = processor.key;
  host.cores = processor.cores * host.sockets;
  if (host.channels == 0) host.channels = processor.channels * host.sockets;
  if (host.memory_type.empty()) host.memory_type = processor.memory_type;
  if (host.memory_mt_s == 0) host.memory_mt_s = processor.memory_mt_s;
}

void fill_bandwidth(Host& host, std::vector<std::string>* notes = nullptr) {
  const int bits = host.processor ? host.processor->channel_bits : 64;
  host.bandwidth = Bandwidth(host.channels * bits / 8.0 * host.memory_mt_s * kMega);
  if (host.processor && host.processor->core_bandwidth) {
    const Bandwidth cores = host.processor->core_bandwidth->value * host.sockets;
    if (cores < host.bandwidth && notes)
      notes->push_back(host.processor->name + ": its cores pull at most " + print_bandwidth(cores) + " of the " + print_bandwidth(host.bandwidth) + " of its channels (" +
                       host.processor->core_bandwidth->source.text + ")");
    host.bandwidth = std::min(host.bandwidth, cores);
  }
  if (!host.processor || !host.processor->measured_bandwidth) return;
  // Measured with all channels at the official rate; says nothing of other configurations.
  const bool full = host.channels == host.processor->channels * host.sockets && host.memory_mt_s == host.processor->memory_mt_s;
  if (!full) return;
  host.measured_bandwidth = host.processor->measured_bandwidth;
  host.measured_bandwidth->value *= host.sockets;
}

// The memory that was named, as the processor takes it: "8xddr4-3200".
std::string fitting(const Host& host, const catalog::Processor& processor, const MemoryConfig& config) {
  const int most = processor.channels * host.sockets;
  const double rate = config.type == processor.memory_type && config.mt_s > 0 ? config.mt_s : processor.memory_mt_s;
  return std::to_string(config.channels > 0 ? std::min(config.channels, most) : most) + 'x' + processor.memory_type + '-' + format_shortest(rate);
}

// More than two sticks a channel of the largest size that desktops take hold.
void tell_more_than_sold(const Host& host, std::vector<std::string>& notes) {
  constexpr int kDesktopChannels = 2, kSticks = 2;
  const int largest = host.memory_type == "ddr5" ? 64 : host.memory_type == "ddr4" ? 32 : host.memory_type == "ddr3" ? 8 : 0;   // GiB
  const Bytes most(static_cast<double>(largest) * kSticks * host.channels * kGiB);
  if (largest == 0 || host.channels > kDesktopChannels * host.sockets || host.memory <= most) return;
  notes.push_back(host.name + ": " + format_shortest(host.memory.value() / kGiB) + " GiB are more than the " + format_shortest(most.value() / kGiB) + " GiB that the largest sticks for its " +
                  std::to_string(host.channels) + " channels hold");
}

Result<void> check_against_processor(const Host& host, const MemoryConfig& config, const Where& where, std::vector<std::string>& notes) {
  const catalog::Processor& processor = *host.processor;
  const int most = processor.channels * host.sockets;
  if (host.sockets > processor.max_sockets)
    return fail(ErrorKind::infeasible, processor.name + " works in boards of " + std::to_string(processor.max_sockets) + " socket" + (processor.max_sockets > 1 ? "s" : "") + ", not " + std::to_string(host.sockets), where, "host");
  if (config.channels > most)
    return fail(ErrorKind::infeasible, processor.name + " has " + std::to_string(most) + " memory channels" + (host.sockets > 1 ? " in all sockets" : "") + ", not " + std::to_string(config.channels), where, "host", fitting(host, processor, config));
  // DDR4 and DDR5 do not mix; some desktop generations took either, and MRDIMM goes where DDR5 goes.
  const std::string family = processor.memory_type == "mrdimm" ? "ddr5" : processor.memory_type;
  const std::string wanted = config.type == "mrdimm" ? "ddr5" : config.type;
  const bool either = (processor.architecture == "alder-lake" || processor.architecture == "raptor-lake") && wanted == "ddr4";
  const bool board_choice = family.starts_with("lpddr") || wanted.starts_with("lpddr");
  if (!wanted.empty() && wanted != family && !either && !board_choice)
    return fail(ErrorKind::infeasible, processor.name + " takes " + processor.memory_type + ", not " + config.type, where, "host", fitting(host, processor, config));
  if (config.mt_s > processor.memory_mt_s && processor.memory_mt_s > 0 && config.type == processor.memory_type)
    notes.push_back(processor.name + " is specified for " + processor.memory_type + "-" + format_shortest(processor.memory_mt_s) + "; " + format_shortest(config.mt_s) + " is overclocked");
  return {};
}

std::string noun_of(Os os) { return os == Os::windows ? "windows" : os == Os::macos ? "macos" : "linux"; }

Host generic_host(const catalog::Catalog& catalog, const char* key, Bytes memory) {
  Host host;
  if (const auto processor = catalog.processor(key)) fill_from_processor(host, *processor);
  host.memory = memory;
  host.assumed = true;
  fill_bandwidth(host);
  return host;
}

// The processor that usually sits on such memory, and on how many sockets: of the catalogue's hosts that are named for their memory, the
// first whose channels come nearest, then its rate.
struct Usual { catalog::Processor processor; int sockets = 1; };
std::optional<Usual> usual_processor(const catalog::Catalog& catalog, const MemoryConfig& config) {
  std::optional<Usual> best;
  std::pair<double, double> least{};
  for (const catalog::Entry& entry : catalog.entries(catalog::Kind::processor)) {
    if (!entry.key.starts_with("host-")) continue;
    const auto processor = catalog.processor(entry.key);
    if (!processor || processor->memory_type != config.type || processor->channels <= 0) continue;
    const int sockets = config.channels > processor->channels ? std::min(processor->max_sockets, config.channels / processor->channels) : 1;
    const std::pair away{std::abs(std::log(static_cast<double>(std::max(1, config.channels)) / (processor->channels * sockets))) + 0.01 * (sockets - 1),
                         std::abs(config.mt_s - processor->memory_mt_s)};
    if (best && away >= least) continue;
    best = Usual{*processor, sockets};
    least = away;
  }
  return best;
}

// A host of whose processor nothing is said.
void assume_processor(const catalog::Catalog& catalog, const Option& option, const MemoryConfig& config, Host& host, std::vector<std::string>& notes) {
  host.name = "generic";
  if (host.channels == 0) host.channels = 2;
  const auto usual = usual_processor(catalog, {.channels = host.channels, .type = config.type, .mt_s = config.mt_s});
  if (!usual) return;
  host.sockets = usual->sockets;
  host.assumed = true;
  fill_from_processor(host, usual->processor);
  notes.push_back("host=" + std::string(trim(option.value)) + " names no processor: " + (host.sockets > 1 ? std::to_string(host.sockets) + " x " : std::string()) + usual->processor.name +
                  " with " + std::to_string(host.cores) + " cores is assumed");
}

// "epyc-7532:512g+4090-48g": what is joined to a host by '+' is a device, which stands before it. The sign may be a part of the processor's own name ("Xeon
// 8480+", "Ryzen AI Max+ 395"), with memory behind it or without.
Result<void> check_no_devices(const catalog::Catalog& catalog, const Option& option) {
  for (std::size_t plus = option.value.find('+'); plus != std::string::npos; plus = option.value.find('+', plus + 1)) {
    const std::string_view value = option.value, before = trim(value.substr(0, plus)), behind = trim(value.substr(plus + 1));
    const std::size_t begin = value.rfind(':', plus) + 1, end = std::min(value.find(':', plus), value.size());   // of the piece around it
    std::string piece(trim(value.substr(begin, end - begin)));
    while (!take_memory_word(catalog, piece).empty()) {}
    take_sockets(piece);
    if (before.empty() || behind.empty() || behind.front() == ':' || read_memory({"host", std::string(behind), {}}) || catalog.has(catalog::Kind::processor, piece)) continue;
    Where where = option.where;
    where.column += static_cast<int>(plus) + 1;
    return fail(ErrorKind::input, "'" + std::string(behind) + "' stands behind a host: devices stand before it, and a ';' between them", where, "host",
                std::string(behind) + "; host=" + std::string(before));
  }
  return {};
}

}  // namespace

bool is_memory_size(std::string_view text) {
  const std::string lower = to_lower(text);
  return !lower.empty() && lower.front() >= '0' && lower.front() <= '9' && lower.find("ddr") == std::string::npos && lower.find('x') == std::string::npos &&
         (lower.ends_with("g") || lower.ends_with("gb") || lower.ends_with("gib") || lower.ends_with("t") || lower.ends_with("tb"));
}

Result<Os> read_os(const Option& option) {
  const std::string name = to_lower(option.value);
  if (name == "linux") return Os::linux_os;
  if (name == "windows" || name == "win") return Os::windows;
  if (name == "macos" || name == "mac" || name == "darwin") return Os::macos;
  const std::vector<std::string> names = {noun_of(Os::linux_os), noun_of(Os::windows), noun_of(Os::macos)};
  return fail(ErrorKind::input, "'" + option.value + "' is not an operating system (linux, windows, macos)", option.where, "os", nearest_name(name, names));
}

Bytes host_reserve(Os os) { return Bytes((os == Os::windows ? 4.0 : os == Os::macos ? 3.0 : 1.5) * kGiB); }

Result<Host> read_host(const catalog::Catalog& catalog, const Option& option, std::vector<std::string>& notes) {
  Host host;
  MemoryConfig config;
  Where config_where = option.where;
  bool has_memory = false;
  const auto twice = [](const char* what, const Piece& piece) { return fail(ErrorKind::input, std::string("host= names ") + what + " twice", piece.where, "host"); };
  if (trim(option.value).empty()) return fail(ErrorKind::input, "host= names a processor or a memory (\"epyc-7532:8xddr4-3200:512g\")", option.where, "host");
  RC_TRY(check_no_devices(catalog, option));
  for (const Piece& piece : named_pieces(catalog, option)) {
    if (piece.text.empty()) continue;
    if (const auto read = read_config(piece.text)) {
      if (!config.type.empty()) return twice("its memory's type", piece);
      config = *read;
      config_where = piece.where;
    } else if (is_memory_size(piece.text)) {
      if (has_memory) return twice("the size of its memory", piece);
      RC_ASSIGN(bytes, read_memory({"host", piece.text, piece.where}));
      if (bytes.value() <= 0) return fail(ErrorKind::input, "a host of no memory cannot start", piece.where, "host");
      host.memory = bytes;
      has_memory = true;
    } else {
      if (host.processor) return twice("its processor", piece);
      std::string name = piece.text;
      host.sockets = take_sockets(name);
      auto processor = catalog.processor(without_graphics(catalog, name));
      if (!processor) {
        Error error = processor.error();
        error.where = piece.where;
        return tl::unexpected<Error>(std::move(error));
      }
      host.processor = std::move(*processor);
    }
  }
  host.channels = config.channels;
  host.memory_type = config.type;
  host.memory_mt_s = config.mt_s;
  if (host.processor) {
    RC_TRY(check_against_processor(host, config, config_where, notes));
    if (config.type.empty() || config.type == host.processor->memory_type) {
      fill_from_processor(host, *host.processor);
    } else {
      if (host.memory_mt_s == 0) host.memory_mt_s = config.type == "ddr4" ? 3200 : host.processor->memory_mt_s;
      fill_from_processor(host, *host.processor);
    }
  } else {
    if (config.type.empty() && has_memory) {   // a desktop's two channels are what most have
      const std::string usual = "2xddr5-5600:" + format_shortest(host.memory.value() / kGiB) + "g";
      return fail(ErrorKind::input, "host= says how much memory there is, and not of which kind: \"" + usual + "\"", option.where, "host", usual);
    }
    if (config.type.empty()) return fail(ErrorKind::input, "a host without a processor needs its memory: \"2xddr5-5600:64g\"", option.where, "host");
    if (host.memory_mt_s == 0) return fail(ErrorKind::input, "the memory's rate is missing: \"" + config.type + "-3200\"", config_where, "host");
    assume_processor(catalog, option, config, host, notes);
  }
  fill_bandwidth(host, &notes);
  const std::optional<Bytes> most = host.processor && host.processor->most_memory ? std::optional(*host.processor->most_memory * host.sockets) : std::nullopt;
  if (most && has_memory && host.memory > *most) {
    const std::string size = format_shortest(most->value() / kGiB) + "g";
    return fail(ErrorKind::infeasible, host.processor->name + " has at most " + format_shortest(most->value() / kGiB) + " GiB of memory", option.where, "host", size);
  }
  if (has_memory && !most) tell_more_than_sold(host, notes);
  if (!has_memory && most) {
    host.memory = *most;
    notes.push_back(host.name + ": " + format_shortest(host.memory.value() / kGiB) + " GiB of memory are assumed, the most it has; say host=" + std::string(trim(option.value)) + ":8g");
  } else if (!has_memory) {
    host.memory = Bytes(std::max(1, host.channels) * kGuessedBytesPerChannel);
    notes.push_back(host.name + ": " + format_shortest(host.memory.value() / kGiB) + " GiB of memory are assumed, 32 GiB a channel; say host=" + std::string(trim(option.value)) + ":512g");
  }
  return host;
}

Host host_of_chip(const catalog::Catalog& catalog, const catalog::Device& device, Bytes memory) {
  Host host;
  auto processor = catalog.processor(device.key);
  if (!processor) processor = catalog.processor(device.name);
  if (processor) fill_from_processor(host, *processor);
  if (host.name.empty()) host.name = device.key;
  host.memory = memory;
  host.channels = std::max(1, device.bus_bits / 64);
  host.memory_type = to_lower(device.memory_type);
  host.memory_mt_s = device.data_rate_gbps * 1000;
  if (processor && processor->measured_bandwidth) host.measured_bandwidth = processor->measured_bandwidth;
  if (device.bandwidth) host.bandwidth = device.bandwidth->value;
  if (processor && processor->core_bandwidth) host.bandwidth = std::min(host.bandwidth, processor->core_bandwidth->value);
  if (device.vendor == "apple") host.os = Os::macos;
  return host;
}

Result<Host> assume_host(const catalog::Catalog& catalog, const std::vector<catalog::Device>& devices, std::vector<std::string>& notes) {
  const auto any = [&](auto&& predicate) { return std::any_of(devices.begin(), devices.end(), predicate); };
  const auto with = std::find_if(devices.begin(), devices.end(), [](const catalog::Device& d) { return !d.link.host_processor.empty(); });
  Host host;
  if (with != devices.end()) {
    const auto processor = catalog.processor(with->link.host_processor);
    if (!processor) return tl::unexpected<Error>(processor.error());
    host.sockets = static_cast<int>(devices.size());
    fill_from_processor(host, *processor);
    host.memory = Bytes(480 * kGiB * host.sockets);
    host.assumed = true;
    fill_bandwidth(host);
    notes.push_back("no host is named: " + with->name + " comes with " + processor->name);
    return host;
  }
  const bool modules = any([](const catalog::Device& d) { return d.link.built_in; });
  const bool servers = any([](const catalog::Device& d) { return d.form.cooler == "passive"; });
  int generation = 0;
  for (const catalog::Device& device : devices) generation = std::max(generation, device.link.pcie_generation);
  if (modules) {
    host = generic_host(catalog, generation >= 5 ? "host-xeon-sp5-8ch" : generation == 4 ? "host-epyc-rome-8ch" : "host-xeon-sp2-6ch", Bytes(1024 * kGiB));
    host.sockets = 2;
    host.channels = 0, host.cores = 0;
    if (host.processor) fill_from_processor(host, *host.processor);
    fill_bandwidth(host);
  } else if (servers && generation >= 5) {
    host = generic_host(catalog, "host-epyc-genoa-12ch", Bytes(384 * kGiB));
  } else if (devices.size() > 2 || servers) {
    host = generic_host(catalog, "host-epyc-rome-8ch", Bytes(256 * kGiB));
  } else {
    host = generic_host(catalog, "host-ddr5-5600-2ch", Bytes(64 * kGiB));
  }
  host.unnamed = true;
  notes.push_back(std::string(host.sockets > 1 ? "no host is named: two sockets of " : "no host is named: ") + (host.processor ? host.processor->name : host.name) + " with " +
                  format_shortest(host.memory.value() / kGiB) + " GiB are assumed; say host=PROCESSOR:CHANNELSxTYPE-RATE:MEMORY");
  return host;
}

}  // namespace rigcast::rig
