// What a request comes to before anything is laid out: its backend, its settings, and what the engine refuses.

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/refusals.hpp"
#include "placement/detail/slots.hpp"
#include "placement/placement.hpp"
#include "placement/rules.hpp"

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

}  // namespace

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

namespace {

constexpr std::int64_t kShortestContext = 256;   // of a default
constexpr std::int64_t kShortestSlot = 1024, kWritten = 256;   // ... that of one of several slots below this, nor below what is read and a short answer

std::int64_t padded(std::int64_t context) { return (context + kShortestContext - 1) / kShortestContext * kShortestContext; }

// A copy with these splits, remembered: engines are large, and every plan asks for the same few.
std::shared_ptr<const catalog::Engine> with_splits(const std::shared_ptr<const catalog::Engine>& engine, std::vector<std::string> splits) {
  constexpr std::size_t kMost = 64;
  static std::mutex mutex;   // guards what follows, of all catalogues: who keeps the engine keeps its address its own
  static std::map<std::pair<std::shared_ptr<const catalog::Engine>, std::vector<std::string>>, std::shared_ptr<const catalog::Engine>> known;
  const std::lock_guard lock(mutex);
  if (known.size() >= kMost) known.clear();
  auto& copy = known[{engine, splits}];
  if (copy) return copy;
  catalog::Engine with = *engine;
  with.splits = std::move(splits);
  return copy = std::make_shared<const catalog::Engine>(std::move(with));
}

// The engine without splits that it has but that nobody has shown to be worth it on this backend or over these links: obeyed where asked for,
// not proposed.
std::shared_ptr<const catalog::Engine> proposing(std::shared_ptr<const catalog::Engine> engine, const std::string& backend, const rig::Rig& rig) {
  const auto unproven = [&](const std::string& split) {
    if (split == "tensor" && engine->kv_rule == catalog::KvRule::slots && rig.hosts.size() > 1) return true;
    if (engine->texts.contains("proposed_on." + split) && !detail::lists(catalog::text_of(*engine, "proposed_on", split), backend)) return true;
    const std::string_view chips = catalog::text_of(*engine, "not_proposed_for", split);
    return std::any_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return detail::lists(chips, d.device.architecture); });
  };
  std::vector<std::string> splits = engine->splits;
  std::erase_if(splits, unproven);
  return splits.size() == engine->splits.size() ? engine : with_splits(engine, std::move(splits));
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

// Builds from before the engine learnt to draft so end with the flags that ask for it.
Result<void> check_drafts(const catalog::Engine& engine, const Speculation& speculation) {
  const std::string_view built = catalog::text_of(engine, "built", ""), since = catalog::text_of(engine, "drafts_since", to_string(speculation.drafter));
  if (built.empty() || since <= built) return {};
  return fail(ErrorKind::unsupported, engine.name + " drafts with a model's own layers since " + std::string(since) + ": builds of " + std::string(built) + " do not start with these flags", Where{"--flags"},
              "speculation", "--engine-date " + std::string(since));
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
  RC_TRY(check_drafts(*engine, settings.speculation));
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
  if (!asked && paged && !architecture.encoder_only) shortest = worth_having(settings.context, request.reach);
  if (!asked && slots && settings.sequences > 1) shortest = std::min(settings.context, parts * padded(std::max(kShortestSlot, request.reach + kWritten)));
  settings.dry_run = request.dry_run;
  const bool searched = !parsed.places;
  const bool named_batch = says({"-ub ", "-ub=", "--ubatch-size", "num_batch"});
  const bool named_offload = says({"--op-offload", "--no-op-offload"});
  Prepared prepared{std::move(engine), std::move(backend), rules, std::move(settings), std::move(parsed.notes), searched, shortest, streams, streams, request.reach, asked};
  const auto element = [&](const std::string& name) {
    const auto quant = catalog.quant(name);
    return quant ? static_cast<double>(quant->block_bytes) / static_cast<double>(quant->block_elements) : 2.0;
  };
  prepared.drafter = request.drafter;
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

}  // namespace rigcast::placement
