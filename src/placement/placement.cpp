#include "placement/placement.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "placement/detail/capacity.hpp"
#include "placement/detail/contiguous.hpp"
#include "placement/detail/paged.hpp"
#include "placement/detail/slots.hpp"
#include "placement/rules.hpp"

namespace rigcast::placement {

namespace {

bool runs(const rig::RigDevice& device, const std::string& backend) {
  const auto& known = device.device.runs;
  return std::find(known.begin(), known.end(), backend) != known.end();
}

bool one_maker(const rig::Rig& rig) {
  return std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return d.device.vendor == rig.devices.front().device.vendor; });
}

// What of the model the search may move, in the order in which the engine's own fit moves it: everything on the devices; experts to the
// host, as few layers as the memory demands; whole layers to the host.
class DefaultPlacement {
 public:
  DefaultPlacement(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend, const model::Architecture& architecture,
                   const rig::Rig& rig)
      : catalog_(catalog), engine_(engine), backend_(backend), a_(architecture), rig_(rig) {}

  Result<Placement> run(Settings settings) {
    RC_ASSIGN(whole, lay(settings));
    if (whole.fits || rig_.devices.empty() || engine_.kv_rule == catalog::KvRule::contiguous) return whole;
    if (engine_.kv_rule == catalog::KvRule::paged) return widest_degree(settings, whole);
    const int layers = static_cast<int>(a_.layers.size());
    if (a_.has_experts()) {
      const auto moved = fewest(layers, [&](int n) { settings.cpu_moe_layers = n; return lay(settings); });
      if (moved) return *moved;
      settings.cpu_moe_layers = 0;
    }
    const auto moved = fewest(layers + 1, [&](int n) { settings.gpu_layers = layers + 1 - n; return lay(settings); });
    return moved ? *moved : whole;
  }

 private:
  Result<Placement> lay(const Settings& settings) { return lay_out(catalog_, engine_, backend_, a_, rig_, settings); }

  // More on the host never needs more of the devices: the smallest number that fits, by bisection.
  template <class Make>
  std::optional<Placement> fewest(int most, Make make) {
    std::optional<Placement> best;
    int low = 1, high = most;
    while (low <= high) {
      const int middle = (low + high) / 2;
      auto placement = make(middle);
      if (placement && placement->fits) {
        best = std::move(*placement);
        high = middle - 1;
      } else {
        low = middle + 1;
      }
    }
    return best;
  }

  // The smallest tensor degree that holds the model, powers of two first as engines want them.
  Result<Placement> widest_degree(Settings settings, const Placement& smallest) {
    for (int degree = 2; degree <= static_cast<int>(rig_.devices.size()); degree *= 2) {
      settings.mode = Mode::tensor;
      settings.tensor_degree = degree;
      auto placement = lay(settings);
      if (placement && placement->fits) return placement;
    }
    settings.tensor_degree = static_cast<int>(rig_.devices.size());
    auto all = settings.tensor_degree > 1 ? lay(settings) : Result<Placement>(smallest);
    return all ? all : Result<Placement>(smallest);
  }

  const catalog::Catalog& catalog_;
  const catalog::Engine& engine_;
  const std::string& backend_;
  const model::Architecture& a_;
  const rig::Rig& rig_;
};

}  // namespace

Result<std::string> choose_backend(const catalog::Engine& engine, const rig::Rig& rig, const std::string& asked) {
  if (!asked.empty()) {
    const std::string backend = to_lower(asked);
    if (std::find(engine.backends.begin(), engine.backends.end(), backend) == engine.backends.end())
      return fail(ErrorKind::unsupported, engine.name + " has no backend '" + asked + "'", Where{"--backend"}, "backend",
                  nearest_name(backend, engine.backends));
    for (const rig::RigDevice& device : rig.devices)
      if (backend != "cpu" && !device.device.runs.empty() && !runs(device, backend))
        return fail(ErrorKind::infeasible, device.device.name + " does not run " + backend, Where{"--backend"}, "backend", device.device.runs.front());
    return backend;
  }
  if (!rig.devices.empty() && !one_maker(rig) && !engine.mixed_vendors)
    return fail(ErrorKind::infeasible, engine.name + " cannot share a model between devices of different makers", Where{"--on"}, "devices", "llama.cpp");
  if (rig.devices.empty()) return std::string("cpu");
  for (const std::string& backend : engine.backends) {
    const bool all = std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return runs(d, backend); });
    if (backend != "cpu" && all) return backend;
  }
  for (const std::string& backend : engine.backends)  // no common one: each device its own, named after the first
    if (backend != "cpu" && engine.mixed_vendors && runs(rig.devices.front(), backend)) return backend;
  const std::string has = rig.devices.front().device.runs.empty() ? std::string("nothing known") : join(rig.devices.front().device.runs, ", ");
  return fail(ErrorKind::infeasible, engine.name + " has no backend for " + rig.devices.front().device.name + ", which runs " + has, Where{"--on"}, "backend");
}

