#include "placement/detail/refusals.hpp"

#include <cmath>
#include <memory>
#include <optional>
#include <tuple>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/gguf_families.hpp"
#include "model/recipe.hpp"
#include "placement/detail/slots.hpp"
#include "placement/rules.hpp"

namespace rigcast::placement::detail {
namespace {

bool spans_hosts(const rig::Rig& rig) {
  return std::any_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& d) { return d.host != rig.devices.front().host; });
}

Bytes all_memory(const rig::Rig& rig) {
  Bytes all{};
  for (const rig::RigDevice& device : rig.devices) all += device.memory;
  for (const rig::Host& host : rig.hosts) all += host.available();
  return all;
}

}  // namespace

Result<void> check_engine(const catalog::Engine& engine, const std::string& backend, const model::Architecture& architecture, const rig::Rig& rig) {
  if (spans_hosts(rig) && catalog::text_of(engine, "across_hosts", rig.devices.front().device.architecture).empty())
    return fail(ErrorKind::infeasible, engine.name + " cannot share a model between hosts", Where{"--on"}, "rig");
  // Engines of slots read GGUF, whose families are listed one by one.
  const bool no_code = engine.kv_rule == catalog::KvRule::slots && model::gguf_family(architecture.family) == nullptr;
  if (no_code || (!engine.families.empty() && !lists(engine.families, architecture.family)))
    return fail(ErrorKind::unsupported, engine.name + " has no code for models of family '" + architecture.family + "'", Where{"--engine"}, "engine");
  if (catalog::number_of(engine, "needs_experts", backend, 0) > 0 && !architecture.has_experts())
    return fail(ErrorKind::unsupported, engine.name + " keeps experts in the host's memory, and this model has none", Where{"--engine"}, "engine");
  return {};
}

Result<void> check_foreign(const std::vector<catalog::Rule>& rules, const catalog::Catalog& catalog, const catalog::Engine& engine, const std::string& backend,
                           const model::Architecture& architecture, const rig::Rig& rig) {
  if (one_maker(rig) || backend == "cpu") return {};
  for (const rig::RigDevice& device : rig.devices) {
    if (device.device.runs.empty() || runs(device, backend)) continue;
    rig::Rig alone;
    alone.hosts = rig.hosts;
    alone.devices = {device};
    RC_TRY(check_refusals(rules, catalog, engine, device.device.runs.front(), architecture, alone));
  }
  return {};
}

