#include "placement/placement.hpp"

#include <algorithm>
#include <memory>
#include <map>
#include <optional>

#include "base/check.hpp"
#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/contiguous.hpp"
#include "placement/detail/paged.hpp"
#include "placement/detail/refusals.hpp"
#include "placement/detail/slots.hpp"
#include "placement/rules.hpp"
#include "placement/search.hpp"

namespace rigcast::placement {

using detail::check_engine, detail::check_foreign, detail::lists, detail::one_maker, detail::runs, detail::with_engine_that_runs, detail::with_format_that_runs;

namespace {

// A processor alone: the engine needs a backend for it, and a way to lay a whole model out there.
Result<std::string> processor_backend(const catalog::Engine& engine) {
  const bool has = lists(engine.backends, "cpu");
  if (has && lists(engine.splits, "cpu")) return std::string("cpu");
  return fail(ErrorKind::infeasible,
              has ? "how " + engine.name + " lays a model out without a device is not known here"
                  : engine.name + " has no backend for a processor alone: it runs on " + join(engine.backends, ", "),
              Where{"--on"}, "backend");
}

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

// With at most so long a context; 0: as it is.
Settings with_context(Settings settings, std::int64_t context) {
  if (context > 0) settings.context = std::min(settings.context, context);
  return settings;
}

// What is told where nothing fits: all of it on the devices, over as many as the engine needs told, with as much of a context that nobody named as is
// worth having.
Result<Placement> whole(const Prepared& prepared, const rig::Rig& rig, Layouts& layouts) {
  const Settings settings = prepared.engine->kv_rule == catalog::KvRule::paged ? with_context(prepared.settings, prepared.shortest) : prepared.settings;
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
  Layouts layouts(catalog, *prepared.engine, prepared.backend, model, rig);
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
  if (prepared.engine->kv_rule == catalog::KvRule::paged && prepared.shortest > 0) return lay(with_context(prepared.settings, prepared.shortest));
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

Result<std::string> choose_backend(const catalog::Engine& engine, const rig::Rig& rig, const std::string& asked) {
  if (!asked.empty()) {
    const std::string backend = to_lower(asked);
    if (std::find(engine.backends.begin(), engine.backends.end(), backend) == engine.backends.end())
      return fail(ErrorKind::unsupported, engine.name + " has no backend '" + asked + "'", Where{"--backend"}, "backend",
                  nearest_name(backend, engine.backends));
    if (backend == "cpu") return processor_backend(engine);
    if (rig.devices.empty()) return fail(ErrorKind::infeasible, "this machine has no device that runs " + backend, Where{"--backend"}, "backend", "cpu");
    for (const rig::RigDevice& device : rig.devices)
      if (!device.device.runs.empty() && !runs(device, backend))
        return fail(ErrorKind::infeasible, device.device.name + " does not run " + backend, Where{"--backend"}, "backend", device.device.runs.front());
    return backend;
  }
  if (!rig.devices.empty() && !one_maker(rig) && !engine.mixed_vendors)
    return fail(ErrorKind::infeasible, engine.name + " cannot share a model between devices of different makers", Where{"--on"}, "devices", "--engine llama.cpp");
  if (rig.devices.empty()) return processor_backend(engine);
  for (const std::string& backend : engine.backends) {
    const bool all = std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return runs(d, backend); });
    if (backend != "cpu" && all) return backend;
  }
  const auto reads = [](const rig::RigDevice& d) { return d.device.bandwidth ? d.device.bandwidth->value.value() : 0.0; };
  const auto fastest = std::max_element(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& a, const rig::RigDevice& b) { return reads(a) < reads(b); });
  for (const std::string& backend : engine.backends)  // no common one: each device its own, named after the fastest whatever their order
    if (backend != "cpu" && engine.mixed_vendors && runs(*fastest, backend)) return backend;
  const std::string has = rig.devices.front().device.runs.empty() ? std::string("nothing known") : join(rig.devices.front().device.runs, ", ");
  return fail(ErrorKind::infeasible, engine.name + " has no backend for " + rig.devices.front().device.name + ", which runs " + has, Where{"--on"}, "backend");
}

