#include <algorithm>
#include <optional>
#include <string>

#include "app/detail/remedies.hpp"
#include "app/detail/requests.hpp"
#include "base/text.hpp"

namespace rigcast::app {
namespace {

// One pinned placement, asked again with other flags.
class Pinned {
 public:
  Pinned(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model) : knowledge_(knowledge), now_(now), model_(model) {}

  // What one types to set it: slots have names of their own for it.
  std::string flag(const char* name) const { return std::string(catalog::text_of(now_.engine, now_.engine.kv_rule == catalog::KvRule::slots ? "sets" : "flag", name)); }
  std::string with(const std::string& flag, std::int64_t value) const { return placement::with_flag(now_.engine, now_.request.placement.flags, flag, std::to_string(value)); }

  // What is missing on the devices, and whether nothing is missing anywhere. Nothing: refused.
  struct Room { bool on_devices = false, fits = false; };
  std::optional<Room> room(const placement::Request& request) const {
    const auto placed = placement::place(knowledge_.catalog, model_.view, now_.rig, request);
    if (!placed) return std::nullopt;
    Room room{true, placed->fits};
    for (std::size_t i = 0; i < placed->devices.size() && i < placed->missing.size(); ++i) room.on_devices = room.on_devices && placed->missing[i] <= Bytes{};
    return room;
  }

  // The value nearest to `from` of those from it towards `to` at which the devices hold their part; nothing where all of it does not fit then.
  // More towards `to` never takes more of a device.
  template <class Ask>
  std::optional<std::int64_t> nearest(std::int64_t from, std::int64_t to, Ask ask) const {
    const std::int64_t step = from < to ? 1 : -1;
    std::int64_t good = to, bad = from;
    auto best = room(ask(to));
    if (!best || !best->on_devices) return std::nullopt;
    while (good != bad + step) {
      const std::int64_t middle = bad + (good - bad) / 2;
      const auto found = room(ask(middle));
      if (!found) return std::nullopt;
      if (found->on_devices) good = middle, best = found;
      else bad = middle;
    }
    return best->fits ? std::optional(good) : std::nullopt;
  }

  // The request with a flag set.
  placement::Request set(const std::string& name, std::int64_t value) const {
    placement::Request request = now_.request.placement;
    request.flags = with(name, value);
    return request;
  }

  // A flag that moves something to the host, and what it comes to.
  std::optional<Remedy> moved(Remedy::Kind kind, const std::string& name, std::int64_t from, std::int64_t to) const {
    const auto value = nearest(from, to, [&](std::int64_t each) { return set(name, each); });
    if (!value) return std::nullopt;
    PlanRequest request = now_.request;
    request.placement.flags = with(name, *value);
    const auto then = outcome_of(knowledge_, request, now_.engine, model_, now_.rig);
    if (!then) return std::nullopt;
    return Remedy{kind, std::to_string(*value), request.model, now_.architecture->weight_bytes(), request.placement.flags, then->decode};
  }

 private:
  const Knowledge& knowledge_;
  const PlanAnswer& now_;
  const KnownModel& model_;
};

// A shorter context, in the flags where they name it.
std::optional<Remedy> shorter(const Pinned& pinned, const PlanAnswer& now) {
  const std::int64_t parts = placement::context_parts(now.engine, now.placement.settings), all = now.placement.settings.context;
  const auto parsed = placement::parse_flags(now.engine, *now.architecture, now.rig, now.request.placement.flags);
  const bool in_flags = parsed && parsed->settings.context > 0;
  const std::string flag = pinned.flag("context");
  if (in_flags && (flag.empty() || pinned.with(flag, all).empty())) return std::nullopt;
  const std::int64_t unit = kContextStep * (in_flags ? parts : 1), most = (in_flags ? all : all / parts) / unit, least = std::max<std::int64_t>(1, (now.request.placement.reach + kContextStep - 1) / kContextStep);
  const auto asked = [&](std::int64_t steps) {
    if (in_flags) return pinned.set(flag, steps * unit);
    placement::Request request = now.request.placement;
    request.context = steps * unit;
    return request;
  };
  if (most <= least) return std::nullopt;
  const auto steps = pinned.nearest(most, least, asked);
  if (!steps) return std::nullopt;
  return Remedy{Remedy::Kind::context, std::to_string(*steps * unit), now.request.model, now.architecture->weight_bytes(), in_flags ? pinned.with(flag, *steps * unit) : std::string()};
}

}  // namespace

void pinned_remedies(const Knowledge& knowledge, const PlanAnswer& now, const KnownModel& model, std::vector<Remedy>& remedies) {
  const Pinned pinned(knowledge, now, model);
  const auto add = [&](std::optional<Remedy> remedy) {
    if (remedy) remedies.push_back(std::move(*remedy));
  };
  add(shorter(pinned, now));
  const placement::Settings& settings = now.placement.settings;
  const auto layers = static_cast<std::int64_t>(now.architecture->layers.size());
  if (now.engine.kv_rule != catalog::KvRule::slots || now.rig.devices.empty() || settings.mode == placement::Mode::cpu || !settings.overrides.empty()) return;
  if (const std::string flag = pinned.flag("experts"); !flag.empty() && now.architecture->has_experts() && settings.cpu_moe_layers < layers)
    add(pinned.moved(Remedy::Kind::experts, flag, settings.cpu_moe_layers, layers));
  const std::int64_t on_devices = settings.gpu_layers < 0 ? layers + 1 : settings.gpu_layers;
  if (const std::string flag = pinned.flag("layers"); !flag.empty() && on_devices > 0) add(pinned.moved(Remedy::Kind::layers, flag, on_devices, 0));
}

}  // namespace rigcast::app
