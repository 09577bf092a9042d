#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "base/units.hpp"
#include "catalog/names.hpp"
#include "rig/assemble.hpp"

namespace rigcast::rig {
namespace {

// What a desktop and its browser hold on the card that drives the screen, and what the Windows driver keeps on every card.
constexpr double kLinuxDisplay = 0.6 * kGiB, kWindowsDisplay = 1.0 * kGiB, kWindowsDriver = 0.3 * kGiB;

constexpr double kMostOfPower = 2;      // cards sold with a higher limit than the maker's stay below twice it
constexpr double kLeastOfPower = 0.25;  // no driver goes lower: nvidia-smi takes 100 of a 3090's 350 W, 200 of an H100's 700; a Jetson 15 of its 60

Error placed(Error error, const Where& where) {
  error.where = where;
  error.field = "rig";
  return error;
}

using Advice = catalog::Catalog::Advice;

// "DGX H100": the machine that the maker builds around eight modules. Empty: no such machine.
std::string box_of_eight(const catalog::Catalog& catalog, const std::string& name) {
  const std::string folded = fold_name(name);
  if (!folded.starts_with("dgx-") && !folded.starts_with("hgx-")) return {};
  for (const char* module : {"-sxm", "-sxm5", "-sxm4", "-sxm2", ""})
    if (const auto device = catalog.device(folded.substr(4) + module, {}, Advice::none)) return "8x" + device->key;
  return {};
}

// "m4-max-511g", where chips of several cores are called so: of the sizes that memory is soldered in, those with which one of them is sold.
std::optional<Error> sold_sizes(const catalog::Catalog& catalog, const catalog::SizedName& sized, const Where& where) {
  if (!sized.size) return std::nullopt;
  std::vector<std::string> sold;
  std::pair<double, std::string> nearest{1e9, {}};
  for (const int gib : {8, 16, 18, 24, 32, 36, 48, 64, 96, 128, 192, 256, 384, 512}) {
    const std::string name = sized.name + '-' + std::to_string(gib) + 'g';
    const auto device = catalog.device(name, {}, Advice::none);
    if (!device || !device->unified) continue;
    sold.push_back(std::to_string(gib));
    nearest = std::min(nearest, {std::abs(std::log(*sized.size / Bytes(gib * kGiB))), name});
  }
  if (sold.empty()) return std::nullopt;
  return Error{ErrorKind::infeasible, "no " + sized.name + " has " + print_gib(*sized.size) + ": it is sold with " + join(sold, ", ") + " GiB", where, "rig", nearest.second};
}

// "4090 48g 512g ddr4": what stands behind a device and is of memory is the host's, with channels as such boards have.
std::optional<Error> of_the_host(const catalog::Catalog& catalog, const DeviceGroup& group) {
  std::string rest = group.name, type = "ddr4-3200";
  double gib = 0;
  bool typed = false;
  for (std::size_t space = rest.find_last_of(' '); space != std::string::npos; space = rest.find_last_of(' ')) {
    const std::string word = to_lower(rest.substr(space + 1));
    const auto size = catalog::split_size("of-" + word).size;
    if (word.starts_with("ddr3") || word.starts_with("ddr4") || word.starts_with("ddr5")) typed = true, type = word == "ddr5" ? "ddr5-5600" : word == "ddr3" ? "ddr3-1600" : word.find('-') == std::string::npos ? type : word;
    else if (size && gib <= 0) gib = size->value() / kGiB;
    else return std::nullopt;
    rest = std::string(trim(std::string_view(rest).substr(0, space)));
    if (gib <= 0 || !typed || !catalog.device(rest, {}, Advice::none)) continue;
    const std::string host = "host=" + std::string(gib > kMostOnADesktop ? "8x" : "2x") + type + ":" + format_shortest(gib) + "g";
    return Error{ErrorKind::input, "'" + std::string(trim(std::string_view(group.name).substr(rest.size()))) + "' is memory of the host: say " + host, group.where, "rig", host};
  }
  return std::nullopt;
}

// "8845hs": a processor is no device but may be the host. "3090 nvlnk": when all but the last word is a device, the last word is the mistake.
Error explain_unknown(const catalog::Catalog& catalog, const DeviceGroup& group, const Error& error) {
  if (error.kind != ErrorKind::not_found) return placed(error, group.where);
  if (equal_ignoring_case(group.name, "cpu"))
    return Error{ErrorKind::input, "a processor is a host: say host=2xddr5-5600:64g, or host= and its name", group.where, "rig", "host=2xddr5-5600:64g"};
  const catalog::SizedName sized = catalog::split_size(fold_name(group.name));
  for (const std::string_view name : {std::string_view(group.name), std::string_view(sized.name)})
    if (const auto processor = catalog.processor(name); processor && !catalog.device(name, {}, Advice::none)) {   // a device has no such memory: said already
      if (auto sizes = sold_sizes(catalog, sized, group.where)) return std::move(*sizes);
      const Bytes usual = std::min(Bytes(64 * kGiB), processor->most_memory.value_or(Bytes(64 * kGiB)));
      const auto in_gib = [](Bytes bytes) { return ":" + format_shortest(bytes.value() / kGiB) + "g"; };
      const std::string host = "host=" + processor->key, size = sized.size ? in_gib(*sized.size) : "";
      return Error{ErrorKind::input, "'" + group.name + "' is a processor: say " + host + (size.empty() ? in_gib(usual) : size), group.where, "rig", host + size};
    }
  if (auto memory = of_the_host(catalog, group)) return std::move(*memory);
  if (const std::size_t colon = group.name.find(':'); colon != std::string::npos && catalog.processor(trim(std::string_view(group.name).substr(0, colon)))) {
    const std::string host = "host=" + group.name;   // "epyc-7532:512g"
    return Error{ErrorKind::input, "'" + group.name + "' is a host: say " + host, group.where, "rig", host};
  }
  if (const std::string box = box_of_eight(catalog, group.name); !box.empty())
    return Error{ErrorKind::input, "'" + group.name + "' is a machine of eight: say " + box, group.where, "rig", box};
  const std::size_t space = group.name.find_last_of(' ');
  if (space != std::string::npos && catalog.device(trim(group.name.substr(0, space)), {}, Advice::none)) {
    const std::string word = group.name.substr(space + 1);
    if (const auto size = catalog::split_size("of-" + fold_name(word)).size)   // no such card has that memory
      return Error{ErrorKind::not_found, "no " + catalog.device(trim(group.name.substr(0, space)))->name + " has " + print_gib(*size) + ": the host's memory is host=2xddr5-5600:64g", group.where, "rig", error.nearest};
    Where where = group.where;
    where.column += static_cast<int>(space) + 1;
    if (const auto& names = rig_options(); std::find(names.begin(), names.end(), word) != names.end())
      return Error{ErrorKind::input, "'" + word + "' is of the whole rig: it stands behind the last device", where, "rig", {}};
    if (const std::string option = nearest_name(word, rig_options()); !option.empty()) return Error{ErrorKind::input, "'" + word + "' is not an option of a rig", where, "rig", option};
  }
  return placed(error, group.where);
}

// The size behind the name of a chip that is sold with several ("m1-max-64g").
std::optional<Bytes> unified_size(const catalog::Device& device, const std::string& name) {
  if (!device.unified) return std::nullopt;
  return catalog::split_size(fold_name(name)).size;
}

// One name said twice in one place, or a thing and its contrary.
Result<void> check_said_once(const std::vector<Option>& options) {
  for (auto later = options.begin(); later != options.end(); ++later)
    for (auto earlier = options.begin(); earlier != later; ++earlier) {
      const bool contrary = later->name == "no-" + earlier->name || earlier->name == "no-" + later->name;
      if (!contrary && (later->name != earlier->name || later->value == earlier->value)) continue;
      if (contrary) return fail(ErrorKind::input, "'" + earlier->name + "' and '" + later->name + "' contradict each other", later->where, "rig");
      return fail(ErrorKind::input, later->name + (later->name == "host" ? "= is said twice and differently: separate machines by '|'" : "= is said twice and differently"), later->where, "rig");
    }
  return {};
}

// The words of a name in the order of the catalogue, where its size does not stand last or has no unit: "V100 32G SXM2", "m3 ultra 512".
std::vector<std::string> reordered(std::string_view name) {
  const std::string folded = fold_name(name);
  std::vector<std::string> words, readings;
  for (const std::string_view word : split(folded, '-')) words.emplace_back(word);
  if (words.size() < 2) return readings;
  if (words.back().find_first_not_of("0123456789") == std::string::npos) readings.push_back(folded + "g");
  const auto size = std::find_if(words.begin() + 1, words.end() - 1, [](const std::string& word) { return catalog::split_size("of-" + word).size.has_value(); });
  if (size == words.end() - 1) return readings;
  std::rotate(size, size + 1, words.end());
  readings.push_back(join(words, "-"));
  return readings;
}

// The device of a group, whose name may hold the count where nothing of the catalogue is called so.
Result<catalog::Device> device_of(const catalog::Catalog& catalog, DeviceGroup& group, std::optional<Bytes> memory) {
  auto device = catalog.device(group.name, memory, Advice::none);
  if (device || device.error().kind != ErrorKind::not_found) return device;
  if (catalog.has(catalog::Kind::processor, group.name)) return catalog.device(group.name, memory);
  for (std::string& name : reordered(group.name))
    if (auto named = catalog.device(name, memory, Advice::none); named || named.error().kind != ErrorKind::not_found) {
      group.name = std::move(name);
      return named;
    }
  const auto is_count = [](const Counted& one) { return one.count >= 1 && one.count <= kMostOfAKind; };
  const std::vector<Counted> readings = split_counts(group.name);
  for (const Counted& one : readings) {
    auto named = catalog.device(one.name, memory, Advice::none);
    if (!named && named.error().kind == ErrorKind::not_found) continue;
    if (group.count != 1) return fail(ErrorKind::input, "two counts of one device: " + std::to_string(group.count) + " and " + std::to_string(one.count), group.where, "rig");
    if (!is_count(one))
      return fail(ErrorKind::input, "a count of " + std::to_string(one.count) + ": a group has 1 to " + std::to_string(kMostOfAKind) + " devices", group.where, "rig",
                  std::to_string(std::clamp<std::int64_t>(one.count, 1, kMostOfAKind)) + 'x' + one.name);
    group.count = static_cast<int>(one.count);
    group.name = one.name;
    return named;
  }
  const auto likely = std::find_if(readings.begin(), readings.end(), is_count);
  return catalog.device(likely == readings.end() ? group.name : likely->name, memory);
}

// What is sold as a modded card is the one made of it, whose memory nobody named; where there is none, the card itself.
Result<catalog::Device> as_modified(const catalog::Catalog& catalog, catalog::Device device, const DeviceGroup& group) {
  if (!group.modified || device.modified || catalog::split_size(fold_name(group.name)).size) return device;
  for (const catalog::Entry& entry : catalog.entries(catalog::Kind::device)) {
    RC_ASSIGN(made, catalog.device(entry.key));
    if (made.base_device == device.key) return made;
  }
  return device;
}

// A chip whose memory is soldered beside it comes in the sizes it is sold with.
Result<void> check_sold(const Card& card, const std::string& name) {
  const std::vector<Bytes>& sizes = card.device.memory_sizes;
  if (!card.device.unified || !card.memory || sizes.empty()) return {};
  const auto off = [&](Bytes size) { return std::abs(*card.memory / size - 1); };
  if (std::any_of(sizes.begin(), sizes.end(), [&](Bytes size) { return off(size) < 1e-6; })) return {};
  std::vector<std::string> sold;
  for (const Bytes size : sizes) sold.push_back(format_shortest(size.value() / kGiB));
  const Bytes nearest = *std::min_element(sizes.begin(), sizes.end(), [&](Bytes a, Bytes b) { return off(a) < off(b); });
  const std::string size = format_shortest(nearest.value() / kGiB) + "g";
  return fail(ErrorKind::infeasible, card.device.name + " is sold with " + join(sold, ", ") + " GiB, not with " + format_shortest(card.memory->value() / kGiB), card.where, "rig",
              name.empty() ? card.device.key + '@' + size : card.device.key + '-' + size);
}

Result<Card> resolve(const catalog::Catalog& catalog, DeviceGroup& group, const std::vector<Option>& part_options_given) {
  RC_TRY(check_said_once(group.options));
  Card card;
  card.where = group.where;
  card.options = part_options_given;
  card.options.insert(card.options.end(), group.options.begin(), group.options.end());
  std::optional<Bytes> hint;
  if (const Option* memory = find_option(card.options, "memory")) {
    RC_ASSIGN(bytes, read_memory(*memory));
    hint = bytes;
  }
  auto device = device_of(catalog, group, hint);
  if (!device) return tl::unexpected<Error>(explain_unknown(catalog, group, device.error()));
  card.device = std::move(*device);
  if (!hint) {
    RC_ASSIGN(meant, as_modified(catalog, std::move(card.device), group));
    card.device = std::move(meant);
  }
  card.memory = hint ? hint : unified_size(card.device, group.name);
  if (card.device.memory.value.value() <= 0 && !card.memory)
    return fail(ErrorKind::unsupported, card.device.name + ": its memory size is not published; say " + card.device.key + "@64g", group.where, "rig");
  if (card.device.unified && card.memory && *card.memory > card.device.memory.value * 1.001)
    return fail(ErrorKind::infeasible, card.device.name + " is sold with at most " + print_gib(card.device.memory.value), group.where, "rig");
  RC_TRY(check_sold(card, hint ? std::string() : group.name));
  for (const Option& option : group.options)
    if (const auto& names = device_options(); std::find(names.begin(), names.end(), option.name) == names.end())
      return fail(ErrorKind::input, "'" + option.name + "' is not an option of a device", option.where, "rig", nearest_name(option.name, names));
  return card;
}

Result<std::optional<Watts>> read_power(const Card& card, Rig& rig) {
  const Option* option = find_option(card.options, "power");
  if (!option) return std::optional<Watts>{};
  std::string_view text = trim(option->value);
  if (!text.empty() && (text.back() == 'w' || text.back() == 'W')) text = trim(text.substr(0, text.size() - 1));
  const auto watts = parse_double(text);
  if (!watts || *watts < 1 || *watts > 100000) return fail(ErrorKind::input, "power: '" + option->value + "' is not a power cap (200w)", option->where, "power");
  if (card.device.power && *watts < kLeastOfPower * card.device.power->value.value())
    return fail(ErrorKind::infeasible, card.device.name + " draws " + print_watts(card.device.power->value) + ": no card of its kind can be held to " + print_watts(Watts(*watts)), option->where, "power",
                format_shortest(std::ceil(kLeastOfPower * card.device.power->value.value())) + "w");
  if (card.device.power && *watts > kMostOfPower * card.device.power->value.value())
    return fail(ErrorKind::infeasible, card.device.name + " draws " + print_watts(card.device.power->value) + ": no card of its kind takes " + print_watts(Watts(*watts)), option->where, "power",
                format_shortest(std::floor(card.device.power->value.value())) + "w");
  if (card.device.power && *watts > card.device.power->value.value())
    rig.notes.push_back(card.device.name + ": a cap of " + print_watts(Watts(*watts)) + " is above its limit of " + print_watts(card.device.power->value) + " and changes nothing");
  return std::optional<Watts>(Watts(*watts));
}

Result<Bytes> read_reserve(const Card& card, Os os, bool first) {
  if (const Option* option = find_option(card.options, "reserved")) return read_memory(*option);
  if (card.device.unified) return Bytes{};
  const bool drives_screen = find_option(card.options, "display") != nullptr;
  if (os == Os::windows) return Bytes(drives_screen || (first && card.device.form.display) ? kWindowsDisplay : kWindowsDriver);
  return Bytes(drives_screen ? kLinuxDisplay : 0);
}

// `memory`: what the chip shares with its host, which may have several such chips.
Result<Bytes> read_gpu_memory(const Card& card, Bytes memory, Os os, Rig& rig) {
  if (!card.device.unified) return card.memory.value_or(card.device.memory.value);
  if (const Option* option = find_option(card.options, "gpu")) {
    RC_ASSIGN(bytes, read_memory(*option));
    if (bytes > memory) return fail(ErrorKind::infeasible, "gpu: more than the " + print_gib(memory) + " there are", option->where, "gpu");
    return bytes;
  }
  const Bytes share = gpu_share(card.device, memory, os);
  rig.notes.push_back(card.device.name + ": its GPU may take " + print_gib(share) + " of " + print_gib(memory) + " (assumed; gpu=" +
                      format_shortest(std::floor(share.value() / kGiB)) + "g would set it)");
  return share;
}

}  // namespace

Result<catalog::Device> device_named(const catalog::Catalog& catalog, std::string_view name) {
  auto device = catalog.device(name);
  if (device || device.error().kind != ErrorKind::not_found) return device;
  auto spec = read_spec(name);
  if (!spec || spec->parts.size() != 1 || spec->parts.front().groups.size() != 1) return device;
  DeviceGroup& group = spec->parts.front().groups.front();
  std::optional<Bytes> memory;
  for (const std::vector<Option>* options : {&spec->parts.front().options, &group.options})
    if (const Option* option = find_option(*options, "memory")) {
      RC_ASSIGN(bytes, read_memory(*option));
      memory = bytes;
    }
  auto named = device_of(catalog, group, memory);
  return named ? std::move(named) : std::move(device);
}

std::size_t unified_chips(const std::vector<Card>& cards) {
  return static_cast<std::size_t>(std::count_if(cards.begin(), cards.end(), [](const Card& card) { return card.device.unified; }));
}

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
  const auto at = std::find_if(options.rbegin(), options.rend(), [&](const Option& option) { return option.name == name; });
  return at == options.rend() ? nullptr : &*at;
}