std::vector<std::string> partial_backends(const catalog::Engine& engine, const rig::Rig& rig) {
  std::vector<std::string> partial;
  if (!engine.mixed_vendors || rig.hosts.size() > 1) return partial;
  for (const std::string& backend : engine.backends) {
    const auto can = std::count_if(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& device) { return runs(device, backend); });
    if (backend != "cpu" && can > 0 && can < static_cast<std::ptrdiff_t>(rig.devices.size())) partial.push_back(backend);
  }
  return partial;
}

rig::Rig part_that_runs(const rig::Rig& rig, const std::string& backend) {
  const auto can = [&](const rig::RigDevice& device) { return runs(device, to_lower(backend)); };
  return std::any_of(rig.devices.begin(), rig.devices.end(), can) && !std::all_of(rig.devices.begin(), rig.devices.end(), can) ? rig::only(rig, can) : rig;
}

Layouts::Layouts(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const ModelView& model, const rig::Rig& rig)
    : catalog_(catalog), engine_(engine), backend_(backend), model_(model), rig_(rig) {
  if (engine.kv_rule == catalog::KvRule::slots) slots_ = std::make_unique<detail::SlotLayouts>(catalog, engine, backend, model, rig);
}

Layouts::~Layouts() = default;

Result<Placement> Layouts::of(const Settings& settings, Count count) {
  if (!settings.kv_offload && slots_ && !lists(engine_.splits, "cpu-cache")) return fail(ErrorKind::unsupported, engine_.name + " keeps the cache beside its layers");
  switch (engine_.kv_rule) {
    case catalog::KvRule::slots: return slots_->of(settings, count);
    case catalog::KvRule::paged: return detail::lay_out_paged(catalog_, engine_, backend_, model_.architecture(), rig_, settings);
    case catalog::KvRule::contiguous: return detail::lay_out_contiguous(catalog_, engine_, backend_, model_.architecture(), rig_, settings);
  }
  return fail(ErrorKind::unsupported, "no memory rule for " + engine_.name);
}

Result<Placement> lay_out(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                          const ModelView& model, const rig::Rig& rig, const Settings& settings, Count count) {
  return Layouts(catalog, engine, backend, model, rig).of(settings, count);
}

namespace {

constexpr std::int64_t kShortestContext = 256;   // of a default
constexpr std::int64_t kWorthHaving = 4096;      // a context that nobody named does not shrink below this
constexpr std::int64_t kShortestSlot = 1024, kWritten = 256;   // ... that of one of several slots below this, nor below what is read and a short answer

std::int64_t padded(std::int64_t context) { return (context + kShortestContext - 1) / kShortestContext * kShortestContext; }

// The engine without splits that it has but that nobody has shown to be worth it on this backend or over these links: obeyed where asked for,
// not proposed.
std::shared_ptr<const catalog::Engine> proposing(std::shared_ptr<const catalog::Engine> engine, const std::string& backend, const rig::Rig& rig) {
  const auto unproven = [&](const std::string& split) {
    if (split == "tensor" && engine->kv_rule == catalog::KvRule::slots && rig.hosts.size() > 1) return true;
    const auto names = [&](const char* list, const std::string& name) { return detail::lists(catalog::text_of(*engine, list, split), name); };
    if (engine->texts.contains("proposed_on." + split) && !names("proposed_on", backend)) return true;
    return std::any_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return names("not_proposed_for", d.device.architecture); });
  };
  if (std::none_of(engine->splits.begin(), engine->splits.end(), unproven)) return engine;
  catalog::Engine without = *engine;
  std::erase_if(without.splits, unproven);
  return std::make_shared<const catalog::Engine>(std::move(without));
}

