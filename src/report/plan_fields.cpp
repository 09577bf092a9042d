#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/answers.hpp"
#include "report/detail/advice.hpp"
#include "report/detail/parts.hpp"
#include "report/detail/plan_sections.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

// Sums over all tensors, which are told twice.
struct Totals {
  explicit Totals(const model::Architecture& a) : parameters(a.parameters()), active(a.active_parameters()), weights(a.weight_bytes()) {}
  double parameters, active;
  Bytes weights;
};

Field model_field(const app::PlanAnswer& answer, const Totals& totals) {
  const model::Architecture& a = *answer.architecture;
  return machine("model", Fields{machine("key", a.key), machine("name", a.name), machine("family", a.family),
                                 machine("params", Number{totals.parameters}), machine("params_active", Number{totals.active}),
                                 machine("quant", a.quant), machine("quant_assumed", answer.assumed_quant), machine("weights_bytes", Number{totals.weights.value(), Unit::bytes}),
                                 machine("layers", static_cast<std::int64_t>(a.layers.size())), machine("max_context", a.max_context),
                                 machine("source", a.source)});
}

Phrase model_line(const model::Architecture& a, const Totals& totals) {
  if (a.has_experts())
    return fill("{0} parameters, {1} of them per token, {2} of weights"_say,
                {print_count(totals.parameters), print_count(totals.active), print_gib(totals.weights)});
  return fill("{0} parameters, {1} of weights"_say, {print_count(totals.parameters), print_gib(totals.weights)});
}

Phrase verdict(const app::PlanAnswer& answer) {
  if (!answer.placement.fits) return shortfall(answer);
  if (!answer.speed) return "Fits. How fast cannot be said."_say;
  const cost::Speed& speed = *answer.speed;
  Phrase writes = print(Number{speed.decode.value.p50, Unit::token_rate});
  if (slows_when_full(answer) && answer.whole_streams == answer.at_once) writes = fill("{0} ({1} once the context is full)"_say, {std::move(writes), print(Number{answer.decode_whole->value.p50, Unit::rough})});
  if (answer.at_once > 1)
    writes = fill("{0}, {1} a stream"_say, {std::move(writes), print(Number{speed.decode.value.p50 / static_cast<double>(answer.at_once), Unit::token_rate})});
  if (answer.too_slow)
    return fill("Fits, but nothing here reaches the {0} asked for: writes {1}, reads {2}, first token after {3}."_say,
                {print(Number{answer.request.minimum_speed, Unit::token_rate}), std::move(writes), print(Number{speed.prefill.value.p50, Unit::token_rate}),
                 print(Number{speed.ttft.value.p50, Unit::seconds})});
  return fill("Fits. Writes {0}, reads {1}, first token after {2}."_say,
              {std::move(writes), print(Number{speed.prefill.value.p50, Unit::token_rate}), print(Number{speed.ttft.value.p50, Unit::seconds})});
}

// One context for each stream: slots share it out, caches of their own are as many times as much.
std::string context_words(const app::PlanAnswer& answer) {
  const std::int64_t context = answer.placement.settings.context, count = placement::context_parts(answer.engine, answer.placement.settings);
  if (answer.engine.kv_rule == catalog::KvRule::contiguous && answer.placement.settings.sequences > 1)
    return std::to_string(answer.placement.settings.sequences) + " x " + format_grouped(context);
  return count > 1 ? std::to_string(count) + " x " + format_grouped(context / count) : format_grouped(context);
}

Section summary(const app::PlanAnswer& answer) {
  const placement::Placement& placement = answer.placement;
  const std::string backend = placement.mode == placement::Mode::cpu ? "cpu" : placement.backend;   // whatever the cards would run
  const Phrase how = fill("{0} on {1}, context {2}, {3}"_say, {answer.engine.name, backend, context_words(answer), mode_phrase(answer)});
  const Totals totals(*answer.architecture);
  return {{},
          {people(Show::headline, fill("{0} on {1}"_say, {model_name(*answer.architecture), rig_name(answer.rig)})),
           machine("fits", placement.fits),
           machine("too_slow", answer.too_slow),
           people(placement.fits && !answer.too_slow ? Show::good : Show::bad, verdict(answer)),
           people(Show::sentence, model_line(*answer.architecture, totals)),
           people(Show::sentence, how),
           machine("engine", placement.engine),
           machine("engine_date", answer.request.question.engine_date),
           machine("backend", placement.backend),
           model_field(answer, totals),
           machine("rig", answer.rig.spec),
           machine("context", placement.settings.context),
           machine("context_per_stream", placement.settings.context / placement::context_parts(answer.engine, placement.settings))}};
}

Section flags(const app::PlanAnswer& answer) {
  return {"What your flags do"_say, {list_field("flags", flag_rows(answer.placement.flags), Show::table)}};
}

