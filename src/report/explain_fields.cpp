#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "base/units.hpp"
#include "model/recipe.hpp"
#include "report/answers.hpp"
#include "report/detail/parts.hpp"
#include "report/print.hpp"

namespace rigcast::report {
namespace {

Field tell(Phrase sentence) { return people(Show::sentence, std::move(sentence)); }

Section the_model(const app::PlanAnswer& answer) {
  const model::Architecture& a = *answer.architecture;
  const double bits = a.weight_bytes().value() * 8 / std::max(a.parameters(), 1.0);
  Section section{"1. The model"_say, {}};
  section.fields.push_back(tell(fill("{0} has {1} parameters in {2} layers. Stored as {3} a parameter takes {4} bits on average, so the weights are {5}."_say,
                                     {a.name, print_count(a.parameters()), std::to_string(a.layers.size()), model::shown_format(a.quant), format_number(bits, 2), print_gib(a.weight_bytes())})));
  if (a.has_experts())
    section.fields.push_back(tell(fill("It is a mixture of experts: a router picks a few of them for each token, so only {0} parameters work on one token. All of them must still be in memory."_say,
                                       {print_count(a.active_parameters())})));
  return section;
}

// Tokens and bytes of the whole cache: a served engine's pool, and the caches of all streams, are more than one context.
Phrase cache_line(const app::PlanAnswer& answer, Bytes cache) {
  const placement::Placement& p = answer.placement;
  const std::int64_t tokens = std::max<std::int64_t>(p.kv_tokens > 0 ? p.kv_tokens : p.settings.context, 1);
  const std::vector<Phrase> words = {format_grouped(tokens), print_gib(cache), print_gib(cache / static_cast<double>(tokens))};
  if (answer.engine.kv_rule == catalog::KvRule::paged)
    return fill("KV cache: what the model remembers of every earlier token, so that it need not read them again. The engine keeps a pool for all requests together, of {0} tokens: {1}, which is {2} a token."_say, words);
  if (p.settings.sequences > 1)
    return fill("KV cache: what the model remembers of every earlier token, so that it need not read them again. For {0} tokens over all streams: {1}, which is {2} a token."_say, words);
  return fill("KV cache: what the model remembers of every earlier token, so that it need not read them again. For a context of {0} tokens: {1}, which is {2} a token."_say, words);
}

Section the_memory(const app::PlanAnswer& answer) {
  const placement::Placement& p = answer.placement;
  placement::Memory sum = p.host;
  for (const auto& share : p.devices) {
    sum.weights += share.memory.weights;
    sum.kv += share.memory.kv;
    sum.state += share.memory.state;
    sum.compute += share.memory.compute;
    sum.footprint += share.memory.footprint;
  }
  Section section{"2. The memory"_say, {tell(fill("Weights: {0} in all, laid out as the engine does it."_say, {print_gib(sum.weights)}))}};
  if (sum.kv > Bytes{}) section.fields.push_back(tell(cache_line(answer, sum.kv)));
  if (sum.state > Bytes{})
    section.fields.push_back(tell(fill("Recurrent state: {0}, whatever the context."_say, {print_gib(sum.state)})));
  section.fields.push_back(tell(fill("Compute buffers (intermediate results of one batch): {0}. Runtime (what the driver and its libraries take): {1}."_say,
                                     {print_gib(sum.compute), print_gib(sum.footprint)})));
  if (p.fits) section.fields.push_back(tell("Every memory holds its part: it fits."_say));
  else section.fields.push_back(people(Show::bad, shortfall(answer)));
  return section;
}

// Terms of one name at one place and peak told as one: what they are made of (formats, kernels) is in the JSON.
std::vector<cost::Term> merged(const std::vector<cost::Term>& terms) {
  std::vector<cost::Term> out;
  for (const cost::Term& term : terms) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const cost::Term& one) {
      return one.name == term.name && one.where == term.where && one.rate == term.rate && one.amount_unit == term.amount_unit && one.bound_by_compute == term.bound_by_compute;
    });
    if (same == out.end()) {
      out.push_back(term);
      continue;
    }
    const double alone = same->amount / same->efficiency + term.amount / term.efficiency;   // of the peak's seconds
    same->amount += term.amount;
    same->time += term.time;
    if (has_rate(*same)) same->efficiency = is_hidden(*same) ? same->amount / alone : same->amount / (same->rate * same->time.value());
  }
  return out;
}