// Where a rule keeps the engine's favourite backend from these devices: the next that all of them run and no rule refuses.
std::optional<std::string> unrefused_backend(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine,
                                             const ModelView& model, const rig::Rig& rig) {
  for (const std::string& backend : engine.backends) {
    const bool all = std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& device) { return runs(device, backend); });
    if (backend != "cpu" && all && check_engine(engine, backend, model.architecture(), rig) && check_refusals(rules, catalog, engine, backend, model, rig)) return backend;
  }
  return std::nullopt;
}

// The processor alone, whatever devices the rig has and the flags name: a build without a backend for them knows none.
void keep_off_devices(Settings& settings) {
  settings.mode = Mode::cpu;
  settings.gpu_layers = 0;
  settings.split.clear();
  settings.cpu_moe_layers = 0;
  settings.overrides.clear();
}

// The backend whose devices flags may name: where each device has its own, any.
std::string_view common_backend(const rig::Rig& rig, const std::string& backend) {
  const bool all = backend != "cpu" && std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& device) { return runs(device, backend); });
  return all ? std::string_view(backend) : std::string_view();
}

// What --quantization says of a checkpoint in another format is refused as it is loaded.
Result<void> check_quantization(const catalog::Catalog& catalog, const catalog::Engine& engine, const ModelView& model, const Settings& settings) {
  const std::string_view groups = settings.weight_quant.empty() ? std::string_view() : catalog::text_of(engine, "quantization", settings.weight_quant);
  const auto quant = catalog.quant(model.dominant_quant());
  if (groups.empty() || !quant || quant->group == "integer" || detail::lists(groups, quant->group)) return {};
  return fail(ErrorKind::unsupported, "--quantization " + settings.weight_quant + " does not match the checkpoint's " + quant->name + ": " + engine.name + " refuses it, and finds the right one by itself",
              Where{"--flags"}, "flags");
}

}  // namespace