namespace {

// What an engine would run instead on these devices: the model as it is where it reads that, else in the format whose weights are most nearly
// as large, those with room for them first.
struct Offer { std::string format; bool fits = false; };   // "": as it is
std::optional<Offer> offer_of(const catalog::Catalog& catalog, const std::vector<catalog::Rule>& rules, const catalog::Engine& engine, const std::string& backend, const ModelView& model,
                              const rig::Rig& rig, Request request) {
  request.engine = engine.key;
  request.flags.clear();
  request.backend = backend;
  const auto accepts = [&](const ModelView& each) {
    return check_formats(catalog, engine, each, backend) && check_refusals(rules, catalog, engine, backend, each, rig) && check_foreign(rules, catalog, engine, backend, each.architecture(), rig);
  };
  const bool common = std::all_of(rig.devices.begin(), rig.devices.end(), [&](const rig::RigDevice& device) { return runs(device, backend); });
  const bool reference = is_reference(engine);   // nobody would run it beside idle cards
  const auto fits = [&](const ModelView& each) {   // devices without a backend in common are not asked for by its name
    if (!common) return each.architecture().weight_bytes() <= all_memory(rig);
    const auto room = find_room(catalog, each, rig, request, true);
    return room && (!reference || all_on_devices(each.architecture(), *room));
  };
  std::optional<Offer> too_large;
  if (accepts(model)) {
    if (fits(model)) return Offer{"", true};
    too_large = Offer{};
  }
  std::vector<std::string> formats = {"f16"};
  for (const std::string_view each : split_words(catalog::text_of(engine, "smaller_quants", ""))) formats.emplace_back(each);
  formats.insert(formats.end(), engine.usual_quants.begin(), engine.usual_quants.end());
  if (catalog::reads(engine, "ggml-legacy") && engine.kv_rule == catalog::KvRule::slots) formats.insert(formats.end(), {"q8_0", "q4_0"});
  struct As { std::string format; double away = 0; std::shared_ptr<model::Architecture> model; };
  std::vector<As> others;
  const double weights = std::max(1.0, model.architecture().weight_bytes().value());
  for (const std::string& format : formats) {
    auto other = std::make_shared<model::Architecture>(model.architecture());
    if (!model::apply_quant(catalog, *other, format)) continue;
    const double away = std::abs(std::log(other->weight_bytes().value() / weights));
    others.push_back({format, away, std::move(other)});
  }
  std::stable_sort(others.begin(), others.end(), [](const As& a, const As& b) { return a.away < b.away; });
  for (const As& each : others) {
    if (!accepts(*each.model)) continue;
    if (fits(*each.model)) return Offer{each.format, true};
    if (!too_large) too_large = Offer{each.format, false};
  }
  return too_large;
}

// What is known of devices on which nothing runs: why the engine that has a backend for them refuses them, else what their makers bring.
std::string what_is_known(const rig::Rig& rig, const std::string& refusal) {
  if (!refusal.empty()) return refusal;
  for (const rig::RigDevice& device : rig.devices)
    if (!device.device.software_notes.empty()) return device.device.software_notes.front();
  return {};
}

// The rule by which the engine refuses one of the devices, whatever the model.
const catalog::Rule* refusal_of_devices(const std::vector<catalog::Rule>& rules, const catalog::Engine& engine, const std::string& backend, const rig::Rig& rig) {
  for (const rig::RigDevice& device : rig.devices) {
    const catalog::Situation situation = situation_of(engine, backend, rig, device);   // of no model
    for (const catalog::Rule& rule : rules)
      if (rule.effect == catalog::RuleEffect::refuse && catalog::applies(rule, situation)) return &rule;
  }
  return nullptr;
}

}  // namespace

Error with_engine_that_runs(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request, const catalog::Engine& refusing,
                            Error error) {
  const auto all_rules = catalog.rules();
  if (!request.backend.empty() || !error.nearest.empty() || !all_rules) return error;
  if (auto nothing = nothing_runs(catalog, rig, model.architecture())) return std::move(*nothing);
  std::vector<catalog::Rule> whatever_format;
  std::copy_if((*all_rules)->begin(), (*all_rules)->end(), std::back_inserter(whatever_format), [](const catalog::Rule& rule) { return !catalog::names_format(rule); });
  enum class Change { engine, format, both };
  using Rank = std::tuple<bool, bool, Change, bool, bool, std::ptrdiff_t, std::ptrdiff_t>;   // no room, for comparison, what changes, not the engine under it, one growing cache, warnings, backends
  std::optional<Rank> best;
  for (const auto& entry : catalog.entries(catalog::Kind::engine)) {
    const auto engine = catalog::read_engine(catalog, entry.key);
    const auto backend = engine ? choose_backend(*engine, rig, "") : Result<std::string>(std::string());
    if (!engine || !backend || !check_engine(*engine, *backend, model.architecture(), rig) || !check_refusals(whatever_format, catalog, *engine, *backend, model, rig)) continue;
    const auto offer = offer_of(catalog, **all_rules, *engine, *backend, model, rig, request);
    const bool same_engine = engine->key == refusing.key;
    if (!offer || (same_engine && offer->format.empty()) || (is_reference(*engine) && !offer->fits)) continue;
    const bool other_format = !offer->format.empty();
    std::ptrdiff_t warnings = 0;
    if (!rig.devices.empty()) {
      const catalog::Situation situation = situation_of(*engine, *backend, rig, rig.devices.front());
      warnings = std::count_if(whatever_format.begin(), whatever_format.end(), [&](const catalog::Rule& rule) { return rule.effect == catalog::RuleEffect::warn && catalog::applies(rule, situation); });
    }
    const Rank rank{!offer->fits, is_reference(*engine), same_engine ? Change::format : other_format ? Change::both : Change::engine, engine->key != refusing.base, engine->kv_rule == catalog::KvRule::contiguous, warnings, -static_cast<std::ptrdiff_t>(engine->backends.size())};
    if (best && *best <= rank) continue;
    best = rank;
    const std::string spec = other_format ? model.architecture().key + ":" + offer->format : std::string();
    error.nearest = same_engine ? spec : "--engine " + engine->key + (other_format ? " " + spec : "");
  }
  return error;
}