Result<Placement> lay_out(const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                          const model::Architecture& architecture, const rig::Rig& rig, const Settings& settings) {
  switch (engine.kv_rule) {
    case catalog::KvRule::slots: return detail::lay_out_slots(catalog, engine, backend, architecture, rig, settings);
    case catalog::KvRule::paged: return detail::lay_out_paged(catalog, engine, backend, architecture, rig, settings);
    case catalog::KvRule::contiguous: return detail::lay_out_contiguous(catalog, engine, backend, architecture, rig, settings);
  }
  return fail(ErrorKind::unsupported, "no memory rule for " + engine.name);
}

namespace {

// Splits an engine has but that nobody has shown to be worth it on this backend or over these links: obeyed where asked for, not proposed.
void drop_unproven_splits(catalog::Engine& engine, const std::string& backend, const rig::Rig& rig) {
  const auto unproven = [&](const std::string& split) {
    if (split == "tensor" && engine.kv_rule == catalog::KvRule::slots && rig.hosts.size() > 1) return true;
    const auto names = [&](const char* list, const std::string& name) {
      const auto words = split_words(catalog::text_of(engine, list, split));
      return std::find(words.begin(), words.end(), name) != words.end();
    };
    if (engine.texts.contains("proposed_on." + split) && !names("proposed_on", backend)) return true;
    return std::any_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return names("not_proposed_for", d.device.architecture); });
  };
  engine.splits.erase(std::remove_if(engine.splits.begin(), engine.splits.end(), unproven), engine.splits.end());
}

}  // namespace

Result<Prepared> prepare(const catalog::Catalog& catalog, const model::Architecture& architecture, const rig::Rig& rig, const Request& request) {
  RC_ASSIGN(engine, catalog::read_engine(catalog, request.engine));
  RC_ASSIGN(backend, choose_backend(engine, rig, request.backend));
  drop_unproven_splits(engine, backend, rig);
  RC_ASSIGN(all_rules, catalog.rules());
  const std::vector<catalog::Rule>& rules = *all_rules;
  RC_TRY(check_formats(catalog, engine, architecture));
  RC_TRY(check_refusals(rules, catalog, engine, backend, architecture, rig));
  RC_ASSIGN(parsed, parse_flags(engine, architecture, rig, request.flags));
  Settings settings = parsed.settings;
  const bool says_context = settings.context > 0 || std::any_of(parsed.notes.begin(), parsed.notes.end(), [](const FlagNote& n) {
                              return n.flag.starts_with("-c ") || n.flag.starts_with("--ctx-size");
                            });
  if (!says_context) {
    const auto fallback = static_cast<std::int64_t>(catalog::number_of(engine, "default_context", backend, 0));
    settings.context = request.context > 0 ? request.context : fallback > 0 ? std::min(fallback, std::max<std::int64_t>(256, architecture.max_context)) : 0;
  }
  return Prepared{std::move(engine), std::move(backend), rules, std::move(settings), std::move(parsed.notes)};
}

Result<Placement> place(const catalog::Catalog& catalog, const model::Architecture& architecture, const rig::Rig& rig, const Request& request) {
  RC_ASSIGN(prepared, prepare(catalog, architecture, rig, request));
  const auto& [engine, backend, rules, settings, notes] = prepared;
  auto placement = trim(request.flags).empty() ? DefaultPlacement(catalog, engine, backend, architecture, rig).run(settings)
                                               : lay_out(catalog, engine, backend, architecture, rig, settings);
  if (!placement) return placement;
  placement->flags = notes;
  add_caveats(rules, catalog, engine, architecture, rig, *placement);
  return placement;
}

}  // namespace rigcast::placement