Result<Prepared> prepare(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request) {
  const model::Architecture& architecture = model.architecture();
  RC_ASSIGN(todays, catalog.engine(request.engine));
  std::shared_ptr<const catalog::Engine> engine = request.built.empty() ? std::move(todays) : std::make_shared<const catalog::Engine>(catalog::as_of(*todays, request.built));
  const auto refused = [&](Error error) { return tl::unexpected<Error>(!request.advise ? std::move(error) : with_engine_that_runs(catalog, model, rig, request, *engine, std::move(error))); };
  auto chosen_backend = choose_backend(*engine, rig, request.backend);
  if (!chosen_backend) return refused(std::move(chosen_backend.error()));
  std::string backend = std::move(*chosen_backend);
  if (auto able = check_engine(*engine, backend, architecture, rig); !able) return refused(std::move(able.error()));
  engine = proposing(std::move(engine), backend, rig);
  RC_ASSIGN(rules, catalog.rules());
  if (auto read = check_formats(catalog, *engine, model, backend); !read)
    return tl::unexpected<Error>(request.advise ? with_format_that_runs(catalog, model, rig, request, *engine, backend, std::move(read.error())) : std::move(read.error()));
  if (auto allowed = check_refusals(*rules, catalog, *engine, backend, model, rig); !allowed) {
    auto other = request.backend.empty() ? unrefused_backend(*rules, catalog, *engine, model, rig) : std::nullopt;
    if (!other) return refused(std::move(allowed.error()));
    backend = std::move(*other);
  }
  if (auto allowed = check_foreign(*rules, catalog, *engine, backend, architecture, rig); !allowed) return refused(std::move(allowed.error()));
  RC_ASSIGN(parsed, parse_flags(*engine, architecture, rig, request.flags, common_backend(rig, backend)));
  Settings settings = parsed.settings;
  RC_TRY(check_quantization(catalog, *engine, model, settings));
  if (backend == "cpu") keep_off_devices(settings);
  const auto says = [&](std::initializer_list<std::string_view> names) {
    return std::any_of(parsed.notes.begin(), parsed.notes.end(), [&](const FlagNote& note) {
      return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return note.flag.starts_with(name); });
    });
  };
  const bool paged = engine->kv_rule == catalog::KvRule::paged, slots = engine->kv_rule == catalog::KvRule::slots;
  const std::int64_t streams = std::max<std::int64_t>(1, request.streams);
  const bool says_context = settings.context > 0 || says({"-c ", "--ctx-size"}), asked = says_context || request.context > 0;
  if (!paged && !parsed.says_sequences) settings.sequences = static_cast<int>(streams);   // each has a cache of its own
  const std::int64_t parts = context_parts(*engine, settings);
  if (!says_context) {
    const std::int64_t most = paged ? architecture.max_context : std::max(kShortestContext, architecture.max_context);
    const auto fallback = static_cast<std::int64_t>(catalog::number_of(*engine, "default_context", backend, paged ? 0x1p62 : 0));
    settings.context = parts * (request.context > 0 ? request.context : fallback > 0 ? std::max(std::min(fallback, most), request.reach) : 0);
  } else if (slots && catalog::number_of(*engine, "context_of_each", backend, 0) > 0) {
    settings.context *= parts;
  } else if (const std::string_view cells = catalog::text_of(*engine, "flag", "cells"); !cells.empty() && says({cells})) {
    settings.context /= std::max(1, settings.sequences);
  }
  const auto usual_sequences = static_cast<std::int64_t>(paged ? catalog::sized_number(*engine, "default_max_num_seqs", rig.devices.empty() ? Bytes{} : rig.devices.front().memory) : 1);
  if (paged && settings.sequences <= 0 && streams > usual_sequences) settings.sequences = static_cast<int>(std::min<std::int64_t>(streams, INT32_MAX));
  std::int64_t shortest = 0;
  if (!asked && paged && !architecture.encoder_only) shortest = std::max(std::min(settings.context, kWorthHaving), request.reach);
  if (!asked && slots && settings.sequences > 1) shortest = std::min(settings.context, parts * padded(std::max(kShortestSlot, request.reach + kWritten)));
  settings.dry_run = request.dry_run;
  const bool searched = !parsed.places;
  const bool named_batch = says({"-ub ", "-ub=", "--ubatch-size", "num_batch"});
  const bool named_offload = says({"--op-offload", "--no-op-offload"});
  Prepared prepared{std::move(engine), std::move(backend), rules, std::move(settings), std::move(parsed.notes), searched, shortest, streams, streams, request.reach, asked, 0};
  const auto element = [&](const std::string& name) {
    const auto quant = catalog.quant(name);
    return quant ? static_cast<double>(quant->block_bytes) / static_cast<double>(quant->block_elements) : 2.0;
  };
  prepared.cache_element = (element(prepared.settings.key_quant) + element(prepared.settings.value_quant)) / 2;
  prepared.named_batch = named_batch;
  prepared.named_offload = named_offload;
  prepared.usable_devices = usable_devices(*prepared.engine, rig);
  prepared.unused_devices = static_cast<int>(rig.devices.size()) - prepared.usable_devices;
  const std::int64_t of_copy = prepared.settings.sequences > 0 ? prepared.settings.sequences : usual_sequences;
  prepared.at_once = std::min<std::int64_t>(streams, of_copy * std::max(1, prepared.settings.data_degree));
  if (request.context > 0) {
    const std::int64_t each = prepared.settings.context / parts;
    if (says_context && each != request.context) prepared.overruled = request.context;
    prepared.reach = std::max(prepared.reach, each);   // what each was asked to hold
  }
  return prepared;
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
  Layouts layouts(catalog, *prepared.engine, prepared.backend, model, rig);
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
  Layouts layouts(catalog, *prepared->engine, prepared->backend, model, rig);
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