// "device 0" of "device 0: GeForce RTX 3090": the headline has the names.
Phrase place_of(const cost::Term& term) {
  if (term.where == "host") return "the host"_say;
  if (term.where == "links") return "the links"_say;
  if (term.where == "network") return "the network"_say;
  const std::string device = term.where.substr(0, term.where.find(':'));
  return device.starts_with("device ") ? fill("device {0}"_say, {device.substr(7)}) : Phrase(device);
}

// "1,152 kernels"
Phrase count_of(const cost::Term& term) {
  const std::string count = format_grouped(std::llround(term.amount));
  for (const auto& [unit, told] : {std::pair("kernels", "{0} kernels"_say), {"operations", "{0} operations"_say}, {"steps", "{0} steps"_say}, {"sequences", "{0} sequences"_say}, {"messages", "{0} messages"_say}, {"passes", "{0} passes"_say}})
    if (term.amount_unit == unit) return fill(told, {count});
  return count + ' ' + term.amount_unit;
}

Fields term_row(const cost::Term& term) {
  const bool flops = term.amount_unit == "flop";
  const Phrase count = term.amount > 1 ? count_of(term) : Phrase();
  constexpr double kTera = 1e12;
  const std::string work = term.amount < kTera ? format_significant(term.amount / 1e9, 4) + " Gflop" : format_significant(term.amount / kTera, 4) + " Tflop";
  const Phrase amount = !has_rate(term) ? count : flops ? Phrase(work) : Phrase(print_gib(Bytes(term.amount)));
  const std::string rate = !has_rate(term) ? "" : flops ? print_flop_rate(FlopRate(term.rate)) : print_bandwidth(Bandwidth(term.rate));
  return {{{}, "what"_say, term_name(term.name, term.bound_by_compute)},
          {{}, "where"_say, place_of(term)},
          {{}, "amount"_say, amount},
          {{}, "at most"_say, rate},
          {{}, "reached"_say, is_hidden(term) ? "hidden"_say : Phrase(has_rate(term) ? format_number(term.efficiency * 100, 0) + " %" : std::string())},
          {{}, "time"_say, print_seconds(term.time)}};
}

Seconds total_time(const cost::Estimate& estimate) {
  Seconds total{};
  for (const cost::Term& term : estimate.derivation) total += term.time;
  return total;
}

// What would be less than a thousandth of all, even if nothing hid it.
bool is_noise(const cost::Term& term, Seconds total) {
  const double alone = has_rate(term) ? term.amount / (term.rate * term.efficiency) : 0;
  return std::max(alone, term.time.value()) < 1e-3 * total.value();
}

// The table of a phase, and what must be said of it.
void tell_terms(Section& section, const cost::Estimate& estimate) {
  std::vector<cost::Term> terms = merged(estimate.derivation);
  const std::size_t all = terms.size();
  std::erase_if(terms, [total = total_time(estimate)](const cost::Term& term) { return is_noise(term, total); });
  Rows rows;
  for (const cost::Term& term : terms) rows.push_back(term_row(term));
  section.fields.push_back(list_field({}, std::move(rows), Show::table));
  if (std::any_of(terms.begin(), terms.end(), is_hidden))
    section.fields.push_back(tell("Hidden: it takes place while other work goes on, and the time is only what it adds."_say));
  if (terms.size() < all) section.fields.push_back(tell("What takes less than a thousandth of the time is left out."_say));
}

Phrase interval_sentence(const cost::Estimate& estimate, Unit unit) {
  return fill("In 8 of 10 cases the truth lies between {0} and {1}."_say,
              {print(Number{estimate.value.p10, unit}), print(Number{estimate.value.p90, unit})});
}

