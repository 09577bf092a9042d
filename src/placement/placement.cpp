#include "placement/placement.hpp"

#include <algorithm>
#include <memory>
#include <map>
#include <optional>

#include "base/check.hpp"
#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/contiguous.hpp"
#include "placement/detail/draft_models.hpp"
#include "placement/detail/paged.hpp"
#include "placement/detail/refusals.hpp"
#include "placement/detail/shortest.hpp"
#include "placement/detail/slots.hpp"
#include "placement/rules.hpp"
#include "placement/search.hpp"

namespace rigcast::placement {

using detail::at_shortest, detail::lists, detail::shrinks_to;

namespace {

// Bytes read for one token over the bandwidth they are read at: enough to tell one placement from another where nobody asks how fast.
Result<Speeds> rough_speeds(const model::Architecture& a, const rig::Rig& rig, const Placement& placement) {
  std::map<int, double> read;  // bytes by device, kHost among them
  for (std::size_t i = 0; i < a.tensors.size() && i < placement.tensor_device.size(); ++i) {
    const model::Tensor& t = a.tensors[i];
    if (t.layer < 0 || t.role == model::Role::vision || t.role == model::Role::next_token) continue;
    const model::Stack stack = model::stack_of(a, t);
    read[placement.tensor_device[i]] += t.bytes.value() * (stack.count > 0 ? static_cast<double>(stack.used) / stack.count : 1);
  }
  constexpr double kHop = 50e-6, kAllReduce = 20e-6;
  const bool together = placement.mode == Mode::tensor || placement.mode == Mode::row || placement.mode == Mode::expert;
  const double parts = together ? std::max<double>(1, static_cast<double>(placement.devices.size())) : 1;
  double seconds = together ? 2 * kAllReduce * static_cast<double>(a.layers.size()) : kHop * static_cast<double>(placement.devices.size());
  for (const auto& [device, bytes] : read) {
    const bool host = device == kHost;
    const auto& known = host ? std::optional<catalog::Fact<Bandwidth>>{} : rig.devices[static_cast<std::size_t>(device)].device.bandwidth;
    const double bandwidth = host ? (rig.hosts.empty() ? 0 : rig.hosts.front().bandwidth.value()) : known ? known->value.value() : 0;
    seconds += bytes / (host ? 1 : parts) / std::max(1e9, bandwidth);
  }
  return Speeds{1 / seconds, 1 / seconds, 1 / seconds, 0};
}

// What is told where nothing fits: all of it on the devices, over as many as the engine needs told, with as much of a context that nobody named as is
// worth having.
Result<Placement> whole(const Prepared& prepared, const rig::Rig& rig, Layouts& layouts) {
  const Settings settings = at_shortest(prepared.settings, shrinks_to(prepared));
  if (prepared.engine->kv_rule == catalog::KvRule::paged && rig.devices.size() > 1) {
    Settings widest = settings;
    widest.mode = Mode::tensor;
    for (widest.tensor_degree = static_cast<int>(rig.devices.size()); widest.tensor_degree > 1; --widest.tensor_degree)
      if (auto placement = layouts.of(widest)) return placement;
  }
  return layouts.of(settings);
}

// The best placement by rough speeds, or the first that is found; nothing where none fits.
std::optional<Placement> proposed(const Prepared& prepared, const model::Architecture& architecture, const rig::Rig& rig, Layouts& layouts, bool any) {
  Goal goal;
  goal.any = any;
  goal.best_only = true;
  Found found = search(
      prepared, architecture, rig, goal, [&](const Settings& settings, Count count) { return layouts.of(settings, count); },
      [&](const Placement& placement) { return rough_speeds(architecture, rig, placement); });
  if (found.ranked.empty()) return std::nullopt;
  return std::move(found.ranked.front().placement);
}

Result<Placement> finished(const catalog::Catalog& catalog, const Prepared& prepared, const ModelView& model, const rig::Rig& rig, Result<Placement> placement) {
  if (!placement) return placement;
  placement->flags = prepared.notes;
  tell_short(prepared, *placement);
  add_caveats(*prepared.rules, catalog, *prepared.engine, model, rig, *placement);
  return placement;
}

// By the flags, with as much of a context that nobody named as fits.
Result<Placement> as_told(const catalog::Catalog& catalog, const Prepared& prepared, const ModelView& model, const rig::Rig& rig) {
  Layouts layouts(catalog, *prepared.engine, prepared.backend, model, rig, prepared.drafter);
  const auto lay = [&](const Settings& settings) { return layouts.of(settings); };
  auto placement = lay(prepared.settings);
  if (!placement || placement->fits) return placement;
  if (const auto shorter = shortened(*placement, prepared.shortest))
    if (auto again = lay(*shorter); again && again->fits) return again;
  for (const std::int64_t context : shorter_slots(prepared)) {
    Settings shorter = prepared.settings;
    shorter.context = context;
    if (auto again = lay(shorter); again && again->fits) return again;
  }
  if (const std::int64_t shortest = shrinks_to(prepared); shortest > 0) return lay(at_shortest(prepared.settings, shortest));
  return placement;
}

}  // namespace

bool exceeds_all_memories(const Prepared& prepared, const model::Architecture& architecture, const rig::Rig& rig) {
  const Bytes host = detail::host_capacity(rig);
  if (host <= Bytes{}) return false;   // of unknown size
  Bytes weights{}, room = host;
  for (const model::Tensor& tensor : architecture.tensors)
    if (tensor.role != model::Role::vision && tensor.role != model::Role::next_token) weights += tensor.bytes;
  for (const rig::RigDevice& device : rig.devices) room += detail::device_capacity(*prepared.engine, prepared.backend, device);
  return weights > room;
}

int whole_copies(const model::Architecture& architecture, const Settings& settings) { 
  return std::max(1, settings.replicas) * (architecture.has_experts() && !settings.whole_copies ? 1 : std::max(1, settings.data_degree));
}

std::int64_t cache_tokens(const Placement& placement) { return placement.kv_tokens * std::max(1, placement.settings.data_degree) * std::max(1, placement.settings.replicas); }

std::int64_t running_streams(const catalog::Engine& engine, const Placement& placement, std::int64_t streams, std::int64_t tokens) {
  if (engine.kv_rule != catalog::KvRule::paged || placement.kv_tokens <= 0 || tokens <= 0) return streams;
  return std::clamp<std::int64_t>(cache_tokens(placement) / tokens, 1, std::max<std::int64_t>(1, streams));
}

std::int64_t context_parts(const catalog::Engine& engine, const Settings& settings) {
  return engine.kv_rule == catalog::KvRule::slots && !settings.unified_kv ? std::max(1, settings.sequences) : 1;
}

std::vector<std::int64_t> shorter_slots(const Prepared& prepared) {
  std::vector<std::int64_t> contexts;
  if (prepared.engine->kv_rule != catalog::KvRule::slots || prepared.shortest <= 0) return contexts;
  for (std::int64_t context = prepared.settings.context; context > prepared.shortest;) contexts.push_back(context = std::max(context / 2, prepared.shortest));
  return contexts;
}

namespace detail {

std::int64_t shrinks_to(const Prepared& prepared) { return prepared.engine->kv_rule == catalog::KvRule::paged ? prepared.shortest : 0; }

Settings at_shortest(Settings settings, std::int64_t shortest) {
  if (shortest > 0) settings.context = std::min(settings.context, shortest);
  return settings;
}

}  // namespace detail

Layouts::Layouts(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const ModelView& model, const rig::Rig& rig,
                 std::shared_ptr<const ModelView> drafter)
    : catalog_(catalog), engine_(engine), backend_(backend), model_(model), rig_(rig), drafter_(std::move(drafter)) {
  if (engine.kv_rule == catalog::KvRule::slots) slots_ = std::make_unique<detail::SlotLayouts>(catalog, engine, backend, model, rig, drafter_.get());
}

Layouts::~Layouts() = default;

Result<Placement> Layouts::of(const Settings& settings, Count count) {
  if (!settings.kv_offload && slots_ && !lists(engine_.splits, "cpu-cache")) return fail(ErrorKind::unsupported, engine_.name + " keeps the cache beside its layers");
  const model::Architecture* drafter = drafter_ && detail::drafts_by_another(settings) ? &drafter_->architecture() : nullptr;
  switch (engine_.kv_rule) {
    case catalog::KvRule::slots: return slots_->of(settings, count);
    case catalog::KvRule::paged: return detail::lay_out_paged(catalog_, engine_, backend_, model_.architecture(), rig_, settings, drafter);
    case catalog::KvRule::contiguous: return detail::lay_out_contiguous(catalog_, engine_, backend_, model_.architecture(), rig_, settings, drafter);
  }
  return fail(ErrorKind::unsupported, "no memory rule for " + engine_.name);
}

Result<Placement> lay_out(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                          const ModelView& model, const rig::Rig& rig, const Settings& settings, Count count, std::shared_ptr<const ModelView> drafter) {
  return Layouts(catalog, engine, backend, model, rig, std::move(drafter)).of(settings, count);
}

std::optional<Settings> shortened(const Placement& placement, std::int64_t shortest) {
  constexpr std::int64_t kStep = 256;
  const std::int64_t held = placement.kv_tokens / kStep * kStep;
  if (shortest <= 0 || held < shortest || held >= placement.settings.context) return std::nullopt;
  Settings settings = placement.settings;
  settings.context = held;
  return settings;
}

void tell_short(const Prepared& prepared, Placement& placement) {
  const std::string source = catalog::source_of(*prepared.engine);
  const auto tell = [&](const char* id, std::string text) { placement.caveats.push_back({id, std::move(text), source}); };
  if (prepared.unused_devices > 0 && placement.mode != Mode::cpu)
    tell("most-devices", prepared.engine->name + " is built for at most " + std::to_string(prepared.usable_devices) + " devices: the first " + std::to_string(prepared.usable_devices) +
                             " are used, and the other " + std::to_string(prepared.unused_devices) + " must be hidden from it (CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES).");
  if (!placement.fits) return;
  const std::int64_t wished = prepared.settings.context, context = placement.settings.context, streams = prepared.streams;
  const bool slots = prepared.engine->kv_rule == catalog::KvRule::slots;
  if (prepared.shortest > 0 && context < wished && slots) {
    const std::int64_t parts = context_parts(*prepared.engine, placement.settings);
    if (parts == 1)
      tell("slots-shortened", "Nobody named a context: the cache that all slots share has room for " + std::to_string(context) + " tokens instead of " + std::to_string(wished) +
                                  ", so that the devices hold all of it.");
    else tell("slots-shortened", "Nobody named a context: each of the " + std::to_string(parts) + " slots has room for " + std::to_string(context / parts) + " tokens instead of " +
                                std::to_string(wished / parts) + ", so that the devices hold all of it.");
  } else if (prepared.shortest > 0 && context < wished) {
    const bool starts = catalog::number_of(*prepared.engine, "starts_with_short_cache", placement.backend, 0) > 0;
    tell("context-shortened", "Room for " + std::to_string(context) + " of the model's " + std::to_string(wished) +
                                  (starts ? " tokens of context: without being told so the engine starts and refuses longer requests one by one."
                                          : " tokens of context: without being told so the engine does not start."));
  }
  if (prepared.overruled > 0)
    tell("flags-name-context", "The flags say how long the context is: the " + std::to_string(prepared.overruled) + " tokens asked for beside them do not count.");
  if (placement.settings.threads > 0 && prepared.settings.threads == 0)
    tell("fewer-threads", std::to_string(placement.settings.threads) + " of " + std::to_string(placement.settings.batch_threads) +
                              " cores write faster than all, which wait for each other between products; prompts are read by all (-tb).");
  if (prepared.at_once < streams)
    tell("streams-wait", "The flags let " + std::to_string(prepared.at_once) + " of " + std::to_string(streams) + " streams run at a time, the others wait.");
  else if (const std::int64_t running = running_streams(*prepared.engine, placement, streams, prepared.reach); running < streams)
    tell("streams-wait", "The cache holds " + format_grouped(cache_tokens(placement)) + " tokens: of " + format_grouped(streams) + " streams of " + format_grouped(prepared.reach) +
                             " tokens about " + format_grouped(running) + " run at a time, the others wait.");
}

Result<Placement> place(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request) {
  RC_ASSIGN(prepared, prepare(catalog, model, rig, request));
  if (!prepared.searched) return finished(catalog, prepared, model, rig, as_told(catalog, prepared, model, rig));
  Layouts layouts(catalog, *prepared.engine, prepared.backend, model, rig, prepared.drafter);
  if (!exceeds_all_memories(prepared, model.architecture(), rig))
    if (auto placement = proposed(prepared, model.architecture(), rig, layouts, false)) return finished(catalog, prepared, model, rig, std::move(*placement));
  return place_whole(catalog, prepared, model, rig, layouts);
}

std::optional<Placement> find_room(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request, bool any) {
  Request unadvised = request;
  unadvised.advise = false;
  const auto prepared = prepare(catalog, model, rig, unadvised);
  if (prepared && !prepared->searched) {
    auto told = as_told(catalog, *prepared, model, rig);
    return told && told->fits ? std::optional(std::move(*told)) : std::nullopt;
  }
  if (!prepared || exceeds_all_memories(*prepared, model.architecture(), rig)) return std::nullopt;
  Layouts layouts(catalog, *prepared->engine, prepared->backend, model, rig, prepared->drafter);
  if (auto placement = proposed(*prepared, model.architecture(), rig, layouts, any)) return placement;
  auto all_of_it = whole(*prepared, rig, layouts);
  return all_of_it && all_of_it->fits ? std::optional(std::move(*all_of_it)) : std::nullopt;
}

Result<Placement> place_whole(const catalog::Catalog& catalog, const Prepared& prepared, const ModelView& model, const rig::Rig& rig, Layouts& layouts) {
  return finished(catalog, prepared, model, rig, whole(prepared, rig, layouts));
}

Bytes short_by(const Placement& placement) {
  Bytes missing{};
  for (const Bytes each : placement.missing) missing += std::max(each, Bytes{});
  return missing;
}

Result<Placement> place_nearest(const catalog::Catalog& catalog, const Prepared& prepared, const ModelView& model, const rig::Rig& rig, Layouts& layouts, const Settings& nearest) {
  auto all_of_it = whole(prepared, rig, layouts);
  if (!all_of_it || !all_of_it->fits)
    if (auto laid = layouts.of(nearest); laid && (!all_of_it || short_by(*laid) < short_by(*all_of_it))) all_of_it = std::move(laid);
  return finished(catalog, prepared, model, rig, std::move(all_of_it));
}

}  // namespace rigcast::placement
