// What of a plan lies where.

#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/answers.hpp"
#include "report/detail/parts.hpp"
#include "report/detail/plan_sections.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

constexpr std::size_t kBarsShown = 6;   // more devices than these are drawn together where they hold the same

Fields memory_fields(const placement::Memory& memory, Bytes capacity) {
  const auto bytes = [](Bytes value) { return Number{value.value(), Unit::bytes}; };
  return {{"capacity_bytes", "capacity"_say, bytes(capacity), Show::capacity},
          {"weights_bytes", "weights"_say, bytes(memory.weights), Show::segment},
          {"kv_bytes", "KV cache"_say, bytes(memory.kv), Show::segment},
          {"state_bytes", "state"_say, bytes(memory.state), Show::segment},
          {"compute_bytes", "compute"_say, bytes(memory.compute), Show::segment},
          {"footprint_bytes", "runtime"_say, bytes(memory.footprint), Show::segment},
          machine("total_bytes", bytes(memory.total()))};
}

Fields device_fields(const app::PlanAnswer& answer, const placement::DeviceShare& share) {
  const rig::RigDevice& one = answer.rig.devices[static_cast<std::size_t>(share.device)];
  return {people(Show::row, device_name(answer.rig, share.device)),
          machine("device", one.device.key),
          machine("name", one.device.name),
          machine("index", std::int64_t{one.index}),
          machine("layers", std::int64_t{share.layer_count}),
          machine("first_layer", std::int64_t{share.first_layer}),
          machine("fraction", Number{share.fraction}),
          {"memory", {}, memory_fields(share.memory, share.capacity), Show::group}};
}

Fields host_fields(const app::PlanAnswer& answer) {
  // What devices that have none of their own take of it is shown with them.
  Bytes shared{};
  for (const placement::DeviceShare& share : answer.placement.devices) {
    const rig::RigDevice& device = answer.rig.devices[static_cast<std::size_t>(share.device)];
    if (device.device.unified && device.host == 0) shared += share.memory.total();
  }
  const Bytes left = answer.placement.host_capacity > Bytes{} ? std::max(Bytes{}, answer.placement.host_capacity - shared) : Bytes{};
  return {people(Show::row, shared > Bytes{} ? "the rest for the host"_say : "host memory"_say),
          machine("device", answer.rig.hosts.empty() ? "" : answer.rig.hosts.front().name),
          {"memory", {}, memory_fields(answer.placement.host, left), Show::group},
          machine("mapped_bytes", Number{answer.placement.host_mapped.value(), Unit::bytes})};
}

// Whether every number that is printed of them is the same.
bool same_share(const app::PlanAnswer& answer, const placement::DeviceShare& a, const placement::DeviceShare& b) {
  const auto& devices = answer.rig.devices;
  const auto printed = [](const placement::DeviceShare& share) {
    const placement::Memory& m = share.memory;
    std::vector<std::string> numbers;
    for (const Bytes each : {m.weights, m.kv, m.state, m.compute, m.footprint, m.total(), share.capacity, share.capacity - m.total()}) numbers.push_back(print_gib(each));
    return numbers;
  };
  return devices[static_cast<std::size_t>(a.device)].device.key == devices[static_cast<std::size_t>(b.device)].device.key && printed(a) == printed(b);
}

// One bar per memory; many devices that hold the same are drawn as one.
Rows bar_rows(const app::PlanAnswer& answer) {
  const auto& shares = answer.placement.devices;
  Rows rows;
  for (std::size_t i = 0; i < shares.size();) {
    std::size_t end = i + 1;
    while (shares.size() > kBarsShown && end < shares.size() && same_share(answer, shares[i], shares[end])) ++end;
    rows.push_back(device_fields(answer, shares[i]));
    if (end - i > 1) {
      const auto& first = answer.rig.devices[static_cast<std::size_t>(shares[i].device)];
      const auto& last = answer.rig.devices[static_cast<std::size_t>(shares[end - 1].device)];
      rows.back().front().value = std::to_string(first.index) + '-' + std::to_string(last.index) + "  " + first.device.name;
    }
    i = end;
  }
  if (answer.placement.host.total() > Bytes{}) rows.push_back(host_fields(answer));
  return rows;
}

// Devices that the layout leaves idle; of racks the first few.
Rows idle_rows(const app::PlanAnswer& answer) {
  constexpr std::size_t kShown = 16;
  const auto& shares = answer.placement.devices;
  Rows rows;
  for (const rig::RigDevice& device : answer.rig.devices) {
    const bool used = std::any_of(shares.begin(), shares.end(), [&](const placement::DeviceShare& share) { return share.device == device.index; });
    if (used || rows.size() == kShown) continue;
    const auto twin = std::find_if(shares.begin(), shares.end(), [&](const placement::DeviceShare& share) {
      const rig::RigDevice& other = answer.rig.devices[static_cast<std::size_t>(share.device)];
      return other.device.key == device.device.key && other.memory == device.memory && other.reserved == device.reserved;
    });
    const Bytes capacity = twin != shares.end() ? twin->capacity : device.memory - device.reserved;
    rows.push_back({machine("device", device.device.key), machine("name", device.device.name), machine("index", std::int64_t{device.index}),
                    machine("capacity_bytes", Number{capacity.value(), Unit::bytes})});
  }
  return rows;
}