// macOS: recommendedMaxWorkingSetSize as Metal reports it, two thirds below 36 GB and three quarters from there on (llama.cpp logs: 21.3 of 32,
// 48 of 64, 96 of 128 GiB). Strix Halo under Linux: what people set ttm.pages_limit to, all but an eighth; the kernel's own default is
// half. Windows: half for shared memory; Strix Halo's Variable Graphics Memory reserves up to three quarters. CUDA SoCs: all.
Bytes gpu_share(const catalog::Device& device, Bytes host_memory, Os os) {
  if (device.vendor == "apple") return host_memory * (host_memory.value() > 36.5 * kGiB || std::abs(host_memory.value() - 36 * kGiB) < kGiB / 2 ? 0.75 : 2.0 / 3.0);
  if (device.usable_memory && host_memory >= device.memory.value * 0.99) return device.usable_memory->value;
  if (device.vendor == "nvidia") return host_memory * 0.93;
  if (device.kind != catalog::DeviceKind::apu) return host_memory * 0.75;
  const bool large = device.capability == "gfx1151" || device.capability == "gfx942";
  if (device.capability == "gfx942") return host_memory;
  if (os == Os::windows) return host_memory * (large ? 0.75 : 0.5);
  return host_memory * (large ? 0.875 : 0.5);
}