Error with_format_that_runs(const catalog::Catalog& catalog, const ModelView& model, const rig::Rig& rig, const Request& request, const catalog::Engine& refusing,
                            const std::string& backend, Error error) {
  const auto rules = catalog.rules();
  if (error.nearest.empty() || !rules) return error;
  if (error.field == "engine") {
    const auto owner = catalog::read_engine(catalog, error.nearest);
    const auto its_backend = owner ? choose_backend(*owner, rig, "") : Result<std::string>(std::string());
    if (owner && its_backend && check_engine(*owner, *its_backend, model.architecture(), rig) && check_refusals(**rules, catalog, *owner, *its_backend, model, rig)) return error;
  } else {
    model::Architecture usual = model.architecture();
    const auto spec = [&](const std::string& format) { return (model.architecture().file.empty() ? model.architecture().key : model.architecture().file) + ':' + format; };
    if (model::apply_quant(catalog, usual, error.nearest) && check_refusals(**rules, catalog, refusing, backend, ModelView(usual), rig)) {
      error.nearest = spec(error.nearest);
      return error;
    }
    if (const auto offer = offer_of(catalog, **rules, refusing, backend, model, rig, request); offer && !offer->format.empty()) {
      error.nearest = spec(offer->format);
      return error;
    }
  }
  error.nearest.clear();
  return with_engine_that_runs(catalog, model, rig, request, refusing, std::move(error));
}

}  // namespace rigcast::placement::detail

namespace rigcast::placement {

using detail::lists, detail::refusal_of_devices, detail::what_is_known;

std::optional<Error> nothing_runs(const catalog::Catalog& catalog, const rig::Rig& rig, const model::Architecture& architecture) {
  const auto rules = catalog.rules();
  if (rig.devices.empty() || !rules) return std::nullopt;
  std::string refusal;
  for (const auto& entry : catalog.entries(catalog::Kind::engine)) {
    const auto engine = catalog.engine(entry.key);
    const auto backend = engine ? choose_backend(**engine, rig, "") : Result<std::string>(fail(ErrorKind::not_found, ""));
    if (!backend) continue;
    const catalog::Rule* refusing = refusal_of_devices(**rules, **engine, *backend, rig);
    if (!refusing) return std::nullopt;
    if (refusal.empty()) refusal = refusing->text;
  }
  Bytes memory{};
  std::vector<std::string> names, backends;
  const auto add = [](std::vector<std::string>& all, const std::string& one) {
    if (!lists(all, one)) all.push_back(one);
  };
  for (const rig::RigDevice& device : rig.devices) {
    memory += device.memory;
    add(names, device.device.name);
    for (const std::string& backend : device.device.runs) add(backends, backend);
  }
  const Bytes weights = architecture.weight_bytes();
  std::string message = "no engine that is known here runs on " + join(names, " + ") + " (" + (backends.empty() ? std::string("no backend is known") : join(backends, ", ")) + "). Of memory alone: " +
                        print_gib(weights) + (weights <= memory ? " of weights fit in " : " of weights do not fit in ") + print_gib(memory);
  if (const std::string known = what_is_known(rig, refusal); !known.empty()) message += ". What is known: " + known;
  return Error{ErrorKind::infeasible, std::move(message), Where{"--on"}, "engine"};
}

}  // namespace rigcast::placement