Section caveats(const app::PlanAnswer& answer) {
  Rows rows;
  const auto add = [&](const std::string& id, std::string text, const std::string& source) {
    std::string_view first = std::string_view(text).substr(0, text.find(' '));
    while (first.ends_with(',') || first.ends_with(':')) first.remove_suffix(1);
    const bool name = std::any_of(first.begin(), first.end(), [](char c) { return c < 'a' || c > 'z'; });   // vLLM, macOS, llama.cpp, vllm-ascend
    if (!name && !text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
    rows.push_back({machine("id", id), {"text", {}, Phrase(std::move(text)), Show::sentence}, {"source", {}, Phrase(source), Show::source}});
  };
  for (const auto& caveat : answer.placement.caveats) add(caveat.id, caveat.text, caveat.source);
  for (const std::string& note : answer.rig.notes) add("rig", note, "");
  for (const std::string& note : answer.notes) add("model", note, "");
  return {"Mind"_say, {list_field("caveats", std::move(rows), Show::warnings)}};
}

// A speed that nobody can say is shown as none; machines are told 0.
void add_speed(Fields& row, const char* id, Phrase label, double rate) {
  const Number number{rate, Unit::token_rate};
  if (rate > 0) return row.push_back({id, std::move(label), number, Show::row});
  row.push_back({{}, std::move(label), Phrase("-"), Show::row});
  row.push_back(machine(id, number));
}

// What another way is better at than the one proposed, where a column of its speeds says that it is.
enum class Better { nothing, short_context, full_context, writing, assumed_host, shorter_context, experimental };

Better better_at(const app::PlanAnswer& answer, const app::Alternative& other) {
  constexpr double kWorthSaying = 1.05;
  if (!answer.speed || other.decode <= 0) return Better::nothing;
  const double now = answer.speed->decode.value.p50, full = answer.decode_whole ? answer.decode_whole->value.p50 : now;
  const bool soon = other.decode > kWorthSaying * now, late = other.full > kWorthSaying * full;
  if (!soon && !late) return Better::nothing;
  if (other.kind.find("experimental") != std::string::npos) return Better::experimental;
  if (!late && other.full < full) return Better::short_context;
  if (!soon && other.decode < now) return Better::full_context;
  if (answer.request.objective == placement::Objective::context) return Better::shorter_context;
  if (other.prefill < answer.speed->prefill.value.p50) return Better::writing;
  return !answer.rig.hosts.empty() && answer.rig.hosts.front().unnamed && other.host > answer.placement.host.total() ? Better::assumed_host : Better::nothing;
}

// Why each way that is faster in a column is not the one proposed: one sentence for each reason.
Sentences faster_when(const app::PlanAnswer& answer) {
  const std::pair<Better, Phrase> reasons[] = {{Better::short_context, "Faster while the context is short: {0}."_say},
                                               {Better::full_context, "Faster once the context is full: {0}."_say},
                                               {Better::writing, "Faster in writing, but slower to read prompts: {0}."_say},
                                               {Better::shorter_context, "Faster, but with room for less context: {0}."_say},
                                               {Better::assumed_host, "Faster, if the host is as assumed: {0}."_say},
                                               {Better::experimental, "Faster, but not proposed, for the engine's authors call it experimental: {0}."_say}};
  Sentences all;
  for (const auto& [reason, text] : reasons) {
    Phrase kinds;
    for (const app::Alternative& other : answer.alternatives)
      if (better_at(answer, other) == reason) kinds = kinds.empty() ? Phrase(other.kind) : fill("{0}, {1}"_say, {std::move(kinds), Phrase(other.kind)});
    if (!kinds.empty()) all.push_back(fill(text, {std::move(kinds)}));
  }
  return all;
}

// The runner-up of each kind, so that what was weighed is visible; of what is impossible only people's kinds with a reason in bytes.
Section other_ways(const app::PlanAnswer& answer) {
  Rows rows, refused;
  for (const app::Alternative& other : answer.alternatives) {
    Fields row;
    const bool elsewhere = other.backend != answer.placement.backend && other.kind != other.backend && other.kind != "processor";
    row.push_back(machine("kind", Phrase(other.kind)));
    row.push_back({{}, ""_say, elsewhere ? fill("{0}, {1}"_say, {Phrase(other.kind), other.backend}) : Phrase(other.kind), Show::row});
    row.push_back(machine("backend", other.backend));
    add_speed(row, "decode", "decode"_say, other.decode);
    add_speed(row, "decode_full", "context full"_say, other.full);
    add_speed(row, "prefill", "prefill"_say, other.prefill);
    row.push_back({"host_bytes", "host memory"_say, Number{other.host.value(), Unit::bytes}, Show::row});
    row.push_back(machine("launch", other.launch));
    rows.push_back(std::move(row));
  }
  for (const placement::Rejected& rejected : answer.rejected)
    refused.push_back({machine("kind", Phrase(rejected.kind)), machine("why", Phrase(rejected.why)),
                       machine("missing_bytes", Number{rejected.missing.value(), Unit::bytes}),
                       people(Show::sentence, rejected.missing > Bytes{} ? fill(answer.rig.devices.size() > 1 && rejected.kind != "one device" && rejected.kind != "processor" ? "{0}: short of {1} in all"_say : "{0}: short of {1}"_say, {Phrase(rejected.kind), print_gib(rejected.missing)})
                                                                          : fill("{0}: {1}"_say, {Phrase(rejected.kind), Phrase(rejected.why)}))});
  Section section{"Other ways"_say, {list_field("alternatives", std::move(rows), Show::table)}};
  Sentences faster = faster_when(answer);
  section.fields.push_back(machine("faster_when", faster));
  for (Phrase& one : faster) section.fields.push_back(people(Show::sentence, std::move(one)));
  section.fields.push_back(list_field("rejected", std::move(refused), Show::bullets));
  return section;
}

Section next_steps(const app::PlanAnswer& answer) {
  Section section{"Next"_say, {}};
  if (answer.speed) section.fields.push_back(people(Show::code, command("explain", answer.request)));
  if (!answer.rig.devices.empty()) section.fields.push_back(people(Show::code, "rigcast show " + answer.rig.devices.front().device.key));
  return section;
}

}  // namespace

Report fields(const app::PlanAnswer& answer) {
  Report report;
  for (const auto section : {summary, memory_section, speed_section, launch_section, flags, other_ways, caveats, remedies, upgrades, confidence_section, next_steps}) report.sections.push_back(section(answer));
  return report;
}

}  // namespace rigcast::report