namespace {

bool alike(const Card& a, const Card& b) {
  const auto same = [](const Option& x, const Option& y) { return x.name == y.name && x.value == y.value; };
  return a.device.key == b.device.key && std::equal(a.options.begin(), a.options.end(), b.options.begin(), b.options.end(), same);
}

// `group` joins `cards`: there must be room for it.
Result<void> check_room(const std::vector<Card>& cards, const Card& card, const DeviceGroup& group) {
  const auto chips = static_cast<std::size_t>(card.device.chips), more = static_cast<std::size_t>(group.count) * chips;
  std::size_t before = 0;
  bool unlike = false;
  for (const Card& one : cards) {
    before += static_cast<std::size_t>(one.device.chips);
    unlike = unlike || !alike(one, card);
  }
  const std::size_t most = unlike ? kMostUnlike : kMostDevices;
  if (before + more <= most) return {};
  const std::size_t left = before < most ? (most - before) / chips : 0;
  return fail(ErrorKind::infeasible,
              unlike ? "more than " + std::to_string(most) + " devices that are not all alike" : "more than " + std::to_string(most) + " devices", group.where, "rig",
              left > 0 ? std::to_string(left) + 'x' + group.name : "");
}

}  // namespace

Result<std::vector<Card>> resolve_cards(const catalog::Catalog& catalog, const Part& part) {
  for (const Option& option : part.options)
    if (const auto& names = part_options(); std::find(names.begin(), names.end(), option.name) == names.end())
      return fail(ErrorKind::input, "'" + option.name + "' is not an option of a rig", option.where, "rig", nearest_name(option.name, names));
  std::vector<Card> cards;
  RC_TRY(check_said_once(part.options));
  for (DeviceGroup group : part.groups) {
    RC_ASSIGN(card, resolve(catalog, group, part.options));
    RC_TRY(check_room(cards, card, group));
    cards.insert(cards.end(), static_cast<std::size_t>(group.count), card);
  }
  return cards;
}