Field placement_field(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  Rows devices;
  for (const placement::DeviceShare& share : placement.devices) devices.push_back(device_fields(answer, share));
  return machine("placement", Fields{machine("mode", placement::to_string(placement.mode)),
                                     machine("layout", mode_phrase(answer)),
                                     machine("cards", rig::cards_of(answer.rig)),
                                     machine("cards_used", cards_used(answer)),
                                     machine("idle", idle_rows(answer)),
                                     machine("devices", std::move(devices)),
                                     machine("host", host_fields(answer)),
                                     machine("sequences", std::int64_t{placement.settings.sequences}),
                                     machine("kv_blocks", placement.kv_blocks),
                                     machine("kv_tokens", placement.kv_tokens)});
}

// What the host computes beside the devices, if anything.
Phrase host_part(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  const auto& tensors = answer.architecture->tensors;
  std::vector<int> experts, layers;   // layers whose experts, or whose attention, live on the host
  for (std::size_t i = 0; i < tensors.size() && i < placement.tensor_device.size(); ++i) {
    if (placement.tensor_device[i] != placement::kHost || tensors[i].layer < 0) continue;
    if (tensors[i].role == model::Role::expert_ffn) experts.push_back(tensors[i].layer);
    if (tensors[i].role == model::Role::attention || tensors[i].role == model::Role::recurrent) layers.push_back(tensors[i].layer);
  }
  const auto distinct = [](std::vector<int>& all) {
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return std::to_string(all.size());
  };
  if (!placement.lent.empty()) return fill("{0} of each device's weights in host memory"_say, {print_gib(Bytes(placement.settings.host_gib * kGiB))});
  const std::string all = std::to_string(answer.architecture->layers.size());
  if (!layers.empty()) return fill("{0} of {1} layers on the host"_say, {distinct(layers), all});
  if (!experts.empty()) return fill("the experts of {0} of {1} layers on the host"_say, {distinct(experts), all});
  return {};
}

Phrase split_phrase(const app::PlanAnswer& answer) {
  const int copies = placement::whole_copies(*answer.architecture, answer.placement.settings);
  const auto count = std::to_string(answer.placement.devices.size() / static_cast<std::size_t>(copies));
  if (copies > 1)
    return answer.placement.mode == placement::Mode::single ? fill("{0} copies, each on one device"_say, {std::to_string(copies)})
                                                            : fill("{0} copies, each over {1} devices"_say, {std::to_string(copies), count});
  switch (answer.placement.mode) {
    case placement::Mode::single: return "one device"_say;
    case placement::Mode::layer: return fill("layers one after the other over {0} devices"_say, {count});
    case placement::Mode::row: return fill("matrices split by rows over {0} devices"_say, {count});
    case placement::Mode::tensor: return fill("tensor parallel over {0} devices"_say, {count});
    case placement::Mode::pipeline:
      return answer.placement.settings.tensor_degree > 1 ? fill("pipeline of {0} stages, each tensor parallel over {1} devices"_say, {std::to_string(answer.placement.settings.pipeline_degree), std::to_string(answer.placement.settings.tensor_degree)})
                                                         : fill("pipeline of {0} devices"_say, {count});
    case placement::Mode::expert:
      return answer.placement.settings.data_degree > 1 ? fill("experts spread over {0} devices, attention in {1} copies"_say, {count, std::to_string(answer.placement.settings.data_degree)})
                                                       : fill("experts spread over {0} devices"_say, {count});
    case placement::Mode::cpu: return "all on the host's processor"_say;
  }
  return "";
}

}  // namespace

Phrase mode_phrase(const app::PlanAnswer& answer) {
  Phrase split = split_phrase(answer), host = answer.placement.mode == placement::Mode::cpu ? Phrase() : host_part(answer);
  return host.empty() ? split : fill("{0}, {1}"_say, {std::move(split), std::move(host)});
}

Section memory_section(const app::PlanAnswer& answer) {
  Section section{"Memory"_say, {placement_field(answer), people(Show::bars, bar_rows(answer))}};
  const placement::Placement& placement = answer.placement;
  if (placement.kv_blocks > 0)
    section.fields.push_back(people(Show::sentence, fill(placement.settings.data_degree > 1 ? "The cache of each copy holds {0} tokens in {1} blocks."_say : "The cache holds {0} tokens in {1} blocks."_say,
                                                         {format_grouped(placement.kv_tokens), format_grouped(placement.kv_blocks)})));
  if (answer.longest_context > 0) {
    const bool whole = answer.longest_context >= answer.architecture->max_context;
    section.fields.push_back({"longest_context", {}, answer.longest_context, Show::machine});
    const bool beyond = placement.settings.context / placement::context_parts(answer.engine, placement.settings) > answer.architecture->max_context;   // a caveat says so
    if (!whole || !beyond) section.fields.push_back(people(Show::sentence, fill(whole ? "Holds the model's whole context of {0} tokens."_say : "Longest context that fits like this: {0} tokens."_say,
                                                         {format_grouped(whole ? answer.architecture->max_context : answer.longest_context)})));
  }
  return section;
}

}  // namespace rigcast::report
