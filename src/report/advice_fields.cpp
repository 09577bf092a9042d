#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/recipe.hpp"
#include "report/detail/advice.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

// What changes, and what it gives; the question with it.
struct Change { Phrase text; app::PlanRequest question; const char* kind; };

Change change_of(const app::PlanAnswer& answer, const app::Remedy& remedy) {
  using Kind = app::Remedy::Kind;
  app::PlanRequest other = answer.request;
  if (!remedy.flags.empty()) other.placement.flags = remedy.flags;
  const std::string format = to_upper(remedy.value);   // as headlines write it
  const auto speed = [&] { return print(Number{remedy.decode, Unit::token_rate}); };
  switch (remedy.kind) {
    case Kind::context:
      if (remedy.flags.empty()) other.placement.context = parse_int(remedy.value).value_or(0);
      return {fill("a context of {0} fits:"_say, {format_grouped(parse_int(remedy.value).value_or(0))}), std::move(other), "context"};
    case Kind::cache:
      return {remedy.decode > 0 ? fill("keys and values in {0}: {1}"_say, {remedy.value, speed()}) : fill("fits with keys and values in {0}:"_say, {remedy.value}), std::move(other), "cache"};
    case Kind::share:
      other.rig = remedy.rig;
      return {fill("fits where the GPU is let take {0} GiB of the memory:"_say, {remedy.value}), std::move(other), "share"};
    case Kind::offload:
      other.placement.context = remedy.context;
      return {fill("fits with {0} of each device's weights in host memory, context {2}, but slowly: {1}"_say, {print_gib(remedy.weights), speed(), format_grouped(remedy.context)}), std::move(other), "offload"};
    case Kind::layers: return {fill("fits with {0} layers on the devices: {1}"_say, {remedy.value, speed()}), std::move(other), "layers"};
    case Kind::experts: return {fill("fits with the experts of {0} layers on the host: {1}"_say, {remedy.value, speed()}), std::move(other), "experts"};
    case Kind::engine:
      other.placement.engine = remedy.engine;
      other.model = remedy.model;
      if (remedy.streams > 0)
        return {fill("another engine, {0}, runs {4} streams at a time here, as {1}: {2} in all, context {3}"_say, {remedy.value, model::shown_format(remedy.quant), speed(), format_grouped(remedy.context), format_grouped(remedy.streams)}), std::move(other), "engine"};
      return {fill("another engine, {0}, runs it here as {1}: {2}, context {3}"_say, {remedy.value, model::shown_format(remedy.quant), speed(), format_grouped(remedy.context)}), std::move(other), "engine"};
    case Kind::backend:
      other.placement.backend = remedy.value;
      return {fill("on {0} instead of {1}: {2}"_say, {remedy.value, answer.placement.backend, speed()}), std::move(other), "backend"};
    case Kind::quant: break;
  }
  other.model = remedy.model;
  return {remedy.decode > 0 ? fill("as {0} ({1} of weights): {2}, context {3}"_say, {format, print_gib(remedy.weights), speed(), format_grouped(remedy.context)})
                            : fill("fits as {0} ({1} of weights):"_say, {format, print_gib(remedy.weights)}),
          std::move(other), "quant"};
}

}  // namespace

Sentences what_is_faster(const app::PlanAnswer& answer) {
  Sentences all;
  for (const app::Remedy& remedy : answer.remedies)
    if (answer.placement.fits && remedy.decode > 0) all.push_back(change_of(answer, remedy).text);
  return all;
}

Section remedies(const app::PlanAnswer& answer) {
  Rows rows;
  for (const app::Remedy& remedy : answer.remedies) {
    Change change = change_of(answer, remedy);
    rows.push_back({machine("kind", change.kind), machine("value", remedy.value), machine("flags", remedy.flags), machine("engine", remedy.engine),
                    machine("decode", remedy.decode > 0 ? Value(Number{remedy.decode, Unit::token_rate}) : Value(std::monostate{})),
                    machine("context", remedy.context > 0 ? Value(remedy.context) : Value(std::monostate{})),
                    machine("streams", remedy.streams > 0 ? Value(remedy.streams) : Value(std::monostate{})),
                    {"text", {}, std::move(change.text), Show::sentence}, {"command", {}, command("plan", change.question), Show::code}});
  }
  return {answer.placement.fits ? "What would decode faster"_say : "What would fit"_say, {list_field("remedies", std::move(rows), Show::bullets)}};
}

namespace {

// What an upgrade is, and how fast then.
Phrase upgrade_phrase(const app::Upgrade& upgrade) {
  using Kind = app::Upgrade::Kind;
  Phrase speed = print(Number{upgrade.decode, Unit::token_rate});
  switch (upgrade.kind) {
    case Kind::card:
      if (!upgrade.quant.empty()) return fill("{0} more {1}, as {3}: {2}"_say, {std::to_string(upgrade.cards), upgrade.device, std::move(speed), model::shown_format(upgrade.quant)});
      return fill("{0} more {1}: {2}"_say, {std::to_string(upgrade.cards), upgrade.device, std::move(speed)});
    case Kind::memory: return fill("{0} of host memory: {1}"_say, {print_gib(upgrade.memory), std::move(speed)});
    case Kind::host: return fill("another host, {1}, with {0} of memory: {2}"_say, {print_gib(upgrade.memory), upgrade.device, std::move(speed)});
    case Kind::hosts:
      if (upgrade.hosts == 1) return fill("a second such host, joined by a network: {0}"_say, {std::move(speed)});
      return fill("{0} more such hosts, joined by a network: {1}"_say, {std::to_string(upgrade.hosts), std::move(speed)});
  }
  return {};
}

const char* kind_of(const app::Upgrade& upgrade) {
  using Kind = app::Upgrade::Kind;
  return upgrade.kind == Kind::card ? "card" : upgrade.kind == Kind::memory ? "memory" : upgrade.kind == Kind::host ? "host" : "hosts";
}

}  // namespace

Section upgrades(const app::PlanAnswer& answer) {
  Rows rows;
  for (const app::Upgrade& upgrade : answer.upgrades) {
    Phrase text = upgrade_phrase(upgrade);
    app::PlanRequest other = answer.request;
    other.rig = upgrade.rig;
    if (!upgrade.model.empty()) other.model = upgrade.model;
    rows.push_back({machine("kind", kind_of(upgrade)), machine("cards", std::int64_t{upgrade.cards}), machine("hosts", std::int64_t{upgrade.hosts}), machine("device", upgrade.device),
                    machine("memory_bytes", Number{upgrade.memory.value(), Unit::bytes}), {"text", {}, std::move(text), Show::sentence},
                    machine("decode", upgrade.decode > 0 ? Value(Number{upgrade.decode, Unit::token_rate}) : Value(std::monostate{})),
                    machine("prefill", upgrade.prefill > 0 ? Value(Number{upgrade.prefill, Unit::token_rate}) : Value(std::monostate{})),
                    machine("rig", upgrade.rig), machine("model", upgrade.model), machine("quant", upgrade.quant), {"command", {}, upgrade.rig.empty() ? std::string() : command("plan", other), upgrade.rig.empty() ? Show::machine : Show::code}});
  }
  return {"What more would bring: decode then"_say, {list_field("upgrades", std::move(rows), Show::bullets)}};
}

}  // namespace rigcast::report