Section decode(const app::PlanAnswer& answer) {
  const cost::Estimate& decode = answer.speed->decode;
  Section section{"3. Decode: writing the answer"_say, {}};
  const bool drafts = app::counts_drafts(answer);
  section.fields.push_back(tell(drafts ? "A model writes one token at a time; with drafts a step reads every weight once for several tokens, which it verifies together. \"Reached\" is the share of the data sheet's figure that measurements of such machines show."_say
                                       : "A model writes one token at a time, and for each it must fetch every weight that works on the token, and the cache of all earlier tokens, from memory. Speed is therefore mostly bandwidth divided by bytes. \"Reached\" is the share of the data sheet's figure that measurements of such machines show."_say));
  tell_terms(section, decode);
  const double together = static_cast<double>(std::max<std::int64_t>(answer.at_once, 1));
  if (drafts) section.fields.push_back(tell(drafts_sentence(*answer.drafting, answer.request.question.acceptance > 0)));
  section.fields.push_back(tell(fill("Together {0} per step, so {1}."_say, {print_seconds(total_time(decode)), print(Number{decode.value.p50, Unit::token_rate})})));
  if (together > 1 && drafts) section.fields.push_back(tell(fill("A step writes {1} tokens in the mean for each of {0} streams."_say, {format_number(together, 0), format_number(answer.drafting->drafts.kept, 1)})));
  else if (together > 1) section.fields.push_back(tell(fill("A step writes one token for each of {0} streams."_say, {format_number(together, 0)})));
  section.fields.push_back(tell(interval_sentence(decode, Unit::token_rate)));
  return section;
}

Section prefill(const app::PlanAnswer& answer) {
  const cost::Speed& speed = *answer.speed;
  Section section{"4. Prefill: reading the prompt"_say, {}};
  section.fields.push_back(tell("The prompt is read many tokens at once: the weights are fetched once for all of them, so arithmetic decides here, not bandwidth."_say));
  tell_terms(section, speed.prefill);
  section.fields.push_back(tell(fill("That is {0} for {1} tokens; the first token of the answer comes after {2}."_say,
                                     {print(Number{speed.prefill.value.p50, Unit::token_rate}), format_grouped(answer.request.question.prompt),
                                      print(Number{speed.ttft.value.p50, Unit::seconds})})));
  section.fields.push_back(tell(interval_sentence(speed.prefill, Unit::token_rate)));
  return section;
}

Section launch_line(const app::PlanAnswer& answer) {
  Section section = launch_section(answer);
  section.title = "5. The launch line"_say;
  std::erase_if(section.fields, [](const Field& field) { return field.show == Show::machine; });
  section.fields.push_back(list_field({}, flag_rows(answer.launch.flags), Show::table));
  return section;
}

Section sureness(const app::PlanAnswer& answer) {
  const cost::Estimate& decode = answer.speed->decode;
  Section section{"6. How sure"_say, {tell(fill("{0}: {1}."_say, {grade_name(decode.grade), grade_meaning(decode.grade)}))}};
  for (const auto& [own, phase] : {std::pair(&answer.own.decode, "decode"_say), std::pair(&answer.own.prefill, "prefill"_say)})
    if (own->rows > 0)
      section.fields.push_back(tell(fill("{0}: you measured {1} rows on this machine yourself. In the mean they say {2}x of what this estimator says without them. As {1} rows are not all there could be, {3}x of that is believed, and the range becomes {4} times as wide."_say,
                                         {phase, std::to_string(own->rows), format_number(own->says, 2), format_number(own->applied, 2), format_number(own->narrowing, 2)})));
  if (!decode.evidence.empty()) section.fields.push_back(tell("The nearest measurements, and what this estimator says for each:"_say));
  section.fields.push_back(list_field({}, evidence_rows(decode), Show::bullets));
  return section;
}

}  // namespace

Report explain_fields(const app::PlanAnswer& answer) {
  Report report{{{{}, {people(Show::headline, fill("{0} on {1}, step by step"_say, {model_name(*answer.architecture), rig_name(answer.rig)}))}},
                 the_model(answer), the_memory(answer)}};
  if (answer.speed) {
    report.sections.push_back(decode(answer));
    report.sections.push_back(prefill(answer));
    report.sections.push_back(launch_line(answer));
    report.sections.push_back(sureness(answer));
  } else if (answer.placement.fits) {
    report.sections.push_back({"3. The speed"_say, {tell(fill("Cannot be said: {0}."_say, {answer.no_speed.message}))}});
  }
  Report numbers = fields(answer);   // programs get the plan's own fields
  for (Section& section : numbers.sections) {
    std::erase_if(section.fields, [](const Field& field) { return field.id.empty(); });
    for (Field& field : section.fields) field.show = Show::machine;
    report.sections.push_back({{}, std::move(section.fields)});
  }
  return report;
}

}  // namespace rigcast::report