Result<void> add_devices(std::vector<Card>& cards, int host, Rig& rig) {
  const Host where = rig.hosts[static_cast<std::size_t>(host)];
  const Bytes shared = where.memory / static_cast<double>(std::max<std::size_t>(1, unified_chips(cards)));
  std::vector<std::string> noted;
  bool first = true;
  for (Card& card : cards) {
    Rig said;  // what is noted for one card is not repeated for its twins
    RC_ASSIGN(power, read_power(card, said));
    RC_ASSIGN(reserved, read_reserve(card, where.os, first));
    RC_ASSIGN(memory, read_gpu_memory(card, shared, where.os, said));
    if (reserved >= memory) return fail(ErrorKind::infeasible, "reserved: leaves nothing of " + print_gib(memory), card.where, "reserved");
    if (!card.device.unified && card.memory && std::abs(*card.memory / card.device.memory.value - 1) > 0.1)
      said.notes.push_back(card.device.name + " is taken with " + print_gib(*card.memory) + " instead of " + print_gib(card.device.memory.value));
    if (card.device.confidence == "low") said.notes.push_back(card.device.name + ": little is known of it for sure; see show " + card.device.key);
    for (const std::string& note : said.notes)
      if (std::find(noted.begin(), noted.end(), note) == noted.end()) noted.push_back(note);
    const int card_number = rig.devices.empty() ? 0 : rig.devices.back().card + 1;
    card.first_device = static_cast<int>(rig.devices.size());
    for (int chip = 0; chip < card.device.chips; ++chip) {
      RigDevice device;
      device.device = card.device;
      device.index = static_cast<int>(rig.devices.size());
      device.card = card_number;
      device.host = host;
      device.memory = memory;
      device.reserved = reserved;
      if (power) device.power_limit = *power / card.device.chips;
      rig.devices.push_back(std::move(device));
    }
    first = false;
  }
  rig.notes.insert(rig.notes.end(), noted.begin(), noted.end());
  return {};
}

}  // namespace rigcast::rig
